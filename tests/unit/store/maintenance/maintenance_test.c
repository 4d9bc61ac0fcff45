/* The jobs of maintenance.c on both engines: what people ask for, and what time takes. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "base/json.h"
#include "store/jobs/cron.h"
#include "store/maintenance/maintenance.h"

#include "store/blobs.h"
#include "store/q/blobs.h"
#include "store/q/conversations.h"
#include "store/q/data_requests.h"
#include "store/q/outbox_events.h"
#include "store/q/rate_limit_buckets.h"
#include "store/q/user_preferences.h"
#include "store/q/users.h"

#include <unistd.h>

#define DAY_MS (24 * 3600 * 1000ll)

static cm_row_jobs run_job(fixture *f, cm_uuid id) {
    cm_maintenance maintenance = {.data_dir = f->dir};
    cm_jobs_options options = cm_maintenance_options(f->store, &maintenance);
    cm_row_jobs row = {0};
    assert_ok(cm_job_run(&options, id, f->arena, &row, err));
    return row;
}

static cm_row_jobs run_named(fixture *f, const char *name) {
    cm_uuid id;
    cm_job_new job = {.type = cm_str_from(name)};
    assert_ok(cm_job_add(&f->system, &job, &id, err));
    cm_row_jobs row = run_job(f, id);
    if (!cm_str_eq_c(row.status, "succeeded")) {
        fail_msg("%s: " CM_STR_FMT, name, CM_STR_ARG(row.last_error));
    }
    return row;
}

static void test_store_maintenance__every_job_runs_on_an_idle_database(void **state) {
    fixture *f = *state;
    for (size_t i = 0; i < cm_maintenance_job_count; i++) {
        cm_cron cron;
        if (cm_maintenance_jobs[i].cron != NULL) {
            assert_ok(cm_cron_parse(cm_str_from(cm_maintenance_jobs[i].cron), &cron, err));
            run_named(f, cm_maintenance_jobs[i].name);
        }
    }
}

static cm_row_data_requests request_of(fixture *f, cm_uuid id) {
    cm_row_data_requests row;
    assert_ok(
        cm_q_data_requests_get(&f->system, &(cm_q_data_requests_get_in){id}, f->arena, &row, err));
    return row;
}

static cm_uuid make_person(fixture *f) {
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("person@example.com")};
    assert_ok(cm_q_users_insert(&f->system, &person, err));
    return person.id;
}

static const char *blob_path(fixture *f, cm_uuid id) {
    cm_str path;
    assert_ok(cm_blob_path(&f->system, f->dir, &id, f->arena, &path, err));
    return path.ptr;
}

static cm_uuid export_as_blob(fixture *f, cm_uuid person, cm_uuid *ret_request) {
    cm_uuid job;
    cm_data_request_new request = {.person = person};
    assert_ok(cm_data_request_add(f->store, &request, ret_request, &job, err));
    cm_row_jobs row = run_job(f, job);
    if (!cm_str_eq_c(row.status, "succeeded")) {
        fail_msg(CM_STR_FMT, CM_STR_ARG(row.last_error));
    }
    return request_of(f, *ret_request).result_blob_id;
}

static void end_export(fixture *f, cm_uuid request, int64_t completed_at) {
    cm_row_data_requests row = request_of(f, request);
    row.completed_at = completed_at;
    assert_ok(cm_q_data_requests_update(&f->system, &row, err));
}

static void test_store_maintenance__an_export_is_an_archive_that_is_kept_for_a_week(void **state) {
    fixture *f = *state;
    cm_uuid request;
    cm_uuid person = make_person(f);
    cm_uuid blob = export_as_blob(f, person, &request);
    const char *path = blob_path(f, blob);
    char command[256];
    snprintf(command, sizeof command, "tar -xOf '%s' users.json | grep -q person@example.com",
             path);
    assert_int_equal(system(command), 0); /* and tar(1) understands it */
    cm_db owner = cm_store_as(f->store, person);
    const char *copy = cm_arena_fmt(f->arena, "%s/mine.tar", f->dir).ptr;
    assert_ok(cm_blob_copy(&owner, f->dir, &blob, copy, err));
    assert_rc(CM_NOT_FOUND, cm_blob_copy(&f->me, f->dir, &blob, copy, err)); /* nobody else's */
    run_named(f, "data_requests");
    assert_int_equal(access(path, F_OK), 0);
    end_export(f, request, cm_clock_wall_ms() - 8 * DAY_MS);
    run_named(f, "data_requests"); /* nothing refers to it any more: the sweep's an hour later */
    cm_row_data_requests after = request_of(f, request);
    assert_true(cm_uuid_is_nil(&after.result_blob_id));
}

static void test_store_maintenance__erasing_takes_the_export_with_it(void **state) {
    fixture *f = *state;
    cm_uuid request, job;
    cm_uuid person = make_person(f);
    const char *path = blob_path(f, export_as_blob(f, person, &request));
    assert_int_equal(access(path, F_OK), 0);
    cm_data_request_new erase = {.person = person, .kind = CM_DATA_REQUEST_ERASE};
    assert_ok(cm_data_request_add(f->store, &erase, &request, &job, err));
    assert_true(cm_str_eq_c(run_job(f, job).status, "succeeded"));
    assert_int_equal(access(path, F_OK), -1);
}

static void test_store_maintenance__an_erasure_is_reported_and_announced(void **state) {
    fixture *f = *state;
    cm_uuid id, job;
    cm_data_request_new request = {.person = make_person(f), .kind = CM_DATA_REQUEST_ERASE};
    assert_ok(cm_data_request_add(f->store, &request, &id, &job, err));
    assert_true(cm_str_eq_c(run_job(f, job).status, "succeeded"));
    cm_row_data_requests row = request_of(f, id);
    assert_true(cm_str_eq_c(row.status, "done"));
    assert_true(row.completed_at != 0);
    json_t *report;
    assert_ok(cm_json_parse(row.report, &report, err));
    const json_t *tables = json_object_get(report, "tables");
    assert_int_equal(json_integer_value(json_object_get(tables, "users")), 1);
    json_decref(report);
    const cm_row_outbox_events *events;
    size_t count = 0;
    assert_ok(cm_q_outbox_events_list(&f->system, &(cm_q_outbox_events_list_in){.limit = 5},
                                      f->arena, &events, &count, err));
    assert_int_equal(count, 1);
    assert_true(cm_str_eq_c(events[0].topic, "gdpr"));
}

/* The job is tried five times; only then the request is given up, with the reason. */
static void test_store_maintenance__a_request_that_keeps_failing_says_why(void **state) {
    fixture *f = *state;
    cm_uuid id, job;
    const char *file = cm_arena_fmt(f->arena, "%s/file", f->dir).ptr;
    assert_ok(cm_file_replace(file, CM_STR("not a folder"), 0600, err));
    cm_data_request_new request = {.person = make_person(f), .folder = file};
    assert_ok(cm_data_request_add(f->store, &request, &id, &job, err));
    cm_clock_fake(1, cm_clock_wall_ms());
    for (int attempt = 1; attempt <= 5; attempt++) {
        assert_true(cm_str_eq_c(request_of(f, id).status, attempt == 1 ? "pending" : "running"));
        cm_row_jobs row = run_job(f, job);
        assert_true(cm_str_eq_c(row.status, attempt < 5 ? "queued" : "failed"));
        cm_clock_fake_advance(3600 * UINT64_C(1000000000));
    }
    cm_clock_real();
    cm_row_data_requests row = request_of(f, id);
    assert_true(cm_str_eq_c(row.status, "failed"));
    assert_true(cm_str_find(row.report, CM_STR("error")) != SIZE_MAX);
}

static void test_store_maintenance__a_payload_that_names_nothing_fails_at_once(void **state) {
    fixture *f = *state;
    static const char *const payloads[] = {
        "{}", "[]", "{\"request\":7}", "{\"request\":\"01900000-0000-7000-8000-000000000009\"}"};
    for (size_t i = 0; i < CM_COUNT(payloads); i++) {
        cm_uuid id;
        cm_job_new job = {.type = CM_STR("data_request"), .payload = cm_str_from(payloads[i])};
        assert_ok(cm_job_add(&f->system, &job, &id, err));
        assert_true(cm_str_eq_c(run_job(f, id).status, "failed"));
    }
}

static cm_uuid add_conversation(fixture *f, cm_uuid user, int64_t days) {
    cm_q_conversations_insert_in in = {.id = cm_uuid_v7(), .user_id = user};
    if (days != 0) {
        in.retention_days = CM_INT(days);
    }
    assert_ok(cm_q_conversations_insert(&f->system, &in, err));
    return in.id;
}

static bool is_there(fixture *f, cm_uuid id) {
    cm_row_conversations row;
    cm_err err;
    return cm_q_conversations_get(&f->system, &(cm_q_conversations_get_in){id}, f->arena, &row,
                                  &err) == CM_OK;
}

static void test_store_retention__conversations_end_when_their_owner_said(void **state) {
    fixture *f = *state;
    cm_uuid tidy = make_person(f);
    cm_q_user_preferences_insert_in preferences = {.user_id = tidy,
                                                   .conversation_retention_days = CM_INT(10)};
    assert_ok(cm_q_user_preferences_insert(&f->system, &preferences, err));
    cm_uuid by_owner = add_conversation(f, tidy, 0);
    cm_uuid longer = add_conversation(f, tidy, 30);
    cm_uuid forever = add_conversation(f, f->local.user_id, 0);
    int64_t now = cm_clock_wall_ms();
    static const struct {
        int days;
        bool owner, longer;
    } rows[] = {{9, true, true}, {11, false, true}, {29, false, true}, {31, false, false}};
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_clock_fake(1, now + rows[i].days * DAY_MS);
        run_named(f, "retention");
        assert_int_equal(is_there(f, by_owner), rows[i].owner);
        assert_int_equal(is_there(f, longer), rows[i].longer);
    }
    cm_clock_fake(1, now + 5000 * DAY_MS);
    run_named(f, "retention");
    cm_clock_real();
    assert_true(is_there(f, forever));
}

static void test_store_retention__more_than_a_batch_goes_in_one_run(void **state) {
    fixture *f = *state;
    enum { CELLS = 2500 };
    cm_q_rate_limit_buckets_insert_in *cells = cm_arena_alloc(f->arena, CELLS * sizeof *cells);
    for (int i = 0; i < CELLS; i++) {
        cells[i].bucket_key = cm_arena_fmt(f->arena, "k%d", i);
        cells[i].window_start = cm_clock_wall_ms() - (i % 2 == 0 ? 3 : 1) * 3600 * 1000ll;
    }
    assert_ok(cm_q_rate_limit_buckets_insert_batch(&f->system, cells, CELLS, err));
    cm_row_jobs row = run_named(f, "cache_sweep");
    assert_true(cm_str_find(row.result, CM_STR("1250")) != SIZE_MAX); /* those of three hours */
    cm_q_rate_limit_buckets_count_row left;
    assert_ok(cm_q_rate_limit_buckets_count(&f->system, f->arena, &left, err));
    assert_int_equal(left.count, CELLS - 1250);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_maintenance__every_job_runs_on_an_idle_database),
        store_test(test_store_maintenance__an_export_is_an_archive_that_is_kept_for_a_week),
        store_test(test_store_maintenance__erasing_takes_the_export_with_it),
        store_test(test_store_maintenance__an_erasure_is_reported_and_announced),
        store_test(test_store_maintenance__a_request_that_keeps_failing_says_why),
        store_test(test_store_maintenance__a_payload_that_names_nothing_fails_at_once),
        store_test(test_store_retention__conversations_end_when_their_owner_said),
        store_test(test_store_retention__more_than_a_batch_goes_in_one_run),
    };
    return cmocka_run_group_tests_name("store/maintenance", tests, NULL, NULL);
}
