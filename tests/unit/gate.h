/* gate.h - a counter that threads of a test wait on: no test sleeps to synchronise. */
#ifndef CM_TEST_GATE_H
#define CM_TEST_GATE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int count;
} gate;

#define GATE_INIT \
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void gate_add(gate *g, int n) {
    pthread_mutex_lock(&g->lock);
    g->count += n;
    pthread_cond_broadcast(&g->wake);
    pthread_mutex_unlock(&g->lock);
}

static inline int gate_count(gate *g) {
    pthread_mutex_lock(&g->lock);
    int count = g->count;
    pthread_mutex_unlock(&g->lock);
    return count;
}

/* Waits until the count is at least `n`; false after two minutes, so that a broken test ends even on a busy machine. */
static inline bool gate_wait(gate *g, int n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 120;
    int rc = 0;
    pthread_mutex_lock(&g->lock);
    while (g->count < n && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&g->wake, &g->lock, &until);
    }
    bool reached = g->count >= n;
    pthread_mutex_unlock(&g->lock);
    return reached;
}

#endif
