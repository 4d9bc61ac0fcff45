/* db.c - `codementor db copy URL`. */
#include "base/base.h"

#include "app/client.h"
#include "app/progress.h"
#include "app/store_command.h"

static void show(void *argument, const char *table, uint64_t rows, uint64_t total) {
    char detail[96];
    snprintf(detail, sizeof detail, "%s: %llu of %llu rows", table, (unsigned long long)rows,
             (unsigned long long)total);
    cm_progress_show(argument, total != 0 ? (double)rows / (double)total : 1, detail);
}

static cm_rc copy(const cm_cli *cli, cm_copy_report *ret_report, cm_err *err) {
    const cm_args_db *args = cli->args;
    cm_store_command command;
    cm_rc rc = cm_store_command_open(cli, true, &command, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_progress progress;
    cm_progress_init(&progress, "copying", cli->json);
    cm_copy_options options = {
        .from = command.store, .to = {.url = args->url}, .progress = show, .argument = &progress};
    rc = cm_store_copy(&options, ret_report, err);
    cm_progress_end(&progress);
    cm_store_command_close(&command);
    return rc;
}

int cm_cmd_db(const cm_cli *cli) {
    cm_err err = {0};
    cm_copy_report report;
    cm_rc rc = copy(cli, &report, &err);
    if (rc != CM_OK) {
        return cm_command_fail(cli, rc, &err);
    }
    printf(
        "%llu rows of %zu tables copied and compared, %llu written by this run; set database.url "
        "to use the new one\n",
        (unsigned long long)report.rows, report.tables, (unsigned long long)report.written);
    return 0;
}
