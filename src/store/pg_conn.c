/* pg_conn.c - one connection: made, waited for with deadlines, and its errors translated.
 *
 * A connection stays in pipeline mode all its life (pg.c), except while migrating. Every wait polls the
 * socket, so that a server that has gone silent costs a deadline and not a thread. A connection that has
 * failed in any way the protocol does not explain is closed, never used again. */
#include "store/pg_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <poll.h>

#define WAIT_MAX_MS    30000 /* for one result; statements are short */
#define CANCEL_POLL_MS 50

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

cm_rc cm_pg_fail(cm_pg_conn *conn, const PGresult *result, const char *what, bool *ret_again,
                 cm_err *err) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL) {
        conn->broken = true;
        return cm_fail(err, CM_DATABASE_UNAVAILABLE, "%s: the database connection was lost", what);
    }
    bool again = false;
    cm_rc rc = code_of(state, &again);
    if (rc == CM_DATABASE_UNAVAILABLE) {
        conn->broken = true;
    }
    if (ret_again != NULL) {
        *ret_again = again;
    }
    return cm_fail(err, rc, "%s: %s", what, text != NULL ? text : state);
}

static cm_rc fail_lost(cm_pg_conn *conn, cm_err *err) {
    conn->broken = true;
    cm_str text = cm_str_trim(cm_str_from(PQerrorMessage(conn->pg)));
    return cm_fail(err, CM_DATABASE_UNAVAILABLE, "database connection lost: " CM_STR_FMT,
                   CM_STR_ARG(text));
}

/* --- Waiting ---------------------------------------------------------------------------------- */

/* One turn of the socket; `want_write` while there is something to send. */
static cm_rc turn(cm_pg_conn *conn, bool want_write, int timeout_ms, cm_err *err) {
    struct pollfd fd = {.fd = PQsocket(conn->pg),
                        .events = (short)(POLLIN | (want_write ? POLLOUT : 0))};
    if (poll(&fd, 1, timeout_ms) > 0 && (fd.revents & ~POLLOUT) != 0 &&
        PQconsumeInput(conn->pg) == 0) {
        return fail_lost(conn, err);
    }
    return CM_OK;
}

/* Stops the statement on the server; its result then says so. */
static void ask_to_stop(cm_pg_conn *conn) {
    char text[256];
    PGcancel *cancel = PQgetCancel(conn->pg);
    if (cancel != NULL) {
        if (PQcancel(cancel, text, sizeof text) == 0) {
            conn->broken = true;
        }
        PQfreeCancel(cancel);
    }
}

PGresult *cm_pg_wait(cm_pg_conn *conn, const cm_cancel *cancel, cm_err *err) {
    uint64_t end_ms = cm_clock_ms() + WAIT_MAX_MS;
    bool asked = false;
    for (;;) {
        int pending = PQflush(conn->pg);
        if (pending < 0) {
            fail_lost(conn, err);
            return NULL;
        }
        if (PQisBusy(conn->pg) == 0) {
            return PQgetResult(conn->pg);
        }
        if (!asked && cm_cancel_hit(cancel) != CM_CANCEL_NONE) {
            ask_to_stop(conn);
            asked = true;
        }
        if (cm_clock_ms() >= end_ms) {
            conn->broken = true;
            cm_err_set(err, CM_DATABASE_UNAVAILABLE, __FILE__, __LINE__,
                       "the database did not answer within %d seconds", WAIT_MAX_MS / 1000);
            return NULL;
        }
        if (turn(conn, pending != 0, cancel != NULL ? CANCEL_POLL_MS : 1000, err) != CM_OK) {
            return NULL;
        }
    }
}

/* --- Life ------------------------------------------------------------------------------------- */

static const char *const session_options =
    "-c client_min_messages=warning -c statement_timeout=30000 -c lock_timeout=10000 "
    "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC";

cm_rc cm_pg_connect(const cm_pg *self, cm_pg_conn **ret_conn, cm_err *err) {
    const char *keys[] = {"dbname",          "client_encoding", "fallback_application_name",
                          "connect_timeout", "options",         NULL};
    const char *values[] = {
        self->url, "UTF8", "codementor", "5", self->unprepared ? "" : session_options, NULL};
    PGconn *pg = PQconnectdbParams(keys, values, 1);
    if (pg == NULL || PQstatus(pg) != CONNECTION_OK) {
        cm_str text = cm_str_trim(cm_str_from(pg != NULL ? PQerrorMessage(pg) : "no memory"));
        cm_rc rc =
            cm_fail(err, CM_DATABASE_UNAVAILABLE, "cannot connect to database '%s': " CM_STR_FMT,
                    self->place, CM_STR_ARG(text));
        PQfinish(pg);
        return rc;
    }
    if (PQserverVersion(pg) < 160000) {
        cm_rc rc = cm_fail(err, CM_NOT_SUPPORTED, "database '%s' is PostgreSQL %d; 16 is needed",
                           self->place, PQserverVersion(pg) / 10000);
        PQfinish(pg);
        return rc;
    }
    cm_pg_conn *conn = CM_NEW(cm_pg_conn);
    conn->pg = pg;
    conn->prepared = cm_alloc(cm_query_count * 2);
    conn->made_ms = conn->used_ms = cm_clock_ms();
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
