/* writer.c - the writer thread: one queue, group commit.
 *
 * An fsync costs milliseconds, so jobs that wait together share one: the thread takes what is in the
 * queue (at most GROUP_JOBS, and stops starting new ones after GROUP_NS), runs each job inside its own
 * savepoint of one transaction, commits once, and then answers everyone. A job that fails is undone
 * alone. When the whole group fails (disk full, I/O), each of its jobs gets a transaction of its own, so
 * that one job too big for the disk does not take its neighbours down; that is why jobs may run twice. Only
 * a group whose commit may have been done is left at that.
 *
 * On PostgreSQL a group of posted statements that is not committed within a second goes to the spool (writer_spool.c).
 *
 * The thread never waits for company: while one group syncs, the next gathers.
 *
 * Jobs of waiting callers are bounded by the number of threads, posted ones by queue_max. A caller whose time is over
 * leaves its job when that has not begun: the writer throws it away.
 *
 * Threads: the queue and all `done` flags are guarded by the mutex; the rest belongs to the writer. */
#include "store/writer_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define GROUP_JOBS     256
#define GROUP_NS       (2 * 1000 * 1000ull)
#define POSTED_DEFAULT 16384
#define RETRY_MS       200
#define PATIENCE_MS    30000 /* for a server that cannot be reached */

/* --- The queue ------------------------------------------------------------------------------ */

static void push(cm_writer *writer, cm_write_job *j) {
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

static bool has_to_replay(const cm_writer *writer) {
    return cm_writer_is_spooling(writer) && cm_clock_ms() >= writer->try_again_ms;
}

/* Takes up to GROUP_JOBS jobs, as a list; NULL when the spool is to be tried, or when the thread shall end. */
static cm_write_job *take(cm_writer *writer, bool *ret_over) {
    pthread_mutex_lock(&writer->mutex);
    while (writer->first == NULL && !writer->stopping && !has_to_replay(writer)) {
        if (cm_writer_is_spooling(writer)) {
            cm_cond_turn(&writer->filled, &writer->mutex);
        } else {
            pthread_cond_wait(&writer->filled, &writer->mutex);
        }
    }
    *ret_over = writer->first == NULL && writer->stopping;
    cm_write_job *group = writer->first;
    cm_write_job *end = group;
    size_t count = 0;
    for (cm_write_job *j = group; j != NULL && count < GROUP_JOBS; j = j->next) {
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

/* False for a job whose caller has gone and took what it works on along. */
static bool begin_job(cm_writer *writer, cm_write_job *j) {
    pthread_mutex_lock(&writer->mutex);
    j->begun = j->posted || !j->withdrawn;
    pthread_mutex_unlock(&writer->mutex);
    return j->begun;
}

static cm_rc run_job(cm_writer *writer, cm_tx *tx, cm_write_job *j) {
    if (!begin_job(writer, j)) {
        return CM_OK;
    }
    if (j->query != NULL && j->number == 0) {
        j->number = ++writer->number;
    }
    j->db.tx = tx;
    cm_rc rc = tx->store->ops->ask_as(tx, &j->db, &j->err);
    if (rc == CM_OK) {
        rc = cm_tx_nested(&j->db, j->run, j->argument, &j->err);
    }
    j->rc = rc;
    return rc;
}

/* With a spool each commit is a full one: what PostgreSQL has said to have and then loses in a crash could not be put
 * into the spool any more. */
static enum cm_durability group_durability(const cm_writer *writer, const cm_write_job *group,
                                           const cm_write_job *stop) {
    if (writer->spool != NULL) {
        return CM_FULL;
    }
    for (const cm_write_job *j = group; j != stop; j = j->next) {
        if (j->durability == CM_FULL) {
            return CM_FULL;
        }
    }
    return CM_NORMAL;
}

static void fail_all(cm_write_job *group, const cm_write_job *stop, cm_rc rc, const cm_err *err) {
    for (cm_write_job *j = group; j != stop; j = j->next) {
        j->rc = rc;
        j->err = *err;
    }
}

/* What ends the whole transaction: the engine threw it away, or what failed is kept in the spool. */
static bool ends_group(const cm_writer *writer, const cm_tx *tx, cm_rc rc) {
    return rc != CM_OK &&
           (!writer->store->ops->is_open(tx) || (writer->spool != NULL && cm_write_may_come(rc)));
}

/* Beside the statements of the group: how far they are. */
static cm_rc advance(const cm_writer *writer, cm_tx *tx, const cm_write_job *group,
                     const cm_write_job *stop, cm_err *err) {
    uint64_t number = 0;
    for (const cm_write_job *j = group; j != stop; j = j->next) {
        number = CM_MAX(number, j->number);
    }
    if (writer->spool == NULL || number == 0) {
        return CM_OK;
    }
    cm_db own = cm_store_system(writer->store);
    own.tx = tx;
    cm_rc rc = writer->store->ops->ask_as(tx, &own, err);
    return rc == CM_OK ? cm_writer_advance(writer, &own, number, err) : rc;
}

static cm_write_outcome fail_group(cm_write_job *group, cm_write_job *rest, cm_rc rc,
                                   const cm_err *err, const cm_tx *tx) {
    fail_all(group, rest, rc, err);
    return (cm_write_outcome){
        .rest = rest, .end = tx->unsure ? CM_UNSURE : CM_UNDONE, .again = tx->again};
}

static cm_write_outcome run_in(cm_writer *writer, cm_tx *tx, cm_write_job *group,
                               cm_write_job *stop) {
    const cm_backend_ops *ops = writer->store->ops;
    cm_err err = {0};
    uint64_t end_ns = cm_clock_ns() + GROUP_NS;
    cm_write_job *j = group;
    do {
        if (ends_group(writer, tx, run_job(writer, tx, j))) {
            ops->rollback(tx);
            err = j->err;
            return fail_group(group, j->next, j->rc, &err, tx);
        }
        j = j->next;
    } while (j != stop && cm_clock_ns() < end_ns);
    cm_rc rc = advance(writer, tx, group, j, &err);
    if (rc != CM_OK) {
        ops->rollback(tx);
        return fail_group(group, j, rc, &err, tx);
    }
    rc = ops->commit(tx, &err);
    return rc != CM_OK ? fail_group(group, j, rc, &err, tx)
                       : (cm_write_outcome){.rest = j, .end = CM_COMMITTED};
}

/* Runs jobs from `group` up to `stop` in one transaction. */
static cm_write_outcome run_group(cm_writer *writer, cm_write_job *group, cm_write_job *stop) {
    cm_store *store = writer->store;
    cm_tx tx = {0};
    cm_err err = {0};
    cm_db own = cm_store_system(store); /* the group's, not one asker's */
    cm_cleanup(cm_cancel_unrefp) cm_cancel *limit =
        writer->spool != NULL ? cm_cancel_new(cm_clock_ns() + CM_WRITER_GROUP_NS) : NULL;
    own.asker = limit;
    cm_rc rc = store->ops->begin(store, &own, CM_TX_WRITE, group_durability(writer, group, stop),
                                 &tx, &err);
    if (rc != CM_OK) {
        fail_all(group, stop, rc, &err);
        return (cm_write_outcome){
            .rest = stop, .end = CM_NOT_BEGUN, .again = rc == CM_DATABASE_UNAVAILABLE};
    }
    return run_in(writer, &tx, group, stop);
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

static uint64_t run_alone(cm_writer *writer, cm_write_job *j) {
    if (j->query != NULL && cm_writer_is_spooling(writer)) {
        cm_writer_spool(writer, j, j->next);
        return 0;
    }
    cm_write_outcome one = run_group(writer, j, j->next);
    if (one.end != CM_COMMITTED && writer->spool != NULL &&
        (one.end == CM_UNSURE || cm_write_may_come(j->rc))) {
        cm_writer_spool(writer, j, j->next);
    }
    return one.end == CM_COMMITTED;
}

/* Returns the first job that was not run; counts the commits. */
static cm_write_job *run_jobs(cm_writer *writer, cm_write_job *group, uint64_t *ret_commits) {
    uint64_t start_ms = cm_clock_ms();
    cm_write_outcome all = run_group(writer, group, NULL);
    while (all.end == CM_NOT_BEGUN && all.again && writer->spool == NULL &&
           !writer->store->ops->single_writer && wait_a_little(writer, start_ms)) {
        all = run_group(writer, group, NULL);
    }
    *ret_commits = all.end == CM_COMMITTED;
    if (all.end == CM_COMMITTED) {
        return all.rest;
    }
    if (writer->spool != NULL && (all.end == CM_UNSURE || cm_write_may_come(group->rc))) {
        cm_writer_spool(writer, group, all.rest);
        return all.rest;
    }
    bool alone = group->next == all.rest;
    if (all.end == CM_UNDONE && (!alone || all.again) && !atomic_load(&writer->store->failed)) {
        for (cm_write_job *j = group; j != all.rest; j = j->next) {
            *ret_commits += run_alone(writer, j);
        }
    }
    return all.rest;
}

/* All that waits in the spool is in the database. */
static bool drain(cm_writer *writer) {
    writer->try_again_ms = 0;
    while (cm_writer_replay(writer)) {
    }
    return !cm_writer_is_spooling(writer);
}

/* The same while there are writes in the spool: what is posted follows them there. */
static cm_write_job *run_spooling(cm_writer *writer, cm_write_job *group, uint64_t *ret_commits) {
    *ret_commits = 0;
    cm_writer_spool(writer, group, NULL);
    for (cm_write_job *j = group; j != NULL; j = j->next) {
        if (j->query != NULL || j->barrier) {
            continue;
        }
        if (drain(writer)) {
            *ret_commits += run_group(writer, j, j->next).end == CM_COMMITTED;
        } else {
            j->rc = cm_fail(&j->err, CM_DATABASE_UNAVAILABLE,
                            "the database is away; %llu posted writes wait in the spool",
                            (unsigned long long)cm_spool_waiting(writer->spool));
        }
    }
    return NULL;
}

static void log_failure(const cm_write_job *j) {
    cm_log_err(CM_LOG_ERROR, "posted database write failed", &j->err);
}

typedef struct settled {
    uint64_t jobs, failed, losses;
} settled;

/* Posted jobs are freed first and without the lock, which posters want; those that are waited for stay in the list. */
static cm_write_job *settle_posted(cm_write_job *group, const cm_write_job *stop, settled *s) {
    cm_write_job *waiting = NULL;
    for (cm_write_job *j = group, *next; j != stop; j = next) {
        next = j->next;
        s->jobs++;
        if (j->posted && !j->barrier && j->rc != CM_OK) {
            s->failed++;
            s->losses += cm_write_may_come(j->rc);
            log_failure(j);
        }
        if (j->posted && j->release != NULL) {
            j->release(j->argument);
        }
        if (j->wake != NULL) {
            j->next = waiting;
            waiting = j;
        } else {
            cm_free(j);
        }
    }
    return waiting;
}

/* The spool is the thread's own; what others may ask about it is copied under the mutex. */
static void note_spool(cm_writer *writer) {
    if (writer->spool != NULL) {
        writer->stats.spooled = cm_spool_waiting(writer->spool);
        writer->stats.spooled_bytes = cm_spool_bytes(writer->spool);
    }
}

static void answer(cm_writer *writer, cm_write_job *group, const cm_write_job *stop,
                   uint64_t commits) {
    settled s = {0};
    cm_write_job *waiting = settle_posted(group, stop, &s);
    pthread_mutex_lock(&writer->mutex);
    writer->stats.commits += commits;
    writer->stats.jobs += s.jobs;
    writer->stats.failed += s.failed;
    writer->losses += s.losses;
    note_spool(writer);
    for (cm_write_job *j = waiting, *next; j != NULL; j = next) {
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

static void replay(cm_writer *writer) {
    cm_writer_replay(writer);
    pthread_mutex_lock(&writer->mutex);
    note_spool(writer);
    writer->stats.failed += writer->refused;
    writer->refused = 0;
    pthread_mutex_unlock(&writer->mutex);
}

static void *writer_main(void *argument) {
    cm_writer *writer = argument;
    bool over = false;
    while (!over) {
        cm_write_job *group = take(writer, &over);
        while (group != NULL) {
            uint64_t commits;
            cm_write_job *rest = cm_writer_is_spooling(writer)
                                     ? run_spooling(writer, group, &commits)
                                     : run_jobs(writer, group, &commits);
            answer(writer, group, rest, commits);
            group = rest;
        }
        if (!over) {
            replay(writer);
        }
    }
    return NULL;
}

/* --- The door ------------------------------------------------------------------------------- */

static void writer_free(cm_writer *writer) {
    cm_spool_close(writer->spool);
    pthread_cond_destroy(&writer->filled);
    pthread_mutex_destroy(&writer->mutex);
    cm_free(writer);
}

cm_rc cm_writer_start(cm_store *store, const cm_store_options *options, cm_err *err) {
    cm_writer *writer = CM_NEW(cm_writer);
    writer->store = store;
    writer->posted_max = options->queue_max != 0 ? options->queue_max : POSTED_DEFAULT;
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->filled, NULL);
    cm_rc rc = cm_writer_open_spool(writer, options, err);
    if (rc != CM_OK) {
        writer_free(writer);
        return rc;
    }
    note_spool(writer);
    int failed = pthread_create(&writer->thread, NULL, writer_main, writer);
    if (failed != 0) {
        writer_free(writer);
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
    writer_free(writer);
    store->writer = NULL;
}

static cm_rc check_failed(cm_store *store, cm_err *err) {
    if (atomic_load(&store->failed)) {
        return cm_fail(err, CM_IO, "a database write could not be synced; restart the server");
    }
    return CM_OK;
}

/* Leaves when the time of `asker` is over, unless its job has begun and works on what is the caller's: `withdrawn`
 * makes it the writer's. */
static bool await(cm_writer *writer, cm_write_job *j, const cm_db *db) {
    while (!j->done) {
        if (db->asker == NULL) {
            pthread_cond_wait(j->wake, &writer->mutex);
            continue;
        }
        cm_cond_turn(j->wake, &writer->mutex);
        if (!j->done && (j->posted || !j->begun) &&
            cm_db_over(writer->store, db, true) != CM_CANCEL_NONE) {
            j->withdrawn = true;
            return false;
        }
    }
    return true;
}

/* Under the mutex, and without it afterwards. */
static cm_rc wait_for(cm_writer *writer, cm_write_job *j, const cm_db *db, cm_err *err) {
    bool done = await(writer, j, db);
    pthread_mutex_unlock(&writer->mutex);
    if (!done) {
        return cm_fail(err, CM_TIMEOUT, "the database's writer was busy for the time of the call");
    }
    cm_rc rc = j->rc;
    if (rc != CM_OK && err != NULL) {
        *err = j->err;
    }
    cm_free(j);
    return rc;
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
    cm_write_job *j = CM_NEW(cm_write_job);
    *j = (cm_write_job){
        .db = *db, .durability = durability, .run = run, .argument = argument, .wake = &wake};
    pthread_mutex_lock(&writer->mutex);
    push(writer, j);
    rc = wait_for(writer, j, db, err);
    pthread_cond_destroy(&wake);
    return rc;
}

static cm_rc post(const cm_db *db, const cm_post *what, pthread_cond_t *wake, cm_err *err) {
    cm_rc rc = check_failed(db->store, err);
    cm_writer *writer = db->store->writer;
    cm_write_job *j = CM_NEW(cm_write_job);
    *j = (cm_write_job){.db = *db,
                        .durability = what->durability,
                        .run = what->run,
                        .argument = what->argument,
                        .release = what->release,
                        .query = what->query,
                        .params = what->params,
                        .barrier = what->barrier,
                        .posted = true,
                        .wake = wake};
    j->db.tx = NULL;
    j->db.cancel = j->db.asker = NULL; /* the asker does not wait, so it cannot stop it */
    j->db.now_ms = cm_clock_wall_ms();
    pthread_mutex_lock(&writer->mutex);
    if (rc == CM_OK && !what->barrier && writer->posted_waiting >= writer->posted_max) {
        rc =
            cm_fail(err, CM_OVERLOADED, "%zu writes wait for the database", writer->posted_waiting);
    }
    if (rc != CM_OK) {
        writer->stats.dropped++;
        writer->losses++;
        pthread_mutex_unlock(&writer->mutex);
        if (what->release != NULL) {
            what->release(what->argument);
        }
        cm_free(j);
        return rc;
    }
    writer->posted_waiting++;
    writer->stats.posted++;
    push(writer, j);
    if (wake != NULL) {
        return wait_for(writer, j, db, err);
    }
    pthread_mutex_unlock(&writer->mutex);
    return CM_OK;
}

cm_rc cm_writer_post(const cm_db *db, const cm_post *what, cm_err *err) {
    return post(db, what, NULL, err);
}

cm_rc cm_writer_keep(const cm_db *db, const cm_post *what, cm_err *err) {
    pthread_cond_t wake;
    pthread_cond_init(&wake, NULL);
    cm_rc rc = post(db, what, &wake, err);
    pthread_cond_destroy(&wake);
    return rc;
}

uint64_t cm_store_losses(const cm_store *store) {
    cm_writer *writer = store->writer;
    pthread_mutex_lock(&writer->mutex);
    uint64_t losses = writer->losses;
    pthread_mutex_unlock(&writer->mutex);
    return losses;
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
    ret_stats->spooled = writer->stats.spooled;
    ret_stats->spooled_bytes = writer->stats.spooled_bytes;
    pthread_mutex_unlock(&writer->mutex);
}
