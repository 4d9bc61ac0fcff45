/* Single files into the index at once: parsed on the caller's thread, published as a segment in memory.
 *
 * Readers of files take turns (`sync`), so that the last one to read is the last one to publish. */
#include "index/segment/builder.h"
#include "index/live/index_priv.h"
#include "index/live/sent.h"
#include "index/live/walk.h"

#include "base/path.h"
#include "base/vec.h"

typedef struct sync {
    cm_index *r;
    cm_index_settings *settings;
    cm_arena *arena;
    cm_builder *builder;
    CM_VEC(cm_str) removed;
    int64_t mtime_ns; /* of texts that are kept as sent; 0 = of an editor */
} sync;

static void sync_init(sync *s, cm_index *r) {
    *s = (sync){.r = r,
                .settings = cm_index_settings_get(r),
                .arena = cm_arena_new(0),
                .builder = cm_builder_new()};
}

static void sync_done(sync *s) {
    cm_builder_free(s->builder);
    cm_vec_done(&s->removed);
    cm_arena_free(s->arena);
    cm_index_settings_unref(s->settings);
}

static void sort_ahead(void *argument, const cm_analysis *analysis) {
    cm_builder_sort_ahead(argument, analysis);
}

/* Analyses one file, or `text` in its place, unless the index has that content already. `is_lone`: it is all that this
 * sync adds. */
static cm_rc add_file(sync *s, const cm_snapshot *base, cm_str path, const cm_str *text,
                      bool is_lone, cm_err *err) {
    cm_index_document d;
    bool known = base && cm_snapshot_find_document(base, path, &d) && cm_document_has_text(&d);
    cm_analysis_request request = {
        .root = s->settings->root,
        .path = path,
        .file_bytes_max = s->settings->options.file_bytes_max,
        .parser = s->r->environment.parser,
        .unless = known ? &d.hash : NULL,
        .text = text,
        .text_mtime_ns = s->mtime_ns,
        .chunk_strategy = s->settings->options.chunk_strategy,
        .is_edit = true,
        .meanwhile = is_lone ? sort_ahead : NULL,
        .argument = s->builder,
    };
    cm_analysis *analysis;
    cm_rc rc = cm_analysis_run(&request, &analysis, err);
    if (rc == CM_OK && analysis) {
        rc = cm_builder_add(s->builder, analysis, err);
    }
    if (rc == CM_OK) {
        cm_analysis_free(analysis);
    }
    return rc;
}

static bool note_removed(sync *s, cm_str path, const cm_map *found) {
    uint64_t ignored;
    return cm_map_get(found, path, &ignored) || cm_vec_push(&s->removed, path);
}

/* First of the segment's documents, in order of path, that does not come before `path`. */
static uint32_t lower_bound(const cm_segment *segment, cm_str path) {
    uint32_t low = 0, high = segment->document_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cm_str_cmp(cm_segment_path(segment, segment->by_path[middle]), path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Documents at or below `path` that the walk did not find any more. */
static cm_rc find_removed(sync *s, const cm_snapshot *base, cm_str path, const cm_map *found,
                          cm_err *err) {
    cm_index_document d;
    bool ok = true;
    cm_str below = path.len > 0 ? cm_arena_fmt(s->arena, CM_STR_FMT "/", CM_STR_ARG(path)) : path;
    if (base && cm_snapshot_find_document(base, path, &d)) {
        ok = note_removed(s, d.path, found);
    }
    for (size_t i = 0; ok && base && i < base->count; i++) {
        const cm_snapshot_segment *in = &base->segments[i];
        for (uint32_t at = lower_bound(in->segment, below); ok && at < in->segment->document_count;
             at++) {
            uint32_t local = in->segment->by_path[at];
            cm_str inside = cm_segment_path(in->segment, local);
            if (!cm_str_starts(inside, below)) {
                break;
            }
            if (!cm_bitmap_has(in->dead, local)) {
                ok = note_removed(s, inside, found);
            }
        }
    }
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory reading changes");
}

static cm_rc read_paths(sync *s, const cm_snapshot *base, cm_str_list paths, cm_err *err) {
    cm_walk_result walk;
    cm_map *found = cm_map_new(0);
    cm_rc rc =
        cm_walk_paths(s->settings->root, &s->settings->options, paths, NULL, s->arena, &walk, err);
    for (size_t i = 0; rc == CM_OK && i < walk.count; i++) {
        bool added;
        if (!cm_map_slot(found, walk.entries[i].path, &added)) {
            rc = cm_fail(err, CM_NOMEM, "out of memory reading changes");
        } else if (added) {
            rc = add_file(s, base, walk.entries[i].path, NULL, walk.count == 1, err);
        }
    }
    for (size_t i = 0; rc == CM_OK && i < paths.count; i++) {
        rc = find_removed(s, base, paths.items[i], found, err);
    }
    cm_map_free(found);
    return rc;
}

/* Publishes what was built and removed. */
static cm_rc publish(sync *s, cm_err *err) {
    cm_index *r = s->r;
    cm_buf parts[CM_PART_KIND_COUNT];
    cm_segment *segment = NULL;
    cm_rc rc = CM_OK;
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_init(&parts[kind], CM_PART_BYTES_MAX);
    }
    if (cm_builder_count(s->builder) > 0) {
        rc = cm_builder_finish(s->builder, parts, err);
        if (rc == CM_OK) {
            rc = cm_index_seal(r, parts, false, &segment, err);
        }
    }
    if (rc == CM_OK && (segment || s->removed.count > 0)) {
        cm_change change = {.added = &segment,
                            .added_count = segment ? 1 : 0,
                            .removed = s->removed.items,
                            .removed_count = s->removed.count,
                            .synced = true};
        rc = cm_index_publish(r, &change, err);
    }
    cm_segment_unref(segment);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_done(&parts[kind]);
    }
    return rc;
}

static cm_rc add_change(sync *s, const cm_snapshot *base, const cm_text_change *change,
                        bool is_lone, cm_err *err) {
    cm_index_document d;
    if (!change->is_removed) {
        return add_file(s, base, change->path, &change->text, is_lone, err);
    }
    if (!base || !cm_snapshot_find_document(base, change->path, &d)) {
        return CM_OK;
    }
    return cm_vec_push(&s->removed, d.path) ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory");
}

/* What to do: read `paths` from the tree, or take the content as sent. */
typedef struct edits {
    cm_str_list paths;
    const cm_text_change *changes; /* NULL = paths */
    size_t count;
    const cm_map *last; /* places of the last change of each path */
} edits;

static cm_rc add_changes(sync *s, const cm_snapshot *base, const edits *e, cm_err *err) {
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < e->count; i++) {
        uint64_t at = i;
        if (cm_map_get(e->last, e->changes[i].path, &at) && at == i) {
            rc = add_change(s, base, &e->changes[i], e->count == 1, err);
        }
    }
    return rc;
}

/* Without a tree the changes become truth before they are indexed: nobody could read them again. */
static cm_rc keep_changes(sync *s, const edits *e, cm_err *err) {
    const cm_sent *sent = s->r->environment.sent;
    cm_sent_batch *batch = NULL;
    if (!sent || !e->changes || s->settings->root[0] != '\0') {
        return CM_OK;
    }
    cm_rc rc = cm_sent_begin(sent, &s->r->id, &batch, err);
    for (size_t i = 0; rc == CM_OK && i < e->count; i++) {
        const cm_text_change *change = &e->changes[i];
        uint64_t at = i;
        if (!cm_map_get(e->last, change->path, &at) || at != i) {
            continue;
        }
        rc = change->is_removed ? cm_sent_drop(batch, change->path, err)
                                : cm_sent_add(batch, change->path, change->text, err);
    }
    if (rc == CM_OK) {
        rc = cm_sent_commit(batch, false, err);
    }
    if (rc == CM_OK) {
        s->mtime_ns = cm_sent_time_ns(batch);
    }
    cm_sent_free(batch);
    return rc;
}

static cm_rc run(cm_index *r, const edits *e, cm_err *err) {
    sync s;
    pthread_mutex_lock(&r->sync);
    sync_init(&s, r);
    cm_snapshot *base = cm_index_snapshot(r);
    cm_rc rc = keep_changes(&s, e, err);
    if (rc == CM_OK) {
        rc = e->changes ? add_changes(&s, base, e, err) : read_paths(&s, base, e->paths, err);
    }
    if (rc == CM_OK) {
        rc = publish(&s, err);
    }
    if (rc == CM_OK &&
        s.settings->root[0] == '\0') { /* nobody could read them again after a crash */
        rc = cm_index_flush(r, err);
    }
    cm_snapshot_unref(base);
    sync_done(&s);
    pthread_mutex_unlock(&r->sync);
    if (rc == CM_OK) {
        cm_index_tidy(r); /* the edit can be searched already */
    }
    if (rc == CM_OK) {
        cm_index_follow_history(r);
    }
    return rc;
}

static cm_rc check_has_tree(cm_index *r, cm_err *err) {
    cm_index_settings *settings = cm_index_settings_get(r);
    bool has = settings->root[0] != '\0';
    cm_index_settings_unref(settings);
    return has ? CM_OK
               : cm_fail(err, CM_INVALID,
                         "this repository has no directory to read from; send the files' content");
}

cm_rc cm_index_sync(cm_index *repository, cm_str_list paths, cm_err *err) {
    cm_rc rc = check_has_tree(repository, err);
    for (size_t i = 0; rc == CM_OK && i < paths.count; i++) {
        if (paths.items[i].len > 0) {
            rc = cm_path_check_relative(paths.items[i], err);
        }
    }
    return rc == CM_OK ? run(repository, &(edits){.paths = paths}, err) : rc;
}

static cm_rc last_changes(const cm_text_change *changes, size_t count, cm_map *last, cm_err *err) {
    for (size_t i = 0; i < count; i++) {
        cm_rc rc = cm_path_check_relative(changes[i].path, err);
        if (rc != CM_OK) {
            return rc;
        }
        if (!cm_map_put(last, changes[i].path, i)) {
            return cm_fail(err, CM_NOMEM, "out of memory reading changes");
        }
    }
    return CM_OK;
}

cm_rc cm_index_sync_texts(cm_index *repository, const cm_text_change *changes, size_t count,
                          cm_err *err) {
    cm_cleanup(cm_map_freep) cm_map *last = cm_map_new(0);
    edits e = {.changes = changes, .count = count, .last = last};
    cm_rc rc = last_changes(changes, count, last, err);
    return rc == CM_OK && count > 0 ? run(repository, &e, err) : rc;
}
