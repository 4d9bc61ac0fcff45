/* str.c - comparing, searching, cutting and reading numbers from slices. Nothing here allocates. */
#include "base/str.h"

#include "base/mem.h"
#include <errno.h>
#include <math.h>

cm_str cm_str_from(const char *text) {
    return text ? cm_str_make(text, strlen(text)) : CM_STR_EMPTY;
}

bool cm_str_eq(cm_str a, cm_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool cm_str_eq_c(cm_str a, const char *b) {
    return cm_str_eq(a, cm_str_from(b));
}

bool cm_str_eq_nocase(cm_str a, cm_str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (cm_to_lower(a.ptr[i]) != cm_to_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

int cm_str_cmp(cm_str a, cm_str b) {
    size_t common = CM_MIN(a.len, b.len);
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order == 0) {
        order = (a.len > b.len) - (a.len < b.len);
    }
    return order;
}

bool cm_str_starts(cm_str s, cm_str prefix) {
    return s.len >= prefix.len && cm_str_eq(cm_str_make(s.ptr, prefix.len), prefix);
}

bool cm_str_ends(cm_str s, cm_str suffix) {
    return s.len >= suffix.len && cm_str_eq(cm_str_from_offset(s, s.len - suffix.len), suffix);
}

size_t cm_str_find(cm_str s, cm_str needle) {
    if (needle.len == 0) {
        return 0;
    }
    if (needle.len > s.len) {
        return SIZE_MAX;
    }
    const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t cm_str_find_char(cm_str s, char c) {
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

size_t cm_str_rfind_char(cm_str s, char c) {
    const char *at = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

cm_str cm_str_sub(cm_str s, size_t from, size_t len) {
    cm_str rest = cm_str_from_offset(s, from);
    return cm_str_make(rest.ptr, CM_MIN(len, rest.len));
}

cm_str cm_str_from_offset(cm_str s, size_t from) {
    if (!s.ptr) {
        return s;
    }
    from = CM_MIN(from, s.len);
    return cm_str_make(s.ptr + from, s.len - from);
}

cm_str cm_str_trim(cm_str s) {
    while (s.len && cm_is_space(s.ptr[0])) {
        s = cm_str_from_offset(s, 1);
    }
    while (s.len && cm_is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool cm_str_split(cm_str *rest, char separator, cm_str *ret_part) {
    if (rest->len == 0) {
        return false;
    }
    size_t end = CM_MIN(cm_str_find_char(*rest, separator), rest->len);
    *ret_part = cm_str_sub(*rest, 0, end);
    *rest = cm_str_from_offset(*rest, end + 1);
    return true;
}

bool cm_str_line(cm_str *rest, cm_str *ret_line) {
    cm_str line;
    if (!cm_str_split(rest, '\n', &line)) {
        return false;
    }
    /* A CR is part of the line end only before a LF: a last line without LF keeps it. */
    bool ended = rest->ptr != line.ptr + line.len;
    if (ended && line.len && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    *ret_line = line;
    return true;
}

bool cm_str_to_u64(cm_str s, uint64_t *ret_value) {
    uint64_t value = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!cm_is_digit(s.ptr[i]) || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

bool cm_str_to_i64(cm_str s, int64_t *ret_value) {
    bool negative = s.len && s.ptr[0] == '-';
    uint64_t size;
    if (!cm_str_to_u64(negative ? cm_str_from_offset(s, 1) : s, &size) ||
        size > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *ret_value =
        (int64_t)(negative ? -size : size); /* the cast of 2^63 is gcc's two's complement */
    return true;
}

static size_t skip_digits(cm_str s, size_t at) {
    while (at < s.len && cm_is_digit(s.ptr[at])) {
        at++;
    }
    return at;
}

/* -?digits[.digits][(e|E)[+-]digits], and nothing else: strtod alone takes "inf", "0x1" and spaces. */
static bool is_decimal(cm_str s) {
    size_t at = s.len && s.ptr[0] == '-';
    size_t end = skip_digits(s, at);
    if (end == at) {
        return false;
    }
    if (end < s.len && s.ptr[end] == '.') {
        at = end + 1;
        end = skip_digits(s, at);
        if (end == at) {
            return false;
        }
    }
    if (end < s.len && (s.ptr[end] == 'e' || s.ptr[end] == 'E')) {
        at = end + 1;
        at += at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-');
        end = skip_digits(s, at);
        if (end == at) {
            return false;
        }
    }
    return end == s.len;
}

bool cm_str_to_f64(cm_str s, double *ret_value) {
    char text[128]; /* no double needs more digits to be told from its neighbours */
    if (s.len >= sizeof(text) || !is_decimal(s)) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double value = strtod(text, NULL); /* the process never leaves the "C" locale */
    if (!isfinite(value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

size_t cm_str_distance(cm_str a, cm_str b, size_t max) {
    if (a.len > b.len) {
        cm_str swap = a;
        a = b;
        b = swap;
    }
    uint32_t row[256]; /* the last row of the table, for the shorter text */
    if (a.len >= CM_COUNT(row) || b.len - a.len > max) {
        return max + 1;
    }
    for (size_t i = 0; i <= a.len; i++) {
        row[i] = (uint32_t)i;
    }
    for (size_t j = 1; j <= b.len; j++) {
        uint32_t diagonal = row[0];
        uint32_t best = row[0] = (uint32_t)j;
        for (size_t i = 1; i <= a.len; i++) {
            uint32_t above = row[i];
            uint32_t replace = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            uint32_t shift = CM_MIN(above, row[i - 1]) + 1;
            row[i] = CM_MIN(replace, shift);
            best = CM_MIN(best, row[i]);
            diagonal = above;
        }
        if (best > max) {
            return max + 1;
        }
    }
    return CM_MIN((size_t)row[a.len], max + 1);
}
