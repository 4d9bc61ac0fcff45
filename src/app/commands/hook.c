/* hook.c - `codementor hook install|uninstall|status|run`. */
#include "base/base.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/client.h"
#include "app/git.h"
#include "app/hook_run.h"
#include "app/hook_script.h"
#include "app/places.h"
#include "base/file.h"

#define SCRIPT_MAX CM_MIB(1)

enum hook_state { HOOK_ABSENT, HOOK_OURS, HOOK_OTHER };

static const char *const state_names[] = {"absent", "installed", "other"};

typedef struct hooks {
    char folder[PATH_MAX];
    char program[PATH_MAX]; /* this one */
    cm_places places;
} hooks;

static cm_rc find_folder(const char *directory, hooks *h, cm_err *err) {
    static const char *const asked[] = {"rev-parse", "--path-format=absolute", "--git-path",
                                        "hooks", NULL};
    cm_rc rc = cm_git_line(directory, asked, h->folder, sizeof(h->folder), err);
    return rc == CM_INVALID
               ? cm_fail(err, CM_INVALID, "'%s' is in no git repository; name one with --repo",
                         directory)
               : rc;
}

static void hook_path(const hooks *h, const char *name, const char *suffix, char path[PATH_MAX]) {
    if (snprintf(path, PATH_MAX, "%s/%s%s", h->folder, name, suffix) >= PATH_MAX) {
        path[0] = '\0'; /* no such file */
    }
}

static cm_rc state_of(const hooks *h, const char *name, enum hook_state *ret_state, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    char path[PATH_MAX];
    struct stat st;
    cm_buf_init(&text, SCRIPT_MAX);
    hook_path(h, name, "", path);
    if (lstat(path, &st) != 0) {
        *ret_state = HOOK_ABSENT;
        return errno == ENOENT || errno == ENOTDIR
                   ? CM_OK
                   : cm_fail_errno(err, errno, "cannot look at '%s'", path);
    }
    bool ours =
        cm_file_read(path, SCRIPT_MAX, &text, NULL) == CM_OK && cm_hook_is_ours(cm_buf_str(&text));
    *ret_state = ours ? HOOK_OURS : HOOK_OTHER;
    return CM_OK;
}

static bool has_kept(const hooks *h, const char *name) {
    char kept[PATH_MAX];
    hook_path(h, name, CM_HOOK_KEPT, kept);
    return access(kept, F_OK) == 0;
}

/* ---- install, uninstall ---- */

static cm_rc keep_other(const hooks *h, const char *name, cm_err *err) {
    char path[PATH_MAX], kept[PATH_MAX];
    hook_path(h, name, "", path);
    hook_path(h, name, CM_HOOK_KEPT, kept);
    if (has_kept(h, name)) {
        return cm_fail(err, CM_EXISTS,
                       "'%s' is not ours, and '%s' is there already; remove one of them", path,
                       kept);
    }
    return rename(path, kept) == 0 ? CM_OK : cm_fail_errno(err, errno, "cannot rename '%s'", path);
}

static cm_rc install_one(const hooks *h, const char *name, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf script;
    enum hook_state state;
    char path[PATH_MAX];
    cm_buf_init(&script, SCRIPT_MAX);
    hook_path(h, name, "", path);
    cm_hook_script(name, h->program, h->places.data_dir, &script);
    cm_rc rc = cm_buf_check(&script, err);
    rc = rc == CM_OK ? state_of(h, name, &state, err) : rc;
    rc = rc == CM_OK && state == HOOK_OTHER ? keep_other(h, name, err) : rc;
    return rc == CM_OK ? cm_file_replace(path, cm_buf_str(&script), 0755, err) : rc;
}

static cm_rc uninstall_one(const hooks *h, const char *name, cm_err *err) {
    enum hook_state state;
    char path[PATH_MAX], kept[PATH_MAX];
    hook_path(h, name, "", path);
    hook_path(h, name, CM_HOOK_KEPT, kept);
    cm_rc rc = state_of(h, name, &state, err);
    if (rc != CM_OK || state != HOOK_OURS) {
        return rc;
    }
    int failed = has_kept(h, name) ? rename(kept, path) : unlink(path);
    return failed == 0 ? CM_OK : cm_fail_errno(err, errno, "cannot remove '%s'", path);
}

typedef cm_rc hook_fn(const hooks *h, const char *name, cm_err *err);

static cm_rc for_each(const hooks *h, hook_fn *act, cm_err *err) {
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && cm_hook_names[i] != NULL; i++) {
        rc = act(h, cm_hook_names[i], err);
    }
    return rc;
}

/* ---- status ---- */

static cm_rc show(const cm_cli *cli, const hooks *h, cm_err *err) {
    cm_owner_info owner;
    bool running = cm_owner_find(&h->places, cli->arena, &owner, NULL) == CM_OK;
    json_t *rows = json_array();
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && cm_hook_names[i] != NULL; i++) {
        enum hook_state state = HOOK_ABSENT;
        rc = state_of(h, cm_hook_names[i], &state, err);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:b}", "name", cm_hook_names[i], "state",
                                              state_names[state], "chained",
                                              has_kept(h, cm_hook_names[i])));
    }
    json_t *all =
        json_pack("{s:s, s:o, s:b}", "folder", h->folder, "hooks", rows, "server_running", running);
    if (rc == CM_OK && cli->json) {
        char *text = json_dumps(all, JSON_INDENT(2));
        printf("%s\n", text);
        free(text);
    } else if (rc == CM_OK) {
        size_t i;
        json_t *row;
        printf("%s\n", h->folder);
        json_array_foreach(rows, i, row) {
            printf("  %-14s %s%s\n", json_string_value(json_object_get(row, "name")),
                   json_string_value(json_object_get(row, "state")),
                   json_is_true(json_object_get(row, "chained")) ? ", runs an older hook first"
                                                                 : "");
        }
        printf("  server         %s\n", running ? "running" : "not running: hooks do nothing");
    }
    json_decref(all);
    return rc;
}

/* ---- the command ---- */

static cm_rc open_hooks(const cm_cli *cli, const char *directory, hooks *h, cm_err *err) {
    ssize_t len = readlink("/proc/self/exe", h->program, sizeof(h->program) - 1);
    if (len < 0) {
        return cm_fail_errno(err, errno, "cannot tell where this program lies");
    }
    h->program[len] = '\0';
    cm_rc rc = cm_places_resolve(cli->config, cli->arena, &h->places, err);
    return rc == CM_OK ? find_folder(directory, h, err) : rc;
}

static cm_rc install(const cm_cli *cli, const hooks *h, cm_err *err) {
    cm_rc rc = cm_dir_make(h->folder, err);
    rc = rc == CM_OK ? for_each(h, install_one, err) : rc;
    return rc == CM_OK ? show(cli, h, err) : rc;
}

int cm_cmd_hook(const cm_cli *cli) {
    const cm_args_hook *args = cli->args;
    const char *directory = args->repo == NULL ? "." : args->repo;
    hooks h = {0};
    cm_err err = {0};
    if (args->action == CM_HOOK_ACTION_RUN) {
        cm_rc rc = args->event == NULL
                       ? cm_fail(&err, CM_INVALID, "say which hook runs: 'hook run post-commit'")
                       : cm_hook_run(cli, directory, args->event, &err);
        return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
    }
    cm_rc rc = open_hooks(cli, directory, &h, &err);
    if (rc == CM_OK && args->action == CM_HOOK_ACTION_INSTALL) {
        rc = install(cli, &h, &err);
    } else if (rc == CM_OK && args->action == CM_HOOK_ACTION_UNINSTALL) {
        rc = for_each(&h, uninstall_one, &err);
        rc = rc == CM_OK ? show(cli, &h, &err) : rc;
    } else if (rc == CM_OK) {
        rc = show(cli, &h, &err);
    }
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
