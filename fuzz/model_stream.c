/* Fuzzes the text of a generation: any bytes in any pieces, stops and suffix from the input too.
 * Holds: what was sent is valid UTF-8, is a prefix of the end result, and no stop string is inside. */
#include "base/utf8.h"
#include "model/stream_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static cm_str take(cm_str *rest) {
    cm_str part;
    return cm_str_split(rest, '\xfe', &part) ? part : CM_STR_EMPTY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str rest = cm_str_make((const char *)data, size);
    size_t step = 1 + (size > 0 ? data[0] % 7 : 0);
    cm_str stop = cm_str_sub(take(&rest), 0, CM_STOP_BYTES_MAX);
    cm_str before = take(&rest), suffix = take(&rest);
    cm_stream stream;
    cm_buf sent;
    cm_stream_init(&stream);
    cm_buf_init(&sent, CM_STREAM_BYTES_MAX);
    stream.stops = &stop;
    stream.stop_count = stop.len > 0;
    stream.use_suffix = size % 2 == 0;
    cm_suffix_stop_init(&stream.suffix, before, suffix);
    for (size_t i = 0; i < rest.len && !stream.ended; i += step) {
        (void)cm_stream_add(&stream, cm_str_sub(rest, i, step));
        cm_str fresh = cm_stream_take(&stream);
        cm_assert(cm_utf8_valid(fresh));
        cm_buf_add_str(&sent, fresh);
    }
    cm_stream_close(&stream);
    stream.ended = true;
    cm_buf_add_str(&sent, cm_stream_take(&stream));
    cm_assert(cm_str_eq(cm_buf_str(&sent), cm_buf_str(&stream.text)));
    cm_assert(stop.len == 0 || cm_str_find(cm_buf_str(&sent), stop) == SIZE_MAX);
    cm_buf_done(&sent);
    cm_stream_done(&stream);
    return 0;
}
