/* chat.c - a conversation as one prompt, by the model's own template.
 *
 * The template's text holds control tokens; what users wrote must not. So the template is applied to
 * numbered placeholders, its text is tokenised with special tokens on, and each placeholder is
 * replaced by the plain tokens of its message. */
#include "base/vec.h"
#include "model/backend_priv.h"

/* Bytes no template and no tokeniser treats specially. */
#define OPEN  '\x02'
#define CLOSE '\x03'

typedef struct chat {
    const cm_model *model;
    const cm_chat_message *messages;
    size_t count;
    cm_arena *arena;
    cm_err *err;
} chat;

typedef struct token_vec {
    CM_VEC(cm_token) v;
} token_vec;

static cm_rc append(const chat *c, token_vec *out, cm_str text, unsigned flags) {
    cm_tokens tokens;
    cm_rc rc = cm_model_tokenize(c->model, text, flags, c->arena, &tokens, c->err);
    for (size_t i = 0; rc == CM_OK && i < tokens.count; i++) {
        if (!cm_vec_push(&out->v, tokens.items[i])) {
            rc = cm_fail(c->err, CM_NOMEM, "no memory for a chat prompt");
        }
    }
    return rc;
}

/* Messages kept: a leading system message and those from `first` on. */
static bool is_kept(const chat *c, size_t index, size_t first) {
    return index >= first || (index == 0 && cm_str_eq_c(c->messages[0].role, "system"));
}

static cm_rc placeholders(const chat *c, size_t first, cm_str *ret_text) {
    cm_chat_message *kept = CM_ARENA_ARRAY(c->arena, cm_chat_message, c->count);
    if (kept == NULL) {
        return cm_fail(c->err, CM_NOMEM, "no memory for a chat prompt");
    }
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (is_kept(c, i, first)) {
            kept[count].role = c->messages[i].role;
            kept[count++].content = cm_arena_fmt(c->arena, "%c%zu%c", OPEN, i, CLOSE);
        }
    }
    return c->model->ops->chat_apply(c->model, kept, count, c->arena, ret_text, c->err);
}

static cm_rc fill(const chat *c, cm_str text, token_vec *out) {
    cm_rc rc = append(c, out, CM_STR_EMPTY, CM_TOKENIZE_BOS);
    while (rc == CM_OK && text.len > 0) {
        size_t open = cm_str_find_char(text, OPEN);
        cm_str before = cm_str_sub(text, 0, open);
        rc = append(c, out, before, CM_TOKENIZE_SPECIAL);
        if (rc != CM_OK || open == SIZE_MAX) {
            break;
        }
        text = cm_str_from_offset(text, open + 1);
        size_t close = cm_str_find_char(text, CLOSE);
        uint64_t index;
        if (close == SIZE_MAX || !cm_str_to_u64(cm_str_sub(text, 0, close), &index) ||
            index >= c->count) {
            return cm_fail(c->err, CM_INTERNAL, "chat template changed its messages");
        }
        rc = append(c, out, c->messages[index].content, CM_TOKENIZE_PLAIN);
        text = cm_str_from_offset(text, close + 1);
    }
    return rc;
}

static cm_rc build_from(const chat *c, size_t first, token_vec *out) {
    cm_str text;
    cm_vec_clear(&out->v);
    cm_rc rc = placeholders(c, first, &text);
    return rc == CM_OK ? fill(c, text, out) : rc;
}

static cm_rc hand_over(const chat *c, const token_vec *out, cm_prompt *ret_prompt) {
    cm_token *tokens = CM_ARENA_ARRAY(c->arena, cm_token, out->v.count + 1);
    if (tokens == NULL) {
        return cm_fail(c->err, CM_NOMEM, "no memory for a chat prompt");
    }
    memcpy(tokens, out->v.items, out->v.count * sizeof(cm_token));
    *ret_prompt = (cm_prompt){.tokens = tokens, .count = out->v.count, .format = CM_FIM_NONE};
    return CM_OK;
}

cm_rc cm_prompt_build_chat(const cm_model *model, const cm_chat_message *messages, size_t count,
                           size_t max_tokens, cm_arena *arena, cm_prompt *ret_prompt, cm_err *err) {
    if (count == 0) {
        return cm_fail(err, CM_INVALID, "a chat needs at least one message");
    }
    if (cm_model_chat_template(model) == NULL) {
        return cm_fail(err, CM_NOT_SUPPORTED, "model '%s' has no chat template", model->info.name);
    }
    chat c = {model, messages, count, arena, err};
    token_vec out = {0};
    cm_rc rc = CM_OK;
    size_t first = 0;
    do {
        rc = build_from(&c, first, &out);
    } while (rc == CM_OK && out.v.count > max_tokens && ++first < count);
    if (rc == CM_OK && out.v.count > max_tokens) {
        rc = cm_fail(err, CM_PROMPT_TOO_LONG,
                     "the last message does not fit in %zu tokens: shorten it", max_tokens);
    }
    if (rc == CM_OK) {
        rc = hand_over(&c, &out, ret_prompt);
    }
    cm_vec_done(&out.v);
    return rc;
}
