/* parser.h - parses files in worker processes that may die without harm.
 *
 * Each worker is a child of the same program started with `parse-worker` as its first argument (`main`
 * then calls cm_parse_worker_main; tests do the same): no file, network or process system calls,
 * bounded address space (rt/child.h). Text goes in and a compact result comes out through one sealed
 * shared-memory block; the parent copies the result and checks every offset and index before it
 * believes any. A worker that dies or passes the deadline is killed and replaced; the content hash of
 * its file is remembered, so the same text is answered as FAILED at once the next time. A worker that
 * somebody else ended (SIGKILL, SIGTERM, SIGHUP, SIGINT) is not the file's fault: the file is given to
 * a new worker at once, and when that ends so too it is FAILED for this time, and remembered nowhere.
 *
 * Bytes of the exchange: docs/design/parse-worker.md.
 *
 * Thread: any. A call borrows one worker and waits for one when all are busy. */
#ifndef CM_CODE_PARSER_H
#define CM_CODE_PARSER_H

#include "code/languages.h"
#include "code/parse.h"

typedef struct cm_parser_pool cm_parser_pool;

typedef struct cm_parser_options {
    unsigned workers;  /* 0 = number of cores */
    size_t text_max;   /* bytes of a file, longer ones are SKIPPED; 0 = 1 MiB, at most 64 MiB */
    size_t memory_max; /* bytes of address space of one worker, 0 = 1 GiB */
    uint32_t
        deadline_ms; /* of processor time for one file; killed a quarter after that, or after 20 times
                             as much time by the clock; 0 = 1,000 */
} cm_parser_options;

/* Counters since the pool was made. */
typedef struct cm_parser_stats {
    uint64_t parsed;     /* answers that came back whole */
    uint64_t reparsed;   /* of them: with an earlier tree of the same document */
    uint64_t died;       /* workers that crashed or were cut off by a limit of theirs */
    uint64_t killed;     /* workers that somebody else ended */
    uint64_t overran;    /* workers killed for passing the deadline */
    uint64_t refused;    /* answers that failed validation */
    uint64_t remembered; /* files not tried again */
    uint64_t
        unloadable; /* languages whose grammar the runtime does not take; said in the log once each */
} cm_parser_stats;

/* `options` may be NULL. Workers start at first use. CM_LIMIT (text_max), CM_NOMEM. */
cm_rc cm_parser_pool_new(const cm_parser_options *options, cm_parser_pool **ret_pool,
                         cm_err *err) cm_must_check;
/* No call may be under way. Kills and reaps the workers. NULL is allowed. */
void cm_parser_pool_free(cm_parser_pool *pool);
/* Ends the workers that have nothing to do; the next calls start new ones. */
void cm_parser_pool_rest(cm_parser_pool *pool);
cm_parser_stats cm_parser_pool_stats(cm_parser_pool *pool);

typedef struct cm_parse_request {
    cm_str path;                 /* for detection only; never opened */
    cm_str text;                 /* any bytes */
    const cm_language *language; /* NULL = detect from path and text */
    enum cm_chunk_strategy strategy;
    /* Names a file that is being edited, in any way that stays the same: a worker keeps its tree, and the next text is
     * given to that worker when it is idle, which parses what has changed. 0 = nothing is kept. */
    uint64_t document;
    /* Called once on the caller's thread while a worker has the text; not at all when no worker is asked. What
     * needs the text alone is done by then. May be NULL. */
    void (*meanwhile)(void *argument);
    void *argument;
} cm_parse_request;

/* Always gives a result that covers the file with chunks, whatever the file holds: a hostile or
 * broken one comes back FAILED or SKIPPED with line chunks. `text` must outlive `*ret_parsed`.
 * Errors: CM_CANCELLED, CM_TIMEOUT (the token's deadline), CM_NOMEM. */
cm_rc cm_parse_file(cm_parser_pool *pool, const cm_parse_request *request, const cm_cancel *cancel,
                    cm_arena *arena, cm_parsed *ret_parsed, cm_err *err) cm_must_check;

/* Where a completion should stop. Offsets are into the candidate; its length when the end does not
 * lie inside it. */
typedef struct cm_scope_end {
    size_t statement; /* end of the statement the cursor is in */
    size_t block;     /* end of the innermost block that was open at the cursor (its closing bracket
                         not included) */
    size_t unit; /* end of the innermost function, method or class open at the cursor or begun by
                         the candidate (its closing bracket included) */
    bool parsed; /* false: by brackets and indentation only, no grammar or no worker */
} cm_scope_end;

/* `before` and `after` are the document around the cursor; at most 64 KiB of each side are read. A worker
 * that has not yet parsed this language leaves it to the brackets. Never fails because of the text.
 * Errors: CM_CANCELLED, CM_TIMEOUT. */
cm_rc cm_parse_scope_end(cm_parser_pool *pool, const cm_language *language, cm_str before,
                         cm_str candidate, cm_str after, const cm_cancel *cancel,
                         cm_scope_end *ret_end, cm_err *err) cm_must_check;

/* The worker's life: reads requests until the parent goes away. Called by `main` for the hidden command
 * `parse-worker`; returns the exit status. */
int cm_parse_worker_main(int argc, char **argv);

#endif
