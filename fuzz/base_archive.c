/* Any bytes as an archive: within its limits, and each entry is what its kind says. */
#include "base/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX  4096
#define TOTAL_MAX ((uint64_t)4 << 20)

static cm_rc look(const cm_archive_entry *entry, void *argument, cm_err *err) {
    uint64_t *total = argument;
    (void)err;
    cm_assert(entry->content.len <= FILE_MAX);
    cm_assert(entry->kind == CM_ARCHIVE_FILE || entry->content.len == 0);
    *total += entry->content.len;
    cm_assert(*total <= TOTAL_MAX);
    return CM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const cm_archive_limits limits = {TOTAL_MAX, 200, FILE_MAX, 1000};
    uint64_t total = 0;
    cm_err err;
    cm_rc rc = cm_archive_each(cm_str_make((const char *)data, size), &limits, look, &total, &err);
    cm_assert(rc == CM_OK || rc == CM_UNPROCESSABLE || rc == CM_NOMEM);
    return 0;
}
