/* pg_connect.c - making a connection, over a network or to a server that may be silent.
 *
 * libpq's connecting blocks: it resolves names, tries one host after the other, each for connect_timeout, and
 * reads what the server says meanwhile. So it gets a thread that makes one connection and ends; whoever asked
 * waits for it no longer than its own deadline, and a connection that comes too late is closed by the thread.
 * At most CONNECTS_MAX of one pool hang at a time: beyond that connecting fails at once.
 *
 * Rejected: PQconnectPoll() (names are still resolved on the calling thread, and a silent first host of several
 * is never left for the second). */
#include "store/postgres/pg_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECT_MAX_S 5u
#define CONNECTS_MAX  32u
#define TURN_MS       25

static const char *const session_options =
    "-c client_min_messages=warning -c statement_timeout=30000 -c lock_timeout=10000 "
    "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC";

/* How many of one pool are under way; outlives the pool while one hangs. */
struct cm_pg_connects {
    atomic_uint refs, running;
};

/* Shared by the asker and the thread; whoever comes last frees it, and the connection if it is still there. */
typedef struct connecting {
    atomic_uint refs;
    int told; /* eventfd: readable when it is over */
    char *url;
    char seconds[16];
    bool unprepared;
    _Atomic(PGconn *) pg; /* set by the thread as its last step before it tells */
    cm_pg_connects *connects;
} connecting;

cm_pg_connects *cm_pg_connects_new(void) {
    cm_pg_connects *connects = CM_NEW(cm_pg_connects);
    atomic_init(&connects->refs, 1);
    return connects;
}

void cm_pg_connects_unref(cm_pg_connects *connects) {
    if (connects != NULL && atomic_fetch_sub(&connects->refs, 1) == 1) {
        cm_free(connects);
    }
}

static void connecting_unref(connecting *c) {
    if (atomic_fetch_sub(&c->refs, 1) != 1) {
        return;
    }
    if (c->told >= 0) {
        close(c->told);
    }
    PQfinish(atomic_load(&c->pg));
    cm_pg_connects_unref(c->connects);
    cm_free(c->url);
    cm_free(c);
}

static void *connect_main(void *argument) {
    connecting *c = argument;
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
    const char *values[] = {"30",         "10",       "3",
                            "30000",      c->url,     "UTF8",
                            "codementor", c->seconds, c->unprepared ? "" : session_options,
                            NULL};
    atomic_store(&c->pg, PQconnectdbParams(keys, values, 1));
    atomic_fetch_sub(&c->connects->running, 1);
    eventfd_write(c->told, 1);
    connecting_unref(c);
    return NULL;
}

static bool start_thread(connecting *c) {
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&c->refs, 1);
    bool failed = pthread_create(&thread, &detached, connect_main, c) != 0;
    pthread_attr_destroy(&detached);
    if (failed) {
        atomic_fetch_sub(&c->refs, 1);
    }
    return !failed;
}

static cm_rc start(const cm_pg_pool *pool, connecting **ret_connecting, cm_err *err) {
    cm_pg_connects *connects = pool->connects;
    if (atomic_fetch_add(&connects->running, 1) >= CONNECTS_MAX) {
        atomic_fetch_sub(&connects->running, 1);
        return cm_fail(err, CM_DATABASE_UNAVAILABLE,
                       "cannot connect to database '%s': %u attempts hang already", pool->place,
                       CONNECTS_MAX);
    }
    connecting *c = CM_NEW(connecting);
    atomic_init(&c->refs, 1);
    atomic_fetch_add(&connects->refs, 1);
    c->connects = connects;
    c->url = cm_strdup(pool->url);
    c->unprepared = atomic_load(&pool->unprepared);
    c->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snprintf(c->seconds, sizeof c->seconds, "%u", /* libpq takes 1 for 2 */
             CM_MAX(CM_MIN(pool->wait_ms / 1000, CONNECT_MAX_S), 1u));
    if (c->told < 0 || !start_thread(c)) {
        atomic_fetch_sub(&connects->running, 1);
        connecting_unref(c);
        return cm_fail(err, CM_DATABASE_UNAVAILABLE,
                       "cannot connect to database '%s': no thread or descriptor is left",
                       pool->place);
    }
    *ret_connecting = c;
    return CM_OK;
}

/* Until it is over; the thread itself ends within connect_timeout for each host. */
static cm_rc await(const cm_pg_pool *pool, connecting *c, const cm_db *db, cm_err *err) {
    struct pollfd fd = {.fd = c->told, .events = POLLIN};
    while (poll(&fd, 1, TURN_MS) <= 0) {
        if (cm_db_over(pool->store, db, true) != CM_CANCEL_NONE) {
            return cm_fail(err, CM_DATABASE_UNAVAILABLE,
                           "database '%s' took no connection within the time of the call",
                           pool->place);
        }
    }
    return CM_OK;
}

static cm_rc check(const cm_pg_pool *pool, PGconn *pg, cm_err *err) {
    if (pg == NULL || PQstatus(pg) != CONNECTION_OK) {
        cm_cleanup(cm_freep) char *safe =
            cm_pg_scrub(pool->url, pg != NULL ? PQerrorMessage(pg) : "no memory");
        cm_str text = cm_str_trim(cm_str_from(safe));
        return cm_fail(err, CM_DATABASE_UNAVAILABLE, "cannot connect to database '%s': " CM_STR_FMT,
                       pool->place, CM_STR_ARG(text));
    }
    if (PQserverVersion(pg) < 160000) {
        return cm_fail(err, CM_NOT_SUPPORTED, "database '%s' is PostgreSQL %d; 16 is needed",
                       pool->place, PQserverVersion(pg) / 10000);
    }
    return CM_OK;
}

cm_rc cm_pg_connect(const cm_pg_pool *pool, const cm_db *db, cm_pg_conn **ret_conn, cm_err *err) {
    connecting *c;
    cm_rc rc = start(pool, &c, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = await(pool, c, db, err);
    PGconn *pg = NULL;
    if (rc == CM_OK) {
        pg = atomic_exchange(&c->pg, NULL); /* the thread is done with it */
        rc = check(pool, pg, err);
    }
    connecting_unref(c);
    if (rc != CM_OK) {
        PQfinish(pg);
        return rc;
    }
    cm_pg_conn *conn = CM_NEW(cm_pg_conn);
    conn->pg = pg;
    conn->url = pool->url;
    conn->store = pool->store;
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
