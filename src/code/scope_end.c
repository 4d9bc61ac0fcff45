/* scope_end.c - see scope_end.h. One pass over the text before the cursor builds the stack of open
 * brackets, a second one over the candidate says where they close. */
#include "code/scope_end.h"

#define STACK_MAX 256u

typedef struct scanner {
    const cm_language *language;
    cm_str text;
    size_t at;
    char stack[STACK_MAX]; /* open brackets, as their closers */
    size_t depth;
} scanner;

static bool skip_to(scanner *s, cm_str needle) {
    size_t found = cm_str_find(cm_str_from_offset(s->text, s->at), needle);
    s->at = found == SIZE_MAX ? s->text.len : s->at + found + needle.len;
    return true;
}

static bool skip_comment(scanner *s) {
    const cm_language *l = s->language;
    cm_str rest = cm_str_from_offset(s->text, s->at);
    if (l->block_open.len > 0 && cm_str_starts(rest, l->block_open)) {
        s->at += l->block_open.len;
        return skip_to(s, l->block_close);
    }
    if (l->line_comment.len > 0 && cm_str_starts(rest, l->line_comment)) {
        size_t feed = cm_str_find_char(rest, '\n');
        s->at = feed == SIZE_MAX ? s->text.len : s->at + feed;
        return true;
    }
    return false;
}

/* A string ends at its quote, or at the line's end when the quote never closes on it (an apostrophe in
 * text, a lifetime in Rust); triple and back quotes may span lines. */
static bool skip_string(scanner *s) {
    char quote = s->text.ptr[s->at];
    if (cm_str_find_char(s->language->quotes, quote) == SIZE_MAX) {
        return false;
    }
    cm_str rest = cm_str_from_offset(s->text, s->at);
    if (rest.len >= 3 && rest.ptr[1] == quote && rest.ptr[2] == quote) {
        s->at += 3;
        return skip_to(s, cm_str_make(rest.ptr, 3));
    }
    for (size_t i = 1; i < rest.len; i++) {
        if (rest.ptr[i] == '\\') {
            i++;
        } else if (rest.ptr[i] == quote) {
            s->at += i + 1;
            return true;
        } else if (rest.ptr[i] == '\n' && quote != '`') {
            break;
        }
    }
    s->at++;
    return true;
}

static char closer_of(char open) {
    return open == '{' ? '}' : open == '(' ? ')' : open == '[' ? ']' : '\0';
}

/* Moves past one token. Returns the bracket or other single character met, '\0' for strings and
 * comments. */
static char next(scanner *s) {
    if (s->language && (skip_comment(s) || skip_string(s))) {
        return '\0';
    }
    return s->text.ptr[s->at++];
}

static void push(scanner *s, char closer) {
    if (s->depth < STACK_MAX) {
        s->stack[s->depth++] = closer;
    }
}

/* Pops up to the bracket that `closer` closes; false when none is open. */
static bool pop(scanner *s, char closer) {
    for (size_t i = s->depth; i-- > 0;) {
        if (s->stack[i] == closer) {
            s->depth = i;
            return true;
        }
    }
    return false;
}

static void scan_before(scanner *s, cm_str before) {
    s->text = before;
    s->at = 0;
    while (s->at < before.len) {
        char c = next(s);
        if (closer_of(c)) {
            push(s, closer_of(c));
        } else if (c == '}' || c == ')' || c == ']') {
            pop(s, c);
        }
    }
}

static size_t count_braces(const scanner *s, size_t depth) {
    size_t count = 0;
    for (size_t i = 0; i < depth; i++) {
        count += s->stack[i] == '}';
    }
    return count;
}

static void set_once(size_t *where, size_t value, size_t unset) {
    if (*where == unset) {
        *where = value;
    }
}

static cm_scope_end scan_candidate(scanner *s, cm_str candidate) {
    size_t none = candidate.len;
    cm_scope_end end = {.statement = none, .block = none, .unit = none};
    size_t base = s->depth; /* brackets that were open before the candidate, still open */
    bool has_content = false;
    s->text = candidate;
    s->at = 0;
    while (s->at < candidate.len) {
        size_t at = s->at;
        char c = next(s);
        bool is_closer = c == '}' || c == ')' || c == ']';
        if (closer_of(c)) {
            push(s, closer_of(c));
        } else if (is_closer && pop(s, c)) {
            if (s->depth < base) { /* it was open before the cursor */
                base = s->depth;
                if (c == '}') {
                    set_once(&end.block, at, none);
                    set_once(&end.statement, at, none);
                    if (count_braces(s, base) == 0) {
                        set_once(&end.unit, at + 1, none);
                    }
                }
            } else if (c == '}' && s->depth == base) {
                set_once(&end.statement, s->at, none);
                if (count_braces(s, base) == 0) {
                    set_once(&end.unit, s->at, none);
                }
            }
        } else if (s->depth <= base && (c == ';' || (c == '\n' && has_content))) {
            set_once(&end.statement, c == ';' ? s->at : at, none);
        }
        has_content |= c == '\0' || !cm_is_space(c);
    }
    return end;
}

/* --- indentation ------------------------------------------------------------------------------- */

static size_t indent_of(cm_str line) {
    size_t width = 0;
    for (size_t i = 0; i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'); i++) {
        width = line.ptr[i] == '\t' ? (width / 8 + 1) * 8 : width + 1;
    }
    return width;
}

/* The first line of the candidate that lies further left than the cursor's line ends its block. */
static void by_indent(cm_str before, cm_str candidate, cm_scope_end *end) {
    size_t feed = cm_str_rfind_char(before, '\n');
    cm_str cursor_line = feed == SIZE_MAX ? before : cm_str_from_offset(before, feed + 1);
    size_t base = indent_of(cursor_line);
    cm_str rest = candidate, line;
    bool is_first = true;
    bool opened = cm_str_ends(cm_str_trim(before), CM_STR(":"));
    while (cm_str_line(&rest, &line)) {
        size_t offset = (size_t)(line.ptr - candidate.ptr);
        cm_str content = cm_str_trim(line);
        if (!is_first && content.len > 0) {
            size_t indent = indent_of(line);
            if (indent < base) {
                set_once(&end->block, offset, candidate.len);
            }
            if (indent < base || (opened && indent <= base && base == 0)) {
                set_once(&end->unit, offset, candidate.len);
            }
        }
        opened |= cm_str_ends(content, CM_STR(":"));
        is_first = false;
    }
}

cm_scope_end cm_scope_end_by_brackets(const cm_language *language, cm_str before,
                                      cm_str candidate) {
    scanner s = {.language = language};
    scan_before(&s, before);
    cm_scope_end end = scan_candidate(&s, candidate);
    if (language && language->indents) {
        by_indent(before, candidate, &end);
    }
    return end;
}
