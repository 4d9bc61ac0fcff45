/* archive.c - limits, and which format it is. See archive.h. */
#include "base/archive_priv.h"

#define FREE_BYTES CM_MIB(1) /* of unpacking, whatever the ratio: ten empty files compress well */

cm_rc cm_unpacking_count(cm_unpacking *u, size_t more, cm_err *err) {
    const cm_archive_limits *limits = u->limits;
    u->unpacked += more;
    if (u->unpacked > limits->unpacked_max) {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "the archive unpacks to more than %llu bytes; send it in parts",
                       (unsigned long long)limits->unpacked_max);
    }
    if (u->unpacked > FREE_BYTES && u->unpacked / limits->ratio_max > u->bytes.len) {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "the archive unpacks to more than %llu times its size; it looks like a bomb",
                       (unsigned long long)limits->ratio_max);
    }
    return CM_OK;
}

cm_rc cm_unpacking_report(cm_unpacking *u, const cm_archive_entry *entry, cm_err *err) {
    if (++u->entries > u->limits->entries_max) {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "the archive has more than %zu files; send it in parts",
                       u->limits->entries_max);
    }
    return u->each(entry, u->argument, err);
}

bool cm_archive_is(cm_str bytes) {
    return cm_zip_is(bytes) || cm_tar_is(bytes);
}

cm_rc cm_archive_each(cm_str bytes, const cm_archive_limits *limits, cm_archive_fn *each,
                      void *argument, cm_err *err) {
    cm_unpacking u = {.bytes = bytes, .limits = limits, .each = each, .argument = argument};
    cm_buf_init(&u.content, limits->file_bytes_max + 1);
    cm_rc rc = cm_zip_is(bytes)   ? cm_zip_each(&u, err)
               : cm_tar_is(bytes) ? cm_tar_each(&u, err)
                                  : cm_fail(err, CM_UNPROCESSABLE,
                                            "this is no archive; send zip, tar, tar.gz or tar.zst");
    cm_buf_done(&u.content);
    return rc;
}
