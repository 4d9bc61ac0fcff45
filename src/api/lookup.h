/* lookup.h - what many handlers look up first. */
#ifndef CM_API_LOOKUP_H
#define CM_API_LOOKUP_H

#include "api/gateway/call.h"
#include "repository/repository.h"

/* Whether the first path parameter names a registered repository, indexed or not. */
bool cm_call_repository_exists(cm_call *call);
/* The open repository named by the first path parameter, a reference; or NULL after answering 404, or
 * 409 index_not_ready when it was registered and never indexed. */
cm_repository *cm_call_repository(cm_call *call);
/* Its snapshot, a reference; or NULL after answering 404 or 409 index_not_ready. */
cm_snapshot *cm_call_snapshot(cm_call *call);

/* A workspace as callers name it: empty and "default" are the caller's own. CM_NOT_FOUND. */
cm_rc cm_call_workspace(cm_call *call, cm_str name, cm_uuid *ret_id, cm_err *err) cm_must_check;

/* In lower-case text; empty for the nil UUID. */
cm_str cm_uuid_text(cm_arena *arena, const cm_uuid *id);

#endif
