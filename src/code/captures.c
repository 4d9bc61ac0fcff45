/* captures.c - what the query found: definitions, imports, references with a role, scopes.
 *
 * Several patterns may match one name ("a function" and, for the same node, "a function inside a
 * class"). The pattern declared last wins, so query files go from the general to the special. */
#include "code/extract_priv.h"

#define NAME_BYTES_MAX 256u /* longer "names" are generated text or a broken parse */

typedef struct parts {
    definition definition;
    bool defines;
    bool has_name;
    bool has_declarator;
    declarator declarator;
    span import, module, import_name, alias, tree;
    bool relative;
} parts;

static void add_use(cm_run *run, TSNode node, uint32_t pattern, uint8_t role) {
    use u = {.name = node_span(node), .pattern = pattern, .role = role};
    if (!cm_vec_push(&run->extractor->uses, u)) {
        run->stopped = true;
    }
}

static void add_span(cm_run *run, TSNode node, bool is_scope) {
    cm_extractor *x = run->extractor;
    bool ok = is_scope ? cm_vec_push(&x->scopes, node_span(node))
                       : cm_vec_push(&x->locals, node_span(node));
    run->stopped |= !ok;
}

static bool has_twin_before(TSNode node) {
    TSNode previous = ts_node_prev_named_sibling(node);
    while (!ts_node_is_null(previous) && ts_node_is_extra(previous)) {
        previous = ts_node_prev_named_sibling(previous);
    }
    return !ts_node_is_null(previous) && ts_node_symbol(previous) == ts_node_symbol(node);
}

/* The node with the export, decorators or template around it. A declaration of several things
 * (Go's `type ( ... )`) belongs to none of them. */
static TSNode wrapped(const cm_run *run, TSNode node) {
    for (int depth = 0; depth < 8; depth++) {
        TSNode parent = ts_node_parent(node);
        if (ts_node_is_null(parent) || !(cm_compiled_flags(run->compiled, parent) & NODE_WRAPPER) ||
            !ts_node_is_null(ts_node_next_named_sibling(node)) || has_twin_before(node)) {
            return node;
        }
        node = parent;
    }
    return node;
}

static void take_definition(cm_run *run, parts *p, TSNode node, uint8_t kind) {
    p->defines = true;
    p->definition.kind = kind;
    p->definition.own = node_span(node);
    p->definition.range = node_span(wrapped(run, node));
    if (p->definition.body.end == 0 && run->compiled->body_field != 0) {
        TSNode body = ts_node_child_by_field_id(node, run->compiled->body_field);
        if (!ts_node_is_null(body)) {
            p->definition.body = node_span(body);
        }
    }
}

static void take_declarator(parts *p, TSNode node) {
    if (cm_declarator_resolve(node, &p->declarator)) {
        p->definition.name = p->declarator.name;
        p->definition.container = p->declarator.container;
        p->has_name = p->has_declarator = true;
    }
}

static void add_local_declarator(cm_run *run, TSNode node) {
    declarator d;
    if (cm_declarator_resolve(node, &d)) {
        run->stopped |= !cm_vec_push(&run->extractor->locals, d.name);
    }
}

/* What the declarator makes of the definition: a field that is a function is a method, a variable that
 * is one is a prototype, a function outside its class is a method too. */
static void apply_declarator(parts *p) {
    uint8_t *kind = &p->definition.kind;
    if (*kind == CM_SYMBOL_VARIABLE || *kind == CM_SYMBOL_FIELD) {
        bool is_prototype = p->declarator.is_function && *kind == CM_SYMBOL_VARIABLE;
        p->defines = !is_prototype;
        *kind = p->declarator.is_function ? CM_SYMBOL_METHOD : *kind;
    } else if (*kind == CM_SYMBOL_FUNCTION && p->declarator.container.end > 0) {
        *kind = CM_SYMBOL_METHOD;
    }
}

static void take_capture(cm_run *run, parts *p, const TSQueryMatch *match, TSNode node,
                         capture_info info) {
    switch ((enum capture_class)info.class) {
    case CAPTURE_DEFINITION: take_definition(run, p, node, info.value); break;
    case CAPTURE_NAME:
        p->definition.name = node_span(node);
        /* Ruby's `attr_reader :size` defines size. */
        p->definition.name.start += run->text.ptr[p->definition.name.start] == ':';
        p->has_name = true;
        break;
    case CAPTURE_DECLARATOR: take_declarator(p, node); break;
    case CAPTURE_CONTAINER: p->definition.container = node_span(node); break;
    case CAPTURE_BODY: p->definition.body = node_span(node); break;
    case CAPTURE_DOC: p->definition.doc = node_span(node); break;
    case CAPTURE_REFERENCE: add_use(run, node, match->pattern_index, info.value); break;
    case CAPTURE_IMPORT: p->import = node_span(node); break;
    case CAPTURE_IMPORT_MODULE: p->module = node_span(node); break;
    case CAPTURE_IMPORT_NAME: p->import_name = node_span(node); break;
    case CAPTURE_IMPORT_ALIAS: p->alias = node_span(node); break;
    case CAPTURE_IMPORT_RELATIVE: p->relative = true; break;
    case CAPTURE_IMPORT_TREE: p->tree = node_span(node); break;
    case CAPTURE_SCOPE: add_span(run, node, true); break;
    case CAPTURE_LOCAL: add_span(run, node, false); break;
    case CAPTURE_LOCAL_DECLARATOR: add_local_declarator(run, node); break;
    case CAPTURE_IGNORE: break;
    }
}

static void finish_import(cm_run *run, const parts *p) {
    if (!cm_vec_push(&run->extractor->imports, p->import)) {
        run->stopped = true;
    }
    uint32_t line = cm_run_line(run, p->import.start);
    if (p->tree.end > 0) {
        cm_run_add_import_tree(run, cm_run_text(run, p->module), cm_run_text(run, p->tree), line);
    } else if (p->module.end > 0) {
        cm_run_add_import(run, cm_run_text(run, p->module), cm_run_text(run, p->import_name),
                          cm_run_text(run, p->alias), p->relative, line);
    }
}

static bool name_is_usable(cm_str name) {
    return name.len > 0 && name.len <= NAME_BYTES_MAX && cm_str_find_char(name, '\n') == SIZE_MAX;
}

static void take_match(cm_run *run, const TSQueryMatch *match) {
    parts p = {0};
    p.definition.pattern = match->pattern_index;
    for (uint16_t i = 0; i < match->capture_count; i++) {
        const TSQueryCapture *capture = &match->captures[i];
        take_capture(run, &p, match, capture->node, run->compiled->captures[capture->index]);
    }
    if (p.has_declarator) {
        apply_declarator(&p);
    }
    if (p.defines && p.has_name && name_is_usable(cm_run_text(run, p.definition.name))) {
        run->stopped |= !cm_vec_push(&run->extractor->definitions, p.definition);
    }
    if (p.import.end > 0) {
        finish_import(run, &p);
    }
}

static bool query_progress(TSQueryCursorState *state) {
    return cm_run_tick(state->payload);
}

static int by_name_then_pattern(const void *a, const void *b) {
    const definition *x = a, *y = b;
    if (x->name.start != y->name.start) {
        return x->name.start < y->name.start ? -1 : 1;
    }
    return x->pattern < y->pattern ? -1 : x->pattern > y->pattern;
}

static int by_use_then_pattern(const void *a, const void *b) {
    const use *x = a, *y = b;
    if (x->name.start != y->name.start) {
        return x->name.start < y->name.start ? -1 : 1;
    }
    return x->pattern < y->pattern ? -1 : x->pattern > y->pattern;
}

static int by_start(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return x->end > y->end ? -1 : x->end < y->end;
}

static int by_range(const void *a, const void *b) {
    const definition *x = a, *y = b;
    int order = by_start(&x->range, &y->range);
    return order != 0 ? order : by_start(&x->name, &y->name);
}

/* Of the definitions of one name only the last pattern's stays; documentation found by another
 * pattern is kept. */
static void keep_last_patterns(cm_run *run) {
    cm_extractor *x = run->extractor;
    if (x->definitions.count == 0) {
        return;
    }
    qsort(x->definitions.items, x->definitions.count, sizeof(definition), by_name_then_pattern);
    size_t kept = 0;
    for (size_t i = 1; i < x->definitions.count; i++) {
        definition *last = &x->definitions.items[kept];
        definition next = x->definitions.items[i];
        if (next.name.start == last->name.start) {
            next.doc = next.doc.end > 0 ? next.doc : last->doc;
            next.container = next.container.end > 0 ? next.container : last->container;
            *last = next;
        } else {
            x->definitions.items[++kept] = next;
        }
    }
    x->definitions.count = kept + 1;
}

void cm_run_sort(cm_run *run) {
    cm_extractor *x = run->extractor;
    keep_last_patterns(run);
    if (x->uses.count > 1) {
        qsort(x->uses.items, x->uses.count, sizeof(use), by_use_then_pattern);
    }
    if (x->scopes.count > 1) {
        qsort(x->scopes.items, x->scopes.count, sizeof(span), by_start);
    }
    if (x->locals.count > 1) {
        qsort(x->locals.items, x->locals.count, sizeof(span), by_start);
    }
    if (x->imports.count > 1) {
        qsort(x->imports.items, x->imports.count, sizeof(span), by_start);
    }
}

static void run_query(cm_run *run, TSNode node, uint32_t start_depth_max) {
    cm_extractor *x = run->extractor;
    TSQueryCursorOptions options = {.payload = run, .progress_callback = query_progress};
    ts_query_cursor_set_max_start_depth(x->cursor, start_depth_max);
    ts_query_cursor_exec_with_options(x->cursor, run->compiled->query, node, &options);
    TSQueryMatch match;
    while (!cm_run_tick(run) && ts_query_cursor_next_match(x->cursor, &match)) {
        if (cm_compiled_accepts(run->compiled, &match, run->text)) {
            take_match(run, &match);
        }
    }
}

void cm_run_captures(cm_run *run) {
    if (run->compiled->query) {
        run_query(run, ts_tree_root_node(run->tree), UINT32_MAX);
    }
}

void cm_run_captures_at(cm_run *run, TSNode node) {
    run_query(run, node, 0);
}

void cm_run_take(cm_run *run, TSNode node, uint32_t pattern, capture_info info) {
    if (info.class == CAPTURE_REFERENCE) {
        add_use(run, node, pattern, info.value);
    } else {
        add_span(run, node, info.class == CAPTURE_SCOPE);
    }
}

void cm_run_clear(cm_run *run) {
    cm_extractor *x = run->extractor;
    cm_vec_clear(&x->definitions);
    cm_vec_clear(&x->uses);
    cm_vec_clear(&x->scopes);
    cm_vec_clear(&x->locals);
    cm_vec_clear(&x->imports);
    cm_vec_clear(&x->comments);
    cm_vec_clear(&x->names);
}

/* --- symbols ----------------------------------------------------------------------------------- */

static void add_symbol(cm_run *run, const definition *d, int32_t parent) {
    cm_extraction *out = run->out;
    const cm_wire_symbol *around = parent >= 0 ? &out->symbols.items[parent] : NULL;
    uint32_t name_line = cm_run_line(run, d->name.start);
    cm_wire_symbol symbol = {
        .name = {d->name.start, d->name.end - d->name.start},
        .start_byte = d->range.start,
        .end_byte = d->range.end,
        .start_line = cm_run_line(run, d->range.start),
        .end_line =
            cm_run_line(run, d->range.end > d->range.start ? d->range.end - 1 : d->range.end),
        .name_line = name_line,
        .name_column = d->name.start - run->extractor->lines.items[name_line - 1],
        .parent = parent,
        .kind = d->kind,
        .visibility = cm_run_visibility(run, d, around),
        .signature = cm_run_signature(run, d),
        .doc = cm_run_documentation(run, d),
    };
    cm_str container = cm_run_text(run, d->container);
    if (name_is_usable(container)) {
        symbol.container = (cm_wire_slice){d->container.start, (uint32_t)container.len};
    }
    run->stopped |= !cm_vec_push(&out->symbols, symbol);
}

static bool is_type(uint8_t kind) {
    return kind == CM_SYMBOL_CLASS || kind == CM_SYMBOL_STRUCT || kind == CM_SYMBOL_ENUM;
}

void cm_run_symbols(cm_run *run) {
    cm_extractor *x = run->extractor;
    cm_extraction *out = run->out;
    if (x->definitions.count > 1) {
        qsort(x->definitions.items, x->definitions.count, sizeof(definition), by_range);
    }
    for (size_t i = 0; i < x->definitions.count && !cm_run_tick(run); i++) {
        const definition *d = &x->definitions.items[i];
        if (out->symbols.count >= CM_WIRE_SYMBOLS_MAX) {
            out->header.status = CM_PARSE_PARTIAL;
            break;
        }
        int32_t parent = (int32_t)out->symbols.count - 1;
        while (parent >= 0 && out->symbols.items[parent].end_byte < d->range.end) {
            parent = out->symbols.items[parent].parent;
        }
        /* `int a, b;` has two symbols with one range: neighbours, not parent and child. */
        while (parent >= 0 && out->symbols.items[parent].start_byte == d->range.start &&
               out->symbols.items[parent].end_byte == d->range.end) {
            parent = out->symbols.items[parent].parent;
        }
        /* C's `typedef struct point {...} point;`: two names of one thing, not one inside the other. */
        while (parent >= 0 && out->symbols.items[parent].kind == CM_SYMBOL_TYPE &&
               is_type(d->kind)) {
            parent = out->symbols.items[parent].parent;
        }
        add_symbol(run, d, parent);
    }
}
