/* part.h - one file of a segment: a header, and sections of bytes with a checksum each.
 *
 * A part is built in memory, then either kept there (segments of freshly edited files) or written and
 * mapped; readers see no difference. Everything is little-endian and read in place; sections start
 * at multiples of 8, so that records may be read as C structs. docs/design/index-format.md has
 * the bytes.
 *
 * Checksums find what a crash or a failing disk did to a file. They do not make the contents trusted:
 * every offset read from a part is checked against its section.
 *
 * Thread: immutable after opening. */
#ifndef CM_INDEX_SEGMENT_PART_H
#define CM_INDEX_SEGMENT_PART_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "index files are read in place and little-endian"
#endif

enum cm_part_kind {
    CM_PART_DOCUMENTS,
    CM_PART_TEXT,
    CM_PART_SYMBOLS,
    CM_PART_REFERENCES,
    CM_PART_IMPORTS,
    CM_PART_CHUNKS,
    CM_PART_WORDS,
    CM_PART_TRIGRAMS,
    CM_PART_SUFFIX,
    CM_PART_KIND_COUNT,                   /* of a segment */
    CM_PART_HISTORY = CM_PART_KIND_COUNT, /* of a repository: index/graph/history.h */
};

#define CM_PART_SECTIONS_MAX 8
#define CM_PART_BYTES_MAX    ((size_t)4 << 30) /* offsets inside sections are 32 bits */

typedef struct cm_part {
    cm_mapping mapping; /* mapped file, or {NULL, 0} */
    char *memory;       /* or heap memory, owned */
    cm_str bytes;       /* all of it, header included */
    enum cm_part_kind kind;
    uint32_t section_count;
} cm_part;

const char *cm_part_name(enum cm_part_kind kind); /* file name: "documents" */

/* Writes header and sections to `out`. */
void cm_part_build(enum cm_part_kind kind, const cm_str *sections, size_t count, cm_buf *out);

/* Checks header and bounds. CM_CORRUPT, CM_NOT_FOUND, CM_IO. */
cm_rc cm_part_open(const char *path, enum cm_part_kind kind, cm_part *ret_part,
                   cm_err *err) cm_must_check;
/* Takes `memory` (cm_free), also on failure. CM_CORRUPT. */
cm_rc cm_part_take(char *take_memory, size_t len, enum cm_part_kind kind, cm_part *ret_part,
                   cm_err *err) cm_must_check;
void cm_part_close(cm_part *part);
/* Reads all bytes and compares the sections' checksums. CM_CORRUPT. */
cm_rc cm_part_check(const cm_part *part, cm_err *err) cm_must_check;
/* Empty when the part has no such section. */
cm_str cm_part_section(const cm_part *part, size_t index);

#endif
