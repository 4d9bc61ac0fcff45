/* archive.h - the files in a zip or tar archive (plain, gzip or zstd), one after the other.
 *
 * An archive comes from anybody, so nothing in it is believed: lengths are checked against the bytes there
 * are, what is unpacked is bounded in all, for each file and against what was sent, and names are given as
 * they stand - it is the caller who decides where a path may lead. Nothing is written to disk.
 *
 * Formats: zip with stored and deflated entries (APPNOTE 4.3; no ZIP64, no encryption), tar as POSIX ustar, pax
 * (`path`, `size`) and GNU long names. Rejected: libarchive, for the thirty formats and the file system
 * access that come with it.
 *
 * Thread: any. */
#ifndef CM_BASE_ARCHIVE_H
#define CM_BASE_ARCHIVE_H

#include "base/buf.h"

typedef struct cm_archive_limits {
    uint64_t unpacked_max; /* bytes in all */
    uint64_t ratio_max;    /* unpacked to sent; the first MiB is free */
    size_t file_bytes_max; /* longer files are named without content */
    size_t entries_max;
} cm_archive_limits;

enum cm_archive_kind {
    CM_ARCHIVE_FILE,
    CM_ARCHIVE_TOO_LARGE, /* longer than file_bytes_max */
    CM_ARCHIVE_OTHER,     /* link, device: no content. Directories are not reported at all */
};

typedef struct cm_archive_entry {
    cm_str
        name; /* as it stands, except that '\' of a zip became '/'; may climb out, be absolute, be no UTF-8 */
    cm_str content;
    enum cm_archive_kind kind;
} cm_archive_entry;

/* The entry's texts live only during the call. An error ends the reading and is returned. */
typedef cm_rc cm_archive_fn(const cm_archive_entry *entry, void *argument, cm_err *err);

/* By its first bytes: a format that cm_archive_each reads. */
bool cm_archive_is(cm_str bytes);
/* Errors: CM_UNPROCESSABLE (no archive, damaged, a bomb, too many entries; the text says what to do), CM_NOMEM. */
cm_rc cm_archive_each(cm_str bytes, const cm_archive_limits *limits, cm_archive_fn *each,
                      void *argument, cm_err *err) cm_must_check;

#endif
