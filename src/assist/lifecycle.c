/* lifecycle.c - the state table. Rows are from, columns to; see lifecycle.h. */
#include "base/base.h"

#include "assist/lifecycle.h"
#include "base/clock.h"

#define TO(state) (1u << (CM_STATE_##state))

/* A live state can always be cancelled (the client left, a newer request) or fail. */
#define LIVE (TO(CANCELLED) | TO(ERROR))

static const struct {
    const char *name;
    const char *status;
    uint32_t next;
} states[CM_STATE_COUNT] = {
    [CM_STATE_RECEIVED] = {"received", "pending", TO(QUEUED) | LIVE},
    [CM_STATE_QUEUED] = {"queued", "pending", TO(CACHE_CHECK) | LIVE},
    [CM_STATE_CACHE_CHECK] = {"cache_check", "pending", TO(CONTEXT_ASSEMBLY) | LIVE},
    [CM_STATE_CONTEXT_ASSEMBLY] = {"context_assembly", "pending", TO(INFERENCE) | LIVE},
    /* Re-entered by a retry or a fallback to the next route. */
    [CM_STATE_INFERENCE] = {"inference", "pending",
                            TO(INFERENCE) | TO(SUCCESS) | TO(TIMEOUT) | LIVE},
    [CM_STATE_TIMEOUT] = {"timeout", "timeout", TO(INFERENCE) | TO(SUCCESS) | LIVE},
    [CM_STATE_SUCCESS] = {"success", "pending", TO(POST_PROCESS) | LIVE},
    [CM_STATE_POST_PROCESS] = {"post_process", "pending", TO(DELIVERED) | LIVE},
    [CM_STATE_DELIVERED] = {"delivered", "success", TO(ACCEPTED) | TO(REJECTED)},
    [CM_STATE_CANCELLED] = {"cancelled", "cancelled", 0},
    [CM_STATE_ERROR] = {"error", "error", 0},
    /* Partial accepts repeat ACCEPTED; an undo within seconds arrives as MODIFIED. */
    [CM_STATE_ACCEPTED] = {"accepted", "success", TO(ACCEPTED) | TO(RETAINED) | TO(MODIFIED)},
    [CM_STATE_REJECTED] = {"rejected", "success", TO(REJECTED) | TO(ACCEPTED)},
    [CM_STATE_RETAINED] = {"retained", "success", TO(RETAINED) | TO(MODIFIED)},
    [CM_STATE_MODIFIED] = {"modified", "success", TO(MODIFIED)},
};

void cm_lifecycle_init(cm_lifecycle *life) {
    life->state = CM_STATE_RECEIVED;
    life->received_ns = cm_clock_ns();
    for (size_t i = 0; i < CM_STATE_COUNT; i++) {
        life->entered_ms[i] = UINT32_MAX;
    }
    life->entered_ms[CM_STATE_RECEIVED] = 0;
}

bool cm_lifecycle_allows(enum cm_state from, enum cm_state to) {
    return (states[from].next >> to) & 1;
}

cm_rc cm_lifecycle_enter(cm_lifecycle *life, enum cm_state next, cm_err *err) {
    if (!cm_lifecycle_allows(life->state, next)) {
        return cm_fail(err, CM_INVALID_TRANSITION, "a request that is %s cannot become %s",
                       states[life->state].name, states[next].name);
    }
    life->state = next;
    if (life->entered_ms[next] == UINT32_MAX) {
        life->entered_ms[next] = (uint32_t)((cm_clock_ns() - life->received_ns) / 1000000);
    }
    return CM_OK;
}

bool cm_state_is_live(enum cm_state state) {
    return strcmp(states[state].status, "pending") == 0 || state == CM_STATE_TIMEOUT;
}

const char *cm_state_status(enum cm_state state) {
    return states[state].status;
}

const char *cm_state_name(enum cm_state state) {
    return states[state].name;
}

void cm_lifecycle_write_timings(const cm_lifecycle *life, cm_json_writer *w) {
    cm_json_object(w);
    for (size_t i = 0; i < CM_STATE_COUNT; i++) {
        if (life->entered_ms[i] != UINT32_MAX) {
            cm_json_key(w, states[i].name);
            cm_json_u64(w, life->entered_ms[i]);
        }
    }
    cm_json_object_end(w);
}
