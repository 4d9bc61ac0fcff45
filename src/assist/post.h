/* post.h - turns what a model or the instant tier wrote into what is worth inserting.
 *
 * A chain of small filters, each of which may shorten the text and leaves its name when it did.
 * None looks at anything but the text around the cursor, so the chain is pure and cheap; the cut at
 * the end of a scope goes by indentation and brackets, which also holds in text that does not parse
 * (the usual state of a file while it is typed). Syntax-aware truncation after SAFIM (Gong et al.,
 * 2024) gave the idea that a cut answer beats a long one.
 *
 * Thread: any. */
#ifndef CM_ASSIST_POST_H
#define CM_ASSIST_POST_H

#include "base/arena.h"

#define CM_POST_FILTERS_MAX 8

enum cm_multiline { CM_MULTILINE_AUTO, CM_MULTILINE_ALWAYS, CM_MULTILINE_NEVER };

typedef struct cm_post_request {
    cm_str prefix; /* document before the cursor, LF line ends */
    cm_str suffix; /* document after it */
    cm_str text;   /* what was generated */
    enum cm_multiline multiline;
} cm_post_request;

typedef struct cm_post_result {
    cm_str text;                              /* in the arena; empty = nothing worth showing */
    bool cut_at_scope;                        /* the scope filter ended it */
    const char *filters[CM_POST_FILTERS_MAX]; /* names of the filters that changed it */
    size_t filter_count;
} cm_post_result;

void cm_post_process(const cm_post_request *request, cm_arena *arena, cm_post_result *ret_result);

/* Whether a completion here may span lines: the rest of the cursor line is blank or closing
 * brackets, and the line is empty or opens a block. */
bool cm_post_wants_lines(cm_str prefix, cm_str suffix);

#endif
