/* jobs.c - `codementor jobs ACTION`: what the database does by itself, for people.
 *
 * Works beside a running server: what is asked for is a row that either side may take, and only one does. */
#include "base/base.h"

#include "app/client.h"
#include "app/store_command.h"
#include "base/clock.h"
#include "store/jobs/cron.h"
#include "store/maintenance/maintenance.h"

#include "store/q/job_schedules.h"

#define SCHEDULES_MAX 200
#define JSON_MAX      CM_MIB(8)
#define RESULT_SHOWN  100

typedef struct call {
    const cm_cli *cli;
    const cm_args_jobs *args;
    cm_store *store;
    cm_db db;
    const char *data_dir;
} call;

/* --- Showing ---------------------------------------------------------------------------------- */

/* "2026-11-28 21:40:07", or `none`. */
static const char *moment(int64_t ms, const char *none, char text[CM_TIME_TEXT_MAX]) {
    if (ms == 0) {
        return none;
    }
    cm_time_format(ms, text);
    text[10] = ' ';
    text[19] = '\0';
    return text;
}

static void write_moment(cm_json_writer *w, const char *key, int64_t ms) {
    char text[CM_TIME_TEXT_MAX];
    cm_json_key(w, key);
    if (ms == 0) {
        cm_json_null(w);
    } else {
        cm_json_str(w, cm_time_format(ms, text));
    }
}

static void write_text(cm_json_writer *w, const char *key, cm_str text) {
    cm_json_key(w, key);
    if (text.ptr == NULL) {
        cm_json_null(w);
    } else {
        cm_json_str(w, text);
    }
}

static void write_job(cm_json_writer *w, const cm_row_jobs *job) {
    char id[CM_UUID_TEXT];
    cm_uuid_format(&job->id, id);
    cm_json_object(w);
    write_text(w, "id", cm_str_from(id));
    write_text(w, "type", job->job_type);
    write_text(w, "status", job->status);
    cm_json_key(w, "attempts");
    cm_json_i64(w, job->attempts);
    write_moment(w, "run_at", job->run_at);
    write_moment(w, "started_at", job->started_at);
    write_moment(w, "finished_at", job->finished_at);
    write_text(w, "error", job->last_error);
    cm_json_key(w, "result");
    cm_json_raw(w, job->result.ptr != NULL ? job->result : CM_STR("null"));
    cm_json_object_end(w);
}

static void write_schedule(cm_json_writer *w, const cm_row_job_schedules *row) {
    cm_json_object(w);
    write_text(w, "name", row->name);
    write_text(w, "cron", row->cron);
    write_text(w, "job", row->job_type);
    cm_json_key(w, "enabled");
    cm_json_bool(w, row->is_enabled);
    write_moment(w, "next_run_at", row->next_run_at);
    write_moment(w, "last_run_at", row->last_run_at);
    cm_json_object_end(w);
}

static const cm_job_type *type_of(cm_str name) {
    for (size_t i = 0; i < cm_maintenance_job_count; i++) {
        if (cm_str_eq_c(name, cm_maintenance_jobs[i].name)) {
            return &cm_maintenance_jobs[i];
        }
    }
    return NULL;
}

typedef struct listing {
    const cm_row_job_schedules *schedules;
    const cm_row_jobs *jobs;
    size_t schedule_count, job_count;
} listing;

static void print_listing(const listing *l) {
    char next[CM_TIME_TEXT_MAX];
    char last[CM_TIME_TEXT_MAX];
    printf("%-14s %-14s %-20s %-20s\n", "SCHEDULE", "WHEN (UTC)", "NEXT", "LAST");
    for (size_t i = 0; i < l->schedule_count; i++) {
        const cm_row_job_schedules *row = &l->schedules[i];
        const cm_job_type *type = type_of(row->job_type);
        printf("%-14.*s %-14.*s %-20s %-20s %s\n", CM_STR_ARG(row->name), CM_STR_ARG(row->cron),
               row->is_enabled ? moment(row->next_run_at, "-", next) : "off",
               moment(row->last_run_at, "never", last), type != NULL ? type->what : "");
    }
    printf("\n%-36s %-14s %-10s %-20s %s\n", "JOB", "TYPE", "STATUS", "STARTED", "RESULT");
    for (size_t i = 0; i < l->job_count; i++) {
        const cm_row_jobs *job = &l->jobs[i];
        char id[CM_UUID_TEXT];
        cm_uuid_format(&job->id, id);
        cm_str end = job->last_error.ptr != NULL && !cm_str_eq_c(job->status, "succeeded")
                         ? job->last_error
                         : job->result;
        printf("%-36s %-14.*s %-10.*s %-20s %.*s\n", id, CM_STR_ARG(job->job_type),
               CM_STR_ARG(job->status), moment(job->started_at, "-", next),
               CM_STR_ARG(cm_str_sub(end, 0, RESULT_SHOWN)));
    }
}

static cm_rc print_listing_json(const listing *l, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, JSON_MAX);
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_json_object(&w);
    cm_json_key(&w, "schedules");
    cm_json_array(&w);
    for (size_t i = 0; i < l->schedule_count; i++) {
        write_schedule(&w, &l->schedules[i]);
    }
    cm_json_array_end(&w);
    cm_json_key(&w, "jobs");
    cm_json_array(&w);
    for (size_t i = 0; i < l->job_count; i++) {
        write_job(&w, &l->jobs[i]);
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
    cm_rc rc = cm_buf_check(&out, err);
    if (rc == CM_OK) {
        puts(cm_buf_c(&out));
    }
    return rc;
}

static cm_rc list(const call *c, cm_err *err) {
    listing l = {0};
    cm_q_jobs_page_in in = {
        .job_type = CM_STR(""), .status = cm_str_from(c->args->status), .limit = c->args->limit};
    cm_rc rc =
        cm_q_job_schedules_list(&c->db, &(cm_q_job_schedules_list_in){.limit = SCHEDULES_MAX},
                                c->cli->arena, &l.schedules, &l.schedule_count, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_q_jobs_page(&c->db, &in, c->cli->arena, &l.jobs, &l.job_count, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (c->cli->json) {
        return print_listing_json(&l, err);
    }
    print_listing(&l);
    return CM_OK;
}

/* --- Acting ----------------------------------------------------------------------------------- */

static cm_rc need_name(const call *c, const char *what, cm_err *err) {
    return c->args->name != NULL ? CM_OK
                                 : cm_fail(err, CM_INVALID, "%s; see 'codementor jobs list'", what);
}

/* A row that waits under this name already is run early; else one is added. */
static cm_rc run(const call *c, cm_err *err) {
    cm_rc rc = need_name(c, "run needs the name of a job", err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_str name = cm_str_from(c->args->name);
    const cm_job_type *type = type_of(name);
    if (type == NULL || type->cron == NULL) { /* others need to know for whom */
        return cm_fail(err, CM_NOT_FOUND, "there is no job '%s'; see 'codementor jobs list'",
                       c->args->name);
    }
    cm_uuid id;
    cm_job_new job = {.type = name, .dedupe_key = name};
    rc = cm_job_add(&c->db, &job, &id, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_q_jobs_retry(&c->db, &(cm_q_jobs_retry_in){id}, NULL, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_row_jobs row;
    cm_maintenance maintenance = {.data_dir = c->data_dir};
    cm_jobs_options options = cm_maintenance_options(c->store, &maintenance);
    rc = cm_job_run(&options, id, c->cli->arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!cm_str_eq_c(row.status, "succeeded")) {
        return cm_fail(err, CM_INTERNAL, "job '%s' failed: " CM_STR_FMT, c->args->name,
                       CM_STR_ARG(row.last_error));
    }
    listing l = {.jobs = &row, .job_count = 1};
    if (c->cli->json) {
        return print_listing_json(&l, err);
    }
    printf("%s: " CM_STR_FMT "\n", c->args->name, CM_STR_ARG(row.result));
    return CM_OK;
}

static cm_rc job_id(const call *c, cm_uuid *ret_id, cm_err *err) {
    cm_rc rc = need_name(c, "this needs the id of a job", err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!cm_uuid_parse(cm_str_from(c->args->name), ret_id)) {
        return cm_fail(err, CM_INVALID, "'%s' is no id of a job; see 'codementor jobs list'",
                       c->args->name);
    }
    return CM_OK;
}

static cm_rc changed_one(const call *c, uint64_t changed, const char *done, cm_err *err) {
    if (changed == 0) {
        return cm_fail(err, CM_CONFLICT, "job '%s' is not there, or its state does not allow this",
                       c->args->name);
    }
    printf(c->cli->json ? "{\"id\":\"%s\",\"status\":\"%s\"}\n" : "%s is %s\n", c->args->name,
           done);
    return CM_OK;
}

static cm_rc retry(const call *c, cm_err *err) {
    cm_uuid id;
    uint64_t changed = 0;
    cm_rc rc = job_id(c, &id, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_q_jobs_retry(&c->db, &(cm_q_jobs_retry_in){id}, &changed, err);
    if (rc == CM_EXISTS) {
        return cm_fail(err, CM_CONFLICT, "the same work waits or runs already");
    }
    return rc == CM_OK ? changed_one(c, changed, "queued", err) : rc;
}

static cm_rc cancel(const call *c, cm_err *err) {
    cm_uuid id;
    uint64_t changed = 0;
    cm_rc rc = job_id(c, &id, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_q_jobs_cancel(&c->db, &(cm_q_jobs_cancel_in){id}, &changed, err);
    return rc == CM_OK ? changed_one(c, changed, "cancelled", err) : rc;
}

static cm_rc change(const call *c, cm_row_job_schedules *row, cm_err *err) {
    cm_str when = cm_str_from(c->args->when);
    bool off = cm_str_eq_c(when, "off");
    if (!off && !cm_str_eq_c(when, "on")) {
        row->cron = when;
    }
    cm_cron cron;
    cm_rc rc = cm_cron_parse(row->cron, &cron, err);
    if (rc != CM_OK) {
        return rc;
    }
    row->is_enabled = !off;
    row->next_run_at = cm_cron_next(&cron, cm_clock_wall_ms());
    cm_q_job_schedules_change_in in = {row->name, row->cron, row->is_enabled, row->next_run_at};
    return cm_q_job_schedules_change(&c->db, &in, NULL, err);
}

static cm_rc schedule(const call *c, cm_err *err) {
    cm_row_job_schedules row;
    cm_rc rc = need_name(c, "schedule needs the name of one", err);
    if (rc != CM_OK) {
        return rc;
    }
    if (c->args->when == NULL) {
        return cm_fail(err, CM_INVALID,
                       "schedule needs an expression, on or off; an example: 'every 15m'");
    }
    cm_q_job_schedules_get_in in = {cm_str_from(c->args->name)};
    rc = cm_q_job_schedules_get(&c->db, &in, c->cli->arena, &row, err);
    if (rc == CM_NOT_FOUND) {
        return cm_fail(err, CM_NOT_FOUND, "there is no schedule '%s'; see 'codementor jobs list'",
                       c->args->name);
    }
    if (rc == CM_OK) {
        rc = change(c, &row, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    listing l = {.schedules = &row, .schedule_count = 1};
    if (c->cli->json) {
        return print_listing_json(&l, err);
    }
    char next[CM_TIME_TEXT_MAX];
    printf("%s: %s\n", c->args->name, row.is_enabled ? moment(row.next_run_at, "-", next) : "off");
    return CM_OK;
}

/* --- The command ------------------------------------------------------------------------------ */

static cm_rc (*const actions[])(const call *c, cm_err *err) = {
    [CM_JOBS_ACTION_LIST] = list,         [CM_JOBS_ACTION_RUN] = run,
    [CM_JOBS_ACTION_RETRY] = retry,       [CM_JOBS_ACTION_CANCEL] = cancel,
    [CM_JOBS_ACTION_SCHEDULE] = schedule,
};

int cm_cmd_jobs(const cm_cli *cli) {
    call c = {.cli = cli, .args = cli->args};
    cm_err err = {0};
    cm_store_command command;
    cm_rc rc = cm_store_command_open(cli, false, &command, &err);
    if (rc == CM_OK) {
        command.store.no_migrate = true; /* a server may be at work */
        c.data_dir = command.places.data_dir;
        rc = cm_store_open(&command.store, &c.store, &err);
        if (rc == CM_OK) {
            c.db = cm_store_system(c.store);
            rc = actions[c.args->action](&c, &err);
            cm_store_close(c.store);
        }
        cm_store_command_close(&command);
    }
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
