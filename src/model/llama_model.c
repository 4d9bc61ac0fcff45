/* llama_model.c - weights and vocabulary of a GGUF file through llama.cpp's C API. */
#include "base/mem.h"
#include "base/path.h"
#include "model/llama_priv.h"

static void llama_close(cm_model *model) {
    cm_llama *llama = (cm_llama *)model;
    llama_model_free(llama->model);
    cm_free(llama);
}

static size_t llama_model_tokenize(const cm_model *model, cm_str text, unsigned flags,
                                   cm_token *tokens, size_t max) {
    int32_t got = llama_tokenize(
        cm_llama_of(model)->vocab, text.len > 0 ? text.ptr : "", (int32_t)text.len, tokens,
        (int32_t)max, (flags & CM_TOKENIZE_BOS) != 0, (flags & CM_TOKENIZE_SPECIAL) != 0);
    return (size_t)(got < 0 ? -(int64_t)got : got); /* negative: this many were needed */
}

static size_t llama_piece(const cm_model *model, cm_token token, bool special, char *bytes,
                          size_t size) {
    int32_t got =
        llama_token_to_piece(cm_llama_of(model)->vocab, token, bytes, (int32_t)size, 0, special);
    return got > 0 ? (size_t)got : 0;
}

static bool llama_is_end(const cm_model *model, cm_token token) {
    return llama_vocab_is_eog(cm_llama_of(model)->vocab, token);
}

static void llama_fim_ids(const cm_model *model, cm_fim_tokens *ret_tokens) {
    const struct llama_vocab *vocab = cm_llama_of(model)->vocab;
    ret_tokens->prefix = llama_vocab_fim_pre(vocab);
    ret_tokens->suffix = llama_vocab_fim_suf(vocab);
    ret_tokens->middle = llama_vocab_fim_mid(vocab);
    ret_tokens->repository = llama_vocab_fim_rep(vocab);
    ret_tokens->file = llama_vocab_fim_sep(vocab);
}

static const char *llama_template(const cm_model *model) {
    return llama_model_chat_template(cm_llama_of(model)->model, NULL);
}

static cm_rc llama_chat_apply(const cm_model *model, const cm_chat_message *messages, size_t count,
                              cm_arena *arena, cm_str *ret_text, cm_err *err) {
    llama_chat_message *chat = CM_ARENA_ARRAY(arena, llama_chat_message, count);
    size_t size = 256;
    for (size_t i = 0; chat != NULL && i < count; i++) {
        chat[i].role = cm_arena_c(arena, messages[i].role);
        chat[i].content = cm_arena_c(arena, messages[i].content);
        size += messages[i].role.len + messages[i].content.len + 64;
    }
    const char *form = llama_template(model);
    for (int attempt = 0; attempt < 2; attempt++) {
        char *text = cm_arena_try_alloc(arena, size);
        if (chat == NULL || text == NULL || size > INT32_MAX) {
            return cm_fail(err, CM_NOMEM, "no memory for a chat prompt of %zu bytes", size);
        }
        int32_t len = llama_chat_apply_template(form, chat, count, true, text, (int32_t)size);
        if (len < 0) {
            return cm_fail(err, CM_NOT_SUPPORTED, "model '%s' has a chat template of unknown form",
                           model->info.name);
        }
        if ((size_t)len <= size) {
            *ret_text = cm_str_make(text, (size_t)len);
            return CM_OK;
        }
        size = (size_t)len + 1;
    }
    return cm_fail(err, CM_INTERNAL, "chat template gave two lengths for one text");
}

static const cm_backend_ops llama_ops = {
    .close = llama_close,
    .tokenize = llama_model_tokenize,
    .piece = llama_piece,
    .is_end = llama_is_end,
    .fim_ids = llama_fim_ids,
    .chat_template = llama_template,
    .chat_apply = llama_chat_apply,
    .runner_new = cm_llama_runner_new,
};

static bool on_progress(float progress, void *argument) {
    const cm_model_options *options = argument;
    return options->progress == NULL ||
           options->progress(options->progress_argument, "load", (double)progress);
}

static void fill_info(cm_llama *llama, const cm_gguf_facts *facts) {
    cm_model_info *info = &llama->base.info;
    llama_model_desc(llama->model, info->description, sizeof(info->description));
    info->param_count = llama_model_n_params(llama->model);
    info->size = llama_model_size(llama->model);
    info->vocab_count = (uint32_t)CM_MAX(llama_vocab_n_tokens(llama->vocab), 0);
    info->trained_context = (uint32_t)CM_MAX(llama_model_n_ctx_train(llama->model), 0);
    info->embedding_length = (uint32_t)CM_MAX(llama_model_n_embd(llama->model), 0);
    info->adds_bos = llama_vocab_get_add_bos(llama->vocab);
    llama->base.rewinds =
        !llama_model_is_recurrent(llama->model) && !llama_model_is_hybrid(llama->model);
    if (facts->is_encoder) {
        info->kinds = CM_MODEL_EMBEDS;
    } else if (!llama_model_has_encoder(llama->model) && !llama_model_is_diffusion(llama->model)) {
        info->kinds = CM_MODEL_COMPLETES; /* the others do not write left to right */
    }
}

static cm_rc load(cm_llama *llama, const cm_model_options *options, const char *path, cm_err *err) {
    struct llama_model_params params = llama_model_default_params();
    cm_model_options progress = *options;
    params.progress_callback = on_progress;
    params.progress_callback_user_data = &progress;
    cm_llama_error_reset();
    llama->model = llama_model_load_from_file(path, params);
    if (llama->model == NULL && !on_progress(1, &progress)) {
        return cm_fail(err, CM_CANCELLED, "loading of model '%s' was stopped", path);
    }
    if (llama->model == NULL) {
        return cm_fail(err, CM_NOT_SUPPORTED,
                       "llama.cpp cannot load model '%s': %s: try another file of this model", path,
                       cm_llama_error());
    }
    llama->vocab = llama_model_get_vocab(llama->model);
    if (llama_vocab_n_tokens(llama->vocab) <= 0) {
        return cm_fail(err, CM_NOT_SUPPORTED, "model '%s' has no vocabulary", path);
    }
    return CM_OK;
}

cm_rc cm_llama_open(const cm_model_options *options, cm_model **ret_model, cm_err *err) {
    cm_model_environment();
    cm_llama_init();
    cm_gguf_facts facts;
    cm_rc rc = cm_gguf_check(options->path, &facts, err);
    if (rc != CM_OK) {
        return rc;
    }
    char path[CM_PATH_BYTES_MAX];
    cm_llama_quantised(options, &facts, path, sizeof(path));
    cm_llama *llama = CM_NEW(cm_llama);
    cm_model_init(&llama->base, &llama_ops, options);
    rc = load(llama, options, path, err);
    if (rc != CM_OK) {
        if (llama->model != NULL) {
            llama_model_free(llama->model);
        }
        cm_free(llama);
        return rc;
    }
    fill_info(llama, &facts);
    cm_model_ready(&llama->base);
    *ret_model = &llama->base;
    return CM_OK;
}
