/* sais.h - suffix sort in linear time.
 *
 * SA-IS: G. Nong, S. Zhang, W. H. Chan, "Two Efficient Algorithms for Linear Time Suffix Array
 * Construction", IEEE Transactions on Computers 60(10), 2011. Only the leftmost S-type suffixes (LMS)
 * are sorted, by recursion on their names; the order of all others is induced from theirs in two
 * scans. Rejected: qsort with keys of bounded length, which degrades on the long repeats that
 * generated files have; prefix doubling, n log n with three times the memory traffic.
 *
 * Thread: any. */
#ifndef CM_INDEX_SEGMENT_SAIS_H
#define CM_INDEX_SEGMENT_SAIS_H

#include "base/base.h"

/* Writes the starts of the suffixes of `text` in rising order to order[0..count-1]; the end of the
 * text counts as smaller than any value. All values must be <= `max`, `count` < 2^32 - 1. False when
 * out of memory: about 12 bytes a value are needed beside the two arrays. */
bool cm_sais(const uint32_t *text, uint32_t count, uint32_t max, uint32_t *order) cm_must_check;

#endif
