/* hook_run.h - what a git hook of ours does: finds out which files changed and tells the server.
 *
 * Thread: main. */
#ifndef CM_APP_HOOK_RUN_H
#define CM_APP_HOOK_RUN_H

#include "app/client.h"

/* `event` is the hook's name and its arguments ("post-checkout OLD NEW 1"), `directory` lies in the work tree. Does
 * nothing, without an error, when no server runs or none of its repositories holds the files.
 * CM_INVALID (it is no hook), and any of cm_git_run and cm_client_call. */
cm_rc cm_hook_run(const cm_cli *cli, const char *directory, const char *event,
                  cm_err *err) cm_must_check;

#endif
