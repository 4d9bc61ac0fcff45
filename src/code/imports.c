/* imports.c - an import statement's text to (module, name, alias) rows.
 *
 * Most languages give module and names as nodes of their own. Rust's `use a::{b, c::D as E}`, PHP's group
 * `use` and Scala's imports nest them in braces; they are expanded here as text, depth first and bounded. */
#include "code/extract_priv.h"

#define TREE_DEPTH_MAX 16

static cm_str unquote(cm_str s) {
    s = cm_str_trim(s);
    if (s.len >= 2) {
        char first = s.ptr[0], last = s.ptr[s.len - 1];
        if ((first == last && strchr("\"'`", first)) || (first == '<' && last == '>')) {
            return cm_str_sub(s, 1, s.len - 2);
        }
    }
    return s;
}

/* A pattern for "import x" also matches "import x as y": of the two rows the fuller one stays. */
static bool repeats_last(cm_run *run, cm_str module, cm_str name, cm_str alias, uint32_t line) {
    cm_extraction *out = run->out;
    if (out->imports.count == 0) {
        return false;
    }
    const cm_wire_import *last = cm_vec_last(&out->imports);
    cm_str strings = cm_buf_str(&out->strings);
    bool is_same = last->line == line &&
                   cm_str_eq(cm_str_sub(strings, last->module.offset, last->module.len), module);
    if (is_same && last->name.len + last->alias.len == 0) {
        out->imports.count--;
        return false;
    }
    return is_same && name.len + alias.len == 0;
}

void cm_run_add_import(cm_run *run, cm_str module, cm_str name, cm_str alias, bool relative,
                       uint32_t line) {
    cm_extraction *out = run->out;
    module = unquote(module);
    if (module.len == 0 || module.len > 1024 || name.len > 512 || alias.len > 512) {
        return;
    }
    if (out->imports.count >= CM_WIRE_IMPORTS_MAX) {
        out->header.status = CM_PARSE_PARTIAL;
        return;
    }
    if (repeats_last(run, module, name, alias, line)) {
        return;
    }
    cm_wire_import import = {
        .module = cm_extraction_add(out, module),
        .name = cm_extraction_add(out, cm_str_trim(name)),
        .alias = cm_extraction_add(out, cm_str_trim(alias)),
        .line = line,
        .relative = relative || module.ptr[0] == '.',
    };
    run->stopped |= !cm_vec_push(&out->imports, import);
}

/* Takes the part before the next comma outside braces. */
static bool next_item(cm_str *rest, cm_str *ret_item) {
    if (rest->len == 0) {
        return false;
    }
    int depth = 0;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        depth += c == '{';
        depth -= c == '}';
        if (c == ',' && depth == 0) {
            *ret_item = cm_str_trim(cm_str_sub(*rest, 0, i));
            *rest = cm_str_from_offset(*rest, i + 1);
            return true;
        }
    }
    *ret_item = cm_str_trim(*rest);
    *rest = CM_STR_EMPTY;
    return true;
}

static size_t separator_len(cm_str path) {
    return cm_str_ends(path, CM_STR("::")) ? 2 : cm_str_ends(path, CM_STR("\\")) ? 1 : 0;
}

/* Splits "a::b::C as D" into module "a::b", name "C", alias "D". */
static void add_leaf(cm_run *run, cm_str path, uint32_t line) {
    cm_str alias = CM_STR_EMPTY;
    size_t as = CM_MIN(cm_str_find(path, CM_STR(" as ")), cm_str_find(path, CM_STR(" => ")));
    if (as != SIZE_MAX) {
        alias = cm_str_trim(cm_str_from_offset(path, as + 4));
        path = cm_str_trim(cm_str_sub(path, 0, as));
    }
    size_t at = path.len;
    while (at > 0 && separator_len(cm_str_sub(path, 0, at)) == 0) {
        at--;
    }
    cm_str module = cm_str_sub(path, 0, at - separator_len(cm_str_sub(path, 0, at)));
    cm_str name = cm_str_from_offset(path, at);
    if (module.len == 0) {
        module = name;
        name = CM_STR_EMPTY;
    }
    bool relative = cm_str_starts(path, CM_STR("crate::")) ||
                    cm_str_starts(path, CM_STR("self::")) || cm_str_starts(path, CM_STR("super::"));
    cm_run_add_import(run, module, name, alias, relative, line);
}

static void expand(cm_run *run, cm_str prefix, cm_str tree, uint32_t line, int depth) {
    cm_str item;
    while (depth < TREE_DEPTH_MAX && !cm_run_tick(run) && next_item(&tree, &item)) {
        size_t open = cm_str_find_char(item, '{');
        cm_buf path;
        cm_buf_init(&path, 2048);
        cm_buf_add_str(&path, prefix);
        cm_buf_add_str(&path, cm_str_sub(item, 0, CM_MIN(open, item.len)));
        cm_str joined = cm_str_trim(cm_buf_str(&path));
        if (path.failed == CM_OK && open != SIZE_MAX) {
            size_t close = cm_str_rfind_char(item, '}');
            size_t end = close == SIZE_MAX || close < open ? item.len : close;
            expand(run, joined, cm_str_sub(item, open + 1, end - open - 1), line, depth + 1);
        } else if (path.failed == CM_OK && item.len > 0) {
            /* `a::{self}` is `a` itself. */
            if (cm_str_ends(joined, CM_STR("::self"))) {
                joined = cm_str_sub(joined, 0, joined.len - 6);
            }
            add_leaf(run, joined, line);
        }
        cm_buf_done(&path);
    }
}

void cm_run_add_import_tree(cm_run *run, cm_str prefix, cm_str tree, uint32_t line) {
    cm_buf front;
    cm_buf_init(&front, 1024);
    cm_buf_add_str(&front, prefix);
    if (prefix.len > 0) {
        cm_buf_add_char(&front, '\\');
    }
    if (cm_str_starts(tree, CM_STR("import "))) { /* Scala gives the whole statement */
        tree = cm_str_from_offset(tree, 7);
    }
    expand(run, cm_buf_str(&front), tree, line, 0);
    cm_buf_done(&front);
}
