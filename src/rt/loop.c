/* loop.c - see loop.h.
 *
 * Posts go to an array under a lock; the loop swaps it for an empty one and runs the whole batch, so
 * the lock is held for an append or a swap only, and uv_async_send is called only for the first post
 * of a batch. A post made by a running batch goes to the next one: sockets get their turn in between.
 *
 * Life: the thread runs uv_run until cm_loops_free sets `closing`; then it runs what is left in the
 * queue, frees the timers and the wake-up handle, and uv_run returns because no handle is left. A
 * handle of somebody else that is still open then is a mistake of the program and stops it.
 *
 * Thread: `lock` guards `posts` and `closing`; all else belongs to the loop's thread. */
#include "rt/loop.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <uv.h>

#define CM_LOOPS_MAX 128

typedef struct cm_post {
    cm_loop_fn *run;
    void *argument;
} cm_post;

typedef struct cm_post_list {
    cm_post *items;
    size_t count;
    size_t cap;
} cm_post_list;

struct cm_timer {
    uv_timer_t uv;
    cm_loop *loop;
    cm_loop_fn *run;
    void *argument;
    cm_timer *previous; /* of this loop's timers */
    cm_timer *next;
};

struct cm_loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_t thread;
    unsigned index;
    cm_timer *timers;
    cm_post_list batch; /* the one being run; its memory is kept for the next swap */
    pthread_mutex_t lock;
    cm_post_list posts;
    bool closing;
};

struct cm_loops {
    cm_loop *items;
    unsigned count; /* running threads */
    atomic_uint turn;
};

/* --- posting --- */

static void list_add(cm_post_list *list, cm_post post) {
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 64;
        list->items = cm_realloc(list->items, list->cap * sizeof(*list->items));
    }
    list->items[list->count++] = post;
}

bool cm_loop_post(cm_loop *loop, cm_loop_fn *run, void *argument) {
    pthread_mutex_lock(&loop->lock);
    bool open = !loop->closing;
    bool first = open && loop->posts.count == 0;
    if (open) {
        list_add(&loop->posts, (cm_post){run, argument});
    }
    if (first) {
        /* Under the lock: after `closing` is set nobody may touch the handle any more. */
        uv_async_send(&loop->wake);
    }
    pthread_mutex_unlock(&loop->lock);
    return open;
}

static size_t run_batch(cm_loop *loop) {
    pthread_mutex_lock(&loop->lock);
    cm_post_list batch = loop->posts;
    loop->posts = loop->batch;
    loop->posts.count = 0;
    pthread_mutex_unlock(&loop->lock);
    for (size_t i = 0; i < batch.count; i++) {
        batch.items[i].run(loop, batch.items[i].argument);
    }
    loop->batch = batch;
    return batch.count;
}

static void on_wake(uv_async_t *wake) {
    cm_loop *loop = wake->data;
    run_batch(loop);
    pthread_mutex_lock(&loop->lock);
    bool closing = loop->closing;
    pthread_mutex_unlock(&loop->lock);
    if (!closing) {
        return;
    }
    while (run_batch(loop) > 0) {
    }
    while (loop->timers) {
        cm_timer_free(loop->timers);
    }
    uv_close((uv_handle_t *)wake, NULL);
}

typedef struct cm_call {
    cm_loop_fn *run;
    void *argument;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
} cm_call;

static void run_call(cm_loop *loop, void *argument) {
    cm_call *call = argument;
    call->run(loop, call->argument);
    pthread_mutex_lock(&call->lock);
    call->done = true;
    pthread_cond_signal(&call->wake);
    pthread_mutex_unlock(&call->lock);
}

void cm_loop_call(cm_loop *loop, cm_loop_fn *run, void *argument) {
    cm_assert(!cm_loop_is_here(loop));
    cm_call call = {.run = run, .argument = argument};
    pthread_mutex_init(&call.lock, NULL);
    pthread_cond_init(&call.wake, NULL);
    bool open = cm_loop_post(loop, run_call, &call);
    cm_assert(open);
    pthread_mutex_lock(&call.lock);
    while (!call.done) {
        pthread_cond_wait(&call.wake, &call.lock);
    }
    pthread_mutex_unlock(&call.lock);
    pthread_cond_destroy(&call.wake);
    pthread_mutex_destroy(&call.lock);
}

/* --- threads --- */

static void *loop_main(void *argument) {
    cm_loop *loop = argument;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return NULL;
}

static void loop_done(cm_loop *loop) {
    int rc = uv_loop_close(&loop->uv);
    cm_assert(rc == 0); /* else a socket outlived its server */
    pthread_mutex_destroy(&loop->lock);
    cm_free(loop->posts.items);
    cm_free(loop->batch.items);
}

static cm_rc loop_start(cm_loop *loop, unsigned index, cm_err *err) {
    loop->index = index;
    pthread_mutex_init(&loop->lock, NULL);
    int rc = uv_loop_init(&loop->uv);
    if (rc) {
        pthread_mutex_destroy(&loop->lock);
        return cm_fail_errno(err, -rc, "cannot make event loop %u", index);
    }
    rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc) {
        loop_done(loop);
        return cm_fail_errno(err, -rc, "cannot make the wake-up of event loop %u", index);
    }
    loop->wake.data = loop;
    rc = pthread_create(&loop->thread, NULL, loop_main, loop);
    if (rc) {
        uv_close((uv_handle_t *)&loop->wake, NULL);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        loop_done(loop);
        return cm_fail_errno(err, rc, "cannot start the thread of event loop %u", index);
    }
    return CM_OK;
}

static unsigned cores(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return (unsigned)CM_MIN(CM_MAX(count, 1), CM_LOOPS_MAX);
}

cm_rc cm_loops_new(unsigned count, cm_loops **ret_loops, cm_err *err) {
    if (count > CM_LOOPS_MAX) {
        return cm_fail(err, CM_INVALID, "%u event loops are more than %d", count, CM_LOOPS_MAX);
    }
    count = count ? count : cores();
    cm_loops *loops = CM_NEW(cm_loops);
    loops->items = cm_alloc(count * sizeof(*loops->items));
    for (unsigned i = 0; i < count; i++) {
        cm_rc rc = loop_start(&loops->items[i], i, err);
        if (rc) {
            cm_loops_free(loops);
            return rc;
        }
        loops->count++;
    }
    *ret_loops = loops;
    return CM_OK;
}

void cm_loops_free(cm_loops *loops) {
    if (!loops) {
        return;
    }
    for (unsigned i = 0; i < loops->count; i++) {
        cm_loop *loop = &loops->items[i];
        pthread_mutex_lock(&loop->lock);
        loop->closing = true;
        uv_async_send(&loop->wake);
        pthread_mutex_unlock(&loop->lock);
    }
    for (unsigned i = 0; i < loops->count; i++) {
        pthread_join(loops->items[i].thread, NULL);
        loop_done(&loops->items[i]);
    }
    cm_free(loops->items);
    cm_free(loops);
}

unsigned cm_loops_count(const cm_loops *loops) {
    return loops->count;
}

cm_loop *cm_loops_get(cm_loops *loops, unsigned index) {
    cm_assert(index < loops->count);
    return &loops->items[index];
}

cm_loop *cm_loops_next(cm_loops *loops) {
    unsigned turn = atomic_fetch_add_explicit(&loops->turn, 1, memory_order_relaxed);
    return &loops->items[turn % loops->count];
}

unsigned cm_loop_index(const cm_loop *loop) {
    return loop->index;
}

bool cm_loop_is_here(const cm_loop *loop) {
    return pthread_equal(pthread_self(), loop->thread) != 0;
}

struct uv_loop_s *cm_loop_uv(cm_loop *loop) {
    return &loop->uv;
}

/* --- timers --- */

static void on_timer(uv_timer_t *uv) {
    cm_timer *timer = uv->data;
    timer->run(timer->loop, timer->argument);
}

static void on_timer_closed(uv_handle_t *uv) {
    cm_free(uv->data);
}

cm_timer *cm_timer_new(cm_loop *loop, cm_loop_fn *run, void *argument) {
    cm_timer *timer = CM_NEW(cm_timer);
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    timer->loop = loop;
    timer->run = run;
    timer->argument = argument;
    timer->next = loop->timers;
    if (timer->next) {
        timer->next->previous = timer;
    }
    loop->timers = timer;
    return timer;
}

void cm_timer_start(cm_timer *timer, uint64_t after_ms, uint64_t every_ms) {
    uv_timer_start(&timer->uv, on_timer, after_ms, every_ms);
}

void cm_timer_stop(cm_timer *timer) {
    uv_timer_stop(&timer->uv);
}

void cm_timer_free(cm_timer *timer) {
    if (!timer) {
        return;
    }
    if (timer->previous) {
        timer->previous->next = timer->next;
    } else {
        timer->loop->timers = timer->next;
    }
    if (timer->next) {
        timer->next->previous = timer->previous;
    }
    uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}
