/* pg_vector.c - pgvector's indexes follow the setting: HNSW graphs or IVFFlat lists.
 *
 * The migrations make one HNSW index a kind of subject and dimension, emb_<kind>_<dimension>. Here the other kind is
 * built beside it (CONCURRENTLY: nobody waits), then takes its name in one short transaction, so a reader always
 * has one of the two. A partitioned table cannot be indexed concurrently as a whole: the new index is declared
 * on the parent alone, built month by month, and each month's attached.
 *
 * IVFFlat learns its lists from the rows there are. So it replaces the graph once there are ROWS_MIN rows, and is
 * built again when they have doubled; the rows it was built on stand in the index's comment. A month that began
 * after its parent's index learns when it has ROWS_MIN rows.
 *
 * What a failure leaves behind (an invalid index, one that nobody attached) is called .._next or, by REINDEX,
 * .._ccnew, and goes at the start of the next run. One server at a time, by a lock of its own that nobody waits for:
 * a session that waits for an advisory lock holds a snapshot, and CONCURRENTLY waits for old snapshots, so the
 * migrations' lock would stop both for ever. */
#include "store/postgres/pg_priv.h"
#include "store/vectors.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>

#define LOCK       "7163746582916" /* beside the one of migrations */
#define ROWS_MIN   1000
#define LISTS_MIN  100
#define LISTS_MAX  32768 /* pgvector's */
#define NAME_MAX_  64
#define INDEX_MAX  64
#define LEAVES_MAX 256
#define COUNTS_MAX 1024

typedef char name[NAME_MAX_];

typedef struct leaf {
    name table, index;
    uint64_t built_on; /* rows, 0 = not known */
    uint64_t rows;
} leaf;

typedef struct counted {
    name table;
    uint64_t dims, rows;
} counted;

typedef struct vector_index {
    name index, table;
    uint64_t dims;
    bool ivfflat; /* what it is */
    bool partitioned;
    uint64_t lists;
} vector_index;

typedef struct work {
    cm_pg_conn *conn;
    cm_migrator bare;
    const cm_cancel *cancel;
    bool wants_ivfflat;
    cm_vector_index_report report;
    vector_index indexes[INDEX_MAX];
    size_t index_count;
    leaf leaves[LEAVES_MAX]; /* of one index at a time; a plain table is its own */
    size_t leaf_count;
    counted counts[COUNTS_MAX];
    size_t count_count;
    name found[LEAVES_MAX];
    size_t found_count;
} work;

/* --- Asking ----------------------------------------------------------------------------------- */

/* Waits as long as it takes, but for the asker's patience. */
static cm_rc run(const work *w, const char *sql, cm_err *err) {
    cm_pg_conn *conn = w->conn;
    cm_rc rc = cm_pg_send_script(conn, sql, err);
    if (rc != CM_OK) {
        return rc;
    }
    for (;;) {
        PGresult *result;
        cm_err why = {0};
        cm_rc end = cm_pg_next(conn, w->cancel, &result, &why);
        if (end != CM_OK) {
            return cm_fail(err, end, "%s", why.text);
        }
        if (result == NULL) {
            return rc;
        }
        if (rc == CM_OK && !cm_pg_went_well(result)) {
            rc = cm_pg_fail(conn, result, "changing a vector index", NULL, err);
            conn->broken = conn->lost || PQstatus(conn->pg) != CONNECTION_OK; /* not by a lock */
        }
        PQclear(result);
    }
}

static cm_rc run_format(const work *w, cm_err *err, const char *format, ...) cm_printf(3, 4);

static cm_rc run_format(const work *w, cm_err *err, const char *format, ...) {
    char sql[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    cm_assert(len > 0 && len < (int)sizeof sql); /* names have 63 bytes */
    return run(w, sql, err);
}

/* Waiting for old snapshots stops nobody, so it may take long. Whoever waits for a table's lock stops everybody
 * behind it: that is given up soon. */
#define SHORT_WAITS "SET lock_timeout = '2s'"

static cm_rc run_patiently(const work *w, const char *sql, cm_err *err) {
    cm_err ignored;
    cm_rc rc = run(w, "SET lock_timeout = 0", err);
    rc = rc == CM_OK ? run(w, sql, err) : rc;
    cm_rc end = w->conn->broken ? rc : run(w, SHORT_WAITS, rc == CM_OK ? err : &ignored);
    return rc == CM_OK ? end : rc;
}

static cm_rc rows_of(const work *w, const char *sql, cm_migrate_row_fn *each, void *argument,
                     cm_err *err) {
    return w->bare.ops->rows(w->conn, sql, each, argument, err);
}

static void take_name(name to, const char *from) {
    snprintf(to, sizeof(name), "%s", from);
}

static uint64_t number(const char *text) {
    uint64_t value = 0;
    return text != NULL && cm_str_to_u64(cm_str_from(text), &value) ? value : 0;
}

/* --- What there is ---------------------------------------------------------------------------- */

#define VECTOR_INDEXES                                                                          \
    "FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = "       \
    "x.indrelid JOIN pg_am a ON a.oid = i.relam WHERE i.relnamespace = 'public'::regnamespace " \
    "AND a.amname IN ('hnsw', 'ivfflat') AND t.relname LIKE 'embeddings\\_%' "

static cm_rc take_index(void *argument, const char *const *values, cm_err *err) {
    work *w = argument;
    if (w->index_count == INDEX_MAX) {
        return cm_fail(err, CM_LIMIT, "more than %d vector indexes", INDEX_MAX);
    }
    vector_index *at = &w->indexes[w->index_count++];
    take_name(at->index, values[0]);
    take_name(at->table, values[1]);
    at->ivfflat = strcmp(values[2], "ivfflat") == 0;
    at->partitioned = values[3][0] == 'I';
    at->dims = number(values[4]);
    at->lists = number(values[5]);
    return CM_OK;
}

static cm_rc find_indexes(work *w, cm_err *err) {
    return rows_of(w,
                   "SELECT i.relname, t.relname, a.amname, i.relkind, substring(i.relname FROM "
                   "'[0-9]+$'), substring(array_to_string(i.reloptions, ',') FROM "
                   "'lists=([0-9]+)') " VECTOR_INDEXES
                   "AND NOT i.relispartition AND i.relname ~ '^emb_[a-z_]+_[0-9]+$' ORDER BY 1",
                   take_index, w, err);
}

static cm_rc take_leaf(void *argument, const char *const *values, cm_err *err) {
    work *w = argument;
    if (w->leaf_count == LEAVES_MAX) {
        return cm_fail(err, CM_LIMIT, "more than %d months of vectors", LEAVES_MAX);
    }
    leaf *at = &w->leaves[w->leaf_count++];
    take_name(at->table, values[0]);
    take_name(at->index, values[1]);
    at->built_on = number(values[2]);
    return CM_OK;
}

static cm_rc take_count(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    *(uint64_t *)argument = number(values[0]);
    return CM_OK;
}

static cm_rc take_rows(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    work *w = argument;
    if (w->count_count < COUNTS_MAX) { /* further dimensions have no index */
        counted *at = &w->counts[w->count_count++];
        take_name(at->table, values[0]);
        at->dims = number(values[1]);
        at->rows = number(values[2]);
    }
    return CM_OK;
}

/* Through the parent: nobody is granted a partition. */
static cm_rc count_rows(work *w, cm_err *err) {
    static const char sql[] =
        "SELECT tableoid::regclass, dims, count(*) FROM embeddings WHERE dims IN (SELECT DISTINCT "
        "substring(relname FROM '[0-9]+$')::int FROM pg_class WHERE relnamespace = "
        "'public'::regnamespace AND relname ~ '^emb_[a-z_]+_[0-9]+$') GROUP BY 1, 2";
    cm_rc rc = run(w, "BEGIN; SET LOCAL ROLE codementor_worker", err); /* row security hides rows */
    rc = rc == CM_OK ? rows_of(w, sql, take_rows, w, err) : rc;
    cm_err ignored;
    cm_rc end = run(w, rc == CM_OK ? "COMMIT" : "ROLLBACK", rc == CM_OK ? err : &ignored);
    return rc == CM_OK ? end : rc;
}

static uint64_t rows_in(const work *w, const char *table, uint64_t dims) {
    for (size_t i = 0; i < w->count_count; i++) {
        if (w->counts[i].dims == dims && strcmp(w->counts[i].table, table) == 0) {
            return w->counts[i].rows;
        }
    }
    return 0;
}

/* The tables that hold rows, and the index of each. */
static cm_rc find_leaves(work *w, const vector_index *index, cm_err *err) {
    char sql[768];
    w->leaf_count = 0;
    snprintf(sql, sizeof sql,
             "SELECT t.relname, i.relname, substring(obj_description(i.oid, 'pg_class') FROM "
             "'rows=([0-9]+)') FROM pg_class i JOIN pg_index x ON x.indexrelid = i.oid JOIN "
             "pg_class t ON t.oid = x.indrelid WHERE i.oid = 'public.%s'::regclass AND i.relkind = "
             "'i' OR i.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = "
             "'public.%s'::regclass) ORDER BY 1",
             index->index, index->index);
    cm_rc rc = rows_of(w, sql, take_leaf, w, err);
    for (size_t i = 0; rc == CM_OK && i < w->leaf_count; i++) {
        w->leaves[i].rows = rows_in(w, w->leaves[i].table, index->dims);
    }
    return rc;
}

static uint64_t all_rows(const work *w) {
    uint64_t rows = 0;
    for (size_t i = 0; i < w->leaf_count; i++) {
        rows += w->leaves[i].rows;
    }
    return rows;
}

/* --- Left behind ------------------------------------------------------------------------------ */

static cm_rc take_found(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    work *w = argument;
    if (w->found_count < LEAVES_MAX) { /* more are found next time */
        take_name(w->found[w->found_count++], values[0]);
    }
    return CM_OK;
}

static cm_rc drop_unfinished(work *w, cm_err *err) {
    w->found_count = 0;
    cm_rc rc = rows_of(w,
                       "SELECT i.relname " VECTOR_INDEXES "AND NOT i.relispartition AND i.relname "
                       "~ '_(next(_[0-9a-f]+)?|cc(new|old)[0-9]*)$'",
                       take_found, w, err);
    for (size_t i = 0; rc == CM_OK && i < w->found_count; i++) {
        cm_log(CM_LOG_INFO, "an unfinished vector index is removed", CM_F("index", w->found[i]));
        rc = run_format(w, err, "DROP INDEX IF EXISTS %s", w->found[i]);
    }
    return rc;
}

/* --- Building --------------------------------------------------------------------------------- */

typedef char definition[192];

static void define(definition to, const vector_index *index, bool ivfflat, uint64_t lists) {
    char options[48];
    snprintf(options, sizeof options, ivfflat ? "lists = %llu" : "m = 16, ef_construction = 64",
             (unsigned long long)lists);
    snprintf(to, sizeof(definition),
             "USING %s ((embedding::vector(%llu)) vector_cosine_ops) WITH (%s) WHERE dims = %llu",
             ivfflat ? "ivfflat" : "hnsw", (unsigned long long)index->dims, options,
             (unsigned long long)index->dims);
}

static cm_rc note_rows(const work *w, const char *index, uint64_t rows, cm_err *err) {
    return run_format(w, err, "COMMENT ON INDEX %s IS 'rows=%llu'", index,
                      (unsigned long long)rows);
}

static cm_rc build_plain(const work *w, const vector_index *index, const char *how, cm_err *err) {
    char sql[512];
    name next;
    snprintf(next, sizeof next, "%.58s_next", index->index);
    snprintf(sql, sizeof sql, "CREATE INDEX CONCURRENTLY %s ON %s %s", next, index->table, how);
    cm_rc rc = run_patiently(w, sql, err);
    return rc == CM_OK ? note_rows(w, next, all_rows(w), err) : rc;
}

static cm_rc build_months(const work *w, const vector_index *index, const char *how, cm_err *err) {
    uint32_t now = (uint32_t)cm_clock_wall_ms(); /* no two builds of a month share a name */
    cm_rc rc =
        run_format(w, err, "CREATE INDEX %s_next ON ONLY %s %s", index->index, index->table, how);
    for (size_t i = 0; rc == CM_OK && i < w->leaf_count; i++) {
        const leaf *month = &w->leaves[i];
        name own;
        snprintf(own, sizeof own, "%.40s_%u_next_%08x", month->table, (unsigned)index->dims, now);
        char sql[512];
        snprintf(sql, sizeof sql, "CREATE INDEX CONCURRENTLY %s ON %s %s", own, month->table, how);
        rc = run_patiently(w, sql, err);
        rc = rc == CM_OK ? note_rows(w, own, month->rows, err) : rc;
        rc = rc == CM_OK
                 ? run_format(w, err, "ALTER INDEX %s_next ATTACH PARTITION %s", index->index, own)
                 : rc;
    }
    return rc;
}

/* The old one goes and the new one takes its name: readers see one or the other. */
static cm_rc swap(const work *w, const vector_index *index, cm_err *err) {
    cm_err ignored;
    cm_rc rc = run_format(w, err, "BEGIN; DROP INDEX %s; ALTER INDEX %s_next RENAME TO %s; COMMIT",
                          index->index, index->index, index->index);
    if (rc != CM_OK && !w->conn->broken && run(w, "ROLLBACK", &ignored) != CM_OK) {
        w->conn->broken = true;
    }
    return rc;
}

static cm_rc replace(work *w, const vector_index *index, bool ivfflat, uint64_t lists,
                     cm_err *err) {
    definition how;
    define(how, index, ivfflat, lists);
    uint64_t start_ms = cm_clock_ms();
    cm_log(CM_LOG_INFO, "a vector index is built", CM_F("index", index->index),
           CM_F("kind", ivfflat ? "ivfflat" : "hnsw"), CM_I("rows", all_rows(w)),
           CM_I("lists", ivfflat ? lists : 0));
    cm_rc rc =
        index->partitioned ? build_months(w, index, how, err) : build_plain(w, index, how, err);
    rc = rc == CM_OK ? swap(w, index, err) : rc;
    if (rc != CM_OK) {
        return cm_err_prefix(err, rc, "vector index '%s' stays as it was", index->index);
    }
    w->report.built++;
    cm_log(CM_LOG_INFO, "a vector index is in use", CM_F("index", index->index),
           CM_I("ms", cm_clock_ms() - start_ms));
    return CM_OK;
}

/* Lists learned from too few rows are learned again. */
static cm_rc renew(work *w, const vector_index *index, uint64_t lists, cm_err *err) {
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < w->leaf_count; i++) {
        const leaf *at = &w->leaves[i];
        if (at->rows < ROWS_MIN || at->rows < 2 * at->built_on) {
            continue;
        }
        if (!index->partitioned && lists != index->lists) {
            return replace(w, index, true, lists, err);
        }
        cm_log(CM_LOG_INFO, "a vector index is built again", CM_F("index", at->index),
               CM_I("rows", at->rows));
        char sql[128];
        snprintf(sql, sizeof sql, "REINDEX INDEX CONCURRENTLY %s", at->index);
        rc = run_patiently(w, sql, err);
        rc = rc == CM_OK ? note_rows(w, at->index, at->rows, err) : rc;
        w->report.built += rc == CM_OK;
    }
    return rc;
}

static cm_rc follow(work *w, const vector_index *index, cm_err *err) {
    w->report.checked++;
    if (!w->wants_ivfflat && !index->ivfflat) {
        return CM_OK;
    }
    cm_rc rc = find_leaves(w, index, err);
    uint64_t rows = all_rows(w);
    uint64_t lists = CM_MIN(CM_MAX(rows / 1000, (uint64_t)LISTS_MIN), (uint64_t)LISTS_MAX);
    bool ivfflat = w->wants_ivfflat && (index->ivfflat || rows >= ROWS_MIN);
    if (rc == CM_OK && ivfflat != index->ivfflat) {
        rc = replace(w, index, ivfflat, lists, err);
    } else if (rc == CM_OK && ivfflat) {
        rc = renew(w, index, lists, err);
    }
    return rc;
}

/* --- A run ------------------------------------------------------------------------------------ */

static cm_rc follow_all(work *w, cm_err *err) {
    uint64_t mine = 0;
    cm_rc rc = run(w, "SET statement_timeout = 0; " SHORT_WAITS, err);
    rc = rc == CM_OK
             ? rows_of(w, "SELECT pg_try_advisory_lock(" LOCK ")::int", take_count, &mine, err)
             : rc;
    w->report.elsewhere = rc == CM_OK && mine == 0;
    if (rc != CM_OK || w->report.elsewhere) {
        return rc;
    }
    rc = drop_unfinished(w, err);
    rc = rc == CM_OK ? find_indexes(w, err) : rc;
    bool graphs = !w->wants_ivfflat;
    for (size_t i = 0; i < w->index_count; i++) {
        graphs = graphs && !w->indexes[i].ivfflat;
    }
    rc = rc == CM_OK && !graphs ? count_rows(w, err) : rc;
    for (size_t i = 0; rc == CM_OK && i < w->index_count; i++) {
        rc = cm_cancel_check(w->cancel, err);
        rc = rc == CM_OK ? follow(w, &w->indexes[i], err) : rc;
    }
    cm_err ignored;
    w->cancel = NULL; /* tidying up is short */
    if (rc != CM_OK && !w->conn->broken && drop_unfinished(w, &ignored) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "an unfinished vector index stays until the next run", &ignored);
    }
    return rc; /* the lock goes with the connection */
}

cm_rc cm_pg_vector_indexes(cm_store *store, const cm_cancel *cancel,
                           cm_vector_index_report *ret_report, cm_err *err) {
    work *w = CM_NEW(work);
    w->cancel = cancel;
    w->wants_ivfflat = store->vector_index == CM_VECTOR_IVFFLAT;
    cm_rc rc = cm_pg_migrator(store, &w->bare, err);
    if (rc == CM_OK) {
        w->conn = w->bare.conn;
        rc = follow_all(w, err);
        cm_pg_migrated(store, &w->bare);
    }
    if (rc == CM_OK) {
        *ret_report = w->report;
    }
    cm_free(w);
    return rc;
}
