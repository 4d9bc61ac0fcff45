/* How a repository's snapshot changes: new segments in, replaced documents marked, manifest, swap. */
#include "index/segment/manifest.h"
#include "index/live/index_priv.h"

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
    if (!cm_vec_push(list, (cm_snapshot_source){segment, dead})) {
        return false;
    }
    cm_segment_ref(segment);
    cm_bitmap_ref(dead);
    return true;
}

/* Marks document `local` of a source; the bitmap is copied the first time, so snapshots keep theirs. */
static void kill_document(cm_snapshot_source *source, cm_bitmap *const *shared, uint32_t local) {
    if (cm_bitmap_has(source->dead, local)) {
        return;
    }
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
        if (local != UINT32_MAX) {
            kill_document(&list->items[i], &shared[i], local);
        }
    }
}

static bool is_dropped(const cm_change *change, const cm_segment *segment) {
    for (size_t i = 0; i < change->dropped_count; i++) {
        if (change->dropped[i] == segment) {
            return true;
        }
    }
    return false;
}

/* Documents that died while the merge was at work are dead in its result too: those marked since, and all of a
 * segment that has been forgotten meanwhile. */
static void carry_deaths(const cm_change *change, const cm_snapshot *old,
                         cm_snapshot_source *merged) {
    static cm_bitmap *const none = NULL;
    for (size_t i = 0; i < change->dropped_count; i++) {
        const cm_segment *dropped = change->dropped[i];
        const cm_snapshot_segment *now = NULL;
        for (size_t s = 0; s < old->count && !now; s++) {
            if (old->segments[s].segment == dropped) {
                now = &old->segments[s];
            }
        }
        for (uint32_t d = 0; d < dropped->document_count; d++) {
            bool died = !now || cm_bitmap_has(now->dead, d);
            if (!died || cm_bitmap_has(change->dropped_dead[i], d)) {
                continue;
            }
            uint32_t local = cm_segment_find(merged->segment, cm_segment_path(dropped, d));
            if (local != UINT32_MAX) {
                kill_document(merged, &none, local);
            }
        }
    }
}

static bool is_replaced(const cm_change *change, const cm_segment *segment) {
    for (size_t i = 0; change->replaced && segment->path && i < change->replaced->count; i++) {
        if (change->replaced->segments[i].segment == segment) {
            return true;
        }
    }
    return false;
}

/* Has a sync looked at `path`, or at a folder above it, since the running job began? Then what that sync found is
 * newer than what the job has read, also when it found nothing. */
static bool is_synced(const cm_index *r, cm_str path) {
    uint64_t ignored;
    if (cm_map_count(r->synced) == 0) {
        return false;
    }
    for (cm_str above = path;; above = cm_path_directory(above)) {
        if (cm_map_get(r->synced, above, &ignored)) {
            return true;
        }
        if (above.len == 0) {
            return false;
        }
    }
}

/* Documents of `added` replace older ones; those synced meanwhile are newer and stay. */
static void replace_older(cm_index *r, const cm_change *change, source_list *list,
                          cm_bitmap *const *shared, size_t older, size_t added) {
    static cm_bitmap *const none = NULL;
    const cm_segment *segment = list->items[added].segment;
    for (uint32_t d = 0; d < segment->document_count; d++) {
        cm_str path = cm_segment_path(segment, d);
        if (change->respect_synced && is_synced(r, path)) {
            kill_document(&list->items[added], &none, d);
        } else {
            kill_path(list, shared, older, path);
        }
    }
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

/* Marks the documents of one source at or below `path` that were not found. */
static void kill_missing(cm_snapshot_source *source, cm_bitmap *const *shared, cm_str path,
                         const cm_map *found) {
    uint64_t ignored;
    const cm_segment *segment = source->segment;
    for (uint32_t at = lower_bound(segment, path); at < segment->document_count; at++) {
        uint32_t local = segment->by_path[at];
        cm_str name = cm_segment_path(segment, local);
        if (!cm_str_starts(name, path)) {
            return;
        }
        bool below = path.len == 0 || name.len == path.len || name.ptr[path.len] == '/';
        if (below && !cm_map_get(found, name, &ignored)) {
            kill_document(source, shared, local);
        }
    }
}

/* Here and not before, because a running job may have brought some of them since the sync looked. */
static void kill_uncovered(source_list *list, cm_bitmap *const *shared, size_t count,
                           const cm_change *change) {
    for (size_t c = 0; change->found && c < change->covered.count; c++) {
        for (size_t i = 0; i < count; i++) {
            kill_missing(&list->items[i], &shared[i], change->covered.items[c], change->found);
        }
    }
}

/* The sources of the next snapshot, referenced. */
static cm_rc next_sources(cm_index *r, const cm_change *change, const cm_snapshot *old,
                          source_list *list, cm_err *err) {
    bool ok = true;
    for (size_t i = 0; ok && old && i < old->count; i++) {
        const cm_snapshot_segment *s = &old->segments[i];
        if (!is_dropped(change, s->segment) && !is_replaced(change, s->segment)) {
            ok = list_add(list, s->segment, s->dead);
        }
    }
    size_t older = list->count;
    cm_bitmap **shared = cm_alloc((older + 1) * sizeof(cm_bitmap *));
    for (size_t i = 0; i < older; i++) {
        shared[i] = list->items[i].dead;
    }
    for (size_t i = 0; ok && i < change->added_count; i++) {
        ok = list_add(list, change->added[i], NULL);
        if (ok && change->dropped_count > 0) {
            carry_deaths(change, old, cm_vec_last(list));
        } else if (ok) {
            replace_older(r, change, list, shared, older, list->count - 1);
        }
    }
    for (size_t i = 0; i < change->removed_count; i++) {
        if (!change->respect_synced || !is_synced(r, change->removed[i])) {
            kill_path(list, shared, older, change->removed[i]);
        }
    }
    kill_uncovered(list, shared, older, change);
    cm_free(shared);
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory publishing a snapshot");
}

/* Segments without a live document need no place: those in memory at once, those on disk when the manifest
 * forgets them too. */
static void forget_dead(source_list *list, bool persist) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        cm_snapshot_source *s = &list->items[i];
        bool lives = cm_bitmap_count(s->dead) < s->segment->document_count;
        if (lives || (s->segment->path && !persist)) {
            list->items[kept++] = *s;
            continue;
        }
        cm_segment_unref(s->segment);
        cm_bitmap_unref(s->dead);
    }
    list->count = kept;
}

/* What a sync looked at is newer than what a running job has read. */
static cm_rc note_synced(cm_index *r, const cm_change *change, cm_err *err) {
    pthread_mutex_lock(&r->lock);
    bool running = r->running;
    pthread_mutex_unlock(&r->lock);
    bool ok = true;
    for (size_t i = 0; ok && running && i < change->covered.count; i++) {
        ok = cm_map_put(r->synced, change->covered.items[i], 1);
    }
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory publishing a snapshot");
}

/* Nothing came and nothing went: the snapshot that is there says all of it. */
static bool is_same(const cm_change *change, const cm_snapshot *old, const source_list *list) {
    if (!change->synced || change->added_count > 0 || list->count != (old ? old->count : 0)) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].dead != old->segments[i].dead) {
            return false;
        }
    }
    return true;
}

/* Puts the next snapshot in the place of the current one; both are the caller's references, NULL when nothing
 * changes. */
static cm_rc exchange(cm_index *r, const cm_change *change, cm_snapshot **ret_old,
                      cm_snapshot **ret_fresh, cm_err *err) {
    source_list list = {0};
    cm_snapshot *old = r->snapshot; /* only changed under `publish`, which we hold */
    cm_snapshot *fresh = NULL;
    cm_rc rc = change->synced ? note_synced(r, change, err) : CM_OK;
    if (rc == CM_OK) {
        rc = next_sources(r, change, old, &list, err);
    }
    if (rc == CM_OK && is_same(change, old, &list)) {
        list_done(&list);
        return CM_OK;
    }
    if (rc == CM_OK) {
        forget_dead(&list, change->persist);
        cm_index_settings *settings = cm_index_settings_get(r);
        rc = cm_snapshot_new(&r->id, settings->root, old ? old->generation + 1 : 1, list.items,
                             list.count, &fresh, err);
        cm_index_settings_unref(settings);
    }
    if (rc == CM_OK) {
        cm_graph_base_attach(r->graph_base, fresh);
        *ret_fresh = cm_snapshot_ref(fresh);
        pthread_mutex_lock(&r->lock);
        cm_history_attach(r->history, fresh);
        r->snapshot = fresh;
        pthread_mutex_unlock(&r->lock);
        *ret_old = old;
    }
    list_done(&list);
    return rc;
}

static cm_rc write_manifest(cm_index *r, const cm_snapshot *snapshot, cm_err *err) {
    pthread_mutex_lock(&r->lock);
    uint64_t options = r->indexed_options;
    pthread_mutex_unlock(&r->lock);
    cm_manifest m = {.generation = snapshot->generation,
                     .next_segment = atomic_load(&r->next_segment),
                     .options = options,
                     .root = snapshot->root};
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < snapshot->count; i++) {
        const cm_snapshot_segment *s = &snapshot->segments[i];
        if (!s->segment->path) {
            continue;
        }
        cm_manifest_segment entry = {s->segment->number, s->segment->document_count, s->dead};
        if (!cm_vec_push(&m.segments, entry)) {
            rc = cm_fail(err, CM_NOMEM, "out of memory writing a manifest");
        }
    }
    if (rc == CM_OK) {
        rc = cm_manifest_write(r->folder, &m, err);
    }
    cm_vec_done(&m.segments);
    return rc;
}

/* Folders of segments that the new manifest no longer names go with their last reader. */
static void mark_obsolete(const cm_snapshot *old, const cm_snapshot *fresh) {
    for (size_t i = 0; old && i < old->count; i++) {
        bool kept = false;
        for (size_t j = 0; j < fresh->count && !kept; j++) {
            kept = fresh->segments[j].segment == old->segments[i].segment;
        }
        if (!kept) {
            atomic_store(&old->segments[i].segment->obsolete, true);
        }
    }
}

void cm_index_tell(cm_index *index, enum cm_index_news news) {
    if (index->environment.on_published) {
        index->environment.on_published(index->environment.published_argument, index, news);
    }
}

cm_rc cm_index_publish(cm_index *repository, const cm_change *change, cm_err *err) {
    cm_index *r = repository;
    cm_snapshot *old = NULL, *fresh = NULL;
    if (change->persist) {
        pthread_mutex_lock(&r->persist);
    }
    pthread_mutex_lock(&r->publish);
    cm_rc rc = exchange(r, change, &old, &fresh, err);
    pthread_mutex_unlock(&r->publish);
    if (change->persist) {
        if (rc == CM_OK && fresh) { /* NULL: nothing changed, nor does what is on disk */
            rc = write_manifest(r, fresh, err);
        }
        if (rc == CM_OK && fresh) {
            mark_obsolete(old, fresh);
        }
        pthread_mutex_unlock(&r->persist);
        cm_graph_base_forget(r->graph_base); /* it may hold folders that can go now */
    }
    if (rc == CM_OK && fresh) {
        cm_index_tell(r, CM_INDEX_CHANGED);
    }
    cm_snapshot_unref(old);
    cm_snapshot_unref(fresh);
    return rc;
}

cm_rc cm_index_seal(cm_index *repository, cm_buf parts[CM_PART_KIND_COUNT], bool on_disk,
                    cm_segment **ret_segment, cm_err *err) {
    uint64_t number = atomic_fetch_add(&repository->next_segment, 1);
    if (!on_disk) {
        return cm_segment_take(parts, number, ret_segment, err);
    }
    char path[2 * CM_PATH_BYTES_MAX];
    if (snprintf(path, sizeof(path), "%s/seg-%llu", repository->folder,
                 (unsigned long long)number) >= (int)sizeof(path)) {
        return cm_fail(err, CM_LIMIT, "path of index folder '%s' is too long", repository->folder);
    }
    cm_rc rc = cm_segment_write(parts, path, err);
    if (rc == CM_OK) {
        rc = cm_segment_open(path, number, ret_segment, err);
    }
    if (rc == CM_OK) {
        atomic_store(&(*ret_segment)->checked, true); /* just written by us */
    }
    return rc;
}
