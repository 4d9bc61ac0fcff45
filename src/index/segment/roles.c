/* roles.c - the folder names and file names by which projects mark tests and code of others, and what generators write
 * in the first lines. */
#include "index/segment/roles.h"

#include "base/path.h"

static const char *const test_folders[] = {
    "test",      "tests",     "testing",    "testdata", "__tests__", "spec",    "specs",
    "e2e",       "example",   "examples",   "fixture",  "fixtures",  "mock",    "mocks",
    "__mocks__", "benchmark", "benchmarks", "bench",    "sample",    "samples",
};

static const char *const vendored_folders[] = {
    "vendor",   "vendored",  "third_party", "third-party",      "thirdparty", "node_modules",
    "external", "externals", "deps",        "bower_components", "dist",       "_vendor",
};

static bool any_folder(cm_str path, const char *const *names, size_t count) {
    cm_str rest = cm_path_directory(path), part;
    while (cm_str_split(&rest, '/', &part)) {
        for (size_t i = 0; i < count; i++) {
            if (cm_str_eq_nocase(part, cm_str_from(names[i]))) {
                return true;
            }
        }
    }
    return false;
}

bool cm_path_is_test(cm_str path) {
    cm_str base = cm_path_base(path);
    size_t dot = cm_str_find_char(base, '.');
    cm_str stem = dot == SIZE_MAX ? base : cm_str_sub(base, 0, dot);
    cm_str rest = dot == SIZE_MAX ? CM_STR_EMPTY : cm_str_from_offset(base, dot);
    return cm_str_starts(base, CM_STR("test_")) || cm_str_ends(stem, CM_STR("_test")) ||
           cm_str_ends(stem, CM_STR("_spec")) || cm_str_ends(stem, CM_STR("Test")) ||
           cm_str_ends(stem, CM_STR("Tests")) || cm_str_starts(rest, CM_STR(".test.")) ||
           cm_str_starts(rest, CM_STR(".spec.")) || cm_str_eq_c(base, "conftest.py") ||
           any_folder(path, test_folders, CM_COUNT(test_folders));
}

bool cm_path_is_vendored(cm_str path) {
    cm_str base = cm_path_base(path);
    return cm_str_ends(base, CM_STR(".min.js")) || cm_str_ends(base, CM_STR(".min.css")) ||
           cm_str_ends(base, CM_STR(".pb.go")) || cm_str_ends(base, CM_STR("_pb2.py")) ||
           any_folder(path, vendored_folders, CM_COUNT(vendored_folders));
}

bool cm_text_is_generated(cm_str text) {
    cm_str head = cm_str_sub(text, 0, 1024);
    return cm_str_find(head, CM_STR("DO NOT EDIT")) != SIZE_MAX ||
           cm_str_find(head, CM_STR("@generated")) != SIZE_MAX ||
           cm_str_find(head, CM_STR("automatically generated")) != SIZE_MAX;
}
