/* pg.c - the scale-out back-end: transactions on PostgreSQL through a pool of pipelined connections.
 *
 * Each transaction says who it is: one statement takes on the role (application or worker) and the user
 * for row-level security, both local to the transaction, so the pool may hand the connection to anyone
 * next and a transaction pooler may sit in between. A single statement goes out as BEGIN + identity +
 * statement + COMMIT in one pipeline: one round trip.
 *
 * Retried, at most three times, is only what certainly did nothing: a serialisation failure or deadlock,
 * and a read whose connection was lost. A write whose connection is lost may have been committed; its
 * caller is told, and ids made by the caller make repeating it safe.
 *
 * Statements are prepared by name once per connection and query. `unprepared` sends them unnamed, for
 * PgBouncer below 1.21, and leaves out the session settings it cannot pass on. */
#include "store/pg_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <poll.h>

#define ATTEMPTS      3
#define CONNS_DEFAULT 10
#define CONNS_MAX     100
#define ACQUIRE_MS    5000
#define LIFE_MS       (30 * 60 * 1000)
#define IDLE_CHECK_MS 1000
#define SCRATCH_MAX   CM_MIB(160)

static cm_pg *backend_of(const cm_store *store) {
    return store->backend;
}

/* --- Pool ------------------------------------------------------------------------------------- */

/* After some idle time: has the server said good-bye meanwhile? Old age counts too, with a little
 * scatter, so that not all connections are renewed at once. */
static bool is_stale(const cm_pg_conn *conn) {
    uint64_t now = cm_clock_ms();
    if (now - conn->made_ms > LIFE_MS + (conn->made_ms % 64) * 1000) {
        return true;
    }
    if (now - conn->used_ms < IDLE_CHECK_MS) {
        return false;
    }
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    return poll(&fd, 1, 0) != 0;
}

static cm_rc wait_free(cm_pg *self, cm_err *err) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += ACQUIRE_MS / 1000;
    while (self->free_conns == NULL && self->conns == self->conns_max) {
        if (pthread_cond_timedwait(&self->freed, &self->mutex, &end) != 0) {
            return cm_fail(err, CM_DATABASE_UNAVAILABLE,
                           "all %zu database connections are busy for %d seconds", self->conns_max,
                           ACQUIRE_MS / 1000);
        }
    }
    return CM_OK;
}

static void forget(cm_pg *self, cm_pg_conn *conn) {
    cm_pg_disconnect(conn);
    pthread_mutex_lock(&self->mutex);
    self->conns--;
    pthread_cond_signal(&self->freed);
    pthread_mutex_unlock(&self->mutex);
}

static cm_rc take_conn(cm_pg *self, cm_pg_conn **ret_conn, cm_err *err) {
    for (;;) {
        pthread_mutex_lock(&self->mutex);
        cm_rc rc = wait_free(self, err);
        cm_pg_conn *conn = self->free_conns;
        if (rc == CM_OK && conn != NULL) {
            self->free_conns = conn->next;
        } else if (rc == CM_OK) {
            self->conns++;
        }
        pthread_mutex_unlock(&self->mutex);
        if (rc != CM_OK) {
            return rc;
        }
        if (conn != NULL && is_stale(conn)) {
            forget(self, conn);
            continue;
        }
        if (conn == NULL) {
            rc = cm_pg_connect(self, &conn, err);
            if (rc != CM_OK) {
                forget(self, NULL);
                return rc;
            }
            PQsetnonblocking(conn->pg, 1);
            PQenterPipelineMode(conn->pg);
        }
        *ret_conn = conn;
        return CM_OK;
    }
}

static void give_conn(cm_pg *self, cm_pg_conn *conn) {
    if (conn->broken || PQstatus(conn->pg) != CONNECTION_OK ||
        PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
        forget(self, conn);
        return;
    }
    conn->used_ms = cm_clock_ms();
    pthread_mutex_lock(&self->mutex);
    conn->next = self->free_conns;
    self->free_conns = conn;
    pthread_cond_signal(&self->freed);
    pthread_mutex_unlock(&self->mutex);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static cm_rc sent(cm_pg_conn *conn, int ok, cm_err *err) {
    if (ok == 0) {
        conn->broken = true;
        return cm_fail(err, CM_DATABASE_UNAVAILABLE, "cannot send to the database: %s",
                       PQerrorMessage(conn->pg));
    }
    return CM_OK;
}

static cm_rc send_plain(cm_pg_conn *conn, const char *sql, cm_err *err) {
    return sent(conn, PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1), err);
}

/* Who asks: role and user until the end of the transaction. */
static cm_rc send_identity(cm_pg_conn *conn, const cm_db *db, enum cm_durability durability,
                           cm_err *err) {
    char user[CM_UUID_TEXT] = "";
    bool system = db->scope == CM_DB_SYSTEM;
    if (!system && !cm_uuid_is_nil(&db->user_id)) {
        cm_uuid_format(&db->user_id, user);
    }
    const char *values[] = {system ? "codementor_worker" : "codementor_app", user,
                            durability == CM_FULL ? "on" : "off"};
    return sent(conn,
                PQsendQueryParams(conn->pg,
                                  "SELECT set_config('role', $1, true), set_config('app.user_id', "
                                  "$2, true), set_config('synchronous_commit', $3, true)",
                                  3, NULL, values, NULL, NULL, 1),
                err);
}

/* `*ret_named`: a PREPARE was sent before the statement, so one result more comes. */
static cm_rc send_query(cm_pg *self, cm_pg_conn *conn, const cm_db *db, const cm_query *query,
                        const cm_pg_params *p, bool *ret_prepares, cm_err *err) {
    const char *sql = query->sql[CM_POSTGRES][db->scope];
    *ret_prepares = false;
    if (self->unprepared) {
        return sent(conn,
                    PQsendQueryParams(conn->pg, sql, p->count, p->types, p->values, p->lengths,
                                      p->formats, 1),
                    err);
    }
    size_t slot = (size_t)query->index * 2 + db->scope;
    char name[24];
    snprintf(name, sizeof name, "q%zu", slot);
    if (conn->prepared[slot] == 0) {
        *ret_prepares = true;
        cm_rc rc = sent(conn, PQsendPrepare(conn->pg, name, sql, p->count, p->types), err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return sent(conn,
                PQsendQueryPrepared(conn->pg, name, p->count, p->values, p->lengths, p->formats, 1),
                err);
}

/* --- Receiving -------------------------------------------------------------------------------- */

/* What a pipeline has said so far: the first error counts, the rest of it is skipped. */
typedef struct reply {
    cm_rc rc;
    bool again;
    bool unsure; /* the connection was lost: nobody knows whether it was committed */
} reply;

/* Takes the result of one command off the pipeline. `ret_result` NULL = not interesting. */
static void receive(cm_pg_conn *conn, const cm_db *db, const char *what, reply *r,
                    PGresult **ret_result, cm_err *err) {
    if (conn->broken) {
        return;
    }
    cm_err ignored;
    cm_err *to = r->rc == CM_OK ? err : &ignored;
    PGresult *result = cm_pg_wait(conn, db->cancel, to);
    if (result == NULL) {
        r->rc = r->rc == CM_OK ? CM_DATABASE_UNAVAILABLE : r->rc;
        r->unsure = true;
        conn->broken = true;
        return;
    }
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        return;
    }
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good && r->rc == CM_OK) {
        r->rc = status == PGRES_PIPELINE_ABORTED
                    ? cm_fail(to, CM_INTERNAL, "%s: skipped after an error", what)
                    : cm_pg_fail(conn, result, what, &r->again, to);
        r->unsure = conn->broken;
    }
    PGresult *end = conn->broken ? NULL : cm_pg_wait(conn, NULL, &ignored);
    PQclear(end); /* NULL: the end of this command */
    if (good && ret_result != NULL) {
        *ret_result = result;
    } else {
        PQclear(result);
    }
}

static cm_rc read_rows(const PGresult *result, const cm_query *query, cm_row_sink *sink,
                       cm_arena *scratch, cm_err *err) {
    for (int row = 0; row < PQntuples(result); row++) {
        void *target = sink->add(sink, query);
        if (target == NULL) {
            return cm_fail(err, CM_NOMEM, "no memory for the rows of '%s'", query->name);
        }
        for (int i = 0; i < query->column_count; i++) {
            cm_value value;
            cm_rc rc = cm_pg_column(result, row, i, &query->columns[i], scratch, &value, err);
            if (rc == CM_OK) {
                rc = cm_value_write(&query->columns[i], &value, sink->arena, target, err);
            }
            if (rc != CM_OK) {
                return rc;
            }
        }
        cm_arena_clear(scratch);
        cm_rc rc = sink->take(sink, target, err);
        if (rc != CM_OK) {
            return rc == CM_END ? CM_OK : rc;
        }
    }
    return CM_OK;
}

static cm_rc use_result(PGresult *result, const cm_query *query, cm_row_sink *sink,
                        uint64_t *ret_changed, cm_err *err) {
    cm_rc rc = CM_OK;
    if (sink != NULL && PQresultStatus(result) == PGRES_TUPLES_OK) {
        cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(SCRATCH_MAX);
        rc = cm_pg_check_columns(result, query, err);
        rc = rc == CM_OK ? read_rows(result, query, sink, scratch, err) : rc;
    }
    if (rc == CM_OK && ret_changed != NULL) {
        uint64_t changed = 0;
        if (cm_str_to_u64(cm_str_from(PQcmdTuples(result)), &changed)) {
            *ret_changed = changed;
        }
    }
    return rc;
}

/* --- One statement, one round trip ------------------------------------------------------------ */

static cm_rc send_alone(cm_pg *self, cm_pg_conn *conn, const cm_db *db, const cm_query *query,
                        const cm_pg_params *p, bool *ret_prepares, cm_err *err) {
    cm_rc rc = send_plain(conn, query->read_only ? "BEGIN READ ONLY" : "BEGIN", err);
    if (rc == CM_OK) {
        rc = send_identity(conn, db, query->full ? CM_FULL : CM_NORMAL, err);
    }
    if (rc == CM_OK) {
        rc = send_query(self, conn, db, query, p, ret_prepares, err);
    }
    if (rc == CM_OK) {
        rc = send_plain(conn, "COMMIT", err);
    }
    return rc == CM_OK ? sent(conn, PQpipelineSync(conn->pg), err) : rc;
}

/* An error left the transaction open; only a ROLLBACK ends it. */
static void end_failed(cm_pg_conn *conn, const cm_db *db) {
    if (conn->broken || PQtransactionStatus(conn->pg) == PQTRANS_IDLE) {
        return;
    }
    cm_err ignored;
    reply r = {0};
    if (send_plain(conn, "ROLLBACK", &ignored) == CM_OK &&
        sent(conn, PQpipelineSync(conn->pg), &ignored) == CM_OK) {
        cm_db patient = *db;
        patient.cancel = NULL;
        receive(conn, &patient, "ROLLBACK", &r, NULL, &ignored);
        receive(conn, &patient, "sync", &r, NULL, &ignored);
    }
}

static reply try_alone(cm_pg *self, const cm_db *db, const cm_query *query, const cm_pg_params *p,
                       cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    reply r = {0};
    cm_pg_conn *conn;
    r.rc = take_conn(self, &conn, err);
    if (r.rc != CM_OK) {
        return r;
    }
    bool prepares = false;
    r.rc = send_alone(self, conn, db, query, p, &prepares, err);
    if (r.rc != CM_OK) {
        give_conn(self, conn);
        return r;
    }
    PGresult *result = NULL;
    receive(conn, db, "BEGIN", &r, NULL, err);
    receive(conn, db, "taking on the user's identity", &r, NULL, err);
    if (prepares) {
        receive(conn, db, query->name, &r, NULL, err);
        conn->prepared[query->index * 2 + db->scope] = r.rc == CM_OK;
    }
    receive(conn, db, query->name, &r, &result, err);
    receive(conn, db, "COMMIT", &r, NULL, err);
    receive(conn, db, "sync", &r, NULL, err);
    end_failed(conn, db);
    give_conn(self, conn);
    if (r.rc == CM_OK) {
        r.rc = use_result(result, query, sink, ret_changed, err);
    }
    PQclear(result);
    return r;
}

static cm_rc pg_run_alone(const cm_db *db, const cm_query *query, const void *params,
                          cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(SCRATCH_MAX);
    cm_pg_params p;
    cm_rc rc = cm_pg_params_fill(db, query, params, arena, &p, err);
    for (int attempt = 1; rc == CM_OK; attempt++) {
        reply r = try_alone(backend_of(db->store), db, query, &p, sink, ret_changed, err);
        bool again = r.again || (r.unsure && query->read_only);
        if (r.rc == CM_OK || !again || attempt == ATTEMPTS) {
            return r.rc;
        }
    }
    return rc;
}

/* --- Transactions ----------------------------------------------------------------------------- */

static const cm_db nobody; /* for commands that nobody waits for with a cancel token */

/* One command outside run(): its own round trip. */
static cm_rc command(cm_pg_conn *conn, const char *sql, bool *ret_again, cm_err *err) {
    cm_rc rc = send_plain(conn, sql, err);
    if (rc == CM_OK) {
        rc = sent(conn, PQpipelineSync(conn->pg), err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    reply r = {0};
    receive(conn, &nobody, sql, &r, NULL, err);
    receive(conn, &nobody, "sync", &r, NULL, err);
    if (ret_again != NULL) {
        *ret_again = r.again;
    }
    return r.rc;
}

static cm_rc pg_begin(cm_store *store, const cm_db *db, enum cm_tx_kind kind,
                      enum cm_durability durability, cm_tx *ret_tx, cm_err *err) {
    cm_pg *self = backend_of(store);
    cm_pg_conn *conn;
    cm_rc rc = take_conn(self, &conn, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = send_plain(
        conn, kind == CM_TX_READ ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN",
        err);
    if (rc == CM_OK) {
        rc = send_identity(conn, db, durability, err);
    }
    if (rc == CM_OK) {
        rc = sent(conn, PQpipelineSync(conn->pg), err);
    }
    reply r = {.rc = rc};
    if (rc == CM_OK) {
        receive(conn, db, "BEGIN", &r, NULL, err);
        receive(conn, db, "taking on the user's identity", &r, NULL, err);
        receive(conn, db, "sync", &r, NULL, err);
    }
    if (r.rc != CM_OK) {
        end_failed(conn, db);
        give_conn(self, conn);
        return r.rc;
    }
    *ret_tx = (cm_tx){.store = store, .kind = kind, .durability = durability, .conn = conn};
    return CM_OK;
}

static void pg_rollback(cm_tx *tx) {
    end_failed(tx->conn, &nobody);
    give_conn(backend_of(tx->store), tx->conn);
}

static cm_rc pg_commit(cm_tx *tx, cm_err *err) {
    cm_rc rc = command(tx->conn, "COMMIT", &tx->again, err);
    pg_rollback(tx);
    return rc;
}

static cm_rc savepoint(cm_tx *tx, const char *verb, unsigned depth, cm_err *err) {
    char sql[48];
    snprintf(sql, sizeof sql, "%s s%u", verb, depth);
    return command(tx->conn, sql, NULL, err);
}

static cm_rc pg_save(cm_tx *tx, cm_err *err) {
    return savepoint(tx, "SAVEPOINT", tx->depth + 1, err);
}

static cm_rc pg_release(cm_tx *tx, cm_err *err) {
    return savepoint(tx, "RELEASE", tx->depth, err);
}

static void pg_undo(cm_tx *tx) {
    cm_err err;
    if (!((cm_pg_conn *)tx->conn)->broken &&
        savepoint(tx, "ROLLBACK TO", tx->depth, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "database savepoint could not be undone", &err);
        ((cm_pg_conn *)tx->conn)->broken = true;
    }
}

static bool pg_is_open(const cm_tx *tx) {
    const cm_pg_conn *conn = tx->conn;
    return !conn->broken && PQtransactionStatus(conn->pg) == PQTRANS_INTRANS;
}

static cm_rc pg_ask_as(cm_tx *tx, const cm_db *db, cm_err *err) {
    cm_pg_conn *conn = tx->conn;
    cm_rc rc = send_identity(conn, db, tx->durability, err);
    if (rc == CM_OK) {
        rc = sent(conn, PQpipelineSync(conn->pg), err);
    }
    reply r = {.rc = rc};
    if (rc == CM_OK) {
        receive(conn, &nobody, "taking on the user's identity", &r, NULL, err);
        receive(conn, &nobody, "sync", &r, NULL, err);
    }
    return r.rc;
}

static cm_rc pg_run(cm_tx *tx, const cm_db *db, const cm_query *query, const void *params,
                    cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    cm_pg_conn *conn = tx->conn;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(SCRATCH_MAX);
    cm_pg_params p;
    bool prepares = false;
    cm_rc rc = cm_pg_params_fill(db, query, params, arena, &p, err);
    if (rc == CM_OK) {
        rc = send_query(backend_of(tx->store), conn, db, query, &p, &prepares, err);
    }
    if (rc == CM_OK) {
        rc = sent(conn, PQpipelineSync(conn->pg), err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    reply r = {0};
    PGresult *result = NULL;
    if (prepares) {
        receive(conn, db, query->name, &r, NULL, err);
        conn->prepared[query->index * 2 + db->scope] = r.rc == CM_OK;
    }
    receive(conn, db, query->name, &r, &result, err);
    receive(conn, db, "sync", &r, NULL, err);
    tx->again = tx->again || r.again;
    rc = r.rc == CM_OK ? use_result(result, query, sink, ret_changed, err) : r.rc;
    PQclear(result);
    return rc;
}

/* --- Life ------------------------------------------------------------------------------------- */

/* postgresql://user:secret@host/db -> postgresql://user@host/db */
static char *without_password(const char *url) {
    cm_str text = cm_str_from(url);
    size_t at = cm_str_find_char(text, '@');
    size_t start = cm_str_find(text, CM_STR("://"));
    if (at == SIZE_MAX || start == SIZE_MAX || at < start) {
        size_t query = cm_str_find_char(text, '?');
        return cm_strndup(url, query == SIZE_MAX ? text.len : query);
    }
    cm_str user = cm_str_sub(text, start + 3, at - start - 3);
    size_t colon = cm_str_find_char(user, ':');
    cm_str name = colon == SIZE_MAX ? user : cm_str_sub(user, 0, colon);
    cm_str rest = cm_str_from_offset(text, at);
    size_t query = cm_str_find_char(rest, '?');
    rest = query == SIZE_MAX ? rest : cm_str_sub(rest, 0, query);
    return cm_asprintf("postgresql://" CM_STR_FMT CM_STR_FMT, CM_STR_ARG(name), CM_STR_ARG(rest));
}

static cm_rc pg_open(cm_store *store, const cm_store_options *options, cm_err *err) {
    cm_pg *self = CM_NEW(cm_pg);
    self->store = store;
    self->url = cm_strdup(options->url);
    self->place = without_password(options->url);
    self->unprepared = options->unprepared;
    self->conns_max = options->readers != 0 ? CM_MIN(options->readers, CONNS_MAX) : CONNS_DEFAULT;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->freed, NULL);
    store->backend = self;
    cm_pg_conn *conn; /* is it there, and new enough? */
    cm_rc rc = cm_pg_connect(self, &conn, err);
    if (rc == CM_OK) {
        cm_pg_disconnect(conn);
    }
    return rc;
}

static void pg_close(cm_store *store) {
    cm_pg *self = backend_of(store);
    while (self->free_conns != NULL) {
        cm_pg_conn *conn = self->free_conns;
        self->free_conns = conn->next;
        cm_pg_disconnect(conn);
    }
    pthread_cond_destroy(&self->freed);
    pthread_mutex_destroy(&self->mutex);
    cm_free(self->url);
    cm_free(self->place);
    cm_free(self);
    store->backend = NULL;
}

const cm_backend_ops cm_backend_postgres = {
    .engine = CM_POSTGRES,
    .name = "postgres",
    .single_writer = false,
    .open = pg_open,
    .close = pg_close,
    .migrator = cm_pg_migrator,
    .migrated = cm_pg_migrated,
    .maintain = cm_pg_maintain,
    .after_import = cm_pg_after_import,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .save = pg_save,
    .release = pg_release,
    .undo = pg_undo,
    .is_open = pg_is_open,
    .ask_as = pg_ask_as,
    .run = pg_run,
    .run_alone = pg_run_alone,
};
