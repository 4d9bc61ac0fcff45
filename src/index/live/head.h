/* head.h - what is checked out in a tree.
 *
 * Thread: any that may block. */
#ifndef CM_INDEX_LIVE_HEAD_H
#define CM_INDEX_LIVE_HEAD_H

#include "base/str.h"

#define CM_HEAD_TEXT 65 /* hexadecimal digits of a commit, and NUL */

/* The commit that HEAD of the git repository around `root` names; false without one (no repository, no commit yet). */
bool cm_head_commit(const char *root, char ret_text[CM_HEAD_TEXT]);

#endif
