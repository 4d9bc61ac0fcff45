/* run.c - one completion from request to answer: who answers, the instant tier, the end. See run_priv.h. */
#include "base/base.h"

#include "assist/run_priv.h"
#include "base/clock.h"

#define INSTANT_BUDGET_NS 8000000ull /* the instant tier is worth it only while it is instant */

void cm_run_stage_end(cm_completion_run *r, enum cm_stage stage) {
    uint64_t now = cm_clock_ns();
    r->result.stage_ms[stage] += (double)(now - r->stage_started_ns) / 1e6;
    r->stage_started_ns = now;
}

void cm_run_enter(cm_completion_run *r, enum cm_state state) {
    cm_err err;
    cm_rc rc = cm_lifecycle_enter(&r->result.life, state, &err);
    cm_assert(rc == CM_OK);
}

/* ---- the end ---- */

static void run_free(cm_completion_run *r) {
    cm_settings_unref(r->settings);
    cm_snapshot_unref(r->snapshot);
    for (uint32_t i = 0; i < r->candidate_count; i++) {
        cm_buf_done(&r->candidates[i].text);
    }
    cm_arena_free(r->arena);
}

/* Best first: by confidence, but the tier that was chosen keeps its place at the front. */
void cm_run_deliver(cm_completion_run *r, cm_rc rc, const cm_err *err) {
    cm_completion *result = &r->result;
    enum cm_state last = rc == CM_OK          ? CM_STATE_DELIVERED
                         : rc == CM_CANCELLED ? CM_STATE_CANCELLED
                                              : CM_STATE_ERROR;
    if (rc == CM_TIMEOUT && cm_lifecycle_allows(result->life.state, CM_STATE_TIMEOUT)) {
        cm_run_enter(r, CM_STATE_TIMEOUT);
    }
    cm_run_enter(r, last);
    result->items = r->items;
    result->item_count = rc == CM_OK ? r->item_count : 0;
    result->latency_ms = (double)(cm_clock_ns() - result->life.received_ns) / 1e6;
    cm_assist_record(r->assist, result, rc);
    r->sink.done(r->sink.argument, result, rc, err);
    run_free(r);
}

cm_completion_item *cm_run_add_item(cm_completion_run *r, enum cm_completion_source source,
                                    const char *model) {
    cm_completion_item *item = &r->items[r->item_count];
    *item = (cm_completion_item){.id = cm_uuid_v7(),
                                 .index = (uint32_t)r->item_count,
                                 .source = source,
                                 .model = model,
                                 .finish_reason = "stop"};
    r->item_count++;
    return item;
}

void cm_run_post_process(cm_completion_run *r, cm_str text, cm_completion_item *item) {
    cm_post_request request = {.prefix = r->request->prefix,
                               .suffix = r->request->suffix,
                               .text = text,
                               .multiline = r->request->multiline};
    cm_post_result post;
    cm_post_process(&request, r->arena, &post);
    item->text = post.text;
    item->filter_count = post.filter_count;
    memcpy(item->filters, post.filters, sizeof(post.filters));
    if (post.cut_at_scope) {
        item->finish_reason = "scope";
    } else if (post.text.len == 0 && text.len > 0) {
        item->finish_reason = "filter";
    }
}

/* ---- the instant tier ---- */

void cm_run_add_instant(cm_completion_run *r) {
    cm_completion_item *item = cm_run_add_item(r, CM_SOURCE_FALLBACK, "instant");
    cm_run_post_process(r, r->instant.text, item);
    item->confidence = r->instant.confidence;
    r->item_count -= item->text.len == 0;
}

/* Where the continuation was seen, as pieces of the context that was used. */
void cm_run_add_instant_sources(cm_completion_run *r) {
    size_t count = r->instant.source_count, had = r->result.source_count;
    cm_context_piece *all = CM_ARENA_ARRAY(r->arena, cm_context_piece, had + count + 1);
    if (all == NULL) {
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        cm_index_document document;
        const cm_instant_source *source = &r->instant.sources[i];
        bool open = source->document == CM_ID_NONE;
        if (!open && !cm_snapshot_document(r->snapshot, source->document, &document)) {
            continue;
        }
        all[n++] =
            (cm_context_piece){.type = open ? CM_CONTEXT_OPEN_FILE : CM_CONTEXT_REPOSITORY,
                               .file = open ? r->request->path : document.path,
                               .start_line = source->line,
                               .end_line = source->line,
                               .relevance = source->share,
                               .retriever = "similar",
                               .kept = true,
                               .reason = cm_arena_fmt(r->arena, "continues the same %u tokens",
                                                      r->instant.match_tokens)
                                             .ptr};
    }
    if (had > 0) {
        memcpy(all + n, r->result.sources, had * sizeof(*all));
    }
    r->result.sources = all;
    r->result.source_count = n + had;
}

static cm_rc predict_instant(cm_completion_run *r, cm_err *err) {
    const cm_completion_request *request = r->request;
    if (request->raw || request->tier == CM_TIER_MODEL ||
        (!r->settings->completion.instant && request->tier != CM_TIER_INSTANT)) {
        return CM_OK;
    }
    cm_instant_request instant = {.prefix = request->prefix,
                                  .suffix = request->suffix,
                                  .path = request->path,
                                  .language = request->language,
                                  .snapshot = r->snapshot,
                                  .lines = request->multiline == CM_MULTILINE_ALWAYS ||
                                           (request->multiline == CM_MULTILINE_AUTO &&
                                            cm_post_wants_lines(request->prefix, request->suffix)),
                                  .deadline_ns = cm_clock_ns() + INSTANT_BUDGET_NS,
                                  .cancel = request->cancel};
    return cm_instant_predict(&instant, r->arena, &r->instant, err);
}

/* ---- routing ---- */

/* A lone bracket is seldom worth the user's attention, however sure: the model may know more. */
static bool says_something(cm_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (cm_is_word(text.ptr[i])) {
            return true;
        }
    }
    return false;
}

/* Who answers: the instant tier alone, or the model with the instant tier as its fallback. */
static bool instant_alone(cm_completion_run *r, const char **ret_reason) {
    const cm_completion_request *request = r->request;
    bool have = r->instant.text.len > 0;
    if (request->tier == CM_TIER_INSTANT) {
        *ret_reason = "asked for by the client";
        return true;
    }
    if (r->engine == NULL || cm_engine_state_get(r->engine, NULL) != CM_ENGINE_READY) {
        *ret_reason = r->engine == NULL ? "no model" : "the model is not loaded";
        return !request->raw;
    }
    if (have && says_something(r->instant.text) &&
        r->instant.confidence >= r->settings->completion.instant_min_confidence) {
        *ret_reason = "the repository is sure";
        return true;
    }
    *ret_reason = have ? "the repository is not sure enough" : "nothing like it in the repository";
    return false;
}

static void finish_instant(cm_completion_run *r) {
    r->result.model_used = "instant";
    cm_run_stage_end(r, CM_STAGE_INFER);
    cm_run_enter(r, CM_STATE_SUCCESS);
    cm_run_enter(r, CM_STATE_POST_PROCESS);
    if (r->instant.text.len > 0) {
        cm_run_add_instant(r);
    }
    cm_run_add_instant_sources(r);
    cm_run_stage_end(r, CM_STAGE_POST);
    cm_run_deliver(r, CM_OK, NULL);
}

/* ---- the beginning ---- */

static cm_rc begin(cm_completion_run *r, cm_err *err) {
    static const enum cm_state steps[] = {CM_STATE_QUEUED, CM_STATE_CACHE_CHECK,
                                          CM_STATE_CONTEXT_ASSEMBLY};
    for (size_t i = 0; i < CM_COUNT(steps); i++) {
        cm_run_enter(r, steps[i]);
    }
    cm_rc rc = cm_cancel_check(r->request->cancel, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (r->request->repository != NULL) {
        r->snapshot = cm_repository_snapshot(r->request->repository);
    }
    cm_run_stage_end(r, CM_STAGE_QUEUE);
    return CM_OK;
}

static cm_rc work(cm_completion_run *r, bool *ret_alone, cm_err *err) {
    cm_rc rc = begin(r, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = predict_instant(r, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_run_stage_end(r, CM_STAGE_INFER);
    *ret_alone = instant_alone(r, &r->result.routing_reason);
    if ((!*ret_alone || r->request->explain) && r->request->prompt.len == 0) {
        rc = cm_run_assemble_context(r, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    cm_run_stage_end(r, CM_STAGE_CONTEXT);
    cm_run_enter(r, CM_STATE_INFERENCE);
    if (*ret_alone) {
        return CM_OK;
    }
    if (r->sink.item != NULL && r->instant.text.len > 0) {
        cm_completion_item early = {.id = cm_uuid_v7(),
                                    .source = CM_SOURCE_FALLBACK,
                                    .model = "instant",
                                    .confidence = r->instant.confidence,
                                    .finish_reason = "stop"};
        cm_run_post_process(r, r->instant.text, &early);
        if (early.text.len > 0) {
            r->sink.item(r->sink.argument, &early);
        }
    }
    return cm_run_submit(r, err);
}

void cm_assist_complete(cm_assist *assist, const cm_completion_request *request,
                        const cm_completion_sink *sink) {
    cm_arena *arena = cm_arena_new(0);
    cm_completion_run *r = CM_ARENA_NEW(arena, cm_completion_run);
    r->assist = assist;
    r->settings = cm_settings_take(assist->options.settings);
    r->arena = arena;
    r->request = request;
    r->sink = *sink;
    r->result.request = request;
    r->engine = cm_models_count(assist->options.models) == 0
                    ? NULL
                    : cm_models_find(assist->options.models, request->model, NULL);
    r->model_name = cm_assist_model_name(assist, r->engine);
    cm_lifecycle_init(&r->result.life);
    r->stage_started_ns = cm_clock_ns();
    cm_err err = {0};
    bool alone = false;
    cm_rc rc = cm_assist_admit(assist, &request->id, &err);
    if (rc != CM_OK) {
        /* Nothing of this request is recorded: its id belongs to another. */
        r->sink.done(r->sink.argument, &r->result, rc, &err);
        run_free(r);
        return;
    }
    rc = work(r, &alone, &err);
    if (rc == CM_OK && !alone) {
        cm_run_release(r);
    } else if (rc == CM_OK || (r->instant.text.len > 0 && rc != CM_CANCELLED && !request->raw &&
                               r->result.life.state == CM_STATE_INFERENCE)) {
        finish_instant(r);
    } else {
        cm_run_deliver(r, rc, &err);
    }
}
