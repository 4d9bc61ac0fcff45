/* lexical.c - the words rarest first, a heap of the best candidates, and the bound that ends the search early. */
#include "search/lexical.h"

#include "base/clock.h"
#include "base/vec.h"
#include "index/segment/postings.h"
#include "index/snapshot/snapshot_priv.h"
#include "index/segment/words.h"

#include <math.h>

#define K1 1.2  /* how soon repetition stops to count */
#define B  0.75 /* how much length counts */

/* body, name, comment (first line of documentation), path. Names weigh most: what a thing is called is the best
 * one-word summary of it that exists. One length norm for all, that of the body, did better on CoSQA
 * (dev) than one for each field. */
static const double weights[4] = {1.0, 5.0, 2.0, 1.0};

typedef struct term {
    cm_lexical_word word;
    double bound; /* of its contribution to any score */
} term;

typedef struct lexical {
    const cm_snapshot *snapshot;
    const cm_lexical_query *query;
    CM_VEC(term) terms;
    double mean_length; /* of a body */
    double chunks;      /* N */
    cm_candidate *heap; /* the worst on top */
    size_t heap_count;
    unsigned ticks;
    bool expired;
} lexical;

/* ---- the question ---- */

static void add_word(void *argument, cm_str word, size_t start, size_t len) {
    (void)start;
    (void)len;
    lexical *x = argument;
    if (x->terms.count == CM_LEXICAL_WORDS_MAX) {
        return;
    }
    for (size_t i = 0; i < x->terms.count; i++) {
        if (cm_str_eq(x->terms.items[i].word.text, word)) {
            return;
        }
    }
    char *copy = cm_alloc(word.len + 1);
    memcpy(copy, word.ptr, word.len);
    if (!cm_vec_push(&x->terms, (term){.word.text = cm_str_make(copy, word.len)})) {
        cm_free(copy);
    }
}

static void drop_stop_words(lexical *x) {
    size_t kept = 0;
    for (size_t i = 0; i < x->terms.count; i++) {
        kept += !cm_word_is_stop(x->terms.items[i].word.text);
    }
    if (kept == 0) {
        return; /* a question of nothing else: take it literally */
    }
    kept = 0;
    for (size_t i = 0; i < x->terms.count; i++) {
        term *t = &x->terms.items[i];
        if (cm_word_is_stop(t->word.text)) {
            cm_free((void *)(uintptr_t)t->word.text.ptr);
        } else {
            x->terms.items[kept++] = *t;
        }
    }
    x->terms.count = kept;
}

static int term_cmp(const void *left, const void *right) {
    const term *a = left, *b = right;
    if (a->bound != b->bound) {
        return a->bound > b->bound ? -1 : 1;
    }
    return cm_str_cmp(a->word.text, b->word.text);
}

static void weigh_terms(lexical *x) {
    double words = 0;
    for (size_t i = 0; i < x->snapshot->count; i++) {
        const cm_segment *s = x->snapshot->segments[i].segment;
        x->chunks += s->chunk_count;
        words += (double)s->field_words[0];
    }
    x->mean_length = x->chunks > 0 && words > 0 ? words / x->chunks : 1;
    for (size_t t = 0; t < x->terms.count; t++) {
        term *entry = &x->terms.items[t];
        for (size_t i = 0; i < x->snapshot->count; i++) {
            const cm_segment *s = x->snapshot->segments[i].segment;
            uint64_t offset;
            cm_postings p;
            if (cm_dict_find(&s->words, entry->word.text, &offset) &&
                cm_postings_open(s->word_postings, offset, &p)) {
                entry->word.chunks += p.count;
            }
        }
        double n = (double)entry->word.chunks;
        entry->word.idf = log(1 + (CM_MAX(x->chunks - n, 0) + 0.5) / (n + 0.5));
        entry->bound = n > 0 ? entry->word.idf * (K1 + 1) : 0;
    }
    if (x->terms.count > 1) {
        qsort(x->terms.items, x->terms.count, sizeof(term), term_cmp);
    }
}

/* ---- candidates ---- */

static bool is_worse(const cm_candidate *a, const cm_candidate *b) {
    return a->score != b->score ? a->score < b->score : a->chunk > b->chunk;
}

static void heap_sift(cm_candidate *heap, size_t count, size_t at) {
    for (;;) {
        size_t worst = at, left = 2 * at + 1, right = left + 1;
        if (left < count && is_worse(&heap[left], &heap[worst])) {
            worst = left;
        }
        if (right < count && is_worse(&heap[right], &heap[worst])) {
            worst = right;
        }
        if (worst == at) {
            return;
        }
        cm_candidate swap = heap[at];
        heap[at] = heap[worst];
        heap[worst] = swap;
        at = worst;
    }
}

static void offer(lexical *x, uint32_t chunk, double score) {
    cm_candidate c = {chunk, score};
    bool full = x->heap_count == x->query->candidates;
    if (full && is_worse(&c, &x->heap[0])) {
        return;
    }
    if (x->query->allowed && !x->query->allowed(x->query->argument, chunk)) {
        return;
    }
    if (full) {
        x->heap[0] = c;
        heap_sift(x->heap, x->heap_count, 0);
        return;
    }
    x->heap[x->heap_count++] = c;
    if (x->heap_count == x->query->candidates) {
        for (size_t i = x->heap_count / 2; i-- > 0;) {
            heap_sift(x->heap, x->heap_count, i);
        }
    }
}

/* ---- scoring ---- */

static double score_posting(const lexical *x, const term *t, const cm_posting *p,
                            const cm_chunk_record *chunk) {
    double tf = weights[0] * p->body + weights[1] * p->name + weights[2] * p->comment +
                weights[3] * p->path;
    tf /= 1 - B + B * chunk->body_len / x->mean_length;
    return t->word.idf * tf * (K1 + 1) / (K1 + tf);
}

static bool is_expired(lexical *x) {
    if (!x->expired && (++x->ticks & 1023) == 0) {
        x->expired = (x->query->deadline_ns && cm_clock_ns() > x->query->deadline_ns) ||
                     cm_cancel_hit(x->query->cancel) != CM_CANCEL_NONE;
    }
    return x->expired;
}

/* Adds one word to all chunks of its list. */
static void add_all(lexical *x, const cm_segment *s, const term *t, cm_postings *p, float *scores) {
    while (cm_postings_next(p) && !is_expired(x)) {
        if (p->now.chunk >= s->chunk_count) {
            return;
        }
        scores[p->now.chunk] += (float)score_posting(x, t, &p->now, &s->chunks[p->now.chunk]);
    }
}

/* Adds one word to the chunks that have a score already. */
static void add_seen(lexical *x, const cm_segment *s, const term *t, cm_postings *p, float *scores,
                     const uint32_t *seen, size_t seen_count) {
    for (size_t i = 0; i < seen_count && !is_expired(x); i++) {
        if (!cm_postings_seek(p, seen[i])) {
            return;
        }
        if (p->now.chunk == seen[i] && seen[i] < s->chunk_count) {
            scores[seen[i]] += (float)score_posting(x, t, &p->now, &s->chunks[seen[i]]);
        }
    }
}

static uint32_t *list_seen(const float *scores, uint32_t count, size_t *ret_count) {
    size_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        n += scores[i] > 0;
    }
    uint32_t *seen = cm_try_calloc(n + 1, sizeof(*seen));
    n = 0;
    for (uint32_t i = 0; seen && i < count; i++) {
        if (scores[i] > 0) {
            seen[n++] = i;
        }
    }
    *ret_count = n;
    return seen;
}

/* A chunk without any of the words before `next` can score at most this. */
static double bound_from(const lexical *x, size_t next) {
    double bound = 0;
    for (size_t t = next; t < x->terms.count; t++) {
        bound += x->terms.items[t].bound;
    }
    return bound;
}

static int float_descending(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a < b) - (a > b);
}

/* A score that at least `candidates` chunks of this segment have reached already, or 0. Looked for in a
 * sample, so it may be lower than the exact one but never higher: the sample is part of the whole. */
static double reached(const lexical *x, const cm_snapshot_segment *in, const float *scores) {
    const cm_segment *s = in->segment;
    float top[4096];
    size_t n = 0;
    for (uint32_t i = 0; i < s->chunk_count && n < CM_COUNT(top); i++) {
        if (scores[i] > 0 && !cm_bitmap_has(in->dead, s->chunks[i].document)) {
            top[n++] = scores[i];
        }
    }
    if (n < x->query->candidates) {
        return 0;
    }
    qsort(top, n, sizeof(*top), float_descending);
    return top[x->query->candidates - 1];
}

static cm_rc score_segment(lexical *x, const cm_snapshot_segment *in, cm_err *err) {
    const cm_segment *s = in->segment;
    float *scores = cm_try_calloc((size_t)s->chunk_count + 1, sizeof(*scores));
    uint32_t *seen = NULL;
    size_t seen_count = 0;
    if (!scores) {
        return cm_fail(err, CM_NOMEM, "out of memory searching %u chunks", s->chunk_count);
    }
    for (size_t i = 0; i < x->terms.count && !x->expired; i++) {
        const term *t = &x->terms.items[i];
        uint64_t offset;
        cm_postings p;
        if (!cm_dict_find(&s->words, t->word.text, &offset) ||
            !cm_postings_open(s->word_postings, offset, &p)) {
            continue;
        }
        if (!seen && p.count > 4096 && !x->query->allowed) {
            double worst = x->heap_count == x->query->candidates ? x->heap[0].score : 0;
            if (bound_from(x, i) < CM_MAX(worst, reached(x, in, scores))) {
                seen = list_seen(scores, s->chunk_count, &seen_count);
            }
        }
        if (seen) {
            add_seen(x, s, t, &p, scores, seen, seen_count);
        } else {
            add_all(x, s, t, &p, scores);
        }
    }
    for (uint32_t i = 0; i < s->chunk_count; i++) {
        if (scores[i] > 0 && s->chunks[i].document < s->document_count &&
            !cm_bitmap_has(in->dead, s->chunks[i].document)) {
            offer(x, in->first_chunk + i, scores[i]);
        }
    }
    cm_free(seen);
    cm_free(scores);
    return CM_OK;
}

static int best_first(const void *left, const void *right) {
    return is_worse(left, right) ? 1 : -1;
}

/* Copies what outlives the run into the caller's arena. */
static cm_rc take_result(lexical *x, cm_arena *arena, cm_lexical_result *ret_result, cm_err *err) {
    cm_lexical_word *words = CM_ARENA_ARRAY(arena, cm_lexical_word, x->terms.count + 1);
    if (!words) {
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    }
    double best = 0;
    for (size_t i = 0; i < x->terms.count; i++) {
        words[i] = x->terms.items[i].word;
        words[i].text = cm_arena_str(arena, words[i].text);
        best += x->terms.items[i].word.idf * (K1 + 1);
    }
    if (x->heap_count > 1) {
        qsort(x->heap, x->heap_count, sizeof(*x->heap), best_first);
    }
    *ret_result = (cm_lexical_result){
        .candidates = x->heap,
        .count = x->heap_count,
        .words = words,
        .word_count = x->terms.count,
        .best_possible = best,
        .truncated = x->expired,
    };
    return CM_OK;
}

cm_rc cm_lexical_run(const cm_snapshot *snapshot, const cm_lexical_query *query, cm_arena *arena,
                     cm_lexical_result *ret_result, cm_err *err) {
    lexical x = {.snapshot = snapshot, .query = query};
    x.heap = CM_ARENA_ARRAY(arena, cm_candidate, query->candidates + 1);
    cm_rc rc = x.heap ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory searching");
    if (rc == CM_OK) {
        cm_words_split(query->text, add_word, &x);
        drop_stop_words(&x);
        weigh_terms(&x);
    }
    for (size_t i = 0; rc == CM_OK && i < snapshot->count && !x.expired; i++) {
        rc = score_segment(&x, &snapshot->segments[i], err);
    }
    if (rc == CM_OK && cm_cancel_hit(query->cancel) != CM_CANCEL_NONE) {
        rc = cm_cancel_check(query->cancel, err);
    }
    if (rc == CM_OK) {
        rc = take_result(&x, arena, ret_result, err);
    }
    for (size_t i = 0; i < x.terms.count; i++) {
        cm_free((void *)(uintptr_t)x.terms.items[i].word.text.ptr);
    }
    cm_vec_done(&x.terms);
    return rc;
}
