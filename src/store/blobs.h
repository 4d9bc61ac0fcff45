/* blobs.h - contents by their hash: code that was sent, exports, big documents (table `blobs`).
 *
 * A content is kept once a workspace, whoever sends it and how often. What is small after compression
 * lies in the row: one commit for many, in every backup. The rest lies in a file,
 * `<data_dir>/blobs/<workspace>/<first two digits>/<SHA-256>`, as it was given, so that it can be served
 * from there. A row is written after its file is synced, a file is removed after its row, so a row never
 * names a file that was not there; what a crash leaves behind is swept.
 *
 * Nobody counts references. A blob that no row refers to (`sent_files`, `files`, `documents`,
 * `data_requests`) is removed by the sweep once it is older than the sweep's bound: who puts a content
 * that is there already makes it young again, and so has that long to refer to it.
 *
 * Thread: any that may block. */
#ifndef CM_STORE_BLOBS_H
#define CM_STORE_BLOBS_H

#include "base/buf.h"
#include "store/store.h"

#define CM_BLOB_INLINE_MAX CM_KIB(256) /* stored bytes in a row; more go to a file */
#define CM_BLOB_BYTES_MAX  CM_MIB(64)  /* of a content given in memory; cm_blob_adopt takes any */
#define CM_BLOB_GRACE_MS   (INT64_C(3600) * 1000) /* the sweep's bound: time to refer to a blob */

typedef struct cm_blob_new {
    cm_uuid workspace_id;
    cm_str content;
    cm_str media_type; /* may be empty */
} cm_blob_new;

/* A content that is hashed, compressed and, when large, on disk: all that need not happen in a
 * transaction. The texts live in the arena given, or are the caller's own. */
typedef struct cm_blob_ready {
    cm_uuid workspace_id;
    char hash[65]; /* SHA-256 of the content, hexadecimal */
    uint64_t size; /* of the content, bytes */
    cm_str data;   /* as stored in the row; empty when it lies in a file, or is empty */
    cm_str location;
    cm_str media_type;
    bool compressed, in_file;
} cm_blob_ready;

/* First half of a put. Errors: CM_LIMIT, CM_NOMEM, CM_STORAGE_FULL, CM_IO. */
cm_rc cm_blob_prepare(const char *data_dir, const cm_blob_new *blob, cm_arena *arena,
                      cm_blob_ready *ret_ready, cm_err *err) cm_must_check;
/* Second half: the row, also inside a transaction with the row that refers to it. */
cm_rc cm_blob_record(const cm_db *system, const cm_blob_ready *ready, cm_uuid *ret_id,
                     cm_err *err) cm_must_check;
/* Both halves for one content. */
cm_rc cm_blob_put(const cm_db *system, const char *data_dir, const cm_blob_new *blob,
                  cm_uuid *ret_id, cm_err *err) cm_must_check;
/* Moves the finished file `path` (same file system as `data_dir`) into the store, whatever its size; on
 * success it is gone from where it was. For exports. */
cm_rc cm_blob_adopt(const cm_db *system, const char *data_dir, cm_uuid workspace_id,
                    const char *path, cm_str media_type, cm_uuid *ret_id,
                    cm_err *err) cm_must_check;

/* Appends the content to `out` and compares its hash. `db` may be a person's: another's is CM_NOT_FOUND.
 * Errors: CM_NOT_FOUND (row or file), CM_LIMIT (longer than `out` takes), CM_CORRUPT. */
cm_rc cm_blob_read(const cm_db *db, const char *data_dir, const cm_uuid *id, cm_buf *out,
                   cm_err *err) cm_must_check;
/* Copies the content to the file `path` (0600), whatever its size: it is there whole and with the right hash, or not
 * at all. Errors: CM_NOT_FOUND (row or file), CM_CORRUPT (also: a link, or a row that names another file). */
cm_rc cm_blob_copy(const cm_db *db, const char *data_dir, const cm_uuid *id, const char *path,
                   cm_err *err) cm_must_check;
/* Path of a content that lies in a file, to serve or map it; empty when it lies in its row. */
cm_rc cm_blob_path(const cm_db *db, const char *data_dir, const cm_uuid *id, cm_arena *arena,
                   cm_str *ret_path, cm_err *err) cm_must_check;

typedef struct cm_blobs_swept {
    uint64_t rows, files;
} cm_blobs_swept;

/* Removes what nobody refers to and was last put before `before_ms` (wall clock), files without a row,
 * and at once all files of workspaces that are gone. Can be cancelled and run again. */
cm_rc cm_blobs_sweep(const cm_db *system, const char *data_dir, int64_t before_ms,
                     cm_blobs_swept *ret_swept, cm_err *err) cm_must_check;

#endif
