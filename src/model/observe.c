/* observe.c - what the engines count, as series of spec/metrics.toml.
 *
 * Engines count under their own lock anyway; copying when somebody looks costs a generation nothing. */
#include "base/base.h"

#include "model/models.h"

static void set(cm_metrics *metrics, enum cm_metric metric, const char *model, const char *label,
                uint64_t value) {
    cm_series *series = label == NULL ? cm_metrics_series(metrics, metric, model, NULL)
                                      : cm_metrics_series(metrics, metric, model, label, NULL);
    cm_series_set(series, (int64_t)value);
}

static void observe_state(const cm_engine *engine, const char *model, cm_metrics *metrics) {
    static const char *const names[] = {[CM_ENGINE_LOADING] = "loading",
                                        [CM_ENGINE_READY] = "ready",
                                        [CM_ENGINE_FAILED] = "failed"};
    enum cm_engine_state state = cm_engine_state_get(engine, NULL);
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        set(metrics, CM_METRIC_MODEL_STATE, model, names[i], i == (size_t)state);
    }
}

static void observe(const cm_engine *engine, const char *model, cm_metrics *metrics) {
    cm_engine_stats stats;
    cm_engine_stats_get(engine, &stats);
    double write = stats.predict_ms_per_token > 0 ? 1000 / stats.predict_ms_per_token : 0;
    const struct {
        enum cm_metric metric;
        const char *label;
        uint64_t value;
    } rows[] = {
        {CM_METRIC_MODEL_MEMORY_BYTES, "weights", stats.weight_bytes},
        {CM_METRIC_MODEL_MEMORY_BYTES, "cache", stats.cache_bytes},
        {CM_METRIC_MODEL_SLOTS, "all", stats.slots},
        {CM_METRIC_MODEL_SLOTS, "busy", stats.running},
        {CM_METRIC_MODEL_REQUESTS_WAITING, NULL, stats.waiting},
        {CM_METRIC_MODEL_REQUESTS_TOTAL, "ended", stats.requests - stats.cancelled},
        {CM_METRIC_MODEL_REQUESTS_TOTAL, "stopped", stats.cancelled},
        {CM_METRIC_MODEL_TOKENS_TOTAL, "read", stats.prompt_tokens - stats.cached_tokens},
        {CM_METRIC_MODEL_TOKENS_TOTAL, "cached", stats.cached_tokens},
        {CM_METRIC_MODEL_TOKENS_TOTAL, "written", stats.completion_tokens},
        {CM_METRIC_MODEL_PREFIX_HITS_TOTAL, NULL, stats.prefix_hits},
        {CM_METRIC_MODEL_TOKENS_PER_SECOND, "read", (uint64_t)stats.prompt_tokens_per_second},
        {CM_METRIC_MODEL_TOKENS_PER_SECOND, "write", (uint64_t)write},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        set(metrics, rows[i].metric, model, rows[i].label, rows[i].value);
    }
}

void cm_models_observe(const cm_models *models, cm_metrics *metrics) {
    for (size_t i = 0; metrics != NULL && i < cm_models_count(models); i++) {
        cm_str name;
        const cm_engine *engine = cm_models_at(models, i, &name);
        observe_state(engine, name.ptr, metrics);
        observe(engine, name.ptr, metrics);
    }
}
