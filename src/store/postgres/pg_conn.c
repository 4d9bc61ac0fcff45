/* pg_conn.c - one connection: made, waited for with deadlines, and its errors translated.
 *
 * A connection stays in pipeline mode all its life (pg.c), except while migrating. Every wait polls the
 * socket, so that a server that has gone silent costs a deadline and not a thread. A connection that has
 * failed in any way the protocol does not explain is closed, never used again. */
#include "store/postgres/pg_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define CANCEL_POLL_MS 50u
#define TURN_MS        1000u
#define STOP_MS        2000u /* a statement that was asked to stop */
#define CONNECT_MAX_S  5u

/* --- Errors ----------------------------------------------------------------------------------- */

static cm_rc code_of(const char *state, bool *ret_again) {
    static const struct {
        const char *state; /* SQLSTATE or its class (two characters) */
        cm_rc rc;
        bool again;
    } rows[] = {
        {"23505", CM_EXISTS, false},
        {"23503", CM_CONFLICT, false},
        {"23", CM_INVALID, false},
        {"22", CM_INVALID, false},
        {"42501", CM_DENIED, false},
        {"25006", CM_DENIED, false},
        {"28", CM_DENIED, false},
        {"53100", CM_STORAGE_FULL, false},
        {"53200", CM_NOMEM, false},
        {"53", CM_DATABASE_UNAVAILABLE, false},
        {"54", CM_LIMIT, false},
        {"57014", CM_CANCELLED, false},
        {"57", CM_DATABASE_UNAVAILABLE, false},
        {"55", CM_DATABASE_UNAVAILABLE, false},
        {"40", CM_CONFLICT, true},
        {"58", CM_IO, false},
        {"XX001", CM_CORRUPT, false},
        {"XX002", CM_CORRUPT, false},
        {"26000", CM_DATABASE_UNAVAILABLE, true}, /* the pooler has forgotten a statement ... */
        {"42P05", CM_DATABASE_UNAVAILABLE, true}, /* ... or another client has prepared it there */
        {"08", CM_DATABASE_UNAVAILABLE, false},
        {"3D", CM_DATABASE_UNAVAILABLE, false},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        if (strncmp(rows[i].state, state, strlen(rows[i].state)) == 0) {
            *ret_again = rows[i].again;
            return rows[i].rc;
        }
    }
    return CM_INTERNAL;
}

/* A pooler that changes the server between transactions, and knows nothing of named statements. */
static void stop_preparing(const cm_pg_conn *conn) {
    if (conn->pool != NULL && !atomic_exchange(&conn->pool->unprepared, true)) {
        cm_log(CM_LOG_WARN, "the database forgets prepared statements: they go unnamed from now on",
               CM_F("database", conn->pool->place), CM_F("fix", "set database.unprepared = true"));
    }
}

cm_rc cm_pg_fail(cm_pg_conn *conn, const PGresult *result, const char *what, bool *ret_again,
                 cm_err *err) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL) {
        conn->broken = conn->lost = true;
        return cm_fail(err, CM_DATABASE_UNAVAILABLE, "%s: the database connection was lost", what);
    }
    bool again = false;
    cm_rc rc = code_of(state, &again);
    if (again && rc == CM_DATABASE_UNAVAILABLE) {
        stop_preparing(conn);
    }
    if (rc == CM_DATABASE_UNAVAILABLE) {
        conn->broken = true;
        conn->lost = strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0;
    }
    if (ret_again != NULL) {
        *ret_again = again;
    }
    return cm_fail(err, rc, "%s: %s", what, text != NULL ? text : state);
}

static cm_rc fail_lost(cm_pg_conn *conn, cm_err *err) {
    conn->broken = conn->lost = true;
    cm_str text = cm_str_trim(cm_str_from(PQerrorMessage(conn->pg)));
    return cm_fail(err, CM_DATABASE_UNAVAILABLE, "database connection lost: " CM_STR_FMT,
                   CM_STR_ARG(text));
}

/* --- Waiting ---------------------------------------------------------------------------------- */

typedef struct waiting {
    cm_pg_conn *conn;
    const cm_cancel *cancel;
    uint64_t end_ms;
    bool asked;       /* the server was, to stop */
    cm_pg_stop *stop; /* NULL when it could not be */
} waiting;

/* One turn of the sockets; `want_write` while there is something to send. */
static cm_rc turn(const waiting *w, bool want_write, int timeout_ms, cm_err *err) {
    struct pollfd fds[] = {
        {.fd = PQsocket(w->conn->pg), .events = (short)(POLLIN | (want_write ? POLLOUT : 0))},
        cm_pg_stop_fd(w->stop)};
    if (poll(fds, CM_COUNT(fds), timeout_ms) > 0 && (fds[0].revents & ~POLLOUT) != 0 &&
        PQconsumeInput(w->conn->pg) == 0) {
        return fail_lost(w->conn, err);
    }
    return CM_OK;
}

static cm_rc fail_late(const waiting *w, cm_err *err) {
    cm_pg_conn *conn = w->conn;
    conn->broken = conn->lost = conn->late = true;
    return w->asked
               ? cm_fail(err, CM_DATABASE_UNAVAILABLE,
                         "the database could not be stopped within %.1f seconds",
                         CM_MIN(conn->wait_ms, STOP_MS) / 1e3)
               : cm_fail(err, CM_DATABASE_UNAVAILABLE,
                         "the database did not answer within %.1f seconds", conn->wait_ms / 1e3);
}

/* Its result then says that the statement was stopped. Whoever has cancelled waits no full deadline for that. */
static void ask_to_stop(waiting *w) {
    w->asked = true;
    w->stop = cm_pg_stop_new(w->conn);
    w->end_ms = CM_MIN(w->end_ms, cm_clock_ms() + STOP_MS);
}

static cm_rc wait_ready(waiting *w, cm_err *err) {
    for (;;) {
        int pending = PQflush(w->conn->pg);
        if (pending < 0) {
            return fail_lost(w->conn, err);
        }
        if (PQisBusy(w->conn->pg) == 0) {
            return CM_OK;
        }
        if (!w->asked && cm_cancel_hit(w->cancel) != CM_CANCEL_NONE) {
            ask_to_stop(w);
        }
        if (w->stop != NULL) {
            cm_pg_stop_step(w->stop);
        }
        uint64_t now_ms = cm_clock_ms();
        if (now_ms >= w->end_ms) {
            return fail_late(w, err);
        }
        uint32_t turn_ms = w->cancel != NULL && !w->asked ? CANCEL_POLL_MS : TURN_MS;
        cm_rc rc = turn(w, pending != 0, (int)CM_MIN(w->end_ms - now_ms, turn_ms), err);
        if (rc != CM_OK) {
            return rc;
        }
    }
}

PGresult *cm_pg_wait(cm_pg_conn *conn, const cm_cancel *cancel, cm_err *err) {
    waiting w = {.conn = conn, .cancel = cancel, .end_ms = cm_clock_ms() + conn->wait_ms};
    cm_rc rc = wait_ready(&w, err);
    if (rc == CM_OK && w.stop != NULL && !cm_pg_stop_wait(w.stop, w.end_ms)) {
        rc = fail_late(&w, err); /* it might still hit the COMMIT, or the next asker's statement */
    }
    cm_pg_stop_free(w.stop);
    return rc == CM_OK ? PQgetResult(conn->pg) : NULL;
}

/* --- Life ------------------------------------------------------------------------------------- */

static const char *const session_options =
    "-c client_min_messages=warning -c statement_timeout=30000 -c lock_timeout=10000 "
    "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC";

cm_rc cm_pg_connect(const cm_pg_pool *pool, cm_pg_conn **ret_conn, cm_err *err) {
    char seconds[16]; /* libpq takes 1 for 2 */
    snprintf(seconds, sizeof seconds, "%u",
             CM_MAX(CM_MIN(pool->wait_ms / 1000, CONNECT_MAX_S), 1u));
    /* What stands before dbname a URL may override; what stands behind it is ours to say. */
    const char *keys[] = {"keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "tcp_user_timeout",
                          "dbname",
                          "client_encoding",
                          "fallback_application_name",
                          "connect_timeout",
                          "options",
                          NULL};
    const char *values[] = {"30",         "10",      "3",
                            "30000",      pool->url, "UTF8",
                            "codementor", seconds,   pool->unprepared ? "" : session_options,
                            NULL};
    PGconn *pg = PQconnectdbParams(keys, values, 1);
    if (pg == NULL || PQstatus(pg) != CONNECTION_OK) {
        cm_str text = cm_str_trim(cm_str_from(pg != NULL ? PQerrorMessage(pg) : "no memory"));
        cm_rc rc =
            cm_fail(err, CM_DATABASE_UNAVAILABLE, "cannot connect to database '%s': " CM_STR_FMT,
                    pool->place, CM_STR_ARG(text));
        PQfinish(pg);
        return rc;
    }
    if (PQserverVersion(pg) < 160000) {
        cm_rc rc = cm_fail(err, CM_NOT_SUPPORTED, "database '%s' is PostgreSQL %d; 16 is needed",
                           pool->place, PQserverVersion(pg) / 10000);
        PQfinish(pg);
        return rc;
    }
    cm_pg_conn *conn = CM_NEW(cm_pg_conn);
    conn->pg = pg;
    conn->prepared = cm_alloc(cm_query_count * 2);
    conn->made_ms = cm_clock_ms();
    conn->wait_ms = pool->wait_ms;
    *ret_conn = conn;
    return CM_OK;
}

void cm_pg_disconnect(cm_pg_conn *conn) {
    if (conn == NULL) {
        return;
    }
    PQfinish(conn->pg);
    cm_free(conn->prepared);
    cm_free(conn);
}

cm_rc cm_pg_script(cm_pg_conn *conn, const char *sql, cm_err *err) {
    PGresult *result = PQexec(conn->pg, sql);
    ExecStatusType status = PQresultStatus(result);
    cm_rc rc = CM_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
        rc = cm_pg_fail(conn, result, "database script failed", NULL, err);
    }
    PQclear(result);
    return rc;
}

/* --- Positions in the write-ahead log ----------------------------------------------------------- */

uint64_t cm_pg_position_of(const PGresult *result, int column) {
    uint64_t position = 0;
    if (result == NULL || PQntuples(result) != 1 || PQgetisnull(result, 0, column) ||
        PQgetlength(result, 0, column) != (int)sizeof position) {
        return 0;
    }
    const unsigned char *bytes = (const unsigned char *)PQgetvalue(result, 0, column);
    for (size_t i = 0; i < sizeof position; i++) {
        position = position << 8 | bytes[i];
    }
    return position;
}

cm_rc cm_pg_position(cm_pg_conn *conn, const char *sql, uint64_t *ret_position, cm_err *err) {
    if (PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1) == 0 ||
        PQpipelineSync(conn->pg) == 0) {
        return fail_lost(conn, err);
    }
    cm_rc rc = CM_DATABASE_UNAVAILABLE; /* until the sync has come, err says why it has not */
    for (bool more = true; more;) {
        PGresult *result = cm_pg_wait(conn, NULL, err);
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK) {
            *ret_position = cm_pg_position_of(result, 0);
            rc = CM_OK;
        } else if (result != NULL && status != PGRES_PIPELINE_SYNC) {
            rc = cm_pg_fail(conn, result, "asking for a log position", NULL, err);
        }
        more = !conn->broken && status != PGRES_PIPELINE_SYNC;
        PQclear(result);
    }
    return rc;
}
