/* repo.h - which repository a command means: --repo, or the one around a path.
 *
 * Thread: main. */
#ifndef CM_APP_REPO_H
#define CM_APP_REPO_H

#include "app/client.h"

typedef struct cm_repo {
    char id[64];
    char root[4096]; /* absolute */
} cm_repo;

/* The indexed repository whose root is `path` (absolute) or the nearest one above it.
 * CM_NOT_FOUND: the text says how to index it. */
cm_rc cm_repo_find(cm_client *client, const char *path, cm_repo *ret_repo,
                   cm_err *err) cm_must_check;

/* For commands that ask one thing of one repository: opens a client without a model, finds the
 * repository of `given` (NULL = the current directory) and calls `method` on its `path`
 * ("/symbols?limit=5"). `*ret_reply` is freed with json_decref.
 * CM_NOT_FOUND (the directory is not indexed), and any of cm_client_open and cm_client_call. */
cm_rc cm_repo_ask(const cm_cli *cli, const char *given, const char *method, const char *path,
                  const json_t *body, json_t **ret_reply, cm_err *err) cm_must_check;
/* The same for GET on /api/v1/codebase/{id}: `path` is "/context". CM_NOT_FOUND as above. */
cm_rc cm_repo_ask_codebase(const cm_cli *cli, const char *given, const char *path,
                           json_t **ret_reply, cm_err *err) cm_must_check;
/* Appends `text` percent-encoded for a query string. */
void cm_repo_encode(cm_buf *out, const char *text);

#endif
