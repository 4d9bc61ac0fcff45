/* wire.h - what a parse worker answers: fixed-size records and one area of strings.
 *
 *   offset  size                 what
 *   0       40                   cm_wire_header
 *   40      symbol_count * 68    cm_wire_symbol
 *   ..      reference_count * 20 cm_wire_reference
 *   ..      import_count * 32    cm_wire_import
 *   ..      chunk_count * 28     cm_wire_chunk
 *   ..      string_bytes         strings, not terminated
 *
 * Numbers are in the machine's own order: both ends are the same program on the same machine.
 * A worker may have been taken over by the file it parsed, so cm_wire_decode believes nothing: sizes,
 * offsets, indexes, enums and orders are checked, and a bad message is CM_CORRUPT. The whole story with
 * the request side is docs/design/parse-worker.md.
 *
 * Thread: any (values). */
#ifndef CM_CODE_WIRE_H
#define CM_CODE_WIRE_H

#include "base/buf.h"
#include "base/vec.h"
#include "code/parse.h"

#define CM_WIRE_MAGIC 0x524d4331u /* "1CMR" */

/* Bounds of one answer. What does not fit is left out from the end and the file is PARTIAL. */
#define CM_WIRE_SYMBOLS_MAX    50000u
#define CM_WIRE_REFERENCES_MAX 400000u
#define CM_WIRE_IMPORTS_MAX    20000u
#define CM_WIRE_CHUNKS_MAX     200000u
#define CM_WIRE_STRINGS_MAX    (16u << 20)
#define CM_SIGNATURE_BYTES_MAX 256u
#define CM_DOC_BYTES_MAX       1024u

typedef struct cm_wire_header {
    uint32_t magic;
    uint32_t status; /* enum cm_parse_status: OK or PARTIAL */
    uint32_t line_count;
    uint32_t text_bytes; /* length of the text that was parsed */
    uint32_t symbol_count;
    uint32_t reference_count;
    uint32_t import_count;
    uint32_t chunk_count;
    uint32_t string_bytes;
    uint32_t reserved; /* 0 */
} cm_wire_header;

typedef struct cm_wire_slice {
    uint32_t offset;
    uint32_t len;
} cm_wire_slice;

typedef struct cm_wire_symbol {
    cm_wire_slice name;      /* into the text */
    cm_wire_slice container; /* into the text */
    cm_wire_slice signature; /* into the strings */
    cm_wire_slice doc;       /* into the strings */
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    uint32_t name_line, name_column;
    int32_t parent;
    uint32_t kind;
    uint32_t visibility;
} cm_wire_symbol;

typedef struct cm_wire_reference {
    uint32_t name_offset; /* into the text */
    uint16_t name_len;
    uint16_t role;
    uint32_t line;
    uint32_t column;
    int32_t scope;
} cm_wire_reference;

typedef struct cm_wire_import {
    cm_wire_slice module; /* into the strings, like the next two */
    cm_wire_slice name;
    cm_wire_slice alias;
    uint32_t line;
    uint32_t relative; /* 0 or 1 */
} cm_wire_import;

typedef struct cm_wire_chunk {
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    int32_t symbol;
    uint32_t type;
    float importance;
} cm_wire_chunk;

/* The worker's side of an answer while it grows. */
typedef struct cm_extraction {
    cm_wire_header header; /* counts are filled in by cm_wire_encode */
    CM_VEC(cm_wire_symbol) symbols;
    CM_VEC(cm_wire_reference) references;
    CM_VEC(cm_wire_import) imports;
    CM_VEC(cm_wire_chunk) chunks;
    cm_buf strings;
    bool is_reparsed; /* with an earlier tree of the same file; not sent */
} cm_extraction;

void cm_extraction_init(cm_extraction *extraction);
void cm_extraction_clear(cm_extraction *extraction); /* keeps the memory */
void cm_extraction_done(cm_extraction *extraction);
/* Appends `s` to the strings; an empty slice when it does not fit. */
cm_wire_slice cm_extraction_add(cm_extraction *extraction, cm_str s);

/* Bytes of the answer. */
size_t cm_wire_size(const cm_extraction *extraction);
/* Writes cm_wire_size bytes to `out`; the caller checked that they fit. */
void cm_wire_encode(cm_extraction *extraction, uint8_t *out);
/* Checks `message` against `text` and builds the result in `arena`; slices of the strings point into
 * `message`, which must outlive it. Leaves language and failure alone. Errors: CM_CORRUPT, CM_NOMEM. */
cm_rc cm_wire_decode(cm_str message, cm_str text, cm_arena *arena, cm_parsed *ret_parsed,
                     cm_err *err) cm_must_check;

#endif
