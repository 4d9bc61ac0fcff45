/* run_model.c - candidates of the model: handed to the engine, streamed as they grow, finished on a worker. */
#include "base/base.h"

#include "assist/run_priv.h"

#define TEXT_MAX CM_MIB(1) /* of a candidate */

static void finish_job(void *argument, unsigned worker);

void cm_run_release(cm_completion_run *r) {
    if (atomic_fetch_sub(&r->pending, 1) == 1 &&
        cm_pool_submit(r->assist->options.pool, CM_INTERACTIVE, finish_job, r, NULL) != CM_OK) {
        finish_job(r, 0); /* a full queue must not lose an answer that is ready */
    }
}

/* Streams what later filters can no longer take back: the filtered text up to the last whole line. */
static bool stream(cm_candidate_run *c) {
    cm_completion_run *r = c->run;
    cm_str text = cm_buf_str(&c->text);
    cm_str sure = r->request->raw ? text : cm_post_stream_next(&c->stream, text);
    if (sure.len <= c->sent) {
        return true;
    }
    bool more = r->sink.delta(r->sink.argument, &c->item, cm_str_from_offset(sure, c->sent));
    c->sent = sure.len;
    return more;
}

static bool on_text(void *argument, cm_str text) {
    cm_candidate_run *c = argument;
    cm_buf_add_str(&c->text, text);
    bool room = cm_buf_check(&c->text, NULL) == CM_OK;
    return room && (c->run->sink.delta == NULL || c->item.index != 0 || stream(c));
}

static void on_done(void *argument, const cm_generated *generated, cm_rc rc, const cm_err *err) {
    cm_candidate_run *c = argument;
    c->rc = rc;
    if (err != NULL && rc != CM_OK) {
        c->err = *err;
    }
    c->generated = *generated;
    c->finish = generated->finish;
    cm_buf_clear(&c->text);
    cm_buf_add_str(&c->text, generated->text);
    cm_arena *arena = c->run->arena; /* the inference thread is its only user now */
    c->item.stop = cm_arena_str(arena, generated->stop);
    if (generated->tokens != NULL) {
        cm_token_info *tokens = CM_ARENA_ARRAY(arena, cm_token_info, generated->completion_tokens);
        if (tokens != NULL) {
            memcpy(tokens, generated->tokens, generated->completion_tokens * sizeof(*tokens));
            c->item.tokens = tokens;
            c->item.token_count = generated->completion_tokens;
        }
    }
    cm_run_release(c->run);
}

static void candidate_init(cm_completion_run *r, uint32_t index) {
    const cm_completion_request *request = r->request;
    cm_candidate_run *c = &r->candidates[index];
    *c = (cm_candidate_run){.run = r,
                            .item = {.id = cm_uuid_v7(), .index = index, .model = r->model_name}};
    cm_buf_init(&c->text, TEXT_MAX);
    cm_post_request around = {
        .prefix = request->prefix, .suffix = request->suffix, .multiline = request->multiline};
    cm_post_stream_init(&c->stream, &around);
    r->candidate_count = index + 1;
}

static cm_rc submit_candidate(cm_completion_run *r, const cm_prompt *prompt, uint32_t index,
                              cm_err *err) {
    const cm_completion_request *request = r->request;
    cm_candidate_run *c = &r->candidates[index];
    cm_request generate = {.prompt = prompt,
                           .max_tokens = request->max_tokens,
                           .max_prompt_ms = cm_run_prompt_ms(r),
                           .max_predict_ms = request->max_predict_ms != 0
                                                 ? request->max_predict_ms
                                                 : r->assist->options.max_predict_ms,
                           .stops = request->stops,
                           .stop_count = request->stop_count,
                           .suffix_stop = !request->raw,
                           .single_line = !request->raw && request->multiline == CM_MULTILINE_NEVER,
                           .sampling = request->sampling,
                           .top_probabilities = request->top_probabilities,
                           .probabilities = request->probabilities,
                           .priority = CM_INTERACTIVE,
                           .cancel = request->cancel,
                           .on_text = r->sink.delta == NULL ? NULL : on_text,
                           .on_done = on_done,
                           .argument = c};
    generate.sampling.seed += index;
    atomic_fetch_add(&r->pending, 1);
    cm_rc rc = cm_engine_submit(r->engine, &generate, err);
    if (rc != CM_OK) {
        atomic_fetch_sub(&r->pending, 1);
        c->rc = rc;
        if (err != NULL) {
            c->err = *err;
        }
    }
    return rc;
}

cm_rc cm_run_submit(cm_completion_run *r, cm_err *err) {
    const cm_completion_request *request = r->request;
    cm_prompt prompt;
    cm_rc rc = cm_run_build_prompt(r, &prompt, err);
    if (rc != CM_OK) {
        return rc;
    }
    uint32_t count = CM_MAX(request->count, 1);
    /* Only sampling makes candidates differ. */
    count = request->sampling.temperature > 0 ? CM_MIN(count, CM_COMPLETIONS_MAX - 1) : 1;
    atomic_store(&r->pending, 1);
    for (uint32_t i = 0; i < count; i++) {
        candidate_init(r, i);
        rc = submit_candidate(r, &prompt, i, err);
        if (rc != CM_OK) {
            return i > 0 ? CM_OK : rc; /* fewer candidates are still an answer */
        }
    }
    return CM_OK;
}

static const char *finish_reason(enum cm_finish finish) {
    switch (finish) {
    case CM_FINISH_LENGTH: return "length";
    case CM_FINISH_TIME: return "deadline";
    case CM_FINISH_SUFFIX: return "scope";
    case CM_FINISH_END:
    case CM_FINISH_STOP:
    case CM_FINISH_CALLBACK:
    case CM_FINISH_ERROR: break;
    }
    return "stop";
}

static void add_candidate(cm_completion_run *r, cm_candidate_run *c) {
    cm_completion_item *item = cm_run_add_item(r, CM_SOURCE_MODEL, r->model_name);
    const cm_generated *generated = &c->generated;
    uint32_t index = item->index;
    *item = c->item;
    item->index = index;
    item->finish_reason = finish_reason(c->finish);
    item->confidence = generated->mean_probability;
    if (r->request->raw) {
        item->text = cm_arena_str(r->arena, cm_buf_str(&c->text));
    } else {
        cm_run_post_process(r, cm_buf_str(&c->text), item);
    }
    cm_completion *result = &r->result;
    result->prompt_tokens = CM_MAX(result->prompt_tokens, generated->prompt_tokens);
    result->cached_tokens = CM_MAX(result->cached_tokens, generated->cached_tokens);
    result->completion_tokens += generated->completion_tokens;
    result->drafted_tokens += generated->drafted_tokens;
    result->accepted_tokens += generated->accepted_tokens;
    result->prompt_ms = CM_MAX(result->prompt_ms, generated->prompt_ms);
    result->predict_ms = CM_MAX(result->predict_ms, generated->predict_ms);
    result->truncated |= generated->dropped_tokens > 0 || c->finish == CM_FINISH_TIME;
    /* An empty answer is one only for a generic client, which counts choices. */
    r->item_count -= item->text.len == 0 && !r->request->raw;
}

/* The rest of candidate 0 that no whole line released. */
static void stream_rest(cm_completion_run *r) {
    cm_candidate_run *c = &r->candidates[0];
    if (r->sink.delta != NULL && r->item_count > 0 && r->items[0].index == 0 &&
        r->items[0].source == CM_SOURCE_MODEL && r->items[0].text.len > c->sent) {
        r->sink.delta(r->sink.argument, &r->items[0],
                      cm_str_from_offset(r->items[0].text, c->sent));
    }
}

static void finish_job(void *argument, unsigned worker) {
    cm_completion_run *r = argument;
    (void)worker;
    cm_run_stage_end(r, CM_STAGE_INFER);
    const cm_candidate_run *first = &r->candidates[0];
    bool failed = first->rc != CM_OK && !(first->rc == CM_TIMEOUT && first->text.len > 0);
    if (failed && (first->rc == CM_CANCELLED || r->instant.text.len == 0)) {
        cm_run_deliver(r, first->rc, &first->err);
        return;
    }
    cm_run_enter(r, CM_STATE_SUCCESS);
    cm_run_enter(r, CM_STATE_POST_PROCESS);
    r->result.model_used = failed ? "instant" : r->model_name;
    for (uint32_t i = 0; i < r->candidate_count && !failed; i++) {
        if (r->candidates[i].rc == CM_OK || r->candidates[i].text.len > 0) {
            add_candidate(r, &r->candidates[i]);
        }
    }
    bool model_answered = r->item_count > 0;
    if (r->instant.text.len > 0) {
        cm_run_add_instant(r);
        if (!model_answered) {
            r->result.model_used = "instant";
            cm_run_add_instant_sources(r);
        }
    }
    stream_rest(r);
    cm_run_stage_end(r, CM_STAGE_POST);
    cm_run_deliver(r, CM_OK, NULL);
}
