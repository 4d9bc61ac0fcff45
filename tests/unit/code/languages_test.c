#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "code/languages.h"

static const struct {
    const char *path, *text, *id; /* id NULL: plain text */
} detections[] = {
    {"src/main.c", "", "c"},
    {"a.h", "int f(void);\n", "c"},
    {"a.h", "#pragma once\nnamespace a {\n", "cpp"},
    {"a.h", "  template <class T>\n", "cpp"},
    {"a.h", "#import <Foundation/Foundation.h>\n", "objc"},
    {"A.PY", "", "python"},
    {"lib/types.d.ts", "", "typescript"},
    {"CMakeLists.txt", "", "cmake"},
    {"notes.txt", "", "text"},
    {"Dockerfile", "", "dockerfile"},
    {"docker/Dockerfile.prod", "", "dockerfile"},
    {"Makefile", "", "make"},
    {"Cargo.lock", "", "toml"},
    {"tool", "#!/usr/bin/env python3\n", "python"},
    {"tool", "#!/usr/bin/env -S python3.11 -u\n", "python"},
    {"tool", "#!/bin/sh -e\n", "bash"},
    {"tool", "#!/usr/bin/env FOO=1 node\n", "javascript"},
    {"tool", "#!\n", NULL},
    {"tool", "#!/usr/bin/env\n", NULL},
    {"tool", "<?xml version='1.0'?>", "xml"},
    {"tool", "nothing", NULL},
    {"x.unknown", "", NULL},
    {"", "", NULL},
    {".bashrc", "", "bash"},
    {"a.inc", "<?php echo 1;", "php"},
};

static void test_code_languages__are_found_by_name_then_shebang_then_contents(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(detections); i++) {
        const cm_language *language =
            cm_language_detect(cm_str_from(detections[i].path), cm_str_from(detections[i].text));
        const char *id = language ? language->id.ptr : NULL;
        if (!detections[i].id) {
            assert_null(id);
        } else {
            assert_non_null(id);
            assert_string_equal(id, detections[i].id);
        }
    }
}

static void test_code_languages__every_id_and_alias_is_found_whatever_its_case(void **state) {
    (void)state;
    size_t count;
    const cm_language *all = cm_language_all(&count);
    assert_true(count >= 45);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all[i].index, i);
        assert_ptr_equal(cm_language_at(i), &all[i]);
        assert_ptr_equal(cm_language_find(all[i].id), &all[i]);
        for (size_t j = 0; j < all[i].aliases.count; j++) {
            assert_ptr_equal(cm_language_find(all[i].aliases.items[j]), &all[i]);
        }
        assert_true(i == 0 || cm_str_cmp(all[i - 1].id, all[i].id) < 0);
    }
    assert_ptr_equal(cm_language_find(CM_STR("C++")), cm_language_find(CM_STR("cpp")));
    assert_null(cm_language_find(CM_STR("klingon")));
    assert_null(cm_language_find(CM_STR_EMPTY));
    assert_null(cm_language_at(count));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_languages__are_found_by_name_then_shebang_then_contents),
        cmocka_unit_test(test_code_languages__every_id_and_alias_is_found_whatever_its_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
