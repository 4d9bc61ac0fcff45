/* pg_conn.c - one connection: waited for with deadlines, and its errors translated.
 *
 * A connection stays in pipeline mode all its life (pg.c), except while migrating. Every wait polls the
 * socket, so that a server that has gone silent costs a deadline and not a thread. A connection that has
 * failed in any way the protocol does not explain is closed, never used again. */
#include "store/postgres/pg_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define TURN_MS 25u   /* between two looks at whether the wait is over */
#define STOP_MS 2000u /* a statement that was asked to stop */
#define LATE_MS \
    50u /* ... because the time of its request is over: for all that is left to do on the connection */

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
    if (rc == CM_CANCELLED && conn->stop_by_ms != 0) {
        return cm_fail(err, CM_TIMEOUT, "%s: stopped at the end of the time of the call", what);
    }
    return cm_fail(err, rc, "%s: %s", what, text != NULL ? text : state);
}

cm_rc cm_pg_lost(cm_pg_conn *conn, const char *what, cm_err *err) {
    conn->broken = conn->lost = true;
    cm_cleanup(cm_freep) char *safe = cm_pg_scrub(conn->url, PQerrorMessage(conn->pg));
    return cm_fail(err, CM_DATABASE_UNAVAILABLE, "%s: " CM_STR_FMT, what,
                   CM_STR_ARG(cm_str_trim(cm_str_from(safe))));
}

static cm_rc fail_lost(cm_pg_conn *conn, cm_err *err) {
    return cm_pg_lost(conn, "database connection lost", err);
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
    if (conn->stop_by_ms != 0) {
        return cm_fail(err, CM_DATABASE_UNAVAILABLE,
                       "the database did not answer within the time of the call");
    }
    return w->asked
               ? cm_fail(err, CM_DATABASE_UNAVAILABLE,
                         "the database could not be stopped within %.1f seconds",
                         CM_MIN(conn->wait_ms, STOP_MS) / 1e3)
               : cm_fail(err, CM_DATABASE_UNAVAILABLE,
                         "the database did not answer within %.1f seconds", conn->wait_ms / 1e3);
}

/* Its result then says that the statement was stopped. Whoever has cancelled waits no full deadline for that. */
static void ask_to_stop(waiting *w, uint32_t limit_ms) {
    w->asked = true;
    w->stop = cm_pg_stop_new(w->conn);
    w->end_ms = CM_MIN(w->end_ms, cm_clock_ms() + limit_ms);
}

/* The request that this connection works for has no more time: what is left of its transaction shares LATE_MS. */
static void hurry(waiting *w, uint64_t now_ms) {
    cm_pg_conn *conn = w->conn;
    if (conn->stop_by_ms == 0) {
        if (cm_db_over(conn->store, &conn->asker, conn->writes) == CM_CANCEL_NONE) {
            return;
        }
        conn->stop_by_ms = now_ms + LATE_MS;
    }
    if (!w->asked) {
        ask_to_stop(w, LATE_MS);
    }
    w->end_ms = CM_MIN(w->end_ms, conn->stop_by_ms);
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
        uint64_t now_ms = cm_clock_ms();
        if (!w->asked && cm_cancel_hit(w->cancel) != CM_CANCEL_NONE) {
            ask_to_stop(w, STOP_MS);
        }
        hurry(w, now_ms);
        if (w->stop != NULL) {
            cm_pg_stop_step(w->stop);
        }
        if (now_ms >= w->end_ms) {
            return fail_late(w, err);
        }
        cm_rc rc = turn(w, pending != 0, (int)CM_MIN(w->end_ms - now_ms, TURN_MS), err);
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

/* --- Scripts ----------------------------------------------------------------------------------- */

bool cm_pg_went_well(const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

cm_rc cm_pg_send_script(cm_pg_conn *conn, const char *sql, cm_err *err) {
    return PQsendQuery(conn->pg, sql) != 0 ? CM_OK : fail_lost(conn, err);
}

cm_rc cm_pg_next(cm_pg_conn *conn, const cm_cancel *cancel, PGresult **ret_result, cm_err *err) {
    cm_err why = {0};
    *ret_result = conn->broken ? NULL : cm_pg_wait(conn, cancel, &why);
    if (*ret_result == NULL && conn->broken) {
        return cm_fail(err, CM_DATABASE_UNAVAILABLE, "%s",
                       why.text[0] != '\0' ? why.text : "the database connection was lost");
    }
    return CM_OK;
}

cm_rc cm_pg_script(cm_pg_conn *conn, const char *sql, cm_err *err) {
    cm_rc rc = cm_pg_send_script(conn, sql, err);
    if (rc != CM_OK) {
        return rc;
    }
    for (;;) {
        PGresult *result;
        cm_err why = {0};
        cm_rc end = cm_pg_next(conn, NULL, &result, &why);
        if (result == NULL) {
            return rc != CM_OK || end == CM_OK ? rc : cm_fail(err, end, "%s", why.text);
        }
        if (rc == CM_OK && !cm_pg_went_well(result)) {
            rc = cm_pg_fail(conn, result, "database script failed", NULL, err);
        }
        PQclear(result);
    }
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
