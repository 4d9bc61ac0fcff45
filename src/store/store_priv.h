/* store_priv.h - what the parts of store/ share: the back-end seam and the writer thread. */
#ifndef CM_STORE_PRIV_H
#define CM_STORE_PRIV_H

#include "store/schema/migrate_priv.h"
#include "store/query.h"
#include "store/value.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct cm_writer cm_writer;
typedef struct cm_health cm_health;

enum cm_tx_kind { CM_TX_READ, CM_TX_WRITE };

struct cm_tx {
    cm_store *store;
    enum cm_tx_kind kind;
    enum cm_durability durability;
    unsigned depth; /* open savepoints */
    bool failed;    /* a statement failed: only undoing the savepoint or the whole helps */
    bool again;     /* ... for a reason that may be gone next time */
    bool unsure;    /* the commit may have been done although it failed: never run it again */
    void *conn;     /* the back-end's connection */
};

/* Where rows go. `add` returns zeroed room for one row (NULL = out of memory); `take` is called when it
 * is filled and may end the query with CM_END. Texts of a row are allocated in `arena`. */
typedef struct cm_row_sink {
    cm_arena *arena;
    void *(*add)(struct cm_row_sink *sink, const cm_query *query);
    cm_rc (*take)(struct cm_row_sink *sink, void *row, cm_err *err);
    void (*restart)(
        struct cm_row_sink *sink); /* forget the rows: the statement runs again; or NULL */
} cm_row_sink;

/* One back-end. All slots MUST be filled, but for those that say so. */
typedef struct cm_backend_ops {
    enum cm_store_engine engine;
    const char *name;
    /* true: writes run on the writer thread only. false: on the calling thread; posts on the writer. */
    bool single_writer;
    /* Connects and checks that the database is usable and ours. Sets store->backend. */
    cm_rc (*open)(cm_store *store, const cm_store_options *options, cm_err *err);
    void (*close)(cm_store *store);
    /* A bare connection for migrate.c, given back by migrated. Not while transactions run. */
    cm_rc (*migrator)(cm_store *store, cm_migrator *ret_migrator, cm_err *err);
    void (*migrated)(cm_store *store, cm_migrator *migrator);
    /* Housekeeping of the schema itself: at start and once a day. */
    cm_rc (*maintain)(cm_store *store, cm_err *err);
    /* The indexes of vectors become those that are wanted. NULL: the engine has none. */
    cm_rc (*vector_indexes)(cm_store *store, const cm_cancel *cancel,
                            cm_vector_index_report *ret_report, cm_err *err);
    /* Rows came with their serial keys: the next key must lie above them. */
    cm_rc (*after_import)(cm_store *store, cm_err *err);
    /* Transactions. commit and rollback both end it and give the connection back. */
    cm_rc (*begin)(cm_store *store, const cm_db *db, enum cm_tx_kind kind,
                   enum cm_durability durability, cm_tx *ret_tx, cm_err *err);
    cm_rc (*commit)(cm_tx *tx, cm_err *err);
    void (*rollback)(cm_tx *tx);
    /* Savepoints nest; depth is kept by the caller. `undo` also when the whole transaction is lost. */
    cm_rc (*save)(cm_tx *tx, cm_err *err);
    cm_rc (*release)(cm_tx *tx, cm_err *err);
    void (*undo)(cm_tx *tx);
    bool (*is_open)(const cm_tx *tx); /* false: the engine threw the whole transaction away */
    /* Takes the identity of another asker inside a shared transaction (posted jobs). */
    cm_rc (*ask_as)(cm_tx *tx, const cm_db *db, cm_err *err);
    /* `sink` NULL for writes without rows. */
    cm_rc (*run)(cm_tx *tx, const cm_db *db, const cm_query *query, const void *params,
                 cm_row_sink *sink, uint64_t *ret_changed, cm_err *err);
    /* The same for `count` params structs and no rows; adds up, and tells whether one of them changed
     * nothing. NULL: one after the other costs nothing here. */
    cm_rc (*run_many)(cm_tx *tx, const cm_db *db, const cm_query *query, const void *params,
                      size_t count, uint64_t *ret_changed, bool *ret_missed, cm_err *err);
    /* One statement in its own transaction, on the calling thread. Writes only when !single_writer. */
    cm_rc (*run_alone)(const cm_db *db, const cm_query *query, const void *params,
                       cm_row_sink *sink, uint64_t *ret_changed, cm_err *err);
    /* One cheap read on the health thread, no longer than `limit` says. */
    cm_rc (*probe)(cm_store *store, const cm_cancel *limit, cm_err *err);
    /* What only this engine counts; may be NULL. */
    void (*stats)(const cm_store *store, cm_store_stats *ret_stats);
} cm_backend_ops;

extern const cm_backend_ops cm_backend_sqlite;
extern const cm_backend_ops cm_backend_postgres;

struct cm_store {
    const cm_backend_ops *ops;
    void *backend;
    cm_writer *writer;
    enum cm_vector_index vector_index; /* wanted */
    char *moved_aside;
    char revision[16];
    atomic_bool failed; /* a sync failed: what is on disk is unknown until the next start */
    cm_health *health;  /* NULL = nobody probes */
    _Atomic uint64_t
        closing_ms; /* no wait lasts beyond this moment of cm_clock_ms; 0 = not closing */
    _Atomic uint64_t
        silent_since; /* moment of cm_clock_ms; 0 = the database answers, as far as is known */
};

/* Why a wait for this `db` (NULL or zero = nobody's) is over, or CM_CANCEL_NONE: see cm_store_bind. */
enum cm_cancel_reason cm_db_over(const cm_store *store, const cm_db *db, bool writes);

/* A short wait on the condition: callers look every turn whether their time is over. */
void cm_cond_turn(pthread_cond_t *condition, pthread_mutex_t *mutex);

/* --- health.c ------------------------------------------------------------------------------- */

cm_rc cm_health_start(cm_store *store, const cm_store_options *options, cm_err *err) cm_must_check;
void cm_health_stop(cm_store *store);
/* CM_DATABASE_UNAVAILABLE while the last probe found the database silent. */
cm_rc cm_health_refuses(const cm_store *store, cm_err *err) cm_must_check;

/* --- writer.c ------------------------------------------------------------------------------- */

cm_rc cm_writer_start(cm_store *store, const cm_store_options *options, cm_err *err) cm_must_check;
/* Runs what is queued, then ends the thread. */
void cm_writer_stop(cm_store *store);
/* Runs the function on the writer thread and waits for the commit. */
cm_rc cm_writer_run(const cm_db *db, enum cm_durability durability, cm_tx_fn *run, void *argument,
                    cm_err *err) cm_must_check;
typedef struct cm_post {
    enum cm_durability durability;
    cm_tx_fn *run;
    void *argument;
    void (*release)(void *); /* of the argument; also when nothing was queued */
    const cm_query *query;   /* what `run` does, when it is one statement: it can be spooled */
    const void *params;
    bool barrier; /* does nothing: kept is what was posted before it */
} cm_post;

cm_rc cm_writer_post(const cm_db *db, const cm_post *what, cm_err *err);
/* The same, and waits until it is kept: committed, or in the spool on the disk. */
cm_rc cm_writer_keep(const cm_db *db, const cm_post *what, cm_err *err) cm_must_check;
void cm_writer_stats(const cm_store *store, cm_store_stats *ret_stats);

/* --- pages.c -------------------------------------------------------------------------------- */

/* The generated query `<table>_<verb>`, or NULL. */
const cm_query *cm_query_find(const char *table, const char *verb);

typedef struct cm_page {
    const cm_query *query;
    const char *rows; /* `count` structs of query->row_size; live until the next page */
    size_t count;
} cm_page;

typedef cm_rc cm_page_fn(const cm_page *page, void *argument, cm_err *err);
/* All pages of a `_list` or `_export` (of `person`) in order of key. */
cm_rc cm_query_pages(const cm_db *db, const cm_query *query, const cm_uuid *person,
                     cm_page_fn *each, void *argument, cm_err *err) cm_must_check;

/* --- store.c -------------------------------------------------------------------------------- */

/* As cm_query_all, but no more rows once `text_max` bytes of an empty `arena` are used: `*ret_more` then. */
cm_rc cm_query_some(const cm_db *db, const cm_query *query, const void *params, size_t text_max,
                    cm_arena *arena, void *ret_rows, size_t *ret_count, bool *ret_more,
                    cm_err *err) cm_must_check;

/* Opens without migrating and without the writer thread: migrations, backups, copies. */
cm_rc cm_store_open_bare(const cm_store_options *options, cm_store **ret_store,
                         cm_err *err) cm_must_check;
/* Begin, run, commit on the calling thread; rolls back on any error. */
cm_rc cm_tx_run(const cm_db *db, enum cm_tx_kind kind, enum cm_durability durability, cm_tx_fn *run,
                void *argument, cm_err *err) cm_must_check;
/* Inside an open transaction: as a savepoint. */
cm_rc cm_tx_nested(const cm_db *db, cm_tx_fn *run, void *argument, cm_err *err) cm_must_check;

/* The personal workspace of that account, made when there is none (local.c). */
cm_rc cm_store_personal_workspace(const cm_db *db, cm_uuid owner, cm_uuid *ret_id,
                                  cm_err *err) cm_must_check;

#endif
