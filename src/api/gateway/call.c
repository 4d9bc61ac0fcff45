/* call.c - the answers of call.h.
 *
 * The first answer wins; a second one is a bug of the handler and is logged. */
#include "api/gateway/call_priv.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/sse.h"

#define REPLY_BYTES_MAX CM_MIB(64)
#define RETRY_MS        3000 /* before a client opens a broken stream again */
#define EXPOSED_HEADERS "X-Request-Id, X-Error-Code, ETag, Link, Server-Timing, Retry-After"

void cm_call_keep(cm_call *call) {
    cm_call_state *state = cm_call_state_of(call);
    cm_assert(!state->keeps_exchange);
    state->keeps_exchange = true;
    cm_exchange_ref(call->exchange);
}

cm_str cm_call_header(const cm_call *call, const char *name) {
    cm_str value = CM_STR_EMPTY;
    (void)!cm_http_head_find(cm_exchange_head(call->exchange), name, &value);
    return value;
}

cm_str cm_call_body(const cm_call *call) {
    return cm_exchange_body(call->exchange);
}

static void add_header(cm_call_state *state, const char *name, cm_str value) {
    if (state->header_count < CM_CALL_HEADERS_MAX) {
        state->headers[state->header_count++] = (cm_http_header){cm_str_from(name), value};
    }
}

void cm_call_add_header(cm_call *call, const char *name, cm_str value) {
    cm_call_state *state = cm_call_state_of(call);
    cm_assert(state->header_count < CM_CALL_HEADERS_MAX);
    add_header(state, name, cm_arena_str(call->arena, value));
}

/* Headers of every reply. `content_type` NULL = no body. */
static void add_common_headers(cm_call_state *state, const char *content_type) {
    if (content_type) {
        add_header(state, "Content-Type", cm_str_from(content_type));
    }
    add_header(state, "X-Request-Id", state->call.request_id);
    add_header(state, "X-Content-Type-Options", CM_STR("nosniff"));
    add_header(state, "Referrer-Policy", CM_STR("no-referrer"));
    add_header(state, "Cache-Control", CM_STR("no-store"));
    if (state->cors_origin.len > 0) {
        add_header(state, "Access-Control-Allow-Origin", state->cors_origin);
        add_header(state, "Access-Control-Expose-Headers", CM_STR(EXPOSED_HEADERS));
        add_header(state, "Vary", CM_STR("Origin"));
    }
}

/* False when the call has been answered before. */
static bool claim(cm_call_state *state) {
    if (!atomic_exchange(&state->answered, true)) {
        return true;
    }
    cm_log(CM_LOG_ERROR, "handler answered twice",
           CM_F("op", state->call.route ? state->call.route->op : "-"),
           CM_S("request_id", state->call.request_id));
    return false;
}

static void release(cm_call_state *state) {
    if (state->keeps_exchange) {
        state->keeps_exchange = false;
        cm_exchange_unref(state->call.exchange);
    }
}

static void send_copy(cm_call_state *state, int status, const char *content_type, cm_str body) {
    add_common_headers(state, content_type);
    (void)cm_exchange_reply(state->call.exchange, status, state->headers, state->header_count,
                            body);
    release(state);
}

static void send_buf(cm_call_state *state, int status, const char *content_type, cm_buf *body) {
    add_common_headers(state, content_type);
    size_t len;
    char *bytes = cm_buf_take(body, &len);
    (void)cm_exchange_reply_take(state->call.exchange, status, state->headers, state->header_count,
                                 bytes, len);
    release(state);
}

/* --- problems --- */

static void send_problem(cm_call_state *state, const cm_problem *problem) {
    const cm_err_info *info = cm_err_info_get(problem->rc);
    cm_idempotency_end(state, info->http_status, CM_STR_EMPTY);
    cm_buf body;
    cm_buf_init(&body, CM_MIB(1));
    cm_problem_write(problem, state->error_shape, &body);
    state->answered_rc = problem->rc;
    add_header(state, "X-Error-Code", cm_str_from(info->slug));
    if (info->http_status == 503 || info->http_status == 429) {
        add_header(state, "Retry-After", CM_STR("1"));
    }
    send_buf(state, info->http_status, cm_problem_content_type(state->error_shape), &body);
}

void cm_call_answer_problem(cm_call_state *state, const cm_problem *problem) {
    if (claim(state)) {
        send_problem(state, problem);
    }
}

static void log_failure(const cm_call *call, cm_rc rc, const cm_err *err) {
    if (err && cm_err_info_get(rc)->http_status == 500) {
        cm_log(CM_LOG_ERROR, "request failed", CM_F("op", call->route ? call->route->op : "-"),
               CM_S("request_id", call->request_id), CM_F("error", err->text),
               CM_F("at", err->file), CM_I("line", err->line));
    }
}

void cm_call_fail_extra(cm_call *call, cm_rc rc, const cm_err *err, cm_str extra) {
    cm_problem problem = cm_problem_of(rc, err, call->request_id);
    problem.extra = extra;
    log_failure(call, rc, err);
    cm_call_answer_problem(cm_call_state_of(call), &problem);
}

void cm_call_fail(cm_call *call, cm_rc rc, const cm_err *err) {
    cm_call_fail_extra(call, rc, err, CM_STR_EMPTY);
}

void cm_call_fail_faults(cm_call *call, const cm_faults *faults) {
    cm_rc rc = CM_UNKNOWN_FIELD;
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->items[i].rc != CM_UNKNOWN_FIELD) {
            rc = CM_INVALID;
        }
    }
    cm_problem problem = {.rc = rc, .request_id = call->request_id, .faults = faults};
    if (faults->found > faults->count) {
        problem.detail = cm_arena_fmt(call->arena, "%zu faults, the first %zu are listed",
                                      faults->found, faults->count);
    }
    cm_call_answer_problem(cm_call_state_of(call), &problem);
}

/* --- replies --- */

#ifdef CM_VALIDATE_REPLIES
static const cm_schema *reply_schema(const cm_call_state *state, int status, bool *ret_declared) {
    const cm_route *route = state->call.route;
    *ret_declared = false;
    for (uint32_t i = 0; i < route->reply_count; i++) {
        if (route->replies[i].status == status) {
            *ret_declared = true;
            return status < 300 && state->reply ? state->reply : route->replies[i].schema;
        }
    }
    return NULL;
}

static bool reply_breaks(cm_call_state *state, int status, cm_str json, cm_faults *faults) {
    bool declared;
    const cm_schema *schema = reply_schema(state, status, &declared);
    if (!declared) {
        cm_faults_add(faults, CM_INVALID, "status", CM_STR(""), "status %d is not declared",
                      status);
        return true;
    }
    if (!schema) {
        return false;
    }
    json_t *tree = NULL;
    cm_err err;
    bool good = cm_json_parse(json, &tree, &err) == CM_OK;
    if (!good) {
        cm_faults_add(faults, CM_INVALID, "json", CM_STR(""), "%s", err.text);
    }
    good = good && cm_schema_check(schema, tree, faults);
    json_decref(tree);
    return !good;
}

/* Test builds: true when the reply does not keep the contract; a 500 was answered then. */
static bool refuse_broken(cm_call_state *state, int status, cm_str json) {
    cm_arena *arena = cm_arena_new(0);
    cm_faults faults;
    cm_faults_init(&faults, arena);
    bool broken = reply_breaks(state, status, json, &faults);
    if (broken) {
        cm_fault *fault = &faults.items[0];
        cm_log(CM_LOG_ERROR, "reply breaks its schema", CM_F("op", state->call.route->op),
               CM_S("pointer", fault->pointer), CM_S("fault", fault->message),
               CM_I("faults", faults.found), CM_S("reply", cm_str_sub(json, 0, 2000)));
        cm_problem problem = cm_problem_of(CM_INTERNAL, NULL, state->call.request_id);
        send_problem(state, &problem);
    }
    cm_arena_free(arena);
    return broken;
}
#else
static bool refuse_broken(cm_call_state *state, int status, cm_str json) {
    (void)state;
    (void)status;
    (void)json;
    return false;
}
#endif

static void send_json(cm_call_state *state, int status, cm_buf *body) {
    cm_err err;
    if (cm_buf_check(body, &err) != CM_OK) {
        cm_problem problem = cm_problem_of(CM_INTERNAL, NULL, state->call.request_id);
        log_failure(&state->call, CM_INTERNAL, &err);
        send_problem(state, &problem);
    } else if (!refuse_broken(state, status, cm_buf_str(body))) {
        cm_idempotency_end(state, status, cm_buf_str(body));
        send_buf(state, status, "application/json; charset=utf-8", body);
    }
    cm_buf_done(body);
}

void cm_call_reply(cm_call *call, int status, const cm_schema *schema, const void *value) {
    cm_call_state *state = cm_call_state_of(call);
    if (!claim(state)) {
        return;
    }
    cm_buf body;
    cm_buf_init(&body, REPLY_BYTES_MAX);
    cm_json_writer w;
    cm_json_writer_init(&w, &body);
    cm_schema_encode(schema, value, &w);
    send_json(state, status, &body);
}

void cm_call_reply_json(cm_call *call, int status, cm_str json) {
    cm_call_state *state = cm_call_state_of(call);
    if (claim(state) && !refuse_broken(state, status, json)) {
        cm_idempotency_end(state, status, json);
        send_copy(state, status, "application/json; charset=utf-8", json);
    }
}

void cm_call_reply_bytes(cm_call *call, int status, const char *content_type, cm_str bytes) {
    cm_call_state *state = cm_call_state_of(call);
    if (claim(state)) {
        send_copy(state, status, content_type, bytes);
    }
}

void cm_call_reply_empty(cm_call *call, int status) {
    cm_call_state *state = cm_call_state_of(call);
    if (claim(state)) {
        cm_idempotency_end(state, status, CM_STR_EMPTY);
        send_copy(state, status, NULL, CM_STR_EMPTY);
    }
}

/* --- event streams --- */

void cm_call_stream_begin(cm_call *call) {
    cm_call_state *state = cm_call_state_of(call);
    if (claim(state)) {
        /* net/sse.h adds the content type and forbids caching. */
        add_header(state, "X-Request-Id", call->request_id);
        add_header(state, "X-Content-Type-Options", CM_STR("nosniff"));
        if (state->cors_origin.len > 0) {
            add_header(state, "Access-Control-Allow-Origin", state->cors_origin);
            add_header(state, "Vary", CM_STR("Origin"));
        }
        bool ours = state->error_shape == CM_ERROR_PROBLEM; /* not another product's stream */
        state->streaming =
            cm_sse_begin(call->exchange, ours ? RETRY_MS : 0, state->headers, state->header_count);
    }
}

cm_rc cm_call_stream_send(cm_call *call, const char *event, cm_str json, cm_err *err) {
    if (!cm_call_state_of(call)->streaming) {
        return cm_fail(err, CM_CANCELLED, "the client left before the stream began");
    }
    return cm_sse_event(call->exchange, event, NULL, json, err);
}

void cm_call_stream_end(cm_call *call) {
    cm_call_state *state = cm_call_state_of(call);
    if (state->streaming) {
        state->streaming = false;
        cm_sse_end(call->exchange);
    }
    release(state);
}

void cm_call_stream_fail(cm_call *call, cm_rc rc, const cm_err *err) {
    cm_call_state *state = cm_call_state_of(call);
    cm_problem problem = cm_problem_of(rc, err, call->request_id);
    cm_buf body;
    cm_buf_init(&body, CM_SSE_EVENT_MAX);
    cm_problem_write(&problem, state->error_shape, &body);
    log_failure(call, rc, err);
    state->answered_rc = rc;
    /* OpenAI and llama.cpp streams have unnamed chunks only. */
    const char *event = state->error_shape == CM_ERROR_PROBLEM ? "error" : NULL;
    if (cm_call_stream_send(call, event, cm_buf_str(&body), NULL) != CM_OK) {
        cm_log(CM_LOG_DEBUG, "client left before the error event",
               CM_S("request_id", call->request_id));
    }
    cm_buf_done(&body);
    cm_call_stream_end(call);
}
