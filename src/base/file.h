/* file.h - whole files: read, map, and replace so that a crash leaves the old or the new one.
 *
 * Thread: any. Every function names the path in its error; "of the system" below: CM_NOT_FOUND, CM_DENIED, CM_INVALID,
 * CM_STORAGE_FULL or CM_IO, by errno (err.h). */
#ifndef CM_BASE_FILE_H
#define CM_BASE_FILE_H

#include "base/buf.h"

/* Reads at most `max` bytes; a longer file is CM_LIMIT, what is no regular file CM_INVALID; others of
 * the system. */
cm_rc cm_file_read(const char *path, size_t max, cm_buf *out, cm_err *err) cm_must_check;
/* Writes a temporary file beside `path`, syncs it, renames it over `path`, syncs the directory.
 * CM_STORAGE_FULL and others of the system; `path` is then as it was. */
cm_rc cm_file_replace(const char *path, cm_str contents, unsigned mode, cm_err *err) cm_must_check;
/* Makes `path` and its parents (0700 for the parts it makes). CM_DENIED and others of the system. */
cm_rc cm_dir_make(const char *path, cm_err *err) cm_must_check;
/* CM_IO and others of the system. */
cm_rc cm_dir_sync(const char *path, cm_err *err) cm_must_check;
/* Removes `path` and all below it without following links. A missing path is no error; CM_LIMIT: too deep,
 * CM_DENIED and others of the system. */
cm_rc cm_dir_remove(const char *path, cm_err *err) cm_must_check;
/* Calls `each` for every entry whose name begins with no dot, in no order, until one fails (that is the
 * result: any of its codes); a missing folder has none, CM_DENIED: it cannot be read. `path` is the entry's, `name`
 * its last part. */
typedef cm_rc cm_dir_entry_fn(void *argument, const char *path, const char *name, cm_err *err);
cm_rc cm_dir_each(const char *folder, cm_dir_entry_fn *each, void *argument,
                  cm_err *err) cm_must_check;

/* A read-only mapping. Empty files give ptr NULL, len 0. */
typedef struct cm_mapping {
    const uint8_t *ptr;
    size_t len;
    struct cm_mapping_slot *slot; /* of ours */
} cm_mapping;

/* A file that is cut short while it is mapped reads as zeros from there on (mapping.c). CM_NOT_FOUND and others
 * of the system; CM_INVALID: no regular file. */
cm_rc cm_mapping_open(const char *path, cm_mapping *ret_mapping, cm_err *err) cm_must_check;
void cm_mapping_close(cm_mapping *mapping);
/* Whether zeros have been read where the file had ended. */
bool cm_mapping_is_torn(const cm_mapping *mapping);
/* An eventfd that becomes readable when any mapping is found torn; of the process, not to be closed. -1: none. */
int cm_mapping_torn_fd(void);

#endif
