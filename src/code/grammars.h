/* grammars.h - the tree-sitter side of the language table: entry points and queries.
 *
 * Only code that runs in a parse worker (or in a test of it) may include this: whatever refers to
 * cm_grammar_rows links every grammar, and grammars are not trusted inside the server.
 *
 * Thread: immutable. */
#ifndef CM_CODE_GRAMMARS_H
#define CM_CODE_GRAMMARS_H

#include "base/str.h"
#include <tree_sitter/api.h>

typedef struct cm_grammar {
    const TSLanguage *(*entry)(void); /* NULL: the language has no grammar */
    cm_str_list names;                /* node types that use a name */
    cm_str_list wrappers;             /* node types around a definition that belong to it */
    bool macros;  /* a preprocessor: macros that break the grammar are hidden from it */
    cm_str query; /* all query files joined */
} cm_grammar;

extern const cm_grammar cm_grammar_rows[]; /* same order as cm_language_all */

#endif
