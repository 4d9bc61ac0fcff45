/* llama.c - the llama.cpp server's paths that llama.vim and llama.vscode use: /infill, /health, /props.
 *
 * `prompt` is the cursor line left of the cursor. It is kept behind the middle mark, so that the
 * prefix stays the same while a line is typed and the engine finds it in its cache
 * (ggml-org/llama.cpp, pull request 9894). `n_predict` 0 warms the cache and answers at once. These
 * clients name no repository: when exactly one is indexed it gives its context.
 * Source: ggml-org/llama.cpp tools/server/README.md, "POST /infill". */
#include "base/base.h"

#include "api/completion_call.h"
#include "api/dialects/dialects.h"

#define EVENT_MAX CM_MIB(4)

static const cm_api_infill_request *input_of(const cm_completion_call *c) {
    return c->call->input;
}

static void read_request(cm_completion_call *c) {
    const cm_api_infill_request *in = input_of(c);
    cm_completion_request *request = &c->request;
    cm_arena *arena = c->call->arena;
    cm_str prefix = in->input_prefix;
    if (in->prompt.len > 0) {
        char *joined = cm_arena_try_alloc(arena, prefix.len + in->prompt.len + 1);
        if (joined != NULL) {
            memcpy(joined, prefix.ptr == NULL ? "" : prefix.ptr, prefix.len);
            memcpy(joined + prefix.len, in->prompt.ptr, in->prompt.len);
            prefix = cm_str_make(joined, prefix.len + in->prompt.len);
        }
    }
    cm_completion_call_text(c, prefix, in->input_suffix);
    request->middle = in->prompt;
    for (size_t i = 0; i < in->input_extra.count; i++) {
        cm_completion_call_add_snippet(c, CM_CONTEXT_OPEN_FILE, in->input_extra.items[i].filename,
                                       in->input_extra.items[i].text, 0);
    }
    request->max_tokens = in->n_predict < 0 ? 4096 : (uint32_t)CM_MIN(in->n_predict, 4096);
    if (in->has_t_max_prompt_ms && in->t_max_prompt_ms > 0) {
        request->max_prompt_ms = (uint32_t)CM_MIN(in->t_max_prompt_ms, 60000);
    }
    if (in->has_t_max_predict_ms && in->t_max_predict_ms > 0) {
        request->max_predict_ms = (uint32_t)CM_MIN(in->t_max_predict_ms, 60000);
    }
    cm_completion_call_stops(c, in->stop);
    request->sampling = (cm_sampling){.temperature = (float)in->temperature,
                                      .top_k = (int32_t)in->top_k,
                                      .top_p = (float)in->top_p,
                                      .min_p = (float)in->min_p,
                                      .seed = (uint64_t)in->seed};
    if (request->max_tokens == 0) {
        request->tier = CM_TIER_MODEL;
        request->raw = false;
    }
}

static enum cm_api_llama_completion_stop_type stop_type(const cm_completion_item *item) {
    if (item == NULL) {
        return CM_API_LLAMA_COMPLETION_STOP_TYPE_NONE;
    }
    if (item->stop.len > 0) {
        return CM_API_LLAMA_COMPLETION_STOP_TYPE_WORD;
    }
    bool limit =
        strcmp(item->finish_reason, "length") == 0 || strcmp(item->finish_reason, "deadline") == 0;
    return limit ? CM_API_LLAMA_COMPLETION_STOP_TYPE_LIMIT : CM_API_LLAMA_COMPLETION_STOP_TYPE_EOS;
}

static double per(double total, double count) {
    return count > 0 ? total / count : 0;
}

static void fill_timings(const cm_completion *result, cm_api_llama_timings *out) {
    double read = (double)result->prompt_tokens - (double)result->cached_tokens;
    double written = (double)result->completion_tokens;
    *out = (cm_api_llama_timings){.cache_n = result->cached_tokens,
                                  .has_cache_n = true,
                                  .prompt_n = (int64_t)read,
                                  .has_prompt_n = true,
                                  .prompt_ms = result->prompt_ms,
                                  .has_prompt_ms = true,
                                  .prompt_per_token_ms = per(result->prompt_ms, read),
                                  .has_prompt_per_token_ms = true,
                                  .prompt_per_second = per(read * 1000, result->prompt_ms),
                                  .has_prompt_per_second = true,
                                  .predicted_n = result->completion_tokens,
                                  .has_predicted_n = true,
                                  .predicted_ms = result->predict_ms,
                                  .has_predicted_ms = true,
                                  .predicted_per_token_ms = per(result->predict_ms, written),
                                  .has_predicted_per_token_ms = true,
                                  .predicted_per_second = per(written * 1000, result->predict_ms),
                                  .has_predicted_per_second = true};
}

static void fill_reply(cm_completion_call *c, const cm_completion *result,
                       cm_api_llama_timings *timings, cm_api_llama_completion *out) {
    const cm_completion_item *item = result->item_count == 0 ? NULL : &result->items[0];
    cm_str text = item == NULL ? CM_STR("") : item->text;
    fill_timings(result, timings);
    *out = (cm_api_llama_completion){
        .content = cm_completion_call_out(c, text, c->call->arena),
        .stop = true,
        .has_stop = true,
        .stop_type = stop_type(item),
        .stopping_word = item == NULL || item->stop.len == 0 ? CM_STR("") : item->stop,
        .model = cm_str_from(result->model_used),
        .tokens_predicted = result->completion_tokens,
        .has_tokens_predicted = true,
        .tokens_evaluated = result->prompt_tokens,
        .has_tokens_evaluated = true,
        .tokens_cached = result->cached_tokens,
        .has_tokens_cached = true,
        .truncated = result->truncated,
        .has_truncated = true,
        .timings = timings};
    out->content = out->content.ptr == NULL ? CM_STR("") : out->content;
}

/* Nothing, or asked for before: a reply has no key twice. */
static bool is_idle(cm_str_list wanted, size_t i) {
    bool idle = wanted.items[i].len == 0;
    for (size_t k = 0; k < i && !idle; k++) {
        idle = cm_str_eq(wanted.items[k], wanted.items[i]);
    }
    return idle;
}

/* Keeps the fields asked for. "timings/prompt_n" comes back as a top-level key spelled with the slash. */
static cm_str select_fields(cm_completion_call *c, const cm_api_llama_completion *out) {
    cm_str_list wanted = input_of(c)->response_fields;
    cm_buf whole, chosen;
    cm_json_writer w;
    cm_buf_init(&whole, EVENT_MAX);
    cm_buf_init(&chosen, EVENT_MAX);
    cm_json_writer_init(&w, &whole);
    cm_schema_encode(&cm_api_llama_completion_schema, out, &w);
    json_t *tree = NULL;
    cm_rc rc = cm_json_parse(cm_buf_str(&whole), &tree, NULL);
    cm_json_writer_init(&w, &chosen);
    cm_json_object(&w);
    for (size_t i = 0; rc == CM_OK && i < wanted.count; i++) {
        cm_str rest = wanted.items[i], part;
        const json_t *value = is_idle(wanted, i) ? NULL : tree;
        while (value != NULL && cm_str_split(&rest, '/', &part)) {
            value = json_object_getn(value, part.ptr, part.len);
        }
        if (value != NULL) {
            cm_json_key_str(&w, wanted.items[i]);
            cm_json_value(&w, value);
        }
    }
    cm_json_object_end(&w);
    json_decref(tree);
    cm_str json = cm_arena_str(c->call->arena, cm_buf_str(&chosen));
    cm_buf_done(&whole);
    cm_buf_done(&chosen);
    return json;
}

static void reply(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err) {
    cm_completion_call *c = argument;
    /* Warming up is a hint: a busy queue or a loading model is no fault of the editor's. */
    bool dropped = rc != CM_OK && c->request.max_tokens == 0 && rc != CM_CANCELLED;
    if (rc != CM_OK && !dropped) {
        cm_completion_call_fail(c, rc, err);
        return;
    }
    cm_api_llama_timings timings;
    cm_api_llama_completion out;
    fill_reply(c, result, &timings, &out);
    out.model = out.model.ptr == NULL ? CM_STR("none") : out.model;
    cm_completion_call_done(c);
    if (input_of(c)->response_fields.items != NULL) {
        cm_call_reply_json(c->call, 200, select_fields(c, &out));
        return;
    }
    cm_call_reply(c->call, 200, &cm_api_llama_completion_schema, &out);
}

static bool send_part(cm_completion_call *c, const cm_api_llama_completion *part) {
    cm_cleanup(cm_buf_done) cm_buf json;
    cm_json_writer w;
    cm_buf_init(&json, EVENT_MAX);
    cm_json_writer_init(&w, &json);
    cm_schema_encode(&cm_api_llama_completion_schema, part, &w);
    return cm_buf_check(&json, NULL) == CM_OK &&
           cm_call_stream_send(c->call, NULL, cm_buf_str(&json), NULL) == CM_OK;
}

static bool stream_delta(void *argument, const cm_completion_item *item, cm_str text) {
    cm_completion_call *c = argument;
    cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(EVENT_MAX);
    cm_api_llama_completion part = {.content = cm_completion_call_out(c, text, scratch),
                                    .has_stop = true};
    (void)item;
    c->stream = false; /* from here the last event carries no text of its own */
    return send_part(c, &part);
}

static void stream_done(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err) {
    cm_completion_call *c = argument;
    if (rc != CM_OK) {
        cm_completion_call_done(c);
        cm_call_stream_fail(c->call, rc, err);
        return;
    }
    cm_api_llama_timings timings;
    cm_api_llama_completion out;
    fill_reply(c, result, &timings, &out);
    if (!c->stream) {
        out.content = CM_STR("");
    }
    cm_completion_call_done(c);
    send_part(c, &out);
    cm_call_stream_end(c->call);
}

void cm_h_infill(cm_call *call) {
    const cm_api_infill_request *in = call->input;
    cm_completion_call *c = cm_completion_call_new(call, "llamacpp");
    cm_err err;
    cm_str file = CM_STR_EMPTY;
    cm_rc rc = cm_completion_call_locate(c, CM_STR_EMPTY, file, &err);
    if (rc != CM_OK) {
        cm_completion_call_fail(c, rc, &err);
        return;
    }
    read_request(c);
    cm_completion_sink sink = {.argument = c, .done = reply};
    if (in->stream) {
        c->stream = true;
        cm_call_stream_begin(call);
        sink.done = stream_done;
        sink.delta = stream_delta;
    }
    cm_completion_call_run(c, CM_OK, NULL, &sink);
}

/* ---- probes of these clients ---- */

/* Completions are served from the first moment on (instant tier), so this is always "ok". */
void cm_h_llama_health(cm_call *call) {
    cm_api_llama_health out = {.status = CM_API_LLAMA_HEALTH_STATUS_OK};
    cm_call_reply(call, 200, &cm_api_llama_health_schema, &out);
}

void cm_h_llama_props(cm_call *call) {
    const cm_services *services = call->services;
    cm_str name = CM_STR("instant");
    const cm_engine *engine =
        cm_models_count(services->models) == 0 ? NULL : cm_models_at(services->models, 0, &name);
    const cm_model *model = engine == NULL ? NULL : cm_engine_model(engine);
    const char *chat = model == NULL ? NULL : cm_model_chat_template(model);
    json_t *params = json_object(), *modalities = json_pack("{s:b, s:b}", "vision", 0, "audio", 0);
    cm_api_llama_props out = {
        .default_generation_settings = {.n_ctx = model == NULL
                                                     ? 0
                                                     : cm_model_info_get(model)->trained_context,
                                        .params = params},
        .total_slots = 4,
        .model_path = name,
        .chat_template = chat == NULL ? CM_STR("") : cm_str_from(chat),
        .modalities = modalities,
        .build_info = cm_arena_fmt(call->arena, "codementor-%s", services->version)};
    cm_call_reply(call, 200, &cm_api_llama_props_schema, &out);
    json_decref(params);
    json_decref(modalities);
}
