/* base.h - what every C file of the project includes first.
 *
 * Compiler attributes, assertions that stay on in release builds, and the list of banned functions.
 * Runtime errors are `cm_rc` codes (err.h); cm_assert is for mistakes of the programmer only. */
#ifndef CM_BASE_BASE_H
#define CM_BASE_BASE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define cm_must_check   __attribute__((warn_unused_result))
#define cm_printf(f, a) __attribute__((format(printf, f, a)))
#define cm_noreturn     __attribute__((noreturn))
#define cm_unused       __attribute__((unused))
#define cm_pure         __attribute__((pure))
#define cm_likely(x)    __builtin_expect(!!(x), 1)
#define cm_unlikely(x)  __builtin_expect(!!(x), 0)

/* Runs `fn(&variable)` when the variable leaves its scope: `cm_cleanup(cm_buf_done) cm_buf b;` */
#define cm_cleanup(fn) __attribute__((cleanup(fn)))

#define CM_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CM_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define CM_MAX(a, b)    ((a) > (b) ? (a) : (b))
#define CM_KIB(n)       ((size_t)(n) << 10)
#define CM_MIB(n)       ((size_t)(n) << 20)

/* Stops the process with file and line when `x` is false; also in release builds. */
#define cm_assert(x)                                  \
    do {                                              \
        if (cm_unlikely(!(x)))                        \
            cm_assert_failed(#x, __FILE__, __LINE__); \
    } while (0)

cm_noreturn void cm_assert_failed(const char *expression, const char *file, int line);

/* Unbounded, locale-bound or error-blind functions. Each has a replacement in base/. */
#pragma GCC poison strcpy strcat stpcpy sprintf vsprintf strtok gets atoi atol atoll atof

#endif
