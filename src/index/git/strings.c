/* strings.c - the check of a list that a git worker has written: none of its words is believed. */
#include "base/err.h"
#include "index/git/protocol.h"

size_t cm_git_shared_bytes(enum cm_git_op op) {
    static const size_t answers[CM_GIT_OP_COUNT] = {
        [CM_GIT_RULES] = CM_KIB(64),
        [CM_GIT_TRACKED] = CM_MIB(256), /* taken when written */
        [CM_GIT_HEAD] = CM_KIB(4),
        [CM_GIT_HISTORY] = CM_MIB(64),
    };
    return CM_GIT_CONTROL_BYTES + answers[op];
}

/* The next string of `*rest`; false when there is none that fits. */
static bool take(cm_str *rest, cm_str *ret_string) {
    uint32_t len;
    if (rest->len < sizeof(len)) {
        return false;
    }
    memcpy(&len, rest->ptr, sizeof(len));
    if (len > rest->len - sizeof(len)) {
        return false;
    }
    *ret_string = cm_str_make(rest->ptr + sizeof(len), len);
    *rest = cm_str_from_offset(*rest, sizeof(len) + len);
    return len == 0 || memchr(ret_string->ptr, 0, len) == NULL;
}

cm_rc cm_git_strings(cm_str answer, bool ascending, cm_arena *arena, cm_str_list *ret_list,
                     cm_err *err) {
    size_t count = 0;
    for (cm_str rest = answer, string; rest.len > 0; count++) {
        if (!take(&rest, &string)) {
            return cm_fail(err, CM_CORRUPT, "string %zu of a git worker's answer is damaged",
                           count);
        }
        if (count == CM_GIT_STRINGS_MAX) {
            return cm_fail(err, CM_LIMIT, "a git worker's answer has more than %zu strings", count);
        }
    }
    cm_str *items = CM_ARENA_ARRAY(arena, cm_str, count + 1);
    if (!items) {
        return cm_fail(err, CM_NOMEM, "out of memory reading git's list of files");
    }
    cm_str rest = answer;
    for (size_t i = 0; i < count; i++) {
        if (!take(&rest, &items[i]) ||
            (ascending && i > 0 && cm_str_cmp(items[i - 1], items[i]) >= 0)) {
            return cm_fail(err, CM_CORRUPT, "string %zu of a git worker's answer is out of order",
                           i);
        }
    }
    *ret_list = (cm_str_list){items, count};
    return CM_OK;
}
