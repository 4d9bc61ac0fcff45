/* path.c and glob.c: tables of cases. */
#include "base/path.h"

#include "base/clock.h"
#include "unit/check.h"

static void test_base_path__normal_form(void **state) {
    (void)state;
    static const struct {
        const char *in, *out; /* NULL = refused */
    } cases[] = {
        {"a/./b//../c", "a/c"},
        {"/a/../../b", "/b"},
        {"", ""},
        {"/", "/"},
        {"./a/", "a"},
        {"a/..", ""},
        {"../x", NULL},
        {"a/../../x", NULL},
        {"...", "..."},
        {"/..", "/"},
        {"a/b/../../c", "c"},
    };
    cm_buf out;
    cm_buf_init(&out, CM_PATH_BYTES_MAX);
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_buf_clear(&out);
        cm_buf_add_c(&out, "keep:");
        cm_rc rc = cm_path_normalise(cm_str_from(cases[i].in), &out, NULL);
        assert_int_equal(rc, cases[i].out ? CM_OK : CM_INVALID);
        assert_str(cm_str_from_offset(cm_buf_str(&out), 5), cases[i].out ? cases[i].out : "");
    }
    assert_int_equal(cm_path_normalise(cm_str_make("a\0b", 3), &out, NULL), CM_INVALID);
    cm_buf_done(&out);
    cm_buf_init(&out, 3);
    assert_int_equal(cm_path_normalise(CM_STR("abcdef"), &out, NULL), CM_LIMIT);
    cm_buf_done(&out);
}

static void test_base_path__relative_paths_of_the_api(void **state) {
    (void)state;
    static char longest[1026];
    memset(longest, 'a', 1025);
    static const struct {
        cm_str path;
        bool good;
    } cases[] = {
        {{"src/main.c", 10}, true},   {{"a", 1}, true},
        {{"a..b/c", 6}, true},        {{"", 0}, false},
        {{"/etc/passwd", 11}, false}, {{"a/../b", 6}, false},
        {{"..", 2}, false},           {{"a/..", 4}, false},
        {{"a\0b", 3}, false},         {{"\xff", 1}, false},
        {{longest, 1024}, true},      {{longest, 1025}, false},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_err err;
        assert_int_equal(cm_path_check_relative(cases[i].path, &err),
                         cases[i].good ? CM_OK : CM_INVALID);
    }
}

static void test_base_path__parts(void **state) {
    (void)state;
    static const struct {
        const char *path, *base, *directory, *extension;
    } cases[] = {
        {"a/b/c.tar.gz", "c.tar.gz", "a/b", "gz"},
        {"plain", "plain", "", ""},
        {"a/.bashrc", ".bashrc", "a", ""},
        {"a.b/c", "c", "a.b", ""},
        {"/x", "x", "", ""},
        {"a/", "", "a", ""},
        {"x.", "x.", "", ""},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_str path = cm_str_from(cases[i].path);
        assert_str(cm_path_base(path), cases[i].base);
        assert_str(cm_path_directory(path), cases[i].directory);
        assert_str(cm_path_extension(path), cases[i].extension);
    }
    cm_buf out;
    cm_buf_init(&out, 100);
    cm_path_join(&out, CM_STR("a"), CM_STR("b"));
    cm_buf_add_char(&out, ' ');
    cm_path_join(&out, CM_STR("a/"), CM_STR("/b"));
    cm_buf_add_char(&out, ' ');
    cm_path_join(&out, CM_STR_EMPTY, CM_STR("b"));
    assert_string_equal(cm_buf_c(&out), "a/b a/b b");
    cm_buf_done(&out);
}

static void test_base_path__inside_means_below_or_equal(void **state) {
    (void)state;
    assert_true(cm_path_is_inside(CM_STR("/a/b"), CM_STR("/a")));
    assert_true(cm_path_is_inside(CM_STR("/a"), CM_STR("/a")));
    assert_true(cm_path_is_inside(CM_STR("/a"), CM_STR("/")));
    assert_false(cm_path_is_inside(CM_STR("/ab"), CM_STR("/a")));
    assert_false(cm_path_is_inside(CM_STR("/"), CM_STR("/a")));
}

static void test_base_path__file_uris(void **state) {
    (void)state;
    static const struct {
        const char *uri, *path; /* NULL = refused */
    } cases[] = {
        {"file:///a/b.c", "/a/b.c"},
        {"FILE://localhost/a%20b", "/a b"},
        {"file:///caf%C3%A9?x#y", "/caf\xc3\xa9"},
        {"file://other/a", NULL},
        {"file:///a%2", NULL},
        {"file:///a%zz", NULL},
        {"file:///a%00b", NULL},
        {"file://", NULL},
        {"http://localhost/a", NULL},
        {"", NULL},
    };
    cm_buf out;
    cm_buf_init(&out, 100);
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_buf_clear(&out);
        cm_err err;
        cm_rc rc = cm_path_from_uri(cm_str_from(cases[i].uri), &out, &err);
        assert_int_equal(rc, cases[i].path ? CM_OK : CM_INVALID);
        if (cases[i].path) {
            assert_string_equal(cm_buf_c(&out), cases[i].path);
        }
    }
    cm_buf_done(&out);
}

static void test_base_glob__patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"*.c", "a.c", true},
        {"*.c", "a/b.c", false},
        {"*", "", true},
        {"", "", true},
        {"", "a", false},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"**", "a/b/c", true},
        {"**/x", "x", true},
        {"**/x", "a/b/x", true},
        {"**/x", "ax", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "ab", false},
        {"a/**", "a/b/c", true},
        {"a/**", "a", false},
        {"a**b", "a/x/b", true},
        {"src/**/*.{c,h}", "src/base/str.h", true},
        {"src/**/*.{c,h}", "src/base/str.py", false},
        {"{a,b*,}c", "c", true},
        {"{a,b*,}c", "bxxc", true},
        {"{a,b*,}c", "xc", false},
        {"{a}", "a", true},
        {"{}", "", true},
        {"{a", "{a", true},
        {"a}", "a}", true},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[!a-c]x", "dx", true},
        {"[!a]", "/", false},
        {"[]]", "]", true},
        {"[a-]", "-", true},
        {"[abc", "[abc", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\", "\\", true},
        {"*a*b*c", "xaxbxc", true},
        {"*a*b*c", "xaxcxb", false},
        {"caf\xc3\xa9", "caf\xc3\xa9", true},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        if (cm_path_glob(cm_str_from(cases[i].pattern), cm_str_from(cases[i].path)) !=
            cases[i].matches) {
            fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].path);
        }
    }
}

/* Patterns of the letters below against a matcher that tries everything. */
static bool slow_match(const char *pattern, const char *path) {
    switch (*pattern) {
    case '\0': return *path == '\0';
    case '*':
        if (pattern[1] == '*') {
            return slow_match(pattern + 2, path) || (*path && slow_match(pattern, path + 1));
        }
        return slow_match(pattern + 1, path) ||
               (*path && *path != '/' && slow_match(pattern, path + 1));
    case '?': return *path && *path != '/' && slow_match(pattern + 1, path + 1);
    default: return *path == *pattern && slow_match(pattern + 1, path + 1);
    }
}

static void test_base_glob__agrees_with_a_matcher_that_tries_everything(void **state) {
    (void)state;
    uint64_t seed = 3;
    int matched = 0;
    for (int round = 0; round < 30000; round++) {
        /* No "**" beside '/', which means whole directories, and no "***". */
        static const char *const parts[] = {"a", "b", "?", "*a", "a**b", "/a"};
        char pattern[40] = "", path[16] = "";
        for (size_t i = cm_draw_below(&seed, 6); i > 0; i--) {
            strncat(pattern, parts[cm_draw_below(&seed, CM_COUNT(parts))],
                    sizeof(pattern) - strlen(pattern) - 1);
        }
        size_t len = cm_draw_below(&seed, 10);
        for (size_t i = 0; i < len; i++) {
            path[i] = "ab/"[cm_draw_below(&seed, 3)];
        }
        bool expected = slow_match(pattern, path);
        matched += expected;
        if (cm_path_glob(cm_str_from(pattern), cm_str_from(path)) != expected) {
            fail_msg("'%s' on '%s'", pattern, path);
        }
    }
    assert_true(matched > 500);
}

static void test_base_glob__no_pattern_is_exponential(void **state) {
    (void)state;
    char pattern[900], path[1024];
    for (size_t i = 0; i + 1 < sizeof(pattern); i += 2) {
        memcpy(pattern + i, "*a", 2);
    }
    memset(path, 'a', sizeof(path));
    pattern[sizeof(pattern) - 1] = 'b';
    uint64_t before = cm_clock_thread_ns();
    assert_false(
        cm_path_glob(cm_str_make(pattern, sizeof(pattern)), cm_str_make(path, sizeof(path))));
    assert_true(cm_clock_thread_ns() - before <
                UINT64_C(2000000000)); /* backtracking needs years */
    char *longest = pattern;
    assert_false(cm_path_glob(cm_str_make(longest, 0), CM_STR("x")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_path__normal_form),
        cmocka_unit_test(test_base_path__relative_paths_of_the_api),
        cmocka_unit_test(test_base_path__parts),
        cmocka_unit_test(test_base_path__inside_means_below_or_equal),
        cmocka_unit_test(test_base_path__file_uris),
        cmocka_unit_test(test_base_glob__patterns),
        cmocka_unit_test(test_base_glob__agrees_with_a_matcher_that_tries_everything),
        cmocka_unit_test(test_base_glob__no_pattern_is_exponential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
