/* When the rows follow: the queue of repositories, the thread and its rests. See tables.h. */
#include "index/tables/tables_priv.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICENESS     10    /* below everything that answers a person */
#define OPEN_WAIT_MS 2000  /* a server that starts has better things to do */
#define SLOW_MS      200   /* a transaction that takes longer: the database is busy */
#define SLOW_FACTOR  10    /* ... and is left alone this many times as long */
#define REST_MAX_MS  30000 /* longest rest */
#define PASS_FACTOR  10    /* rest after a pass, of the time it took: at most a tenth of a core */
#define RETRY_MS     1000  /* after a failure; doubled each time up to REST_MAX_MS */

typedef struct entry {
    cm_uuid id;
    cm_index *repository; /* referenced while it is dirty, else NULL: a removed one can go */
    bool dirty;           /* to be compared */
    bool published;       /* ... because something changed in this process */
    uint64_t due_ms;      /* when (cm_clock_ms) */
    uint64_t rest_ms;     /* not before: the last pass was not long ago */
    uint32_t backoff;     /* milliseconds of rest after the last failure; 0 = it went well */
} entry;

struct cm_tables {
    cm_tables_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;    /* work, hurry or stop */
    pthread_cond_t settled; /* a pass ended */
    CM_VEC(entry) entries;
    cm_tables_stats stats;
    unsigned hurry; /* somebody waits: no rests */
    cm_tables_pass_fn *follow;
    void *follow_argument;
    bool working, stop;
};

/* ---- the queue ---- */

static entry *find(cm_tables *t, const cm_uuid *id) {
    for (size_t i = 0; i < t->entries.count; i++) {
        if (cm_uuid_eq(&t->entries.items[i].id, id)) {
            return &t->entries.items[i];
        }
    }
    return cm_vec_push(&t->entries, (entry){.id = *id}) ? cm_vec_last(&t->entries) : NULL;
}

static void mark(cm_tables *t, cm_index *repository, bool published) {
    uint64_t wanted = cm_clock_ms() + (published ? 0 : OPEN_WAIT_MS);
    pthread_mutex_lock(&t->lock);
    entry *e = find(t, cm_index_id(repository));
    if (e) { /* out of memory: the next publish or start finds it */
        wanted = CM_MAX(wanted, e->rest_ms);
        e->due_ms = e->dirty ? CM_MIN(e->due_ms, wanted) : wanted;
        e->dirty = true;
        e->published = e->published || published;
        if (e->repository != repository) {
            cm_index_unref(e->repository);
            e->repository = cm_index_ref(repository);
        }
    }
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

void cm_tables_on_published(void *tables, cm_index *index, enum cm_index_news news) {
    mark(tables, index, news == CM_INDEX_CHANGED);
}

static void wait_until(cm_tables *t, uint64_t due_ms) {
    uint64_t now = cm_clock_ms();
    if (due_ms <= now) {
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + (due_ms - now) * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&t->wake, &t->lock, &until);
}

/* The entry to work on next, the lock held; false to stop. */
static bool next_due(cm_tables *t, size_t *ret_at) {
    while (!t->stop) {
        uint64_t now = cm_clock_ms(), due = UINT64_MAX;
        for (size_t i = 0; i < t->entries.count; i++) {
            const entry *e = &t->entries.items[i];
            if (e->dirty && (e->due_ms <= now || (t->hurry > 0 && !e->backoff))) {
                *ret_at = i;
                return true;
            }
            due = e->dirty ? CM_MIN(due, e->due_ms) : due;
        }
        if (due == UINT64_MAX) {
            pthread_cond_wait(&t->wake, &t->lock);
        } else {
            wait_until(t, due);
        }
    }
    return false;
}

/* ---- the thread ---- */

/* As long as the transaction took, so that others get their turn; much longer when it was slow. */
static cm_rc rest(void *argument, uint64_t took_ns, cm_err *err) {
    cm_tables *t = argument;
    uint64_t took_ms = took_ns / 1000000;
    uint64_t pause = took_ms > SLOW_MS ? CM_MIN(took_ms * SLOW_FACTOR, REST_MAX_MS) : took_ms;
    uint64_t due = cm_clock_ms() + pause;
    pthread_mutex_lock(&t->lock);
    while (!t->stop && !t->hurry && cm_clock_ms() < due) {
        wait_until(t, due);
    }
    bool stop = t->stop;
    pthread_mutex_unlock(&t->lock);
    return stop ? cm_fail(err, CM_CANCELLED, "the projection was stopped") : CM_OK;
}

static void add_stats(cm_tables_stats *to, const cm_tables_stats *more) {
    to->written += more->written;
    to->removed += more->removed;
    to->rows += more->rows;
    to->batches += more->batches;
}

/* The lock held. What was marked meanwhile stays dirty. */
static void conclude(cm_tables *t, entry *e, cm_rc rc, uint64_t took_ms) {
    if (rc == CM_OK || rc == CM_NOT_FOUND) { /* without a row there is nothing to follow */
        t->stats.passes += rc == CM_OK;
        e->backoff = 0;
        e->rest_ms = cm_clock_ms() + CM_MIN(took_ms * PASS_FACTOR, REST_MAX_MS);
    } else {
        t->stats.failures++;
        e->backoff = e->backoff ? CM_MIN(e->backoff * 2, REST_MAX_MS) : RETRY_MS;
        e->rest_ms = cm_clock_ms() + e->backoff;
    }
    e->due_ms = e->dirty ? CM_MAX(e->due_ms, e->rest_ms) : e->rest_ms;
}

/* The lock held; let go while the pass runs. */
static void work(cm_tables *t, size_t at) {
    cm_tables_stats stats = {0};
    cm_table_pass pass = {.db = cm_store_system(t->options.store),
                          .mode = t->options.mode,
                          .rest = rest,
                          .argument = t,
                          .stats = &stats};
    entry taken = t->entries.items[at];
    t->entries.items[at].dirty = t->entries.items[at].published = false;
    t->entries.items[at].repository = NULL;
    t->working = true;
    cm_tables_pass_fn *follow = t->follow;
    void *follow_argument = t->follow_argument;
    pthread_mutex_unlock(&t->lock);
    cm_err err = {0};
    uint64_t start = cm_clock_ms();
    cm_rc rc = cm_table_pass_run(&pass, taken.repository, &err);
    if (rc == CM_OK && follow) {
        follow(follow_argument, taken.repository);
    }
    bool failed = rc != CM_OK && rc != CM_NOT_FOUND;
    if (failed && rc != CM_CANCELLED && !taken.backoff) {
        cm_log_err(CM_LOG_WARN, "the tables do not follow the index; it is tried again", &err);
    }
    if (failed) {
        mark(t, taken.repository, taken.published);
    }
    pthread_mutex_lock(&t->lock);
    t->working = false;
    add_stats(&t->stats, &stats);
    conclude(t, &t->entries.items[at], rc, cm_clock_ms() - start); /* places of entries hold */
    pthread_cond_broadcast(&t->settled);
    cm_index_unref(taken.repository);
}

static void *run(void *argument) {
    cm_tables *t = argument;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* of this thread alone, on Linux */
    size_t at;
    pthread_mutex_lock(&t->lock);
    while (next_due(t, &at)) {
        work(t, at);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* ---- opening, waiting, closing ---- */

cm_rc cm_tables_open(const cm_tables_options *options, cm_tables **ret_tables, cm_err *err) {
    cm_tables *t = CM_NEW(cm_tables);
    pthread_condattr_t attributes;
    t->options = *options;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &attributes);
    pthread_cond_init(&t->settled, &attributes);
    pthread_condattr_destroy(&attributes);
    int failed = pthread_create(&t->thread, NULL, run, t);
    if (failed) {
        cm_free(t);
        return cm_fail_errno(err, failed, "cannot start the thread of the tables");
    }
    *ret_tables = t;
    return CM_OK;
}

static bool is_settled(const cm_tables *t) {
    bool settled = !t->working;
    for (size_t i = 0; i < t->entries.count && settled; i++) {
        settled = !(t->entries.items[i].dirty && t->entries.items[i].published);
    }
    return settled;
}

cm_rc cm_tables_wait(cm_tables *tables, uint64_t timeout_ms, cm_err *err) {
    cm_tables *t = tables;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&t->lock);
    t->hurry++;
    pthread_cond_signal(&t->wake);
    int timed_out = 0;
    while (!is_settled(t) && !timed_out) {
        timed_out = pthread_cond_timedwait(&t->settled, &t->lock, &until);
    }
    t->hurry--;
    bool settled = is_settled(t);
    pthread_mutex_unlock(&t->lock);
    return settled ? CM_OK : cm_fail(err, CM_TIMEOUT, "the tables have not caught up yet");
}

void cm_tables_follow(cm_tables *tables, cm_tables_pass_fn *follow, void *argument) {
    pthread_mutex_lock(&tables->lock);
    tables->follow = follow;
    tables->follow_argument = argument;
    while (tables->working) {
        pthread_cond_wait(&tables->settled, &tables->lock);
    }
    pthread_mutex_unlock(&tables->lock);
}

void cm_tables_close(cm_tables *tables, uint32_t drain_ms) {
    if (!tables) {
        return;
    }
    if (drain_ms > 0 && cm_tables_wait(tables, drain_ms, NULL) != CM_OK) {
        cm_log(CM_LOG_INFO, "the tables catch up with the index at the next start");
    }
    pthread_mutex_lock(&tables->lock);
    tables->stop = true;
    pthread_cond_signal(&tables->wake);
    pthread_mutex_unlock(&tables->lock);
    pthread_join(tables->thread, NULL);
    for (size_t i = 0; i < tables->entries.count; i++) {
        cm_index_unref(tables->entries.items[i].repository);
    }
    cm_vec_done(&tables->entries);
    pthread_cond_destroy(&tables->wake);
    pthread_cond_destroy(&tables->settled);
    pthread_mutex_destroy(&tables->lock);
    cm_free(tables);
}

void cm_tables_stats_get(cm_tables *tables, cm_tables_stats *ret_stats) {
    pthread_mutex_lock(&tables->lock);
    *ret_stats = tables->stats;
    ret_stats->waiting = tables->working;
    for (size_t i = 0; i < tables->entries.count; i++) {
        ret_stats->waiting += tables->entries.items[i].dirty;
    }
    pthread_mutex_unlock(&tables->lock);
}
