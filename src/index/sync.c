/* Single files into the index at once: parsed on the caller's thread, published as a segment in memory. */
#include "index/builder.h"
#include "index/repository_priv.h"
#include "index/walk.h"

#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"

#define MEMORY_SEGMENTS_MAX 16         /* more are folded into one */
#define MEMORY_BYTES_MAX    CM_MIB(32) /* more is written to disk */

typedef struct sync {
    cm_repository *r;
    cm_repository_options options;
    const char *root;
    cm_arena *arena;
    cm_builder *builder;
    CM_VEC(cm_str) removed;
} sync;

static void sync_init(sync *s, cm_repository *r) {
    *s = (sync){.r = r, .arena = cm_arena_new(0), .builder = cm_builder_new()};
    pthread_mutex_lock(&r->lock);
    s->root = cm_arena_c(s->arena, cm_str_from(r->root));
    s->options = r->options;
    pthread_mutex_unlock(&r->lock);
    if (s->options.file_bytes_max == 0)
        s->options.file_bytes_max = CM_FILE_BYTES_DEFAULT;
}

static void sync_done(sync *s) {
    cm_builder_free(s->builder);
    cm_vec_done(&s->removed);
    cm_arena_free(s->arena);
}

/* Analyses one file, or `text` in its place, unless the index has that content already. */
static cm_rc add_file(sync *s, const cm_snapshot *base, cm_str path, const cm_str *text,
                      cm_err *err) {
    cm_index_document d;
    bool known = base && cm_snapshot_find_document(base, path, &d) && cm_document_has_text(&d);
    cm_analysis_request request = {
        .root = s->root,
        .path = path,
        .file_bytes_max = s->options.file_bytes_max,
        .parser = s->r->environment.parser,
        .unless = known ? &d.hash : NULL,
        .text = text,
        .chunk_strategy = s->options.chunk_strategy,
    };
    cm_analysis *analysis;
    cm_rc rc = cm_analysis_run(&request, &analysis, err);
    if (rc == CM_OK && analysis)
        rc = cm_builder_add(s->builder, analysis, err);
    if (rc == CM_OK)
        cm_analysis_free(analysis);
    return rc;
}

/* Documents at or below `path` that the walk did not find any more. */
static cm_rc find_removed(sync *s, const cm_snapshot *base, cm_str path, const cm_map *found,
                          cm_err *err) {
    cm_index_document d;
    uint64_t ignored;
    if (!base)
        return CM_OK;
    if (cm_snapshot_find_document(base, path, &d)) {
        if (cm_map_get(found, path, &ignored) || cm_vec_push(&s->removed, d.path))
            return CM_OK;
        return cm_fail(err, CM_NOMEM, "out of memory reading changes");
    }
    for (uint32_t cursor = 0; cm_snapshot_next_document(base, &cursor, &d);) {
        bool below = path.len == 0 || (d.path.len > path.len && cm_str_starts(d.path, path) &&
                                       d.path.ptr[path.len] == '/');
        if (below && !cm_map_get(found, d.path, &ignored) && !cm_vec_push(&s->removed, d.path))
            return cm_fail(err, CM_NOMEM, "out of memory reading changes");
    }
    return CM_OK;
}

static cm_rc read_path(sync *s, const cm_snapshot *base, cm_str path, cm_map *found, cm_err *err) {
    cm_walk_result walk;
    cm_rc rc = cm_walk_run(s->root, &s->options, path, NULL, s->arena, &walk, err);
    for (size_t i = 0; rc == CM_OK && i < walk.count; i++) {
        bool added;
        if (!cm_map_slot(found, walk.entries[i].path, &added))
            return cm_fail(err, CM_NOMEM, "out of memory reading changes");
        if (added)
            rc = add_file(s, base, walk.entries[i].path, NULL, err);
    }
    return rc == CM_OK ? find_removed(s, base, path, found, err) : rc;
}

/* A running job must not replace what is newer than what it read. */
static cm_rc remember(sync *s, const cm_segment *segment, cm_err *err) {
    cm_repository *r = s->r;
    pthread_mutex_lock(&r->lock);
    bool running = r->running;
    pthread_mutex_unlock(&r->lock);
    bool ok = true;
    for (uint32_t i = 0; ok && running && segment && i < segment->document_count; i++)
        ok = cm_map_put(r->synced, cm_segment_path(segment, i), 1);
    for (size_t i = 0; ok && running && i < s->removed.count; i++)
        ok = cm_map_put(r->synced, s->removed.items[i], 1);
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory reading changes");
}

/* Few and small segments in memory keep searches quick; past the bounds they become one on disk. The caller
 * holds `publish`. */
static cm_rc tidy_memory(cm_repository *r, bool *ret_needed, bool act, cm_err *err) {
    size_t count = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; r->snapshot && i < r->snapshot->count; i++) {
        const cm_segment *segment = r->snapshot->segments[i].segment;
        if (!segment->path) {
            count++;
            bytes += segment->bytes;
        }
    }
    *ret_needed = count > MEMORY_SEGMENTS_MAX || bytes > MEMORY_BYTES_MAX;
    if (!*ret_needed || !act)
        return CM_OK;
    return bytes > MEMORY_BYTES_MAX ? cm_repository_flush(r, err) : cm_repository_fold(r, err);
}

static void tidy_job(void *argument, unsigned worker) {
    (void)worker;
    cm_repository *r = argument;
    cm_err err;
    bool needed;
    pthread_mutex_lock(&r->publish);
    if (tidy_memory(r, &needed, true, &err) != CM_OK)
        cm_log_err(CM_LOG_WARN, "cannot fold edited files into one segment", &err);
    pthread_mutex_unlock(&r->publish);
    cm_repository_unref(r);
}

/* The edit can be searched already: folding is for later, on a worker when there is one. */
static void tidy_later(cm_repository *r) {
    cm_err err;
    bool needed;
    cm_rc rc = tidy_memory(r, &needed, !r->environment.pool, &err);
    if (rc != CM_OK)
        cm_log_err(CM_LOG_WARN, "cannot fold edited files into one segment", &err);
    if (!needed || !r->environment.pool)
        return;
    if (cm_pool_submit(r->environment.pool, CM_BACKGROUND, tidy_job, cm_repository_ref(r), NULL) !=
        CM_OK)
        cm_repository_unref(r); /* the next edit tries again */
}

/* Publishes what was built and removed. The caller holds `publish`. */
static cm_rc publish(sync *s, cm_err *err) {
    cm_repository *r = s->r;
    cm_buf parts[CM_PART_KIND_COUNT];
    cm_segment *segment = NULL;
    cm_rc rc = CM_OK;
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++)
        cm_buf_init(&parts[kind], CM_PART_BYTES_MAX);
    if (cm_builder_count(s->builder) > 0) {
        rc = cm_builder_finish(s->builder, parts, err);
        if (rc == CM_OK)
            rc = cm_repository_seal(r, parts, false, &segment, err);
    }
    if (rc == CM_OK)
        rc = remember(s, segment, err);
    if (rc == CM_OK && (segment || s->removed.count > 0)) {
        cm_change change = {.added = &segment,
                            .added_count = segment ? 1 : 0,
                            .removed = s->removed.items,
                            .removed_count = s->removed.count};
        rc = cm_repository_publish(r, &change, err);
        if (rc == CM_OK)
            tidy_later(r);
    }
    cm_segment_unref(segment);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++)
        cm_buf_done(&parts[kind]);
    return rc;
}

static cm_rc check_has_tree(cm_repository *r, cm_err *err) {
    pthread_mutex_lock(&r->lock);
    bool has = r->root[0] != '\0';
    pthread_mutex_unlock(&r->lock);
    return has ? CM_OK
               : cm_fail(err, CM_INVALID,
                         "this repository has no directory to read from; send the files' content");
}

cm_rc cm_repository_sync(cm_repository *repository, cm_str_list paths, cm_err *err) {
    sync s;
    cm_rc rc = check_has_tree(repository, err);
    for (size_t i = 0; rc == CM_OK && i < paths.count; i++)
        if (paths.items[i].len > 0)
            rc = cm_path_check_relative(paths.items[i], err);
    if (rc != CM_OK)
        return rc;
    pthread_mutex_lock(&repository->publish);
    sync_init(&s, repository);
    cm_snapshot *base = cm_repository_snapshot(repository);
    cm_map *found = cm_map_new(0);
    for (size_t i = 0; rc == CM_OK && i < paths.count; i++)
        rc = read_path(&s, base, paths.items[i], found, err);
    if (rc == CM_OK)
        rc = publish(&s, err);
    cm_map_free(found);
    cm_snapshot_unref(base);
    sync_done(&s);
    pthread_mutex_unlock(&repository->publish);
    return rc;
}

static cm_rc add_change(sync *s, const cm_snapshot *base, const cm_text_change *change,
                        cm_err *err) {
    cm_index_document d;
    if (!change->is_removed)
        return add_file(s, base, change->path, &change->text, err);
    if (!base || !cm_snapshot_find_document(base, change->path, &d))
        return CM_OK;
    return cm_vec_push(&s->removed, d.path) ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory");
}

/* Places of the last change of each path. */
static cm_rc last_changes(const cm_text_change *changes, size_t count, cm_map *last, cm_err *err) {
    for (size_t i = 0; i < count; i++) {
        cm_rc rc = cm_path_check_relative(changes[i].path, err);
        if (rc != CM_OK)
            return rc;
        if (!cm_map_put(last, changes[i].path, i))
            return cm_fail(err, CM_NOMEM, "out of memory reading changes");
    }
    return CM_OK;
}

cm_rc cm_repository_sync_texts(cm_repository *repository, const cm_text_change *changes,
                               size_t count, cm_err *err) {
    sync s;
    cm_cleanup(cm_map_freep) cm_map *last = cm_map_new(0);
    cm_rc rc = last_changes(changes, count, last, err);
    if (rc != CM_OK)
        return rc;
    pthread_mutex_lock(&repository->publish);
    sync_init(&s, repository);
    cm_snapshot *base = cm_repository_snapshot(repository);
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        uint64_t at = i;
        if (cm_map_get(last, changes[i].path, &at) && at == i)
            rc = add_change(&s, base, &changes[i], err);
    }
    if (rc == CM_OK)
        rc = publish(&s, err);
    if (rc == CM_OK && s.root[0] == '\0') /* nobody could read them again after a crash */
        rc = cm_repository_flush(repository, err);
    cm_snapshot_unref(base);
    sync_done(&s);
    pthread_mutex_unlock(&repository->publish);
    return rc;
}

cm_rc cm_repository_sync_text(cm_repository *repository, cm_str path, cm_str text, cm_err *err) {
    return cm_repository_sync_texts(repository, &(cm_text_change){.path = path, .text = text}, 1,
                                    err);
}
