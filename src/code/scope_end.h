/* scope_end.h - where a completion should stop, by brackets and indentation alone.
 *
 * Our own scanner over at most 64 KiB: strings, comments and brackets as spec/languages.toml describes
 * them. Used when there is no grammar, no worker, or the text does not parse around the cursor.
 *
 * Thread: any. */
#ifndef CM_CODE_SCOPE_END_H
#define CM_CODE_SCOPE_END_H

#include "code/parser.h"

/* `language` may be NULL. Never fails. */
cm_scope_end cm_scope_end_by_brackets(const cm_language *language, cm_str before, cm_str candidate);

#endif
