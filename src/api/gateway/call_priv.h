/* call_priv.h - what the gateway and the reply functions know of a call, beyond what handlers see. */
#ifndef CM_API_GATEWAY_CALL_PRIV_H
#define CM_API_GATEWAY_CALL_PRIV_H

#include "api/gateway/call.h"
#include "api/gateway/gateway.h"
#include "api/gateway/problem.h"

#include <stdatomic.h>

#define CM_CALL_HEADERS_MAX 16

/* Lives in the exchange's arena, is the exchange's user data. */
typedef struct cm_call_state {
    cm_call call; /* first, so that a cm_call is a cm_call_state */
    cm_gateway *gateway;
    cm_store *store;      /* the gateway's */
    uint32_t route_index; /* of the metrics; route_count = no route */
    enum cm_error_shape error_shape;
    const cm_schema *reply; /* of success in this dialect; NULL = the route's */
    cm_str cors_origin;     /* allowed origin that wants to see the reply; empty = none */
    json_t *body_tree;
    json_t *query_tree;
    atomic_int answered_rc; /* cm_rc of the problem that was answered; CM_OK = none */
    atomic_bool answered;   /* claimed by the first answer */
    cm_str idempotency_key; /* this call's reply is to be kept under it; empty = none */
    bool streaming;         /* an event stream is open */
    bool keeps_exchange;    /* cm_call_keep: a reference that the answer drops */
    cm_http_header headers[CM_CALL_HEADERS_MAX];
    size_t header_count;
} cm_call_state;

static inline cm_call_state *cm_call_state_of(cm_call *call) {
    return (cm_call_state *)call;
}

/* idempotency.c: the request goes on, or was answered (replayed or refused). */
bool cm_idempotency_begin(cm_call_state *state);
/* The reply is about to be sent: kept when it is a success with JSON or no body, else the key is free again. */
void cm_idempotency_end(cm_call_state *state, int status, cm_str json);

/* Answers with a problem in the shape of the call, whatever step it failed at. */
void cm_call_answer_problem(cm_call_state *state, const cm_problem *problem);

#endif
