/* pg_stop.c - asking the server to stop a statement, over a network that may have gone silent.
 *
 * The request travels on a connection of its own and is over when the server has closed that one: only then is
 * it sure not to hit the statement that comes next. libpq 17 has a form that never blocks. The one before it,
 * PQcancel(), reads until the server closes; where the network swallows what is sent that may be for ever, so it
 * gets a thread that nobody waits for. At most STOPS_MAX of them hang at a time for one pool: beyond that
 * nothing is asked, and the caller's deadline alone ends the wait. TCP's own time-outs (pg_conn.c) end those
 * that hang on a network that is really gone.
 *
 * Rejected: pg_cancel_backend() on another pooled connection (behind a pooler the process id is the pooler's
 * own, and may be somebody else's at the server); writing the protocol's 16 bytes ourselves (libpq does not
 * give the secret away). */
#include "store/postgres/pg_priv.h"

#include "base/clock.h"
#include "base/mem.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifdef LIBPQ_HAS_ASYNC_CANCEL

struct cm_pg_stop {
    PGcancelConn *request;
    PostgresPollingStatusType wants;
};

struct cm_pg_stops {
    char unused;
};

cm_pg_stops *cm_pg_stops_new(void) {
    return NULL;
}

void cm_pg_stops_unref(cm_pg_stops *stops) {
    (void)stops;
}

cm_pg_stop *cm_pg_stop_new(cm_pg_conn *conn) {
    PGcancelConn *request = PQcancelCreate(conn->pg);
    if (request == NULL || PQcancelStart(request) == 0) {
        PQcancelFinish(request);
        return NULL;
    }
    cm_pg_stop *stop = CM_NEW(cm_pg_stop);
    *stop = (cm_pg_stop){.request = request, .wants = PGRES_POLLING_WRITING};
    return stop;
}

void cm_pg_stop_free(cm_pg_stop *stop) {
    if (stop != NULL) {
        PQcancelFinish(stop->request);
        cm_free(stop);
    }
}

static bool is_over(const cm_pg_stop *stop) {
    return stop->wants == PGRES_POLLING_OK || stop->wants == PGRES_POLLING_FAILED;
}

struct pollfd cm_pg_stop_fd(const cm_pg_stop *stop) {
    bool writes = stop != NULL && stop->wants == PGRES_POLLING_WRITING;
    return (struct pollfd){.fd = stop == NULL || is_over(stop) ? -1 : PQcancelSocket(stop->request),
                           .events = (short)(writes ? POLLOUT : POLLIN)};
}

enum cm_pg_stop_state cm_pg_stop_step(cm_pg_stop *stop) {
    struct pollfd fd = cm_pg_stop_fd(stop);
    if (!is_over(stop) && poll(&fd, 1, 0) > 0) {
        stop->wants = PQcancelPoll(stop->request);
    }
    return !is_over(stop)                    ? CM_PG_STOP_PENDING
           : stop->wants == PGRES_POLLING_OK ? CM_PG_STOP_DONE
                                             : CM_PG_STOP_FAILED;
}

#else /* a thread around what may block */

#define STOPS_MAX 8

/* Outlives its pool while a thread hangs. */
struct cm_pg_stops {
    atomic_uint refs, running;
};

/* Shared by the asker and the thread; whoever comes last frees it. */
struct cm_pg_stop {
    atomic_uint refs;
    atomic_int state; /* enum cm_pg_stop_state */
    int told;         /* eventfd: readable when it is over */
    PGcancel *request;
    cm_pg_stops *stops;
};

cm_pg_stops *cm_pg_stops_new(void) {
    cm_pg_stops *stops = CM_NEW(cm_pg_stops);
    atomic_init(&stops->refs, 1);
    return stops;
}

void cm_pg_stops_unref(cm_pg_stops *stops) {
    if (stops != NULL && atomic_fetch_sub(&stops->refs, 1) == 1) {
        cm_free(stops);
    }
}

void cm_pg_stop_free(cm_pg_stop *stop) {
    if (stop != NULL && atomic_fetch_sub(&stop->refs, 1) == 1) {
        close(stop->told);
        PQfreeCancel(stop->request);
        atomic_fetch_sub(&stop->stops->running, 1);
        cm_pg_stops_unref(stop->stops);
        cm_free(stop);
    }
}

static void *ask(void *argument) {
    cm_pg_stop *stop = argument;
    char why[256];
    bool done = PQcancel(stop->request, why, sizeof why) != 0;
    atomic_store(&stop->state, done ? CM_PG_STOP_DONE : CM_PG_STOP_FAILED);
    eventfd_write(stop->told, 1);
    cm_pg_stop_free(stop);
    return NULL;
}

static bool begin(cm_pg_stop *stop) {
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&stop->refs, 1);
    bool failed = pthread_create(&thread, &detached, ask, stop) != 0;
    pthread_attr_destroy(&detached);
    if (failed) {
        atomic_fetch_sub(&stop->refs, 1);
    }
    return !failed;
}

cm_pg_stop *cm_pg_stop_new(cm_pg_conn *conn) {
    cm_pg_stops *stops = conn->pool != NULL ? conn->pool->stops : NULL;
    if (stops == NULL || atomic_fetch_add(&stops->running, 1) >= STOPS_MAX) {
        if (stops != NULL) {
            atomic_fetch_sub(&stops->running, 1);
        }
        return NULL;
    }
    atomic_fetch_add(&stops->refs, 1);
    cm_pg_stop *stop = CM_NEW(cm_pg_stop);
    atomic_init(&stop->refs, 1);
    stop->stops = stops;
    stop->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    stop->request = PQgetCancel(conn->pg);
    if (stop->told < 0 || stop->request == NULL || !begin(stop)) {
        cm_pg_stop_free(stop);
        return NULL;
    }
    return stop;
}

struct pollfd cm_pg_stop_fd(const cm_pg_stop *stop) {
    bool pending = stop != NULL && atomic_load(&stop->state) == CM_PG_STOP_PENDING;
    return (struct pollfd){.fd = pending ? stop->told : -1, .events = POLLIN};
}

enum cm_pg_stop_state cm_pg_stop_step(cm_pg_stop *stop) {
    return (enum cm_pg_stop_state)atomic_load(&stop->state);
}

#endif

bool cm_pg_stop_wait(cm_pg_stop *stop, uint64_t end_ms) {
    enum cm_pg_stop_state state;
    while ((state = cm_pg_stop_step(stop)) == CM_PG_STOP_PENDING) {
        uint64_t now_ms = cm_clock_ms();
        struct pollfd fd = cm_pg_stop_fd(stop);
        if (now_ms >= end_ms) {
            return false;
        }
        poll(&fd, 1, (int)(end_ms - now_ms));
    }
    return state == CM_PG_STOP_DONE;
}
