#include "code/tokens.h"

#include "unit/check.h"

/* Tokens joined by '|'; '_' before one that keeps a space; '~' for a line feed. */
static void show(cm_str text, cm_buf *out) {
    cm_lexer lexer;
    cm_token token;
    cm_lexer_init(&lexer, text);
    while (cm_lexer_next(&lexer, &token)) {
        cm_buf_add_c(out, out->len ? "|" : "");
        cm_buf_add_c(out, token.space ? "_" : "");
        for (size_t i = 0; i < token.text.len; i++) {
            cm_buf_add_char(out, token.text.ptr[i] == '\n' ? '~' : token.text.ptr[i]);
        }
    }
}

static void test_code_tokens__text_becomes_tokens(void **state) {
    (void)state;
    static const struct {
        const char *text, *tokens;
    } cases[] = {
        {"", ""},
        {"a=b", "a|=|b"},
        {"a = b", "a|_=|_b"},
        {"x := f(y...)", "x|_:=|_f|(|y|...|)"},
        {"p->q<<=1;", "p|->|q|<<=|1|;"},
        {"3.14+0x1F 1..2 5.x", "3.14|+|0x1F|_1|..|2|_5|.|x"},
        {"\"it's\" // caf\xc3\xa9", "\"|it|'|s|\"|_//|_caf\xc3\xa9"},
        {"if x {\n\ty()\n}\n", "if|_x|_{|~+|y|(|)|~-|}|~"},
        {"if x:\n    y\n\n\n    z\nw", "if|_x|:|~+|y|_~|z|~-|w"},
        {"a\r\n  b\r\n    c\r\nd", "a|~+|b|~+|c|~--|d"},
        {"\n\n  a\n  b\nc", "a|~|b|~-|c"},
        {"f(a,\n            b)\n    g", "f|(|a|,|~+|b|)|~|g"},
        {"a\n    ", "a|~+"}, /* a line just begun */
        {"a\n\n", "a|_~"},
        {"  \n \t", ""},
        {"a \\\n b", "a|_\\|~+|b"},
        {"\x01\xff(", "\x01|\xff|("},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_cleanup(cm_buf_done) cm_buf out = {.max = 1000};
        show(cm_str_from(cases[i].text), &out);
        if (!cm_str_eq_c(cm_buf_str(&out), cases[i].tokens)) {
            fail_msg("'%s': %s instead of %s", cases[i].text, cm_buf_c(&out), cases[i].tokens);
        }
    }
}

static void test_code_tokens__lines_and_offsets_point_into_the_source(void **state) {
    (void)state;
    cm_str text = CM_STR("\n\na b\n\n\n  c\n");
    static const struct {
        uint32_t start, line;
    } expected[] = {{2, 2}, {4, 2}, {5, 2}, {10, 5}, {11, 5}};
    cm_lexer lexer;
    cm_token token;
    cm_lexer_init(&lexer, text);
    for (size_t i = 0; i < CM_COUNT(expected); i++) {
        assert_true(cm_lexer_next(&lexer, &token));
        assert_int_equal(token.start, expected[i].start);
        assert_int_equal(token.line, expected[i].line);
    }
    assert_false(cm_lexer_next(&lexer, &token));
}

static void write_again(cm_str text, cm_str unit, cm_str indent, cm_buf *out) {
    cm_lexer lexer;
    cm_token token;
    cm_token_writer w;
    cm_lexer_init(&lexer, text);
    cm_token_writer_init(&w, out, unit, indent);
    while (cm_lexer_next(&lexer, &token)) {
        cm_token_writer_add(&w, token.text, token.space);
    }
}

static void test_code_tokens__text_comes_back_in_the_style_of_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *unit, *indent, *expected;
    } cases[] = {
        {"if x {\n\ty(1,  2)\n}", "    ", "", "if x {\n    y(1, 2)\n}"},
        {"if x:\n  y\n\n\n  z", "\t", "\t", "if x:\n\t\ty\n\n\t\tz"},
        {"a\n    b\nc", "  ", "    ", "a\n      b\n    c"},
        {"    a\nb", "    ", "        ", "a\n    b"},
        {"        a\nb\n", "    ", "  ", "a\nb\n"},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_cleanup(cm_buf_done) cm_buf out = {.max = 1000};
        write_again(cm_str_from(cases[i].text), cm_str_from(cases[i].unit),
                    cm_str_from(cases[i].indent), &out);
        assert_string_equal(cm_buf_c(&out), cases[i].expected);
    }
}

/* What is written has the same tokens, whatever the text was. */
static void test_code_tokens__writing_keeps_the_tokens_of_any_bytes(void **state) {
    (void)state;
    uint64_t seed = 17;
    for (int round = 0; round < 5000; round++) {
        static const char letters[] = "ab_1. \n\n\t(){}=-+*/<>&|?:\"'\r\xc3\xa9\xff";
        char text[80];
        size_t len = cm_draw_below(&seed, sizeof(text));
        for (size_t i = 0; i < len; i++) {
            text[i] = letters[cm_draw_below(&seed, sizeof(letters) - 1)];
        }
        text[0] = 'x'; /* indentation before the first token is not kept */
        cm_cleanup(cm_buf_done) cm_buf again = {.max = 10000};
        cm_cleanup(cm_buf_done) cm_buf before = {.max = 10000};
        cm_cleanup(cm_buf_done) cm_buf after = {.max = 10000};
        write_again(cm_str_make(text, len), CM_STR("  "), CM_STR_EMPTY, &again);
        show(cm_str_make(text, len), &before);
        show(cm_buf_str(&again), &after);
        if (!cm_str_eq(cm_buf_str(&before), cm_buf_str(&after))) {
            fail_msg("round %d: %s / %s", round, cm_buf_c(&before), cm_buf_c(&after));
        }
    }
}

static void test_code_tokens__long_words_are_cut_between_characters(void **state) {
    (void)state;
    char text[1200];
    for (size_t i = 0; i < sizeof(text); i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 3);
    }
    cm_lexer lexer;
    cm_token token;
    size_t total = 0;
    cm_lexer_init(&lexer, cm_str_make(text, sizeof(text)));
    while (cm_lexer_next(&lexer, &token)) {
        assert_true(token.text.len <= CM_TOKEN_BYTES_MAX && token.text.len % 3 == 0);
        total += token.text.len;
    }
    assert_int_equal(total, sizeof(text));
    memset(text, '\x80', sizeof(text)); /* no character starts anywhere */
    cm_lexer_init(&lexer, cm_str_make(text, sizeof(text)));
    for (total = 0; cm_lexer_next(&lexer, &token); total += token.text.len) {
        assert_true(token.text.len > 0);
    }
    assert_int_equal(total, sizeof(text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_tokens__text_becomes_tokens),
        cmocka_unit_test(test_code_tokens__lines_and_offsets_point_into_the_source),
        cmocka_unit_test(test_code_tokens__text_comes_back_in_the_style_of_its_place),
        cmocka_unit_test(test_code_tokens__writing_keeps_the_tokens_of_any_bytes),
        cmocka_unit_test(test_code_tokens__long_words_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
