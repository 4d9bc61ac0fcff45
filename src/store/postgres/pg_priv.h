/* pg_priv.h - insiders of the PostgreSQL back-end: connections, values, waiting. */
#ifndef CM_STORE_POSTGRES_PG_PRIV_H
#define CM_STORE_POSTGRES_PG_PRIV_H

#include "store/store_priv.h"

#include <libpq-fe.h>
#include <poll.h>

#define CM_PG_SLOT_WORDS 16

/* The connections to one server. */
typedef struct cm_pg_pool {
    const cm_store *store;
    char *url;
    char *place;            /* the URL without its password */
    atomic_bool unprepared; /* may turn true: a pooler has forgotten a statement */
    bool is_replica;
    bool never_waits; /* a busy pool is an error at once: there is another server to ask */
    uint32_t wait_ms; /* for one result */
    struct cm_pg_stops *stops;
    struct cm_pg_connects *connects;
    pthread_mutex_t mutex; /* guards the three below */
    pthread_cond_t freed;
    struct cm_pg_conn *free_conns;
    size_t conns, conns_max;
} cm_pg_pool;

typedef struct cm_pg_conn {
    PGconn *pg;
    const char *url; /* the pool's, which outlives it */
    const cm_store *store;
    cm_db asker;         /* of whom the connection works for: bounds its waits; zero = nobody's */
    bool writes;         /* ... and who has left still wants the write */
    uint64_t stop_by_ms; /* its time is over: the transaction ends by then; 0 = not yet */
    cm_pg_pool *pool;    /* NULL: a bare one, for migrating */
    uint8_t *prepared;   /* by query index * 2 + scope: 1 when the server has it */
    bool framed;         /* the server has BEGIN, identity and COMMIT too */
    bool broken;         /* never goes back to the pool */
    bool lost;           /* ... because the server or the way to it is gone */
    bool late;           /* ... or silent: asking again would only take as long */
    uint32_t wait_ms;
    uint64_t made_ms;
    /* Whose writes the open transaction holds: see pg_replica.h. */
    bool system_wrote;
    uint64_t wrote[CM_PG_SLOT_WORDS];
    struct cm_pg_conn *next; /* in the list of free connections */
} cm_pg_conn;

typedef struct cm_pg {
    cm_store *store;
    cm_pg_pool primary;
    cm_pg_conn *probe;               /* of the health thread; NULL = none is open */
    struct cm_pg_replicas *replicas; /* NULL = none are configured */
} cm_pg;

/* --- pg_pool.c -------------------------------------------------------------------------------- */

void cm_pg_pool_init(cm_pg_pool *pool, const char *url); /* the plain members are set before */
void cm_pg_pool_done(cm_pg_pool *pool);
/* The one door for whatever libpq says: the text, or another one when it may hold some of the password.
 * The caller frees it (cm_free). */
char *cm_pg_scrub(const char *url, const char *text);
/* A connection in pipeline mode that works for `db` (NULL = nobody); back with cm_pg_give, which closes a broken
 * one. CM_DATABASE_UNAVAILABLE, at once when the store's health says that the server is silent. */
cm_rc cm_pg_take(cm_pg_pool *pool, const cm_db *db, cm_pg_conn **ret_conn,
                 cm_err *err) cm_must_check;
void cm_pg_give(cm_pg_conn *conn);

/* --- pg_connect.c ----------------------------------------------------------------------------- */

typedef struct cm_pg_connects cm_pg_connects;

cm_pg_connects *cm_pg_connects_new(void);
void cm_pg_connects_unref(cm_pg_connects *connects); /* NULL is allowed */
/* Waits no longer than `db` may (NULL = as long as it takes, 5 s a host).
 * CM_DATABASE_UNAVAILABLE, CM_NOT_SUPPORTED (too old a server). */
cm_rc cm_pg_connect(const cm_pg_pool *pool, const cm_db *db, cm_pg_conn **ret_conn,
                    cm_err *err) cm_must_check;
void cm_pg_disconnect(cm_pg_conn *conn); /* NULL is allowed */

/* --- pg_conn.c: waiting with deadlines, errors ------------------------------------------------- */

/* Sends what is queued and waits for the next result, which the caller clears; NULL (with err) when the
 * deadline passes, the asker cancels or the connection is lost: it is broken then. Whoever works for a request
 * (conn->asker) waits LATE_MS longer than that one may, and no longer, whatever the network does. */
PGresult *cm_pg_wait(cm_pg_conn *conn, const cm_cancel *cancel, cm_err *err) cm_must_check;
/* CM_DATABASE_UNAVAILABLE, always: `what` and libpq's reason, without a password. The connection is given up. */
cm_rc cm_pg_lost(cm_pg_conn *conn, const char *what, cm_err *err);
/* Maps the SQLSTATE of a failed result. `*ret_again` (may be NULL): a retry may succeed. */
cm_rc cm_pg_fail(cm_pg_conn *conn, const PGresult *result, const char *what, bool *ret_again,
                 cm_err *err);
/* The pg_lsn of a one-row result; 0 for NULL. */
uint64_t cm_pg_position_of(const PGresult *result, int column);
/* Asks for one, in a pipeline of its own. */
cm_rc cm_pg_position(cm_pg_conn *conn, const char *sql, uint64_t *ret_position,
                     cm_err *err) cm_must_check;
/* Plain SQL outside pipelines, for migrations: sent, then its results one by one until NULL. */
cm_rc cm_pg_send_script(cm_pg_conn *conn, const char *sql, cm_err *err) cm_must_check;
cm_rc cm_pg_next(cm_pg_conn *conn, const cm_cancel *cancel, PGresult **ret_result,
                 cm_err *err) cm_must_check;
bool cm_pg_went_well(const PGresult *result);
/* The same for a script whose rows nobody wants. */
cm_rc cm_pg_script(cm_pg_conn *conn, const char *sql, cm_err *err) cm_must_check;

/* --- pg_stop.c: asking the server to stop a statement ------------------------------------------- */

typedef struct cm_pg_stop cm_pg_stop; /* one request */
typedef struct cm_pg_stops
    cm_pg_stops; /* how many of a pool are under way; NULL where none can hang */

enum cm_pg_stop_state {
    CM_PG_STOP_PENDING,
    CM_PG_STOP_DONE, /* the server has it: nothing of it is under way any more */
    CM_PG_STOP_FAILED,
};

cm_pg_stops *cm_pg_stops_new(void);
void cm_pg_stops_unref(cm_pg_stops *stops); /* NULL is allowed */

/* Never blocks. NULL: it cannot be asked, or too many requests hang already. */
cm_pg_stop *cm_pg_stop_new(cm_pg_conn *conn);
/* Also while it is pending; what hangs then is nobody's concern. NULL is allowed. */
void cm_pg_stop_free(cm_pg_stop *stop);
/* What to poll before the next step; fd -1 (ignored by poll) when over, or for NULL. */
struct pollfd cm_pg_stop_fd(const cm_pg_stop *stop);
enum cm_pg_stop_state cm_pg_stop_step(cm_pg_stop *stop);
/* Until it is over, at most until `end_ms` on the cm_clock_ms scale; true: the server has it. */
bool cm_pg_stop_wait(cm_pg_stop *stop, uint64_t end_ms);

/* --- pg_value.c: parameters and columns on the wire ------------------------------------------- */

#define CM_PG_PARAMS_MAX 64

typedef struct cm_pg_params {
    int count;
    Oid types[CM_PG_PARAMS_MAX];
    const char *values[CM_PG_PARAMS_MAX];
    int lengths[CM_PG_PARAMS_MAX];
    int formats[CM_PG_PARAMS_MAX];
} cm_pg_params;

/* Texts on the wire live in `arena`. */
cm_rc cm_pg_params_fill(const cm_db *db, const cm_query *query, const void *params, cm_arena *arena,
                        cm_pg_params *ret_params, cm_err *err) cm_must_check;
/* Does the result have the declared columns? A mistake in a query's text is found here. */
cm_rc cm_pg_check_columns(const PGresult *result, const cm_query *query, cm_err *err) cm_must_check;
/* One column of a binary result; scratch memory comes from `arena`. */
cm_rc cm_pg_column(const PGresult *result, int row, int column, const cm_sql_slot *slot,
                   cm_arena *arena, cm_value *ret_value, cm_err *err) cm_must_check;

/* --- pg_migrate.c ----------------------------------------------------------------------------- */

cm_rc cm_pg_migrator(cm_store *store, cm_migrator *ret_migrator, cm_err *err) cm_must_check;
/* --- pg_partition.c --------------------------------------------------------------------------- */

cm_rc cm_pg_maintain(cm_store *store, cm_err *err) cm_must_check;

/* --- pg_vector.c ------------------------------------------------------------------------------ */

cm_rc cm_pg_vector_indexes(cm_store *store, const cm_cancel *cancel,
                           cm_vector_index_report *ret_report, cm_err *err) cm_must_check;

cm_rc cm_pg_after_import(cm_store *store, cm_err *err) cm_must_check;
void cm_pg_migrated(cm_store *store, cm_migrator *migrator);

#endif
