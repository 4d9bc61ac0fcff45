/* multipart.c - see multipart.h. */
#include "base/base.h"

#include "api/multipart.h"

#define BOUNDARY_MAX 70 /* RFC 2046 */
#define HEAD_MAX     CM_KIB(16)
#define PARAMETERS   8 /* of a header that are looked at */

static cm_rc torn(cm_err *err, const char *what) {
    return cm_fail(err, CM_UNPROCESSABLE, "the multipart body is torn: %s", what);
}

/* --- parameters: `; name="value"` --- */

/* The value up to its end; quotes and backslashes are taken off, and what browsers write for quotes (%22). */
static cm_str read_value(cm_str *text, cm_arena *arena) {
    bool quoted = cm_str_starts(*text, CM_STR("\""));
    char *out = cm_arena_alloc(arena, text->len + 1);
    size_t len = 0;
    size_t at = quoted;
    for (; at < text->len; at++) {
        char c = text->ptr[at];
        if (quoted ? c == '"' : c == ';') {
            break;
        }
        if (quoted && c == '\\' && at + 1 < text->len &&
            (text->ptr[at + 1] == '"' || text->ptr[at + 1] == '\\')) {
            c = text->ptr[++at];
        } else if (quoted && cm_str_starts(cm_str_from_offset(*text, at), CM_STR("%22"))) {
            c = '"';
            at += 2;
        }
        out[len++] = c;
    }
    *text = cm_str_from_offset(*text, CM_MIN(at + quoted, text->len));
    cm_str value = cm_str_make(out, len);
    return quoted ? value : cm_str_trim(value);
}

/* The parameter `name` of a header's value; false when it has none. */
static bool find_parameter(cm_str value, const char *name, cm_arena *arena, cm_str *ret_value) {
    cm_str rest = cm_str_from_offset(value, CM_MIN(cm_str_find_char(value, ';'), value.len));
    for (int i = 0; i < PARAMETERS && rest.len > 0; i++) {
        rest = cm_str_trim(cm_str_from_offset(rest, 1));
        size_t equals = cm_str_find_char(rest, '=');
        if (equals == SIZE_MAX) {
            return false;
        }
        cm_str key = cm_str_trim(cm_str_sub(rest, 0, equals));
        rest = cm_str_from_offset(rest, equals + 1);
        cm_str found = read_value(&rest, arena);
        if (cm_str_eq_nocase(key, cm_str_from(name))) {
            *ret_value = found;
            return true;
        }
        rest = cm_str_from_offset(rest, CM_MIN(cm_str_find_char(rest, ';'), rest.len));
    }
    return false;
}

/* --- parts --- */

static cm_str delimiter_of(const cm_multipart *m) {
    return cm_str_make(m->delimiter_text, m->delimiter_len);
}

cm_rc cm_multipart_open(cm_str content_type, cm_str body, cm_arena *arena,
                        cm_multipart *ret_multipart, cm_err *err) {
    cm_str boundary;
    if (!find_parameter(content_type, "boundary", arena, &boundary) || boundary.len == 0 ||
        boundary.len > BOUNDARY_MAX) {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "Content-Type: multipart/form-data needs a boundary of 1 to %d characters",
                       BOUNDARY_MAX);
    }
    cm_multipart m = {.arena = arena};
    m.delimiter_len = (size_t)snprintf(m.delimiter_text, sizeof m.delimiter_text,
                                       "\r\n--" CM_STR_FMT, CM_STR_ARG(boundary));
    cm_str first = cm_str_from_offset(delimiter_of(&m), 2);
    size_t at = cm_str_starts(body, first) ? 0 : cm_str_find(body, delimiter_of(&m));
    if (at == SIZE_MAX) {
        return torn(err, "its boundary is not in it");
    }
    m.rest = cm_str_from_offset(body, at == 0 ? first.len : at + m.delimiter_len);
    *ret_multipart = m;
    return CM_OK;
}

static void read_head(cm_str head, cm_arena *arena, cm_multipart_part *part) {
    bool found = false;
    while (head.len > 0 && !found) {
        size_t end = CM_MIN(cm_str_find(head, CM_STR("\r\n")), head.len);
        cm_str line = cm_str_sub(head, 0, end);
        size_t colon = cm_str_find_char(line, ':');
        if (colon != SIZE_MAX && cm_str_eq_nocase(cm_str_trim(cm_str_sub(line, 0, colon)),
                                                  CM_STR("Content-Disposition"))) {
            cm_str value = cm_str_from_offset(line, colon + 1);
            (void)find_parameter(value, "name", arena, &part->name);
            part->is_file = find_parameter(value, "filename", arena, &part->filename);
            found = true;
        }
        head = cm_str_from_offset(head, CM_MIN(end + 2, head.len));
    }
}

cm_rc cm_multipart_next(cm_multipart *multipart, cm_multipart_part *ret_part, cm_err *err) {
    cm_multipart *m = multipart;
    cm_multipart_part part = {0};
    if (m->ended || cm_str_starts(m->rest, CM_STR("--"))) {
        m->ended = true;
        return CM_END;
    }
    if (!cm_str_starts(m->rest, CM_STR("\r\n"))) {
        return torn(err, "a delimiter has no line of its own");
    }
    cm_arena_clear(m->arena);
    size_t head_len = cm_str_find(cm_str_sub(m->rest, 0, HEAD_MAX), CM_STR("\r\n\r\n"));
    if (head_len == SIZE_MAX) {
        return torn(err, "the head of a part is longer than 16 KiB, or has no end");
    }
    if (head_len > 0) {
        read_head(cm_str_sub(m->rest, 2, head_len - 2), m->arena, &part);
    }
    m->rest = cm_str_from_offset(m->rest, head_len + 4);
    size_t end = cm_str_find(m->rest, delimiter_of(m));
    if (end == SIZE_MAX) {
        return torn(err, "the last part has no end; was all of it sent?");
    }
    part.content = cm_str_sub(m->rest, 0, end);
    m->rest = cm_str_from_offset(m->rest, end + m->delimiter_len);
    *ret_part = part;
    return CM_OK;
}
