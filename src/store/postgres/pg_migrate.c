/* pg_migrate.c - a bare PostgreSQL connection for migrate.c.
 *
 * The shared lock is one advisory lock, held by the transaction (or, for steps outside one, by the
 * session). It needs a direct connection: a transaction pooler would lose a session's lock. */
#include "store/postgres/pg_priv.h"

#define LOCK "7163746582915" /* any constant; the same in every version */

/* The statement an error belongs to: the server tells a position, or has answered all before it. */
static cm_rc blame(const PGresult *result, const char *sql, size_t answered, cm_rc rc,
                   cm_err *err) {
    uint64_t position = 0;
    const char *text = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    bool known = text != NULL && cm_str_to_u64(cm_str_from(text), &position) && position != 0;
    cm_str rest = cm_str_from(sql);
    cm_str statement = CM_STR_EMPTY;
    for (size_t number = 1; cm_sql_next(&rest, &statement); number++) {
        bool here = known ? (uint64_t)(statement.ptr - sql) + statement.len >= position
                          : number == answered + 1;
        if (here) {
            return cm_sql_blame(err, rc, number, statement);
        }
    }
    return rc;
}

/* One message for the whole script: a baseline of a thousand statements is one round trip. */
static cm_rc script(void *conn, const char *sql, cm_err *err) {
    cm_pg_conn *self = conn;
    cm_rc rc = cm_pg_send_script(self, sql, err);
    if (rc != CM_OK) {
        return rc;
    }
    for (size_t answered = 0;;) {
        PGresult *result;
        cm_err why = {0};
        cm_rc end = cm_pg_next(self, NULL, &result, &why);
        if (result == NULL) {
            return rc != CM_OK || end == CM_OK ? rc : cm_fail(err, end, "%s", why.text);
        }
        if (cm_pg_went_well(result)) {
            answered++;
        } else if (rc == CM_OK) {
            rc = cm_pg_fail(self, result, "database script failed", NULL, err);
            rc = blame(result, sql, answered, rc, err);
        }
        PQclear(result);
    }
}

static cm_rc begin(void *conn, cm_err *err) {
    cm_rc rc = cm_pg_script(conn,
                            "BEGIN; SET LOCAL lock_timeout = '60s'; SET LOCAL "
                            "statement_timeout = 0; SELECT pg_advisory_xact_lock(" LOCK ")",
                            err);
    return rc;
}

static cm_rc commit(void *conn, cm_err *err) {
    return cm_pg_script(conn, "COMMIT", err);
}

static void rollback(void *conn) {
    cm_err none;
    if (cm_pg_script(conn, "ROLLBACK", &none) != CM_OK) {
        ((cm_pg_conn *)conn)->broken = true;
    }
}

static cm_rc lock(void *conn, cm_err *err) {
    return cm_pg_script(conn, "SET statement_timeout = 0; SELECT pg_advisory_lock(" LOCK ")", err);
}

static void unlock(void *conn) {
    cm_err none;
    if (cm_pg_script(conn, "SELECT pg_advisory_unlock(" LOCK ")", &none) != CM_OK) {
        ((cm_pg_conn *)conn)->broken = true;
    }
}

static cm_rc read_rows(const PGresult *result, cm_migrate_row_fn *each, void *argument,
                       cm_err *err) {
    cm_rc rc = CM_OK;
    for (int row = 0; rc == CM_OK && row < PQntuples(result); row++) {
        const char *values[16] = {NULL};
        for (int i = 0; i < PQnfields(result) && i < 16; i++) {
            values[i] = PQgetisnull(result, row, i) ? NULL : PQgetvalue(result, row, i);
        }
        rc = each(argument, values, err);
    }
    return rc;
}

/* The rows of the last statement; `each` may ask again on the same connection. */
static cm_rc rows(void *conn, const char *sql, cm_migrate_row_fn *each, void *argument,
                  cm_err *err) {
    cm_pg_conn *self = conn;
    PGresult *last = NULL;
    PGresult *result = NULL;
    cm_rc rc = cm_pg_send_script(self, sql, err);
    while (rc == CM_OK && (rc = cm_pg_next(self, NULL, &result, err)) == CM_OK && result != NULL) {
        PQclear(last);
        last = result;
    }
    if (rc == CM_OK && PQresultStatus(last) != PGRES_TUPLES_OK) {
        rc = cm_pg_fail(self, last, "database query failed", NULL, err);
    }
    if (rc == CM_OK) {
        rc = read_rows(last, each, argument, err);
    }
    PQclear(last);
    return rc;
}

static cm_rc check(void *conn, cm_err *err) {
    (void)conn;
    (void)err; /* PostgreSQL never lets a reference break */
    return CM_OK;
}

/* The roles stay: they belong to the cluster. */
static cm_rc drop_all(void *conn, cm_err *err) {
    return cm_pg_script(conn,
                        "BEGIN; DROP SCHEMA IF EXISTS compat CASCADE; DROP SCHEMA public CASCADE; "
                        "CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO public; COMMIT",
                        err);
}

/* --- A scratch schema ---------------------------------------------------------------------------
 *
 * The schemas of ours change their names and an empty `public` is made, in one transaction that is rolled back: so
 * what migrations say of `public` holds, nobody else ever sees any of it, and neither CREATEDB nor room for a second
 * database is needed. Extensions stay where they are and are found behind it. Others wait for us only when they
 * change the rights of these schemas. */

static const char aside_script[] =
    "BEGIN; SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0; "
    "ALTER SCHEMA public RENAME TO codementor_aside; "
    "DO $$ BEGIN ALTER SCHEMA compat RENAME TO codementor_aside_compat; "
    "EXCEPTION WHEN invalid_schema_name THEN NULL; END $$; "
    "CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO public; "
    "SET LOCAL search_path = public, codementor_aside";

static bool is_inside(const cm_pg_conn *conn) {
    return PQtransactionStatus(conn->pg) == PQTRANS_INTRANS;
}

/* Nothing runs on the real schema when the transaction is over, whyever that is. */
static cm_rc aside_run(void *conn, const char *sql, cm_err *err) {
    return is_inside(conn) ? script(conn, sql, err)
                           : cm_fail(err, CM_INTERNAL, "the scratch schema is gone");
}

static cm_rc aside_step(void *conn, cm_err *err) {
    return aside_run(conn, "SET CONSTRAINTS ALL IMMEDIATE", err); /* or ALTER TABLE refuses */
}

static void aside_stay(void *conn) {
    (void)conn; /* the one transaction holds all of it */
}

#define COMMON                                                                                   \
    .engine = CM_POSTGRES, .rows = rows, .check = check,                                         \
    .has_history = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = " \
                   "'schema_migrations'",                                                        \
    .has_tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",                  \
    .version = "SHOW server_version",                                                            \
    .extensions = "SELECT extname, extversion FROM pg_extension WHERE extname <> 'plpgsql' "     \
                  "ORDER BY extname",                                                            \
    .all_rows = "SET LOCAL ROLE codementor_worker"

static const cm_migrate_ops aside_ops = {
    COMMON,
    .begin = aside_step,
    .commit = aside_step,
    .rollback = aside_stay,
    .lock = aside_step,
    .unlock = aside_stay,
    .script = aside_run,
};

static cm_rc aside(void *conn, const cm_migrate_ops **ret_ops, cm_err *err) {
    cm_rc rc = cm_pg_script(conn, aside_script, err);
    *ret_ops = &aside_ops;
    return rc;
}

static const cm_migrate_ops ops = {
    COMMON,           .begin = begin,   .commit = commit, .rollback = rollback, .lock = lock,
    .unlock = unlock, .script = script, .aside = aside,   .drop_all = drop_all,
};

cm_rc cm_pg_migrator(cm_store *store, cm_migrator *ret_migrator, cm_err *err) {
    const cm_pg *self = store->backend;
    cm_pg_conn *conn;
    cm_rc rc = cm_pg_connect(&self->primary, NULL, &conn, err);
    if (rc == CM_OK) {
        conn->wait_ms = UINT32_MAX; /* a migration takes as long as it takes */
        *ret_migrator = (cm_migrator){.ops = &ops,
                                      .conn = conn,
                                      .place = self->primary.place,
                                      .migrations = cm_migrations_embedded};
    }
    return rc;
}

void cm_pg_migrated(cm_store *store, cm_migrator *migrator) {
    (void)store;
    cm_pg_disconnect(migrator->conn);
}

/* Every identity column starts after its largest value. */
static const char move_sequences[] =
    "DO $$ DECLARE c record; BEGIN "
    "FOR c IN SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = 'public' AND is_identity = 'YES' LOOP "
    "EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), coalesce((SELECT max(%I) FROM "
    "%I), 0) + 1, false)', c.table_name, c.column_name, c.column_name, c.table_name); "
    "END LOOP; END $$";

cm_rc cm_pg_after_import(cm_store *store, cm_err *err) {
    const cm_pg *self = store->backend;
    cm_pg_conn *conn;
    cm_rc rc = cm_pg_connect(&self->primary, NULL, &conn, err);
    if (rc == CM_OK) {
        rc = cm_pg_script(conn, move_sequences, err);
        cm_pg_disconnect(conn);
    }
    return rc;
}
