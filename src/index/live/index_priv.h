/* index_priv.h - inside of an index, for what changes it.
 *
 * An edit must be searchable within milliseconds whatever else goes on, so nothing slow happens under
 * a lock that a sync needs. In order of taking:
 *   checking one reader of checksums at a time
 *   reading  one reader of git's history at a time
 *   sync     one reader of changed files at a time: who reads later publishes later; a job begins under it
 *   merging  one fold, flush or merge at a time: their sets of segments never overlap
 *   persist  manifests are written in order of their generation
 *   publish  the next snapshot is put together and exchanged; microseconds, no I/O
 *   lock     the fields below it; never held over I/O */
#ifndef CM_INDEX_LIVE_INDEX_PRIV_H
#define CM_INDEX_LIVE_INDEX_PRIV_H

#include "base/map.h"
#include "index/graph/graph_priv.h"
#include "index/graph/history.h"
#include "index/live/index.h"
#include "index/live/settings.h"
#include "index/snapshot/snapshot_priv.h"
#include "rt/cancel.h"

#include <pthread.h>

struct cm_index {
    atomic_uint refs;
    cm_uuid id;
    char *folder; /* <data>/index/<id> */
    cm_index_environment environment;

    pthread_mutex_t checking, reading, sync, merging, persist;
    _Atomic uint64_t next_segment;
    atomic_bool tidying;   /* a compaction of memory is queued or at work */
    atomic_bool following; /* a look at HEAD is queued */
    cm_cancel *stopping;   /* fired when the index closes: nothing long may begin */
    cm_graph_base *graph_base;

    pthread_mutex_t publish;
    cm_map *synced; /* what syncs looked at while a job runs: newer than what the job read */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    cm_index_settings *settings; /* of the next job or sync */
    bool is_configured;          /* else they are defaults, until the first that are given */
    uint64_t indexed_options;    /* hash the current snapshot was made with */
    cm_snapshot *snapshot;       /* NULL before the first */
    cm_history *history;         /* of the next snapshots; NULL before the first reading */
    cm_index_progress progress;
    bool running;           /* a job is at work */
    bool damaged;           /* files are missing, and no job has begun since that was known */
    bool healing;           /* the job at work brings them back */
    uint64_t heal_after_ms; /* monotonic: a job that could not is not tried again before */
    unsigned tasks;         /* of ours in the pool */
};

/* ---- tasks beside jobs and syncs: counted, so that closing can wait for them ---- */

/* `task` runs in the pool with the index as its argument, or at once where there is no pool, and ends with
 * cm_index_task_end. False: it did not start, because the queue is full or the index closes. */
bool cm_index_task_start(cm_index *index, cm_job_fn *task) cm_must_check;
void cm_index_task_end(cm_index *index);

/* ---- publish.c ---- */

typedef struct cm_change {
    cm_segment *const *added; /* their documents replace older ones of the same path */
    size_t added_count;
    const cm_str *removed; /* paths that leave the index */
    size_t removed_count;
    cm_segment *const *dropped;     /* segments that `added` was merged from: nothing is replaced */
    cm_bitmap *const *dropped_dead; /* their dead documents when the merge began */
    size_t dropped_count;
    cm_str_list covered;         /* at and below these paths ... */
    const cm_map *found;         /* ... there is nothing but this; NULL = they were not looked at */
    const cm_snapshot *replaced; /* its disk segments go: a full job has read all files again */
    bool persist;                /* write the manifest; otherwise it only changes memory */
    bool respect_synced;         /* documents at or below what was synced meanwhile are born dead */
    bool synced; /* this is a sync: a running job must not replace what it says of `covered` */
} cm_change;

/* Exchanges the snapshot and then writes the manifest. When that fails the new snapshot serves all the same, and
 * the next manifest has what this one would have had. */
cm_rc cm_index_publish(cm_index *repository, const cm_change *change, cm_err *err) cm_must_check;
/* That there is a new snapshot, to who was named when the index was opened. */
void cm_index_tell(cm_index *index, enum cm_index_news news);
/* Numbers and opens a segment from a finished builder: on disk, or in memory. */
cm_rc cm_index_seal(cm_index *repository, cm_buf parts[CM_PART_KIND_COUNT], bool on_disk,
                    cm_segment **ret_segment, cm_err *err) cm_must_check;

/* ---- merge.c ---- */

/* Writes memory segments to disk, and the manifest. */
cm_rc cm_index_flush(cm_index *repository, cm_err *err) cm_must_check;
/* Few and small segments in memory keep searches quick: past the bounds they are folded, newest first, or written
 * to disk. On a worker when there is one, and never more than one at a time. */
void cm_index_tidy(cm_index *repository);
/* Merges small or mostly dead segments until the policy is content. */
cm_rc cm_index_merge(cm_index *repository, const cm_cancel *cancel, cm_err *err) cm_must_check;

/* Files are missing: said in memory, and by a file in the folder, so that a restart knows it too. */
void cm_index_mark_damaged(cm_index *index);
bool cm_index_is_marked(const char *folder);
/* A job is over. */
void cm_index_end_healing(cm_index *index, bool succeeded);
/* The snapshot a job begins with: what was known to be missing by now is its to bring back. May be NULL. */
cm_snapshot *cm_index_begin_healing(cm_index *index);
/* Moves a damaged file or folder of the repository aside, to be looked at and never read again. */
void cm_index_quarantine(const char *folder, const char *name);

/* ---- history_keep.c ---- */

/* What the folder has of a history, if anything; one that is torn is moved aside. */
void cm_index_open_history(cm_index *repository);
/* Brings it up to HEAD of the repository `git`, and publishes when anything changed. CM_CANCELLED. */
cm_rc cm_index_read_history(cm_index *repository, cm_git *git, const cm_cancel *cancel,
                            cm_err *err) cm_must_check;
/* The same on a worker, after an edit: a commit or another branch may be what changed the files. */
void cm_index_follow_history(cm_index *repository);

#endif
