/* repository_priv.h - inside of a repository, for the indexer and its jobs.
 *
 * Two locks: `publish` is held by whoever makes a new snapshot (a job, a sync, a merge), also while it
 * writes the manifest; `lock` guards the fields below it and is never held over I/O. Order: publish
 * before lock. */
#ifndef CM_INDEX_REPOSITORY_PRIV_H
#define CM_INDEX_REPOSITORY_PRIV_H

#include "base/map.h"
#include "index/indexer.h"
#include "index/snapshot_priv.h"
#include "rt/cancel.h"

#include <pthread.h>

#define CM_FILE_BYTES_DEFAULT ((size_t)500 * 1000)

struct cm_repository {
    atomic_uint refs;
    cm_uuid id;
    char *folder; /* <data>/index/<id> */
    cm_indexer_options environment;

    pthread_mutex_t publish;
    uint64_t next_segment;
    cm_map *synced; /* paths synced while a job runs: newer than what the job read */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *root;
    cm_arena *options_arena;
    cm_repository_options options;
    uint64_t options_hash;
    uint64_t indexed_options; /* hash the current snapshot was made with */
    cm_snapshot *snapshot;    /* NULL before the first */
    cm_index_progress progress;
    bool running;  /* a job is pending or at work */
    bool joinable; /* its thread has not been joined */
    pthread_t thread;
    enum cm_index_mode mode;
    cm_cancel *cancel;      /* of the running job */
    struct cm_watch *watch; /* NULL = changes are not followed */
    cm_index_progress_fn *notify;
    void *notify_argument;
};

/* Opens what is in `folder`; an unreadable index is moved to quarantine and the repository starts empty.
 * `root` NULL = as in the manifest (CM_NOT_FOUND when there is none). */
cm_rc cm_repository_open(const char *folder, const cm_uuid *id, const char *root,
                         const cm_indexer_options *environment, cm_repository **ret_repository,
                         cm_err *err) cm_must_check;
cm_rc cm_repository_configure(cm_repository *repository, const char *root,
                              const cm_repository_options *options, cm_err *err) cm_must_check;
/* Cancels and joins the job, writes memory segments to disk. */
void cm_repository_stop(cm_repository *repository);

/* ---- publish.c ---- */

typedef struct cm_change {
    cm_segment *const *added; /* their documents replace older ones of the same path */
    size_t added_count;
    const cm_str *removed; /* paths that leave the index */
    size_t removed_count;
    cm_segment *const *dropped;     /* segments that `added` was merged from: nothing is replaced */
    cm_bitmap *const *dropped_dead; /* their dead documents when the merge began */
    size_t dropped_count;
    bool replace_all;    /* everything older goes (end of a full job) */
    bool persist;        /* write the manifest; otherwise it only changes memory */
    bool respect_synced; /* documents whose path was synced meanwhile are born dead */
} cm_change;

/* The caller holds `publish`. */
cm_rc cm_repository_publish(cm_repository *repository, const cm_change *change,
                            cm_err *err) cm_must_check;
/* Numbers and opens a segment from a finished builder: on disk, or in memory. The caller holds `publish`. */
cm_rc cm_repository_seal(cm_repository *repository, cm_buf parts[CM_PART_KIND_COUNT], bool on_disk,
                         cm_segment **ret_segment, cm_err *err) cm_must_check;
/* Writes memory segments and the manifest. The caller holds `publish`. */
cm_rc cm_repository_flush(cm_repository *repository, cm_err *err) cm_must_check;
/* Makes one memory segment of all. The caller holds `publish`. */
cm_rc cm_repository_fold(cm_repository *repository, cm_err *err) cm_must_check;
/* Merges small or mostly dead segments until the policy is content. */
cm_rc cm_repository_merge(cm_repository *repository, const cm_cancel *cancel,
                          cm_err *err) cm_must_check;

/* Compares the checksums of segments that were not checked when they were opened, and takes damaged ones out, so
 * that the job at whose start this happens reads their files again. */
cm_rc cm_repository_check(cm_repository *repository, const cm_cancel *cancel,
                          cm_err *err) cm_must_check;
/* Moves a damaged file or folder of the repository aside, to be looked at and never read again. */
void cm_repository_quarantine(const char *folder, const char *name);

/* ---- job.c ---- */

void *cm_repository_job(void *repository);

#endif
