/* Patterns under a deadline: they end in time on any line, and find what PCRE2 finds by itself. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "search/pattern.h"

#include "base/buf.h"
#include "check.h"

#include <pcre2.h>

static cm_pattern *new_pattern(const char *text, const cm_pattern_options *options) {
    cm_pattern *pattern = NULL;
    cm_err err;
    assert_int_equal(cm_pattern_new(cm_str_from(text), options, &pattern, &err), CM_OK);
    return pattern;
}

/* Each would take from half a second to for ever on such a line. */
static const char *const hostile[] = {
    "x|a{1,1000}a{1,1000}c",   "a*a*a*a*a*[cd]",         "(a+)+[cd]",       "(a|a)*[cd]",
    "(?:a?a?a?a?a?)+a+[cd]",   "(?:(?:a{1,9})*b?)*[cd]", "(a+)\\1+[cd]",    "(?=(a+))(a*)*[cd]",
    "(?:a.?){2,1000}a*a*[cd]", "([^b]+)*[^a]",           "(?R)?a+a*a*[cd]", "(?i:a*)a*a*a*[cd]",
};

static char line[2000];

static int fill_line(void **state) {
    (void)state;
    memset(line, 'a', sizeof(line));
    return 0;
}

static void test_search_pattern__a_deadline_ends_it_inside_a_line(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(hostile); i++) {
        size_t from, to;
        cm_pattern_options options = {.case_sensitive = true, .deadline_ns = 1}; /* long past */
        cm_pattern *pattern = new_pattern(hostile[i], &options);
        enum cm_pattern_outcome outcome =
            cm_pattern_match(pattern, cm_str_make(line, sizeof(line)), &from, &to);
        cm_pattern_free(pattern);
        assert_int_equal(outcome, CM_PATTERN_STOPPED);
    }
}

static void test_search_pattern__a_cancellation_ends_it_inside_a_line(void **state) {
    (void)state;
    size_t from, to;
    cm_cancel *cancel = cm_cancel_new(0);
    cm_pattern *pattern = new_pattern(hostile[0], &(cm_pattern_options){.cancel = cancel});
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    assert_int_equal(cm_pattern_match(pattern, cm_str_make(line, sizeof(line)), &from, &to),
                     CM_PATTERN_STOPPED);
    cm_pattern_free(pattern);
    cm_cancel_unref(cancel);
}

/* Without a deadline, each line has an end of its own, and the pattern goes on to work afterwards. */
static void test_search_pattern__no_line_takes_for_ever(void **state) {
    (void)state;
    for (size_t i = 1; i < CM_COUNT(hostile); i++) {
        size_t from, to;
        cm_pattern *pattern = new_pattern(hostile[i], &(cm_pattern_options){0});
        assert_int_not_equal(cm_pattern_match(pattern, cm_str_make(line, 300), &from, &to),
                             CM_PATTERN_STOPPED);
        cm_pattern_free(pattern);
    }
}

/* ---- the same as PCRE2 ---- */

static bool plainly(const char *text, cm_str in, size_t *ret_from, size_t *ret_to) {
    int code;
    PCRE2_SIZE at;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text, strlen(text),
                      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_CASELESS, &code, &at, NULL);
    assert_non_null(compiled);
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(compiled, NULL);
    int n = pcre2_match(compiled, (PCRE2_SPTR)in.ptr, in.len, 0, 0, match, NULL);
    if (n > 0) {
        *ret_from = pcre2_get_ovector_pointer(match)[0];
        *ret_to = pcre2_get_ovector_pointer(match)[1];
    }
    pcre2_match_data_free(match);
    pcre2_code_free(compiled);
    return n > 0;
}

/* Lines are short where a pattern may be slow for PCRE2 by itself, long where the guarded form must be taken. */
static void test_search_pattern__finds_what_pcre2_finds(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "foo",         "f.*o.*[0-9]+", "\\w+\\s*=\\s*\\w+", "(foo|bar)+x",
        "(a(b)?c)?d+", "[]a-f]{2,5}?", "[[:digit:]]+x",     "\\bfoo\\b",
        "^\\s+return", "x*+y",         "(\\w)\\1",          "(?<=a)b+",
        "(?i)FOO",     "\\Qa.b\\E+",   "[^\\]]+\\]",        "a|b*|c?d",
        "\\p{Lu}+_",   "é+",           "(?:a|b|ab)*c",      "\\.{3}",
    };
    static const char *const pieces[] = {"foo", "bar", " = ", "ab", "c",  "x",        "yy", "9",
                                         "a.b", "...", "]",   "É",  "é_", "  return", "dd", "\xff"};
    uint64_t random = 42;
    for (size_t i = 0; i < CM_COUNT(patterns); i++) {
        cm_pattern *pattern = new_pattern(patterns[i], &(cm_pattern_options){0});
        for (unsigned round = 0; round < 200; round++) {
            cm_cleanup(cm_buf_done) cm_buf text;
            cm_buf_init(&text, CM_KIB(1));
            size_t count = round % 2 ? 4 : 60;
            for (size_t k = 0; k < count; k++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                cm_buf_add_c(&text, pieces[(random >> 33) % CM_COUNT(pieces)]);
            }
            size_t from = 0, to = 0, from2 = 0, to2 = 0;
            bool expected = plainly(patterns[i], cm_buf_str(&text), &from, &to);
            enum cm_pattern_outcome outcome =
                cm_pattern_match(pattern, cm_buf_str(&text), &from2, &to2);
            assert_int_equal(outcome, expected ? CM_PATTERN_FOUND : CM_PATTERN_NONE);
            assert_int_equal(from, from2);
            assert_int_equal(to, to2);
        }
        cm_pattern_free(pattern);
    }
}

static void test_search_pattern__says_where_a_pattern_is_wrong(void **state) {
    (void)state;
    cm_pattern *pattern = NULL;
    cm_err err;
    assert_int_equal(cm_pattern_new(CM_STR("ab(c"), &(cm_pattern_options){0}, &pattern, &err),
                     CM_INVALID);
    assert_non_null(strstr(err.text, "offset 4"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_pattern__a_deadline_ends_it_inside_a_line),
        cmocka_unit_test(test_search_pattern__a_cancellation_ends_it_inside_a_line),
        cmocka_unit_test(test_search_pattern__no_line_takes_for_ever),
        cmocka_unit_test(test_search_pattern__finds_what_pcre2_finds),
        cmocka_unit_test(test_search_pattern__says_where_a_pattern_is_wrong),
    };
    return cmocka_run_group_tests(tests, fill_line, NULL);
}
