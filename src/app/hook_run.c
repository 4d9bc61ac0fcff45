/* hook_run.c - see hook_run.h.
 *
 * What changed is one batch, whatever its size: up to BATCH_MAX files are named in one call and become
 * visible together; a switch between distant branches is a job for the whole tree, which reads in
 * parallel what differs. */
#include "base/base.h"

#include <limits.h>
#include <time.h>

#include "app/git.h"
#include "app/hook_run.h"
#include "base/clock.h"
#include "base/path.h"

#define BATCH_MAX   500 /* files; the API takes 1,000 changes a call */
#define OUTPUT_MAX  CM_MIB(64)
#define TIMEOUT_S   60
#define JOB_WAIT_S  600
#define POLL_NS     250000000l
#define WORDS_MAX   8
#define OBJECT_NAME 128

typedef struct event {
    char words[WORDS_MAX][OBJECT_NAME];
    size_t count;
} event;

static event read_event(const char *text) {
    event e = {0};
    cm_str rest = cm_str_from(text), word;
    while (e.count < WORDS_MAX && cm_str_split(&rest, ' ', &word)) {
        if (word.len > 0 && word.len < OBJECT_NAME) {
            memcpy(e.words[e.count++], word.ptr, word.len);
        }
    }
    return e;
}

static bool is_null_object(const char *name) {
    return name[0] != '\0' && strspn(name, "0") == strlen(name);
}

/* An object name goes to git as an argument: it must not look like an option. */
static bool is_object(const char *name) {
    size_t len = strlen(name);
    return len >= 4 && strspn(name, "0123456789abcdef") == len && !is_null_object(name);
}

/* Files that differ between two commits. */
static cm_rc between(const char *directory, const char *old, const char *new, cm_buf *out,
                     cm_err *err) {
    const char *const arguments[] = {"diff", "--name-only", "--no-renames", "-z",
                                     old,    new,           "--",           NULL};
    return cm_git_run(directory, arguments, out, err);
}

/* Names, each ended by a NUL, into `out`. `*ret_all`: it cannot be told, look at the whole tree. */
static cm_rc changed_files(const char *directory, const event *e, cm_buf *out, bool *ret_all,
                           cm_err *err) {
    static const char *const committed[] = {"diff-tree",      "--root",         "-r", "-m",
                                            "--no-commit-id", "--first-parent", "-z", "--name-only",
                                            "--no-renames",   "HEAD",           NULL};
    const char *name = e->words[0];
    *ret_all = false;
    if (strcmp(name, "post-commit") == 0) {
        return cm_git_run(directory, committed, out, err);
    }
    if (strcmp(name, "post-merge") == 0) {
        *ret_all = between(directory, "ORIG_HEAD", "HEAD", out, NULL) != CM_OK;
        return CM_OK;
    }
    if (strcmp(name, "post-checkout") != 0 && strcmp(name, "post-rewrite") != 0) {
        return cm_fail(err, CM_INVALID, "'%s' is no hook of codementor", name);
    }
    /* `git checkout -- FILE` names one commit twice and no file; a clone comes from nothing. */
    bool told = e->count >= 3 && is_object(e->words[1]) && is_object(e->words[2]) &&
                strcmp(e->words[1], e->words[2]) != 0;
    *ret_all = !told || between(directory, e->words[1], e->words[2], out, NULL) != CM_OK;
    return CM_OK;
}

/* ---- telling the server ---- */

typedef struct telling {
    cm_client *client;
    cm_str top;   /* of the work tree, absolute */
    cm_str files; /* relative to it, each ended by a NUL */
    bool all;
} telling;

/* The file's path in the repository at `root`; empty when it lies outside. */
static cm_str path_in(const telling *t, const char *root, cm_str file, char path[PATH_MAX]) {
    int len =
        snprintf(path, PATH_MAX, CM_STR_FMT "/" CM_STR_FMT, CM_STR_ARG(t->top), CM_STR_ARG(file));
    cm_str absolute = cm_str_make(path, len < 0 || len >= PATH_MAX ? 0 : (size_t)len);
    cm_str base = cm_str_from(root);
    return cm_path_is_inside(absolute, base) && absolute.len > base.len + 1
               ? cm_str_from_offset(absolute, base.len + 1)
               : CM_STR_EMPTY;
}

/* NULL when there are more than a call may name. */
static json_t *changes_of(const telling *t, const char *root) {
    json_t *changes = json_array();
    cm_str rest = t->files, file;
    char path[PATH_MAX];
    while (cm_str_split(&rest, '\0', &file)) {
        cm_str inside = file.len > 0 ? path_in(t, root, file, path) : CM_STR_EMPTY;
        /* A name that is not UTF-8 cannot be said in JSON; the next job finds it. */
        json_t *change = inside.len > 0 ? json_pack("{s:s%, s:s}", "path", inside.ptr, inside.len,
                                                    "type", "modified")
                                        : NULL;
        if (change != NULL) {
            json_array_append_new(changes, change);
        }
        if (json_array_size(changes) > BATCH_MAX) {
            json_decref(changes);
            return NULL;
        }
    }
    return changes;
}

/* A job that runs already may have passed the files: ours comes after it. */
static cm_rc start_job(const telling *t, const char *id, cm_err *err) {
    json_t *body = json_pack("{s:s, s:s}", "workspace_id", "default", "repository_id", id);
    uint64_t give_up = cm_clock_ms() + (uint64_t)JOB_WAIT_S * 1000;
    cm_rc rc = CM_CONFLICT;
    while (rc == CM_CONFLICT && cm_clock_ms() < give_up) {
        rc = cm_client_call(t->client, "POST", "/v1/repositories/index", body, NULL, err);
        if (rc == CM_CONFLICT) {
            nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
        }
    }
    json_decref(body);
    return rc;
}

static cm_rc tell(const telling *t, const char *id, const char *root, cm_err *err) {
    json_t *changes = t->all ? NULL : changes_of(t, root);
    if (changes == NULL) {
        return start_job(t, id, err);
    }
    if (json_array_size(changes) == 0) {
        json_decref(changes);
        return CM_OK;
    }
    char url[128];
    json_t *body = json_pack("{s:o}", "changes", changes);
    snprintf(url, sizeof(url), "/v1/repositories/%s/changes", id);
    cm_rc rc = cm_client_call(t->client, "POST", url, body, NULL, err);
    json_decref(body);
    return rc;
}

/* Every repository of the server that holds the work tree or lies in it. */
static cm_rc tell_page(const telling *t, const json_t *items, cm_err *err) {
    size_t i;
    json_t *item;
    cm_rc result = CM_OK;
    json_array_foreach(items, i, item) {
        const char *id = json_string_value(json_object_get(item, "repo_id"));
        const char *root =
            json_string_value(json_object_get(json_object_get(item, "metadata"), "root_path"));
        if (id == NULL || root == NULL || root[0] == '\0' ||
            (!cm_path_is_inside(t->top, cm_str_from(root)) &&
             !cm_path_is_inside(cm_str_from(root), t->top))) {
            continue;
        }
        cm_rc rc = tell(t, id, root, err);
        result = rc == CM_OK ? result : rc;
    }
    return result;
}

static cm_rc tell_all(const telling *t, cm_err *err) {
    char url[512] = "/v1/repositories?limit=200";
    cm_rc rc = CM_OK;
    while (rc == CM_OK && url[0] != '\0') {
        json_t *page = NULL;
        rc = cm_client_call(t->client, "GET", url, NULL, &page, err);
        rc = rc == CM_OK ? tell_page(t, json_object_get(page, "items"), err) : rc;
        const char *cursor = json_string_value(json_object_get(page, "next_cursor"));
        url[0] = '\0';
        if (cursor != NULL) {
            snprintf(url, sizeof(url), "/v1/repositories?limit=200&cursor=%s", cursor);
        }
        json_decref(page);
    }
    return rc;
}

cm_rc cm_hook_run(const cm_cli *cli, const char *directory, const char *text, cm_err *err) {
    static const char *const top_level[] = {"rev-parse", "--show-toplevel", NULL};
    cm_client_options options = {
        .without_model = true, .running_only = true, .timeout_s = TIMEOUT_S};
    cm_cleanup(cm_buf_done) cm_buf files;
    char top[PATH_MAX];
    event e = read_event(text);
    telling t = {0};
    cm_buf_init(&files, OUTPUT_MAX);
    cm_rc rc = cm_client_open(cli, &options, &t.client, err);
    if (rc == CM_NOT_FOUND) {
        return CM_OK;
    }
    rc = rc == CM_OK ? cm_git_line(directory, top_level, top, sizeof(top), err) : rc;
    rc = rc == CM_OK ? changed_files(directory, &e, &files, &t.all, err) : rc;
    if (rc == CM_OK) {
        t.top = cm_str_from(top);
        t.files = cm_buf_str(&files);
        rc = tell_all(&t, err);
    }
    cm_client_close(t.client);
    return rc;
}
