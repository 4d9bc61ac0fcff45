/* repositories.c - repositories, their configuration, index and status. */
#include "base/base.h"
#include "base/url.h"

#include "api/api_gen.h"
#include "api/cursor.h"
#include "api/etag.h"
#include "api/index_config.h"
#include "api/lookup.h"
#include "api/services.h"
#include "base/json.h"
#include "base/utf8.h"
#include "code/languages.h"
#include "store/q/repositories.h"

#define ERRORS_SHOWN 100

/* ---- repositories ---- */

/* `metadata` is a jansson tree the caller must drop after the reply. */
static void fill_repository(const cm_row_repositories *row, cm_arena *arena,
                            cm_api_repository *out) {
    *out = (cm_api_repository){
        .repo_id = cm_uuid_text(arena, &row->id),
        .owner_id = cm_uuid_text(arena, &row->owner_id),
        .name = row->name,
        .description = row->description,
        .repo_url = cm_url_public(row->remote_url, arena), /* rows may be older than this rule */
        .source_type = (enum cm_api_source_type)cm_schema_enum_value(&cm_api_source_type_schema,
                                                                     row->source_type),
        .created_at = row->created_at,
        .updated_at = row->updated_at,
        .metadata = json_pack("{s:s%, s:s%, s:s%, s:I, s:I, s:I}", "root_path",
                              row->root_path.ptr ? row->root_path.ptr : "", row->root_path.len,
                              "status", row->status.ptr, row->status.len, "primary_language",
                              row->primary_language.ptr, row->primary_language.len, "files",
                              (json_int_t)row->file_count, "symbols", (json_int_t)row->symbol_count,
                              "chunks", (json_int_t)row->chunk_count),
        .is_archived = row->is_archived,
        .workspace_id = cm_uuid_text(arena, &row->workspace_id),
        .git_remote = cm_url_public(row->remote_url, arena)};
}

static void drop_metadata(const cm_api_repository *repository) {
    json_decref((json_t *)(uintptr_t)repository->metadata);
}

/* What a cursor is bound to: the list with its filters. */
static const char *list_of(cm_call *call) {
    const cm_api_list_repositories_query *query = call->query;
    return cm_arena_fmt(call->arena, "%s %d " CM_STR_FMT " " CM_STR_FMT, call->route->op,
                        query->archived, CM_STR_ARG(query->workspace_id), CM_STR_ARG(query->q))
        .ptr;
}

static cm_rc read_page(cm_call *call, const cm_row_repositories **ret_rows, size_t *ret_count,
                       cm_err *err) {
    const cm_api_list_repositories_query *query = call->query;
    cm_db db = cm_call_db(call);
    cm_q_repositories_page_in in = {.status = CM_STR(""),
                                    .part = query->q.len > 0 ? query->q : CM_STR(""),
                                    .archived = query->archived,
                                    .limit = query->limit + 1};
    cm_rc rc = cm_cursor_read_id(query->cursor, list_of(call), &in.before_id, err);
    if (rc == CM_OK && query->workspace_id.len > 0) {
        rc = cm_call_workspace(call, query->workspace_id, &in.workspace_id, err);
    }
    return rc == CM_OK ? cm_q_repositories_page(&db, &in, call->arena, ret_rows, ret_count, err)
                       : rc;
}

void cm_h_list_repositories(cm_call *call) {
    const cm_api_list_repositories_query *query = call->query;
    const cm_row_repositories *rows = NULL;
    size_t count = 0;
    cm_err err;
    cm_rc rc = read_page(call, &rows, &count, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_repository_page out = {0};
    size_t shown = CM_MIN(count, (size_t)query->limit);
    out.items.items = cm_arena_alloc(call->arena, (shown + 1) * sizeof(*out.items.items));
    for (size_t i = 0; i < shown; i++) {
        fill_repository(&rows[i], call->arena, &out.items.items[out.items.count++]);
    }
    if (count > shown) {
        out.next_cursor = cm_cursor_make(cm_uuid_text(call->arena, &rows[shown - 1].id),
                                         list_of(call), call->arena);
    }
    cm_call_reply(call, 200, &cm_api_repository_page_schema, &out);
    for (size_t i = 0; i < out.items.count; i++) {
        drop_metadata(&out.items.items[i]);
    }
}

static void reply_repository(cm_call *call, int status, const cm_uuid *id) {
    cm_db db = cm_call_db(call);
    cm_row_repositories row;
    cm_err err;
    cm_rc rc =
        cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, call->arena, &row, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_repository out;
    fill_repository(&row, call->arena, &out);
    cm_str etag = cm_etag_of(&cm_api_repository_schema, &out, call->arena);
    bool is_read = call->route->method == CM_METHOD_GET;
    if (!is_read) {
        cm_call_add_header(call, "ETag", etag);
    }
    if (!is_read || !cm_call_not_modified(call, etag)) {
        cm_call_reply(call, status, &cm_api_repository_schema, &out);
    }
    drop_metadata(&out);
}

/* If-Match, where it is sent, names the row as it is now. */
static cm_rc check_if_match(cm_call *call, const cm_row_repositories *row, cm_err *err) {
    cm_str wanted = cm_call_header(call, "If-Match");
    cm_api_repository now;
    if (wanted.len == 0) {
        return CM_OK;
    }
    fill_repository(row, call->arena, &now);
    bool same = cm_etag_listed(wanted, cm_etag_of(&cm_api_repository_schema, &now, call->arena));
    drop_metadata(&now);
    return same ? CM_OK
                : cm_fail(err, CM_ETAG_MISMATCH,
                          "the repository was changed meanwhile; read it again");
}

void cm_h_get_repository(cm_call *call) {
    cm_uuid id;
    cm_assert(cm_uuid_parse(call->path[0], &id));
    reply_repository(call, 200, &id);
}

static cm_rc name_taken(cm_str name, cm_err *err) {
    return cm_fail(err, CM_NAME_TAKEN, "there is a repository named '" CM_STR_FMT "' already",
                   CM_STR_ARG(name));
}

void cm_h_create_repository(cm_call *call) {
    const cm_api_create_repository_request *in = call->input;
    cm_db db = cm_call_db(call);
    cm_q_repositories_insert_in row = {
        .id = cm_uuid_v7(),
        .owner_id = call->caller.user_id,
        .name = in->name,
        .description = in->description,
        .remote_url = cm_url_public(in->repo_url, call->arena),
        .source_type = cm_str_from(cm_schema_enum_name(&cm_api_source_type_schema,
                                                       in->source_type == CM_API_SOURCE_TYPE_ABSENT
                                                           ? CM_API_SOURCE_TYPE_LOCAL
                                                           : in->source_type))};
    cm_err err;
    cm_rc rc = cm_call_workspace(call, in->workspace_id, &row.workspace_id, &err);
    rc = rc == CM_OK ? cm_q_repositories_insert(&db, &row, &err) : rc;
    if (rc == CM_EXISTS) {
        rc = name_taken(in->name, &err);
    }
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    reply_repository(call, 201, &row.id);
}

/* null clears, what is absent stays (RFC 7396). */
static void patch_text(const json_t *body, const char *key, cm_str sent, cm_str *field) {
    const json_t *value = json_object_get(body, key);
    if (value != NULL) {
        *field = json_is_null(value) ? CM_STR_EMPTY : sent;
    }
}

void cm_h_update_repository(cm_call *call) {
    const cm_api_update_repository_request *in = call->input;
    cm_db db = cm_call_db(call);
    cm_q_repositories_get_in key = {0};
    cm_row_repositories row;
    cm_err err;
    cm_assert(cm_uuid_parse(call->path[0], &key.id));
    cm_rc rc = cm_q_repositories_get(&db, &key, call->arena, &row, &err);
    rc = rc == CM_OK ? check_if_match(call, &row, &err) : rc;
    if (rc == CM_OK) {
        row.name = in->name.len > 0 ? in->name : row.name;
        row.is_archived = in->has_is_archived ? in->is_archived : row.is_archived;
        patch_text(call->body, "description", in->description, &row.description);
        patch_text(call->body, "repo_url", in->repo_url, &row.remote_url);
        row.remote_url = cm_url_public(row.remote_url, call->arena);
        cm_q_repositories_set_names_in names = {.id = row.id,
                                                .name = row.name,
                                                .description = row.description,
                                                .remote_url = row.remote_url,
                                                .is_archived = row.is_archived};
        rc = cm_q_repositories_set_names(&db, &names, &err);
    }
    if (rc == CM_EXISTS) {
        rc = name_taken(in->name, &err);
    }
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    reply_repository(call, 200, &key.id);
}

void cm_h_delete_repository(cm_call *call) {
    const cm_services *services = call->services;
    cm_uuid id;
    cm_err err;
    cm_assert(cm_uuid_parse(call->path[0], &id));
    cm_rc rc = cm_repositories_remove(services->repositories, &call->caller, &id, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_call_reply_empty(call, 204);
}

/* ---- index ---- */

static cm_rc find_or_add(cm_call *call, const cm_api_create_index_request *in,
                         cm_repository **ret_repository, cm_err *err) {
    const cm_services *services = call->services;
    if (in->git_url.len > 0) {
        return cm_fail(err, CM_NOT_SUPPORTED,
                       "cloning from git_url is not served; clone it and send "
                       "repository_path");
    }
    if (in->repository_path.len > 0) {
        cm_repository_config config;
        cm_repository_add add = {.root = in->repository_path, .name = in->name};
        if (in->config != NULL) {
            config = cm_index_config_read(in->config);
            add.config = &config;
        }
        return cm_repositories_add(services->repositories, &call->caller, &add, ret_repository,
                                   err);
    }
    if (in->repository_id.len == 0) {
        return cm_fail(err, CM_INVALID, "send repository_path or repository_id");
    }
    cm_repository *repository = NULL;
    cm_rc rc = cm_call_find_repository(call, in->repository_id, &repository, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (repository == NULL) {
        return cm_fail(err, CM_NOT_FOUND, "repository '" CM_STR_FMT "' has no files yet",
                       CM_STR_ARG(in->repository_id));
    }
    if (in->config != NULL) {
        cm_repository_config config = cm_index_config_read(in->config);
        rc = cm_repositories_configure(services->repositories, &call->caller,
                                       cm_repository_id(repository), &config, err);
        if (rc != CM_OK) {
            cm_repository_unref(repository);
            return rc;
        }
    }
    *ret_repository = repository;
    return CM_OK;
}

void cm_h_create_index(cm_call *call) {
    const cm_services *services = call->services;
    const cm_api_create_index_request *in = call->input;
    cm_repository *repository = NULL;
    cm_uuid job;
    cm_err err;
    bool full = in->mode == CM_API_CREATE_INDEX_REQUEST_MODE_FULL;
    cm_rc rc = find_or_add(call, in, &repository, &err);
    if (rc == CM_OK) {
        rc = cm_repositories_index(services->repositories, repository,
                                   full ? CM_INDEX_FULL : CM_INDEX_INCREMENTAL, &job, &err);
    }
    if (rc != CM_OK) {
        cm_repository_unref(repository);
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_create_index_response out = {
        .job_id = cm_uuid_text(call->arena, &job),
        .status = CM_API_JOB_STATUS_RUNNING,
        .repository_id = cm_uuid_text(call->arena, cm_repository_id(repository))};
    cm_repository_unref(repository);
    cm_call_reply(call, 202, &cm_api_create_index_response_schema, &out);
}

/* S0 has no "created": what was never indexed is pending. */
static enum cm_api_index_status_status status_of(enum cm_index_status status) {
    static const enum cm_api_index_status_status map[] = {
        [CM_INDEX_CREATED] = CM_API_INDEX_STATUS_STATUS_PENDING,
        [CM_INDEX_PENDING] = CM_API_INDEX_STATUS_STATUS_PENDING,
        [CM_INDEX_INDEXING] = CM_API_INDEX_STATUS_STATUS_INDEXING,
        [CM_INDEX_READY] = CM_API_INDEX_STATUS_STATUS_READY,
        [CM_INDEX_ERROR] = CM_API_INDEX_STATUS_STATUS_ERROR};
    return map[status];
}

void cm_h_get_index_status(cm_call *call) {
    const cm_services *services = call->services;
    cm_repository *repository = NULL;
    cm_err err;
    cm_rc rc = cm_call_find_repository(call, call->path[0], &repository, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    if (repository == NULL) {
        cm_api_index_status never = {.status = CM_API_INDEX_STATUS_STATUS_PENDING};
        cm_call_reply(call, 200, &cm_api_index_status_schema, &never);
        return;
    }
    cm_index_progress progress;
    cm_uuid job;
    cm_repository_progress(repository, &progress);
    cm_api_index_status out = {.status = status_of(progress.status),
                               .progress = CM_MIN(CM_MAX(progress.progress, 0.0), 1.0),
                               .files_indexed = (int64_t)progress.files_indexed,
                               .estimated_completion = progress.estimated_completion_ms,
                               .has_estimated_completion = progress.estimated_completion_ms > 0 &&
                                                           progress.finished_ms == 0,
                               .files_total = (int64_t)progress.files_total,
                               .has_files_total = progress.files_total > 0};
    if (cm_repositories_job(services->repositories, cm_repository_id(repository), &job)) {
        out.job_id = cm_uuid_text(call->arena, &job);
    }
    if (progress.error.rc != CM_OK) {
        out.error = cm_str_from(progress.error.text);
    }
    out.degraded = cm_str_from(cm_repository_degraded(repository));
    cm_repository_unref(repository);
    cm_call_reply(call, 200, &cm_api_index_status_schema, &out);
}

static bool is_running(const cm_index_progress *progress) {
    return progress->status == CM_INDEX_INDEXING && progress->files_total > progress->files_indexed;
}

/* Free-form `languages` is a jansson tree: the caller drops it after the reply. */
static void fill_statistics(const cm_snapshot *snapshot, cm_api_index_statistics *out) {
    cm_snapshot_statistics statistics;
    json_t *languages = json_object();
    cm_snapshot_statistics_get(snapshot, &statistics);
    for (size_t i = 0; i < statistics.language_count; i++) {
        cm_str name = statistics.languages[i].language;
        if (name.len > 0) {
            json_object_setn_new(languages, name.ptr, name.len,
                                 json_integer(statistics.languages[i].files));
        }
    }
    *out = (cm_api_index_statistics){.total_files = (int64_t)statistics.files,
                                     .total_symbols = (int64_t)statistics.symbols,
                                     .total_chunks = (int64_t)statistics.chunks,
                                     .languages = languages,
                                     .index_size_bytes = (int64_t)statistics.index_bytes};
}

/* What the tables say, for as long as the index is not open: lost, or not yet built again. */
static void fill_statistics_of_row(const cm_row_repositories *row, cm_api_index_statistics *out) {
    json_t *languages = NULL;
    if (cm_json_parse(row->language_stats, &languages, NULL) != CM_OK) {
        languages = json_object();
    }
    *out = (cm_api_index_statistics){.total_files = row->file_count,
                                     .total_symbols = row->symbol_count,
                                     .total_chunks = row->chunk_count,
                                     .languages = languages,
                                     .index_size_bytes = row->index_size_bytes};
}

/* Files of which the index has less than there is, and why; the first ERRORS_SHOWN in order of path. */
static bool error_code(const cm_index_document *document, enum cm_api_index_error_code *ret_code) {
    const cm_language *language = cm_language_find(document->language);
    switch (document->status) {
    case CM_DOCUMENT_TOO_LARGE: *ret_code = CM_API_INDEX_ERROR_CODE_TOO_LARGE; return true;
    case CM_DOCUMENT_UNREADABLE: *ret_code = CM_API_INDEX_ERROR_CODE_UNREADABLE; return true;
    case CM_DOCUMENT_TEXT:
        *ret_code = CM_API_INDEX_ERROR_CODE_NOT_PARSED;
        return language != NULL && language->has_grammar;
    case CM_DOCUMENT_OK:
    case CM_DOCUMENT_PARTIAL:
    case CM_DOCUMENT_BINARY:
    case CM_DOCUMENT_WITHHELD: break;
    }
    return false;
}

static void fill_errors(const cm_snapshot *snapshot, cm_arena *arena,
                        cm_api_repository_index *out) {
    cm_index_document document;
    out->errors.items = cm_arena_alloc(arena, ERRORS_SHOWN * sizeof(*out->errors.items));
    for (uint32_t at = 0;
         out->errors.count < ERRORS_SHOWN && cm_snapshot_next_document(snapshot, &at, &document);) {
        enum cm_api_index_error_code code;
        if (error_code(&document, &code) && cm_utf8_valid(document.path)) {
            out->errors.items[out->errors.count++] = (cm_api_index_error){document.path, code};
        }
    }
}

void cm_h_get_index(cm_call *call) {
    const cm_services *services = call->services;
    cm_db db = cm_call_db(call);
    cm_q_repositories_get_in in = {0};
    cm_row_repositories row;
    cm_index_progress progress;
    cm_err err;
    cm_assert(cm_uuid_parse(call->path[0], &in.id));
    cm_repository_config config;
    cm_rc rc = cm_q_repositories_get(&db, &in, call->arena, &row, &err);
    rc = rc == CM_OK ? cm_repositories_config(services->repositories, &call->caller, &in.id,
                                              call->arena, &config, &err)
                     : rc;
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_repository *repository = NULL;
    rc = cm_call_find_repository(call, call->path[0], &repository, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_snapshot *snapshot = repository != NULL ? cm_repository_snapshot(repository) : NULL;
    if (snapshot == NULL && row.index_generation == 0) {
        cm_repository_unref(repository);
        cm_fail(&err, CM_INDEX_NOT_READY, "the repository is still being indexed");
        cm_call_fail(call, err.rc, &err);
        return;
    }
    if (repository != NULL) {
        cm_repository_progress(repository, &progress);
        cm_repository_unref(repository);
    } else {
        progress = (cm_index_progress){.status = CM_INDEX_READY};
    }
    cm_api_repository_index out = {
        .repository_id = call->path[0],
        .workspace_id = cm_uuid_text(call->arena, &row.workspace_id),
        .git_remote = cm_url_public(row.remote_url, call->arena),
        .indexed_at = row.indexed_at,
        .has_indexed_at = row.indexed_at != 0,
        .index_version =
            snapshot != NULL ? (int64_t)cm_snapshot_generation(snapshot) : row.index_generation,
        .status = (enum cm_api_repository_index_status)status_of(progress.status),
        .root_path = row.root_path,
        .head_commit = row.current_revision,
        .pending_files =
            is_running(&progress) ? (int64_t)(progress.files_total - progress.files_indexed) : 0,
        .config = cm_index_config_wire(&config)};
    if (snapshot != NULL) {
        fill_statistics(snapshot, &out.statistics);
        fill_errors(snapshot, call->arena, &out);
    } else {
        fill_statistics_of_row(&row, &out.statistics);
    }
    cm_call_reply(call, 200, &cm_api_repository_index_schema, &out);
    json_decref((json_t *)(uintptr_t)out.statistics.languages);
    cm_snapshot_unref(snapshot);
}

void cm_h_put_index_config(cm_call *call) {
    const cm_services *services = call->services;
    const cm_api_index_config *in = call->input;
    cm_uuid id, job;
    cm_err err;
    cm_assert(cm_uuid_parse(call->path[0], &id));
    cm_repository_config config = cm_index_config_read(in);
    cm_rc rc = cm_repositories_configure(services->repositories, &call->caller, &id, &config, &err);
    cm_repository *repository = NULL;
    if (rc == CM_OK) {
        rc = cm_call_find_repository(call, call->path[0], &repository, &err);
    }
    if (repository != NULL && cm_repository_is_outdated(repository)) {
        rc = cm_repositories_index(services->repositories, repository, CM_INDEX_INCREMENTAL, &job,
                                   &err);
    }
    cm_repository_unref(repository);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_call_reply(call, 200, &cm_api_index_config_schema, in);
}

void cm_h_delete_index(cm_call *call) {
    const cm_services *services = call->services;
    cm_uuid id;
    cm_err err;
    cm_assert(cm_uuid_parse(call->path[0], &id));
    cm_rc rc = cm_repositories_forget_index(services->repositories, &call->caller, &id, &err);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_call_reply_empty(call, 204);
}
