#include "base/utf8.h"

#include "base/buf.h"
#include "unit/check.h"

static void test_base_utf8__validation_follows_rfc_3629(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bad;
    } cases[] = {
        {"", SIZE_MAX},
        {"plain ascii of more than eight bytes", SIZE_MAX},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", SIZE_MAX},
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", SIZE_MAX}, /* U+D7FF U+E000 U+10FFFF */
        {"ab\x80", 2},                                          /* lone continuation */
        {"\xc0\xaf", 0},                                        /* overlong */
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"12345678\xed\xa0\x80", 8}, /* surrogate */
        {"\xf4\x90\x80\x80", 0},     /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"x\xe2\x82", 1}, /* cut short */
        {"x\xe2\x28\xa1", 1},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        assert_int_equal(cm_utf8_invalid_at(cm_str_from(cases[i].text)), cases[i].bad);
    }
}

static void test_base_utf8__every_code_point_survives_the_round_trip(void **state) {
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char bytes[4];
        size_t len = cm_utf8_put(c, bytes);
        bool encodable = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        if (!encodable) {
            assert_int_equal(len, 0);
            continue;
        }
        size_t offset = 0;
        cm_str s = cm_str_make(bytes, len);
        if (!cm_utf8_valid(s) || cm_utf8_next(s, &offset) != c || offset != len) {
            fail_msg("U+%04X", c);
        }
    }
}

static void test_base_utf8__decoding_bad_bytes_moves_by_one(void **state) {
    (void)state;
    cm_str s = CM_STR("\xff\xe2\x82z");
    size_t offset = 0;
    assert_int_equal(cm_utf8_next(s, &offset), 0xfffd);
    assert_int_equal(cm_utf8_next(s, &offset), 0xfffd);
    assert_int_equal(cm_utf8_next(s, &offset), 0xfffd);
    assert_int_equal(cm_utf8_next(s, &offset), 'z');
    assert_int_equal(cm_utf8_next(s, &offset), 0x110000);
    assert_int_equal(offset, 4);
}

static void test_base_utf8__cut_never_splits_a_character(void **state) {
    (void)state;
    cm_str s = CM_STR("a\xf0\x9f\x98\x80z");
    static const size_t lengths[] = {0, 1, 1, 1, 1, 5, 6, 6};
    for (size_t max = 0; max < CM_COUNT(lengths); max++) {
        assert_int_equal(cm_utf8_cut(s, max).len, lengths[max]);
    }
    assert_int_equal(cm_utf8_floor(CM_STR("\x80\x80\x80\x80\x80"), 4), 4);
    assert_int_equal(cm_utf8_count(s, CM_UTF8), 6);
    assert_int_equal(cm_utf8_count(s, CM_UTF16), 4);
    assert_int_equal(cm_utf8_count(s, CM_UTF32), 3);
}

static void test_base_utf8__positions_clamp_as_editors_expect(void **state) {
    (void)state;
    cm_str text = CM_STR("a\xf0\x9f\x98\x80z\r\nline two\n");
    static const struct {
        enum cm_encoding encoding;
        cm_position position;
        size_t offset;
        bool found;
    } cases[] = {
        {CM_UTF16, {0, 0}, 0, true},  {CM_UTF16, {0, 1}, 1, true},
        {CM_UTF16, {0, 2}, 1, true}, /* inside the surrogate pair */
        {CM_UTF16, {0, 3}, 5, true},  {CM_UTF16, {0, 4}, 6, true},
        {CM_UTF16, {0, 99}, 6, true}, /* before the CR */
        {CM_UTF8, {0, 3}, 1, true},   {CM_UTF8, {0, 5}, 5, true},
        {CM_UTF32, {0, 2}, 5, true},  {CM_UTF16, {1, 4}, 12, true},
        {CM_UTF16, {2, 0}, 17, true}, {CM_UTF16, {3, 0}, 0, false},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        size_t offset = 0;
        assert_int_equal(cm_position_to_offset(text, cases[i].position, cases[i].encoding, &offset),
                         cases[i].found);
        assert_int_equal(offset, cases[i].offset);
    }
    cm_position end = cm_position_of_offset(text, SIZE_MAX, CM_UTF16);
    assert_int_equal(end.line, 2);
    assert_int_equal(end.character, 0);
    cm_position between = cm_position_of_offset(text, 7, CM_UTF16); /* between CR and LF */
    assert_int_equal(between.line, 0);
    assert_int_equal(between.character, 4);
}

static const char *const pieces[] = {
    "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\n", "\r\n", "\r", " ", "word"};

static void draw_text(uint64_t *seed, cm_buf *out) {
    cm_buf_clear(out);
    size_t count = cm_draw_below(seed, 40);
    for (size_t i = 0; i < count; i++) {
        cm_buf_add_c(out, pieces[cm_draw_below(seed, CM_COUNT(pieces))]);
    }
}

/* The model walks the text one character at a time from its start. */
static cm_position model_position(cm_str text, size_t offset, enum cm_encoding encoding) {
    cm_position p = {0, 0};
    for (size_t at = 0; at < offset;) {
        size_t before = at;
        uint32_t c = cm_utf8_next(text, &at);
        bool line_end_cr = c == '\r' && at < text.len && text.ptr[at] == '\n';
        if (c == '\n') {
            p = (cm_position){p.line + 1, 0};
        } else if (!line_end_cr) {
            p.character += encoding == CM_UTF8    ? (uint32_t)(at - before)
                           : encoding == CM_UTF16 ? 1 + (c > 0xffff)
                                                  : 1;
        }
    }
    return p;
}

static void test_base_utf8__positions_agree_with_a_walk_and_come_back(void **state) {
    (void)state;
    uint64_t seed = 11;
    cm_buf buf;
    cm_buf_init(&buf, 1000);
    for (int round = 0; round < 3000; round++) {
        draw_text(&seed, &buf);
        cm_str text = cm_str_make(cm_buf_c(&buf), buf.len);
        enum cm_encoding encoding = (enum cm_encoding)cm_draw_below(&seed, 3);
        for (size_t offset = 0; offset <= text.len; offset++) {
            if (cm_utf8_floor(text, offset) != offset) {
                continue;
            }
            cm_position p = cm_position_of_offset(text, offset, encoding);
            cm_position expected = model_position(text, offset, encoding);
            assert_int_equal(p.line, expected.line);
            assert_int_equal(p.character, expected.character);
            size_t back;
            assert_true(cm_position_to_offset(text, p, encoding, &back));
            bool in_crlf = offset > 0 && offset < text.len && text.ptr[offset - 1] == '\r' &&
                           text.ptr[offset] == '\n';
            assert_int_equal(back, in_crlf ? offset - 1 : offset);
        }
    }
    cm_buf_done(&buf);
}

static void test_base_utf8__crlf_becomes_lf(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
        bool crlf;
    } cases[] = {
        {"a\r\nb\r\n", "a\nb\n", true},
        {"a\nb\n", "a\nb\n", false},
        {"a\r\nb\nc\n", "a\nb\nc\n", false},
        {"a\rb", "a\rb", false},
        {"", "", false},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        char out[32];
        bool crlf;
        size_t len = cm_utf8_to_lf(cm_str_from(cases[i].in), out, &crlf);
        assert_str(cm_str_make(out, len), cases[i].out);
        assert_int_equal(crlf, cases[i].crlf);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_utf8__validation_follows_rfc_3629),
        cmocka_unit_test(test_base_utf8__every_code_point_survives_the_round_trip),
        cmocka_unit_test(test_base_utf8__decoding_bad_bytes_moves_by_one),
        cmocka_unit_test(test_base_utf8__cut_never_splits_a_character),
        cmocka_unit_test(test_base_utf8__positions_clamp_as_editors_expect),
        cmocka_unit_test(test_base_utf8__positions_agree_with_a_walk_and_come_back),
        cmocka_unit_test(test_base_utf8__crlf_becomes_lf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
