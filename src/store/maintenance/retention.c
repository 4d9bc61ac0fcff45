/* retention.c - rows whose time is over, and rows nobody may keep. Declared in person.h. */
#include "store/maintenance/person.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/catalogue.h"
#include "store/store_priv.h"

#include "store/q/consents.h"
#include "store/q/conversations.h"
#include "store/q/retention_policies.h"

#define BATCH         1000
#define DAY_MS        (24 * 3600 * 1000ll)
#define RATE_CELLS_MS (2 * 3600 * 1000ll)

/* Days of each class; -1 = no limit by time. */
typedef struct policies {
    const cm_row_retention_policies *rows;
    size_t count;
} policies;

static int64_t days_of(const policies *all, const char *class) {
    for (size_t i = 0; i < all->count; i++) {
        if (cm_str_eq_c(all->rows[i].class, class)) {
            return all->rows[i].keep_days.set ? all->rows[i].keep_days.value : -1;
        }
    }
    return -1;
}

/* The smallest UUIDv7 of a moment: what is older has a smaller id. */
static cm_uuid id_floor(int64_t ms) {
    cm_uuid id = {{0}};
    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
    }
    return id;
}

/* Runs a statement that deletes up to BATCH rows until it finds fewer: no transaction is long, and whoever waits for
 * the lock gets it in between. */
static cm_rc delete_batches(const cm_db *db, const cm_query *query, const void *params,
                            uint64_t *rows, cm_err *err) {
    uint64_t changed;
    cm_rc rc;
    do {
        rc = cm_cancel_check(db->cancel, err);
        rc = rc == CM_OK ? cm_query_exec(db, query, params, &changed, err) : rc;
        *rows += rc == CM_OK ? changed : 0;
    } while (rc == CM_OK && changed == BATCH);
    return rc;
}

static cm_rc expire_table(const cm_db *db, const cm_query *query, int64_t before_ms, uint64_t *rows,
                          cm_err *err) {
    char params[64] = {0};
    cm_assert(query->params_size <= sizeof params);
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        int64_t limit = BATCH;
        cm_uuid floor = id_floor(before_ms);
        if (strcmp(slot->name, "limit") == 0) {
            memcpy(params + slot->offset, &limit, sizeof limit);
        } else if (strcmp(slot->name, "before") == 0 && slot->type == CM_SQL_ID) {
            memcpy(params + slot->offset, &floor, sizeof floor);
        } else if (strcmp(slot->name, "before") == 0) {
            memcpy(params + slot->offset, &before_ms, sizeof before_ms);
        }
    }
    cm_rc rc = delete_batches(db, query, params, rows, err);
    return rc == CM_CONFLICT
               ? CM_OK /* something that stays refers to it: the next run tries again */
               : rc;
}

static cm_rc expire_all(const cm_db *db, const policies *all, bool caches_only, uint64_t *rows,
                        cm_err *err) {
    int64_t now = cm_clock_wall_ms();
    for (size_t i = 0; i < CM_TABLES; i++) {
        const cm_table *table = &cm_tables[i];
        const cm_query *query = cm_query_find(table->name, "expire");
        bool cache = strcmp(table->keep, "cache") == 0;
        int64_t days = days_of(all, table->keep);
        if (query == NULL || (caches_only && !cache) || (!cache && days < 0)) {
            continue;
        }
        int64_t age =
            cache ? (i == CM_TABLE_RATE_LIMIT_BUCKETS ? RATE_CELLS_MS : 0) : days * DAY_MS;
        cm_rc rc = expire_table(db, query, now - age, rows, err);
        if (rc != CM_OK) {
            return cm_err_prefix(err, rc, "retention of '%s'", table->name);
        }
    }
    return CM_OK;
}

cm_rc cm_retention_run(const cm_db *system, bool caches_only, uint64_t *ret_rows, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    policies all = {0};
    uint64_t rows = 0;
    cm_rc rc =
        cm_q_retention_policies_list(system, &(cm_q_retention_policies_list_in){.limit = 100},
                                     arena, &all.rows, &all.count, err);
    if (rc == CM_OK) {
        rc = expire_all(system, &all, caches_only, &rows, err);
    }
    if (rc == CM_OK && !caches_only) {
        cm_q_conversations_expire_scheduled_in in = {.limit = BATCH};
        rc = delete_batches(system, &cm_query_conversations_expire_scheduled, &in, &rows, err);
    }
    if (rc == CM_OK) {
        *ret_rows = rows;
    }
    return rc;
}

cm_rc cm_consents_enforce(const cm_db *system, uint64_t *ret_rows, cm_err *err) {
    static const cm_query *const purges[] = {
        &cm_query_consents_purge_analytics, &cm_query_consents_purge_telemetry,
        &cm_query_consents_purge_contexts,  &cm_query_consents_purge_sources,
        &cm_query_consents_purge_truths,
    };
    int64_t limit = BATCH; /* the only parameter of each */
    uint64_t rows = 0;
    for (size_t i = 0; i < CM_COUNT(purges); i++) {
        cm_rc rc = delete_batches(system, purges[i], &limit, &rows, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    *ret_rows = rows;
    return CM_OK;
}
