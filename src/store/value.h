/* value.h - one SQL value between a caller's struct and a back-end (insiders of store/).
 *
 * Reading a parameter applies defaults, binds `:me` and `:now`, and refuses what one engine would take
 * and the other not (NUL, invalid UTF-8, "\u0000" in JSON, NaN, oversized text), so that both engines
 * accept the same set of values. Thread: any. */
#ifndef CM_STORE_VALUE_H
#define CM_STORE_VALUE_H

#include "store/query.h"

#define CM_STORE_TEXT_MAX  CM_MIB(16) /* one text or JSON value */
#define CM_STORE_BYTES_MAX CM_MIB(64) /* one blob */

enum cm_value_kind {
    CM_VALUE_NULL,
    CM_VALUE_ID,
    CM_VALUE_INT, /* bool and timestamp (ms) too */
    CM_VALUE_REAL,
    CM_VALUE_TEXT,
    CM_VALUE_BYTES,
};

typedef struct cm_value {
    enum cm_value_kind kind;
    cm_uuid id;
    int64_t i;
    double real;
    cm_str str; /* borrowed */
} cm_value;

/* `params` may be NULL for slots that the door binds. */
cm_rc cm_value_read(const cm_sql_slot *slot, const void *params, const cm_db *db,
                    cm_value *ret_value, cm_err *err) cm_must_check;
/* Writes into the row struct; texts are copied into `arena`. CM_CORRUPT when a column that cannot be
 * NULL is, CM_NOMEM. */
cm_rc cm_value_write(const cm_sql_slot *slot, const cm_value *value, cm_arena *arena, void *row,
                     cm_err *err) cm_must_check;

/* A params struct with all its texts in one heap block (free with cm_free); NULL when out of memory. */
void *cm_params_copy(const cm_query *query, const void *params) cm_must_check;

#endif
