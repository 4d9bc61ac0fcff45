/* Grammars made for a parser runtime that does not exist yet: their languages are indexed as text, and the
 * log says so once.
 *
 * The table below takes the place of the generated one, so no real grammar is linked: the first four bytes
 * of a TSLanguage are its ABI, and nothing may look further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "code/grammars.h"
#include "code/parser.h"
#include "code/protocol.h"

#define LANGUAGES_MAX 256

static const TSLanguage *future_grammar(void) {
    static const uint32_t abi = TREE_SITTER_LANGUAGE_VERSION + 1;
    return (const TSLanguage *)(const void *)&abi;
}

const cm_grammar cm_grammar_rows[LANGUAGES_MAX] = {
    [0 ... LANGUAGES_MAX - 1] = {.entry = future_grammar}};

static cm_parsed parse(cm_parser_pool *pool, const char *path, cm_str text, cm_arena *arena) {
    cm_parse_request request = {.path = cm_str_from(path), .text = text};
    cm_parsed parsed;
    cm_err err = {0};
    assert_int_equal(cm_parse_file(pool, &request, NULL, arena, &parsed, &err), CM_OK);
    assert_int_equal(parsed.status, CM_PARSE_SKIPPED);
    assert_int_equal(parsed.symbol_count, 0);
    assert_true(parsed.failure.len > 0);
    assert_true(parsed.chunk_count > 0);
    assert_int_equal(parsed.chunks[parsed.chunk_count - 1].end_byte, text.len);
    return parsed;
}

static void test_code_abi__a_grammar_of_another_time_is_said_once_and_its_files_are_text(
    void **state) {
    (void)state;
    size_t languages;
    cm_language_all(&languages);
    assert_true(languages <= LANGUAGES_MAX);
    cm_arena *arena = cm_arena_new(0);
    cm_parser_pool *pool;
    assert_int_equal(cm_parser_pool_new(&(cm_parser_options){.workers = 1}, &pool, NULL), CM_OK);
    for (int i = 0; i < 3; i++) {
        cm_parsed parsed = parse(pool, "a.py", CM_STR("def f():\n    return 1\n"), arena);
        assert_true(cm_str_eq_c(parsed.language->id, "python")); /* still known for what it is */
    }
    assert_int_equal(cm_parser_pool_stats(pool).unloadable, 1);
    parse(pool, "tool", CM_STR("#!/usr/bin/env ruby\nputs 1\n"), arena);
    parse(pool, "b.py", CM_STR("x = 1\n"), arena);
    cm_parser_stats stats = cm_parser_pool_stats(pool);
    assert_int_equal(stats.unloadable, 2);
    assert_int_equal(stats.parsed, 2); /* a worker was asked once for each language */
    assert_int_equal(stats.died + stats.refused + stats.remembered, 0);
    cm_parser_pool_free(pool);
    cm_arena_free(arena);
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], CM_WORKER_COMMAND) == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_code_abi__a_grammar_of_another_time_is_said_once_and_its_files_are_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
