#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "assist/post.h"

static const struct {
    const char *what, *prefix, *suffix, *text;
    enum cm_multiline multiline;
    const char *expected;
} cases[] = {
    {"middle of a line stays one line", "    x = ", "", "foo(1)\n    y = 2\n", CM_MULTILINE_AUTO,
     "foo(1)"},
    {"a block opener asks for lines", "def f(a):", "", "\n    return a\n\ndef g():\n    pass\n",
     CM_MULTILINE_AUTO, "\n    return a"},
    {"a C body ends with its brace", "int f(void) {", "\n", "\n    return 1;\n}\n\nint g(void) {\n",
     CM_MULTILINE_AUTO, "\n    return 1;\n}"},
    {"inside a body the outer brace is not ours", "int f(void) {\n    ", "\n}\n",
     "int x = 1;\n    return x;\n}\n", CM_MULTILINE_AUTO, "int x = 1;\n    return x;"},
    {"typed indentation is not typed again", "def f():\n    ", "", "    return 1",
     CM_MULTILINE_AUTO, "return 1"},
    {"the rest of the line is not repeated", "print(", ")", "value)", CM_MULTILINE_AUTO, "value"},
    {"the next line is not repeated", "a = 1\n", "\nc = 3\n", "b = 2\nc = 3\nd = 4",
     CM_MULTILINE_ALWAYS, "b = 2"},
    {"a loop of the model is cut", "x = 1\n", "", "f()\nf()\nf()\nf()\n", CM_MULTILINE_ALWAYS,
     "f()\nf()"},
    {"a bracket that closes nothing ends the text", "foo", "", " + 1) * 2", CM_MULTILINE_AUTO,
     " + 1"},
    {"an open bracket of the line may be closed", "foo(", "", "a, b) * 2", CM_MULTILINE_AUTO,
     "a, b) * 2"},
    {"only white space is nothing", "x = 1", "\n", "  \n ", CM_MULTILINE_AUTO, ""},
    {"code fences are cut", "x = ", "", "1\n```\nThat is", CM_MULTILINE_ALWAYS, "1"},
    {"never means never", "def f():", "", " return 1\n    x", CM_MULTILINE_NEVER, " return 1"},
    {"nothing from nothing", "", "", "", CM_MULTILINE_AUTO, ""},
};

static void test_assist_post__each_filter_does_its_one_thing(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
        cm_post_request request = {.prefix = cm_str_from(cases[i].prefix),
                                   .suffix = cm_str_from(cases[i].suffix),
                                   .text = cm_str_from(cases[i].text),
                                   .multiline = cases[i].multiline};
        cm_post_result result;
        cm_post_process(&request, arena, &result);
        if (!cm_str_eq_c(result.text, cases[i].expected)) {
            fail_msg("%s: got '%.*s'", cases[i].what, CM_STR_ARG(result.text));
        }
    }
}

static void test_assist_post__filters_that_changed_something_are_named(void **state) {
    (void)state;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_post_request request = {
        .prefix = CM_STR("f("), .suffix = CM_STR(")"), .text = CM_STR("x)\ny")};
    cm_post_result result;
    cm_post_process(&request, arena, &result);
    assert_int_equal(result.filter_count, 2);
    assert_string_equal(result.filters[0], "lines");
    assert_string_equal(result.filters[1], "suffix");
}

static void test_assist_post__any_bytes_only_ever_get_shorter(void **state) {
    (void)state;
    const char alphabet[] = "a(){}[]\n\t :;,\"x";
    uint64_t seed = 42;
    for (int round = 0; round < 20000; round++) {
        char bytes[3][24];
        size_t len[3];
        for (int k = 0; k < 3; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            len[k] = (seed >> 33) % sizeof(bytes[k]);
            for (size_t i = 0; i < len[k]; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                bytes[k][i] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
            }
        }
        cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
        cm_post_request request = {.prefix = {bytes[0], len[0]},
                                   .suffix = {bytes[1], len[1]},
                                   .text = {bytes[2], len[2]},
                                   .multiline = (enum cm_multiline)(round % 3)};
        cm_post_result result;
        cm_post_process(&request, arena, &result);
        assert_true(cm_str_find(request.text, result.text) != SIZE_MAX || result.text.len == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assist_post__each_filter_does_its_one_thing),
        cmocka_unit_test(test_assist_post__filters_that_changed_something_are_named),
        cmocka_unit_test(test_assist_post__any_bytes_only_ever_get_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
