/* git.h - what a git repository tells about a tree. All of it is read in a child process.
 *
 * libgit2 trusts what it opens: a fifo in the place of `.git/config` blocks it for ever, a truncated loose
 * object makes it spin, and both are a clone or an unpacked archive away. So libgit2 runs in `codementor
 * git-worker`, one process a question, which may read files and nothing else (rt/child.h), with bounds on
 * memory and on time without progress. One that dies or overruns is killed; the question then has no
 * answer, which the log says once, and is not put again for a minute: the tree is indexed as one without
 * git, its history stays as it was. Questions, answers and bounds: docs/design/git-worker.md.
 *
 * Thread: any that may block; a question takes some 10 ms, at worst as long as its bound. */
#ifndef CM_INDEX_GIT_GIT_H
#define CM_INDEX_GIT_GIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "rt/cancel.h"

#define CM_GIT_HEAD_TEXT 65           /* hexadecimal digits of a commit, and NUL */
#define CM_GIT_WORKER    "git-worker" /* argv[1] of the child */

typedef struct cm_git cm_git;

/* The git of the tree at `root`, an absolute path. Nothing is opened yet. */
cm_git *cm_git_new(const char *root);
void cm_git_free(cm_git *git); /* NULL is allowed */

/* Where git's rules for the tree lie. */
typedef struct cm_git_rules {
    bool found;      /* false: no repository, or one that ignores the root: a tree by itself */
    cm_str top;      /* of the work tree, with a final '/' */
    cm_str common;   /* the repository's folder */
    cm_str excludes; /* core.excludesfile; may be empty */
} cm_git_rules;

/* Kept for ten seconds, unless `.git` at the root or the repository's config changes: an edit must not wait for a
 * process. CM_CANCELLED or CM_TIMEOUT (the token's), CM_NOMEM. A repository that cannot be read is none. */
cm_rc cm_git_rules_get(cm_git *git, const cm_cancel *cancel, cm_arena *arena,
                       cm_git_rules *ret_rules, cm_err *err) cm_must_check;
/* The next question about rules is put: for jobs over the whole tree. */
void cm_git_forget(cm_git *git);
/* Paths of git's index, relative to the top of the work tree, in byte order. CM_CANCELLED or CM_TIMEOUT (the token's),
 * CM_NOMEM. */
cm_rc cm_git_tracked(cm_git *git, const cm_cancel *cancel, cm_arena *arena, cm_str_list *ret_paths,
                     cm_err *err) cm_must_check;
/* Is `path` in such a list, or with a final '/' something below it? */
bool cm_git_is_tracked(cm_str_list tracked, cm_str path);
/* The commit that HEAD names; false without one (no repository, no commit yet, or it cannot be read). */
bool cm_git_head(cm_git *git, char ret_text[CM_GIT_HEAD_TEXT]);

typedef struct cm_git_history_options {
    uint32_t commits;     /* to look at, merges included; 0 = CM_HISTORY_COMMITS */
    const char *old_path; /* the file of what is known already; NULL = nothing */
    const cm_cancel *cancel;
} cm_git_history_options;

/* The bytes of the history of HEAD (index/graph/history.h), for cm_history_take. `*ret_known` is true, and nothing
 * written, when the old one has it all. CM_IO: the repository cannot be read, which the log has said;
 * CM_CANCELLED or CM_TIMEOUT (the token's), CM_NOMEM, CM_LIMIT. */
cm_rc cm_git_history(cm_git *git, const cm_git_history_options *options, cm_buf *out,
                     bool *ret_known, cm_err *err) cm_must_check;

/* The child's main; returns its exit status. */
int cm_git_worker_main(int argc, char **argv);

#endif
