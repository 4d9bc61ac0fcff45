/* lookup.c - see lookup.h. */
#include "base/base.h"

#include "api/lookup.h"
#include "api/services.h"
#include "store/q/workspaces.h"

cm_db cm_call_db(const cm_call *call) {
    const cm_services *services = call->services;
    return cm_store_as(services->store, call->caller.user_id);
}

cm_rc cm_call_find_repository(cm_call *call, cm_str id, cm_repository **ret_repository,
                              cm_err *err) {
    const cm_services *services = call->services;
    cm_uuid uuid;
    cm_rc rc = cm_uuid_parse(id, &uuid)
                   ? cm_repositories_find(services->repositories, &call->caller, &uuid,
                                          ret_repository, err)
                   : CM_NOT_FOUND;
    return rc == CM_NOT_FOUND ? cm_fail(err, CM_NOT_FOUND,
                                        "there is no repository '" CM_STR_FMT "'", CM_STR_ARG(id))
                              : rc;
}

cm_repository *cm_call_repository(cm_call *call) {
    cm_repository *repository = NULL;
    cm_err err;
    cm_rc rc = cm_call_find_repository(call, call->path[0], &repository, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return NULL;
    }
    if (repository == NULL) {
        cm_fail(&err, CM_INDEX_NOT_READY,
                "the repository was never indexed; POST /v1/repositories/index does it");
        cm_call_fail_extra(call, err.rc, &err, CM_STR("\"progress\":0"));
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

cm_rc cm_call_workspace(cm_call *call, cm_str name, cm_uuid *ret_id, cm_err *err) {
    if (name.len == 0 || cm_str_eq_c(name, "default")) {
        *ret_id = call->caller.workspace_id;
        return CM_OK;
    }
    cm_db db = cm_call_db(call);
    cm_q_workspaces_get_in in = {0};
    cm_row_workspaces row;
    cm_rc rc = cm_uuid_parse(name, &in.id) ? cm_q_workspaces_get(&db, &in, call->arena, &row, err)
                                           : CM_NOT_FOUND;
    if (rc == CM_NOT_FOUND) {
        return cm_fail(err, CM_NOT_FOUND,
                       "there is no workspace '" CM_STR_FMT "'; \"default\" is your own",
                       CM_STR_ARG(name));
    }
    if (rc == CM_OK) {
        *ret_id = row.id;
    }
    return rc;
}

cm_str cm_uuid_text(cm_arena *arena, const cm_uuid *id) {
    char text[CM_UUID_TEXT];
    if (cm_uuid_is_nil(id)) {
        return CM_STR_EMPTY;
    }
    cm_uuid_format(id, text);
    return cm_arena_str(arena, cm_str_from(text));
}
