/* store.c - the back-end independent half of the door: scopes, transactions, single statements and
 * where their rows go. Owns no SQL. */
#include "store/store_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"

static const cm_backend_ops *find_backend(const char *url) {
    static const struct {
        const char *scheme;
        const cm_backend_ops *ops;
    } rows[] = {
        {"sqlite:", &cm_backend_sqlite},
        {"postgresql:", &cm_backend_postgres},
        {"postgres:", &cm_backend_postgres},
    };
    for (size_t i = 0; i < CM_COUNT(rows) && url != NULL; i++) {
        if (cm_str_starts(cm_str_from(url), cm_str_from(rows[i].scheme))) {
            return rows[i].ops;
        }
    }
    return url == NULL ? &cm_backend_sqlite : NULL;
}

cm_rc cm_store_open_bare(const cm_store_options *options, cm_store **ret_store, cm_err *err) {
    const cm_backend_ops *ops = find_backend(options->url);
    if (ops == NULL) {
        return cm_fail(err, CM_INVALID, "database url must start with 'sqlite:' or 'postgresql:'");
    }
    if (ops != &cm_backend_postgres && options->replica_urls != NULL &&
        options->replica_urls[0] != NULL) {
        return cm_fail(err, CM_INVALID, "read replicas need a PostgreSQL database url");
    }
    cm_store *store = CM_NEW(cm_store);
    store->ops = ops;
    store->vector_index = options->vector_index;
    cm_rc rc = ops->open(store, options, err);
    if (rc != CM_OK) {
        cm_store_close(store);
        return rc;
    }
    *ret_store = store;
    return CM_OK;
}

static cm_rc migrate(cm_store *store, bool refuse, cm_err *err) {
    cm_migrator migrator;
    cm_rc rc = store->ops->migrator(store, &migrator, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_migrator_up(&migrator, NULL, refuse, err);
    snprintf(store->revision, sizeof store->revision, "%s",
             migrator.migrations.items[migrator.migrations.count - 1].revision);
    store->ops->migrated(store, &migrator);
    return rc;
}

/* Not getting a lock is no reason not to start: the daily job tries again. */
static cm_rc maintain_at_start(cm_store *store, cm_err *err) {
    cm_err text = {0};
    cm_rc rc = store->ops->maintain(store, &text);
    if (rc == CM_DATABASE_UNAVAILABLE) {
        cm_log_err(CM_LOG_WARN, "database maintenance is put off", &text);
        return CM_OK;
    }
    if (rc != CM_OK && err != NULL) {
        *err = text;
    }
    return rc;
}

cm_rc cm_store_maintain(cm_store *store, cm_err *err) {
    return store->ops->maintain(store, err);
}

cm_rc cm_store_vector_indexes(cm_store *store, const cm_cancel *cancel,
                              cm_vector_index_report *ret_report, cm_err *err) {
    if (store->ops->vector_indexes == NULL) {
        *ret_report = (cm_vector_index_report){0};
        return CM_OK;
    }
    return store->ops->vector_indexes(store, cancel, ret_report, err);
}

cm_rc cm_store_open(const cm_store_options *options, cm_store **ret_store, cm_err *err) {
    cm_store *store;
    cm_rc rc = cm_store_open_bare(options, &store, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = migrate(store, options->no_migrate, err);
    if (rc == CM_OK && !options->no_migrate) {
        rc = maintain_at_start(store, err);
    }
    if (rc == CM_OK) {
        rc = cm_writer_start(store, options, err);
    }
    if (rc == CM_OK && options->health_ms != 0) {
        rc = cm_health_start(store, options, err);
    }
    if (rc != CM_OK) {
        cm_store_close(store);
        return rc;
    }
    *ret_store = store;
    return CM_OK;
}

void cm_store_close(cm_store *store) {
    if (store == NULL) {
        return;
    }
    cm_health_stop(store);
    cm_writer_stop(store);
    if (store->backend != NULL) {
        store->ops->close(store);
    }
    cm_free(store->moved_aside);
    cm_free(store);
}

static cm_rc do_nothing(const cm_db *db, void *argument, cm_err *err) {
    (void)db;
    (void)argument;
    (void)err;
    return CM_OK;
}

cm_rc cm_store_flush(cm_store *store, cm_err *err) {
    cm_db db = cm_store_system(store);
    return cm_writer_run(&db, CM_FULL, do_nothing, NULL, err);
}

cm_rc cm_store_kept(const cm_db *db, uint64_t losses, cm_err *err) {
    cm_post barrier = {.durability = CM_FULL, .run = do_nothing, .barrier = true};
    cm_rc rc = cm_writer_keep(db, &barrier, err);
    if (rc == CM_OK && cm_store_losses(db->store) != losses) {
        return cm_fail(err, CM_DATABASE_UNAVAILABLE,
                       "what was sent could not be written down; send it again later");
    }
    return rc;
}

void cm_store_stats_get(const cm_store *store, cm_store_stats *ret_stats) {
    cm_store_stats stats = {.engine = store->ops->engine, .moved_aside = store->moved_aside};
    memcpy(stats.revision, store->revision, sizeof stats.revision);
    cm_writer_stats(store, &stats);
    if (store->ops->stats != NULL) {
        store->ops->stats(store, &stats);
    }
    *ret_stats = stats;
}

cm_rc cm_store_check(cm_store *store, cm_err *err) {
    if (atomic_load(&store->failed)) {
        return cm_fail(err, CM_IO, "a database write could not be synced; restart the server");
    }
    cm_db db = cm_store_system(store);
    return cm_tx_run(&db, CM_TX_READ, CM_NORMAL, do_nothing, NULL, err);
}

/* --- Who asks --------------------------------------------------------------------------------- */

/* Of the thread, not of the process: an argument of every function between a handler and the store could be
 * forgotten in each of them. */
static _Thread_local const cm_cancel *bound;

const cm_cancel *cm_store_bind(const cm_cancel *asker) {
    const cm_cancel *before = bound;
    bound = asker;
    return before;
}

enum cm_cancel_reason cm_db_over(const cm_store *store, const cm_db *db, bool writes) {
    uint64_t closing_ms = atomic_load(&store->closing_ms);
    if (closing_ms != 0 && cm_clock_ms() >= closing_ms) {
        return CM_CANCEL_SHUTDOWN;
    }
    if (db == NULL || db->asker == NULL) {
        return CM_CANCEL_NONE;
    }
    enum cm_cancel_reason reason = cm_cancel_hit(db->asker);
    bool left = reason == CM_CANCEL_USER || reason == CM_CANCEL_SUPERSEDED;
    if (!left || !writes) {
        return reason;
    }
    uint64_t deadline_ns = cm_cancel_deadline_ns(db->asker);
    return deadline_ns != 0 && cm_clock_ns() >= deadline_ns ? CM_CANCEL_DEADLINE : CM_CANCEL_NONE;
}

#define TURN_MS 25

void cm_cond_turn(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += TURN_MS * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_cond_timedwait(condition, mutex, &end);
}

void cm_store_closing(cm_store *store, uint32_t limit_ms) {
    uint64_t none = 0;
    if (store->ops->single_writer) {
        return; /* the disk is waited for */
    }
    atomic_compare_exchange_strong(&store->closing_ms, &none, cm_clock_ms() + limit_ms);
}

cm_db cm_store_as(cm_store *store, cm_uuid user_id) {
    return (cm_db){.store = store, .scope = CM_DB_USER, .user_id = user_id, .asker = bound};
}

cm_db cm_store_system(cm_store *store) {
    return (cm_db){.store = store, .scope = CM_DB_SYSTEM, .asker = bound};
}

/* --- Transactions --------------------------------------------------------------------------- */

static cm_rc run_once(const cm_db *db, enum cm_tx_kind kind, enum cm_durability durability,
                      cm_tx_fn *run, void *argument, bool *ret_again, cm_err *err) {
    const cm_backend_ops *ops = db->store->ops;
    cm_tx tx = {0};
    cm_rc rc = ops->begin(db->store, db, kind, durability, &tx, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_db inner = *db;
    inner.tx = &tx;
    rc = run(&inner, argument, err);
    if (rc == CM_OK && tx.failed) {
        rc = cm_fail(err, CM_INTERNAL, "a statement of the transaction failed unnoticed");
    }
    if (rc != CM_OK) {
        ops->rollback(&tx);
    } else {
        rc = ops->commit(&tx, err);
    }
    *ret_again = tx.again;
    return rc;
}

#define TX_ATTEMPTS 3

cm_rc cm_tx_run(const cm_db *db, enum cm_tx_kind kind, enum cm_durability durability, cm_tx_fn *run,
                void *argument, cm_err *err) {
    for (int attempt = 1;; attempt++) {
        bool again = false;
        cm_rc rc = run_once(db, kind, durability, run, argument, &again, err);
        if (rc == CM_OK || !again || attempt == TX_ATTEMPTS) {
            return rc;
        }
    }
}

cm_rc cm_tx_nested(const cm_db *db, cm_tx_fn *run, void *argument, cm_err *err) {
    const cm_backend_ops *ops = db->store->ops;
    if (db->tx->failed) {
        return cm_fail(err, CM_INTERNAL, "an earlier statement of this transaction failed");
    }
    cm_rc rc = ops->save(db->tx, err);
    if (rc != CM_OK) {
        return rc;
    }
    db->tx->depth++;
    rc = run(db, argument, err);
    if (rc == CM_OK && db->tx->failed) {
        rc = cm_fail(err, CM_INTERNAL, "a statement of the transaction failed unnoticed");
    }
    if (rc == CM_OK) {
        rc = ops->release(db->tx, err);
    }
    if (rc != CM_OK) {
        ops->undo(db->tx);
        db->tx->failed = false;
    }
    db->tx->depth--;
    return rc;
}

cm_rc cm_db_read(const cm_db *db, cm_tx_fn *run, void *argument, cm_err *err) {
    if (db->tx != NULL) {
        return run(db, argument, err);
    }
    return cm_tx_run(db, CM_TX_READ, CM_NORMAL, run, argument, err);
}

cm_rc cm_db_write(const cm_db *db, enum cm_durability durability, cm_tx_fn *run, void *argument,
                  cm_err *err) {
    if (db->tx != NULL) {
        if (db->tx->kind == CM_TX_READ) {
            return cm_fail(err, CM_INTERNAL, "write inside a read transaction");
        }
        return cm_tx_nested(db, run, argument, err);
    }
    if (db->store->ops->single_writer) {
        return cm_writer_run(db, durability, run, argument, err);
    }
    return cm_tx_run(db, CM_TX_WRITE, durability, run, argument, err);
}

cm_rc cm_db_post(const cm_db *db, enum cm_durability durability, cm_tx_fn *run, void *argument,
                 void (*release)(void *), cm_err *err) {
    cm_post what = {.durability = durability, .run = run, .argument = argument, .release = release};
    return cm_writer_post(db, &what, err);
}

/* --- Statements ----------------------------------------------------------------------------- */

static cm_rc check_scope(const cm_db *db, const cm_query *query, cm_err *err) {
    if (query->sql[db->store->ops->engine][db->scope] == NULL) {
        return cm_fail(err, CM_DENIED, "query '%s' is for the system only", query->name);
    }
    if (db->tx != NULL && !query->read_only && db->tx->kind == CM_TX_READ) {
        return cm_fail(err, CM_INTERNAL, "query '%s' writes inside a read transaction",
                       query->name);
    }
    if (db->tx != NULL && db->tx->failed) {
        return cm_fail(err, CM_INTERNAL, "an earlier statement of this transaction failed");
    }
    if (db->tx != NULL && query->full && db->tx->durability == CM_NORMAL) {
        return cm_fail(err, CM_INTERNAL, "query '%s' needs a transaction of full durability",
                       query->name);
    }
    return CM_OK;
}

/* A statement on its way to the writer thread, with its params and where the results go. */
typedef struct statement {
    const cm_query *query;
    const char *params;
    size_t count; /* of params structs */
    cm_row_sink *sink;
    uint64_t changed;
} statement;

static cm_rc check_changed(const cm_query *query, uint64_t changed, cm_err *err) {
    return query->must && changed == 0 ? cm_fail(err, CM_NOT_FOUND, "no row for '%s'", query->name)
                                       : CM_OK;
}

static cm_rc run_batch(const cm_db *db, statement *s, cm_err *err) {
    uint64_t changed = 0;
    bool missed = false;
    cm_rc rc =
        db->store->ops->run_many(db->tx, db, s->query, s->params, s->count, &changed, &missed, err);
    db->tx->failed = db->tx->failed || rc != CM_OK;
    s->changed = changed;
    return rc == CM_OK ? check_changed(s->query, missed ? 0 : changed, err) : rc;
}

static cm_rc run_statement(const cm_db *db, void *argument, cm_err *err) {
    statement *s = argument;
    s->changed = 0;
    if (s->count > 1 && s->sink == NULL && db->store->ops->run_many != NULL) {
        return run_batch(db, s, err);
    }
    if (s->sink != NULL && s->sink->restart != NULL) {
        s->sink->restart(s->sink);
    }
    for (size_t i = 0; i < s->count; i++) {
        uint64_t changed = 0;
        cm_rc rc = db->store->ops->run(db->tx, db, s->query, s->params + i * s->query->params_size,
                                       s->sink, &changed, err);
        if (rc != CM_OK) {
            db->tx->failed = true;
            return rc;
        }
        rc = check_changed(s->query, changed, err);
        if (rc != CM_OK) {
            return rc;
        }
        s->changed += changed;
    }
    return CM_OK;
}

static cm_rc execute(const cm_db *db, statement *s, cm_err *err) {
    cm_rc rc = check_scope(db, s->query, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (db->tx != NULL) {
        return run_statement(db, s, err);
    }
    if (s->query->read_only || (s->count == 1 && !db->store->ops->single_writer)) {
        rc = db->store->ops->run_alone(db, s->query, s->params, s->sink, &s->changed, err);
        return rc == CM_OK ? check_changed(s->query, s->changed, err) : rc;
    }
    return cm_db_write(db, s->query->full ? CM_FULL : CM_NORMAL, run_statement, s, err);
}

cm_rc cm_query_exec(const cm_db *db, const cm_query *query, const void *params,
                    uint64_t *ret_changed, cm_err *err) {
    statement s = {.query = query, .params = params, .count = 1};
    cm_rc rc = execute(db, &s, err);
    if (rc == CM_OK && ret_changed != NULL) {
        *ret_changed = s.changed;
    }
    return rc;
}

cm_rc cm_query_exec_many(const cm_db *db, const cm_query *query, const void *params, size_t count,
                         cm_err *err) {
    if (count == 0) {
        return CM_OK;
    }
    statement s = {.query = query, .params = params, .count = count};
    if (db->tx != NULL) { /* all or none: a savepoint of its own */
        cm_rc rc = check_scope(db, query, err);
        return rc == CM_OK ? cm_tx_nested(db, run_statement, &s, err) : rc;
    }
    return execute(db, &s, err);
}

/* A posted statement: the block of cm_params_copy follows it. */
typedef struct posted {
    const cm_query *query;
    void *params;
} posted;

static cm_rc run_posted(const cm_db *db, void *argument, cm_err *err) {
    const posted *p = argument;
    return cm_query_exec(db, p->query, p->params, NULL, err);
}

static void release_posted(void *argument) {
    posted *p = argument;
    cm_free(p->params);
    cm_free(p);
}

cm_rc cm_query_post(const cm_db *db, const cm_query *query, const void *params, cm_err *err) {
    cm_rc rc = check_scope(db, query, err);
    if (rc != CM_OK) {
        return rc;
    }
    posted *p = CM_NEW(posted);
    *p = (posted){.query = query, .params = cm_params_copy(query, params)};
    if (p->params == NULL) {
        cm_free(p);
        return cm_fail(err, CM_NOMEM, "no memory to queue '%s'", query->name);
    }
    cm_post what = {.durability = query->full ? CM_FULL : CM_NORMAL,
                    .run = run_posted,
                    .argument = p,
                    .release = release_posted,
                    .query = query,
                    .params = p->params};
    return cm_writer_post(db, &what, err);
}

/* --- Rows ----------------------------------------------------------------------------------- */

typedef struct one_sink {
    cm_row_sink base;
    void *row;
    bool found;
} one_sink;

static void *one_add(cm_row_sink *sink, const cm_query *query) {
    return cm_arena_try_alloc(sink->arena, query->row_size);
}

static cm_rc one_take(cm_row_sink *sink, void *row, cm_err *err) {
    (void)err;
    one_sink *one = (one_sink *)sink;
    one->row = row;
    one->found = true;
    return CM_END;
}

cm_rc cm_query_one(const cm_db *db, const cm_query *query, const void *params, cm_arena *arena,
                   void *ret_row, cm_err *err) {
    one_sink one = {.base = {.arena = arena, .add = one_add, .take = one_take}};
    statement s = {.query = query, .params = params, .count = 1, .sink = &one.base};
    cm_rc rc = execute(db, &s, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!one.found) {
        return cm_fail(err, CM_NOT_FOUND, "no row for '%s'", query->name);
    }
    memcpy(ret_row, one.row, query->row_size);
    return CM_OK;
}

/* Rows are gathered on the heap (their number is the engine's to say) and end up in the arena. */
typedef struct all_sink {
    cm_row_sink base;
    CM_VEC(char) bytes;
    size_t count;
    size_t text_max; /* no more rows once their texts are larger; 0 = all rows */
    bool more;       /* ... and there may be some */
} all_sink;

static void *all_add(cm_row_sink *sink, const cm_query *query) {
    all_sink *all = (all_sink *)sink;
    size_t want = (all->count + 1) * query->row_size;
    if (!cm_vec_reserve(&all->bytes, want)) {
        return NULL;
    }
    char *row = all->bytes.items + all->count * query->row_size;
    memset(row, 0, query->row_size);
    return row;
}

static void all_restart(cm_row_sink *sink) {
    ((all_sink *)sink)->count = 0;
    ((all_sink *)sink)->more = false;
}

static cm_rc all_take(cm_row_sink *sink, void *row, cm_err *err) {
    (void)row;
    (void)err;
    all_sink *all = (all_sink *)sink;
    all->count++;
    all->more = all->text_max != 0 && cm_arena_used(sink->arena) >= all->text_max;
    return all->more ? CM_END : CM_OK;
}

cm_rc cm_query_some(const cm_db *db, const cm_query *query, const void *params, size_t text_max,
                    cm_arena *arena, void *ret_rows, size_t *ret_count, bool *ret_more,
                    cm_err *err) {
    all_sink all = {
        .base = {.arena = arena, .add = all_add, .take = all_take, .restart = all_restart},
        .text_max = text_max};
    statement s = {.query = query, .params = params, .count = 1, .sink = &all.base};
    cm_rc rc = execute(db, &s, err);
    if (rc == CM_OK) {
        size_t size = all.count * query->row_size;
        void *rows = cm_arena_try_alloc(arena, size + 1);
        if (rows == NULL) {
            rc = cm_fail(err, CM_NOMEM, "no memory for %zu rows of '%s'", all.count, query->name);
        } else {
            if (size != 0) {
                memcpy(rows, all.bytes.items, size);
            }
            memcpy(ret_rows, &rows, sizeof rows);
            *ret_count = all.count;
            *ret_more = all.more;
        }
    }
    cm_vec_done(&all.bytes);
    return rc;
}

cm_rc cm_query_all(const cm_db *db, const cm_query *query, const void *params, cm_arena *arena,
                   void *ret_rows, size_t *ret_count, cm_err *err) {
    bool more;
    return cm_query_some(db, query, params, 0, arena, ret_rows, ret_count, &more, err);
}

typedef struct each_sink {
    cm_row_sink base;
    cm_row_fn *each;
    void *argument;
} each_sink;

static void *each_add(cm_row_sink *sink, const cm_query *query) {
    cm_arena_clear(sink->arena);
    return cm_arena_try_alloc(sink->arena, query->row_size);
}

static cm_rc each_take(cm_row_sink *sink, void *row, cm_err *err) {
    each_sink *each = (each_sink *)sink;
    return each->each(row, each->argument, err);
}

cm_rc cm_query_each(const cm_db *db, const cm_query *query, const void *params, cm_row_fn *each,
                    void *argument, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    each_sink sink = {.base = {.arena = arena, .add = each_add, .take = each_take},
                      .each = each,
                      .argument = argument};
    statement s = {.query = query, .params = params, .count = 1, .sink = &sink.base};
    return execute(db, &s, err);
}
