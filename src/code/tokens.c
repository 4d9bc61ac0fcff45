/* tokens.c - the lexer, and the writer that turns tokens back into text with the indentation of where it is put. */
#include "code/tokens.h"

enum char_class { OPERATOR, SPACE, LINE_FEED, DIGIT, WORD };

#define W4       WORD, WORD, WORD, WORD
#define W16      W4, W4, W4, W4
#define LETTERS  W16, W4, W4, WORD, WORD /* 26 */
#define TAB_STOP 8

static const uint8_t classes[256] = {
    ['\t'] = SPACE,
    ['\v'] = SPACE,
    ['\f'] = SPACE,
    ['\r'] = SPACE,
    [' '] = SPACE,
    ['\n'] = LINE_FEED,
    ['0'] = DIGIT,
    DIGIT,
    DIGIT,
    DIGIT,
    DIGIT,
    DIGIT,
    DIGIT,
    DIGIT,
    DIGIT,
    DIGIT,
    ['A'] = LETTERS,
    ['a'] = LETTERS,
    ['_'] = WORD,
    [0x80] = W16,
    W16,
    W16,
    W16,
    W16,
    W16,
    W16,
    W16,
};

static enum char_class class_of(char c) {
    return (enum char_class)classes[(unsigned char)c];
}

/* Operators of more than one byte in the languages at hand, longer ones first. Brackets and quotes
 * stay single, so that a cursor between two of them sees the first. */
static const char long_operators[][4] = {
    "<<=", ">>=", "...", "===", "!==", "**=", "&&=", "||=", "?\?=", "<=>", "..=", "==", "!=", "<=",
    ">=",  "&&",  "||",  "+=",  "-=",  "*=",  "/=",  "%=",  "&=",   "|=",  "^=",  "++", "--", "->",
    "=>",  "::",  ":=",  "<<",  ">>",  "**",  "//",  "/*",  "*/",   "<-",  "?.",  "??", "..", "|>",
};

static size_t operator_len(cm_str rest) {
    /* All second bytes of the table: most operators are single and stop here. */
    if (rest.len < 2 || !memchr("=<>&|+-*/?.:", rest.ptr[1], 12)) {
        return 1;
    }
    for (size_t i = 0; i < CM_COUNT(long_operators); i++) {
        size_t len = long_operators[i][2] ? 3 : 2;
        if (len <= rest.len && memcmp(rest.ptr, long_operators[i], len) == 0) {
            return len;
        }
    }
    return 1;
}

void cm_lexer_init(cm_lexer *lexer, cm_str text) {
    *lexer = (cm_lexer){.text = cm_str_sub(text, 0, UINT32_MAX)};
}

/* Reads white space up to a token or a line feed and returns the column it ends in. */
static uint32_t skip_spaces(cm_lexer *lexer) {
    uint32_t column = 0;
    while (lexer->at < lexer->text.len && class_of(lexer->text.ptr[lexer->at]) == SPACE) {
        char c = lexer->text.ptr[lexer->at++];
        if (c == '\t') {
            column += TAB_STOP - column % TAB_STOP;
        } else if (c == ' ') {
            column++;
        }
    }
    return column;
}

/* Opens or closes levels for a line that begins in `column`; returns the change. */
static int change_level(cm_lexer *lexer, uint32_t column) {
    uint32_t before = lexer->depth;
    while (lexer->depth > 0 && lexer->columns[lexer->depth] > column) {
        lexer->depth--;
    }
    if (lexer->columns[lexer->depth] < column && lexer->depth + 1 < CM_INDENT_LEVELS) {
        lexer->columns[++lexer->depth] = column; /* deeper, or between two levels */
    }
    int change = (int)lexer->depth - (int)before;
    if (lexer->columns[lexer->depth] > column) { /* left of where the text began */
        lexer->columns[lexer->depth] = column;
        change--;
    }
    return CM_MAX(change, -CM_DEDENT_MAX);
}

static cm_str line_text(int change) {
    static const char out[] = "\n--------";
    _Static_assert(sizeof(out) - 2 == CM_DEDENT_MAX, "one dash a level");
    return change > 0 ? CM_STR("\n+") : cm_str_make(out, (size_t)(1 - change));
}

static void read_line_break(cm_lexer *lexer, cm_token *token) {
    uint32_t column = 0, feeds = 0;
    while (lexer->at < lexer->text.len && lexer->text.ptr[lexer->at] == '\n') {
        lexer->at++;
        feeds++;
        column = skip_spaces(lexer);
    }
    lexer->line += feeds;
    token->kind = CM_TOKEN_LINE;
    token->text = line_text(change_level(lexer, column));
    token->space = feeds > 1;
}

/* End of the word or number at `at`. A dot belongs to a number when a digit follows. */
static size_t word_end(cm_str text, size_t at, bool number) {
    size_t end = at;
    size_t limit = CM_MIN(text.len, at + CM_TOKEN_BYTES_MAX);
    while (end < limit) {
        if (class_of(text.ptr[end]) >= DIGIT) {
            end++;
        } else if (number && text.ptr[end] == '.' && end + 1 < limit &&
                   cm_is_digit(text.ptr[end + 1])) {
            end += 2;
        } else {
            break;
        }
    }
    if (end == at + CM_TOKEN_BYTES_MAX) { /* cut between characters, in what is left of UTF-8 */
        while (end > limit - 3 && ((unsigned char)text.ptr[end - 1] & 0xc0) == 0x80) {
            end--;
        }
        end -= (unsigned char)text.ptr[end - 1] >= 0xc0;
    }
    return end;
}

bool cm_lexer_next(cm_lexer *lexer, cm_token *ret_token) {
    cm_str text = lexer->text;
    size_t before = lexer->at;
    uint32_t column = skip_spaces(lexer);
    bool first = before == 0;
    while (first && lexer->at < text.len && text.ptr[lexer->at] == '\n') {
        lexer->at++;
        lexer->line++;
        column = skip_spaces(lexer);
    }
    if (first) {
        lexer->columns[0] = column;
    }
    if (lexer->at >= text.len) {
        return false;
    }
    cm_token token = {.start = (uint32_t)lexer->at, .line = lexer->line};
    enum char_class class = class_of(text.ptr[lexer->at]);
    if (class == LINE_FEED) {
        read_line_break(lexer, &token);
        *ret_token = token;
        return true;
    }
    size_t len = class == OPERATOR ? operator_len(cm_str_from_offset(text, lexer->at))
                                   : word_end(text, lexer->at, class == DIGIT) - lexer->at;
    token.kind = class == OPERATOR ? CM_TOKEN_OPERATOR
                 : class == DIGIT  ? CM_TOKEN_NUMBER
                                   : CM_TOKEN_WORD;
    token.text = cm_str_make(text.ptr + lexer->at, len);
    token.space = lexer->at > before && before > 0;
    lexer->at += len;
    *ret_token = token;
    return true;
}

int cm_token_indent_change(cm_str text) {
    if (!cm_token_is_line(text) || text.len < 2) {
        return 0;
    }
    return text.ptr[1] == '+' ? 1 : -(int)(text.len - 1);
}

void cm_token_writer_init(cm_token_writer *w, cm_buf *out, cm_str unit, cm_str indent) {
    *w = (cm_token_writer){.out = out, .unit = unit, .indent = indent};
}

static void write_line_break(cm_token_writer *w, cm_str text, bool blank) {
    w->level += cm_token_indent_change(text);
    cm_buf_add_repeat(w->out, '\n', blank ? 2 : 1);
    size_t cut = w->level < 0 ? w->unit.len * (size_t)-w->level : 0;
    cm_buf_add_str(w->out, cm_str_sub(w->indent, 0, w->indent.len - CM_MIN(cut, w->indent.len)));
    for (int i = 0; i < w->level; i++) {
        cm_buf_add_str(w->out, w->unit);
    }
}

void cm_token_writer_add(cm_token_writer *w, cm_str text, bool space) {
    bool line_start = w->out->len == 0 || cm_is_space(w->out->ptr[w->out->len - 1]);
    if (cm_token_is_line(text)) {
        write_line_break(w, text, space);
    } else {
        if (space && w->begun && !line_start) {
            cm_buf_add_char(w->out, ' ');
        }
        cm_buf_add_str(w->out, text);
    }
    w->begun = true;
}
