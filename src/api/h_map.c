/* h_map.c - the repository map, and changes that an editor or a hook pushes. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/changes.h"
#include "api/lookup.h"
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

void cm_h_push_changes(cm_call *call) {
    const cm_api_changes_request *in = call->input;
    cm_repository *repository = cm_call_repository(call);
    if (repository == NULL) {
        return;
    }
    size_t count = in->changes.count;
    cm_file_change *changes = cm_arena_alloc(call->arena, (count + 1) * sizeof(*changes));
    for (size_t i = 0; i < count; i++) {
        const cm_api_change *change = &in->changes.items[i];
        changes[i] = (cm_file_change){.path = change->path,
                                      .old_path = change->old_path,
                                      .content = change->content,
                                      .base_sha256 = change->base_sha256,
                                      .is_deleted = change->type == CM_API_CHANGE_TYPE_DELETED,
                                      .is_partial = change->content_changes.count > 0};
    }
    cm_changes_result result;
    cm_err err;
    cm_rc rc = cm_changes_apply(repository, changes, count, call->arena, &result, &err);
    cm_repository_unref(repository);
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_api_changes_response out = {.updated_files = (int64_t)result.updated,
                                   .index_version = (int64_t)result.index_version};
    out.skipped.items = cm_arena_alloc(call->arena, (count + 1) * sizeof(*out.skipped.items));
    for (size_t i = 0; i < result.skipped_count; i++) {
        out.skipped.items[out.skipped.count++] =
            (cm_api_skipped_change){result.skipped[i].path, cm_str_from(result.skipped[i].code)};
    }
    cm_call_reply(call, 200, &cm_api_changes_response_schema, &out);
}
