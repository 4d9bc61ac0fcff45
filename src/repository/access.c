/* access.c - what a caller may see: repositories and jobs looked up for somebody.
 *
 * The rows know (tenancy of the queries, row-level security), but a search or a completion must not wait for the
 * database. An open repository therefore carries the workspace its row names, which never changes: a caller in that
 * very workspace is let in at once, and only for workspaces that one is a member of the rows are asked. */
#include "base/base.h"

#include "repository/registry_priv.h"
#include "store/q/repositories.h"

static cm_rc check_visible(const cm_repositories *r, const cm_caller *caller, const cm_uuid *id,
                           cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_as(r->options.store, caller->user_id);
    cm_row_repositories row;
    cm_q_repositories_get_in in = {.id = *id};
    return cm_q_repositories_get(&db, &in, arena, &row, err);
}

cm_rc cm_repositories_find(cm_repositories *repositories, const cm_caller *caller,
                           const cm_uuid *id, cm_repository **ret_repository, cm_err *err) {
    cm_repository *repository = cm_indexer_find(repositories->options.indexer, id);
    if (repository == NULL || !cm_repository_is_of(repository, &caller->workspace_id)) {
        cm_rc rc = check_visible(repositories, caller, id, err);
        if (rc != CM_OK) {
            cm_repository_unref(repository);
            return rc;
        }
    }
    *ret_repository = repository;
    return CM_OK;
}

cm_repository *cm_repositories_find_path(cm_repositories *repositories, const cm_caller *caller,
                                         cm_str path) {
    return cm_indexer_find_path(repositories->options.indexer, &caller->workspace_id, path);
}

cm_repository *cm_repositories_find_only(cm_repositories *repositories, const cm_caller *caller) {
    return cm_indexer_find_only(repositories->options.indexer, &caller->workspace_id);
}

cm_rc cm_repositories_job_row(cm_repositories *repositories, const cm_caller *caller,
                              const cm_uuid *id, cm_arena *arena, cm_row_jobs *ret_row,
                              cm_err *err) {
    cm_db db = cm_store_system(repositories->options.store); /* jobs are the system's own table */
    cm_row_jobs row;
    cm_rc rc = cm_q_jobs_get(&db, &(cm_q_jobs_get_in){.id = *id}, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!cm_uuid_eq(&row.user_id, &caller->user_id)) {
        rc = cm_uuid_is_nil(&row.repository_id)
                 ? cm_fail(err, CM_NOT_FOUND, "there is no such job")
                 : check_visible(repositories, caller, &row.repository_id, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    *ret_row = row;
    return CM_OK;
}

cm_rc cm_repositories_job_page(cm_repositories *repositories, const cm_caller *caller,
                               const cm_job_filter *filter, cm_arena *arena,
                               const cm_row_jobs **ret_rows, size_t *ret_count, cm_err *err) {
    cm_db db = cm_store_system(repositories->options.store);
    cm_q_jobs_page_in in = {.before_id = filter->before_id,
                            .user_id = caller->user_id,
                            .status = filter->status,
                            .job_type = filter->type,
                            .limit = filter->limit};
    return cm_q_jobs_page(&db, &in, arena, ret_rows, ret_count, err);
}
