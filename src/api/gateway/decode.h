/* decode.h - query and body of a call into the structs of its route. */
#ifndef CM_API_GATEWAY_DECODE_H
#define CM_API_GATEWAY_DECODE_H

#include "api/gateway/call_priv.h"

/* Fills call->query, call->body, call->input, call->dialect. False: a problem was answered. */
bool cm_call_decode(cm_call_state *state) cm_must_check;

/* The first of a route's bodies that fits `value`: CM_UNKNOWN_DIALECT when none does,
 * CM_AMBIGUOUS_DIALECT when it also has what that body refuses. */
cm_rc cm_route_choose_body(const cm_route_body *bodies, uint32_t count, const json_t *value,
                           const cm_route_body **ret_body, cm_err *err) cm_must_check;

#endif
