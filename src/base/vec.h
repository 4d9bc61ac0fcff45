/* vec.h - a growable array of any type.
 *
 *     CM_VEC(uint32_t) ids = {0};
 *     if (!cm_vec_push(&ids, 7)) return cm_fail(err, CM_NOMEM, ...);
 *     cm_vec_done(&ids);
 *
 * Thread: owner. Growth is by half; a failed push leaves the vector as it was. */
#ifndef CM_BASE_VEC_H
#define CM_BASE_VEC_H

#include "base/mem.h"

#define CM_VEC(type)  \
    struct {          \
        type *items;  \
        size_t count; \
        size_t cap;   \
    }

#define cm_vec_reserve(vec, n) \
    cm_vec_grow((void **)&(vec)->items, &(vec)->cap, (n), sizeof(*(vec)->items))

/* False when out of memory. */
#define cm_vec_push(vec, ...)                                                  \
    (((vec)->count < (vec)->cap || cm_vec_reserve((vec), (vec)->count + 1)) && \
     ((vec)->items[(vec)->count++] = (__VA_ARGS__), true))

#define cm_vec_last(vec)  (&(vec)->items[(vec)->count - 1])
#define cm_vec_clear(vec) ((void)((vec)->count = 0))
#define cm_vec_done(vec)               \
    do {                               \
        cm_free((vec)->items);         \
        (vec)->items = NULL;           \
        (vec)->count = (vec)->cap = 0; \
    } while (0)

/* Makes room for at least `want` items of `size` bytes; false when out of memory. */
bool cm_vec_grow(void **items, size_t *cap, size_t want, size_t size) cm_must_check;

#endif
