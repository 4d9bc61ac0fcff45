/* count.c - an ended completion as series: who wrote it, how it ended, how long it took. */
#include "base/base.h"

#include "assist/assist_priv.h"

static const char *origin_of(const cm_completion *result) {
    if (result->item_count == 0) {
        return "none";
    }
    return result->items[0].source == CM_SOURCE_FALLBACK ? "instant" : "model";
}

static const char *outcome_of(cm_rc rc) {
    if (rc == CM_OK) {
        return "delivered";
    }
    if (rc == CM_CANCELLED) {
        return "cancelled";
    }
    return rc == CM_TIMEOUT ? "timeout" : "failed";
}

void cm_count_completion(cm_metrics *metrics, const cm_completion *result, cm_rc rc) {
    static const char *const stages[CM_STAGE_COUNT] = {[CM_STAGE_QUEUE] = "queue",
                                                       [CM_STAGE_CONTEXT] = "context",
                                                       [CM_STAGE_INFER] = "infer",
                                                       [CM_STAGE_POST] = "post"};
    const char *origin = origin_of(result);
    cm_series_add(
        cm_metrics_series(metrics, CM_METRIC_COMPLETIONS_TOTAL, origin, outcome_of(rc), NULL), 1);
    if (rc != CM_OK) {
        return;
    }
    cm_series_observe(cm_metrics_series(metrics, CM_METRIC_COMPLETION_SECONDS, origin, NULL),
                      result->latency_ms / 1e3);
    for (size_t i = 0; i < CM_STAGE_COUNT; i++) {
        if (stages[i] == NULL) {
            continue; /* CM_STAGE_CACHE: nothing is answered from a cache yet */
        }
        cm_series_observe(
            cm_metrics_series(metrics, CM_METRIC_COMPLETION_STAGE_SECONDS, stages[i], NULL),
            result->stage_ms[i] / 1e3);
    }
}
