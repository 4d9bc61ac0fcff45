/* admin.c - migrations for operators: status, up, down, reset, views, adopting. */
#include "store/admin.h"

#include "store/schema/compat_priv.h"
#include "store/schema/drift_priv.h"

#include <stdlib.h>

/* --- Which database --------------------------------------------------------------------------- */

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Reserved characters of a URL part, percent-encoded. */
static cm_str encoded(const char *text, cm_arena *arena) {
    char *out = cm_arena_alloc(arena, strlen(text) * 3 + 1);
    size_t len = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (cm_is_alpha(*c) || cm_is_digit(*c) || strchr("-_.~", *c) != NULL) {
            out[len++] = *c;
        } else {
            len += (size_t)snprintf(out + len, 4, "%%%02X", (unsigned char)*c);
        }
    }
    return cm_str_make(out, len);
}

static const char *url_of_parts(cm_arena *arena) {
    const char *host = variable("DB_HOST");
    const char *name = variable("DB_NAME");
    if (host == NULL && name == NULL) {
        return NULL;
    }
    const char *user = variable("DB_USER");
    const char *password = variable("DB_PASSWORD");
    const char *port = variable("DB_PORT");
    cm_str login = CM_STR_EMPTY;
    if (user != NULL) {
        login =
            cm_arena_fmt(arena, "%s%s%s@", encoded(user, arena).ptr, password != NULL ? ":" : "",
                         password != NULL ? encoded(password, arena).ptr : "");
    }
    return cm_arena_fmt(arena, "postgresql://" CM_STR_FMT "%s:%s/%s", CM_STR_ARG(login),
                        host != NULL ? host : "localhost", port != NULL ? port : "5432",
                        name != NULL ? name : "codementor")
        .ptr;
}

const char *cm_store_url(const char *configured, const char *data_dir, cm_arena *arena) {
    if (configured != NULL && configured[0] != '\0') {
        return configured;
    }
    const char *test_mode = variable("TEST_MODE");
    if (test_mode != NULL && strcmp(test_mode, "true") == 0) {
        const char *url = variable("TEST_DATABASE_URL");
        return url != NULL ? url
                           : cm_arena_fmt(arena, "sqlite:%s/codementor-test.db", data_dir).ptr;
    }
    const char *url = variable("DATABASE_URL");
    if (url == NULL) {
        url = url_of_parts(arena);
    }
    return url != NULL ? url : cm_arena_fmt(arena, "sqlite:%s/codementor.db", data_dir).ptr;
}

/* --- With a migrator -------------------------------------------------------------------------- */

typedef cm_rc with_fn(const cm_migrator *migrator, void *argument, cm_err *err);

static cm_rc with_migrator(const cm_store_options *options, with_fn *run, void *argument,
                           cm_err *err) {
    cm_store *store;
    cm_rc rc = cm_store_open_bare(options, &store, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_migrator migrator;
    rc = store->ops->migrator(store, &migrator, err);
    if (rc == CM_OK) {
        rc = run(&migrator, argument, err);
        store->ops->migrated(store, &migrator);
    }
    cm_store_close(store);
    return rc;
}

/* --- Status ----------------------------------------------------------------------------------- */

typedef struct status_call {
    const cm_store_options *options;
    enum cm_status_depth depth;
    cm_arena *arena;
    cm_migrate_status status;
} status_call;

static cm_rc take_version(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    status_call *call = argument;
    call->status.version = cm_arena_c(call->arena, cm_str_from(values[0]));
    return CM_OK;
}

#define EXTENSIONS_MAX 64

static cm_rc take_extension(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    status_call *call = argument;
    cm_migrate_status *status = &call->status;
    if (status->extension_count < EXTENSIONS_MAX) {
        cm_extension *all = (cm_extension *)(uintptr_t)status->extensions;
        all[status->extension_count++] =
            (cm_extension){.name = cm_arena_c(call->arena, cm_str_from(values[0])),
                           .version = cm_arena_c(call->arena, cm_str_from(values[1]))};
    }
    return CM_OK;
}

static cm_rc get_engine(const cm_migrator *migrator, status_call *call, cm_err *err) {
    cm_migrate_status *status = &call->status;
    status->engine = migrator->ops->engine;
    status->place = cm_arena_c(call->arena, cm_str_from(migrator->place));
    status->version = "";
    status->extensions = cm_arena_alloc(call->arena, EXTENSIONS_MAX * sizeof(cm_extension));
    cm_rc rc = migrator->ops->rows(migrator->conn, migrator->ops->version, take_version, call, err);
    return rc == CM_OK ? migrator->ops->rows(migrator->conn, migrator->ops->extensions,
                                             take_extension, call, err)
                       : rc;
}

static void find_heads(const cm_migrations *all, cm_arena *arena, cm_migrate_status *status) {
    status->heads = cm_arena_alloc(arena, (all->count + 1) * sizeof *status->heads);
    for (size_t i = 0; i < all->count; i++) {
        if (!cm_migrations_is_parent(all, all->items[i].revision)) {
            status->heads[status->head_count++] = all->items[i].revision;
        }
    }
}

static void count_states(const cm_migration_state *states, size_t count, cm_arena *arena,
                         cm_migrate_status *status) {
    cm_migration_info *infos = cm_arena_alloc(arena, count * sizeof *infos + 1);
    for (size_t i = 0; i < count; i++) {
        const cm_migration *m = states[i].migration;
        infos[i] = (cm_migration_info){.revision = states[i].revision,
                                       .message = m != NULL ? m->message : "",
                                       .date = m != NULL ? m->date : "",
                                       .applied_at = states[i].applied_at,
                                       .known = m != NULL,
                                       .changed = states[i].changed};
        bool applied = states[i].applied_at[0] != '\0';
        status->applied += applied;
        status->pending += !applied;
        status->unknown += m == NULL;
        status->changed += states[i].changed;
    }
    status->history = infos;
    status->history_count = count;
}

static cm_rc get_status(const cm_migrator *migrator, void *argument, cm_err *err) {
    status_call *call = argument;
    cm_migrate_status *status = &call->status;
    int64_t has = 0;
    int64_t tables = 0;
    cm_migration_state *states = NULL;
    size_t count = 0;
    cm_rc rc = get_engine(migrator, call, err);
    if (rc == CM_OK) {
        rc = cm_compat_is_on(migrator, &status->views_on, err);
    }
    if (rc == CM_OK) {
        rc = cm_migrator_count(migrator, migrator->ops->has_history, &has, err);
    }
    if (rc == CM_OK) {
        rc = cm_migrator_count(migrator, migrator->ops->has_tables, &tables, err);
    }
    if (rc == CM_OK) {
        rc = cm_migrator_history(migrator, call->arena, &states, &count, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    status->initialised = has != 0;
    status->tables = (size_t)tables;
    count_states(states, count, call->arena, status);
    find_heads(&migrator->migrations, call->arena, status);
    if (call->depth == CM_STATUS_SCHEMA) {
        cm_drift_find(call->options, migrator, call->arena, status);
    }
    return CM_OK;
}

cm_rc cm_store_migrate_status(const cm_store_options *options, enum cm_status_depth depth,
                              cm_arena *arena, cm_migrate_status *ret_status, cm_err *err) {
    status_call call = {.options = options, .depth = depth, .arena = arena};
    cm_rc rc = with_migrator(options, get_status, &call, err);
    if (rc == CM_OK) {
        *ret_status = call.status;
    }
    return rc;
}

/* --- Changes ---------------------------------------------------------------------------------- */

static cm_rc go_up(const cm_migrator *migrator, void *argument, cm_err *err) {
    return cm_migrator_up(migrator, argument, false, err);
}

cm_rc cm_store_migrate_up(const cm_store_options *options, const char *to, cm_err *err) {
    return with_migrator(options, go_up, (void *)(uintptr_t)to, err);
}

static cm_rc go_down(const cm_migrator *migrator, void *argument, cm_err *err) {
    return cm_migrator_down(migrator, argument, err);
}

cm_rc cm_store_migrate_down(const cm_store_options *options, char ret_revision[16], cm_err *err) {
    return with_migrator(options, go_down, ret_revision, err);
}

static cm_rc reset(const cm_migrator *migrator, void *argument, cm_err *err) {
    (void)argument;
    cm_rc rc = migrator->ops->drop_all(migrator->conn, err);
    return rc == CM_OK ? cm_migrator_up(migrator, NULL, false, err) : rc;
}

cm_rc cm_store_migrate_reset(const cm_store_options *options, cm_err *err) {
    return with_migrator(options, reset, NULL, err);
}

typedef struct adopt_call {
    const cm_store_options *options;
    char *revision;
} adopt_call;

static cm_rc adopt(const cm_migrator *migrator, void *argument, cm_err *err) {
    const adopt_call *call = argument;
    return cm_drift_adopt(call->options, migrator, call->revision, err);
}

cm_rc cm_store_migrate_adopt(const cm_store_options *options, char ret_revision[16], cm_err *err) {
    adopt_call call = {options, ret_revision};
    return with_migrator(options, adopt, &call, err);
}

static cm_rc add_fixtures(const cm_migrator *migrator, void *argument, cm_err *err) {
    (void)argument;
    const cm_migrate_ops *ops = migrator->ops;
    cm_rc rc = ops->begin(migrator->conn, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = ops->script(migrator->conn, ops->all_rows, err);
    if (rc == CM_OK) {
        rc = ops->script(migrator->conn, cm_schema_fixtures, err);
    }
    if (rc == CM_OK) {
        rc = ops->check(migrator->conn, err);
    }
    if (rc == CM_OK) {
        return ops->commit(migrator->conn, err);
    }
    ops->rollback(migrator->conn);
    return cm_err_prefix(err, rc, "fixtures");
}

cm_rc cm_store_migrate_fixtures(const cm_store_options *options, cm_err *err) {
    return with_migrator(options, add_fixtures, NULL, err);
}

static cm_rc switch_views(const cm_migrator *migrator, void *argument, cm_err *err) {
    return cm_compat_switch(migrator, *(const bool *)argument, err);
}

cm_rc cm_store_migrate_views(const cm_store_options *options, bool on, cm_err *err) {
    return with_migrator(options, switch_views, &on, err);
}
