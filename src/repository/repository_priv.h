/* repository_priv.h - inside of a repository, for those who open, close and watch it. */
#ifndef CM_REPOSITORY_REPOSITORY_PRIV_H
#define CM_REPOSITORY_REPOSITORY_PRIV_H

#include "repository/indexer.h"
#include "repository/watcher.h"

#include <pthread.h>
#include <stdatomic.h>

struct cm_repository {
    atomic_uint refs;
    cm_uuid id;
    const cm_indexer_options *options; /* of the indexer, which outlives it */

    pthread_mutex_t lock; /* of what follows; never held over I/O */
    pthread_cond_t changed;
    enum cm_repository_state state;
    unsigned work;   /* jobs and syncs; closing waits until there are none */
    cm_index *index; /* exchanged while nothing is at work */
    cm_watcher *watcher;

    cm_repository_job job; /* admitted last */
    bool has_job;          /* ... and still at work */
    cm_cancel *cancel;     /* of it; NULL without */
    pthread_t thread;
    bool joinable;    /* its thread was started and has not been joined */
    bool owes;        /* a watcher's job did not come to its end, and none has since */
    cm_uuid asked_id; /* of the last job that somebody asked for; nil before */
    cm_uuid workspace_id, owner_id; /* as its row says; nil before that was read: nobody's */

    const cm_repository_witness *witness; /* NULL = nobody writes down what happens */
    cm_index_progress_fn *notify;
    void *notify_argument;
};

/* An open one, without a watcher. `root` NULL = as the index on disk says (CM_NOT_FOUND when there is none). */
cm_rc cm_repository_open(const cm_indexer_options *options, const char *folder, const cm_uuid *id,
                         const char *root, cm_repository **ret_repository,
                         cm_err *err) cm_must_check;
/* Root and options of the next job, and a watcher where one is wanted. Waits while it closes. CM_CONFLICT when a job
 * runs with others; CM_NOT_FOUND when it is gone. */
cm_rc cm_repository_configure(cm_repository *repository, const char *root,
                              const cm_repository_options *options, cm_err *err) cm_must_check;

/* Whatever job runs ends soon: the repository is about to close. */
void cm_repository_interrupt(cm_repository *repository);
/* CM_OK when nothing is at work any more and nothing can begin. Exactly one caller gets that; another one waits for
 * what becomes of it. CM_NOT_FOUND: it is gone. Then resume, empty, or cm_indexer_discard or
 * cm_indexer_shut must follow. */
cm_rc cm_repository_begin_closing(cm_repository *repository, cm_err *err) cm_must_check;
/* Open again, as it was. */
void cm_repository_resume(cm_repository *repository);
/* Open again with an index that is empty; also when the old one could not be deleted whole, which is said. */
cm_rc cm_repository_empty(cm_repository *repository, cm_err *err) cm_must_check;
/* The last step of cm_indexer_discard and cm_indexer_shut. */
void cm_repository_set_gone(cm_repository *repository);

/* Whose it is: what its row says. */
void cm_repository_set_owner(cm_repository *repository, const cm_uuid *workspace_id,
                             const cm_uuid *owner_id);
void cm_repository_owner(cm_repository *repository, cm_uuid *ret_owner_id);

/* The index as it is now, a reference. */
cm_index *cm_repository_index_ref(cm_repository *repository);
bool cm_repository_owes(cm_repository *repository);

#endif
