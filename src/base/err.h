/* err.h - result codes and error details.
 *
 * Every call that can fail returns a `cm_rc` and takes a `cm_err *` as its last parameter (NULL is
 * allowed when the caller needs no text). The deepest function that knows what went wrong sets the
 * detail once; callers pass it on, and may add a prefix, but never replace it.
 *
 * The codes are declared in spec/errors.toml, which also gives each its HTTP status, JSON-RPC code
 * and meaning. Message law: lower case, no full stop, what failed first, the subject quoted, and
 * what to do next when a user will read it. */
#ifndef CM_BASE_ERR_H
#define CM_BASE_ERR_H

#include "base/base.h"
#include "base/errors_gen.h" /* enum cm_rc, generated */

#define CM_ERR_TEXT_MAX 512

typedef enum cm_rc cm_rc;

typedef struct cm_err {
    cm_rc rc;
    char text[CM_ERR_TEXT_MAX]; /* cut with "..." when longer */
    const char *file;           /* where it was set */
    int line;
} cm_err;

/* One row of spec/errors.toml. */
typedef struct cm_err_info {
    cm_rc rc;
    const char *name; /* "INVALID" */
    const char *slug; /* public code, "validation_failed"; internal codes show "internal" */
    int http_status;  /* 400 */
    int jsonrpc_code; /* -32602 */
    bool retryable;
    const char *title;   /* never varies for a slug */
    const char *meaning; /* one or two sentences, shown by GET /problems/{code} */
} cm_err_info;

/* Sets `err` (if not NULL) and returns `rc`, so that a failure is one statement:
 *     return cm_fail(err, CM_LIMIT, "query of %zu bytes is longer than %d", len, max); */
#define cm_fail(err, rc, ...) cm_err_set((err), (rc), __FILE__, __LINE__, __VA_ARGS__)

/* Behind cm_fail; returns `rc`, any of the codes. */
cm_rc cm_err_set(cm_err *err, cm_rc rc, const char *file, int line, const char *format, ...)
    cm_printf(5, 6);

/* Like cm_fail, and appends ": " and the text of `errno_value`. ENOSPC and EDQUOT become
 * CM_STORAGE_FULL, ENOENT and ENOTDIR CM_NOT_FOUND, ENAMETOOLONG and ELOOP CM_INVALID, EACCES and
 * EPERM CM_DENIED, ENOMEM CM_NOMEM; all others CM_IO. */
#define cm_fail_errno(err, errno_value, ...) \
    cm_err_set_errno((err), (errno_value), __FILE__, __LINE__, __VA_ARGS__)

/* Behind cm_fail_errno; CM_IO or another code of that list. */
cm_rc cm_err_set_errno(cm_err *err, int errno_value, const char *file, int line, const char *format,
                       ...) cm_printf(5, 6);

/* Puts "prefix: " before the text already there and returns err->rc, any of the codes. `err` may be NULL only
 * together with a code: cm_err_prefix returns `rc` unchanged. */
cm_rc cm_err_prefix(cm_err *err, cm_rc rc, const char *format, ...) cm_printf(3, 4);

/* Never NULL: an unknown code gives the row of CM_INTERNAL. */
const cm_err_info *cm_err_info_get(cm_rc rc);
/* NULL when no row has this slug. */
const cm_err_info *cm_err_info_find(const char *slug);
/* All rows in order of declaration; `*ret_count` rows. */
const cm_err_info *cm_err_info_all(size_t *ret_count);

#endif
