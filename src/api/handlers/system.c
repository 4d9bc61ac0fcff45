/* system.c - probes and version. No call here waits for a dependency. */
#include "base/base.h"

#include "api/completion_call.h"

/* A model that still loads, or is missing, leaves the instant tier: the server is ready without it. */
static const char *model_state(const cm_services *services) {
    static const char *const states[] = {
        [CM_ENGINE_LOADING] = "loading", [CM_ENGINE_READY] = "ok", [CM_ENGINE_FAILED] = "failed"};
    return cm_models_count(services->models) == 0
               ? "none"
               : states[cm_engine_state_get(cm_models_at(services->models, 0, NULL), NULL)];
}

/* Writes that the queue had to drop are lost history, not a reason to turn requests away. */
static const char *store_state(const cm_services *services) {
    cm_store_stats stats;
    cm_store_stats_get(services->store, &stats);
    return stats.dropped > 0 ? "dropping" : "ok";
}

/* Requests are taken from the moment the server listens until it drains, and then it answers 503 by
 * itself: a probe that is answered is a good one, and tells more by its states. */
static void probe(cm_call *call, bool look) {
    const cm_services *services = call->services;
    json_t *states = json_object();
    if (look) {
        json_object_set_new(states, "store", json_string(store_state(services)));
        json_object_set_new(states, "model", json_string(model_state(services)));
    }
    cm_api_probe out = {.status = CM_API_PROBE_STATUS_OK, .checks = states};
    cm_call_reply(call, 200, &cm_api_probe_schema, &out);
    json_decref(states);
}

void cm_h_livez(cm_call *call) {
    probe(call, false);
}

void cm_h_startupz(cm_call *call) {
    probe(call, false);
}

void cm_h_readyz(cm_call *call) {
    probe(call, true);
}

void cm_h_version(cm_call *call) {
    const cm_services *services = call->services;
    static const cm_str features[] = {CM_STR("completions"), CM_STR("infill"),  CM_STR("search"),
                                      CM_STR("symbols"),     CM_STR("instant"), CM_STR("openai"),
                                      CM_STR("tabby")};
    cm_api_version out = {.version = cm_str_from(services->version),
                          .api = CM_STR("1.0"),
                          .commit = cm_str_from(services->commit),
                          .build_date = cm_str_from(services->build_date),
                          .features = {features, CM_COUNT(features)}};
    cm_call_reply(call, 200, &cm_api_version_schema, &out);
}
