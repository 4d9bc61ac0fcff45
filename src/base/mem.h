/* mem.h - the two doors to the heap.
 *
 * cm_alloc and friends are for small things of fixed size: out of memory stops the process.
 * cm_try_alloc is for anything whose size a user influences: it returns NULL and the caller answers
 * CM_NOMEM or CM_LIMIT. Tests make the n-th cm_try_alloc fail (cm_mem_fail_after).
 *
 * Thread: any. */
#ifndef CM_BASE_MEM_H
#define CM_BASE_MEM_H

#include "base/base.h"

#define CM_NEW(type) ((type *)cm_alloc(sizeof(type))) /* zeroed; aborts when out of memory */

void *cm_alloc(size_t size);              /* zeroed, never NULL */
void *cm_realloc(void *old, size_t size); /* new bytes are not zeroed; never NULL */
char *cm_strdup(const char *text);
char *cm_strndup(const char *text, size_t len);
char *cm_asprintf(const char *format, ...) cm_printf(1, 2); /* free with cm_free */
void cm_free(void *memory);                                 /* NULL is allowed */

void *cm_try_alloc(size_t size) cm_must_check;                /* zeroed, or NULL */
void *cm_try_calloc(size_t count, size_t size) cm_must_check; /* checks the multiplication */
void *cm_try_realloc(void *old, size_t size) cm_must_check;   /* `old` stays valid on NULL */

/* Test hook: the `n`-th cm_try_* call of this process from now on fails, once (0 = off). */
void cm_mem_fail_after(uint64_t n);

/* For cm_cleanup on `char *` and other heap pointers. */
static inline void cm_freep(void *pointer_to_pointer) {
    cm_free(*(void **)pointer_to_pointer);
}

#endif
