/* statistics.h - how the open repositories are doing, in numbers.
 *
 * Thread: any; nothing here waits for a job, the disk or the database. */
#ifndef CM_REPOSITORY_STATISTICS_H
#define CM_REPOSITORY_STATISTICS_H

#include "repository/indexer.h"

enum cm_edit_age { CM_EDIT_UNDER_1S, CM_EDIT_UNDER_10S, CM_EDIT_UNDER_60S, CM_EDIT_OLDER };
#define CM_EDIT_AGES (CM_EDIT_OLDER + 1)

/* A change that searches do not show yet is as old as the watcher knows it, or as the job that reads it. */
typedef struct cm_repositories_stats {
    size_t states[CM_REPOSITORY_GONE]; /* repositories, by enum cm_repository_state */
    size_t jobs_queued, jobs_running;  /* index jobs */
    size_t watched, polled,
        not_followed;            /* repositories, by how changes of their files are found */
    size_t edited[CM_EDIT_AGES]; /* repositories with such changes, by the age of the oldest */
    uint64_t oldest_edit_ms;     /* age of the oldest of all; 0 = there is none */
} cm_repositories_stats;

void cm_indexer_stats_get(cm_indexer *indexer, cm_repositories_stats *ret_stats);
/* Adds one repository's part. */
void cm_repository_add_stats(cm_repository *repository, cm_repositories_stats *stats);

#endif
