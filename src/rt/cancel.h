/* cancel.h - a flag that says "stop", shared by the one who asks and the one who works.
 *
 * Ref-counted. Work polls cm_cancel_hit once per token, row or file; a deadline counts as a
 * cancellation with its own reason. A NULL token never fires, so library calls need no dummy.
 *
 * Thread: any. */
#ifndef CM_RT_CANCEL_H
#define CM_RT_CANCEL_H

#include "base/err.h"

enum cm_cancel_reason {
    CM_CANCEL_NONE,
    CM_CANCEL_USER,       /* asked to, or the connection closed */
    CM_CANCEL_SUPERSEDED, /* a newer request of the same document */
    CM_CANCEL_DEADLINE,
    CM_CANCEL_SHUTDOWN,
};

typedef struct cm_cancel cm_cancel;

/* `deadline_ns` on the cm_clock_ns scale; 0 = none. */
cm_cancel *cm_cancel_new(uint64_t deadline_ns);
cm_cancel *cm_cancel_ref(cm_cancel *cancel);
void cm_cancel_unref(cm_cancel *cancel); /* NULL is allowed */
void cm_cancel_unrefp(cm_cancel **cancel);

/* The first reason wins. Async-signal-safe. */
void cm_cancel_fire(cm_cancel *cancel, enum cm_cancel_reason reason);
enum cm_cancel_reason cm_cancel_hit(
    const cm_cancel *cancel);                            /* reads the clock only with a deadline */
uint64_t cm_cancel_deadline_ns(const cm_cancel *cancel); /* 0 = none */
/* A deadline for a token that was made without one, or an earlier or later one. Any thread. */
void cm_cancel_set_deadline(cm_cancel *cancel, uint64_t deadline_ns);
/* CM_OK, CM_CANCELLED or CM_TIMEOUT with text. */
cm_rc cm_cancel_check(const cm_cancel *cancel, cm_err *err) cm_must_check;

#endif
