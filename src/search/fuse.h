/* fuse.h - reciprocal rank fusion: one order out of several ranked lists.
 *
 * score(x) = sum over lists of weight / (k + rank of x), ranks from 1 (Cormack, Clarke and Buettcher,
 * SIGIR 2009). Only ranks count, so scores of different scales need no normalisation.
 *
 * Thread: any (values). */
#ifndef CM_SEARCH_FUSE_H
#define CM_SEARCH_FUSE_H

#include "base/arena.h"

#define CM_FUSE_K \
    60.0 /* the paper's constant: flat enough that two middling ranks beat one first */

typedef struct cm_fuse_list {
    const uint64_t *ids; /* best first, each at most once */
    size_t count;
    double weight; /* 1 = ordinary */
} cm_fuse_list;

typedef struct cm_fused {
    uint64_t id;
    double score;
    uint32_t best_list; /* index of the list that ranked it highest */
} cm_fused;

/* Writes the union, best first, ties by id, into `arena`; returns NULL with *ret_count 0 when all lists are empty.
 * `k` > 0. */
const cm_fused *cm_fuse_run(const cm_fuse_list *lists, size_t count, double k, cm_arena *arena,
                            size_t *ret_count);

#endif
