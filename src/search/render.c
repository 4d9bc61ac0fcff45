/* render.c - positions and highlights of the hits of one page; a document is decompressed once. */
#include "search/render.h"

#include "base/vec.h"
#include "index/segment/words.h"

#define CONTEXT_MAX 50

uint32_t cm_search_chunk_of(const cm_snapshot *snapshot, uint32_t symbol) {
    cm_index_symbol s;
    cm_index_document d;
    cm_index_chunk c;
    if (!cm_snapshot_symbol(snapshot, symbol, &s) ||
        !cm_snapshot_document(snapshot, s.document, &d)) {
        return CM_ID_NONE;
    }
    uint32_t low = 0, high = d.chunk_count; /* the last chunk that starts at or before the symbol */
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (cm_snapshot_chunk(snapshot, d.first_chunk + middle, &c) &&
            c.start_byte <= s.start_byte) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return d.chunk_count > 0 ? d.first_chunk + low : CM_ID_NONE;
}

cm_str cm_search_cut(cm_str text, uint32_t first, uint32_t last, uint32_t context,
                     uint32_t *ret_first, uint32_t *ret_last) {
    uint32_t from = first > context ? first - context : 1;
    uint64_t to = (uint64_t)last + context;
    cm_str rest = text, line;
    size_t start = text.len, end = text.len;
    uint32_t number = 1;
    while (number <= to) {
        size_t at = text.len - rest.len;
        if (number == from) {
            start = at;
        }
        if (!cm_str_line(&rest, &line)) {
            break;
        }
        end = text.len - rest.len;
        number++;
    }
    *ret_first = from;
    *ret_last = number > from ? number - 1 : from;
    return cm_str_sub(text, start, end > start ? end - start : 0);
}

/* ---- highlights ---- */

typedef struct highlighter {
    const cm_lexical_result *lexical;
    cm_range *ranges;
    size_t count;
    cm_str text;
    uint32_t line; /* 0-based, of `at` */
    size_t line_start, at;
} highlighter;

static cm_position position_at(highlighter *h, size_t offset) {
    for (; h->at < offset; h->at++) {
        if (h->text.ptr[h->at] == '\n') {
            h->line++;
            h->line_start = h->at + 1;
        }
    }
    cm_str before = cm_str_sub(h->text, h->line_start, offset - h->line_start);
    return (cm_position){h->line, (uint32_t)cm_utf8_count(before, CM_UTF16)};
}

static void highlight_word(void *argument, cm_str word, size_t start, size_t len) {
    highlighter *h = argument;
    if (h->count == CM_SEARCH_HIGHLIGHTS_MAX) {
        return;
    }
    for (size_t i = 0; i < h->lexical->word_count; i++) {
        if (!cm_str_eq(h->lexical->words[i].text, word)) {
            continue;
        }
        if (start < h->at) {
            return; /* the whole identifier comes after its parts, which are marked already */
        }
        cm_position from = position_at(h, start);
        cm_position to = from;
        to.character += (uint32_t)cm_utf8_count(cm_str_sub(h->text, start, len), CM_UTF16);
        h->ranges[h->count++] = (cm_range){from, to};
        return;
    }
}

/* ---- hits ---- */

/* Texts of documents already decompressed: several hits often lie in one file. */
typedef struct text_cache {
    uint32_t document;
    cm_str text;
} text_cache;

static cm_rc document_text(const cm_snapshot *snapshot, text_cache *cache, size_t *cached,
                           uint32_t document, cm_arena *arena, cm_str *ret_text, cm_err *err) {
    for (size_t i = 0; i < *cached; i++) {
        if (cache[i].document == document) {
            *ret_text = cache[i].text;
            return CM_OK;
        }
    }
    cm_rc rc = cm_snapshot_text(snapshot, document, arena, ret_text, err);
    if (rc == CM_OK) {
        cache[(*cached)++] = (text_cache){document, *ret_text};
    }
    return rc;
}

/* `most`: the relevance of the hit before, which no later one exceeds. */
static void fill_scores(cm_search_hit *hit, const cm_ranked *r, double best_possible, double most) {
    hit->scores.bm25 = r->bm25;
    hit->match_type = r->is_definition ? CM_MATCH_SYMBOL : CM_MATCH_LEXICAL;
    double share = best_possible > 0 ? r->score / best_possible : 0;
    if (r->is_definition && share < 0.5) {
        share = 0.5 + share / 2;
    }
    hit->relevance_score = CM_MIN(share, most);
}

cm_rc cm_search_render(const cm_snapshot *snapshot, const cm_search_query *query,
                       const cm_lexical_result *lexical, const cm_ranked *ranked, size_t count,
                       uint32_t limit, cm_arena *arena, cm_search_result *result, cm_err *err) {
    cm_search_hit *hits = CM_ARENA_ARRAY(arena, cm_search_hit, (size_t)limit + 1);
    text_cache *cache = CM_ARENA_ARRAY(arena, text_cache, (size_t)limit + 1);
    size_t n = 0, cached = 0;
    double most = 1;
    if (!hits || !cache) {
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    }
    for (size_t i = 0; i < count && n < limit; i++) {
        cm_search_hit *hit = &hits[n];
        cm_index_chunk chunk;
        cm_str text;
        fill_scores(hit, &ranked[i], lexical->best_possible, most);
        most = hit->relevance_score;
        if (hit->relevance_score < query->min_score ||
            !cm_snapshot_chunk(snapshot, ranked[i].chunk, &chunk) ||
            !cm_snapshot_document(snapshot, chunk.document, &hit->document)) {
            continue;
        }
        cm_rc rc = document_text(snapshot, cache, &cached, chunk.document, arena, &text, err);
        if (rc == CM_CORRUPT) {
            continue; /* the job that repairs the segment brings it back */
        }
        if (rc != CM_OK) {
            return rc;
        }
        hit->chunk = chunk.id;
        if (!cm_snapshot_symbol(snapshot, ranked[i].symbol, &hit->symbol)) {
            hit->symbol = (cm_index_symbol){.id = CM_ID_NONE};
        }
        hit->content = cm_search_cut(text, chunk.start_line, chunk.end_line,
                                     CM_MIN(query->context_lines, CONTEXT_MAX), &hit->start_line,
                                     &hit->end_line);
        highlighter h = {.lexical = lexical,
                         .ranges = CM_ARENA_ARRAY(arena, cm_range, CM_SEARCH_HIGHLIGHTS_MAX),
                         .text = hit->content,
                         .line = hit->start_line - 1};
        if (h.ranges) {
            cm_words_split(hit->content, highlight_word, &h);
        }
        hit->highlights = h.ranges;
        hit->highlight_count = h.count;
        n++;
    }
    result->hits = hits;
    result->count = n;
    return CM_OK;
}
