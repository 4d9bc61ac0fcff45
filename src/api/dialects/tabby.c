/* tabby.c - Tabby's completion dialect: segments in, one choice out, never streamed.
 * Source: TabbyML/tabby, crates/tabby/src/services/completion.rs (fields and defaults). */
#include "base/base.h"

#include "api/completion_call.h"
#include "api/dialects/dialects.h"

static void reply(void *argument, const cm_completion *result, cm_rc rc, const cm_err *err) {
    cm_completion_call *c = argument;
    cm_call *call = c->call;
    if (rc != CM_OK) {
        cm_completion_call_fail(c, rc, err);
        return;
    }
    char id[CM_UUID_TEXT];
    cm_uuid_format(&c->request.id, id);
    cm_str text = result->item_count == 0
                      ? CM_STR("")
                      : cm_completion_call_out(c, result->items[0].text, call->arena);
    cm_api_tabby_choice choice = {.index = 0, .text = text};
    cm_api_tabby_completion_response out = {.id = cm_arena_fmt(call->arena, "cmpl-%s", id),
                                            .choices = {&choice, 1},
                                            .mode = CM_API_TABBY_COMPLETION_RESPONSE_MODE_STANDARD};
    cm_completion_call_done(c);
    cm_call_reply(call, 200, &cm_api_tabby_completion_response_schema, &out);
}

static void add_snippets(cm_completion_call *c, const cm_api_tabby_segments *in) {
    for (size_t i = 0; i < in->declarations.count; i++) {
        cm_completion_call_add_snippet(c, CM_CONTEXT_DECLARATION,
                                       in->declarations.items[i].filepath,
                                       in->declarations.items[i].body, 0);
    }
    for (size_t i = 0; i < in->relevant_snippets_from_changed_files.count; i++) {
        const cm_api_tabby_snippet *snippet = &in->relevant_snippets_from_changed_files.items[i];
        cm_completion_call_add_snippet(c, CM_CONTEXT_RECENT_EDIT, snippet->filepath, snippet->body,
                                       0);
    }
    for (size_t i = 0; i < in->relevant_snippets_from_recently_opened_files.count; i++) {
        const cm_api_tabby_snippet *snippet =
            &in->relevant_snippets_from_recently_opened_files.items[i];
        cm_completion_call_add_snippet(c, CM_CONTEXT_OPEN_FILE, snippet->filepath, snippet->body,
                                       0);
    }
    cm_completion_call_add_snippet(c, CM_CONTEXT_CLIPBOARD, CM_STR_EMPTY, in->clipboard, 0);
}

static cm_rc read_request(cm_completion_call *c, const cm_api_tabby_completion_request *in,
                          cm_err *err) {
    if (in->mode == CM_API_TABBY_COMPLETION_REQUEST_MODE_NEXT_EDIT_SUGGESTION) {
        return cm_fail(err, CM_NOT_SUPPORTED, "next edit suggestions are not served yet");
    }
    c->request.language = in->language;
    c->request.sampling.temperature = (float)in->temperature;
    c->request.sampling.seed = (uint64_t)in->seed;
    c->request.max_tokens = 64;
    const cm_api_tabby_debug_options *debug = in->debug_options;
    if (debug != NULL && debug->raw_prompt.len > 0) {
        c->request.raw = true;
        c->request.retrieve = false;
        c->request.prompt = debug->raw_prompt;
        return CM_OK;
    }
    if (in->segments == NULL) {
        return cm_fail(err, CM_INVALID, "`segments` is missing");
    }
    cm_rc rc = cm_completion_call_locate(c, CM_STR_EMPTY, in->segments->filepath, err);
    if (rc == CM_OK) {
        cm_completion_call_text(c, in->segments->prefix, in->segments->suffix);
        add_snippets(c, in->segments);
        c->request.retrieve = debug == NULL || !debug->disable_retrieval_augmented_code_completion;
    }
    return rc;
}

void cm_tabby_completion(cm_call *call) {
    cm_completion_call *c = cm_completion_call_new(call, "tabby");
    cm_err err;
    cm_rc rc = read_request(c, call->input, &err);
    cm_completion_call_run(c, rc, &err, &(cm_completion_sink){.argument = c, .done = reply});
}
