/* fuse.c - the sum over lists; ties go to the smaller id, so that the order is always the same. */
#include "search/fuse.h"

#include "base/map.h"

static int fused_cmp(const void *left, const void *right) {
    const cm_fused *a = left, *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

const cm_fused *cm_fuse_run(const cm_fuse_list *lists, size_t count, double k, cm_arena *arena,
                            size_t *ret_count) {
    cm_assert(k > 0);
    size_t total = 0, fused_count = 0;
    for (size_t i = 0; i < count; i++) {
        total += lists[i].count;
    }
    *ret_count = 0;
    if (total == 0) {
        return NULL;
    }
    cm_fused *fused = cm_arena_alloc(arena, total * sizeof(*fused));
    size_t *best_rank = cm_arena_alloc(arena, total * sizeof(*best_rank));
    cm_map64 *places = cm_map64_new(0);
    for (size_t i = 0; i < count; i++) {
        for (size_t rank = 0; rank < lists[i].count; rank++) {
            bool added;
            uint64_t *place = cm_map64_slot(places, lists[i].ids[rank], &added);
            cm_assert(place);
            if (added) {
                *place = fused_count;
                best_rank[fused_count] = rank;
                fused[fused_count++] =
                    (cm_fused){.id = lists[i].ids[rank], .best_list = (uint32_t)i};
            }
            cm_fused *entry = &fused[*place];
            entry->score += lists[i].weight / (k + (double)rank + 1);
            if (rank < best_rank[*place]) {
                best_rank[*place] = rank;
                entry->best_list = (uint32_t)i;
            }
        }
    }
    cm_map64_free(places);
    qsort(fused, fused_count, sizeof(*fused), fused_cmp);
    *ret_count = fused_count;
    return fused;
}
