/* local.c - the account of somebody who runs this for themselves. */
#include "store/store_priv.h"

#include "store/q/users.h"
#include "store/q/workspaces.h"

static cm_rc get_owner(const cm_db *db, cm_arena *arena, cm_uuid *ret_id, cm_err *err) {
    cm_row_users user;
    cm_rc rc = cm_q_users_local(db, arena, &user, err);
    if (rc == CM_OK) {
        *ret_id = user.id;
    }
    if (rc != CM_NOT_FOUND) {
        return rc;
    }
    cm_q_users_insert_in in = {
        .id = cm_uuid_v7(),
        .email = CM_STR("local@localhost"),
        .username = CM_STR("local"),
        .name = CM_STR("Local user"),
        .is_verified = true,
        .role = CM_STR("admin"),
    };
    rc = cm_q_users_insert(db, &in, err);
    if (rc == CM_OK) {
        *ret_id = in.id;
    }
    return rc;
}

cm_rc cm_store_personal_workspace(const cm_db *db, cm_uuid owner, cm_uuid *ret_id, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_row_workspaces workspace;
    cm_rc rc = cm_q_workspaces_personal_of(db, &(cm_q_workspaces_personal_of_in){.owner_id = owner},
                                           arena, &workspace, err);
    if (rc == CM_OK) {
        *ret_id = workspace.id;
    }
    if (rc != CM_NOT_FOUND) {
        return rc;
    }
    cm_q_workspaces_insert_in in = {
        .id = cm_uuid_v7(),
        .owner_id = owner,
        .name = CM_STR("Personal"),
        .is_personal = true,
    };
    rc = cm_q_workspaces_insert(db, &in, err);
    if (rc == CM_OK) {
        *ret_id = in.id;
    }
    return rc;
}

static cm_rc get_local(const cm_db *db, void *argument, cm_err *err) {
    cm_store_local *local = argument;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_rc rc = get_owner(db, arena, &local->user_id, err);
    return rc == CM_OK ? cm_store_personal_workspace(db, local->user_id, &local->workspace_id, err)
                       : rc;
}

cm_rc cm_store_local_get(cm_store *store, cm_store_local *ret_local, cm_err *err) {
    cm_db db = cm_store_system(store);
    cm_store_local local = {0};
    cm_rc rc = cm_db_write(&db, CM_FULL, get_local, &local, err);
    if (rc == CM_OK) {
        *ret_local = local;
    }
    return rc;
}
