/* outline.c - scoring symbols by the rank of their file, choosing what fits, and printing it in order of place. */
#include "search/outline.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "index/graph/graph.h"

#include <math.h>

#define TOKENS_DEFAULT   2000
#define TOKENS_LEAST     200
#define TOKENS_MAX       16000
#define TOKEN_BYTES      4
#define FILES_CONSIDERED 150
#define SIGNATURE_MAX    120
#define MENTIONED_FACTOR 10.0
#define TEST_FACTOR      0.2
#define OUTLINED_KINDS                                                           \
    (1u << CM_SYMBOL_FUNCTION | 1u << CM_SYMBOL_METHOD | 1u << CM_SYMBOL_CLASS | \
     1u << CM_SYMBOL_INTERFACE | 1u << CM_SYMBOL_STRUCT | 1u << CM_SYMBOL_ENUM | \
     1u << CM_SYMBOL_TYPE | 1u << CM_SYMBOL_MODULE | 1u << CM_SYMBOL_MACRO)

typedef struct entry {
    uint32_t symbol;
    uint32_t file; /* index into the ranked files */
    uint32_t line;
    double score;
} entry;

typedef struct outliner {
    const cm_snapshot *snapshot;
    const cm_outline_query *query;
    CM_VEC(cm_graph_near) files; /* best first */
    CM_VEC(entry) entries;
} outliner;

static int file_cmp(const void *left, const void *right) {
    const cm_graph_near *a = left, *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->document > b->document) - (a->document < b->document);
}

static int entry_cmp(const void *left, const void *right) {
    const entry *a = left, *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->symbol > b->symbol) - (a->symbol < b->symbol);
}

static int place_cmp(const void *left, const void *right) {
    const entry *a = left, *b = right;
    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1;
    }
    return a->line != b->line ? (a->line > b->line) - (a->line < b->line)
                              : (a->symbol > b->symbol) - (a->symbol < b->symbol);
}

/* Rank from the whole graph, and nine times as much from the focus. */
static cm_rc rank_files(outliner *o, cm_arena *arena, cm_err *err) {
    const cm_graph *graph;
    cm_rc rc = cm_snapshot_graph(o->snapshot, o->query->cancel, &graph, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_map64 *near_scores = cm_map64_new(0);
    CM_VEC(uint32_t) focus = {0};
    cm_index_document d;
    bool ok = true;
    for (size_t i = 0; i < o->query->focus.count; i++) {
        if (cm_snapshot_find_document(o->snapshot, o->query->focus.items[i], &d)) {
            ok = ok && cm_vec_push(&focus, d.id);
        }
    }
    const cm_graph_near *near = NULL;
    size_t count = 0;
    if (focus.count > 0) {
        rc = cm_graph_push(graph, focus.items, focus.count, arena, &near, &count, err);
    }
    for (size_t i = 0; ok && i < count; i++) {
        ok = cm_map64_put(near_scores, near[i].document, i);
    }
    for (uint32_t cursor = 0; ok && cm_snapshot_next_document(o->snapshot, &cursor, &d);) {
        uint64_t at;
        double score = cm_graph_rank(graph, d.id);
        if (!cm_document_has_text(&d) || d.symbol_count == 0) {
            continue;
        }
        if (cm_map64_get(near_scores, d.id, &at)) {
            score += 9 * near[at].score;
        }
        if (d.is_test || d.is_vendored) {
            score *= TEST_FACTOR;
        }
        ok = cm_vec_push(&o->files, (cm_graph_near){d.id, score});
    }
    cm_map64_free(near_scores);
    cm_vec_done(&focus);
    if (rc == CM_OK && !ok) {
        rc = cm_fail(err, CM_NOMEM, "out of memory mapping a repository");
    }
    if (o->files.count > 1) {
        qsort(o->files.items, o->files.count, sizeof(cm_graph_near), file_cmp);
    }
    o->files.count = CM_MIN(o->files.count, (size_t)FILES_CONSIDERED);
    return rc;
}

static double symbol_score(const outliner *o, const cm_index_symbol *s, double rank) {
    double score = rank * (1 + log1p((double)cm_snapshot_reference_count(o->snapshot, s->name)));
    for (size_t i = 0; i < o->query->mentioned.count; i++) {
        if (cm_str_eq(o->query->mentioned.items[i], s->name)) {
            score *= MENTIONED_FACTOR;
        }
    }
    if (s->visibility == 3 || (s->name.len > 0 && s->name.ptr[0] == '_')) {
        score *= 0.3;
    }
    return score;
}

static cm_rc score_symbols(outliner *o, cm_err *err) {
    for (uint32_t file = 0; file < o->files.count; file++) {
        cm_index_document d;
        if (!cm_snapshot_document(o->snapshot, o->files.items[file].document, &d)) {
            continue;
        }
        cm_rc rc = cm_cancel_check(o->query->cancel, err);
        if (rc != CM_OK) {
            return rc;
        }
        for (uint32_t i = 0; i < d.symbol_count; i++) {
            cm_index_symbol s;
            if (!cm_snapshot_symbol(o->snapshot, d.first_symbol + i, &s) ||
                !(OUTLINED_KINDS >> s.kind & 1)) {
                continue;
            }
            entry e = {s.id, file, s.start_line, symbol_score(o, &s, o->files.items[file].score)};
            if (!cm_vec_push(&o->entries, e)) {
                return cm_fail(err, CM_NOMEM, "out of memory mapping a repository");
            }
        }
    }
    if (o->entries.count > 1) {
        qsort(o->entries.items, o->entries.count, sizeof(entry), entry_cmp);
    }
    return CM_OK;
}

static cm_str shown(const cm_index_symbol *s) {
    return cm_utf8_cut(s->signature.len > 0 ? s->signature : s->name, SIGNATURE_MAX);
}

/* Keeps the best entries that fit, file headers counted, and puts them in order of place. */
static void choose(outliner *o, size_t bytes) {
    bool *has_header = cm_alloc(o->files.count + 1);
    size_t kept = 0, used = 0;
    for (size_t i = 0; i < o->entries.count; i++) {
        const entry e = o->entries.items[i];
        cm_index_symbol s;
        cm_index_document d;
        if (!cm_snapshot_symbol(o->snapshot, e.symbol, &s) ||
            !cm_snapshot_document(o->snapshot, s.document, &d)) {
            continue;
        }
        size_t need =
            shown(&s).len + sizeof("  12345: \n") - 1 + (has_header[e.file] ? 0 : d.path.len + 2);
        if (used + need > bytes) {
            continue; /* a shorter one may still fit */
        }
        has_header[e.file] = true;
        used += need;
        o->entries.items[kept++] = e;
    }
    o->entries.count = kept;
    cm_free(has_header);
    if (kept > 1) {
        qsort(o->entries.items, kept, sizeof(entry), place_cmp);
    }
}

static cm_rc render(const outliner *o, cm_arena *arena, cm_outline *ret_outline, cm_err *err) {
    cm_outline_file *files = CM_ARENA_ARRAY(arena, cm_outline_file, o->files.count + 1);
    uint32_t *symbols = CM_ARENA_ARRAY(arena, uint32_t, o->entries.count + 1);
    size_t count = 0;
    cm_buf text;
    if (!files || !symbols) {
        return cm_fail(err, CM_NOMEM, "out of memory mapping a repository");
    }
    cm_buf_init(&text, CM_MIB(1));
    for (size_t i = 0; i < o->entries.count; i++) {
        const entry *e = &o->entries.items[i];
        cm_index_symbol s = {0};
        (void)cm_snapshot_symbol(o->snapshot, e->symbol, &s);
        if (i == 0 || e->file != o->entries.items[i - 1].file) {
            cm_outline_file *file = &files[count++];
            (void)cm_snapshot_document(o->snapshot, s.document, &file->document);
            file->rank = o->files.items[e->file].score;
            file->symbols = symbols + i;
            cm_buf_add_str(&text, file->document.path);
            cm_buf_add_c(&text, ":\n");
        }
        files[count - 1].symbol_count++;
        symbols[i] = e->symbol;
        cm_buf_add_f(&text, "  %u: ", s.start_line);
        cm_buf_add_str(&text, shown(&s));
        cm_buf_add_char(&text, '\n');
    }
    cm_rc rc = cm_buf_check(&text, err);
    if (rc == CM_OK) {
        *ret_outline = (cm_outline){cm_arena_str(arena, cm_buf_str(&text)), files, count,
                                    (uint32_t)(text.len / TOKEN_BYTES)};
    }
    cm_buf_done(&text);
    return rc;
}

cm_rc cm_outline_run(const cm_snapshot *snapshot, const cm_outline_query *query, cm_arena *arena,
                     cm_outline *ret_outline, cm_err *err) {
    outliner o = {.snapshot = snapshot, .query = query};
    uint32_t tokens = query->tokens ? query->tokens : TOKENS_DEFAULT;
    tokens = CM_MIN(CM_MAX(tokens, TOKENS_LEAST), TOKENS_MAX);
    cm_rc rc = rank_files(&o, arena, err);
    if (rc == CM_OK) {
        rc = score_symbols(&o, err);
    }
    if (rc == CM_OK) {
        choose(&o, (size_t)tokens * TOKEN_BYTES);
        rc = render(&o, arena, ret_outline, err);
    }
    cm_vec_done(&o.files);
    cm_vec_done(&o.entries);
    return rc;
}
