#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "code/extract_priv.h"

/* Hidden words are written with dots here. */
static const struct {
    const char *text, *masked;
} cases[] = {
    {"class EXPORT_API Foo : public Bar {};", "class .......... Foo : public Bar {};"},
    {"class ALIGNED(8) Foo {};", "class .......... Foo {};"},
    {"class Foo FINAL_CLASS : Bar {", "class Foo ........... : Bar {"},
    {"struct EXPORT_API Foo final {", "struct .......... Foo final {"},
    {"struct FOO_TYPE bar;", "struct FOO_TYPE bar;"},
    {"struct FOO_TYPE bar = {", "struct FOO_TYPE bar = {"},
    {"struct LIST {", "struct LIST {"},
    {"FILE *f;", "FILE *f;"},
    {"BOOL f(void) {", "BOOL f(void) {"},
    {"DWORD value;", "DWORD value;"},
    {"API_EXPORT int f(void);", ".......... int f(void);"},
    {"static NOINLINE void f(void) {", "static ........ void f(void) {"},
    {"CONSTEXPR_20 Foo::Foo() {}", "............ Foo::Foo() {}"},
    {"int __init start(void) {", "int ...... start(void) {"},
    {"struct __node *f(void) {", "struct __node *f(void) {"},
    {"\"class EXPORT_API Foo {\"", "\"class EXPORT_API Foo {\""},
    {"// class EXPORT_API Foo {\n", "// class EXPORT_API Foo {\n"},
    {"/* class EXPORT_API Foo { */", "/* class EXPORT_API Foo { */"},
    {"#define class EXPORT_API Foo {", "#define class EXPORT_API Foo {"},
    {"#if A\nif (x) {\n#else\nif (y) {\n#endif\n}", ".....\nif (x) {\n.....\n........\n......\n}"},
    {"#if A\nint x;\n#else\nint y;\n#endif\n", "#if A\nint x;\n#else\nint y;\n#endif\n"},
    {"#if A\nint f(a)\n#else\nint f(b)\n#endif\n{", ".....\nint f(a)\n.....\n........\n......\n{"},
    {"#ifdef X\nextern \"C\" {\n#endif\n", "........\nextern \"C\" {\n......\n"},
    {"#else\n}\n#endif\n#endif\n", "#else\n}\n#endif\n#endif\n"},
    {"\"unclosed", "\"unclosed"},
    {"'\\", "'\\"},
    {"/* open", "/* open"},
    {"#", "#"},
    {"", ""},
};

static void test_code_mask__only_macros_in_the_way_become_blanks(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_buf out;
        cm_buf_init(&out, 4096);
        cm_str text = cm_str_from(cases[i].text);
        assert_true(cm_mask_macros(text, &out));
        assert_int_equal(out.len, text.len);
        char expected[256];
        snprintf(expected, sizeof(expected), "%s", cases[i].masked);
        for (size_t j = 0; j < text.len; j++) {
            expected[j] = expected[j] == '.' ? ' ' : expected[j];
        }
        assert_string_equal(cm_buf_c(&out), expected);
        cm_buf_done(&out);
    }
}

static void test_code_mask__deep_conditions_and_random_text_stay_in_bounds(void **state) {
    (void)state;
    cm_buf text, out;
    cm_buf_init(&text, CM_MIB(1));
    cm_buf_init(&out, CM_MIB(1));
    for (int i = 0; i < 500; i++) {
        cm_buf_add_c(&text, "#if A\nif (x) {\n#else\n");
    }
    for (int i = 0; i < 600; i++) {
        cm_buf_add_c(&text, "#endif\n");
    }
    assert_true(cm_mask_macros(cm_buf_str(&text), &out));
    static const char *const pieces[] = {"class ", "ABCD ", "#if x\n", "#endif\n", "\\",
                                         "\"",     "/*",    "*/",      "{",        "}",
                                         "(",      "__x ",  "int f(",  "\n",       "#else\n"};
    uint64_t seed = 7;
    for (int round = 0; round < 2000; round++) {
        cm_buf_clear(&text);
        for (int i = 0; i < 30; i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            cm_buf_add_c(&text, pieces[(seed >> 33) % CM_COUNT(pieces)]);
        }
        /* An exact copy, so that the sanitizer sees a step past its end. */
        char *exact = cm_strndup(text.ptr, text.len);
        assert_true(cm_mask_macros(cm_str_make(exact, text.len), &out));
        assert_int_equal(out.len, text.len);
        cm_free(exact);
    }
    cm_buf_done(&text);
    cm_buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_mask__only_macros_in_the_way_become_blanks),
        cmocka_unit_test(test_code_mask__deep_conditions_and_random_text_stay_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
