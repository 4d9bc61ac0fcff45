/* route.h - the table of routes, generated from spec/openapi.yaml.
 *
 * Thread: any; constant data. */
#ifndef CM_API_GATEWAY_ROUTE_H
#define CM_API_GATEWAY_ROUTE_H

#include "base/schema.h"

#define CM_ROUTE_PARAMS_MAX   4
#define CM_ROUTE_SEGMENTS_MAX 12

typedef struct cm_call cm_call; /* call.h */
typedef void cm_handler(cm_call *call);

enum cm_method {
    CM_METHOD_GET,
    CM_METHOD_POST,
    CM_METHOD_PUT,
    CM_METHOD_PATCH,
    CM_METHOD_DELETE,
    CM_METHOD_COUNT
};

enum cm_stream { CM_STREAM_NONE, CM_STREAM_SSE };
enum cm_error_shape { CM_ERROR_PROBLEM, CM_ERROR_OPENAI, CM_ERROR_LLAMACPP };
/* DATABASE: the handler may wait for the database; what needs none must not wait behind it. */
enum cm_run { CM_RUN_WORKER, CM_RUN_LOOP, CM_RUN_DATABASE };

/* One shape a body may have (x-cm-dispatch). The first whose `required` members are all present is
 * taken; with `conflicts` present too the body is ambiguous. Members are paths: "debug_options/raw_prompt". */
typedef struct cm_route_body {
    const char *const *required;  /* NULL-terminated; NULL = always */
    const char *const *conflicts; /* NULL-terminated; NULL = none */
    const cm_schema *schema;
    const cm_schema *reply; /* of success in this dialect; NULL = the route's */
    unsigned dialect;       /* enum cm_api_<op>_dialect; 0 for routes with one shape */
    enum cm_error_shape error_shape;
} cm_route_body;

typedef struct cm_route_reply {
    int status;
    const cm_schema *schema; /* NULL = no JSON body */
} cm_route_reply;

typedef struct cm_route_param {
    const char *name;
    const cm_schema *schema;
} cm_route_param;

struct cm_route {
    enum cm_method method;
    const char *path; /* "/v1/repositories/{repo_id}" */
    const char *op;   /* "getRepository" */
    cm_handler *handler;
    const char *auth; /* "-", "U:search" ... (api.md 2.2) */
    const char *rate;
    uint32_t deadline_ms;
    uint32_t max_body; /* bytes; 0 = the route takes no body */
    enum cm_stream stream;
    enum cm_error_shape error_shape;
    enum cm_run run;
    bool idempotent; /* honours Idempotency-Key: see idempotency.h */
    bool body_required;
    const cm_route_param *params;
    uint32_t param_count;
    const cm_schema *query;     /* NULL = none */
    const char *const *accepts; /* content types of a body that the handler reads as bytes,
                                   NULL-terminated; NULL = JSON, by `bodies` */
    const cm_route_body *bodies;
    uint32_t body_count;
    const cm_route_reply *replies;
    uint32_t reply_count;
    const char *const *produces; /* content types of success, NULL-terminated; NULL = no body */
};
typedef struct cm_route cm_route;

extern const cm_route cm_routes[];
extern const uint32_t cm_route_count;

#endif
