/* records.h - fixed-size records of a segment's parts, read in place.
 *
 * docs/design/index-format.md describes each byte; a change here raises PART_VERSION in part.c.
 * Offsets of strings are into the part's string section. Numbers of documents, symbols and chunks
 * are local to the segment. */
#ifndef CM_INDEX_SEGMENT_RECORDS_H
#define CM_INDEX_SEGMENT_RECORDS_H

#include "base/base.h"

enum cm_document_flags {
    CM_DOCUMENT_RECENT = 1u << 0, /* size and time prove nothing: read again next time */
    CM_DOCUMENT_TEST = 1u << 1,
    CM_DOCUMENT_VENDORED = 1u << 2,
    CM_DOCUMENT_UNPARSED =
        1u << 3, /* text for want of a parse worker: the next job reads it again */
};

/* One more record than there are documents: the last only ends the ranges of the one before. */
typedef struct cm_document_record {
    uint64_t hash_low, hash_high;
    uint64_t size;
    int64_t mtime_ns;
    uint64_t text_offset; /* frame in the text part */
    uint32_t text_len;    /* bytes of the frame; 0 = no content */
    uint32_t path;
    uint32_t language;
    uint32_t line_count;
    uint32_t first_symbol, first_chunk, first_import;
    uint16_t path_len;
    uint8_t language_len;
    uint8_t status; /* enum cm_document_status */
    uint8_t flags;
    uint8_t zero[3];
    uint32_t notes; /* offset in the notes section; 0 = none, as in files of older versions */
} cm_document_record;

typedef struct cm_symbol_record {
    uint32_t document;
    uint32_t parent; /* symbol, or UINT32_MAX */
    uint32_t name, signature, doc;
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    uint32_t name_line, name_column;
    uint16_t name_len, signature_len, doc_len;
    uint8_t kind;
    uint8_t visibility;
} cm_symbol_record;

typedef struct cm_import_record {
    uint32_t module, name, alias;
    uint32_t line;
    uint16_t module_len, name_len, alias_len;
    uint8_t relative;
    uint8_t zero;
} cm_import_record;

typedef struct cm_chunk_record {
    uint32_t document;
    uint32_t symbol; /* or UINT32_MAX */
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    uint16_t body_len; /* words of each field */
    uint8_t name_len, comment_len, path_len;
    uint8_t type;
    uint16_t importance; /* 0..65535 = 0..1 */
} cm_chunk_record;

_Static_assert(sizeof(cm_document_record) == 80, "document record");
_Static_assert(sizeof(cm_symbol_record) == 52, "symbol record");
_Static_assert(sizeof(cm_import_record) == 24, "import record");
_Static_assert(sizeof(cm_chunk_record) == 32, "chunk record");

#endif
