/* head.h - where git notes what is checked out in a tree.
 *
 * Thread: any that may block. */
#ifndef CM_INDEX_LIVE_HEAD_H
#define CM_INDEX_LIVE_HEAD_H

#include "base/path.h"

/* Folder of the log that git keeps of HEAD, for a tree whose root is a work tree's; false without. */
bool cm_head_log_folder(const char *root, char ret_folder[2 * CM_PATH_BYTES_MAX]);

#endif
