/* beneath.h - opening what lies in a tree, whatever somebody does to its directories meanwhile.
 *
 * A path is checked and then opened; in between a directory on the way can be exchanged for a link to somewhere else.
 * So a tree is held by a descriptor, and what lies in it is opened from there without following any link: by
 * openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) in one call, or component by component where the kernel has none
 * (before 5.6, or under a filter of system calls).
 *
 * Thread: any. */
#ifndef CM_BASE_BENEATH_H
#define CM_BASE_BENEATH_H

#include "base/err.h"
#include "base/str.h"

/* A descriptor of the directory `path` (absolute, links resolved earlier). CM_DENIED: a part of it is a link now, or it
 * may not be read; CM_NOT_FOUND and others of the system (file.h). */
cm_rc cm_beneath_tree(const char *path, int *ret_tree, cm_err *err) cm_must_check;
void cm_beneath_close(int tree); /* -1 is allowed */
/* open(2) of a path relative to `tree`, with O_CLOEXEC; -1 with errno: ELOOP or ENOTDIR where a link is in the way. The
 * path holds no "..". */
int cm_beneath_open(int tree, cm_str path, int flags);

/* The same where the kernel has no openat2. */
int cm_beneath_open_slowly(int tree, cm_str path, int flags);

#endif
