/* arena.c - blocks linked newest first; objects are cut off the front block.
 *
 * Blocks come zeroed from the heap, so handing out an object costs an addition; cm_arena_clear
 * pays for zeroing what was used of the block it keeps. An object larger than a quarter of the next
 * block gets a block of its own, behind the current one, so that it wastes no tail. */
#include "base/arena.h"

#include "base/mem.h"
#include <stdarg.h>

#define BLOCK_MIN     CM_KIB(4)
#define BLOCK_MAX     CM_MIB(1)
#define ARENA_MAX     CM_MIB(256)
#define ARENA_ALIGN   16
#define ALIGN_UP(n)   (((n) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))
#define BLOCK_HEADER  ALIGN_UP(sizeof(struct block))
#define BLOCK_DATA(b) ((char *)(b) + BLOCK_HEADER)

#ifdef CM_ARENA_DEBUG
enum { ONE_OBJECT_A_BLOCK = 1 };
#else
enum { ONE_OBJECT_A_BLOCK = 0 };
#endif

struct block {
    struct block *next;
    size_t size; /* of the data */
    size_t used;
};

struct cm_arena {
    struct block *blocks; /* objects are cut from the first */
    size_t next_size;
    size_t used;
    size_t max;
};

cm_arena *cm_arena_new(size_t max_bytes) {
    cm_arena *arena = CM_NEW(cm_arena);
    arena->next_size = BLOCK_MIN;
    arena->max = max_bytes ? max_bytes : ARENA_MAX;
    return arena;
}

static void free_blocks(struct block *block) {
    while (block) {
        struct block *next = block->next;
        cm_free(block);
        block = next;
    }
}

void cm_arena_free(cm_arena *arena) {
    if (!arena) {
        return;
    }
    free_blocks(arena->blocks);
    cm_free(arena);
}

void cm_arena_freep(cm_arena **arena) {
    cm_arena_free(*arena);
    *arena = NULL;
}

void cm_arena_clear(cm_arena *arena) {
    struct block *kept = ONE_OBJECT_A_BLOCK ? NULL : arena->blocks;
    if (kept) {
        free_blocks(kept->next);
        kept->next = NULL;
        memset(BLOCK_DATA(kept), 0, kept->used);
        kept->used = 0;
    } else {
        free_blocks(arena->blocks);
    }
    arena->blocks = kept;
    arena->used = 0;
}

/* A block for at least `size` bytes: the new front, or behind it when the object fills it alone. */
static struct block *add_block(cm_arena *arena, size_t size, bool must) {
    bool alone = ONE_OBJECT_A_BLOCK || size > arena->next_size / 4;
    /* Debug blocks are exactly as large as asked, so that a sanitizer sees the edge. */
    size_t data = alone ? size : arena->next_size;
    struct block *block = must ? cm_alloc(BLOCK_HEADER + data) : cm_try_alloc(BLOCK_HEADER + data);
    if (!block) {
        return NULL;
    }
    block->size = data;
    if (alone && arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    if (!alone) {
        arena->next_size = CM_MIN(arena->next_size * 2, BLOCK_MAX);
    }
    return block;
}

static void *take(cm_arena *arena, size_t size, bool must) {
    if (size > arena->max - arena->used) {
        return NULL;
    }
    size_t step = ALIGN_UP(CM_MAX(size, (size_t)1));
    if (step > arena->max - arena->used) {
        return NULL;
    }
    struct block *block = arena->blocks;
    if (ONE_OBJECT_A_BLOCK || !block || block->size - block->used < step) {
        block = add_block(arena, ONE_OBJECT_A_BLOCK ? size : step, must);
        if (!block) {
            return NULL;
        }
    }
    void *object = BLOCK_DATA(block) + block->used;
    block->used += ONE_OBJECT_A_BLOCK ? size : step;
    arena->used += step;
    return object;
}

void *cm_arena_alloc(cm_arena *arena, size_t size) {
    void *object = take(arena, size, true);
    cm_assert(object && "arena is over its maximum");
    return object;
}

void *cm_arena_try_alloc(cm_arena *arena, size_t size) {
    return take(arena, size, false);
}

void *cm_arena_try_calloc(cm_arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    return cm_arena_try_alloc(arena, total);
}

cm_str cm_arena_str(cm_arena *arena, cm_str s) {
    return cm_str_make(cm_arena_c(arena, s), s.len);
}

char *cm_arena_c(cm_arena *arena, cm_str s) {
    char *copy = cm_arena_alloc(arena, s.len + 1);
    if (s.len) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

cm_str cm_arena_fmt(cm_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    cm_assert(len >= 0);
    char *text = cm_arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return cm_str_make(text, (size_t)len);
}

size_t cm_arena_used(const cm_arena *arena) {
    return arena->used;
}
