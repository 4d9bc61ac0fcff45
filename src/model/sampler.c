/* sampler.c - penalties and bias, then top-k, top-p, min-p, temperature, then one draw.
 *
 * The order is llama.cpp's default chain, so settings mean the same here and there. What is ours is the source of
 * chance: one uniform number computed from (seed, position) instead of the next one of a stream.
 * The text of a seed then depends on nothing but the logits; drafts that are verified several positions at a
 * time, and batches that mix requests, draw exactly the numbers a lone request would. */
#include "model/sampler_priv.h"

#include <math.h>

#include "base/hash.h"

#define PENALTY_LAST     64
#define NUCLEUS_TOP_K    1000  /* top-p and min-p alone look at this many */
#define NEGLIGIBLE_LOGIT 30.0f /* below the best by this: e^-30 adds nothing to a float sum */

/* A number in [0, 1). */
static double uniform(uint64_t seed, uint64_t position) {
    uint64_t bits = cm_hash64_seed(&position, sizeof(position), seed);
    return (double)(bits >> 11) * 0x1p-53;
}

static unsigned count_in(const cm_token *tokens, size_t count, cm_token token) {
    unsigned seen = 0;
    for (size_t i = 0; i < count; i++) {
        seen += tokens[i] == token;
    }
    return seen;
}

static void apply_penalties(const cm_sampling *options, float *row, const cm_token *history,
                            size_t count) {
    bool repeat = options->repeat_penalty > 0 && options->repeat_penalty != 1;
    if (!repeat && options->presence_penalty == 0 && options->frequency_penalty == 0) {
        return;
    }
    size_t last = CM_MIN(count, options->penalty_last > 0 ? options->penalty_last : PENALTY_LAST);
    const cm_token *window = history + count - last;
    for (size_t i = 0; i < last; i++) {
        if (count_in(window, i, window[i]) > 0) {
            continue; /* each token once */
        }
        float *logit = &row[window[i]];
        if (repeat) {
            *logit *= *logit > 0 ? 1 / options->repeat_penalty : options->repeat_penalty;
        }
        *logit -= options->presence_penalty +
                  options->frequency_penalty * (float)count_in(window, last, window[i]);
    }
}

static void apply_bias(const cm_sampler *sampler, float *row) {
    for (size_t i = 0; i < sampler->options.bias_count; i++) {
        const cm_logit_bias *bias = &sampler->options.bias[i];
        if (bias->token >= 0 && (uint32_t)bias->token < sampler->vocab_count) {
            row[bias->token] = bias->bias <= -100 ? -INFINITY : row[bias->token] + bias->bias;
        }
    }
}

static cm_token best_of(const float *row, uint32_t count) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = row[i] > row[best] ? i : best;
    }
    return (cm_token)best;
}

static double log_sum(const float *row, uint32_t count, float best) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        float below = best - row[i];
        if (below < NEGLIGIBLE_LOGIT) {
            sum += (double)expf(-below);
        }
    }
    return (double)best + log(sum);
}

/* candidates, best first */

static bool is_worse(const cm_candidate *a, const cm_candidate *b) {
    return a->logit < b->logit || (a->logit == b->logit && a->token > b->token);
}

/* Keeps a heap whose root is the worst of the kept. */
static void sift_down(cm_candidate *heap, size_t count, size_t at) {
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_worse(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_worse(&heap[child], &heap[at])) {
            return;
        }
        cm_candidate swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

/* The `k` best of the row, best first. */
static size_t select_best(const float *row, uint32_t count, size_t k, cm_candidate *out) {
    k = CM_MIN(k, count);
    for (size_t i = 0; i < k; i++) {
        out[i] = (cm_candidate){.token = (cm_token)i, .logit = row[i]};
    }
    for (size_t i = k / 2; i-- > 0;) {
        sift_down(out, k, i);
    }
    for (uint32_t i = (uint32_t)k; i < count && k > 0; i++) {
        if (row[i] > out[0].logit) { /* equal logits: the lower id stays */
            out[0] = (cm_candidate){.token = (cm_token)i, .logit = row[i]};
            sift_down(out, k, 0);
        }
    }
    for (size_t left = k; left > 1; left--) {
        cm_candidate worst = out[0];
        out[0] = out[left - 1];
        sift_down(out, left - 1, 0);
        out[left - 1] = worst;
    }
    return k;
}

/* Truncation looks at probabilities at temperature 1; weights are set for the kept ones. */
static size_t truncate(const cm_sampling *options, cm_candidate *all, size_t count) {
    double sum = 0, mass = 0;
    for (size_t i = 0; i < count; i++) {
        all[i].weight = expf(all[i].logit - all[0].logit);
        sum += (double)all[i].weight;
    }
    size_t kept = count;
    if (options->top_p > 0 && options->top_p < 1) {
        for (kept = 0; kept < count && mass < (double)options->top_p * sum; kept++) {
            mass += (double)all[kept].weight;
        }
    }
    while (options->min_p > 0 && kept > 1 && all[kept - 1].weight < options->min_p) {
        kept--;
    }
    return CM_MAX(kept, 1);
}

static cm_token draw(const cm_candidate *all, size_t count, float temperature, double chance) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += exp((double)(all[i].logit - all[0].logit) / (double)temperature);
    }
    double target = chance * sum, reached = 0;
    for (size_t i = 0; i < count; i++) {
        reached += exp((double)(all[i].logit - all[0].logit) / (double)temperature);
        if (reached > target) {
            return all[i].token;
        }
    }
    return all[0].token; /* rounding at the very end */
}

/* The whole vocabulary, unsorted: no truncation was asked for. */
static cm_token draw_from_row(const float *row, uint32_t count, float best, float temperature,
                              double chance) {
    double sum = 0, reached = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += exp((double)(row[i] - best) / (double)temperature);
    }
    for (uint32_t i = 0; i < count; i++) {
        reached += exp((double)(row[i] - best) / (double)temperature);
        if (reached > chance * sum) {
            return (cm_token)i;
        }
    }
    return best_of(row, count);
}

static cm_token pick(const cm_sampler *sampler, const float *row, cm_token best,
                     uint64_t position) {
    const cm_sampling *options = &sampler->options;
    if (options->temperature <= 0) {
        return best;
    }
    double chance = uniform(options->seed, position);
    bool truncates = (options->top_p > 0 && options->top_p < 1) || options->min_p > 0;
    if (options->top_k <= 0 && !truncates) {
        return draw_from_row(row, sampler->vocab_count, row[best], options->temperature, chance);
    }
    size_t k = options->top_k > 0 ? (size_t)options->top_k : NUCLEUS_TOP_K;
    size_t count = select_best(row, sampler->vocab_count, k, sampler->candidates);
    count = truncate(options, sampler->candidates, count);
    return draw(sampler->candidates, count, options->temperature, chance);
}

cm_choice cm_sampler_choose(const cm_sampler *sampler, float *row, const cm_token *history,
                            size_t history_count, uint64_t position, unsigned top) {
    cm_choice choice = {0};
    apply_penalties(&sampler->options, row, history, history_count);
    apply_bias(sampler, row);
    cm_token best = best_of(row, sampler->vocab_count);
    double total = log_sum(row, sampler->vocab_count, row[best]);
    choice.token = pick(sampler, row, best, position);
    choice.logprob = (float)((double)row[choice.token] - total);
    if (top > 0) {
        size_t count = select_best(row, sampler->vocab_count, CM_MIN(top, CM_COUNT(choice.top)),
                                   sampler->candidates);
        for (size_t i = 0; i < count; i++) {
            choice.top[i] = sampler->candidates[i];
            choice.top[i].weight = (float)((double)choice.top[i].logit - total);
        }
        choice.top_count = (uint8_t)count;
    }
    return choice;
}
