/* store_command.c - see store_command.h. */
#include "base/base.h"

#include <unistd.h>

#include "app/store_command.h"

cm_store_options cm_store_settings(const cm_config *config, const cm_places *places,
                                   cm_arena *arena) {
    const cm_str_list *list = &config->database.replica_urls;
    const char **replicas = CM_ARENA_ARRAY(arena, const char *, list->count + 1);
    for (size_t i = 0; i < list->count; i++) {
        replicas[i] = cm_arena_str(arena, list->items[i]).ptr;
    }
    replicas[list->count] = NULL;
    return (cm_store_options){.url = cm_store_url(config->database.url, places->data_dir, arena),
                              .data_dir = places->data_dir,
                              .replica_urls = replicas,
                              .unprepared = config->database.unprepared,
                              .vector_index =
                                  config->vector.index_type == CM_CONFIG_VECTOR_INDEX_TYPE_IVFFLAT
                                      ? CM_VECTOR_IVFFLAT
                                      : CM_VECTOR_HNSW};
}

cm_rc cm_store_command_open(const cm_cli *cli, bool changes, cm_store_command *ret_command,
                            cm_err *err) {
    cm_store_command command = {0};
    cm_rc rc = cm_places_resolve(cli->config, cli->arena, &command.places, err);
    if (rc != CM_OK) {
        return rc;
    }
    command.store = cm_store_settings(cli->config, &command.places, cli->arena);
    command.store.replica_urls = NULL; /* a command asks once */
    if (changes && cm_str_starts(cm_str_from(command.store.url), CM_STR("sqlite:"))) {
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
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_migrate_status status; /* its place has no password */
    cm_rc rc = cm_store_migrate_status(&command->store, CM_STATUS_HISTORY, arena, &status, err);
    if (rc != CM_OK) {
        return rc;
    }
    printf("%s on '%s'? Type yes to go on: ", what, status.place);
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
