/* slots.c - which slot serves a prompt, and how much of the prompt can stay.
 *
 * Restoring 512 cached tokens takes 2 ms where reading them takes 700, so the slot with the longest common
 * prefix wins. When that slot holds much more than the common part (another document's prompt, say), or is busy,
 * the common part is copied to the least recently used idle slot instead, and both live on.
 *
 * A prompt that must be shortened is shortened by what a slot's prompt was shortened by before, if that
 * suffices: then the beginnings match and the cache serves again. */
#include "model/engine_priv.h"
#include "model/fim_priv.h"

#define COPY_TOKENS_MIN 64 /* a copy costs about as much as reading a dozen tokens */

bool cm_slot_free_exists(const cm_engine *engine) {
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        if (engine->slots[i].job == NULL) {
            return true;
        }
    }
    return false;
}

void cm_slot_release(cm_engine *engine, cm_job *job) {
    cm_slot *slot = &engine->slots[job->slot];
    cm_assert(slot->job == job);
    slot->job = NULL;
    slot->used = engine->step;
}

static uint32_t common_prefix(const cm_slot *slot, const cm_token *tokens, uint32_t count) {
    uint32_t max = CM_MIN(slot->count, count), len = 0;
    while (len < max && slot->tokens[len] == tokens[len]) {
        len++;
    }
    return len;
}

/* Writes the prompt without `drop` tokens, taken off the front of its cuts in order. */
static uint32_t lay_out(const cm_prompt *prompt, size_t drop, cm_token *out) {
    size_t first = CM_MIN(drop, prompt->cuts[0].count);
    size_t second = CM_MIN(drop - first, prompt->cuts[1].count);
    uint32_t count = 0;
    for (size_t i = 0; i < prompt->count; i++) {
        bool in_first = i - prompt->cuts[0].start < first && i >= prompt->cuts[0].start;
        bool in_second = i - prompt->cuts[1].start < second && i >= prompt->cuts[1].start;
        if (!in_first && !in_second) {
            out[count++] = prompt->tokens[i];
        }
    }
    return count;
}

static uint32_t best_slot(const cm_engine *engine, const cm_token *tokens, uint32_t count,
                          uint32_t *ret_common) {
    uint32_t best = 0;
    *ret_common = 0;
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        uint32_t common = common_prefix(&engine->slots[i], tokens, count);
        if (common > *ret_common) {
            best = i;
            *ret_common = common;
        }
    }
    return best;
}

/* Tokens that may be dropped in all. */
static size_t spare(const cm_prompt *prompt) {
    return prompt->cuts[0].count + prompt->cuts[1].count;
}

/* The least that must go so that `keep` tokens of the prompt remain, cut in steps. */
static size_t needed_drop(const cm_engine *engine, const cm_prompt *prompt, size_t keep) {
    if (prompt->count <= keep) {
        return 0;
    }
    size_t excess = prompt->count - keep;
    if (excess <= prompt->cuts[0].count) {
        size_t step = CM_MAX(keep / 8, 1);
        return CM_MIN((excess + step - 1) / step * step, prompt->cuts[0].count);
    }
    size_t in_prefix = prompt->cuts[1].count;
    size_t must = excess - prompt->cuts[0].count;
    size_t stay = in_prefix > must ? in_prefix - must : 0;
    const cm_token *prefix = prompt->tokens + prompt->cuts[1].start;
    return prompt->cuts[0].count +
           cm_prompt_cut(atomic_load(&engine->model), prefix, in_prefix, stay);
}

/* Tokens of the prompt that must be evaluated when `drop` are taken off. Uses job->tokens as scratch. */
static uint32_t unread(const cm_engine *engine, cm_job *job, size_t drop) {
    uint32_t count = lay_out(&job->prompt, drop, job->tokens), common;
    (void)best_slot(engine, job->tokens, count, &common);
    return count - common;
}

static size_t choose_drop(const cm_engine *engine, cm_job *job, size_t window) {
    size_t least = needed_drop(engine, &job->prompt, window);
    size_t most = spare(&job->prompt);
    uint32_t ms = job->request.max_prompt_ms;
    size_t affordable = ms > 0 ? (size_t)cm_pace_readable(&engine->pace, ms) : SIZE_MAX;
    affordable = CM_MAX(affordable, 16);
    if (unread(engine, job, least) <= affordable && least == 0) {
        return least;
    }
    size_t best = SIZE_MAX;
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        size_t drop = engine->slots[i].dropped;
        if (drop >= least && drop <= most && drop < best &&
            unread(engine, job, drop) <= affordable) {
            best = drop;
        }
    }
    if (best != SIZE_MAX) {
        return best;
    }
    if (unread(engine, job, least) <= affordable) {
        return least;
    }
    return CM_MIN(CM_MAX(needed_drop(engine, &job->prompt, affordable), least), most);
}

static uint32_t least_recent(const cm_engine *engine, uint32_t except) {
    uint32_t best = except;
    for (uint32_t i = 0; i < engine->runner->slots; i++) {
        const cm_slot *slot = &engine->slots[i];
        bool better = best == except || slot->used < engine->slots[best].used;
        if (slot->job == NULL && i != except && better) {
            best = i;
        }
    }
    return best; /* `except` itself when no other is idle */
}

/* The slot to work in; copies the common prefix into it when it lies elsewhere. */
static uint32_t choose_slot(cm_engine *engine, const cm_job *job, uint32_t *ret_common) {
    uint32_t common, best = best_slot(engine, job->tokens, job->count, &common);
    const cm_slot *found = &engine->slots[best];
    bool keeps_most = common * 2 >= found->count;
    if (found->job == NULL && (keeps_most || common < COPY_TOKENS_MIN) && common > 0) {
        *ret_common = common;
        return best;
    }
    uint32_t target = least_recent(engine, best);
    if (target == best && found->job == NULL) {
        *ret_common = common;
        return best;
    }
    cm_assert(engine->slots[target].job == NULL);
    *ret_common = common_prefix(&engine->slots[target], job->tokens, job->count);
    if (common >= COPY_TOKENS_MIN && common > *ret_common + COPY_TOKENS_MIN &&
        engine->runner->ops->copy(engine->runner, best, target, common)) {
        memcpy(engine->slots[target].tokens, found->tokens, common * sizeof(cm_token));
        engine->slots[target].count = common;
        *ret_common = common;
    }
    return target;
}

cm_rc cm_slot_assign(cm_engine *engine, cm_job *job, cm_err *err) {
    uint32_t context = engine->runner->context;
    uint32_t reserve = CM_MIN(CM_MAX(job->request.max_tokens, 1), context / 4);
    uint32_t window = context - reserve;
    if (job->prompt.count > window && job->prompt.count - spare(&job->prompt) > window) {
        return cm_fail(err, CM_PROMPT_TOO_LONG,
                       "prompt of %zu tokens does not fit the %u of model '%s'", job->prompt.count,
                       window, engine->options.model.name);
    }
    size_t room = CM_MAX(job->prompt.count, context) + 1;
    job->tokens = CM_ARENA_ARRAY(job->arena, cm_token, room);
    if (job->tokens == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for a prompt of %zu tokens", job->prompt.count);
    }
    size_t drop = choose_drop(engine, job, window);
    job->count = job->prompt_count = lay_out(&job->prompt, drop, job->tokens);
    job->dropped = (uint32_t)(job->prompt.count - job->count);
    uint32_t common;
    job->slot = choose_slot(engine, job, &common);
    cm_slot *slot = &engine->slots[job->slot];
    /* The last token is evaluated again: its logits choose the first new one. */
    common = CM_MIN(common, job->count - 1);
    slot->count = engine->runner->ops->truncate(engine->runner, job->slot, common);
    slot->dropped = job->dropped;
    slot->job = job;
    job->done = job->cached = slot->count;
    return CM_OK;
}
