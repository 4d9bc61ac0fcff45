/* record.h - what happened to a repository, written to its row and to those of its jobs.
 *
 * Called where nothing else can happen to the repository meanwhile, so what is written is in order. A database that
 * does not take it now gets it later, through its queue.
 *
 * Thread: any that may block. */
#ifndef CM_REPOSITORY_RECORD_H
#define CM_REPOSITORY_RECORD_H

#include "repository/registry.h"

#define CM_REPOSITORY_FORGOTTEN \
    "the index was deleted" /* index_error of a row that is not to be indexed unasked */

typedef struct cm_recorder {
    cm_store *store;
    cm_style_guide_fn *style_guide;
} cm_recorder;

/* The row of a job that begins; it is its repository's owner's. CM_DATABASE_UNAVAILABLE, CM_NOT_FOUND (the repository
 * has no row any more). */
cm_rc cm_record_job_begin(const cm_recorder *recorder, cm_repository *repository,
                          const cm_repository_job *job, cm_err *err) cm_must_check;
void cm_record_job_end(const cm_recorder *recorder, cm_repository *repository,
                       const cm_repository_job *job, const cm_index_progress *progress);
/* What the index holds now; a job that runs keeps its status. */
void cm_record_index(const cm_recorder *recorder, cm_repository *repository);
/* Style, packages and head alone, behind edits: what a job would write of them now. */
void cm_record_described(const cm_recorder *recorder, cm_index *index);
/* As if it had never been indexed. CM_DATABASE_UNAVAILABLE. */
cm_rc cm_record_forgotten(const cm_recorder *recorder, const cm_uuid *repository,
                          cm_err *err) cm_must_check;

#endif
