/* record.c - see record.h. */
#include "base/base.h"

#include "repository/record.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "index/live/settings.h"
#include "index/snapshot/codebase.h"
#include "index/tables/tables.h"
#include "repository/repository_priv.h"
#include "store/q/jobs.h"
#include "store/q/repositories.h"
#include "store/q/repository_dependencies.h"

#define WORKER_NAME "server"
#define LIST_MAX    CM_MIB(1)

/* ---- what an index holds ---- */

typedef struct indexed {
    cm_q_repositories_set_indexed_in row;
    const cm_q_repository_dependencies_insert_in *dependencies;
    size_t dependency_count;
} indexed;

static cm_rc fill_dependencies(const cm_codebase *codebase, const cm_uuid *id, cm_arena *arena,
                               indexed *out, cm_err *err) {
    size_t count = codebase->dependency_count;
    cm_q_repository_dependencies_insert_in *rows =
        cm_arena_try_calloc(arena, count + 1, sizeof(*rows));
    if (rows == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for the dependencies of a repository");
    }
    for (size_t i = 0; i < count; i++) {
        const cm_dependency *d = &codebase->dependencies[i].package;
        rows[i] = (cm_q_repository_dependencies_insert_in){
            .repository_id = *id,
            .package_manager = d->manager,
            .name = d->name,
            .version = d->version.ptr == NULL ? CM_STR("") : d->version,
            .dependency_type = d->is_development ? CM_STR("development") : CM_STR("production"),
            .manifest_path = codebase->dependencies[i].path};
    }
    out->dependencies = rows;
    out->dependency_count = count;
    return CM_OK;
}

static cm_str json_list(const cm_str *items, size_t count, cm_arena *arena) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_json_writer w;
    cm_buf_init(&out, LIST_MAX);
    cm_json_writer_init(&w, &out);
    cm_json_array(&w);
    for (size_t i = 0; i < count; i++) {
        cm_json_str(&w, items[i]);
    }
    cm_json_array_end(&w);
    return cm_arena_str(arena, cm_buf_str(&out));
}

/* Style, frameworks and dependencies; what a person overruled stays. */
static cm_rc describe(const cm_recorder *recorder, const cm_snapshot *snapshot, cm_arena *arena,
                      indexed *out, cm_err *err) {
    cm_db db = cm_store_system(recorder->store);
    cm_codebase *codebase = CM_ARENA_NEW(arena, cm_codebase);
    cm_row_repositories before;
    cm_rc rc =
        cm_q_repositories_get(&db, &(cm_q_repositories_get_in){out->row.id}, arena, &before, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = recorder->style_guide(snapshot, before.style_guide, arena, &out->row.style_guide, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_codebase_read(snapshot, arena, codebase, err);
    if (rc != CM_OK) {
        return rc;
    }
    out->row.frameworks = json_list(codebase->frameworks, codebase->framework_count, arena);
    return fill_dependencies(codebase, &out->row.id, arena, out, err);
}

static void fill_counts(const cm_snapshot *snapshot, cm_arena *arena,
                        cm_q_repositories_set_indexed_in *row) {
    cm_cleanup(cm_buf_done) cm_buf stats;
    cm_cleanup(cm_buf_done) cm_buf names;
    cm_snapshot_statistics s;
    cm_buf_init(&stats, CM_KIB(64));
    cm_buf_init(&names, CM_KIB(64));
    cm_snapshot_statistics_get(snapshot, &s);
    cm_tables_languages(&s, &stats, &names);
    cm_str primary = s.language_count > 0 ? s.languages[0].language : CM_STR_EMPTY;
    row->index_generation = (int64_t)cm_snapshot_generation(snapshot);
    row->file_count = (int64_t)s.files;
    row->symbol_count = (int64_t)s.symbols;
    row->chunk_count = (int64_t)s.chunks;
    row->line_count = (int64_t)s.lines;
    row->index_size_bytes = (int64_t)s.index_bytes;
    row->language_stats = cm_arena_str(arena, cm_buf_str(&stats));
    row->languages = cm_arena_str(arena, cm_buf_str(&names));
    row->primary_language = primary.len > 0 ? primary : CM_STR("unknown");
}

/* The packages of the last run take the place of all that was there. */
static cm_rc write_dependencies(const cm_db *db, const indexed *in, cm_err *err) {
    cm_q_repository_dependencies_clear_in all = {.repository_id = in->row.id};
    uint64_t ignored;
    cm_rc rc = cm_q_repository_dependencies_clear(db, &all, &ignored, err);
    if (rc != CM_OK || in->dependency_count == 0) {
        return rc;
    }
    return cm_q_repository_dependencies_insert_batch(db, in->dependencies, in->dependency_count,
                                                     err);
}

static cm_rc write_indexed(const cm_db *db, void *argument, cm_err *err) {
    const indexed *in = argument;
    cm_rc rc = cm_q_repositories_set_indexed(db, &in->row, err);
    return rc == CM_OK ? write_dependencies(db, in, err) : rc;
}

/* Of the index's snapshot; false without one. The head is that of the tree now. */
static bool fill_indexed(const cm_recorder *recorder, cm_index *index, const cm_snapshot *snapshot,
                         cm_arena *arena, indexed *out, cm_err *err) {
    char head[CM_GIT_HEAD_TEXT];
    *out = (indexed){
        .row = {.id = *cm_index_id(index), .status = CM_STR(""), .frameworks = CM_STR("[]")}};
    fill_counts(snapshot, arena, &out->row);
    if (cm_index_head(index, head)) {
        out->row.current_revision = cm_arena_str(arena, cm_str_from(head));
    }
    if (describe(recorder, snapshot, arena, out, err) == CM_OK) {
        return true;
    }
    if (err->rc != CM_NOT_FOUND) {
        cm_log_err(CM_LOG_WARN, "style and dependencies are not kept in the database", err);
    }
    return false;
}

static void record_index(const cm_recorder *recorder, cm_index *index, const char *status) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_system(recorder->store);
    cm_snapshot *snapshot = cm_index_snapshot(index);
    indexed out;
    cm_err err = {0};
    if (snapshot == NULL) {
        return;
    }
    (void)fill_indexed(recorder, index, snapshot, arena, &out, &err);
    out.row.status = cm_str_from(status);
    cm_rc rc = cm_db_write(&db, CM_FULL, write_indexed, &out, &err);
    if (rc != CM_OK && rc != CM_NOT_FOUND) {
        cm_log_err(CM_LOG_WARN, "what the index holds is not in the database yet", &err);
        cm_q_repositories_set_indexed_post(&db, &out.row, NULL);
    }
    cm_snapshot_unref(snapshot);
}

void cm_record_index(const cm_recorder *recorder, cm_repository *repository) {
    cm_index *index = cm_repository_index_ref(repository);
    record_index(recorder, index, "");
    cm_index_unref(index);
}

static cm_rc write_described(const cm_db *db, void *argument, cm_err *err) {
    const indexed *in = argument;
    cm_q_repositories_set_described_in row = {.id = in->row.id,
                                              .frameworks = in->row.frameworks,
                                              .style_guide = in->row.style_guide,
                                              .current_revision = in->row.current_revision};
    cm_rc rc = cm_q_repositories_set_described(db, &row, err);
    return rc == CM_OK ? write_dependencies(db, in, err) : rc;
}

void cm_record_described(const cm_recorder *recorder, cm_index *index) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_system(recorder->store);
    cm_snapshot *snapshot = cm_index_snapshot(index);
    indexed out;
    cm_err err = {0};
    if (snapshot == NULL) {
        return;
    }
    if (fill_indexed(recorder, index, snapshot, arena, &out, &err) &&
        cm_db_write(&db, CM_FULL, write_described, &out, &err) != CM_OK && err.rc != CM_NOT_FOUND) {
        cm_log_err(CM_LOG_WARN, "style and dependencies are not in the database yet", &err);
    }
    cm_snapshot_unref(snapshot);
}

/* ---- jobs ---- */

typedef struct beginning {
    cm_q_jobs_insert_in job;
    cm_q_repositories_set_status_in status;
} beginning;

static cm_rc write_beginning(const cm_db *db, void *argument, cm_err *err) {
    const beginning *b = argument;
    cm_rc rc = cm_q_repositories_set_status(db, &b->status, err);
    return rc == CM_OK ? cm_q_jobs_insert(db, &b->job, err) : rc;
}

/* What a watcher starts has no row of its own: nobody asked, and nobody waits for it. */
cm_rc cm_record_job_begin(const cm_recorder *recorder, cm_repository *repository,
                          const cm_repository_job *job, cm_err *err) {
    cm_db db = cm_store_system(recorder->store);
    if (job->origin == CM_JOB_WATCHED) {
        return CM_OK;
    }
    beginning b = {.job = {.id = job->id,
                           .job_type = CM_STR("index"),
                           .status = CM_STR("running"),
                           .repository_id = *cm_repository_id(repository),
                           .max_attempts = CM_INT(1),
                           .attempts = 1,
                           .locked_by = CM_STR(WORKER_NAME),
                           .started_at = cm_clock_wall_ms()},
                   .status = {.id = *cm_repository_id(repository), .status = CM_STR("indexing")}};
    cm_repository_owner(repository, &b.job.user_id);
    return cm_db_write(&db, CM_FULL, write_beginning, &b, err);
}

typedef struct ending {
    cm_q_repositories_set_status_in status; /* when it did not succeed */
    cm_q_jobs_cancel_in cancel;
    cm_q_jobs_fail_in fail;
    cm_q_jobs_succeed_in succeed;
    bool asked, failed, cancelled;
} ending;

static cm_rc write_job_end(const cm_db *db, const ending *e, cm_err *err) {
    if (e->failed) {
        return cm_q_jobs_fail(db, &e->fail, NULL, err);
    }
    return e->cancelled ? cm_q_jobs_cancel(db, &e->cancel, NULL, err)
                        : cm_q_jobs_succeed(db, &e->succeed, NULL, err);
}

static cm_rc write_ending(const cm_db *db, void *argument, cm_err *err) {
    const ending *e = argument;
    cm_rc rc = CM_OK;
    if (e->failed || e->cancelled) {
        rc = cm_q_repositories_set_status(db, &e->status, err);
    }
    return rc == CM_OK && e->asked ? write_job_end(db, e, err) : rc;
}

static void post_ending(const cm_db *db, const ending *e) {
    if (e->failed || e->cancelled) {
        cm_q_repositories_set_status_post(db, &e->status, NULL);
    }
    if (!e->asked) {
        return;
    }
    if (e->failed) {
        cm_q_jobs_fail_post(db, &e->fail, NULL);
    } else if (e->cancelled) {
        cm_q_jobs_cancel_post(db, &e->cancel, NULL);
    } else {
        cm_q_jobs_succeed_post(db, &e->succeed, NULL);
    }
}

void cm_record_job_end(const cm_recorder *recorder, cm_repository *repository,
                       const cm_repository_job *job, const cm_index_progress *progress) {
    cm_db db = cm_store_system(recorder->store);
    cm_err err;
    bool failed = progress->error.rc != CM_OK;
    /* One that the end of the server cut short is begun again by the next. */
    bool cut = progress->cancelled && cm_repository_state_of(repository) == CM_REPOSITORY_CLOSING;
    cm_str why = failed ? cm_str_from(progress->error.text) : CM_STR("cancelled");
    ending e = {
        .status = {.id = *cm_repository_id(repository),
                   .status = failed ? CM_STR("error")
                             : cut  ? CM_STR("pending")
                                    : CM_STR("ready"),
                   .index_error = why,
                   .index_progress = progress->progress},
        .cancel = {.id = job->id},
        .fail = {.id = job->id,
                 .locked_by = CM_STR(WORKER_NAME),
                 .last_error = why,
                 .run_at = cm_clock_wall_ms()},
        .succeed = {.id = job->id, .locked_by = CM_STR(WORKER_NAME), .result = CM_STR("{}")},
        .asked = job->origin == CM_JOB_ASKED,
        .failed = failed,
        .cancelled = progress->cancelled};
    if (!failed && !progress->cancelled) {
        cm_index *index = cm_repository_index_ref(repository);
        record_index(recorder, index, "ready");
        cm_index_unref(index);
    }
    cm_rc rc = cm_db_write(&db, CM_FULL, write_ending, &e, &err);
    if (rc != CM_OK && rc != CM_NOT_FOUND) { /* else it was deleted, and its jobs with it */
        cm_log_err(CM_LOG_WARN, "the end of an index job is not in the database yet", &err);
        post_ending(&db, &e);
    }
}

cm_rc cm_record_forgotten(const cm_recorder *recorder, const cm_uuid *repository, cm_err *err) {
    cm_db db = cm_store_system(recorder->store);
    cm_q_repositories_set_status_in status = {.id = *repository,
                                              .status = CM_STR("created"),
                                              .index_error = CM_STR(CM_REPOSITORY_FORGOTTEN)};
    return cm_q_repositories_set_status(&db, &status, err);
}
