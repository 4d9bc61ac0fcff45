/* health.c - is the database there, and is there room on the disk? Asked in the background, so that whoever wants
 * to know never waits.
 *
 * One thread asks every health_ms, and every RECOVERY_MS while something is wrong. A probe has PROBE_MS of its own.
 * Whether there is room is tried, not computed: quotas and limits of the process count like a full disk.
 *
 * A database that is silent (the probe's time passed without an answer) is not asked by anybody else until a probe
 * is answered again: each call would only take as long. One that refuses is asked: that takes no time.
 *
 * Thread: `results` and `stopping` are guarded by the mutex; the rest belongs to the thread. */
#include "store/store_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PROBE_MS    1500
#define RECOVERY_MS 250
#define STALE_MS    5000 /* a probe that hangs this long beyond its time is bad news too */
#define ROOM_BYTES  CM_MIB(1)

struct cm_health {
    cm_store *store;
    char *room; /* file that is tried, or NULL */
    uint32_t every_ms;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t stop;
    bool stopping;
    uint64_t probed_ms;
    cm_store_health results;
};

static cm_rc try_room(const char *path, cm_err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot write '%s'", path);
    }
    int code = posix_fallocate(fd, 0, ROOM_BYTES);
    close(fd);
    unlink(path);
    return code == 0 ? CM_OK : cm_fail_errno(err, code, "cannot write '%s'", path);
}

static cm_rc ask_database(cm_store *store, cm_err *err) {
    if (atomic_load(&store->failed)) {
        return cm_fail(err, CM_IO, "a database write could not be synced; restart the server");
    }
    cm_cancel *limit = cm_cancel_new(cm_clock_ns() + PROBE_MS * 1000000ull);
    cm_rc rc = store->ops->probe(store, limit, err);
    bool silent = rc != CM_OK && cm_cancel_hit(limit) == CM_CANCEL_DEADLINE;
    cm_cancel_unref(limit);
    if (!silent) {
        atomic_store(&store->silent_since, 0);
    } else if (atomic_load(&store->silent_since) == 0) {
        atomic_store(&store->silent_since, cm_clock_ms());
    }
    return rc;
}

cm_rc cm_health_refuses(const cm_store *store, cm_err *err) {
    uint64_t since_ms = atomic_load(&store->silent_since);
    return since_ms == 0 ? CM_OK
                         : cm_fail(err, CM_DATABASE_UNAVAILABLE,
                                   "the database has not answered for %.1f seconds",
                                   (double)(cm_clock_ms() - since_ms + PROBE_MS) / 1e3);
}

static void note(cm_health *health, enum cm_store_part part, cm_rc rc, const cm_err *err) {
    static const char *const names[] = {[CM_PART_DATABASE] = "database", [CM_PART_DISK] = "disk"};
    pthread_mutex_lock(&health->mutex);
    bool was = health->results.parts[part].good;
    health->results.parts[part].good = rc == CM_OK;
    snprintf(health->results.parts[part].why, sizeof health->results.parts[part].why, "%s",
             rc == CM_OK ? "" : err->text);
    pthread_mutex_unlock(&health->mutex);
    if (was != (rc == CM_OK)) { /* once, not at every probe */
        cm_log(rc == CM_OK ? CM_LOG_INFO : CM_LOG_ERROR,
               rc == CM_OK ? "usable again" : "not usable", CM_F("part", names[part]),
               CM_F("why", rc == CM_OK ? "" : err->text));
    }
}

static bool probe(cm_health *health) {
    cm_err err = {0};
    cm_rc database = ask_database(health->store, &err);
    note(health, CM_PART_DATABASE, database, &err);
    cm_rc disk = health->room != NULL ? try_room(health->room, &err) : CM_OK;
    note(health, CM_PART_DISK, disk, &err);
    return database == CM_OK && disk == CM_OK;
}

static void *health_main(void *argument) {
    cm_health *health = argument;
    pthread_mutex_lock(&health->mutex);
    while (!health->stopping) {
        pthread_mutex_unlock(&health->mutex);
        uint32_t pause_ms =
            probe(health) ? health->every_ms : CM_MIN(health->every_ms, RECOVERY_MS);
        struct timespec next;
        clock_gettime(CLOCK_REALTIME, &next);
        next.tv_sec += pause_ms / 1000;
        next.tv_nsec += (long)(pause_ms % 1000) * 1000000;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        pthread_mutex_lock(&health->mutex);
        health->probed_ms = cm_clock_ms();
        int code = 0;
        while (!health->stopping && code == 0) {
            code = pthread_cond_timedwait(&health->stop, &health->mutex, &next);
        }
    }
    pthread_mutex_unlock(&health->mutex);
    return NULL;
}

void cm_store_health_get(cm_store *store, cm_store_health *ret_health) {
    cm_health *health = store->health;
    if (health == NULL) {
        *ret_health = (cm_store_health){.parts = {{.good = true}, {.good = true}}};
        return;
    }
    pthread_mutex_lock(&health->mutex);
    *ret_health = health->results;
    uint64_t age_ms = cm_clock_ms() - health->probed_ms;
    pthread_mutex_unlock(&health->mutex);
    if (age_ms > health->every_ms + PROBE_MS + STALE_MS) {
        ret_health->parts[CM_PART_DATABASE].good = false;
        snprintf(ret_health->parts[CM_PART_DATABASE].why,
                 sizeof ret_health->parts[CM_PART_DATABASE].why,
                 "the last look at it has hung for %.0f seconds", (double)age_ms / 1e3);
    }
}

cm_rc cm_health_start(cm_store *store, const cm_store_options *options, cm_err *err) {
    cm_health *health = CM_NEW(cm_health);
    *health = (cm_health){.store = store,
                          .every_ms = options->health_ms,
                          .probed_ms = cm_clock_ms(),
                          .results = {.parts = {{.good = true}, {.good = true}}}};
    if (options->data_dir != NULL) {
        health->room = cm_asprintf("%s/.room", options->data_dir);
    }
    pthread_mutex_init(&health->mutex, NULL);
    pthread_cond_init(&health->stop, NULL);
    int failed = pthread_create(&health->thread, NULL, health_main, health);
    if (failed != 0) {
        pthread_cond_destroy(&health->stop);
        pthread_mutex_destroy(&health->mutex);
        cm_free(health->room);
        cm_free(health);
        return cm_fail_errno(err, failed, "cannot start looking after the database");
    }
    pthread_setname_np(health->thread, "cm-health");
    store->health = health;
    return CM_OK;
}

void cm_health_stop(cm_store *store) {
    cm_health *health = store->health;
    if (health == NULL) {
        return;
    }
    pthread_mutex_lock(&health->mutex);
    health->stopping = true;
    pthread_cond_signal(&health->stop);
    pthread_mutex_unlock(&health->mutex);
    pthread_join(health->thread, NULL); /* its probe has a deadline of its own */
    pthread_cond_destroy(&health->stop);
    pthread_mutex_destroy(&health->mutex);
    cm_free(health->room);
    cm_free(health);
    store->health = NULL;
}
