/* jobs.c - work that outlives its request: what became of it, and how to stop it. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/cursor.h"
#include "api/lookup.h"
#include "api/services.h"

/* The repository that the job works on now, a reference; NULL when it works on none. */
static cm_repository *at_work_on(const cm_call *call, const cm_row_jobs *row) {
    const cm_services *services = call->services;
    cm_repository *repository = NULL;
    cm_uuid job;
    cm_err err;
    if (cm_uuid_is_nil(&row->repository_id) ||
        !cm_repositories_job(services->repositories, &row->repository_id, &job) ||
        !cm_uuid_eq(&job, &row->id) ||
        cm_repositories_find(services->repositories, &call->caller, &row->repository_id,
                             &repository, &err) != CM_OK) {
        return NULL;
    }
    return repository;
}

static double job_progress(const cm_call *call, const cm_row_jobs *row) {
    if (cm_str_eq_c(row->status, "succeeded")) {
        return 1;
    }
    cm_index_progress progress = {0};
    cm_repository *repository = at_work_on(call, row);
    if (repository != NULL) {
        cm_repository_progress(repository, &progress);
    }
    cm_repository_unref(repository);
    return CM_MIN(CM_MAX(progress.progress, 0.0), 1.0);
}

static cm_api_problem *job_problem(cm_call *call, const cm_row_jobs *row) {
    if (row->last_error.len == 0) {
        return NULL;
    }
    cm_api_problem *problem = CM_ARENA_NEW(call->arena, cm_api_problem);
    *problem = (cm_api_problem){.type = CM_STR("/problems/internal"),
                                .title = CM_STR("Internal error"),
                                .status = 500,
                                .detail = row->last_error,
                                .instance = CM_STR(""),
                                .code = CM_STR("internal"),
                                .request_id = call->request_id,
                                .retryable = true};
    return problem;
}

static cm_api_job job_of(cm_call *call, const cm_row_jobs *row) {
    return (cm_api_job){.job_id = cm_uuid_text(call->arena, &row->id),
                        .kind = row->job_type,
                        .status = (enum cm_api_job_status)cm_schema_enum_value(
                            &cm_api_job_status_schema, row->status),
                        .progress = job_progress(call, row),
                        .created_at = row->created_at,
                        .started_at = row->started_at,
                        .has_started_at = row->started_at != 0,
                        .ended_at = row->finished_at,
                        .has_ended_at = row->finished_at != 0,
                        .error = job_problem(call, row),
                        .target = cm_uuid_text(call->arena, &row->repository_id)};
}

static void reply_job(cm_call *call, int status, const cm_uuid *id) {
    const cm_services *services = call->services;
    cm_row_jobs row;
    cm_err err;
    cm_rc rc =
        cm_repositories_job_row(services->repositories, &call->caller, id, call->arena, &row, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_job out = job_of(call, &row);
    cm_call_reply(call, status, &cm_api_job_schema, &out);
}

static cm_rc read_page(cm_call *call, const cm_row_jobs **ret_rows, size_t *ret_count,
                       cm_err *err) {
    const cm_services *services = call->services;
    const cm_api_list_jobs_query *query = call->query;
    cm_job_filter in = {
        .status = cm_str_from(cm_schema_enum_name(&cm_api_job_status_schema, (int)query->status)),
        .type = query->kind.ptr == NULL ? CM_STR("") : query->kind,
        .limit = query->limit + 1};
    cm_rc rc = cm_cursor_read_id(query->cursor, call->route->op, &in.before_id, err);
    if (rc != CM_OK) {
        return rc;
    }
    return cm_repositories_job_page(services->repositories, &call->caller, &in, call->arena,
                                    ret_rows, ret_count, err);
}

void cm_h_list_jobs(cm_call *call) {
    const cm_api_list_jobs_query *query = call->query;
    const cm_row_jobs *rows = NULL;
    size_t count = 0;
    cm_err err;
    cm_rc rc = read_page(call, &rows, &count, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_job_page out = {0};
    size_t shown = CM_MIN(count, (size_t)query->limit);
    out.items.items = cm_arena_alloc(call->arena, (shown + 1) * sizeof(*out.items.items));
    for (size_t i = 0; i < shown; i++) {
        out.items.items[out.items.count++] = job_of(call, &rows[i]);
    }
    if (count > shown) {
        out.next_cursor = cm_cursor_make(cm_uuid_text(call->arena, &rows[shown - 1].id),
                                         call->route->op, call->arena);
    }
    cm_call_reply(call, 200, &cm_api_job_page_schema, &out);
}

void cm_h_get_job(cm_call *call) {
    cm_uuid id;
    cm_assert(cm_uuid_parse(call->path[0], &id));
    reply_job(call, 200, &id);
}

/* The job ends by itself within a file, and writes its own row. */
static cm_rc stop_job(const cm_call *call, const cm_row_jobs *row, cm_err *err) {
    bool ended = !cm_str_eq_c(row->status, "queued") && !cm_str_eq_c(row->status, "running");
    if (ended) {
        return cm_fail(err, CM_INVALID_TRANSITION, "the job has ended already: " CM_STR_FMT,
                       CM_STR_ARG(row->status));
    }
    cm_repository *repository = at_work_on(call, row);
    if (repository != NULL) {
        cm_repository_cancel(repository);
    }
    cm_repository_unref(repository);
    return CM_OK;
}

void cm_h_cancel_job(cm_call *call) {
    const cm_services *services = call->services;
    cm_row_jobs row;
    cm_uuid id;
    cm_err err;
    cm_assert(cm_uuid_parse(call->path[0], &id));
    cm_rc rc = cm_repositories_job_row(services->repositories, &call->caller, &id, call->arena,
                                       &row, &err);
    if (rc == CM_OK) {
        rc = stop_job(call, &row, &err);
    }
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    reply_job(call, 202, &id);
}

void cm_h_rebuild_index(cm_call *call) {
    const cm_services *services = call->services;
    cm_repository *repository = cm_call_repository(call);
    cm_uuid job;
    cm_err err;
    if (repository == NULL) {
        return;
    }
    cm_rc rc = cm_repositories_index(services->repositories, repository, CM_INDEX_FULL, &job, &err);
    cm_repository_unref(repository);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    reply_job(call, 202, &job);
}
