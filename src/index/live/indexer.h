/* indexer.h - the repositories of one data directory and the jobs that index them.
 *
 * `<data>/index/<repository id>/` holds immutable segment folders and MANIFEST-<generation>, which
 * names the live ones (docs/design/index-format.md). Opening the indexer opens every repository
 * found there; no database is needed. At most one job runs for a repository; it reads the tree, parses what changed and
 * publishes a new snapshot in one step at each flush, so that readers see the old state or the new.
 *
 * A job that fails (disk full, root gone) or is cancelled leaves the last good snapshot in place.
 * After kill -9 the last good snapshot opens and the next job catches up: files whose size, time or
 * hash differ from the manifest are read again.
 *
 * Thread: any. The caller holds the lock of the data directory. */
#ifndef CM_INDEX_LIVE_INDEXER_H
#define CM_INDEX_LIVE_INDEXER_H

#include "base/err.h"
#include "index/live/repository.h"
#include "rt/pool.h"

typedef struct cm_parser_pool cm_parser_pool; /* code/parser.h */

typedef struct cm_tables cm_tables; /* index/tables/tables.h */

typedef struct cm_sent cm_sent; /* index/live/sent.h */

typedef struct cm_indexer_options {
    cm_parser_pool *parser; /* borrowed; NULL = every file is indexed as text by lines */
    cm_parser_pool
        *job_parser; /* borrowed; of jobs, whose workers may stand back; NULL = `parser` */
    cm_pool *pool; /* borrowed; files are analysed by background jobs. NULL = on the job's thread */
    cm_tables *tables;        /* borrowed; is told of every new snapshot. NULL = nobody is */
    const cm_sent *sent;      /* borrowed; files of repositories without a tree. NULL = the index
                                 alone has them */
    bool watch;               /* follow changes on disk (index/live/watch.h) */
    unsigned watch_poll_ms;   /* how often to look where the system allows no watch; 0 = a minute */
    unsigned threads;         /* files a job reads at a time; 0 = one more than the pool runs */
    unsigned history_commits; /* looked at for files that change together; 0 = CM_HISTORY_COMMITS */
    bool no_history;          /* git is not asked */
    size_t ram_bytes;         /* segment under construction before it is flushed; 0 = 256 MiB */
} cm_indexer_options;

typedef struct cm_indexer cm_indexer;

/* `data_dir` is made when missing. A repository whose manifest cannot be read is moved to
 * `quarantine/`, said in the log, and starts empty. */
cm_rc cm_indexer_open(const char *data_dir, const cm_indexer_options *options,
                      cm_indexer **ret_indexer, cm_err *err) cm_must_check;
/* Cancels running jobs, waits for them, closes all repositories. */
void cm_indexer_close(cm_indexer *indexer);

/* Adds the repository `id` with its tree at `root` (made absolute, links resolved; empty = it has none, its files are
 * sent by cm_repository_sync_texts), or returns the one already open.
 * A different root for a known id replaces the old one; the next job indexes the difference.
 * CM_NOT_FOUND, CM_DENIED (cannot read the directory), CM_INVALID (not a directory). */
cm_rc cm_indexer_add(cm_indexer *indexer, const cm_uuid *id, const char *root,
                     const cm_repository_options *options, cm_repository **ret_repository,
                     cm_err *err) cm_must_check;
/* NULL when there is none. The reference returned is the caller's: cm_repository_unref. */
cm_repository *cm_indexer_find(cm_indexer *indexer, const cm_uuid *id);
/* The repository whose root is `path` or the nearest one above it. */
cm_repository *cm_indexer_find_path(cm_indexer *indexer, cm_str path);
/* Writes at most `max` referenced repositories, by id; returns how many there are. */
size_t cm_indexer_list(cm_indexer *indexer, cm_repository **repositories, size_t max);
/* Cancels its job, closes it and deletes its folder. CM_NOT_FOUND. */
cm_rc cm_indexer_remove(cm_indexer *indexer, const cm_uuid *id, cm_err *err) cm_must_check;

#endif
