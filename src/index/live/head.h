/* head.h - what is checked out in a tree.
 *
 * Thread: any that may block. */
#ifndef CM_INDEX_LIVE_HEAD_H
#define CM_INDEX_LIVE_HEAD_H

#include "base/path.h"

#define CM_HEAD_TEXT 65 /* hexadecimal digits of a commit, and NUL */

/* The commit that HEAD of the git repository around `root` names; false without one (no repository, no commit yet). */
bool cm_head_commit(const char *root, char ret_text[CM_HEAD_TEXT]);

/* Folder of the log that git keeps of HEAD, for a tree whose root is a work tree's; false without. */
bool cm_head_log_folder(const char *root, char ret_folder[2 * CM_PATH_BYTES_MAX]);

#endif
