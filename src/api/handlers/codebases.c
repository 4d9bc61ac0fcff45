/* codebases.c - repositories as the S4 family of routes names them, and what the server knows of each. */
#include "base/base.h"
#include "base/url.h"

#include "api/changes.h"
#include "api/codebase.h"
#include "api/cursor.h"
#include "api/etag.h"
#include "api/lookup.h"
#include "api/services.h"
#include "store/q/repositories.h"

/* The row named by the path; CM_NOT_FOUND names it. */
static cm_rc read_row(cm_call *call, cm_row_repositories *ret_row, cm_err *err) {
    cm_db db = cm_call_db(call);
    cm_q_repositories_get_in in = {0};
    cm_assert(cm_uuid_parse(call->path[0], &in.id));
    cm_rc rc = cm_q_repositories_get(&db, &in, call->arena, ret_row, err);
    return rc == CM_NOT_FOUND ? cm_fail(err, CM_NOT_FOUND, "there is no codebase '" CM_STR_FMT "'",
                                        CM_STR_ARG(call->path[0]))
                              : rc;
}

/* A reference, or NULL when nothing is indexed yet. */
static cm_snapshot *snapshot_of(const cm_call *call, const cm_uuid *id,
                                cm_index_progress *ret_progress) {
    const cm_services *services = call->services;
    cm_repository *repository = NULL;
    cm_err err;
    if (cm_repositories_find(services->repositories, &call->caller, id, &repository, &err) !=
        CM_OK) {
        repository = NULL; /* deleted since its row was read */
    }
    *ret_progress = (cm_index_progress){.status = CM_INDEX_CREATED};
    if (repository == NULL) {
        return NULL;
    }
    cm_snapshot *snapshot = cm_repository_snapshot(repository);
    cm_repository_progress(repository, ret_progress);
    if (ret_progress->status == CM_INDEX_CREATED && snapshot != NULL) {
        ret_progress->status = CM_INDEX_READY; /* filled by what was sent, without a job */
        ret_progress->progress = 1;
    }
    cm_repository_unref(repository);
    return snapshot;
}

/* ---- one codebase ---- */

/* S4 knows no "pending". The values are in the same order in both of its enumerations. */
static enum cm_api_codebase_context_status status_of(enum cm_index_status status) {
    static const enum cm_api_codebase_context_status map[] = {
        [CM_INDEX_CREATED] = CM_API_CODEBASE_CONTEXT_STATUS_CREATED,
        [CM_INDEX_PENDING] = CM_API_CODEBASE_CONTEXT_STATUS_INDEXING,
        [CM_INDEX_INDEXING] = CM_API_CODEBASE_CONTEXT_STATUS_INDEXING,
        [CM_INDEX_READY] = CM_API_CODEBASE_CONTEXT_STATUS_READY,
        [CM_INDEX_ERROR] = CM_API_CODEBASE_CONTEXT_STATUS_ERROR};
    return map[status];
}

static void fill_counts(const cm_snapshot *snapshot, const cm_row_repositories *row,
                        cm_api_codebase_context *out, cm_arena *arena) {
    cm_snapshot_statistics s;
    out->primary_language = row->primary_language;
    if (snapshot == NULL) {
        return;
    }
    cm_snapshot_statistics_get(snapshot, &s);
    out->line_count = (int64_t)s.lines;
    out->file_count = (int64_t)s.files;
    cm_str *names = cm_arena_alloc(arena, (s.language_count + 1) * sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < s.language_count; i++) {
        if (s.languages[i].language.len > 0) {
            names[count++] = s.languages[i].language;
        }
    }
    out->languages = (cm_str_list){names, count};
    if (count > 0) {
        out->primary_language = names[0];
    }
}

/* `*ret_snapshot` (may become NULL) must live until the reply is written. */
static cm_rc fill_codebase(cm_call *call, const cm_row_repositories *row,
                           cm_api_codebase_context *out, cm_snapshot **ret_snapshot, cm_err *err) {
    cm_index_progress progress;
    cm_api_codebase_patterns patterns;
    cm_api_style_overrides overrides = cm_codebase_overrides(row->style_guide, call->arena);
    cm_snapshot *snapshot = snapshot_of(call, &row->id, &progress);
    cm_rc rc = cm_codebase_patterns(snapshot, &overrides, call->arena, &patterns, err);
    if (rc != CM_OK) {
        cm_snapshot_unref(snapshot);
        return rc;
    }
    *out = (cm_api_codebase_context){.id = cm_uuid_text(call->arena, &row->id),
                                     .user_id = cm_uuid_text(call->arena, &row->owner_id),
                                     .project_name = row->name,
                                     .repository_url = cm_url_public(row->remote_url, call->arena),
                                     .frameworks = patterns.frameworks,
                                     .style_guide = patterns.style_guide,
                                     .indexed_at = row->indexed_at,
                                     .has_indexed_at = row->indexed_at != 0,
                                     .last_updated_at = row->updated_at,
                                     .status = status_of(progress.status)};
    out->dependencies.items = patterns.dependencies.items;
    out->dependencies.count = patterns.dependencies.count;
    fill_counts(snapshot, row, out, call->arena);
    *ret_snapshot = snapshot;
    return CM_OK;
}

static void reply_codebase(cm_call *call, const cm_row_repositories *row) {
    cm_api_codebase_context out;
    cm_snapshot *snapshot = NULL;
    cm_err err;
    cm_rc rc = fill_codebase(call, row, &out, &snapshot, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    bool is_read = call->route->method == CM_METHOD_GET;
    cm_str etag = cm_etag_of(&cm_api_codebase_context_schema, &out, call->arena);
    if (!is_read) {
        cm_call_add_header(call, "ETag", etag);
    }
    if (!is_read || !cm_call_not_modified(call, etag)) {
        cm_call_reply(call, 200, &cm_api_codebase_context_schema, &out);
    }
    cm_snapshot_unref(snapshot);
}

void cm_h_get_codebase(cm_call *call) {
    cm_row_repositories row;
    cm_err err;
    cm_rc rc = read_row(call, &row, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    reply_codebase(call, &row);
}

/* ---- list ---- */

typedef struct listing {
    cm_api_codebase_page page;
    cm_snapshot **snapshots;
} listing;

static cm_rc fill_page(cm_call *call, listing *l, cm_err *err) {
    const cm_api_list_codebases_query *query = call->query;
    cm_db db = cm_call_db(call);
    cm_q_repositories_page_in in = {.status = CM_STR(""), .limit = query->limit + 1};
    const cm_row_repositories *rows = NULL;
    size_t count = 0;
    cm_rc rc = cm_cursor_read_id(query->cursor, call->route->op, &in.before_id, err);
    rc = rc == CM_OK ? cm_q_repositories_page(&db, &in, call->arena, &rows, &count, err) : rc;
    size_t shown = CM_MIN(count, (size_t)query->limit);
    l->page.items.items = cm_arena_alloc(call->arena, (shown + 1) * sizeof(*l->page.items.items));
    l->snapshots = cm_arena_alloc(call->arena, (shown + 1) * sizeof(cm_snapshot *));
    for (size_t i = 0; rc == CM_OK && i < shown; i++) {
        rc = fill_codebase(call, &rows[i], &l->page.items.items[i], &l->snapshots[i], err);
        l->page.items.count += rc == CM_OK;
    }
    if (rc == CM_OK && count > shown) {
        l->page.next_cursor = cm_cursor_make(cm_uuid_text(call->arena, &rows[shown - 1].id),
                                             call->route->op, call->arena);
    }
    return rc;
}

void cm_h_list_codebases(cm_call *call) {
    listing l = {0};
    cm_err err;
    cm_rc rc = fill_page(call, &l, &err);
    if (rc == CM_OK) {
        cm_call_reply(call, 200, &cm_api_codebase_page_schema, &l.page);
    } else {
        cm_call_fail(call, rc, &err);
    }
    for (size_t i = 0; i < l.page.items.count; i++) {
        cm_snapshot_unref(l.snapshots[i]);
    }
}

/* ---- make, change, remove ---- */

void cm_h_create_codebase(cm_call *call) {
    const cm_services *services = call->services;
    const cm_api_create_codebase_request *in = call->input;
    cm_uuid id;
    cm_err err;
    cm_rc rc = cm_repositories_create(services->repositories, &call->caller, in->name,
                                      in->repository_url, in->primary_language, &id, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_create_codebase_response out = {.codebase_id = cm_uuid_text(call->arena, &id),
                                           .status =
                                               CM_API_CREATE_CODEBASE_RESPONSE_STATUS_CREATED};
    cm_call_reply(call, 201, &cm_api_create_codebase_response_schema, &out);
}

/* The stored guide with these overrides; the rest of it is written again by the next job. */
static cm_rc override_style(cm_call *call, const cm_api_style_overrides *overrides,
                            const cm_row_repositories *row, cm_err *err) {
    cm_index_progress progress;
    cm_api_codebase_patterns patterns;
    cm_snapshot *snapshot = snapshot_of(call, &row->id, &progress);
    cm_rc rc = cm_codebase_patterns(snapshot, overrides, call->arena, &patterns, err);
    if (rc == CM_OK) {
        cm_db db = cm_call_db(call);
        cm_q_repositories_set_style_guide_in in = {
            .id = row->id,
            .style_guide =
                cm_codebase_json(&cm_api_style_guide_schema, &patterns.style_guide, call->arena)};
        rc = cm_q_repositories_set_style_guide(&db, &in, err);
    }
    cm_snapshot_unref(snapshot);
    return rc;
}

static cm_rc check_if_match(cm_call *call, const cm_row_repositories *row, cm_err *err) {
    cm_str wanted = cm_call_header(call, "If-Match");
    cm_api_codebase_context now;
    cm_snapshot *snapshot = NULL;
    cm_rc rc = wanted.len > 0 ? fill_codebase(call, row, &now, &snapshot, err) : CM_OK;
    if (rc == CM_OK && wanted.len > 0 &&
        !cm_etag_listed(wanted, cm_etag_of(&cm_api_codebase_context_schema, &now, call->arena))) {
        rc = cm_fail(err, CM_ETAG_MISMATCH, "the codebase was changed meanwhile; read it again");
    }
    cm_snapshot_unref(snapshot);
    return rc;
}

static cm_rc patch(cm_call *call, cm_row_repositories *row, cm_err *err) {
    const cm_api_update_codebase_request *in = call->input;
    const json_t *url = json_object_get(call->body, "repositoryUrl");
    const json_t *guide = json_object_get(call->body, "styleGuide");
    static const cm_api_style_overrides none = {0};
    cm_db db = cm_call_db(call);
    row->name = in->project_name.len > 0 ? in->project_name : row->name;
    if (url != NULL) {
        row->remote_url = json_is_null(url) ? CM_STR_EMPTY : in->repository_url;
    }
    row->remote_url = cm_url_public(row->remote_url, call->arena);
    cm_q_repositories_set_names_in names = {.id = row->id,
                                            .name = row->name,
                                            .description = row->description,
                                            .remote_url = row->remote_url,
                                            .is_archived = row->is_archived};
    cm_rc rc = cm_q_repositories_set_names(&db, &names, err);
    if (rc == CM_OK && json_object_get(guide, "overrides") != NULL) {
        const cm_api_style_overrides *sent = in->style_guide->overrides;
        rc = override_style(call, sent == NULL ? &none : sent, row, err);
    }
    return rc == CM_EXISTS
               ? cm_fail(err, CM_NAME_TAKEN, "there is a codebase named '" CM_STR_FMT "' already",
                         CM_STR_ARG(row->name))
               : rc;
}

void cm_h_update_codebase(cm_call *call) {
    cm_row_repositories row;
    cm_err err;
    cm_rc rc = read_row(call, &row, &err);
    rc = rc == CM_OK ? check_if_match(call, &row, &err) : rc;
    rc = rc == CM_OK ? patch(call, &row, &err) : rc;
    rc = rc == CM_OK ? read_row(call, &row, &err) : rc;
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    reply_codebase(call, &row);
}

void cm_h_delete_codebase(cm_call *call) {
    const cm_services *services = call->services;
    cm_uuid id;
    cm_err err;
    cm_assert(cm_uuid_parse(call->path[0], &id));
    cm_rc rc = cm_repositories_remove(services->repositories, &call->caller, &id, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_call_reply(call, 200, &cm_api_success_schema, &(cm_api_success){.success = true});
}

/* ---- status, context ---- */

void cm_h_codebase_status(cm_call *call) {
    cm_row_repositories row;
    cm_index_progress progress;
    cm_snapshot_statistics s = {0};
    cm_err err;
    cm_rc rc = read_row(call, &row, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_snapshot *snapshot = snapshot_of(call, &row.id, &progress);
    if (snapshot != NULL) {
        cm_snapshot_statistics_get(snapshot, &s);
    }
    cm_api_codebase_status out = {
        .status = (enum cm_api_codebase_status_status)status_of(progress.status),
        .progress = CM_MIN(CM_MAX(progress.progress, 0.0), 1.0),
        .line_count = (int64_t)s.lines,
        .file_count = (int64_t)s.files,
        .indexed_at = row.indexed_at,
        .has_indexed_at = row.indexed_at != 0};
    cm_snapshot_unref(snapshot);
    cm_call_reply(call, 200, &cm_api_codebase_status_schema, &out);
}

void cm_h_codebase_patterns(cm_call *call) {
    cm_row_repositories row;
    cm_index_progress progress;
    cm_api_codebase_patterns out;
    cm_err err;
    cm_rc rc = read_row(call, &row, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_snapshot *snapshot = snapshot_of(call, &row.id, &progress);
    cm_api_style_overrides overrides = cm_codebase_overrides(row.style_guide, call->arena);
    rc = snapshot == NULL ? cm_fail(&err, CM_INDEX_NOT_READY, "nothing of it is indexed yet")
                          : cm_codebase_patterns(snapshot, &overrides, call->arena, &out, &err);
    if (rc == CM_INDEX_NOT_READY) {
        cm_str extra = cm_arena_fmt(call->arena, "\"progress\":%.3f", progress.progress);
        cm_call_fail_extra(call, rc, &err, extra);
    } else if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
    } else {
        out.etag = cm_etag_of(&cm_api_codebase_patterns_schema, &out, call->arena);
        if (!cm_call_not_modified(call, out.etag)) {
            cm_call_reply(call, 200, &cm_api_codebase_patterns_schema, &out);
        }
    }
    cm_snapshot_unref(snapshot);
}

/* ---- sync ---- */

static cm_file_change *read_changes(cm_call *call, size_t *ret_count) {
    const cm_api_sync_codebase_request *in = call->input;
    cm_file_change *changes =
        cm_arena_alloc(call->arena, (in->changes.count + 1) * sizeof(*changes));
    for (size_t i = 0; i < in->changes.count; i++) {
        const cm_api_file_change *change = &in->changes.items[i];
        bool added = change->type == CM_API_FILE_CHANGE_TYPE_ADDED;
        changes[i] =
            (cm_file_change){.path = change->path,
                             .content = change->content,
                             .base_sha256 = change->base_sha256,
                             .base_text = added ? CM_STR_EMPTY : change->old_content,
                             .is_deleted = change->type == CM_API_FILE_CHANGE_TYPE_DELETED};
    }
    *ret_count = in->changes.count;
    return changes;
}

void cm_h_sync_codebase(cm_call *call) {
    const cm_services *services = call->services;
    cm_repository *repository = cm_call_repository(call);
    if (repository == NULL) {
        return;
    }
    size_t count;
    cm_changes_result result;
    cm_err err;
    const cm_file_change *changes = read_changes(call, &count);
    cm_rc rc = cm_changes_apply(repository, changes, count, call->arena, &result, &err);
    if (rc == CM_OK && cm_repository_root(repository, call->arena).len == 0) {
        cm_repositories_record(services->repositories, repository); /* no job will do it */
    }
    cm_repository_unref(repository);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_sync_codebase_response out = {.status = CM_API_SYNC_CODEBASE_RESPONSE_STATUS_SYNCED,
                                         .updated_files = (int64_t)result.updated,
                                         .index_version = (int64_t)result.index_version};
    out.skipped.items = cm_arena_alloc(call->arena, (count + 1) * sizeof(*out.skipped.items));
    for (size_t i = 0; i < result.skipped_count; i++) {
        out.skipped.items[out.skipped.count++] =
            (cm_api_skipped_change){result.skipped[i].path, cm_str_from(result.skipped[i].code)};
    }
    cm_call_reply(call, 200, &cm_api_sync_codebase_response_schema, &out);
}
