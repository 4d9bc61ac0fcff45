/* tokens.h - source text as a sequence of tokens, for any language.
 *
 * What the instant tier matches and counts. A token is a word (identifier, keyword, or one word of a
 * comment or string), a number, an operator or a line break. Comments and strings are not single
 * tokens: they would fill the vocabulary with texts that occur once, and a cursor inside one would
 * match nothing.
 *
 * White space is not part of a token's identity, so that "a=b" and "a = b" match; whether some
 * stood before it is a flag beside it. A line break carries the change of indentation that follows as
 * levels, not columns: "\n" (same), "\n+" (one deeper), "\n-" (one out), "\n--" (two out) ... so that
 * the same code at another depth, or in a file of tabs, is the same sequence. Blank lines set the
 * line break's flag. cm_token_writer turns tokens back into text in the indentation of the place where
 * it is inserted; runs of spaces inside a line become one.
 *
 * Any bytes are accepted: invalid UTF-8 counts as letters, control characters as operators.
 * Thread: owner. */
#ifndef CM_CODE_TOKENS_H
#define CM_CODE_TOKENS_H

#include "base/buf.h"

#define CM_TOKEN_BYTES_MAX 255 /* a longer word is several tokens */
#define CM_DEDENT_MAX      8   /* more levels out at once count as this many */

enum cm_token_kind { CM_TOKEN_WORD, CM_TOKEN_NUMBER, CM_TOKEN_OPERATOR, CM_TOKEN_LINE };

typedef struct cm_token {
    cm_str text;    /* into the source; canonical ("\n-") for line breaks */
    uint32_t start; /* offset in the source: of a line break, that of its first LF */
    uint32_t line;  /* 0-based, of `start` */
    uint8_t kind;   /* enum cm_token_kind */
    bool space;     /* white space stood before it; before a line break: a blank line follows */
} cm_token;

#define CM_INDENT_LEVELS 64 /* deeper ones are not told apart */

typedef struct cm_lexer {
    cm_str text;
    size_t at;
    uint32_t line;
    uint32_t depth;
    uint32_t columns[CM_INDENT_LEVELS]; /* indentation of the open levels; [0] is 0 */
} cm_lexer;

/* `text` must stay; at most 4 GiB are read. */
void cm_lexer_init(cm_lexer *lexer, cm_str text);
/* False at the end. Blank lines and indentation before the first token make no line break; at the end
 * of the text a line break is given as if a token followed, so that the indentation of a line just
 * begun is part of what stands before a cursor. */
bool cm_lexer_next(cm_lexer *lexer, cm_token *ret_token);

/* Appends tokens as text. */
typedef struct cm_token_writer {
    cm_buf *out;
    cm_str unit;   /* one level: "\t", "    "; borrowed */
    cm_str indent; /* of the line where the text begins; borrowed */
    int level;     /* relative to it */
    bool begun;    /* whether the first token was written: it keeps its space only after that */
} cm_token_writer;

void cm_token_writer_init(cm_token_writer *w, cm_buf *out, cm_str unit, cm_str indent);
/* `text` as in cm_token. */
void cm_token_writer_add(cm_token_writer *w, cm_str text, bool space);

/* How much the line break `text` changes the level: +1, 0, -1 ...; 0 for other tokens. */
int cm_token_indent_change(cm_str text);
static inline bool cm_token_is_line(cm_str text) {
    return text.len > 0 && text.ptr[0] == '\n';
}

#endif
