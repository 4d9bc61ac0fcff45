/* decode.c - see decode.h. Runs on a worker: a body may be megabytes. */
#include "api/gateway/decode.h"

/* Member at "debug_options/raw_prompt"; null counts as absent. */
static bool has_member(const json_t *value, const char *path) {
    cm_str rest = cm_str_from(path);
    cm_str key;
    while (value && cm_str_split(&rest, '/', &key)) {
        value = json_object_getn(value, key.ptr, key.len);
    }
    return value && !json_is_null(value);
}

static bool has_all(const json_t *value, const char *const *members) {
    for (; members && *members; members++) {
        if (!has_member(value, *members)) {
            return false;
        }
    }
    return true;
}

static const char *first_of(const json_t *value, const char *const *members) {
    for (; members && *members; members++) {
        if (has_member(value, *members)) {
            return *members;
        }
    }
    return NULL;
}

cm_rc cm_route_choose_body(const cm_route_body *bodies, uint32_t count, const json_t *value,
                           const cm_route_body **ret_body, cm_err *err) {
    for (uint32_t i = 0; i < count; i++) {
        if (!has_all(value, bodies[i].required)) {
            continue;
        }
        const char *conflict = first_of(value, bodies[i].conflicts);
        if (conflict) {
            return cm_fail(err, CM_AMBIGUOUS_DIALECT, "'%s' cannot be combined with '%s'",
                           bodies[i].required[0], conflict);
        }
        *ret_body = &bodies[i];
        return CM_OK;
    }
    return cm_fail(err, CM_UNKNOWN_DIALECT, "the body needs one of '%s', '%s' and '%s'", "document",
                   "segments", "prompt");
}

static bool decode_query(cm_call_state *state) {
    cm_call *call = &state->call;
    const cm_schema *schema = call->route->query;
    cm_str query = cm_exchange_head(call->exchange)->query;
    cm_faults faults;
    if (!schema) {
        return true;
    }
    void *out = cm_arena_alloc(call->arena, schema->size);
    cm_faults_init(&faults, call->arena);
    if (!cm_schema_decode_query(schema, query, call->strict, call->arena, out, &state->query_tree,
                                &faults)) {
        cm_call_fail_faults(call, &faults);
        return false;
    }
    call->query = out;
    return true;
}

/* Codes of parsing that are the client's doing. */
static cm_rc parse_code(cm_rc rc) {
    return rc == CM_LIMIT ? CM_INVALID : rc == CM_NOMEM ? CM_OVERLOADED : rc;
}

static bool parse_body(cm_call_state *state, cm_str text) {
    cm_err err;
    cm_rc rc = cm_json_parse(text, &state->body_tree, &err);
    if (rc != CM_OK) {
        cm_call_fail(&state->call, parse_code(rc), &err);
    }
    return rc == CM_OK;
}

static bool fill_input(cm_call_state *state, const cm_route_body *body) {
    cm_call *call = &state->call;
    cm_faults faults;
    void *out = cm_arena_alloc(call->arena, body->schema->size);
    cm_faults_init(&faults, call->arena);
    state->error_shape = body->error_shape;
    state->reply = body->reply;
    if (!cm_schema_decode(body->schema, state->body_tree, call->strict, call->arena, out,
                          &faults)) {
        cm_call_fail_faults(call, &faults);
        return false;
    }
    call->body = state->body_tree;
    call->input = out;
    call->dialect = body->dialect;
    return true;
}

static bool decode_body(cm_call_state *state) {
    const cm_route *route = state->call.route;
    cm_str text = cm_exchange_body(state->call.exchange);
    const cm_route_body *body;
    cm_err err;
    if (text.len == 0) {
        if (!route->body_required) {
            return true;
        }
        cm_fail(&err, CM_MALFORMED_JSON, "the body is empty; send a JSON object");
        cm_call_fail(&state->call, CM_MALFORMED_JSON, &err);
        return false;
    }
    if (!parse_body(state, text)) {
        return false;
    }
    cm_rc rc =
        cm_route_choose_body(route->bodies, route->body_count, state->body_tree, &body, &err);
    if (rc != CM_OK) {
        cm_call_fail(&state->call, rc, &err);
        return false;
    }
    return fill_input(state, body);
}

bool cm_call_decode(cm_call_state *state) {
    return decode_query(state) && (state->call.route->body_count == 0 || decode_body(state));
}
