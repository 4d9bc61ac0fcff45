/* instant_document.c - the open document, read for one prediction.
 *
 * It is lexed anew each time: a window of 64 KiB costs a fraction of a millisecond, and a copy kept
 * between requests would have to follow every edit. */
#include "assist/instant_priv.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "code/tokens.h"

#define UNIT_SPACES_MAX 8

/* Lexes `text`, whose first line is number `line` of the document. Notes the first step of
 * indentation by spaces. */
static bool read_tokens(cm_str text, uint32_t line, cm_instant_tokens *out, uint32_t *step) {
    cm_lexer lexer;
    cm_token token;
    cm_lexer_init(&lexer, text);
    while (cm_lexer_next(&lexer, &token)) {
        cm_instant_token kept = {token.text.ptr, line + token.line, (uint8_t)token.text.len,
                                 token.space};
        if (!cm_vec_push(out, kept)) {
            return false;
        }
        if (*step == 0 && cm_token_indent_change(token.text) > 0) {
            *step = lexer.columns[lexer.depth] - lexer.columns[lexer.depth - 1];
        }
    }
    return true;
}

/* Cuts to the last `max` bytes, from the start of a line. */
static cm_str last_lines(cm_str text, size_t max) {
    if (text.len <= max) {
        return text;
    }
    cm_str tail = cm_str_from_offset(text, text.len - max);
    size_t line_end = cm_str_find_char(tail, '\n');
    return cm_str_from_offset(tail, line_end == SIZE_MAX ? tail.len : line_end + 1);
}

static uint32_t count_lines(cm_str text) {
    uint32_t lines = 0;
    for (size_t at; (at = cm_str_find_char(text, '\n')) != SIZE_MAX; lines++) {
        text = cm_str_from_offset(text, at + 1);
    }
    return lines;
}

/* Takes a word that ends at the cursor off the tokens. */
static void take_stem(cm_instant_document *d, cm_str prefix) {
    if (prefix.len == 0 || d->before.count == 0 || !cm_is_word(prefix.ptr[prefix.len - 1])) {
        return;
    }
    const cm_instant_token *last = cm_vec_last(&d->before);
    d->stem = cm_instant_text(last);
    d->stem_space = last->space;
    d->before.count--;
}

static cm_str indent_unit(cm_str indent, cm_str text, uint32_t step) {
    static const char spaces[] = "        ";
    _Static_assert(sizeof(spaces) - 1 == UNIT_SPACES_MAX, "the widest unit");
    if (cm_str_find_char(indent, '\t') != SIZE_MAX ||
        cm_str_find(text, CM_STR("\n\t")) != SIZE_MAX) {
        return CM_STR("\t");
    }
    return cm_str_make(spaces, step > 0 && step <= UNIT_SPACES_MAX ? step : 4);
}

bool cm_instant_document_read(cm_instant_document *d, cm_str prefix, cm_str suffix) {
    *d = (cm_instant_document){0};
    cm_str before = last_lines(prefix, CM_INSTANT_BEFORE_MAX);
    cm_str after = cm_utf8_cut(suffix, CM_INSTANT_AFTER_MAX);
    uint32_t first = 1 + count_lines(cm_str_sub(prefix, 0, prefix.len - before.len));
    uint32_t cursor = first + count_lines(before);
    uint32_t step = 0;
    if (!read_tokens(before, first, &d->before, &step) ||
        !read_tokens(after, cursor, &d->after, &step)) {
        return false;
    }
    size_t line_start = cm_str_rfind_char(before, '\n');
    cm_str line = cm_str_from_offset(before, line_start == SIZE_MAX ? 0 : line_start + 1);
    d->indent = cm_str_sub(line, 0, (size_t)(cm_str_trim(line).ptr - line.ptr));
    if (cm_str_trim(line).len == 0) {
        d->indent = line;
    }
    d->unit = indent_unit(d->indent, before, step);
    cm_str rest = after;
    if (!cm_str_line(&rest, &d->rest)) {
        d->rest = CM_STR_EMPTY;
    }
    d->rest = cm_str_trim(d->rest);
    take_stem(d, prefix);
    return true;
}

void cm_instant_document_done(cm_instant_document *d) {
    cm_vec_done(&d->before);
    cm_vec_done(&d->after);
}
