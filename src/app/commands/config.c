/* config.c - `codementor config print|check|reload`. Faults were reported by main before it came here. */
#include "base/base.h"

#include <errno.h>
#include <signal.h>

#include "app/client.h"
#include "app/places.h"
#include "base/buf.h"

static void print(const cm_cli *cli) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    if (cli->json) {
        cm_config_print_json(cli->config, &out);
        cm_buf_add_char(&out, '\n');
    } else {
        cm_config_print(cli->config, &out);
    }
    fputs(cm_buf_c(&out), stdout);
}

/* As `kill -HUP` by whoever knows the process. */
static cm_rc reload(const cm_cli *cli, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_places places;
    cm_owner_info owner = {0};
    cm_rc rc = cm_places_resolve(cli->config, arena, &places, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_owner_find(&places, arena, &owner, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (owner.pid <= 0 || owner.address.len == 0) {
        return cm_fail(err, CM_CONFLICT, "the owner of '%s' is no server: it ends by itself",
                       places.data_dir);
    }
    if (kill((pid_t)owner.pid, SIGHUP) != 0) {
        return cm_fail_errno(err, errno, "cannot signal process %d", owner.pid);
    }
    if (cli->json) {
        printf("{\"ok\":true,\"pid\":%d}\n", owner.pid);
    } else {
        printf("process %d reads its settings again; its log says what changed\n", owner.pid);
    }
    return CM_OK;
}

int cm_cmd_config(const cm_cli *cli) {
    const cm_args_config *args = cli->args;
    cm_err err;
    cm_rc rc = CM_OK;
    switch (args->action) {
    case CM_CONFIG_ACTION_PRINT: print(cli); break;
    case CM_CONFIG_ACTION_CHECK: puts(cli->json ? "{\"ok\":true}" : "the settings are fine"); break;
    case CM_CONFIG_ACTION_RELOAD: rc = reload(cli, &err); break;
    }
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
