/* check.h - what every unit test includes: cmocka with its prerequisites, and a seeded generator.
 *
 * A property test draws from cm_draw, whose seed is fixed by the test, so that a failure repeats. */
#ifndef CM_TESTS_CHECK_H
#define CM_TESTS_CHECK_H

#include "base/err.h"
#include "base/str.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* SplitMix64. */
static inline uint64_t cm_draw(uint64_t *seed) {
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* 0 .. below-1. */
static inline size_t cm_draw_below(uint64_t *seed, size_t below) {
    return (size_t)(cm_draw(seed) % below);
}

#define assert_str(actual, expected) cm_check_str((actual), (expected), __FILE__, __LINE__)

static inline void cm_check_str(cm_str actual, const char *expected, const char *file, int line) {
    if (!cm_str_eq_c(actual, expected)) {
        print_error("got \"" CM_STR_FMT "\", expected \"%s\"\n", CM_STR_ARG(actual), expected);
        _fail(file, line);
    }
}

#define assert_ok(call) cm_check_ok((call), #call, __FILE__, __LINE__)

static inline void cm_check_ok(cm_rc rc, const char *call, const char *file, int line) {
    if (rc != CM_OK) {
        print_error("%s: %s\n", call, cm_err_info_get(rc)->name);
        _fail(file, line);
    }
}

#endif
