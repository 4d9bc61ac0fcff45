/* search.h - find code in one indexed repository.
 *
 * A search runs against one immutable snapshot, so results are consistent however long it takes and
 * whatever the indexer does meanwhile. Lexical search is BM25F over split identifiers (fields name,
 * body, comment, path); candidates are then re-ranked by rules that need no model: definitions of
 * the words asked for, file stems, tests and vendored code, further chunks of one file. "Ranking" in
 * docs/design/search.md says what each rule is worth.
 *
 * Thread: any. Nothing here blocks on I/O beyond page faults of mapped segments. */
#ifndef CM_SEARCH_SEARCH_H
#define CM_SEARCH_SEARCH_H

#include "base/utf8.h"
#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"

enum cm_search_type { CM_SEARCH_HYBRID, CM_SEARCH_LEXICAL, CM_SEARCH_SEMANTIC };

enum cm_match_type { CM_MATCH_LEXICAL, CM_MATCH_SEMANTIC, CM_MATCH_SYMBOL, CM_MATCH_HYBRID };

#define CM_SEARCH_LIMIT_MAX      200
#define CM_SEARCH_HIGHLIGHTS_MAX 32

typedef struct cm_search_query {
    cm_str text; /* what the user typed; UTF-8, at most CM_QUERY_BYTES_MAX */
    enum cm_search_type type;
    bool regex;                /* `text` is a PCRE2 pattern matched line by line */
    bool case_sensitive;       /* regex only */
    cm_str_list languages;     /* "python"; empty = all */
    cm_str_list file_patterns; /* globs on relative paths, "!x" excludes; empty = all */
    uint32_t symbol_kinds;     /* 1u << enum cm_symbol_kind; 0 = all chunks */
    uint32_t limit;            /* 1..CM_SEARCH_LIMIT_MAX, 0 = 10 */
    uint32_t context_lines;    /* before and after each hit, at most 50 */
    double min_score;          /* relevance_score below it is left out */
    cm_str near_path;          /* file being edited: closer files win ties; may be empty */
    cm_str exclude_path;       /* this document gives no hits; may be empty */
    uint32_t deadline_ms;      /* 0 = none; on expiry the best hits so far, with truncated = true */
    cm_cancel *cancel;         /* may be NULL */
} cm_search_query;

typedef struct cm_search_hit {
    cm_index_document document;
    uint32_t chunk;
    cm_index_symbol symbol;        /* symbol.id is CM_ID_NONE when the chunk belongs to none */
    uint32_t start_line, end_line; /* of `content`, context lines included */
    cm_str content;
    double relevance_score; /* 0..1, 1 = best possible for this question */
    enum cm_match_type match_type;
    struct {
        double bm25, vector, rrf; /* 0 = this side did not find it */
    } scores;
    const cm_range *highlights; /* lines 0-based in the file, UTF-16 columns */
    size_t highlight_count;
} cm_search_hit;

typedef struct cm_search_result {
    const cm_search_hit *hits; /* best first */
    size_t count;
    bool truncated;       /* the deadline cut the work, or there are more hits than the limit */
    const char *degraded; /* NULL, or why less was done than asked: "no embedding model" */
    uint64_t took_us;
    uint64_t generation; /* of the snapshot */
} cm_search_result;

/* Runs `query` and writes hits, best first, into `arena`.
 * Errors: CM_INVALID (bad regex or glob: position in err), CM_LIMIT (query too long), CM_CANCELLED. */
cm_rc cm_search_run(const cm_snapshot *snapshot, const cm_search_query *query, cm_arena *arena,
                    cm_search_result *ret_result, cm_err *err) cm_must_check;

#endif
