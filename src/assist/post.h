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

/* Around the cursor, as every filter sees it. */
typedef struct cm_post_scan {
    cm_str line_before; /* cursor line, left of the cursor */
    cm_str line_after;  /* cursor line, right of the cursor */
    cm_str next_line;   /* first non-blank line below the cursor, trimmed */
    bool lines_wanted;
    bool cut_at_scope;
} cm_post_scan;

/* The whole chain over the whole text. */
void cm_post_process(const cm_post_request *request, cm_arena *arena, cm_post_result *ret_result);

/* Where the scope filter stands. */
typedef struct cm_post_scope {
    size_t base; /* columns of the cursor line's indentation */
    bool opened, first, blank_before;
} cm_post_scope;

/* Where the repeats filter stands. */
typedef struct cm_post_repeat {
    cm_str line; /* last one that is not blank, trimmed */
    size_t count;
} cm_post_repeat;

/* The chain over a text that is still being written, a line at a time. After each call the result is what
 * cm_post_process makes of the lines that are complete (tests/unit/assist/post_test.c compares them), at the
 * cost of the new ones only. */
typedef struct cm_post_stream {
    cm_post_scan scan;
    cm_post_scope scope;
    cm_post_repeat repeat;
    size_t repeat_at;   /* offset of repeat.line: the text may move between two calls */
    size_t seen;        /* bytes looked through for line ends */
    size_t line;        /* offset of the line that is being written */
    size_t line_count;  /* complete ones */
    size_t skip;        /* bytes of typed indentation */
    size_t solid_begin; /* offset of the first character that is not white space */
    size_t solid_end;   /* behind the last one; 0 = none */
    size_t held_end;    /* the same without the short copy of the next line */
    unsigned
        held_lines; /* complete ones since that copy, itself included; 0 = there is none at the end */
    size_t sure;    /* bytes of the result */
    bool closed;    /* nothing that follows can be kept */
} cm_post_stream;

/* Texts of `request` are borrowed as long as the stream is used; its `text` is not looked at. */
void cm_post_stream_init(cm_post_stream *stream, const cm_post_request *request);
/* `text` is all that was written, and begins with what it was at the last call. Returns the part of it that is
 * worth inserting, as far as its complete lines tell. */
cm_str cm_post_stream_next(cm_post_stream *stream, cm_str text);

/* Whether a completion here may span lines: the rest of the cursor line is blank or closing
 * brackets, and the line is empty or opens a block. */
bool cm_post_wants_lines(cm_str prefix, cm_str suffix);

#endif
