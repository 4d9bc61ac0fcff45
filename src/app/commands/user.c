/* user.c - `codementor user ACTION`: people, and what one of them may ask for.
 *
 * An export or erasure is written down as a request first and then run as its job, here and now, by the code that
 * runs those of the API: if this process dies, a server finishes it. */
#include "base/base.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "app/client.h"
#include "app/store_command.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/blobs.h"
#include "store/maintenance/maintenance.h"

#include "store/q/data_requests.h"
#include "store/q/users.h"

#define PAGE 200

typedef struct call {
    const cm_cli *cli;
    const cm_args_user *args;
    cm_store_command command;
    cm_store *store;
    cm_db db;
} call;

/* --- Listing ---------------------------------------------------------------------------------- */

static void print_user(const call *c, const cm_row_users *user) {
    char id[CM_UUID_TEXT];
    char made[CM_TIME_TEXT_MAX];
    cm_uuid_format(&user->id, id);
    cm_str day = cm_str_sub(cm_time_format(user->created_at, made), 0, 10);
    if (!c->cli->json) {
        printf("%s %-32.*s %-6.*s %-9s %.*s\n", id, CM_STR_ARG(user->email), CM_STR_ARG(user->role),
               user->is_active ? "" : "inactive", CM_STR_ARG(day));
        return;
    }
    cm_cleanup(cm_buf_done) cm_buf out; /* one object a line: people may be many */
    cm_buf_init(&out, CM_KIB(16));
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_json_object(&w);
    cm_json_key(&w, "id");
    cm_json_c(&w, id);
    cm_json_key(&w, "email");
    cm_json_str(&w, user->email);
    cm_json_key(&w, "name");
    cm_json_str(&w, user->name);
    cm_json_key(&w, "role");
    cm_json_str(&w, user->role);
    cm_json_key(&w, "active");
    cm_json_bool(&w, user->is_active);
    cm_json_key(&w, "created_at");
    cm_json_str(&w, cm_time_format(user->created_at, made));
    cm_json_object_end(&w);
    puts(cm_buf_c(&out));
}

static cm_rc list(const call *c, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_users_list_in page = {.limit = PAGE};
    const cm_row_users *rows;
    size_t count = 0;
    do {
        cm_arena_clear(arena);
        cm_rc rc = cm_q_users_list(&c->db, &page, arena, &rows, &count, err);
        if (rc != CM_OK) {
            return rc;
        }
        for (size_t i = 0; i < count; i++) {
            print_user(c, &rows[i]);
            page.after_id = rows[i].id;
        }
    } while (count == PAGE);
    return CM_OK;
}

/* --- Requests --------------------------------------------------------------------------------- */

static cm_rc find(const call *c, cm_row_users *ret_user, cm_err *err) {
    if (c->args->who == NULL) {
        return cm_fail(err, CM_INVALID,
                       "whose? give an e-mail address or an id; see 'codementor user list'");
    }
    cm_uuid id;
    cm_str who = cm_str_from(c->args->who);
    cm_rc rc = cm_uuid_parse(who, &id)
                   ? cm_q_users_get(&c->db, &(cm_q_users_get_in){id}, c->cli->arena, ret_user, err)
                   : cm_q_users_by_email(&c->db, &(cm_q_users_by_email_in){who}, c->cli->arena,
                                         ret_user, err);
    return rc == CM_NOT_FOUND
               ? cm_fail(err, CM_NOT_FOUND, "nobody has the address or id '%s'", c->args->who)
               : rc;
}

/* The job may be finished by another process with another working directory. */
static cm_rc absolute(const char *folder, char path[PATH_MAX], cm_err *err) {
    cm_rc rc = cm_dir_make(folder, err);
    return rc == CM_OK && realpath(folder, path) == NULL
               ? cm_fail_errno(err, errno, "cannot write to '%s'", folder)
               : rc;
}

static void print_place(const json_t *report, cm_uuid id) {
    const char *folder = json_string_value(json_object_get(report, "folder"));
    const json_t *blob = json_object_get(report, "blob");
    char request[CM_UUID_TEXT];
    cm_uuid_format(&id, request);
    if (folder != NULL) {
        printf("exported to '%s'\n", folder);
    } else if (blob != NULL) {
        printf("exported: %lld bytes, sha256 %s, kept until %s\n"
               "fetch it: codementor user fetch %s --to FILE.tar\n",
               (long long)json_integer_value(json_object_get(blob, "bytes")),
               json_string_value(json_object_get(blob, "sha256")),
               json_string_value(json_object_get(blob, "expires_at")), request);
    } else {
        printf("erased\n");
    }
}

static cm_rc show_report(const call *c, cm_uuid id, cm_err *err) {
    cm_row_data_requests row;
    cm_rc rc =
        cm_q_data_requests_get(&c->db, &(cm_q_data_requests_get_in){id}, c->cli->arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    json_t *report = NULL;
    rc = cm_json_parse(row.report, &report, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (c->cli->json) {
        printf(CM_STR_FMT "\n", CM_STR_ARG(row.report));
    } else {
        const char *table;
        json_t *rows;
        json_object_foreach(json_object_get(report, "tables"), table, rows) {
            if (json_integer_value(rows) != 0) {
                printf("%8lld  %s\n", (long long)json_integer_value(rows), table);
            }
        }
        if (cm_str_eq_c(row.kind, "restrict")) {
            printf("restricted: kept and not used until 'codementor user lift'\n");
        } else {
            print_place(report, id);
        }
    }
    json_decref(report);
    return CM_OK;
}

static cm_rc request(const call *c, const cm_data_request_new *new, cm_err *err) {
    cm_uuid id;
    cm_uuid job;
    cm_row_jobs row;
    cm_maintenance maintenance = {.data_dir = c->command.places.data_dir};
    cm_jobs_options options = cm_maintenance_options(c->store, &maintenance);
    cm_rc rc = cm_data_request_add(c->store, new, &id, &job, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_job_run(&options, job, c->cli->arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!cm_str_eq_c(row.status, "succeeded")) {
        return cm_fail(err, CM_INTERNAL, CM_STR_FMT "; a running server tries again",
                       CM_STR_ARG(row.last_error));
    }
    return show_report(c, id, err);
}

static cm_rc export(const call *c, cm_err *err) {
    cm_row_users user;
    char path[PATH_MAX];
    cm_rc rc = find(c, &user, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (c->args->to != NULL) {
        rc = absolute(c->args->to, path, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    cm_data_request_new new = {.person = user.id, .folder = c->args->to != NULL ? path : NULL};
    return request(c, &new, err);
}

/* What an export left in the blob store, as a file. */
static cm_rc fetch(const call *c, cm_err *err) {
    cm_uuid id;
    cm_row_data_requests row;
    if (c->args->who == NULL || !cm_uuid_parse(cm_str_from(c->args->who), &id)) {
        return cm_fail(err, CM_INVALID, "fetch what? give the id that 'user export' printed");
    }
    if (c->args->to == NULL) {
        return cm_fail(err, CM_INVALID, "fetch where to? give --to FILE.tar");
    }
    cm_rc rc =
        cm_q_data_requests_get(&c->db, &(cm_q_data_requests_get_in){id}, c->cli->arena, &row, err);
    if (rc == CM_NOT_FOUND || (rc == CM_OK && cm_uuid_is_nil(&row.result_blob_id))) {
        return cm_fail(err, CM_NOT_FOUND,
                       "request '%s' has no file: it is over a week old, not done or no export; "
                       "ask anew with 'codementor user export'",
                       c->args->who);
    }
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_blob_copy(&c->db, c->command.places.data_dir, &row.result_blob_id, c->args->to, err);
    if (rc == CM_OK && !c->cli->json) {
        printf("written to '%s'\n", c->args->to);
    }
    return rc;
}

static cm_rc erase(const call *c, cm_err *err) {
    cm_row_users user;
    cm_rc rc = find(c, &user, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_str what =
        cm_arena_fmt(c->cli->arena, "erase " CM_STR_FMT " for good", CM_STR_ARG(user.email));
    rc = cm_store_command_agree(&c->command, c->args->yes, what.ptr, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_data_request_new new = {.person = user.id, .kind = CM_DATA_REQUEST_ERASE};
    return request(c, &new, err);
}

static cm_rc restrict_use(const call *c, cm_err *err) {
    cm_row_users user;
    cm_rc rc = find(c, &user, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_data_request_new new = {.person = user.id, .kind = CM_DATA_REQUEST_RESTRICT};
    return request(c, &new, err);
}

static cm_rc lift(const call *c, cm_err *err) {
    cm_row_users user;
    cm_rc rc = find(c, &user, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_restriction_lift(c->store, c->command.places.data_dir, user.id, err);
    if (rc == CM_OK && !c->cli->json) {
        printf("lifted\n");
    }
    return rc;
}

/* --- The command ------------------------------------------------------------------------------ */

static const struct {
    cm_rc (*run)(const call *c, cm_err *err);
    bool alone; /* no server may hold what this takes away */
} actions[] = {
    [CM_USER_ACTION_LIST] = {list, false},
    [CM_USER_ACTION_EXPORT] = {export, false},
    [CM_USER_ACTION_FETCH] = {fetch, false},
    [CM_USER_ACTION_ERASE] = {erase, true},
    [CM_USER_ACTION_RESTRICT] = {restrict_use, false},
    [CM_USER_ACTION_LIFT] = {lift, false},
};

int cm_cmd_user(const cm_cli *cli) {
    call c = {.cli = cli, .args = cli->args};
    cm_err err = {0};
    cm_rc rc = cm_store_command_open(cli, actions[c.args->action].alone, &c.command, &err);
    if (rc == CM_OK) {
        c.command.store.no_migrate = true;
        rc = cm_store_open(&c.command.store, &c.store, &err);
        if (rc == CM_OK) {
            c.db = cm_store_system(c.store);
            rc = actions[c.args->action].run(&c, &err);
            cm_store_close(c.store);
        }
        cm_store_command_close(&c.command);
    }
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
