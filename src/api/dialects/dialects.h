/* dialects.h - the completion dialects of one path (api/handlers/completions.c chooses by the body). */
#ifndef CM_API_DIALECTS_DIALECTS_H
#define CM_API_DIALECTS_DIALECTS_H

#include "api/completion_call.h"

void cm_native_completion(cm_call *call);
void cm_openai_completion(cm_call *call);
void cm_tabby_completion(cm_call *call);

#endif
