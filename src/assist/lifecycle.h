/* lifecycle.h - the states of one completion request and the only steps between them.
 *
 * The table is the specification (docs/design/completion.md gives it with reasons): a step that is
 * not in it is refused with CM_INVALID_TRANSITION, so feedback to a cancelled request is a 409 and a
 * mistake of our own is caught at once. The database knows three more (debounced, rate_limited, cache_hit) for what
 * does not exist yet. Each state entered is stamped with milliseconds since the
 * request was received.
 *
 * Thread: owner (the completion's own thread at a time). */
#ifndef CM_ASSIST_LIFECYCLE_H
#define CM_ASSIST_LIFECYCLE_H

#include "base/err.h"
#include "base/json.h"

enum cm_state {
    CM_STATE_RECEIVED,
    CM_STATE_QUEUED,
    CM_STATE_CACHE_CHECK,
    CM_STATE_CONTEXT_ASSEMBLY,
    CM_STATE_INFERENCE,
    CM_STATE_TIMEOUT,
    CM_STATE_SUCCESS,
    CM_STATE_POST_PROCESS,
    CM_STATE_DELIVERED,
    CM_STATE_CANCELLED,
    CM_STATE_ERROR,
    CM_STATE_ACCEPTED,
    CM_STATE_REJECTED,
    CM_STATE_RETAINED,
    CM_STATE_MODIFIED,
    CM_STATE_COUNT
};

typedef struct cm_lifecycle {
    enum cm_state state;
    uint64_t received_ns;
    uint32_t
        entered_ms[CM_STATE_COUNT]; /* milliseconds since received; UINT32_MAX = never entered */
} cm_lifecycle;

void cm_lifecycle_init(cm_lifecycle *life);
/* CM_INVALID_TRANSITION when the table has no such step; the state is then unchanged. */
cm_rc cm_lifecycle_enter(cm_lifecycle *life, enum cm_state next, cm_err *err) cm_must_check;
bool cm_lifecycle_allows(enum cm_state from, enum cm_state to);
/* RECEIVED .. POST_PROCESS: the reply is not out yet. */
bool cm_state_is_live(enum cm_state state);
/* The coarse outcome: "pending", "success", "error", "timeout" or "cancelled". */
const char *cm_state_status(enum cm_state state);
const char *cm_state_name(enum cm_state state); /* lower case, as stored */
/* {"received":0,"queued":0,...}: the states entered, in order. */
void cm_lifecycle_write_timings(const cm_lifecycle *life, cm_json_writer *w);

#endif
