/* audit.c - `codementor audit verify`. Reads only, so a server may use the database meanwhile. */
#include "base/base.h"

#include "app/client.h"
#include "app/store_command.h"
#include "store/maintenance/audit.h"

static cm_rc verify(const cm_store_command *command, uint64_t *ret_entries, cm_err *err) {
    cm_store_options options = command->store;
    options.no_migrate = true;
    cm_store *store;
    cm_keyring *ring = NULL;
    cm_rc rc = cm_store_open(&options, &store, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_store_command_keyring(command, &ring, err);
    if (rc == CM_OK) {
        rc = cm_audit_verify(store, ring, ret_entries, err);
    }
    cm_keyring_close(ring);
    cm_store_close(store);
    return rc;
}

int cm_cmd_audit(const cm_cli *cli) {
    cm_err err = {0};
    cm_store_command command;
    uint64_t entries = 0;
    cm_rc rc = cm_store_command_open(cli, false, &command, &err);
    if (rc == CM_OK) {
        rc = verify(&command, &entries, &err);
        cm_store_command_close(&command);
    }
    if (rc != CM_OK) {
        return cm_command_fail(cli, rc, &err);
    }
    printf("the audit log is whole: %llu entries\n", (unsigned long long)entries);
    return 0;
}
