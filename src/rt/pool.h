/* pool.h - worker threads behind one bounded queue with two priorities.
 *
 * Interactive jobs always leave the queue before background jobs; background jobs never occupy the
 * last worker, so that a request never waits for the indexer. A full queue refuses
 * (CM_OVERLOADED), it never blocks the caller.
 *
 * Thread: submit from any; jobs run on a worker, each with its index 0..workers-1 (for per-worker
 * things such as a database connection). */
#ifndef CM_RT_POOL_H
#define CM_RT_POOL_H

#include "base/err.h"

typedef struct cm_pool cm_pool;

enum cm_priority { CM_INTERACTIVE, CM_BACKGROUND };

typedef void cm_job_fn(void *argument, unsigned worker);

/* `workers` 0 = number of cores, at least 2. `queue_max` jobs of each priority may wait.
 * CM_INVALID (too many), CM_NOMEM, CM_IO (the system refuses a thread). */
cm_rc cm_pool_new(unsigned workers, size_t queue_max, cm_pool **ret_pool,
                  cm_err *err) cm_must_check;
/* The same with workers that stand back (rt/polite.h): for background jobs alone. Errors: any of cm_pool_new. */
cm_rc cm_pool_new_polite(unsigned workers, size_t queue_max, cm_pool **ret_pool,
                         cm_err *err) cm_must_check;
/* Runs what is queued, then joins all workers. */
void cm_pool_free(cm_pool *pool);
unsigned cm_pool_workers(const cm_pool *pool);
size_t cm_pool_waiting(const cm_pool *pool, enum cm_priority priority);
/* Jobs that found the queue full, since the pool was made. */
uint64_t cm_pool_refused(const cm_pool *pool, enum cm_priority priority);
/* CM_OVERLOADED when the queue is full, CM_DRAINING after cm_pool_free began. */
cm_rc cm_pool_submit(cm_pool *pool, enum cm_priority priority, cm_job_fn *run, void *argument,
                     cm_err *err) cm_must_check;

#endif
