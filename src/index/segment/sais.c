/* sais.c - the recursion of SA-IS; arrays of one level are named after the paper's steps. */
#include "index/segment/sais.h"

#include "base/mem.h"

#define NONE UINT32_MAX

/* One level of the recursion. */
struct level {
    const uint32_t *text;
    uint32_t count;
    uint32_t max;
    uint32_t *order;
    uint64_t *smaller;    /* bit i: suffix i is smaller than suffix i + 1 (S-type) */
    uint32_t *large_from; /* where the L-types of a value's bucket begin, max + 2 values */
    uint32_t *small_from; /* where its S-types begin */
    uint32_t *fill;       /* scratch copy of one of the two */
    uint32_t *names;      /* of LMS suffix i at i / 2: two of them are at least 2 apart */
    uint32_t *starts;     /* of the LMS suffixes in order of position */
    uint32_t *reduced;    /* their names in order of position; then their sorted starts */
    uint32_t lms_count;
};

static bool is_small(const struct level *l, uint32_t i) {
    return l->smaller[i / 64] >> (i % 64) & 1;
}

static bool is_lms(const struct level *l, uint32_t i) {
    return i > 0 && is_small(l, i) && !is_small(l, i - 1);
}

/* Types, bucket bounds and the number of LMS suffixes. */
static void classify(struct level *l) {
    const uint32_t *text = l->text;
    for (uint32_t i = l->count - 1; i-- > 0;) {
        bool small = text[i] == text[i + 1] ? is_small(l, i + 1) : text[i] < text[i + 1];
        l->smaller[i / 64] |= (uint64_t)small << (i % 64);
    }
    /* The largest value has no S-type suffix, so text[i] + 1 is a bucket. */
    for (uint32_t i = 0; i < l->count; i++) {
        if (is_small(l, i)) {
            l->large_from[text[i] + 1]++;
        } else {
            l->small_from[text[i]]++;
        }
        l->lms_count += is_lms(l, i);
    }
    for (uint32_t c = 0; c <= l->max; c++) {
        l->small_from[c] += l->large_from[c];
        l->large_from[c + 1] += l->small_from[c];
    }
}

static void refill(struct level *l, const uint32_t *from) {
    memcpy(l->fill, from, ((size_t)l->max + 2) * sizeof(l->fill[0]));
}

/* The scans below jump about in a text larger than the cache: what a later step reads is asked for now. */
#define AHEAD 32

static void touch(const struct level *l, uint32_t at) {
    if (at != NONE && at > 0) {
        __builtin_prefetch(&l->text[at - 1]);
        __builtin_prefetch(&l->smaller[(at - 1) / 64]);
    }
}

/* Sorts all suffixes from `lms`, a list of the LMS suffixes in their order. */
static void induce(struct level *l, const uint32_t *lms) {
    const uint32_t *text = l->text;
    uint32_t *order = l->order;
    memset(order, 0xff, l->count * sizeof(order[0]));
    refill(l, l->small_from);
    for (uint32_t i = 0; i < l->lms_count; i++) {
        order[l->fill[text[lms[i]]]++] = lms[i];
    }
    refill(l, l->large_from);
    order[l->fill[text[l->count - 1]]++] = l->count - 1;
    for (uint32_t i = 0; i < l->count; i++) {
        if (i + AHEAD < l->count) {
            touch(l, order[i + AHEAD]);
        }
        uint32_t at = order[i];
        if (at != NONE && at > 0 && !is_small(l, at - 1)) {
            order[l->fill[text[at - 1]]++] = at - 1;
        }
    }
    refill(l, l->large_from);
    for (uint32_t i = l->count; i-- > 0;) {
        if (i >= AHEAD) {
            touch(l, order[i - AHEAD]);
        }
        uint32_t at = order[i];
        if (at != NONE && at > 0 && is_small(l, at - 1)) {
            order[--l->fill[text[at - 1] + 1]] = at - 1;
        }
    }
}

static void list_starts(struct level *l) {
    uint32_t m = 0;
    for (uint32_t i = 1; i < l->count; i++) {
        if (is_lms(l, i)) {
            l->names[i / 2] = m;
            l->starts[m++] = i;
        }
    }
}

/* Do the LMS substrings (up to and with the next LMS start) at `a` and `b` differ? */
static bool substrings_differ(const struct level *l, uint32_t a, uint32_t b) {
    uint32_t next_a = l->names[a / 2] + 1, next_b = l->names[b / 2] + 1;
    uint32_t end_a = next_a < l->lms_count ? l->starts[next_a] : l->count;
    uint32_t end_b = next_b < l->lms_count ? l->starts[next_b] : l->count;
    if (end_a - a != end_b - b || end_a == l->count || end_b == l->count) {
        return true;
    }
    return memcmp(l->text + a, l->text + b, ((size_t)(end_a - a) + 1) * sizeof(l->text[0])) != 0;
}

/* Gives equal LMS substrings equal names, in their order; returns the largest name. */
static uint32_t name_substrings(struct level *l) {
    uint32_t m = 0, name = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (is_lms(l, l->order[i])) {
            l->order[m++] = l->order[i];
        }
    }
    l->reduced[l->names[l->order[0] / 2]] = 0;
    for (uint32_t i = 1; i < m; i++) {
        name += substrings_differ(l, l->order[i - 1], l->order[i]);
        l->reduced[l->names[l->order[i] / 2]] = name;
    }
    return name;
}

static bool sort(struct level *l) {
    classify(l);
    list_starts(l);
    induce(l, l->starts);
    if (l->lms_count == 0) {
        return true;
    }
    uint32_t largest = name_substrings(l);
    if (!cm_sais(l->reduced, l->lms_count, largest, l->order)) {
        return false;
    }
    for (uint32_t i = 0; i < l->lms_count; i++) {
        l->reduced[i] = l->starts[l->order[i]];
    }
    induce(l, l->reduced);
    return true;
}

bool cm_sais(const uint32_t *text, uint32_t count, uint32_t max, uint32_t *order) {
    if (count < 2) {
        if (count == 1) {
            order[0] = 0;
        }
        return true;
    }
    size_t buckets = (size_t)max + 2, half = count / 2 + 1;
    struct level l = {.text = text, .count = count, .max = max, .order = order};
    l.smaller = cm_try_calloc(count / 64 + 1, sizeof(l.smaller[0]));
    uint32_t *memory = cm_try_calloc(3 * buckets + 3 * half, sizeof(memory[0]));
    bool done = false;
    if (l.smaller && memory) {
        l.large_from = memory;
        l.small_from = memory + buckets;
        l.fill = memory + 2 * buckets;
        l.names = memory + 3 * buckets;
        l.starts = l.names + half;
        l.reduced = l.starts + half;
        done = sort(&l);
    }
    cm_free(l.smaller);
    cm_free(memory);
    return done;
}
