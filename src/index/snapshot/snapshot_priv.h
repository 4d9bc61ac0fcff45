/* snapshot_priv.h - inside of a snapshot, for those who build and search it. */
#ifndef CM_INDEX_SNAPSHOT_SNAPSHOT_PRIV_H
#define CM_INDEX_SNAPSHOT_SNAPSHOT_PRIV_H

#include "index/graph/graph.h"
#include "index/graph/history.h"
#include "index/segment/segment.h"
#include "index/snapshot/snapshot.h"

#include <pthread.h>

/* A segment's place in the snapshot. Numbers are the segment's own plus `first_*`. */
typedef struct cm_snapshot_segment {
    cm_segment *segment;
    cm_bitmap *dead; /* NULL = none */
    uint32_t first_document, first_symbol, first_chunk;
} cm_snapshot_segment;

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
    cm_graph *graph;
    struct cm_graph_base *graph_base; /* graph_priv.h; NULL = each graph is built from nothing */
    cm_history *history;              /* NULL = none was read when the snapshot was made */
};

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
