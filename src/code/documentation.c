/* documentation.c - what people read about a symbol: signature, documentation, visibility.
 *
 * Documentation is the comment block that ends right above the definition (attributes and decorators
 * may stand between), found by bytes and lines, not by the tree: grammars disagree about which node a
 * comment hangs on, all agree about where it is. A docstring captured by the query wins. */
#include "base/utf8.h"
#include "code/extract_priv.h"

/* --- signature --------------------------------------------------------------------------------- */

/* Appends `s` with each run of white space as one blank. */
static void fold(cm_buf *out, cm_str s) {
    bool blank = false;
    for (size_t i = 0; i < s.len && out->len < CM_SIGNATURE_BYTES_MAX + 8; i++) {
        if (cm_is_space(s.ptr[i])) {
            blank = out->len > 0;
            continue;
        }
        if (blank) {
            cm_buf_add_char(out, ' ');
            blank = false;
        }
        cm_buf_add_char(out, s.ptr[i]);
    }
}

static bool is_attribute(cm_str line) {
    return cm_str_starts(line, CM_STR("#[")) || cm_str_starts(line, CM_STR("[")) ||
           (cm_str_starts(line, CM_STR("@")) && !cm_str_starts(line, CM_STR("@interface")));
}

static uint32_t after_attributes(const cm_run *run, const definition *d) {
    uint32_t start = d->range.start;
    for (;;) {
        cm_str front = cm_str_sub(run->text, start, d->name.start - start);
        size_t feed = cm_str_find_char(front, '\n');
        if (feed == SIZE_MAX || !is_attribute(front)) {
            return start;
        }
        start += (uint32_t)feed + 1;
        while (start < d->name.start && cm_is_space(run->text.ptr[start])) {
            start++;
        }
    }
}

static cm_str signature_text(const cm_run *run, const definition *d) {
    /* A wrapper is part of the signature when it is a word in front ("export"); decorators and
     * annotations on lines of their own may be long and say little. */
    uint32_t start = after_attributes(run, d);
    if (d->body.end > 0 && d->body.start > d->name.start) {
        return cm_str_sub(run->text, start, d->body.start - start);
    }
    cm_str whole = cm_str_sub(run->text, start, d->range.end - start);
    size_t line_end = cm_str_find_char(cm_str_from_offset(whole, d->name.start - start), '\n');
    return line_end == SIZE_MAX ? whole : cm_str_sub(whole, 0, d->name.start - start + line_end);
}

cm_wire_slice cm_run_signature(cm_run *run, const definition *d) {
    if (d->name.start < d->range.start) {
        return (cm_wire_slice){0};
    }
    cm_buf folded;
    cm_buf_init(&folded, CM_SIGNATURE_BYTES_MAX + 64);
    fold(&folded, signature_text(run, d));
    cm_str s = cm_utf8_cut(cm_buf_str(&folded), CM_SIGNATURE_BYTES_MAX);
    if (cm_str_ends(s, CM_STR("=>"))) {
        s.len -= 2;
    }
    while (s.len > 0 && strchr(" {:;=", s.ptr[s.len - 1])) {
        s.len--;
    }
    cm_wire_slice slice = cm_extraction_add(run->out, s);
    cm_buf_done(&folded);
    return slice;
}

/* --- documentation ----------------------------------------------------------------------------- */

/* Takes one comment mark off the front: ///, //!, /_**, *, #, --, ;; and the like. */
static cm_str strip_marks(cm_str line) {
    line = cm_str_trim(line);
    size_t at = 0;
    while (at < line.len && at < 6 && strchr("/*#-;!%({|\"'", line.ptr[at])) {
        at++;
    }
    line = cm_str_from_offset(line, at);
    size_t end = line.len;
    while (end > 0 && line.len - end < 4 && strchr("*/)}|\"'", line.ptr[end - 1])) {
        end--;
    }
    /* A closing bracket of prose stays; only what ends a comment or docstring goes. */
    cm_str tail = cm_str_from_offset(line, end);
    bool closes = cm_str_ends(tail, CM_STR("*/")) || cm_str_ends(tail, CM_STR("*)")) ||
                  cm_str_ends(tail, CM_STR("\"\"\"")) || cm_str_ends(tail, CM_STR("'''")) ||
                  cm_str_ends(tail, CM_STR("|#")) || cm_str_ends(tail, CM_STR("-}"));
    return cm_str_trim(closes ? cm_str_sub(line, 0, end) : line);
}

static void add_clean(cm_buf *out, cm_str raw) {
    cm_str line;
    while (out->len <= CM_DOC_BYTES_MAX && cm_str_line(&raw, &line)) {
        cm_str clean = strip_marks(line);
        if (clean.len == 0 && out->len == 0) {
            continue;
        }
        if (out->len > 0) {
            cm_buf_add_char(out, '\n');
        }
        cm_buf_add_str(out, cm_str_sub(clean, 0, CM_DOC_BYTES_MAX));
    }
}

static cm_str line_text(const cm_run *run, size_t line) {
    const cm_extractor *x = run->extractor;
    uint32_t start = x->lines.items[line];
    uint32_t end = line + 1 < x->lines.count ? x->lines.items[line + 1] : (uint32_t)run->text.len;
    return cm_str_trim(cm_str_sub(run->text, start, end - start));
}

/* Index of the last comment that starts before `offset`; -1 = none. */
static ptrdiff_t comment_before(const cm_extractor *x, uint32_t offset) {
    size_t low = 0, high = x->comments.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->comments.items[middle].start < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (ptrdiff_t)low - 1;
}

/* 1-based line on which a comment ends (a line comment of some grammars holds its line feed). */
static uint32_t comment_end_line(const cm_run *run, span comment) {
    uint32_t end = comment.end;
    while (end > comment.start && cm_is_space(run->text.ptr[end - 1])) {
        end--;
    }
    return cm_run_line(run, end > comment.start ? end - 1 : end);
}

static bool starts_line(const cm_run *run, uint32_t offset) {
    uint32_t start = run->extractor->lines.items[cm_run_line(run, offset) - 1];
    return cm_str_trim(cm_str_sub(run->text, start, offset - start)).len == 0;
}

/* First comment of the block that ends right above line `line`; *ret_last its last. */
static ptrdiff_t block_above(const cm_run *run, uint32_t offset, ptrdiff_t *ret_last) {
    const cm_extractor *x = run->extractor;
    uint32_t line = cm_run_line(run, offset);
    *ret_last = -1;
    if (!starts_line(run, offset)) {
        return -1; /* the block above belongs to what stands first on this line */
    }
    while (line > 1 && is_attribute(line_text(run, line - 2))) {
        line--;
    }
    ptrdiff_t last = comment_before(x, x->lines.items[line - 1]);
    ptrdiff_t first = last;
    for (; first >= 0; first--) {
        span comment = x->comments.items[first];
        if (comment_end_line(run, comment) + 1 != line || !starts_line(run, comment.start)) {
            break;
        }
        line = cm_run_line(run, comment.start);
    }
    *ret_last = last;
    return first + 1;
}

/* r"""Text.""" -> Text. */
static cm_str without_quotes(cm_str s) {
    size_t quote = cm_str_find_char(s, '"');
    if (quote == SIZE_MAX || quote > 2) {
        quote = cm_str_find_char(s, '\'');
    }
    if (quote > 2) {
        return s;
    }
    char mark = s.ptr[quote];
    while (quote < s.len && s.ptr[quote] == mark) {
        quote++;
    }
    size_t end = s.len;
    while (end > quote && s.ptr[end - 1] == mark) {
        end--;
    }
    return cm_str_sub(s, quote, end - quote);
}

cm_wire_slice cm_run_documentation(cm_run *run, const definition *d) {
    cm_buf out;
    cm_buf_init(&out, 2 * CM_DOC_BYTES_MAX + 64);
    if (d->doc.end > 0) {
        add_clean(&out, without_quotes(cm_run_text(run, d->doc)));
    } else {
        ptrdiff_t last;
        ptrdiff_t first = block_above(run, d->range.start, &last);
        for (ptrdiff_t i = first; i <= last && i >= 0; i++) {
            add_clean(&out, cm_run_text(run, run->extractor->comments.items[i]));
        }
    }
    cm_str text = cm_str_trim(cm_utf8_cut(cm_buf_str(&out), CM_DOC_BYTES_MAX));
    cm_wire_slice slice = text.len > 0 ? cm_extraction_add(run->out, text) : (cm_wire_slice){0};
    cm_buf_done(&out);
    return slice;
}

/* --- visibility -------------------------------------------------------------------------------- */

enum { UNKNOWN, PUBLIC, PROTECTED, PRIVATE };

static const struct {
    const char *word;
    uint8_t visibility;
} modifiers[] = {
    {"public", PUBLIC},         {"private", PRIVATE}, {"protected", PROTECTED},
    {"internal", PROTECTED},    {"open", PUBLIC},     {"fileprivate", PRIVATE},
    {"private[this]", PRIVATE}, {"external", PUBLIC},
};

static bool next_word(cm_str *rest, cm_str *ret_word) {
    *rest = cm_str_trim(*rest);
    size_t end = 0;
    while (end < rest->len && !cm_is_space(rest->ptr[end])) {
        end++;
    }
    *ret_word = cm_str_sub(*rest, 0, end);
    *rest = cm_str_from_offset(*rest, end);
    return end > 0;
}

/* The words between the start of the definition and its name. */
static uint8_t by_modifiers(cm_str front) {
    cm_str rest = front, word;
    while (next_word(&rest, &word)) {
        for (size_t i = 0; i < CM_COUNT(modifiers); i++) {
            if (cm_str_eq_c(word, modifiers[i].word)) {
                return modifiers[i].visibility;
            }
        }
    }
    return UNKNOWN;
}

static bool has_word(cm_str front, const char *wanted) {
    size_t len = strlen(wanted);
    size_t at = cm_str_find(front, cm_str_make(wanted, len));
    return at != SIZE_MAX && (at == 0 || !cm_is_word(front.ptr[at - 1])) &&
           (at + len >= front.len || !cm_is_word(front.ptr[at + len]));
}

/* C++ and Ruby: the nearest label above the definition inside its parent. */
static uint8_t by_section(const cm_run *run, const definition *d, const cm_wire_symbol *parent) {
    if (!parent || (parent->kind != CM_SYMBOL_CLASS && parent->kind != CM_SYMBOL_STRUCT)) {
        return UNKNOWN;
    }
    bool is_cpp = cm_str_eq_c(run->language->id, "cpp");
    for (uint32_t line = cm_run_line(run, d->range.start) - 1; line > parent->start_line; line--) {
        cm_str text = line_text(run, line - 1);
        if (text.len > 0 && text.ptr[text.len - 1] == ':') {
            text = cm_str_trim(cm_str_sub(text, 0, text.len - 1));
        } else if (is_cpp) {
            continue;
        }
        uint8_t found = by_modifiers(text.len <= 12 ? text : CM_STR_EMPTY);
        if (found != UNKNOWN) {
            return found;
        }
    }
    return is_cpp && parent->kind == CM_SYMBOL_CLASS ? PRIVATE : PUBLIC;
}

uint8_t cm_run_visibility(const cm_run *run, const definition *d, const cm_wire_symbol *parent) {
    cm_str name = cm_run_text(run, d->name);
    uint32_t front_len = d->name.start > d->range.start ? d->name.start - d->range.start : 0;
    cm_str front = cm_str_sub(run->text, d->range.start, front_len);
    switch ((enum cm_visibility_rule)run->language->visibility) {
    case CM_VISIBILITY_NONE: return UNKNOWN;
    case CM_VISIBILITY_MODIFIER: return by_modifiers(front);
    case CM_VISIBILITY_CAPITAL: return name.ptr[0] >= 'A' && name.ptr[0] <= 'Z' ? PUBLIC : PRIVATE;
    case CM_VISIBILITY_UNDERSCORE:
        return name.ptr[0] == '_' && !cm_str_ends(name, CM_STR("__")) ? PRIVATE : PUBLIC;
    case CM_VISIBILITY_KEYWORD:
        if (by_modifiers(front) != UNKNOWN) {
            return by_modifiers(front);
        }
        return has_word(front, "pub") || has_word(front, "export") ? PUBLIC
               : parent                                            ? UNKNOWN
                                                                   : PRIVATE;
    case CM_VISIBILITY_STATIC: return has_word(front, "static") ? PRIVATE : PUBLIC;
    case CM_VISIBILITY_SECTION: return by_section(run, d, parent);
    }
    return UNKNOWN;
}
