#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "code/wire.h"

static const char text[] = "int add(int a) {\n    return a;\n}\n";
#define TEXT CM_STR("int add(int a) {\n    return a;\n}\n")

static void fill(cm_extraction *e) {
    cm_extraction_init(e);
    e->header.status = CM_PARSE_OK;
    e->header.line_count = 3;
    e->header.text_bytes = (uint32_t)strlen(text);
    assert_true(cm_vec_push(&e->symbols, (cm_wire_symbol){
                                             .name = {4, 3},
                                             .signature = cm_extraction_add(e, CM_STR("int add")),
                                             .doc = cm_extraction_add(e, CM_STR("Adds.")),
                                             .end_byte = 32,
                                             .start_line = 1,
                                             .end_line = 3,
                                             .name_line = 1,
                                             .name_column = 4,
                                             .parent = -1,
                                         }));
    assert_true(
        cm_vec_push(&e->references, (cm_wire_reference){28, 1, CM_REFERENCE_READ, 2, 11, 0}));
    assert_true(cm_vec_push(
        &e->imports, (cm_wire_import){.module = cm_extraction_add(e, CM_STR("a.h")), .line = 1}));
    assert_true(cm_vec_push(
        &e->chunks, (cm_wire_chunk){0, (uint32_t)strlen(text), 1, 3, 0, CM_CHUNK_FUNCTION, 0.5f}));
}

static void encode(cm_extraction *e, cm_buf *out) {
    cm_buf_init(out, CM_MIB(1));
    size_t size = cm_wire_size(e);
    char *at = cm_buf_reserve(out, size);
    assert_non_null(at);
    cm_wire_encode(e, (uint8_t *)at);
    out->len += size;
}

static cm_rc decode(cm_str message, cm_parsed *ret) {
    cm_arena *arena = cm_arena_new(0);
    cm_err err;
    *ret = (cm_parsed){0};
    cm_rc rc = cm_wire_decode(message, TEXT, arena, ret, &err);
    cm_arena_free(arena);
    return rc;
}

static void test_code_wire__an_answer_comes_back_as_it_was(void **state) {
    (void)state;
    cm_extraction e;
    cm_buf message;
    fill(&e);
    encode(&e, &message);
    cm_arena *arena = cm_arena_new(0);
    cm_parsed parsed = {0};
    assert_int_equal(cm_wire_decode(cm_buf_str(&message), TEXT, arena, &parsed, NULL), CM_OK);
    assert_int_equal(parsed.symbol_count, 1);
    assert_true(cm_str_eq_c(parsed.symbols[0].name, "add"));
    assert_true(cm_str_eq_c(parsed.symbols[0].signature, "int add"));
    assert_true(cm_str_eq_c(parsed.symbols[0].doc, "Adds."));
    assert_true(cm_str_eq_c(parsed.references[0].name, "a"));
    assert_true(cm_str_eq_c(parsed.imports[0].module, "a.h"));
    assert_int_equal(parsed.chunks[0].end_byte, strlen(text));
    cm_arena_free(arena);
    cm_buf_done(&message);
    cm_extraction_done(&e);
}

/* One field spoilt at a time. */
#define SPOIL(what)                                                          \
    do {                                                                     \
        cm_extraction e;                                                     \
        cm_buf message;                                                      \
        cm_parsed parsed;                                                    \
        fill(&e);                                                            \
        what;                                                                \
        encode(&e, &message);                                                \
        assert_int_equal(decode(cm_buf_str(&message), &parsed), CM_CORRUPT); \
        cm_buf_done(&message);                                               \
        cm_extraction_done(&e);                                              \
    } while (0)

static void test_code_wire__any_value_out_of_bounds_is_refused(void **state) {
    (void)state;
    SPOIL(e.header.status = CM_PARSE_FAILED);
    SPOIL(e.header.line_count = 4000);
    SPOIL(e.header.text_bytes--);
    SPOIL(e.header.reserved = 1);
    SPOIL(e.symbols.items[0].name.offset = 31);
    SPOIL(e.symbols.items[0].name.len = 0);
    SPOIL(e.symbols.items[0].name.len = UINT32_MAX);
    SPOIL(e.symbols.items[0].container.offset = UINT32_MAX);
    SPOIL(e.symbols.items[0].signature.len = 300);
    SPOIL(e.symbols.items[0].doc.offset = 4000);
    SPOIL(e.symbols.items[0].start_byte = 33);
    SPOIL(e.symbols.items[0].end_byte = 34);
    SPOIL(e.symbols.items[0].start_line = 0);
    SPOIL(e.symbols.items[0].end_line = 4);
    SPOIL(e.symbols.items[0].name_line = 0);
    SPOIL(e.symbols.items[0].parent = 0);
    SPOIL(e.symbols.items[0].parent = -2);
    SPOIL(e.symbols.items[0].kind = CM_SYMBOL_KIND_COUNT);
    SPOIL(e.symbols.items[0].visibility = 4);
    SPOIL(e.references.items[0].name_offset = 33);
    SPOIL(e.references.items[0].name_len = 0);
    SPOIL(e.references.items[0].role = 6);
    SPOIL(e.references.items[0].line = 0);
    SPOIL(e.references.items[0].scope = 1);
    SPOIL(e.imports.items[0].module.len = 100);
    SPOIL(e.imports.items[0].line = 4);
    SPOIL(e.imports.items[0].relative = 2);
    SPOIL(e.chunks.items[0].start_byte = 1);
    SPOIL(e.chunks.items[0].end_byte = 31);
    SPOIL(e.chunks.items[0].end_byte = 0);
    SPOIL(e.chunks.items[0].type = 6);
    SPOIL(e.chunks.items[0].symbol = 1);
    SPOIL(e.chunks.items[0].importance = 2);
    SPOIL(e.chunks.items[0].importance = 0.0f / 0.0f);
}

static void test_code_wire__a_cut_or_padded_message_is_refused(void **state) {
    (void)state;
    cm_extraction e;
    cm_buf message;
    cm_parsed parsed;
    fill(&e);
    encode(&e, &message);
    for (size_t len = 0; len < message.len; len++) {
        assert_int_equal(decode(cm_str_make(message.ptr, len), &parsed), CM_CORRUPT);
    }
    cm_buf_add_char(&message, 'x');
    assert_int_equal(decode(cm_buf_str(&message), &parsed), CM_CORRUPT);
    cm_buf_done(&message);
    cm_extraction_done(&e);
}

static void test_code_wire__random_changes_never_break_the_reader(void **state) {
    (void)state;
    uint64_t seed = 88172645463325252ull;
    cm_extraction e;
    cm_buf message;
    fill(&e);
    encode(&e, &message);
    for (int round = 0; round < 20000; round++) {
        cm_buf copy;
        cm_parsed parsed;
        cm_buf_init(&copy, CM_MIB(1));
        cm_buf_add_str(&copy, cm_buf_str(&message));
        for (int i = 0; i < 3; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            copy.ptr[seed % copy.len] = (char)(seed >> 32);
        }
        cm_rc rc = decode(cm_buf_str(&copy), &parsed);
        assert_true(rc == CM_OK || rc == CM_CORRUPT);
        cm_buf_done(&copy);
    }
    cm_buf_done(&message);
    cm_extraction_done(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_wire__an_answer_comes_back_as_it_was),
        cmocka_unit_test(test_code_wire__any_value_out_of_bounds_is_refused),
        cmocka_unit_test(test_code_wire__a_cut_or_padded_message_is_refused),
        cmocka_unit_test(test_code_wire__random_changes_never_break_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
