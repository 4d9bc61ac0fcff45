/* watchdog.h - ends a process that was told to end and does not.
 *
 * Whatever may be stuck at the end (a disk, a library, a fault of ours), whoever sent SIGTERM is owed an end. What was
 * acknowledged is not at stake: the caller writes that down before it closes what may be stuck.
 *
 * Thread: start and stop from one thread; cm_watchdog_at from any. */
#ifndef CM_APP_WATCHDOG_H
#define CM_APP_WATCHDOG_H

#include "base/err.h"

typedef struct cm_watchdog cm_watchdog;

/* Unless it is stopped within `limit_ms`, the log says where the process is stuck and the process ends with status 1.
 * CM_IO: no thread to be had. */
cm_rc cm_watchdog_start(uint32_t limit_ms, cm_watchdog **ret_watchdog, cm_err *err) cm_must_check;
/* What is being done now, for the log: text that stays. NULL is allowed for the watchdog. */
void cm_watchdog_at(cm_watchdog *watchdog, const char *what);
void cm_watchdog_stop(cm_watchdog *watchdog); /* NULL is allowed */

#endif
