/* parse.h - what the server knows of one source file after parsing it.
 *
 * No grammar runs inside the server: tree-sitter's generated C code may overrun its buffers or take
 * seconds on hostile input (docs/design/grammars.md). cm_parse_file hands the text to a parse-worker process and
 * reads back this compact result; trees never cross. A worker that dies or overruns its limits is
 * replaced, and the file comes back as text: status CM_PARSE_FAILED, line chunks, no symbols.
 *
 * All strings and arrays live in the caller's arena, except slices marked "into text". Lines are
 * 1-based and inclusive; columns and byte offsets 0-based.
 *
 * Thread: any (a pool of workers serves concurrent callers). */
#ifndef CM_CODE_PARSE_H
#define CM_CODE_PARSE_H

#include "base/arena.h"
#include "base/err.h"
#include "rt/cancel.h"

typedef struct cm_language cm_language; /* one row of spec/languages.toml, see languages.h */

enum cm_symbol_kind {
    CM_SYMBOL_FUNCTION,
    CM_SYMBOL_METHOD,
    CM_SYMBOL_CLASS,
    CM_SYMBOL_INTERFACE,
    CM_SYMBOL_STRUCT,
    CM_SYMBOL_ENUM,
    CM_SYMBOL_TYPE,
    CM_SYMBOL_MODULE,
    CM_SYMBOL_VARIABLE,
    CM_SYMBOL_CONSTANT,
    CM_SYMBOL_FIELD,
    CM_SYMBOL_MACRO,
    CM_SYMBOL_IMPORT,
    CM_SYMBOL_OTHER,
    CM_SYMBOL_KIND_COUNT
};

typedef struct cm_symbol {
    cm_str name; /* into text */
    cm_str
        signature; /* first line of the definition without its body, white space folded, <= 256 bytes */
    cm_str doc; /* comment or docstring that belongs to it, <= 1,024 bytes; may be empty */
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    uint32_t name_line, name_column; /* line 1-based, column in bytes */
    int32_t parent; /* index of the enclosing symbol, always smaller than its own; -1 = top level */
    cm_str
        container; /* into text: the type it belongs to when that is written instead of nested (Go's
                         receiver, the `Foo` of C++ `Foo::bar`); else empty */
    uint8_t kind;  /* enum cm_symbol_kind */
    uint8_t visibility; /* 0 unknown, 1 public, 2 protected, 3 private */
} cm_symbol;

enum cm_reference_role {
    CM_REFERENCE_CALL,
    CM_REFERENCE_READ,
    CM_REFERENCE_WRITE,
    CM_REFERENCE_TYPE,
    CM_REFERENCE_INHERIT,
    CM_REFERENCE_IMPORT,
};

typedef struct cm_reference {
    cm_str name;           /* into text */
    uint32_t line, column; /* column in bytes */
    int32_t scope;         /* index of the enclosing symbol, -1 = top level */
    uint8_t role;          /* enum cm_reference_role */
} cm_reference;

typedef struct cm_import {
    cm_str module; /* as written, without quotes: "os.path", "./util", "stdio.h" */
    cm_str name;   /* what is taken from it; empty = the module itself, "*" = all */
    cm_str alias;  /* local name when it differs */
    uint32_t line;
    bool relative; /* by the language's rules: "./x", `from . import`, #include "x" */
} cm_import;

enum cm_chunk_type {
    CM_CHUNK_FUNCTION,
    CM_CHUNK_METHOD,
    CM_CHUNK_CLASS,
    CM_CHUNK_BLOCK,
    CM_CHUNK_COMMENT,
    CM_CHUNK_LINES,
};

typedef struct cm_chunk {
    uint32_t start_byte, end_byte;
    uint32_t start_line, end_line;
    int32_t symbol;   /* index of the symbol it holds or belongs to, -1 = none */
    uint8_t type;     /* enum cm_chunk_type */
    float importance; /* 0..1 */
} cm_chunk;

/* How a file is cut into chunks (repositories.config.chunk_strategy). */
enum cm_chunk_strategy {
    CM_CHUNKS_AST_AWARE,   /* units of the language; big ones split between statements */
    CM_CHUNKS_SEMANTIC,    /* paragraphs: cut at blank lines and headings, any text */
    CM_CHUNKS_FIXED_LINES, /* every CM_CHUNK_LINES_TARGET lines */
};

enum cm_parse_status { CM_PARSE_OK, CM_PARSE_PARTIAL, CM_PARSE_FAILED, CM_PARSE_SKIPPED };

typedef struct cm_parsed {
    const cm_language *language; /* NULL = plain text */
    enum cm_parse_status status; /* PARTIAL: the tree has error nodes, symbols are still found */
    cm_str failure; /* why FAILED or SKIPPED: "worker died", "over the time limit" ... */
    bool
        is_blameless; /* FAILED, and the text had no part in it: another time it may well be parsed */
    uint32_t line_count;
    const cm_symbol *symbols; /* in order of start_byte; parents before children */
    size_t symbol_count;
    const cm_reference *references; /* in order of position */
    size_t reference_count;
    const cm_import *imports;
    size_t import_count;
    const cm_chunk *chunks; /* cover the file in order, never overlap */
    size_t chunk_count;
} cm_parsed;

#endif
