/* document.h - the API's own description, embedded by tools/gen_api.py.
 *
 * Thread: any; constant data. */
#ifndef CM_API_DOCUMENT_H
#define CM_API_DOCUMENT_H

#include "base/base.h"

extern const char cm_openapi_json[];
extern const size_t cm_openapi_json_len;

extern const char cm_docs_html[]; /* the reference page */
extern const size_t cm_docs_html_len;

#endif
