/* etag.h - validators of replies: the hash of what would be sent (RFC 9110, "ETag").
 *
 * Thread: any. */
#ifndef CM_API_ETAG_H
#define CM_API_ETAG_H

#include "api/gateway/call.h"

/* `"<32 hex digits>"`, quotes included, of `value` as `schema` encodes it. */
cm_str cm_etag_of(const cm_schema *schema, const void *value, cm_arena *arena);
/* Whether a list as in If-None-Match or If-Match names this one; "*" names all. */
bool cm_etag_listed(cm_str list, cm_str etag);
/* Sends the ETag header with the reply to come; when the client has this version already, answers
 * 304 and returns true. */
bool cm_call_not_modified(cm_call *call, cm_str etag);

#endif
