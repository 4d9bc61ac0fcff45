/* lookup.c - see lookup.h. */
#include "base/base.h"

#include "api/lookup.h"
#include "api/services.h"

cm_repository *cm_call_repository(cm_call *call) {
    const cm_services *services = call->services;
    cm_uuid id;
    cm_err err;
    cm_repository *repository =
        cm_uuid_parse(call->path[0], &id) ? cm_indexer_find(services->indexer, &id) : NULL;
    if (repository == NULL) {
        cm_rc rc = cm_fail(&err, CM_NOT_FOUND, "there is no repository '" CM_STR_FMT "'",
                           CM_STR_ARG(call->path[0]));
        cm_call_fail(call, rc, &err);
    }
    return repository;
}

cm_snapshot *cm_call_snapshot(cm_call *call) {
    cm_repository *repository = cm_call_repository(call);
    if (repository == NULL) {
        return NULL;
    }
    cm_snapshot *snapshot = cm_repository_snapshot(repository);
    if (snapshot == NULL) {
        cm_index_progress progress;
        cm_err err;
        cm_repository_progress(repository, &progress);
        cm_rc rc = cm_fail(&err, CM_INDEX_NOT_READY, "the repository is still being indexed");
        cm_str extra = cm_arena_fmt(call->arena, "\"progress\":%.3f", progress.progress);
        cm_call_fail_extra(call, rc, &err, extra);
    }
    cm_repository_unref(repository);
    return snapshot;
}
