/* gateway.h - from an HTTP exchange to a handler and back: everything that does not differ by route.
 *
 * In order, on the loop thread when the head is complete: request id, Host and Origin, path and method,
 * Accept, content type, body limit, deadline; when the body is complete a job goes to the worker pool
 * (503 when its queue is full), which decodes and validates the body and runs the handler. A request
 * refused at any step never reaches the next one. Handlers of routes with `x-cm-run: loop` run on the
 * loop thread at once; those with `x-cm-run: database`, and requests with an Idempotency-Key, on a pool of their own,
 * so that a database that is slow or silent delays no completion and no search. A handler's waits for the
 * database end with the request's deadline (cm_store_bind).
 *
 * Each answer gets X-Request-Id and the security headers, one line in the log, and is counted.
 *
 * Thread: new and free on the main thread, before the server starts and after it is gone. */
#ifndef CM_API_GATEWAY_GATEWAY_H
#define CM_API_GATEWAY_GATEWAY_H

#include "api/gateway/route.h"
#include "net/http.h"
#include "rt/metrics.h"
#include "rt/pool.h"
#include "rt/settings.h"
#include "store/store.h"

typedef struct cm_gateway cm_gateway;

typedef struct cm_gateway_config {
    const cm_route *routes; /* cm_routes, cm_route_count */
    uint32_t route_count;
    cm_pool *pool;
    cm_pool *database_pool;     /* of routes with x-cm-run: database; NULL = the same */
    cm_metrics *metrics;        /* may be NULL */
    void *services;             /* given to handlers as call->services */
    bool local_mode;            /* loopback Host only, no credentials */
    cm_caller local_caller;     /* who every caller of local mode is */
    cm_store *store;            /* of the keys of idempotent requests; NULL = none are kept */
    cm_settings_cell *settings; /* borrowed */
} cm_gateway_config;

/* `config` is copied. CM_INVALID: two routes that answer to one path. */
cm_rc cm_gateway_new(const cm_gateway_config *config, cm_gateway **ret_gateway,
                     cm_err *err) cm_must_check;
void cm_gateway_free(cm_gateway *gateway); /* NULL is allowed */
/* To be given to cm_http_server_new; borrows the gateway. */
cm_http_handler cm_gateway_handler(cm_gateway *gateway);
/* Requests received and not yet answered (for idle exit and drain). */
uint64_t cm_gateway_in_flight(const cm_gateway *gateway);
/* Blocks until every handler that was started or waits for a worker has returned. After the server has
 * drained: its clients are gone then, but a request of theirs may still be at work. */
void cm_gateway_wait(cm_gateway *gateway);
/* cm_clock_ns of the last request's end; of the start when there was none. */
uint64_t cm_gateway_last_active_ns(const cm_gateway *gateway);
/* What GET /metrics prints; NULL when there are none. */
cm_metrics *cm_gateway_metrics(const cm_gateway *gateway);

#endif
