/* store.h - the database door: one schema on SQLite (embedded) or PostgreSQL (scale-out).
 *
 * Rows go in and out through generated functions, one per named query: `#include "store/q/<table>.h"`
 * gives `cm_q_<table>_insert`, `_get`, `_update`, `_delete`, `_list` and the table's own queries of
 * src/store/sql/<table>.sql. They take a `cm_db`: a small value saying who asks and in which transaction.
 *
 *     cm_db db = cm_store_as(store, user_id);          sees only what this user may see
 *     rc = cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = id}, arena, &row, err);
 *     rc = cm_db_write(&db, CM_FULL, move_repository, &move, err);          several statements, one commit
 *     cm_q_completion_requests_insert_post(&db, &request);                  hot path: queued, never waits
 *
 * Tenancy is the door's business: `:me` and the tenant predicate of a query are bound from the cm_db,
 * never from the caller, and PostgreSQL's row-level security checks again.
 *
 * SQLite has one writer thread with group commit: jobs that wait together share one BEGIN..COMMIT and
 * one fsync, each inside its own SAVEPOINT. Reads run on the calling thread with a connection of a
 * small pool. PostgreSQL runs both on the calling thread with a pooled connection; only posted writes
 * go through the writer thread there.
 *
 * What is promised, and what is not: docs/design/store.md.
 * Thread: any that may block (worker, command), never a loop thread - except `_post`, which is for
 * every thread. */
#ifndef CM_STORE_STORE_H
#define CM_STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"
#include "rt/cancel.h"

typedef struct cm_store cm_store;
typedef struct cm_tx cm_tx; /* one open transaction of a back-end */

enum cm_store_engine { CM_SQLITE, CM_POSTGRES, CM_STORE_ENGINES };

/* How PostgreSQL finds near vectors; SQLite looks at every one. */
enum cm_vector_index { CM_VECTOR_HNSW, CM_VECTOR_IVFFLAT };

typedef struct cm_store_options {
    const char *url;      /* "sqlite:PATH" or "postgresql://..."; NULL = data_dir/codementor.db */
    const char *data_dir; /* required without a url */
    unsigned readers; /* connections for reads (PostgreSQL: for all); 0 = cores + 2, at most 64 */
    size_t queue_max; /* posted writes that may wait; 0 = 16,384 */
    uint64_t
        spool_max; /* bytes of posted writes that data_dir keeps while PostgreSQL is away; 0 = 256 MiB */
    bool no_migrate; /* refuse an outdated database instead of migrating it */
    bool unprepared; /* PostgreSQL behind a PgBouncer older than 1.21: no named statements */
    const char *const
        *replica_urls; /* NULL-terminated: PostgreSQL to read on when it has caught up */
    uint32_t wait_ms;  /* PostgreSQL: for the answer to one statement; 0 = 30,000 */
    uint32_t busy_ms;  /* wait for a lock of another process; 0 = 5,000 */
    uint32_t
        health_ms; /* the database and the disk are probed this often; 0 = never. While a probe finds
                         * PostgreSQL silent, calls fail at once instead of waiting for it */
    bool unmapped; /* SQLite: read the file, do not map it: who walks through all of it would keep
                        * 256 MiB of it resident for nothing */
    enum cm_vector_index vector_index; /* see cm_store_vector_indexes */
} cm_store_options;

/* Opens, checks and migrates. An SQLite file that was not closed cleanly is checked first
 * (quick_check); a damaged one is moved aside to "<path>.damaged-<time>" and a fresh one is made:
 * stats.moved_aside then names it.
 * Errors: CM_INVALID (url), CM_CONFLICT (made by a newer version, or history changed: the text says
 * which), CM_DATABASE_UNAVAILABLE, CM_DENIED, CM_STORAGE_FULL, CM_IO. */
cm_rc cm_store_open(const cm_store_options *options, cm_store **ret_store,
                    cm_err *err) cm_must_check;
/* Commits what was posted, then closes. NULL is allowed. */
void cm_store_close(cm_store *store);
/* Returns when everything posted before this call is committed. */
cm_rc cm_store_flush(cm_store *store, cm_err *err) cm_must_check;

/* Once a day: PostgreSQL's monthly partitions are made three months ahead, those that are over by their
 * retention class are dropped. Nothing to do on SQLite. Also done by cm_store_open. */
cm_rc cm_store_maintain(cm_store *store, cm_err *err) cm_must_check;

typedef struct cm_vector_index_report {
    size_t checked, built;
    bool elsewhere; /* another server is at it: nothing was done */
} cm_vector_index_report;

/* Makes PostgreSQL's indexes of vectors those of options.vector_index, beside readers and writers: may take
 * hours, ends early with CM_CANCELLED. IVFFlat once a kind has 1,000 vectors, again when they have doubled.
 * After an error the old indexes are in use; running it again goes on. Nothing to do on SQLite. */
cm_rc cm_store_vector_indexes(cm_store *store, const cm_cancel *cancel,
                              cm_vector_index_report *ret_report, cm_err *err) cm_must_check;

typedef struct cm_store_stats {
    enum cm_store_engine engine;
    uint64_t commits; /* transactions of the writer thread */
    uint64_t jobs;    /* jobs in them */
    uint64_t posted;  /* fire-and-forget writes taken */
    uint64_t dropped; /* ... refused because the queue was full */
    uint64_t failed;  /* ... that the database refused; the first error of each is logged */
    size_t waiting;   /* jobs in the queue now */
    uint64_t spooled; /* posted writes in the spool: PostgreSQL is away, or was a moment ago */
    uint64_t spooled_bytes; /* their size on disk */
    unsigned replicas_healthy;
    uint64_t replica_reads; /* statements answered by a replica */
    char revision[16];      /* current migration */
    const char
        *moved_aside; /* damaged database found at start, or NULL; lives as long as the store */
} cm_store_stats;

void cm_store_stats_get(const cm_store *store, cm_store_stats *ret_stats);
/* One cheap read by the caller: CM_DATABASE_UNAVAILABLE, or CM_IO after a failed fsync. */
cm_rc cm_store_check(cm_store *store, cm_err *err) cm_must_check;

/* From now on no wait for PostgreSQL lasts longer than `limit_ms` in all: for the end of a server, whatever the
 * database does. Posted writes that it did not take are kept in the spool. */
void cm_store_closing(cm_store *store, uint32_t limit_ms);

enum cm_store_part { CM_PART_DATABASE, CM_PART_DISK, CM_STORE_PARTS };

typedef struct cm_store_health {
    struct {
        bool good;
        char why[256]; /* when it is not; no password in it */
    } parts[CM_STORE_PARTS];
} cm_store_health;

/* What the last probe found (options.health_ms). Never waits for the database. Without probes all is good. */
void cm_store_health_get(cm_store *store, cm_store_health *ret_health);

/* --- Who asks ------------------------------------------------------------------------------- */

enum cm_db_scope { CM_DB_USER, CM_DB_SYSTEM };

typedef struct cm_db {
    cm_store *store;
    enum cm_db_scope scope;  /* CM_DB_USER with a nil user sees no tenant row at all */
    cm_uuid user_id;         /* bound to `:me` */
    const cm_cancel *cancel; /* stops reads and writes; may be NULL */
    const cm_cancel *asker;  /* of the request it works for (cm_store_bind); may be NULL */
    int64_t now_ms;          /* bound to `:now` and to defaults of "now"; 0 = the clock */
    cm_tx *tx;               /* set inside cm_db_read and cm_db_write */
} cm_db;

/* The calling thread works for this request from now on: every cm_db it makes waits for the database no longer
 * than until the token's deadline (and 100 ms for letting go), and reads end when it is fired; the write of a
 * client that has left is finished. NULL ends that. Returns the token before. What is over is
 * CM_TIMEOUT or CM_DATABASE_UNAVAILABLE. */
const cm_cancel *cm_store_bind(const cm_cancel *asker);

cm_db cm_store_as(cm_store *store, cm_uuid user_id);
/* Jobs, retention, indexing, administration: no tenant predicate. */
cm_db cm_store_system(cm_store *store);

/* --- Transactions --------------------------------------------------------------------------- */

enum cm_durability {
    CM_FULL,   /* survives power loss once acknowledged */
    CM_NORMAL, /* survives kill -9; the last moments may be lost at power loss */
};

/* Must use the `db` it is given, and must return an error other than CM_NOT_FOUND that a statement gave
 * (or run that statement in a nested cm_db_write): PostgreSQL takes nothing more after one, so SQLite
 * does not either. May run more than once (serialisation failure, a neighbour's disk
 * error): no effect but through `db` and idempotent writes to `argument`. An error rolls it back. */
typedef cm_rc cm_tx_fn(const cm_db *db, void *argument, cm_err *err);

/* All reads inside see one snapshot. */
cm_rc cm_db_read(const cm_db *db, cm_tx_fn *run, void *argument, cm_err *err) cm_must_check;
/* Returns after the commit. Inside another transaction it joins that one (as a savepoint). */
cm_rc cm_db_write(const cm_db *db, enum cm_durability durability, cm_tx_fn *run, void *argument,
                  cm_err *err) cm_must_check;
/* Queues the job and returns at once; `release(argument)` runs when it is done or dropped. On PostgreSQL it is not
 * spooled, as posted queries are.
 * CM_OVERLOADED when the queue is full (counted in stats.dropped). Order of posts is kept. */
cm_rc cm_db_post(const cm_db *db, enum cm_durability durability, cm_tx_fn *run, void *argument,
                 void (*release)(void *), cm_err *err);

/* What is posted is acknowledged to others only when it is kept:
 *     uint64_t losses = cm_store_losses(store);
 *     cm_q_.._post(..);
 *     rc = cm_store_kept(&db, losses, err);
 * Waits until all that was posted before this call is committed, or on the disk in the spool while PostgreSQL is away.
 * CM_DATABASE_UNAVAILABLE when some posted write since `losses` could not be kept (perhaps somebody else's), CM_TIMEOUT
 * when the caller's time is over, CM_STORAGE_FULL and CM_IO of the embedded database. */
uint64_t cm_store_losses(const cm_store *store);
cm_rc cm_store_kept(const cm_db *db, uint64_t losses, cm_err *err) cm_must_check;

/* --- The owner of a laptop ------------------------------------------------------------------ */

/* Who asks: an account, and the workspace that is its own. */
typedef struct cm_caller {
    cm_uuid user_id;
    cm_uuid workspace_id;
} cm_caller;

typedef cm_caller cm_store_local; /* the only account of local mode, role admin */

/* The local owner and its personal workspace, made at the first call. */
cm_rc cm_store_local_get(cm_store *store, cm_store_local *ret_local, cm_err *err) cm_must_check;

#endif
