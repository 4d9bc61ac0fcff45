/* extract_priv.h - the parts of one extraction, shared by extract.c, trees.c, query.c, paths.c, captures.c, walk.c,
 * documentation.c and chunks.c.
 *
 * Order of work: parse; walk the tree once for comments and plain uses of names (walk.c), running the
 * language's one joined query where one of its patterns may begin (captures.c collects definitions, imports,
 * captured references, scopes and locals); attach documentation; cut chunks. */
#ifndef CM_CODE_EXTRACT_PRIV_H
#define CM_CODE_EXTRACT_PRIV_H

#include "base/map.h"
#include "code/extract.h"
#include "code/grammars.h"
#include "code/protocol.h"

/* --- a language made ready (query.c) ----------------------------------------------------------- */

enum capture_class {
    CAPTURE_DEFINITION, /* value: enum cm_symbol_kind */
    CAPTURE_NAME,
    CAPTURE_CONTAINER,
    CAPTURE_DECLARATOR,
    CAPTURE_BODY,
    CAPTURE_DOC,
    CAPTURE_REFERENCE, /* value: enum cm_reference_role */
    CAPTURE_IMPORT,
    CAPTURE_IMPORT_MODULE,
    CAPTURE_IMPORT_NAME,
    CAPTURE_IMPORT_ALIAS,
    CAPTURE_IMPORT_RELATIVE,
    CAPTURE_IMPORT_TREE,
    CAPTURE_SCOPE,
    CAPTURE_LOCAL,
    CAPTURE_LOCAL_DECLARATOR,
    CAPTURE_IGNORE, /* used by a predicate only */
};

typedef struct capture_info {
    uint8_t class;
    uint8_t value;
} capture_info;

enum symbol_flag { /* of a node type */
                   NODE_NAME = 1,
                   NODE_WRAPPER = 2,
                   NODE_COMMENT = 4,
                   NODE_ROOT = 8,  /* a pattern of the query begins at such a node */
                   NODE_PATH = 16, /* a path ends at such a node */
};

/* Where a node stands: for it and the nodes around it outwards, the field it is in (0 = none) and the type of the node
 * that has this field. */
#define PATH_STEPS_MAX 3
typedef struct node_path {
    uint32_t steps;
    TSFieldId fields[PATH_STEPS_MAX];
    TSSymbol types[PATH_STEPS_MAX];
} node_path;

/* A pattern that says only where its one captured node stands. */
typedef struct path_pattern {
    TSSymbol type; /* of the captured node */
    uint32_t steps;
    TSFieldId fields[PATH_STEPS_MAX]; /* as in node_path; 0 = any */
    TSSymbol around[PATH_STEPS_MAX];
    capture_info info;
    uint32_t pattern; /* its number in the query, which decides between captures of one name */
    uint32_t next;    /* another path with this end; 0 = none */
} path_pattern;

typedef struct cm_compiled {
    const TSLanguage *language;
    TSQuery *query;         /* NULL: the language has no query files */
    capture_info *captures; /* by capture id */
    uint8_t *flags;         /* by TSSymbol */
    uint32_t flag_count;
    path_pattern *paths; /* from 1 */
    uint32_t path_count;
    uint32_t *path_heads; /* by TSSymbol: its first path; 0 = none */
    bool
        has_roots; /* every pattern is a path or begins at a NODE_ROOT; else the query sees all nodes */
    uint8_t *member_fields; /* by TSFieldId: 1 = what stands there is a member, never a local */
    uint32_t field_count;
    TSFieldId body_field;
    TSFieldId name_field;
    bool failed;
    char failure[160];
} cm_compiled;

/* Compiled at first use; never NULL. A language that cannot be used has `failed` set. */
const cm_compiled *cm_compiled_get(cm_compiled *cache, const cm_language *language);
static inline uint8_t cm_compiled_flags(const cm_compiled *compiled, TSNode node) {
    TSSymbol symbol = ts_node_symbol(node); /* of an error node: past the table */
    return symbol < compiled->flag_count ? compiled->flags[symbol] : 0;
}
/* paths.c: takes the paths out of the query and marks where its other patterns begin. Leaves has_roots false when there
 * is a pattern without one known root. */
void cm_compiled_paths(cm_compiled *compiled, cm_str query);
void cm_compiled_done(cm_compiled *compiled);
/* Whether the predicates of `match` hold (#eq?, #not-eq?, #any-of?). */
bool cm_compiled_accepts(const cm_compiled *compiled, const TSQueryMatch *match, cm_str text);

/* --- one run ----------------------------------------------------------------------------------- */

typedef struct span {
    uint32_t start, end; /* bytes */
} span;

typedef struct definition {
    span range; /* with its wrappers */
    span own;   /* the captured node alone */
    span name;
    span container;
    span body; /* end 0: none */
    span doc;  /* captured documentation; end 0: none */
    uint32_t pattern;
    uint8_t kind;
} definition;

typedef struct use {
    span name;
    uint32_t pattern;
    uint8_t role;
} use;

/* A node that may be the use of a name. */
typedef struct name_node {
    span name;
    bool is_member; /* named by another thing (a.name): never a local */
    bool
        is_name; /* in a field "name": Java calls a method by it, so a call there is a member too */
    bool is_leaf;
} name_node;

typedef struct cm_run {
    cm_extractor *extractor;
    const cm_compiled *compiled;
    const cm_language *language;
    const cm_extract_limits *limits;
    cm_str text;
    cm_str parsed_text; /* what the grammar sees: the text, or its masked copy */
    TSTree *tree;
    cm_extraction *out;
    uint32_t ticks;
    bool stopped;
} cm_run;

/* The last tree of a file that is being edited, and the text it is of. */
typedef struct kept_tree {
    uint64_t document; /* cm_extract_limits.document */
    TSTree *tree;      /* NULL: this place is free */
    char *text;        /* as the grammar saw it; owned */
    size_t len;        /* of the text */
    uint64_t used;     /* the larger, the later */
} kept_tree;

typedef struct cm_trees {
    kept_tree all[CM_TREES_MAX];
    size_t count, bytes; /* trees, and of their texts */
    uint64_t clock;
} cm_trees;

struct cm_extractor {
    TSParser *parser;
    TSQueryCursor *cursor;
    cm_compiled *compiled; /* by language index */
    cm_trees trees;
    /* Scratch of the current run, kept for the next. */
    CM_VEC(uint32_t) lines; /* start offset of each line */
    CM_VEC(definition) definitions;
    CM_VEC(use) uses;
    CM_VEC(span) scopes;
    CM_VEC(span) locals;
    CM_VEC(span) imports;
    CM_VEC(span) comments;
    CM_VEC(name_node) names;
    cm_buf masked;
    cm_map64 *local_names; /* hash of (name, scope) -> 1 */
    uint64_t local_bloom[64];
};

/* True when the deadline passed or the parent asked to stop; sticky. */
bool cm_run_stopped(cm_run *run);
/* The same, but looks at the clock only every 256th call. */
bool cm_run_tick(cm_run *run);

uint32_t cm_run_line(const cm_run *run, uint32_t offset); /* 1-based */
static inline cm_str cm_run_text(const cm_run *run, span s) {
    return cm_str_sub(run->text, s.start, s.end - s.start);
}
static inline span node_span(TSNode node) {
    return (span){ts_node_start_byte(node), ts_node_end_byte(node)};
}

/* mask.c: `text` with macros that break the grammar as blanks. False when out of memory. */
bool cm_mask_macros(cm_str text, cm_buf *out);
/* declarator.c: what a C declarator declares. */
typedef struct declarator {
    span name;
    span container;    /* `Foo` of `Foo::bar`; end 0: none */
    bool is_function;  /* the name itself is a function's: `*f(void)`, not `(*f)(void)` */
    bool has_function; /* a function is anywhere in it */
} declarator;
bool cm_declarator_resolve(TSNode node, declarator *ret);

/* captures.c: runs the query on all of run->tree, or on the patterns that begin at `node`; adds to definitions,
 * uses, scopes, locals, imports and out->imports. Clear before the first tree of a file, sort after the last. */
void cm_run_clear(cm_run *run);
void cm_run_captures(cm_run *run);
void cm_run_captures_at(cm_run *run, TSNode node);
/* A capture that needs nothing but its node. */
void cm_run_take(cm_run *run, TSNode node, uint32_t pattern, capture_info info);
/* paths.c: what the paths that end at `node` capture. */
void cm_run_paths(cm_run *run, TSNode node, const node_path *around);
void cm_run_sort(cm_run *run);
/* segments.c: whether the tree is too broken to use, and the extraction piece by piece instead. Takes
 * the tree: afterwards run->tree is NULL. */
bool cm_run_is_broken(const cm_run *run);
void cm_run_segments(cm_run *run);
/* extract.c: parses [start, end) of the text, with what `old` (edited to fit, or NULL) has of it; NULL when stopped. */
TSTree *cm_run_parse(cm_run *run, const TSTree *old, uint32_t start, uint32_t end);
/* trees.c: the tree of the text made from the document's last one; NULL: there is none, it cannot be trusted, or the
 * run was stopped. Keep: remembers run->tree as the document's last. */
TSTree *cm_trees_parse(cm_run *run);
void cm_trees_keep(cm_run *run);
void cm_trees_done(cm_trees *kept);
/* captures.c: definitions -> out->symbols with parents, signatures, documentation and visibility. */
void cm_run_symbols(cm_run *run);
/* walk.c: the walk over run->tree collects captures, comments (documentation needs them before the symbols are
 * made) and names; afterwards the names become references with the symbol around each. */
void cm_run_walk(cm_run *run);
void cm_run_references(cm_run *run);
/* documentation.c */
cm_wire_slice cm_run_signature(cm_run *run, const definition *d);
cm_wire_slice cm_run_documentation(cm_run *run, const definition *d);
uint8_t cm_run_visibility(const cm_run *run, const definition *d, const cm_wire_symbol *parent);
/* imports.c: adds one written import; a tree such as `a::{b, c as d}` becomes several,
 * each behind `prefix` (PHP keeps it outside the braces). */
void cm_run_add_import(cm_run *run, cm_str module, cm_str name, cm_str alias, bool relative,
                       uint32_t line);
void cm_run_add_import_tree(cm_run *run, cm_str prefix, cm_str tree, uint32_t line);
/* scope_tree.c: the candidate lies at [start, end) of the text. */
cm_rc cm_run_scope_end(cm_run *run, size_t start, size_t end, cm_scope_end *ret_end, cm_err *err);
/* chunks.c */
void cm_run_chunks(cm_run *run);

#endif
