/* h_system.c - probes and version. No call here waits for a dependency. */
#include "base/base.h"

#include "api/completion_call.h"

/* True and "ok", or false and why not. */
typedef bool check_fn(const cm_services *services, const char **ret_state);

static bool check_store(const cm_services *services, const char **ret_state) {
    cm_store_stats stats;
    cm_store_stats_get(services->store, &stats);
    *ret_state = "ok";
    return true;
}

/* A model that still loads, or is missing, leaves the instant tier: the server is ready without it. */
static bool check_model(const cm_services *services, const char **ret_state) {
    static const char *const states[] = {
        [CM_ENGINE_LOADING] = "loading", [CM_ENGINE_READY] = "ok", [CM_ENGINE_FAILED] = "failed"};
    *ret_state = cm_models_count(services->models) == 0
                     ? "none"
                     : states[cm_engine_state_get(cm_models_at(services->models, 0, NULL), NULL)];
    return true;
}

static const struct {
    const char *name;
    check_fn *check;
} checks[] = {{"store", check_store}, {"model", check_model}};

static void probe(cm_call *call, bool look) {
    cm_api_probe out = {.status = CM_API_PROBE_STATUS_OK};
    json_t *states = json_object();
    for (size_t i = 0; look && i < CM_COUNT(checks); i++) {
        const char *state = "ok";
        if (!checks[i].check(call->services, &state)) {
            out.status = CM_API_PROBE_STATUS_FAIL;
        }
        json_object_set_new(states, checks[i].name, json_string(state));
    }
    out.checks = states;
    cm_call_reply(call, out.status == CM_API_PROBE_STATUS_OK ? 200 : 503, &cm_api_probe_schema,
                  &out);
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
