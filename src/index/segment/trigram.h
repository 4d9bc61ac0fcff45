/* trigram.h - every three bytes a text contains, letters folded to lower case.
 *
 * A document can only contain a literal when it contains all the literal's trigrams; that narrows a regex or
 * substring search to a few documents before any text is read (Cox, "Regular Expression Matching
 * with a Trigram Index", 2012). Line ends are not part of any trigram: matches are line by line.
 * Thread: any. */
#ifndef CM_INDEX_SEGMENT_TRIGRAM_H
#define CM_INDEX_SEGMENT_TRIGRAM_H

#include "base/arena.h"
#include "base/err.h"

static inline uint32_t cm_trigram(char a, char b, char c) {
    return (uint32_t)(unsigned char)cm_to_lower(a) << 16 |
           (uint32_t)(unsigned char)cm_to_lower(b) << 8 | (unsigned char)cm_to_lower(c);
}

/* Distinct trigrams of `text`, ascending. CM_NOMEM. */
cm_rc cm_trigrams_of(cm_str text, cm_arena *arena, const uint32_t **ret_trigrams, size_t *ret_count,
                     cm_err *err) cm_must_check;

#endif
