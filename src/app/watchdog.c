/* watchdog.c - a thread that waits for the end of the process, and makes it when it does not come. */
#include "base/base.h"

#include <pthread.h>
#include <unistd.h>

#include "app/watchdog.h"
#include "base/log.h"
#include "base/mem.h"

struct cm_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t limit_ms;
    const char *what;
    bool is_stopped;
};

static void *watch(void *argument) {
    cm_watchdog *w = argument;
    struct timespec until;
    int waited = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += w->limit_ms / 1000;
    until.tv_nsec += (long)(w->limit_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&w->lock);
    while (!w->is_stopped && waited == 0) {
        waited = pthread_cond_timedwait(&w->changed, &w->lock, &until);
    }
    if (!w->is_stopped) {
        cm_log(CM_LOG_ERROR, "the server does not end by itself: it is ended now",
               CM_F("stuck_in", w->what), CM_I("after_ms", w->limit_ms));
        _exit(1);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

cm_rc cm_watchdog_start(uint32_t limit_ms, cm_watchdog **ret_watchdog, cm_err *err) {
    cm_watchdog *w = CM_NEW(cm_watchdog);
    pthread_condattr_t attributes;
    w->limit_ms = limit_ms;
    w->what = "running requests";
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int failed = pthread_create(&w->thread, NULL, watch, w);
    if (failed != 0) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->lock);
        cm_free(w);
        return cm_fail_errno(err, failed, "cannot watch the end of the server");
    }
    *ret_watchdog = w;
    return CM_OK;
}

void cm_watchdog_at(cm_watchdog *watchdog, const char *what) {
    if (!watchdog) {
        return;
    }
    pthread_mutex_lock(&watchdog->lock);
    watchdog->what = what;
    pthread_mutex_unlock(&watchdog->lock);
}

void cm_watchdog_stop(cm_watchdog *watchdog) {
    if (!watchdog) {
        return;
    }
    pthread_mutex_lock(&watchdog->lock);
    watchdog->is_stopped = true;
    pthread_cond_signal(&watchdog->changed);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->changed);
    pthread_mutex_destroy(&watchdog->lock);
    cm_free(watchdog);
}
