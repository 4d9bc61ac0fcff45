/* roles.h - what a file is for, as far as its path and first lines tell: test, vendored, generated.
 *
 * These files are indexed like others but rank lower: someone who asks how something works wants the
 * implementation. Thread: any. */
#ifndef CM_INDEX_SEGMENT_ROLES_H
#define CM_INDEX_SEGMENT_ROLES_H

#include "base/str.h"

#define CM_NAME_BYTES_MAX 255 /* longer identifiers are cut in the index */

bool cm_path_is_test(cm_str path);     /* tests, examples, fixtures, mocks */
bool cm_path_is_vendored(cm_str path); /* somebody else's code kept in the tree */
bool cm_text_is_generated(cm_str text);

#endif
