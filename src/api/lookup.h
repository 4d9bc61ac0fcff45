/* lookup.h - what many handlers look up first. */
#ifndef CM_API_LOOKUP_H
#define CM_API_LOOKUP_H

#include "api/gateway/call.h"
#include "repository/repository.h"

/* The database as this caller may see it. */
cm_db cm_call_db(const cm_call *call);
/* The open repository of this id; NULL in *ret_repository when it was never opened. CM_NOT_FOUND also when it is
 * not the caller's to see; CM_DATABASE_UNAVAILABLE, CM_TIMEOUT. */
cm_rc cm_call_find_repository(cm_call *call, cm_str id, cm_repository **ret_repository,
                              cm_err *err) cm_must_check;
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
