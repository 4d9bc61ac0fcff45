/* walk.h - the files of a tree that deserve to be indexed, in byte order of their paths.
 *
 * Skipped: what git's ignore rules exclude (nested .gitignore files in any tree; in a git repository also
 * .git/info/exclude and core.excludesFile, while tracked files always stay), version-control folders,
 * symbolic links (their targets are either in the tree anyway or outside it), devices, sockets and
 * pipes. Directories are opened without following links, so a link put there meanwhile leads nowhere.
 *
 * A directory that cannot be read is reported and passed over. Thread: any. */
#ifndef CM_INDEX_LIVE_WALK_H
#define CM_INDEX_LIVE_WALK_H

#include "base/arena.h"
#include "base/err.h"
#include "index/live/settings.h"
#include "rt/cancel.h"

typedef struct cm_walk_entry {
    cm_str path; /* relative to the root */
    uint64_t size;
    int64_t mtime_ns;
} cm_walk_entry;

typedef struct cm_walk_result {
    const cm_walk_entry *entries;
    size_t count;
    uint64_t bytes;
    const cm_str *directories; /* those looked into, the root (empty) included */
    size_t directory_count;
    size_t unreadable; /* directories passed over; each is in the log */
} cm_walk_result;

#define CM_WALK_FILES_MAX ((size_t)4 << 20)
#define CM_WALK_DEPTH_MAX 128

/* Only what lies at or below `below` (relative; empty = everything) is listed, with the same rules.
 * Errors: CM_NOT_FOUND or CM_DENIED (the root; a link leads to it now), CM_LIMIT (too many files), CM_CANCELLED,
 * CM_NOMEM. */
cm_rc cm_walk_run(const cm_index_settings *settings, cm_str below, const cm_cancel *cancel,
                  cm_arena *arena, cm_walk_result *ret_result, cm_err *err) cm_must_check;
/* The same for each of several paths, one after the other; what lies below two of them is listed twice.
 * Errors: any of cm_walk_run. */
cm_rc cm_walk_paths(const cm_index_settings *settings, cm_str_list below, const cm_cancel *cancel,
                    cm_arena *arena, cm_walk_result *ret_result, cm_err *err) cm_must_check;

#endif
