/* config.c - `codementor config print|check`. Faults were reported by main before it came here. */
#include "base/base.h"

#include "app/cli.h"
#include "base/buf.h"

int cm_cmd_config(const cm_cli *cli) {
    const cm_args_config *args = cli->args;
    if (args->action == CM_CONFIG_ACTION_CHECK) {
        puts(cli->json ? "{\"ok\":true}" : "the settings are fine");
        return 0;
    }
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    if (cli->json) {
        cm_config_print_json(cli->config, &out);
        cm_buf_add_char(&out, '\n');
    } else {
        cm_config_print(cli->config, &out);
    }
    fputs(cm_buf_c(&out), stdout);
    return 0;
}
