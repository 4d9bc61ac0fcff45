/* drift.c - is the schema what its history says it is?
 *
 * A picture of a database is a list of its objects with their definitions, read from the engine's own
 * catalogue (src/store/schema/picture_*.sql). The expected picture is not written down anywhere: the
 * same migrations run on an empty scratch database (SQLite: a file; PostgreSQL: a schema in a transaction that is
 * rolled back), and both pictures are compared. So whatever a migration makes (views, aggregates, functions) is
 * covered without being listed a second time.
 *
 * Rejected: a fingerprint kept with each migration (it tells that something differs, never what); a second database
 * on PostgreSQL (needs CREATEDB, and stays behind when the process is killed). */
#include "store/schema/drift_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/schema/compat_priv.h"

#include <stdlib.h>
#include <unistd.h>

const char *cm_drift_state_name(enum cm_drift_state state) {
    switch (state) {
    case CM_DRIFT_MISSING: return "missing";
    case CM_DRIFT_EXTRA: return "unexpected";
    case CM_DRIFT_CHANGED: return "different";
    }
    return "?";
}

/* --- Pictures --------------------------------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_bracket(char c) {
    return c == '(' || c == ')' || c == ',';
}

/* ALTER TABLE and CREATE TABLE leave different blanks and quotes behind; texts in '..' are kept. */
static const char *one_spelling(const char *sql, cm_arena *arena) {
    char *out = cm_arena_alloc(arena, strlen(sql) + 1);
    size_t len = 0;
    bool in_text = false;
    for (const char *c = sql; *c != '\0'; c++) {
        in_text = in_text != (*c == '\'');
        if (in_text || (*c != '"' && !is_blank(*c))) {
            if (!in_text && is_bracket(*c) && len != 0 && out[len - 1] == ' ') {
                len--;
            }
            out[len++] = *c;
        } else if (*c != '"' && len != 0 && out[len - 1] != ' ' && !is_bracket(out[len - 1])) {
            out[len++] = ' ';
        }
    }
    out[len] = '\0';
    return out;
}

static cm_rc take_row(void *argument, const char *const *values, cm_err *err) {
    cm_picture *picture = argument;
    if (cm_compat_is_ours(values[0], values[1])) {
        return CM_OK;
    }
    cm_picture_row row = {.kind = cm_arena_c(picture->arena, cm_str_from(values[0])),
                          .name = cm_arena_c(picture->arena, cm_str_from(values[1])),
                          .definition =
                              one_spelling(values[2] != NULL ? values[2] : "", picture->arena)};
    return cm_vec_push(&picture->rows, row) ? CM_OK
                                            : cm_fail(err, CM_NOMEM, "no memory for the schema");
}

static int compare_names(const cm_picture_row *a, const cm_picture_row *b) {
    int kind = strcmp(a->kind, b->kind);
    return kind != 0 ? kind : strcmp(a->name, b->name);
}

static int compare_rows(const void *left, const void *right) {
    const cm_picture_row *a = left;
    const cm_picture_row *b = right;
    int names = compare_names(a, b);
    return names != 0 ? names : strcmp(a->definition, b->definition);
}

cm_rc cm_picture_take(const cm_migrator *migrator, cm_arena *arena, cm_picture *ret_picture,
                      cm_err *err) {
    cm_picture picture = {.arena = arena};
    cm_rc rc = migrator->ops->rows(migrator->conn, cm_schema_picture[migrator->ops->engine],
                                   take_row, &picture, err);
    if (rc != CM_OK) {
        cm_picture_done(&picture);
        return rc;
    }
    if (picture.rows.count != 0) {
        qsort(picture.rows.items, picture.rows.count, sizeof *picture.rows.items, compare_rows);
    }
    *ret_picture = picture;
    return CM_OK;
}

void cm_picture_done(cm_picture *picture) {
    cm_vec_done(&picture->rows);
}

/* "users" and "users.email" belong to the table "users". */
static bool belongs(const char *name, const char *table) {
    size_t len = table != NULL ? strlen(table) : 0;
    return len != 0 && strncmp(name, table, len) == 0 && (name[len] == '\0' || name[len] == '.');
}

typedef struct differences {
    cm_schema_drift *items;
    size_t count;
} differences;

/* A definition that is gone and one that came under the same name are one change. */
static void add(differences *all, const cm_picture_row *row, enum cm_drift_state state) {
    for (size_t i = all->count; i-- > 0;) {
        cm_schema_drift *last = &all->items[i];
        if (strcmp(last->kind, row->kind) != 0 || strcmp(last->name, row->name) != 0) {
            break;
        }
        if (last->state != state && last->state != CM_DRIFT_CHANGED) {
            last->state = CM_DRIFT_CHANGED;
            return;
        }
    }
    all->items[all->count++] =
        (cm_schema_drift){.kind = row->kind, .name = row->name, .state = state};
}

size_t cm_picture_compare(const cm_picture *expected, const cm_picture *found, const char *without,
                          cm_arena *arena, const cm_schema_drift **ret_drifts) {
    differences all = {.items =
                           cm_arena_alloc(arena, (expected->rows.count + found->rows.count + 1) *
                                                     sizeof *all.items)};
    size_t e = 0;
    size_t f = 0;
    while (e < expected->rows.count || f < found->rows.count) {
        int order = e == expected->rows.count ? 1
                    : f == found->rows.count
                        ? -1
                        : compare_rows(&expected->rows.items[e], &found->rows.items[f]);
        const cm_picture_row *row = order <= 0 ? &expected->rows.items[e] : &found->rows.items[f];
        if (order != 0 && !belongs(row->name, without)) {
            add(&all, row, order < 0 ? CM_DRIFT_MISSING : CM_DRIFT_EXTRA);
        }
        e += order <= 0;
        f += order >= 0;
    }
    *ret_drifts = all.items;
    return all.count;
}

/* --- Scratch databases ------------------------------------------------------------------------ */

static cm_rc make_folder(cm_scratch *scratch, char *ret_url, size_t size, cm_err *err) {
    const char *folder = getenv("TMPDIR");
    int len = snprintf(scratch->folder, sizeof scratch->folder, "%s/cm-schema-XXXXXX",
                       folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    if (len >= (int)sizeof scratch->folder || mkdtemp(scratch->folder) == NULL) {
        scratch->folder[0] = '\0';
        return cm_fail(err, CM_IO, "cannot make a scratch directory; set TMPDIR");
    }
    snprintf(ret_url, size, "sqlite:%s/scratch.db", scratch->folder);
    return CM_OK;
}

static cm_rc put_aside(cm_scratch *scratch, cm_err *err) {
    cm_migrator *migrator = &scratch->migrator;
    if (migrator->ops->aside == NULL) {
        return CM_OK;
    }
    cm_rc rc = migrator->ops->aside(migrator->conn, &migrator->ops, err);
    return rc == CM_OK ? CM_OK
                       : cm_err_prefix(err, rc,
                                       "cannot put a scratch schema in the place of 'public' (only "
                                       "its owner can, with CREATE on the database)");
}

/* Migrations never run on anything but what is empty. */
static cm_rc check_empty(const cm_scratch *scratch, cm_err *err) {
    int64_t tables = 0;
    cm_rc rc =
        cm_migrator_count(&scratch->migrator, scratch->migrator.ops->has_tables, &tables, err);
    return rc == CM_OK && tables != 0 ? cm_fail(err, CM_CONFLICT, "the scratch schema is not empty")
                                      : rc;
}

cm_rc cm_scratch_open(const cm_store_options *options, const cm_migrator *beside,
                      cm_scratch *ret_scratch, cm_err *err) {
    char url[96];
    cm_scratch scratch = {.beside = beside};
    cm_store_options own = *options;
    cm_rc rc = CM_OK;
    if (beside->ops->aside == NULL) {
        rc = make_folder(&scratch, url, sizeof url, err);
        own.url = url;
    }
    rc = rc == CM_OK ? cm_store_open_bare(&own, &scratch.store, err) : rc;
    if (rc == CM_OK) {
        rc = scratch.store->ops->migrator(scratch.store, &scratch.migrator, err);
    }
    rc = rc == CM_OK ? put_aside(&scratch, err) : rc;
    rc = rc == CM_OK ? check_empty(&scratch, err) : rc;
    if (rc != CM_OK) {
        cm_scratch_close(&scratch);
        return rc;
    }
    scratch.migrator.migrations = beside->migrations;
    *ret_scratch = scratch;
    return CM_OK;
}

void cm_scratch_close(cm_scratch *scratch) {
    cm_err none;
    if (scratch->store != NULL && scratch->migrator.conn != NULL) {
        if (scratch->beside->ops->aside != NULL) {
            scratch->beside->ops->rollback(scratch->migrator.conn);
        }
        scratch->store->ops->migrated(scratch->store, &scratch->migrator);
    }
    cm_store_close(scratch->store);
    if (scratch->folder[0] != '\0' && cm_dir_remove(scratch->folder, &none) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "a scratch database stays behind", &none);
    }
    scratch->store = NULL;
    scratch->migrator.conn = NULL;
    scratch->folder[0] = '\0';
}

/* --- Drift of a database that has a history ---------------------------------------------------- */

static cm_rc compare_at(const cm_store_options *options, const cm_migrator *migrator,
                        const char *revision, cm_arena *arena, cm_migrate_status *status,
                        cm_err *err) {
    cm_scratch scratch;
    cm_picture expected = {0};
    cm_picture found = {0};
    cm_rc rc = cm_scratch_open(options, migrator, &scratch, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_migrator_up(&scratch.migrator, revision, false, err);
    if (rc == CM_OK) {
        rc = cm_picture_take(&scratch.migrator, arena, &expected, err);
    }
    if (rc == CM_OK) {
        rc = cm_picture_take(migrator, arena, &found, err);
    }
    if (rc == CM_OK) {
        status->drift_count = cm_picture_compare(&expected, &found, NULL, arena, &status->drifts);
    }
    cm_picture_done(&expected);
    cm_picture_done(&found);
    cm_scratch_close(&scratch);
    return rc;
}

void cm_drift_find(const cm_store_options *options, const cm_migrator *migrator, cm_arena *arena,
                   cm_migrate_status *status) {
    const char *revision = NULL;
    bool gap = false;
    for (size_t i = 0; i < status->history_count; i++) {
        bool applied = status->history[i].applied_at[0] != '\0';
        gap = gap || (applied && i != 0 && status->history[i - 1].applied_at[0] == '\0');
        revision = applied ? status->history[i].revision : revision;
    }
    if (!status->initialised || revision == NULL) {
        status->drift_unchecked = "the database is not initialised";
    } else if (status->unknown + status->changed != 0) {
        status->drift_unchecked = "the history does not fit this version";
    } else if (gap) {
        status->drift_unchecked = "an earlier migration is pending";
    } else {
        cm_err err = {0};
        if (compare_at(options, migrator, revision, arena, status, &err) != CM_OK) {
            status->drift_unchecked = cm_arena_c(arena, cm_str_from(err.text));
        }
    }
}

/* --- Adopting --------------------------------------------------------------------------------- */

#define HISTORY "schema_migrations"

/* What the migrations up to `last` say about the table of history, run on a database that lacks it. */
static cm_rc make_history(const cm_migrator *migrator, size_t last, cm_err *err) {
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i <= last; i++) {
        const char *up = migrator->migrations.items[i].up[migrator->ops->engine];
        cm_str rest = cm_str_from(up);
        cm_str statement;
        while (rc == CM_OK && cm_sql_next(&rest, &statement)) {
            if (cm_str_find(statement, CM_STR(HISTORY)) != SIZE_MAX) {
                cm_cleanup(cm_freep) char *sql = cm_strndup(statement.ptr, statement.len);
                rc = migrator->ops->script(migrator->conn, sql, err);
            }
        }
    }
    for (size_t i = 0; rc == CM_OK && i <= last; i++) {
        rc = cm_migrator_record(migrator, &migrator->migrations.items[i], cm_clock_ms(), err);
    }
    return rc;
}

static cm_rc adopt_inside(const cm_migrator *migrator, size_t last, const cm_picture *expected,
                          cm_arena *arena, cm_err *err) {
    cm_picture found = {0};
    const cm_schema_drift *drifts = NULL;
    cm_rc rc = make_history(migrator, last, err);
    if (rc == CM_OK) {
        rc = cm_picture_take(migrator, arena, &found, err);
    }
    if (rc == CM_OK && cm_picture_compare(expected, &found, NULL, arena, &drifts) != 0) {
        rc = cm_fail(err, CM_CONFLICT, "after adopting, %s '%s' differs", drifts[0].kind,
                     drifts[0].name);
    }
    cm_picture_done(&found);
    return rc;
}

typedef struct nearest {
    size_t fits; /* index of the newest revision that is equal; SIZE_MAX = none */
    cm_picture expected;
    size_t least; /* differences of the nearest one, and its first */
    const char *revision;
    cm_schema_drift first;
} nearest;

/* Walks the chain on a scratch database and compares at each revision. */
static cm_rc find_nearest(const cm_scratch *scratch, const cm_picture *live, cm_arena *arena,
                          nearest *n, cm_err *err) {
    const cm_migrations *all = &scratch->migrator.migrations;
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < all->count; i++) {
        cm_picture picture = {0};
        const cm_schema_drift *drifts;
        rc = cm_migrator_up(&scratch->migrator, all->items[i].revision, false, err);
        if (rc == CM_OK) {
            rc = cm_picture_take(&scratch->migrator, arena, &picture, err);
        }
        if (rc != CM_OK) {
            return rc;
        }
        size_t count = cm_picture_compare(&picture, live, HISTORY, arena, &drifts);
        if (count == 0) {
            cm_picture_done(&n->expected);
            n->expected = picture;
            n->fits = i;
            continue;
        }
        if (count < n->least) {
            n->least = count;
            n->revision = all->items[i].revision;
            n->first = drifts[0];
        }
        cm_picture_done(&picture);
    }
    return rc;
}

static cm_rc adopt_at(const cm_migrator *migrator, const nearest *n, cm_arena *arena, cm_err *err) {
    if (n->fits == SIZE_MAX) {
        return cm_fail(
            err, CM_CONFLICT,
            "'%s' holds tables that fit no revision; nearest is %s with %zu differences, "
            "first: %s '%s' is %s",
            migrator->place, n->revision, n->least, n->first.kind, n->first.name,
            cm_drift_state_name(n->first.state));
    }
    cm_rc rc = migrator->ops->begin(migrator->conn, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = adopt_inside(migrator, n->fits, &n->expected, arena, err);
    if (rc == CM_OK) {
        return migrator->ops->commit(migrator->conn, err);
    }
    migrator->ops->rollback(migrator->conn);
    return rc;
}

cm_rc cm_drift_adopt(const cm_store_options *options, const cm_migrator *migrator,
                     char ret_revision[16], cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_scratch scratch;
    cm_picture live = {0};
    nearest n = {.fits = SIZE_MAX, .least = SIZE_MAX, .revision = ""};
    cm_rc rc = cm_scratch_open(options, migrator, &scratch, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_picture_take(migrator, arena, &live, err);
    if (rc == CM_OK) {
        rc = find_nearest(&scratch, &live, arena, &n, err);
    }
    cm_scratch_close(&scratch); /* its locks would be in the way of what follows */
    if (rc == CM_OK) {
        rc = adopt_at(migrator, &n, arena, err);
    }
    if (rc == CM_OK) {
        snprintf(ret_revision, 16, "%s", migrator->migrations.items[n.fits].revision);
    }
    cm_picture_done(&live);
    cm_picture_done(&n.expected);
    return rc;
}
