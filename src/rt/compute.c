/* compute.c - two counters, one lock and one condition. */
#include "rt/compute.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

/* Foreground pieces come in quick succession (one per generation), so background work waits for the
 * condition rather than polling. A cancelled waiter notices within one slice. */
#define WAIT_SLICE_MS 20

struct cm_compute {
    pthread_mutex_t mutex;
    pthread_cond_t idle; /* foreground became 0 */
    unsigned foreground;
    unsigned background;
    cm_compute_stats stats;
};

cm_compute *cm_compute_new(void) {
    cm_compute *compute = CM_NEW(cm_compute);
    pthread_mutex_init(&compute->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&compute->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return compute;
}

void cm_compute_free(cm_compute *compute) {
    if (compute == NULL) {
        return;
    }
    cm_assert(compute->foreground == 0 && compute->background == 0);
    pthread_cond_destroy(&compute->idle);
    pthread_mutex_destroy(&compute->mutex);
    cm_free(compute);
}

void cm_compute_foreground_begin(cm_compute *compute) {
    if (compute == NULL) {
        return;
    }
    pthread_mutex_lock(&compute->mutex);
    compute->foreground++;
    pthread_mutex_unlock(&compute->mutex);
}

void cm_compute_foreground_end(cm_compute *compute) {
    if (compute == NULL) {
        return;
    }
    pthread_mutex_lock(&compute->mutex);
    cm_assert(compute->foreground > 0);
    if (--compute->foreground == 0) {
        pthread_cond_broadcast(&compute->idle);
    }
    pthread_mutex_unlock(&compute->mutex);
}

static struct timespec after_ms(unsigned ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)ms * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    return at;
}

void cm_compute_background_begin(cm_compute *compute, const cm_cancel *cancel) {
    if (compute == NULL) {
        return;
    }
    unsigned waited = 0;
    pthread_mutex_lock(&compute->mutex);
    compute->stats.waiting++;
    for (; compute->foreground > 0 && waited < CM_COMPUTE_WAIT_MS &&
           cm_cancel_hit(cancel) == CM_CANCEL_NONE;
         waited += WAIT_SLICE_MS) {
        struct timespec until = after_ms(WAIT_SLICE_MS);
        pthread_cond_timedwait(&compute->idle, &compute->mutex, &until);
    }
    compute->background++;
    compute->stats.waiting--;
    compute->stats.pieces++;
    compute->stats.waited += waited > 0;
    compute->stats.expired += waited >= CM_COMPUTE_WAIT_MS && compute->foreground > 0;
    pthread_mutex_unlock(&compute->mutex);
}

void cm_compute_background_end(cm_compute *compute) {
    if (compute == NULL) {
        return;
    }
    pthread_mutex_lock(&compute->mutex);
    cm_assert(compute->background > 0);
    compute->background--;
    pthread_mutex_unlock(&compute->mutex);
}

/* Reading changes only the mutex. */
static cm_compute *locked(const cm_compute *compute) {
    cm_compute *mutable = (cm_compute *)(uintptr_t)compute;
    pthread_mutex_lock(&mutable->mutex);
    return mutable;
}

unsigned cm_compute_background_count(const cm_compute *compute) {
    if (compute == NULL) {
        return 0;
    }
    cm_compute *held = locked(compute);
    unsigned count = held->background;
    pthread_mutex_unlock(&held->mutex);
    return count;
}

cm_compute_stats cm_compute_stats_get(const cm_compute *compute) {
    if (compute == NULL) {
        return (cm_compute_stats){0};
    }
    cm_compute *held = locked(compute);
    cm_compute_stats stats = held->stats;
    stats.running = held->background;
    pthread_mutex_unlock(&held->mutex);
    return stats;
}
