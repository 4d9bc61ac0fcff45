/* watcher.h - follows a tree on disk and keeps its index up to date (inotify(7)).
 *
 * Directories are watched, not files: those a walk looks into, so ignored ones cost nothing. A file counts when its
 * writer closes it or moves it in place, so half-written contents are not read. A few files are read in at
 * once; more are one change until two milliseconds pass without another. Hundreds (a branch switch), an
 * overflow of the kernel's queue and changed ignore rules start an incremental job instead, which looks at the
 * whole tree and watches it anew.
 *
 * A tree that is deleted or moved away is looked for twice a second, and whatever is at its path then is read and
 * watched anew.
 *
 * When the system's limit of watches or of watching processes is reached, that is said once, and the tree is
 * looked at every minute instead, until a look finds that all of it can be watched.
 *
 * Thread: one of its own; start and stop from any. */
#ifndef CM_REPOSITORY_WATCHER_H
#define CM_REPOSITORY_WATCHER_H

#include "repository/repository.h"

typedef struct cm_watcher cm_watcher;

/* The repository must outlive the watch. Starts with an incremental job when there is an index already:
 * what changed while nobody watched is found by it. `poll_ms`: how often to look where the system allows no watch; 0 =
 * a minute. CM_IO, CM_NOMEM. */
cm_rc cm_watcher_start(cm_repository *repository, unsigned poll_ms, cm_watcher **ret_watcher,
                       cm_err *err) cm_must_check;
/* It owes the index a look at the whole tree: its job gave way to another. Never waits. */
void cm_watcher_wake(cm_watcher *watcher);
void cm_watcher_stop(cm_watcher *watcher); /* NULL is allowed */

/* How often each thing happened; for tests and metrics. */
typedef struct cm_watcher_stats {
    uint64_t synced; /* batches read file by file */
    uint64_t jobs;   /* whole-tree jobs */
    uint64_t overflows;
    bool limited; /* too few watches: looking every minute */
    uint64_t
        waiting_since_ms; /* cm_clock_ms when the oldest change that is not read in yet was seen; 0 = none */
} cm_watcher_stats;

cm_watcher_stats cm_watcher_stats_get(cm_watcher *watcher);

#endif
