/* each_case.h - every source file below tests/cases/symbols/. */
#ifndef CM_TEST_CODE_EACH_CASE_H
#define CM_TEST_CODE_EACH_CASE_H

#include "base/str.h"

#include <dirent.h>

typedef void each_case_fn(void *argument, const char *path);

/* Calls `each` for the files below `folder` that say not what is expected of another; returns how many there are. */
static inline size_t each_case(const char *folder, each_case_fn *each, void *argument) {
    size_t count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || cm_str_ends(cm_str_from(path), CM_STR(".expected"))) {
            continue;
        }
        if (entry->d_type == DT_DIR) {
            count += each_case(path, each, argument);
        } else {
            each(argument, path);
            count++;
        }
    }
    closedir(directory);
    return count;
}

#endif
