/* sampler_priv.h - from one row of logits to one token. */
#ifndef CM_MODEL_SAMPLER_PRIV_H
#define CM_MODEL_SAMPLER_PRIV_H

#include "model/engine.h"

typedef struct cm_sampler {
    cm_sampling options; /* bias points into the owner's memory */
    uint32_t vocab_count;
    struct cm_candidate *candidates; /* scratch, vocab_count of them; shared by all of one engine */
} cm_sampler;

typedef struct cm_candidate {
    cm_token token;
    float logit;
    float weight;
} cm_candidate;

typedef struct cm_choice {
    cm_token token;
    float logprob; /* of the distribution before temperature and truncation */
    uint8_t top_count;
    cm_candidate top[5]; /* `weight` holds the logprob */
} cm_choice;

/* Chooses the token for `position` after `history` (prompt and text so far, for penalties).
 * `row` may be changed. */
cm_choice cm_sampler_choose(const cm_sampler *sampler, float *row, const cm_token *history,
                            size_t history_count, uint64_t position, unsigned top);

#endif
