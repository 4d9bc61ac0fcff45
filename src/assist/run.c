/* run.c - one completion from request to answer.
 *
 * A run has one owner at a time: the worker that starts it, then the inference thread while the
 * model writes (each candidate fills only its own part), then the worker that finishes it. `pending` counts
 * candidates still out plus the starter itself, and whoever brings it to zero hands the run to a worker. */
#include "base/base.h"

#include <stdatomic.h>

#include "assist/assist_priv.h"
#include "assist/instant.h"
#include "base/clock.h"
#include "code/languages.h"

#define TEXT_MAX           CM_MIB(1)
#define INSTANT_BUDGET_NS  8000000ull  /* the instant tier is worth it only while it is instant */
#define RETRIEVAL_SHARE    8           /* of the time to the deadline: 1/8, and at most ... */
#define RETRIEVAL_MAX_NS   15000000ull /* ... this long */
#define DELIVERY_MARGIN_NS 60000000ull /* kept back for post-processing and the socket */
#define CALIBRATION_BYTES  4096        /* text whose tokens are counted exactly, once a run */
#define COUNT_MARGIN       1.1

typedef struct candidate {
    struct run *run;
    cm_buf text;
    size_t sent; /* bytes of the final text already streamed */
    cm_completion_item item;
    cm_rc rc;
    cm_err err;
    enum cm_finish finish;
    cm_generated generated; /* numbers only: its pointers die with the callback */
} candidate;

typedef struct run {
    cm_assist *assist;
    cm_arena *arena;
    const cm_completion_request *request;
    const cm_settings *settings; /* taken: one run sees one state of them */
    cm_completion_sink sink;
    cm_completion result;
    cm_snapshot *snapshot;
    cm_engine *engine;
    const char *model_name;
    cm_context context;
    double tokens_per_byte; /* 0 = not measured yet */
    cm_instant_result instant;
    cm_completion_item items[CM_COMPLETIONS_MAX];
    size_t item_count;
    candidate candidates[CM_COMPLETIONS_MAX];
    uint32_t candidate_count;
    atomic_uint pending;
    uint64_t stage_started_ns;
} run;

static void stage_end(run *r, enum cm_stage stage) {
    uint64_t now = cm_clock_ns();
    r->result.stage_ms[stage] += (double)(now - r->stage_started_ns) / 1e6;
    r->stage_started_ns = now;
}

static cm_rc enter(run *r, enum cm_state state, cm_err *err) {
    return cm_lifecycle_enter(&r->result.life, state, err);
}

/* ---- the end ---- */

static void run_free(run *r) {
    cm_settings_unref(r->settings);
    cm_snapshot_unref(r->snapshot);
    for (uint32_t i = 0; i < r->candidate_count; i++) {
        cm_buf_done(&r->candidates[i].text);
    }
    cm_arena_free(r->arena);
}

/* Best first: by confidence, but the tier that was chosen keeps its place at the front. */
static void deliver(run *r, cm_rc rc, const cm_err *err) {
    cm_completion *result = &r->result;
    enum cm_state last = rc == CM_OK          ? CM_STATE_DELIVERED
                         : rc == CM_CANCELLED ? CM_STATE_CANCELLED
                                              : CM_STATE_ERROR;
    cm_err ignored;
    if (rc == CM_TIMEOUT && cm_lifecycle_allows(result->life.state, CM_STATE_TIMEOUT) &&
        enter(r, CM_STATE_TIMEOUT, &ignored) != CM_OK) {
        cm_assert(false);
    }
    cm_assert(enter(r, last, &ignored) == CM_OK);
    result->items = r->items;
    result->item_count = rc == CM_OK ? r->item_count : 0;
    result->latency_ms = (double)(cm_clock_ns() - result->life.received_ns) / 1e6;
    cm_assist_record(r->assist, result, rc);
    r->sink.done(r->sink.argument, result, rc, err);
    run_free(r);
}

static cm_completion_item *add_item(run *r, enum cm_completion_source source, const char *model) {
    cm_completion_item *item = &r->items[r->item_count];
    *item = (cm_completion_item){.id = cm_uuid_v7(),
                                 .index = (uint32_t)r->item_count,
                                 .source = source,
                                 .model = model,
                                 .finish_reason = "stop"};
    r->item_count++;
    return item;
}

static void post_process(run *r, cm_str text, cm_arena *arena, cm_completion_item *item) {
    cm_post_request request = {.prefix = r->request->prefix,
                               .suffix = r->request->suffix,
                               .text = text,
                               .multiline = r->request->multiline};
    cm_post_result post;
    cm_post_process(&request, arena, &post);
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

static void add_instant_item(run *r) {
    cm_completion_item *item = add_item(r, CM_SOURCE_FALLBACK, "instant");
    post_process(r, r->instant.text, r->arena, item);
    item->confidence = r->instant.confidence;
    r->item_count -= item->text.len == 0;
}

/* Where the continuation was seen, as pieces of the context that was used. */
static void add_instant_sources(run *r) {
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

static cm_rc predict_instant(run *r, cm_err *err) {
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

/* ---- context ---- */

/* The model's tokeniser costs more than the whole retrieval when every piece goes through it: one sample of the
 * document gives tokens per byte, and the prompt builder, which counts exactly, has the last word. */
static uint32_t count_tokens(void *argument, cm_str text) {
    run *r = argument;
    if (r->tokens_per_byte == 0) {
        cm_str prefix = r->request->prefix;
        cm_str sample =
            cm_str_from_offset(prefix, prefix.len - CM_MIN(prefix.len, CALIBRATION_BYTES));
        size_t count = 0;
        cm_model *model = r->engine == NULL ? NULL : cm_engine_model(r->engine);
        bool measured = model != NULL && sample.len >= 64 &&
                        cm_model_count(model, sample, &count, NULL) == CM_OK && count > 0;
        r->tokens_per_byte = measured ? (double)count / (double)sample.len * COUNT_MARGIN : 1 / 3.0;
    }
    return (uint32_t)((double)text.len * r->tokens_per_byte) + 1;
}

static uint32_t prompt_ms(const run *r) {
    uint32_t set = r->request->max_prompt_ms != 0 ? r->request->max_prompt_ms
                                                  : r->assist->options.max_prompt_ms;
    uint64_t now = cm_clock_ns(), deadline = r->request->deadline_ns;
    if (deadline == 0) {
        return set;
    }
    uint64_t left = deadline > now + DELIVERY_MARGIN_NS ? deadline - now - DELIVERY_MARGIN_NS : 0;
    return (uint32_t)CM_MIN((uint64_t)set, left / 2000000);
}

static cm_rc assemble_context(run *r, cm_err *err) {
    const cm_completion_request *request = r->request;
    uint64_t now = cm_clock_ns();
    uint64_t share = request->deadline_ns > now ? (request->deadline_ns - now) / RETRIEVAL_SHARE
                                                : RETRIEVAL_MAX_NS;
    uint32_t budget =
        r->engine == NULL ? 1024 : cm_engine_budget(r->engine, prompt_ms(r), request->max_tokens);
    const cm_model *model = r->engine == NULL ? NULL : cm_engine_model(r->engine);
    cm_context_request context = {
        .path = request->path,
        .prefix = request->prefix,
        .suffix = request->suffix,
        .use_suffix = model != NULL && (cm_model_info_get(model)->kinds & CM_MODEL_FILLS) != 0 &&
                      request->fim_format != CM_FIM_NONE,
        .retrieve = request->retrieve,
        .snapshot = r->snapshot,
        .parser = r->assist->options.parser,
        .snippets = request->snippets,
        .snippet_count = request->snippet_count,
        .window_tokens = CM_MAX(budget, 64) + request->max_tokens,
        .prompt_tokens = CM_MAX(budget, 64),
        .output_tokens = request->max_tokens,
        .count = count_tokens,
        .count_argument = r,
        .deadline_ns = now + CM_MIN(share, RETRIEVAL_MAX_NS),
        .cancel = request->cancel};
    cm_rc rc = cm_context_assemble(&context, r->arena, &r->context, err);
    if (rc == CM_OK) {
        r->result.sources = r->context.pieces;
        r->result.source_count = r->context.piece_count;
        r->result.prefix_tokens = r->context.prefix_tokens;
        r->result.suffix_tokens = r->context.suffix_tokens;
        r->result.context_tokens = r->context.context_tokens;
        r->result.degraded = r->context.degraded;
    }
    return rc;
}

/* ---- the model ---- */

/* Text without a cursor has no instant answer, so it comes here while the model is still being loaded, too. */
static cm_rc need_model(const run *r, cm_err *err) {
    if (r->engine == NULL) {
        return cm_fail(err, CM_MODEL_UNAVAILABLE, "no model is configured");
    }
    cm_err failure;
    switch (cm_engine_state_get(r->engine, &failure)) {
    case CM_ENGINE_LOADING:
        return cm_fail(err, CM_MODEL_NOT_LOADED, "model '%s' is still being loaded", r->model_name);
    case CM_ENGINE_FAILED: return cm_fail(err, CM_MODEL_UNAVAILABLE, "%s", failure.text);
    case CM_ENGINE_READY: break;
    }
    return CM_OK;
}

static cm_rc build_prompt(run *r, cm_prompt *ret_prompt, cm_err *err) {
    const cm_completion_request *request = r->request;
    cm_rc rc = need_model(r, err);
    if (rc != CM_OK) {
        return rc;
    }
    const cm_model *model = cm_engine_model(r->engine);
    uint32_t budget = cm_engine_budget(r->engine, prompt_ms(r), request->max_tokens);
    if (request->prompt.len > 0) {
        return cm_prompt_build_text(model, request->prompt, budget, r->arena, ret_prompt, err);
    }
    const cm_language *language =
        request->language.len > 0 ? cm_language_find(request->language) : NULL;
    cm_prompt_file *files = CM_ARENA_ARRAY(r->arena, cm_prompt_file, r->context.piece_count + 1);
    size_t count = 0;
    /* Pieces come best first; the best belongs nearest to the cursor, so last. */
    for (size_t i = r->context.piece_count; files != NULL && i-- > 0;) {
        const cm_context_piece *piece = &r->context.pieces[i];
        if (piece->kept && piece->type != CM_CONTEXT_PREFIX && piece->type != CM_CONTEXT_SUFFIX) {
            files[count++] = (cm_prompt_file){piece->file, piece->text};
        }
    }
    cm_str before = r->context.prefix;
    size_t middle = cm_str_ends(before, request->middle) ? request->middle.len : 0;
    cm_prompt_pieces pieces = {.files = files,
                               .file_count = count,
                               .path = request->path,
                               .comment = language == NULL ? CM_STR_EMPTY : language->line_comment,
                               .prefix = cm_str_sub(before, 0, before.len - middle),
                               .suffix =
                                   r->context.suffix.len > 0 ? r->context.suffix : request->suffix,
                               .middle = cm_str_from_offset(before, before.len - middle)};
    return cm_prompt_build_fim(model, &pieces, request->fim_format, request->sampling.seed,
                               CM_MAX(budget, 64), r->arena, ret_prompt, err);
}

static void finish_job(void *argument, unsigned worker);

static void release(run *r) {
    if (atomic_fetch_sub(&r->pending, 1) == 1 &&
        cm_pool_submit(r->assist->options.pool, CM_INTERACTIVE, finish_job, r, NULL) != CM_OK) {
        finish_job(r, 0); /* a full queue must not lose an answer that is ready */
    }
}

/* Streams what later filters can no longer take back: the filtered text up to the last whole line. */
static bool stream(candidate *c) {
    run *r = c->run;
    cm_str text = cm_buf_str(&c->text), sure = text;
    cm_cleanup(cm_arena_freep) cm_arena *scratch = NULL;
    if (!r->request->raw) {
        size_t line = cm_str_rfind_char(text, '\n');
        if (line == SIZE_MAX) {
            return true;
        }
        cm_completion_item ignored = {0};
        scratch = cm_arena_new(TEXT_MAX * 2);
        post_process(r, cm_str_sub(text, 0, line), scratch, &ignored);
        sure = ignored.text;
    }
    if (sure.len <= c->sent) {
        return true;
    }
    bool more = r->sink.delta(r->sink.argument, &c->item, cm_str_from_offset(sure, c->sent));
    c->sent = sure.len;
    return more;
}

static bool on_text(void *argument, cm_str text) {
    candidate *c = argument;
    cm_buf_add_str(&c->text, text);
    bool room = cm_buf_check(&c->text, NULL) == CM_OK;
    return room && (c->run->sink.delta == NULL || c->item.index != 0 || stream(c));
}

static void on_done(void *argument, const cm_generated *generated, cm_rc rc, const cm_err *err) {
    candidate *c = argument;
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
    release(c->run);
}

static cm_rc submit(run *r, cm_err *err) {
    const cm_completion_request *request = r->request;
    cm_prompt prompt;
    cm_rc rc = build_prompt(r, &prompt, err);
    uint32_t count = CM_MAX(request->count, 1);
    /* Only sampling makes candidates differ. */
    count = request->sampling.temperature > 0 ? CM_MIN(count, CM_COMPLETIONS_MAX - 1) : 1;
    atomic_store(&r->pending, 1);
    for (uint32_t i = 0; rc == CM_OK && i < count; i++) {
        candidate *c = &r->candidates[i];
        *c =
            (candidate){.run = r, .item = {.id = cm_uuid_v7(), .index = i, .model = r->model_name}};
        cm_buf_init(&c->text, TEXT_MAX);
        r->candidate_count = i + 1;
        cm_request generate = {
            .prompt = &prompt,
            .max_tokens = request->max_tokens,
            .max_prompt_ms = prompt_ms(r),
            .max_predict_ms = request->max_predict_ms != 0 ? request->max_predict_ms
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
        generate.sampling.seed += i;
        atomic_fetch_add(&r->pending, 1);
        rc = cm_engine_submit(r->engine, &generate, err);
        if (rc != CM_OK) {
            atomic_fetch_sub(&r->pending, 1);
            c->rc = rc;
            if (err != NULL) {
                c->err = *err;
            }
            return i > 0 ? CM_OK : rc; /* fewer candidates are still an answer */
        }
    }
    return rc;
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
static bool instant_alone(run *r, const char **ret_reason) {
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

static void finish_instant(run *r) {
    cm_err err;
    r->result.model_used = "instant";
    stage_end(r, CM_STAGE_INFER);
    cm_assert(enter(r, CM_STATE_SUCCESS, &err) == CM_OK);
    cm_assert(enter(r, CM_STATE_POST_PROCESS, &err) == CM_OK);
    if (r->instant.text.len > 0) {
        add_instant_item(r);
    }
    add_instant_sources(r);
    stage_end(r, CM_STAGE_POST);
    deliver(r, CM_OK, NULL);
}

/* ---- after inference ---- */

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

static void add_candidate(run *r, candidate *c) {
    cm_completion_item *item = add_item(r, CM_SOURCE_MODEL, r->model_name);
    const cm_generated *generated = &c->generated;
    uint32_t index = item->index;
    *item = c->item;
    item->index = index;
    item->finish_reason = finish_reason(c->finish);
    item->confidence = generated->mean_probability;
    if (r->request->raw) {
        item->text = cm_arena_str(r->arena, cm_buf_str(&c->text));
    } else {
        post_process(r, cm_buf_str(&c->text), r->arena, item);
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
static void stream_rest(run *r) {
    candidate *c = &r->candidates[0];
    if (r->sink.delta != NULL && r->item_count > 0 && r->items[0].index == 0 &&
        r->items[0].source == CM_SOURCE_MODEL && r->items[0].text.len > c->sent) {
        r->sink.delta(r->sink.argument, &r->items[0],
                      cm_str_from_offset(r->items[0].text, c->sent));
    }
}

static void finish_job(void *argument, unsigned worker) {
    run *r = argument;
    cm_rc rc = CM_OK;
    cm_err err = {0};
    (void)worker;
    stage_end(r, CM_STAGE_INFER);
    const candidate *first = &r->candidates[0];
    bool failed = first->rc != CM_OK && !(first->rc == CM_TIMEOUT && first->text.len > 0);
    if (failed && (first->rc == CM_CANCELLED || r->instant.text.len == 0)) {
        deliver(r, first->rc, &first->err);
        return;
    }
    rc = enter(r, CM_STATE_SUCCESS, &err);
    cm_assert(rc == CM_OK && enter(r, CM_STATE_POST_PROCESS, &err) == CM_OK);
    r->result.model_used = failed ? "instant" : r->model_name;
    for (uint32_t i = 0; i < r->candidate_count && !failed; i++) {
        if (r->candidates[i].rc == CM_OK || r->candidates[i].text.len > 0) {
            add_candidate(r, &r->candidates[i]);
        }
    }
    bool model_answered = r->item_count > 0;
    if (r->instant.text.len > 0) {
        add_instant_item(r);
        if (!model_answered) {
            r->result.model_used = "instant";
            add_instant_sources(r);
        }
    }
    stream_rest(r);
    stage_end(r, CM_STAGE_POST);
    deliver(r, CM_OK, NULL);
}

/* ---- the beginning ---- */

static cm_rc begin(run *r, cm_err *err) {
    static const enum cm_state steps[] = {CM_STATE_QUEUED, CM_STATE_CACHE_CHECK,
                                          CM_STATE_CONTEXT_ASSEMBLY};
    for (size_t i = 0; i < CM_COUNT(steps); i++) {
        cm_rc rc = enter(r, steps[i], err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    cm_rc rc = cm_cancel_check(r->request->cancel, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (r->request->repository != NULL) {
        r->snapshot = cm_repository_snapshot(r->request->repository);
    }
    stage_end(r, CM_STAGE_QUEUE);
    return CM_OK;
}

static cm_rc work(run *r, bool *ret_alone, cm_err *err) {
    cm_rc rc = begin(r, err);
    rc = rc == CM_OK ? predict_instant(r, err) : rc;
    if (rc != CM_OK) {
        return rc;
    }
    stage_end(r, CM_STAGE_INFER);
    *ret_alone = instant_alone(r, &r->result.routing_reason);
    if ((!*ret_alone || r->request->explain) && r->request->prompt.len == 0) {
        rc = assemble_context(r, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    stage_end(r, CM_STAGE_CONTEXT);
    rc = enter(r, CM_STATE_INFERENCE, err);
    if (rc != CM_OK || *ret_alone) {
        return rc;
    }
    if (r->sink.item != NULL && r->instant.text.len > 0) {
        cm_completion_item early = {.id = cm_uuid_v7(),
                                    .source = CM_SOURCE_FALLBACK,
                                    .model = "instant",
                                    .confidence = r->instant.confidence,
                                    .finish_reason = "stop"};
        post_process(r, r->instant.text, r->arena, &early);
        if (early.text.len > 0) {
            r->sink.item(r->sink.argument, &early);
        }
    }
    return submit(r, err);
}

void cm_assist_complete(cm_assist *assist, const cm_completion_request *request,
                        const cm_completion_sink *sink) {
    cm_arena *arena = cm_arena_new(0);
    run *r = CM_ARENA_NEW(arena, run);
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
        release(r);
    } else if (rc == CM_OK || (r->instant.text.len > 0 && rc != CM_CANCELLED && !request->raw &&
                               r->result.life.state == CM_STATE_INFERENCE)) {
        finish_instant(r);
    } else {
        deliver(r, rc, &err);
    }
}
