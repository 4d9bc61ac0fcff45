/* router.h - finds the route of a method and a path.
 *
 * A trie over path segments. A literal segment beats a parameter, and the choice is final: GET
 * /v1/repositories/index is the path of createIndex (405), never a repository called "index".
 * Segments are percent-decoded before they are compared. An empty segment, so also a trailing
 * slash, matches nothing.
 *
 * Thread: any once built. */
#ifndef CM_API_GATEWAY_ROUTER_H
#define CM_API_GATEWAY_ROUTER_H

#include "api/gateway/route.h"
#include "base/arena.h"

typedef struct cm_router cm_router;

/* Lives in `arena`; `routes` is borrowed. CM_INVALID: two routes have the same method and path. */
cm_rc cm_router_new(const cm_route *routes, uint32_t count, cm_arena *arena, cm_router **ret_router,
                    cm_err *err) cm_must_check;

typedef struct cm_route_match {
    const cm_route *route; /* NULL: the path does not take this method */
    uint32_t methods;      /* of this path: bit i = enum cm_method i */
    cm_str params[CM_ROUTE_PARAMS_MAX];
} cm_route_match;

/* False when no route has this path. `method` CM_METHOD_COUNT looks for the path alone. Decoded
 * parameters are copied into `arena` when they held escapes. */
bool cm_router_match(const cm_router *router, enum cm_method method, cm_str path, cm_arena *arena,
                     cm_route_match *ret_match) cm_must_check;

/* "GET" ...; CM_METHOD_COUNT when it is none of ours. HEAD is GET without a body: see gateway.c. */
enum cm_method cm_method_parse(cm_str text);
/* "GET, HEAD, POST, OPTIONS" */
void cm_method_list(uint32_t methods, cm_buf *out);

#endif
