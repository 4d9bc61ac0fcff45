/* lexer.c - see lexer.h. */
#include "code/semantics/go/lexer.h"

/* Behind what begins at `at` and ends with `close`. */
static size_t skip_past(cm_str text, size_t at, cm_str close) {
    size_t found = cm_str_find(cm_str_from_offset(text, at), close);
    return found == SIZE_MAX ? text.len : at + found + close.len;
}

static void skip_space(cm_go_lexer *l) {
    l->spaced = l->line = false;
    while (l->at < l->text.len) {
        cm_str rest = cm_str_from_offset(l->text, l->at);
        size_t before = l->at;
        if (cm_is_space(rest.ptr[0])) {
            l->at++;
        } else if (cm_str_starts(rest, CM_STR("/*"))) {
            l->at = skip_past(l->text, l->at + 2, CM_STR("*/"));
        } else if (cm_str_starts(rest, CM_STR("//"))) {
            l->at = CM_MIN(l->text.len, l->at + CM_MIN(cm_str_find_char(rest, '\n'), rest.len));
        } else {
            return;
        }
        l->spaced = true;
        l->line = l->line ||
                  cm_str_find_char(cm_str_sub(l->text, before, l->at - before), '\n') != SIZE_MAX;
    }
}

static size_t quoted_end(const cm_go_lexer *l, size_t at) {
    char quote = l->text.ptr[at++];
    while (at < l->text.len && l->text.ptr[at] != quote) {
        at += l->text.ptr[at] == '\\' && quote != '`';
        at++;
    }
    return CM_MIN(at + 1, l->text.len);
}

void cm_go_next(cm_go_lexer *l) {
    skip_space(l);
    size_t start = l->at, end = l->at + 1;
    if (start >= l->text.len) {
        l->kind = CM_GO_LEX_END;
        l->token = CM_STR_EMPTY;
        return;
    }
    char c = l->text.ptr[start];
    if (cm_is_word(c)) {
        while (end < l->text.len && cm_is_word(l->text.ptr[end])) {
            end++;
        }
        l->kind = CM_GO_LEX_WORD;
    } else if (c == '"' || c == '`' || c == '\'') {
        end = quoted_end(l, start);
        l->kind = CM_GO_LEX_TEXT;
    } else {
        cm_str rest = cm_str_from_offset(l->text, start);
        end += cm_str_starts(rest, CM_STR("...")) ? 2 : cm_str_starts(rest, CM_STR("<-"));
        l->kind = CM_GO_LEX_MARK;
    }
    l->token = cm_str_sub(l->text, start, end - start);
    l->at = end;
}

cm_go_lexer cm_go_lexer_of(cm_str text) {
    cm_go_lexer l = {.text = text};
    cm_go_next(&l);
    return l;
}

bool cm_go_is(const cm_go_lexer *l, const char *token) {
    return l->kind != CM_GO_LEX_END && cm_str_eq_c(l->token, token);
}

size_t cm_go_token_start(const cm_go_lexer *l) {
    return l->at - l->token.len;
}

int cm_go_nesting(const cm_go_lexer *l) {
    if (l->kind != CM_GO_LEX_MARK || l->token.len != 1) {
        return 0;
    }
    return strchr("([{", l->token.ptr[0]) ? 1 : strchr(")]}", l->token.ptr[0]) ? -1 : 0;
}

bool cm_go_skip_brackets(cm_go_lexer *l) {
    int depth = 0;
    do {
        depth += cm_go_nesting(l);
        cm_go_next(l);
    } while (depth > 0 && l->kind != CM_GO_LEX_END);
    return depth == 0;
}

bool cm_go_is_type_word(cm_str word) {
    static const char *const words[] = {"chan", "func", "interface", "map", "struct"};
    for (size_t i = 0; i < CM_COUNT(words); i++) {
        if (cm_str_eq_c(word, words[i])) {
            return true;
        }
    }
    return false;
}

const char *cm_go_universe(cm_str name) {
    static const char *const names[][2] = {{"any", "any"},
                                           {"bool", "bool"},
                                           {"byte", "uint8"},
                                           {"error", "error"},
                                           {"complex128", "complex128"},
                                           {"complex64", "complex64"},
                                           {"float32", "float32"},
                                           {"float64", "float64"},
                                           {"int", "int"},
                                           {"int16", "int16"},
                                           {"int32", "int32"},
                                           {"int64", "int64"},
                                           {"int8", "int8"},
                                           {"rune", "int32"},
                                           {"string", "string"},
                                           {"uint", "uint"},
                                           {"uint16", "uint16"},
                                           {"uint32", "uint32"},
                                           {"uint64", "uint64"},
                                           {"uint8", "uint8"},
                                           {"uintptr", "uintptr"},
                                           {"comparable", "comparable"}};
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        if (cm_str_eq_c(name, names[i][0])) {
            return names[i][1];
        }
    }
    return NULL;
}
