/* languages.h - the languages CodeMentor knows: one row of spec/languages.toml each.
 *
 * The rows are generated at build time and read-only. Which grammar parses a language, and its
 * queries, are known only to the parse worker (grammars.h); everything else is here, so that a
 * program that never parses links no grammar.
 *
 * Thread: any. */
#ifndef CM_CODE_LANGUAGES_H
#define CM_CODE_LANGUAGES_H

#include "base/str.h"

/* How a definition shows who may use it. */
enum cm_visibility_rule {
    CM_VISIBILITY_NONE,       /* the language has none, or it can't be seen at the definition */
    CM_VISIBILITY_MODIFIER,   /* public, protected, private in front (Java, C#, TypeScript) */
    CM_VISIBILITY_CAPITAL,    /* an upper-case first letter is public (Go) */
    CM_VISIBILITY_UNDERSCORE, /* a leading underscore is private (Python, Dart) */
    CM_VISIBILITY_KEYWORD,    /* public only with a keyword: pub, export (Rust, Zig) */
    CM_VISIBILITY_STATIC,     /* `static` at top level is private to the file (C) */
    CM_VISIBILITY_SECTION,    /* a label opens a section: `private:` (C++, Ruby) */
};

typedef struct cm_language {
    cm_str id;   /* "cpp": the name used in the API, the database and on disk */
    cm_str name; /* "C++" */
    uint16_t index;
    bool has_grammar;    /* false: plain text with known comments */
    bool is_markup;      /* prose, data or style: no functions to find */
    bool indents;        /* blocks are made by indentation */
    bool whole;          /* parsed whole at every edit: its scanner reads state it never set */
    uint8_t visibility;  /* enum cm_visibility_rule */
    cm_str line_comment; /* "//"; empty when the language has none */
    cm_str block_open;   /* "/ *" without the blank; empty when none */
    cm_str block_close;
    cm_str quotes;          /* characters that open a string */
    cm_str_list aliases;    /* other names: "c++", "golang", an editor's languageId */
    cm_str_list extensions; /* without dot, lower case; the first is the usual one */
    cm_str_list filenames;  /* whole names, "Makefile", or with a star: "Dockerfile.*" */
    cm_str_list shebangs;   /* program names: "python3" is found by "python" */
} cm_language;

/* All rows, in order of id. */
const cm_language *cm_language_all(size_t *ret_count);
/* Another number when any row or query file is another: what was read with them before is to be read again. */
uint64_t cm_language_rules(void);
/* By index (as stored in one process's results; not stable across versions); NULL out of range. */
const cm_language *cm_language_at(size_t index);
/* By id or alias, any case; NULL when unknown. */
const cm_language *cm_language_find(cm_str id);
/* By file name, then `#!` line, then a look at the contents where an extension is shared (.h, .m).
 * `text` may be empty. NULL = plain text. */
const cm_language *cm_language_detect(cm_str path, cm_str text);

#endif
