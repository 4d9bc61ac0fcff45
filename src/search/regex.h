/* regex.h - regular expressions (PCRE2) over the indexed text, line by line.
 *
 * The literals every match must contain give trigrams; only documents that have them all are
 * decompressed and searched (Cox, "Regular Expression Matching with a Trigram Index", 2012).
 * Time is bounded by PCRE2's match limit for one line and the deadline for all.
 * Thread: any. */
#ifndef CM_SEARCH_REGEX_H
#define CM_SEARCH_REGEX_H

#include "search/search.h"

/* CM_INVALID: the pattern, with the offset of the fault. */
cm_rc cm_search_regex(const cm_snapshot *snapshot, const cm_search_query *query, uint32_t limit,
                      uint64_t deadline_ns, cm_arena *arena, cm_search_result *result,
                      cm_err *err) cm_must_check;

/* Literals of at least three bytes that every match of `pattern` contains; conservative: none when
 * in doubt. Returns how many were written. For the trigram plan and its test. */
size_t cm_regex_literals(cm_str pattern, cm_arena *arena, cm_str *literals, size_t max);

#endif
