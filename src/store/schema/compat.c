/* compat.c - read-only views under the names of the first design documents: `migrate views on|off`.
 *
 * A view `compat_state` with the checksum of the declaration says that they are on. It refers to no table,
 * so it stays while a migration has taken the others down, with an empty checksum: whoever finds that,
 * also after a crash, knows that they must come back. On PostgreSQL everything lies in the schema
 * `compat`, and each view asks as its reader (security_invoker): row-level security holds. */
#include "store/schema/compat_priv.h"

#include "base/buf.h"
#include "base/log.h"

#define SCRIPT_MAX CM_KIB(256)
#define STATE      "compat_state"

static const struct dialect {
    const char *prefix; /* before a view's name */
    const char *options;
    const char *is_on; /* count */
    const char *prepare, *finish;
    const char *readers; /* GRANT .. TO, or NULL */
} dialects[CM_STORE_ENGINES] = {
    [CM_SQLITE] = {.prefix = "",
                   .options = "",
                   .is_on = "SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = "
                            "'" STATE "'",
                   .prepare = "",
                   .finish = ""},
    [CM_POSTGRES] = {.prefix = "compat.",
                     .options = " WITH (security_invoker = true)",
                     .is_on = "SELECT count(*) FROM pg_views WHERE schemaname = 'compat' AND "
                              "viewname = '" STATE "'",
                     .prepare =
                         "CREATE SCHEMA IF NOT EXISTS compat; GRANT USAGE ON SCHEMA compat TO "
                         "codementor_app, codementor_worker, codementor_ro;\n",
                     .finish = "DROP SCHEMA IF EXISTS compat;\n",
                     .readers = "codementor_app, codementor_worker, codementor_ro"},
};

static const struct dialect *dialect_of(const cm_migrator *migrator) {
    return &dialects[migrator->ops->engine];
}

bool cm_compat_is_ours(const char *kind, const char *name) {
    if (strcmp(kind, "view") != 0) {
        return false;
    }
    bool ours = strcmp(name, STATE) == 0;
    for (size_t i = 0; !ours && i < cm_compat_all.count; i++) {
        ours = strcmp(name, cm_compat_all.items[i].name) == 0;
    }
    return ours;
}

/* --- Scripts ---------------------------------------------------------------------------------- */

static void add_drop(const struct dialect *d, const char *name, cm_buf *sql) {
    cm_buf_add_f(sql, "DROP VIEW IF EXISTS %s\"%s\";\n", d->prefix, name);
}

static void add_drops(const struct dialect *d, cm_buf *sql) {
    for (size_t i = 0; i < cm_compat_all.count; i++) {
        add_drop(d, cm_compat_all.items[i].name, sql);
    }
    add_drop(d, STATE, sql);
}

static void add_view(const struct dialect *d, const char *name, const char *select, cm_buf *sql) {
    cm_buf_add_f(sql, "CREATE VIEW %s\"%s\"%s AS %s;\n", d->prefix, name, d->options, select);
    if (d->readers != NULL) {
        cm_buf_add_f(sql, "GRANT SELECT ON %s\"%s\" TO %s;\n", d->prefix, name, d->readers);
    }
}

static void add_state(const struct dialect *d, const char *checksum, cm_buf *sql) {
    char select[96];
    snprintf(select, sizeof select, "SELECT CAST('%s' AS TEXT) AS checksum", checksum);
    add_view(d, STATE, select, sql);
}

static cm_rc run(const cm_migrator *migrator, cm_buf *sql, cm_err *err) {
    cm_rc rc = cm_buf_check(sql, err);
    return rc == CM_OK ? migrator->ops->script(migrator->conn, cm_buf_c(sql), err) : rc;
}

/* Drops what is there and makes all. */
static cm_rc make_all(const cm_migrator *migrator, cm_err *err) {
    const struct dialect *d = dialect_of(migrator);
    cm_cleanup(cm_buf_done) cm_buf sql;
    cm_buf_init(&sql, SCRIPT_MAX);
    cm_buf_add_c(&sql, d->prepare);
    add_drops(d, &sql);
    for (size_t i = 0; i < cm_compat_all.count; i++) {
        add_view(d, cm_compat_all.items[i].name,
                 cm_compat_all.items[i].select[migrator->ops->engine], &sql);
    }
    add_state(d, cm_compat_all.checksum, &sql);
    return run(migrator, &sql, err);
}

/* --- State ------------------------------------------------------------------------------------ */

cm_rc cm_compat_is_on(const cm_migrator *migrator, bool *ret_on, cm_err *err) {
    int64_t count = 0;
    cm_rc rc = cm_migrator_count(migrator, dialect_of(migrator)->is_on, &count, err);
    *ret_on = count != 0;
    return rc;
}

static cm_rc take_checksum(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    *(bool *)argument = strcmp(values[0], cm_compat_all.checksum) == 0;
    return CM_OK;
}

/* On, but not what this program declares. */
static cm_rc is_stale(const cm_migrator *migrator, bool *ret_stale, cm_err *err) {
    bool on = false;
    bool current = true;
    cm_rc rc = cm_compat_is_on(migrator, &on, err);
    if (rc == CM_OK && on) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT checksum FROM %s" STATE, dialect_of(migrator)->prefix);
        rc = migrator->ops->rows(migrator->conn, sql, take_checksum, &current, err);
    }
    *ret_stale = on && !current;
    return rc;
}

/* --- The verbs -------------------------------------------------------------------------------- */

typedef cm_rc step_fn(const cm_migrator *migrator, cm_err *err);

static cm_rc in_transaction(const cm_migrator *migrator, step_fn *step, cm_err *err) {
    cm_rc rc = migrator->ops->begin(migrator->conn, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = step(migrator, err);
    if (rc == CM_OK) {
        return migrator->ops->commit(migrator->conn, err);
    }
    migrator->ops->rollback(migrator->conn);
    return cm_err_prefix(err, rc, "compatibility views");
}

static cm_rc drop_all(const cm_migrator *migrator, cm_err *err) {
    const struct dialect *d = dialect_of(migrator);
    cm_cleanup(cm_buf_done) cm_buf sql;
    cm_buf_init(&sql, SCRIPT_MAX);
    add_drops(d, &sql);
    cm_buf_add_c(&sql, d->finish);
    bool on = false;
    cm_rc rc = cm_compat_is_on(migrator, &on, err);
    return rc == CM_OK && on ? run(migrator, &sql, err) : rc;
}

cm_rc cm_compat_switch(const cm_migrator *migrator, bool on, cm_err *err) {
    return in_transaction(migrator, on ? make_all : drop_all, err);
}

cm_rc cm_compat_step_aside(const cm_migrator *migrator, cm_err *err) {
    bool on = false;
    cm_rc rc = cm_compat_is_on(migrator, &on, err);
    if (rc != CM_OK || !on) {
        return rc;
    }
    const struct dialect *d = dialect_of(migrator);
    cm_cleanup(cm_buf_done) cm_buf sql;
    cm_buf_init(&sql, SCRIPT_MAX);
    add_drops(d, &sql);
    add_state(d, "", &sql);
    return run(migrator, &sql, err);
}

/* Another process may have been faster: looks again under the lock. */
static cm_rc return_inside(const cm_migrator *migrator, cm_err *err) {
    bool stale = false;
    cm_rc rc = is_stale(migrator, &stale, err);
    return rc == CM_OK && stale ? make_all(migrator, err) : rc;
}

cm_rc cm_compat_return(const cm_migrator *migrator, cm_err *err) {
    bool stale = false;
    cm_rc rc = is_stale(migrator, &stale, err);
    return rc == CM_OK && stale ? in_transaction(migrator, return_inside, err) : rc;
}
