/* base.c - where a failed assertion ends: one line that names it, then abort(). */
#include "base/base.h"

void cm_assert_failed(const char *expression, const char *file, int line) {
    fprintf(stderr, "codementor: %s:%d: assertion failed: %s\n", file, line, expression);
    abort();
}
