/* dependencies_toml.c - manifests in TOML: Python and Cargo.
 *
 * Not a TOML parser: these files are written by tools or in one plain style, and the few shapes that
 * matter are a section head, `key = "value"`, `key = { version = "value", ... }` and lists of strings over
 * several lines. What does not look so is passed over. */
#include "code/manifests/dependencies_priv.h"

typedef struct pair {
    cm_str section; /* "tool.poetry.dependencies", without brackets */
    cm_str key;     /* without quotes */
    cm_str value;
} pair;

typedef struct reader {
    cm_str rest;
    cm_str section;
    bool is_array_of_tables; /* the section came as [[...]] */
    bool opened;             /* the last line was a section head */
} reader;

static cm_str unquote(cm_str s) {
    s = cm_str_trim(s);
    bool quoted =
        s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0];
    return quoted ? cm_str_sub(s, 1, s.len - 2) : s;
}

/* Without a comment behind the value; a '#' in quotes stays. */
static cm_str without_comment(cm_str line) {
    char quote = '\0';
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (quote) {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '#') {
            return cm_str_trim(cm_str_sub(line, 0, i));
        }
    }
    return line;
}

/* A list that goes on over lines: takes lines until its ']' and returns the whole as one slice. */
static cm_str whole_list(reader *r, cm_str value, cm_str line) {
    if (!cm_str_starts(value, CM_STR("[")) || cm_str_ends(line, CM_STR("]"))) {
        return value;
    }
    cm_str next;
    const char *end = value.ptr + value.len;
    while (cm_str_line(&r->rest, &next)) {
        end = next.ptr + next.len;
        if (cm_str_ends(without_comment(cm_str_trim(next)), CM_STR("]"))) {
            break;
        }
    }
    return cm_str_make(value.ptr, (size_t)(end - value.ptr));
}

static bool next_pair(reader *r, pair *ret) {
    cm_str line;
    r->opened = false;
    while (cm_str_line(&r->rest, &line)) {
        line = without_comment(cm_str_trim(line));
        if (cm_str_starts(line, CM_STR("["))) {
            r->is_array_of_tables = cm_str_starts(line, CM_STR("[["));
            size_t skip = r->is_array_of_tables ? 2 : 1;
            r->section =
                line.len >= 2 * skip ? cm_str_sub(line, skip, line.len - 2 * skip) : CM_STR_EMPTY;
            r->opened = true;
            *ret = (pair){.section = r->section};
            return true;
        }
        size_t equals = cm_str_find_char(line, '=');
        if (equals != SIZE_MAX) {
            cm_str value = cm_str_trim(cm_str_from_offset(line, equals + 1));
            *ret = (pair){r->section, unquote(cm_str_sub(line, 0, equals)),
                          whole_list(r, value, line)};
            return true;
        }
    }
    return false;
}

/* The version in `"1.2"` or `{ version = "1.2", optional = true }`. */
static cm_str version_in(cm_str value) {
    if (!cm_str_starts(value, CM_STR("{"))) {
        return unquote(value);
    }
    size_t at = cm_str_find(value, CM_STR("version"));
    if (at == SIZE_MAX) {
        return CM_STR_EMPTY;
    }
    cm_str rest = cm_str_from_offset(value, at + 7);
    size_t open = cm_str_find_char(rest, '"');
    rest = open == SIZE_MAX ? CM_STR_EMPTY : cm_str_from_offset(rest, open + 1);
    return cm_str_sub(rest, 0, CM_MIN(cm_str_find_char(rest, '"'), rest.len));
}

static void add_requirements(cm_str list, bool is_development, cm_dependency_sink *sink) {
    while (list.len > 0) {
        size_t open = 0;
        while (open < list.len && list.ptr[open] != '"' && list.ptr[open] != '\'') {
            open++;
        }
        if (open >= list.len) {
            return;
        }
        cm_str rest = cm_str_from_offset(list, open + 1);
        size_t close = cm_str_find_char(rest, list.ptr[open]);
        if (close == SIZE_MAX) {
            return;
        }
        cm_dependency_add_pep508(sink, cm_str_sub(rest, 0, close), is_development);
        list = cm_str_from_offset(rest, close + 1);
    }
}

void cm_read_pyproject(cm_str text, cm_dependency_sink *sink) {
    reader r = {.rest = text};
    pair p;
    while (next_pair(&r, &p)) {
        bool is_group = cm_str_starts(p.section, CM_STR("project.optional-dependencies")) ||
                        cm_str_starts(p.section, CM_STR("dependency-groups"));
        bool is_poetry = cm_str_starts(p.section, CM_STR("tool.poetry.")) &&
                         cm_str_ends(p.section, CM_STR("dependencies"));
        if (r.opened) {
            continue;
        }
        if (cm_str_eq_c(p.section, "project") && cm_str_eq_c(p.key, "dependencies")) {
            add_requirements(p.value, false, sink);
        } else if (is_group) {
            add_requirements(p.value, true, sink);
        } else if (is_poetry && !cm_str_eq_c(p.key, "python")) {
            bool is_main = cm_str_eq_c(p.section, "tool.poetry.dependencies");
            cm_dependency_add(sink, "pip", p.key, version_in(p.value), !is_main, false);
        }
    }
}

/* [[package]] tables with name and version, as poetry, uv and cargo write them. */
static void read_locked(cm_str text, const char *manager, cm_dependency_sink *sink) {
    reader r = {.rest = text};
    pair p;
    cm_str name = CM_STR_EMPTY, version = CM_STR_EMPTY;
    bool more = true;
    while (more) {
        more = next_pair(&r, &p);
        if (!more || r.opened) {
            cm_dependency_add(sink, manager, name, version, false, true);
            name = version = CM_STR_EMPTY;
        } else if (cm_str_eq_c(p.section, "package") && cm_str_eq_c(p.key, "name")) {
            name = unquote(p.value);
        } else if (cm_str_eq_c(p.section, "package") && cm_str_eq_c(p.key, "version")) {
            version = unquote(p.value);
        }
    }
}

void cm_read_python_lock(cm_str text, cm_dependency_sink *sink) {
    read_locked(text, "pip", sink);
}

void cm_read_cargo_lock(cm_str text, cm_dependency_sink *sink) {
    read_locked(text, "cargo", sink);
}

void cm_read_pipfile(cm_str text, cm_dependency_sink *sink) {
    reader r = {.rest = text};
    pair p;
    while (next_pair(&r, &p)) {
        bool is_development = cm_str_eq_c(p.section, "dev-packages");
        if (!r.opened && (is_development || cm_str_eq_c(p.section, "packages"))) {
            cm_dependency_add(sink, "pip", p.key, version_in(p.value), is_development, false);
        }
    }
}

/* [dependencies], [target.'cfg(unix)'.dependencies] and [dependencies.serde] with its own version line. */
void cm_read_cargo(cm_str text, cm_dependency_sink *sink) {
    reader r = {.rest = text};
    pair p;
    while (next_pair(&r, &p)) {
        bool is_development = cm_str_find(p.section, CM_STR("dev-dependencies")) != SIZE_MAX ||
                              cm_str_find(p.section, CM_STR("build-dependencies")) != SIZE_MAX;
        size_t at = cm_str_find(p.section, CM_STR("dependencies"));
        if (at == SIZE_MAX || r.opened) {
            continue;
        }
        cm_str after = cm_str_from_offset(p.section, at + 12);
        if (after.len == 0) {
            cm_dependency_add(sink, "cargo", p.key, version_in(p.value), is_development, false);
        } else if (cm_str_eq_c(p.key, "version")) {
            cm_dependency_add(sink, "cargo", unquote(cm_str_from_offset(after, 1)),
                              unquote(p.value), is_development, false);
        }
    }
}
