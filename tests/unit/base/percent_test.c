#include "base/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

typedef struct percent_case {
    const char *raw;
    bool plus_is_space;
    const char *expect; /* NULL = refused */
} percent_case;

static void test_base_percent__escapes_are_decoded_or_refused(void **state) {
    (void)state;
    static const percent_case rows[] = {
        {"", false, ""},
        {"a", false, "a"},
        {"a%20b", false, "a b"},
        {"a+b", false, "a+b"},
        {"a+b", true, "a b"},
        {"%2b", true, "+"},
        {"%C3%a9", false, "\xc3\xa9"},
        {"%", false, NULL},
        {"%4", false, NULL},
        {"%zz", false, NULL},
        {"%4g", false, NULL},
        {"x%00", false, NULL},
        {"%ff", false, NULL},
        {"%C3", false, NULL},
        {"%%%", false, NULL},
        {"%41%42", false, "AB"},
        {"a%2", false, NULL},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        char out[16];
        size_t len = 0;
        bool good = cm_percent_decode(cm_str_from(rows[i].raw), rows[i].plus_is_space, out, &len);
        assert_int_equal(good, rows[i].expect != NULL);
        if (good) {
            assert_true(cm_str_eq_c(cm_str_make(out, len), rows[i].expect));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_percent__escapes_are_decoded_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
