/* gateway.c - the filters of gateway.h, in their order, and the way to the worker pool.
 *
 * A filter answers by itself and returns false, or returns true to go on. Filters that need the head
 * only run before the body is read, so that a refused upload costs no memory.
 *
 * The job holds the exchange until the handler has returned. A handler that hands its call to another
 * thread says so (cm_call_keep); one that merely forgets to answer gives a 500, from net/. */
#include "api/gateway/gateway.h"

#include "api/gateway/call_priv.h"
#include "api/gateway/decode.h"
#include "api/gateway/guard.h"
#include "api/gateway/router.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/uuid.h"

#include <pthread.h>
#include <stdarg.h>

#define DEADLINE_MS_MIN 50
#define DEADLINE_MS_MAX 600000
#define STATUS_CLASSES  6 /* 2xx..5xx at their own index */

#define CORS_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE"
#define CORS_HEADERS                                                                  \
    "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, Prefer, " \
    "X-API-Key, X-CodeMentor-Deadline-Ms, X-CodeMentor-Session, X-Request-Id"

typedef struct route_series {
    cm_series *requests[STATUS_CLASSES];
    cm_series *seconds;
} route_series;

struct cm_gateway {
    cm_gateway_config config;
    cm_arena *arena; /* router, series */
    cm_router *router;
    route_series *series; /* by route, and one for requests without a route */
    cm_series *in_flight_series;
    atomic_uint_fast64_t in_flight;
    atomic_uint_fast64_t last_active_ns;
    atomic_uint_fast64_t jobs; /* submitted and not yet returned */
    pthread_mutex_t lock;      /* for `idle` */
    pthread_cond_t idle;       /* jobs reached 0 */
};

typedef bool filter_fn(cm_call_state *state);

/* --- answers of filters --- */

cm_printf(3, 4) static bool refuse(cm_call_state *state, cm_rc rc, const char *format, ...) {
    cm_err err = {.rc = rc};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err.text, sizeof(err.text), format, arguments);
    va_end(arguments);
    cm_problem problem = cm_problem_of(rc, &err, state->call.request_id);
    cm_call_answer_problem(state, &problem);
    return false;
}

/* --- state --- */

static void state_free(void *user) {
    cm_call_state *state = user;
    json_decref(state->body_tree);
    json_decref(state->query_tree);
}

static cm_str request_id(const cm_http_head *head, cm_arena *arena) {
    cm_str given;
    if (cm_http_head_find(head, "X-Request-Id", &given) && cm_guard_request_id_ok(given)) {
        return given;
    }
    char text[CM_UUID_TEXT];
    cm_uuid id = cm_uuid_v7();
    cm_uuid_format(&id, text);
    return cm_arena_str(arena, cm_str_from(text));
}

static cm_call_state *state_new(cm_gateway *gateway, cm_exchange *exchange) {
    cm_arena *arena = cm_exchange_arena(exchange);
    cm_call_state *state = CM_ARENA_NEW(arena, cm_call_state);
    state->gateway = gateway;
    state->route_index = gateway->config.route_count;
    state->call.arena = arena;
    state->call.exchange = exchange;
    state->call.cancel = cm_exchange_cancel(exchange);
    state->call.services = gateway->config.services;
    state->store = gateway->config.store;
    state->call.request_id = request_id(cm_exchange_head(exchange), arena);
    cm_exchange_set_user(exchange, state, state_free);
    atomic_fetch_add(&gateway->in_flight, 1);
    cm_series_add(gateway->in_flight_series, 1);
    return state;
}

/* --- filters of the head --- */

static const cm_http_head *head_of(const cm_call_state *state) {
    return cm_exchange_head(state->call.exchange);
}

static bool check_host(cm_call_state *state) {
    const cm_http_head *head = head_of(state);
    cm_str host = CM_STR_EMPTY;
    cm_str second;
    size_t cursor = 0;
    bool given = cm_http_head_next(head, "Host", &cursor, &host);
    if (given ? cm_http_head_next(head, "Host", &cursor, &second) : head->minor > 0) {
        return refuse(state, CM_INVALID, "an HTTP/1.1 request has exactly one Host header");
    }
    if (state->gateway->config.local_mode && given && !head->local &&
        !cm_guard_host_is_loopback(host)) {
        return refuse(state, CM_HOST_NOT_ALLOWED,
                      "in local mode Host must be localhost or a loopback address; "
                      "for other machines set auth.mode and http.listen");
    }
    return true;
}

static bool check_origin(cm_call_state *state) {
    const cm_http_head *head = head_of(state);
    cm_str origin;
    cm_str host = CM_STR_EMPTY;
    if (head->local || !cm_http_head_find(head, "Origin", &origin)) {
        return true;
    }
    (void)!cm_http_head_find(head, "Host", &host);
    const cm_settings *settings = cm_settings_take(state->gateway->config.settings);
    bool allowed = cm_guard_origin_allowed(origin, host, head->tls, settings->http.cors_origins);
    cm_settings_unref(settings);
    if (!allowed) {
        return refuse(state, CM_ORIGIN_NOT_ALLOWED,
                      "origin is not in the setting http.cors_origins");
    }
    state->cors_origin = origin;
    return true;
}

/* A browser says with every request where it comes from, also when it sends no Origin (a link, an image, a form).
 * Another site's page may send one only when its origin is listed: that is check_origin's to say. */
static bool check_fetch_site(cm_call_state *state) {
    const cm_http_head *head = head_of(state);
    cm_str site;
    if (!state->gateway->config.local_mode || head->local || state->cors_origin.len > 0 ||
        !cm_http_head_find(head, "Sec-Fetch-Site", &site) || cm_guard_fetch_site_allowed(site)) {
        return true;
    }
    return refuse(state, CM_ORIGIN_NOT_ALLOWED,
                  "a page of another site asks; list its origin in http.cors_origins");
}

static bool answer_options(cm_call_state *state, const cm_route_match *match) {
    cm_buf allow;
    cm_buf_init(&allow, 128);
    cm_method_list(match->methods, &allow);
    cm_call_add_header(&state->call, "Allow", cm_buf_str(&allow));
    cm_buf_done(&allow);
    if (state->cors_origin.len > 0) {
        cm_call_add_header(&state->call, "Access-Control-Allow-Methods", CM_STR(CORS_METHODS));
        cm_call_add_header(&state->call, "Access-Control-Allow-Headers", CM_STR(CORS_HEADERS));
        cm_call_add_header(&state->call, "Access-Control-Max-Age", CM_STR("600"));
    }
    cm_call_reply_empty(&state->call, 204);
    return false;
}

static bool refuse_method(cm_call_state *state, const cm_route_match *match) {
    cm_buf allow;
    cm_buf_init(&allow, 128);
    cm_method_list(match->methods, &allow);
    cm_call_add_header(&state->call, "Allow", cm_buf_str(&allow));
    refuse(state, CM_METHOD_NOT_ALLOWED, "this path takes %s", cm_buf_c(&allow));
    cm_buf_done(&allow);
    return false;
}

static bool check_params(cm_call_state *state, const cm_route_match *match) {
    const cm_route *route = match->route;
    for (uint32_t i = 0; i < route->param_count; i++) {
        if (!cm_schema_check_text(route->params[i].schema, match->params[i])) {
            return refuse(state, CM_NOT_FOUND, "no %s like this one", route->params[i].name);
        }
        state->call.path[i] = match->params[i];
    }
    return true;
}

static bool find_route(cm_call_state *state) {
    const cm_http_head *head = head_of(state);
    cm_gateway *gateway = state->gateway;
    bool head_only = cm_str_eq_c(head->method, "HEAD");
    enum cm_method method = head_only ? CM_METHOD_GET : cm_method_parse(head->method);
    cm_route_match match;
    if (!cm_router_match(gateway->router, method, head->path, state->call.arena, &match)) {
        return refuse(state, CM_NOT_FOUND, "no such path; GET /openapi.json lists them");
    }
    if (cm_str_eq_c(head->method, "OPTIONS")) {
        return answer_options(state, &match);
    }
    if (!match.route) {
        return refuse_method(state, &match);
    }
    state->call.route = match.route;
    state->route_index = (uint32_t)(match.route - gateway->config.routes);
    state->error_shape = match.route->error_shape;
    return check_params(state, &match);
}

/* Local mode asks for no credential: whoever reaches the server is its owner. */
static bool find_caller(cm_call_state *state) {
    state->call.caller = state->gateway->config.local_caller;
    return true;
}

static bool check_accept(cm_call_state *state) {
    const cm_route *route = state->call.route;
    cm_str accept;
    if (!route->produces || !cm_http_head_find(head_of(state), "Accept", &accept) ||
        cm_str_trim(accept).len == 0 || cm_guard_accepts(accept, route->produces)) {
        return true;
    }
    return refuse(state, CM_NOT_ACCEPTABLE, "this path answers with %s", route->produces[0]);
}

/* A body is announced by its length or by chunked coding (RFC 9112 section 6). */
static bool has_body(const cm_http_head *head) {
    cm_str length;
    cm_str coding;
    return cm_http_head_find(head, "Transfer-Encoding", &coding) ||
           (cm_http_head_find(head, "Content-Length", &length) && !cm_str_eq_c(length, "0"));
}

/* `value` is one of the types the route takes; "" when none was said. */
static bool is_accepted(const cm_route *route, cm_str value) {
    static const char *const json[] = {"application/json", NULL};
    const char *const *type = route->accepts ? route->accepts : json;
    while (*type && !cm_guard_content_type_is(value, *type)) {
        type++;
    }
    return *type != NULL;
}

static bool check_content(cm_call_state *state) {
    const cm_http_head *head = head_of(state);
    cm_str value = CM_STR_EMPTY;
    if (state->call.route->max_body == 0 || !has_body(head)) {
        return true;
    }
    if (cm_http_head_find(head, "Content-Encoding", &value) &&
        !cm_str_eq_nocase(value, CM_STR("identity"))) {
        return refuse(state, CM_UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding");
    }
    value = CM_STR_EMPTY;
    const cm_route *route = state->call.route;
    (void)!cm_http_head_find(head, "Content-Type", &value);
    if (!is_accepted(route, value)) {
        return refuse(state, CM_UNSUPPORTED_MEDIA_TYPE, "send the body as Content-Type: %s",
                      route->accepts ? route->accepts[0] : "application/json");
    }
    return true;
}

static bool read_preferences(cm_call_state *state) {
    const cm_http_head *head = head_of(state);
    cm_str value;
    uint64_t ms = state->call.route->deadline_ms;
    if (cm_http_head_find(head, "X-CodeMentor-Deadline-Ms", &value)) {
        if (!cm_str_to_u64(value, &ms)) {
            return refuse(state, CM_INVALID,
                          "X-CodeMentor-Deadline-Ms must be a whole number of milliseconds");
        }
        ms = CM_MIN(CM_MAX(ms, (uint64_t)DEADLINE_MS_MIN), (uint64_t)DEADLINE_MS_MAX);
    }
    state->call.deadline_ns = ms * 1000000; /* relative until the body is there */
    state->call.strict =
        cm_http_head_find(head, "Prefer", &value) && cm_guard_has_word(value, "handling=strict");
    return true;
}

static size_t on_head(void *user, cm_exchange *exchange) {
    static filter_fn *const filters[] = {check_host,    check_origin,    check_fetch_site,
                                         find_route,    find_caller,     check_accept,
                                         check_content, read_preferences};
    cm_call_state *state = state_new(user, exchange);
    for (size_t i = 0; i < CM_COUNT(filters); i++) {
        if (!filters[i](state)) {
            return 0;
        }
    }
    const cm_route *route = state->call.route;
    if (route->accepts) { /* large, and over slow lines */
        cm_exchange_set_body_ms(exchange, route->deadline_ms);
    }
    return route->max_body;
}

/* --- the body is there --- */

static void run_call(cm_call_state *state) {
    cm_call *call = &state->call;
    cm_err err;
    cm_rc rc = cm_cancel_check(call->cancel, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err); /* gone, or over its deadline, while it waited in the queue */
    } else if (cm_call_decode(state) && cm_idempotency_begin(state)) {
        call->route->handler(call);
    }
}

static void job_done(cm_gateway *gateway) {
    if (atomic_fetch_sub(&gateway->jobs, 1) == 1) {
        pthread_mutex_lock(&gateway->lock);
        pthread_cond_broadcast(&gateway->idle);
        pthread_mutex_unlock(&gateway->lock);
    }
}

static void run_job(void *argument, unsigned worker) {
    cm_call_state *state = argument;
    cm_gateway *gateway = state->gateway;
    cm_exchange *exchange = state->call.exchange;
    state->call.worker = worker;
    const cm_cancel *before = cm_store_bind(state->call.cancel);
    run_call(state);
    cm_store_bind(before);
    cm_exchange_unref(exchange);
    job_done(gateway);
}

void cm_gateway_wait(cm_gateway *gateway) {
    pthread_mutex_lock(&gateway->lock);
    while (atomic_load(&gateway->jobs) > 0) {
        pthread_cond_wait(&gateway->idle, &gateway->lock);
    }
    pthread_mutex_unlock(&gateway->lock);
}

static cm_pool *pool_of(const cm_gateway *gateway, const cm_call *call) {
    const cm_route *route = call->route;
    bool waits = route->run == CM_RUN_DATABASE ||
                 (route->idempotent && cm_call_header(call, "Idempotency-Key").len > 0);
    return waits && gateway->config.database_pool != NULL ? gateway->config.database_pool
                                                          : gateway->config.pool;
}

static void on_request(void *user, cm_exchange *exchange) {
    cm_gateway *gateway = user;
    cm_call_state *state = cm_exchange_user(exchange);
    cm_call *call = &state->call;
    cm_err err;
    call->started_ns = cm_exchange_received_ns(exchange);
    call->deadline_ns += call->started_ns;
    cm_cancel_set_deadline(call->cancel, call->deadline_ns);
    if (call->route->run == CM_RUN_LOOP) {
        run_call(state);
        return;
    }
    cm_exchange_ref(exchange);
    atomic_fetch_add(&gateway->jobs, 1);
    cm_rc rc = cm_pool_submit(pool_of(gateway, call), CM_INTERACTIVE, run_job, state, &err);
    if (rc != CM_OK) {
        job_done(gateway);
        cm_call_fail(call, rc, &err);
        cm_exchange_unref(exchange);
    }
}

/* --- faults of the server below, and the end --- */

static void on_fault(void *user, cm_exchange *exchange, const cm_err *err) {
    cm_call_state *state = cm_exchange_user(exchange);
    if (!state) {
        state = state_new(user, exchange);
    }
    cm_problem problem = cm_problem_of(err->rc, err, state->call.request_id);
    cm_call_answer_problem(state, &problem);
}

static void count_request(cm_call_state *state, const cm_http_summary *summary, double seconds) {
    cm_gateway *gateway = state->gateway;
    const route_series *series = &gateway->series[state->route_index];
    cm_rc rc = (cm_rc)atomic_load(&state->answered_rc);
    int status_class = CM_MIN(CM_MAX(summary->status / 100, 2), STATUS_CLASSES - 1);
    cm_series_add(series->requests[status_class], 1);
    cm_series_observe(series->seconds, seconds);
    if (rc != CM_OK) {
        cm_series_add(cm_metrics_series(gateway->config.metrics, CM_METRIC_HTTP_FAULTS_TOTAL,
                                        cm_err_info_get(rc)->slug, NULL),
                      1);
    }
    cm_series_add(gateway->in_flight_series, -1);
    atomic_fetch_sub(&gateway->in_flight, 1);
    atomic_store(&gateway->last_active_ns, cm_clock_ns());
}

static void log_request(const cm_call_state *state, const cm_http_summary *summary, double ms) {
    const cm_http_head *head = head_of(state);
    cm_rc rc = (cm_rc)atomic_load(&state->answered_rc);
    cm_log(CM_LOG_INFO, "request", CM_S("method", head->method), CM_S("path", head->path),
           CM_I("status", summary->status), CM_R("ms", ms), CM_I("bytes", summary->bytes_out),
           CM_F("op", state->call.route ? state->call.route->op : "-"),
           CM_F("code", rc == CM_OK ? "-" : cm_err_info_get(rc)->slug),
           CM_S("request_id", state->call.request_id));
}

static void on_done(void *user, cm_exchange *exchange, const cm_http_summary *summary) {
    (void)user;
    cm_call_state *state = cm_exchange_user(exchange);
    if (state) {
        double seconds = (double)(summary->handle_ns + summary->write_ns) / 1e9;
        count_request(state, summary, seconds);
        log_request(state, summary, seconds * 1e3);
    }
}

/* --- life --- */

static void series_new(cm_gateway *gateway) {
    static const char *const classes[STATUS_CLASSES] = {"", "", "2xx", "3xx", "4xx", "5xx"};
    cm_metrics *metrics = gateway->config.metrics;
    uint32_t count = gateway->config.route_count;
    gateway->series = cm_arena_alloc(gateway->arena, (count + 1) * sizeof(route_series));
    for (uint32_t i = 0; metrics && i <= count; i++) {
        const char *op = i < count ? gateway->config.routes[i].op : "none";
        for (int c = 2; c < STATUS_CLASSES; c++) {
            gateway->series[i].requests[c] =
                cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_TOTAL, op, classes[c], NULL);
        }
        gateway->series[i].seconds =
            cm_metrics_series(metrics, CM_METRIC_HTTP_REQUEST_SECONDS, op, NULL);
    }
    gateway->in_flight_series = cm_metrics_series(metrics, CM_METRIC_HTTP_REQUESTS_IN_FLIGHT, NULL);
}

cm_rc cm_gateway_new(const cm_gateway_config *config, cm_gateway **ret_gateway, cm_err *err) {
    cm_gateway *gateway = CM_NEW(cm_gateway);
    gateway->config = *config;
    gateway->arena = cm_arena_new(0);
    pthread_mutex_init(&gateway->lock, NULL);
    pthread_cond_init(&gateway->idle, NULL);
    atomic_store(&gateway->last_active_ns, cm_clock_ns());
    cm_rc rc =
        cm_router_new(config->routes, config->route_count, gateway->arena, &gateway->router, err);
    if (rc != CM_OK) {
        cm_gateway_free(gateway);
        return rc;
    }
    series_new(gateway);
    *ret_gateway = gateway;
    return CM_OK;
}

void cm_gateway_free(cm_gateway *gateway) {
    if (gateway) {
        pthread_cond_destroy(&gateway->idle);
        pthread_mutex_destroy(&gateway->lock);
        cm_arena_free(gateway->arena);
        cm_free(gateway);
    }
}

cm_http_handler cm_gateway_handler(cm_gateway *gateway) {
    return (cm_http_handler){.user = gateway,
                             .on_head = on_head,
                             .on_request = on_request,
                             .on_fault = on_fault,
                             .on_done = on_done};
}

uint64_t cm_gateway_in_flight(const cm_gateway *gateway) {
    return atomic_load(&gateway->in_flight);
}

uint64_t cm_gateway_last_active_ns(const cm_gateway *gateway) {
    return atomic_load(&gateway->last_active_ns);
}

cm_metrics *cm_gateway_metrics(const cm_gateway *gateway) {
    return gateway->config.metrics;
}
