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

/* True when all of it is good. Writes that the queue had to drop are lost history, not a reason to turn requests
 * away. */
static bool add_store_states(const cm_services *services, json_t *states) {
    static const char *const names[] = {[CM_PART_DATABASE] = "store", [CM_PART_DISK] = "disk"};
    cm_store_stats stats;
    cm_store_health health;
    bool good = true;
    cm_store_stats_get(services->store, &stats);
    cm_store_health_get(services->store, &health);
    for (size_t i = 0; i < CM_STORE_PARTS; i++) {
        const char *state = i == CM_PART_DATABASE && stats.dropped > 0 ? "dropping" : "ok";
        state = health.parts[i].good ? state : health.parts[i].why;
        json_object_set_new(states, names[i], json_string(state));
        good = good && health.parts[i].good;
    }
    if (stats.spooled > 0) {
        json_object_set_new(
            states, "spool",
            json_sprintf("%llu writes wait for the database", (unsigned long long)stats.spooled));
    }
    return good;
}

static void probe(cm_call *call, bool good, json_t *states) {
    cm_api_probe out = {.status = good ? CM_API_PROBE_STATUS_OK : CM_API_PROBE_STATUS_FAIL,
                        .checks = states};
    cm_call_reply(call, good ? 200 : 503, &cm_api_probe_schema, &out);
    json_decref(states);
}

void cm_h_livez(cm_call *call) {
    probe(call, true, json_object());
}

void cm_h_startupz(cm_call *call) {
    probe(call, true, json_object());
}

/* What was found in the background: nothing is asked here. A server that drains answers 503 by itself. */
void cm_h_readyz(cm_call *call) {
    const cm_services *services = call->services;
    json_t *states = json_object();
    bool good = add_store_states(services, states);
    json_object_set_new(states, "model", json_string(model_state(services)));
    bool degraded =
        cm_repositories_are_degraded(services->repositories); /* it serves all the same */
    json_object_set_new(states, "index", json_string(degraded ? "degraded" : "ok"));
    probe(call, good, states);
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
