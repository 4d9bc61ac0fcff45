/* What parses is written back to text that parses to the same value. */
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_quoting(cm_str any) {
    cm_cleanup(cm_buf_done) cm_buf out = {.max = any.len * 6 + 2};
    cm_json_quote(&out, any);
    cm_assert(cm_buf_check(&out, NULL) == CM_OK);
    json_t *value = NULL;
    cm_rc rc = cm_json_parse(cm_buf_str(&out), &value, NULL);
    cm_assert(rc == CM_OK ||
              cm_str_find_char(any, '\0') != SIZE_MAX); /* NUL is written, not read */
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str text = cm_str_make((const char *)data, size);
    check_quoting(text);
    cm_err err;
    json_t *value;
    if (cm_json_parse(text, &value, &err) != CM_OK) {
        return 0;
    }
    cm_cleanup(cm_buf_done) cm_buf out = {.max = size * 8 + 64};
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_json_value(&w, value);
    json_t *again = NULL;
    if (cm_buf_check(&out, NULL) == CM_OK) {
        cm_assert(cm_json_parse(cm_buf_str(&out), &again, &err) == CM_OK);
        cm_assert(json_equal(value, again));
    }
    json_decref(again);
    json_decref(value);
    return 0;
}
