/* path.h - file names: joining, normal form, staying inside a root, glob patterns. Thread: any. */
#ifndef CM_BASE_PATH_H
#define CM_BASE_PATH_H

#include "base/buf.h"

#define CM_PATH_BYTES_MAX 4096

/* "a/./b//../c" -> "a/c". Never looks at the disk. A relative path that climbs out ("../x") and a
 * path with NUL are CM_INVALID; an absolute one stops at "/". */
cm_rc cm_path_normalise(cm_str path, cm_buf *out, cm_err *err) cm_must_check;
/* Repository-relative path as the API takes it: '/'-separated, no "..", no NUL, not absolute, at
 * most 1,024 bytes, valid UTF-8; CM_INVALID says which of these is broken. */
cm_rc cm_path_check_relative(cm_str path, cm_err *err) cm_must_check;
/* Appends `name` to `out` with one '/' between. */
void cm_path_join(cm_buf *out, cm_str directory, cm_str name);
cm_str cm_path_base(cm_str path);      /* last component */
cm_str cm_path_directory(cm_str path); /* all before it, without the slash; empty when none */
cm_str cm_path_extension(cm_str path); /* "tar.gz" -> "gz"; empty when none; ".bashrc" has none */
bool cm_path_is_inside(cm_str path, cm_str root); /* both normal and absolute; equal counts */

/* A `file://` URI to a path, percent-decoded: only an empty or "localhost" host; all others and
 * what is no absolute path are CM_INVALID. */
cm_rc cm_path_from_uri(cm_str uri, cm_buf *out, cm_err *err) cm_must_check;

/* Glob: '*' and '?' stop at '/', "**" does not, [a-z] and [!a-z] classes, {a,b} one level of
 * alternatives, '\' escapes. Bounded time: no pattern is exponential. */
bool cm_path_glob(cm_str pattern, cm_str path);

#endif
