/* cancel.c - see cancel.h.
 *
 * One atomic word holds the reason. A deadline is found out by whoever polls and is then stored, so
 * that all pollers agree on the reason from that moment on. */
#include "rt/cancel.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdatomic.h>

struct cm_cancel {
    atomic_uint refs;
    atomic_int reason;                /* enum cm_cancel_reason */
    atomic_uint_fast64_t deadline_ns; /* 0 = none */
};

cm_cancel *cm_cancel_new(uint64_t deadline_ns) {
    cm_cancel *cancel = CM_NEW(cm_cancel);
    atomic_init(&cancel->refs, 1);
    atomic_init(&cancel->reason, CM_CANCEL_NONE);
    atomic_init(&cancel->deadline_ns, deadline_ns);
    return cancel;
}

cm_cancel *cm_cancel_ref(cm_cancel *cancel) {
    if (cancel) {
        atomic_fetch_add_explicit(&cancel->refs, 1, memory_order_relaxed);
    }
    return cancel;
}

void cm_cancel_unref(cm_cancel *cancel) {
    if (cancel && atomic_fetch_sub_explicit(&cancel->refs, 1, memory_order_acq_rel) == 1) {
        cm_free(cancel);
    }
}

void cm_cancel_unrefp(cm_cancel **cancel) {
    cm_cancel_unref(*cancel);
    *cancel = NULL;
}

void cm_cancel_fire(cm_cancel *cancel, enum cm_cancel_reason reason) {
    if (!cancel) {
        return;
    }
    int none = CM_CANCEL_NONE;
    atomic_compare_exchange_strong_explicit(&cancel->reason, &none, (int)reason,
                                            memory_order_acq_rel, memory_order_acquire);
}

enum cm_cancel_reason cm_cancel_hit(const cm_cancel *cancel) {
    if (!cancel) {
        return CM_CANCEL_NONE;
    }
    int reason = atomic_load_explicit(&cancel->reason, memory_order_acquire);
    uint64_t deadline_ns = cm_cancel_deadline_ns(cancel);
    if (reason == CM_CANCEL_NONE && deadline_ns && cm_clock_ns() >= deadline_ns) {
        /* Const for the caller: the deadline had passed whether or not somebody looked. */
        cm_cancel_fire((cm_cancel *)(uintptr_t)cancel, CM_CANCEL_DEADLINE);
        reason = atomic_load_explicit(&cancel->reason, memory_order_acquire);
    }
    return (enum cm_cancel_reason)reason;
}

uint64_t cm_cancel_deadline_ns(const cm_cancel *cancel) {
    return cancel ? atomic_load_explicit(&cancel->deadline_ns, memory_order_relaxed) : 0;
}

void cm_cancel_set_deadline(cm_cancel *cancel, uint64_t deadline_ns) {
    if (cancel) {
        atomic_store_explicit(&cancel->deadline_ns, deadline_ns, memory_order_relaxed);
    }
}

cm_rc cm_cancel_check(const cm_cancel *cancel, cm_err *err) {
    static const char *const texts[] = {
        [CM_CANCEL_USER] = "cancelled: the caller asked for it or left",
        [CM_CANCEL_SUPERSEDED] = "cancelled: a newer request took its place",
        [CM_CANCEL_DEADLINE] = "deadline passed",
        [CM_CANCEL_SHUTDOWN] = "cancelled: the server is shutting down",
    };
    enum cm_cancel_reason reason = cm_cancel_hit(cancel);
    if (reason == CM_CANCEL_NONE) {
        return CM_OK;
    }
    return cm_fail(err, reason == CM_CANCEL_DEADLINE ? CM_TIMEOUT : CM_CANCELLED, "%s",
                   texts[reason]);
}
