/* migrate.c - bringing a database to the schema this program knows, the same way on both engines.
 *
 * The history is a chain of files compiled into the program: the baseline, then one revision after the
 * other. Each is applied in its own transaction, which first takes the lock all processes share and then
 * looks again whether somebody else was faster: any number of servers may start at once, exactly one
 * applies each step. A database with a revision we do not know was made by a newer program; one whose
 * recorded checksum differs was made from another file. Both are refused, never guessed at. */
#include "store/schema/migrate_priv.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/schema/compat_priv.h"

static void add_quoted(cm_buf *out, const char *text) {
    cm_buf_add_char(out, '\'');
    for (const char *c = text; *c != '\0'; c++) {
        cm_buf_add_repeat(out, *c, *c == '\'' ? 2 : 1);
    }
    cm_buf_add_char(out, '\'');
}

/* --- What is applied -------------------------------------------------------------------------- */

static cm_rc take_count(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    int64_t *count = argument;
    return cm_str_to_i64(cm_str_from(values[0]), count) ? CM_OK : CM_CORRUPT;
}

cm_rc cm_migrator_count(const cm_migrator *self, const char *sql, int64_t *ret_count, cm_err *err) {
    int64_t count = 0;
    cm_rc rc = self->ops->rows(self->conn, sql, take_count, &count, err);
    if (rc == CM_OK) {
        *ret_count = count;
    }
    return rc;
}

typedef struct applied {
    cm_migration_state *states;
    size_t count, max;
} applied;

static cm_migration_state *find_state(applied *all, const char *revision) {
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->states[i].revision, revision) == 0) {
            return &all->states[i];
        }
    }
    return NULL;
}

static cm_rc take_applied(void *argument, const char *const *values, cm_err *err) {
    applied *all = argument;
    cm_migration_state *state = find_state(all, values[0]);
    if (state == NULL) {
        if (all->count == all->max) {
            return cm_fail(err, CM_CONFLICT,
                           "database has more migrations than this program knows");
        }
        state = &all->states[all->count++];
        snprintf(state->revision, sizeof state->revision, "%s", values[0]);
    }
    snprintf(state->applied_at, sizeof state->applied_at, "%s", values[2]);
    state->changed = state->migration != NULL && strcmp(state->migration->checksum, values[1]) != 0;
    return CM_OK;
}

#define UNKNOWN_MAX 256

cm_rc cm_migrator_history(const cm_migrator *self, cm_arena *arena, cm_migration_state **ret_states,
                          size_t *ret_count, cm_err *err) {
    applied all = {.count = self->migrations.count, .max = self->migrations.count + UNKNOWN_MAX};
    all.states = cm_arena_alloc(arena, all.max * sizeof *all.states);
    for (size_t i = 0; i < self->migrations.count; i++) {
        all.states[i].migration = &self->migrations.items[i];
        snprintf(all.states[i].revision, sizeof all.states[i].revision, "%s",
                 self->migrations.items[i].revision);
    }
    int64_t has = 0;
    cm_rc rc = cm_migrator_count(self, self->ops->has_history, &has, err);
    if (rc == CM_OK && has != 0) {
        rc = self->ops->rows(self->conn,
                             "SELECT revision, checksum, applied_at FROM schema_migrations",
                             take_applied, &all, err);
    }
    if (rc == CM_OK) {
        *ret_states = all.states;
        *ret_count = all.count;
    }
    return rc;
}

static cm_rc take_version(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    snprintf(argument, 64, "%s", values[0]);
    return CM_OK;
}

static cm_rc refuse_unknown(const cm_migrator *self, const char *revision, cm_err *err) {
    char version[64] = "?";
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT server_version FROM schema_migrations WHERE revision = '%s'",
             revision);
    cm_rc rc = self->ops->rows(self->conn, sql, take_version, version, err);
    return rc != CM_OK ? rc
                       : cm_fail(err, CM_CONFLICT,
                                 "database '%s' has migration %s of codementor %s, which this "
                                 "version does not know; use that version or a newer one",
                                 self->place, revision, version);
}

/* --- Heads ------------------------------------------------------------------------------------ */

bool cm_migrations_is_parent(const cm_migrations *all, const char *revision) {
    for (size_t i = 0; i < all->count; i++) {
        cm_str rest = cm_str_from(all->items[i].revises);
        cm_str part;
        while (cm_str_split(&rest, ' ', &part)) {
            if (cm_str_eq_c(part, revision)) {
                return true;
            }
        }
    }
    return false;
}

static cm_rc check_heads(const cm_migrator *self, cm_err *err) {
    const char *first = NULL;
    for (size_t i = 0; i < self->migrations.count; i++) {
        const char *revision = self->migrations.items[i].revision;
        if (cm_migrations_is_parent(&self->migrations, revision)) {
            continue;
        }
        if (first != NULL) {
            return cm_fail(err, CM_CONFLICT,
                           "the migrations have two heads, %s and %s; join them with 'codementor "
                           "migrate merge'",
                           first, revision);
        }
        first = revision;
    }
    return CM_OK;
}

/* --- Applying --------------------------------------------------------------------------------- */

static void add_parents(const cm_migrator *self, const char *revises, cm_buf *sql) {
    bool pg = self->ops->engine == CM_POSTGRES;
    cm_buf_add_c(sql, pg ? "'{" : "'[");
    cm_str rest = cm_str_from(revises);
    cm_str part;
    bool more = false;
    while (cm_str_split(&rest, ' ', &part)) {
        cm_buf_add_c(sql, more ? "," : "");
        cm_buf_add_f(sql, "\"" CM_STR_FMT "\"", CM_STR_ARG(part));
        more = true;
    }
    cm_buf_add_c(sql, pg ? "}'" : "]'");
}

cm_rc cm_migrator_record(const cm_migrator *self, const cm_migration *migration, uint64_t start_ms,
                         cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf sql;
    cm_buf_init(&sql, CM_KIB(16));
    cm_buf_add_c(&sql, "INSERT INTO schema_migrations (revision, revises, message, checksum, "
                       "is_baseline, server_version, execution_ms) VALUES (");
    add_quoted(&sql, migration->revision);
    cm_buf_add_c(&sql, ", ");
    add_parents(self, migration->revises, &sql);
    cm_buf_add_c(&sql, ", ");
    add_quoted(&sql, migration->message);
    cm_buf_add_c(&sql, ", ");
    add_quoted(&sql, migration->checksum);
    cm_buf_add_f(&sql, ", %s, '" CM_VERSION "', %llu)",
                 migration->revises[0] == '\0' ? "TRUE" : "FALSE",
                 (unsigned long long)(cm_clock_ms() - start_ms));
    cm_rc rc = cm_buf_check(&sql, err);
    return rc == CM_OK ? self->ops->script(self->conn, cm_buf_c(&sql), err) : rc;
}

static cm_rc is_applied(const cm_migrator *self, const char *revision, bool *ret_is, cm_err *err) {
    int64_t count = 0;
    cm_rc rc = cm_migrator_count(self, self->ops->has_history, &count, err);
    if (rc == CM_OK && count != 0) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM schema_migrations WHERE revision = '%s'",
                 revision);
        rc = cm_migrator_count(self, sql, &count, err);
    }
    *ret_is = count != 0;
    return rc;
}

/* Which file, so that its reader finds the statement that is named behind it. */
static cm_rc blame(const cm_migration *migration, const char *direction, cm_rc rc, cm_err *err) {
    return cm_err_prefix(err, rc, "migration %s (%s)%s%s, %s", migration->revision,
                         migration->message, migration->file != NULL ? " of " : "",
                         migration->file != NULL ? migration->file : "", direction);
}

static cm_rc apply_inside(const cm_migrator *self, const cm_migration *migration, cm_err *err) {
    uint64_t start_ms = cm_clock_ms();
    bool done = false;
    cm_rc rc = is_applied(self, migration->revision, &done, err);
    if (rc != CM_OK || done) {
        return rc; /* another process was faster */
    }
    const char *sql = migration->up[self->ops->engine];
    rc = cm_compat_step_aside(self, err);
    if (rc == CM_OK && sql != NULL) {
        rc = self->ops->script(self->conn, sql, err);
    }
    if (rc == CM_OK) {
        rc = self->ops->check(self->conn, err);
    }
    return rc == CM_OK ? cm_migrator_record(self, migration, start_ms, err) : rc;
}

static cm_rc apply(const cm_migrator *self, const cm_migration *migration, cm_err *err) {
    const cm_migrate_ops *ops = self->ops;
    cm_rc rc = migration->transaction ? ops->begin(self->conn, err) : ops->lock(self->conn, err);
    if (rc == CM_OK) {
        rc = apply_inside(self, migration, err);
        if (!migration->transaction) {
            ops->unlock(self->conn);
        } else if (rc == CM_OK) {
            rc = ops->commit(self->conn, err);
        } else {
            ops->rollback(self->conn);
        }
    }
    return rc == CM_OK ? CM_OK : blame(migration, "up", rc, err);
}

static cm_rc check_state(const cm_migrator *self, const cm_migration_state *state, cm_err *err) {
    if (state->migration == NULL) {
        return refuse_unknown(self, state->revision, err);
    }
    if (state->changed) {
        return cm_fail(err, CM_CONFLICT,
                       "migration %s (%s) was changed after it was applied to '%s'; restore its "
                       "file",
                       state->revision, state->migration->message, self->place);
    }
    return CM_OK;
}

cm_rc cm_migrator_up(const cm_migrator *self, const char *to, bool refuse, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    bool all = true;
    cm_migration_state *states;
    size_t count;
    cm_rc rc = check_heads(self, err);
    if (rc == CM_OK) {
        rc = cm_migrator_history(self, arena, &states, &count, err);
    }
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        rc = check_state(self, &states[i], err);
    }
    for (size_t i = 0; rc == CM_OK && i < self->migrations.count; i++) {
        const cm_migration *migration = &self->migrations.items[i];
        if (states[i].applied_at[0] == '\0') {
            rc = refuse ? cm_fail(err, CM_CONFLICT,
                                  "database '%s' lacks migration %s (%s); run 'codementor migrate'",
                                  self->place, migration->revision, migration->message)
                        : apply(self, migration, err);
        }
        if (to != NULL && strcmp(to, migration->revision) == 0) {
            all = i + 1 == self->migrations.count;
            break;
        }
    }
    return rc == CM_OK && all && !refuse ? cm_compat_return(self, err) : rc;
}

/* --- Undoing ---------------------------------------------------------------------------------- */

static cm_rc undo(const cm_migrator *self, const cm_migration *migration, cm_err *err) {
    cm_rc rc = self->ops->begin(self->conn, err);
    if (rc != CM_OK) {
        return rc;
    }
    char sql[128];
    snprintf(sql, sizeof sql, "DELETE FROM schema_migrations WHERE revision = '%s'",
             migration->revision);
    rc = cm_compat_step_aside(self, err);
    if (rc == CM_OK) {
        rc = self->ops->script(self->conn, migration->down[self->ops->engine], err);
    }
    if (rc == CM_OK) {
        rc = self->ops->script(self->conn, sql, err);
    }
    if (rc == CM_OK) {
        rc = self->ops->check(self->conn, err);
    }
    if (rc != CM_OK) {
        self->ops->rollback(self->conn);
        return blame(migration, "down", rc, err);
    }
    return self->ops->commit(self->conn, err);
}

/* They are declared for the newest schema; what does not fit the older one comes back with it. */
static void return_views(const cm_migrator *self) {
    cm_err err = {0};
    if (cm_compat_return(self, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "the compatibility views stay away until the next migration", &err);
    }
}

cm_rc cm_migrator_down(const cm_migrator *self, char ret_revision[16], cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_migration_state *states;
    size_t count;
    cm_rc rc = cm_migrator_history(self, arena, &states, &count, err);
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        rc = check_state(self, &states[i], err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    for (size_t i = self->migrations.count; i-- > 0;) {
        const cm_migration *migration = &self->migrations.items[i];
        if (states[i].applied_at[0] == '\0') {
            continue;
        }
        if (migration->down[self->ops->engine] == NULL) {
            return cm_fail(err, CM_CONFLICT, "migration %s (%s) cannot be undone; use 'reset'",
                           migration->revision, migration->message);
        }
        rc = undo(self, migration, err);
        if (rc == CM_OK) {
            snprintf(ret_revision, 16, "%s", migration->revision);
            return_views(self);
        }
        return rc;
    }
    return cm_fail(err, CM_NOT_FOUND, "no migration is applied");
}
