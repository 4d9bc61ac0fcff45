#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/utf8.h"
#include "code/chunk_text.h"

static void check_cover(cm_str text, const cm_cuts *cuts) {
    assert_int_equal(cuts->count > 0, text.len > 0);
    for (size_t i = 0; i < cuts->count; i++) {
        size_t end = i + 1 < cuts->count ? cuts->items[i + 1] : text.len;
        assert_true(cuts->items[i] < end);
        assert_true(end - cuts->items[i] <= CM_CHUNK_BYTES_MAX);
    }
    assert_true(cuts->count == 0 || cuts->items[0] == 0);
}

static void test_code_chunk_text__fixed_lines_are_counted(void **state) {
    (void)state;
    cm_buf text;
    cm_cuts cuts = {0};
    cm_buf_init(&text, CM_MIB(1));
    for (int i = 0; i < 100; i++) {
        cm_buf_add_f(&text, "line %d\n", i);
    }
    assert_true(cm_chunk_text(cm_buf_str(&text), CM_CHUNKS_FIXED_LINES, &cuts));
    assert_int_equal(cuts.count, 3);
    assert_int_equal(cm_text_line_count(cm_str_make(text.ptr, cuts.items[1])),
                     CM_CHUNK_LINES_TARGET);
    check_cover(cm_buf_str(&text), &cuts);
    cm_vec_done(&cuts);
    cm_buf_done(&text);
}

static void test_code_chunk_text__semantic_cuts_fall_on_blank_lines(void **state) {
    (void)state;
    cm_buf text;
    cm_cuts cuts = {0};
    cm_buf_init(&text, CM_MIB(1));
    for (int i = 0; i < 30; i++) {
        cm_buf_add_f(&text, "Paragraph %d begins here.\nIt has a second line.\nAnd a third.\n\n",
                     i);
    }
    assert_true(cm_chunk_text(cm_buf_str(&text), CM_CHUNKS_SEMANTIC, &cuts));
    assert_true(cuts.count >= 2);
    for (size_t i = 1; i < cuts.count; i++) {
        cm_str rest = cm_str_from_offset(cm_buf_str(&text), cuts.items[i]);
        assert_true(cm_str_starts(rest, CM_STR("Paragraph")));
    }
    check_cover(cm_buf_str(&text), &cuts);
    cm_vec_done(&cuts);
    cm_buf_done(&text);
}

static void test_code_chunk_text__a_long_line_is_cut_between_characters(void **state) {
    (void)state;
    cm_buf text;
    cm_cuts cuts = {0};
    cm_buf_init(&text, CM_MIB(1));
    for (int i = 0; i < 20000; i++) {
        cm_buf_add_c(&text, "\xe2\x82\xac");
    }
    assert_true(cm_chunk_text(cm_buf_str(&text), CM_CHUNKS_SEMANTIC, &cuts));
    check_cover(cm_buf_str(&text), &cuts);
    for (size_t i = 0; i < cuts.count; i++) {
        assert_int_equal(cm_utf8_floor(cm_buf_str(&text), cuts.items[i]), cuts.items[i]);
    }
    cm_vec_done(&cuts);
    cm_buf_done(&text);
}

static void test_code_chunk_text__edges(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t cuts;
        uint32_t lines;
    } edges[] = {{"", 0, 0},    {"\n", 1, 1},       {"x", 1, 1},
                 {"x\n", 1, 1}, {"\r\n\r\n", 1, 2}, {"a\nb", 1, 2}};
    for (size_t i = 0; i < CM_COUNT(edges); i++) {
        cm_cuts cuts = {0};
        cm_str text = cm_str_from(edges[i].text);
        assert_true(cm_chunk_text(text, CM_CHUNKS_SEMANTIC, &cuts));
        assert_int_equal(cuts.count, edges[i].cuts);
        assert_int_equal(cm_text_line_count(text), edges[i].lines);
        check_cover(text, &cuts);
        cm_vec_done(&cuts);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_chunk_text__fixed_lines_are_counted),
        cmocka_unit_test(test_code_chunk_text__semantic_cuts_fall_on_blank_lines),
        cmocka_unit_test(test_code_chunk_text__a_long_line_is_cut_between_characters),
        cmocka_unit_test(test_code_chunk_text__edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
