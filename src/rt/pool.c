/* pool.c - see pool.h.
 *
 * One lock, one condition, two rings of fixed size made at the start: submitting never allocates. A
 * background job is taken only while fewer than workers - 1 of them run (with a single worker: when
 * none runs), so one worker is always left, or soon free, for interactive work. Rejected: a queue per
 * worker with stealing; jobs here take 0.1 ms and more, and one lock hands out a million a second.
 *
 * Thread: `lock` guards everything below it. */
#include "rt/pool.h"

#include "base/mem.h"
#include "rt/polite.h"

#include <pthread.h>
#include <unistd.h>

#define CM_POOL_WORKERS_MAX 256

typedef struct cm_job {
    cm_job_fn *run;
    void *argument;
} cm_job;

typedef struct cm_job_ring {
    cm_job *jobs;
    size_t first;
    size_t count;
} cm_job_ring;

typedef struct cm_worker {
    cm_pool *pool;
    pthread_t thread;
    unsigned index;
} cm_worker;

struct cm_pool {
    unsigned workers;
    bool polite;
    size_t queue_max;
    cm_worker *threads;
    unsigned started; /* threads that run, for clean-up after a failed start */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    cm_job_ring rings[2]; /* by enum cm_priority */
    uint64_t refused[2];
    unsigned background_running;
    bool closing;
};

static void ring_push(cm_job_ring *ring, size_t max, cm_job job) {
    ring->jobs[(ring->first + ring->count) % max] = job;
    ring->count++;
}

static cm_job ring_pop(cm_job_ring *ring, size_t max) {
    cm_job job = ring->jobs[ring->first];
    ring->first = (ring->first + 1) % max;
    ring->count--;
    return job;
}

static bool background_may_run(const cm_pool *pool) {
    unsigned room = pool->workers > 1 ? pool->workers - 1 : 1;
    return pool->rings[CM_BACKGROUND].count > 0 && pool->background_running < room;
}

/* Under the lock: waits for a job; false when the pool closes and nothing is left for this worker. */
static bool take_job(cm_pool *pool, cm_job *ret_job, enum cm_priority *ret_priority) {
    for (;;) {
        if (pool->rings[CM_INTERACTIVE].count > 0) {
            *ret_priority = CM_INTERACTIVE;
        } else if (background_may_run(pool)) {
            *ret_priority = CM_BACKGROUND;
            pool->background_running++;
        } else if (pool->closing && pool->rings[CM_BACKGROUND].count == 0) {
            return false;
        } else {
            pthread_cond_wait(&pool->wake, &pool->lock);
            continue;
        }
        *ret_job = ring_pop(&pool->rings[*ret_priority], pool->queue_max);
        return true;
    }
}

static void *worker_main(void *argument) {
    cm_worker *worker = argument;
    cm_pool *pool = worker->pool;
    cm_job job;
    enum cm_priority priority;
    if (pool->polite) {
        cm_thread_make_polite();
    }
    pthread_mutex_lock(&pool->lock);
    while (take_job(pool, &job, &priority)) {
        pthread_mutex_unlock(&pool->lock);
        job.run(job.argument, worker->index);
        pthread_mutex_lock(&pool->lock);
        if (priority == CM_BACKGROUND) {
            pool->background_running--;
            /* Room for another background job, or the end for those who wait on the last one. */
            if (pool->rings[CM_BACKGROUND].count > 0 || pool->closing) {
                pthread_cond_broadcast(&pool->wake);
            }
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static unsigned cores(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return (unsigned)CM_MIN(CM_MAX(count, 2), CM_POOL_WORKERS_MAX);
}

static cm_rc start_workers(cm_pool *pool, cm_err *err) {
    for (unsigned i = 0; i < pool->workers; i++) {
        cm_worker *worker = &pool->threads[i];
        worker->pool = pool;
        worker->index = i;
        int rc = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (rc) {
            return cm_fail_errno(err, rc, "cannot start worker thread %u of %u", i + 1,
                                 pool->workers);
        }
        pool->started++;
    }
    return CM_OK;
}

static cm_rc pool_new(unsigned workers, size_t queue_max, bool polite, cm_pool **ret_pool,
                      cm_err *err) {
    if (workers > CM_POOL_WORKERS_MAX || queue_max == 0) {
        return cm_fail(err, CM_INVALID, "a pool needs 1 to %d workers and a queue of at least 1",
                       CM_POOL_WORKERS_MAX);
    }
    cm_pool *pool = CM_NEW(cm_pool);
    pool->workers = workers ? workers : cores();
    pool->polite = polite;
    pool->queue_max = queue_max;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = cm_alloc(pool->workers * sizeof(*pool->threads));
    pool->rings[0].jobs = cm_try_calloc(queue_max, sizeof(cm_job));
    pool->rings[1].jobs = cm_try_calloc(queue_max, sizeof(cm_job));
    cm_rc rc = pool->rings[0].jobs && pool->rings[1].jobs
                   ? start_workers(pool, err)
                   : cm_fail(err, CM_NOMEM, "no memory for a queue of %zu jobs", queue_max);
    if (rc) {
        cm_pool_free(pool);
        return rc;
    }
    *ret_pool = pool;
    return CM_OK;
}

cm_rc cm_pool_new(unsigned workers, size_t queue_max, cm_pool **ret_pool, cm_err *err) {
    return pool_new(workers, queue_max, false, ret_pool, err);
}

cm_rc cm_pool_new_polite(unsigned workers, size_t queue_max, cm_pool **ret_pool, cm_err *err) {
    return pool_new(workers, queue_max, true, ret_pool, err);
}

void cm_pool_free(cm_pool *pool) {
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++) {
        pthread_join(pool->threads[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    cm_free(pool->rings[0].jobs);
    cm_free(pool->rings[1].jobs);
    cm_free(pool->threads);
    cm_free(pool);
}

unsigned cm_pool_workers(const cm_pool *pool) {
    return pool->workers;
}

/* A lock is no change the caller can see. */
static cm_pool *locked(const cm_pool *pool) {
    cm_pool *self = (cm_pool *)(uintptr_t)pool;
    pthread_mutex_lock(&self->lock);
    return self;
}

size_t cm_pool_waiting(const cm_pool *pool, enum cm_priority priority) {
    cm_pool *self = locked(pool);
    size_t count = self->rings[priority].count;
    pthread_mutex_unlock(&self->lock);
    return count;
}

uint64_t cm_pool_refused(const cm_pool *pool, enum cm_priority priority) {
    cm_pool *self = locked(pool);
    uint64_t count = self->refused[priority];
    pthread_mutex_unlock(&self->lock);
    return count;
}

cm_rc cm_pool_submit(cm_pool *pool, enum cm_priority priority, cm_job_fn *run, void *argument,
                     cm_err *err) {
    cm_job_ring *ring = &pool->rings[priority];
    pthread_mutex_lock(&pool->lock);
    bool closing = pool->closing;
    bool full = ring->count == pool->queue_max;
    if (!closing && !full) {
        ring_push(ring, pool->queue_max, (cm_job){run, argument});
        pthread_cond_signal(&pool->wake);
    }
    pool->refused[priority] += !closing && full;
    pthread_mutex_unlock(&pool->lock);
    if (closing) {
        return cm_fail(err, CM_DRAINING, "the worker pool is shutting down");
    }
    if (full) {
        return cm_fail(err, CM_OVERLOADED, "%zu jobs wait already; try again later",
                       pool->queue_max);
    }
    return CM_OK;
}
