/* segment.h - one immutable set of documents with everything the index knows of them.
 *
 * A segment is a folder of mapped parts, or the same parts in memory (freshly edited files). Opening
 * checks headers, sizes and document ranges; everything else is checked where it is read, so that
 * damage gives missing results, never a crash. cm_segment_check compares all checksums: at once when
 * a small index is opened, otherwise in the background. A mapped file that is cut short reads as zeros from there.
 *
 * Thread: immutable, ref-counted. The folder of a segment that was marked obsolete is deleted with the last
 * reference. */
#ifndef CM_INDEX_SEGMENT_SEGMENT_H
#define CM_INDEX_SEGMENT_SEGMENT_H

#include "base/arena.h"
#include "index/segment/bitmap.h"
#include "index/segment/dict.h"
#include "index/segment/part.h"
#include "index/segment/records.h"
#include "index/segment/suffix.h"

#include <stdatomic.h>

typedef struct cm_segment {
    atomic_uint refs;
    atomic_bool obsolete; /* delete the folder with the last reference */
    atomic_bool checked;  /* its checksums have been compared */
    uint64_t number;
    char *path; /* folder; NULL = in memory */
    cm_part parts[CM_PART_KIND_COUNT];
    uint64_t bytes; /* of all parts */
    void *
        trusted; /* of a mapped one: a copy of `documents` and `by_path`, whose ranges nobody checks again */

    const cm_document_record *documents; /* document_count + 1 */
    const uint32_t *by_path;             /* document numbers in order of path */
    const cm_symbol_record *symbols;
    const cm_import_record *imports;
    const cm_chunk_record *chunks;
    uint32_t document_count, symbol_count, import_count, chunk_count;
    cm_str document_strings, document_notes, symbol_strings, import_strings, text;
    cm_dict symbol_names, reference_names, words, trigrams;
    cm_str symbol_postings, reference_postings, word_postings, trigram_postings;
    cm_suffix *suffix; /* NULL when no document has tokens */
    uint64_t reference_count;
    uint64_t field_words[4]; /* body, name, comment, path: total lengths */
} cm_segment;

/* Opens the folder. CM_CORRUPT, CM_NOT_FOUND, CM_IO. */
cm_rc cm_segment_open(const char *path, uint64_t number, cm_segment **ret_segment,
                      cm_err *err) cm_must_check;
/* Takes the buffers' memory; they are left empty, also on failure. CM_CORRUPT, CM_LIMIT. */
cm_rc cm_segment_take(cm_buf parts[CM_PART_KIND_COUNT], uint64_t number, cm_segment **ret_segment,
                      cm_err *err) cm_must_check;
/* Writes the parts to a new folder `path`, synced; nothing is left on failure. CM_STORAGE_FULL, CM_DENIED,
 * CM_IO, CM_LIMIT and CM_NOMEM (a part that was not built whole). */
cm_rc cm_segment_write(const cm_buf parts[CM_PART_KIND_COUNT], const char *path,
                       cm_err *err) cm_must_check;
/* Compares all checksums. CM_CORRUPT. */
cm_rc cm_segment_check(const cm_segment *segment, cm_err *err) cm_must_check;

/* Zeros have been read where a file of it had been cut short. */
bool cm_segment_is_torn(const cm_segment *segment);
/* The same, also where nobody has read yet or the last page hides it: looks at the files' sizes. */
bool cm_segment_is_cut(const cm_segment *segment);

cm_segment *cm_segment_ref(cm_segment *segment);
void cm_segment_unref(cm_segment *segment); /* NULL is allowed */

/* Empty when it does not lie inside the section. */
static inline cm_str cm_segment_string(cm_str section, uint32_t offset, size_t len) {
    if (len == 0 || offset > section.len || len > section.len - offset) {
        return CM_STR_EMPTY;
    }
    return cm_str_make(section.ptr + offset, len);
}

cm_str cm_segment_path(const cm_segment *segment, uint32_t document);
/* What index/segment/notes.h reads; empty when the document was indexed before there were notes. */
cm_str cm_segment_notes(const cm_segment *segment, uint32_t document);
/* Whether it holds all that its content gives. If not, the next job reads it again though it has not changed. */
bool cm_segment_is_complete(const cm_segment *segment, uint32_t document);
/* UINT32_MAX when there is none. At most one document of a segment has a given path. */
uint32_t cm_segment_find(const cm_segment *segment, cm_str path);

/* Decompressed text of a document that has content. CM_CORRUPT, CM_NOMEM. */
cm_rc cm_segment_text(const cm_segment *segment, uint32_t document, cm_arena *arena,
                      cm_str *ret_text, cm_err *err) cm_must_check;

/* Walks one name's references in order of document and position. */
typedef struct cm_segment_reference {
    uint32_t document, line, column;
    uint32_t scope; /* symbol, or UINT32_MAX */
    uint8_t role;
} cm_segment_reference;

typedef struct cm_reference_cursor {
    const cm_segment *segment;
    cm_reader reader;
    uint64_t left;
    cm_segment_reference now;
} cm_reference_cursor;

bool cm_reference_cursor_open(const cm_segment *segment, uint64_t offset,
                              cm_reference_cursor *ret_cursor);
bool cm_reference_cursor_next(cm_reference_cursor *cursor);

/* A list of ascending numbers: varint count, then varint deltas. */
void cm_numbers_write(const uint32_t *numbers, size_t count, cm_buf *out);
typedef struct cm_numbers {
    cm_reader reader;
    uint64_t left;
    uint32_t now;
} cm_numbers;
bool cm_numbers_open(cm_str section, uint64_t offset, cm_numbers *ret_numbers);
bool cm_numbers_next(cm_numbers *numbers);

#endif
