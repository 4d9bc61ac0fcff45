/* index.h - the index of one repository: its files on disk, its current snapshot, and how both change.
 *
 * `<data>/index/<repository id>/` holds immutable segment folders and MANIFEST-<generation>, which names the live
 * ones (docs/design/index-format.md). A job reads the tree, parses what changed and publishes a new snapshot in one
 * step at each flush, so that readers see the old state or the new. One that fails (disk full, root gone) or is
 * cancelled leaves the last good snapshot in place. After kill -9 the last good snapshot opens and the next job
 * catches up: files whose size, time or hash differ from the manifest are read again.
 *
 * When a job may run, and what closes the index, is decided above (repository/repository.h).
 *
 * Thread: any; ref-counted. */
#ifndef CM_INDEX_LIVE_INDEX_H
#define CM_INDEX_LIVE_INDEX_H

#include "base/err.h"
#include "base/uuid.h"
#include "code/secrets.h"
#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"
#include "rt/compute.h"
#include "rt/pool.h"

typedef struct cm_index cm_index;

typedef struct cm_parser_pool cm_parser_pool; /* code/parser.h */

typedef struct cm_sent cm_sent; /* index/live/sent.h */

enum cm_index_news {
    CM_INDEX_OPENED,  /* what an earlier process left serves */
    CM_INDEX_CHANGED, /* a new snapshot serves, or a job has ended */
};

/* On the thread that opened or published; must not wait. */
typedef void cm_index_published_fn(void *argument, cm_index *index, enum cm_index_news news);

typedef struct cm_index_environment {
    cm_parser_pool *parser; /* borrowed; NULL = every file is indexed as text by lines */
    cm_parser_pool
        *job_parser;     /* borrowed; of jobs, whose workers may stand back; NULL = `parser` */
    cm_pool *pool;       /* borrowed; files are analysed by background jobs. NULL = on the job's
                            thread */
    cm_compute *compute; /* borrowed; jobs ask it before each file. NULL = they never wait */
    const cm_sent *sent; /* borrowed; files of repositories without a tree. NULL = the index alone
                            has them */
    unsigned threads;    /* files a job reads at a time; 0 = one more than the pool runs */
    unsigned history_commits; /* looked at for files that change together; 0 = CM_HISTORY_COMMITS */
    bool no_history;          /* git is not asked */
    enum cm_secret_policy secrets; /* of those whose options leave it open */
    size_t ram_bytes;   /* segment under construction before it is flushed; 0 = 256 MiB */
    size_t check_bytes; /* of files that are checked while they are opened; 0 = 32 MiB */
    cm_index_published_fn *on_published; /* NULL = nobody is told */
    void *published_argument;
} cm_index_environment;

typedef struct cm_repository_options {
    cm_str_list include;   /* globs (base/path.h) on relative paths; empty = all */
    cm_str_list exclude;   /* files and directories left out, after the ignore rules */
    size_t file_bytes_max; /* larger files are listed without content; 0 = 500 KB */
    bool no_ignore_files;  /* index what .gitignore excludes too */
    enum cm_chunk_strategy chunk_strategy;
    enum cm_secret_policy secrets; /* of files that hold secrets; one that `include` names without a
                                      wildcard is indexed as it is */
} cm_repository_options;

enum cm_index_mode {
    CM_INDEX_INCREMENTAL, /* unchanged files (size, time) are not read again */
    CM_INDEX_FULL,        /* every file is read; the old snapshot serves until the end */
};

enum cm_index_status {
    CM_INDEX_CREATED, /* never indexed */
    CM_INDEX_PENDING,
    CM_INDEX_INDEXING,
    CM_INDEX_READY,
    CM_INDEX_ERROR, /* the last job failed; an older snapshot may still answer */
};

/* The share of a job's time that goes into reading and parsing; the rest builds and writes the segments. Measured on
 * 1,464 files of Go: .81 to .82. The rest is seen at half and at its end only, so a little more counts for reading. */
#define CM_PROGRESS_READING 0.85

typedef struct cm_index_progress {
    enum cm_index_status status;
    bool cancelled;         /* the last job was stopped on request */
    uint64_t files_total;   /* 0 until the walk is complete */
    uint64_t files_indexed; /* done in this job, unchanged ones included */
    uint64_t files_unchanged;
    uint64_t files_failed; /* unreadable, or parsed as text because the parser gave up */
    uint64_t bytes_total, bytes_indexed;
    uint64_t work_total; /* bytes to be read and a little for each file; unchanged ones take none */
    uint64_t work_read, work_written;
    double progress;                 /* 0..1, by work: reading is CM_PROGRESS_READING of it */
    int64_t started_ms;              /* wall clock; 0 = never */
    int64_t finished_ms;             /* 0 while running */
    int64_t estimated_completion_ms; /* wall clock; 0 = unknown */
    cm_err error;                    /* error.rc is CM_OK unless status is CM_INDEX_ERROR */
} cm_index_progress;

/* Opens what is in `folder`; an unreadable index is moved to quarantine and the index starts empty.
 * `root` NULL = as in the manifest (CM_NOT_FOUND when there is none). */
cm_rc cm_index_open(const char *folder, const cm_uuid *id, const char *root,
                    const cm_index_environment *environment, cm_index **ret_index,
                    cm_err *err) cm_must_check;
/* Once no job and no sync runs: ends what goes on beside them and writes what lies in memory to disk. */
void cm_index_close(cm_index *index);
/* The same, but the snapshot goes, and the folder with all that is in it. Readers keep what they hold. CM_DENIED,
 * CM_IO: something in it cannot be deleted. */
cm_rc cm_index_delete(cm_index *index, cm_err *err) cm_must_check;
/* Folders of segments are deleted by number with their last reader, so an index that takes the place of a deleted
 * one goes on counting. */
uint64_t cm_index_next_segment(cm_index *index);
void cm_index_skip_segments(cm_index *index, uint64_t next);
cm_index *cm_index_ref(cm_index *index);
void cm_index_unref(cm_index *index); /* NULL is allowed */

const cm_uuid *cm_index_id(const cm_index *index);
const char *cm_index_folder(const cm_index *index);
/* Absolute path of the tree, copied into `arena`; empty when it has none. */
cm_str cm_index_root(cm_index *index, cm_arena *arena);
/* A reference to the current snapshot, the caller's; NULL before the first one. */
cm_snapshot *cm_index_snapshot(cm_index *index);

/* Of the next job and sync; never while a job runs. `options` NULL = the defaults. */
void cm_index_configure(cm_index *index, const char *root, const cm_repository_options *options);
/* Whether that would change anything. */
bool cm_index_is_configured(cm_index *index, const char *root,
                            const cm_repository_options *options);
/* True when the index was made with other options than it has now: the next job reads every file. */
bool cm_index_is_outdated(cm_index *index);

/* An index that was made under other options may hold secrets (code/secrets.h): they leave it now, before anybody asks,
 * and the next job reads all files under the new options. One made under these options is left alone. CM_NOMEM. */
cm_rc cm_index_withhold(cm_index *index, cm_err *err) cm_must_check;

/* ---- damage ---- */

/* Compares the checksums of segments that were not checked when they were opened, and takes damaged ones out, also
 * those whose files were cut short since. The next job reads their files again. CM_CANCELLED, CM_NOMEM, and those of
 * writing. */
cm_rc cm_index_check(cm_index *index, const cm_cancel *cancel, cm_err *err) cm_must_check;
/* Files are missing because of damage, and it is time for a job. */
bool cm_index_needs_job(cm_index *index);
/* Why answers may be incomplete or wrong: damage that is not mended yet, or checksums that are not compared yet. NULL:
 * they are whole. */
const char *cm_index_degraded(cm_index *index);

/* ---- jobs ---- */

/* Called from the job's thread, at most ten times a second. */
typedef void cm_index_progress_fn(void *argument, const cm_index_progress *progress);

typedef struct cm_index_job {
    enum cm_index_mode mode;
    cm_cancel *cancel;
    cm_index_progress_fn *notify; /* NULL = nobody is told */
    void *argument;
} cm_index_job;

/* The next job's progress begins: pending. */
void cm_index_job_begin(cm_index *index);
/* Runs it on this thread, one at a time. Its progress says neither how it ended nor that it did: who started it writes
 * down the outcome first, and then makes it known. */
void cm_index_job_run(cm_index *index, const cm_index_job *job);
/* `failed` NULL = it ran. */
void cm_index_job_outcome(cm_index *index, const cm_err *failed, cm_index_progress *ret_outcome);
void cm_index_job_end(cm_index *index, const cm_index_progress *outcome);
void cm_index_job_progress(cm_index *index, cm_index_progress *ret_progress);

/* HEAD of the tree's git repository has moved: its history is looked at, and who is told of snapshots is told. */
void cm_index_head_moved(cm_index *index);

/* ---- files ---- */

/* Reads these files again (relative paths; a directory means all below it) and publishes them at once,
 * without walking the tree. Files that no longer exist leave the index. Waits until they can be
 * searched, a few milliseconds for a file. CM_INVALID (it has no tree, or a path leaves it),
 * CM_LIMIT, CM_NOMEM, CM_STORAGE_FULL. */
cm_rc cm_index_sync(cm_index *index, cm_str_list paths, cm_err *err) cm_must_check;
/* The content of files as editors have them, not yet on disk: searchers see all of them or none. It holds until the
 * next sync or job that finds the file changed on disk. A later change of a path replaces an earlier one. An index
 * without a tree has its files from here alone, so there they are on disk when this returns. */
typedef struct cm_text_change {
    cm_str path;
    cm_str text;
    bool is_removed; /* the file leaves the index; `text` is ignored */
} cm_text_change;
/* CM_INVALID (a path that leaves the tree), CM_LIMIT, CM_NOMEM, CM_STORAGE_FULL. */
cm_rc cm_index_sync_texts(cm_index *index, const cm_text_change *changes, size_t count,
                          cm_err *err) cm_must_check;

#endif
