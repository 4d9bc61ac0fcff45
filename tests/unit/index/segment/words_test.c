#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/buf.h"
#include "index/segment/words.h"

static const struct {
    const char *text, *words;
} cases[] = {
    {"parseHTTPHeader_v2", "pars http head v2 parsehttpheader_v2"},
    {"snake_case", "snak cas snake_case"},
    {"eTag", "tag etag"},
    {"x", "x"},
    {"a.b", "a b"},
    {"parsing parsed parser parse", "pars pars pars pars"},
    {"directories directory dir", "dir dir dir"},
    {"strings str", "str str"},
    {"class status", "class status"},
    {"stopped", "stop"},
    {"string", "str"},
    {"UTF8", "utf8"},
    {"__init__", "init"},
    {"", ""},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
};

static void collect(void *argument, cm_str word, size_t start, size_t len) {
    (void)start;
    (void)len;
    cm_buf *out = argument;
    if (out->len > 0) {
        cm_buf_add_char(out, ' ');
    }
    cm_buf_add_str(out, word);
}

static void test_index_words__identifiers_are_split_folded_and_stemmed(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_buf out;
        cm_buf_init(&out, 4096);
        cm_words_split(cm_str_from(cases[i].text), collect, &out);
        assert_string_equal(cm_buf_c(&out), cases[i].words);
        cm_buf_done(&out);
    }
}

static void check_place(void *argument, cm_str word, size_t start, size_t len) {
    const cm_str *text = argument;
    (void)word;
    assert_true(start + len <= text->len && len > 0);
}

static void test_index_words__places_lie_inside_any_text(void **state) {
    (void)state;
    char bytes[512];
    uint32_t seed = 1;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = "aB_9\xc3 z.\xff\n"[seed >> 24 & 7];
        }
        cm_str text = cm_str_make(bytes, sizeof(bytes));
        cm_words_split(text, check_place, &text);
    }
}

static void test_index_words__every_stop_word_is_found_as_typed(void **state) {
    (void)state;
    static const char *const typed[] = {"how", "the", "where", "does", "this", "make", "with"};
    for (size_t i = 0; i < CM_COUNT(typed); i++) {
        cm_buf out;
        cm_buf_init(&out, 64);
        cm_words_split(cm_str_from(typed[i]), collect, &out);
        assert_true(cm_word_is_stop(cm_buf_str(&out)));
        cm_buf_done(&out);
    }
    assert_false(cm_word_is_stop(CM_STR("pars")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_words__identifiers_are_split_folded_and_stemmed),
        cmocka_unit_test(test_index_words__places_lie_inside_any_text),
        cmocka_unit_test(test_index_words__every_stop_word_is_found_as_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
