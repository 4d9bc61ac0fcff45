/* utf8.c - validation by the table of the Unicode standard, and the way between byte offsets and positions.
 *
 * Runs of ASCII are skipped a word at a time: most source text is nothing else. */
#include "base/utf8.h"

#define REPLACEMENT 0xfffd
#define NO_MORE     0x110000

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length of the valid character at `p` (`len` > 0 bytes are there), 0 when it is not one. The ranges
 * of the second byte are table 3-7 of the Unicode standard: they exclude overlong forms, surrogates
 * and values above U+10FFFF. */
static size_t char_len(const char *text, size_t len) {
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 0;
    }
    size_t need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len < need) {
        return 0;
    }
    unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if (!is_continuation(text[i])) {
            return 0;
        }
    }
    return need;
}

/* Offset of the first non-ASCII byte at or after `from`, a word at a time. */
static size_t skip_ascii(cm_str s, size_t from) {
    uint64_t word;
    while (s.len - from >= sizeof(word)) {
        memcpy(&word, s.ptr + from, sizeof(word));
        if (word & 0x8080808080808080u) {
            break;
        }
        from += sizeof(word);
    }
    while (from < s.len && (unsigned char)s.ptr[from] < 0x80) {
        from++;
    }
    return from;
}

size_t cm_utf8_invalid_at(cm_str s) {
    for (size_t at = skip_ascii(s, 0); at < s.len; at = skip_ascii(s, at)) {
        size_t len = char_len(s.ptr + at, s.len - at);
        if (len == 0) {
            return at;
        }
        at += len;
    }
    return SIZE_MAX;
}

uint32_t cm_utf8_next(cm_str s, size_t *offset) {
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    if (*offset >= s.len) {
        return NO_MORE;
    }
    const char *p = s.ptr + *offset;
    size_t len = char_len(p, s.len - *offset);
    *offset += len ? len : 1;
    if (len == 0) {
        return REPLACEMENT;
    }
    uint32_t value = (unsigned char)p[0] & lead_bits[len];
    for (size_t i = 1; i < len; i++) {
        value = value << 6 | ((unsigned char)p[i] & 0x3f);
    }
    return value;
}

size_t cm_utf8_put(uint32_t code_point, char bytes[4]) {
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
        return 0;
    }
    if (code_point < 0x80) {
        bytes[0] = (char)code_point;
        return 1;
    }
    static const uint8_t lead_marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code_point >>= 6) {
        bytes[i] = (char)(0x80 | (code_point & 0x3f));
    }
    bytes[0] = (char)(lead_marks[len] | code_point);
    return len;
}

size_t cm_utf8_floor(cm_str s, size_t offset) {
    if (offset >= s.len) {
        return s.len;
    }
    /* Never more than three back, so that invalid text cannot make this a long walk. */
    size_t start = offset;
    while (start > 0 && offset - start < 3 && is_continuation(s.ptr[start])) {
        start--;
    }
    return start + char_len(s.ptr + start, s.len - start) > offset ? start : offset;
}

cm_str cm_utf8_cut(cm_str s, size_t max) {
    return cm_str_sub(s, 0, s.len <= max ? s.len : cm_utf8_floor(s, max));
}

/* Units of one character, told by its first byte. */
static uint32_t units_of(char first, enum cm_encoding encoding) {
    unsigned char c = (unsigned char)first;
    uint32_t bytes = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (encoding == CM_UTF8) {
        return bytes;
    }
    return encoding == CM_UTF16 && bytes == 4 ? 2 : 1;
}

size_t cm_utf8_count(cm_str s, enum cm_encoding encoding) {
    if (encoding == CM_UTF8) {
        return s.len;
    }
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_continuation(s.ptr[i])) {
            count += units_of(s.ptr[i], encoding);
        }
    }
    return count;
}

/* The line that starts at `start`, without its LF or CRLF. */
static cm_str line_at(cm_str text, size_t start) {
    cm_str rest = cm_str_from_offset(text, start);
    size_t end = cm_str_find_char(rest, '\n');
    if (end == SIZE_MAX) {
        return rest;
    }
    if (end > 0 && rest.ptr[end - 1] == '\r') {
        end--;
    }
    return cm_str_sub(rest, 0, end);
}

bool cm_position_to_offset(cm_str text, cm_position position, enum cm_encoding encoding,
                           size_t *ret_offset) {
    size_t start = 0;
    for (uint32_t line = 0; line < position.line; line++) {
        size_t end = cm_str_find_char(cm_str_from_offset(text, start), '\n');
        if (end == SIZE_MAX) {
            return false;
        }
        start += end + 1;
    }
    cm_str line = line_at(text, start);
    size_t at = 0;
    uint64_t units = 0;
    while (at < line.len) {
        units += units_of(line.ptr[at], encoding);
        if (units > position.character) {
            break;
        }
        size_t next = at;
        cm_utf8_next(line, &next);
        at = next;
    }
    *ret_offset = start + at;
    return true;
}

cm_position cm_position_of_offset(cm_str text, size_t offset, enum cm_encoding encoding) {
    offset = cm_utf8_floor(text, offset);
    cm_str before = cm_str_sub(text, 0, offset);
    uint32_t line = 0;
    size_t start = 0;
    for (size_t end; (end = cm_str_find_char(cm_str_from_offset(before, start), '\n')) != SIZE_MAX;
         line++) {
        start += end + 1;
    }
    /* Between CR and LF counts as the end of the line, as in cm_position_to_offset. */
    size_t column = CM_MIN(offset - start, line_at(text, start).len);
    size_t character = cm_utf8_count(cm_str_sub(text, start, column), encoding);
    return (cm_position){.line = line, .character = (uint32_t)CM_MIN(character, UINT32_MAX)};
}

size_t cm_utf8_to_lf(cm_str text, char *out, bool *ret_crlf) {
    size_t len = 0, crlf = 0, lf = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool pair = text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        crlf += pair;
        if (pair) {
            continue; /* the LF that follows is copied */
        }
        lf += text.ptr[i] == '\n';
        out[len++] = text.ptr[i];
    }
    if (ret_crlf) {
        *ret_crlf = crlf * 2 > lf; /* `lf` counts those of the pairs too */
    }
    return len;
}
