/* sent.h - the files of a repository without a tree: what clients sent, in the table `sent_files` and the
 * blobs it names (store/blobs.h).
 *
 * They are the truth behind that repository's index, as a directory is behind another's: a job lists and
 * reads them, so a damaged index, or one of an earlier format, is built again without asking the client.
 * What is sent becomes truth first and is indexed after; a crash in between is caught up with by the next job.
 *
 * Thread: any that may block; a batch has one owner. */
#ifndef CM_INDEX_LIVE_SENT_H
#define CM_INDEX_LIVE_SENT_H

#include "base/buf.h"
#include "index/live/index.h"
#include "index/live/walk.h"
#include "store/store.h"

typedef struct cm_sent {
    cm_store *store;      /* borrowed */
    const char *data_dir; /* borrowed; large contents lie below it */
} cm_sent;

/* Files that change together. Contents are stored as they are added; which path has which changes at the commit
 * alone, so that a batch that is given up leaves no trace but blobs to be swept. */
typedef struct cm_sent_batch cm_sent_batch;

/* CM_NOT_FOUND: no such repository. */
cm_rc cm_sent_begin(const cm_sent *sent, const cm_uuid *repository, cm_sent_batch **ret_batch,
                    cm_err *err) cm_must_check;
/* Of two contents of one path the later counts. `path` is checked by the caller. CM_STORAGE_FULL, CM_NOMEM,
 * CM_DATABASE_UNAVAILABLE. */
cm_rc cm_sent_add(cm_sent_batch *batch, cm_str path, cm_str content, cm_err *err) cm_must_check;
cm_rc cm_sent_drop(cm_sent_batch *batch, cm_str path, cm_err *err) cm_must_check;
/* In one transaction. With `replace` all files go that the batch did not add. CM_NOT_FOUND (the repository went
 * meanwhile), CM_DATABASE_UNAVAILABLE. */
cm_rc cm_sent_commit(cm_sent_batch *batch, bool replace, cm_err *err) cm_must_check;
/* The time its files have in the index, ns since 1970; whole milliseconds. */
int64_t cm_sent_time_ns(const cm_sent_batch *batch);
void cm_sent_free(cm_sent_batch *batch); /* NULL is allowed */

/* All files of the repository in order of path. CM_DATABASE_UNAVAILABLE, CM_NOMEM. */
cm_rc cm_sent_list(const cm_sent *sent, const cm_uuid *repository, cm_arena *arena,
                   cm_walk_result *ret_files, cm_err *err) cm_must_check;
/* CM_NOT_FOUND, CM_CORRUPT (the stored content is damaged), CM_LIMIT (more than `out` takes). */
cm_rc cm_sent_read(const cm_sent *sent, const cm_uuid *repository, cm_str path, cm_buf *out,
                   int64_t *ret_mtime_ns, cm_err *err) cm_must_check;

/* An index made when content lay in it alone: its files become truth. `*ret_behind` says that the index lacks
 * files, or has some that are no more, so that a job is wanted. CM_DATABASE_UNAVAILABLE, CM_STORAGE_FULL, CM_NOMEM. */
cm_rc cm_sent_adopt(const cm_sent *sent, cm_index *repository, bool *ret_behind,
                    cm_err *err) cm_must_check;

#endif
