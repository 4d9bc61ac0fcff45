/* watch.h - follows a tree on disk and keeps its index up to date (inotify(7)).
 *
 * Directories are watched, not files: those a walk looks into, so ignored ones cost nothing. A file counts when its
 * writer closes it or moves it in place, so half-written contents are not read. A few files are read in at
 * once; more are one change until two milliseconds pass without another. Hundreds (a branch switch), an
 * overflow of the kernel's queue and changed ignore rules start an incremental job instead, which looks at the
 * whole tree and watches it anew.
 *
 * When the system's limit of watches or of watching processes is reached, that is said once, and the tree is
 * looked at every minute instead, until a look finds that all of it can be watched.
 *
 * Thread: one of its own; start and stop from any. */
#ifndef CM_INDEX_LIVE_WATCH_H
#define CM_INDEX_LIVE_WATCH_H

#include "index/live/repository.h"

typedef struct cm_watch cm_watch;

/* The repository must outlive the watch. Starts with an incremental job when there is an index already:
 * what changed while nobody watched is found by it. CM_IO, CM_NOMEM. */
cm_rc cm_watch_start(cm_repository *repository, cm_watch **ret_watch, cm_err *err) cm_must_check;
void cm_watch_stop(cm_watch *watch); /* NULL is allowed */

/* How often each thing happened; for tests and metrics. */
typedef struct cm_watch_stats {
    uint64_t synced; /* batches read file by file */
    uint64_t jobs;   /* whole-tree jobs */
    uint64_t overflows;
    bool limited; /* too few watches: looking every minute */
} cm_watch_stats;

cm_watch_stats cm_watch_stats_get(cm_watch *watch);

#endif
