/* openai.c - OpenAI's completions dialect and model list.
 *
 * A generic client built its prompt itself, so without `suffix` the text is what the model wrote: no
 * retrieval, no instant tier, no filters. With `suffix` it is a completion at a cursor like any other.
 * Several prompts run one after the other; their choices are numbered through.
 * Source: OpenAI API reference, "Completions". */
#include "base/base.h"

#include "api/completion_call.h"
#include "api/dialects/dialects.h"
#include "base/clock.h"

#define CHUNK_MAX  CM_MIB(4)
#define TOKENS_MAX 4096

typedef struct openai_state {
    cm_api_openai_completion reply;
    cm_api_openai_usage usage;
    cm_str id;
    size_t sent; /* bytes of the running choice already streamed */
} openai_state;

static const cm_api_openai_completion_request *input_of(const cm_completion_call *c) {
    return c->call->input;
}

static void start(cm_completion_call *c);

static void set_request(cm_completion_call *c) {
    const cm_api_openai_completion_request *in = input_of(c);
    cm_completion_request *request = &c->request;
    cm_str prompt = in->prompt.items[c->prompt_index];
    request->id = cm_uuid_v7();
    if (in->suffix.len > 0) {
        cm_completion_call_text(c, prompt, in->suffix);
    } else {
        request->raw = true;
        request->retrieve = false;
        request->type = CM_COMPLETION_INLINE;
        request->prompt = prompt;
    }
    int64_t tokens = in->has_n_predict ? in->n_predict : in->max_tokens;
    request->max_tokens = tokens < 0 || tokens > TOKENS_MAX ? TOKENS_MAX : (uint32_t)tokens;
    request->count = (uint32_t)in->n;
    request->max_predict_ms =
        in->has_t_max_predict_ms ? (uint32_t)in->t_max_predict_ms : UINT32_MAX;
    request->max_prompt_ms = UINT32_MAX;
    cm_completion_call_stops(c, in->stop);
    request->probabilities = in->has_logprobs;
    request->top_probabilities = (uint32_t)in->logprobs;
    request->sampling = (cm_sampling){.temperature = (float)in->temperature,
                                      .top_p = (float)in->top_p,
                                      .seed = in->has_seed ? (uint64_t)in->seed : cm_clock_ns()};
}

static enum cm_api_openai_choice_finish_reason finish_of(const cm_completion_item *item) {
    bool length =
        strcmp(item->finish_reason, "length") == 0 || strcmp(item->finish_reason, "deadline") == 0;
    return length ? CM_API_OPENAI_CHOICE_FINISH_REASON_LENGTH
                  : CM_API_OPENAI_CHOICE_FINISH_REASON_STOP;
}

/* {tokens, token_logprobs, top_logprobs, text_offset}, or NULL. Freed with the call's arena: a
 * jansson tree, so the caller must json_decref it after encoding. */
static json_t *logprobs_of(const cm_completion_call *c, const cm_completion_item *item) {
    cm_engine *engine = cm_models_find(c->services->models, c->request.model, NULL);
    const cm_model *model = engine == NULL ? NULL : cm_engine_model(engine);
    if (item->tokens == NULL || model == NULL) {
        return NULL;
    }
    json_t *tokens = json_array(), *values = json_array(), *tops = json_array(),
           *offsets = json_array();
    for (size_t i = 0; i < item->token_count; i++) {
        const cm_token_info *info = &item->tokens[i];
        char piece[256];
        size_t len = cm_model_piece(model, info->token, true, piece, sizeof(piece));
        json_t *top = json_object();
        for (size_t k = 0; k < info->top_count; k++) {
            char other[256];
            size_t n = cm_model_piece(model, info->top[k].token, true, other, sizeof(other) - 1);
            other[n] = '\0';
            json_object_set_new(top, other, json_real(info->top[k].logprob));
        }
        json_t *text = json_stringn(piece, len); /* NULL for a token that is half a character */
        json_array_append_new(tokens, text != NULL ? text : json_string("\xEF\xBF\xBD"));
        json_array_append_new(values, json_real(info->logprob));
        json_array_append_new(tops, top);
        json_array_append_new(offsets, json_integer(info->text_offset));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", values,
                     "top_logprobs", tops, "text_offset", offsets);
}

static cm_str model_name(const cm_completion *result) {
    return cm_str_from(result->model_used != NULL ? result->model_used : "none");
}

/* ---- whole replies ---- */

static void add_choices(cm_completion_call *c, const cm_completion *result) {
    openai_state *state = c->dialect_state;
    const cm_api_openai_completion_request *in = input_of(c);
    cm_arena *arena = c->call->arena;
    for (size_t i = 0; i < CM_MAX(result->item_count, (size_t)1) && i < (size_t)in->n; i++) {
        static const cm_completion_item nothing = {.finish_reason = "stop"};
        const cm_completion_item *item = i < result->item_count ? &result->items[i] : &nothing;
        cm_str text = cm_completion_call_out(c, item->text, arena);
        if (in->echo) {
            cm_str prompt = in->prompt.items[c->prompt_index];
            text = cm_arena_fmt(arena, CM_STR_FMT CM_STR_FMT, CM_STR_ARG(prompt), CM_STR_ARG(text));
        }
        state->reply.choices.items[state->reply.choices.count] =
            (cm_api_openai_choice){.text = cm_arena_str(arena, text),
                                   .index = (int64_t)state->reply.choices.count,
                                   .logprobs = logprobs_of(c, item),
                                   .finish_reason = finish_of(item)};
        state->reply.choices.count++;
    }
    state->usage.prompt_tokens += result->prompt_tokens;
    state->usage.completion_tokens += result->completion_tokens;
    state->usage.total_tokens = state->usage.prompt_tokens + state->usage.completion_tokens;
}

static void reply(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err) {
    cm_completion_call *c = argument;
    openai_state *state = c->dialect_state;
    if (rc != CM_OK) {
        cm_completion_call_fail(c, rc, err);
        return;
    }
    add_choices(c, result);
    state->reply.model = cm_arena_str(c->call->arena, model_name(result));
    if (++c->prompt_index < input_of(c)->prompt.count) {
        start(c);
        return;
    }
    state->reply.usage = &state->usage;
    cm_completion_call_done(c);
    cm_api_openai_completion *out = &state->reply;
    size_t count = out->choices.count;
    json_t *trees[64];
    cm_assert(count <= CM_COUNT(trees));
    for (size_t i = 0; i < count; i++) {
        trees[i] = (json_t *)(uintptr_t)out->choices.items[i].logprobs;
    }
    cm_call_reply(c->call, 200, &cm_api_openai_completion_schema, out);
    for (size_t i = 0; i < count; i++) {
        json_decref(trees[i]);
    }
}

/* ---- streams ---- */

static bool send_chunk(cm_completion_call *c, const cm_api_openai_choice *choice, cm_str model,
                       const cm_api_openai_usage *usage) {
    openai_state *state = c->dialect_state;
    cm_cleanup(cm_buf_done) cm_buf json;
    cm_json_writer w;
    cm_api_openai_choice copy = choice == NULL ? (cm_api_openai_choice){0} : *choice;
    cm_api_openai_completion chunk = state->reply;
    chunk.model = model;
    chunk.choices.items = &copy;
    chunk.choices.count = choice == NULL ? 0 : 1;
    chunk.usage = (cm_api_openai_usage *)(uintptr_t)usage;
    cm_buf_init(&json, CHUNK_MAX);
    cm_json_writer_init(&w, &json);
    cm_schema_encode(&cm_api_openai_completion_schema, &chunk, &w);
    return cm_buf_check(&json, NULL) == CM_OK &&
           cm_call_stream_send(c->call, NULL, cm_buf_str(&json), NULL) == CM_OK;
}

static bool stream_delta(void *argument, const cm_completion_item *item, cm_str text) {
    cm_completion_call *c = argument;
    openai_state *state = c->dialect_state;
    cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(CHUNK_MAX);
    cm_api_openai_choice choice = {.text = cm_completion_call_out(c, text, scratch),
                                   .index = (int64_t)(c->prompt_index * (size_t)input_of(c)->n) +
                                            item->index};
    state->sent += text.len;
    return send_chunk(c, &choice, cm_str_from(item->model), NULL);
}

/* What was not streamed as deltas: the texts of further candidates, and of the instant tier. */
static void stream_done(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err) {
    cm_completion_call *c = argument;
    openai_state *state = c->dialect_state;
    const cm_api_openai_completion_request *in = input_of(c);
    if (rc != CM_OK) {
        cm_completion_call_done(c);
        cm_call_stream_fail(c->call, rc, err);
        return;
    }
    for (size_t i = 0; i < CM_MAX(result->item_count, (size_t)1) && i < (size_t)in->n; i++) {
        static const cm_completion_item nothing = {.finish_reason = "stop"};
        const cm_completion_item *item = i < result->item_count ? &result->items[i] : &nothing;
        bool sent = i == 0 && state->sent > 0;
        cm_api_openai_choice last = {
            .text = sent ? CM_STR("") : cm_completion_call_out(c, item->text, c->call->arena),
            .index = (int64_t)(c->prompt_index * (size_t)in->n + i),
            .finish_reason = finish_of(item)};
        last.text = last.text.ptr == NULL ? CM_STR("") : last.text;
        send_chunk(c, &last, model_name(result), NULL);
    }
    state->usage.prompt_tokens += result->prompt_tokens;
    state->usage.completion_tokens += result->completion_tokens;
    state->sent = 0;
    if (++c->prompt_index < in->prompt.count) {
        start(c);
        return;
    }
    if (in->stream_options != NULL && in->stream_options->include_usage) {
        state->usage.total_tokens = state->usage.prompt_tokens + state->usage.completion_tokens;
        send_chunk(c, NULL, model_name(result), &state->usage);
    }
    cm_completion_call_done(c);
    if (cm_call_stream_send(c->call, NULL, CM_STR("[DONE]"), NULL) == CM_OK) {
        cm_call_stream_end(c->call);
        return;
    }
    cm_call_stream_end(c->call);
}

static void start(cm_completion_call *c) {
    set_request(c);
    cm_completion_sink sink = {.argument = c, .done = reply};
    if (c->stream) {
        sink.done = stream_done;
        sink.delta = stream_delta;
    }
    cm_completion_call_run(c, CM_OK, NULL, &sink);
}

void cm_openai_completion(cm_call *call) {
    const cm_api_openai_completion_request *in = call->input;
    cm_completion_call *c = cm_completion_call_new(call, "openai");
    openai_state *state = CM_ARENA_NEW(call->arena, openai_state);
    cm_err err;
    char id[CM_UUID_TEXT];
    cm_uuid_format(&c->request.id, id);
    c->dialect_state = state;
    c->stream = in->stream;
    state->reply =
        (cm_api_openai_completion){.id = cm_arena_fmt(call->arena, "cmpl-%s", id),
                                   .object = CM_API_OPENAI_COMPLETION_OBJECT_TEXT_COMPLETION,
                                   .created = cm_clock_wall_ms() / 1000};
    state->reply.choices.items =
        CM_ARENA_ARRAY(call->arena, cm_api_openai_choice, in->prompt.count * (size_t)in->n + 1);
    cm_rc rc = state->reply.choices.items == NULL
                   ? cm_fail(&err, CM_NOMEM, "no memory for the choices")
                   : CM_OK;
    if (rc == CM_OK && in->prompt.count == 0) {
        rc = cm_fail(&err, CM_INVALID, "`prompt` is an empty list");
    }
    if (rc == CM_OK && in->suffix.len > 0) {
        rc = cm_completion_call_locate(c, CM_STR_EMPTY, CM_STR_EMPTY, &err);
    }
    if (rc != CM_OK) {
        cm_completion_call_fail(c, rc, &err);
        return;
    }
    cm_completion_call_model(c, in->model);
    if (c->stream) {
        cm_call_stream_begin(call);
    }
    start(c);
}

/* ---- models ---- */

static void fill_model(const cm_services *services, size_t index, cm_arena *arena,
                       cm_api_openai_model *out) {
    static const struct {
        unsigned kind;
        cm_str name;
    } kinds[] = {{CM_MODEL_COMPLETES, CM_STR("completion")},
                 {CM_MODEL_FILLS, CM_STR("fim")},
                 {CM_MODEL_CHATS, CM_STR("chat")},
                 {CM_MODEL_EMBEDS, CM_STR("embedding")}};
    const cm_engine *engine = cm_models_at(services->models, index, &out->id);
    const cm_model *model = cm_engine_model(engine);
    out->object = CM_API_OPENAI_MODEL_OBJECT_MODEL;
    out->owned_by = CM_STR("local");
    if (model == NULL) {
        return;
    }
    const cm_model_info *info = cm_model_info_get(model);
    cm_str *names = CM_ARENA_ARRAY(arena, cm_str, CM_COUNT(kinds));
    out->meta = CM_ARENA_NEW(arena, cm_api_openai_model_meta);
    *out->meta = (cm_api_openai_model_meta){.n_ctx_train = info->trained_context,
                                            .n_params = (int64_t)info->param_count,
                                            .size = (int64_t)info->size,
                                            .kinds = {names, 0}};
    for (size_t i = 0; names != NULL && i < CM_COUNT(kinds); i++) {
        if (info->kinds & kinds[i].kind) {
            names[out->meta->kinds.count++] = kinds[i].name;
        }
    }
}

static cm_api_openai_model instant_model(void) {
    return (cm_api_openai_model){.id = CM_STR("instant"),
                                 .object = CM_API_OPENAI_MODEL_OBJECT_MODEL,
                                 .owned_by = CM_STR("local")};
}

void cm_h_openai_models(cm_call *call) {
    const cm_services *services = call->services;
    size_t count = cm_models_count(services->models);
    cm_api_openai_model_list out = {.object = CM_API_OPENAI_MODEL_LIST_OBJECT_LIST};
    out.data.items = cm_arena_alloc(call->arena, (count + 1) * sizeof(*out.data.items));
    for (size_t i = 0; i < count; i++) {
        fill_model(services, i, call->arena, &out.data.items[i]);
    }
    out.data.items[count] = instant_model();
    out.data.count = count + 1;
    cm_call_reply(call, 200, &cm_api_openai_model_list_schema, &out);
}

void cm_h_openai_model(cm_call *call) {
    const cm_services *services = call->services;
    cm_api_openai_model out = instant_model();
    bool found = cm_str_eq(call->path[0], out.id);
    for (size_t i = 0; !found && i < cm_models_count(services->models); i++) {
        fill_model(services, i, call->arena, &out);
        found = cm_str_eq(call->path[0], out.id);
    }
    if (!found) {
        cm_err err;
        cm_rc rc = cm_fail(&err, CM_NOT_FOUND, "there is no model '" CM_STR_FMT "'",
                           CM_STR_ARG(call->path[0]));
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_call_reply(call, 200, &cm_api_openai_model_schema, &out);
}
