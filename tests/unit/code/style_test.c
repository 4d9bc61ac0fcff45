#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "code/style.h"

static cm_style style_of(const char *language, cm_str text, const cm_parsed *parsed) {
    cm_style_votes votes;
    cm_style_vote(cm_language_find(cm_str_from(language)), text, parsed, &votes);
    return cm_style_decide(&votes);
}

static void test_code_style__names_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum cm_naming naming;
    } names[] = {{"snake_case", CM_NAMING_SNAKE},
                 {"camelCase", CM_NAMING_CAMEL},
                 {"PascalCase", CM_NAMING_PASCAL},
                 {"UPPER_SNAKE", CM_NAMING_UPPER_SNAKE},
                 {"MAX", CM_NAMING_UPPER_SNAKE},
                 {"kebab-case", CM_NAMING_KEBAB},
                 {"word", CM_NAMING_UNKNOWN},
                 {"_private_name", CM_NAMING_SNAKE},
                 {"Mixed_Case", CM_NAMING_UNKNOWN},
                 {"x", CM_NAMING_UNKNOWN},
                 {"", CM_NAMING_UNKNOWN},
                 {"___", CM_NAMING_UNKNOWN},
                 {"valid?", CM_NAMING_UNKNOWN},
                 {"is_valid?", CM_NAMING_SNAKE},
                 {"h\xc3\xa9llo", CM_NAMING_UNKNOWN}};
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        assert_int_equal(cm_naming_of(cm_str_from(names[i].name)), names[i].naming);
    }
    assert_string_equal(cm_naming_name(CM_NAMING_CAMEL), "camelCase");
}

static void test_code_style__python_with_four_blanks_and_single_quotes(void **state) {
    (void)state;
    cm_symbol symbols[] = {{.name = CM_STR("read_file"), .kind = CM_SYMBOL_FUNCTION},
                           {.name = CM_STR("write_file"), .kind = CM_SYMBOL_METHOD},
                           {.name = CM_STR("DataReader"), .kind = CM_SYMBOL_CLASS},
                           {.name = CM_STR("MAX_SIZE"), .kind = CM_SYMBOL_VARIABLE},
                           {.name = CM_STR("counter"), .kind = CM_SYMBOL_VARIABLE}};
    cm_parsed parsed = {.symbols = symbols, .symbol_count = CM_COUNT(symbols)};
    cm_style style = style_of("python",
                              CM_STR("class DataReader:\n"
                                     "    def read_file(self, name):\n"
                                     "        if name == 'x':\n"
                                     "            return open('a', \"it's\")\n"
                                     "        return {'b': 'c'}\n"),
                              &parsed);
    assert_int_equal(style.indentation, CM_INDENT_SPACES);
    assert_int_equal(style.indent_size, 4);
    assert_int_equal(style.quotes, CM_QUOTES_SINGLE);
    assert_true(style.quotes_confidence > 0.99f); /* "it's" had no choice */
    assert_int_equal(style.naming[CM_NAMED_FUNCTIONS], CM_NAMING_SNAKE);
    assert_int_equal(style.naming[CM_NAMED_CLASSES], CM_NAMING_PASCAL);
    assert_int_equal(style.naming[CM_NAMED_CONSTANTS], CM_NAMING_UPPER_SNAKE);
    assert_int_equal(style.max_line_length, 72);
    assert_true(style.semicolons_confidence == 0);
}

static void test_code_style__javascript_without_semicolons_and_with_tabs(void **state) {
    (void)state;
    cm_style style = style_of("javascript",
                              CM_STR("const a = require(\"b\")\n"
                                     "function f() {\n"
                                     "\tconst x = g(a)\n"
                                     "\tif (x) {\n"
                                     "\t\treturn x\n"
                                     "\t}\n"
                                     "}\n"),
                              NULL);
    assert_int_equal(style.indentation, CM_INDENT_TABS);
    assert_int_equal(style.indent_size, 0);
    assert_int_equal(style.quotes, CM_QUOTES_DOUBLE);
    assert_false(style.has_semicolons);
    assert_true(style.semicolons_confidence == 1);
}

static void test_code_style__votes_of_files_add_up(void **state) {
    (void)state;
    cm_style_votes sum = {0}, votes;
    const cm_language *c = cm_language_find(CM_STR("c"));
    cm_style_vote(c, CM_STR("a {\n\tb;\n}\n"), NULL, &votes);
    cm_style_votes_add(&sum, &votes);
    cm_style_vote(c, CM_STR("a {\n  b;\n  {\n    c;\n  }\n}\n"), NULL, &votes);
    cm_style_votes_add(&sum, &votes);
    assert_int_equal(sum.files, 2);
    assert_int_equal(sum.lines, 9);
    cm_style style = cm_style_decide(&sum);
    assert_int_equal(style.indentation, CM_INDENT_SPACES);
    assert_int_equal(style.indent_size, 2);
    assert_true(style.indentation_confidence > 0.7f && style.indentation_confidence < 0.9f);
    sum.files = UINT32_MAX;
    cm_style_votes_add(&sum, &votes);
    assert_int_equal(sum.files, UINT32_MAX);
}

static void test_code_style__an_empty_file_decides_nothing(void **state) {
    (void)state;
    cm_style style = style_of("c", CM_STR_EMPTY, NULL);
    assert_int_equal(style.indentation, CM_INDENT_UNKNOWN);
    assert_int_equal(style.max_line_length, 0);
    assert_int_equal(style.naming[CM_NAMED_FUNCTIONS], CM_NAMING_UNKNOWN);
    style = style_of("c", CM_STR("\n\n\r\n"), NULL);
    assert_int_equal(style.indentation, CM_INDENT_UNKNOWN);
}

static void test_code_style__editorconfig_beats_every_vote(void **state) {
    (void)state;
    cm_str config = CM_STR("root = true\n"
                           "; comment\n"
                           "[*]\nindent_style = space\nindent_size = 2\n"
                           "[*.py]\nindent_size = 4\nmax_line_length = 88\n"
                           "[{Makefile,*.mk}]\nindent_style = tab\n"
                           "[lib/**.js]\nquote_type = single\n"
                           "[*.c]\nindent_size = banana\nmax_line_length = off\n");
    cm_style style = {.indentation = CM_INDENT_TABS, .indentation_confidence = 0.9f};
    cm_style_apply_editorconfig(&style, config, CM_STR("src/a.py"));
    assert_int_equal(style.indentation, CM_INDENT_SPACES);
    assert_int_equal(style.indent_size, 4);
    assert_int_equal(style.max_line_length, 88);
    assert_true(style.indent_size_confidence == 1);
    cm_style_apply_editorconfig(&style, config, CM_STR("sub/Makefile"));
    assert_int_equal(style.indentation, CM_INDENT_TABS);
    cm_style_apply_editorconfig(&style, config, CM_STR("lib/deep/a.js"));
    assert_int_equal(style.quotes, CM_QUOTES_SINGLE);
    cm_style c = {0};
    cm_style_apply_editorconfig(&c, config, CM_STR("a.c"));
    assert_int_equal(c.indent_size, 2);
    assert_int_equal(c.max_line_length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_style__names_are_told_apart),
        cmocka_unit_test(test_code_style__python_with_four_blanks_and_single_quotes),
        cmocka_unit_test(test_code_style__javascript_without_semicolons_and_with_tabs),
        cmocka_unit_test(test_code_style__votes_of_files_add_up),
        cmocka_unit_test(test_code_style__an_empty_file_decides_nothing),
        cmocka_unit_test(test_code_style__editorconfig_beats_every_vote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
