/* search.c - filters, candidates, ranking and rendering put together. */
#include "search/search.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/vec.h"
#include "index/segment/words.h"
#include "search/lexical.h"
#include "search/rank.h"
#include "search/regex.h"
#include "search/render.h"

#define LIMIT_DEFAULT 10
#define CANDIDATES    500 /* put in order whatever the limit, which must not change it */

/* ---- filters ---- */

static bool matches_patterns(cm_str_list patterns, cm_str path) {
    bool any_positive = false, hit = false;
    for (size_t i = 0; i < patterns.count; i++) {
        cm_str pattern = patterns.items[i];
        bool negative = cm_str_starts(pattern, CM_STR("!"));
        if (negative) {
            pattern = cm_str_from_offset(pattern, 1);
        }
        bool by_name = cm_str_find_char(pattern, '/') == SIZE_MAX;
        bool matched = cm_path_glob(pattern, by_name ? cm_path_base(path) : path);
        if (negative && matched) {
            return false;
        }
        any_positive = any_positive || !negative;
        hit = hit || (!negative && matched);
    }
    return hit || !any_positive;
}

static bool matches_language(cm_str_list languages, cm_str language) {
    for (size_t i = 0; i < languages.count; i++) {
        if (cm_str_eq_nocase(languages.items[i], language)) {
            return true;
        }
    }
    return languages.count == 0;
}

bool cm_search_allows(const cm_search_query *query, const cm_index_document *document) {
    return cm_document_has_text(document) &&
           matches_language(query->languages, document->language) &&
           matches_patterns(query->file_patterns, document->path) &&
           !(query->exclude_path.len > 0 && cm_str_eq(query->exclude_path, document->path));
}

static bool has_kind(const cm_snapshot *snapshot, const cm_index_document *document,
                     const cm_index_chunk *chunk, uint32_t kinds) {
    for (uint32_t i = 0; i < document->symbol_count; i++) {
        cm_index_symbol s;
        if (cm_snapshot_symbol(snapshot, document->first_symbol + i, &s) &&
            s.start_byte >= chunk->start_byte && s.start_byte < chunk->end_byte &&
            (kinds >> s.kind & 1)) {
            return true;
        }
    }
    return false;
}

typedef struct filter {
    const cm_snapshot *snapshot;
    const cm_search_query *query;
} filter;

static bool filter_chunk(void *argument, uint32_t id) {
    const filter *f = argument;
    cm_index_chunk chunk;
    cm_index_document document;
    if (!cm_snapshot_chunk(f->snapshot, id, &chunk) ||
        !cm_snapshot_document(f->snapshot, chunk.document, &document) ||
        !cm_search_allows(f->query, &document)) {
        return false;
    }
    return f->query->symbol_kinds == 0 ||
           has_kind(f->snapshot, &document, &chunk, f->query->symbol_kinds);
}

static bool is_filtered(const cm_search_query *query) {
    return query->languages.count > 0 || query->file_patterns.count > 0 ||
           query->symbol_kinds != 0 || query->exclude_path.len > 0;
}

/* ---- candidates ---- */

/* Chunks that define the name asked for, whatever their words score. */
static size_t add_definitions(const cm_snapshot *snapshot, const cm_search_query *query,
                              cm_ranked *ranked, size_t count, size_t max) {
    uint32_t symbols[64];
    cm_str name = cm_str_trim(query->text);
    for (size_t i = name.len; i-- > 0;) {
        if (!cm_is_word(name.ptr[i])) {
            name = cm_str_from_offset(name, i + 1);
            break;
        }
    }
    size_t found = cm_snapshot_definitions(snapshot, name, symbols, CM_COUNT(symbols));
    filter f = {snapshot, query};
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(symbols)) && count < max; i++) {
        uint32_t chunk = cm_search_chunk_of(snapshot, symbols[i]);
        bool known = chunk == CM_ID_NONE || !filter_chunk(&f, chunk);
        for (size_t r = 0; r < count && !known; r++) {
            known = ranked[r].chunk == chunk;
        }
        if (!known) {
            ranked[count++] = (cm_ranked){.chunk = chunk, .symbol = symbols[i]};
        }
    }
    return count;
}

static cm_rc run_lexical(const cm_snapshot *snapshot, const cm_search_query *query, uint32_t limit,
                         uint64_t deadline_ns, cm_arena *arena, cm_search_result *result,
                         cm_err *err) {
    filter f = {snapshot, query};
    cm_lexical_query lexical_query = {
        .text = query->text,
        .candidates = CANDIDATES,
        .allowed = is_filtered(query) ? filter_chunk : NULL,
        .argument = &f,
        .deadline_ns = deadline_ns,
        .cancel = query->cancel,
    };
    cm_lexical_result lexical;
    cm_rc rc = cm_lexical_run(snapshot, &lexical_query, arena, &lexical, err);
    if (rc != CM_OK) {
        return rc;
    }
    size_t max = lexical.count + 64;
    cm_ranked *ranked = CM_ARENA_ARRAY(arena, cm_ranked, max);
    if (!ranked) {
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    }
    for (size_t i = 0; i < lexical.count; i++) {
        ranked[i] =
            (cm_ranked){.chunk = lexical.candidates[i].chunk, .bm25 = lexical.candidates[i].score};
    }
    size_t count = lexical.count;
    if (cm_rank_is_symbol(query->text)) {
        count = add_definitions(snapshot, query, ranked, count, max);
    }
    cm_rank_run(snapshot, query->text, query->near_path, &lexical, ranked, count);
    result->truncated = lexical.truncated || count > limit;
    return cm_search_render(snapshot, query, &lexical, ranked, count, limit, arena, result, err);
}

cm_rc cm_search_run(const cm_snapshot *snapshot, const cm_search_query *query, cm_arena *arena,
                    cm_search_result *ret_result, cm_err *err) {
    uint64_t start = cm_clock_ns();
    if (query->text.len > CM_QUERY_BYTES_MAX) {
        return cm_fail(err, CM_LIMIT, "query of %zu bytes is longer than %d", query->text.len,
                       CM_QUERY_BYTES_MAX);
    }
    uint32_t limit = query->limit ? CM_MIN(query->limit, CM_SEARCH_LIMIT_MAX) : LIMIT_DEFAULT;
    uint64_t deadline_ns = query->deadline_ms ? start + (uint64_t)query->deadline_ms * 1000000 : 0;
    cm_search_result result = {.generation = cm_snapshot_generation(snapshot)};
    cm_rc rc = query->regex
                   ? cm_search_regex(snapshot, query, limit, deadline_ns, arena, &result, err)
                   : run_lexical(snapshot, query, limit, deadline_ns, arena, &result, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (query->type != CM_SEARCH_LEXICAL && !query->regex) {
        result.degraded = "no embedding model";
    }
    result.took_us = (cm_clock_ns() - start) / 1000;
    *ret_result = result;
    return CM_OK;
}
