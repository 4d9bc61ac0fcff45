/* pg_pool.c - the connections to one server: taken, given back, renewed.
 *
 * A connection that the server has closed meanwhile is noticed before anything is sent on it: one poll of its
 * socket, a microsecond beside a round trip. When one connection is lost in use, the idle ones have most
 * likely gone the same way and are closed with it, so that a restarted server is met by fresh connections and
 * not by one error for each old one. */
#include "store/postgres/pg_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <poll.h>

#define ACQUIRE_MS 5000
#define LIFE_MS    (30 * 60 * 1000)

/* Old age has a little scatter, so that not all connections are renewed at once. */
static bool is_stale(const cm_pg_conn *conn) {
    if (cm_clock_ms() - conn->made_ms > LIFE_MS + (conn->made_ms % 64) * 1000) {
        return true;
    }
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    return poll(&fd, 1, 0) != 0; /* nobody asked anything: it is a good-bye */
}

static cm_rc wait_free(cm_pg_pool *pool, const cm_db *db, cm_err *err) {
    uint64_t end_ms = cm_clock_ms() + ACQUIRE_MS;
    while (pool->free_conns == NULL && pool->conns == pool->conns_max) {
        if (pool->never_waits) {
            return cm_fail(err, CM_DATABASE_UNAVAILABLE, "all %zu connections to '%s' are busy",
                           pool->conns_max, pool->place);
        }
        if (cm_clock_ms() >= end_ms || cm_db_over(pool->store, db, true) != CM_CANCEL_NONE) {
            return cm_fail(err, CM_DATABASE_UNAVAILABLE, "all %zu database connections are busy",
                           pool->conns_max);
        }
        cm_cond_turn(&pool->freed, &pool->mutex);
    }
    return CM_OK;
}

static void forget(cm_pg_pool *pool, cm_pg_conn *conn) {
    cm_pg_disconnect(conn);
    pthread_mutex_lock(&pool->mutex);
    pool->conns--;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->mutex);
}

static void forget_idle(cm_pg_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    cm_pg_conn *idle = pool->free_conns;
    pool->free_conns = NULL;
    pthread_mutex_unlock(&pool->mutex);
    for (cm_pg_conn *next; idle != NULL; idle = next) {
        next = idle->next;
        forget(pool, idle);
    }
}

/* An idle connection, or NULL with room for a new one. */
static cm_rc take_idle(cm_pg_pool *pool, const cm_db *db, cm_pg_conn **ret_conn, cm_err *err) {
    for (;;) {
        pthread_mutex_lock(&pool->mutex);
        cm_rc rc = wait_free(pool, db, err);
        cm_pg_conn *conn = pool->free_conns;
        if (rc == CM_OK && conn != NULL) {
            pool->free_conns = conn->next;
        } else if (rc == CM_OK) {
            pool->conns++;
        }
        pthread_mutex_unlock(&pool->mutex);
        if (rc != CM_OK || conn == NULL || !is_stale(conn)) {
            *ret_conn = conn;
            return rc;
        }
        forget(pool, conn);
    }
}

cm_rc cm_pg_take(cm_pg_pool *pool, const cm_db *db, cm_pg_conn **ret_conn, cm_err *err) {
    cm_pg_conn *conn = NULL;
    cm_rc rc = pool->is_replica ? CM_OK : cm_health_refuses(pool->store, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = take_idle(pool, db, &conn, err);
    if (rc == CM_OK && conn == NULL) {
        rc = cm_pg_connect(pool, db, &conn, err);
        if (rc != CM_OK) {
            forget(pool, NULL);
            return rc;
        }
        conn->pool = pool;
        PQsetnonblocking(conn->pg, 1);
        PQenterPipelineMode(conn->pg);
    }
    if (rc != CM_OK) {
        return rc;
    }
    conn->asker = db != NULL ? *db : (cm_db){0};
    conn->writes = false;
    conn->stop_by_ms = 0;
    *ret_conn = conn;
    return CM_OK;
}

void cm_pg_give(cm_pg_conn *conn) {
    cm_pg_pool *pool = conn->pool;
    if (conn->broken || PQstatus(conn->pg) != CONNECTION_OK ||
        PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
        bool lost = conn->lost;
        forget(pool, conn);
        if (lost) {
            forget_idle(pool);
        }
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    conn->next = pool->free_conns;
    pool->free_conns = conn;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->mutex);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Has the url one "@" at most, and that where it should be? Else nobody knows where its password ends. */
static bool is_plain(const char *url) {
    const char *at = strchr(url, '@');
    const char *host = strstr(url, "://");
    if (host == NULL) {
        return false;
    }
    return at == NULL || (at < host + 3 + strcspn(host + 3, "/?#") && strchr(at + 1, '@') == NULL);
}

/* postgresql://user:secret@host/db?.. -> postgresql://user@host/db */
static char *without_password(const char *url) {
    if (!is_plain(url)) {
        return cm_strdup("postgresql://...");
    }
    cm_str text = cm_str_sub(cm_str_from(url), 0, strcspn(url, "?"));
    size_t start = cm_str_find(text, CM_STR("://"));
    size_t at = cm_str_find_char(text, '@');
    if (at == SIZE_MAX) {
        return cm_strndup(url, text.len);
    }
    cm_str user = cm_str_sub(text, start + 3, at - start - 3);
    size_t colon = cm_str_find_char(user, ':');
    cm_str name = colon == SIZE_MAX ? user : cm_str_sub(user, 0, colon);
    return cm_asprintf("postgresql://" CM_STR_FMT CM_STR_FMT, CM_STR_ARG(name),
                       CM_STR_ARG(cm_str_from_offset(text, at)));
}

/* libpq quotes what it cannot read, and where a password has been written wrongly that is a part of it. */
char *cm_pg_scrub(const char *url, const char *text) {
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool quotes = options != NULL && is_plain(url);
    const char *secret = NULL;
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        bool is_secret = strstr(o->keyword, "password") != NULL && o->val != NULL;
        secret = is_secret && o->val[0] != '\0' && strstr(text, o->val) != NULL ? o->val : secret;
    }
    const char *safe = text;
    if (!quotes) {
        safe = "the url cannot be used; a password's @ : / ? # and % are written "
               "%40 %3A %2F %3F %23 %25";
    } else if (secret != NULL) {
        safe = "libpq's message holds the password and is not shown";
    }
    char *copy = cm_strdup(safe);
    PQconninfoFree(options);
    return copy;
}

void cm_pg_pool_init(cm_pg_pool *pool, const char *url) {
    pool->url = cm_strdup(url);
    pool->place = without_password(url);
    pool->stops = cm_pg_stops_new();
    pool->connects = cm_pg_connects_new();
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->freed, NULL);
}

void cm_pg_pool_done(cm_pg_pool *pool) {
    forget_idle(pool);
    cm_pg_stops_unref(pool->stops);
    cm_pg_connects_unref(pool->connects);
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->mutex);
    cm_free(pool->url);
    cm_free(pool->place);
}
