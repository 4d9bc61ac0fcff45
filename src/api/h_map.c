/* h_map.c - the repository map, and changes that an editor or a hook pushes. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/lookup.h"
#include "base/hash.h"
#include "base/path.h"
#include "search/outline.h"

/* ---- map ---- */

static void fill_file(const cm_snapshot *snapshot, const cm_outline_file *file, cm_arena *arena,
                      cm_api_repo_map_file *out) {
    cm_str *names = CM_ARENA_ARRAY(arena, cm_str, file->symbol_count + 1);
    *out = (cm_api_repo_map_file){
        .path = file->document.path, .rank = file->rank, .symbols = {names, 0}};
    for (size_t i = 0; names != NULL && i < file->symbol_count; i++) {
        cm_index_symbol symbol;
        if (cm_snapshot_symbol(snapshot, file->symbols[i], &symbol)) {
            names[out->symbols.count++] = symbol.name;
        }
    }
}

void cm_h_repo_map(cm_call *call) {
    const cm_api_repo_map_query *in = call->query;
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    cm_outline_query query = {.tokens = (uint32_t)in->tokens,
                              .focus = {&in->focus, in->focus.len > 0},
                              .cancel = call->cancel};
    cm_outline outline;
    cm_err err;
    cm_rc rc = cm_outline_run(snapshot, &query, call->arena, &outline, &err);
    if (rc != CM_OK) {
        cm_snapshot_unref(snapshot);
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_repo_map out = {.text = outline.text.ptr == NULL ? CM_STR("") : outline.text};
    out.files.items = cm_arena_alloc(call->arena, (outline.count + 1) * sizeof(*out.files.items));
    for (size_t i = 0; i < outline.count; i++) {
        fill_file(snapshot, &outline.files[i], call->arena, &out.files.items[out.files.count++]);
    }
    cm_call_reply(call, 200, &cm_api_repo_map_schema, &out);
    cm_snapshot_unref(snapshot);
}

/* ---- changes ---- */

/* The version the change was built on must be the one the index has. */
static bool base_matches(cm_repository *repository, const cm_api_change *change, cm_arena *arena) {
    cm_snapshot *snapshot =
        change->base_sha256.len == 0 ? NULL : cm_repository_snapshot(repository);
    bool matches = change->base_sha256.len == 0;
    cm_index_document document;
    cm_str text;
    char hash[CM_SHA256_TEXT];
    if (snapshot != NULL && cm_snapshot_find_document(snapshot, change->path, &document) &&
        cm_snapshot_text(snapshot, document.id, arena, &text, NULL) == CM_OK) {
        cm_sha256_hex(text.ptr, text.len, hash);
        matches = cm_str_eq_nocase(change->base_sha256, cm_str_from(hash));
    }
    cm_snapshot_unref(snapshot);
    return matches;
}

static cm_rc apply(cm_repository *repository, const cm_api_change *change, cm_arena *arena,
                   cm_err *err) {
    cm_rc rc = cm_path_check_relative(change->path, err);
    if (rc == CM_OK && change->old_path.len > 0) {
        rc = cm_path_check_relative(change->old_path, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    if (change->content_changes.count > 0 || !base_matches(repository, change, arena)) {
        return cm_fail(err, CM_BASE_MISMATCH, "send the whole content of '" CM_STR_FMT "'",
                       CM_STR_ARG(change->path));
    }
    /* What was sent as content is taken as it is; all else is read from the tree. */
    cm_str paths[] = {change->path, change->old_path};
    cm_str_list both = {paths, change->old_path.len > 0 ? 2 : 1};
    bool sent = change->content.ptr != NULL && change->type != CM_API_CHANGE_TYPE_DELETED;
    if (sent && both.count == 2) {
        rc = cm_repository_sync(repository, (cm_str_list){&paths[1], 1}, err);
    }
    if (rc == CM_OK) {
        rc = sent ? cm_repository_sync_text(repository, change->path, change->content, err)
                  : cm_repository_sync(repository, both, err);
    }
    return rc;
}

void cm_h_push_changes(cm_call *call) {
    const cm_api_changes_request *in = call->input;
    cm_repository *repository = cm_call_repository(call);
    if (repository == NULL) {
        return;
    }
    cm_api_changes_response out = {0};
    out.skipped.items =
        cm_arena_alloc(call->arena, (in->changes.count + 1) * sizeof(*out.skipped.items));
    for (size_t i = 0; i < in->changes.count; i++) {
        cm_err err;
        cm_rc rc = apply(repository, &in->changes.items[i], call->arena, &err);
        if (rc == CM_OK) {
            out.updated_files++;
        } else {
            out.skipped.items[out.skipped.count++] = (cm_api_skipped_change){
                in->changes.items[i].path, cm_str_from(cm_err_info_get(rc)->slug)};
        }
    }
    cm_snapshot *snapshot = cm_repository_snapshot(repository);
    out.index_version = snapshot == NULL ? 0 : (int64_t)cm_snapshot_generation(snapshot);
    cm_snapshot_unref(snapshot);
    cm_repository_unref(repository);
    cm_call_reply(call, 200, &cm_api_changes_response_schema, &out);
}
