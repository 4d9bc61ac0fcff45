/* hook_script.h - the text of our git hooks, and telling them from others.
 *
 * Thread: any. */
#ifndef CM_APP_HOOK_SCRIPT_H
#define CM_APP_HOOK_SCRIPT_H

#include "base/buf.h"

#define CM_HOOK_KEPT ".before-codementor" /* behind the name of a hook that was there before */

extern const char *const cm_hook_names[]; /* NULL-terminated */

/* The script for hook `name`, which calls `program` with this data directory. */
void cm_hook_script(const char *name, const char *program, const char *data_dir, cm_buf *out);
bool cm_hook_is_ours(cm_str text);

#endif
