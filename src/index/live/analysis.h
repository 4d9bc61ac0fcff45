/* analysis.h - everything the index keeps of one file, found in one pass over its text.
 *
 * Runs on a worker thread and touches nothing shared, so files are analysed in parallel and added
 * to a segment in order of path: the result does not depend on timing.
 *
 * Thread: owner; an analysis moves from the worker that made it to the job that consumes it. */
#ifndef CM_INDEX_LIVE_ANALYSIS_H
#define CM_INDEX_LIVE_ANALYSIS_H

#include "base/arena.h"
#include "base/hash.h"
#include "code/parser.h"
#include "code/secrets.h"
#include "index/snapshot/snapshot.h"

/* Occurrences of one word in one chunk, by field; each count saturates. */
typedef struct cm_word_count {
    uint32_t term;  /* index into cm_analysis.terms */
    uint32_t chunk; /* index into cm_analysis.chunks */
    uint16_t body;
    uint8_t name, comment, path;
} cm_word_count;

typedef struct cm_chunk_length {
    uint16_t body; /* words of each field, saturating */
    uint8_t name, comment, path;
} cm_chunk_length;

typedef struct cm_named_reference {
    uint32_t name; /* index into cm_analysis.names */
    uint32_t line, column;
    int32_t scope;
    uint8_t role;
} cm_named_reference;

typedef struct cm_analysis {
    cm_arena *arena; /* owns everything below */
    cm_str path;
    enum cm_document_status status;
    cm_hash128 hash;
    uint64_t size;
    int64_t mtime_ns;
    bool recent; /* changed so shortly before it was read that size and time prove nothing */
    bool is_test, is_vendored;
    cm_str text;       /* empty without content */
    cm_str compressed; /* zstd frame of `text` */
    cm_parsed parsed;  /* chunks always cover the text */
    const cm_str *terms;
    size_t term_count;
    const cm_word_count *words; /* by chunk */
    size_t word_count;
    const cm_chunk_length *lengths; /* one for each chunk */
    const cm_str *names;            /* distinct names of the references */
    size_t name_count;
    const cm_named_reference *references;
    size_t reference_count;
    const uint32_t *trigrams; /* distinct, ascending; letters folded to lower case */
    size_t trigram_count;
    cm_str notes; /* style and dependencies, as index/segment/notes.h writes them */
} cm_analysis;

typedef struct cm_analysis_request {
    const char *root;
    int tree; /* descriptor of `root` (base/beneath.h): files are opened below it. Not used with `text` */
    cm_str path;
    size_t file_bytes_max;
    cm_parser_pool *parser;   /* NULL = line chunks */
    const cm_cancel *cancel;  /* may be NULL */
    const cm_hash128 *unless; /* stop after hashing when the content is this one; may be NULL */
    const cm_str *text;       /* use this text instead of the file's; may be NULL */
    int64_t text_mtime_ns;    /* when `text` was sent; 0 = as an editor has it, not yet anywhere */
    enum cm_chunk_strategy chunk_strategy;
    enum cm_secret_policy secrets; /* of this path */
    bool is_edit; /* likely to change again soon: its syntax tree is kept for the next time */
    /* Called once on this thread, while a worker parses: path, text, hash and is_vendored are there, the rest is
     * not. Not called for a file without text. May be NULL. */
    void (*meanwhile)(void *argument, const cm_analysis *analysis);
    void *argument;
} cm_analysis_request;

/* Reads and analyses one file. What holds secrets comes back blanked, or with the status WITHHELD and nothing else: the
 * caller takes it out of the index. A file that cannot be read, is binary or too large gives an analysis
 * without content, not an error. `*ret_analysis` is NULL when the content equals `unless` or the
 * file is gone.
 * Errors: CM_CANCELLED, CM_TIMEOUT, CM_NOMEM. */
cm_rc cm_analysis_run(const cm_analysis_request *request, cm_analysis **ret_analysis,
                      cm_err *err) cm_must_check;
void cm_analysis_free(cm_analysis *analysis); /* NULL is allowed */

#endif
