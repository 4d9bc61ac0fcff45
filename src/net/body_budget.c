/* body_budget.c - see body_budget_priv.h. */
#include "net/body_budget_priv.h"

#include "base/base.h"
#include "base/mem.h"

#include <stdatomic.h>

struct cm_body_budget {
    atomic_uint refs; /* exchanges may outlive the server */
    size_t max;
    cm_series *series;
    atomic_size_t used;
};

cm_body_budget *cm_body_budget_new(size_t max, cm_series *series) {
    cm_body_budget *budget = CM_NEW(cm_body_budget);
    atomic_init(&budget->refs, 1);
    budget->max = max;
    budget->series = series;
    return budget;
}

cm_body_budget *cm_body_budget_ref(cm_body_budget *budget) {
    atomic_fetch_add_explicit(&budget->refs, 1, memory_order_relaxed);
    return budget;
}

void cm_body_budget_unref(cm_body_budget *budget) {
    if (budget && atomic_fetch_sub_explicit(&budget->refs, 1, memory_order_acq_rel) == 1) {
        cm_free(budget);
    }
}

cm_rc cm_body_budget_take(cm_body_budget *budget, size_t *taken, size_t wanted, cm_err *err) {
    if (wanted <= *taken) {
        return CM_OK;
    }
    size_t more = wanted - *taken;
    size_t limit = wanted <= CM_BODY_SMALL ? budget->max : budget->max - budget->max / 8;
    if (wanted > limit) {
        return cm_fail(err, CM_BODY_TOO_LARGE,
                       "body of %zu bytes exceeds the %zu that http.body_budget_mb leaves to one",
                       wanted, limit);
    }
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    do {
        if (used > limit - more) {
            return cm_fail(err, CM_OVERLOADED,
                           "other requests' bodies hold %zu of %zu bytes; send it again later",
                           used, budget->max);
        }
    } while (!atomic_compare_exchange_weak(&budget->used, &used, used + more));
    *taken = wanted;
    cm_series_add(budget->series, (int64_t)more);
    return CM_OK;
}

void cm_body_budget_give(cm_body_budget *budget, size_t *taken) {
    atomic_fetch_sub(&budget->used, *taken);
    cm_series_add(budget->series, -(int64_t)*taken);
    *taken = 0;
}

size_t cm_body_budget_used(const cm_body_budget *budget) {
    return atomic_load(&budget->used);
}
