/* builder_priv.h - what a segment under construction holds; shared by its collector (builder.c) and
 * its writer (builder_write.c). */
#ifndef CM_INDEX_SEGMENT_BUILDER_PRIV_H
#define CM_INDEX_SEGMENT_BUILDER_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "index/segment/builder.h"

typedef struct word_entry {
    uint32_t term, chunk;
    uint16_t body;
    uint8_t name, comment, path;
} word_entry;

typedef struct reference_entry {
    uint32_t name, document, line, column, packed; /* packed: (scope + 1) << 3 | role */
} reference_entry;

typedef struct trigram_entry {
    uint32_t trigram, document;
} trigram_entry;

/* Distinct strings numbered in order of arrival. */
typedef struct string_table {
    cm_map *map;
    cm_arena *arena;
    CM_VEC(cm_str) strings;
} string_table;

struct cm_builder {
    CM_VEC(cm_document_record) documents;
    CM_VEC(cm_symbol_record) symbols;
    CM_VEC(cm_import_record) imports;
    CM_VEC(cm_chunk_record) chunks;
    CM_VEC(word_entry) words;
    CM_VEC(reference_entry) references;
    CM_VEC(trigram_entry) trigrams;
    cm_buf document_strings, document_notes, symbol_strings, import_strings, text;
    string_table terms, names;
    cm_map64 *string_offsets; /* hash of a string and its buffer -> where it stands there */
    cm_map64 *contents;       /* hash of each text in the suffix array */
    cm_suffix_builder *suffix;
    cm_buf sorted; /* the suffix array, when cm_builder_sort_ahead made it */
    uint64_t field_words[4];
};

/* Number of `string` in the table, added when new; false when memory runs out. */
bool cm_builder_number(string_table *t, cm_str string, uint32_t *ret_number) cm_must_check;
/* Offset of the string in `strings`, one of the builder's buffers; appended unless it stands there. A
 * failure marks the buffer. */
uint32_t cm_builder_string(cm_builder *b, cm_buf *strings, cm_str s);
/* Appends a document's notes (may be empty) and returns their offset, never 0 but for none. */
uint32_t cm_builder_notes(cm_builder *builder, cm_str notes);
/* Tokens of the document added last, for the instant tier. */
cm_rc cm_builder_add_tokens(cm_builder *builder, cm_str language, cm_str text,
                            cm_err *err) cm_must_check;
bool cm_builder_failed(const cm_builder *builder);

#endif
