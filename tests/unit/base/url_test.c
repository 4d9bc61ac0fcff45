#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/url.h"

static void test_base_url__what_signs_in_is_cut(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"https://me:ghp_x@host/a.git", "https://host/a.git"},
        {"https://ghp_x@host/a.git", "https://host/a.git"},
        {"HTTPS://me:p@ss@host", "HTTPS://host"},
        {"ssh://git@host/a", "ssh://git@host/a"},
        {"ssh://git:pw@host:22/a", "ssh://git@host:22/a"},
        {"git@host:a/b.git", "git@host:a/b.git"},
        {"https://host/a@b", "https://host/a@b"},
        {"https://host", "https://host"},
        {"", ""},
    };
    cm_arena *arena = cm_arena_new(0);
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_str cut = cm_url_public(cm_str_from(cases[i][0]), arena);
        assert_string_equal(cm_arena_c(arena, cut), cases[i][1]);
    }
    cm_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_url__what_signs_in_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
