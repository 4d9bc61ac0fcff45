/* languages_priv.h - the generated table behind languages.h. */
#ifndef CM_CODE_LANGUAGES_PRIV_H
#define CM_CODE_LANGUAGES_PRIV_H

#include "code/languages.h"

extern const size_t cm_language_count;
extern const uint64_t cm_language_version;
extern const cm_language cm_language_rows[];  /* in order of id */
extern const uint16_t cm_language_declared[]; /* indexes in the order of spec/languages.toml */

#endif
