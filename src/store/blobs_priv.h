/* blobs_priv.h - what the files of the blob store share. */
#ifndef CM_STORE_BLOBS_PRIV_H
#define CM_STORE_BLOBS_PRIV_H

#include "store/blobs.h"
#include "store/q/blobs.h"

/* Path of the file that a row's content lies in, for the caller to free. It is made anew from workspace and
 * hash, and the row's `location` must say the same: whatever a row holds, no other file is read.
 * Errors: CM_CORRUPT. */
cm_rc cm_blob_file(const cm_row_blobs *row, const char *data_dir, char **ret_path,
                   cm_err *err) cm_must_check;

#endif
