/* lexical.h - BM25F over the chunks of a snapshot, one list of candidates.
 *
 *   score(chunk) = sum over words of idf * tf (k1 + 1) / (k1 + tf)
 *   tf = sum over fields of weight * count / (1 - b + b * body length / mean body length)
 *   idf = ln(1 + (N - n + 0.5) / (n + 0.5)), never negative
 * (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.)
 *
 * Words are taken rarest first. When the words left cannot lift a chunk that has none of the earlier ones
 * over the worst candidate, only chunks already seen are completed, by skipping through the
 * lists (the "continue" strategy of Moffat and Zobel, 1996, with exact bounds as in Turtle and Flood's
 * MaxScore, 1995).
 *
 * Thread: any. */
#ifndef CM_SEARCH_LEXICAL_H
#define CM_SEARCH_LEXICAL_H

#include "base/arena.h"
#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"

#define CM_LEXICAL_WORDS_MAX 64 /* distinct words of one question; later ones are ignored */

typedef struct cm_lexical_word {
    cm_str text; /* as split by index/segment/words.h */
    double idf;
    uint64_t chunks; /* that contain it, dead ones included */
} cm_lexical_word;

typedef struct cm_candidate {
    uint32_t chunk;
    double score;
} cm_candidate;

/* May this chunk be a candidate? Asked only for chunks that would make the list. */
typedef bool cm_candidate_fn(void *argument, uint32_t chunk);

typedef struct cm_lexical_query {
    cm_str text;
    size_t candidates;        /* how many to keep */
    cm_candidate_fn *allowed; /* NULL = all live chunks */
    void *argument;
    uint64_t deadline_ns;    /* cm_clock_ns scale, 0 = none */
    const cm_cancel *cancel; /* may be NULL */
} cm_lexical_query;

typedef struct cm_lexical_result {
    const cm_candidate *candidates; /* best first, ties by chunk */
    size_t count;
    const cm_lexical_word *words; /* of the question, stop words left out */
    size_t word_count;
    double best_possible; /* no chunk can score higher */
    bool truncated;       /* the deadline came first */
} cm_lexical_result;

/* CM_CANCELLED, CM_NOMEM. */
cm_rc cm_lexical_run(const cm_snapshot *snapshot, const cm_lexical_query *query, cm_arena *arena,
                     cm_lexical_result *ret_result, cm_err *err) cm_must_check;

#endif
