/* paths.c - patterns that a walk over the tree answers itself, and where the others begin.
 *
 * Most patterns of a query are a path: `(call_expression function: (identifier) @reference.call)` says what the
 * captured node is, in which field it stands and what is around it. Looking from each such node outwards costs a
 * few comparisons; starting the query at each node a path begins with costs some thousand instructions, and is the
 * larger part of an extraction. So paths are taken out of the query into a table by the captured node's type. What is
 * left is asked only at nodes of the types its patterns begin with. */
#include "code/extract_priv.h"

/* --- reading patterns -------------------------------------------------------------------------- */

static bool is_name_char(char c) {
    return cm_is_word(c) || c == '.' || c == '-';
}

static void skip_blank(cm_str *rest) {
    while (rest->len > 0 && (cm_is_space(rest->ptr[0]) || rest->ptr[0] == ';')) {
        size_t feed = rest->ptr[0] == ';' ? cm_str_find_char(*rest, '\n') : 0;
        *rest = cm_str_from_offset(*rest, feed == SIZE_MAX ? rest->len : feed + 1);
    }
}

static bool skip_char(cm_str *rest, char c) {
    skip_blank(rest);
    bool found = rest->len > 0 && rest->ptr[0] == c;
    *rest = found ? cm_str_from_offset(*rest, 1) : *rest;
    return found;
}

/* Empty when something else than a name comes next. */
static cm_str take_word(cm_str *rest) {
    size_t end = 0;
    skip_blank(rest);
    while (end < rest->len && is_name_char(rest->ptr[end])) {
        end++;
    }
    cm_str word = cm_str_sub(*rest, 0, end);
    *rest = cm_str_from_offset(*rest, end);
    return word;
}

/* Type of the node that a pattern begins with: what stands behind its brackets. Empty when it is anything but
 * a name (an alternation, a token). */
static cm_str root_of(cm_str pattern) {
    while (skip_char(&pattern, '(')) {
    }
    return take_word(&pattern);
}

static cm_str pattern_text(const cm_compiled *c, cm_str query, uint32_t pattern) {
    uint32_t start = ts_query_start_byte_for_pattern(c->query, pattern);
    uint32_t end = ts_query_end_byte_for_pattern(c->query, pattern);
    return cm_str_sub(query, start, end - start);
}

/* Symbol of a node type; false when there is none (a wildcard, a supertype). */
static bool find_type(const cm_compiled *c, cm_str type, TSSymbol *ret_symbol) {
    *ret_symbol = ts_language_symbol_for_name(c->language, type.ptr, (uint32_t)type.len, true);
    return type.len > 0 && *ret_symbol != 0 && *ret_symbol < c->flag_count &&
           ts_language_symbol_type(c->language, *ret_symbol) == TSSymbolTypeRegular;
}

/* The capture called `name`, when it needs nothing but its node. */
static bool find_capture(const cm_compiled *c, cm_str name, capture_info *ret_info) {
    for (uint32_t id = 0; id < ts_query_capture_count(c->query); id++) {
        uint32_t len;
        const char *of_id = ts_query_capture_name_for_id(c->query, id, &len);
        if (cm_str_eq(name, cm_str_make(of_id, len))) {
            *ret_info = c->captures[id];
            return ret_info->class == CAPTURE_SCOPE || ret_info->class == CAPTURE_LOCAL ||
                   ret_info->class == CAPTURE_REFERENCE;
        }
    }
    return false;
}

/* `(a field: (b (c) @capture))`: nothing but nodes of known types, each inside the one before, and one capture. The
 * steps are read from the outside in. */
static bool read_path(const cm_compiled *c, cm_str text, path_pattern *ret) {
    path_pattern p = {0};
    TSFieldId fields[PATH_STEPS_MAX + 1] = {0};
    TSSymbol types[PATH_STEPS_MAX + 1];
    uint32_t nodes = 0;
    while (skip_char(&text, '(')) {
        if (nodes > PATH_STEPS_MAX || !find_type(c, take_word(&text), &types[nodes])) {
            return false;
        }
        nodes++;
        cm_str ahead = text, field = take_word(&ahead);
        if (field.len > 0) {
            if (nodes > PATH_STEPS_MAX || !skip_char(&ahead, ':')) {
                return false;
            }
            fields[nodes] =
                ts_language_field_id_for_name(c->language, field.ptr, (uint32_t)field.len);
            text = ahead;
        }
    }
    if (nodes == 0 || !skip_char(&text, ')') || !skip_char(&text, '@') ||
        !find_capture(c, take_word(&text), &p.info)) {
        return false;
    }
    for (uint32_t i = 1; i < nodes; i++) {
        if (!skip_char(&text, ')')) {
            return false;
        }
    }
    skip_blank(&text);
    p.type = types[nodes - 1];
    p.steps = nodes - 1;
    for (uint32_t i = 0; i < p.steps; i++) {
        p.fields[i] = fields[nodes - 1 - i];
        p.around[i] = types[nodes - 2 - i];
    }
    *ret = p;
    return text.len == 0;
}

/* --- compiling --------------------------------------------------------------------------------- */

/* All symbols of one public name have its flags. */
static void mark_type(cm_compiled *c, cm_str type, uint8_t flag) {
    for (uint32_t id = 0; id < c->flag_count; id++) {
        if (cm_str_eq_c(type, ts_language_symbol_name(c->language, (TSSymbol)id)) &&
            ts_language_symbol_type(c->language, (TSSymbol)id) == TSSymbolTypeRegular) {
            c->flags[id] |= flag;
        }
    }
}

static void add_path(cm_compiled *c, uint32_t pattern, path_pattern path) {
    path.pattern = pattern;
    path.next = c->path_heads[path.type];
    c->paths[++c->path_count] = path;
    c->path_heads[path.type] = c->path_count;
    c->flags[path.type] |= NODE_PATH;
    ts_query_disable_pattern(c->query, pattern);
}

void cm_compiled_paths(cm_compiled *c, cm_str query) {
    uint32_t count = c->query ? ts_query_pattern_count(c->query) : 0;
    TSSymbol ignored;
    for (uint32_t i = 0; i < count; i++) {
        if (!ts_query_is_pattern_rooted(c->query, i) ||
            !find_type(c, root_of(pattern_text(c, query, i)), &ignored)) {
            return;
        }
    }
    c->paths = cm_alloc((count + 1) * sizeof(*c->paths));
    c->path_heads = cm_alloc((c->flag_count + 1) * sizeof(*c->path_heads));
    c->has_roots = true;
    for (uint32_t i = 0; i < count; i++) {
        path_pattern path;
        cm_str text = pattern_text(c, query, i);
        if (read_path(c, text, &path)) {
            add_path(c, i, path);
        } else {
            mark_type(c, root_of(text), NODE_ROOT);
        }
    }
}

/* --- the walk ---------------------------------------------------------------------------------- */

static bool leads_to(const path_pattern *path, const node_path *around) {
    if (path->steps > around->steps) {
        return false;
    }
    for (uint32_t i = 0; i < path->steps; i++) {
        if (path->around[i] != around->types[i] ||
            (path->fields[i] != 0 && path->fields[i] != around->fields[i])) {
            return false;
        }
    }
    return true;
}

void cm_run_paths(cm_run *run, TSNode node, const node_path *around) {
    const cm_compiled *c = run->compiled;
    for (uint32_t i = c->path_heads[ts_node_symbol(node)]; i != 0; i = c->paths[i].next) {
        if (leads_to(&c->paths[i], around)) {
            cm_run_take(run, node, c->paths[i].pattern, c->paths[i].info);
        }
    }
}
