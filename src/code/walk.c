/* walk.c - what no query says: comments, and every plain use of a name.
 *
 * One walk over all nodes of the tree is several times cheaper than a pattern that captures each
 * identifier. Captured references only refine the role of what the walk meets. Uses of locals
 * (parameters, variables of a function) are left out: they are most of the uses in a file and nobody
 * looks for them from another one. */
#include "base/hash.h"
#include "code/extract_priv.h"

#include <tree_sitter/preorder.h>

#define SCOPES_OPEN_MAX 64u
#define NAME_BYTES_MAX  256u

static void visit(cm_run *run, TSNode node, uint8_t flags, const node_path *around) {
    cm_extractor *x = run->extractor;
    bool ok;
    if (flags & NODE_COMMENT) {
        ok = cm_vec_push(&x->comments, node_span(node));
    } else {
        TSFieldId field = around->fields[0];
        name_node name = {
            .name = node_span(node),
            .is_member = field < run->compiled->field_count && run->compiled->member_fields[field],
            .is_name = field != 0 && field == run->compiled->name_field,
            .is_leaf = ts_node_child_count(node) == 0,
        };
        ok = name.name.end == name.name.start || cm_vec_push(&x->names, name);
    }
    run->stopped |= !ok;
}

/* Pre-order over the nodes that have a flag; leaves a comment's inside out. Asking the query only where a pattern
 * begins costs a fraction of letting it see every node. */
void cm_run_walk(cm_run *run) {
    const cm_compiled *compiled = run->compiled;
    if (!compiled->has_roots) {
        cm_run_captures(run);
    }
    TSPreorder *walk = ts_preorder_new(run->tree, compiled->flags, compiled->flag_count);
    bool descend = true;
    TSNode node;
    while (!cm_run_tick(run) && ts_preorder_next(walk, descend, &node)) {
        uint8_t flags = cm_compiled_flags(compiled, node);
        node_path around = {0};
        if (flags & (NODE_NAME | NODE_PATH)) {
            around.steps = ts_preorder_path(walk, PATH_STEPS_MAX, around.fields, around.types);
        }
        if (flags & (NODE_COMMENT | NODE_NAME)) {
            visit(run, node, flags, &around);
        }
        if (flags & NODE_PATH) {
            cm_run_paths(run, node, &around);
        }
        if (flags & NODE_ROOT) {
            cm_run_captures_at(run, node);
        }
        descend = !(flags & NODE_COMMENT);
    }
    ts_preorder_delete(walk);
}

/* --- locals ------------------------------------------------------------------------------------ */

typedef struct scope_stack {
    uint32_t open[SCOPES_OPEN_MAX]; /* indexes of the scopes around the current place */
    uint32_t depth;
    size_t next;
} scope_stack;

static void scopes_move_to(const cm_run *run, scope_stack *stack, uint32_t offset) {
    const cm_extractor *x = run->extractor;
    while (stack->next < x->scopes.count && x->scopes.items[stack->next].start <= offset) {
        while (stack->depth > 0 && x->scopes.items[stack->open[stack->depth - 1]].end <=
                                       x->scopes.items[stack->next].start) {
            stack->depth--;
        }
        if (stack->depth < SCOPES_OPEN_MAX) {
            stack->open[stack->depth++] = (uint32_t)stack->next;
        }
        stack->next++;
    }
    while (stack->depth > 0 && x->scopes.items[stack->open[stack->depth - 1]].end <= offset) {
        stack->depth--;
    }
}

static uint64_t local_key(uint64_t name_hash, uint32_t scope) {
    return cm_hash64_mix(name_hash, scope + 1);
}

static void collect_locals(cm_run *run) {
    cm_extractor *x = run->extractor;
    cm_map64_clear(x->local_names);
    memset(x->local_bloom, 0, sizeof(x->local_bloom));
    scope_stack stack = {0};
    for (size_t i = 0; i < x->locals.count && !cm_run_tick(run); i++) {
        cm_str name = cm_run_text(run, x->locals.items[i]);
        scopes_move_to(run, &stack, x->locals.items[i].start);
        if (stack.depth == 0) {
            continue; /* at top level a name is a symbol, not a local */
        }
        uint64_t hash = cm_hash64(name.ptr, name.len);
        x->local_bloom[(hash >> 6) & 63] |= 1ull << (hash & 63);
        if (!cm_map64_put(x->local_names, local_key(hash, stack.open[stack.depth - 1]), 1)) {
            run->stopped = true;
        }
    }
}

static bool is_local(const cm_run *run, const scope_stack *stack, cm_str name) {
    const cm_extractor *x = run->extractor;
    uint64_t hash = cm_hash64(name.ptr, name.len);
    if (!(x->local_bloom[(hash >> 6) & 63] >> (hash & 63) & 1)) {
        return false;
    }
    for (uint32_t i = stack->depth; i-- > 0;) {
        uint64_t ignored;
        if (cm_map64_get(x->local_names, local_key(hash, stack->open[i]), &ignored)) {
            return true;
        }
    }
    return false;
}

/* --- uses -------------------------------------------------------------------------------------- */

typedef struct use_walk {
    scope_stack scopes;
    size_t next_use, next_import, next_definition, next_symbol;
    int32_t symbol; /* innermost symbol around the current place */
    span *names;    /* of the definitions, in order */
    size_t name_count;
} use_walk;

/* The captured role of the name at `offset`: the last pattern's. -1 = none. */
static int captured_role(const cm_run *run, use_walk *w, uint32_t offset) {
    const cm_extractor *x = run->extractor;
    int role = -1;
    while (w->next_use < x->uses.count && x->uses.items[w->next_use].name.start <= offset) {
        if (x->uses.items[w->next_use].name.start == offset) {
            role = x->uses.items[w->next_use].role;
        }
        w->next_use++;
    }
    return role;
}

static bool is_definition_name(use_walk *w, uint32_t offset) {
    while (w->next_definition < w->name_count && w->names[w->next_definition].end <= offset) {
        w->next_definition++;
    }
    return w->next_definition < w->name_count && w->names[w->next_definition].start <= offset;
}

static bool is_in_import(const cm_run *run, use_walk *w, uint32_t offset) {
    const cm_extractor *x = run->extractor;
    while (w->next_import < x->imports.count && x->imports.items[w->next_import].end <= offset) {
        w->next_import++;
    }
    return w->next_import < x->imports.count && x->imports.items[w->next_import].start <= offset;
}

static void symbols_move_to(const cm_run *run, use_walk *w, uint32_t offset) {
    const cm_wire_symbol *symbols = run->out->symbols.items;
    while (w->next_symbol < run->out->symbols.count &&
           symbols[w->next_symbol].start_byte <= offset) {
        w->symbol = (int32_t)w->next_symbol++;
    }
    while (w->symbol >= 0 && symbols[w->symbol].end_byte <= offset) {
        /* Neighbours with one range share a parent, so this climbs out of all of them. */
        w->symbol = symbols[w->symbol].parent;
    }
}

static void add_reference(cm_run *run, use_walk *w, span name, int role) {
    cm_extraction *out = run->out;
    if (out->references.count >= CM_WIRE_REFERENCES_MAX) {
        out->header.status = CM_PARSE_PARTIAL;
        return;
    }
    symbols_move_to(run, w, name.start);
    uint32_t line = cm_run_line(run, name.start);
    cm_wire_reference reference = {
        .name_offset = name.start,
        .name_len = (uint16_t)(name.end - name.start),
        .role = (uint16_t)role,
        .line = line,
        .column = name.start - run->extractor->lines.items[line - 1],
        .scope = w->symbol,
    };
    run->stopped |= !cm_vec_push(&out->references, reference);
}

static void take_name(cm_run *run, use_walk *w, const name_node *node) {
    cm_str text = cm_run_text(run, node->name);
    uint32_t start = node->name.start;
    int role = captured_role(run, w, start);
    if (text.len > NAME_BYTES_MAX || cm_str_eq_c(text, "_") || is_definition_name(w, start) ||
        (!node->is_leaf && role < 0)) {
        return;
    }
    if (is_in_import(run, w, start)) {
        add_reference(run, w, node->name, CM_REFERENCE_IMPORT);
        return;
    }
    bool is_member = node->is_member || (node->is_name && role == CM_REFERENCE_CALL);
    if (!is_member && run->extractor->locals.count > 0) {
        scopes_move_to(run, &w->scopes, start);
        if (is_local(run, &w->scopes, text)) {
            return;
        }
    }
    add_reference(run, w, node->name, role >= 0 ? role : CM_REFERENCE_READ);
}

static int by_start(const void *a, const void *b) {
    const span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

void cm_run_references(cm_run *run) {
    cm_extractor *x = run->extractor;
    use_walk w = {.symbol = -1};
    CM_VEC(span) names = {0};
    collect_locals(run);
    for (size_t i = 0; i < x->definitions.count && !run->stopped; i++) {
        run->stopped |= !cm_vec_push(&names, x->definitions.items[i].name);
    }
    if (names.count > 1) {
        qsort(names.items, names.count, sizeof(span), by_start);
    }
    w.names = names.items;
    w.name_count = names.count;
    for (size_t i = 0; i < x->names.count && !cm_run_tick(run); i++) {
        take_name(run, &w, &x->names.items[i]);
    }
    cm_vec_done(&names);
}
