/* percent.c - decoding in one pass; a '%' that two hex digits do not follow is refused, not passed through. */
#include "base/percent.h"

#include "base/utf8.h"

static int hex_value(char c) {
    char lower = cm_to_lower(c);
    if (cm_is_digit(c)) {
        return c - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte of "%4a" at `at`, or -1. */
static int escape_value(cm_str raw, size_t at) {
    if (raw.len - at < 3) {
        return -1;
    }
    int high = hex_value(raw.ptr[at + 1]);
    int low = hex_value(raw.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool cm_percent_decode(cm_str raw, bool plus_is_space, char *out, size_t *ret_len) {
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        int c = (unsigned char)raw.ptr[i];
        if (c == '%') {
            c = escape_value(raw, i);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c <= 0) {
            return false;
        }
        out[len++] = (char)c;
    }
    *ret_len = len;
    return cm_utf8_valid(cm_str_make(out, len));
}
