/* The first line is a pattern or root, the rest a path: normal forms stay normal, nothing climbs out. */
#include "base/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_normal_form(cm_str path) {
    cm_cleanup(cm_buf_done) cm_buf once = {.max = CM_PATH_BYTES_MAX};
    cm_cleanup(cm_buf_done) cm_buf twice = {.max = CM_PATH_BYTES_MAX};
    cm_err err;
    if (cm_path_normalise(path, &once, &err) != CM_OK) {
        return;
    }
    cm_assert(cm_path_normalise(cm_buf_str(&once), &twice, &err) == CM_OK);
    cm_assert(cm_str_eq(cm_buf_str(&once), cm_buf_str(&twice)));
    cm_cleanup(cm_buf_done) cm_buf inside = {.max = 2 * CM_PATH_BYTES_MAX};
    cm_path_join(&inside, CM_STR("/root"), cm_buf_str(&once));
    cm_assert(cm_path_is_inside(cm_buf_str(&inside), CM_STR("/root")));
    if (cm_path_check_relative(path, &err) == CM_OK) {
        cm_assert(once.len == 0 || once.ptr[0] != '/');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str path = cm_str_make((const char *)data, size), first = CM_STR_EMPTY;
    cm_str_line(&path, &first);
    check_normal_form(path);
    cm_path_glob(first, path);
    cm_assert(cm_path_glob(CM_STR("**"), path));
    cm_cleanup(cm_buf_done) cm_buf decoded = {.max = CM_PATH_BYTES_MAX};
    cm_err err;
    if (cm_path_from_uri(first, &decoded, &err) == CM_OK) {
        cm_assert(cm_str_find_char(cm_buf_str(&decoded), '\0') == SIZE_MAX);
    }
    return 0;
}
