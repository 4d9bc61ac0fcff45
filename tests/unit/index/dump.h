/* dump.h - everything a snapshot knows, as sorted lines of text: two snapshots of the same tree, however they
 * came about, give the same lines. Numbers of documents and segments are left out. */
#ifndef CM_TEST_INDEX_DUMP_H
#define CM_TEST_INDEX_DUMP_H

#include "base/buf.h"
#include "base/vec.h"
#include "index/graph/graph.h"
#include "index/segment/postings.h"
#include "index/snapshot/snapshot_priv.h"

typedef struct dump {
    CM_VEC(char *) lines;
} dump;

static inline void dump_add(dump *d, cm_buf *line) {
    char *text = cm_buf_take(line, &(size_t){0});
    assert_true(cm_vec_push(&d->lines, text));
    cm_buf_init(line, CM_MIB(16));
}

static inline void dump_documents(dump *d, const cm_snapshot *s, cm_buf *line) {
    cm_index_document doc;
    cm_arena *arena = cm_arena_new(0);
    for (uint32_t cursor = 0; cm_snapshot_next_document(s, &cursor, &doc);) {
        cm_str text = CM_STR_EMPTY;
        if (cm_document_has_text(&doc)) {
            assert_int_equal(cm_snapshot_text(s, doc.id, arena, &text, NULL), CM_OK);
        }
        cm_buf_add_f(line, "document %.*s %d %.*s %u %.*s", CM_STR_ARG(doc.path), (int)doc.status,
                     CM_STR_ARG(doc.language), doc.line_count, CM_STR_ARG(text));
        dump_add(d, line);
        for (uint32_t i = 0; i < doc.symbol_count; i++) {
            cm_index_symbol symbol;
            assert_true(cm_snapshot_symbol(s, doc.first_symbol + i, &symbol));
            cm_buf_add_f(line, "symbol %.*s %.*s %d %u-%u %.*s", CM_STR_ARG(doc.path),
                         CM_STR_ARG(cm_snapshot_qualified_name(s, symbol.id, arena)),
                         (int)symbol.kind, symbol.start_line, symbol.end_line,
                         CM_STR_ARG(symbol.signature));
            dump_add(d, line);
        }
        for (uint32_t i = 0; i < doc.import_count; i++) {
            cm_index_import import;
            assert_true(cm_snapshot_import(s, doc.id, i, &import));
            cm_buf_add_f(line, "import %.*s %.*s %u", CM_STR_ARG(doc.path),
                         CM_STR_ARG(import.module), import.line);
            dump_add(d, line);
        }
    }
    cm_arena_free(arena);
}

static inline void dump_words(dump *d, const cm_snapshot_segment *in, cm_buf *line) {
    const cm_segment *s = in->segment;
    cm_dict_cursor cursor;
    cm_str word;
    uint64_t offset;
    cm_dict_seek(&s->words, CM_STR_EMPTY, &cursor);
    while (cm_dict_next(&cursor, &word, &offset)) {
        cm_postings p;
        assert_true(cm_postings_open(s->word_postings, offset, &p));
        while (cm_postings_next(&p)) {
            const cm_chunk_record *chunk = &s->chunks[p.now.chunk];
            if (cm_bitmap_has(in->dead, chunk->document)) {
                continue;
            }
            cm_buf_add_f(line, "word %.*s %.*s %u %u %u %u %u", CM_STR_ARG(word),
                         CM_STR_ARG(cm_segment_path(s, chunk->document)), chunk->start_line,
                         p.now.body, p.now.name, p.now.comment, p.now.path);
            dump_add(d, line);
        }
    }
}

static inline void dump_references(dump *d, const cm_snapshot_segment *in, cm_buf *line) {
    const cm_segment *s = in->segment;
    cm_dict_cursor cursor;
    cm_str name;
    uint64_t offset;
    cm_dict_seek(&s->reference_names, CM_STR_EMPTY, &cursor);
    while (cm_dict_next(&cursor, &name, &offset)) {
        cm_reference_cursor c;
        assert_true(cm_reference_cursor_open(s, offset, &c));
        while (cm_reference_cursor_next(&c)) {
            if (cm_bitmap_has(in->dead, c.now.document)) {
                continue;
            }
            cm_buf_add_f(line, "reference %.*s %.*s:%u:%u %d", CM_STR_ARG(name),
                         CM_STR_ARG(cm_segment_path(s, c.now.document)), c.now.line, c.now.column,
                         c.now.role);
            dump_add(d, line);
        }
    }
}

static inline void dump_trigrams(dump *d, const cm_snapshot_segment *in, cm_buf *line) {
    const cm_segment *s = in->segment;
    cm_dict_cursor cursor;
    cm_str trigram;
    uint64_t offset;
    cm_dict_seek(&s->trigrams, CM_STR_EMPTY, &cursor);
    while (cm_dict_next(&cursor, &trigram, &offset)) {
        cm_numbers list;
        assert_true(cm_numbers_open(s->trigram_postings, offset, &list));
        while (cm_numbers_next(&list)) {
            if (cm_bitmap_has(in->dead, list.now)) {
                continue;
            }
            cm_buf_add_f(line, "trigram %.*s %.*s", CM_STR_ARG(trigram),
                         CM_STR_ARG(cm_segment_path(s, list.now)));
            dump_add(d, line);
        }
    }
}

/* Every edge with what it counts, every import's target, and the rank of every file, rounded. */
static inline void dump_graph(dump *d, const cm_snapshot *s, cm_buf *line) {
    const cm_graph *graph;
    cm_index_document from, to;
    assert_int_equal(cm_snapshot_graph(s, NULL, &graph, NULL), CM_OK);
    for (uint32_t cursor = 0; cm_snapshot_next_document(s, &cursor, &from);) {
        const cm_graph_edge *edges;
        size_t count = cm_graph_edges(graph, from.id, &edges);
        cm_buf_add_f(line, "rank %.*s %.4f", CM_STR_ARG(from.path), cm_graph_rank(graph, from.id));
        dump_add(d, line);
        for (size_t i = 0; i < count; i++) {
            assert_true(cm_snapshot_document(s, edges[i].document, &to));
            cm_buf_add_f(line, "edge %.*s %.*s names %u imports %u weight %.3f",
                         CM_STR_ARG(from.path), CM_STR_ARG(to.path), edges[i].names,
                         edges[i].imports, (double)edges[i].weight);
            dump_add(d, line);
        }
        for (uint32_t i = 0; i < from.import_count; i++) {
            uint32_t target = cm_graph_import_target(graph, from.id, i);
            bool found = target != CM_ID_NONE && cm_snapshot_document(s, target, &to);
            cm_buf_add_f(line, "target %.*s %u %.*s", CM_STR_ARG(from.path), i,
                         CM_STR_ARG(found ? to.path : CM_STR("-")));
            dump_add(d, line);
        }
    }
}

static inline int dump_cmp(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static inline void dump_of(const cm_snapshot *s, dump *d) {
    cm_buf line;
    *d = (dump){0};
    cm_buf_init(&line, CM_MIB(16));
    if (s) {
        dump_documents(d, s, &line);
        dump_graph(d, s, &line);
    }
    for (size_t i = 0; s && i < s->count; i++) {
        dump_words(d, &s->segments[i], &line);
        dump_references(d, &s->segments[i], &line);
        dump_trigrams(d, &s->segments[i], &line);
    }
    cm_buf_done(&line);
    if (d->lines.count > 1) {
        qsort(d->lines.items, d->lines.count, sizeof(char *), dump_cmp);
    }
}

static inline void dump_done(dump *d) {
    for (size_t i = 0; i < d->lines.count; i++) {
        cm_free(d->lines.items[i]);
    }
    cm_vec_done(&d->lines);
}

/* Fails the test at the first line that differs. */
static inline void assert_same_index(const cm_snapshot *a, const cm_snapshot *b) {
    dump left, right;
    dump_of(a, &left);
    dump_of(b, &right);
    for (size_t i = 0; i < CM_MAX(left.lines.count, right.lines.count); i++) {
        const char *l = i < left.lines.count ? left.lines.items[i] : "(end)";
        const char *r = i < right.lines.count ? right.lines.items[i] : "(end)";
        assert_string_equal(l, r);
    }
    dump_done(&left);
    dump_done(&right);
}

#endif
