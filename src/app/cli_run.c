/* cli_run.c - apart from cli.c, so that the parser can be tested without the commands. */
#include "app/command.h"

cm_command_fn *cm_cli_function(const cm_cli *cli) {
    return cm_command_functions[cli->id];
}
