/* store_command.c - see store_command.h. */
#include "base/base.h"

#include <unistd.h>

#include "app/store_command.h"

cm_rc cm_store_command_open(const cm_cli *cli, bool changes, cm_store_command *ret_command,
                            cm_err *err) {
    cm_store_command command = {0};
    cm_rc rc = cm_places_resolve(cli->config, cli->arena, &command.places, err);
    if (rc != CM_OK) {
        return rc;
    }
    const char *url = cm_store_url(cli->config->database.url, command.places.data_dir, cli->arena);
    command.store = (cm_store_options){.url = url, .data_dir = command.places.data_dir};
    if (changes && cm_str_starts(cm_str_from(url), CM_STR("sqlite:"))) {
        rc = cm_owner_take(&command.places, &command.owner, err);
    }
    if (rc == CM_OK) {
        *ret_command = command;
    }
    return rc;
}

cm_rc cm_store_command_agree(const cm_store_command *command, bool yes, const char *what,
                             cm_err *err) {
    if (yes) {
        return CM_OK;
    }
    if (!isatty(STDIN_FILENO)) {
        return cm_fail(err, CM_CONFLICT, "%s needs --yes when nobody can be asked", what);
    }
    char answer[16] = "";
    printf("%s on '%s'? Type yes to go on: ", what, command->store.url);
    fflush(stdout);
    bool given = fgets(answer, sizeof answer, stdin) != NULL;
    return given && strcmp(answer, "yes\n") == 0
               ? CM_OK
               : cm_fail(err, CM_CANCELLED, "nothing was changed");
}

void cm_store_command_close(cm_store_command *command) {
    cm_owner_release(command->owner);
}

cm_rc cm_store_command_keyring(const cm_store_command *command, cm_keyring **ret_ring,
                               cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const char *path = cm_arena_fmt(arena, "%s/keys", command->places.data_dir).ptr;
    return cm_keyring_open(path, ret_ring, err);
}
