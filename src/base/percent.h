/* percent.h - percent-encoding of URLs (RFC 3986 section 2.1). Thread: any. */
#ifndef CM_BASE_PERCENT_H
#define CM_BASE_PERCENT_H

#include "base/str.h"

/* Decodes `raw` into `out`, which needs raw.len bytes; `plus_is_space` as in query strings. False: a
 * broken escape, NUL, or a result that is not UTF-8. */
bool cm_percent_decode(cm_str raw, bool plus_is_space, char *out, size_t *ret_len) cm_must_check;

#endif
