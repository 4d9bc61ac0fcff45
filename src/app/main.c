/* main.c - from the command line to one command.
 *
 * The same binary is also its own parse worker (a sandboxed child, hidden command), so that comes before
 * anything else: it must not read settings, open files or start threads. */
#include "base/base.h"

#include <errno.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/client.h"
#include "base/log.h"
#include "code/parser.h"
#include "model/model.h"
#include "rt/signals.h"

/* One-shot commands stay quiet unless asked: their answer is on standard output. */
static void start_log(const cm_cli *cli) {
    static const enum cm_log_level levels[] = {[CM_CONFIG_LOG_LEVEL_DEBUG] = CM_LOG_DEBUG,
                                               [CM_CONFIG_LOG_LEVEL_INFO] = CM_LOG_INFO,
                                               [CM_CONFIG_LOG_LEVEL_WARN] = CM_LOG_WARN,
                                               [CM_CONFIG_LOG_LEVEL_ERROR] = CM_LOG_ERROR,
                                               [CM_CONFIG_LOG_LEVEL_OFF] = CM_LOG_OFF};
    bool preset = cm_config_source_of(cli->config, CM_OPTION_LOG_LEVEL) == CM_CONFIG_DEFAULT;
    bool quiet = preset && cli->id != CM_COMMAND_SERVE;
    bool json = cli->config->log.format == CM_CONFIG_LOG_FORMAT_JSON;
    cm_log_init(quiet ? CM_LOG_WARN : levels[cli->config->log.level],
                json ? CM_LOG_JSON : CM_LOG_HUMAN, STDERR_FILENO);
}

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
    cm_config_input input = {.file = cli.config_file,
                             .environ = (const char *const *)environ,
                             .flags = cli.flags,
                             .flag_count = cli.flag_count};
    rc = cm_config_load(&input, arena, &cli.config, &faults, &err);
    if (rc != CM_OK) {
        if (faults.len > 0) {
            fprintf(stderr, CM_STR_FMT, CM_STR_ARG(faults));
        }
        return cm_command_fail(&cli, rc, &err);
    }
    start_log(&cli);
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
    cm_signals_ignore_write_faults();
    cm_model_environment();
    cm_arena *arena = cm_arena_new(0);
    int status = run(argc, argv, arena);
    cm_arena_free(arena);
    return end_output(status);
}
