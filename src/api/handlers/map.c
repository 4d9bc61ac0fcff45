/* map.c - the repository map, files that change together, and changes that an editor or a hook pushes. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/changes.h"
#include "api/lookup.h"
#include "base/utf8.h"
#include "index/graph/history.h"
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

/* ---- files that change together ---- */

/* Whether there is a history to ask, and why not. */
static cm_rc check_history(const cm_snapshot *snapshot, const cm_history_facts *facts,
                           cm_err *err) {
    cm_str root = cm_snapshot_root(snapshot);
    if (root.len == 0) {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "this repository has no git history: its files were sent, it has no "
                       "directory; index a clone by its path");
    }
    if (facts == NULL) {
        return cm_fail(err, CM_INDEX_NOT_READY,
                       "the git history of this repository was not read yet; index it again, with "
                       "index.history_commits above 0");
    }
    switch (facts->state) {
    case CM_HISTORY_READ: return CM_OK;
    case CM_HISTORY_NO_GIT:
        return cm_fail(err, CM_UNPROCESSABLE,
                       "'" CM_STR_FMT "' lies in no git repository that this user may read; index "
                       "a clone, or see git's safe.directory",
                       CM_STR_ARG(root));
    case CM_HISTORY_NO_COMMITS:
        return cm_fail(err, CM_UNPROCESSABLE,
                       "the git repository of '" CM_STR_FMT "' has no commits that can be read; "
                       "commit, then index it again",
                       CM_STR_ARG(root));
    case CM_HISTORY_DAMAGED: break;
    }
    return cm_fail(err, CM_INDEX_NOT_READY,
                   "what was kept of the git history is damaged; index the repository again");
}

static void fill_cochange(const cm_history *history, const cm_cochange *item,
                          cm_api_cochange_item *out) {
    *out = (cm_api_cochange_item){.path = cm_history_path(history, item->file),
                                  .support = item->support,
                                  .confidence = item->confidence,
                                  .weight = item->weight,
                                  .last_changed_at = item->last_s * 1000};
}

/* Files that are not in the index are left out: deleted ones, ignored ones, and those whose name is no text. */
static bool is_shown(const cm_snapshot *snapshot, cm_str path) {
    cm_index_document document;
    return cm_utf8_valid(path) && cm_snapshot_find_document(snapshot, path, &document);
}

static cm_rc fill_cochanges(cm_call *call, const cm_snapshot *snapshot, const cm_history *history,
                            cm_api_cochange_response *out, cm_err *err) {
    const cm_api_repo_cochange_query *in = call->query;
    const cm_cochange *items = NULL;
    size_t count = 0;
    uint32_t file = cm_history_find(history, in->path);
    out->path = in->path;
    out->commits = file == CM_ID_NONE ? 0 : cm_history_commits(history, file);
    cm_rc rc = file == CM_ID_NONE
                   ? CM_OK
                   : cm_history_together(history, file, call->arena, &items, &count, err);
    out->items.items =
        cm_arena_alloc(call->arena, ((size_t)in->limit + 1) * sizeof(*out->items.items));
    for (size_t i = 0; rc == CM_OK && i < count && !out->truncated; i++) {
        if (!is_shown(snapshot, cm_history_path(history, items[i].file))) {
            continue;
        }
        out->truncated = out->items.count == (size_t)in->limit;
        if (!out->truncated) {
            fill_cochange(history, &items[i], &out->items.items[out->items.count++]);
        }
    }
    return rc;
}

static cm_rc find_cochanges(cm_call *call, const cm_snapshot *snapshot,
                            cm_api_cochange_response *out, cm_err *err) {
    const cm_api_repo_cochange_query *in = call->query;
    const cm_history *history = cm_snapshot_history(snapshot);
    cm_history_facts facts;
    cm_index_document document;
    if (history != NULL) {
        cm_history_facts_get(history, &facts);
    }
    cm_rc rc = check_history(snapshot, history == NULL ? NULL : &facts, err);
    if (rc == CM_OK && !cm_snapshot_find_document(snapshot, in->path, &document)) {
        rc = cm_fail(err, CM_NOT_FOUND,
                     "there is no file '" CM_STR_FMT "' in the index of this repository; paths "
                     "begin at its root",
                     CM_STR_ARG(in->path));
    }
    if (rc != CM_OK) {
        return rc;
    }
    char head[2 * CM_HISTORY_OID_BYTES + 1];
    for (size_t i = 0; i < CM_HISTORY_OID_BYTES; i++) {
        snprintf(head + 2 * i, 3, "%02x", facts.head[i]);
    }
    out->history = (cm_api_cochange_history){.head = cm_arena_str(call->arena, cm_str_from(head)),
                                             .commits = facts.commits,
                                             .truncated = facts.is_cut};
    return fill_cochanges(call, snapshot, history, out, err);
}

void cm_h_repo_cochange(cm_call *call) {
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    cm_api_cochange_response out = {0};
    cm_err err;
    cm_rc rc = find_cochanges(call, snapshot, &out, &err);
    if (rc == CM_OK) {
        cm_call_reply(call, 200, &cm_api_cochange_response_schema, &out);
    } else {
        cm_call_fail(call, rc, &err);
    }
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
