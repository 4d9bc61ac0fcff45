/* Tests of where generated text ends because of what stands around the cursor. */
#include "engine_fixture.h"

#include "model/stream_priv.h"

typedef struct row {
    const char *before, *suffix, *generated, *kept;
} row;

static const row rows[] = {
    /* the suffix's first line comes up */
    {"def f():\n", "def g():\n    pass\n", "    return 1\n\n\ndef g():\n    x", "    return 1"},
    {"def f():\n    ", "\n\ndef g():\n", "return 1\n\ndef g():", "return 1"},
    {"x = [\n    ", "\n]\n", "1,\n    2,\n]\n", "1,\n    2,"},
    {"if (a) {\n    ", "\n}\n", "b();\n    if (c) {\n        d();\n    }\n}\n",
     "b();\n    if (c) {\n        d();\n    }"},
    /* the same words deeper inside are another line */
    {"int f() {\n    ", "\n}\n", "while (1) {\n        }\n    g();\n}\n",
     "while (1) {\n        }\n    g();"},
    /* the rest of the cursor's line */
    {"print(", ")\n", "name)\nx", "name"},
    {"print(", ")\n", "f(x))\n", "f(x)"},
    {"foo(a, ", ");", "b", "b"},
    {"x = ", " + 1\n", "y + 1", "y"},
    {"call(", ")", "a)  ", "a"},
    /* the block closes */
    {"class A:\n    def f(self):\n        ", "", "return 1\n\n    def g(self):\n        pass\n",
     "return 1"},
    {"    x = ", "", "1\ny = 2\n", "1"},
    {"void f() {\n    ", "", "g();\n}\n\nvoid h() {\n", "g();\n}"},
    {"void f() {\n    ", "\n\nvoid k();\n", "g();\n}\n\nvoid h() {\n", "g();"},
    /* nothing stands in the way */
    {"def f():\n    ", "\n\nz = 1\n", "a = 1\n    b = 2\n", "a = 1\n    b = 2\n"},
    {"", "", "a\nb\nc", "a\nb\nc"},
    {"for x in y:\n", "", "    a(x)\n    b(x)\nc()\n", "    a(x)\n    b(x)"},
    /* the cursor stands in the middle of a word, at the left margin */
    {"imp", "\nimport sys\n", "ort os\nimport sys\n", "ort os"},
    {"a = b", "\n", "\n", "\n"},
};

/* Feeds `text` in pieces of `step` bytes and gathers what a reader would have received. */
static cm_str stream(const row *r, size_t step, cm_arena *arena) {
    cm_stream s;
    cm_buf out;
    cm_stream_init(&s);
    cm_buf_init(&out, 1 << 16);
    s.use_suffix = true;
    cm_suffix_stop_init(&s.suffix, cm_str_from(r->before), cm_str_from(r->suffix));
    cm_str text = cm_str_from(r->generated);
    for (size_t i = 0; i < text.len && !s.ended; i += step) {
        (void)cm_stream_add(&s, cm_str_sub(text, i, step));
        cm_buf_add_str(&out, cm_stream_take(&s));
    }
    cm_stream_close(&s);
    cm_buf_add_str(&out, cm_stream_take(&s));
    s.ended = true;
    cm_buf_add_str(&out, cm_stream_take(&s));
    assert_true(cm_str_eq(cm_buf_str(&out), cm_buf_str(&s.text)));
    cm_str copy = cm_arena_str(arena, cm_buf_str(&out));
    cm_buf_done(&out);
    cm_stream_done(&s);
    return copy;
}

static void test_model_suffix_stop__text_ends_where_the_suffix_begins(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        for (size_t step = 1; step < 12; step++) {
            assert_str(stream(&rows[i], step, arena), rows[i].kept);
        }
    }
    cm_arena_free(arena);
}

static void test_model_suffix_stop__ordinary_lines_are_sent_as_they_come(void **state) {
    (void)state;
    cm_stream s;
    cm_stream_init(&s);
    s.use_suffix = true;
    cm_suffix_stop_init(&s.suffix, CM_STR("def f():\n    "), CM_STR("\n\nz = 1\n"));
    (void)cm_stream_add(&s, CM_STR("return"));
    assert_str(cm_stream_take(&s), "return");
    (void)cm_stream_add(&s, CM_STR(" a"));
    assert_str(cm_stream_take(&s), " a");
    cm_stream_done(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_suffix_stop__text_ends_where_the_suffix_begins),
        cmocka_unit_test(test_model_suffix_stop__ordinary_lines_are_sent_as_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
