/* The figures (spec/schema.views): right, the same on both engines, and shown to whom they may be. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/maintenance/maintenance.h"
#include "store/value.h"

#include "store/q/ai_models.h"
#include "store/q/completion_requests.h"
#include "store/q/completion_results.h"
#include "store/q/experiment_assignments.h"
#include "store/q/experiments.h"
#include "store/q/ground_truths.h"
#include "store/q/llm_calls.h"
#include "store/q/mv_active_users_daily.h"
#include "store/q/mv_completion_daily.h"
#include "store/q/mv_team_usage_daily.h"
#include "store/q/mv_user_activity_daily.h"
#include "store/q/practice_problems.h"
#include "store/q/practice_submissions.h"
#include "store/q/team_members.h"
#include "store/q/teams.h"
#include "store/q/users.h"

#include <math.h>

#define START_MS INT64_C(1798588800000) /* 2026-12-30, so that a year ends in it */
#define STEP_MS  INT64_C(437123)
#define REQUESTS 600

enum { ADMIN, ANN, BOB, PEOPLE };

/* Ids that are the same in every database. */
static cm_uuid id_of(int64_t ms, unsigned kind, unsigned number) {
    cm_uuid id = {{0}};
    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
    }
    id.bytes[6] = 0x70;
    id.bytes[8] = 0x80;
    id.bytes[9] = (uint8_t)kind;
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static cm_uuid person(unsigned who) {
    return id_of(START_MS, 1, who);
}

static cm_uuid team(unsigned which) {
    return id_of(START_MS, 2, which);
}

/* Numbers that look thrown and are the same each time. */
static unsigned thrown(unsigned i, unsigned salt) {
    uint32_t x = i * 2654435761u ^ salt * 40503u;
    x ^= x >> 13;
    x *= 0x5bd1e995u;
    return x ^ x >> 15;
}

static bool is_timed(unsigned i) {
    return thrown(i, 1) % 7 != 0;
}

static int64_t latency(unsigned i) {
    return (int64_t)(thrown(i, 2) % 3000);
}

static void fill_people(const cm_db *db) {
    static const char *const tiers[PEOPLE] = {"enterprise", "free", "pro"};
    for (unsigned i = 0; i < PEOPLE; i++) {
        char email[32];
        snprintf(email, sizeof email, "p%u@example.com", i);
        cm_q_users_insert_in user = {.id = person(i),
                                     .email = cm_str_from(email),
                                     .role = i == ADMIN ? CM_STR("admin") : CM_STR("user"),
                                     .subscription_tier = cm_str_from(tiers[i])};
        assert_ok(cm_q_users_insert(db, &user, err));
        cm_q_teams_insert_in made = {.id = team(i), .name = CM_STR("a team")};
        assert_ok(cm_q_teams_insert(db, &made, err));
        cm_q_team_members_insert_in member = {.team_id = team(i), .user_id = person(i)};
        assert_ok(cm_q_team_members_insert(db, &member, err));
    }
    cm_row_ai_models model = {.id = 7,
                              .provider_name = CM_STR("local"),
                              .name = CM_STR("small"),
                              .tier = CM_STR("fast"),
                              .fim_format = CM_STR("psm"),
                              .fim_tokens = CM_STR("{}"),
                              .is_enabled = true,
                              .metadata = CM_STR("{}"),
                              .created_at = START_MS};
    assert_ok(cm_q_ai_models_import(db, &model, NULL, err));
    cm_q_experiments_insert_in experiment = {.id = id_of(START_MS, 3, 0),
                                             .experiment_key = CM_STR("draft")};
    assert_ok(cm_q_experiments_insert(db, &experiment, err));
    for (unsigned i = ANN; i < PEOPLE; i++) {
        cm_q_experiment_assignments_insert_in in = {.experiment_id = experiment.id,
                                                    .user_id = person(i),
                                                    .variant = i == ANN ? CM_STR("a") : CM_STR("b"),
                                                    .assigned_at = START_MS + 86400000};
        assert_ok(cm_q_experiment_assignments_insert(db, &in, err));
    }
}

static void fill_request(const cm_db *db, unsigned i) {
    static const char *const languages[] = {"python", "c", NULL};
    static const char *const states[] = {"delivered", "accepted", "cancelled", "error", "retained"};
    int64_t at = START_MS + i * STEP_MS;
    cm_q_completion_requests_insert_in request = {
        .id = id_of(at, 4, i),
        .user_id = person(thrown(i, 3) % PEOPLE),
        .created_at = at,
        .completion_type = i % 4 == 0 ? CM_STR("chat") : CM_STR("fim"),
        .language = cm_str_from(languages[thrown(i, 4) % 3]),
        .model_used = i % 3 == 0 ? CM_STR("small") : CM_STR_EMPTY,
        .state = cm_str_from(states[thrown(i, 5) % 5]),
        .cache_hit = i % 9 == 0,
        .prompt_tokens = CM_INT(i % 50)};
    if (is_timed(i)) {
        request.latency_ms = CM_INT(latency(i));
    }
    assert_ok(cm_q_completion_requests_insert(db, &request, err));
    for (unsigned rank = 0; rank < thrown(i, 6) % 3; rank++) {
        bool accepted = thrown(i, 7 + rank) % 3 == 0;
        cm_q_completion_results_insert_in result = {
            .request_id = request.id,
            .id = id_of(at, 5 + rank, i),
            .rank = rank,
            .completion_text = i % 2 == 0 ? CM_STR("return 1") : CM_STR("return 2"),
            .confidence_score = CM_REAL((double)(thrown(i, 9) % 1000) / 1000),
            .shown_at = i % 5 != 0 ? CM_STR("[1798588800000]") : CM_STR("[]"),
            .accepted = CM_BOOL(accepted),
            .retained = CM_BOOL(accepted && i % 2 == 0),
            .created_at = at};
        if (i % 3 == 0) {
            result.model_id = CM_INT(7);
        }
        assert_ok(cm_q_completion_results_insert(db, &result, err));
    }
    if (i % 6 == 0) {
        cm_q_ground_truths_insert_in truth = {.request_id = request.id,
                                              .truth_timestamp = at + 1000,
                                              .id = id_of(at, 9, i),
                                              .ground_truth = i % 4 == 0 ? CM_STR("return 1")
                                                                         : CM_STR("return 3")};
        assert_ok(cm_q_ground_truths_insert(db, &truth, err));
    }
    cm_q_llm_calls_insert_in call = {.id = id_of(at, 10, i),
                                     .provider_name = CM_STR("local"),
                                     .model_name = CM_STR("small"),
                                     .status = CM_STR("ok"),
                                     .prompt_tokens = i,
                                     .cost_micros = 3 * i,
                                     .created_at = at};
    if (i % 2 == 0) {
        call.team_id = team(thrown(i, 11) % PEOPLE);
    }
    assert_ok(cm_q_llm_calls_insert(db, &call, err));
}

static void fill_practice(const cm_db *db) {
    for (unsigned i = 0; i < 40; i++) {
        cm_q_practice_problems_insert_in problem = {.id = id_of(START_MS, 11, i),
                                                    .skill_area = i % 2 == 0 ? CM_STR("loops")
                                                                             : CM_STR("types"),
                                                    .difficulty = 3,
                                                    .type = CM_STR("coding"),
                                                    .title = CM_STR("t"),
                                                    .description = CM_STR("d"),
                                                    .test_cases = CM_STR("[]"),
                                                    .solution = CM_STR("s"),
                                                    .explanation = CM_STR("e")};
        assert_ok(cm_q_practice_problems_insert(db, &problem, err));
        cm_q_practice_submissions_insert_in in = {.id = id_of(START_MS, 12, i),
                                                  .user_id = person(i % PEOPLE),
                                                  .problem_id = problem.id,
                                                  .solution = CM_STR("s"),
                                                  .language = CM_STR("c"),
                                                  .correct = thrown(i, 12) % 3 != 0,
                                                  .submitted_at = START_MS + i * 10 * STEP_MS};
        assert_ok(cm_q_practice_submissions_insert(db, &in, err));
    }
}

static cm_rc fill_all(const cm_db *db, void *argument, cm_err *err) {
    (void)argument;
    (void)err;
    fill_people(db);
    for (unsigned i = 0; i < REQUESTS; i++) {
        fill_request(db, i);
    }
    fill_practice(db);
    return CM_OK;
}

static void refresh(fixture *f, cm_store *store) {
    cm_db db = cm_store_system(store);
    cm_maintenance maintenance = {.data_dir = f->dir};
    cm_jobs_options options = cm_maintenance_options(store, &maintenance);
    cm_uuid id;
    cm_row_jobs row = {0};
    cm_job_new job = {.type = CM_STR("analytics")};
    assert_ok(cm_job_add(&db, &job, &id, err));
    assert_ok(cm_job_run(&options, id, f->arena, &row, err));
    if (!cm_str_eq_c(row.status, "succeeded")) {
        fail_msg(CM_STR_FMT, CM_STR_ARG(row.last_error));
    }
}

static void fill(fixture *f, cm_store *store) {
    cm_db db = cm_store_system(store);
    assert_ok(cm_db_write(&db, CM_FULL, fill_all, NULL, err));
    refresh(f, store);
}

/* --- The same on both engines ----------------------------------------------------------------- */

typedef struct figures {
    const cm_query *query;
    char *rows;
    size_t count;
} figures;

static figures read_view(const cm_db *db, const cm_view *view, cm_arena *arena) {
    figures all = {.query = view->read};
    int64_t params[3] = {0, INT64_C(4000000000000), 100000};
    assert_ok(cm_query_all(db, all.query, view->timed ? params : params + 2, arena, &all.rows,
                           &all.count, err));
    return all;
}

static void assert_same_value(const cm_sql_slot *slot, const char *left, const char *right) {
    cm_value a, b;
    cm_db db = {.scope = CM_DB_SYSTEM};
    assert_ok(cm_value_read(slot, left, &db, &a, err));
    assert_ok(cm_value_read(slot, right, &db, &b, err));
    bool same = a.kind == b.kind && a.i == b.i && cm_uuid_eq(&a.id, &b.id) &&
                cm_str_eq(a.str, b.str) && fabs(a.real - b.real) < 1e-12;
    if (!same) {
        fail_msg("%s: %lld %.17g '" CM_STR_FMT "' and %lld %.17g '" CM_STR_FMT "'", slot->name,
                 (long long)a.i, a.real, CM_STR_ARG(a.str), (long long)b.i, b.real,
                 CM_STR_ARG(b.str));
    }
}

static void test_store_figures__both_engines_give_the_same_numbers(void **state) {
    fixture *f = *state;
    if (f->url[0] == '\0') {
        skip(); /* needs both: run by with_postgres.py */
    }
    cm_store *embedded;
    assert_ok(cm_store_open(&(cm_store_options){.data_dir = f->dir}, &embedded, err));
    fill(f, f->store);
    fill(f, embedded);
    cm_db sides[2] = {cm_store_system(f->store), cm_store_system(embedded)};
    for (size_t i = 0; i < cm_view_count; i++) {
        figures a = read_view(&sides[0], &cm_views[i], f->arena);
        figures b = read_view(&sides[1], &cm_views[i], f->arena);
        if (a.count == 0 || a.count != b.count) {
            fail_msg("'%s' has %zu and %zu rows", cm_views[i].name, a.count, b.count);
        }
        for (size_t row = 0; row < a.count; row++) {
            for (size_t k = 0; k < a.query->column_count; k++) {
                assert_same_value(&a.query->columns[k], a.rows + row * a.query->row_size,
                                  b.rows + row * b.query->row_size);
            }
        }
    }
    cm_store_close(embedded);
}

/* --- Right ------------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Nearest rank, counted by hand: the smallest value that `percent` % of the values do not exceed. */
static int64_t nearest_rank(const int64_t *sorted, size_t count, unsigned percent) {
    for (size_t i = 0; i < count; i++) {
        if ((i + 1) * 100 >= count * percent) {
            return sorted[i];
        }
    }
    return -1;
}

static void test_store_figures__percentiles_are_the_nearest_rank(void **state) {
    fixture *f = *state;
    fill(f, f->store);
    const cm_q_mv_completion_daily_read_row *rows;
    size_t count = 0;
    cm_q_mv_completion_daily_read_in in = {START_MS, START_MS + 86400000, 1000};
    assert_ok(cm_q_mv_completion_daily_read(&f->system, &in, f->arena, &rows, &count, err));
    assert_true(count >= 8);
    size_t requests = 0;
    for (size_t k = 0; k < count; k++) {
        static const char *const languages[] = {"python", "c", ""};
        int64_t sorted[REQUESTS];
        size_t timed = 0;
        int64_t expected = 0;
        for (unsigned i = 0; i * STEP_MS < 86400000; i++) {
            bool mine = cm_str_eq_c(rows[k].completion_type, i % 4 == 0 ? "chat" : "fim") &&
                        cm_str_eq_c(rows[k].language, languages[thrown(i, 4) % 3]) &&
                        cm_str_eq_c(rows[k].model_used, i % 3 == 0 ? "small" : "");
            expected += mine;
            if (mine && is_timed(i)) {
                sorted[timed++] = latency(i);
            }
        }
        qsort(sorted, timed, sizeof *sorted, by_size);
        assert_int_equal(rows[k].requests, expected);
        assert_int_equal(rows[k].p50_ms.value, nearest_rank(sorted, timed, 50));
        assert_int_equal(rows[k].p95_ms.value, nearest_rank(sorted, timed, 95));
        assert_int_equal(rows[k].p99_ms.value, nearest_rank(sorted, timed, 99));
        requests += (size_t)rows[k].requests;
    }
    assert_int_equal(requests, 86400000 / STEP_MS + 1);
}

static void test_store_figures__are_of_the_last_refresh(void **state) {
    fixture *f = *state;
    fill(f, f->store);
    cm_q_mv_active_users_daily_read_in in = {0, INT64_C(4000000000000), 1000};
    const cm_q_mv_active_users_daily_read_row *rows;
    size_t before = 0;
    size_t after = 0;
    assert_ok(cm_q_mv_active_users_daily_read(&f->system, &in, f->arena, &rows, &before, err));
    fill_request(&f->system, REQUESTS + 1000); /* five days later */
    assert_ok(cm_q_mv_active_users_daily_read(&f->system, &in, f->arena, &rows, &after, err));
    assert_int_equal(after, before);
    refresh(f, f->store);
    refresh(f, f->store); /* twice: nothing doubles */
    assert_ok(cm_q_mv_active_users_daily_read(&f->system, &in, f->arena, &rows, &after, err));
    assert_int_equal(after, before + 1);
}

/* --- Shown to whom ---------------------------------------------------------------------------- */

static void test_store_figures__people_see_their_own_and_administrators_all(void **state) {
    fixture *f = *state;
    fill(f, f->store);
    cm_db admin = cm_store_as(f->store, person(ADMIN));
    cm_db ann = cm_store_as(f->store, person(ANN));
    cm_db nobody = cm_store_as(f->store, (cm_uuid){{0}});
    for (size_t i = 0; i < cm_view_count; i++) {
        const char *name = cm_views[i].name;
        bool shared = strstr(name, "user_activity") != NULL || strstr(name, "team_usage") != NULL;
        size_t all = read_view(&f->system, &cm_views[i], f->arena).count;
        assert_int_equal(read_view(&admin, &cm_views[i], f->arena).count, all);
        assert_int_equal(read_view(&nobody, &cm_views[i], f->arena).count, 0);
        size_t seen = read_view(&ann, &cm_views[i], f->arena).count;
        assert_true(shared ? seen > 0 && seen < all : seen == 0);
    }
    const cm_q_mv_user_activity_daily_read_row *own;
    size_t count = 0;
    cm_uuid id = person(ANN);
    cm_q_mv_user_activity_daily_read_in in = {0, INT64_C(4000000000000), 1000};
    assert_ok(cm_q_mv_user_activity_daily_read(&ann, &in, f->arena, &own, &count, err));
    for (size_t i = 0; i < count; i++) {
        assert_true(cm_uuid_eq(&own[i].user_id, &id));
    }
    const cm_q_mv_team_usage_daily_read_row *usage;
    cm_q_mv_team_usage_daily_read_in of_team = {0, INT64_C(4000000000000), 1000};
    cm_uuid hers = team(ANN);
    assert_ok(cm_q_mv_team_usage_daily_read(&ann, &of_team, f->arena, &usage, &count, err));
    for (size_t i = 0; i < count; i++) {
        assert_true(cm_uuid_eq(&usage[i].team_id, &hers));
    }
}

static void test_store_figures__the_application_has_no_grant_on_a_view(void **state) {
    fixture *f = *state;
    if (f->url[0] == '\0') {
        skip(); /* SQLite has no grants */
    }
    PGconn *pg = PQconnectdb(f->url);
    PQclear(PQexec(pg, "SET ROLE codementor_app"));
    for (size_t i = 0; i < cm_view_count; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", cm_views[i].name);
        PGresult *result = PQexec(pg, sql);
        assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42501");
        PQclear(result);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s_rows()", cm_views[i].name);
        result = PQexec(pg, sql);
        assert_string_equal(PQgetvalue(result, 0, 0), "0"); /* allowed, and shows nobody nothing */
        PQclear(result);
    }
    PQfinish(pg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_figures__both_engines_give_the_same_numbers),
        store_test(test_store_figures__percentiles_are_the_nearest_rank),
        store_test(test_store_figures__are_of_the_last_refresh),
        store_test(test_store_figures__people_see_their_own_and_administrators_all),
        store_test(test_store_figures__the_application_has_no_grant_on_a_view),
    };
    return cmocka_run_group_tests_name("store/figures", tests, NULL, NULL);
}
