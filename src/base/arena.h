/* arena.h - memory that is freed all at once.
 *
 * Blocks double in size from 4 KiB to 1 MiB. With CM_ARENA_DEBUG defined (presets asan, tsan and
 * fuzz) every object is its own malloc, so that the sanitizers see the edges of each.
 *
 * cm_arena_alloc aborts when the system is out of memory or the arena is over its maximum: use it for
 * what the program sizes. cm_arena_try_alloc returns NULL instead: use it for what a user sizes.
 *
 * Thread: owner. Life-times in use: process, connection, request, scratch. */
#ifndef CM_BASE_ARENA_H
#define CM_BASE_ARENA_H

#include "base/str.h"

typedef struct cm_arena cm_arena;

cm_arena *cm_arena_new(size_t max_bytes); /* 0 = 256 MiB */
void cm_arena_free(cm_arena *arena);      /* NULL is allowed */
void cm_arena_freep(cm_arena **arena);    /* for cm_cleanup */
void cm_arena_clear(cm_arena *arena);     /* keeps the first block for the next use */

void *cm_arena_alloc(cm_arena *arena, size_t size); /* zeroed, 16-byte aligned, never NULL */
void *cm_arena_try_alloc(cm_arena *arena, size_t size) cm_must_check;
void *cm_arena_try_calloc(cm_arena *arena, size_t count, size_t size) cm_must_check;
#define CM_ARENA_NEW(arena, type) ((type *)cm_arena_alloc((arena), sizeof(type)))
#define CM_ARENA_ARRAY(arena, type, count) \
    ((type *)cm_arena_try_calloc((arena), (count), sizeof(type)))

/* Copies; the copy is NUL-terminated. cm_arena_str aborts like cm_arena_alloc. */
cm_str cm_arena_str(cm_arena *arena, cm_str s);
char *cm_arena_c(cm_arena *arena, cm_str s);
cm_str cm_arena_fmt(cm_arena *arena, const char *format, ...) cm_printf(2, 3);

size_t cm_arena_used(const cm_arena *arena); /* bytes handed out, alignment included */

#endif
