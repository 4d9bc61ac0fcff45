/* maintenance.c - see maintenance.h.
 *
 * Each request of a person (data_requests) is run by a job of its own, `data_request`, so that one which
 * fails is tried again by itself and stops no other. The job names no person: erasing somebody deletes the
 * jobs that do, and would delete itself half-way. */
#include "store/maintenance/maintenance.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/blobs.h"
#include "store/maintenance/audit.h"
#include "store/maintenance/person.h"
#include "store/store_priv.h"

#include "store/q/blobs.h"
#include "store/q/completion_requests.h"
#include "store/q/completion_results.h"
#include "store/q/data_requests.h"
#include "store/q/outbox_events.h"
#include "store/q/repositories.h"

#define HOUR_MS           INT64_C(3600000)
#define DAY_MS            (24 * HOUR_MS)
#define EXPORT_KEPT_MS    (7 * DAY_MS)
#define REPORT_MAX        CM_KIB(64)
#define REPOSITORIES_PAGE 200

static const char *data_dir_of(const cm_job *job) {
    return ((const cm_maintenance *)job->argument)->data_dir;
}

static void result_rows(const cm_job *job, uint64_t rows) {
    cm_buf_add_f(job->result, "{\"rows\":%llu}", (unsigned long long)rows);
}

/* --- Time ------------------------------------------------------------------------------------- */

static cm_rc expire(const cm_job *job, bool caches_only, cm_err *err) {
    uint64_t rows = 0;
    cm_rc rc = cm_retention_run(&job->db, caches_only, &rows, err);
    if (rc == CM_OK) {
        result_rows(job, rows);
    }
    return rc;
}

static cm_rc run_retention(const cm_job *job, cm_err *err) {
    return expire(job, false, err);
}

static cm_rc run_cache_sweep(const cm_job *job, cm_err *err) {
    return expire(job, true, err);
}

static cm_rc sweep_blobs(const cm_job *job, cm_blobs_swept *ret_swept, cm_err *err) {
    return cm_blobs_sweep(&job->db, data_dir_of(job), cm_clock_wall_ms() - CM_BLOB_GRACE_MS,
                          ret_swept, err);
}

static cm_rc run_blobs(const cm_job *job, cm_err *err) {
    cm_blobs_swept swept = {0};
    cm_rc rc = sweep_blobs(job, &swept, err);
    if (rc == CM_OK) {
        cm_buf_add_f(job->result, "{\"rows\":%llu,\"files\":%llu}", (unsigned long long)swept.rows,
                     (unsigned long long)swept.files);
    }
    return rc;
}

static cm_rc run_partitions(const cm_job *job, cm_err *err) {
    return cm_store_maintain(job->db.store, err);
}

/* Lapsed leases go back by themselves (jobs.c); this is for requests whose server died under them. */
static cm_rc run_reclaim(const cm_job *job, cm_err *err) {
    int64_t before = cm_clock_wall_ms() - HOUR_MS;
    uint64_t open = 0;
    uint64_t ignored = 0;
    cm_rc rc = cm_q_completion_requests_sweep(
        &job->db, &(cm_q_completion_requests_sweep_in){before}, &open, err);
    rc = rc == CM_OK
             ? cm_q_completion_results_mark_ignored(
                   &job->db, &(cm_q_completion_results_mark_ignored_in){before}, &ignored, err)
             : rc;
    if (rc == CM_OK) {
        result_rows(job, open + ignored);
    }
    return rc;
}

static cm_rc run_vector_index(const cm_job *job, cm_err *err) {
    cm_store_stats stats;
    cm_vector_index_report report;
    cm_store_stats_get(job->db.store, &stats);
    if (stats.engine == CM_SQLITE) {
        cm_buf_add_c(job->result, "{\"note\":\"SQLite looks at every vector: no index, and "
                                  "vector.index_type has no effect\"}");
        return CM_OK;
    }
    cm_rc rc = cm_store_vector_indexes(job->db.store, job->db.cancel, &report, err);
    if (rc == CM_OK) {
        cm_buf_add_f(job->result, "{\"checked\":%zu,\"built\":%zu,\"elsewhere\":%s}",
                     report.checked, report.built, report.elsewhere ? "true" : "false");
    }
    return rc;
}

/* --- Figures ---------------------------------------------------------------------------------- */

/* Readers see the old figures or the new ones, never none. */
static cm_rc refresh_view(const cm_db *db, void *argument, cm_err *err) {
    const cm_view *view = argument;
    cm_store_stats stats;
    cm_store_stats_get(db->store, &stats);
    cm_rc rc = cm_query_exec(db, view->refresh, NULL, NULL, err);
    bool refilled = view->fill->sql[stats.engine][CM_DB_SYSTEM] == NULL;
    return rc == CM_OK && !refilled ? cm_query_exec(db, view->fill, NULL, NULL, err) : rc;
}

static cm_rc run_analytics(const cm_job *job, cm_err *err) {
    for (size_t i = 0; i < cm_view_count; i++) {
        cm_rc rc = cm_cancel_check(job->db.cancel, err);
        rc = rc == CM_OK ? cm_db_write(&job->db, CM_NORMAL, refresh_view,
                                       (void *)(uintptr_t)&cm_views[i], err)
                         : rc;
        if (rc != CM_OK) {
            return cm_err_prefix(err, rc, "figures of '%s'", cm_views[i].name);
        }
    }
    return CM_OK;
}

/* --- One request of a person ------------------------------------------------------------------ */

typedef struct asked {
    cm_row_data_requests row;
    const char *folder; /* of an export; NULL = into a blob */
    cm_row_blobs blob;
    cm_buf *report;
} asked;

/* An archive that grows, until it is a blob; the folders of exports before they were blobs. */

static const char *export_path(const cm_job *job, const cm_uuid *id, cm_arena *arena) {
    char text[CM_UUID_TEXT];
    cm_uuid_format(id, text);
    return cm_arena_fmt(arena, "%s/exports/%s", data_dir_of(job), text).ptr;
}

/* Payload: {"request": id, "folder": path}. Only the server's own commands write jobs. */
static cm_rc read_payload(const cm_job *job, cm_arena *arena, asked *r, cm_err *err) {
    json_t *payload;
    cm_rc rc = cm_json_parse(job->row->payload, &payload, err);
    if (rc != CM_OK) {
        return cm_err_prefix(err, CM_INVALID, "payload of the job");
    }
    const char *text = json_string_value(json_object_get(payload, "request"));
    const char *folder = json_string_value(json_object_get(payload, "folder"));
    if (!cm_uuid_parse(cm_str_from(text), &r->row.id)) {
        rc = cm_fail(err, CM_INVALID, "payload of the job has no id 'request'");
    } else {
        r->folder = folder != NULL ? cm_arena_c(arena, cm_str_from(folder)) : NULL;
    }
    json_decref(payload);
    return rc;
}

typedef CM_VEC(cm_uuid) ids;

static cm_rc owned_repositories(const cm_db *db, cm_uuid person, ids *ret, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_repositories_export_in in = {.person_id = person, .limit = REPOSITORIES_PAGE};
    const cm_row_repositories *rows;
    size_t count = 0;
    do {
        cm_rc rc = cm_q_repositories_export(db, &in, arena, &rows, &count, err);
        if (rc != CM_OK) {
            return rc;
        }
        for (size_t i = 0; i < count; i++) {
            if (!cm_vec_push(ret, rows[i].id)) {
                return cm_fail(err, CM_NOMEM, "no memory for the person's repositories");
            }
            in.after_id = rows[i].id;
        }
    } while (count == REPOSITORIES_PAGE);
    return CM_OK;
}

/* The index, in memory and on disk, of what went with the person; what a team took over stays. */
static cm_rc remove_indexes(const cm_job *job, const ids *repositories, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const cm_maintenance *maintenance = job->argument;
    cm_rc rc = CM_OK;
    if (maintenance->close_deleted != NULL) {
        rc = maintenance->close_deleted(maintenance->argument, err);
    }
    for (size_t i = 0; rc == CM_OK && i < repositories->count; i++) {
        cm_row_repositories row;
        char id[CM_UUID_TEXT];
        cm_uuid_format(&repositories->items[i], id);
        rc = cm_q_repositories_get(&job->db, &(cm_q_repositories_get_in){repositories->items[i]},
                                   arena, &row, err);
        if (rc == CM_NOT_FOUND) {
            rc = cm_dir_remove(cm_arena_fmt(arena, "%s/index/%s", data_dir_of(job), id).ptr, err);
        }
    }
    return rc;
}

static cm_rc erase(const cm_job *job, const asked *r, cm_err *err) {
    ids repositories = {0};
    cm_rc rc = owned_repositories(&job->db, r->row.user_id, &repositories, err);
    rc = rc == CM_OK ? cm_person_erase(&job->db, r->row.user_id, r->report, err) : rc;
    rc = rc == CM_OK ? remove_indexes(job, &repositories, err) : rc;
    cm_blobs_swept swept; /* files of workspaces that went with the person */
    rc = rc == CM_OK ? sweep_blobs(job, &swept, err) : rc;
    cm_vec_done(&repositories);
    return rc;
}

/* Done, told to whoever listens, and out of the figures: one commit. */
static cm_rc finish(const cm_db *db, void *argument, cm_err *err) {
    const asked *r = argument;
    bool erased = cm_str_eq_c(r->row.kind, "erase");
    cm_q_data_requests_finish_in in = {r->row.id, CM_STR("done"), cm_buf_str(r->report),
                                       r->blob.id};
    cm_rc rc = cm_q_data_requests_finish(db, &in, err);
    if (rc != CM_OK || !erased) {
        return rc;
    }
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    char person[CM_UUID_TEXT];
    cm_uuid_format(&r->row.user_id, person);
    cm_q_outbox_events_insert_in event = {
        .topic = CM_STR("gdpr"),
        .partition_key = cm_str_from(person),
        .payload = cm_arena_fmt(arena, "{\"event\":\"gdpr.erased\",\"user_id\":\"%s\"}", person)};
    cm_q_outbox_events_insert_row key;
    rc = cm_q_outbox_events_insert(db, &event, arena, &key, err);
    cm_q_jobs_enqueue_in figures = {
        .id = cm_uuid_v7(), .job_type = CM_STR("analytics"), .dedupe_key = CM_STR("analytics")};
    return rc == CM_OK ? cm_q_jobs_enqueue(db, &figures, NULL, err) : rc;
}

/* A blob of the person's own workspace: it goes with them. */
static cm_rc export_blob(const cm_job *job, asked *r, cm_arena *arena, cm_buf *tables,
                         cm_err *err) {
    const char *path = export_path(job, &r->row.id, arena);
    cm_uuid workspace;
    cm_uuid blob;
    cm_rc rc = cm_dir_make(cm_arena_fmt(arena, "%s/exports", data_dir_of(job)).ptr, err);
    rc = rc == CM_OK ? cm_dir_remove(path, err) : rc; /* what a killed attempt has left */
    rc = rc == CM_OK ? cm_store_personal_workspace(&job->db, r->row.user_id, &workspace, err) : rc;
    rc = rc == CM_OK ? cm_person_export_archive(&job->db, r->row.user_id, path, tables, err) : rc;
    rc = rc == CM_OK ? cm_blob_adopt(&job->db, data_dir_of(job), workspace, path,
                                     CM_STR("application/x-tar"), &blob, err)
                     : rc;
    return rc == CM_OK ? cm_q_blobs_get(&job->db, &(cm_q_blobs_get_in){blob}, arena, &r->blob, err)
                       : rc;
}

static void add_place(cm_json_writer *w, const asked *r) {
    char text[CM_TIME_TEXT_MAX];
    char id[CM_UUID_TEXT];
    if (r->folder != NULL) {
        cm_json_key(w, "folder");
        cm_json_c(w, r->folder);
        return;
    }
    cm_uuid_format(&r->blob.id, id);
    cm_json_key(w, "blob");
    cm_json_object(w);
    cm_json_key(w, "id");
    cm_json_c(w, id);
    cm_json_key(w, "bytes");
    cm_json_i64(w, r->blob.size_bytes);
    cm_json_key(w, "sha256");
    cm_json_str(w, r->blob.content_hash);
    cm_json_key(w, "expires_at");
    cm_json_str(w, cm_time_format(cm_clock_wall_ms() + EXPORT_KEPT_MS, text));
    cm_json_object_end(w);
}

static cm_rc carry_out(const cm_job *job, asked *r, cm_arena *arena, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf tables;
    cm_buf_init(&tables, REPORT_MAX / 2);
    bool export = cm_str_eq_c(r->row.kind, "export");
    cm_buf *report = r->report;
    r->report = &tables;
    cm_rc rc = !export ? erase(job, r, err)
               : r->folder == NULL
                   ? export_blob(job, r, arena, &tables, err)
                   : cm_person_export(&job->db, r->row.user_id, r->folder, &tables, err);
    r->report = report;
    cm_json_writer w;
    cm_json_writer_init(&w, report);
    cm_json_object(&w);
    cm_json_key(&w, "tables");
    cm_json_raw(&w, cm_buf_str(&tables));
    if (export && rc == CM_OK) {
        add_place(&w, r);
    }
    cm_json_object_end(&w);
    return rc == CM_OK ? cm_buf_check(report, err) : rc;
}

static void record_failure(const cm_job *job, const asked *r, const cm_err *why) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_KIB(4));
    cm_buf_add_c(&text, "{\"error\":");
    cm_json_quote(&text, cm_str_from(why->text));
    cm_buf_add_char(&text, '}');
    cm_err err = {0};
    cm_q_data_requests_finish_in in = {r->row.id, CM_STR("failed"), cm_buf_str(&text), {{0}}};
    if (cm_q_data_requests_finish(&job->db, &in, &err) != CM_OK) {
        cm_log_err(CM_LOG_ERROR, "cannot record that a person's request failed", &err);
    }
}

/* --- Restriction ------------------------------------------------------------------------------
 *
 * What it does to each table stands in the declaration (spec/schema.tables) and in the statements made of it; here
 * it only begins and ends, each time with its entry in the audit log. */

typedef struct restriction {
    const cm_keyring *ring;
    cm_uuid person, request; /* nil request: lift */
    bool changed;
} restriction;

static cm_rc change_restriction(const cm_db *db, void *argument, cm_err *err) {
    restriction *r = argument;
    bool lift = cm_uuid_is_nil(&r->request);
    uint64_t rows = 0;
    cm_rc rc =
        lift ? cm_q_data_requests_lift(db, &(cm_q_data_requests_lift_in){r->person}, &rows, err)
             : cm_q_data_requests_impose(db, &(cm_q_data_requests_impose_in){r->request}, &rows,
                                         err);
    r->changed = rows != 0;
    if (rc != CM_OK || rows == 0) {
        return rc;
    }
    char person[CM_UUID_TEXT];
    cm_uuid_format(&r->person, person);
    cm_audit_entry entry = {.user_id = r->person,
                            .actor_type = CM_STR("system"),
                            .action = lift ? CM_STR("gdpr.lift") : CM_STR("gdpr.restrict"),
                            .entity_type = CM_STR("users"),
                            .entity_id = cm_str_from(person)};
    return cm_audit_add(db, r->ring, &entry, err);
}

static cm_rc write_restriction(const cm_db *db, const char *data_dir, restriction *r, cm_err *err) {
    cm_keyring *ring = NULL;
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/keys", data_dir);
    cm_rc rc = cm_keyring_open(path, &ring, err);
    r->ring = ring;
    rc = rc == CM_OK ? cm_db_write(db, CM_FULL, change_restriction, r, err) : rc;
    cm_keyring_close(ring);
    return rc;
}

static cm_rc impose(const cm_job *job, const asked *r, cm_err *err) {
    restriction change = {.person = r->row.user_id, .request = r->row.id};
    return write_restriction(&job->db, data_dir_of(job), &change, err);
}

cm_rc cm_restriction_lift(cm_store *store, const char *data_dir, cm_uuid person, cm_err *err) {
    cm_db db = cm_store_system(store);
    restriction change = {.person = person};
    cm_rc rc = write_restriction(&db, data_dir, &change, err);
    return rc == CM_OK && !change.changed
               ? cm_fail(err, CM_NOT_FOUND,
                         "the processing of this person's data is not restricted")
               : rc;
}

/* Who asked that data be kept may need it: to erase it takes a second thought. */
static cm_rc refuse_restricted(const cm_job *job, const asked *r, cm_arena *arena, cm_err *err) {
    cm_q_data_requests_restricted_in in = {r->row.user_id};
    cm_q_data_requests_restricted_row row;
    cm_rc rc = cm_q_data_requests_restricted(&job->db, &in, arena, &row, err);
    return rc == CM_OK && row.count != 0
               ? cm_fail(err, CM_INVALID,
                         "the processing of this person's data is restricted; lift that first with "
                         "'codementor user lift'")
               : rc;
}

static cm_rc run_data_request(const cm_job *job, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    asked r = {.report = job->result};
    cm_rc rc = read_payload(job, arena, &r, err);
    rc = rc == CM_OK ? cm_q_data_requests_get(&job->db, &(cm_q_data_requests_get_in){r.row.id},
                                              arena, &r.row, err)
                     : rc;
    if (rc != CM_OK) {
        return rc == CM_NOT_FOUND ? cm_fail(err, CM_INVALID, "the request is not there any more")
                                  : rc;
    }
    if (cm_str_eq_c(r.row.kind, "restrict")) {
        return impose(job, &r, err);
    }
    uint64_t begun = 0;
    rc = cm_q_data_requests_begin(&job->db, &(cm_q_data_requests_begin_in){r.row.id}, &begun, err);
    if (rc != CM_OK || begun == 0) {
        return rc; /* done or cancelled meanwhile */
    }
    rc = cm_str_eq_c(r.row.kind, "erase") ? refuse_restricted(job, &r, arena, err) : rc;
    rc = rc == CM_OK ? carry_out(job, &r, arena, err) : rc;
    rc = rc == CM_OK ? cm_db_write(&job->db, CM_FULL, finish, &r, err) : rc;
    bool last = rc == CM_INVALID || job->row->attempts >= job->row->max_attempts;
    if (rc != CM_OK && rc != CM_CANCELLED && last) {
        record_failure(job, &r, err);
    }
    return rc;
}

/* --- All requests of people ------------------------------------------------------------------- */

static cm_rc add_job(const cm_db *db, cm_uuid id, const char *folder, cm_uuid *ret_job,
                     cm_err *err) {
    char text[CM_UUID_TEXT];
    cm_uuid_format(&id, text);
    cm_cleanup(cm_buf_done) cm_buf payload;
    cm_buf_init(&payload, CM_KIB(16));
    cm_json_writer w;
    cm_json_writer_init(&w, &payload);
    cm_json_object(&w);
    cm_json_key(&w, "request");
    cm_json_c(&w, text);
    if (folder != NULL) {
        cm_json_key(&w, "folder");
        cm_json_c(&w, folder);
    }
    cm_json_object_end(&w);
    cm_rc rc = cm_buf_check(&payload, err);
    cm_job_new job = {CM_STR("data_request"), cm_buf_str(&payload), cm_str_from(text)};
    return rc == CM_OK ? cm_job_add(db, &job, ret_job, err) : rc;
}

static cm_rc begin_pending(const cm_job *job, uint64_t *ret_count, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const cm_row_data_requests *rows;
    size_t count = 0;
    cm_uuid id;
    cm_rc rc = cm_q_data_requests_pending(&job->db, &(cm_q_data_requests_pending_in){.limit = 100},
                                          arena, &rows, &count, err);
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        rc = add_job(&job->db, rows[i].id, NULL, &id, err);
    }
    *ret_count = count;
    return rc;
}

static cm_rc remove_export(void *argument, const char *path, const char *name, cm_err *err) {
    const cm_job *job = argument;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_row_data_requests row;
    cm_uuid id;
    if (!cm_uuid_parse(cm_str_from(name), &id)) {
        return CM_OK; /* not ours */
    }
    cm_rc rc = cm_q_data_requests_get(&job->db, &(cm_q_data_requests_get_in){id}, arena, &row, err);
    bool over = rc == CM_NOT_FOUND || (rc == CM_OK && row.completed_at != 0 &&
                                       row.completed_at < cm_clock_wall_ms() - EXPORT_KEPT_MS);
    return over ? cm_dir_remove(path, err) : (rc == CM_NOT_FOUND ? CM_OK : rc);
}

static cm_rc remove_old_exports(const cm_job *job, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const char *folder = cm_arena_fmt(arena, "%s/exports", data_dir_of(job)).ptr;
    return cm_dir_each(folder, remove_export, (void *)(uintptr_t)job, err); /* drops const only */
}

static cm_rc let_go_of_exports(const cm_job *job, cm_err *err) {
    cm_q_data_requests_let_go_in in = {cm_clock_wall_ms() - EXPORT_KEPT_MS};
    cm_blobs_swept swept;
    uint64_t rows = 0;
    cm_rc rc = cm_q_data_requests_let_go(&job->db, &in, &rows, err);
    return rc == CM_OK && rows != 0 ? sweep_blobs(job, &swept, err) : rc;
}

static cm_rc run_data_requests(const cm_job *job, cm_err *err) {
    uint64_t rows = 0;
    uint64_t begun = 0;
    cm_rc rc = begin_pending(job, &begun, err);
    rc = rc == CM_OK ? cm_consents_enforce(&job->db, &rows, err) : rc;
    rc = rc == CM_OK ? remove_old_exports(job, err) : rc;
    rc = rc == CM_OK ? let_go_of_exports(job, err) : rc;
    if (rc == CM_OK) {
        cm_buf_add_f(job->result, "{\"requests\":%llu,\"rows\":%llu}", (unsigned long long)begun,
                     (unsigned long long)rows);
    }
    return rc;
}

static const char *const kinds[] = {[CM_DATA_REQUEST_EXPORT] = "export",
                                    [CM_DATA_REQUEST_ERASE] = "erase",
                                    [CM_DATA_REQUEST_RESTRICT] = "restrict"};

typedef struct add_call {
    const cm_data_request_new *request;
    cm_uuid id, job;
} add_call;

static cm_rc add_request(const cm_db *db, void *argument, cm_err *err) {
    add_call *call = argument;
    call->id = cm_uuid_v7();
    cm_q_data_requests_insert_in in = {.id = call->id,
                                       .user_id = call->request->person,
                                       .kind = cm_str_from(kinds[call->request->kind]),
                                       .due_at =
                                           cm_clock_wall_ms() + CM_DATA_REQUEST_DAYS * DAY_MS};
    cm_rc rc = cm_q_data_requests_insert(db, &in, err);
    return rc == CM_OK ? add_job(db, call->id, call->request->folder, &call->job, err) : rc;
}

cm_rc cm_data_request_add(cm_store *store, const cm_data_request_new *request, cm_uuid *ret_request,
                          cm_uuid *ret_job, cm_err *err) {
    cm_db db = cm_store_system(store);
    add_call call = {.request = request};
    cm_rc rc = cm_db_write(&db, CM_FULL, add_request, &call, err);
    if (rc == CM_OK) {
        *ret_request = call.id;
        *ret_job = call.job;
    }
    return rc;
}

/* --- Which there are -------------------------------------------------------------------------- */

const cm_job_type cm_maintenance_jobs[] = {
    {"analytics", run_analytics, "every 15m", "refresh the figures (mv_*)"},
    {"blobs", run_blobs, "45 3 * * *", "delete contents that nothing refers to any more"},
    {"cache_sweep", run_cache_sweep, "every 1m", "drop cached rows that have expired"},
    {"data_requests", run_data_requests, "every 5m",
     "begin what people asked for, purge what they withdrew, remove exports older than a week"},
    {"data_request", run_data_request, NULL,
     "export or erase one person, or restrict what is done with their data"},
    {"partitions", run_partitions, "10 0 * * *",
     "PostgreSQL: months made three ahead, dropped when their retention is over"},
    {"reclaim", run_reclaim, "every 15m", "end requests whose server died"},
    {"retention", run_retention, "30 3 * * *", "delete rows whose retention is over"},
    {CM_JOB_VECTOR_INDEX, run_vector_index, "50 2 * * *",
     "PostgreSQL: indexes of vectors as vector.index_type says, lists learned again as rows "
     "double"},
};
const size_t cm_maintenance_job_count = CM_COUNT(cm_maintenance_jobs);

cm_jobs_options cm_maintenance_options(cm_store *store, cm_maintenance *maintenance) {
    return (cm_jobs_options){.store = store,
                             .types = cm_maintenance_jobs,
                             .type_count = cm_maintenance_job_count,
                             .argument = maintenance};
}
