/* query.h - what the generated query functions are made of.
 *
 * A query is data: its SQL for both engines and both scopes, and one slot per parameter and column
 * saying where the value lies in the caller's struct. The functions in store/q/<table>.h are typed,
 * inline fronts of the five runners below.
 *
 * Values in structs. Zero means NULL for a nullable value and "the column's default" for one that has
 * a default, so `{.name = name}` is a complete insert:
 *   id          cm_uuid; nil = NULL
 *   text, json, text[] ..., bytes, vector, ip     cm_str; ptr NULL = NULL or default. Arrays are
 *               JSON text, vectors little-endian float32.
 *   timestamp   int64_t, ms since 1970 UTC; 0 = NULL, or now where the default is now
 *   int, real, bool     plain where zero is meant; cm_opt_* when nullable, or when the default is not zero
 *
 * Thread: as store.h. */
#ifndef CM_STORE_QUERY_H
#define CM_STORE_QUERY_H

#include "store/store.h"

typedef struct cm_opt_int {
    int64_t value;
    bool set;
} cm_opt_int;

typedef struct cm_opt_real {
    double value;
    bool set;
} cm_opt_real;

typedef struct cm_opt_bool {
    bool value;
    bool set;
} cm_opt_bool;

#define CM_INT(v)  ((cm_opt_int){.value = (v), .set = true})
#define CM_REAL(v) ((cm_opt_real){.value = (v), .set = true})
#define CM_BOOL(v) ((cm_opt_bool){.value = (v), .set = true})

enum cm_sql_type {
    CM_SQL_ID,
    CM_SQL_TEXT,
    CM_SQL_INT,
    CM_SQL_REAL,
    CM_SQL_BOOL,
    CM_SQL_TIME,
    CM_SQL_JSON,
    CM_SQL_TEXTS,
    CM_SQL_INTS,
    CM_SQL_REALS,
    CM_SQL_TIMES,
    CM_SQL_VECTOR,
    CM_SQL_BYTES,
    CM_SQL_IP,
};

enum cm_sql_source { CM_SQL_CALLER, CM_SQL_ME, CM_SQL_NOW };

typedef struct cm_sql_slot {
    const char *name;
    const char *fallback; /* the column's default as text ("now" = the clock), or NULL */
    uint16_t offset;      /* in the params or row struct */
    uint8_t type;         /* enum cm_sql_type */
    uint8_t source;       /* enum cm_sql_source */
    bool nullable;
    bool opt; /* the struct member is a cm_opt_* */
} cm_sql_slot;

typedef struct cm_query {
    const char *name;
    /* [engine][scope]; NULL where the scope may not run it. Parameters are $1, $2 ... in the order
     * of `params`; a text may leave some out. */
    const char *sql[CM_STORE_ENGINES][2];
    const cm_sql_slot *params;
    const cm_sql_slot *columns;
    uint16_t param_count;
    uint16_t column_count;
    uint32_t params_size;
    uint32_t row_size;
    uint16_t index; /* dense, for statement caches */
    bool read_only;
    bool full; /* writes a table of class "full" */
    bool must; /* no row changed is CM_NOT_FOUND */
} cm_query;

/* One row of spec/schema.views. */
typedef struct cm_view {
    const char *name;
    const cm_query *refresh;
    const cm_query *fill; /* follows `refresh` in the same transaction; no text on PostgreSQL */
    const cm_query *read; /* parameters: since and until when `timed`, then limit; all int64_t */
    bool timed;
} cm_view;

extern const cm_view cm_views[];
extern const size_t cm_view_count;

extern const cm_query *const cm_queries[]; /* by index */
extern const size_t cm_query_count;

/* Writes; `*ret_changed` (may be NULL) gets the number of rows. Errors: CM_EXISTS (unique),
 * CM_CONFLICT (foreign key), CM_INVALID (check, type, NUL or invalid UTF-8: names the parameter),
 * CM_DENIED (scope), CM_STORAGE_FULL, CM_DATABASE_UNAVAILABLE, CM_IO, CM_CORRUPT. */
cm_rc cm_query_exec(const cm_db *db, const cm_query *query, const void *params,
                    uint64_t *ret_changed, cm_err *err) cm_must_check;
/* The same statement for `count` structs, all or none. */
cm_rc cm_query_exec_many(const cm_db *db, const cm_query *query, const void *params, size_t count,
                         cm_err *err) cm_must_check;
/* Copies the params and queues the write: see cm_db_post. While PostgreSQL is away it is kept in the spool. Whoever
 * acknowledges it asks cm_store_kept first. */
cm_rc cm_query_post(const cm_db *db, const cm_query *query, const void *params, cm_err *err);
/* First row into `ret_row`; CM_NOT_FOUND without one. Texts live in `arena`. */
cm_rc cm_query_one(const cm_db *db, const cm_query *query, const void *params, cm_arena *arena,
                   void *ret_row, cm_err *err) cm_must_check;
/* All rows as an array in `arena`; queries bound them with a limit. */
cm_rc cm_query_all(const cm_db *db, const cm_query *query, const void *params, cm_arena *arena,
                   void *ret_rows, size_t *ret_count, cm_err *err) cm_must_check;
/* Calls `each` per row, whose texts live only during the call; CM_END from it stops early and is
 * no error. */
typedef cm_rc cm_row_fn(const void *row, void *argument, cm_err *err);
cm_rc cm_query_each(const cm_db *db, const cm_query *query, const void *params, cm_row_fn *each,
                    void *argument, cm_err *err) cm_must_check;

#endif
