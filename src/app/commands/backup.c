/* backup.c - `codementor backup create|verify|restore FILE`. */
#include "base/base.h"

#include "app/client.h"
#include "app/store_command.h"

static cm_rc verify(const char *path, cm_err *err) {
    uint64_t rows = 0;
    bool sealed = false;
    cm_rc rc = cm_store_backup_verify(path, &rows, &sealed, err);
    if (rc == CM_OK) {
        printf("'%s' is whole%s: %llu rows\n", path, sealed ? "" : " as far as can be told",
               (unsigned long long)rows);
    }
    if (rc == CM_OK && !sealed) {
        printf(
            "it has no checksum, being of an earlier version: a changed value would not be seen. "
            "'codementor backup create' makes one that has\n");
    }
    return rc;
}

static cm_rc run(const cm_cli *cli, cm_err *err) {
    const cm_args_backup *args = cli->args;
    if (args->action == CM_BACKUP_ACTION_VERIFY) {
        return verify(args->file, err);
    }
    bool restore = args->action == CM_BACKUP_ACTION_RESTORE;
    cm_store_command command;
    cm_rc rc = cm_store_command_open(cli, restore, &command, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = restore ? cm_store_backup_restore(&command.store, args->file, err)
                 : cm_store_backup_create(&command.store, args->file, err);
    cm_store_command_close(&command);
    if (rc == CM_OK) {
        printf(restore ? "restored from '%s'\n" : "backup written to '%s'\n", args->file);
    }
    return rc;
}

int cm_cmd_backup(const cm_cli *cli) {
    cm_err err = {0};
    cm_rc rc = run(cli, &err);
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
