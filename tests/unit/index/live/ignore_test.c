#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/live/ignore.h"

/* Expected answers are those of `git check-ignore` 2.39. */
static const struct {
    const char *rules;
    const char *path;
    bool is_directory;
    bool ignored;
} cases[] = {
    {"*.o", "a.o", false, true},
    {"*.o", "deep/down/a.o", false, true},
    {"*.o", "a.oo", false, false},
    {"/a", "a", false, true},
    {"/a", "b/a", false, false},
    {"a/b", "a/b", false, true},
    {"a/b", "x/a/b", false, false},
    {"build/", "build", true, true},
    {"build/", "build", false, false},
    {"build/", "x/build", true, true},
    {"**/foo", "foo", false, true},
    {"**/foo", "a/b/foo", false, true},
    {"foo/**", "foo", true, false},
    {"foo/**", "foo/a/b", false, true},
    {"a/**/b", "a/b", false, true},
    {"a/**/b", "a/x/y/b", false, true},
    {"a/**/b", "x/a/b", false, false},
    {"a/*", "a/x", false, true},
    {"a/*", "a/x/y", false, false},
    {"*\n!keep", "keep", false, false},
    {"*\n!keep", "other", false, true},
    {"!keep\n*", "keep", false, true},
    {"# comment\n\\#name", "#name", false, true},
    {"# comment", "# comment", false, false},
    {"\\!bang", "!bang", false, true},
    {"a\\ ", "a ", false, true},
    {"a   ", "a", false, true},
    {"file[0-9]", "file7", false, true},
    {"file[!0-9]", "file7", false, false},
    {"file[^0-9]", "filex", false, true},
    {"[[:upper:]]x", "Ax", false, true},
    {"[]]x", "]x", false, true},
    {"[a", "[a", false, false},
    {"a?c", "abc", false, true},
    {"a?c", "a/c", false, false},
    {"*a*b*c*", "xxaxxbxxcxx", false, true},
    {"*a*b*c*", "xxcxxbxxaxx", false, false},
    {"x{a,b}", "xa", false, false},
    {"x\r\n", "x", false, true},
    {"\xEF\xBB\xBF"
     "bom",
     "bom", false, true},
    {"/", "a", false, false},
    {"", "a", false, false},
};

static void test_index_ignore__rules_answer_as_git_does(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_ignore *ignore = cm_ignore_new();
        assert_int_equal(cm_ignore_push(ignore, CM_STR_EMPTY, cm_str_from(cases[i].rules), NULL),
                         CM_OK);
        bool got = cm_ignore_match(ignore, cm_str_from(cases[i].path), cases[i].is_directory);
        if (got != cases[i].ignored) {
            fail_msg("rules '%s', path '%s': %d", cases[i].rules, cases[i].path, got);
        }
        cm_ignore_free(ignore);
    }
}

static void test_index_ignore__deeper_file_wins(void **state) {
    (void)state;
    cm_ignore *ignore = cm_ignore_new();
    assert_int_equal(cm_ignore_push(ignore, CM_STR_EMPTY, CM_STR("*.log\n"), NULL), CM_OK);
    assert_int_equal(cm_ignore_push(ignore, CM_STR("keep"), CM_STR("!*.log\n/only\n"), NULL),
                     CM_OK);
    assert_true(cm_ignore_match(ignore, CM_STR("a.log"), false));
    assert_false(cm_ignore_match(ignore, CM_STR("keep/a.log"), false));
    assert_true(cm_ignore_match(ignore, CM_STR("keep/only"), false));
    assert_false(cm_ignore_match(ignore, CM_STR("only"), false));
    assert_false(cm_ignore_match(ignore, CM_STR("keeper/only"), false));
    cm_ignore_pop(ignore);
    assert_true(cm_ignore_match(ignore, CM_STR("keep/a.log"), false));
    cm_ignore_free(ignore);
}

static void test_index_ignore__hostile_pattern_takes_no_time(void **state) {
    (void)state;
    char pattern[2000], path[2000];
    for (size_t i = 0; i + 3 <= sizeof(pattern); i += 3) {
        memcpy(pattern + i, "**/", 3);
    }
    memset(path, 'a', sizeof(path));
    for (size_t i = 1; i < sizeof(path); i += 20) {
        path[i] = '/';
    }
    memcpy(pattern + 300, "zz", 2);
    assert_false(cm_ignore_pattern_match(cm_str_make(pattern, 302), cm_str_make(path, 1000)));
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = i % 2 ? 'a' : '*';
    }
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = 'b';
    assert_false(
        cm_ignore_pattern_match(cm_str_make(pattern, 1998), cm_str_make(path, sizeof(path))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_ignore__rules_answer_as_git_does),
        cmocka_unit_test(test_index_ignore__deeper_file_wins),
        cmocka_unit_test(test_index_ignore__hostile_pattern_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
