/* Several segments into one: what edits left in memory is folded or written to disk, small and mostly dead segments on
 * disk are merged.
 *
 * The work is done beside everything else; only the exchange at the end takes a lock that a sync needs. Documents
 * that were replaced meanwhile are marked in the result then. */
#include "index/segment/builder.h"
#include "index/live/index_priv.h"

#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"

#define SEGMENTS_MAX        8           /* more disk segments than this are merged */
#define MERGE_BYTES_MAX     CM_MIB(512) /* a result about this large is left alone */
#define MEMORY_SEGMENTS_MAX 16          /* more are folded */
#define MEMORY_BYTES_MAX    CM_MIB(32)  /* more is written to disk */
#define FOLD_LEAST          8           /* segments folded at once */

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
    if (!cm_vec_push(&set->dead, s->dead) || !cm_vec_push(&set->segments, s->segment)) {
        return false;
    }
    cm_segment_ref(s->segment);
    cm_bitmap_ref(s->dead);
    return true;
}

static cm_rc build_merged(const merge_set *set, cm_buf parts[CM_PART_KIND_COUNT],
                          uint32_t *ret_count, cm_err *err) {
    cm_builder *builder = cm_builder_new();
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < set->segments.count; i++) {
        rc = cm_builder_add_segment(builder, set->segments.items[i], set->dead.items[i], err);
    }
    *ret_count = cm_builder_count(builder);
    if (rc == CM_OK) {
        rc = cm_builder_finish(builder, parts, err);
    }
    cm_builder_free(builder);
    return rc;
}

enum merge_place { MERGE_TO_MEMORY, MERGE_TO_DISK };

/* Replaces the set by one segment. The caller holds `merging`. */
static cm_rc merge_run(cm_index *r, const merge_set *set, enum merge_place place, cm_err *err) {
    cm_buf parts[CM_PART_KIND_COUNT];
    cm_segment *merged = NULL;
    uint32_t count = 0;
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_init(&parts[kind], CM_PART_BYTES_MAX);
    }
    cm_rc rc = build_merged(set, parts, &count, err);
    if (rc == CM_OK && count > 0) {
        rc = cm_index_seal(r, parts, place == MERGE_TO_DISK, &merged, err);
    }
    if (rc == CM_OK) {
        cm_change change = {.added = &merged,
                            .added_count = merged ? 1 : 0,
                            .dropped = set->segments.items,
                            .dropped_dead = set->dead.items,
                            .dropped_count = set->segments.count,
                            .persist = place == MERGE_TO_DISK};
        rc = cm_index_publish(r, &change, err);
    }
    cm_segment_unref(merged);
    for (int kind = 0; kind < CM_PART_KIND_COUNT; kind++) {
        cm_buf_done(&parts[kind]);
    }
    return rc;
}

/* ---- what edits left in memory ---- */

typedef struct memory_use {
    size_t segments;
    uint64_t bytes;
} memory_use;

static memory_use memory_of(const cm_snapshot *s) {
    memory_use use = {0};
    for (size_t i = 0; s && i < s->count; i++) {
        if (!s->segments[i].segment->path) {
            use.segments++;
            use.bytes += s->segments[i].segment->bytes;
        }
    }
    return use;
}

/* Newest first. A fold takes an older segment along when that is no larger than half of all the newer ones: each
 * document is copied about twice in its life, not with every fold. */
static bool choose_memory(const cm_snapshot *s, bool all, merge_set *set) {
    uint64_t bytes = 0;
    bool ok = true;
    for (size_t i = s ? s->count : 0; ok && i-- > 0;) {
        const cm_snapshot_segment *segment = &s->segments[i];
        if (segment->segment->path) {
            continue;
        }
        if (!all && set->segments.count >= FOLD_LEAST && segment->segment->bytes > bytes / 2) {
            break;
        }
        bytes += segment->segment->bytes;
        ok = merge_set_add(set, segment);
    }
    return ok;
}

static cm_rc merge_memory(cm_index *r, enum merge_place place, cm_err *err) {
    merge_set set = {0};
    cm_snapshot *s = cm_index_snapshot(r);
    bool ok = choose_memory(s, place == MERGE_TO_DISK, &set);
    cm_rc rc = ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory flushing the index");
    if (rc == CM_OK && set.segments.count > 0) {
        rc = merge_run(r, &set, place, err);
    }
    merge_set_done(&set);
    cm_snapshot_unref(s);
    return rc;
}

cm_rc cm_index_flush(cm_index *repository, cm_err *err) {
    pthread_mutex_lock(&repository->merging);
    cm_rc rc = merge_memory(repository, MERGE_TO_DISK, err);
    pthread_mutex_unlock(&repository->merging);
    return rc;
}

static bool is_untidy(cm_index *r, bool *ret_large) {
    cm_snapshot *s = cm_index_snapshot(r);
    memory_use use = memory_of(s);
    cm_snapshot_unref(s);
    *ret_large = use.bytes > MEMORY_BYTES_MAX;
    return *ret_large || use.segments > MEMORY_SEGMENTS_MAX;
}

static void tidy_task(void *argument, unsigned worker) {
    (void)worker;
    cm_index *r = argument;
    cm_err err;
    bool large;
    pthread_mutex_lock(&r->merging);
    if (is_untidy(r, &large) &&
        merge_memory(r, large ? MERGE_TO_DISK : MERGE_TO_MEMORY, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "cannot fold edited files into one segment", &err);
    }
    pthread_mutex_unlock(&r->merging);
    atomic_store(&r->tidying, false);
    cm_index_task_end(r);
}

void cm_index_tidy(cm_index *repository) {
    cm_index *r = repository;
    bool large;
    if (!is_untidy(r, &large) || atomic_exchange(&r->tidying, true)) {
        return;
    }
    if (!cm_index_task_start(r, tidy_task)) {
        atomic_store(&r->tidying, false); /* the next edit tries again */
    }
}

/* ---- segments on disk ---- */

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
        if (!segment->segment->path || bytes + segment->segment->bytes > 2 * MERGE_BYTES_MAX) {
            continue;
        }
        if (is_mostly_dead(segment) || (many && segment->segment->bytes < MERGE_BYTES_MAX)) {
            ok = merge_set_add(set, segment);
            bytes += segment->segment->bytes;
        }
    }
    return ok;
}

cm_rc cm_index_merge(cm_index *repository, const cm_cancel *cancel, cm_err *err) {
    cm_rc rc = cm_cancel_check(cancel, err);
    merge_set set = {0};
    if (rc != CM_OK) {
        return rc;
    }
    pthread_mutex_lock(&repository->merging);
    cm_snapshot *s = cm_index_snapshot(repository);
    if (s && !choose_merge(s, &set)) {
        rc = cm_fail(err, CM_NOMEM, "out of memory merging segments");
    }
    if (rc == CM_OK && set.segments.count > 0) {
        rc = merge_run(repository, &set, MERGE_TO_DISK, err);
    }
    pthread_mutex_unlock(&repository->merging);
    merge_set_done(&set);
    cm_snapshot_unref(s);
    return rc;
}
