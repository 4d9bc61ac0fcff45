/* git.h - asks git, the program: it alone knows where its hooks lie and what a checkout changed.
 *
 * Thread: main. */
#ifndef CM_APP_GIT_H
#define CM_APP_GIT_H

#include "base/buf.h"

/* Runs `git -C directory arguments...` (NULL-terminated; no shell) and appends what it prints to `out`. Its standard
 * error goes nowhere. CM_NOT_FOUND (there is no git), CM_INVALID (it failed), CM_LIMIT (it prints more than
 * `out` takes). */
cm_rc cm_git_run(const char *directory, const char *const *arguments, cm_buf *out,
                 cm_err *err) cm_must_check;
/* The same for one line, without its end; CM_LIMIT above `size`. */
cm_rc cm_git_line(const char *directory, const char *const *arguments, char *line, size_t size,
                  cm_err *err) cm_must_check;

#endif
