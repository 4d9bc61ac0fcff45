/* model.c - what both kinds of model share: names, reference counts, tokens; the rest goes to the kind's own table of
 * functions. */
#include "model/model.h"

#include "base/mem.h"
#include "base/path.h"
#include "model/fim_priv.h"

cm_str cm_model_name(const cm_model_options *options) {
    cm_str name = cm_str_from(options->name);
    if (name.len == 0 && options->path != NULL) {
        name = cm_path_base(cm_str_from(options->path));
        if (cm_str_ends(name, CM_STR(".gguf"))) {
            name.len -= 5;
        }
    }
    return name.len > 0 ? name : CM_STR("fake");
}

void cm_model_init(cm_model *model, const cm_backend_ops *ops, const cm_model_options *options) {
    model->ops = ops;
    atomic_init(&model->refs, 1);
    model->rewinds = true;
    snprintf(model->info.name, sizeof(model->info.name), CM_STR_FMT,
             CM_STR_ARG(cm_model_name(options)));
}

void cm_model_ready(cm_model *model) {
    model->fim = cm_fim_tokens_find(model);
    if (model->fim.family != NULL && (model->info.kinds & CM_MODEL_COMPLETES) != 0) {
        model->info.kinds |= CM_MODEL_FILLS;
    }
    if (cm_model_chat_template(model) != NULL) {
        model->info.kinds |= CM_MODEL_CHATS;
    }
}

cm_rc cm_model_open(const cm_model_options *options, cm_model **ret_model, cm_err *err) {
    return options->path != NULL ? cm_llama_open(options, ret_model, err)
                                 : cm_fake_open(options, ret_model, err);
}

cm_model *cm_model_ref(cm_model *model) {
    atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
    return model;
}

void cm_model_unref(cm_model *model) {
    if (model != NULL && atomic_fetch_sub_explicit(&model->refs, 1, memory_order_acq_rel) == 1) {
        model->ops->close(model);
    }
}

const cm_model_info *cm_model_info_get(const cm_model *model) {
    return &model->info;
}

static cm_rc check_length(cm_str text, cm_err *err) {
    if (text.len > CM_TOKENIZE_BYTES_MAX) {
        return cm_fail(err, CM_LIMIT, "text of %zu bytes is longer than the %u that are tokenised",
                       text.len, CM_TOKENIZE_BYTES_MAX);
    }
    return CM_OK;
}

cm_rc cm_model_tokenize(const cm_model *model, cm_str text, unsigned flags, cm_arena *arena,
                        cm_tokens *ret_tokens, cm_err *err) {
    cm_rc rc = check_length(text, err);
    if (rc != CM_OK) {
        return rc;
    }
    /* A byte gives at most one token in every tokeniser we load; the first token and SentencePiece's
     * leading space may be added. */
    size_t max = text.len + 8;
    cm_token *tokens = CM_ARENA_ARRAY(arena, cm_token, max);
    if (tokens == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for the tokens of %zu bytes", text.len);
    }
    size_t count = model->ops->tokenize(model, text, flags, tokens, max);
    if (count > max) {
        tokens = CM_ARENA_ARRAY(arena, cm_token, count);
        if (tokens == NULL) {
            return cm_fail(err, CM_NOMEM, "no memory for %zu tokens", count);
        }
        count = CM_MIN(model->ops->tokenize(model, text, flags, tokens, count), count);
    }
    *ret_tokens = (cm_tokens){tokens, count};
    return CM_OK;
}

cm_rc cm_model_count(const cm_model *model, cm_str text, size_t *ret_count, cm_err *err) {
    cm_rc rc = check_length(text, err);
    if (rc == CM_OK) {
        *ret_count = model->ops->tokenize(model, text, CM_TOKENIZE_PLAIN, NULL, 0);
    }
    return rc;
}

/* Code tokenisers split before punctuation, keep runs of spaces and newlines together, and cut words
 * into pieces of two to six letters. */
size_t cm_model_estimate(const cm_model *model, cm_str text) {
    size_t estimate = model->info.adds_bos ? 2 : 1;
    for (size_t i = 0; i < text.len;) {
        size_t start = i;
        if (cm_is_alpha(text.ptr[i])) {
            while (i < text.len && cm_is_alpha(text.ptr[i])) {
                i++;
            }
            estimate += (i - start + 3) / 4;
        } else if (cm_is_space(text.ptr[i])) {
            while (i < text.len && cm_is_space(text.ptr[i])) {
                i++;
            }
            /* A single space joins the word after it. */
            estimate += i - start == 1 && text.ptr[start] == ' ' ? 0 : 1 + (i - start) / 16;
        } else {
            estimate++; /* digits, punctuation, bytes of other scripts */
            i++;
        }
    }
    return estimate;
}

size_t cm_model_piece(const cm_model *model, cm_token token, bool special, char *bytes,
                      size_t size) {
    if (token < 0 || (uint32_t)token >= model->info.vocab_count) {
        return 0;
    }
    return model->ops->piece(model, token, special, bytes, size);
}

cm_rc cm_model_detokenize(const cm_model *model, const cm_token *tokens, size_t count, bool special,
                          cm_arena *arena, cm_str *ret_text, cm_err *err) {
    cm_buf text;
    cm_buf_init(&text, CM_TOKENIZE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        char piece[256];
        cm_buf_add(&text, piece, cm_model_piece(model, tokens[i], special, piece, sizeof(piece)));
    }
    cm_rc rc = cm_buf_check(&text, err);
    if (rc == CM_OK) {
        *ret_text = cm_arena_str(arena, cm_buf_str(&text));
    }
    cm_buf_done(&text);
    return rc;
}

cm_token cm_model_token_of(const cm_model *model, const char *text) {
    cm_token tokens[2];
    cm_str spelling = cm_str_from(text);
    if (model->ops->tokenize(model, spelling, CM_TOKENIZE_SPECIAL, tokens, 2) != 1) {
        return CM_TOKEN_NONE;
    }
    char piece[64];
    size_t len = model->ops->piece(model, tokens[0], true, piece, sizeof(piece));
    return cm_str_eq(cm_str_make(piece, len), spelling) ? tokens[0] : CM_TOKEN_NONE;
}

bool cm_model_is_end(const cm_model *model, cm_token token) {
    return model->ops->is_end(model, token);
}

const char *cm_model_chat_template(const cm_model *model) {
    return model->ops->chat_template(model);
}

cm_rc cm_runner_new(const cm_model *model, const cm_runner_options *options, cm_runner **ret_runner,
                    cm_err *err) {
    return model->ops->runner_new(model, options, ret_runner, err);
}
