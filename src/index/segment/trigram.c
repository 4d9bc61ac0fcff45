/* trigram.c - the distinct trigrams of a text, sorted. */
#include "index/segment/trigram.h"

#include "base/vec.h"

/* An open-addressing set, not a bitmap of all 2^24: most files have a few thousand trigrams, and
 * clearing 2 MiB for each file would cost more than hashing. */
typedef struct trigram_set {
    uint32_t *slots; /* trigram + 1; 0 = empty */
    size_t mask;
    size_t count;
} trigram_set;

static bool set_resize(trigram_set *set, size_t slots) {
    uint32_t *old = set->slots;
    size_t old_slots = old ? set->mask + 1 : 0;
    uint32_t *fresh = cm_try_calloc(slots, sizeof(*fresh));
    if (!fresh) {
        return false;
    }
    set->slots = fresh;
    set->mask = slots - 1;
    for (size_t i = 0; i < old_slots; i++) {
        if (!old[i]) {
            continue;
        }
        size_t at = (old[i] * 0x9E3779B1u >> 7) & set->mask;
        while (fresh[at]) {
            at = (at + 1) & set->mask;
        }
        fresh[at] = old[i];
    }
    cm_free(old);
    return true;
}

static bool set_add(trigram_set *set, uint32_t trigram) {
    uint32_t value = trigram + 1;
    size_t at = (value * 0x9E3779B1u >> 7) & set->mask;
    while (set->slots[at]) {
        if (set->slots[at] == value) {
            return true;
        }
        at = (at + 1) & set->mask;
    }
    set->slots[at] = value;
    return ++set->count * 2 <= set->mask || set_resize(set, (set->mask + 1) * 2);
}

#define HALF_BITS 12 /* a trigram is sorted by its lower half, then by its upper one */

static void sort_by_half(const uint32_t *from, size_t count, unsigned shift, uint32_t *to) {
    uint32_t starts[(1 << HALF_BITS) + 1] = {0};
    const uint32_t mask = (1 << HALF_BITS) - 1;
    for (size_t i = 0; i < count; i++) {
        starts[(from[i] >> shift & mask) + 1]++;
    }
    for (uint32_t i = 1; i <= mask; i++) {
        starts[i] += starts[i - 1];
    }
    for (size_t i = 0; i < count; i++) {
        to[starts[from[i] >> shift & mask]++] = from[i];
    }
}

cm_rc cm_trigrams_of(cm_str text, cm_arena *arena, const uint32_t **ret_trigrams, size_t *ret_count,
                     cm_err *err) {
    trigram_set set = {0};
    size_t slots = 1024; /* mostly enough: a text has one distinct trigram for some four bytes */
    while (slots < text.len / 2 && slots < 65536) {
        slots *= 2;
    }
    bool ok = set_resize(&set, slots);
    uint32_t window = 0;
    size_t run = 0; /* bytes since the last line end */
    for (size_t i = 0; ok && i < text.len; i++) {
        char c = text.ptr[i];
        run = c == '\n' || c == '\r' ? 0 : run + 1;
        window = (window << 8 | (unsigned char)cm_to_lower(c)) & 0xffffff;
        if (run >= 3) {
            ok = set_add(&set, window);
        }
    }
    uint32_t *trigrams = ok ? CM_ARENA_ARRAY(arena, uint32_t, set.count + 1) : NULL;
    uint32_t *half_sorted = trigrams ? cm_try_calloc(set.count + 1, sizeof(*half_sorted)) : NULL;
    if (!half_sorted) {
        cm_free(set.slots);
        return cm_fail(err, CM_NOMEM, "out of memory finding trigrams");
    }
    size_t count = 0;
    for (size_t i = 0; i <= set.mask; i++) {
        if (set.slots[i]) {
            trigrams[count++] = set.slots[i] - 1;
        }
    }
    cm_free(set.slots);
    sort_by_half(trigrams, count, 0, half_sorted);
    sort_by_half(half_sorted, count, HALF_BITS, trigrams);
    cm_free(half_sorted);
    *ret_trigrams = trigrams;
    *ret_count = count;
    return CM_OK;
}
