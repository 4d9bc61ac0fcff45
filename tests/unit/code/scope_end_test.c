/* '|' marks the cursor, '^' where the end is expected; the candidate runs from '|' to '~'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "code/parser.h"
#include "code/scope_end.h"

enum part { STATEMENT, BLOCK, UNIT };

static const struct {
    const char *language;
    enum part part;
    bool by_tree;
    const char *text;
} cases[] = {
    {"c", BLOCK, true, "int f(void) {\n    if (a) {\n        |b();\n    ^}\n    c();\n~\n}\n"},
    {"c", UNIT, true,
     "int f(void) {\n    |b();\n    return 1;\n}^\n\nint g(void) {\n    c();\n}\n~"},
    {"c", STATEMENT, true, "int f(void) {\n    |x = g(1,\n          2);^\n    y = 3;\n~}\n"},
    {"c", UNIT, true, "|int g(int a) {\n    return a;\n}^\n\nint h(void) {\n    return 2;\n}\n~"},
    {"c", STATEMENT, true, "int f(void) {\n    return g(|1, 2);^\n    y = 3;\n~}\n"},
    {"python", BLOCK, true, "def f(a):\n    if a:\n        |b()\n        c()^\n    return 1\n~"},
    {"python", UNIT, true, "def f(a):\n    |b()\n    return 1^\n\ndef g():\n    pass\n~"},
    {"javascript", BLOCK, true, "function f() {\n  |return a;\n^}\nfunction g() { return 1; }\n~"},
    {"go", UNIT, true, "package a\n\nfunc f() {\n\t|x()\n}^\n\nfunc g() {\n\ty()\n}\n~"},
    {"ruby", BLOCK, true, "def f\n  |a\n^end\n\ndef g\n  b\nend\n~"},
    /* without a grammar */
    {"c", BLOCK, false, "int f(void) {\n    |b(\"}\"); /* } */\n    c('}');\n^}\nint g;\n~"},
    {"c", UNIT, false, "int f(void) {\n    |b();\n}^\n\nint g(void) {\n    c();\n}\n~"},
    {"c", STATEMENT, false, "f(|a, b);^\ng();\n~"},
    {"python", BLOCK, false, "def f(a):\n    if a:\n        |b()\n        c()\n^    return 1\n~"},
    {"python", STATEMENT, false, "x = |[1,\n     2]^\ny = 3\n~"},
    {"rust", BLOCK, false, "fn f<'a>(x: &'a str) {\n    |g(x);\n^}\nfn h() {}\n~"},
    {NULL, STATEMENT, false, "one |two^\nthree~"},
};

typedef struct marked {
    cm_buf text;
    size_t start, end, expected;
} marked;

static marked read_marks(const char *text) {
    marked m = {0};
    cm_buf_init(&m.text, 4096);
    for (; *text; text++) {
        if (*text == '|') {
            m.start = m.text.len;
        } else if (*text == '^') {
            m.expected = m.text.len - m.start;
        } else if (*text == '~') {
            m.end = m.text.len;
        } else {
            cm_buf_add_char(&m.text, *text);
        }
    }
    return m;
}

/* A worker looks at trees only for languages it has parsed before. */
static void know(cm_parser_pool *pool, const cm_language *language) {
    cm_arena *arena = cm_arena_new(0);
    cm_parsed parsed;
    cm_parse_request request = {.text = CM_STR("a\n"), .language = language};
    assert_int_equal(cm_parse_file(pool, &request, NULL, arena, &parsed, NULL), CM_OK);
    cm_arena_free(arena);
}

static void check(cm_parser_pool *pool, size_t i) {
    marked m = read_marks(cases[i].text);
    cm_str all = cm_buf_str(&m.text);
    const cm_language *language =
        cases[i].language ? cm_language_find(cm_str_from(cases[i].language)) : NULL;
    cm_scope_end end;
    cm_err err = {0};
    if (cases[i].by_tree) {
        know(pool, language);
    }
    assert_int_equal(cm_parse_scope_end(cases[i].by_tree ? pool : NULL, language,
                                        cm_str_sub(all, 0, m.start),
                                        cm_str_sub(all, m.start, m.end - m.start),
                                        cm_str_from_offset(all, m.end), NULL, &end, &err),
                     CM_OK);
    size_t got = cases[i].part == STATEMENT ? end.statement
                 : cases[i].part == BLOCK   ? end.block
                                            : end.unit;
    if (end.parsed != cases[i].by_tree || got != m.expected) {
        print_message("case %zu: expected %zu, got %zu, parsed %d:\n%s\n", i, m.expected, got,
                      end.parsed, cases[i].text);
    }
    assert_int_equal(got, m.expected);
    assert_int_equal(end.parsed, cases[i].by_tree);
    cm_buf_done(&m.text);
}

static void test_code_scope_end__is_found_by_tree_and_by_brackets(void **state) {
    (void)state;
    cm_parser_pool *pool;
    assert_int_equal(cm_parser_pool_new(&(cm_parser_options){.workers = 1}, &pool, NULL), CM_OK);
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        check(pool, i);
    }
    cm_parser_pool_free(pool);
}

static void test_code_scope_end__text_that_does_not_parse_falls_back_to_brackets(void **state) {
    (void)state;
    cm_parser_pool *pool;
    cm_scope_end end;
    assert_int_equal(cm_parser_pool_new(&(cm_parser_options){.workers = 1}, &pool, NULL), CM_OK);
    assert_int_equal(cm_parse_scope_end(pool, cm_language_find(CM_STR("c")),
                                        CM_STR("int f( ) { ] ) ( = = {\n"), CM_STR("b();\n}\n"),
                                        CM_STR(") ) ] ="), NULL, &end, NULL),
                     CM_OK);
    assert_int_equal(end.block, 5);
    cm_parser_pool_free(pool);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_scope_end__is_found_by_tree_and_by_brackets),
        cmocka_unit_test(test_code_scope_end__text_that_does_not_parse_falls_back_to_brackets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
