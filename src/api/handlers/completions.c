/* completions.c - the native dialect: complete, stream, feedback. */
#include "base/base.h"

#include "api/completion_call.h"
#include "api/dialects/dialects.h"
#include "base/clock.h"
#include "base/utf8.h"

/* ---- request ---- */

/* Wire order of the enumerations, checked against their names by the tests. */
static const enum cm_multiline multilines[] = {
    [CM_API_COMPLETION_OPTIONS_MULTILINE_AUTO] = CM_MULTILINE_AUTO,
    [CM_API_COMPLETION_OPTIONS_MULTILINE_ALWAYS] = CM_MULTILINE_ALWAYS,
    [CM_API_COMPLETION_OPTIONS_MULTILINE_NEVER] = CM_MULTILINE_NEVER,
};
static const enum cm_encoding encodings[] = {
    [CM_API_COMPLETION_OPTIONS_POSITION_ENCODING_UTF_16] = CM_UTF16,
    [CM_API_COMPLETION_OPTIONS_POSITION_ENCODING_UTF_8] = CM_UTF8,
    [CM_API_COMPLETION_OPTIONS_POSITION_ENCODING_UTF_32] = CM_UTF32,
};
static const enum cm_fim_format formats[] = {
    [CM_API_COMPLETION_OPTIONS_FIM_FORMAT_PSM] = CM_FIM_PSM,
    [CM_API_COMPLETION_OPTIONS_FIM_FORMAT_SPM] = CM_FIM_SPM,
    [CM_API_COMPLETION_OPTIONS_FIM_FORMAT_RANDOM] = CM_FIM_RANDOM,
    [CM_API_COMPLETION_OPTIONS_FIM_FORMAT_AUTO] = CM_FIM_AUTO,
};

static cm_api_position api_position(cm_position p) {
    return (cm_api_position){p.line, p.character};
}

/* The whole content: sent as such, or as a change without a range. */
static cm_rc document_content(const cm_api_document *document, cm_str *ret_content, cm_err *err) {
    *ret_content = document->content;
    for (size_t i = 0; i < document->content_changes.count; i++) {
        const cm_api_content_change *change = &document->content_changes.items[i];
        if (change->range != NULL) {
            return cm_fail(err, CM_BASE_MISMATCH,
                           "no copy of this document is kept; send its whole content");
        }
        *ret_content = change->text;
    }
    return CM_OK;
}

/* Cuts the document at the cursor. Explicit prefix and suffix win over the content. */
static cm_rc place_cursor(cm_completion_call *c, const cm_api_completion_request *in, cm_err *err) {
    const cm_api_completion_context *context = in->context;
    enum cm_encoding encoding = encodings[in->options.position_encoding];
    cm_str content;
    cm_rc rc = document_content(&in->document, &content, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (context != NULL && context->prefix.ptr != NULL) {
        cm_completion_call_text(c, context->prefix, context->suffix);
        cm_position end = cm_position_of_offset(context->prefix, context->prefix.len, encoding);
        c->insert_range.start = in->position != NULL ? *in->position : api_position(end);
    } else if (in->position == NULL) {
        return cm_fail(err, CM_INVALID, "a completion needs `position` or `context.prefix`");
    } else {
        size_t offset;
        cm_position at = {(uint32_t)in->position->line, (uint32_t)in->position->character};
        if (!cm_position_to_offset(content, at, encoding, &offset)) {
            return cm_fail(err, CM_POSITION_OUT_OF_RANGE,
                           "line %u lies past the last line of the document", at.line);
        }
        cm_completion_call_text(c, cm_str_sub(content, 0, offset),
                                cm_str_from_offset(content, offset));
        c->insert_range.start = api_position(cm_position_of_offset(content, offset, encoding));
    }
    c->insert_range.end = c->insert_range.start;
    return CM_OK;
}

static void add_snippets(cm_completion_call *c, const cm_api_completion_context *context) {
    for (size_t i = 0; i < context->open_files.count; i++) {
        const cm_api_open_file *file = &context->open_files.items[i];
        for (size_t k = 0; k < file->relevant_lines.count; k++) {
            const cm_api_relevant_lines *lines = &file->relevant_lines.items[k];
            cm_completion_call_add_snippet(c, CM_CONTEXT_OPEN_FILE, file->uri, lines->text,
                                           (uint32_t)lines->start_line);
        }
    }
    for (size_t i = 0; i < context->declarations.count; i++) {
        const cm_api_declaration *declaration = &context->declarations.items[i];
        cm_completion_call_add_snippet(c, CM_CONTEXT_DECLARATION, declaration->filepath,
                                       declaration->body, 0);
    }
    for (size_t i = 0; i < context->recent_edits.count; i++) {
        const cm_api_recent_edit *edit = &context->recent_edits.items[i];
        cm_completion_call_add_snippet(c, CM_CONTEXT_RECENT_EDIT, edit->uri,
                                       edit->diff.len > 0 ? edit->diff : edit->new_text, 0);
    }
    for (size_t i = 0; i < context->diagnostics.count; i++) {
        cm_completion_call_add_snippet(c, CM_CONTEXT_DIAGNOSTIC, c->request.path,
                                       context->diagnostics.items[i].message, 0);
    }
    cm_completion_call_add_snippet(c, CM_CONTEXT_CLIPBOARD, CM_STR_EMPTY, context->clipboard, 0);
}

static void set_options(cm_completion_request *request, const cm_api_completion_options *options) {
    request->max_tokens = (uint32_t)options->max_tokens;
    request->count = (uint32_t)options->n;
    request->multiline = multilines[options->multiline];
    request->fim_format = formats[options->fim_format];
    request->retrieve = options->retrieval;
    request->explain = options->return_context;
    request->stops = options->stop_sequences.items;
    request->stop_count = options->stop_sequences.count;
    request->sampling = (cm_sampling){.temperature = (float)options->temperature,
                                      .top_k = (int32_t)options->sampling_top_k,
                                      .top_p = (float)options->top_p,
                                      .seed = (uint64_t)options->seed};
    if (options->model_preference == CM_API_COMPLETION_OPTIONS_MODEL_PREFERENCE_QUALITY) {
        request->tier = CM_TIER_MODEL;
    }
}

static cm_rc read_request(cm_completion_call *c, const cm_api_completion_request *in, cm_err *err) {
    if (in->completion_type != CM_API_COMPLETION_TYPE_INLINE &&
        in->completion_type != CM_API_COMPLETION_TYPE_FIM) {
        return cm_fail(err, CM_NOT_SUPPORTED, "completion_type '%s' is not served yet",
                       cm_schema_enum_name(&cm_api_completion_type_schema, in->completion_type));
    }
    bool parsed = cm_uuid_parse(in->request_id, &c->request.id);
    cm_assert(parsed); /* the schema checked its form */
    c->request.type = in->completion_type == CM_API_COMPLETION_TYPE_FIM ? CM_COMPLETION_FIM
                                                                        : CM_COMPLETION_INLINE;
    c->request.language = in->document.language_id;
    cm_str file = in->document.filepath.len > 0 ? in->document.filepath : in->document.uri;
    cm_rc rc = cm_completion_call_locate(c, in->repository_id, file, err);
    rc = rc == CM_OK ? place_cursor(c, in, err) : rc;
    if (rc != CM_OK) {
        return rc;
    }
    set_options(&c->request, &in->options);
    cm_completion_call_model(c, in->options.model);
    if (in->context != NULL) {
        add_snippets(c, in->context);
    }
    return CM_OK;
}

/* ---- reply ---- */

/* enum cm_context_type is in the order of the contract's enumeration, which begins with ABSENT. */
_Static_assert(CM_API_CONTEXT_SOURCE_TYPE_DECLARATION == (int)CM_CONTEXT_DECLARATION + 1, "order");

static enum cm_api_completion_item_finish_reason finish_reason_value(const char *name) {
    static const char *const names[] = {"", "stop", "length", "scope", "deadline", "filter"};
    for (size_t i = 1; i < CM_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum cm_api_completion_item_finish_reason)i;
        }
    }
    return CM_API_COMPLETION_ITEM_FINISH_REASON_STOP;
}

static void fill_item(const cm_completion_call *c, const cm_completion_item *item, cm_arena *arena,
                      cm_api_completion_item *out) {
    char id[CM_UUID_TEXT];
    cm_uuid_format(&item->id, id);
    cm_str *filters = CM_ARENA_ARRAY(arena, cm_str, item->filter_count + 1);
    for (size_t i = 0; filters != NULL && i < item->filter_count; i++) {
        filters[i] = cm_str_from(item->filters[i]);
    }
    cm_str text = cm_completion_call_out(c, item->text, arena);
    *out = (cm_api_completion_item){
        .id = cm_arena_str(arena, cm_str_from(id)),
        .text = text,
        .display_text = text,
        .insert_range = c->insert_range,
        .confidence = CM_MIN(CM_MAX(item->confidence, 0.0), 1.0),
        .source = (enum cm_api_completion_source)cm_schema_enum_value(
            &cm_api_completion_source_schema, cm_str_from(cm_completion_source_name(item->source))),
        .index = item->index,
        .finish_reason = finish_reason_value(item->finish_reason),
        .filters = {filters, filters == NULL ? 0 : item->filter_count}};
}

static void fill_source(const cm_context_piece *piece, cm_api_context_source *out) {
    *out = (cm_api_context_source){
        .type = (enum cm_api_context_source_type)(piece->type + 1),
        .file = piece->file,
        .relevance = CM_MIN(CM_MAX(piece->relevance, 0.0), 1.0),
        .start_line = piece->start_line,
        .has_start_line = piece->start_line > 0,
        .end_line = piece->end_line,
        .has_end_line = piece->end_line > 0,
        .tokens = piece->tokens,
        .retriever = piece->retriever == NULL
                         ? CM_API_RETRIEVER_ABSENT
                         : (enum cm_api_retriever)cm_schema_enum_value(
                               &cm_api_retriever_schema, cm_str_from(piece->retriever)),
        .kept = piece->kept,
        .reason = cm_str_from(piece->reason)};
}

static void fill_metadata(const cm_completion *result, cm_arena *arena,
                          cm_api_completion_metadata *out) {
    *out = (cm_api_completion_metadata){
        .model_used = cm_str_from(result->model_used),
        .tokens_used = {result->prompt_tokens, result->completion_tokens},
        .latency_ms = result->latency_ms,
        .status = CM_API_COMPLETION_METADATA_STATUS_SUCCESS,
        .state = cm_str_from(cm_state_name(result->life.state)),
        .routing_reason = cm_str_from(result->routing_reason),
        .truncated = result->truncated,
        .stage_ms = {result->stage_ms[CM_STAGE_QUEUE], result->stage_ms[CM_STAGE_CACHE],
                     result->stage_ms[CM_STAGE_CONTEXT], result->stage_ms[CM_STAGE_INFER],
                     result->stage_ms[CM_STAGE_POST]},
        .draft = {result->drafted_tokens, result->accepted_tokens}};
    out->context_sources.items =
        CM_ARENA_ARRAY(arena, cm_api_context_source, result->source_count + 1);
    for (size_t i = 0; out->context_sources.items != NULL && i < result->source_count; i++) {
        fill_source(&result->sources[i], &out->context_sources.items[i]);
        out->context_sources.count++;
    }
}

static void add_timing(cm_call *call, const cm_completion *result) {
    cm_str value = cm_arena_fmt(
        call->arena,
        "queue;dur=%.2f, cache;dur=%.2f, context;dur=%.2f, infer;dur=%.2f, post;dur=%.2f",
        result->stage_ms[CM_STAGE_QUEUE], result->stage_ms[CM_STAGE_CACHE],
        result->stage_ms[CM_STAGE_CONTEXT], result->stage_ms[CM_STAGE_INFER],
        result->stage_ms[CM_STAGE_POST]);
    cm_call_add_header(call, "Server-Timing", value);
}

static void reply(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err) {
    cm_completion_call *c = argument;
    cm_call *call = c->call;
    const cm_api_completion_request *in = call->input;
    if (rc != CM_OK) {
        cm_completion_call_fail(c, rc, err);
        return;
    }
    cm_api_completion_response out = {.request_id = in->request_id};
    out.completions.items =
        CM_ARENA_ARRAY(call->arena, cm_api_completion_item, result->item_count + 1);
    for (size_t i = 0; out.completions.items != NULL && i < result->item_count; i++) {
        fill_item(c, &result->items[i], call->arena, &out.completions.items[i]);
        out.completions.count++;
    }
    fill_metadata(result, call->arena, &out.metadata);
    add_timing(call, result);
    cm_completion_call_done(c);
    cm_call_reply(call, 200, &cm_api_completion_response_schema, &out);
}

void cm_native_completion(cm_call *call) {
    cm_completion_call *c = cm_completion_call_new(call, "native");
    cm_err err;
    cm_rc rc = read_request(c, call->input, &err);
    cm_completion_call_run(c, rc, &err, &(cm_completion_sink){.argument = c, .done = reply});
}

/* The body chose its dialect; the gateway says which. */
void cm_h_create_completion(cm_call *call) {
    static cm_handler *const dialects[] = {
        [CM_API_CREATE_COMPLETION_COMPLETION_REQUEST] = cm_native_completion,
        [CM_API_CREATE_COMPLETION_TABBY_COMPLETION_REQUEST] = cm_tabby_completion,
        [CM_API_CREATE_COMPLETION_OPENAI_COMPLETION_REQUEST] = cm_openai_completion,
    };
    dialects[call->dialect](call);
}

/* ---- stream ---- */

#define EVENT_MAX CM_MIB(4)

/* False when nobody listens any more. */
static bool send_event(cm_completion_call *c, const char *event, const cm_schema *schema,
                       const void *value) {
    cm_cleanup(cm_buf_done) cm_buf json;
    cm_json_writer w;
    cm_buf_init(&json, EVENT_MAX);
    cm_json_writer_init(&w, &json);
    cm_schema_encode(schema, value, &w);
    return cm_buf_check(&json, NULL) == CM_OK &&
           cm_call_stream_send(c->call, event, cm_buf_str(&json), NULL) == CM_OK;
}

static void stream_item(void *argument, const cm_completion_item *item) {
    cm_completion_call *c = argument;
    cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(EVENT_MAX);
    cm_api_completion_item out;
    fill_item(c, item, scratch, &out);
    send_event(c, "item", &cm_api_completion_item_schema, &out);
}

static bool stream_delta(void *argument, const cm_completion_item *item, cm_str text) {
    cm_completion_call *c = argument;
    cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new(EVENT_MAX);
    char id[CM_UUID_TEXT];
    cm_uuid_format(&item->id, id);
    cm_api_stream_delta out = {.id = cm_str_from(id),
                               .index = item->index,
                               .text = cm_completion_call_out(c, text, scratch)};
    return send_event(c, "delta", &cm_api_stream_delta_schema, &out);
}

static void stream_done(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err) {
    cm_completion_call *c = argument;
    cm_call *call = c->call;
    const cm_api_completion_request *in = call->input;
    if (rc != CM_OK) {
        cm_completion_call_done(c);
        cm_call_stream_fail(call, rc, err);
        return;
    }
    for (size_t i = 0; i < result->item_count; i++) {
        stream_item(c, &result->items[i]);
    }
    cm_api_stream_done out = {.request_id = in->request_id,
                              .status = CM_API_STREAM_DONE_STATUS_SUCCESS};
    fill_metadata(result, call->arena, &out.metadata);
    send_event(c, "done", &cm_api_stream_done_schema, &out);
    cm_completion_call_done(c);
    cm_call_stream_end(call);
}

void cm_h_stream_completion(cm_call *call) {
    const cm_api_completion_request *in = call->input;
    cm_completion_call *c = cm_completion_call_new(call, "native");
    cm_err err;
    cm_rc rc = read_request(c, in, &err);
    if (rc != CM_OK) {
        cm_completion_call_fail(c, rc, &err);
        return;
    }
    cm_str model = CM_STR("instant");
    if (c->request.tier != CM_TIER_INSTANT && cm_models_count(c->services->models) > 0) {
        cm_models_at(c->services->models, 0, &model);
    }
    cm_api_stream_start start = {.request_id = in->request_id,
                                 .model_used = model,
                                 .source = CM_API_COMPLETION_SOURCE_MODEL};
    cm_call_stream_begin(call);
    send_event(c, "start", &cm_api_stream_start_schema, &start);
    cm_completion_sink sink = {
        .argument = c, .item = stream_item, .delta = stream_delta, .done = stream_done};
    cm_completion_call_run(c, CM_OK, NULL, &sink);
}

/* ---- feedback ---- */

void cm_h_submit_feedback(cm_call *call) {
    const cm_services *services = call->services;
    const cm_api_feedback *in = call->input;
    static const char *const kinds[] = {[CM_API_FEEDBACK_KIND_ABSENT] = "all",
                                        [CM_API_FEEDBACK_KIND_ALL] = "all",
                                        [CM_API_FEEDBACK_KIND_WORD] = "word",
                                        [CM_API_FEEDBACK_KIND_LINE] = "line"};
    cm_feedback feedback = {.has_accepted = in->has_accepted,
                            .accepted = in->accepted,
                            .modified_text = in->modified_text,
                            .has_modified_text = in->modified_text.ptr != NULL,
                            .accepted_length = in->has_accepted_length ? in->accepted_length : -1,
                            .kind = kinds[in->kind],
                            .at_ms = in->has_at ? in->at : cm_clock_wall_ms()};
    cm_uuid request_id;
    cm_err err;
    cm_rc rc = CM_OK;
    if (in->completion_id.len > 0 && !cm_uuid_parse(in->completion_id, &feedback.completion_id)) {
        rc = cm_fail(&err, CM_INVALID, "completion_id is not a UUID");
    } else if (!cm_uuid_parse(call->path[0], &request_id)) {
        rc = cm_fail(&err, CM_NOT_FOUND, "there is no such request");
    } else {
        rc = cm_assist_feedback(services->assist, &request_id, &feedback, &err);
    }
    if (rc != CM_OK) {
        cm_call_fail(call, rc, &err);
        return;
    }
    cm_call_reply_empty(call, 204);
}
