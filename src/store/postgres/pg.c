/* pg.c - the scale-out back-end: transactions on PostgreSQL through a pool of pipelined connections.
 *
 * Each transaction says who it is: one statement takes on the role (application or worker) and the user
 * for row-level security, both local to the transaction, so the pool may hand the connection to anyone
 * next and a transaction pooler may sit in between. A single statement goes out as BEGIN + identity +
 * statement + COMMIT in one pipeline: one round trip.
 *
 * Retried, at most three times, is only what certainly did nothing: a serialisation failure or deadlock, a
 * transaction whose connection was lost before its COMMIT was sent, and a read. A write whose connection is
 * lost later may have been committed; its caller is told, and ids made by the caller make repeating it safe.
 * A server that is silent until the deadline is not asked again.
 *
 * Statements are prepared by name once per connection and query, and so is what frames them. `unprepared`
 * sends them unnamed, for PgBouncer below 1.21, and leaves out the session settings it cannot pass on. */
#include "store/postgres/pg_exchange.h"
#include "store/postgres/pg_replica.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define ATTEMPTS      3
#define CONNS_DEFAULT 10
#define CONNS_MAX     100
#define WAIT_MS       30000 /* for one result; statements are short */

static cm_pg *backend_of(const cm_store *store) {
    return store->backend;
}

/* --- One statement, one round trip ------------------------------------------------------------ */

static bool notes_writes(const cm_pg *self, const cm_query *query) {
    return self->replicas != NULL && !query->read_only;
}

static cm_rc send_alone(const cm_pg *self, cm_pg_conn *conn, const cm_db *db, const cm_query *query,
                        const cm_pg_params *p, bool *ret_prepares, cm_err *err) {
    cm_rc rc = cm_pg_send_framing(conn, query->read_only ? CM_PG_BEGIN_READ : CM_PG_BEGIN_WRITE, 0,
                                  NULL, err);
    if (rc == CM_OK) {
        rc = cm_pg_send_identity(conn, db, query->full ? CM_FULL : CM_NORMAL, err);
    }
    if (rc == CM_OK) {
        rc = cm_pg_send_query(conn, db, query, p, ret_prepares, err);
    }
    if (rc == CM_OK) {
        rc = cm_pg_send_framing(conn, CM_PG_COMMIT, 0, NULL, err);
    }
    if (rc == CM_OK && notes_writes(self, query)) {
        rc = cm_pg_send_plain(conn, CM_PG_WRITTEN, err);
    }
    return rc == CM_OK ? cm_pg_sent(conn, PQpipelineSync(conn->pg), err) : rc;
}

/* An error left the transaction open; only a ROLLBACK ends it. */
static void end_failed(cm_pg_conn *conn, const cm_db *db) {
    if (conn->broken || PQtransactionStatus(conn->pg) == PQTRANS_IDLE) {
        return;
    }
    cm_err ignored;
    cm_pg_reply r = {0};
    if (cm_pg_send_plain(conn, "ROLLBACK", &ignored) == CM_OK &&
        cm_pg_sent(conn, PQpipelineSync(conn->pg), &ignored) == CM_OK) {
        cm_db patient = *db;
        patient.cancel = NULL;
        cm_pg_receive(conn, &patient, "ROLLBACK", &r, NULL, &ignored);
        cm_pg_receive(conn, &patient, "sync", &r, NULL, &ignored);
    }
}

static void receive_alone(const cm_pg *self, cm_pg_conn *conn, const cm_db *db,
                          const cm_query *query, bool prepares, cm_pg_reply *r, cm_err *err) {
    cm_pg_receive(conn, db, "BEGIN", r, NULL, err);
    cm_pg_receive_position(conn, db, "taking on the user's identity",
                           conn->pool->is_replica ? 3 : -1, r, err);
    if (prepares) {
        cm_pg_receive(conn, db, query->name, r, NULL, err);
        conn->prepared[query->index * 2 + db->scope] = r->rc == CM_OK;
    }
    cm_pg_receive(conn, db, query->name, r, &r->result, err);
    cm_pg_receive(conn, db, "COMMIT", r, NULL, err);
    if (notes_writes(self, query)) {
        cm_pg_receive_position(conn, db, "asking for the log position", 0, r, err);
    }
    cm_pg_receive(conn, db, "sync", r, NULL, err);
}

/* The first time on a connection, in a round trip of its own. Nothing has been asked yet: whatever goes
 * wrong, another connection may be tried, and this one, which may know some of the names, is not used. */
static cm_rc prepare_framing(cm_pg_conn *conn, const cm_db *db, cm_pg_reply *r, cm_err *err) {
    const char *const texts[] = {CM_PG_BEGIN_WRITE, CM_PG_BEGIN_READ, CM_PG_BEGIN_SNAPSHOT,
                                 CM_PG_COMMIT, cm_pg_identity_of(conn)};
    if (conn->pool->unprepared || conn->framed) {
        return CM_OK;
    }
    for (size_t i = 0; r->rc == CM_OK && i < CM_COUNT(texts); i++) {
        char name[24];
        cm_pg_name_of(texts[i], name);
        r->rc = cm_pg_sent(conn, PQsendPrepare(conn->pg, name, texts[i], 0, NULL), err);
    }
    r->rc = r->rc == CM_OK ? cm_pg_sent(conn, PQpipelineSync(conn->pg), err) : r->rc;
    for (size_t i = 0; i <= CM_COUNT(texts); i++) { /* and the sync */
        cm_pg_receive(conn, db, "preparing a connection", r, NULL, err);
    }
    conn->framed = r->rc == CM_OK;
    conn->broken = !conn->framed;
    r->again = r->again || (conn->lost && !conn->late);
    r->lost = false;
    return r->rc;
}

/* The caller clears `result`. */
static cm_pg_reply try_alone(cm_pg *self, cm_pg_pool *pool, const cm_db *db, const cm_query *query,
                             const cm_pg_params *p, cm_err *err) {
    cm_pg_reply r = {0};
    cm_pg_conn *conn;
    r.rc = cm_pg_take(pool, db, &conn, err);
    if (r.rc != CM_OK) {
        return r;
    }
    conn->writes = !query->read_only;
    bool prepares = false;
    if (prepare_framing(conn, db, &r, err) != CM_OK) {
        cm_pg_give(conn);
        return r;
    }
    r.rc = send_alone(self, conn, db, query, p, &prepares, err);
    if (r.rc == CM_OK) {
        receive_alone(self, conn, db, query, prepares, &r, err);
        end_failed(conn, db);
    } else {
        r.lost = true; /* a part of it may have been sent */
    }
    if (notes_writes(self, query) && (r.rc == CM_OK || r.lost)) {
        cm_pg_mark_writer(conn, db);
        cm_pg_note_write(self, conn, r.position);
    }
    cm_pg_give(conn);
    return r;
}

/* False: the primary has to be asked. Whatever goes wrong on a replica is the primary's to say. */
static bool read_on_replica(cm_pg *self, const cm_db *db, const cm_query *query,
                            const cm_pg_params *p, cm_row_sink *sink, uint64_t *ret_changed,
                            cm_rc *ret_rc, cm_err *err) {
    uint64_t needed;
    cm_pg_replica *replica = cm_pg_replica_for(self, db, &needed);
    if (replica == NULL) {
        return false;
    }
    cm_err why = {0};
    cm_pg_reply r = try_alone(self, &replica->pool, db, query, p, &why);
    bool fresh = r.rc == CM_OK && r.position != 0 && r.position >= needed;
    cm_rc seen = r.rc == CM_OK && r.position != 0 && !fresh ? CM_END : r.rc;
    cm_pg_replica_saw(self, replica, seen, r.position, &why);
    if (fresh) {
        *ret_rc = cm_pg_use_result(r.result, query, sink, ret_changed, err);
    }
    PQclear(r.result);
    return fresh;
}

static cm_rc pg_run_alone(const cm_db *db, const cm_query *query, const void *params,
                          cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    cm_pg *self = backend_of(db->store);
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(CM_PG_SCRATCH_MAX);
    cm_pg_params p;
    cm_rc rc = cm_pg_params_fill(db, query, params, arena, &p, err);
    if (rc != CM_OK ||
        (query->read_only && read_on_replica(self, db, query, &p, sink, ret_changed, &rc, err))) {
        return rc;
    }
    for (int attempt = 1;; attempt++) {
        cm_pg_reply r = try_alone(self, &self->primary, db, query, &p, err);
        if (r.rc == CM_OK) {
            r.rc = cm_pg_use_result(r.result, query, sink, ret_changed, err);
            PQclear(r.result);
            return r.rc;
        }
        PQclear(r.result);
        bool again = r.again || (r.lost && !r.late && query->read_only);
        if (!again || attempt == ATTEMPTS) {
            return r.lost && !query->read_only
                       ? cm_err_prefix(err, r.rc, "nobody knows whether '%s' was done", query->name)
                       : r.rc;
        }
    }
}

/* --- Transactions ----------------------------------------------------------------------------- */

static const cm_db nobody; /* for commands that nobody waits for with a cancel token */

/* Before its COMMIT a transaction whose connection is lost has done nothing: it may run again. */
static cm_rc settle(cm_tx *tx, const cm_pg_reply *r) {
    tx->again = tx->again || r->again || (r->lost && !r->late);
    return r->rc;
}

/* One command outside run(): its own round trip. */
static cm_rc command(cm_tx *tx, const char *sql, cm_err *err) {
    cm_pg_conn *conn = tx->conn;
    cm_pg_reply r = {.rc = cm_pg_send_plain(conn, sql, err)};
    if (r.rc == CM_OK) {
        r.rc = cm_pg_sent(conn, PQpipelineSync(conn->pg), err);
    }
    r.lost = r.rc != CM_OK;
    if (r.rc == CM_OK) {
        cm_pg_receive(conn, &nobody, sql, &r, NULL, err);
        cm_pg_receive(conn, &nobody, "sync", &r, NULL, err);
    }
    return settle(tx, &r);
}

static cm_pg_reply try_begin(cm_pg_conn *conn, const cm_db *db, enum cm_tx_kind kind,
                             enum cm_durability durability, cm_err *err) {
    cm_pg_reply r = {0};
    if (prepare_framing(conn, db, &r, err) == CM_OK) {
        r.rc = cm_pg_send_framing(
            conn, kind == CM_TX_READ ? CM_PG_BEGIN_SNAPSHOT : CM_PG_BEGIN_WRITE, 0, NULL, err);
    }
    if (r.rc == CM_OK) {
        r.rc = cm_pg_send_identity(conn, db, durability, err);
    }
    if (r.rc == CM_OK) {
        r.rc = cm_pg_sent(conn, PQpipelineSync(conn->pg), err);
    }
    if (r.rc == CM_OK) {
        cm_pg_receive(conn, db, "BEGIN", &r, NULL, err);
        cm_pg_receive(conn, db, "taking on the user's identity", &r, NULL, err);
        cm_pg_receive(conn, db, "sync", &r, NULL, err);
    }
    return r;
}

/* Nothing has been done yet, so a lost connection is no reason to give up. */
static cm_rc pg_begin(cm_store *store, const cm_db *db, enum cm_tx_kind kind,
                      enum cm_durability durability, cm_tx *ret_tx, cm_err *err) {
    cm_pg *self = backend_of(store);
    for (int attempt = 1;; attempt++) {
        cm_pg_conn *conn;
        cm_rc rc = cm_pg_take(&self->primary, db, &conn, err);
        if (rc != CM_OK) {
            return rc;
        }
        conn->writes = kind == CM_TX_WRITE;
        cm_pg_reply r = try_begin(conn, db, kind, durability, err);
        if (r.rc == CM_OK) {
            if (kind == CM_TX_WRITE) {
                cm_pg_mark_writer(conn, db);
            }
            *ret_tx = (cm_tx){.store = store, .kind = kind, .durability = durability, .conn = conn};
            return CM_OK;
        }
        bool again = (r.again || (conn->lost && !conn->late)) && attempt < ATTEMPTS;
        end_failed(conn, db);
        cm_pg_give(conn);
        if (!again) {
            return r.rc;
        }
    }
}

static void pg_rollback(cm_tx *tx) {
    cm_pg_conn *conn = tx->conn;
    end_failed(conn, &nobody);
    conn->system_wrote = false;
    memset(conn->wrote, 0, sizeof conn->wrote);
    cm_pg_give(conn);
}

static cm_rc pg_commit(cm_tx *tx, cm_err *err) {
    cm_pg *self = backend_of(tx->store);
    cm_pg_conn *conn = tx->conn;
    bool notes = self->replicas != NULL && tx->kind == CM_TX_WRITE;
    if (tx->kind == CM_TX_WRITE && cm_db_over(tx->store, &conn->asker, true) != CM_CANCEL_NONE) {
        pg_rollback(tx);
        return cm_fail(err, CM_TIMEOUT, "the time of the call was over before its commit");
    }
    cm_pg_reply r = {.rc = cm_pg_send_framing(conn, CM_PG_COMMIT, 0, NULL, err)};
    if (r.rc == CM_OK && notes) {
        r.rc = cm_pg_send_plain(conn, CM_PG_WRITTEN, err);
    }
    if (r.rc == CM_OK) {
        r.rc = cm_pg_sent(conn, PQpipelineSync(conn->pg), err);
    }
    r.lost = r.rc != CM_OK;
    if (r.rc == CM_OK) {
        cm_pg_receive(conn, &nobody, "COMMIT", &r, NULL, err);
        if (notes) {
            cm_pg_receive_position(conn, &nobody, "asking for the log position", 0, &r, err);
        }
        cm_pg_receive(conn, &nobody, "sync", &r, NULL, err);
    }
    if (notes && (r.rc == CM_OK || r.lost)) {
        cm_pg_note_write(self, conn, r.position);
    }
    tx->again = r.again;
    tx->unsure = r.lost && tx->kind == CM_TX_WRITE;
    if (tx->unsure) {
        r.rc = cm_err_prefix(err, r.rc, "nobody knows whether the transaction was committed");
    }
    pg_rollback(tx);
    return r.rc;
}

static cm_rc savepoint(cm_tx *tx, const char *verb, unsigned depth, cm_err *err) {
    char sql[48];
    snprintf(sql, sizeof sql, "%s s%u", verb, depth);
    return command(tx, sql, err);
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
    cm_pg_reply r = {.rc = cm_pg_send_identity(conn, db, tx->durability, err)};
    if (r.rc == CM_OK) {
        r.rc = cm_pg_sent(conn, PQpipelineSync(conn->pg), err);
    }
    r.lost = r.rc != CM_OK;
    if (r.rc == CM_OK) {
        cm_pg_mark_writer(conn, db);
        cm_pg_receive(conn, &nobody, "taking on the user's identity", &r, NULL, err);
        cm_pg_receive(conn, &nobody, "sync", &r, NULL, err);
    }
    return settle(tx, &r);
}

static cm_rc pg_run(cm_tx *tx, const cm_db *db, const cm_query *query, const void *params,
                    cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    cm_pg_conn *conn = tx->conn;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(CM_PG_SCRATCH_MAX);
    cm_pg_params p;
    bool prepares = false;
    cm_rc rc = cm_pg_params_fill(db, query, params, arena, &p, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_pg_reply r = {.rc = cm_pg_send_query(conn, db, query, &p, &prepares, err)};
    if (r.rc == CM_OK) {
        r.rc = cm_pg_sent(conn, PQpipelineSync(conn->pg), err);
    }
    r.lost = r.rc != CM_OK;
    if (r.rc == CM_OK && prepares) {
        cm_pg_receive(conn, db, query->name, &r, NULL, err);
        conn->prepared[query->index * 2 + db->scope] = r.rc == CM_OK;
    }
    if (!r.lost) {
        cm_pg_receive(conn, db, query->name, &r, &r.result, err);
        cm_pg_receive(conn, db, "sync", &r, NULL, err);
    }
    rc = settle(tx, &r);
    rc = rc == CM_OK ? cm_pg_use_result(r.result, query, sink, ret_changed, err) : rc;
    PQclear(r.result);
    return rc;
}

/* The results of `count` statements and of the PREPARE before the first. */
static void receive_many(cm_pg_conn *conn, const cm_db *db, const cm_query *query, size_t count,
                         bool prepares, cm_pg_reply *r, uint64_t *ret_changed, bool *ret_missed,
                         cm_err *err) {
    if (prepares) {
        cm_pg_receive(conn, db, query->name, r, NULL, err);
        conn->prepared[query->index * 2 + db->scope] = r->rc == CM_OK;
    }
    for (size_t i = 0; i < count; i++) {
        PGresult *result = NULL;
        uint64_t changed = 0;
        cm_pg_receive(conn, db, query->name, r, &result, err);
        if (result != NULL && cm_str_to_u64(cm_str_from(PQcmdTuples(result)), &changed)) {
            *ret_changed += changed;
            *ret_missed = *ret_missed || changed == 0;
        }
        PQclear(result);
    }
    cm_pg_receive(conn, db, "sync", r, NULL, err);
}

/* All rows are on their way before the first answer is waited for: one round trip for a batch. */
static cm_rc pg_run_many(cm_tx *tx, const cm_db *db, const cm_query *query, const void *params,
                         size_t count, uint64_t *ret_changed, bool *ret_missed, cm_err *err) {
    cm_pg_conn *conn = tx->conn;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(CM_PG_SCRATCH_MAX);
    uint8_t *prepared = &conn->prepared[query->index * 2 + db->scope];
    bool first = *prepared == 0;
    bool prepares = false;
    size_t sent_count = 0;
    cm_err why = {
        0}; /* of parameters that cannot be sent: told when nothing else went wrong before */
    cm_rc bad = CM_OK;
    cm_pg_reply r = {0};
    while (r.rc == CM_OK && bad == CM_OK && sent_count < count) {
        cm_pg_params p;
        const char *row = (const char *)params + sent_count * query->params_size;
        bool again = false;
        bad = cm_pg_params_fill(db, query, row, arena, &p, &why);
        if (bad == CM_OK) {
            r.rc = cm_pg_send_query(conn, db, query, &p, &again, err);
            prepares = prepares || again;
            *prepared = first && prepares ? 1 : *prepared; /* it is on its way */
            sent_count++;
        }
        cm_arena_clear(arena);
    }
    r.rc = r.rc == CM_OK ? cm_pg_sent(conn, PQpipelineSync(conn->pg), err) : r.rc;
    r.lost = r.rc != CM_OK;
    if (!r.lost) {
        receive_many(conn, db, query, sent_count, prepares, &r, ret_changed, ret_missed, err);
    }
    cm_rc rc = settle(tx, &r);
    return rc == CM_OK && bad != CM_OK ? cm_fail(err, bad, "%s", why.text) : rc;
}

/* --- Life ------------------------------------------------------------------------------------- */

static cm_rc pg_open(cm_store *store, const cm_store_options *options, cm_err *err) {
    cm_pg *self = CM_NEW(cm_pg);
    self->store = store;
    self->primary = (cm_pg_pool){
        .store = store,
        .unprepared = options->unprepared,
        .wait_ms = options->wait_ms != 0 ? options->wait_ms : WAIT_MS,
        .conns_max = options->readers != 0 ? CM_MIN(options->readers, CONNS_MAX) : CONNS_DEFAULT};
    cm_pg_pool_init(&self->primary, options->url);
    store->backend = self;
    cm_pg_conn *conn; /* is it there, and new enough? */
    cm_rc rc = cm_pg_connect(&self->primary, NULL, &conn, err);
    if (rc == CM_OK) {
        cm_pg_disconnect(conn);
        rc = cm_pg_replicas_open(self, options, err);
    }
    return rc;
}

/* On a connection of its own: those of the pool may all be at work. */
static cm_rc pg_probe(cm_store *store, const cm_cancel *limit, cm_err *err) {
    cm_pg *self = backend_of(store);
    cm_db db = {.store = store, .asker = limit};
    cm_rc rc = self->probe == NULL ? cm_pg_connect(&self->primary, &db, &self->probe, err) : CM_OK;
    if (rc != CM_OK) {
        return rc;
    }
    self->probe->asker = db;
    self->probe->stop_by_ms = 0;
    rc = cm_pg_script(self->probe, "SELECT 1", err);
    if (rc != CM_OK) {
        cm_pg_disconnect(self->probe);
        self->probe = NULL;
    }
    return rc;
}

static void pg_close(cm_store *store) {
    cm_pg *self = backend_of(store);
    cm_pg_disconnect(self->probe);
    cm_pg_replicas_close(self);
    cm_pg_pool_done(&self->primary);
    cm_free(self);
    store->backend = NULL;
}

static void pg_stats(const cm_store *store, cm_store_stats *ret_stats) {
    cm_pg_replica_stats(backend_of(store), ret_stats);
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
    .vector_indexes = cm_pg_vector_indexes,
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
    .run_many = pg_run_many,
    .run_alone = pg_run_alone,
    .probe = pg_probe,
    .stats = pg_stats,
};
