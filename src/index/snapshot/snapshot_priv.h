/* snapshot_priv.h - inside of a snapshot, for those who build and search it. */
#ifndef CM_INDEX_SNAPSHOT_SNAPSHOT_PRIV_H
#define CM_INDEX_SNAPSHOT_SNAPSHOT_PRIV_H

#include "index/segment/segment.h"
#include "index/snapshot/snapshot.h"

#include <pthread.h>

/* A segment's place in the snapshot. Numbers are the segment's own plus `first_*`. */
typedef struct cm_snapshot_segment {
    cm_segment *segment;
    cm_bitmap *dead; /* NULL = none */
    uint32_t first_document, first_symbol, first_chunk;
} cm_snapshot_segment;

/* What parts above derive from a snapshot or read beside it: they alone know what it is. */
enum cm_snapshot_slot {
    CM_SLOT_GRAPH,      /* filled when first asked for, under `graph_lock` */
    CM_SLOT_GRAPH_BASE, /* empty = each graph is built from nothing */
    CM_SLOT_HISTORY,    /* empty = none was read when the snapshot was made */
    CM_SLOT_COUNT,
};

struct cm_snapshot {
    atomic_uint refs;
    uint64_t generation;
    cm_uuid repository;
    char *root;
    size_t count;
    cm_snapshot_segment *segments; /* count + 1: the last only carries the totals in first_* */
    uint32_t *suffixes;            /* segments with a suffix array, most tokens first */
    size_t suffix_count;
    pthread_mutex_t lock; /* of what follows: computed when first asked for */
    bool counted;
    cm_snapshot_statistics statistics;
    cm_arena *arena;
    pthread_mutex_t graph_lock; /* held while the graph is built */
    struct {
        void *value; /* owned; NULL = empty */
        void (*drop)(void *value);
    } slots[CM_SLOT_COUNT];
};

/* Fills an empty slot; `drop(take_value)` runs with the snapshot's last reference. */
static inline void cm_snapshot_fill(cm_snapshot *snapshot, enum cm_snapshot_slot slot,
                                    void *take_value, void (*drop)(void *value)) {
    snapshot->slots[slot].value = take_value;
    snapshot->slots[slot].drop = drop;
}

typedef struct cm_snapshot_source {
    cm_segment *segment;
    cm_bitmap *dead;
} cm_snapshot_source;

/* Takes a reference to each segment and bitmap. CM_LIMIT: more documents, symbols or chunks than 2^32. */
cm_rc cm_snapshot_new(const cm_uuid *repository, const char *root, uint64_t generation,
                      const cm_snapshot_source *sources, size_t count, cm_snapshot **ret_snapshot,
                      cm_err *err) cm_must_check;

/* The segment that holds a number, NULL when it is out of range; `*ret_local` is the segment's own. */
const cm_snapshot_segment *cm_snapshot_of_document(const cm_snapshot *snapshot, uint32_t id,
                                                   uint32_t *ret_local);
const cm_snapshot_segment *cm_snapshot_of_symbol(const cm_snapshot *snapshot, uint32_t id,
                                                 uint32_t *ret_local);
const cm_snapshot_segment *cm_snapshot_of_chunk(const cm_snapshot *snapshot, uint32_t id,
                                                uint32_t *ret_local);

#endif
