/* Rows in and out through the generated functions: values, defaults, keys, tenants. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/q/api_keys.h"
#include "store/q/completion_requests.h"
#include "store/q/completion_results.h"
#include "store/q/consents.h"
#include "store/q/embeddings.h"
#include "store/q/embedding_models.h"
#include "store/q/files.h"
#include "store/q/jobs.h"
#include "store/q/languages.h"
#include "store/q/repositories.h"
#include "store/q/users.h"
#include "store/q/workspaces.h"

static cm_uuid add_repository(fixture *f, const char *name) {
    cm_q_repositories_insert_in in = {
        .id = cm_uuid_v7(),
        .workspace_id = f->local.workspace_id,
        .owner_id = f->local.user_id,
        .name = cm_str_from(name),
        .root_path = CM_STR("/src/demo"),
    };
    assert_ok(cm_q_repositories_insert(&f->me, &in, err));
    return in.id;
}

static cm_uuid add_file(fixture *f, cm_uuid repository, const char *path) {
    cm_q_files_insert_in in = {
        .id = cm_uuid_v7(), .repository_id = repository, .file_path = cm_str_from(path)};
    assert_ok(cm_q_files_insert(&f->system, &in, err));
    return in.id;
}

static cm_uuid add_user(fixture *f, const char *email) {
    cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = cm_str_from(email)};
    assert_ok(cm_q_users_insert(&f->system, &in, err));
    return in.id;
}

static void test_store_rows__zero_means_the_declared_default(void **state) {
    fixture *f = *state;
    cm_uuid id = add_repository(f, "demo");
    cm_row_repositories row;
    assert_ok(
        cm_q_repositories_get(&f->me, &(cm_q_repositories_get_in){.id = id}, f->arena, &row, err));
    assert_true(cm_str_eq_c(row.source_type, "local"));
    assert_true(cm_str_eq_c(row.languages, "[]"));
    assert_true(cm_str_eq_c(row.config, "{}"));
    assert_true(cm_str_eq_c(row.status, "created"));
    assert_null(row.description.ptr);
    assert_true(row.created_at > 1600000000000);
    assert_int_equal(row.indexed_at, 0);
    cm_row_users user;
    assert_ok(cm_q_users_local(&f->system, f->arena, &user, err));
    assert_true(user.is_active);
    assert_false(user.otp_key_version.set);
    assert_true(cm_str_eq_c(user.role, "admin"));
}

static void test_store_rows__update_writes_a_whole_row_and_keeps_the_key(void **state) {
    fixture *f = *state;
    cm_uuid id = add_repository(f, "demo");
    cm_row_repositories row;
    assert_ok(
        cm_q_repositories_get(&f->me, &(cm_q_repositories_get_in){.id = id}, f->arena, &row, err));
    row.name = CM_STR("renamed");
    row.description = CM_STR("about");
    row.line_count = 42;
    assert_ok(cm_q_repositories_update(&f->me, &row, err));
    cm_row_repositories again;
    assert_ok(cm_q_repositories_by_name(
        &f->me, &(cm_q_repositories_by_name_in){f->local.workspace_id, CM_STR("renamed")}, f->arena,
        &again, err));
    assert_true(cm_uuid_eq(&again.id, &id));
    assert_int_equal(again.line_count, 42);
    assert_true(cm_str_eq_c(again.description, "about"));
    assert_int_equal(again.created_at, row.created_at);
    assert_true(again.updated_at >= row.updated_at);
}

static void test_store_rows__a_taken_key_is_told_from_a_missing_parent(void **state) {
    fixture *f = *state;
    add_repository(f, "demo");
    cm_q_repositories_insert_in in = {
        .id = cm_uuid_v7(),
        .workspace_id = f->local.workspace_id,
        .owner_id = f->local.user_id,
        .name = CM_STR("demo"),
    };
    assert_rc(CM_EXISTS, cm_q_repositories_insert(&f->me, &in, err));
    in.owner_id = cm_uuid_v7();
    in.name = CM_STR("other");
    assert_rc(CM_CONFLICT, cm_q_repositories_insert(&f->me, &in, err));
    in.owner_id = f->local.user_id;
    in.source_type = CM_STR("floppy");
    assert_rc(CM_INVALID, cm_q_repositories_insert(&f->me, &in, err));
}

static void test_store_rows__another_person_sees_and_changes_nothing(void **state) {
    fixture *f = *state;
    cm_uuid id = add_repository(f, "demo");
    cm_db stranger = cm_store_as(f->store, add_user(f, "eve@example.com"));
    cm_db nobody = cm_store_as(f->store, (cm_uuid){{0}});
    cm_row_repositories row;
    cm_q_repositories_get_in get = {.id = id};
    assert_rc(CM_NOT_FOUND, cm_q_repositories_get(&stranger, &get, f->arena, &row, err));
    assert_rc(CM_NOT_FOUND, cm_q_repositories_get(&nobody, &get, f->arena, &row, err));
    assert_rc(CM_NOT_FOUND,
              cm_q_repositories_delete(&stranger, &(cm_q_repositories_delete_in){.id = id}, err));
    assert_ok(cm_q_repositories_get(&f->me, &get, f->arena, &row, err));
    row.name = CM_STR("stolen");
    assert_rc(CM_NOT_FOUND, cm_q_repositories_update(&stranger, &row, err));
    cm_q_repositories_insert_in in = {
        .id = cm_uuid_v7(),
        .workspace_id = f->local.workspace_id,
        .owner_id = stranger.user_id,
        .name = CM_STR("smuggled"),
    };
    assert_rc(CM_NOT_FOUND, cm_q_repositories_insert(&stranger, &in, err));
    const cm_row_repositories *rows;
    size_t count = 9;
    assert_ok(cm_q_repositories_list(&stranger, &(cm_q_repositories_list_in){0}, f->arena, &rows,
                                     &count, err));
    assert_int_equal(count, 0);
    assert_rc(CM_DENIED, cm_q_jobs_delete(&f->me, &(cm_q_jobs_delete_in){.id = id}, err));
}

static void test_store_rows__the_person_of_a_row_is_the_one_who_asks(void **state) {
    fixture *f = *state;
    cm_q_consents_insert_in in = {
        .user_id = add_user(f, "eve@example.com"), /* ignored: the door binds the asker */
        .purpose = CM_STR("telemetry"),
        .granted = true,
    };
    assert_ok(cm_q_consents_insert(&f->me, &in, err));
    cm_row_consents row;
    assert_ok(cm_q_consents_get(&f->me,
                                &(cm_q_consents_get_in){f->local.user_id, CM_STR("telemetry")},
                                f->arena, &row, err));
    assert_true(cm_uuid_eq(&row.user_id, &f->local.user_id));
}

static void test_store_rows__hostile_text_is_stored_as_it_is_or_refused(void **state) {
    fixture *f = *state;
    static const char *const texts[] = {
        "'; DROP TABLE users; --", "%s%n", "$1 :me ?1", "\"quoted\"", "\\u0000", "\xF0\x9F\x98\x80",
    };
    for (size_t i = 0; i < CM_COUNT(texts); i++) {
        cm_uuid id = add_repository(f, texts[i]);
        cm_row_repositories row;
        assert_ok(cm_q_repositories_get(&f->me, &(cm_q_repositories_get_in){.id = id}, f->arena,
                                        &row, err));
        assert_true(cm_str_eq_c(row.name, texts[i]));
    }
    cm_q_repositories_insert_in in = {
        .id = cm_uuid_v7(),
        .workspace_id = f->local.workspace_id,
        .owner_id = f->local.user_id,
        .name = cm_str_make("a\0b", 3),
    };
    assert_rc(CM_INVALID, cm_q_repositories_insert(&f->me, &in, err));
    in.name = CM_STR("\xff\xfe");
    assert_rc(CM_INVALID, cm_q_repositories_insert(&f->me, &in, err));
    in.name = CM_STR("good");
    in.config = CM_STR("{\"a\":");
    assert_rc(CM_INVALID, cm_q_repositories_insert(&f->me, &in, err));
    in.config = CM_STR("{\"a\":\"\\u0000\"}");
    assert_rc(CM_INVALID, cm_q_repositories_insert(&f->me, &in, err));
    in.config = CM_STR("{\"a\":\"\\\\u0000\"}");
    assert_ok(cm_q_repositories_insert(&f->me, &in, err));
}

static void test_store_rows__an_oversized_json_is_a_limit(void **state) {
    fixture *f = *state;
    size_t size = CM_MIB(16) + 8;
    char *big = cm_alloc(size);
    memset(big, ' ', size);
    big[0] = '{';
    big[size - 1] = '}';
    cm_q_repositories_insert_in in = {
        .id = cm_uuid_v7(),
        .workspace_id = f->local.workspace_id,
        .owner_id = f->local.user_id,
        .name = CM_STR("big"),
        .config = cm_str_make(big, size),
    };
    assert_rc(CM_LIMIT, cm_q_repositories_insert(&f->me, &in, err));
    cm_free(big);
}

static void test_store_rows__a_vector_of_the_wrong_size_is_refused(void **state) {
    fixture *f = *state;
    cm_q_embedding_models_insert_in model = {
        .provider_name = CM_STR("local"), .name = CM_STR("mini"), .dimensions = 4};
    cm_q_embedding_models_insert_row made;
    assert_ok(cm_q_embedding_models_insert(&f->system, &model, f->arena, &made, err));
    float values[4] = {1, 2, 3, 4};
    cm_uuid file = add_file(f, add_repository(f, "demo"), "a.c");
    cm_q_embeddings_insert_in in = {
        .subject_type = CM_STR("file"),
        .subject_id = file,
        .embedding_model_id = made.id,
        .dims = 4,
        .embedding = cm_str_make((const char *)values, sizeof values),
    };
    assert_ok(cm_q_embeddings_insert(&f->system, &in, err));
    cm_row_embeddings row;
    cm_q_embeddings_get_in get = {CM_STR("file"), file, made.id};
    assert_ok(cm_q_embeddings_get(&f->system, &get, f->arena, &row, err));
    assert_int_equal(row.embedding.len, sizeof values);
    assert_memory_equal(row.embedding.ptr, values, sizeof values);
    in.subject_id = add_file(f, add_repository(f, "other"), "b.c");
    in.embedding.len = 12;
    assert_rc(CM_INVALID, cm_q_embeddings_insert(&f->system, &in, err));
    in.dims = 3;
    assert_rc(CM_CONFLICT, cm_q_embeddings_insert(&f->system, &in, err));
}

static void test_store_rows__pages_cover_every_row_once(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 23; i++) {
        char name[16];
        snprintf(name, sizeof name, "repo%d", i);
        add_repository(f, name);
    }
    size_t seen = 0;
    cm_q_repositories_list_in page = {.limit = 5};
    for (;;) {
        const cm_row_repositories *rows;
        size_t count;
        assert_ok(cm_q_repositories_list(&f->me, &page, f->arena, &rows, &count, err));
        if (count == 0) {
            break;
        }
        seen += count;
        page.after_id = rows[count - 1].id;
    }
    assert_int_equal(seen, 23);
    const cm_row_repositories *rows;
    size_t count;
    assert_ok(cm_q_repositories_page(&f->me, &(cm_q_repositories_page_in){.limit = 3}, f->arena,
                                     &rows, &count, err));
    assert_int_equal(count, 3);
    assert_true(cm_str_eq_c(rows[0].name, "repo22"));
}

static void test_store_rows__a_batch_is_all_or_nothing(void **state) {
    fixture *f = *state;
    cm_uuid repository = add_repository(f, "demo");
    cm_q_files_put_in files[3] = {0};
    for (int i = 0; i < 3; i++) {
        files[i].id = cm_uuid_v7();
        files[i].repository_id = repository;
        files[i].file_path = cm_str_from(i == 0 ? "a.c" : i == 1 ? "b.c" : "c.c");
    }
    files[2].parse_status = CM_STR("weird");
    assert_rc(CM_INVALID, cm_q_files_put_batch(&f->system, files, 3, err));
    cm_q_files_count_row count;
    assert_ok(cm_q_files_count(&f->me, f->arena, &count, err));
    assert_int_equal(count.count, 0);
    files[2].parse_status = CM_STR("partial");
    assert_ok(cm_q_files_put_batch(&f->system, files, 3, err));
    files[1].line_count = CM_INT(7);
    assert_ok(cm_q_files_put_batch(&f->system, files, 3, err));
    cm_row_files file;
    assert_ok(cm_q_files_by_path(&f->me, &(cm_q_files_by_path_in){repository, CM_STR("b.c")},
                                 f->arena, &file, err));
    assert_true(file.line_count.set);
    assert_int_equal(file.line_count.value, 7);
}

static void test_store_rows__serial_keys_are_given_by_the_database(void **state) {
    fixture *f = *state;
    cm_q_languages_insert_row one, two;
    assert_ok(cm_q_languages_insert(&f->system, &(cm_q_languages_insert_in){.name = CM_STR("c")},
                                    f->arena, &one, err));
    assert_ok(cm_q_languages_insert(&f->system, &(cm_q_languages_insert_in){.name = CM_STR("go")},
                                    f->arena, &two, err));
    assert_int_equal(two.id, one.id + 1);
}

static void test_store_rows__posted_rows_arrive_and_feedback_follows_the_states(void **state) {
    fixture *f = *state;
    cm_uuid request = cm_uuid_v7();
    cm_uuid result = cm_uuid_v7();
    char language[] = "python";
    cm_q_completion_requests_insert_in in = {
        .id = request,
        .completion_type = CM_STR("fim"),
        .language = cm_str_from(language),
        .state = CM_STR("delivered"),
        .status = CM_STR("success"),
    };
    assert_ok(cm_q_completion_requests_insert_post(&f->me, &in, err));
    memset(language, 'x', sizeof language - 1); /* the queue holds its own copy */
    assert_ok(cm_q_completion_results_insert_post(&f->me,
                                                  &(cm_q_completion_results_insert_in){
                                                      .request_id = request,
                                                      .id = result,
                                                      .rank = 1,
                                                      .completion_text = CM_STR("return 1"),
                                                  },
                                                  err));
    assert_ok(cm_store_flush(f->store, err));
    cm_row_completion_requests row;
    cm_q_completion_requests_get_in get = {.id = request};
    assert_ok(cm_q_completion_requests_get(&f->me, &get, f->arena, &row, err));
    assert_true(cm_str_eq_c(row.language, "python"));
    cm_q_completion_requests_step_in step = {.id = request,
                                             .from_state = CM_STR("delivered"),
                                             .to_state = CM_STR("accepted"),
                                             .state_timings = CM_STR("{}")};
    uint64_t changed = 9;
    assert_ok(cm_q_completion_requests_step(&f->me, &step, &changed, err));
    assert_int_equal(changed, 1);
    assert_ok(cm_q_completion_requests_step(&f->me, &step, &changed, err));
    assert_int_equal(changed, 0);
    cm_q_completion_results_feedback_in feedback = {.request_id = request,
                                                    .id = result,
                                                    .accepted = CM_BOOL(true),
                                                    .accepted_at = cm_clock_wall_ms(),
                                                    .accepted_length = CM_INT(8)};
    assert_ok(cm_q_completion_results_feedback(&f->me, &feedback, err));
    feedback.accepted_length = CM_INT(3);
    assert_ok(cm_q_completion_results_feedback(&f->me, &feedback, err));
    const cm_row_completion_results *results;
    size_t count;
    assert_ok(cm_q_completion_results_of_request(&f->me,
                                                 &(cm_q_completion_results_of_request_in){request},
                                                 f->arena, &results, &count, err));
    assert_int_equal(count, 1);
    assert_true(results[0].accepted.set && results[0].accepted.value);
    assert_int_equal(results[0].accepted_length.value, 8);
}

static void test_store_rows__a_job_has_one_holder_and_comes_back_when_its_lease_lapses(
    void **state) {
    fixture *f = *state;
    cm_q_jobs_enqueue_in in = {
        .id = cm_uuid_v7(), .job_type = CM_STR("index"), .dedupe_key = CM_STR("r1")};
    uint64_t changed;
    assert_ok(cm_q_jobs_enqueue(&f->system, &in, &changed, err));
    assert_int_equal(changed, 1);
    in.id = cm_uuid_v7();
    assert_ok(cm_q_jobs_enqueue(&f->system, &in, &changed, err));
    assert_int_equal(changed, 0);
    cm_row_jobs job;
    cm_q_jobs_claim_in claim = {.job_types = CM_STR("[\"other\", \"index\"]"),
                                .locked_by = CM_STR("w1"),
                                .locked_until = cm_clock_wall_ms() + 1};
    assert_ok(cm_q_jobs_claim(&f->system, &claim, f->arena, &job, err));
    assert_true(cm_str_eq_c(job.locked_by, "w1"));
    claim.locked_by = CM_STR("w2");
    assert_rc(CM_NOT_FOUND, cm_q_jobs_claim(&f->system, &claim, f->arena, &job, err));
    cm_clock_fake(0, cm_clock_wall_ms() + 5000);
    assert_ok(cm_q_jobs_reclaim(&f->system, &changed, err));
    assert_int_equal(changed, 1);
    assert_ok(cm_q_jobs_claim(&f->system, &claim, f->arena, &job, err));
    cm_clock_real();
    assert_int_equal(job.attempts, 2);
    assert_ok(cm_q_jobs_succeed(
        &f->system, &(cm_q_jobs_succeed_in){job.id, CM_STR("w1"), CM_STR_EMPTY}, &changed, err));
    assert_int_equal(changed, 0);
    assert_ok(cm_q_jobs_succeed(
        &f->system, &(cm_q_jobs_succeed_in){job.id, CM_STR("w2"), CM_STR_EMPTY}, &changed, err));
    assert_int_equal(changed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_rows__zero_means_the_declared_default),
        store_test(test_store_rows__update_writes_a_whole_row_and_keeps_the_key),
        store_test(test_store_rows__a_taken_key_is_told_from_a_missing_parent),
        store_test(test_store_rows__another_person_sees_and_changes_nothing),
        store_test(test_store_rows__the_person_of_a_row_is_the_one_who_asks),
        store_test(test_store_rows__hostile_text_is_stored_as_it_is_or_refused),
        store_test(test_store_rows__an_oversized_json_is_a_limit),
        store_test(test_store_rows__a_vector_of_the_wrong_size_is_refused),
        store_test(test_store_rows__pages_cover_every_row_once),
        store_test(test_store_rows__a_batch_is_all_or_nothing),
        store_test(test_store_rows__serial_keys_are_given_by_the_database),
        store_test(test_store_rows__posted_rows_arrive_and_feedback_follows_the_states),
        store_test(test_store_rows__a_job_has_one_holder_and_comes_back_when_its_lease_lapses),
    };
    return cmocka_run_group_tests_name("store/rows", tests, NULL, NULL);
}
