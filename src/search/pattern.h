/* pattern.h - one regular expression (PCRE2), matched line by line under a deadline.
 *
 * PCRE2 counts steps, not time, and its compiled code (JIT) does not count the repeats of single characters at
 * all: `a{1,1000}a{1,1000}c` on a line of 2,000 `a` takes half a second and cannot be stopped. So a pattern has two
 * forms. The plain one runs where its worst case can be told beforehand and is below some 50 ms: the pattern is simple,
 * and the line is short or has no long runs of what is repeated. The guarded one has a callout before every
 * item; what lies between two callouts is linear in the line, and every few of them look at clock and cancellation. It
 * takes 4 to 20 times as long on ordinary lines of code, so it is compiled when first needed.
 * Rejected: PCRE2's interpreter with a match limit. A step of it may be a scan of the line, so steps bound no time.
 *
 * A line that takes more than a million steps is given up, and that is said.
 * Thread: one at a time. */
#ifndef CM_SEARCH_PATTERN_H
#define CM_SEARCH_PATTERN_H

#include "base/err.h"
#include "base/str.h"
#include "rt/cancel.h"

typedef struct cm_pattern cm_pattern;

typedef struct cm_pattern_options {
    bool case_sensitive;
    uint64_t deadline_ns;    /* cm_clock_ns scale, 0 = none */
    const cm_cancel *cancel; /* may be NULL; outlives the pattern */
} cm_pattern_options;

enum cm_pattern_outcome {
    CM_PATTERN_NONE,
    CM_PATTERN_FOUND,
    CM_PATTERN_GIVEN_UP, /* the line takes too long, whatever the deadline */
    CM_PATTERN_STOPPED,  /* deadline or cancellation, noticed within a millisecond or two */
};

/* CM_INVALID: the pattern, with the offset of the fault. CM_NOMEM. */
cm_rc cm_pattern_new(cm_str text, const cm_pattern_options *options, cm_pattern **ret_pattern,
                     cm_err *err) cm_must_check;
void cm_pattern_free(cm_pattern *pattern); /* NULL is allowed */
/* The first match in `line`, as offsets; both are written with CM_PATTERN_FOUND only. */
enum cm_pattern_outcome cm_pattern_match(cm_pattern *pattern, cm_str line, size_t *ret_from,
                                         size_t *ret_to) cm_must_check;

#endif
