/* buf.c - growth by doubling up to the maximum, with one byte to spare for the NUL; the first failure is kept. */
#include "base/buf.h"

#include "base/mem.h"
#include <stdarg.h>

#define BUF_CAP_MIN 64

void cm_buf_init(cm_buf *buf, size_t max) {
    *buf = (cm_buf){.max = max};
}

void cm_buf_done(cm_buf *buf) {
    cm_free(buf->ptr);
    cm_buf_init(buf, buf->max);
}

void cm_buf_clear(cm_buf *buf) {
    cm_buf_truncate(buf, 0);
    buf->failed = CM_OK;
}

/* Makes room for `len` more bytes and the NUL. */
static bool make_room(cm_buf *buf, size_t len) {
    if (buf->failed) {
        return false;
    }
    if (len > buf->max - buf->len) {
        buf->failed = CM_LIMIT;
        return false;
    }
    size_t want = buf->len + len + 1;
    if (want <= buf->cap) {
        return true;
    }
    size_t cap = CM_MAX(CM_MAX(want, buf->cap * 2), (size_t)BUF_CAP_MIN);
    if (cap - 1 > buf->max) { /* want - 1 <= max, so this never cuts below `want` */
        cap = buf->max + 1;
    }
    char *ptr = cm_try_realloc(buf->ptr, cap);
    if (!ptr) {
        buf->failed = CM_NOMEM;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

void cm_buf_add(cm_buf *buf, const void *bytes, size_t len) {
    if (len == 0 || !make_room(buf, len)) {
        return;
    }
    memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
}

void cm_buf_add_str(cm_buf *buf, cm_str s) {
    cm_buf_add(buf, s.ptr, s.len);
}

void cm_buf_add_c(cm_buf *buf, const char *text) {
    cm_buf_add(buf, text, strlen(text));
}

void cm_buf_add_char(cm_buf *buf, char c) {
    cm_buf_add(buf, &c, 1);
}

void cm_buf_add_repeat(cm_buf *buf, char c, size_t count) {
    if (count == 0 || !make_room(buf, count)) {
        return;
    }
    memset(buf->ptr + buf->len, c, count);
    buf->len += count;
    buf->ptr[buf->len] = '\0';
}

void cm_buf_add_f(cm_buf *buf, const char *format, ...) {
    if (!make_room(buf, 0)) {
        return;
    }
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    size_t room = buf->cap - buf->len;
    int len = vsnprintf(buf->ptr + buf->len, room, format, args);
    va_end(args);
    cm_assert(len >= 0); /* only an invalid wide string or a broken format gives less */
    if ((size_t)len >= room) {
        buf->ptr[buf->len] = '\0'; /* nothing is added when the second try does not fit */
        if (make_room(buf, (size_t)len)) {
            vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        }
    }
    va_end(again);
    if (!buf->failed) {
        buf->len += (size_t)len;
    }
}

void cm_buf_add_u64(cm_buf *buf, uint64_t value) {
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    cm_buf_add(buf, digits + at, sizeof(digits) - at);
}

void cm_buf_add_i64(cm_buf *buf, int64_t value) {
    char text[24];
    int len = snprintf(text, sizeof(text), "%lld", (long long)value);
    cm_buf_add(buf, text, (size_t)len);
}

char *cm_buf_reserve(cm_buf *buf, size_t len) {
    return make_room(buf, len) ? buf->ptr + buf->len : NULL;
}

void cm_buf_drop(cm_buf *buf, size_t len) {
    cm_assert(len <= buf->len);
    if (len == 0) {
        return;
    }
    memmove(buf->ptr, buf->ptr + len, buf->len - len);
    cm_buf_truncate(buf, buf->len - len);
}

void cm_buf_truncate(cm_buf *buf, size_t len) {
    cm_assert(len <= buf->len);
    buf->len = len;
    if (buf->ptr) {
        buf->ptr[len] = '\0';
    }
}

cm_str cm_buf_str(const cm_buf *buf) {
    return cm_str_make(buf->ptr, buf->len);
}

const char *cm_buf_c(const cm_buf *buf) {
    if (!buf->ptr) {
        return "";
    }
    buf->ptr[buf->len] = '\0'; /* bytes committed after cm_buf_reserve have none yet */
    return buf->ptr;
}

cm_rc cm_buf_check(const cm_buf *buf, cm_err *err) {
    if (buf->failed == CM_LIMIT) {
        return cm_fail(err, CM_LIMIT, "text is longer than %zu bytes", buf->max);
    }
    if (buf->failed) {
        return cm_fail(err, buf->failed, "out of memory after %zu bytes of text", buf->len);
    }
    return CM_OK;
}

char *cm_buf_take(cm_buf *buf, size_t *ret_len) {
    char *text = buf->ptr ? buf->ptr : cm_strdup("");
    text[buf->len] = '\0';
    if (ret_len) {
        *ret_len = buf->len;
    }
    cm_buf_init(buf, buf->max);
    return text;
}
