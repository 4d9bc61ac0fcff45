/* main.c - from the command line to one command.
 *
 * The same binary is also its own parse worker (a sandboxed child, hidden command), so that comes before
 * anything else: it must not read settings, open files or start threads. */
#include "base/base.h"

#include <errno.h>

#include "app/cli.h"
#include "app/client.h"
#include "app/settings.h"
#include "code/parser.h"
#include "index/git/git.h"
#include "model/model.h"
#include "rt/signals.h"

static int print_help(const cm_cli *cli) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_MIB(1));
    cm_cli_help(cli->command, &out);
    fputs(cm_buf_c(&out), stdout);
    return 0;
}

static int run(int argc, char **argv, cm_arena *arena) {
    cm_cli cli = {0};
    cm_str faults = CM_STR_EMPTY;
    cm_err err;
    cm_rc rc = cm_cli_parse(argc, (const char *const *)argv, arena, &cli, &err);
    if (rc != CM_OK) {
        return cm_command_fail(&cli, rc, &err);
    }
    if (cli.help) {
        return print_help(&cli);
    }
    rc = cm_settings_load(&cli, arena, &cli.config, &faults, &err);
    if (rc != CM_OK) {
        if (faults.len > 0) {
            fprintf(stderr, CM_STR_FMT, CM_STR_ARG(faults));
        }
        return cm_command_fail(&cli, rc, &err);
    }
    cm_settings_start_log(&cli, cli.config);
    return cm_cli_function(&cli)(&cli);
}

/* An answer that could not be written is no answer. A reader that left early (`| head`) needs no message. */
static int end_output(int status) {
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return status;
    }
    if (errno != EPIPE) {
        fprintf(stderr, "codementor: cannot write the answer: %s\n", strerror(errno));
    }
    return status != 0 ? status : 1;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    if (argc > 1 && strcmp(argv[1], CM_GIT_WORKER) == 0) {
        return cm_git_worker_main(argc, argv);
    }
    cm_signals_ignore_write_faults();
    cm_model_environment();
    cm_arena *arena = cm_arena_new(0);
    int status = run(argc, argv, arena);
    cm_arena_free(arena);
    return end_output(status);
}
