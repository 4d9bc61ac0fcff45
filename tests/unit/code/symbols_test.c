/* Every tests/cases/symbols/<language>/<name>.<extension> is parsed by a real worker and compared with
 * <name>.<extension>.expected. After a change of queries `CM_CASES_WRITE=1 build/dev/tests/unit/code_symbols_test`
 * writes the expectations anew; read the difference before committing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/file.h"
#include "code/parser.h"
#include "describe.h"
#include "each_case.h"

#define CASES "tests/cases/symbols"

static void check_case(void *pool, const char *path) {
    cm_err err = {0};
    cm_buf source, expected, actual;
    cm_buf_init(&source, CM_MIB(1));
    cm_buf_init(&expected, CM_MIB(4));
    cm_buf_init(&actual, CM_MIB(4));
    cm_arena *arena = cm_arena_new(0);
    assert_int_equal(cm_file_read(path, CM_MIB(1), &source, &err), CM_OK);
    cm_parsed parsed;
    cm_parse_request request = {.path = cm_str_from(path), .text = cm_buf_str(&source)};
    assert_int_equal(cm_parse_file(pool, &request, NULL, arena, &parsed, &err), CM_OK);
    describe(&parsed, &actual);

    char name[600];
    snprintf(name, sizeof(name), "%s.expected", path);
    if (getenv("CM_CASES_WRITE")) {
        assert_int_equal(cm_file_replace(name, cm_buf_str(&actual), 0644, &err), CM_OK);
    }
    assert_int_equal(cm_file_read(name, CM_MIB(4), &expected, &err), CM_OK);
    if (!cm_str_eq(cm_buf_str(&actual), cm_buf_str(&expected))) {
        print_message("%s: failure '%.*s', got:\n%s", path, CM_STR_ARG(parsed.failure),
                      cm_buf_c(&actual));
    }
    assert_string_equal(cm_buf_c(&actual), cm_buf_c(&expected));
    cm_arena_free(arena);
    cm_buf_done(&source);
    cm_buf_done(&expected);
    cm_buf_done(&actual);
}

static void test_code_symbols__every_case_file_gives_what_is_expected(void **state) {
    (void)state;
    cm_parser_pool *pool;
    assert_int_equal(
        cm_parser_pool_new(&(cm_parser_options){.workers = 1, .deadline_ms = 20000}, &pool, NULL),
        CM_OK);
    assert_true(each_case(CASES, check_case, pool) >= 13);
    cm_parser_stats stats = cm_parser_pool_stats(pool);
    assert_int_equal(stats.died + stats.overran + stats.refused, 0);
    cm_parser_pool_free(pool);
}

static void test_code_symbols__every_grammar_loads_and_every_query_compiles(void **state) {
    (void)state;
    cm_parser_pool *pool;
    assert_int_equal(
        cm_parser_pool_new(&(cm_parser_options){.workers = 1, .deadline_ms = 20000}, &pool, NULL),
        CM_OK);
    cm_arena *arena = cm_arena_new(0);
    size_t count, grammars = 0;
    const cm_language *all = cm_language_all(&count);
    for (size_t i = 0; i < count; i++) {
        cm_parse_request request = {.text = CM_STR("\n"), .language = &all[i]};
        cm_parsed parsed;
        assert_int_equal(cm_parse_file(pool, &request, NULL, arena, &parsed, NULL), CM_OK);
        if (parsed.status > CM_PARSE_PARTIAL) {
            print_message("%s: %.*s\n", all[i].id.ptr, CM_STR_ARG(parsed.failure));
        }
        assert_true(parsed.status <= CM_PARSE_PARTIAL);
        grammars += all[i].has_grammar;
    }
    assert_true(grammars >= 45);
    cm_arena_free(arena);
    cm_parser_pool_free(pool);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_symbols__every_grammar_loads_and_every_query_compiles),
        cmocka_unit_test(test_code_symbols__every_case_file_gives_what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
