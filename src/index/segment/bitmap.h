/* bitmap.h - a fixed set of small numbers: the replaced documents of one segment.
 *
 * Ref-counted and immutable once shared: a change makes a copy (a few KB for 20,000 documents).
 * Thread: any, when shared. */
#ifndef CM_INDEX_SEGMENT_BITMAP_H
#define CM_INDEX_SEGMENT_BITMAP_H

#include "base/mem.h"

#include <stdatomic.h>

typedef struct cm_bitmap {
    atomic_uint refs;
    uint32_t size;  /* numbers 0..size-1 */
    uint32_t count; /* of members */
    uint64_t words[];
} cm_bitmap;

/* A copy of `old` (NULL = empty) for numbers below `size`. */
static inline cm_bitmap *cm_bitmap_copy(const cm_bitmap *old, uint32_t size) {
    size_t words = ((size_t)size + 63) / 64;
    cm_bitmap *b = cm_alloc(sizeof(cm_bitmap) + words * sizeof(uint64_t));
    atomic_init(&b->refs, 1);
    b->size = size;
    if (old) {
        cm_assert(old->size == size);
        b->count = old->count;
        memcpy(b->words, old->words, words * sizeof(uint64_t));
    }
    return b;
}

static inline cm_bitmap *cm_bitmap_ref(cm_bitmap *b) {
    if (b) {
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    }
    return b;
}

static inline void cm_bitmap_unref(cm_bitmap *b) {
    if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) {
        cm_free(b);
    }
}

/* NULL has no members. */
static inline bool cm_bitmap_has(const cm_bitmap *b, uint32_t n) {
    return b && n < b->size && (b->words[n / 64] >> (n % 64) & 1);
}

static inline uint32_t cm_bitmap_count(const cm_bitmap *b) {
    return b ? b->count : 0;
}

static inline void cm_bitmap_add(cm_bitmap *b, uint32_t n) {
    cm_assert(n < b->size);
    b->count += !cm_bitmap_has(b, n);
    b->words[n / 64] |= (uint64_t)1 << (n % 64);
}

#endif
