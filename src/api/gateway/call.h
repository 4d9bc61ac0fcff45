/* call.h - one API call, as its handler sees it.
 *
 * The gateway has done all that does not differ between routes: limits, Host and Origin, content
 * types, decoding and validation. Structs, schemas and the prototypes of all handlers are in the
 * generated api/api_gen.h. A handler reads `input` and `query`, does its work through
 * `services`, and answers exactly once with one of the cm_call_reply_* functions, cm_call_fail or an
 * event stream.
 *
 *     void cm_h_get_repository(cm_call *call) {
 *         cm_api_repository reply = {0};
 *         cm_err err;
 *         cm_rc rc = find(call->services, call->path[0], call->arena, &reply, &err);
 *         if (rc != CM_OK) {
 *             cm_call_fail(call, rc, &err);
 *             return;
 *         }
 *         cm_call_reply(call, 200, &cm_api_repository_schema, &reply);
 *     }
 *
 * A call may outlive its handler: one that hands `call` to another thread calls cm_call_keep and
 * returns without an answer; that thread answers, and must not touch the call afterwards.
 *
 * Thread: a handler runs on a worker of the pool, or on the loop thread when its route says
 * `x-cm-run: loop` (then it must not block). The reply functions may be called from any one thread. */
#ifndef CM_API_GATEWAY_CALL_H
#define CM_API_GATEWAY_CALL_H

#include "api/gateway/route.h"
#include "base/arena.h"
#include "base/schema.h"
#include "rt/cancel.h"
#include "store/store.h"

typedef struct cm_exchange cm_exchange; /* net/http.h */

struct cm_call {
    const cm_route *route;
    cm_str request_id; /* as given by X-Request-Id, or made here */
    cm_str
        path[CM_ROUTE_PARAMS_MAX]; /* parameters in order of the path, percent-decoded, validated */
    const void *query;             /* cm_api_<op>_query, NULL when the route has no query */
    const void *input;             /* decoded body, NULL when there is none: see `dialect` */
    const json_t *body;            /* the same as parsed; borrowed */
    unsigned dialect;     /* index into the route's bodies (x-cm-dispatch); 0 when only one */
    cm_arena *arena;      /* lives as long as the call */
    cm_cancel *cancel;    /* fires when the client leaves, on the deadline, on shutdown */
    uint64_t started_ns;  /* last byte of the request */
    uint64_t deadline_ns; /* on the cm_clock_ns scale */
    unsigned worker;      /* index of the worker the handler runs on */
    bool strict;          /* Prefer: handling=strict */
    cm_caller caller;     /* who asks: goes with every look-up by id */
    void *services;       /* the application's context, shared by all handlers */
    cm_exchange *exchange;
};

/* The call will be answered after its handler has returned. */
void cm_call_keep(cm_call *call);

/* Request header, empty when absent. */
cm_str cm_call_header(const cm_call *call, const char *name);

/* The body as it was sent, for routes that take other types than JSON. */
cm_str cm_call_body(const cm_call *call);

/* Adds a header to the reply. Before the reply only. */
void cm_call_add_header(cm_call *call, const char *name, cm_str value);

/* Answers with `value` encoded by `schema`. */
void cm_call_reply(cm_call *call, int status, const cm_schema *schema, const void *value);
/* Answers with JSON the handler wrote itself; checked against the route's schema in test builds. */
void cm_call_reply_json(cm_call *call, int status, cm_str json);
/* Answers with any bytes. `content_type` is a literal. */
void cm_call_reply_bytes(cm_call *call, int status, const char *content_type, cm_str bytes);
void cm_call_reply_empty(cm_call *call, int status); /* 204, 202 ... */

/* Answers with a problem (RFC 9457) or the route's own error shape. `err` may be NULL. */
void cm_call_fail(cm_call *call, cm_rc rc, const cm_err *err);
/* The same with faults, and with members of the code's own (`"limit": 4096`): `extra` is the text
 * of JSON members without braces, or empty. */
void cm_call_fail_faults(cm_call *call, const cm_faults *faults);
void cm_call_fail_extra(cm_call *call, cm_rc rc, const cm_err *err, cm_str extra);

/* Event stream (text/event-stream). After cm_call_stream_begin the status is 200 and faults are events.
 * `event` NULL = an unnamed `data:` chunk (OpenAI). CM_CANCELLED once the client has left. */
void cm_call_stream_begin(cm_call *call);
cm_rc cm_call_stream_send(cm_call *call, const char *event, cm_str json, cm_err *err) cm_must_check;
/* Ends the stream. cm_call_stream_fail sends the error event of the route's shape first. */
void cm_call_stream_end(cm_call *call);
void cm_call_stream_fail(cm_call *call, cm_rc rc, const cm_err *err);

#endif
