/* regex.h - regular expressions (PCRE2) over the indexed text, line by line.
 *
 * The literals every match must contain (search/regex_plan.h) give trigrams; only documents that have them
 * are decompressed, and of these only lines that have the most telling literal are matched.
 * Deadline and cancellation are looked at for each line and inside one (search/pattern.h); a line that takes too
 * long for any deadline is left out. Either makes the result `truncated`.
 * Thread: any. */
#ifndef CM_SEARCH_REGEX_H
#define CM_SEARCH_REGEX_H

#include "search/search.h"

/* CM_INVALID: the pattern, with the offset of the fault. */
cm_rc cm_search_regex(const cm_snapshot *snapshot, const cm_search_query *query, uint32_t limit,
                      uint64_t deadline_ns, cm_arena *arena, cm_search_result *result,
                      cm_err *err) cm_must_check;

#endif
