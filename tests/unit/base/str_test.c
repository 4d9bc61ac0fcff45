#include "base/str.h"

#include "unit/check.h"

static void test_base_str__comparison_is_by_bytes_shorter_first(void **state) {
    (void)state;
    static const struct {
        cm_str a, b;
        int order;
    } cases[] = {
        {{"a", 1}, {"b", 1}, -1},  {{"ab", 2}, {"a", 1}, 1},   {{NULL, 0}, {NULL, 0}, 0},
        {{NULL, 0}, {"a", 1}, -1}, {{"\xff", 1}, {"a", 1}, 1}, {{"a\0b", 3}, {"a\0c", 3}, -1},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        int order = cm_str_cmp(cases[i].a, cases[i].b);
        assert_int_equal((order > 0) - (order < 0), cases[i].order);
        assert_int_equal(cm_str_eq(cases[i].a, cases[i].b), cases[i].order == 0);
    }
    assert_true(cm_str_eq_nocase(CM_STR("AbC"), CM_STR("aBc")));
    assert_false(cm_str_eq_nocase(CM_STR("AbC"), CM_STR("aBcd")));
    assert_true(cm_str_eq_c(CM_STR_EMPTY, ""));
    assert_true(cm_str_eq_c(CM_STR_EMPTY, NULL));
}

static void test_base_str__search_gives_offsets(void **state) {
    (void)state;
    cm_str s = CM_STR("one two one");
    assert_int_equal(cm_str_find(s, CM_STR("one")), 0);
    assert_int_equal(cm_str_find(s, CM_STR("two")), 4);
    assert_int_equal(cm_str_find(s, CM_STR("three")), SIZE_MAX);
    assert_int_equal(cm_str_find(s, CM_STR_EMPTY), 0);
    assert_int_equal(cm_str_find(CM_STR_EMPTY, s), SIZE_MAX);
    assert_int_equal(cm_str_find_char(s, 'o'), 0);
    assert_int_equal(cm_str_rfind_char(s, 'o'), 8);
    assert_int_equal(cm_str_rfind_char(CM_STR_EMPTY, 'o'), SIZE_MAX);
    assert_true(cm_str_starts(s, CM_STR("one t")) && !cm_str_starts(CM_STR("on"), CM_STR("one")));
    assert_true(cm_str_ends(s, CM_STR("o one")) && !cm_str_ends(CM_STR("ne"), CM_STR("one")));
}

static void test_base_str__parts_are_clamped(void **state) {
    (void)state;
    cm_str s = CM_STR("abcdef");
    assert_str(cm_str_sub(s, 2, 3), "cde");
    assert_str(cm_str_sub(s, 4, SIZE_MAX), "ef");
    assert_str(cm_str_sub(s, 99, 1), "");
    assert_str(cm_str_from_offset(s, 99), "");
    assert_str(cm_str_from_offset(CM_STR_EMPTY, 1), "");
    assert_str(cm_str_trim(CM_STR(" \t x y\r\n")), "x y");
    assert_str(cm_str_trim(CM_STR(" \n")), "");
}

static void test_base_str__split_and_lines(void **state) {
    (void)state;
    static const struct {
        bool lines;
        const char *text, *joined;
    } cases[] = {
        {false, "a,b", "<a><b>"},     {false, "a,,b,", "<a><><b>"},     {false, "", ""},
        {false, ",", "<>"},           {true, "a\r\nb\nc", "<a><b><c>"}, {true, "a\n\n", "<a><>"},
        {true, "a\rb\r", "<a\rb\r>"},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        char joined[64] = "";
        cm_str rest = cm_str_from(cases[i].text), part;
        while (cases[i].lines ? cm_str_line(&rest, &part) : cm_str_split(&rest, ',', &part)) {
            size_t used = strlen(joined);
            snprintf(joined + used, sizeof(joined) - used, "<" CM_STR_FMT ">", CM_STR_ARG(part));
        }
        assert_string_equal(joined, cases[i].joined);
    }
}

static void test_base_str__numbers_are_whole_or_nothing(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool u64, i64, f64;
    } cases[] = {
        {"0", true, true, true},
        {"18446744073709551615", true, false, true},
        {"18446744073709551616", false, false, true},
        {"-9223372036854775808", false, true, true},
        {"-9223372036854775809", false, false, true},
        {"9223372036854775807", true, true, true},
        {"", false, false, false},
        {"-", false, false, false},
        {"+1", false, false, false},
        {" 1", false, false, false},
        {"1 ", false, false, false},
        {"0x10", false, false, false},
        {"1.5e-3", false, false, true},
        {"1.", false, false, false},
        {".5", false, false, false},
        {"1e", false, false, false},
        {"1e+", false, false, false},
        {"1e999", false, false, false},
        {"inf", false, false, false},
        {"nan", false, false, false},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_str s = cm_str_from(cases[i].text);
        uint64_t u = 7;
        int64_t n = 7;
        double f = 7;
        assert_int_equal(cm_str_to_u64(s, &u), cases[i].u64);
        assert_int_equal(cm_str_to_i64(s, &n), cases[i].i64);
        assert_int_equal(cm_str_to_f64(s, &f), cases[i].f64);
        assert_true(cases[i].u64 ? u == strtoull(cases[i].text, NULL, 10) : u == 7);
        assert_true(cases[i].i64 ? n == strtoll(cases[i].text, NULL, 10) : n == 7);
        assert_true(cases[i].f64 ? f == strtod(cases[i].text, NULL) : f == 7);
    }
}

static void test_base_str__distance_is_cut_at_the_maximum(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t max, distance;
    } cases[] = {
        {"kitten", "sitting", 5, 3}, {"kitten", "sitting", 2, 3}, {"", "abc", 3, 3},
        {"same", "same", 0, 0},      {"a", "bcdefgh", 2, 3},      {"serve", "sevre", 3, 2},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_str a = cm_str_from(cases[i].a), b = cm_str_from(cases[i].b);
        assert_int_equal(cm_str_distance(a, b, cases[i].max), cases[i].distance);
        assert_int_equal(cm_str_distance(b, a, cases[i].max), cases[i].distance);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_str__comparison_is_by_bytes_shorter_first),
        cmocka_unit_test(test_base_str__search_gives_offsets),
        cmocka_unit_test(test_base_str__parts_are_clamped),
        cmocka_unit_test(test_base_str__split_and_lines),
        cmocka_unit_test(test_base_str__numbers_are_whole_or_nothing),
        cmocka_unit_test(test_base_str__distance_is_cut_at_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
