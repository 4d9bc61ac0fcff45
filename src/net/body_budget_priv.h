/* body_budget_priv.h - bytes that the bodies of all requests may hold together.
 *
 * Many clients that upload at once, or begin and never end, must not take the machine's memory. A body takes its share
 * before its bytes are kept: all of it when its length is announced, else in steps as it comes; it keeps it until its
 * exchange is freed. The last eighth is for small bodies alone, so that a completion never waits behind uploads.
 *
 * Thread: any. */
#ifndef CM_NET_BODY_BUDGET_PRIV_H
#define CM_NET_BODY_BUDGET_PRIV_H

#include "base/err.h"
#include "rt/metrics.h"

#define CM_BODY_SMALL (64 * 1024) /* a body up to this size may use the last eighth */

typedef struct cm_body_budget cm_body_budget;

/* `series` (may be NULL) follows what is taken; it must live as long as the budget. */
cm_body_budget *cm_body_budget_new(size_t max, cm_series *series);
cm_body_budget *cm_body_budget_ref(cm_body_budget *budget);
void cm_body_budget_unref(cm_body_budget *budget); /* NULL is allowed */

/* Raises what one body has taken from *taken to `wanted` bytes. CM_BODY_TOO_LARGE: more than all large bodies may have
 * together; CM_OVERLOADED: not now. Then *taken is as before. */
cm_rc cm_body_budget_take(cm_body_budget *budget, size_t *taken, size_t wanted,
                          cm_err *err) cm_must_check;
void cm_body_budget_give(cm_body_budget *budget, size_t *taken);
size_t cm_body_budget_used(const cm_body_budget *budget);

#endif
