/* vec.c - the one function behind the macros of vec.h: growing an array of elements of any size. */
#include "base/vec.h"

#define VEC_CAP_MIN 8

bool cm_vec_grow(void **items, size_t *cap, size_t want, size_t size) {
    if (want <= *cap) {
        return true;
    }
    size_t larger = CM_MAX(CM_MAX(want, *cap + *cap / 2), (size_t)VEC_CAP_MIN);
    size_t bytes;
    if (__builtin_mul_overflow(larger, size, &bytes)) {
        return false;
    }
    void *memory = cm_try_realloc(*items, bytes);
    if (!memory) {
        return false;
    }
    *items = memory;
    *cap = larger;
    return true;
}
