/* repository.h - the life of one repository: what may be done with it now, and who does it.
 *
 *            index                    remove, forget, close
 *     open <-------> indexing    open, indexing -------> closing ---> gone
 *       ^------------------------------ forget -------------'
 *
 * One object a repository, one lock. A job, a sync and whatever else is at work is counted; nothing begins on what is
 * closing, and closing waits for all that is at work. Only open and indexing ones can be changed; what others
 * get is CM_CONFLICT (closing) or CM_NOT_FOUND (gone). Reading goes on: who holds a snapshot keeps it.
 *
 * Thread: any; ref-counted. */
#ifndef CM_REPOSITORY_REPOSITORY_H
#define CM_REPOSITORY_REPOSITORY_H

#include "index/live/index.h"

typedef struct cm_repository cm_repository;

enum cm_repository_state {
    CM_REPOSITORY_OPEN,
    CM_REPOSITORY_INDEXING, /* a job is admitted: about to begin, at work or being written down */
    CM_REPOSITORY_CLOSING,
    CM_REPOSITORY_GONE,
};

cm_repository *cm_repository_ref(cm_repository *repository);
void cm_repository_unref(cm_repository *repository); /* NULL is allowed */

const cm_uuid *cm_repository_id(const cm_repository *repository);
enum cm_repository_state cm_repository_state_of(cm_repository *repository);
/* True when it belongs to this workspace; of other members of it the rows know (cm_repositories_find). */
bool cm_repository_is_of(cm_repository *repository, const cm_uuid *workspace_id);
/* Absolute path of the tree, copied into `arena`; empty when it has none. */
cm_str cm_repository_root(cm_repository *repository, cm_arena *arena);
/* A reference to the current snapshot, the caller's; NULL before the first one. */
cm_snapshot *cm_repository_snapshot(cm_repository *repository);
/* cm_index_degraded of its index. */
const char *cm_repository_degraded(cm_repository *repository);
/* What becomes of its files that hold secrets: SKIP or REDACT. */
enum cm_secret_policy cm_repository_secrets(cm_repository *repository);
/* True when the index was made with other options than it has now: the next job reads every file. */
bool cm_repository_is_outdated(cm_repository *repository);

/* ---- jobs ---- */

/* Starts a job in the background. CM_CONFLICT when one is running already, or it is closing; CM_NOT_FOUND. */
cm_rc cm_repository_index(cm_repository *repository, enum cm_index_mode mode,
                          cm_err *err) cm_must_check;
/* Asks a running job that somebody asked for to stop; it does within a file. One that a watcher began goes on: nobody
 * else reads what it reads. */
void cm_repository_cancel(cm_repository *repository);
/* CM_OK at once when no job runs; CM_TIMEOUT. The result of the job itself is in its progress. */
cm_rc cm_repository_wait(cm_repository *repository, uint64_t timeout_ms, cm_err *err) cm_must_check;
void cm_repository_progress(cm_repository *repository, cm_index_progress *ret_progress);
/* `notify` is called from the job's thread, at most ten times a second and once at the end. NULL = off. */
void cm_repository_follow_progress(cm_repository *repository, cm_index_progress_fn *notify,
                                   void *argument);

/* ---- files ---- */

/* Errors: any of cm_index_sync and cm_index_sync_texts (index/live/index.h); CM_CONFLICT while it is being
 * deleted, CM_NOT_FOUND afterwards. */
cm_rc cm_repository_sync(cm_repository *repository, cm_str_list paths, cm_err *err) cm_must_check;
cm_rc cm_repository_sync_text(cm_repository *repository, cm_str path, cm_str text,
                              cm_err *err) cm_must_check;
cm_rc cm_repository_sync_texts(cm_repository *repository, const cm_text_change *changes,
                               size_t count, cm_err *err) cm_must_check;

#endif
