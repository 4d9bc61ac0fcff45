/* cursor.h - opaque page cursors: where the last page ended, for which list, until when.
 *
 * Bound to the operation and checked by a keyed hash whose key lives as long as the process: a cursor of
 * another list, of another day, or made up is refused, and after a restart a client starts again.
 *
 * Thread: any. */
#ifndef CM_API_CURSOR_H
#define CM_API_CURSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"

/* `last` names the last item shown: a number or a UUID, any text without a dot. */
cm_str cm_cursor_make(cm_str last, const char *op, cm_arena *arena);
/* CM_INVALID_CURSOR. `*ret_last` is borrowed from `cursor`. */
cm_rc cm_cursor_read(cm_str cursor, const char *op, cm_str *ret_last, cm_err *err) cm_must_check;
/* The same for lists by id; an empty cursor is the first page and leaves `*ret_last` as it is.
 * CM_INVALID_CURSOR. */
cm_rc cm_cursor_read_id(cm_str cursor, const char *op, cm_uuid *ret_last,
                        cm_err *err) cm_must_check;

#endif
