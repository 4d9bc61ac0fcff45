/* changes.c - see changes.h. */
#include "base/base.h"

#include "api/changes.h"
#include "base/hash.h"
#include "base/path.h"

typedef struct plan {
    cm_repository *repository;
    bool has_tree;
    cm_arena *arena;
    cm_text_change *texts;
    size_t text_count;
    cm_str *paths; /* to be read from the tree */
    size_t path_count;
    cm_skipped_change *skipped;
    cm_changes_result result;
} plan;

/* The version the change was built on must be the one the index has. */
static bool base_matches(const plan *p, const cm_file_change *change) {
    if (change->base_sha256.len == 0 && change->base_text.ptr == NULL) {
        return true;
    }
    cm_snapshot *snapshot = cm_repository_snapshot(p->repository);
    bool matches = false;
    cm_index_document document;
    cm_str text;
    char hash[CM_SHA256_TEXT];
    if (snapshot != NULL && cm_snapshot_find_document(snapshot, change->path, &document) &&
        cm_snapshot_text(snapshot, document.id, p->arena, &text, NULL) == CM_OK) {
        cm_sha256_hex(text.ptr, text.len, hash);
        matches = (change->base_sha256.len == 0 ||
                   cm_str_eq_nocase(change->base_sha256, cm_str_from(hash))) &&
                  (change->base_text.ptr == NULL || cm_str_eq(change->base_text, text));
    }
    cm_snapshot_unref(snapshot);
    return matches;
}

static cm_rc check(const plan *p, const cm_file_change *change, cm_err *err) {
    cm_rc rc = cm_path_check_relative(change->path, err);
    if (rc == CM_OK && change->old_path.len > 0) {
        rc = cm_path_check_relative(change->old_path, err);
    }
    if (rc == CM_OK && (change->is_partial || !base_matches(p, change))) {
        rc = cm_fail(err, CM_BASE_MISMATCH, "send the whole content");
    }
    if (rc == CM_OK && !p->has_tree && !change->is_deleted && change->content.ptr == NULL) {
        rc = cm_fail(err, CM_UNPROCESSABLE, "there is no directory to read the file from");
    }
    return rc;
}

static void leave(plan *p, cm_str path) {
    if (p->has_tree) {
        p->paths[p->path_count++] = path;
    } else {
        p->texts[p->text_count++] = (cm_text_change){.path = path, .is_removed = true};
    }
}

/* What was sent as content is taken as it is; all else is read from the tree. */
static void add(plan *p, const cm_file_change *change) {
    if (change->old_path.len > 0) {
        leave(p, change->old_path);
    }
    if (change->content.ptr != NULL && !change->is_deleted) {
        p->texts[p->text_count++] = (cm_text_change){.path = change->path, .text = change->content};
    } else {
        leave(p, change->path);
    }
}

cm_rc cm_changes_apply(cm_repository *repository, const cm_file_change *changes, size_t count,
                       cm_arena *arena, cm_changes_result *ret_result, cm_err *err) {
    plan p = {.repository = repository,
              .has_tree = cm_repository_root(repository, arena).len > 0,
              .arena = arena,
              .texts = cm_arena_alloc(arena, (2 * count + 1) * sizeof(cm_text_change)),
              .paths = cm_arena_alloc(arena, (2 * count + 1) * sizeof(cm_str)),
              .skipped = cm_arena_alloc(arena, (count + 1) * sizeof(cm_skipped_change))};
    for (size_t i = 0; i < count; i++) {
        cm_rc rc = check(&p, &changes[i], err);
        if (rc == CM_OK) {
            add(&p, &changes[i]);
            p.result.updated++;
        } else {
            p.skipped[p.result.skipped_count++] =
                (cm_skipped_change){changes[i].path, cm_err_info_get(rc)->slug};
        }
    }
    cm_rc rc = CM_OK;
    if (p.path_count > 0) {
        rc = cm_repository_sync(repository, (cm_str_list){p.paths, p.path_count}, err);
    }
    if (rc == CM_OK && p.text_count > 0) {
        rc = cm_repository_sync_texts(repository, p.texts, p.text_count, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    cm_snapshot *snapshot = cm_repository_snapshot(repository);
    p.result.index_version = snapshot == NULL ? 0 : cm_snapshot_generation(snapshot);
    cm_snapshot_unref(snapshot);
    p.result.skipped = p.skipped;
    *ret_result = p.result;
    return CM_OK;
}
