/* context.h - what goes into the prompt of a completion, and why.
 *
 * Context assembly with a token budget: the current file first (half of the budget, at most 3,000 tokens, four
 * fifths of it before the cursor), then definitions the file imports or names near the cursor (30 %
 * of the rest, at most 1,500), then what the client sent, then similar code of the repository, found
 * by BM25 and by overlap of identifiers and fused by rank. What nobody used goes back to the text
 * before the cursor. The system prompt and the output are reserved at their real size (at most 500
 * and 200 tokens): on a CPU a few hundred tokens are all there is.
 *
 * Every piece considered is reported, kept or refused with the reason: `complete --explain` and
 * `metadata.context_sources` show it. Similar code must be *very* similar: loose neighbours make a small model
 * worse ("What to retrieve", arXiv 2503.20589), so both lists have a floor.
 *
 * Thread: any that may wait a few milliseconds (a worker). */
#ifndef CM_ASSIST_CONTEXT_H
#define CM_ASSIST_CONTEXT_H

#include "base/json.h"
#include "code/parser.h"
#include "index/snapshot/snapshot.h"

enum cm_context_type {
    CM_CONTEXT_PREFIX,
    CM_CONTEXT_SUFFIX,
    CM_CONTEXT_IMPORT,
    CM_CONTEXT_SYMBOL,
    CM_CONTEXT_REPOSITORY,
    CM_CONTEXT_OPEN_FILE,
    CM_CONTEXT_RECENT_EDIT,
    CM_CONTEXT_CLIPBOARD,
    CM_CONTEXT_DIAGNOSTIC,
    CM_CONTEXT_DECLARATION,
    CM_CONTEXT_TYPE_COUNT
};

const char *cm_context_type_name(enum cm_context_type type);

typedef struct cm_context_piece {
    enum cm_context_type type;
    cm_str file;
    cm_str text;
    uint32_t start_line, end_line; /* 1-based; 0 = not known */
    uint32_t tokens;
    double relevance;      /* 0..1 */
    const char *retriever; /* "bm25", "similar", "graph", "client"; NULL = the document itself */
    bool kept;
    const char *reason; /* why it was kept or refused */
} cm_context_piece;

/* A piece of text the editor sent along. */
typedef struct cm_client_snippet {
    enum cm_context_type type;
    cm_str file;
    cm_str text;
    uint32_t start_line;
} cm_client_snippet;

typedef uint32_t cm_token_count_fn(void *argument, cm_str text);

typedef struct cm_context_request {
    cm_str path; /* relative to the repository's root; may be empty */
    cm_str prefix, suffix;
    bool use_suffix;             /* the prompt format can show it to the model */
    bool retrieve;               /* look into the repository */
    const cm_snapshot *snapshot; /* NULL = no repository */
    cm_parser_pool *parser; /* for the imports of a file the index does not know; may be NULL */
    const cm_client_snippet *snippets;
    size_t snippet_count;
    uint32_t window_tokens; /* context window of the model */
    uint32_t prompt_tokens; /* what can be read before the deadline; 0 = no such bound */
    uint32_t system_tokens; /* real size of the system prompt */
    uint32_t output_tokens; /* real max_tokens */
    cm_token_count_fn *count;
    void *count_argument;
    uint64_t deadline_ns; /* for retrieval; later steps are skipped and `degraded` says so */
    cm_cancel *cancel;
} cm_context_request;

typedef struct cm_context {
    cm_str prefix, suffix; /* cut to their share */
    const cm_context_piece
        *pieces; /* by priority, then relevance; prefix and suffix are the first */
    size_t piece_count;
    uint32_t budget;
    uint32_t prefix_tokens, suffix_tokens, context_tokens;
    const char *degraded; /* retrieval that was skipped, or NULL */
} cm_context;

/* All results live in `arena` or borrow from the request and the snapshot.
 * CM_CANCELLED, CM_PROMPT_TOO_LONG (no room for any text), CM_NOMEM. */
cm_rc cm_context_assemble(const cm_context_request *request, cm_arena *arena,
                          cm_context *ret_context, cm_err *err) cm_must_check;

#endif
