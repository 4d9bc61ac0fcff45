/* repository_priv.h - inside of a repository, for the indexer and its jobs.
 *
 * An edit must be searchable within milliseconds whatever else goes on, so nothing slow happens under
 * a lock that a sync needs. In order of taking:
 *   reading  one reader of git's history at a time
 *   sync     one reader of changed files at a time: who reads later publishes later
 *   merging  one fold, flush or merge at a time: their sets of segments never overlap
 *   persist  manifests are written in order of their generation
 *   publish  the next snapshot is put together and exchanged; microseconds, no I/O
 *   lock     the fields below it; never held over I/O */
#ifndef CM_INDEX_LIVE_REPOSITORY_PRIV_H
#define CM_INDEX_LIVE_REPOSITORY_PRIV_H

#include "base/map.h"
#include "index/graph/graph_priv.h"
#include "index/graph/history.h"
#include "index/live/indexer.h"
#include "index/snapshot/snapshot_priv.h"
#include "rt/cancel.h"

#include <pthread.h>

#define CM_FILE_BYTES_DEFAULT ((size_t)500 * 1000)

struct cm_repository {
    atomic_uint refs;
    cm_uuid id;
    char *folder; /* <data>/index/<id> */
    cm_indexer_options environment;

    pthread_mutex_t reading, sync, merging, persist;
    _Atomic uint64_t next_segment;
    atomic_bool tidying;   /* a fold is queued or at work */
    atomic_bool following; /* a look at HEAD is queued */
    cm_cancel *stopping;   /* fired when the repository closes: nothing long may begin */
    cm_graph_base *graph_base;

    pthread_mutex_t publish;
    cm_map *synced; /* paths synced while a job runs: newer than what the job read */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *root;
    cm_arena *options_arena;
    cm_repository_options options;
    uint64_t options_hash;
    uint64_t indexed_options; /* hash the current snapshot was made with */
    cm_snapshot *snapshot;    /* NULL before the first */
    cm_history *history;      /* of the next snapshots; NULL before the first reading */
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
    const cm_snapshot *replaced; /* its disk segments go: a full job has read all files again */
    bool persist;                /* write the manifest; otherwise it only changes memory */
    bool respect_synced;         /* documents whose path was synced meanwhile are born dead */
    bool synced;                 /* this is a sync: a running job must not replace what it brings */
} cm_change;

/* Exchanges the snapshot and then writes the manifest. When that fails the new snapshot serves all the same, and
 * the next manifest has what this one would have had. */
cm_rc cm_repository_publish(cm_repository *repository, const cm_change *change,
                            cm_err *err) cm_must_check;
/* Numbers and opens a segment from a finished builder: on disk, or in memory. */
cm_rc cm_repository_seal(cm_repository *repository, cm_buf parts[CM_PART_KIND_COUNT], bool on_disk,
                         cm_segment **ret_segment, cm_err *err) cm_must_check;

/* ---- merge.c ---- */

/* Writes memory segments to disk, and the manifest. */
cm_rc cm_repository_flush(cm_repository *repository, cm_err *err) cm_must_check;
/* Few and small segments in memory keep searches quick: past the bounds they are folded, newest first, or written
 * to disk. On a worker when there is one, and never more than one at a time. */
void cm_repository_tidy(cm_repository *repository);
/* Merges small or mostly dead segments until the policy is content. */
cm_rc cm_repository_merge(cm_repository *repository, const cm_cancel *cancel,
                          cm_err *err) cm_must_check;

/* Compares the checksums of segments that were not checked when they were opened, and takes damaged ones out, so
 * that the job at whose start this happens reads their files again. */
cm_rc cm_repository_check(cm_repository *repository, const cm_cancel *cancel,
                          cm_err *err) cm_must_check;
/* Moves a damaged file or folder of the repository aside, to be looked at and never read again. */
void cm_repository_quarantine(const char *folder, const char *name);

/* ---- history_keep.c ---- */

/* What the folder has of a history, if anything; one that is torn is moved aside. */
void cm_repository_open_history(cm_repository *repository);
/* Brings it up to HEAD of the git repository around `root`, and publishes when anything changed. CM_CANCELLED. */
cm_rc cm_repository_read_history(cm_repository *repository, const char *root,
                                 const cm_cancel *cancel, cm_err *err) cm_must_check;
/* The same on a worker, after an edit: a commit or another branch may be what changed the files. */
void cm_repository_follow_history(cm_repository *repository);

/* ---- job.c ---- */

void *cm_repository_job(void *repository);

#endif
