/* scope_tree.c - the same question as scope_end.h, answered by the syntax tree inside a worker.
 *
 * The text is parsed as if the candidate had been accepted. A cursor inside an ERROR node means the tree
 * was guessed there; the caller then falls back to brackets. */
#include "code/extract_priv.h"

#define PATH_MAX_DEPTH 256

typedef struct path {
    TSNode nodes[PATH_MAX_DEPTH]; /* open at the cursor, outermost first */
    size_t depth;
} path;

/* The token that closes a block: `}` or a keyword (end, fi, done); a null node when it has none. */
static TSNode closing_token(TSNode node) {
    uint32_t count = ts_node_child_count(node);
    TSNode last = count > 1 ? ts_node_child(node, count - 1) : (TSNode){0};
    if (ts_node_is_null(last) || ts_node_is_named(last) || ts_node_is_missing(last)) {
        return (TSNode){0};
    }
    const char *type = ts_node_type(last);
    bool closes = type[0] == '}' || strcmp(type, "end") == 0 || strcmp(type, "fi") == 0 ||
                  strcmp(type, "done") == 0;
    return closes ? last : (TSNode){0};
}

static bool is_block(const cm_run *run, TSNode node) {
    return !ts_node_is_null(closing_token(node)) ||
           (run->language->indents && strstr(ts_node_type(node), "block"));
}

/* Child of `node` that is open at `offset`, or null. A block made by indentation starts with its first
 * statement, so a cursor right there is already inside. */
static TSNode child_around(const cm_run *run, TSNode node, uint32_t offset) {
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    TSNode found = {0};
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        uint32_t start = ts_node_start_byte(child);
        bool opens_here = start == offset && run->language->indents && is_block(run, child);
        if (start >= offset && !opens_here) {
            break;
        }
        if (ts_node_end_byte(child) > offset) {
            found = child;
            break;
        }
    }
    ts_tree_cursor_delete(&cursor);
    return found;
}

/* False when the cursor lies in something that did not parse. */
static bool find_path(const cm_run *run, TSNode root, uint32_t offset, path *p) {
    p->depth = 0;
    TSNode node = root;
    while (!ts_node_is_null(node) && p->depth < PATH_MAX_DEPTH) {
        if (ts_node_is_error(node)) {
            return false;
        }
        p->nodes[p->depth++] = node;
        node = child_around(run, node, offset);
    }
    return p->depth > 0;
}

static size_t into_candidate(uint32_t offset, size_t start, size_t end) {
    return offset >= start && offset <= end ? offset - start : end - start;
}

/* First child of `block` that begins in the candidate; the statement when the cursor stood between two. */
static TSNode first_statement(TSNode block, size_t start, size_t end) {
    TSTreeCursor cursor = ts_tree_cursor_new(block);
    TSNode found = {0};
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more; more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        if (ts_node_is_named(child) && ts_node_start_byte(child) >= start) {
            found = ts_node_start_byte(child) < end ? child : (TSNode){0};
            break;
        }
    }
    ts_tree_cursor_delete(&cursor);
    return found;
}

static void block_and_statement(const cm_run *run, const path *p, size_t start, size_t end,
                                cm_scope_end *ret) {
    size_t i = p->depth;
    while (i > 1 && !is_block(run, p->nodes[i - 1])) {
        i--;
    }
    TSNode block = p->nodes[i - 1];
    if (i > 1) {
        TSNode closing = closing_token(block);
        ret->block = into_candidate(ts_node_is_null(closing) ? ts_node_end_byte(block)
                                                             : ts_node_start_byte(closing),
                                    start, end);
    }
    TSNode statement = i < p->depth ? p->nodes[i] : first_statement(block, start, end);
    if (!ts_node_is_null(statement)) {
        ret->statement = into_candidate(ts_node_end_byte(statement), start, end);
    }
}

/* The innermost unit around the cursor that ends in the candidate, else the first begun there. */
static void unit_end(cm_run *run, size_t start, size_t end, cm_scope_end *ret) {
    cm_extractor *x = run->extractor;
    ts_query_cursor_set_byte_range(x->cursor, (uint32_t)start, (uint32_t)end);
    cm_run_clear(run);
    cm_run_captures(run);
    ts_query_cursor_set_byte_range(x->cursor, 0, UINT32_MAX);
    uint32_t best = 0, best_start = 0;
    for (size_t i = 0; i < x->definitions.count; i++) {
        const definition *d = &x->definitions.items[i];
        bool ends_inside = d->own.end > start && d->own.end <= end;
        if (d->kind > CM_SYMBOL_ENUM || !ends_inside) {
            continue;
        }
        bool is_around = d->own.start < start;
        bool better = best == 0 || (is_around ? best_start >= start || d->own.start > best_start
                                              : best_start >= start && d->own.start < best_start);
        if (better) {
            best = d->own.end;
            best_start = d->own.start;
        }
    }
    if (best > 0) {
        ret->unit = best - start;
    }
}

cm_rc cm_run_scope_end(cm_run *run, size_t start, size_t end, cm_scope_end *ret_end, cm_err *err) {
    path p;
    if (!find_path(run, ts_tree_root_node(run->tree), (uint32_t)start, &p)) {
        return cm_fail(err, CM_UNSUPPORTED_LANGUAGE, "the text does not parse at the cursor");
    }
    cm_scope_end ret = {
        .statement = end - start, .block = end - start, .unit = end - start, .parsed = true};
    block_and_statement(run, &p, start, end, &ret);
    unit_end(run, start, end, &ret);
    *ret_end = ret;
    return CM_OK;
}
