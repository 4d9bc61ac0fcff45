/* PostgreSQL's months with a clock turned by hand: made across the end of a year, dropped when they are over, and
 * rows that came before their month. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"

#include "store/q/completion_requests.h"
#include "store/q/completion_results.h"
#include "store/q/usage_metrics.h"

#define CHILDREN_OF                                                                          \
    "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_inherits i JOIN pg_class " \
    "c ON c.oid = i.inhrelid WHERE i.inhparent = '%s'::regclass AND c.relname > '%s_2026_11'"

static int64_t at(const char *text) {
    int64_t ms = 0;
    assert_true(cm_time_parse(cm_str_from(text), &ms));
    return ms;
}

static const char *ask(fixture *f, const char *sql) {
    PGconn *pg = PQconnectdb(f->url);
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    }
    const char *text = cm_arena_fmt(f->arena, "%s", PQgetvalue(result, 0, 0)).ptr;
    PQclear(result);
    PQfinish(pg);
    return text;
}

/* Months after November 2026, and the default. */
static const char *months_of(fixture *f, const char *table) {
    char sql[512];
    snprintf(sql, sizeof sql, CHILDREN_OF, table, table);
    return ask(f, sql);
}

static void turn_to(fixture *f, const char *text) {
    cm_clock_fake(1, at(text));
    assert_ok(cm_store_maintain(f->store, err));
}

static void add_metric(fixture *f, const char *text) {
    cm_q_usage_metrics_insert_in in = {.id = cm_uuid_v7(),
                                       .user_id = f->local.user_id,
                                       .recorded_at = at(text),
                                       .metric_type = CM_STR("m"),
                                       .value = 1};
    assert_ok(cm_q_usage_metrics_insert(&f->system, &in, err));
}

static const char *home_of(fixture *f, const char *text) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT tableoid::regclass::text FROM usage_metrics WHERE recorded_at = '%s'", text);
    return ask(f, sql);
}

static void test_store_partition__months_are_made_across_the_end_of_a_year(void **state) {
    fixture *f = *state;
    turn_to(f, "2026-12-31T23:59:59.999Z");
    assert_non_null(strstr(months_of(f, "usage_metrics"), "usage_metrics_2026_12"));
    assert_non_null(strstr(months_of(f, "usage_metrics"), "usage_metrics_2027_03"));
    assert_null(strstr(months_of(f, "usage_metrics"), "usage_metrics_2027_04"));
    turn_to(f, "2027-01-01T00:00:00Z");
    assert_non_null(strstr(months_of(f, "usage_metrics"), "usage_metrics_2027_04"));
    assert_non_null(strstr(months_of(f, "messages"), "messages_2027_04"));
    assert_non_null(strstr(months_of(f, "embeddings_message"), "embeddings_message_2027_04"));
    add_metric(f, "2026-12-31T23:59:59.999Z");
    add_metric(f, "2027-01-01T00:00:00.000Z");
    assert_string_equal(home_of(f, "2026-12-31T23:59:59.999Z"), "usage_metrics_2026_12");
    assert_string_equal(home_of(f, "2027-01-01T00:00:00.000Z"), "usage_metrics_2027_01");
    turn_to(f, "2027-01-01T00:00:00Z"); /* once more: nothing to do */
    cm_clock_real();
}

/* The last id of a month, and the first of the next. */
static void test_store_partition__ids_split_where_their_months_do(void **state) {
    fixture *f = *state;
    turn_to(f, "2026-12-15T00:00:00Z");
    for (int i = 0; i < 2; i++) {
        int64_t ms = at("2027-01-01T00:00:00Z") - (i == 0);
        char sql[256];
        char text[CM_UUID_TEXT];
        const char *edge = i == 0 ? "00000000-0000-7fff-bfff-ffffffffffff"
                                  : "00000000-0000-7000-8000-000000000000";
        cm_uuid id;
        assert_true(cm_uuid_parse(cm_str_from(edge), &id));
        for (int k = 0; k < 6; k++) {
            id.bytes[k] = (uint8_t)((uint64_t)ms >> (40 - 8 * k));
        }
        cm_q_completion_requests_insert_in in = {.id = id, .completion_type = CM_STR("fim")};
        assert_ok(cm_q_completion_requests_insert(&f->system, &in, err));
        cm_uuid_format(&id, text);
        snprintf(sql, sizeof sql,
                 "SELECT tableoid::regclass::text FROM completion_requests WHERE id = '%s'", text);
        assert_string_equal(ask(f, sql),
                            i == 0 ? "completion_requests_2026_12" : "completion_requests_2027_01");
    }
    cm_clock_real();
}

static void test_store_partition__a_month_goes_when_its_class_is_over(void **state) {
    fixture *f = *state;
    turn_to(f, "2026-12-31T12:00:00Z");
    cm_q_completion_requests_insert_in request = {.id = cm_uuid_v7(),
                                                  .completion_type = CM_STR("fim")};
    assert_ok(cm_q_completion_requests_insert(&f->system, &request, err));
    cm_q_completion_results_insert_in result = {
        .request_id = request.id, .id = cm_uuid_v7(), .completion_text = CM_STR("x")};
    assert_ok(cm_q_completion_results_insert(&f->system, &result, err));
    turn_to(f, "2028-01-31T23:00:00Z"); /* 396 days after the last of December: one hour short */
    assert_non_null(strstr(months_of(f, "completion_requests"), "completion_requests_2026_12"));
    assert_null(strstr(months_of(f, "completion_contexts"), "completion_contexts_2026_12"));
    turn_to(f, "2028-02-01T01:00:00Z");
    assert_null(strstr(months_of(f, "completion_requests"), "completion_requests_2026_12"));
    assert_null(strstr(months_of(f, "completion_results"), "completion_results_2026_12"));
    assert_non_null(strstr(months_of(f, "completion_requests"), "completion_requests_2027_01"));
    assert_non_null(strstr(months_of(f, "usage_metrics"), "usage_metrics_2026_12"));
    assert_non_null(strstr(months_of(f, "messages"), "messages_2026_12")); /* end by row */
    assert_non_null(strstr(months_of(f, "completion_requests"), "completion_requests_2028_05"));
    cm_clock_real();
}

/* Written by somebody whose clock was a year ahead. */
static void test_store_partition__rows_before_their_month_stop_nothing(void **state) {
    fixture *f = *state;
    turn_to(f, "2026-12-01T00:00:00Z");
    add_metric(f, "2027-12-24T18:00:00.000Z");
    assert_string_equal(home_of(f, "2027-12-24T18:00:00.000Z"), "usage_metrics_default");
    turn_to(f, "2027-12-01T00:00:00Z");
    assert_null(strstr(months_of(f, "usage_metrics"), "usage_metrics_2027_12"));
    assert_non_null(strstr(months_of(f, "usage_metrics"), "usage_metrics_2028_01"));
    assert_non_null(strstr(months_of(f, "analytics_events"), "analytics_events_2027_12"));
    add_metric(f, "2027-12-25T18:00:00.000Z"); /* of that month: beside it */
    assert_string_equal(home_of(f, "2027-12-25T18:00:00.000Z"), "usage_metrics_default");
    fixture_reopen(f); /* and a server starts */
    cm_clock_real();
}

int main(void) {
    if (fixture_server() == NULL) {
        return 77; /* run by with_postgres.py */
    }
    const struct CMUnitTest tests[] = {
        store_test(test_store_partition__months_are_made_across_the_end_of_a_year),
        store_test(test_store_partition__ids_split_where_their_months_do),
        store_test(test_store_partition__a_month_goes_when_its_class_is_over),
        store_test(test_store_partition__rows_before_their_month_stop_nothing),
    };
    return cmocka_run_group_tests_name("store/partition", tests, NULL, NULL);
}
