/* sqlite_migrate.c - a bare SQLite connection for migrate.c.
 *
 * The shared lock is the write lock of an IMMEDIATE transaction. Foreign keys are off while tables are
 * rebuilt (SQLite's documented procedure) and checked as a whole before the commit. */
#include "store/sqlite/sqlite_priv.h"

static cm_rc run(void *conn, const char *sql, cm_err *err) {
    cm_sqlite *self = conn;
    return cm_sqlite_script(self->store, self->writer->db, sql, err);
}

static cm_rc begin(void *conn, cm_err *err) {
    return run(conn, "BEGIN IMMEDIATE", err);
}

static cm_rc commit(void *conn, cm_err *err) {
    return run(conn, "COMMIT", err);
}

static void rollback(void *conn) {
    sqlite3_exec(((cm_sqlite *)conn)->writer->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Nothing SQLite does needs to be outside a transaction. */
static void end_lock(void *conn) {
    sqlite3_exec(((cm_sqlite *)conn)->writer->db, "COMMIT", NULL, NULL, NULL);
}

static int run_to_end(sqlite3_stmt *stmt) {
    int code;
    do {
        code = sqlite3_step(stmt);
    } while (code == SQLITE_ROW);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Statement by statement, so that an error can say which. */
static cm_rc script(void *conn, const char *sql, cm_err *err) {
    cm_sqlite *self = conn;
    sqlite3 *db = self->writer->db;
    const char *rest = sql;
    for (size_t number = 1; *rest != '\0'; number++) {
        const char *start = rest;
        sqlite3_stmt *stmt = NULL;
        int code = sqlite3_prepare_v2(db, start, -1, &stmt, &rest);
        if (code == SQLITE_OK && stmt != NULL) {
            code = run_to_end(stmt);
        }
        cm_rc rc = CM_OK;
        if (code != SQLITE_OK) {
            rc = cm_sqlite_fail(self->store, db, code, "database script failed", err);
            rc = cm_sql_blame(err, rc, number, cm_str_from(start));
        }
        sqlite3_finalize(stmt);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return CM_OK;
}

static cm_rc rows(void *conn, const char *sql, cm_migrate_row_fn *each, void *argument,
                  cm_err *err) {
    cm_sqlite *self = conn;
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(self->writer->db, sql, -1, &stmt, NULL);
    cm_rc rc = CM_OK;
    while (rc == CM_OK && code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *values[16] = {NULL};
        for (int i = 0; i < sqlite3_column_count(stmt) && i < 16; i++) {
            values[i] = (const char *)sqlite3_column_text(stmt, i);
        }
        rc = each(argument, values, err);
        code = SQLITE_OK;
    }
    if (rc == CM_OK && code != SQLITE_DONE) {
        rc = cm_sqlite_fail(self->store, self->writer->db, code, "database query failed", err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

static cm_rc check(void *conn, cm_err *err) {
    cm_sqlite *self = conn;
    char broken[200];
    cm_err none;
    cm_rc rc = cm_sqlite_text(self->store, self->writer->db, "PRAGMA foreign_key_check", broken,
                              sizeof broken, &none);
    if (rc == CM_NOT_FOUND) {
        return CM_OK;
    }
    return rc != CM_OK ? cm_fail(err, rc, "%s", none.text)
                       : cm_fail(err, CM_CONFLICT,
                                 "rows of table '%s' refer to rows that do not exist", broken);
}

/* A reset database is an empty file, settings of the file kept (SQLite's documented procedure). */
static cm_rc drop_all(void *conn, cm_err *err) {
    cm_sqlite *self = conn;
    sqlite3 *db = self->writer->db;
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 1, (int *)NULL);
    cm_rc rc = run(conn, "VACUUM", err);
    sqlite3_db_config(db, SQLITE_DBCONFIG_RESET_DATABASE, 0, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    return rc;
}

static const cm_migrate_ops ops = {
    .engine = CM_SQLITE,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .lock = begin,
    .unlock = end_lock,
    .script = script,
    .rows = rows,
    .drop_all = drop_all,
    .check = check,
    .has_history = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
    .has_tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
    .version = "SELECT sqlite_version()",
    .extensions = "SELECT 'fts5', sqlite_version() WHERE sqlite_compileoption_used('ENABLE_FTS5')",
    .all_rows = "",
};

cm_rc cm_sqlite_migrator(cm_store *store, cm_migrator *ret_migrator, cm_err *err) {
    cm_sqlite *self = store->backend;
    cm_rc rc = run(self, "PRAGMA foreign_keys=OFF", err);
    if (rc == CM_OK) {
        *ret_migrator = (cm_migrator){
            .ops = &ops, .conn = self, .place = self->path, .migrations = cm_migrations_embedded};
    }
    return rc;
}

void cm_sqlite_migrated(cm_store *store, cm_migrator *migrator) {
    (void)migrator;
    cm_sqlite *self = store->backend;
    cm_err err;
    if (run(self, "PRAGMA foreign_keys=ON", &err) != CM_OK) {
        atomic_store(&store->failed, true); /* better no writes than unchecked ones */
    }
}
