/* writer_spool.c - posted writes while the database is away: into the spool, and from there into the database.
 *
 * A group of posted statements that the database did not take within CM_WRITER_GROUP_NS goes to the
 * spool, and so does all that is posted after it, until the last record is in the database: their order is
 * kept. Each statement has a number, and each transaction notes its last one in `spools`. A replay first takes that
 * row: it waits for a commit of unknown outcome that is still under way, and then knows which numbers are done.
 *
 * A record that the database refuses for good (its parent row is gone, a check) is told in the log and
 * passed over, as the write itself would have been.
 *
 * Thread: the writer's. */
#include "store/writer_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/q/spools.h"

#define RETRY_MS  200
#define BATCH     64
#define BATCH_MAX CM_MIB(80)
#define KEPT_MS \
    (INT64_C(90) * 24 * 3600 * 1000) /* a server away for longer replays at its own risk */
#define SPOOL_MAX CM_MIB(256)

cm_rc cm_writer_advance(const cm_writer *writer, const cm_db *db, uint64_t number, cm_err *err) {
    cm_q_spools_advance_in in = {.id = cm_spool_id(writer->spool),
                                 .applied = (int64_t)number,
                                 .expires_at = cm_clock_wall_ms() + KEPT_MS};
    return cm_q_spools_advance(db, &in, NULL, err);
}

static cm_rc take_applied(const cm_writer *writer, const cm_db *db, uint64_t *ret_applied,
                          cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_spools_take_in in = {.id = cm_spool_id(writer->spool),
                              .expires_at = cm_clock_wall_ms() + KEPT_MS};
    cm_q_spools_take_row row;
    cm_rc rc = cm_q_spools_take(db, &in, arena, &row, err);
    if (rc == CM_OK) {
        *ret_applied = (uint64_t)row.applied;
    }
    return rc;
}

static cm_rc read_number(const cm_db *db, void *argument, cm_err *err) {
    cm_writer *writer = argument;
    uint64_t applied = 0;
    cm_rc rc = take_applied(writer, db, &applied, err);
    writer->number = CM_MAX(applied, cm_spool_last(writer->spool));
    return rc;
}

cm_rc cm_writer_open_spool(cm_writer *writer, const cm_store_options *options, cm_err *err) {
    if (writer->store->ops->single_writer || options->data_dir == NULL) {
        return CM_OK; /* the embedded database is a file beside it: what stops one stops the other */
    }
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/spool", options->data_dir);
    uint64_t max = options->spool_max != 0 ? options->spool_max : SPOOL_MAX;
    cm_rc rc = cm_dir_make(options->data_dir, err);
    rc = rc == CM_OK ? cm_spool_open(path, max, &writer->spool, err) : rc;
    if (rc != CM_OK || cm_spool_waiting(writer->spool) == 0) {
        return rc;
    }
    cm_log(CM_LOG_INFO, "posted writes of an earlier server are in the spool",
           CM_I("writes", (int64_t)cm_spool_waiting(writer->spool)));
    cm_db db = cm_store_system(writer->store);
    return cm_tx_run(&db, CM_TX_WRITE, CM_FULL, read_number, writer, err);
}

bool cm_writer_is_spooling(const cm_writer *writer) {
    return writer->spool != NULL && cm_spool_waiting(writer->spool) > 0;
}

bool cm_write_may_come(cm_rc rc) {
    static const cm_rc passing[] = {
        CM_DATABASE_UNAVAILABLE, CM_STORAGE_FULL, CM_IO, CM_NOMEM, CM_TIMEOUT, CM_CANCELLED};
    for (size_t i = 0; i < CM_COUNT(passing); i++) {
        if (rc == passing[i]) {
            return true;
        }
    }
    return false;
}

/* --- Into the spool -------------------------------------------------------------------------- */

static cm_rc encode_all(cm_writer *writer, cm_write_job *group, const cm_write_job *stop,
                        cm_buf *out, size_t *ret_count, cm_err *err) {
    for (cm_write_job *j = group; j != stop; j = j->next) {
        if (j->query == NULL) {
            continue;
        }
        j->number = j->number != 0 ? j->number : ++writer->number;
        cm_spool_write write = {j->number,    j->db.scope, j->db.user_id,
                                j->db.now_ms, j->query,    j->params};
        cm_rc rc = cm_spool_encode(&write, out, err);
        if (rc != CM_OK) {
            return rc;
        }
        ++*ret_count;
    }
    return cm_buf_check(out, err);
}

void cm_writer_spool(cm_writer *writer, cm_write_job *group, const cm_write_job *stop) {
    bool began = !cm_writer_is_spooling(writer);
    cm_err err = {0};
    cm_buf records;
    size_t count = 0;
    cm_buf_init(&records, CM_MIB(512));
    cm_rc rc = encode_all(writer, group, stop, &records, &count, &err);
    if (rc == CM_OK && count > 0) {
        rc = cm_spool_append(writer->spool, cm_buf_str(&records), count, writer->number, &err);
    }
    cm_buf_done(&records);
    for (cm_write_job *j = group; j != stop; j = j->next) {
        if (j->barrier) {
            j->rc = CM_OK; /* the losses say what became of the others */
        } else if (j->query != NULL) {
            j->rc = rc == CM_OK ? CM_OK
                                : cm_fail(&j->err, CM_DATABASE_UNAVAILABLE,
                                          "the database is away, and %s", err.text);
        }
    }
    if (rc == CM_OK && began && count > 0) {
        writer->try_again_ms = cm_clock_ms() + RETRY_MS;
        cm_log(CM_LOG_WARN, "the database is away: posted writes are kept in the spool");
    }
}

/* --- Out of it ------------------------------------------------------------------------------- */

typedef struct replay {
    cm_writer *writer;
    cm_str records;
    uint64_t last;
} replay;

/* One write in a savepoint of its own, so that its refusal leaves its neighbours alone. */
static cm_rc run_write(const cm_db *db, void *argument, cm_err *err) {
    const cm_spool_write *write = argument;
    return cm_query_exec(db, write->query, write->params, NULL, err);
}

static cm_rc replay_one(const cm_db *db, cm_str record, uint64_t applied, cm_arena *arena,
                        uint64_t *ret_number, cm_err *err) {
    cm_spool_write write;
    cm_err why = {0};
    cm_rc rc = cm_spool_decode(record, arena, &write, &why);
    if (rc == CM_NOMEM) {
        return cm_fail(err, rc, "%s", why.text);
    }
    if (rc == CM_OK) {
        *ret_number = write.number;
        if (write.number <= applied) {
            return CM_OK;
        }
        cm_db as = *db;
        as.scope = write.scope;
        as.user_id = write.user_id;
        as.now_ms = write.now_ms;
        rc = db->store->ops->ask_as(db->tx, &as, &why);
        rc = rc == CM_OK ? cm_tx_nested(&as, run_write, &write, &why) : rc;
        if (rc != CM_OK && (cm_write_may_come(rc) || !db->store->ops->is_open(db->tx))) {
            return cm_fail(err, rc, "%s", why.text);
        }
    }
    if (rc != CM_OK && rc != CM_NOT_FOUND) {
        cm_log_err(CM_LOG_ERROR, "a spooled write was refused", &why);
        db->store->writer->refused++;
    }
    return CM_OK;
}

static cm_rc replay_batch(const cm_db *db, void *argument, cm_err *err) {
    replay *r = argument;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    uint64_t applied = 0;
    cm_rc rc = take_applied(r->writer, db, &applied, err);
    r->last = applied;
    for (cm_str rest = r->records; rc == CM_OK && rest.len > 0;) {
        cm_arena_clear(arena);
        uint64_t number = r->last;
        rc = replay_one(db, cm_spool_next(&rest), applied, arena, &number, err);
        r->last = CM_MAX(r->last, number);
    }
    if (rc == CM_OK) {
        rc = db->store->ops->ask_as(db->tx, db, err);
    }
    return rc == CM_OK ? cm_writer_advance(r->writer, db, r->last, err) : rc;
}

bool cm_writer_replay(cm_writer *writer) {
    cm_err err = {0};
    size_t count = 0;
    cm_buf records;
    if (!cm_writer_is_spooling(writer) || cm_clock_ms() < writer->try_again_ms) {
        return false;
    }
    cm_buf_init(&records, BATCH_MAX);
    cm_rc rc = cm_spool_peek(writer->spool, BATCH, &records, &count, &err);
    if (rc == CM_OK) {
        replay r = {.writer = writer, .records = cm_buf_str(&records)};
        cm_cancel *limit = cm_cancel_new(cm_clock_ns() + CM_WRITER_GROUP_NS * 2);
        cm_db db = cm_store_system(writer->store);
        db.asker = limit;
        rc = cm_tx_run(&db, CM_TX_WRITE, CM_FULL, replay_batch, &r, &err);
        cm_cancel_unref(limit);
    }
    cm_buf_done(&records);
    if (rc != CM_OK) {
        writer->try_again_ms = cm_clock_ms() + RETRY_MS;
        if (rc != CM_DATABASE_UNAVAILABLE && rc != CM_TIMEOUT) {
            cm_log_err(CM_LOG_ERROR, "the spool cannot be written to the database", &err);
        }
        return false;
    }
    cm_spool_done(writer->spool, count);
    if (!cm_writer_is_spooling(writer)) {
        cm_log(CM_LOG_INFO, "all spooled writes are in the database");
    }
    return true;
}
