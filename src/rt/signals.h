/* signals.h - SIGTERM, SIGINT and SIGHUP as a call on an ordinary thread; write faults as errors.
 *
 * The first SIGTERM or SIGINT asks for a drain, the second says "at once"; SIGHUP asks for the settings to
 * be read again. The callback runs on a thread of its own, so it may lock, log and block; no code of
 * ours runs inside a signal handler.
 *
 * Thread: cm_signals_new from main before any other thread is started (the blocked mask is
 * inherited; child.h gives children a clean one). One instance per process. */
#ifndef CM_RT_SIGNALS_H
#define CM_RT_SIGNALS_H

#include "base/err.h"

typedef struct cm_signals cm_signals;

/* `count` of SIGTERM and SIGINT together, this one included: 1 for the first; not moved by SIGHUP. */
typedef void cm_signal_fn(void *user, int signal, unsigned count);

/* SIGPIPE and SIGXFSZ would end the process where write() can say EPIPE and EFBIG. Main, before any thread. */
void cm_signals_ignore_write_faults(void);

/* Errors: CM_IO (no descriptor or thread left). */
cm_rc cm_signals_new(cm_signal_fn *run, void *user, cm_signals **ret_signals,
                     cm_err *err) cm_must_check;
/* Ends the thread and puts the mask of the calling thread back. NULL is allowed. */
void cm_signals_free(cm_signals *signals);

#endif
