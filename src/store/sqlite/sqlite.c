/* sqlite.c - the embedded back-end: statements and transactions on SQLite.
 *
 * Connections are opened without SQLite's own mutexes: a connection is used by one thread at a time,
 * the writer's by the writer thread, a reader by whoever took it from the pool. Statements are prepared
 * once per connection and query, kept for its life, and always reset after use, because a statement
 * left running holds its snapshot and stops the write-ahead log from shrinking.
 *
 * Writes begin IMMEDIATE: a deferred transaction that turns into a write gets SQLITE_BUSY at once when
 * its snapshot is old, whatever the busy time-out says.
 *
 * A failed fsync is never retried: the kernel may have dropped the pages, so what is on disk is unknown.
 * The store refuses every further write until it is opened again. */
#include "store/sqlite/sqlite_priv.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <unistd.h>

static cm_sqlite *backend_of(const cm_store *store) {
    return store->backend;
}

/* --- Errors --------------------------------------------------------------------------------- */

static cm_rc code_of(int extended) {
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return CM_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return CM_CONFLICT;
    case SQLITE_CONSTRAINT_TRIGGER: return CM_DENIED;
    default: break;
    }
    static const struct {
        int code;
        cm_rc rc;
    } rows[] = {
        {SQLITE_CONSTRAINT, CM_INVALID},
        {SQLITE_MISMATCH, CM_INVALID},
        {SQLITE_FULL, CM_STORAGE_FULL},
        {SQLITE_BUSY, CM_DATABASE_UNAVAILABLE},
        {SQLITE_LOCKED, CM_DATABASE_UNAVAILABLE},
        {SQLITE_CORRUPT, CM_CORRUPT},
        {SQLITE_NOTADB, CM_CORRUPT},
        {SQLITE_READONLY, CM_DENIED},
        {SQLITE_PERM, CM_DENIED},
        {SQLITE_AUTH, CM_DENIED},
        {SQLITE_CANTOPEN, CM_DATABASE_UNAVAILABLE},
        {SQLITE_NOMEM, CM_NOMEM},
        {SQLITE_INTERRUPT, CM_CANCELLED},
        {SQLITE_TOOBIG, CM_LIMIT},
        {SQLITE_IOERR, CM_IO},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        if (rows[i].code == (extended & 0xff)) {
            return rows[i].rc;
        }
    }
    return CM_INTERNAL;
}

cm_rc cm_sqlite_fail(cm_store *store, sqlite3 *db, int code, const char *what, cm_err *err) {
    int extended = db != NULL ? sqlite3_extended_errcode(db) : code;
    if ((extended & 0xff) != (code & 0xff)) {
        extended = code;
    }
    cm_rc rc = code_of(extended);
    if (extended == SQLITE_IOERR_WRITE && db != NULL && cm_sqlite_no_room(db)) {
        rc = CM_STORAGE_FULL;
    }
    if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC) {
        atomic_store(&store->failed, true);
    }
    if (rc == CM_CORRUPT && store->backend != NULL) {
        cm_sqlite_suspect(backend_of(store));
    }
    return cm_fail(err, rc, "%s: %s", what, db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

/* --- Plain SQL, for opening and migrating ----------------------------------------------------- */

cm_rc cm_sqlite_script(cm_store *store, sqlite3 *db, const char *sql, cm_err *err) {
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? CM_OK
                             : cm_sqlite_fail(store, db, code, "database script failed", err);
}

static cm_rc first_row(cm_store *store, sqlite3 *db, const char *sql, sqlite3_stmt **ret_stmt,
                       cm_err *err) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    if (code == SQLITE_ROW) {
        *ret_stmt = stmt;
        return CM_OK;
    }
    cm_rc rc = code == SQLITE_DONE ? cm_fail(err, CM_NOT_FOUND, "no row for '%s'", sql)
                                   : cm_sqlite_fail(store, db, code, "database query failed", err);
    sqlite3_finalize(stmt);
    return rc;
}

cm_rc cm_sqlite_int(cm_store *store, sqlite3 *db, const char *sql, int64_t *ret_value,
                    cm_err *err) {
    sqlite3_stmt *stmt;
    cm_rc rc = first_row(store, db, sql, &stmt, err);
    if (rc == CM_OK) {
        *ret_value = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);
    }
    return rc;
}

cm_rc cm_sqlite_text(cm_store *store, sqlite3 *db, const char *sql, char *text, size_t size,
                     cm_err *err) {
    sqlite3_stmt *stmt;
    cm_rc rc = first_row(store, db, sql, &stmt, err);
    if (rc == CM_OK) {
        const unsigned char *value = sqlite3_column_text(stmt, 0);
        snprintf(text, size, "%s", value != NULL ? (const char *)value : "");
        sqlite3_finalize(stmt);
    }
    return rc;
}

/* --- Statements ------------------------------------------------------------------------------ */

static cm_rc prepare(const cm_db *db, cm_sqlite_conn *conn, const cm_query *query,
                     cm_sqlite_statement **ret_statement, cm_err *err) {
    cm_sqlite_statement *s = &conn->statements[query->index * 2 + db->scope];
    if (s->stmt == NULL) {
        const char *sql = query->sql[CM_SQLITE][db->scope];
        int code = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL);
        if (code != SQLITE_OK) {
            return cm_sqlite_fail(db->store, conn->db, code, query->name, err);
        }
        s->slots = cm_alloc(query->param_count);
        for (unsigned i = 0; i < query->param_count; i++) {
            char name[8];
            snprintf(name, sizeof name, "$%u", i + 1);
            s->slots[i] = (uint8_t)sqlite3_bind_parameter_index(s->stmt, name);
        }
    }
    *ret_statement = s;
    return CM_OK;
}

/* Texts are bound without a copy: the params outlive the statement's run. */
static int bind_value(sqlite3_stmt *stmt, int at, const cm_value *value) {
    char id[CM_UUID_TEXT];
    switch (value->kind) {
    case CM_VALUE_NULL: return sqlite3_bind_null(stmt, at);
    case CM_VALUE_ID:
        cm_uuid_format(&value->id, id);
        return sqlite3_bind_text(stmt, at, id, CM_UUID_TEXT - 1, SQLITE_TRANSIENT);
    case CM_VALUE_INT: return sqlite3_bind_int64(stmt, at, value->i);
    case CM_VALUE_REAL: return sqlite3_bind_double(stmt, at, value->real);
    case CM_VALUE_TEXT:
        return sqlite3_bind_text(stmt, at, value->str.len != 0 ? value->str.ptr : "",
                                 (int)value->str.len, SQLITE_STATIC);
    case CM_VALUE_BYTES:
        return sqlite3_bind_blob(stmt, at, value->str.len != 0 ? value->str.ptr : "",
                                 (int)value->str.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static cm_rc bind_all(const cm_db *db, cm_sqlite_conn *conn, const cm_query *query,
                      const cm_sqlite_statement *s, const void *params, cm_err *err) {
    for (size_t i = 0; i < query->param_count; i++) {
        cm_value value;
        cm_rc rc = cm_value_read(&query->params[i], params, db, &value, err);
        if (rc != CM_OK) {
            return rc;
        }
        if (s->slots[i] == 0) {
            continue;
        }
        int code = bind_value(s->stmt, s->slots[i], &value);
        if (code != SQLITE_OK) {
            return cm_sqlite_fail(db->store, conn->db, code, query->name, err);
        }
    }
    return CM_OK;
}

static cm_value column_value(sqlite3_stmt *stmt, int at, const cm_sql_slot *slot) {
    cm_value value = {.kind = CM_VALUE_NULL};
    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        value.kind = CM_VALUE_INT;
        value.i = sqlite3_column_int64(stmt, at);
        break;
    case SQLITE_FLOAT:
        value.kind = CM_VALUE_REAL;
        value.real = sqlite3_column_double(stmt, at);
        break;
    case SQLITE_TEXT:
        value.kind = CM_VALUE_TEXT;
        value.str.ptr = (const char *)sqlite3_column_text(stmt, at);
        value.str.len = (size_t)sqlite3_column_bytes(stmt, at);
        if (slot->type == CM_SQL_ID && cm_uuid_parse(value.str, &value.id)) {
            value.kind = CM_VALUE_ID;
        }
        break;
    case SQLITE_BLOB:
        value.kind = CM_VALUE_BYTES;
        value.str.ptr = sqlite3_column_blob(stmt, at);
        value.str.len = (size_t)sqlite3_column_bytes(stmt, at);
        break;
    default: break;
    }
    return value;
}

static cm_rc read_row(const cm_query *query, sqlite3_stmt *stmt, cm_row_sink *sink, cm_err *err) {
    void *row = sink->add(sink, query);
    if (row == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for the rows of '%s'", query->name);
    }
    for (int i = 0; i < query->column_count; i++) {
        cm_value value = column_value(stmt, i, &query->columns[i]);
        cm_rc rc = cm_value_write(&query->columns[i], &value, sink->arena, row, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return sink->take(sink, row, err);
}

typedef struct bounds {
    const cm_db *db;
    bool writes;
} bounds;

static bool is_over(const bounds *b) {
    return cm_cancel_hit(b->db->cancel) != CM_CANCEL_NONE ||
           cm_db_over(b->db->store, b->db, b->writes) != CM_CANCEL_NONE;
}

static int poll_bounds(void *argument) {
    return is_over(argument);
}

static cm_rc fail_over(const cm_db *db, cm_err *err) {
    cm_rc rc = cm_cancel_check(db->cancel, err);
    rc = rc == CM_OK ? cm_cancel_check(db->asker, err) : rc;
    return rc == CM_OK ? cm_fail(err, CM_CANCELLED, "the statement was stopped") : rc;
}

static cm_rc step_all(const cm_db *db, cm_sqlite_conn *conn, const cm_query *query,
                      sqlite3_stmt *stmt, cm_row_sink *sink, cm_err *err) {
    for (;;) {
        int code = sqlite3_step(stmt);
        if (code == SQLITE_DONE) {
            return CM_OK;
        }
        if (code == SQLITE_INTERRUPT) {
            return fail_over(db, err);
        }
        if (code != SQLITE_ROW) {
            return cm_sqlite_fail(db->store, conn->db, code, query->name, err);
        }
        cm_rc rc = sink != NULL ? read_row(query, stmt, sink, err) : CM_OK;
        if (rc == CM_END && query->read_only) {
            return CM_OK;
        }
        if (rc != CM_OK && rc != CM_END) {
            return rc;
        }
    }
}

static bool is_json_of(const cm_sql_slot *slot, cm_str text) {
    json_t *json = NULL;
    cm_err ignored;
    bool is = cm_json_parse(text, &json, &ignored) == CM_OK &&
              (slot->type == CM_SQL_JSON || json_is_array(json));
    json_decref(json);
    return is;
}

/* json_valid() of SQLite 3.40 answers "no" when it has no memory to parse with. A refusal of values that do
 * parse was such a one. */
static bool is_memory_refusal(const cm_db *db, const cm_query *query, const void *params,
                              const cm_err *refusal) {
    if (strstr(refusal->text, "json_valid(") == NULL) {
        return false;
    }
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        cm_value value;
        cm_err ignored;
        if (slot->type < CM_SQL_JSON || slot->type > CM_SQL_TIMES) {
            continue;
        }
        if (cm_value_read(slot, params, db, &value, &ignored) != CM_OK ||
            (value.kind == CM_VALUE_TEXT && !is_json_of(slot, value.str))) {
            return false;
        }
    }
    return true;
}

static cm_rc run_on(const cm_db *db, cm_sqlite_conn *conn, const cm_query *query,
                    const void *params, cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    cm_sqlite_statement *s = NULL;
    cm_rc rc = prepare(db, conn, query, &s, err);
    if (rc != CM_OK) {
        return rc;
    }
    bounds limits = {db, !query->read_only};
    bool bounded = db->cancel != NULL || db->asker != NULL;
    if (bounded) {
        sqlite3_progress_handler(conn->db, 4096, poll_bounds, &limits);
    }
    rc = bind_all(db, conn, query, s, params, err);
    if (rc == CM_OK) {
        rc = step_all(db, conn, query, s->stmt, sink, err);
        if (rc == CM_INVALID && is_memory_refusal(db, query, params, err)) {
            rc = cm_fail(err, CM_NOMEM, "%s: out of memory", query->name);
        }
    }
    if (rc == CM_OK && !query->read_only && ret_changed != NULL) {
        *ret_changed = (uint64_t)sqlite3_changes64(conn->db);
    }
    sqlite3_reset(s->stmt);
    sqlite3_clear_bindings(s->stmt);
    if (bounded) {
        sqlite3_progress_handler(conn->db, 0, NULL, NULL);
    }
    return rc;
}

static cm_rc sqlite_run(cm_tx *tx, const cm_db *db, const cm_query *query, const void *params,
                        cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    return run_on(db, tx->conn, query, params, sink, ret_changed, err);
}

/* --- Readers --------------------------------------------------------------------------------- */

static cm_rc take_reader(cm_sqlite *self, const cm_db *db, cm_sqlite_conn **ret_conn, cm_err *err) {
    pthread_mutex_lock(&self->mutex);
    while (self->free_readers == NULL && self->readers == self->readers_max) {
        if (is_over(&(bounds){db, false})) {
            pthread_mutex_unlock(&self->mutex);
            return fail_over(db, err);
        }
        cm_cond_turn(&self->freed, &self->mutex);
    }
    cm_sqlite_conn *conn = self->free_readers;
    if (conn != NULL) {
        self->free_readers = conn->next;
    } else {
        self->readers++;
    }
    pthread_mutex_unlock(&self->mutex);
    if (conn != NULL) {
        *ret_conn = conn;
        return CM_OK;
    }
    cm_rc rc = cm_sqlite_connect(self, false, ret_conn, err);
    if (rc != CM_OK) {
        pthread_mutex_lock(&self->mutex);
        self->readers--;
        pthread_cond_signal(&self->freed);
        pthread_mutex_unlock(&self->mutex);
    }
    return rc;
}

/* Last in, first out: the warmest connection is taken next. */
static void give_reader(cm_sqlite *self, cm_sqlite_conn *conn) {
    pthread_mutex_lock(&self->mutex);
    conn->next = self->free_readers;
    self->free_readers = conn;
    pthread_cond_signal(&self->freed);
    pthread_mutex_unlock(&self->mutex);
}

static cm_rc sqlite_run_alone(const cm_db *db, const cm_query *query, const void *params,
                              cm_row_sink *sink, uint64_t *ret_changed, cm_err *err) {
    cm_sqlite *self = backend_of(db->store);
    cm_sqlite_conn *conn;
    cm_rc rc = take_reader(self, db, &conn, err);
    if (rc == CM_OK) {
        rc = run_on(db, conn, query, params, sink, ret_changed, err);
        give_reader(self, conn);
    }
    return rc;
}

/* --- Transactions ---------------------------------------------------------------------------- */

static void end_tx(cm_tx *tx) {
    if (tx->kind == CM_TX_READ) {
        give_reader(backend_of(tx->store), tx->conn);
    }
}

static cm_rc begin_on(cm_sqlite_conn *conn, const cm_tx *tx, cm_err *err) {
    if (tx->kind == CM_TX_WRITE && conn->synchronous != tx->durability) {
        cm_rc rc = cm_sqlite_script(tx->store, conn->db,
                                    tx->durability == CM_FULL ? "PRAGMA synchronous=FULL"
                                                              : "PRAGMA synchronous=NORMAL",
                                    err);
        if (rc != CM_OK) {
            return rc;
        }
        conn->synchronous = tx->durability;
    }
    return cm_sqlite_script(tx->store, conn->db,
                            tx->kind == CM_TX_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

static cm_rc sqlite_begin(cm_store *store, const cm_db *db, enum cm_tx_kind kind,
                          enum cm_durability durability, cm_tx *ret_tx, cm_err *err) {
    cm_sqlite *self = backend_of(store);
    cm_tx tx = {.store = store, .kind = kind, .durability = durability};
    cm_sqlite_conn *conn = self->writer;
    if (kind == CM_TX_READ) {
        cm_rc rc = take_reader(self, db, &conn, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    tx.conn = conn;
    cm_rc rc = begin_on(conn, &tx, err);
    if (rc != CM_OK) {
        end_tx(&tx);
        return rc;
    }
    *ret_tx = tx;
    return CM_OK;
}

static void sqlite_rollback(cm_tx *tx) {
    cm_sqlite_conn *conn = tx->conn;
    if (!sqlite3_get_autocommit(conn->db) &&
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
        cm_log(CM_LOG_WARN, "database rollback failed", CM_F("error", sqlite3_errmsg(conn->db)));
    }
    end_tx(tx);
}

static cm_rc sqlite_commit(cm_tx *tx, cm_err *err) {
    cm_sqlite_conn *conn = tx->conn;
    cm_rc rc = cm_sqlite_script(tx->store, conn->db, "COMMIT", err);
    if (rc != CM_OK) {
        sqlite_rollback(tx);
        return rc;
    }
    end_tx(tx);
    return CM_OK;
}

static cm_rc savepoint(cm_tx *tx, const char *verb, cm_err *err) {
    char sql[48];
    snprintf(sql, sizeof sql, "%s s%u", verb, tx->depth);
    return cm_sqlite_script(tx->store, ((cm_sqlite_conn *)tx->conn)->db, sql, err);
}

static cm_rc sqlite_save(cm_tx *tx, cm_err *err) {
    char sql[48];
    snprintf(sql, sizeof sql, "SAVEPOINT s%u", tx->depth + 1);
    return cm_sqlite_script(tx->store, ((cm_sqlite_conn *)tx->conn)->db, sql, err);
}

static cm_rc sqlite_release(cm_tx *tx, cm_err *err) {
    return savepoint(tx, "RELEASE", err);
}

static bool sqlite_is_open(const cm_tx *tx) {
    return sqlite3_get_autocommit(((cm_sqlite_conn *)tx->conn)->db) == 0;
}

static void sqlite_undo(cm_tx *tx) {
    if (!sqlite_is_open(tx)) {
        return; /* disk full, I/O and the like: SQLite has undone all of it */
    }
    cm_err err;
    if (savepoint(tx, "ROLLBACK TO", &err) != CM_OK || savepoint(tx, "RELEASE", &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "database savepoint could not be undone", &err);
        cm_sqlite_conn *conn = tx->conn;
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL); /* is_open tells the caller */
    }
}

static cm_rc sqlite_ask_as(cm_tx *tx, const cm_db *db, cm_err *err) {
    (void)tx;
    (void)db;
    (void)err; /* the predicate of each statement is the guard here */
    return CM_OK;
}

static cm_rc read_nothing(const cm_db *db, void *argument, cm_err *err) {
    (void)db;
    (void)argument;
    (void)err;
    return CM_OK;
}

static cm_rc sqlite_probe(cm_store *store, const cm_cancel *limit, cm_err *err) {
    cm_db db = cm_store_system(store);
    db.asker = limit;
    return cm_tx_run(&db, CM_TX_READ, CM_NORMAL, read_nothing, NULL, err);
}

/* --- Life ------------------------------------------------------------------------------------ */

static size_t reader_count(const cm_store_options *options) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t want = options->readers != 0 ? options->readers : (size_t)CM_MAX(cores, 1) + 2;
    return CM_MIN(want, (size_t)CM_SQLITE_READERS_MAX);
}

static cm_rc sqlite_open(cm_store *store, const cm_store_options *options, cm_err *err) {
    cm_sqlite *self = CM_NEW(cm_sqlite);
    self->store = store;
    self->busy_ms = options->busy_ms != 0 ? options->busy_ms : 5000;
    self->unmapped = options->unmapped;
    self->readers_max = reader_count(options);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->freed, NULL);
    store->backend = self;
    if (options->url != NULL) {
        self->path = cm_strdup(options->url + strlen("sqlite:"));
    } else if (options->data_dir != NULL) {
        self->path = cm_asprintf("%s/codementor.db", options->data_dir);
    }
    if (self->path == NULL || self->path[0] == '\0') {
        return cm_fail(err, CM_INVALID, "no database file given: set a url or a data directory");
    }
    return cm_sqlite_open_checked(self, err);
}

static cm_rc sqlite_maintain(cm_store *store, cm_err *err) {
    (void)store;
    (void)err; /* no partitions */
    return CM_OK;
}

static cm_rc sqlite_after_import(cm_store *store, cm_err *err) {
    (void)store;
    (void)err; /* an INTEGER PRIMARY KEY continues after the largest */
    return CM_OK;
}

static void sqlite_close(cm_store *store) {
    cm_sqlite *self = backend_of(store);
    while (self->free_readers != NULL) {
        cm_sqlite_conn *conn = self->free_readers;
        self->free_readers = conn->next;
        cm_sqlite_disconnect(conn);
    }
    if (self->writer != NULL) {
        sqlite3_exec(self->writer->db, "PRAGMA optimize", NULL, NULL, NULL); /* best effort */
    }
    cm_sqlite_disconnect(self->writer);
    pthread_cond_destroy(&self->freed);
    pthread_mutex_destroy(&self->mutex);
    cm_free(self->path);
    cm_free(self);
    store->backend = NULL;
}

const cm_backend_ops cm_backend_sqlite = {
    .engine = CM_SQLITE,
    .name = "sqlite",
    .single_writer = true,
    .open = sqlite_open,
    .close = sqlite_close,
    .migrator = cm_sqlite_migrator,
    .migrated = cm_sqlite_migrated,
    .maintain = sqlite_maintain,
    .after_import = sqlite_after_import,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .save = sqlite_save,
    .release = sqlite_release,
    .undo = sqlite_undo,
    .is_open = sqlite_is_open,
    .ask_as = sqlite_ask_as,
    .run = sqlite_run,
    .run_alone = sqlite_run_alone,
    .probe = sqlite_probe,
};
