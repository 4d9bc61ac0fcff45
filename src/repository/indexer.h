/* indexer.h - the open repositories of one data directory.
 *
 * Opening it opens every repository found in `<data>/index/`; no database is needed. At most one object stands for a
 * repository at any time: one that closes is waited for before it is opened again.
 *
 * Thread: any. The caller holds the lock of the data directory. */
#ifndef CM_REPOSITORY_INDEXER_H
#define CM_REPOSITORY_INDEXER_H

#include "repository/repository.h"

enum cm_job_origin {
    CM_JOB_ASKED,   /* by a client, or the command line */
    CM_JOB_WATCHED, /* by a watcher that saw changes */
};

typedef struct cm_repository_job {
    cm_uuid id;
    enum cm_index_mode mode;
    enum cm_job_origin origin;
} cm_repository_job;

/* Who writes down what happens to repositories. Called while the repository is `indexing` and nobody else can start
 * a job, so that what is written is in order. */
typedef struct cm_repository_witness {
    /* Before the job begins; an error means that it does not. */
    cm_rc (*job_begins)(void *argument, cm_repository *repository, const cm_repository_job *job,
                        cm_err *err);
    /* Its outcome is in `error` and `cancelled`. Also for a job that was admitted and could not be started. */
    void (*job_ended)(void *argument, cm_repository *repository, const cm_repository_job *job,
                      const cm_index_progress *progress);
    void *argument;
} cm_repository_witness;

typedef struct cm_indexer_options {
    cm_index_environment index;
    bool watch;             /* follow changes on disk (repository/watcher.h) */
    bool heal;              /* see to damage unasked (repository/caretaker.h) */
    unsigned watch_poll_ms; /* how often to look where the system allows no watch; 0 = a minute */
} cm_indexer_options;

typedef struct cm_indexer cm_indexer;

/* `data_dir` is made when missing. A repository whose manifest cannot be read is moved to
 * `quarantine/`, said in the log, and starts empty. CM_DENIED, CM_STORAGE_FULL, CM_IO (the directory), CM_NOMEM. */
cm_rc cm_indexer_open(const char *data_dir, const cm_indexer_options *options,
                      cm_indexer **ret_indexer, cm_err *err) cm_must_check;
/* Cancels running jobs, waits for them, closes all repositories. */
void cm_indexer_close(cm_indexer *indexer);
/* Before the first repository is added; borrowed until the indexer is closed. */
void cm_indexer_set_witness(cm_indexer *indexer, const cm_repository_witness *witness);

/* Adds the repository `id` with its tree at `root` (made absolute, links resolved; empty = it has none, its files are
 * uploaded through cm_repository_sync_texts), or returns the one already open.
 * A different root for a known id replaces the old one; the next job indexes the difference.
 * CM_NOT_FOUND, CM_DENIED (the directory cannot be read, or the known root is a link now), CM_INVALID (not a
 * directory), CM_CONFLICT (a job runs with another root or other options). */
cm_rc cm_indexer_add(cm_indexer *indexer, const cm_uuid *id, const char *root,
                     const cm_repository_options *options, cm_repository **ret_repository,
                     cm_err *err) cm_must_check;
/* Whether any index is damaged, or not checked yet, as far as was seen last; does not wait. */
bool cm_indexer_is_degraded(const cm_indexer *indexer);
/* NULL when there is none. The reference returned is the caller's: cm_repository_unref. */
cm_repository *cm_indexer_find(cm_indexer *indexer, const cm_uuid *id);
/* The repository of this workspace (NULL = of any) whose root is `path` or the nearest one above it. */
cm_repository *cm_indexer_find_path(cm_indexer *indexer, const cm_uuid *workspace_id, cm_str path);
/* The repository of this workspace when there is exactly one. */
cm_repository *cm_indexer_find_only(cm_indexer *indexer, const cm_uuid *workspace_id);
/* Writes at most `max` referenced repositories, by id; returns how many there are. */
size_t cm_indexer_list(cm_indexer *indexer, cm_repository **repositories, size_t max);
/* Cancels its job, closes it and deletes its folder. CM_NOT_FOUND. */
cm_rc cm_indexer_remove(cm_indexer *indexer, const cm_uuid *id, cm_err *err) cm_must_check;

/* The last step of closing one (repository_priv.h): out of the list, then gone. Errors: any of cm_index_delete. */
cm_rc cm_indexer_discard(cm_indexer *indexer, cm_repository *repository, cm_err *err) cm_must_check;
void cm_indexer_shut(cm_indexer *indexer, cm_repository *repository);

/* Starts a job and says which. Errors: any of cm_repository_index. */
cm_rc cm_repository_start(cm_repository *repository, enum cm_index_mode mode,
                          enum cm_job_origin origin, cm_uuid *ret_job, cm_err *err) cm_must_check;
/* The job somebody asked for last; false when this process started none. */
bool cm_repository_asked_job(cm_repository *repository, cm_uuid *ret_job);

#endif
