#include "base/clock.h"

#include "unit/check.h"
#include <time.h>

static void test_base_clock__the_fake_clock_stands_until_moved(void **state) {
    (void)state;
    cm_clock_fake(5999999, 1000);
    assert_int_equal(cm_clock_ns(), 5999999);
    assert_int_equal(cm_clock_ms(), 5);
    cm_clock_fake_advance(1);
    assert_int_equal(cm_clock_ms(), 6);
    assert_int_equal(cm_clock_wall_ms(), 1001);
    cm_clock_fake_advance(UINT64_C(3000000000));
    assert_int_equal(cm_clock_wall_ms(), 4001);
    cm_clock_real();
    assert_true(cm_clock_wall_ms() > INT64_C(1600000000000));
    uint64_t before = cm_clock_ns();
    assert_true(cm_clock_ns() >= before);
    assert_true(cm_clock_thread_ns() > 0);
}

static void test_base_clock__times_of_rfc_3339(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* INT64_MIN = refused */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T10:00:00.000Z", INT64_C(1795341600000)},
        {"2026-11-22t10:00:00.1z", INT64_C(1795341600100)},
        {"2026-11-22 12:30:00.123456789+02:30", INT64_C(1795341600123)},
        {"2026-11-22T05:00:00-05:00", INT64_C(1795341600000)},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"2023-02-29T00:00:00Z", INT64_MIN},
        {"2026-13-01T00:00:00Z", INT64_MIN},
        {"2026-00-01T00:00:00Z", INT64_MIN},
        {"2026-01-01T24:00:00Z", INT64_MIN},
        {"2026-01-01T00:00:00", INT64_MIN},
        {"2026-01-01T00:00:00.Z", INT64_MIN},
        {"2026-01-01T00:00:00Zx", INT64_MIN},
        {"2026-01-01", INT64_MIN},
        {"+026-01-01T00:00:00Z", INT64_MIN},
        {"", INT64_MIN},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        int64_t ms = INT64_MIN;
        cm_time_parse(cm_str_from(cases[i].text), &ms);
        if (ms != cases[i].ms) {
            fail_msg("%s: %lld", cases[i].text, (long long)ms);
        }
    }
}

static void test_base_clock__formatting_agrees_with_the_c_library_and_reads_back(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        int64_t ms =
            (int64_t)(cm_draw(&seed) % UINT64_C(315569519999999)) - INT64_C(62167219200000);
        char text[CM_TIME_TEXT_MAX];
        cm_str formatted = cm_time_format(ms, text);
        int64_t back;
        assert_true(cm_time_parse(formatted, &back));
        assert_int_equal(back, ms);
        time_t seconds = (time_t)((ms - (ms < 0 ? 999 : 0)) / 1000);
        struct tm parts;
        gmtime_r(&seconds, &parts);
        char expected[64];
        strftime(expected, sizeof(expected), "-%m-%dT%H:%M:%S.", &parts);
        assert_non_null(strstr(text, expected));
    }
    char text[CM_TIME_TEXT_MAX];
    assert_str(cm_time_format(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
    assert_str(cm_time_format(INT64_MIN, text), "0000-01-01T00:00:00.000Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_clock__the_fake_clock_stands_until_moved),
        cmocka_unit_test(test_base_clock__times_of_rfc_3339),
        cmocka_unit_test(test_base_clock__formatting_agrees_with_the_c_library_and_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
