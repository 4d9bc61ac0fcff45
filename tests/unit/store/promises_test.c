/* What is promised about data of persons and secrets: sealing, the audit chain, export, erasure, expiry. */
#include "store/filler.h" /* tests/unit/store */

#include "base/buf.h"
#include "base/json.h"
#include "store/maintenance/audit.h"
#include "store/maintenance/maintenance.h"
#include "store/maintenance/person.h"
#include "store/secret.h"
#include "store/store_priv.h"
#include "store/q/analytics_events.h"
#include "store/q/audit_logs.h"
#include "store/q/completion_contexts.h"
#include "store/q/completion_results.h"
#include "store/q/consents.h"
#include "store/q/conversations.h"
#include "store/q/provider_configs.h"
#include "store/q/sessions.h"
#include "store/q/users.h"

#include <sys/stat.h>

/* --- Secrets --- */

static cm_keyring *open_ring(fixture *f) {
    cm_keyring *ring;
    const char *path = cm_arena_fmt(f->arena, "%s/keys", f->dir).ptr;
    assert_ok(cm_keyring_open(path, &ring, err));
    return ring;
}

static void test_store_secret__opens_only_in_its_own_row_and_column(void **state) {
    fixture *f = *state;
    cm_keyring *ring = open_ring(f);
    cm_uuid row = cm_uuid_v7();
    cm_sealed sealed;
    cm_str plain = CM_STR("sk-very-secret");
    cm_str got;
    assert_ok(cm_secret_seal(ring, "users.otp", row, plain, f->arena, &sealed, err));
    assert_true(cm_str_find(sealed.ciphertext, CM_STR("secret")) == SIZE_MAX);
    assert_ok(cm_secret_open(ring, "users.otp", row, &sealed, f->arena, &got, err));
    assert_true(cm_str_eq(got, plain));
    assert_rc(CM_CORRUPT,
              cm_secret_open(ring, "users.otp", cm_uuid_v7(), &sealed, f->arena, &got, err));
    assert_rc(CM_CORRUPT,
              cm_secret_open(ring, "provider_configs.api_key", row, &sealed, f->arena, &got, err));
    sealed.ciphertext.len--;
    assert_rc(CM_CORRUPT, cm_secret_open(ring, "users.otp", row, &sealed, f->arena, &got, err));
    cm_keyring_close(ring);
}

static void test_store_secret__rotation_seals_every_row_again(void **state) {
    fixture *f = *state;
    cm_keyring *ring = open_ring(f);
    cm_q_provider_configs_insert_in in = {.id = cm_uuid_v7(), .provider_name = CM_STR("local")};
    cm_sealed sealed;
    assert_ok(cm_secret_seal(ring, "provider_configs.api_key", in.id, CM_STR("key one"), f->arena,
                             &sealed, err));
    in.api_key_ciphertext = sealed.ciphertext;
    in.api_key_nonce = sealed.nonce;
    in.key_version = CM_INT(sealed.key_version);
    assert_ok(cm_q_provider_configs_insert(&f->me, &in, err));
    assert_ok(cm_keyring_rotate(ring, err));
    uint64_t count = 0;
    assert_ok(cm_secret_reseal(f->store, ring, &count, err));
    assert_int_equal(count, 1);
    cm_keyring_close(ring);
    ring = open_ring(f); /* as the file has it */
    cm_row_provider_configs row;
    assert_ok(cm_q_provider_configs_get(&f->me, &(cm_q_provider_configs_get_in){in.id}, f->arena,
                                        &row, err));
    assert_int_equal(row.key_version, 2);
    cm_str plain;
    sealed = (cm_sealed){row.api_key_ciphertext, row.api_key_nonce, row.key_version};
    assert_ok(
        cm_secret_open(ring, "provider_configs.api_key", row.id, &sealed, f->arena, &plain, err));
    assert_true(cm_str_eq_c(plain, "key one"));
    cm_keyring_close(ring);
}

static void test_store_secret__a_key_file_others_can_read_is_refused(void **state) {
    fixture *f = *state;
    cm_keyring_close(open_ring(f));
    const char *path = cm_arena_fmt(f->arena, "%s/keys", f->dir).ptr;
    cm_keyring *ring;
    assert_int_equal(chmod(path, 0644), 0);
    assert_rc(CM_DENIED, cm_keyring_open(path, &ring, err));
}

/* --- Audit --- */

static cm_rc add_inside(const cm_db *db, void *argument, cm_err *err) {
    cm_audit_entry entry = {.user_id = db->user_id, .action = CM_STR("inside")};
    return cm_audit_add(db, argument, &entry, err);
}

static void test_store_audit__a_changed_entry_is_found_and_an_erased_person_is_not(void **state) {
    fixture *f = *state;
    cm_keyring *ring = open_ring(f);
    cm_audit_entry entry = {.user_id = f->local.user_id,
                            .action = CM_STR("login"),
                            .ip_address = CM_STR("::0:1"),
                            .details = CM_STR("{ \"b\": 1, \"a\": [true] }")};
    for (int i = 0; i < 5; i++) {
        assert_ok(cm_audit_add(&f->system, ring, &entry, err));
    }
    assert_ok(
        cm_db_write(&f->me, CM_FULL, add_inside, ring, err)); /* within a person's transaction */
    uint64_t entries = 0;
    assert_ok(cm_audit_verify(f->store, ring, &entries, err));
    assert_int_equal(entries, 6);
    assert_ok(cm_query_exec(&f->system, &cm_query_audit_logs_erase, &f->local.user_id, NULL, err));
    assert_ok(cm_audit_verify(f->store, ring, &entries, err));
    cm_row_audit_logs last;
    assert_ok(cm_q_audit_logs_last(&f->system, f->arena, &last, err));
    assert_true(cm_uuid_is_nil(&last.user_id));
    /* A forged entry whose hash does not come from its content. */
    last.id = cm_uuid_v7();
    last.seq++;
    last.prev_hash = last.hash;
    last.action = CM_STR("forged");
    assert_ok(cm_q_audit_logs_import(&f->system, &last, NULL, err));
    cm_err err = {0};
    assert_int_equal(cm_audit_verify(f->store, ring, &entries, &err), CM_CORRUPT);
    assert_non_null(strstr(err.text, "entry 7"));
    cm_keyring_close(ring);
}

/* --- Persons --- */

static cm_uuid make_person(fixture *f, filler *fill) {
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("person@example.com")};
    assert_ok(cm_q_users_insert(&f->system, &person, err));
    *fill = (filler){.f = f, .person = person.id};
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES];
    filler_all(fill, order, params);
    return person.id;
}

/* Rows of `table` whose person's column is `person`. */
static cm_rc count_page(const cm_page *page, void *argument, cm_err *err) {
    (void)err;
    *(size_t *)argument += page->count;
    return CM_OK;
}

static size_t count_of_person(fixture *f, const cm_table *table, cm_uuid person) {
    const cm_query *query = cm_query_find(table->name, "export");
    size_t count = 0;
    if (query != NULL) {
        assert_ok(cm_query_pages(&f->system, query, &person, count_page, &count, err));
    }
    return count;
}

static void test_store_person__the_export_has_every_table_and_no_secret(void **state) {
    fixture *f = *state;
    filler fill;
    cm_uuid person = make_person(f, &fill);
    const char *folder = cm_arena_fmt(f->arena, "%s/export", f->dir).ptr;
    cm_cleanup(cm_buf_done) cm_buf report;
    cm_buf_init(&report, CM_KIB(64));
    assert_ok(cm_person_export(&f->system, person, folder, &report, err));
    size_t files = 0;
    for (size_t i = 0; i < CM_TABLES; i++) {
        if (cm_tables[i].export_rule != 'X' || i == CM_TABLE_QUOTA_USAGE) {
            continue;
        }
        cm_cleanup(cm_buf_done) cm_buf text;
        cm_buf_init(&text, CM_MIB(4));
        const char *path = cm_arena_fmt(f->arena, "%s/%s.json", folder, cm_tables[i].name).ptr;
        assert_ok(cm_file_read(path, CM_MIB(4), &text, err));
        json_t *rows;
        assert_ok(cm_json_parse(cm_buf_str(&text), &rows, err));
        if (json_array_size(rows) == 0) {
            fail_msg("export of '%s' is empty", cm_tables[i].name);
        }
        const json_t *first = json_array_get(rows, 0);
        assert_null(json_object_get(first, "password_hash"));
        assert_null(json_object_get(first, "api_key_ciphertext"));
        json_decref(rows);
        files++;
    }
    assert_true(files > 40);
}

static void test_store_person__erased_means_no_row_names_them(void **state) {
    fixture *f = *state;
    filler fill;
    cm_uuid person = make_person(f, &fill);
    cm_cleanup(cm_buf_done) cm_buf report;
    cm_buf_init(&report, CM_KIB(64));
    assert_ok(cm_person_erase(&f->system, person, &report, err));
    for (size_t i = 0; i < CM_TABLES; i++) {
        if (cm_tables[i].erase_rule != 'K' && count_of_person(f, &cm_tables[i], person) != 0) {
            fail_msg("'%s' still names an erased person", cm_tables[i].name);
        }
    }
    json_t *counts;
    assert_ok(cm_json_parse(cm_buf_str(&report), &counts, err));
    assert_int_equal(json_integer_value(json_object_get(counts, "users")), 1);
    assert_int_equal(json_integer_value(json_object_get(counts, "completion_requests")), 1);
    json_decref(counts);
    /* What stays for statistics holds no text of theirs. */
    const cm_row_completion_results *rows;
    size_t count;
    assert_ok(cm_q_completion_results_list(
        &f->system, &(cm_q_completion_results_list_in){.limit = 5}, f->arena, &rows, &count, err));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].completion_text.len, 0);
    assert_true(cm_uuid_is_nil(&rows[0].user_id));
    cm_buf_clear(&report);
    assert_ok(
        cm_person_erase(&f->system, person, &report, err)); /* once more: nothing left to do */
    assert_string_equal(cm_buf_c(&report), "{}");
}

static void test_store_person__a_withdrawn_consent_purges_what_it_allowed(void **state) {
    fixture *f = *state;
    filler fill;
    cm_uuid person = make_person(f, &fill);
    uint64_t rows = 0;
    assert_ok(cm_consents_enforce(&f->system, &rows, err));
    assert_int_equal(rows, 0); /* nothing is withdrawn yet */
    static const char *const purposes[] = {"analytics", "context_storage"};
    for (size_t i = 0; i < CM_COUNT(purposes); i++) {
        cm_q_consents_put_in consent = {.user_id = person, .purpose = cm_str_from(purposes[i])};
        assert_ok(cm_q_consents_put(&f->system, &consent, err));
    }
    assert_ok(cm_consents_enforce(&f->system, &rows, err));
    assert_int_equal(rows, 4); /* an event, a context, its source, a ground truth */
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_ANALYTICS_EVENTS], person), 0);
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_COMPLETION_CONTEXTS], person), 0);
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_COMPLETION_TELEMETRY], person), 1);
}

/* Tables that name a person in no column: each is erased by a cascade, a query of its own or its age. */
static void test_store_person__every_rule_has_something_that_carries_it_out(void **state) {
    (void)state;
    static const char *const loose[] = {"team_invitations",
                                        "quota_usage",
                                        "idempotency_keys",
                                        "rate_limit_buckets",
                                        "outbox_events",
                                        "workspace_rules",
                                        "blobs"};
    for (size_t i = 0; i < CM_TABLES; i++) {
        const cm_table *table = &cm_tables[i];
        bool acts = table->erase_rule == 'D' || table->erase_rule == 'A';
        bool known = !acts || cm_query_find(table->name, "erase") != NULL;
        for (size_t k = 0; k < CM_COUNT(loose); k++) {
            known = known || strcmp(loose[k], table->name) == 0;
        }
        if (!known) {
            fail_msg("'%s' has an erase rule that nothing carries out", table->name);
        }
    }
}

/* --- Time --- */

static void test_store_retention__each_class_ends_when_its_days_are_over(void **state) {
    fixture *f = *state;
    filler fill;
    cm_uuid person = make_person(f, &fill);
    uint64_t rows = 0;
    assert_ok(cm_retention_run(&f->system, false, &rows, err));
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_COMPLETION_CONTEXTS], person), 1);
    int64_t now = cm_clock_wall_ms();
    cm_clock_fake(cm_clock_ns(), now + 40 * 24 * 3600 * 1000ll); /* raw: 30 days, telemetry: 396 */
    assert_ok(cm_retention_run(&f->system, false, &rows, err));
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_COMPLETION_CONTEXTS], person), 0);
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_COMPLETION_REQUESTS], person), 1);
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_SESSIONS], person), 0);
    cm_clock_fake(cm_clock_ns(), now + 400 * 24 * 3600 * 1000ll);
    assert_ok(cm_retention_run(&f->system, false, &rows, err));
    cm_clock_real();
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_COMPLETION_REQUESTS], person), 0);
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_USERS], person), 1);
    assert_int_equal(count_of_person(f, &cm_tables[CM_TABLE_AUDIT_LOGS], person), 1);
}

/* --- Restriction --- */

static void restrict_use(fixture *f, cm_uuid person) {
    cm_uuid id, job;
    cm_row_jobs row;
    cm_maintenance maintenance = {.data_dir = f->dir};
    cm_jobs_options options = cm_maintenance_options(f->store, &maintenance);
    cm_data_request_new new = {.person = person, .kind = CM_DATA_REQUEST_RESTRICT};
    assert_ok(cm_data_request_add(f->store, &new, &id, &job, err));
    assert_ok(cm_job_run(&options, job, f->arena, &row, err));
    assert_true(cm_str_eq_c(row.status, "succeeded"));
}

/* How many tables have got a row more, by an insert and by a put as the worker and as the person. */
static void insert_everywhere(fixture *f, filler *fill, size_t grown[3]) {
    cm_db as_person = cm_store_as(f->store, fill->person);
    const cm_db *askers[] = {&f->system, &as_person};
    for (size_t i = 0; i < CM_TABLES; i++) {
        const cm_table *table = &cm_tables[i];
        const cm_query *query = cm_query_find(table->name, "insert");
        if (table->restrict_rule != 'S') {
            continue;
        }
        for (size_t k = 0; k < CM_COUNT(askers); k++) {
            char *params = cm_arena_alloc(f->arena, query->params_size);
            size_t before = count_of_person(f, table, fill->person);
            cm_err told = {0};
            fill->turn++;
            filler_fill(fill, table, query, params);
            cm_rc rc = cm_query_exec(askers[k], query, params, NULL, &told);
            if (rc != CM_OK && rc != CM_EXISTS) { /* one row a person: it is there */
                fail_msg("%s: %s", table->name, told.text);
            }
            grown[k] += count_of_person(f, table, fill->person) > before;
        }
        const cm_query *put = cm_query_find(table->name, "put");
        if (put != NULL) {
            char *params = cm_arena_alloc(f->arena, put->params_size);
            size_t before = count_of_person(f, table, fill->person);
            fill->turn++;
            filler_fill(fill, table, put, params);
            cm_err told = {0};
            cm_rc rc = cm_query_exec(&f->system, put, params, NULL, &told);
            if (rc != CM_OK && rc != CM_EXISTS) {
                fail_msg("%s: %s", table->name, told.text);
            }
            grown[2] += count_of_person(f, table, fill->person) > before;
        }
    }
}

static void test_store_restriction__nothing_is_recorded_until_it_is_lifted(void **state) {
    fixture *f = *state;
    filler fill;
    size_t grown[3] = {0};
    cm_uuid person = make_person(f, &fill);
    insert_everywhere(f, &fill, grown);
    assert_true(grown[0] > 8 && grown[1] > 8 && grown[2] > 4);
    restrict_use(f, person);
    size_t none[3] = {0};
    insert_everywhere(f, &fill, none);
    assert_int_equal(none[0] + none[1] + none[2], 0);
    filler other;
    fill.person = f->local.user_id; /* somebody else's go on */
    other = fill;
    size_t others[3] = {0};
    insert_everywhere(f, &other, others);
    assert_true(others[0] > 8 && others[1] > 8);
    fill.person = person;
    assert_ok(cm_restriction_lift(f->store, f->dir, person, err));
    assert_rc(CM_NOT_FOUND, cm_restriction_lift(f->store, f->dir, person, err));
    size_t again[3] = {0};
    insert_everywhere(f, &fill, again);
    if (again[0] <= 6 || again[1] <= 6) {
        fail_msg("%zu and %zu tables after lifting, %zu and %zu before", again[0], again[1],
                 grown[0], grown[1]);
    }
}

static size_t rows_held(fixture *f, cm_uuid person) {
    size_t count = 0;
    for (size_t i = 0; i < CM_TABLES; i++) {
        if (cm_tables[i].restrict_rule != '-') {
            count += count_of_person(f, &cm_tables[i], person);
        }
    }
    return count;
}

/* Every expiry there is, with a bound in the far future. */
static void expire_everything(fixture *f) {
    for (size_t i = 0; i < CM_TABLES; i++) {
        const cm_query *query = cm_query_find(cm_tables[i].name, "expire");
        if (cm_tables[i].restrict_rule == '-' || query == NULL) {
            continue;
        }
        char *params = cm_arena_alloc(f->arena, query->params_size);
        for (size_t k = 0; k < query->param_count; k++) {
            const cm_sql_slot *slot = &query->params[k];
            if (slot->source != CM_SQL_CALLER) {
                continue;
            }
            int64_t value = strcmp(slot->name, "limit") == 0 ? 1000 : INT64_C(4000000000000);
            cm_uuid last;
            memset(&last, 0xff, sizeof last);
            if (slot->type == CM_SQL_ID) {
                memcpy(params + slot->offset, &last, sizeof last);
            } else {
                memcpy(params + slot->offset, &value, sizeof value);
            }
        }
        cm_err told = {0};
        cm_rc rc = cm_query_exec(&f->system, query, params, NULL, &told);
        if (rc != CM_OK && rc != CM_CONFLICT) {
            fail_msg("%s: %s", cm_tables[i].name, told.text);
        }
    }
}

static void test_store_restriction__what_is_there_stays_and_is_not_erased(void **state) {
    fixture *f = *state;
    filler fill;
    cm_uuid person = make_person(f, &fill);
    size_t rows = rows_held(f, person);
    restrict_use(f, person);
    expire_everything(f);
    assert_int_equal(rows_held(f, person), rows);
    cm_uuid id, job;
    cm_row_jobs row;
    cm_maintenance maintenance = {.data_dir = f->dir};
    cm_jobs_options options = cm_maintenance_options(f->store, &maintenance);
    cm_data_request_new erase = {.person = person, .kind = CM_DATA_REQUEST_ERASE};
    assert_ok(cm_data_request_add(f->store, &erase, &id, &job, err));
    assert_ok(cm_job_run(&options, job, f->arena, &row, err));
    assert_true(cm_str_eq_c(row.status, "failed"));
    assert_true(cm_str_find(row.last_error, CM_STR("user lift")) != SIZE_MAX);
    assert_int_equal(rows_held(f, person), rows);
    assert_ok(cm_restriction_lift(f->store, f->dir, person, err));
    expire_everything(f);
    assert_true(rows_held(f, person) + 6 < rows);
}

static void test_store_restriction__beginning_and_end_are_in_the_audit_log(void **state) {
    fixture *f = *state;
    cm_keyring *ring;
    uint64_t entries = 0;
    cm_row_audit_logs last;
    const char *path = cm_arena_fmt(f->arena, "%s/keys", f->dir).ptr;
    restrict_use(f, f->local.user_id);
    assert_ok(cm_q_audit_logs_last(&f->system, f->arena, &last, err));
    assert_true(cm_str_eq_c(last.action, "gdpr.restrict"));
    assert_true(cm_uuid_eq(&last.user_id, &f->local.user_id));
    assert_ok(cm_restriction_lift(f->store, f->dir, f->local.user_id, err));
    assert_ok(cm_q_audit_logs_last(&f->system, f->arena, &last, err));
    assert_true(cm_str_eq_c(last.action, "gdpr.lift"));
    assert_ok(cm_keyring_open(path, &ring, err));
    assert_ok(cm_audit_verify(f->store, ring, &entries, err));
    assert_int_equal(entries, 2);
    cm_keyring_close(ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_secret__opens_only_in_its_own_row_and_column),
        store_test(test_store_secret__rotation_seals_every_row_again),
        store_test(test_store_secret__a_key_file_others_can_read_is_refused),
        store_test(test_store_audit__a_changed_entry_is_found_and_an_erased_person_is_not),
        store_test(test_store_person__the_export_has_every_table_and_no_secret),
        store_test(test_store_person__erased_means_no_row_names_them),
        store_test(test_store_person__a_withdrawn_consent_purges_what_it_allowed),
        store_test(test_store_person__every_rule_has_something_that_carries_it_out),
        store_test(test_store_retention__each_class_ends_when_its_days_are_over),
        store_test(test_store_restriction__nothing_is_recorded_until_it_is_lifted),
        store_test(test_store_restriction__what_is_there_stays_and_is_not_erased),
        store_test(test_store_restriction__beginning_and_end_are_in_the_audit_log),
    };
    return cmocka_run_group_tests_name("store/promises", tests, NULL, NULL);
}
