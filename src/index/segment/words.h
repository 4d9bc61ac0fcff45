/* words.h - source text as search sees it: identifiers, their parts, stems.
 *
 * `parseHTTPHeader_v2` gives the parts parse, http, header, v2 and the whole parsehttpheader_v2. Parts
 * are lower-cased and lightly stemmed, so that "parsing headers" finds it; the whole identifier is
 * kept, so that an exact name still outranks a coincidence of parts. Common abbreviations (str, dir, ctx)
 * are one word with what they stand for. What each step is worth: docs/benchmarks.md, "Search".
 *
 * Index and query use this one function, so they cannot disagree.
 * Thread: any. */
#ifndef CM_INDEX_SEGMENT_WORDS_H
#define CM_INDEX_SEGMENT_WORDS_H

#include "base/str.h"

#define CM_WORD_BYTES_MAX 64 /* longer runs are data, not names: they are left out */

/* `word` is lower-cased and valid during the call only; `start`, `len` are the place in the text. */
typedef void cm_word_fn(void *argument, cm_str word, size_t start, size_t len);

/* Calls `visit` for each word of `text` (any bytes) in order: parts first, then the whole. */
void cm_words_split(cm_str text, cm_word_fn *visit, void *argument);

/* The same in two steps, for callers that keep what they found of an identifier: the next run of word
 * bytes from *at, which moves behind it; then the words of such a run. */
bool cm_words_next(cm_str text, size_t *at, cm_str *ret_run);
void cm_words_of(cm_str run, size_t base, cm_word_fn *visit, void *argument);

/* English words (and "code", "make" ...) that say nothing about code when a person asks in prose.
 * `word` as cm_words_split gives it. */
bool cm_word_is_stop(cm_str word);

#endif
