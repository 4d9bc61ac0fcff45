/* lexer.h - tokens of Go source, as far as types and declarations need them. Insiders of the search room. */
#ifndef CM_CODE_SEMANTICS_GO_LEXER_H
#define CM_CODE_SEMANTICS_GO_LEXER_H

#include "base/str.h"

enum cm_go_lex { CM_GO_LEX_END, CM_GO_LEX_WORD, CM_GO_LEX_TEXT, CM_GO_LEX_MARK };

/* Stands on one token; copying it looks ahead. */
typedef struct cm_go_lexer {
    cm_str text;
    size_t at; /* behind the token */
    cm_str token;
    enum cm_go_lex kind;
    bool spaced; /* white space or a comment stands before it */
    bool line;   /* a line feed does */
} cm_go_lexer;

cm_go_lexer cm_go_lexer_of(cm_str text); /* on the first token */
void cm_go_next(cm_go_lexer *l);
bool cm_go_is(const cm_go_lexer *l, const char *token);
size_t cm_go_token_start(const cm_go_lexer *l); /* offset in the text */
/* +1 for what opens, -1 for what closes. */
int cm_go_nesting(const cm_go_lexer *l);
/* From an opening bracket to behind the one that closes it. False at the end of the text. */
bool cm_go_skip_brackets(cm_go_lexer *l);

/* Whether a type begins with this keyword. */
bool cm_go_is_type_word(cm_str word);
/* The name a type of Go itself is compared by; NULL when it is none. */
const char *cm_go_universe(cm_str name);

#endif
