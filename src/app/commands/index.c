/* index.c - `codementor index [PATH]`. */
#include "base/base.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "app/client.h"
#include "app/progress.h"
#include "app/repo.h"

#define POLL_NS 50000000l

typedef struct outcome {
    char id[64];
    json_t *status; /* the last one asked for */
} outcome;

static cm_rc start(cm_client *client, const char *root, bool full, outcome *out, cm_err *err) {
    json_t *body = json_pack("{s:s, s:s, s:s}", "workspace_id", "default", "repository_path", root,
                             "mode", full ? "full" : "incremental");
    json_t *reply = NULL;
    cm_rc rc = cm_client_call(client, "POST", "/v1/repositories/index", body, &reply, err);
    json_decref(body);
    if (rc == CM_OK) {
        const char *id = json_string_value(json_object_get(reply, "repository_id"));
        snprintf(out->id, sizeof(out->id), "%s", id == NULL ? "" : id);
    }
    json_decref(reply);
    return rc;
}

/* A job runs already (somebody else's, or one that a killed server left half done): that one is followed. */
static cm_rc join(cm_client *client, const char *root, outcome *out, cm_err *err) {
    cm_repo repo;
    cm_rc rc = cm_repo_find(client, root, &repo, err);
    if (rc == CM_OK) {
        snprintf(out->id, sizeof(out->id), "%s", repo.id);
    }
    return rc;
}

static void show(cm_progress *progress, const json_t *status) {
    char detail[96];
    json_int_t done = json_integer_value(json_object_get(status, "files_indexed"));
    json_int_t total = json_integer_value(json_object_get(status, "files_total"));
    snprintf(detail, sizeof(detail), "%lld of %lld files", (long long)done, (long long)total);
    cm_progress_show(progress, json_real_value(json_object_get(status, "progress")), detail);
}

static cm_rc follow(cm_client *client, outcome *out, cm_progress *progress, cm_err *err) {
    char path[128];
    snprintf(path, sizeof(path), "/v1/repositories/%s/index/status", out->id);
    while (true) {
        json_decref(out->status);
        out->status = NULL;
        cm_rc rc = cm_client_call(client, "GET", path, NULL, &out->status, err);
        if (rc != CM_OK) {
            return rc;
        }
        show(progress, out->status);
        const char *state = json_string_value(json_object_get(out->status, "status"));
        if (state != NULL && strcmp(state, "error") == 0) {
            const char *why =
                json_string_value(json_object_get(json_object_get(out->status, "error"), "detail"));
            return cm_fail(err, CM_IO, "indexing failed: %s", why == NULL ? "see the log" : why);
        }
        if (state != NULL && strcmp(state, "ready") == 0) {
            return CM_OK;
        }
        /* The next look, not a wait for anything: the server answers at any time. */
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

static cm_rc report(cm_client *client, const cm_cli *cli, const char *root, const outcome *out,
                    cm_err *err) {
    char path[128];
    json_t *index = NULL;
    snprintf(path, sizeof(path), "/v1/repositories/%s/index", out->id);
    cm_rc rc = cm_client_call(client, "GET", path, NULL, &index, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (cli->json) {
        char *text = json_dumps(index, JSON_INDENT(2));
        printf("%s\n", text);
        free(text);
    } else {
        const json_t *statistics = json_object_get(index, "statistics");
        printf("%s\n", root);
        printf("  %lld files, %lld symbols, %lld chunks, index of %.1f MB\n",
               (long long)json_integer_value(json_object_get(statistics, "total_files")),
               (long long)json_integer_value(json_object_get(statistics, "total_symbols")),
               (long long)json_integer_value(json_object_get(statistics, "total_chunks")),
               (double)json_integer_value(json_object_get(statistics, "index_size_bytes")) / 1e6);
        printf("  repository %s\n", out->id);
    }
    json_decref(index);
    return CM_OK;
}

int cm_cmd_index(const cm_cli *cli) {
    const cm_args_index *args = cli->args;
    char root[PATH_MAX];
    const char *given = args->path != NULL ? args->path : ".";
    cm_err err;
    if (realpath(given, root) == NULL) {
        cm_rc rc = cm_fail_errno(&err, errno, "cannot index '%s'", given);
        return cm_command_fail(cli, rc, &err);
    }
    cm_client *client = NULL;
    outcome out = {0};
    cm_progress progress;
    cm_progress_init(&progress, "indexing", cli->json);
    cm_rc rc = cm_client_open(cli, &(cm_client_options){.without_model = true}, &client, &err);
    rc = rc == CM_OK ? start(client, root, args->full, &out, &err) : rc;
    rc = rc == CM_CONFLICT ? join(client, root, &out, &err) : rc;
    rc = rc == CM_OK ? follow(client, &out, &progress, &err) : rc;
    cm_progress_end(&progress);
    rc = rc == CM_OK ? report(client, cli, root, &out, &err) : rc;
    json_decref(out.status);
    cm_client_close(client);
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
