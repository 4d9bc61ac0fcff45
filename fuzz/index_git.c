/* A git worker's answer of any bytes: it is refused, or each string lies inside it and, where order was asked for, in
 * order. */
#include "base/base.h"

#include "index/git/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_arena *arena = cm_arena_new(CM_MIB(64));
    cm_str answer = cm_str_make((const char *)data, size);
    for (int ascending = 0; ascending < 2; ascending++) {
        cm_str_list list;
        cm_err err;
        if (cm_git_strings(answer, ascending, arena, &list, &err) != CM_OK) {
            continue;
        }
        for (size_t i = 0; i < list.count; i++) {
            cm_assert(list.items[i].ptr >= answer.ptr &&
                      list.items[i].ptr + list.items[i].len <= answer.ptr + answer.len);
            cm_assert(!ascending || i == 0 || cm_str_cmp(list.items[i - 1], list.items[i]) < 0);
        }
    }
    cm_arena_free(arena);
    return 0;
}
