/* secrets.c - `codementor secrets rotate`: a fresh key for what the database keeps sealed.
 *
 * The new key is on disk before anything is sealed with it, and the old ones stay: a run that is
 * stopped anywhere leaves every secret readable, and the next run seals what is left. */
#include "base/base.h"

#include "app/client.h"
#include "app/store_command.h"

typedef struct rotation {
    uint64_t rows;
    int64_t version;
} rotation;

static cm_rc rotate(const cm_store_command *command, rotation *ret_rotation, cm_err *err) {
    cm_store *store;
    cm_keyring *ring = NULL;
    cm_rc rc = cm_store_open(&command->store, &store, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_store_command_keyring(command, &ring, err);
    rc = rc == CM_OK ? cm_keyring_rotate(ring, err) : rc;
    rc = rc == CM_OK ? cm_secret_reseal(store, ring, &ret_rotation->rows, err) : rc;
    if (rc == CM_OK) {
        ret_rotation->version = cm_keyring_version(ring);
    }
    cm_keyring_close(ring);
    cm_store_close(store);
    return rc;
}

int cm_cmd_secrets(const cm_cli *cli) {
    cm_err err = {0};
    cm_store_command command;
    rotation done = {0};
    cm_rc rc = cm_store_command_open(cli, true, &command, &err);
    if (rc == CM_OK &&
        command.owner == NULL) { /* the keys lie here even when the database does not */
        rc = cm_owner_take(&command.places, &command.owner, &err);
    }
    if (rc == CM_OK) {
        rc = rotate(&command, &done, &err);
        cm_store_command_close(&command);
    }
    if (rc != CM_OK) {
        return cm_command_fail(cli, rc, &err);
    }
    printf(cli->json ? "{\"key_version\":%lld,\"sealed\":%llu}\n"
                     : "key %lld seals from now on; %llu secrets were sealed again\n",
           (long long)done.version, (unsigned long long)done.rows);
    return 0;
}
