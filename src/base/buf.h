/* buf.h - a growable byte buffer with a maximum.
 *
 * An append past the maximum, or when memory runs out, marks the buffer as failed and adds nothing;
 * all later appends are refused too. A chain of appends is therefore checked once, at its end, by
 * cm_buf_check. What is appended must not lie in the buffer itself. Contents are NUL-terminated,
 * except after a commit to cm_buf_reserve: cm_buf_c and cm_buf_take see to it.
 *
 * Thread: owner. */
#ifndef CM_BASE_BUF_H
#define CM_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

typedef struct cm_buf {
    char *ptr; /* NULL until the first append */
    size_t len;
    size_t cap;
    size_t max;   /* bytes, set by cm_buf_init */
    cm_rc failed; /* CM_OK, CM_LIMIT or CM_NOMEM */
} cm_buf;

/* `max` is required; a zeroed cm_buf accepts nothing. No memory is taken yet. */
void cm_buf_init(cm_buf *buf, size_t max);
void cm_buf_done(cm_buf *buf);  /* frees; the buffer may be initialised again */
void cm_buf_clear(cm_buf *buf); /* forgets the contents and the failure, keeps the memory */

void cm_buf_add(cm_buf *buf, const void *bytes, size_t len);
void cm_buf_add_str(cm_buf *buf, cm_str s);
void cm_buf_add_c(cm_buf *buf, const char *text);
void cm_buf_add_char(cm_buf *buf, char c);
void cm_buf_add_repeat(cm_buf *buf, char c, size_t count);
void cm_buf_add_f(cm_buf *buf, const char *format, ...) cm_printf(2, 3);
void cm_buf_add_u64(cm_buf *buf, uint64_t value);
void cm_buf_add_i64(cm_buf *buf, int64_t value);
/* Room for `len` more bytes that the caller fills and then commits with `buf->len += used`;
 * NULL when it does not fit (the buffer is then failed). */
char *cm_buf_reserve(cm_buf *buf, size_t len) cm_must_check;
/* Removes `len` bytes from the front (moves the rest down). */
void cm_buf_drop(cm_buf *buf, size_t len);
void cm_buf_truncate(cm_buf *buf, size_t len);

cm_str cm_buf_str(const cm_buf *buf);    /* borrowed, valid until the next append */
const char *cm_buf_c(const cm_buf *buf); /* never NULL */
/* The first failure: CM_LIMIT (past the maximum) or CM_NOMEM. */
cm_rc cm_buf_check(const cm_buf *buf, cm_err *err) cm_must_check;
/* Hands the memory over (free with cm_free) and leaves the buffer empty. Never NULL. */
char *cm_buf_take(cm_buf *buf, size_t *ret_len);

#endif
