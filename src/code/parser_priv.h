/* parser_priv.h - between the parts of the parser. Thread: any. */
#ifndef CM_CODE_PARSER_PRIV_H
#define CM_CODE_PARSER_PRIV_H

#include "base/map.h"
#include "code/parser.h"
#include "code/protocol.h"
#include "rt/child.h"

#include <pthread.h>

#define CM_PARSE_SLICE_NS (5 * 1000000ull) /* how late a cancellation may be noticed */

typedef struct cm_parse_worker {
    cm_child *child; /* NULL: not started, or could not be */
    uint64_t sequence;
    bool *ready;                      /* by language index: it has compiled that query */
    uint64_t documents[CM_TREES_MAX]; /* whose trees it keeps, as far as we know; latest first */
} cm_parse_worker;

struct cm_parser_pool {
    cm_parser_options options;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t freed;
    cm_parse_worker *workers;
    cm_parse_worker **idle; /* stack */
    size_t idle_count;
    cm_map64 *remembered; /* content hashes that broke a worker */
    bool *unloadable;     /* by language index: its grammar does not fit the runtime */
    cm_parser_stats stats;
};

/* ---- parser_pool.c ---- */

/* Waits for an idle worker: rather the one that keeps the document's tree, else one that knows the language.
 * CM_CANCELLED, CM_TIMEOUT. Every worker lent is given back. */
cm_rc cm_parse_worker_borrow(cm_parser_pool *pool, const cm_worker_request *request,
                             const cm_cancel *cancel, cm_parse_worker **ret_worker,
                             cm_err *err) cm_must_check;
void cm_parse_worker_give_back(cm_parser_pool *pool, cm_parse_worker *worker);
/* By whom it was lent to. Start: CM_IO, CM_NOMEM; one that could not be replaced is started at the next request. */
cm_rc cm_parse_worker_start(cm_parser_pool *pool, cm_parse_worker *worker,
                            cm_err *err) cm_must_check;
void cm_parse_worker_replace(cm_parser_pool *pool, cm_parse_worker *worker);
/* It has just kept the document's tree. */
void cm_parse_worker_note_kept(cm_parse_worker *worker, uint64_t document);

/* Adds one to a counter of pool->stats. */
void cm_parser_count(cm_parser_pool *pool, uint64_t *counter);

/* Contents that broke a worker, by language. */
uint64_t cm_parser_failure_key(const cm_language *language, cm_str text);
void cm_parser_remember(cm_parser_pool *pool, uint64_t key);
bool cm_parser_is_remembered(cm_parser_pool *pool, uint64_t key);

/* Languages whose grammar or queries do not load. Noting says it once: a tree of ten thousand files has one
 * reason, not ten thousand. */
bool cm_parser_is_unloadable(cm_parser_pool *pool, const cm_language *language);
void cm_parser_note_unloadable(cm_parser_pool *pool, const cm_language *language, cm_str why);

/* ---- parser_text.c ---- */

/* The file as text: chunks by lines, no symbols. `why` must outlive `*ret_parsed`. CM_NOMEM. */
cm_rc cm_parse_as_text(const cm_parse_request *request, enum cm_parse_status status, cm_str why,
                       cm_arena *arena, cm_parsed *ret_parsed, cm_err *err) cm_must_check;

#endif
