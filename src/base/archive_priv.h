/* archive_priv.h - what the two formats of archive.h share. */
#ifndef CM_BASE_ARCHIVE_PRIV_H
#define CM_BASE_ARCHIVE_PRIV_H

#include "base/archive.h"

typedef struct cm_unpacking {
    cm_str bytes; /* the archive */
    const cm_archive_limits *limits;
    cm_archive_fn *each;
    void *argument;
    uint64_t unpacked; /* bytes so far */
    size_t entries;
    cm_buf content; /* of the entry at hand */
} cm_unpacking;

/* Counts `more` bytes that were unpacked. CM_UNPROCESSABLE: over a limit. */
cm_rc cm_unpacking_count(cm_unpacking *u, size_t more, cm_err *err) cm_must_check;
/* Reports one entry. CM_UNPROCESSABLE: too many. */
cm_rc cm_unpacking_report(cm_unpacking *u, const cm_archive_entry *entry,
                          cm_err *err) cm_must_check;

bool cm_zip_is(cm_str bytes);
cm_rc cm_zip_each(cm_unpacking *u, cm_err *err) cm_must_check;
bool cm_tar_is(cm_str bytes); /* compressed or not */
cm_rc cm_tar_each(cm_unpacking *u, cm_err *err) cm_must_check;

#endif
