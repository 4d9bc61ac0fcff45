/* draft.c - guessing the next tokens, so that one step may verify several.
 *
 * Two sources. The request's own callback (the repository's suffix array, text accepted before) hands in text. Where
 * that has nothing to say, the request's own tokens are searched: code repeats its neighbourhood,
 * and prompts bring the files a text resembles. A match of MATCH_MIN tokens is asked for, because a
 * wrong draft costs a step and a half (pace.c decides how many tokens of a draft are worth
 * verifying, from what this request's drafts were worth so far). Saxena 2023, "Prompt lookup
 * decoding". */
#include "model/engine_priv.h"

#define MATCH_MIN 8

static double acceptance_of(const cm_job *job) {
    /* Starts at .8 and gives way to what this request's drafts were worth. */
    return ((double)job->accepted + 3.2) / ((double)job->drafted + 4);
}

static size_t from_callback(const cm_engine *engine, cm_job *job) {
    if (job->request.draft == NULL) {
        return 0;
    }
    cm_buf text;
    cm_buf_init(&text, CM_DRAFT_BYTES_MAX);
    job->request.draft(job->request.argument, cm_buf_str(&job->stream.text), &text);
    cm_token all[CM_DRAFT_BYTES_MAX + 8]; /* a byte gives at most one token */
    const cm_model *model = atomic_load(&engine->model);
    size_t count =
        model->ops->tokenize(model, cm_buf_str(&text), CM_TOKENIZE_PLAIN, all, CM_COUNT(all));
    count = count <= CM_COUNT(all) ? CM_MIN(count, CM_DRAFT_MAX) : 0;
    memcpy(job->draft, all, count * sizeof(cm_token));
    cm_buf_done(&text);
    return count;
}

/* What followed the latest earlier place that ends in the same MATCH_MIN tokens. */
static size_t from_own_tokens(cm_job *job) {
    if (job->count < 2 * MATCH_MIN) {
        return 0;
    }
    const cm_token *tail = job->tokens + job->count - MATCH_MIN;
    for (uint32_t end = job->count - 1; end >= MATCH_MIN; end--) {
        if (memcmp(job->tokens + end - MATCH_MIN, tail, MATCH_MIN * sizeof(cm_token)) == 0) {
            size_t count = CM_MIN(job->count - end, CM_DRAFT_MAX);
            memcpy(job->draft, job->tokens + end, count * sizeof(cm_token));
            return count;
        }
    }
    return 0;
}

void cm_job_draft(const cm_engine *engine, cm_job *job) {
    job->draft_count = 0;
    uint32_t room = engine->runner->context - job->count;
    uint32_t left = job->request.max_tokens - (job->count - job->prompt_count);
    int wanted = job->request.draft_length;
    if (wanted < 0 || !atomic_load(&engine->model)->rewinds) {
        return;
    }
    unsigned length =
        wanted > 0 ? (unsigned)wanted : cm_pace_draft_length(&engine->pace, acceptance_of(job));
    length = CM_MIN(CM_MIN(length, CM_DRAFT_MAX), CM_MIN(room, left) - 1);
    /* Text of the callback must continue whole characters of the answer proper. */
    bool settled = job->heal.len == 0 && job->stream.partial_len == 0;
    if (length == 0) {
        return;
    }
    size_t count = settled ? from_callback(engine, job) : 0;
    if (count == 0) {
        count = from_own_tokens(job);
    }
    job->draft_count = (uint32_t)CM_MIN(count, length);
}
