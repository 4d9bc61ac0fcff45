/* client.h - one-shot commands as clients of the API.
 *
 * A command talks HTTP over the Unix socket of the process that owns the data directory. When nobody
 * owns it, the command becomes the owner for its own short life: it starts the same server on that socket
 * alone and is its own client. So every command has one path, and answers are the API's.
 *
 * Thread: main. */
#ifndef CM_APP_CLIENT_H
#define CM_APP_CLIENT_H

#include "app/cli.h"
#include "base/json.h"

typedef struct cm_client cm_client;

typedef struct cm_client_options {
    bool without_model; /* a short-lived server need not load one */
    bool running_only;  /* CM_NOT_FOUND when nobody owns the directory */
    long timeout_s;     /* of one call; 0 = as long as it takes */
} cm_client_options;

/* The owner of the data directory, or this process as its owner. CM_NOT_FOUND (`running_only` and nobody serves),
 * CM_NOMEM, and any of cm_places_resolve and cm_server_open. */
cm_rc cm_client_open(const cm_cli *cli, const cm_client_options *options, cm_client **ret_client,
                     cm_err *err) cm_must_check;
void cm_client_close(cm_client *client); /* NULL is allowed */

/* Sends `body` (NULL = none) and parses the reply. A status of 400 and above becomes an error: code
 * and text are those of the problem. CM_OVERLOADED: nobody answers, not in time, or with more
 * than 64 MiB. `*ret_reply` (may be NULL) is freed with json_decref. */
cm_rc cm_client_call(cm_client *client, const char *method, const char *path, const json_t *body,
                     json_t **ret_reply, cm_err *err) cm_must_check;

/* Prints what failed on standard error, as text or with --json as {"error":{code,message}}, and
 * returns the exit status for it: 2 for mistakes in the call, 1 otherwise. */
int cm_command_fail(const cm_cli *cli, cm_rc rc, const cm_err *err);

#endif
