/* describe.h - a parse result as text, one line each, for comparison with the case files. */
#ifndef CM_TEST_CODE_DESCRIBE_H
#define CM_TEST_CODE_DESCRIBE_H

#include "base/buf.h"
#include "code/parse.h"

static const char *const describe_kinds[] = {
    "function", "method",   "class",    "interface", "struct", "enum",   "type",
    "module",   "variable", "constant", "field",     "macro",  "import", "other"};
static const char *const describe_visibilities[] = {"-", "public", "protected", "private"};
static const char *const describe_roles[] = {"call", "read", "write", "type", "inherit", "import"};
static const char *const describe_chunks[] = {"function", "method",  "class",
                                              "block",    "comment", "lines"};
static const char *const describe_statuses[] = {"ok", "partial", "failed", "skipped"};

/* "symbol method area 12:4 lines 12-14 in Shape public | double area() | First line of doc." */
static inline void describe_symbols(const cm_parsed *parsed, cm_buf *out) {
    for (size_t i = 0; i < parsed->symbol_count; i++) {
        const cm_symbol *s = &parsed->symbols[i];
        cm_str parent = s->parent >= 0 ? parsed->symbols[s->parent].name : CM_STR("-");
        cm_str doc = s->doc, doc_line = CM_STR_EMPTY;
        cm_str_line(&doc, &doc_line);
        cm_buf_add_f(out, "symbol %s %.*s %u:%u lines %u-%u in %.*s", describe_kinds[s->kind],
                     CM_STR_ARG(s->name), s->name_line, s->name_column, s->start_line, s->end_line,
                     CM_STR_ARG(parent));
        if (s->container.len > 0) {
            cm_buf_add_f(out, " of %.*s", CM_STR_ARG(s->container));
        }
        cm_buf_add_f(out, " %s | %.*s | %.*s\n", describe_visibilities[s->visibility],
                     CM_STR_ARG(s->signature), CM_STR_ARG(doc_line));
    }
}

static inline void describe_rest(const cm_parsed *parsed, cm_buf *out) {
    for (size_t i = 0; i < parsed->import_count; i++) {
        const cm_import *m = &parsed->imports[i];
        cm_buf_add_f(out, "import %.*s name '%.*s' alias '%.*s' line %u%s\n", CM_STR_ARG(m->module),
                     CM_STR_ARG(m->name), CM_STR_ARG(m->alias), m->line,
                     m->relative ? " relative" : "");
    }
    for (size_t i = 0; i < parsed->reference_count; i++) {
        const cm_reference *r = &parsed->references[i];
        cm_str in = r->scope >= 0 ? parsed->symbols[r->scope].name : CM_STR("-");
        cm_buf_add_f(out, "reference %s %.*s %u:%u in %.*s\n", describe_roles[r->role],
                     CM_STR_ARG(r->name), r->line, r->column, CM_STR_ARG(in));
    }
    for (size_t i = 0; i < parsed->chunk_count; i++) {
        const cm_chunk *c = &parsed->chunks[i];
        cm_str of = c->symbol >= 0 ? parsed->symbols[c->symbol].name : CM_STR("-");
        cm_buf_add_f(out, "chunk %s lines %u-%u of %.*s\n", describe_chunks[c->type], c->start_line,
                     c->end_line, CM_STR_ARG(of));
    }
}

static inline void describe(const cm_parsed *parsed, cm_buf *out) {
    cm_buf_add_f(out, "status %s lines %u\n", describe_statuses[parsed->status],
                 parsed->line_count);
    describe_symbols(parsed, out);
    describe_rest(parsed, out);
}

#endif
