/* mem.c - the heap, and the counter that lets tests break it.
 *
 * The counter is the one piece of process-wide state here: allocation failure has to be injected
 * below every caller at once, so it cannot travel as a parameter. It costs one relaxed load. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>

static _Atomic uint64_t calls_until_failure;

void cm_mem_fail_after(uint64_t n) {
    atomic_store(&calls_until_failure, n);
}

/* True for exactly one caller per cm_mem_fail_after, however many threads race for it. */
static bool fails_now(void) {
    uint64_t left = atomic_load_explicit(&calls_until_failure, memory_order_relaxed);
    if (cm_likely(left == 0)) {
        return false;
    }
    while (left > 0 && !atomic_compare_exchange_weak(&calls_until_failure, &left, left - 1)) {
    }
    return left == 1;
}

cm_noreturn static void out_of_memory(size_t size) {
    fprintf(stderr, "codementor: out of memory: cannot get %zu bytes\n", size);
    abort();
}

void *cm_alloc(size_t size) {
    void *memory = calloc(1, CM_MAX(size, (size_t)1));
    if (!memory) {
        out_of_memory(size);
    }
    return memory;
}

void *cm_realloc(void *old, size_t size) {
    void *memory = realloc(old, CM_MAX(size, (size_t)1));
    if (!memory) {
        out_of_memory(size);
    }
    return memory;
}

char *cm_strdup(const char *text) {
    return cm_strndup(text, strlen(text));
}

char *cm_strndup(const char *text, size_t len) {
    size_t used = strnlen(text, len);
    char *copy = cm_realloc(NULL, used + 1);
    memcpy(copy, text, used);
    copy[used] = '\0';
    return copy;
}

char *cm_asprintf(const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        out_of_memory(0);
    }
    return text;
}

void cm_free(void *memory) {
    free(memory);
}

void *cm_try_alloc(size_t size) {
    return fails_now() ? NULL : calloc(1, CM_MAX(size, (size_t)1));
}

void *cm_try_calloc(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    return cm_try_alloc(total);
}

void *cm_try_realloc(void *old, size_t size) {
    return fails_now() ? NULL : realloc(old, CM_MAX(size, (size_t)1));
}
