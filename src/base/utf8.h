/* utf8.h - UTF-8 validation and positions as editors count them.
 *
 * A position is a 0-based line and a 0-based character counted in UTF-16 code units (LSP), bytes or
 * code points. Lines end at LF; a CR before it belongs to the line end, a lone CR is an ordinary
 * character. Functions that take text require valid UTF-8 unless they say otherwise.
 * Thread: any. */
#ifndef CM_BASE_UTF8_H
#define CM_BASE_UTF8_H

#include "base/str.h"

enum cm_encoding { CM_UTF16, CM_UTF8, CM_UTF32 };

typedef struct cm_position {
    uint32_t line;
    uint32_t character;
} cm_position;

typedef struct cm_range {
    cm_position start;
    cm_position end; /* exclusive */
} cm_range;

/* Offset of the first byte that is not part of valid UTF-8 (RFC 3629), or SIZE_MAX. */
size_t cm_utf8_invalid_at(cm_str s);
static inline bool cm_utf8_valid(cm_str s) {
    return cm_utf8_invalid_at(s) == SIZE_MAX;
}
/* Decodes the character at `*offset` and moves past it. Any bytes: an invalid one gives U+FFFD and
 * moves by one. Returns 0x110000 at the end. */
uint32_t cm_utf8_next(cm_str s, size_t *offset);
/* Writes 1..4 bytes and returns how many; 0 for surrogates and values above U+10FFFF. */
size_t cm_utf8_put(uint32_t code_point, char bytes[4]);
/* Longest prefix of at most `max` bytes that does not cut a character. */
cm_str cm_utf8_cut(cm_str s, size_t max);
/* Start of the character that contains `offset` (offset itself when it is a boundary). */
size_t cm_utf8_floor(cm_str s, size_t offset);
size_t cm_utf8_count(cm_str s, enum cm_encoding encoding);

/* Byte offset of `position`. A character past the line end is clamped to it, one inside a
 * surrogate pair moves left. False when the line lies past the last one. */
bool cm_position_to_offset(cm_str text, cm_position position, enum cm_encoding encoding,
                           size_t *ret_offset);
/* `offset` is clamped to the text. */
cm_position cm_position_of_offset(cm_str text, size_t offset, enum cm_encoding encoding);
/* Copy with CRLF turned into LF; *ret_crlf tells whether CRLF was in the majority. `out` needs
 * text.len bytes; returns the length written. */
size_t cm_utf8_to_lf(cm_str text, char *out, bool *ret_crlf);

#endif
