/* caretaker.c - see caretaker.h. */
#include "repository/caretaker.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "repository/repository_priv.h"
#include "rt/polite.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define REPOSITORIES_MAX 4096
#define LOOK_MS          60000 /* a file cut short within its last page tells nobody: sizes are compared */
#define AGAIN_MS         500 /* while a job runs that began before the damage was known */

struct cm_caretaker {
    cm_indexer *indexer;
    pthread_t thread;
    int wake;
    atomic_bool stop, degraded;
    cm_cancel *cancel;
};

/* False: it has to be looked at again, because another job runs. */
static bool heal(cm_repository *repository) {
    cm_uuid ignored;
    cm_err err;
    cm_rc rc =
        cm_repository_start(repository, CM_INDEX_INCREMENTAL, CM_JOB_WATCHED, &ignored, &err);
    if (rc == CM_OK) {
        cm_log(CM_LOG_INFO, "a damaged index is being built again");
    } else if (rc != CM_CONFLICT && rc != CM_NOT_FOUND) {
        cm_log_err(CM_LOG_WARN, "a damaged index cannot be built again now", &err);
    }
    return rc != CM_CONFLICT;
}

/* Looks at one; true when it needs another look. */
static bool look(cm_caretaker *c, cm_repository *repository, bool *degraded) {
    cm_index *index = cm_repository_index_ref(repository);
    cm_err err;
    bool again = false;
    if (cm_index_check(index, c->cancel, &err) != CM_OK && !atomic_load(&c->stop)) {
        cm_log_err(CM_LOG_WARN, "an index cannot be checked", &err);
    }
    if (cm_index_needs_job(index) && !atomic_load(&c->stop)) {
        again = !heal(repository);
    }
    bool is_degraded = cm_index_degraded(index) != NULL;
    *degraded = *degraded || is_degraded;
    cm_index_unref(index);
    return again || is_degraded;
}

static bool look_at_all(cm_caretaker *c) {
    cm_repository **all = cm_alloc(REPOSITORIES_MAX * sizeof(cm_repository *));
    size_t found = cm_indexer_list(c->indexer, all, REPOSITORIES_MAX);
    size_t count = CM_MIN(found, REPOSITORIES_MAX);
    bool again = false, degraded = false;
    for (size_t i = 0; i < count; i++) {
        again = (!atomic_load(&c->stop) && look(c, all[i], &degraded)) || again;
        cm_repository_unref(all[i]);
    }
    cm_free(all);
    atomic_store(&c->degraded, degraded);
    return again;
}

static void drain(int fd) {
    uint64_t ignored;
    if (fd >= 0 && read(fd, &ignored, sizeof(ignored)) < 0) {
        return; /* nothing was told */
    }
}

static void *caretaker_main(void *argument) {
    cm_caretaker *c = argument;
    struct pollfd fds[] = {{.fd = c->wake, .events = POLLIN},
                           {.fd = cm_mapping_torn_fd(), .events = POLLIN}};
    bool again = false;
    cm_thread_make_polite();
    while (!atomic_load(&c->stop)) {
        (void)poll(fds, CM_COUNT(fds), again ? AGAIN_MS : LOOK_MS);
        drain(fds[0].fd);
        drain(fds[1].fd);
        again = !atomic_load(&c->stop) && look_at_all(c);
    }
    return NULL;
}

cm_rc cm_caretaker_start(cm_indexer *indexer, cm_caretaker **ret_caretaker, cm_err *err) {
    cm_caretaker *c = CM_NEW(cm_caretaker);
    c->indexer = indexer;
    c->cancel = cm_cancel_new(0);
    c->wake = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    int failed = c->wake < 0 ? errno : pthread_create(&c->thread, NULL, caretaker_main, c);
    if (failed) {
        if (c->wake >= 0) {
            close(c->wake);
        }
        cm_cancel_unref(c->cancel);
        cm_free(c);
        return cm_fail_errno(err, failed, "cannot start a thread that checks indexes");
    }
    *ret_caretaker = c;
    return CM_OK;
}

void cm_caretaker_wake(cm_caretaker *caretaker) {
    uint64_t one = 1;
    if (caretaker && write(caretaker->wake, &one, sizeof(one)) < 0) {
        return; /* woken already */
    }
}

void cm_caretaker_stop(cm_caretaker *caretaker) {
    if (!caretaker) {
        return;
    }
    atomic_store(&caretaker->stop, true);
    cm_cancel_fire(caretaker->cancel, CM_CANCEL_SHUTDOWN);
    cm_caretaker_wake(caretaker);
    pthread_join(caretaker->thread, NULL);
    close(caretaker->wake);
    cm_cancel_unref(caretaker->cancel);
    cm_free(caretaker);
}

bool cm_caretaker_is_degraded(const cm_caretaker *caretaker) {
    return caretaker && atomic_load(&caretaker->degraded);
}
