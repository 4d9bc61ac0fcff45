/* cmd_migrate.c - `codementor migrate ACTION`: the manager of the schema's history.
 *
 * Exit status of `status`: 0 up to date, 3 something pends, 4 the history does not fit this version. */
#include "base/base.h"

#include <unistd.h>

#include "app/client.h"
#include "app/store_command.h"
#include "base/json.h"

#define EXIT_PENDING 3
#define EXIT_DRIFT   4
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

static void print_json(const cm_migrate_status *status) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_json_object(&w);
    cm_json_key(&w, "database");
    cm_json_c(&w, status->place);
    cm_json_key(&w, "engine");
    cm_json_c(&w, status->engine == CM_SQLITE ? "sqlite" : "postgresql");
    cm_json_key(&w, "pending");
    cm_json_u64(&w, status->pending);
    cm_json_key(&w, "history");
    cm_json_array(&w);
    for (size_t i = 0; i < status->history_count; i++) {
        const cm_migration_info *info = &status->history[i];
        cm_json_object(&w);
        cm_json_key(&w, "revision");
        cm_json_c(&w, info->revision);
        cm_json_key(&w, "message");
        cm_json_c(&w, info->message);
        cm_json_key(&w, "date");
        cm_json_c(&w, info->date);
        cm_json_key(&w, "state");
        cm_json_c(&w, state_of(info));
        cm_json_object_end(&w);
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
    puts(cm_buf_c(&out));
}

static void print_history(const cm_migrate_status *status) {
    for (size_t i = 0; i < status->history_count; i++) {
        const cm_migration_info *info = &status->history[i];
        printf("%s  %-10s  %s (%s)\n", info->revision, info->date, info->message, state_of(info));
    }
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

static cm_rc show(call *c, cm_err *err) {
    cm_migrate_status status;
    cm_rc rc = cm_store_migrate_status(&c->command.store, c->cli->arena, &status, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (c->args->action == CM_MIGRATE_ACTION_STATUS) {
        c->status = status.unknown + status.changed != 0 ? EXIT_DRIFT
                    : status.pending != 0                ? EXIT_PENDING
                                                         : 0;
    }
    if (c->cli->json) {
        print_json(&status);
    } else if (c->args->action == CM_MIGRATE_ACTION_CURRENT) {
        puts(newest_applied(&status));
    } else {
        if (c->args->action == CM_MIGRATE_ACTION_STATUS) {
            printf("%s database '%s', revision %s, %zu pending\n",
                   status.engine == CM_SQLITE ? "SQLite" : "PostgreSQL", status.place,
                   newest_applied(&status), status.pending);
        }
        print_history(&status);
    }
    return CM_OK;
}

/* --- Changing --------------------------------------------------------------------------------- */

static cm_rc go_up(call *c, cm_err *err) {
    cm_migrate_status before;
    cm_rc rc = cm_store_migrate_status(&c->command.store, c->cli->arena, &before, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (c->args->action == CM_MIGRATE_ACTION_INIT && before.initialised) {
        printf("already initialised, revision %s\n", newest_applied(&before));
        return CM_OK;
    }
    if (!before.initialised && before.tables != 0) {
        return cm_fail(err, CM_CONFLICT,
                       "'%s' holds tables of something else; give an empty database", before.place);
    }
    for (size_t i = 0; i < before.history_count; i++) {
        if (before.history[i].applied_at[0] == '\0') {
            printf("%s %s (%s)\n", c->args->dry_run ? "would apply" : "applying",
                   before.history[i].revision, before.history[i].message);
        }
    }
    return c->args->dry_run ? CM_OK : cm_store_migrate_up(&c->command.store, c->args->to, err);
}

/* True when the user agrees; without a terminal only --yes does. */
static cm_rc agree(const call *c, const char *what, cm_err *err) {
    if (c->args->yes) {
        return CM_OK;
    }
    if (!isatty(STDIN_FILENO)) {
        return cm_fail(err, CM_CONFLICT, "%s needs --yes when nobody can be asked", what);
    }
    char answer[16] = "";
    printf("%s on '%s'? Type yes to go on: ", what, c->command.store.url);
    fflush(stdout);
    bool given = fgets(answer, sizeof answer, stdin) != NULL;
    return given && strcmp(answer, "yes\n") == 0
               ? CM_OK
               : cm_fail(err, CM_CANCELLED, "nothing was changed");
}

static cm_rc reset(call *c, cm_err *err) {
    const char *environment = getenv("CODEMENTOR_ENV");
    if (environment != NULL && strcmp(environment, "production") == 0 && !c->args->force) {
        return cm_fail(err, CM_DENIED, "reset is refused in production without --force");
    }
    cm_rc rc = agree(c, "drop all data", err);
    if (rc == CM_OK) {
        rc = cm_store_migrate_reset(&c->command.store, err);
    }
    if (rc == CM_OK) {
        puts("the database is empty and up to date");
    }
    return rc;
}

static cm_rc go_down(call *c, cm_err *err) {
    char revision[16];
    cm_rc rc = agree(c, "undo the newest migration", err);
    if (rc == CM_OK) {
        rc = cm_store_migrate_down(&c->command.store, revision, err);
    }
    if (rc == CM_OK) {
        printf("undone: %s\n", revision);
    }
    return rc;
}

static cm_rc draft(call *c, cm_err *err) {
    const char *path;
    cm_rc rc = cm_store_migrate_create(c->args->folder != NULL ? c->args->folder : FOLDER,
                                       c->args->message != NULL ? c->args->message : "",
                                       c->cli->arena, &path, err);
    if (rc == CM_OK) {
        printf("%s\n", path);
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
    [CM_MIGRATE_ACTION_INIT] = {go_up, true, false},
    [CM_MIGRATE_ACTION_STATUS] = {show, false, false},
    [CM_MIGRATE_ACTION_CREATE] = {draft, false, true},
    [CM_MIGRATE_ACTION_MIGRATE] = {go_up, true, false},
    [CM_MIGRATE_ACTION_CURRENT] = {show, false, false},
    [CM_MIGRATE_ACTION_HISTORY] = {show, false, false},
    [CM_MIGRATE_ACTION_RESET] = {reset, true, false},
    [CM_MIGRATE_ACTION_DOWN] = {go_down, true, false},
    [CM_MIGRATE_ACTION_MERGE] = {draft, false, true},
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
