/* cli.h - the command line: which command, its arguments, and settings given as flags.
 *
 * The commands are declared in spec/commands.toml; each has a generated struct of its arguments:
 *
 *     int cm_cmd_complete(const cm_cli *cli) {
 *         const cm_args_complete *args = cli->args;
 *         if (args->explain) ...
 *
 * Accepted: --name value, --name=value, flags anywhere after the command, global flags also before it,
 * `--` ends the options. Unknown commands and options are refused with the nearest known one.
 *
 * Thread: the main thread, at start-up. */
#ifndef CM_APP_CLI_H
#define CM_APP_CLI_H

#include "app/commands_gen.h" /* cm_args_<command>, enum cm_command_id, generated */
#include "app/config.h"

typedef struct cm_cli cm_cli;
typedef int cm_command_fn(const cm_cli *cli); /* the exit status of the process */

typedef struct cm_command cm_command; /* one row of spec/commands.toml */

struct cm_cli {
    const cm_command *command;
    enum cm_command_id id;
    const void *args;            /* cm_args_<command> */
    const cm_config *config;     /* set by the caller after cm_config_load */
    const char *config_file;     /* --config, NULL = default */
    bool json;                   /* --json */
    bool help;                   /* --help: print cm_cli_help and leave with 0 */
    const cm_config_flag *flags; /* for cm_config_input */
    size_t flag_count;
    cm_arena *arena;
};

/* CM_INVALID with a text fit for the user. `--help` and `help COMMAND` set `help`; so does no
 * command at all (`command` NULL: the overview). `--version` is the command `version`. */
cm_rc cm_cli_parse(int argc, const char *const *argv, cm_arena *arena, cm_cli *ret_cli,
                   cm_err *err) cm_must_check;
/* The function of the command: `cm_cmd_<name>`, defined by the command's own file. */
cm_command_fn *cm_cli_function(const cm_cli *cli);
/* Help of one command, or the overview when `command` is NULL. */
void cm_cli_help(const cm_command *command, cm_buf *out);

#endif
