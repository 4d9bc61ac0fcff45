/* history_read.h - reading a history from git's objects, by libgit2: in a git worker, and in tests and probes.
 *
 * Thread: one at a time for one reading; nothing is shared between two. */
#ifndef CM_INDEX_GIT_HISTORY_READ_H
#define CM_INDEX_GIT_HISTORY_READ_H

#include "index/graph/history_priv.h"

#include <git2.h>

typedef struct cm_history_options {
    uint32_t commits;      /* to look at, merges included; 0 = CM_HISTORY_COMMITS */
    const cm_history *old; /* what is known of commits already; NULL = nothing */
    const cm_cancel *cancel;
    atomic_uint *beat; /* counted up with each commit; may be NULL */
} cm_history_options;

/* The bytes of the history of HEAD below `root`, an absolute path of a directory. What cannot be read is left out.
 * `*ret_known` is true, and nothing written, when `old` has it all. CM_CANCELLED, CM_NOMEM, CM_LIMIT. */
cm_rc cm_history_read(const char *root, const cm_history_options *options, cm_buf *out,
                      bool *ret_known, cm_err *err) cm_must_check;

/* Bounds what libgit2 keeps and maps, for the whole process; after git_libgit2_init. */
void cm_git_limit(void);

/* ---- history_diff.c ---- */

typedef struct cm_history_difference {
    cm_str path;
    cm_str old_path; /* empty unless renamed */
    git_oid before;  /* zero = it was not there */
    git_oid after;   /* zero = it is gone */
    bool is_paired;  /* a deletion that turned out to be one side of a rename */
} cm_history_difference;

typedef struct cm_history_differ {
    git_repository *git;
    git_odb *odb;
    cm_arena *arena;       /* of the commit at hand */
    uint64_t entries_left; /* of trees that may still be looked at */
    CM_VEC(cm_history_difference) items;
    bool is_incomplete; /* an object is missing, damaged or too large */
    bool is_exhausted;  /* so is `entries_left`: nothing more can be read */
    bool is_endless;    /* more than CM_HISTORY_RENAMES_MAX changes: it was left there */
} cm_history_differ;

/* Files that differ between two trees (NULL = empty), by name. CM_NOMEM. */
cm_rc cm_history_diff(cm_history_differ *d, const git_tree *before, const git_tree *after,
                      cm_err *err) cm_must_check;
/* Pairs deletions with additions of the same content, and in small commits with similar ones. */
void cm_history_pair_renames(cm_history_differ *d);
/* NULL when it is missing, damaged, no tree, or larger than anybody's. */
git_tree *cm_history_tree(cm_history_differ *d, const git_oid *id);
bool cm_history_is_small(cm_history_differ *d, const git_oid *id, size_t bytes_max);

#endif
