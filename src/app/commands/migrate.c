/* migrate.c - `codementor migrate ACTION`: the manager of the schema's history.
 *
 * Exit status of `status`: 0 up to date, 3 something pends, 4 the history does not fit this version or the
 * schema is not what its history gives. */
#include "base/base.h"

#include "app/client.h"
#include "app/drafter.h"
#include "app/store_command.h"
#include "base/json.h"

#define EXIT_PENDING 3
#define EXIT_DRIFT   4
#define DRIFTS_SHOWN 10
#define FOLDER       "src/store/migrations"

typedef struct call {
    const cm_cli *cli;
    const cm_args_migrate *args;
    cm_store_command command;
    int status; /* of the process */
} call;

/* --- Showing ---------------------------------------------------------------------------------- */

static const char *state_of(const cm_migration_info *info) {
    if (!info->known) {
        return "unknown to this version";
    }
    if (info->changed) {
        return "changed after it was applied";
    }
    return info->applied_at[0] != '\0' ? "applied" : "pending";
}

static const char *newest_applied(const cm_migrate_status *status) {
    const char *revision = "none";
    for (size_t i = 0; i < status->history_count; i++) {
        if (status->history[i].applied_at[0] != '\0') {
            revision = status->history[i].revision;
        }
    }
    return revision;
}

static void add_text(cm_json_writer *w, const char *key, const char *value) {
    cm_json_key(w, key);
    cm_json_c(w, value);
}

static void add_history(cm_json_writer *w, const cm_migrate_status *status) {
    cm_json_key(w, "history");
    cm_json_array(w);
    for (size_t i = 0; i < status->history_count; i++) {
        const cm_migration_info *info = &status->history[i];
        cm_json_object(w);
        add_text(w, "revision", info->revision);
        add_text(w, "message", info->message);
        add_text(w, "date", info->date);
        add_text(w, "state", state_of(info));
        cm_json_object_end(w);
    }
    cm_json_array_end(w);
}

static void add_engine(cm_json_writer *w, const cm_migrate_status *status) {
    add_text(w, "database", status->place);
    add_text(w, "engine", status->engine == CM_SQLITE ? "sqlite" : "postgresql");
    add_text(w, "engine_version", status->version);
    cm_json_key(w, "extensions");
    cm_json_object(w);
    for (size_t i = 0; i < status->extension_count; i++) {
        add_text(w, status->extensions[i].name, status->extensions[i].version);
    }
    cm_json_object_end(w);
}

static void add_drift(cm_json_writer *w, const cm_migrate_status *status) {
    cm_json_key(w, "drift");
    cm_json_object(w);
    cm_json_key(w, "checked");
    cm_json_bool(w, status->drift_unchecked == NULL);
    if (status->drift_unchecked != NULL) {
        add_text(w, "reason", status->drift_unchecked);
    }
    cm_json_key(w, "count");
    cm_json_u64(w, status->drift_count);
    cm_json_key(w, "first");
    cm_json_array(w);
    for (size_t i = 0; i < status->drift_count && i < DRIFTS_SHOWN; i++) {
        cm_json_object(w);
        add_text(w, "kind", status->drifts[i].kind);
        add_text(w, "name", status->drifts[i].name);
        add_text(w, "state", cm_drift_state_name(status->drifts[i].state));
        cm_json_object_end(w);
    }
    cm_json_array_end(w);
    cm_json_object_end(w);
}

static void print_json(const call *c, const cm_migrate_status *status) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_json_object(&w);
    add_engine(&w, status);
    add_text(&w, "current", newest_applied(status));
    cm_json_key(&w, "heads");
    cm_json_array(&w);
    for (size_t i = 0; i < status->head_count; i++) {
        cm_json_c(&w, status->heads[i]);
    }
    cm_json_array_end(&w);
    cm_json_key(&w, "pending");
    cm_json_u64(&w, status->pending);
    cm_json_key(&w, "changed");
    cm_json_u64(&w, status->changed);
    cm_json_key(&w, "unknown");
    cm_json_u64(&w, status->unknown);
    cm_json_key(&w, "views");
    cm_json_bool(&w, status->views_on);
    if (c->args->action == CM_MIGRATE_ACTION_STATUS) {
        add_drift(&w, status);
    }
    add_history(&w, status);
    cm_json_object_end(&w);
    puts(cm_buf_c(&out));
}

static void print_history(const cm_migrate_status *status) {
    for (size_t i = 0; i < status->history_count; i++) {
        const cm_migration_info *info = &status->history[i];
        printf("%s  %-10s  %s (%s)\n", info->revision, info->date, info->message, state_of(info));
    }
}

static void print_status(const cm_migrate_status *status) {
    printf("%s %s, database '%s'\n", status->engine == CM_SQLITE ? "SQLite" : "PostgreSQL",
           status->version, status->place);
    for (size_t i = 0; i < status->extension_count; i++) {
        printf("  extension %s %s\n", status->extensions[i].name, status->extensions[i].version);
    }
    printf("revision %s, %zu pending, %zu head%s", newest_applied(status), status->pending,
           status->head_count, status->head_count == 1 ? "" : "s");
    for (size_t i = 0; i < status->head_count; i++) {
        printf("%s %s", i == 0 ? ":" : ",", status->heads[i]);
    }
    printf("\ncompatibility views %s\n", status->views_on ? "on" : "off");
    print_history(status);
    if (status->drift_unchecked != NULL) {
        printf("schema not compared: %s\n", status->drift_unchecked);
        return;
    }
    printf("schema %s\n", status->drift_count == 0 ? "as its history gives it"
                                                   : "differs from what its history gives:");
    for (size_t i = 0; i < status->drift_count && i < DRIFTS_SHOWN; i++) {
        printf("  %s '%s' is %s\n", status->drifts[i].kind, status->drifts[i].name,
               cm_drift_state_name(status->drifts[i].state));
    }
    if (status->drift_count > DRIFTS_SHOWN) {
        printf("  and %zu more\n", status->drift_count - DRIFTS_SHOWN);
    }
}

static cm_rc show(call *c, cm_err *err) {
    cm_migrate_status status;
    bool whole = c->args->action == CM_MIGRATE_ACTION_STATUS;
    cm_rc rc =
        cm_store_migrate_status(&c->command.store, whole ? CM_STATUS_SCHEMA : CM_STATUS_HISTORY,
                                c->cli->arena, &status, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (whole) {
        bool misfit = status.unknown + status.changed + status.drift_count != 0;
        c->status = misfit ? EXIT_DRIFT : status.pending != 0 ? EXIT_PENDING : 0;
    }
    if (c->cli->json) {
        print_json(c, &status);
    } else if (c->args->action == CM_MIGRATE_ACTION_CURRENT) {
        puts(newest_applied(&status));
    } else if (whole) {
        print_status(&status);
    } else {
        print_history(&status);
    }
    return CM_OK;
}

/* --- Changing --------------------------------------------------------------------------------- */

static bool test_mode(void) {
    const char *mode = getenv("TEST_MODE");
    return mode != NULL && strcmp(mode, "true") == 0;
}

static cm_rc apply_pending(const call *c, const cm_migrate_status *before, cm_err *err) {
    for (size_t i = 0; i < before->history_count; i++) {
        if (before->history[i].applied_at[0] == '\0') {
            printf("%s %s (%s)\n", c->args->dry_run ? "would apply" : "applying",
                   before->history[i].revision, before->history[i].message);
        }
    }
    return c->args->dry_run ? CM_OK : cm_store_migrate_up(&c->command.store, c->args->to, err);
}

static cm_rc go_up(call *c, cm_err *err) {
    cm_migrate_status before;
    cm_rc rc =
        cm_store_migrate_status(&c->command.store, CM_STATUS_HISTORY, c->cli->arena, &before, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!before.initialised && before.tables != 0) {
        return cm_fail(
            err, CM_CONFLICT,
            "'%s' holds tables of something else; give an empty database, or let 'migrate "
            "init --adopt' compare them with ours",
            before.place);
    }
    return apply_pending(c, &before, err);
}

static cm_rc adopt(const call *c, cm_err *err) {
    char revision[16];
    cm_rc rc = cm_store_migrate_adopt(&c->command.store, revision, err);
    if (rc == CM_OK) {
        printf("adopted at revision %s\n", revision);
    }
    return rc;
}

static cm_rc init(call *c, cm_err *err) {
    cm_migrate_status before;
    cm_rc rc =
        cm_store_migrate_status(&c->command.store, CM_STATUS_HISTORY, c->cli->arena, &before, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (before.initialised) {
        printf("already initialised, revision %s\n", newest_applied(&before));
        return CM_OK;
    }
    if (before.tables != 0 && c->args->adopt) {
        return adopt(c, err);
    }
    rc = go_up(c, err);
    if (rc == CM_OK && test_mode() && !c->args->dry_run) {
        rc = cm_store_migrate_fixtures(&c->command.store, err);
    }
    return rc;
}

static cm_rc views(call *c, cm_err *err) {
    const char *choice = c->args->message != NULL ? c->args->message : "";
    bool on = strcmp(choice, "on") == 0;
    if (!on && strcmp(choice, "off") != 0) {
        return cm_fail(err, CM_INVALID, "say 'migrate views on' or 'migrate views off'");
    }
    cm_migrate_status status;
    cm_rc rc =
        cm_store_migrate_status(&c->command.store, CM_STATUS_HISTORY, c->cli->arena, &status, err);
    if (rc == CM_OK && (!status.initialised || status.pending + status.unknown != 0)) {
        rc =
            cm_fail(err, CM_CONFLICT,
                    "the views need this version's schema; run 'codementor migrate migrate' first");
    }
    if (rc == CM_OK) {
        rc = cm_store_migrate_views(&c->command.store, on, err);
    }
    if (rc == CM_OK) {
        printf("compatibility views are %s\n", choice);
    }
    return rc;
}

static cm_rc reset(call *c, cm_err *err) {
    const char *environment = getenv("CODEMENTOR_ENV");
    if (environment != NULL && strcmp(environment, "production") == 0 && !c->args->force) {
        return cm_fail(err, CM_DENIED, "reset is refused in production without --force");
    }
    cm_rc rc = cm_store_command_agree(&c->command, c->args->yes, "drop all data", err);
    if (rc == CM_OK) {
        rc = cm_store_migrate_reset(&c->command.store, err);
    }
    if (rc == CM_OK && test_mode()) {
        rc = cm_store_migrate_fixtures(&c->command.store, err);
    }
    if (rc == CM_OK) {
        puts("the database is empty and up to date");
    }
    return rc;
}

static cm_rc go_down(call *c, cm_err *err) {
    char revision[16];
    cm_rc rc = cm_store_command_agree(&c->command, c->args->yes, "undo the newest migration", err);
    if (rc == CM_OK) {
        rc = cm_store_migrate_down(&c->command.store, revision, err);
    }
    if (rc == CM_OK) {
        printf("undone: %s\n", revision);
    }
    return rc;
}

static cm_rc draft(call *c, cm_err *err) {
    const char *folder = c->args->folder != NULL ? c->args->folder : FOLDER;
    const char *path;
    cm_drafter_result drafted = {0};
    cm_rc rc = CM_OK;
    if (c->args->action == CM_MIGRATE_ACTION_CREATE) {
        rc = cm_drafter_run(folder, c->cli->arena, &drafted, err);
    }
    if (rc == CM_OK) {
        rc = cm_store_migrate_create(folder, c->args->message != NULL ? c->args->message : "",
                                     drafted.sections, c->cli->arena, &path, err);
    }
    if (rc == CM_OK) {
        printf("%s\n", path);
    }
    if (rc == CM_OK && drafted.note != NULL) {
        fprintf(stderr, "%s\n", drafted.note);
    }
    return rc;
}

/* --- The command ------------------------------------------------------------------------------ */

typedef cm_rc action_fn(call *c, cm_err *err);

static const struct {
    action_fn *run;
    bool changes; /* needs the data directory for itself */
    bool offline; /* touches no database */
} actions[] = {
    [CM_MIGRATE_ACTION_INIT] = {init, true, false},
    [CM_MIGRATE_ACTION_STATUS] = {show, false, false},
    [CM_MIGRATE_ACTION_CREATE] = {draft, false, true},
    [CM_MIGRATE_ACTION_MIGRATE] = {go_up, true, false},
    [CM_MIGRATE_ACTION_CURRENT] = {show, false, false},
    [CM_MIGRATE_ACTION_HISTORY] = {show, false, false},
    [CM_MIGRATE_ACTION_RESET] = {reset, true, false},
    [CM_MIGRATE_ACTION_DOWN] = {go_down, true, false},
    [CM_MIGRATE_ACTION_MERGE] = {draft, false, true},
    [CM_MIGRATE_ACTION_VIEWS] = {views, true, false},
};

int cm_cmd_migrate(const cm_cli *cli) {
    call c = {.cli = cli, .args = cli->args};
    cm_err err = {0};
    cm_rc rc = CM_OK;
    if (!actions[c.args->action].offline) {
        rc = cm_store_command_open(cli, actions[c.args->action].changes, &c.command, &err);
    }
    if (rc == CM_OK) {
        rc = actions[c.args->action].run(&c, &err);
        cm_store_command_close(&c.command);
    }
    return rc == CM_OK ? c.status : cm_command_fail(cli, rc, &err);
}
