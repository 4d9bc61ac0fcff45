/* Any rule file against any path: matching ends, and a pattern without special characters matches itself. */
#include "index/live/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_plain(cm_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("*?[\\/!# \r\n", s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str text = cm_str_make((const char *)data, size);
    size_t zero = cm_str_find_char(text, 0);
    cm_str path = cm_str_sub(text, 0, zero == SIZE_MAX ? 0 : zero);
    cm_str rules = zero == SIZE_MAX ? text : cm_str_from_offset(text, zero + 1);
    cm_ignore *ignore = cm_ignore_new();
    if (cm_ignore_push(ignore, CM_STR_EMPTY, rules, NULL) == CM_OK) {
        (void)cm_ignore_match(ignore, path, false);
        (void)cm_ignore_match(ignore, path, true);
    }
    cm_ignore_free(ignore);
    if (is_plain(path)) {
        cm_assert(cm_ignore_pattern_match(path, path));
    }
    return 0;
}
