/* rounds.h - how much of a long test is done: CODEMENTOR_TEST_ROUNDS multiplies the default, a sample. */
#ifndef CM_TEST_INDEX_ROUNDS_H
#define CM_TEST_INDEX_ROUNDS_H

#include "base/str.h"

#include <stdlib.h>

static inline unsigned rounds_of(unsigned base) {
    const char *text = getenv("CODEMENTOR_TEST_ROUNDS");
    uint64_t times = 1;
    if (text != NULL && (!cm_str_to_u64(cm_str_from(text), &times) || times == 0)) {
        times = 1;
    }
    return base * (unsigned)CM_MIN(times, (uint64_t)20);
}

#endif
