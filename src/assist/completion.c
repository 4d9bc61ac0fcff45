/* completion.c - names of the enumerations in the API's and the database's own words. */
#include "base/base.h"

#include "assist/completion.h"

const char *cm_completion_type_name(enum cm_completion_type type) {
    static const char *const names[] = {[CM_COMPLETION_INLINE] = "inline",
                                        [CM_COMPLETION_FIM] = "fim",
                                        [CM_COMPLETION_CHAT] = "chat",
                                        [CM_COMPLETION_NEXT_EDIT] = "next_edit",
                                        [CM_COMPLETION_AGENT] = "agent"};
    return names[type];
}

const char *cm_completion_source_name(enum cm_completion_source source) {
    static const char *const names[] = {[CM_SOURCE_MODEL] = "model",
                                        [CM_SOURCE_CACHE] = "cache",
                                        [CM_SOURCE_FALLBACK] = "fallback"};
    return names[source];
}
