#include "assist/post.h"
#include "base/buf.h"
#include "unit/check.h"

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

/* Pieces that the rules look at, so that random texts meet them often. */
static const char *const pieces[] = {
    "\n", "\n",   "\n",     "\n",   "    ",   "  ",         "\t",   "}",   ")",     "]",
    "};", "{",    "if x {", ":",    "x = 1",  "x = 1\n",    "f(",   "f()", "\n```", "<|",
    "<",  "</s>", "foo",    "foo;", "foo;\n", "    foo;\n", "\r\n", "}\n", "}\n\n", "  }\n",
};

static void add_pieces(cm_buf *out, uint64_t *seed, size_t most) {
    cm_buf_clear(out);
    for (size_t n = cm_draw_below(seed, most + 1); n > 0; n--) {
        cm_buf_add_c(out, pieces[cm_draw_below(seed, CM_COUNT(pieces))]);
    }
}

/* What streaming did before: the whole chain over all complete lines, each time. */
static cm_str whole_lines(cm_post_request request, cm_str text, cm_arena *arena) {
    size_t feed = cm_str_rfind_char(text, '\n');
    if (feed == SIZE_MAX) {
        return CM_STR_EMPTY;
    }
    cm_post_result result;
    request.text = cm_str_sub(text, 0, feed);
    cm_post_process(&request, arena, &result);
    return result.text;
}

static void check_stream(const cm_post_request *request, cm_str text, uint64_t *seed) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_post_stream stream;
    cm_str sent = CM_STR_EMPTY;
    cm_post_stream_init(&stream, request);
    for (size_t at = 0; at < text.len;) {
        at = CM_MIN(at + 1 + cm_draw_below(seed, 6), text.len);
        cm_str so_far = cm_arena_str(arena, cm_str_sub(text, 0, at)); /* it moves each time */
        cm_str expected = whole_lines(*request, so_far, arena);
        cm_str got = cm_post_stream_next(&stream, so_far);
        if (!cm_str_eq(got, expected)) {
            fail_msg("of '%.*s' between '%.*s' and '%.*s': '%.*s', not '%.*s'", CM_STR_ARG(so_far),
                     CM_STR_ARG(request->prefix), CM_STR_ARG(request->suffix), CM_STR_ARG(got),
                     CM_STR_ARG(expected));
        }
        sent = got.len > sent.len ? got : sent;
    }
    cm_post_request whole = *request;
    cm_post_result result;
    whole.text = text;
    cm_post_process(&whole, arena, &result);
    if (!cm_str_starts(result.text, sent)) { /* what was streamed cannot be taken back */
        fail_msg("of '%.*s' between '%.*s' and '%.*s': '%.*s' was sent, the end is '%.*s'",
                 CM_STR_ARG(text), CM_STR_ARG(request->prefix), CM_STR_ARG(request->suffix),
                 CM_STR_ARG(sent), CM_STR_ARG(result.text));
    }
}

static void test_assist_post__a_stream_equals_the_whole_text_at_every_token(void **state) {
    (void)state;
    uint64_t seed = 7;
    cm_buf prefix, suffix, text;
    cm_buf_init(&prefix, CM_KIB(4));
    cm_buf_init(&suffix, CM_KIB(4));
    cm_buf_init(&text, CM_KIB(4));
    for (int round = 0; round < 60000; round++) {
        add_pieces(&prefix, &seed, 6);
        add_pieces(&suffix, &seed, 5);
        add_pieces(&text, &seed, 24);
        cm_post_request request = {.prefix = cm_buf_str(&prefix),
                                   .suffix = cm_buf_str(&suffix),
                                   .multiline = (enum cm_multiline)(round % 3)};
        check_stream(&request, cm_buf_str(&text), &seed);
    }
    cm_buf_done(&prefix);
    cm_buf_done(&suffix);
    cm_buf_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assist_post__each_filter_does_its_one_thing),
        cmocka_unit_test(test_assist_post__filters_that_changed_something_are_named),
        cmocka_unit_test(test_assist_post__any_bytes_only_ever_get_shorter),
        cmocka_unit_test(test_assist_post__a_stream_equals_the_whole_text_at_every_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
