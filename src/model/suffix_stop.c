/* suffix_stop.c - where text written left to right runs into what stands after the cursor.
 *
 * A model without FIM tokens does not see the suffix, so it goes on and writes it again; FIM models do the same
 * at times. Three signs end the text (prompt.h lists them). A short line such as "}" is a weak
 * sign on its own: it only counts at the indentation of the suffix's line or further left, so
 * that the braces of inner blocks pass. */
#include "model/prompt.h"

/* A line with this many visible bytes counts wherever it stands. */
#define STRONG_LINE 6
#define TAB_COLUMNS 4

static bool is_blank(cm_str s) {
    return cm_str_trim(s).len == 0;
}

static cm_str right_trim(cm_str s) {
    while (s.len > 0 && cm_is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

static size_t columns(cm_str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len && (s.ptr[i] == ' ' || s.ptr[i] == '\t'); i++) {
        count += s.ptr[i] == '\t' ? TAB_COLUMNS : 1;
    }
    return count;
}

void cm_suffix_stop_init(cm_suffix_stop *stop, cm_str before, cm_str suffix) {
    *stop = (cm_suffix_stop){.indent = SIZE_MAX};
    size_t newline = cm_str_rfind_char(before, '\n');
    cm_str line = newline == SIZE_MAX ? before : cm_str_from_offset(before, newline + 1);
    if (is_blank(line)) {
        stop->column = columns(line);
    } else {
        stop->indent = columns(line);
    }
    cm_str rest = suffix, part;
    bool first = true;
    while (cm_str_line(&rest, &part)) {
        if (first) {
            stop->rest = right_trim(part);
            stop->rest = is_blank(part) ? CM_STR_EMPTY : stop->rest;
        } else if (!is_blank(part)) {
            stop->next_line = cm_str_trim(part);
            stop->next_indent = columns(part);
            return;
        }
        first = false;
    }
}

/* The first line when more of the cursor's line follows: it ends at the newline, and without the
 * rest if it repeats it. */
static bool find_rest(const cm_suffix_stop *stop, cm_str text, bool final, size_t *ret_keep,
                      size_t *ret_safe) {
    size_t newline = cm_str_find_char(text, '\n');
    cm_str line = right_trim(newline == SIZE_MAX ? text : cm_str_sub(text, 0, newline));
    if (newline != SIZE_MAX || final) {
        *ret_keep = newline != SIZE_MAX ? newline : text.len;
        if (cm_str_ends(line, stop->rest)) {
            *ret_keep = line.len - stop->rest.len;
        }
        return newline != SIZE_MAX || *ret_keep < text.len;
    }
    /* Hold back a tail that may be the beginning of the rest, or white space after it. */
    size_t safe = line.len;
    for (size_t len = CM_MIN(stop->rest.len, line.len); len > 0; len--) {
        if (cm_str_ends(line, cm_str_sub(stop->rest, 0, len))) {
            safe = line.len - len;
            break;
        }
    }
    *ret_safe = safe;
    return false;
}

static bool repeats_suffix(const cm_suffix_stop *stop, cm_str line, size_t indent) {
    return stop->next_line.len > 0 && cm_str_eq(cm_str_trim(line), stop->next_line) &&
           (stop->next_line.len >= STRONG_LINE || indent <= stop->next_indent);
}

static bool is_closer(cm_str line) {
    cm_str visible = cm_str_trim(line);
    return visible.len > 0 && (visible.ptr[0] == '}' || visible.ptr[0] == ')' ||
                               visible.ptr[0] == ']' || cm_str_eq_c(visible, "end"));
}

/* Could the unfinished last line still become one that ends the text? */
static bool may_end(const cm_suffix_stop *stop, cm_str line, size_t base) {
    cm_str visible = cm_str_trim(line);
    return visible.len == 0 || cm_str_starts(stop->next_line, visible) ||
           (base != SIZE_MAX && columns(line) < base);
}

bool cm_suffix_stop_find(const cm_suffix_stop *stop, cm_str text, bool final, size_t *ret_keep,
                         size_t *ret_safe) {
    if (stop->rest.len > 0) {
        return find_rest(stop, text, final, ret_keep, ret_safe);
    }
    size_t base = stop->indent; /* of the line the text began in */
    size_t kept = 0;            /* end of the last line that belongs to it, without its newline */
    for (size_t start = 0; start <= text.len;) {
        size_t newline = cm_str_find_char(cm_str_from_offset(text, start), '\n');
        bool whole = newline != SIZE_MAX;
        size_t end = whole ? start + newline : text.len;
        cm_str line = cm_str_sub(text, start, end - start);
        size_t indent = columns(line) + (start == 0 ? stop->column : 0);
        bool on_cursor_line = start == 0 && stop->indent != SIZE_MAX;
        bool decided = whole || final;
        if (!decided && !on_cursor_line && may_end(stop, line, base)) {
            *ret_safe = kept;
            return false;
        }
        if (!is_blank(line) && !on_cursor_line && decided) {
            if (repeats_suffix(stop, line, indent)) {
                *ret_keep = kept;
                return true;
            }
            if (base != SIZE_MAX && indent < base) {
                bool belongs = is_closer(line) && stop->next_line.len == 0;
                *ret_keep = belongs ? end : kept;
                return true;
            }
        }
        if (!is_blank(line)) {
            base = base == SIZE_MAX ? indent : base;
            kept = end;
        }
        if (!whole) {
            break;
        }
        start = end + 1;
    }
    *ret_safe = final ? text.len : kept;
    return false;
}
