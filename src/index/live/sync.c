/* Single files into the index at once: parsed on the caller's thread, published as a segment in memory.
 *
 * Readers of files take turns (`sync`), so that the last one to read is the last one to publish. */
#include "index/segment/builder.h"
#include "index/live/index_priv.h"
#include "index/live/sent.h"
#include "index/live/walk.h"

#include "base/hash.h"
#include "base/beneath.h"
#include "base/path.h"
#include "base/vec.h"

typedef struct sync {
    cm_index *r;
    cm_index_settings *settings;
    int tree; /* descriptor of the root, when paths are read */
    cm_arena *arena;
    cm_builder *builder;
    CM_VEC(cm_str) removed;
    cm_map *found;    /* files at and below the paths that were asked for */
    bool beside_job;  /* a job runs: what the index has now says little about what it will have */
    int64_t mtime_ns; /* of texts that are kept as sent; 0 = of an editor */
} sync;

static void sync_init(sync *s, cm_index *r) {
    *s = (sync){.r = r,
                .tree = -1,
                .settings = cm_index_settings_get(r),
                .arena = cm_arena_new(0),
                .builder = cm_builder_new(),
                .found = cm_map_new(0)};
    pthread_mutex_lock(&r->lock);
    s->beside_job = r->running; /* it cannot begin before this sync has ended */
    pthread_mutex_unlock(&r->lock);
}

static void sync_done(sync *s) {
    cm_builder_free(s->builder);
    cm_vec_done(&s->removed);
    cm_map_free(s->found);
    cm_arena_free(s->arena);
    cm_index_settings_unref(s->settings);
    cm_beneath_close(s->tree);
}

static void sort_ahead(void *argument, const cm_analysis *analysis) {
    cm_builder_sort_ahead(argument, analysis);
}

/* Analyses one file, or `text` in its place, unless the index has that content already and no job can take it away.
 * `is_lone`: it is all that this sync adds. `*ret_is_there` false: it is gone again. */
static cm_rc add_file(sync *s, const cm_snapshot *base, cm_str path, const cm_str *text,
                      bool is_lone, bool *ret_is_there, cm_err *err) {
    cm_index_document d;
    bool known = !s->beside_job && base && cm_snapshot_find_document(base, path, &d) &&
                 cm_document_has_text(&d);
    cm_analysis_request request = {
        .root = s->settings->root,
        .tree = s->tree,
        .path = path,
        .file_bytes_max = s->settings->options.file_bytes_max,
        .parser = s->r->environment.parser,
        .unless = known ? &d.hash : NULL,
        .text = text,
        .text_mtime_ns = s->mtime_ns,
        .chunk_strategy = s->settings->options.chunk_strategy,
        .secrets = cm_index_settings_secrets(&s->settings->options, path),
        .is_edit = true,
        .meanwhile = is_lone ? sort_ahead : NULL,
        .argument = s->builder,
    };
    cm_analysis *analysis;
    cm_rc rc = cm_analysis_run(&request, &analysis, err);
    if (rc != CM_OK) {
        return rc;
    }
    bool withheld = analysis && analysis->status == CM_DOCUMENT_WITHHELD;
    *ret_is_there = !withheld && (analysis || known);
    if (withheld && !cm_vec_push(&s->removed, cm_arena_str(s->arena, path))) {
        rc = cm_fail(err, CM_NOMEM, "out of memory reading changes");
    }
    if (analysis && !withheld) {
        rc = cm_builder_add(s->builder, analysis, err);
    }
    cm_analysis_free(analysis);
    return rc;
}

/* All there is at and below `paths`; what the index has beside it goes when this is published. */
static cm_rc read_paths(sync *s, const cm_snapshot *base, cm_str_list paths, cm_err *err) {
    cm_walk_result walk;
    cm_rc rc = cm_beneath_tree(s->settings->root, &s->tree, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_walk_paths(s->settings, paths, NULL, s->arena, &walk, err);
    for (size_t i = 0; rc == CM_OK && i < walk.count; i++) {
        bool added, is_there = true;
        if (!cm_map_slot(s->found, walk.entries[i].path, &added)) {
            rc = cm_fail(err, CM_NOMEM, "out of memory reading changes");
        } else if (added) {
            rc = add_file(s, base, walk.entries[i].path, NULL, walk.count == 1, &is_there, err);
        }
        if (!is_there) {
            (void)cm_map_remove(s->found, walk.entries[i].path);
        }
    }
    return rc;
}

/* Publishes what was built and removed, and what was looked at. */
static cm_rc publish(sync *s, cm_str_list covered, bool has_found, cm_err *err) {
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
    if (rc == CM_OK) {
        cm_change change = {.added = &segment,
                            .added_count = segment ? 1 : 0,
                            .removed = s->removed.items,
                            .removed_count = s->removed.count,
                            .covered = covered,
                            .found = has_found ? s->found : NULL,
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
    bool ignored;
    if (!change->is_removed) {
        return add_file(s, base, change->path, &change->text, is_lone, &ignored, err);
    }
    return cm_vec_push(&s->removed, change->path) ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory");
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

/* A secret does not become one of the uploaded files either. */
static cm_rc keep_change(const sync *s, cm_sent_batch *batch, const cm_text_change *change,
                         cm_err *err) {
    cm_str text;
    if (change->is_removed) {
        return cm_sent_drop(batch, change->path, err);
    }
    if (!cm_index_settings_show(&s->settings->options, change->path, change->text, s->arena,
                                &text)) {
        return cm_sent_drop(batch, change->path, err);
    }
    return cm_sent_add(batch, change->path, text, err);
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
        rc = keep_change(s, batch, change, err);
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

/* The next job reads everything: with these settings not all of the index was made. */
static void mix_options(const sync *s) {
    cm_index *r = s->r;
    pthread_mutex_lock(&r->lock);
    if (r->is_configured && !r->running && r->indexed_options != s->settings->hash) {
        r->indexed_options = cm_hash64_mix(r->indexed_options, s->settings->hash);
    }
    pthread_mutex_unlock(&r->lock);
}

static cm_rc covered_paths(sync *s, const edits *e, cm_str_list *ret_paths, cm_err *err) {
    *ret_paths = e->paths;
    if (!e->changes) {
        return CM_OK;
    }
    cm_str *paths = CM_ARENA_ARRAY(s->arena, cm_str, e->count + 1);
    if (!paths) {
        return cm_fail(err, CM_NOMEM, "out of memory reading changes");
    }
    for (size_t i = 0; i < e->count; i++) {
        paths[i] = e->changes[i].path;
    }
    *ret_paths = (cm_str_list){paths, e->count};
    return CM_OK;
}

static cm_rc read_and_publish(sync *s, const edits *e, const cm_snapshot *base, cm_err *err) {
    cm_str_list covered;
    cm_rc rc = covered_paths(s, e, &covered, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = e->changes ? add_changes(s, base, e, err) : read_paths(s, base, e->paths, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = publish(s, covered, e->changes == NULL, err);
    if (rc == CM_OK) {
        mix_options(s);
    }
    return rc;
}

static cm_rc run(cm_index *r, const edits *e, cm_err *err) {
    sync s;
    pthread_mutex_lock(&r->sync);
    sync_init(&s, r);
    cm_snapshot *base = cm_index_snapshot(r);
    cm_rc rc = keep_changes(&s, e, err);
    if (rc == CM_OK) {
        rc = read_and_publish(&s, e, base, err);
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
