/* repository.h - one repository: its current snapshot and the job that renews it.
 *
 * Thread: any; ref-counted. */
#ifndef CM_INDEX_LIVE_REPOSITORY_H
#define CM_INDEX_LIVE_REPOSITORY_H

#include "base/err.h"
#include "base/uuid.h"
#include "index/snapshot/snapshot.h"

typedef struct cm_repository cm_repository;

typedef struct cm_repository_options {
    cm_str_list include;   /* globs (base/path.h) on relative paths; empty = all */
    cm_str_list exclude;   /* files and directories left out, after the ignore rules */
    size_t file_bytes_max; /* larger files are listed without content; 0 = 500 KB */
    bool no_ignore_files;  /* index what .gitignore excludes too */
    enum cm_chunk_strategy chunk_strategy;
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

const char *cm_index_status_name(enum cm_index_status status); /* "ready" */

cm_repository *cm_repository_ref(cm_repository *repository);
void cm_repository_unref(cm_repository *repository); /* NULL is allowed */

const cm_uuid *cm_repository_id(const cm_repository *repository);
/* Absolute path of the tree, copied into `arena`; empty when it has none. */
cm_str cm_repository_root(cm_repository *repository, cm_arena *arena);

/* True when the index was made with other options than it has now: the next job reads every file. */
bool cm_repository_is_outdated(cm_repository *repository);

/* Starts a job in the background. CM_CONFLICT when one is running already. */
cm_rc cm_repository_index(cm_repository *repository, enum cm_index_mode mode,
                          cm_err *err) cm_must_check;
/* Reads these files again (relative paths; a directory means all below it) and publishes them at once,
 * without walking the tree. Files that no longer exist leave the index. Waits until they can be
 * searched, a few milliseconds for a file. */
cm_rc cm_repository_sync(cm_repository *repository, cm_str_list paths, cm_err *err) cm_must_check;
/* The content of one file as an editor has it, not yet on disk; it holds until the next sync or job that
 * finds the file changed on disk. */
cm_rc cm_repository_sync_text(cm_repository *repository, cm_str path, cm_str text,
                              cm_err *err) cm_must_check;
/* The same for many files at once: searchers see all of them or none. A later change of a path replaces an
 * earlier one. A repository without a tree has its files from here alone, so there they are on disk
 * when this returns. */
typedef struct cm_text_change {
    cm_str path;
    cm_str text;
    bool is_removed; /* the file leaves the index; `text` is ignored */
} cm_text_change;
cm_rc cm_repository_sync_texts(cm_repository *repository, const cm_text_change *changes,
                               size_t count, cm_err *err) cm_must_check;
/* Asks a running job to stop; it does within a file. */
void cm_repository_cancel(cm_repository *repository);
/* CM_OK at once when no job runs; CM_TIMEOUT. The result of the job itself is in its progress. */
cm_rc cm_repository_wait(cm_repository *repository, uint64_t timeout_ms, cm_err *err) cm_must_check;
void cm_repository_progress(cm_repository *repository, cm_index_progress *ret_progress);

/* Called from the job's thread, at most ten times a second and once at the end. NULL = off. */
typedef void cm_index_progress_fn(void *argument, const cm_index_progress *progress);
void cm_repository_watch_progress(cm_repository *repository, cm_index_progress_fn *notify,
                                  void *argument);

/* A reference to the current snapshot, the caller's; NULL before the first one. */
cm_snapshot *cm_repository_snapshot(cm_repository *repository);

#endif
