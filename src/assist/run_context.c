/* run_context.c - what the model is shown: context within the time there is, and the prompt of it. */
#include "base/base.h"

#include "assist/run_priv.h"
#include "base/clock.h"
#include "code/languages.h"

#define RETRIEVAL_SHARE    8           /* of the time to the deadline: 1/8, and at most ... */
#define RETRIEVAL_MAX_NS   15000000ull /* ... this long */
#define DELIVERY_MARGIN_NS 60000000ull /* kept back for post-processing and the socket */
#define CALIBRATION_BYTES  4096        /* text whose tokens are counted exactly, once a run */
#define COUNT_MARGIN       1.1

/* The model's tokeniser costs more than the whole retrieval when every piece goes through it: one sample of the
 * document gives tokens per byte, and the prompt builder, which counts exactly, has the last word. */
static uint32_t count_tokens(void *argument, cm_str text) {
    cm_completion_run *r = argument;
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

uint32_t cm_run_prompt_ms(const cm_completion_run *r) {
    uint32_t set = r->request->max_prompt_ms != 0 ? r->request->max_prompt_ms
                                                  : r->assist->options.max_prompt_ms;
    uint64_t now = cm_clock_ns(), deadline = r->request->deadline_ns;
    if (deadline == 0) {
        return set;
    }
    uint64_t left = deadline > now + DELIVERY_MARGIN_NS ? deadline - now - DELIVERY_MARGIN_NS : 0;
    return (uint32_t)CM_MIN((uint64_t)set, left / 2000000);
}

cm_rc cm_run_assemble_context(cm_completion_run *r, cm_err *err) {
    const cm_completion_request *request = r->request;
    uint64_t now = cm_clock_ns();
    uint64_t share = request->deadline_ns > now ? (request->deadline_ns - now) / RETRIEVAL_SHARE
                                                : RETRIEVAL_MAX_NS;
    uint32_t budget = r->engine == NULL
                          ? 1024
                          : cm_engine_budget(r->engine, cm_run_prompt_ms(r), request->max_tokens);
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

/* Text without a cursor has no instant answer, so it comes here while the model is still being loaded, too. */
static cm_rc need_model(const cm_completion_run *r, cm_err *err) {
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

cm_rc cm_run_build_prompt(cm_completion_run *r, cm_prompt *ret_prompt, cm_err *err) {
    const cm_completion_request *request = r->request;
    cm_rc rc = need_model(r, err);
    if (rc != CM_OK) {
        return rc;
    }
    const cm_model *model = cm_engine_model(r->engine);
    uint32_t budget = cm_engine_budget(r->engine, cm_run_prompt_ms(r), request->max_tokens);
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
