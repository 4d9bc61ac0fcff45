/* Any bytes: the lexer reads all of them, and what the writer makes of the tokens has the same tokens. */
#include "code/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str text = cm_str_make((const char *)data, size);
    cm_cleanup(cm_buf_done) cm_buf again = {.max = 100 * size + 100};
    cm_lexer lexer;
    cm_token token;
    cm_token_writer writer;
    cm_lexer_init(&lexer, text);
    cm_token_writer_init(&writer, &again, CM_STR("  "), CM_STR_EMPTY);
    for (uint32_t end = 0; cm_lexer_next(&lexer, &token);) {
        cm_assert(token.text.len > 0 && token.text.len <= CM_TOKEN_BYTES_MAX);
        cm_assert(token.start >= end && token.start < size);
        end = token.start + (token.kind == CM_TOKEN_LINE ? 1 : (uint32_t)token.text.len);
        cm_token_writer_add(&writer, token.text, token.space);
    }
    cm_assert(cm_buf_check(&again, NULL) == CM_OK);
    cm_lexer second;
    cm_token other;
    cm_lexer_init(&lexer, text);
    cm_lexer_init(&second, cm_buf_str(&again));
    bool first = true;
    int level = 0;
    while (cm_lexer_next(&lexer, &token)) {
        cm_assert(cm_lexer_next(&second, &other));
        /* A text that begins with a line break comes back without it: nothing stands before it. */
        if (first && token.kind == CM_TOKEN_LINE) {
            return 0;
        }
        first = false;
        level += cm_token_indent_change(token.text);
        if (level < 0 || lexer.depth + 1 >= CM_INDENT_LEVELS ||
            -cm_token_indent_change(token.text) >= CM_DEDENT_MAX) {
            return 0; /* beyond these bounds, and left of where the text began, levels are lost */
        }
        cm_assert(cm_str_eq(token.text, other.text) && token.space == other.space);
    }
    return 0;
}
