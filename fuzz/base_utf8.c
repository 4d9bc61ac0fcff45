/* Any bytes: decoding and validation agree, and valid text keeps its positions. */
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_positions(cm_str text, enum cm_encoding encoding, size_t offset) {
    offset = cm_utf8_floor(text, offset);
    cm_position p = cm_position_of_offset(text, offset, encoding);
    size_t back;
    cm_assert(cm_position_to_offset(text, p, encoding, &back));
    /* Only between CR and LF is there another offset with the same position. */
    cm_assert(back == offset || (back + 1 == offset && text.ptr[back] == '\r'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str text = cm_str_make((const char *)data, size);
    size_t bad = cm_utf8_invalid_at(text);
    for (size_t at = 0; at < size;) {
        size_t before = at;
        uint32_t c = cm_utf8_next(text, &at);
        cm_assert(at > before && at <= size && c <= 0x10ffff);
        cm_assert(before != bad || (c == 0xfffd && at == before + 1));
    }
    if (size <= 4096) {
        char copy[4096];
        bool crlf;
        cm_assert(cm_utf8_to_lf(text, copy, &crlf) <= size);
    }
    cm_str valid = cm_str_sub(text, 0, bad);
    for (size_t offset = 0; offset <= valid.len; offset += 1 + valid.len / 16) {
        for (int encoding = CM_UTF16; encoding <= CM_UTF32; encoding++) {
            check_positions(valid, (enum cm_encoding)encoding, offset);
        }
        cm_assert(cm_utf8_valid(cm_utf8_cut(valid, offset)));
    }
    return 0;
}
