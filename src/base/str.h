/* str.h - borrowed slices of text or bytes.
 *
 * A cm_str never owns its bytes and need not end in NUL. `ptr` may be NULL only when `len` is 0.
 * Thread: any (values). */
#ifndef CM_BASE_STR_H
#define CM_BASE_STR_H

#include "base/base.h"

typedef struct cm_str {
    const char *ptr;
    size_t len;
} cm_str;

typedef struct cm_str_list {
    const cm_str *items;
    size_t count;
} cm_str_list;

#define CM_STR(literal) ((cm_str){"" literal, sizeof(literal) - 1})
#define CM_STR_EMPTY    ((cm_str){NULL, 0})
/* For printf: "%.*s" with CM_STR_ARG(s). */
#define CM_STR_FMT      "%.*s"
#define CM_STR_ARG(s)   (int)CM_MIN((s).len, (size_t)INT_MAX), (s).ptr ? (s).ptr : ""

cm_str cm_str_from(const char *text); /* NULL gives the empty slice */
static inline cm_str cm_str_make(const char *ptr, size_t len) {
    return (cm_str){ptr, len};
}

bool cm_str_eq(cm_str a, cm_str b);
bool cm_str_eq_c(cm_str a, const char *b);
bool cm_str_eq_nocase(cm_str a, cm_str b); /* ASCII case only */
int cm_str_cmp(cm_str a, cm_str b);        /* by bytes, shorter first */
bool cm_str_starts(cm_str s, cm_str prefix);
bool cm_str_ends(cm_str s, cm_str suffix);
/* Offset of the first (last) match at or after (before) the start (end), or SIZE_MAX. */
size_t cm_str_find(cm_str s, cm_str needle);
size_t cm_str_find_char(cm_str s, char c);
size_t cm_str_rfind_char(cm_str s, char c);
/* Part of `s`; offsets beyond the end are clamped. */
cm_str cm_str_sub(cm_str s, size_t from, size_t len);
cm_str cm_str_from_offset(cm_str s, size_t from);
cm_str cm_str_trim(cm_str s); /* ASCII white space on both sides */
/* Takes the part before `separator` off the front of `*rest`; false when nothing is left, so that
 * "a,,b," gives "a", "", "b". */
bool cm_str_split(cm_str *rest, char separator, cm_str *ret_part);
/* Takes one line off the front of `*rest`, without its LF or CRLF; false at the end. */
bool cm_str_line(cm_str *rest, cm_str *ret_line);

/* Whole-string numbers: false on anything else (sign where unsigned, spaces, overflow, empty). */
bool cm_str_to_u64(cm_str s, uint64_t *ret_value);
bool cm_str_to_i64(cm_str s, int64_t *ret_value);
bool cm_str_to_f64(cm_str s, double *ret_value); /* finite decimal numbers only */

/* Levenshtein distance in bytes, cut off at `max` (returns max + 1 beyond); for "did you mean". The
 * shorter text has at most 255 bytes: max + 1 when it has more. */
size_t cm_str_distance(cm_str a, cm_str b, size_t max);

/* ASCII classes without locale. */
static inline bool cm_is_digit(char c) {
    return c >= '0' && c <= '9';
}
static inline bool cm_is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool cm_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
/* Letters, digits, underscore and every byte of a multi-byte UTF-8 character. */
static inline bool cm_is_word(char c) {
    return cm_is_alpha(c) || cm_is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}
static inline char cm_to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

#endif
