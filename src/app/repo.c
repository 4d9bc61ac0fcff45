/* repo.c - see repo.h. */
#include "base/base.h"

#include <errno.h>
#include <limits.h>

#include "app/repo.h"
#include "base/path.h"

/* Of the repositories on one page, the one with the longest root that holds `path`. */
static void nearest(const json_t *items, cm_str path, cm_repo *best) {
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) {
        const json_t *metadata = json_object_get(item, "metadata");
        const char *root = json_string_value(json_object_get(metadata, "root_path"));
        const char *id = json_string_value(json_object_get(item, "repo_id"));
        if (root != NULL && id != NULL && cm_path_is_inside(path, cm_str_from(root)) &&
            strlen(root) > strlen(best->root)) {
            snprintf(best->root, sizeof(best->root), "%s", root);
            snprintf(best->id, sizeof(best->id), "%s", id);
        }
    }
}

cm_rc cm_repo_find(cm_client *client, const char *path, cm_repo *ret_repo, cm_err *err) {
    cm_repo best = {0};
    char url[512] = "/v1/repositories?limit=200";
    while (url[0] != '\0') {
        json_t *page = NULL;
        cm_rc rc = cm_client_call(client, "GET", url, NULL, &page, err);
        if (rc != CM_OK) {
            return rc;
        }
        nearest(json_object_get(page, "items"), cm_str_from(path), &best);
        const char *cursor = json_string_value(json_object_get(page, "next_cursor"));
        url[0] = '\0';
        if (cursor != NULL) {
            snprintf(url, sizeof(url), "/v1/repositories?limit=200&cursor=%s", cursor);
        }
        json_decref(page);
    }
    if (best.id[0] == '\0') {
        return cm_fail(err, CM_NOT_FOUND,
                       "'%s' is in no indexed repository; run `codementor index DIRECTORY` first",
                       path);
    }
    *ret_repo = best;
    return CM_OK;
}

static cm_rc ask(const cm_cli *cli, const char *given, const char *method, const char *family,
                 const char *path, const json_t *body, json_t **ret_reply, cm_err *err) {
    char root[PATH_MAX], url[PATH_MAX];
    cm_client *client = NULL;
    cm_repo repo;
    if (realpath(given != NULL ? given : ".", root) == NULL) {
        return cm_fail_errno(err, errno, "cannot use the repository '%s'", given);
    }
    cm_rc rc = cm_client_open(cli, &(cm_client_options){.without_model = true}, &client, err);
    rc = rc == CM_OK ? cm_repo_find(client, root, &repo, err) : rc;
    if (rc == CM_OK) {
        snprintf(url, sizeof(url), "%s/%s%s", family, repo.id, path);
        rc = cm_client_call(client, method, url, body, ret_reply, err);
    }
    cm_client_close(client);
    return rc;
}

cm_rc cm_repo_ask(const cm_cli *cli, const char *given, const char *method, const char *path,
                  const json_t *body, json_t **ret_reply, cm_err *err) {
    return ask(cli, given, method, "/v1/repositories", path, body, ret_reply, err);
}

cm_rc cm_repo_ask_codebase(const cm_cli *cli, const char *given, const char *path,
                           json_t **ret_reply, cm_err *err) {
    return ask(cli, given, "GET", "/api/v1/codebase", path, NULL, ret_reply, err);
}

void cm_repo_encode(cm_buf *out, const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        bool plain = cm_is_alpha(*c) || cm_is_digit(*c) || strchr("-._~/", *c) != NULL;
        if (plain) {
            cm_buf_add_char(out, *c);
        } else {
            cm_buf_add_f(out, "%%%02X", (unsigned char)*c);
        }
    }
}
