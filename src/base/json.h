/* json.h - reading JSON with bounds (jansson) and writing it without a tree.
 *
 * Reading: invalid UTF-8, duplicate keys, depth above CM_JSON_DEPTH_MAX, more values than
 * CM_JSON_VALUES_MAX and NUL inside strings are refused, each with its own code and the offset.
 *
 * Writing: a cm_json_writer appends to a cm_buf and puts the commas. Strings are escaped to valid JSON;
 * bytes that are not UTF-8 become U+FFFD. NaN and infinity are written as null.
 * Thread: owner. */
#ifndef CM_BASE_JSON_H
#define CM_BASE_JSON_H

#include "base/buf.h"
#include <jansson.h>

/* CM_MALFORMED_JSON, CM_DUPLICATE_KEY, CM_INVALID_UTF8, CM_LIMIT. Free with json_decref. A leading
 * byte order mark is skipped. */
cm_rc cm_json_parse(cm_str text, json_t **ret_value, cm_err *err) cm_must_check;

#define CM_JSON_WRITER_DEPTH 64

typedef struct cm_json_writer {
    cm_buf *out; /* borrowed */
    int depth;
    bool comma[CM_JSON_WRITER_DEPTH]; /* an item was written at this depth */
    bool after_key;
} cm_json_writer;

void cm_json_writer_init(cm_json_writer *w, cm_buf *out);
void cm_json_object(cm_json_writer *w); /* opens */
void cm_json_object_end(cm_json_writer *w);
void cm_json_array(cm_json_writer *w);
void cm_json_array_end(cm_json_writer *w);
void cm_json_key(cm_json_writer *w, const char *key);
void cm_json_key_str(cm_json_writer *w, cm_str key);
void cm_json_str(cm_json_writer *w, cm_str value);
void cm_json_c(cm_json_writer *w, const char *value); /* NULL writes null */
void cm_json_i64(cm_json_writer *w, int64_t value);
void cm_json_u64(cm_json_writer *w, uint64_t value);
void cm_json_real(cm_json_writer *w,
                  double value); /* shortest text that reads back the same, 1 as "1.0" */
void cm_json_bool(cm_json_writer *w, bool value);
void cm_json_null(cm_json_writer *w);
void cm_json_raw(cm_json_writer *w, cm_str json);           /* already valid JSON */
void cm_json_value(cm_json_writer *w, const json_t *value); /* a jansson tree */

/* Appends `s` quoted and escaped. */
void cm_json_quote(cm_buf *out, cm_str s);

#define CM_JSON_ESCAPE_MAX 8
/* Escapes the character at `*offset` (any bytes; before the end) and moves past it. Returns the bytes
 * written, at most 6: for writers that have no cm_buf. */
size_t cm_json_escape_next(cm_str s, size_t *offset, char out[CM_JSON_ESCAPE_MAX]);

#endif
