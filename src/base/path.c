/* path.c - names are worked on as text: nothing here asks the file system, so links are not followed. */
#include "base/path.h"

#include "base/limits.h"
#include "base/utf8.h"

static bool has_nul(cm_str s) {
    return cm_str_find_char(s, '\0') != SIZE_MAX;
}

/* Removes the last component of what follows `root` in `out`; false when there is none. */
static bool pop_component(cm_buf *out, size_t root) {
    if (out->len == root) {
        return false;
    }
    cm_str made = cm_str_from_offset(cm_buf_str(out), root);
    size_t slash = cm_str_rfind_char(made, '/');
    cm_buf_truncate(out, root + (slash == SIZE_MAX ? 0 : slash));
    return true;
}

cm_rc cm_path_normalise(cm_str path, cm_buf *out, cm_err *err) {
    if (has_nul(path)) {
        return cm_fail(err, CM_INVALID, "path '" CM_STR_FMT "' contains NUL", CM_STR_ARG(path));
    }
    bool absolute = path.len && path.ptr[0] == '/';
    size_t before = out->len;
    if (absolute) {
        cm_buf_add_char(out, '/');
    }
    size_t root = out->len;
    cm_str rest = path, part;
    while (!out->failed && cm_str_split(&rest, '/', &part)) {
        if (part.len == 0 || cm_str_eq_c(part, ".")) {
            continue;
        }
        if (cm_str_eq_c(part, "..")) {
            if (!pop_component(out, root) && !absolute) {
                cm_buf_truncate(out, before);
                return cm_fail(err, CM_INVALID, "path '" CM_STR_FMT "' climbs out of its root",
                               CM_STR_ARG(path));
            }
            continue;
        }
        if (out->len > root) {
            cm_buf_add_char(out, '/');
        }
        cm_buf_add_str(out, part);
    }
    return cm_buf_check(out, err);
}

cm_rc cm_path_check_relative(cm_str path, cm_err *err) {
    if (path.len == 0) {
        return cm_fail(err, CM_INVALID, "path is empty");
    }
    if (path.len > CM_REPO_PATH_MAX) {
        return cm_fail(err, CM_INVALID, "path of %zu bytes is longer than %d", path.len,
                       CM_REPO_PATH_MAX);
    }
    if (has_nul(path) || !cm_utf8_valid(path)) {
        return cm_fail(err, CM_INVALID, "path is not UTF-8 text without NUL");
    }
    if (path.ptr[0] == '/') {
        return cm_fail(err, CM_INVALID,
                       "path '" CM_STR_FMT "' is absolute: give it relative to the repository",
                       CM_STR_ARG(path));
    }
    cm_str rest = path, part;
    while (cm_str_split(&rest, '/', &part)) {
        if (cm_str_eq_c(part, "..")) {
            return cm_fail(err, CM_INVALID, "path '" CM_STR_FMT "' contains '..'",
                           CM_STR_ARG(path));
        }
    }
    return CM_OK;
}

void cm_path_join(cm_buf *out, cm_str directory, cm_str name) {
    cm_buf_add_str(out, directory);
    while (name.len && name.ptr[0] == '/') {
        name = cm_str_from_offset(name, 1);
    }
    if (directory.len && directory.ptr[directory.len - 1] != '/') {
        cm_buf_add_char(out, '/');
    }
    cm_buf_add_str(out, name);
}

cm_str cm_path_base(cm_str path) {
    size_t slash = cm_str_rfind_char(path, '/');
    return slash == SIZE_MAX ? path : cm_str_from_offset(path, slash + 1);
}

cm_str cm_path_directory(cm_str path) {
    size_t slash = cm_str_rfind_char(path, '/');
    return cm_str_sub(path, 0, slash == SIZE_MAX ? 0 : slash);
}

cm_str cm_path_extension(cm_str path) {
    cm_str base = cm_path_base(path);
    size_t dot = cm_str_rfind_char(base, '.');
    if (dot == SIZE_MAX || dot == 0) {
        return CM_STR_EMPTY;
    }
    return cm_str_from_offset(base, dot + 1);
}

bool cm_path_is_inside(cm_str path, cm_str root) {
    if (!cm_str_starts(path, root)) {
        return false;
    }
    return path.len == root.len || cm_str_ends(root, CM_STR("/")) || path.ptr[root.len] == '/';
}

static int hex_value(char c) {
    if (cm_is_digit(c)) {
        return c - '0';
    }
    c = cm_to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static cm_rc add_percent_decoded(cm_str text, cm_buf *out, cm_err *err) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '?' || c == '#') {
            break; /* query and fragment are not part of the path */
        }
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return cm_fail(err, CM_INVALID, "bad percent escape at offset %zu of the uri", i);
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        cm_buf_add_char(out, c);
    }
    return cm_buf_check(out, err);
}

cm_rc cm_path_from_uri(cm_str uri, cm_buf *out, cm_err *err) {
    cm_str scheme = CM_STR("file://");
    if (!cm_str_eq_nocase(cm_str_sub(uri, 0, scheme.len), scheme)) {
        return cm_fail(err, CM_INVALID, "uri '" CM_STR_FMT "' is not a file:// uri",
                       CM_STR_ARG(uri));
    }
    cm_str rest = cm_str_from_offset(uri, scheme.len);
    size_t slash = CM_MIN(cm_str_find_char(rest, '/'), rest.len);
    cm_str host = cm_str_sub(rest, 0, slash);
    if (host.len && !cm_str_eq_nocase(host, CM_STR("localhost"))) {
        return cm_fail(err, CM_INVALID, "uri '" CM_STR_FMT "' names another host", CM_STR_ARG(uri));
    }
    cm_str path = cm_str_from_offset(rest, slash);
    if (path.len == 0) {
        return cm_fail(err, CM_INVALID, "uri '" CM_STR_FMT "' has no path", CM_STR_ARG(uri));
    }
    if (has_nul(path)) {
        return cm_fail(err, CM_INVALID, "uri contains NUL");
    }
    return add_percent_decoded(path, out, err);
}
