/* store_command.h - what the commands about the database share: which one it is, and owning it meanwhile.
 *
 * Thread: main. */
#ifndef CM_APP_STORE_COMMAND_H
#define CM_APP_STORE_COMMAND_H

#include "app/cli.h"
#include "app/places.h"
#include "store/admin.h"
#include "store/secret.h"

typedef struct cm_store_command {
    cm_places places;
    cm_store_options store;
    cm_owner
        *owner; /* NULL when the database is not in the data directory, or nothing is changed */
} cm_store_command;

/* Which database the settings name, and how to reach it. */
cm_store_options cm_store_settings(const cm_config *config, const cm_places *places,
                                   cm_arena *arena);
/* `changes`: take the data directory, so that no server uses the embedded database meanwhile (CM_CONFLICT: one
 * does). Else any of cm_places_resolve and cm_store_open. */
cm_rc cm_store_command_open(const cm_cli *cli, bool changes, cm_store_command *ret_command,
                            cm_err *err) cm_must_check;
/* CM_OK when the user agrees to `what` (or `yes` is given); without a terminal only --yes does (CM_CONFLICT).
 * CM_CANCELLED: no. */
cm_rc cm_store_command_agree(const cm_store_command *command, bool yes, const char *what,
                             cm_err *err) cm_must_check;
void cm_store_command_close(cm_store_command *command);
/* The keys beside the embedded database: they seal secrets and sign the audit log. CM_CORRUPT, CM_DENIED,
 * CM_IO, CM_STORAGE_FULL. */
cm_rc cm_store_command_keyring(const cm_store_command *command, cm_keyring **ret_ring,
                               cm_err *err) cm_must_check;

#endif
