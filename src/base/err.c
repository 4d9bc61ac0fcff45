/* err.c - filling in, prefixing and looking up errors.
 *
 * The table of codes is generated from spec/errors.toml. errno has its own table of cm_rc here, so that 'disk full' or
 * 'no such file' means the same wherever it is met. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>

extern const cm_err_info cm_err_rows[CM_RC_COUNT]; /* errors_gen.c */

/* Formats into a scratch text first: an argument may point into err->text itself. */
cm_printf(2, 0) static void set_text(cm_err *err, const char *format, va_list args) {
    char text[CM_ERR_TEXT_MAX];
    int len = vsnprintf(text, sizeof(text), format, args);
    if (len < 0) {
        text[0] = '\0';
    } else if ((size_t)len >= sizeof(text)) {
        memcpy(text + sizeof(text) - sizeof("..."), "...", sizeof("..."));
    }
    memcpy(err->text, text, strlen(text) + 1);
}

cm_printf(2, 3) static void set_textf(cm_err *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
}

cm_rc cm_err_set(cm_err *err, cm_rc rc, const char *file, int line, const char *format, ...) {
    if (!err) {
        return rc;
    }
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    err->rc = rc;
    err->file = file;
    err->line = line;
    return rc;
}

static cm_rc rc_of_errno(int value) {
    switch (value) {
    case ENOSPC:
    case EFBIG: /* ulimit -f, with SIGXFSZ ignored */
    case EDQUOT: return CM_STORAGE_FULL;
    case ENOENT:
    case ENOTDIR: return CM_NOT_FOUND;
    case ENAMETOOLONG:
    case ELOOP: return CM_INVALID;
    case EACCES:
    case EPERM: return CM_DENIED;
    case ENOMEM: return CM_NOMEM;
    default: return CM_IO;
    }
}

cm_rc cm_err_set_errno(cm_err *err, int errno_value, const char *file, int line, const char *format,
                       ...) {
    cm_rc rc = rc_of_errno(errno_value);
    if (!err) {
        return rc;
    }
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    /* The _np form is thread-safe and never translated, unlike strerror. */
    const char *reason = strerrordesc_np(errno_value);
    if (reason) {
        set_textf(err, "%s: %s", err->text, reason);
    } else {
        set_textf(err, "%s: error %d", err->text, errno_value);
    }
    err->rc = rc;
    err->file = file;
    err->line = line;
    return rc;
}

cm_rc cm_err_prefix(cm_err *err, cm_rc rc, const char *format, ...) {
    if (!err) {
        return rc;
    }
    char before[CM_ERR_TEXT_MAX];
    memcpy(before, err->text, sizeof(before));
    va_list args;
    va_start(args, format);
    set_text(err, format, args);
    va_end(args);
    set_textf(err, "%s: %s", err->text, before);
    return err->rc;
}

const cm_err_info *cm_err_info_get(cm_rc rc) {
    size_t row = (size_t)rc;
    return &cm_err_rows[row < CM_RC_COUNT ? row : (size_t)CM_INTERNAL];
}

const cm_err_info *cm_err_info_find(const char *slug) {
    for (size_t i = 0; i < CM_RC_COUNT; i++) {
        if (strcmp(cm_err_rows[i].slug, slug) == 0) {
            return &cm_err_rows[i];
        }
    }
    return NULL;
}

const cm_err_info *cm_err_info_all(size_t *ret_count) {
    *ret_count = CM_RC_COUNT;
    return cm_err_rows;
}
