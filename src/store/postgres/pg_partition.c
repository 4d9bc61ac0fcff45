/* pg_partition.c - the months of PostgreSQL's partitioned tables: made ahead, dropped when they are over.
 *
 * Names are <table>_YYYY_MM, months are UTC. Tables ranged by an id get the UUIDv7 of the month's first
 * millisecond as bounds, so parent and children split at the same rows. A month that is over goes as a
 * whole: detached, then dropped, children before their parent, because a detached child keeps its foreign
 * key and still holds the parent back. `messages` end by row (retention.c): people choose how long.
 *
 * A month whose rows lie in the default partition already (written with a clock that was ahead) cannot be made: that
 * is said, its rows stay where they are, and all other months are made.
 *
 * Creating and detaching lock the parent for a moment; who cannot get that within five seconds leaves it
 * for the next run. Several servers may ask at once: the migrations' lock lets one in after the other. */
#include "store/postgres/pg_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/catalogue.h"

#include <time.h>

#define MONTHS_AHEAD     3
#define MAINTAIN_WAIT_MS (10 * 60 * 1000) /* for one statement, or for another server to be done */
#define DAY_MS           (24 * 3600 * 1000ll)

typedef struct month {
    int year;
    int month; /* 1..12 */
} month;

static int64_t start_ms(month m) {
    struct tm tm = {.tm_year = m.year - 1900, .tm_mon = m.month - 1, .tm_mday = 1};
    return (int64_t)timegm(&tm) * 1000;
}

static month month_of(int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    return (month){tm.tm_year + 1900, tm.tm_mon + 1};
}

static month next_month(month m) {
    return m.month == 12 ? (month){m.year + 1, 1} : (month){m.year, m.month + 1};
}

/* A bound as SQL: the moment, or the smallest UUIDv7 of it. */
static void bound(char text[48], bool by_id, int64_t ms) {
    char time[CM_TIME_TEXT_MAX];
    if (by_id) {
        uint64_t hex = (uint64_t)ms;
        snprintf(text, 48, "%08llx-%04llx-0000-0000-000000000000", (unsigned long long)(hex >> 16),
                 (unsigned long long)(hex & 0xffff));
    } else {
        cm_str moment = cm_time_format(ms, time);
        snprintf(text, 48, CM_STR_FMT, CM_STR_ARG(moment));
    }
}

/* --- Making ----------------------------------------------------------------------------------- */

typedef struct ranged {
    const char *table;
    bool by_id;
} ranged;

static cm_rc make_month(cm_pg_conn *conn, const ranged *r, month m, cm_err *err) {
    char from[48];
    char to[48];
    char sql[512];
    bound(from, r->by_id, start_ms(m));
    bound(to, r->by_id, start_ms(next_month(m)));
    snprintf(
        sql, sizeof sql,
        "CREATE TABLE IF NOT EXISTS %s_%04d_%02d PARTITION OF %s FOR VALUES FROM ('%s') TO ('%s')",
        r->table, m.year, m.month, r->table, from, to);
    return cm_pg_script(conn, sql, err);
}

static cm_rc make_months(cm_pg_conn *conn, const ranged *r, cm_err *err) {
    month m = month_of(cm_clock_wall_ms());
    for (int i = 0; i <= MONTHS_AHEAD; i++) {
        cm_err text = {0};
        cm_rc rc = make_month(conn, r, m, &text);
        if (rc == CM_INVALID) { /* check_violation */
            cm_log_err(CM_LOG_WARN, "a month of a partitioned table cannot be made", &text);
        } else if (rc != CM_OK) {
            return cm_fail(err, rc, "%s", text.text);
        }
        m = next_month(m);
    }
    return CM_OK;
}

/* Rows in the default partition would stand in the way of their month. */
static cm_rc warn_default(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    if (strcmp(values[0], "0") != 0) {
        cm_log(CM_LOG_WARN, "rows lie outside all months of a partitioned table",
               CM_F("table", (const char *)argument));
    }
    return CM_OK;
}

/* --- Dropping --------------------------------------------------------------------------------- */

typedef struct expiry {
    cm_pg_conn *conn;
    const char *table;
    int64_t before_ms; /* months that end before this are over */
    char names[64][96];
    size_t count;
} expiry;

static cm_rc take_over(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    expiry *e = argument;
    cm_str name = cm_str_from(values[0]);
    cm_str tail = cm_str_from_offset(name, strlen(e->table));
    uint64_t year;
    uint64_t number;
    bool is_month = tail.len == 8 && cm_str_to_u64(cm_str_sub(tail, 1, 4), &year) &&
                    cm_str_to_u64(cm_str_sub(tail, 6, 2), &number);
    if (is_month && e->count < CM_COUNT(e->names) &&
        start_ms(next_month((month){(int)year, (int)number})) <= e->before_ms) {
        snprintf(e->names[e->count++], sizeof e->names[0], "%s", values[0]);
    }
    return CM_OK;
}

static cm_rc drop_months(const cm_migrator *bare, expiry *e, cm_err *err) {
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
             "WHERE i.inhparent = '%s'::regclass ORDER BY c.relname",
             e->table);
    cm_rc rc = bare->ops->rows(bare->conn, sql, take_over, e, err);
    for (size_t i = 0; rc == CM_OK && i < e->count; i++) {
        snprintf(sql, sizeof sql,
                 "BEGIN; ALTER TABLE %s DETACH PARTITION %s; DROP TABLE %s; COMMIT", e->table,
                 e->names[i], e->names[i]);
        rc = cm_pg_script(e->conn, sql, err);
        if (rc != CM_OK) {
            bare->ops->rollback(bare->conn);
        }
    }
    return rc;
}

/* --- All tables ------------------------------------------------------------------------------- */

typedef struct class_days {
    char days[16];
} class_days;

static cm_rc take_days(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    snprintf(((class_days *)argument)->days, sizeof(class_days), "%s",
             values[0] != NULL ? values[0] : "");
    return CM_OK;
}

static cm_rc expire_table(const cm_migrator *bare, const cm_table *table, cm_err *err) {
    char sql[128];
    class_days text = {""};
    int64_t days;
    snprintf(sql, sizeof sql, "SELECT keep_days FROM retention_policies WHERE class = '%s'",
             table->keep);
    cm_rc rc = bare->ops->rows(bare->conn, sql, take_days, &text, err);
    if (rc != CM_OK || !cm_str_to_i64(cm_str_from(text.days), &days)) {
        return rc;
    }
    expiry e = {
        .conn = bare->conn, .table = table->name, .before_ms = cm_clock_wall_ms() - days * DAY_MS};
    return drop_months(bare, &e, err);
}

static cm_rc maintain_table(const cm_migrator *bare, const ranged *r, cm_err *err) {
    char sql[128];
    cm_rc rc = make_months(bare->conn, r, err);
    if (rc == CM_OK) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT 1 FROM %s_default LIMIT 1) d",
                 r->table);
        rc = bare->ops->rows(bare->conn, sql, warn_default, (void *)(uintptr_t)r->table, err);
    }
    return rc == CM_OK ? CM_OK : cm_err_prefix(err, rc, "partitions of '%s'", r->table);
}

static cm_rc maintain_all(const cm_migrator *bare, cm_err *err) {
    static const ranged message_vectors = {"embeddings_message", true};
    cm_rc rc = cm_pg_script(bare->conn, "SET lock_timeout = '5s'", err);
    for (size_t i = 0; rc == CM_OK && i < CM_TABLES; i++) {
        const char *by = cm_tables[i].partition;
        if (by != NULL) {
            ranged r = {cm_tables[i].name, cm_str_ends(cm_str_from(by), CM_STR("id"))};
            rc = maintain_table(bare, &r, err);
        }
    }
    if (rc == CM_OK) {
        rc = maintain_table(bare, &message_vectors, err);
    }
    for (int parents = 0; parents < 2; parents++) { /* children first */
        for (size_t i = 0; rc == CM_OK && i < CM_TABLES; i++) {
            bool parent = i == CM_TABLE_COMPLETION_REQUESTS;
            if (cm_tables[i].partition != NULL && parent == parents && i != CM_TABLE_MESSAGES) {
                rc = expire_table(bare, &cm_tables[i], err);
            }
        }
    }
    return rc;
}

cm_rc cm_pg_maintain(cm_store *store, cm_err *err) {
    cm_migrator bare;
    cm_rc rc = cm_pg_migrator(store, &bare, err);
    if (rc != CM_OK) {
        return rc;
    }
    ((cm_pg_conn *)bare.conn)->wait_ms = MAINTAIN_WAIT_MS;
    rc = bare.ops->lock(bare.conn, err); /* one server at a time: IF NOT EXISTS alone races */
    if (rc == CM_OK) {
        rc = maintain_all(&bare, err);
        bare.ops->unlock(bare.conn);
    }
    cm_pg_migrated(store, &bare);
    return rc;
}
