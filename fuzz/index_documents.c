/* Parts with valid headers and any contents: a segment opens or is refused, and every reader of it stays
 * inside. Bytes are dealt to the sections by a length before each. */
#include "base/arena.h"
#include "index/segment/builder.h"
#include "index/snapshot/codebase.h"
#include "index/segment/postings.h"
#include "index/snapshot/snapshot_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sections of each part, as builder_write.c makes them. */
static const size_t section_counts[CM_PART_KIND_COUNT] = {
    [CM_PART_DOCUMENTS] = 4,  [CM_PART_TEXT] = 1,     [CM_PART_SYMBOLS] = 4,
    [CM_PART_REFERENCES] = 3, [CM_PART_IMPORTS] = 2,  [CM_PART_CHUNKS] = 1,
    [CM_PART_WORDS] = 3,      [CM_PART_TRIGRAMS] = 2, [CM_PART_SUFFIX] = 1,
};

static cm_str take(cm_str *rest) {
    if (rest->len < 2) {
        return CM_STR_EMPTY;
    }
    size_t len = (size_t)(unsigned char)rest->ptr[0] | (size_t)(unsigned char)rest->ptr[1] << 8;
    cm_str part = cm_str_sub(*rest, 2, len);
    *rest = cm_str_from_offset(*rest, 2 + part.len);
    return part;
}

static bool visit_reference(void *argument, const cm_index_reference *reference) {
    (void)reference;
    return ++*(size_t *)argument < 10000;
}

static bool visit_name(void *argument, cm_str name) {
    const cm_snapshot *s = argument;
    uint32_t symbols[4];
    (void)cm_snapshot_definitions(s, name, symbols, 4);
    size_t seen = 0;
    cm_snapshot_references(s, name, visit_reference, &seen);
    return true;
}

static void read_all(const cm_snapshot *s) {
    cm_arena *arena = cm_arena_new(CM_MIB(64));
    cm_index_document d;
    cm_index_symbol symbol;
    cm_index_import import;
    cm_index_chunk chunk;
    cm_str text;
    for (uint32_t cursor = 0; cm_snapshot_next_document(s, &cursor, &d);) {
        if (cm_snapshot_text(s, d.id, arena, &text, NULL) == CM_OK) {
            (void)!cm_snapshot_lines(s, d.id, 1, 2, arena, &text, NULL);
        }
        for (uint32_t i = 0; i < CM_MIN(d.symbol_count, 64u); i++) {
            if (cm_snapshot_symbol(s, d.first_symbol + i, &symbol)) {
                (void)cm_snapshot_qualified_name(s, symbol.id, arena);
            }
        }
        for (uint32_t i = 0; i < CM_MIN(d.import_count, 64u); i++) {
            (void)cm_snapshot_import(s, d.id, i, &import);
        }
        for (uint32_t i = 0; i < CM_MIN(d.chunk_count, 64u); i++) {
            (void)cm_snapshot_chunk(s, d.first_chunk + i, &chunk);
        }
        cm_arena_clear(arena);
    }
    cm_codebase codebase;
    (void)!cm_codebase_read(s, arena, &codebase, NULL);
    cm_snapshot *asked = cm_snapshot_ref((cm_snapshot *)(uintptr_t)s);
    cm_snapshot_names(s, CM_STR_EMPTY, visit_name, asked);
    cm_snapshot_unref(asked);
    cm_snapshot_statistics st;
    cm_snapshot_statistics_get(s, &st);
    cm_arena_free(arena);
}

static void merge(cm_segment *segment) {
    cm_builder *builder = cm_builder_new();
    cm_buf parts[CM_PART_KIND_COUNT];
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_init(&parts[kind], CM_MIB(64));
    }
    if (cm_builder_add_segment(builder, segment, NULL, NULL) == CM_OK) {
        (void)!cm_builder_finish(builder, parts, NULL);
    }
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_done(&parts[kind]);
    }
    cm_builder_free(builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str rest = cm_str_make((const char *)data, size);
    cm_buf parts[CM_PART_KIND_COUNT];
    cm_segment *segment = NULL;
    cm_snapshot *snapshot = NULL;
    cm_uuid id = {{1}};
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_str sections[CM_PART_SECTIONS_MAX];
        for (size_t i = 0; i < section_counts[kind]; i++) {
            sections[i] = take(&rest);
        }
        cm_buf_init(&parts[kind], CM_MIB(4));
        cm_part_build(kind, sections, section_counts[kind], &parts[kind]);
    }
    if (cm_segment_take(parts, 1, &segment, NULL) != CM_OK) {
        return 0;
    }
    cm_snapshot_source source = {segment, NULL};
    if (cm_snapshot_new(&id, "/", 1, &source, 1, &snapshot, NULL) == CM_OK) {
        read_all(snapshot);
        cm_snapshot_unref(snapshot);
    }
    merge(segment);
    cm_segment_unref(segment);
    return 0;
}
