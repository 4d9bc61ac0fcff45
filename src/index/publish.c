/* How a repository's snapshot changes: new segments in, replaced documents marked, manifest, swap. */
#include "index/builder.h"
#include "index/manifest.h"
#include "index/repository_priv.h"
#include "index/tables.h"

#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"

typedef CM_VEC(cm_snapshot_source) source_list;

static void list_done(source_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        cm_segment_unref(list->items[i].segment);
        cm_bitmap_unref(list->items[i].dead);
    }
    cm_vec_done(list);
}

static bool list_add(source_list *list, cm_segment *segment, cm_bitmap *dead) {
    if (!cm_vec_push(list, (cm_snapshot_source){segment, dead}))
        return false;
    cm_segment_ref(segment);
    cm_bitmap_ref(dead);
    return true;
}

/* Marks document `local` of a source; the bitmap is copied the first time, so snapshots keep theirs. */
static void kill_document(cm_snapshot_source *source, cm_bitmap *const *shared, uint32_t local) {
    if (cm_bitmap_has(source->dead, local))
        return;
    if (!source->dead || source->dead == *shared) {
        cm_bitmap *copy = cm_bitmap_copy(source->dead, source->segment->document_count);
        cm_bitmap_unref(source->dead);
        source->dead = copy;
    }
    cm_bitmap_add(source->dead, local);
}

/* Marks `path` in the first `count` sources. `shared[i]` is the bitmap the current snapshot holds. */
static void kill_path(source_list *list, cm_bitmap *const *shared, size_t count, cm_str path) {
    for (size_t i = 0; i < count; i++) {
        uint32_t local = cm_segment_find(list->items[i].segment, path);
        if (local != UINT32_MAX)
            kill_document(&list->items[i], &shared[i], local);
    }
}

static bool is_dropped(const cm_change *change, const cm_segment *segment) {
    for (size_t i = 0; i < change->dropped_count; i++)
        if (change->dropped[i] == segment)
            return true;
    return false;
}

/* Documents that died while the merge was at work are dead in its result too. */
static void carry_deaths(const cm_change *change, const cm_snapshot *old,
                         cm_snapshot_source *merged) {
    static cm_bitmap *const none = NULL;
    for (size_t i = 0; i < change->dropped_count; i++) {
        const cm_snapshot_segment *now = NULL;
        for (size_t s = 0; s < old->count && !now; s++)
            if (old->segments[s].segment == change->dropped[i])
                now = &old->segments[s];
        for (uint32_t d = 0; now && d < now->segment->document_count; d++) {
            if (!cm_bitmap_has(now->dead, d) || cm_bitmap_has(change->dropped_dead[i], d))
                continue;
            uint32_t local = cm_segment_find(merged->segment, cm_segment_path(now->segment, d));
            if (local != UINT32_MAX)
                kill_document(merged, &none, local);
        }
    }
}

/* Documents of `added` replace older ones; those synced meanwhile are newer and stay. */
static void replace_older(cm_repository *r, const cm_change *change, source_list *list,
                          cm_bitmap *const *shared, size_t older, size_t added) {
    static cm_bitmap *const none = NULL;
    const cm_segment *segment = list->items[added].segment;
    uint64_t ignored;
    for (uint32_t d = 0; d < segment->document_count; d++) {
        cm_str path = cm_segment_path(segment, d);
        if (change->respect_synced && cm_map_get(r->synced, path, &ignored))
            kill_document(&list->items[added], &none, d);
        else
            kill_path(list, shared, older, path);
    }
}

/* The sources of the next snapshot, referenced. */
static cm_rc next_sources(cm_repository *r, const cm_change *change, const cm_snapshot *old,
                          source_list *list, cm_err *err) {
    bool ok = true;
    uint64_t ignored;
    for (size_t i = 0; ok && old && i < old->count; i++) {
        const cm_snapshot_segment *s = &old->segments[i];
        if (is_dropped(change, s->segment))
            continue;
        if (change->replace_all && s->segment->path)
            continue; /* memory segments stay: they hold files synced while the job ran, or dead ones */
        ok = list_add(list, s->segment, s->dead);
    }
    size_t older = list->count;
    cm_bitmap **shared = cm_alloc((older + 1) * sizeof(cm_bitmap *));
    for (size_t i = 0; i < older; i++)
        shared[i] = list->items[i].dead;
    for (size_t i = 0; ok && i < change->added_count; i++) {
        ok = list_add(list, change->added[i], NULL);
        if (ok && change->dropped_count > 0)
            carry_deaths(change, old, cm_vec_last(list));
        else if (ok)
            replace_older(r, change, list, shared, older, list->count - 1);
    }
    for (size_t i = 0; i < change->removed_count; i++)
        if (!change->respect_synced || !cm_map_get(r->synced, change->removed[i], &ignored))
            kill_path(list, shared, older, change->removed[i]);
    cm_free(shared);
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory publishing a snapshot");
}

/* Segments without a live document need no place; only when the manifest forgets them too. */
static void forget_dead(source_list *list) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        cm_snapshot_source *s = &list->items[i];
        if (cm_bitmap_count(s->dead) < s->segment->document_count) {
            list->items[kept++] = *s;
            continue;
        }
        cm_segment_unref(s->segment);
        cm_bitmap_unref(s->dead);
    }
    list->count = kept;
}

static cm_rc write_manifest(const cm_repository *r, const source_list *list, uint64_t generation,
                            cm_err *err) {
    cm_manifest m = {.generation = generation,
                     .next_segment = r->next_segment,
                     .options = r->indexed_options,
                     .root = r->root};
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < list->count; i++) {
        const cm_snapshot_source *s = &list->items[i];
        if (!s->segment->path)
            continue;
        cm_manifest_segment entry = {s->segment->number, s->segment->document_count, s->dead};
        if (!cm_vec_push(&m.segments, entry))
            rc = cm_fail(err, CM_NOMEM, "out of memory writing a manifest");
    }
    if (rc == CM_OK)
        rc = cm_manifest_write(r->folder, &m, err);
    cm_vec_done(&m.segments);
    return rc;
}

/* Folders of segments that the new manifest no longer names go with their last reader. */
static void mark_obsolete(const cm_snapshot *old, const source_list *list) {
    for (size_t i = 0; old && i < old->count; i++) {
        bool kept = false;
        for (size_t j = 0; j < list->count && !kept; j++)
            kept = list->items[j].segment == old->segments[i].segment;
        if (!kept)
            atomic_store(&old->segments[i].segment->obsolete, true);
    }
}

cm_rc cm_repository_publish(cm_repository *repository, const cm_change *change, cm_err *err) {
    cm_repository *r = repository;
    source_list list = {0};
    cm_snapshot *old = r->snapshot; /* only changed under `publish`, which we hold */
    cm_snapshot *fresh = NULL;
    uint64_t generation = old ? old->generation + 1 : 1;
    cm_rc rc = next_sources(r, change, old, &list, err);
    if (rc == CM_OK && change->persist) {
        forget_dead(&list);
        rc = write_manifest(r, &list, generation, err);
    }
    if (rc == CM_OK)
        rc = cm_snapshot_new(&r->id, r->root, generation, list.items, list.count, &fresh, err);
    if (rc == CM_OK) {
        if (change->persist)
            mark_obsolete(old, &list);
        pthread_mutex_lock(&r->lock);
        r->snapshot = fresh;
        pthread_mutex_unlock(&r->lock);
        cm_snapshot_unref(old);
        cm_tables_changed(r->environment.tables, r);
    }
    list_done(&list);
    return rc;
}

cm_rc cm_repository_seal(cm_repository *repository, cm_buf parts[CM_PART_KIND_COUNT], bool on_disk,
                         cm_segment **ret_segment, cm_err *err) {
    uint64_t number = repository->next_segment++;
    if (!on_disk)
        return cm_segment_take(parts, number, ret_segment, err);
    char path[2 * CM_PATH_BYTES_MAX];
    if (snprintf(path, sizeof(path), "%s/seg-%llu", repository->folder,
                 (unsigned long long)number) >= (int)sizeof(path))
        return cm_fail(err, CM_LIMIT, "path of index folder '%s' is too long", repository->folder);
    cm_rc rc = cm_segment_write(parts, path, err);
    if (rc == CM_OK)
        rc = cm_segment_open(path, number, ret_segment, err);
    if (rc == CM_OK)
        atomic_store(&(*ret_segment)->checked, true); /* just written by us */
    return rc;
}

/* ---- merging ---- */

#define SEGMENTS_MAX    8           /* more disk segments than this are merged */
#define MERGE_BYTES_MAX CM_MIB(512) /* a result about this large is left alone */

typedef struct merge_set {
    CM_VEC(cm_segment *) segments;
    CM_VEC(cm_bitmap *) dead;
} merge_set;

static void merge_set_done(merge_set *set) {
    for (size_t i = 0; i < set->segments.count; i++) {
        cm_segment_unref(set->segments.items[i]);
        cm_bitmap_unref(set->dead.items[i]);
    }
    cm_vec_done(&set->segments);
    cm_vec_done(&set->dead);
}

static bool merge_set_add(merge_set *set, const cm_snapshot_segment *s) {
    if (!cm_vec_push(&set->dead, s->dead) || !cm_vec_push(&set->segments, s->segment))
        return false;
    cm_segment_ref(s->segment);
    cm_bitmap_ref(s->dead);
    return true;
}

static cm_rc build_merged(const merge_set *set, cm_buf parts[CM_PART_KIND_COUNT],
                          uint32_t *ret_count, cm_err *err) {
    cm_builder *builder = cm_builder_new();
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < set->segments.count; i++)
        rc = cm_builder_add_segment(builder, set->segments.items[i], set->dead.items[i], err);
    *ret_count = cm_builder_count(builder);
    if (rc == CM_OK)
        rc = cm_builder_finish(builder, parts, err);
    cm_builder_free(builder);
    return rc;
}

enum merge_place { MERGE_TO_MEMORY, MERGE_TO_DISK };

/* Replaces the set by one segment. `locked`: the caller holds `publish`. */
static cm_rc merge_run(cm_repository *r, const merge_set *set, enum merge_place place, bool locked,
                       cm_err *err) {
    cm_buf parts[CM_PART_KIND_COUNT];
    cm_segment *merged = NULL;
    uint32_t count = 0;
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++)
        cm_buf_init(&parts[kind], CM_PART_BYTES_MAX);
    cm_rc rc = build_merged(set, parts, &count, err);
    if (!locked)
        pthread_mutex_lock(&r->publish);
    if (rc == CM_OK && count > 0)
        rc = cm_repository_seal(r, parts, place == MERGE_TO_DISK, &merged, err);
    if (rc == CM_OK) {
        cm_change change = {.added = &merged,
                            .added_count = merged ? 1 : 0,
                            .dropped = set->segments.items,
                            .dropped_dead = set->dead.items,
                            .dropped_count = set->segments.count,
                            .persist = place == MERGE_TO_DISK};
        rc = cm_repository_publish(r, &change, err);
    }
    if (!locked)
        pthread_mutex_unlock(&r->publish);
    cm_segment_unref(merged);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++)
        cm_buf_done(&parts[kind]);
    return rc;
}

/* All memory segments into one. */
static cm_rc merge_memory(cm_repository *r, enum merge_place place, cm_err *err) {
    const cm_snapshot *s = r->snapshot;
    merge_set set = {0};
    bool ok = true;
    for (size_t i = 0; s && ok && i < s->count; i++)
        if (!s->segments[i].segment->path)
            ok = merge_set_add(&set, &s->segments[i]);
    cm_rc rc = ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory flushing the index");
    if (rc == CM_OK && set.segments.count > 0)
        rc = merge_run(r, &set, place, true, err);
    merge_set_done(&set);
    return rc;
}

cm_rc cm_repository_flush(cm_repository *repository, cm_err *err) {
    return merge_memory(repository, MERGE_TO_DISK, err);
}

cm_rc cm_repository_fold(cm_repository *repository, cm_err *err) {
    return merge_memory(repository, MERGE_TO_MEMORY, err);
}

static bool is_mostly_dead(const cm_snapshot_segment *s) {
    return cm_bitmap_count(s->dead) * 3ull > s->segment->document_count;
}

/* Smallest disk segments first, until few enough remain; and all that are mostly dead. */
static bool choose_merge(const cm_snapshot *s, merge_set *set) {
    size_t on_disk = 0, small = 0;
    for (size_t i = 0; i < s->count; i++) {
        on_disk += s->segments[i].segment->path != NULL;
        small += s->segments[i].segment->path && s->segments[i].segment->bytes < MERGE_BYTES_MAX;
    }
    bool many = on_disk > SEGMENTS_MAX && small > 1;
    bool ok = true;
    uint64_t bytes = 0;
    for (size_t i = 0; ok && i < s->count; i++) {
        const cm_snapshot_segment *segment = &s->segments[i];
        if (!segment->segment->path || bytes + segment->segment->bytes > 2 * MERGE_BYTES_MAX)
            continue;
        if (is_mostly_dead(segment) || (many && segment->segment->bytes < MERGE_BYTES_MAX)) {
            ok = merge_set_add(set, segment);
            bytes += segment->segment->bytes;
        }
    }
    return ok;
}

cm_rc cm_repository_merge(cm_repository *repository, const cm_cancel *cancel, cm_err *err) {
    cm_rc rc = cm_cancel_check(cancel, err);
    cm_snapshot *s = rc == CM_OK ? cm_repository_snapshot(repository) : NULL;
    merge_set set = {0};
    if (s && !choose_merge(s, &set))
        rc = cm_fail(err, CM_NOMEM, "out of memory merging segments");
    if (rc == CM_OK && set.segments.count > 0)
        rc = merge_run(repository, &set, MERGE_TO_DISK, false, err);
    merge_set_done(&set);
    cm_snapshot_unref(s);
    return rc;
}
