/* Files made to hurt grammars: each must come back, the pool must stay usable, and a harmless file parsed
 * right after must be whole. Which status a hostile file gets depends on the grammar; that it has chunks
 * up to its end does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/clock.h"
#include "code/parser.h"

#define REPEAT_MAX CM_MIB(2)

static void repeat(cm_buf *out, const char *piece, size_t times) {
    for (size_t i = 0; i < times; i++) {
        cm_buf_add_c(out, piece);
    }
}

static void nested_quotes(cm_buf *out) {
    for (int i = 0; i < 400; i++) {
        cm_buf_add_repeat(out, '>', (size_t)i + 1);
        cm_buf_add_c(out, " x\n");
    }
    repeat(out, "> ", 1000);
    cm_buf_add_c(out, "x\n");
}

static void nested_lists(cm_buf *out) {
    for (size_t i = 0; i < 400; i++) {
        cm_buf_add_repeat(out, ' ', 2 * i);
        cm_buf_add_c(out, "- x\n");
    }
}

static void nested_yaml(cm_buf *out) {
    for (size_t i = 0; i < 400; i++) {
        cm_buf_add_repeat(out, ' ', i);
        cm_buf_add_c(out, "a:\n");
    }
}

static void nonsense(cm_buf *out) {
    cm_buf_add_c(out, "x =\n");
    repeat(out, "%w(", 3000);
}

static void brackets(cm_buf *out) {
    repeat(out, "(((((((((([[[[[[[[[[{{{{{{{{{{", 3334);
}

static void staircase(cm_buf *out) {
    for (size_t i = 0; i < 1000; i++) {
        cm_buf_add_repeat(out, ' ', i);
        cm_buf_add_c(out, "if x:\n");
    }
}

static void nested_strings(cm_buf *out) {
    repeat(out, "\"${\"#{'`", 3000);
}

static void long_delimiter(cm_buf *out) {
    cm_buf_add_c(out, "x = R\"");
    cm_buf_add_repeat(out, 'a', 20000);
    cm_buf_add_c(out, "(\n");
}

static void tags(cm_buf *out) {
    repeat(out, "<div>", 5000);
}

static void conditions(cm_buf *out) {
    repeat(out, "#if A\nif (x) {\n#else\n", 2000);
}

static void mixed_encodings(cm_buf *out) {
    cm_buf_add_c(
        out, "/* \xe4\xf6\xfc latin \xc3\xa4 utf8 \xff\xfe */\nint caf\xe9(void) { return 1; }\n");
    for (int i = 128; i < 256; i++) {
        cm_buf_add_char(out, (char)i);
    }
    cm_buf_add_c(out, "\nint after(void) { return 2; }\n");
}

static void many_names(cm_buf *out) {
    repeat(out, "a b\n", 100000);
}

static void one_line(cm_buf *out) {
    repeat(out, "x=1;", 300000);
}

static const struct {
    const char *path;
    void (*make)(cm_buf *out);
} files[] = {
    {"a.md", nested_quotes},   {"a.md", nested_lists},    {"a.yaml", nested_yaml},
    {"a.yaml", nested_lists},  {"A.java", nonsense},      {"a.rs", nonsense},
    {"a.rb", nonsense},        {"a.c", brackets},         {"a.js", brackets},
    {"a.json", brackets},      {"a.py", staircase},       {"a.hs", staircase},
    {"a.kt", nested_strings},  {"a.sh", nested_strings},  {"a.swift", nested_strings},
    {"a.cpp", long_delimiter}, {"a.lua", long_delimiter}, {"a.html", tags},
    {"a.vue", tags},           {"a.c", conditions},       {"a.c", mixed_encodings},
    {"a.py", mixed_encodings}, {"a.c", many_names},       {"a.js", one_line},
    {"a.toml", brackets},      {"a.tex", brackets},       {"a.ml", nonsense},
};

static void test_code_hostile__each_file_comes_back_and_the_next_one_is_whole(void **state) {
    (void)state;
    cm_parser_pool *pool;
    cm_parser_options options = {.workers = 1, .deadline_ms = 200, .text_max = REPEAT_MAX};
    assert_int_equal(cm_parser_pool_new(&options, &pool, NULL), CM_OK);
    cm_arena *arena = cm_arena_new(CM_MIB(1024));
    for (size_t i = 0; i < CM_COUNT(files); i++) {
        cm_buf text;
        cm_buf_init(&text, REPEAT_MAX);
        files[i].make(&text);
        assert_int_equal(text.failed, CM_OK);
        cm_parse_request request = {.path = cm_str_from(files[i].path), .text = cm_buf_str(&text)};
        cm_parsed parsed;
        cm_err err;
        uint64_t start = cm_clock_ms();
        assert_int_equal(cm_parse_file(pool, &request, NULL, arena, &parsed, &err), CM_OK);
        print_message("%-8s %zu bytes: %u, %llu ms %.*s\n", files[i].path, text.len, parsed.status,
                      (unsigned long long)(cm_clock_ms() - start), CM_STR_ARG(parsed.failure));
        assert_true(parsed.chunk_count > 0);
        assert_int_equal(parsed.chunks[parsed.chunk_count - 1].end_byte, text.len);
        cm_buf_done(&text);
        cm_arena_clear(arena);

        request =
            (cm_parse_request){.path = CM_STR("b.go"), .text = CM_STR("package b\nfunc F() {}\n")};
        assert_int_equal(cm_parse_file(pool, &request, NULL, arena, &parsed, &err), CM_OK);
        assert_int_equal(parsed.symbol_count, 2);
    }
    assert_int_equal(cm_parser_pool_stats(pool).refused, 0);
    cm_arena_free(arena);
    cm_parser_pool_free(pool);
}

static void test_code_hostile__names_beside_broken_bytes_are_still_found(void **state) {
    (void)state;
    cm_parser_pool *pool;
    assert_int_equal(cm_parser_pool_new(&(cm_parser_options){.workers = 1}, &pool, NULL), CM_OK);
    cm_arena *arena = cm_arena_new(0);
    cm_buf text;
    cm_buf_init(&text, REPEAT_MAX);
    mixed_encodings(&text);
    cm_parse_request request = {.path = CM_STR("a.c"), .text = cm_buf_str(&text)};
    cm_parsed parsed;
    assert_int_equal(cm_parse_file(pool, &request, NULL, arena, &parsed, NULL), CM_OK);
    bool found = false;
    for (size_t i = 0; i < parsed.symbol_count; i++) {
        found |= cm_str_eq_c(parsed.symbols[i].name, "after");
    }
    assert_true(found);
    cm_buf_done(&text);
    cm_arena_free(arena);
    cm_parser_pool_free(pool);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_hostile__each_file_comes_back_and_the_next_one_is_whole),
        cmocka_unit_test(test_code_hostile__names_beside_broken_bytes_are_still_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
