/* When recurring work is due. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/jobs/cron.h"

static int64_t at(const char *text) {
    int64_t ms = 0;
    assert_true(cm_time_parse(cm_str_from(text), &ms));
    return ms;
}

static void test_store_cron__the_next_moment_is_the_first_that_fits(void **state) {
    (void)state;
    static const struct {
        const char *text, *after, *next;
    } rows[] = {
        {"every 15m", "2026-11-28T21:40:00Z", "2026-11-28T21:45:00Z"},
        {"every 15m", "2026-11-28T21:45:00Z", "2026-11-28T22:00:00Z"},
        {"every 1d", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"},
        {"* * * * *", "2026-11-28T21:40:59.999Z", "2026-11-28T21:41:00Z"},
        {"30 3 * * *", "2026-12-31T03:30:00Z", "2027-01-01T03:30:00Z"},
        {"*/20 8-18/5 * * *", "2026-11-28T08:40:00Z", "2026-11-28T13:00:00Z"},
        {"5,50 0 1 1 *", "2026-11-28T00:00:00Z", "2027-01-01T00:05:00Z"},
        {"0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
        {"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},  /* 2100 has none */
        {"0 9 * * 1-5", "2026-11-27T09:00:00Z", "2026-11-30T09:00:00Z"}, /* Friday, Monday */
        {"0 0 * * 7", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"},
        {"0 0 13 * 5", "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z"}, /* either will do */
        {"0 0 31 * *", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z"},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_cron cron;
        char text[CM_TIME_TEXT_MAX];
        assert_ok(cm_cron_parse(cm_str_from(rows[i].text), &cron, err));
        int64_t next = cm_cron_next(&cron, at(rows[i].after));
        if (next != at(rows[i].next)) {
            cm_str got = cm_time_format(next, text);
            fail_msg("'%s' after %s: got %.*s", rows[i].text, rows[i].after, CM_STR_ARG(got));
        }
    }
}

static void test_store_cron__what_is_not_a_schedule_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "every",
        "every 0m",
        "every 5",
        "every 5w",
        "every -1m",
        "every 367d",
        "@daily",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "*/99 * * * *",
        "1,,2 * * * *",
        "a * * * *",
        "0 0 30 2 *",
        "0 0 31 4 *",
        "1- * * * *",
        "every 1m; DROP",
        "mon * * * *",
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_cron cron;
        if (cm_cron_parse(cm_str_from(rows[i]), &cron, NULL) != CM_INVALID) {
            fail_msg("'%s' was taken for a schedule", rows[i]);
        }
    }
    cm_cron cron;
    cm_err err = {0};
    assert_int_equal(cm_cron_parse(CM_STR("0 25 * * *"), &cron, &err), CM_INVALID);
    assert_non_null(strstr(err.text, "hour of 0 to 23"));
}

/* Any moment: the next one lies after it, and nothing between them fits. */
static void test_store_cron__no_moment_is_skipped(void **state) {
    (void)state;
    cm_cron cron;
    assert_ok(cm_cron_parse(CM_STR("*/7 1,5-9/2,23 */3 * 0,3"), &cron, err));
    int64_t from = at("2026-12-25T00:00:00Z");
    int64_t until = at("2027-01-12T00:00:00Z");
    int64_t next = cm_cron_next(&cron, from);
    size_t found = 0;
    for (int64_t ms = from; ms < until; ms += 60000) {
        int64_t again = cm_cron_next(&cron, ms);
        assert_true(again > ms);
        assert_true(ms < next ? again == next : again > next);
        if (ms >= next) {
            next = again;
            found++;
        }
    }
    assert_true(found > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_cron__the_next_moment_is_the_first_that_fits),
        cmocka_unit_test(test_store_cron__what_is_not_a_schedule_is_refused),
        cmocka_unit_test(test_store_cron__no_moment_is_skipped),
    };
    return cmocka_run_group_tests_name("store/cron", tests, NULL, NULL);
}
