/* suffix.h - which tokens followed these tokens before? One part of a segment.
 *
 * The tokens (code/tokens.h) of a segment's documents are kept in order, and beside them all their
 * positions sorted by what stands *before* each, read backwards. A context is therefore looked up
 * from its last token to its first, each step narrowing the range of the step before with two binary
 * searches over one token; the ranges of all match lengths fall out of one pass, and the token at a
 * position of a range is a continuation. An ordinary suffix array would need one search for every
 * length, because a longer suffix of the context is not an extension but another pattern.
 *
 * The sort is SA-IS (Nong, Zhang, Chan: "Two Efficient Algorithms for Linear Time Suffix Array
 * Construction", 2011) on 32-bit ranks of the vocabulary, which is sorted by bytes, so that words
 * with a common prefix are a range of ranks too. Byte table: docs/design/instant.md.
 *
 * Thread: a builder has one owner; a reader is immutable, any. */
#ifndef CM_INDEX_SEGMENT_SUFFIX_H
#define CM_INDEX_SEGMENT_SUFFIX_H

#include "base/arena.h"
#include "base/file.h"

/* ---- building ---- */

typedef struct cm_suffix_builder cm_suffix_builder;

cm_suffix_builder *cm_suffix_builder_new(void);
void cm_suffix_builder_free(cm_suffix_builder *builder); /* NULL is allowed */
/* Adds a document. Numbers may have gaps but must rise. CM_NOMEM, CM_LIMIT (2^30 tokens). After an
 * error the builder holds what it held before. */
cm_rc cm_suffix_builder_add(cm_suffix_builder *builder, uint32_t document, cm_str text,
                            cm_err *err) cm_must_check;
size_t cm_suffix_builder_tokens(const cm_suffix_builder *builder);
/* Sorts and appends the part to `out`: some 5.5 bytes a token and the vocabulary. The builder is used
 * up. CM_NOMEM, CM_LIMIT (`out` is full). Peak memory about 25 bytes a token. */
cm_rc cm_suffix_builder_finish(cm_suffix_builder *builder, cm_buf *out, cm_err *err) cm_must_check;

/* ---- reading ---- */

typedef struct cm_suffix cm_suffix;

/* A reader over `bytes` (8-byte aligned), which must outlive it. With `verify` the checksum is
 * computed, which touches every page; without, only the header is checked, and a damaged part gives
 * wrong answers but no access outside. CM_CORRUPT. */
cm_rc cm_suffix_open(const void *bytes, size_t len, bool verify, cm_suffix **ret_suffix,
                     cm_err *err) cm_must_check;
void cm_suffix_close(cm_suffix *suffix); /* NULL is allowed */

size_t cm_suffix_tokens(const cm_suffix *suffix);
size_t cm_suffix_words(const cm_suffix *suffix); /* size of the vocabulary */

/* Entries low..high-1 of the sorted positions: those before which the last `length` tokens of the
 * context stand. */
typedef struct cm_suffix_range {
    uint32_t low, high;
} cm_suffix_range;

/* Looks up `context` (its last token is the one before the cursor). ranges[k] is written for match
 * lengths k = 0 .. the length of the longest match, which is returned, at most `max`; `ranges` has
 * room for max + 1. Matches never cross documents. */
size_t cm_suffix_match(const cm_suffix *suffix, const cm_str *context, size_t count,
                       cm_suffix_range *ranges, size_t max);

/* Position of an entry: that of the token that continues the match. */
uint32_t cm_suffix_position(const cm_suffix *suffix, uint32_t entry);

#define CM_SUFFIX_END 0 /* rank of the end of a document */

/* Rank of the token at `position`; CM_SUFFIX_END at (and beyond) a document's end. */
uint32_t cm_suffix_rank(const cm_suffix *suffix, uint32_t position);
bool cm_suffix_space(const cm_suffix *suffix, uint32_t position); /* cm_token.space */
/* Text of a rank; empty for CM_SUFFIX_END. Borrowed from the mapping. */
cm_str cm_suffix_text(const cm_suffix *suffix, uint32_t rank);
/* Ranks low..high-1 of the tokens that start with `prefix`. */
cm_suffix_range cm_suffix_ranks_of_prefix(const cm_suffix *suffix, cm_str prefix);

/* Number of the document that holds `position`, as given to the builder. */
uint32_t cm_suffix_document(const cm_suffix *suffix, uint32_t position);
/* 1-based line of `position`. Exact, except that of several blank lines among the last
 * CM_SUFFIX_LINE_STEP tokens only one is counted. */
uint32_t cm_suffix_line(const cm_suffix *suffix, uint32_t position);
#define CM_SUFFIX_LINE_STEP 16

#endif
