/* writer.c - the writer thread: one queue, group commit.
 *
 * An fsync costs milliseconds, so jobs that wait together share one: the thread takes what is in the
 * queue (at most GROUP_JOBS, and stops starting new ones after GROUP_NS), runs each job inside its own
 * savepoint of one transaction, commits once, and then answers everyone. A job that fails is undone
 * alone. When the whole group fails (disk full, I/O), each of its jobs gets a transaction of its own, so
 * that one job too big for the disk does not take its neighbours down; that is why jobs may run twice. Only
 * a group whose commit may have been done is left at that.
 *
 * The thread never waits for company: while one group syncs, the next gathers.
 *
 * Jobs of waiting callers are bounded by the number of threads, posted ones by queue_max. A caller whose time is over
 * leaves its job when that has not begun: the writer throws it away.
 *
 * Threads: the queue and all `done` flags are guarded by the mutex; the rest belongs to the writer. */
#include "store/store_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define GROUP_JOBS     256
#define GROUP_NS       (2 * 1000 * 1000ull)
#define POSTED_DEFAULT 16384
#define RETRY_MS       200
#define PATIENCE_MS    30000 /* for a server that cannot be reached */

typedef struct job {
    struct job *next;
    cm_db db;
    enum cm_durability durability;
    cm_tx_fn *run;
    void *argument;
    void (*release)(void *); /* posted jobs only */
    bool posted;
    bool begun;     /* its caller stays until it is done */
    bool withdrawn; /* its caller has gone: it must not run */
    bool done;
    cm_rc rc;
    cm_err err;
    pthread_cond_t *wake; /* waiting jobs only */
} job;

struct cm_writer {
    cm_store *store;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    job *first, *last;
    size_t waiting;
    size_t posted_waiting;
    size_t posted_max;
    bool stopping;
    cm_store_stats stats;
};

/* --- The queue ------------------------------------------------------------------------------ */

static void push(cm_writer *writer, job *j) {
    j->next = NULL;
    if (writer->last != NULL) {
        writer->last->next = j;
    } else {
        writer->first = j;
    }
    writer->last = j;
    writer->waiting++;
    pthread_cond_signal(&writer->filled);
}

/* Takes up to GROUP_JOBS jobs, as a list; NULL when the thread shall end. */
static job *take(cm_writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    while (writer->first == NULL && !writer->stopping) {
        pthread_cond_wait(&writer->filled, &writer->mutex);
    }
    job *group = writer->first;
    job *end = group;
    size_t count = 0;
    for (job *j = group; j != NULL && count < GROUP_JOBS; j = j->next) {
        end = j;
        count++;
        writer->posted_waiting -= j->posted;
    }
    writer->waiting -= count;
    if (end != NULL) {
        writer->first = end->next;
        end->next = NULL;
    }
    if (writer->first == NULL) {
        writer->last = NULL;
    }
    pthread_mutex_unlock(&writer->mutex);
    return group;
}

/* --- Running a group ------------------------------------------------------------------------ */

/* False for a job whose caller has gone. */
static bool begin_job(cm_writer *writer, job *j) {
    pthread_mutex_lock(&writer->mutex);
    j->begun = !j->withdrawn;
    pthread_mutex_unlock(&writer->mutex);
    return j->begun;
}

static cm_rc run_job(cm_writer *writer, cm_tx *tx, job *j) {
    if (!begin_job(writer, j)) {
        return CM_OK;
    }
    j->db.tx = tx;
    cm_rc rc = tx->store->ops->ask_as(tx, &j->db, &j->err);
    if (rc == CM_OK) {
        rc = cm_tx_nested(&j->db, j->run, j->argument, &j->err);
    }
    j->rc = rc;
    return rc;
}

static enum cm_durability group_durability(const job *group, const job *stop) {
    for (const job *j = group; j != stop; j = j->next) {
        if (j->durability == CM_FULL) {
            return CM_FULL;
        }
    }
    return CM_NORMAL;
}

static void fail_all(job *group, const job *stop, cm_rc rc, const cm_err *err) {
    for (job *j = group; j != stop; j = j->next) {
        j->rc = rc;
        j->err = *err;
    }
}

/* How a transaction of jobs ended. When it failed as a whole, each job has the error. */
typedef struct outcome {
    job *rest; /* the first job that was not run for lack of time */
    enum { COMMITTED, NOT_BEGUN, UNDONE, UNSURE } end;
    bool again; /* for a reason that may be gone next time */
} outcome;

/* Runs jobs from `group` up to `stop` in one transaction. */
static outcome run_group(cm_writer *writer, job *group, job *stop) {
    cm_store *store = writer->store;
    cm_tx tx = {0};
    cm_err err = {0};
    cm_db own = cm_store_system(store); /* the group's, not one asker's */
    cm_rc rc =
        store->ops->begin(store, &own, CM_TX_WRITE, group_durability(group, stop), &tx, &err);
    if (rc != CM_OK) {
        fail_all(group, stop, rc, &err);
        return (outcome){.rest = stop, .end = NOT_BEGUN, .again = rc == CM_DATABASE_UNAVAILABLE};
    }
    uint64_t end_ns = cm_clock_ns() + GROUP_NS;
    job *j = group;
    do {
        if (run_job(writer, &tx, j) != CM_OK && !store->ops->is_open(&tx)) {
            store->ops->rollback(&tx);
            rc = j->rc;
            err = j->err;
            fail_all(group, j->next, rc, &err);
            return (outcome){.rest = j->next, .end = UNDONE, .again = tx.again};
        }
        j = j->next;
    } while (j != stop && cm_clock_ns() < end_ns);
    rc = store->ops->commit(&tx, &err);
    if (rc != CM_OK) {
        fail_all(group, j, rc, &err);
        return (outcome){.rest = j, .end = tx.unsure ? UNSURE : UNDONE, .again = tx.again};
    }
    return (outcome){.rest = j, .end = COMMITTED};
}

/* A server that restarts is waited for; meanwhile the queue fills, and drops when it is full. */
static bool wait_a_little(cm_writer *writer, uint64_t since_ms) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += RETRY_MS * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_mutex_lock(&writer->mutex);
    int code = 0;
    while (!writer->stopping && code == 0) { /* woken by new jobs as well */
        code = pthread_cond_timedwait(&writer->filled, &writer->mutex, &end);
    }
    bool stopping = writer->stopping;
    pthread_mutex_unlock(&writer->mutex);
    return !stopping && cm_clock_ms() - since_ms < PATIENCE_MS;
}

/* Returns the first job that was not run; counts the commits. */
static job *run_jobs(cm_writer *writer, job *group, uint64_t *ret_commits) {
    uint64_t start_ms = cm_clock_ms();
    outcome all = run_group(writer, group, NULL);
    while (all.end == NOT_BEGUN && all.again && !writer->store->ops->single_writer &&
           wait_a_little(writer, start_ms)) {
        all = run_group(writer, group, NULL);
    }
    *ret_commits = all.end == COMMITTED;
    bool alone = group->next == all.rest;
    if (all.end == UNDONE && (!alone || all.again) && !atomic_load(&writer->store->failed)) {
        for (job *j = group; j != all.rest; j = j->next) {
            *ret_commits += run_group(writer, j, j->next).end == COMMITTED;
        }
    }
    return all.rest;
}

static void log_failure(const job *j) {
    cm_log_err(CM_LOG_ERROR, "posted database write failed", &j->err);
}

/* Posted jobs are freed first and without the lock, which posters want; waiting ones stay in the list. */
static job *settle_posted(job *group, const job *stop, uint64_t *jobs, uint64_t *failed) {
    job *waiting = NULL;
    for (job *j = group, *next; j != stop; j = next) {
        next = j->next;
        ++*jobs;
        if (!j->posted) {
            j->next = waiting;
            waiting = j;
            continue;
        }
        if (j->rc != CM_OK) {
            ++*failed;
            log_failure(j);
        }
        if (j->release != NULL) {
            j->release(j->argument);
        }
        cm_free(j);
    }
    return waiting;
}

static void answer(cm_writer *writer, job *group, const job *stop, uint64_t commits) {
    uint64_t jobs = 0;
    uint64_t failed = 0;
    job *waiting = settle_posted(group, stop, &jobs, &failed);
    pthread_mutex_lock(&writer->mutex);
    writer->stats.commits += commits;
    writer->stats.jobs += jobs;
    writer->stats.failed += failed;
    for (job *j = waiting, *next; j != NULL; j = next) {
        next = j->next; /* `j` may be gone once the mutex is free */
        if (j->withdrawn) {
            cm_free(j);
            continue;
        }
        j->done = true;
        pthread_cond_signal(j->wake);
    }
    pthread_mutex_unlock(&writer->mutex);
}

static void *writer_main(void *argument) {
    cm_writer *writer = argument;
    job *group;
    while ((group = take(writer)) != NULL) {
        while (group != NULL) {
            uint64_t commits;
            job *rest = run_jobs(writer, group, &commits);
            answer(writer, group, rest, commits);
            group = rest;
        }
    }
    return NULL;
}

/* --- The door ------------------------------------------------------------------------------- */

cm_rc cm_writer_start(cm_store *store, size_t queue_max, cm_err *err) {
    cm_writer *writer = CM_NEW(cm_writer);
    writer->store = store;
    writer->posted_max = queue_max != 0 ? queue_max : POSTED_DEFAULT;
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->filled, NULL);
    int failed = pthread_create(&writer->thread, NULL, writer_main, writer);
    if (failed != 0) {
        pthread_cond_destroy(&writer->filled);
        pthread_mutex_destroy(&writer->mutex);
        cm_free(writer);
        return cm_fail_errno(err, failed, "cannot start the database writer");
    }
    pthread_setname_np(writer->thread, "cm-writer");
    store->writer = writer;
    return CM_OK;
}

void cm_writer_stop(cm_store *store) {
    cm_writer *writer = store->writer;
    if (writer == NULL) {
        return;
    }
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_signal(&writer->filled);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    pthread_cond_destroy(&writer->filled);
    pthread_mutex_destroy(&writer->mutex);
    cm_free(writer);
    store->writer = NULL;
}

static cm_rc check_failed(cm_store *store, cm_err *err) {
    if (atomic_load(&store->failed)) {
        return cm_fail(err, CM_IO, "a database write could not be synced; restart the server");
    }
    return CM_OK;
}

/* Leaves when the time of the caller is over and its job has not begun: `withdrawn` makes it the writer's. */
static bool await(cm_writer *writer, job *j) {
    while (!j->done) {
        if (j->db.asker == NULL) {
            pthread_cond_wait(j->wake, &writer->mutex);
            continue;
        }
        cm_cond_turn(j->wake, &writer->mutex);
        if (!j->done && !j->begun && cm_db_over(writer->store, &j->db, true) != CM_CANCEL_NONE) {
            j->withdrawn = true;
            return false;
        }
    }
    return true;
}

cm_rc cm_writer_run(const cm_db *db, enum cm_durability durability, cm_tx_fn *run, void *argument,
                    cm_err *err) {
    cm_rc rc = check_failed(db->store, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_writer *writer = db->store->writer;
    pthread_cond_t wake;
    pthread_cond_init(&wake, NULL);
    job *j = CM_NEW(job);
    *j =
        (job){.db = *db, .durability = durability, .run = run, .argument = argument, .wake = &wake};
    pthread_mutex_lock(&writer->mutex);
    push(writer, j);
    bool done = await(writer, j);
    pthread_mutex_unlock(&writer->mutex);
    pthread_cond_destroy(&wake);
    if (!done) {
        return cm_fail(err, CM_TIMEOUT, "the database's writer was busy for the time of the call");
    }
    rc = j->rc;
    if (rc != CM_OK && err != NULL) {
        *err = j->err;
    }
    cm_free(j);
    return rc;
}

cm_rc cm_writer_post(const cm_db *db, enum cm_durability durability, cm_tx_fn *run, void *argument,
                     void (*release)(void *), cm_err *err) {
    cm_rc rc = check_failed(db->store, err);
    cm_writer *writer = db->store->writer;
    job *j = CM_NEW(job);
    *j = (job){.db = *db,
               .durability = durability,
               .run = run,
               .argument = argument,
               .release = release,
               .posted = true};
    j->db.tx = NULL;
    j->db.cancel = j->db.asker = NULL; /* the asker does not wait, so it cannot stop it */
    pthread_mutex_lock(&writer->mutex);
    if (rc == CM_OK && writer->posted_waiting >= writer->posted_max) {
        rc =
            cm_fail(err, CM_OVERLOADED, "%zu writes wait for the database", writer->posted_waiting);
    }
    if (rc == CM_OK) {
        writer->posted_waiting++;
        writer->stats.posted++;
        push(writer, j);
    } else {
        writer->stats.dropped++;
    }
    pthread_mutex_unlock(&writer->mutex);
    if (rc != CM_OK) {
        if (release != NULL) {
            release(argument);
        }
        cm_free(j);
    }
    return rc;
}

void cm_writer_stats(const cm_store *store, cm_store_stats *ret_stats) {
    cm_writer *writer = store->writer;
    pthread_mutex_lock(&writer->mutex);
    ret_stats->commits = writer->stats.commits;
    ret_stats->jobs = writer->stats.jobs;
    ret_stats->posted = writer->stats.posted;
    ret_stats->dropped = writer->stats.dropped;
    ret_stats->failed = writer->stats.failed;
    ret_stats->waiting = writer->waiting;
    pthread_mutex_unlock(&writer->mutex);
}
