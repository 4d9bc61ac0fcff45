/* fetcher.c - the model fetched beside a running server. See fetch.h. */
#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "app/fetch.h"
#include "base/log.h"
#include "base/mem.h"

#define RETRY_FIRST_S 60
#define RETRY_LAST_S  3600

struct cm_fetcher {
    char *setting, *folder;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool stop;
};

static bool on_progress(void *argument, uint64_t done, uint64_t total) {
    const cm_fetcher *fetcher = argument;
    (void)done;
    (void)total;
    return !atomic_load(&fetcher->stop);
}

static cm_rc fetch_once(cm_fetcher *fetcher, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_registry registry;
    cm_registry_find(fetcher->setting, arena, &registry);
    cm_fetch_options options = {.registry = &registry,
                                .model = &cm_fetch_default_model,
                                .folder = fetcher->folder,
                                .progress = on_progress,
                                .argument = fetcher};
    cm_fetch_report report;
    cm_log(CM_LOG_INFO, "fetching the default model",
           CM_F("from", cm_registry_shown(registry.index, arena)), CM_F("set by", registry.from));
    cm_rc rc = cm_fetch_model(&options, arena, &report, err);
    if (rc == CM_OK) {
        cm_log(CM_LOG_INFO, "the default model is here", CM_F("file", report.path));
    }
    return rc;
}

/* True when it is time to stop. */
static bool pause_for(cm_fetcher *fetcher, time_t seconds) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&fetcher->lock);
    int state = 0;
    while (!atomic_load(&fetcher->stop) && state == 0) {
        state = pthread_cond_timedwait(&fetcher->changed, &fetcher->lock, &until);
    }
    pthread_mutex_unlock(&fetcher->lock);
    return atomic_load(&fetcher->stop);
}

static void *run(void *argument) {
    cm_fetcher *fetcher = argument;
    time_t pause = RETRY_FIRST_S;
    for (;;) {
        cm_err err = {0};
        if (fetch_once(fetcher, &err) == CM_OK || atomic_load(&fetcher->stop)) {
            return NULL;
        }
        cm_log_err(CM_LOG_WARN, "no model yet: completions come from the repository alone", &err);
        if (pause_for(fetcher, pause)) {
            return NULL;
        }
        pause = CM_MIN(pause * 2, (time_t)RETRY_LAST_S);
    }
}

static void free_fetcher(cm_fetcher *fetcher) {
    pthread_cond_destroy(&fetcher->changed);
    pthread_mutex_destroy(&fetcher->lock);
    cm_free(fetcher->setting);
    cm_free(fetcher->folder);
    cm_free(fetcher);
}

cm_rc cm_fetcher_start(const char *setting, const char *folder, cm_fetcher **ret_fetcher,
                       cm_err *err) {
    cm_fetcher *fetcher = CM_NEW(cm_fetcher);
    fetcher->setting = cm_strndup(setting, strlen(setting));
    fetcher->folder = cm_strndup(folder, strlen(folder));
    pthread_mutex_init(&fetcher->lock, NULL);
    pthread_cond_init(&fetcher->changed, NULL);
    int failed = pthread_create(&fetcher->thread, NULL, run, fetcher);
    if (failed != 0) {
        free_fetcher(fetcher);
        return cm_fail_errno(err, failed, "cannot start the thread that fetches the model");
    }
    *ret_fetcher = fetcher;
    return CM_OK;
}

void cm_fetcher_stop(cm_fetcher *fetcher) {
    if (fetcher == NULL) {
        return;
    }
    pthread_mutex_lock(&fetcher->lock);
    atomic_store(&fetcher->stop, true);
    pthread_cond_signal(&fetcher->changed);
    pthread_mutex_unlock(&fetcher->lock);
    pthread_join(fetcher->thread, NULL);
    free_fetcher(fetcher);
}
