/* sent.c - see sent.h. */
#include "index/live/sent.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "store/blobs.h"

#include "store/q/repositories.h"
#include "store/q/sent_files.h"

#define PENDING_MAX CM_MIB(8) /* of contents that wait for a transaction */
#define PAGE        1000

typedef struct named {
    cm_str path;
    cm_uuid blob;
} named;

typedef struct ready {
    cm_str path;
    cm_blob_ready blob;
} ready;

struct cm_sent_batch {
    const cm_sent *sent;
    cm_db db;
    cm_uuid repository, workspace;
    int64_t now_ms;
    cm_arena *paths;
    cm_arena *contents; /* of `pending` */
    CM_VEC(ready) pending;
    CM_VEC(named) added;
    CM_VEC(cm_str) dropped;
};

static cm_rc no_memory(cm_err *err) {
    return cm_fail(err, CM_NOMEM, "out of memory keeping what was sent");
}

cm_rc cm_sent_begin(const cm_sent *sent, const cm_uuid *repository, cm_sent_batch **ret_batch,
                    cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_system(sent->store);
    cm_row_repositories row;
    cm_rc rc =
        cm_q_repositories_get(&db, &(cm_q_repositories_get_in){*repository}, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_sent_batch *b = CM_NEW(cm_sent_batch);
    *b = (cm_sent_batch){.sent = sent,
                         .db = db,
                         .repository = *repository,
                         .workspace = row.workspace_id,
                         .now_ms = cm_clock_wall_ms(),
                         .paths = cm_arena_new(0),
                         .contents = cm_arena_new(0)};
    *ret_batch = b;
    return CM_OK;
}

void cm_sent_free(cm_sent_batch *batch) {
    if (!batch) {
        return;
    }
    cm_vec_done(&batch->pending);
    cm_vec_done(&batch->added);
    cm_vec_done(&batch->dropped);
    cm_arena_free(batch->paths);
    cm_arena_free(batch->contents);
    cm_free(batch);
}

int64_t cm_sent_time_ns(const cm_sent_batch *batch) {
    return batch->now_ms * 1000000;
}

static cm_rc copy(cm_arena *arena, cm_str s, cm_str *ret_copy, cm_err *err) {
    char *bytes = cm_arena_try_alloc(arena, s.len + 1);
    if (!bytes) {
        return no_memory(err);
    }
    memcpy(bytes, s.ptr ? s.ptr : "", s.len);
    *ret_copy = cm_str_make(bytes, s.len);
    return CM_OK;
}

/* ---- contents ---- */

/* May run twice: what a first run pushed is cut off. */
static cm_rc record_pending(const cm_db *db, void *argument, cm_err *err) {
    cm_sent_batch *b = argument;
    named *out = b->added.items + (b->added.count - b->pending.count);
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < b->pending.count; i++) {
        rc = cm_blob_record(db, &b->pending.items[i].blob, &out[i].blob, err);
    }
    return rc;
}

static cm_rc flush(cm_sent_batch *b, cm_err *err) {
    if (b->pending.count == 0) {
        return CM_OK;
    }
    for (size_t i = 0; i < b->pending.count; i++) {
        if (!cm_vec_push(&b->added, (named){.path = b->pending.items[i].path})) {
            return no_memory(err);
        }
    }
    cm_rc rc = cm_db_write(&b->db, CM_FULL, record_pending, b, err);
    b->pending.count = 0;
    cm_arena_clear(b->contents);
    return rc;
}

cm_rc cm_sent_add(cm_sent_batch *batch, cm_str path, cm_str content, cm_err *err) {
    ready r;
    cm_blob_new blob = {.workspace_id = batch->workspace, .content = content};
    cm_rc rc = copy(batch->paths, path, &r.path, err);
    if (rc == CM_OK) {
        rc = cm_blob_prepare(batch->sent->data_dir, &blob, batch->contents, &r.blob, err);
    }
    if (rc == CM_OK && !r.blob.compressed && !r.blob.in_file) { /* still the caller's bytes */
        rc = copy(batch->contents, r.blob.data, &r.blob.data, err);
    }
    if (rc == CM_OK && !cm_vec_push(&batch->pending, r)) {
        rc = no_memory(err);
    }
    if (rc == CM_OK && cm_arena_used(batch->contents) > PENDING_MAX) {
        rc = flush(batch, err);
    }
    return rc;
}

cm_rc cm_sent_drop(cm_sent_batch *batch, cm_str path, cm_err *err) {
    cm_str kept;
    cm_rc rc = copy(batch->paths, path, &kept, err);
    if (rc == CM_OK && !cm_vec_push(&batch->dropped, kept)) {
        rc = no_memory(err);
    }
    return rc;
}

/* ---- which path has which ---- */

static cm_rc write_paths(const cm_db *db, void *argument, cm_err *err) {
    const cm_sent_batch *b = argument;
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < b->dropped.count; i++) {
        cm_q_sent_files_drop_in in = {b->repository, b->dropped.items[i]};
        rc = cm_q_sent_files_drop(db, &in, NULL, err);
    }
    for (size_t i = 0; rc == CM_OK && i < b->added.count; i++) {
        cm_q_sent_files_keep_in in = {.repository_id = b->repository,
                                      .file_path = b->added.items[i].path,
                                      .blob_id = b->added.items[i].blob,
                                      .updated_at = b->now_ms};
        rc = cm_q_sent_files_keep(db, &in, NULL, err);
    }
    return rc;
}

/* Drops every file there is that the batch has not added. */
static cm_rc drop_others(cm_sent_batch *b, cm_err *err) {
    cm_walk_result files;
    cm_map *mine = cm_map_new(0);
    cm_rc rc = cm_sent_list(b->sent, &b->repository, b->paths, &files, err);
    uint64_t ignored;
    for (size_t i = 0; rc == CM_OK && i < b->added.count; i++) {
        if (!cm_map_put(mine, b->added.items[i].path, 1)) {
            rc = no_memory(err);
        }
    }
    for (size_t i = 0; rc == CM_OK && i < files.count; i++) {
        if (!cm_map_get(mine, files.entries[i].path, &ignored) &&
            !cm_vec_push(&b->dropped, files.entries[i].path)) {
            rc = no_memory(err);
        }
    }
    cm_map_free(mine);
    return rc;
}

cm_rc cm_sent_commit(cm_sent_batch *batch, bool replace, cm_err *err) {
    cm_rc rc = flush(batch, err);
    if (rc == CM_OK && replace) {
        rc = drop_others(batch, err);
    }
    return rc == CM_OK ? cm_db_write(&batch->db, CM_FULL, write_paths, batch, err) : rc;
}

/* ---- reading ---- */

cm_rc cm_sent_list(const cm_sent *sent, const cm_uuid *repository, cm_arena *arena,
                   cm_walk_result *ret_files, cm_err *err) {
    CM_VEC(cm_walk_entry) entries = {0};
    cm_db db = cm_store_system(sent->store);
    cm_q_sent_files_page_in page = {
        .repository_id = *repository, .after = CM_STR(""), .limit = PAGE};
    const cm_q_sent_files_page_row *rows = NULL;
    size_t count = PAGE;
    uint64_t bytes = 0;
    cm_rc rc = CM_OK;
    while (rc == CM_OK && count == PAGE) {
        rc = cm_q_sent_files_page(&db, &page, arena, &rows, &count, err);
        for (size_t i = 0; rc == CM_OK && i < count; i++) {
            cm_walk_entry entry = {.path = rows[i].file_path,
                                   .size = (uint64_t)rows[i].size_bytes,
                                   .mtime_ns = rows[i].updated_at * 1000000};
            page.after = entry.path;
            bytes += entry.size;
            if (!cm_vec_push(&entries, entry)) {
                rc = no_memory(err);
            }
        }
    }
    cm_walk_entry *kept = CM_ARENA_ARRAY(arena, cm_walk_entry, entries.count + 1);
    if (rc == CM_OK && !kept) {
        rc = no_memory(err);
    }
    if (rc == CM_OK) {
        if (entries.count > 0) {
            memcpy(kept, entries.items, entries.count * sizeof(*kept));
        }
        *ret_files = (cm_walk_result){.entries = kept, .count = entries.count, .bytes = bytes};
    }
    cm_vec_done(&entries);
    return rc;
}

cm_rc cm_sent_read(const cm_sent *sent, const cm_uuid *repository, cm_str path, cm_buf *out,
                   int64_t *ret_mtime_ns, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_system(sent->store);
    cm_q_sent_files_find_in in = {*repository, path};
    cm_q_sent_files_find_row row;
    cm_rc rc = cm_q_sent_files_find(&db, &in, arena, &row, err);
    if (rc == CM_OK) {
        rc = cm_blob_read(&db, sent->data_dir, &row.blob_id, out, err);
    }
    if (rc == CM_OK) {
        *ret_mtime_ns = row.updated_at * 1000000;
    }
    return rc;
}

/* ---- an index from before ---- */

static cm_rc keep_documents(const cm_sent *sent, const cm_uuid *id, const cm_snapshot *snapshot,
                            cm_err *err) {
    cm_sent_batch *batch = NULL;
    cm_index_document d;
    cm_arena *scratch = cm_arena_new((size_t)1 << 30);
    cm_rc rc = cm_sent_begin(sent, id, &batch, err);
    for (uint32_t at = 0; rc == CM_OK && cm_snapshot_next_document(snapshot, &at, &d);) {
        cm_str text;
        cm_arena_clear(scratch);
        if (!cm_document_has_text(&d)) {
            continue;
        }
        rc = cm_snapshot_text(snapshot, d.id, scratch, &text, err);
        if (rc == CM_OK) {
            rc = cm_sent_add(batch, d.path, text, err);
        }
    }
    if (rc == CM_OK) {
        rc = cm_sent_commit(batch, false, err);
    }
    cm_sent_free(batch);
    cm_arena_free(scratch);
    return rc;
}

cm_rc cm_sent_adopt(const cm_sent *sent, cm_index *repository, bool *ret_behind, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_system(sent->store);
    cm_snapshot_statistics statistics = {0};
    cm_q_sent_files_total_in in = {*cm_index_id(repository)};
    cm_q_sent_files_total_row total;
    cm_rc rc = cm_q_sent_files_total(&db, &in, arena, &total, err);
    cm_snapshot *snapshot = cm_index_snapshot(repository);
    if (snapshot) {
        cm_snapshot_statistics_get(snapshot, &statistics);
    }
    if (rc == CM_OK && total.files == 0 && statistics.files > 0) {
        rc = keep_documents(sent, cm_index_id(repository), snapshot, err);
    } else if (rc == CM_OK) {
        *ret_behind = (uint64_t)total.files != statistics.files;
    }
    cm_snapshot_unref(snapshot);
    return rc;
}
