/* snapshot.h - one immutable state of a repository's index.
 *
 * A snapshot is a list of segments (immutable, mapped from disk or in memory) and for each the set of
 * documents that newer ones have replaced. It never changes: a reader takes a reference, asks as
 * long as it likes and sees one consistent state, whatever the indexer publishes meanwhile.
 *
 * Numbers of documents, symbols and chunks are dense 32-bit values that hold for this snapshot only;
 * the UUIDs computed from repository, path, kind, qualified name and ordinal hold for ever.
 * Every cm_str handed out without an arena is borrowed from the snapshot.
 *
 * The source text is kept compressed in the segment, not read from the tree: a result stays
 * consistent with its line numbers when the file is edited or deleted meanwhile, and uploaded
 * repositories have no tree at all. It costs about a quarter of the source's size.
 *
 * Thread: any. Nothing here blocks on I/O beyond page faults of mapped segments. */
#ifndef CM_INDEX_SNAPSHOT_SNAPSHOT_H
#define CM_INDEX_SNAPSHOT_SNAPSHOT_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "code/parse.h"

typedef struct cm_snapshot cm_snapshot;
typedef struct cm_suffix cm_suffix; /* index/segment/suffix.h */

#define CM_ID_NONE UINT32_MAX /* no document, symbol or chunk */

cm_snapshot *cm_snapshot_ref(cm_snapshot *snapshot);
void cm_snapshot_unref(cm_snapshot *snapshot); /* NULL is allowed */

/* Rises with every published change, also across restarts; `index_version` of the API. */
uint64_t cm_snapshot_generation(const cm_snapshot *snapshot);
cm_str cm_snapshot_root(const cm_snapshot *snapshot); /* absolute path; empty for uploads */

/* ---- documents ---- */

enum cm_document_status {
    CM_DOCUMENT_OK,
    CM_DOCUMENT_PARTIAL,    /* the tree has errors; symbols were still found */
    CM_DOCUMENT_TEXT,       /* parsing failed or no grammar: line chunks only */
    CM_DOCUMENT_BINARY,     /* has a NUL byte; no content is indexed */
    CM_DOCUMENT_TOO_LARGE,  /* over the size limit; no content is indexed */
    CM_DOCUMENT_UNREADABLE, /* could not be read; no content is indexed */
    CM_DOCUMENT_WITHHELD, /* of an analysis alone: a secret (code/secrets.h) that does not enter the index */
};

typedef struct cm_index_document {
    uint32_t id;
    cm_str path;     /* relative to the root, '/'-separated; bytes as on disk */
    cm_str language; /* "python"; empty for plain text */
    cm_hash128 hash; /* of the bytes as read */
    uint64_t size;
    int64_t mtime_ns;
    uint32_t line_count;
    uint32_t first_symbol, symbol_count;
    uint32_t first_chunk, chunk_count;
    uint32_t import_count;
    enum cm_document_status status;
    bool is_test;     /* by its path: tests, examples, fixtures */
    bool is_vendored; /* by its path or a "generated" mark in its head */
} cm_index_document;

static inline bool cm_document_has_text(const cm_index_document *document) {
    return document->status <= CM_DOCUMENT_TEXT;
}

/* Walks the live documents in order of number: start with *cursor = 0. Those without content
 * (binary, too large, unreadable) are included. */
bool cm_snapshot_next_document(const cm_snapshot *snapshot, uint32_t *cursor,
                               cm_index_document *ret_document);
/* False when `id` is out of range or its document has been replaced. */
bool cm_snapshot_document(const cm_snapshot *snapshot, uint32_t id,
                          cm_index_document *ret_document);
bool cm_snapshot_find_document(const cm_snapshot *snapshot, cm_str path,
                               cm_index_document *ret_document);
/* Bytes of the document as indexed. CM_NOT_FOUND (no such document, or no content), CM_CORRUPT,
 * CM_NOMEM (the arena is full). */
cm_rc cm_snapshot_text(const cm_snapshot *snapshot, uint32_t document, cm_arena *arena,
                       cm_str *ret_text, cm_err *err) cm_must_check;
/* Lines `first`..`last` (1-based, inclusive, clamped) of the document. Errors: any of cm_snapshot_text. */
cm_rc cm_snapshot_lines(const cm_snapshot *snapshot, uint32_t document, uint32_t first,
                        uint32_t last, cm_arena *arena, cm_str *ret_text,
                        cm_err *err) cm_must_check;

/* ---- symbols ---- */

typedef struct cm_index_symbol {
    uint32_t id;
    uint32_t document;
    uint32_t parent; /* number of the enclosing symbol, or CM_ID_NONE */
    cm_str name;
    cm_str signature;
    cm_str doc;
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    uint32_t name_line, name_column;
    enum cm_symbol_kind kind;
    uint8_t visibility; /* as in cm_symbol */
} cm_index_symbol;

bool cm_snapshot_symbol(const cm_snapshot *snapshot, uint32_t id, cm_index_symbol *ret_symbol);
/* Name with the names of its parents: "Store.Cursor.next". */
cm_str cm_snapshot_qualified_name(const cm_snapshot *snapshot, uint32_t symbol, cm_arena *arena);

/* Definitions of exactly `name`, in order of path and line; at most `max` are written.
 * Returns how many there are in all (live documents only). */
size_t cm_snapshot_definitions(const cm_snapshot *snapshot, cm_str name, uint32_t *symbols,
                               size_t max);

/* Distinct defined names that start with `prefix`, in byte order, until `visit` returns false. */
typedef bool cm_name_fn(void *argument, cm_str name);
void cm_snapshot_names(const cm_snapshot *snapshot, cm_str prefix, cm_name_fn *visit,
                       void *argument);

/* ---- references and imports ---- */

typedef struct cm_index_reference {
    uint32_t document;
    uint32_t line, column; /* line 1-based, column in bytes */
    uint32_t scope;        /* number of the enclosing symbol, or CM_ID_NONE */
    enum cm_reference_role role;
} cm_index_reference;

/* References to exactly `name`, in order of document and position, until `visit` returns false.
 * Names are not resolved: a caller that needs one definition's uses ranks them (search/symbols.h). */
typedef bool cm_reference_fn(void *argument, const cm_index_reference *reference);
void cm_snapshot_references(const cm_snapshot *snapshot, cm_str name, cm_reference_fn *visit,
                            void *argument);

/* How many there are, those of replaced documents included until a merge: for ranking. */
size_t cm_snapshot_reference_count(const cm_snapshot *snapshot, cm_str name);

typedef struct cm_index_import {
    cm_str module, name, alias;
    uint32_t line;
    bool relative;
} cm_index_import;

/* `index` < import_count of the document. The file it means: cm_graph_import_target (index/graph/graph.h). */
bool cm_snapshot_import(const cm_snapshot *snapshot, uint32_t document, uint32_t index,
                        cm_index_import *ret_import);

/* ---- chunks ---- */

typedef struct cm_index_chunk {
    uint32_t id;
    uint32_t document;
    uint32_t symbol; /* number of the symbol it holds or belongs to, or CM_ID_NONE */
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    enum cm_chunk_type type;
    float importance; /* 0..1 */
} cm_index_chunk;

bool cm_snapshot_chunk(const cm_snapshot *snapshot, uint32_t id, cm_index_chunk *ret_chunk);

/* ---- the instant tier ---- */

/* Suffix arrays of the segments; those of big segments first. */
size_t cm_snapshot_suffix_count(const cm_snapshot *snapshot);
/* `*ret_first_document` is added to a document number of the suffix array. */
const cm_suffix *cm_snapshot_suffix(const cm_snapshot *snapshot, size_t index,
                                    uint32_t *ret_first_document);
/* Is this document still live? Suffix arrays also hold replaced ones. */
bool cm_snapshot_is_live(const cm_snapshot *snapshot, uint32_t document);

/* ---- statistics and computed ids ---- */

typedef struct cm_language_count {
    cm_str language;
    uint32_t files;
    uint64_t lines;
    uint64_t bytes;
} cm_language_count;

typedef struct cm_snapshot_statistics {
    uint64_t files; /* with content */
    uint64_t files_without_content;
    uint64_t lines, bytes;
    uint64_t symbols, references, imports, chunks;
    uint64_t index_bytes; /* of all parts on disk and in memory */
    uint32_t segments;
    const cm_language_count *languages; /* most bytes first; borrowed from the snapshot */
    size_t language_count;
} cm_snapshot_statistics;

void cm_snapshot_statistics_get(const cm_snapshot *snapshot,
                                cm_snapshot_statistics *ret_statistics);

/* UUIDv8, the same in every index of the same content. Nil when the number is not valid. */
cm_uuid cm_snapshot_document_uuid(const cm_snapshot *snapshot, uint32_t document);
cm_uuid cm_snapshot_symbol_uuid(const cm_snapshot *snapshot, uint32_t symbol);
/* Of all symbols of a document, in order; NULL when there is none, or no memory. */
const cm_uuid *cm_snapshot_symbol_uuids(const cm_snapshot *snapshot, uint32_t document,
                                        cm_arena *arena);
cm_uuid cm_snapshot_chunk_uuid(const cm_snapshot *snapshot, uint32_t chunk);

/* Position of an enum in the API's own words: "function", "call", "block", "ok". */
const char *cm_symbol_kind_name(enum cm_symbol_kind kind);
const char *cm_reference_role_name(enum cm_reference_role role);
const char *cm_chunk_type_name(enum cm_chunk_type type);
const char *cm_document_status_name(enum cm_document_status status); /* ok|partial|failed|skipped */

#endif
