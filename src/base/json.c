/* json.c - the writer's half keeps no tree; the reader's half guards jansson.
 *
 * jansson itself bounds neither depth (below 2,048) nor the number of values, and its DOM takes some
 * 100 bytes a value, so the text is scanned once before it is handed over. */
#include "base/json.h"

#include "base/limits.h"
#include "base/utf8.h"
#include <math.h>

/* Offset of the closing quote of the string that opens at `at`, or the end of the text. */
static size_t string_end(cm_str text, size_t at) {
    for (at++; at < text.len && text.ptr[at] != '"'; at++) {
        at += text.ptr[at] == '\\';
    }
    return at;
}

static bool is_scalar_byte(char c) {
    return cm_is_alpha(c) || cm_is_digit(c) || c == '-' || c == '+' || c == '.';
}

/* Values are containers, scalars, and strings that are not keys: exact for valid JSON, and for
 * anything else jansson gives the verdict. */
static cm_rc check_bounds(cm_str text, cm_err *err) {
    size_t depth = 0, values = 0, keys = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool open = c == '{' || c == '[';
        bool scalar = is_scalar_byte(c) && !(i > 0 && is_scalar_byte(text.ptr[i - 1]));
        if (c == '"') {
            i = string_end(text, i);
        }
        if (c == '}' || c == ']') {
            depth -= depth > 0;
        }
        depth += open;
        keys += c == ':';
        values += open || scalar || c == '"';
        if (depth > CM_JSON_DEPTH_MAX) {
            return cm_fail(err, CM_LIMIT, "json is nested deeper than %d at offset %zu",
                           CM_JSON_DEPTH_MAX, i);
        }
        /* A key is counted before its colon is seen, hence the one more. */
        if (values > keys + CM_JSON_VALUES_MAX + 1) {
            break;
        }
    }
    if (values > keys + CM_JSON_VALUES_MAX) {
        return cm_fail(err, CM_LIMIT, "json has more than %d values", CM_JSON_VALUES_MAX);
    }
    return CM_OK;
}

static cm_rc rc_of_jansson(const json_error_t *error) {
    switch ((int)json_error_code(error)) {
    case json_error_duplicate_key: return CM_DUPLICATE_KEY;
    case json_error_invalid_utf8: return CM_INVALID_UTF8;
    case json_error_out_of_memory: return CM_NOMEM;
    case json_error_stack_overflow: return CM_LIMIT;
    default: return CM_MALFORMED_JSON;
    }
}

cm_rc cm_json_parse(cm_str text, json_t **ret_value, cm_err *err) {
    size_t skipped = cm_str_starts(text, CM_STR("\xef\xbb\xbf")) ? 3 : 0;
    cm_str body = cm_str_from_offset(text, skipped);
    size_t bad = cm_utf8_invalid_at(body);
    if (bad != SIZE_MAX) {
        return cm_fail(err, CM_INVALID_UTF8, "json is not valid UTF-8 at offset %zu",
                       bad + skipped);
    }
    cm_rc rc = check_bounds(body, err);
    if (rc) {
        return rc;
    }
    json_error_t error;
    json_t *value = json_loadb(body.ptr ? body.ptr : "", body.len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value) {
        return cm_fail(err, rc_of_jansson(&error), "json: %s at offset %zu, line %d", error.text,
                       (size_t)CM_MAX(error.position, 0) + skipped, error.line);
    }
    *ret_value = value;
    return CM_OK;
}

size_t cm_json_escape_next(cm_str s, size_t *offset, char out[CM_JSON_ESCAPE_MAX]) {
    static const char short_escapes[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
    };
    uint32_t c = cm_utf8_next(s, offset);
    if (c < sizeof(short_escapes) && short_escapes[c]) {
        out[0] = '\\';
        out[1] = short_escapes[c];
        return 2;
    }
    if (c < 0x20 || c == 0x7f) {
        snprintf(out, CM_JSON_ESCAPE_MAX, "\\u%04x", c & 0xff);
        return 6;
    }
    return cm_utf8_put(c, out);
}

/* Offset of the first byte at or after `from` that is not plain ASCII text. */
static size_t skip_plain(cm_str s, size_t from) {
    while (from < s.len) {
        unsigned char c = (unsigned char)s.ptr[from];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            break;
        }
        from++;
    }
    return from;
}

void cm_json_quote(cm_buf *out, cm_str s) {
    cm_buf_add_char(out, '"');
    for (size_t at = 0; at < s.len && !out->failed;) {
        size_t end = skip_plain(s, at);
        cm_buf_add(out, s.ptr + at, end - at);
        at = end;
        if (at < s.len) {
            char escaped[CM_JSON_ESCAPE_MAX];
            size_t len = cm_json_escape_next(s, &at, escaped);
            cm_buf_add(out, escaped, len);
        }
    }
    cm_buf_add_char(out, '"');
}

void cm_json_writer_init(cm_json_writer *w, cm_buf *out) {
    *w = (cm_json_writer){.out = out};
}

/* Puts the comma that belongs before the next item. */
static void begin_item(cm_json_writer *w) {
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth >= CM_JSON_WRITER_DEPTH) {
        return; /* the buffer has failed already */
    }
    if (w->comma[w->depth]) {
        cm_buf_add_char(w->out, ',');
    }
    w->comma[w->depth] = true;
}

static void open_container(cm_json_writer *w, char bracket) {
    begin_item(w);
    cm_buf_add_char(w->out, bracket);
    w->depth++;
    if (w->depth < CM_JSON_WRITER_DEPTH) {
        w->comma[w->depth] = false;
    } else if (!w->out->failed) {
        w->out->failed = CM_LIMIT;
    }
}

static void close_container(cm_json_writer *w, char bracket) {
    cm_assert(w->depth > 0 && !w->after_key);
    w->depth--;
    cm_buf_add_char(w->out, bracket);
}

void cm_json_object(cm_json_writer *w) {
    open_container(w, '{');
}

void cm_json_object_end(cm_json_writer *w) {
    close_container(w, '}');
}

void cm_json_array(cm_json_writer *w) {
    open_container(w, '[');
}

void cm_json_array_end(cm_json_writer *w) {
    close_container(w, ']');
}

void cm_json_key(cm_json_writer *w, const char *key) {
    cm_json_key_str(w, cm_str_from(key));
}

void cm_json_key_str(cm_json_writer *w, cm_str key) {
    begin_item(w);
    cm_json_quote(w->out, key);
    cm_buf_add_char(w->out, ':');
    w->after_key = true;
}

void cm_json_str(cm_json_writer *w, cm_str value) {
    begin_item(w);
    cm_json_quote(w->out, value);
}

void cm_json_c(cm_json_writer *w, const char *value) {
    if (value) {
        cm_json_str(w, cm_str_from(value));
    } else {
        cm_json_null(w);
    }
}

void cm_json_i64(cm_json_writer *w, int64_t value) {
    begin_item(w);
    cm_buf_add_i64(w->out, value);
}

void cm_json_u64(cm_json_writer *w, uint64_t value) {
    begin_item(w);
    cm_buf_add_u64(w->out, value);
}

void cm_json_real(cm_json_writer *w, double value) {
    if (!isfinite(value)) {
        cm_json_null(w);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    begin_item(w);
    cm_buf_add_c(w->out, text);
    if (!strpbrk(text, ".e")) {
        cm_buf_add_c(w->out, ".0"); /* a reader with types takes "1" for an integer */
    }
}

void cm_json_bool(cm_json_writer *w, bool value) {
    begin_item(w);
    cm_buf_add_c(w->out, value ? "true" : "false");
}

void cm_json_null(cm_json_writer *w) {
    begin_item(w);
    cm_buf_add_c(w->out, "null");
}

void cm_json_raw(cm_json_writer *w, cm_str json) {
    begin_item(w);
    cm_buf_add_str(w->out, json);
}

static void write_object(cm_json_writer *w, const json_t *object) {
    /* jansson's iterators take a non-const tree but do not change it. */
    json_t *tree = (json_t *)(uintptr_t)object;
    cm_json_object(w);
    for (void *at = json_object_iter(tree); at && !w->out->failed;
         at = json_object_iter_next(tree, at)) {
        cm_json_key(w, json_object_iter_key(at));
        cm_json_value(w, json_object_iter_value(at));
    }
    cm_json_object_end(w);
}

static void write_array(cm_json_writer *w, const json_t *array) {
    cm_json_array(w);
    for (size_t i = 0; i < json_array_size(array) && !w->out->failed; i++) {
        cm_json_value(w, json_array_get(array, i));
    }
    cm_json_array_end(w);
}

void cm_json_value(cm_json_writer *w, const json_t *value) {
    if (!value) {
        cm_json_null(w);
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT: write_object(w, value); break;
    case JSON_ARRAY: write_array(w, value); break;
    case JSON_STRING:
        cm_json_str(w, cm_str_make(json_string_value(value), json_string_length(value)));
        break;
    case JSON_INTEGER: cm_json_i64(w, json_integer_value(value)); break;
    case JSON_REAL: cm_json_real(w, json_real_value(value)); break;
    case JSON_TRUE:
    case JSON_FALSE: cm_json_bool(w, json_is_true(value)); break;
    case JSON_NULL: cm_json_null(w); break;
    }
}
