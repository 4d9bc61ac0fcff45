/* regex_plan.c - a reader of PCRE2's syntax that knows only what it needs to be sure of a literal. */
#include "search/regex_plan.h"

#include <string.h>

#define DEPTH_MAX   16
#define CLAUSES_MAX 16

typedef struct plan {
    cm_arena *arena;
    cm_regex_clause *clauses;
    size_t count, max;
    char now[256]; /* the literal being read */
    size_t len;
    bool failed; /* something that cannot be judged: no clause at all */
} plan;

static void end_literal(plan *p) {
    if (p->len >= 3 && p->count < p->max) {
        cm_regex_clause *clause = &p->clauses[p->count++];
        clause->literals[0] = cm_arena_str(p->arena, cm_str_make(p->now, p->len));
        clause->count = 1;
    }
    p->len = 0;
}

static void add_char(plan *p, char c) {
    if (p->len == sizeof(p->now) || (unsigned char)c >= 0x80) {
        end_literal(p);
    }
    if ((unsigned char)c < 0x80) {
        p->now[p->len++] = cm_to_lower(c);
    }
}

size_t cm_regex_clause_least(const cm_regex_clause *clause) {
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < clause->count; i++) {
        least = CM_MIN(least, clause->literals[i].len);
    }
    return least;
}

size_t cm_regex_class_end(cm_str p, size_t at) {
    size_t i = at + 1;
    if (i < p.len && p.ptr[i] == '^') {
        i++;
    }
    if (i < p.len && p.ptr[i] == ']') {
        i++;
    }
    for (; i < p.len; i++) {
        if (p.ptr[i] == '\\') {
            i++;
        } else if (p.ptr[i] == '[' && i + 1 < p.len && p.ptr[i + 1] == ':') {
            i += 2; /* [:alpha:] ends in ":]", which must not end the class */
        } else if (p.ptr[i] == ':' && i + 1 < p.len && p.ptr[i + 1] == ']') {
            i++;
        } else if (p.ptr[i] == ']') {
            return i + 1;
        }
    }
    return SIZE_MAX;
}

/* End of the group that starts at `at`, or SIZE_MAX. */
static size_t skip_group(cm_str p, size_t at) {
    size_t depth = 0;
    for (size_t i = at; i < p.len;) {
        char c = p.ptr[i];
        if (c == '\\') {
            i += 2;
        } else if (c == '[') {
            i = cm_regex_class_end(p, i);
        } else {
            depth += c == '(';
            depth -= c == ')';
            i++;
            if (depth == 0) {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

static bool is_repeat(char c) {
    return c == '*' || c == '?' || c == '{';
}

/* One escape; false when it cannot be judged. */
static bool add_escape(plan *p, cm_str text, size_t *at) {
    if (*at + 1 >= text.len) {
        return false;
    }
    char c = text.ptr[*at + 1];
    *at += 2;
    if (!cm_is_alpha(c) && !cm_is_digit(c)) {
        add_char(p, c);
        return true;
    }
    end_literal(p);
    return c != 0 && strchr("wWdDsSbBAzZtnrhHvVR", c) != NULL;
}

static void plan_pattern(plan *p, cm_str text, unsigned depth);

/* What stands in the group that starts at `at`; false when its meaning is unknown here. */
static bool group_inside(cm_str text, size_t at, size_t end, cm_str *ret_inside) {
    cm_str inside = cm_str_sub(text, at + 1, end - at - 2);
    if (cm_str_starts(inside, CM_STR("?:"))) {
        *ret_inside = cm_str_from_offset(inside, 2);
        return true;
    }
    if (cm_str_starts(inside, CM_STR("*"))) {
        return false;
    }
    *ret_inside = inside;
    if (!cm_str_starts(inside, CM_STR("?"))) {
        return true;
    }
    /* flags alone: case is folded anyway; x is not among them, blanks would count for nothing */
    for (size_t i = 1; i < inside.len; i++) {
        if (!strchr("imsU", inside.ptr[i])) {
            return false;
        }
    }
    *ret_inside = CM_STR_EMPTY;
    return inside.len > 1;
}

static void walk_group(plan *p, cm_str text, size_t *at, unsigned depth) {
    cm_str inside;
    size_t end = skip_group(text, *at);
    end_literal(p);
    if (end == SIZE_MAX || !group_inside(text, *at, end, &inside)) {
        p->failed = true;
        return;
    }
    bool optional = end < text.len && is_repeat(text.ptr[end]);
    if (!optional && inside.len > 0) {
        plan_pattern(p, inside, depth + 1);
    }
    *at = end;
}

/* A repeat that may be none takes the character before it away. */
static void walk_repeat(plan *p, cm_str text, size_t *at) {
    size_t close = text.ptr[*at] == '{' ? cm_str_find_char(cm_str_from_offset(text, *at), '}') : 0;
    if (p->len > 0) {
        p->len--;
    }
    end_literal(p);
    if (close == SIZE_MAX) {
        p->failed = true;
    } else {
        *at += close + 1;
    }
}

/* A sequence without alternatives at its own level. */
static void walk(plan *p, cm_str text, unsigned depth) {
    for (size_t i = 0; i < text.len && !p->failed;) {
        char c = text.ptr[i];
        if (c == '(') {
            walk_group(p, text, &i, depth);
        } else if (c == '[') {
            end_literal(p);
            i = cm_regex_class_end(text, i);
            p->failed = i == SIZE_MAX;
        } else if (c == '\\') {
            p->failed = !add_escape(p, text, &i);
        } else if (is_repeat(c)) {
            walk_repeat(p, text, &i);
        } else if (c == '+' || c == '.' || c == '^' || c == '$') {
            end_literal(p);
            i++;
        } else {
            add_char(p, c);
            i++;
        }
    }
    end_literal(p);
}

/* Cuts at the `|` of this level; 0 = too many, or unbalanced. */
static size_t split_alternatives(cm_str text, cm_str *parts, size_t max) {
    size_t count = 0, start = 0;
    for (size_t i = 0; i < text.len;) {
        char c = text.ptr[i];
        if (c == ')' || count + 1 == max) {
            return 0;
        }
        if (c == '|') {
            parts[count++] = cm_str_sub(text, start, i - start);
            start = ++i;
        } else {
            i = c == '\\'  ? i + 2
                : c == '(' ? skip_group(text, i)
                : c == '[' ? cm_regex_class_end(text, i)
                           : i + 1;
            if (i == SIZE_MAX) {
                return 0;
            }
        }
    }
    parts[count++] = cm_str_from_offset(text, start);
    return count;
}

/* The most telling clause of each alternative, all together one; none when one alternative has none. */
static void plan_alternatives(plan *p, const cm_str *parts, size_t count, unsigned depth) {
    cm_regex_clause all = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        cm_regex_clause clauses[CLAUSES_MAX];
        plan part = {.arena = p->arena, .clauses = clauses, .max = CLAUSES_MAX};
        const cm_regex_clause *best = NULL;
        walk(&part, parts[i], depth);
        p->failed = p->failed || part.failed;
        for (size_t c = 0; c < part.count; c++) {
            if (!best || cm_regex_clause_least(&clauses[c]) > cm_regex_clause_least(best)) {
                best = &clauses[c];
            }
        }
        if (!best || p->failed || all.count + best->count > CM_REGEX_ALTERNATIVES_MAX) {
            return;
        }
        memcpy(&all.literals[all.count], best->literals, best->count * sizeof(cm_str));
        all.count += best->count;
    }
    if (p->count < p->max) {
        p->clauses[p->count++] = all;
    }
}

static void plan_pattern(plan *p, cm_str text, unsigned depth) {
    cm_str parts[CM_REGEX_ALTERNATIVES_MAX + 1];
    size_t count = depth < DEPTH_MAX ? split_alternatives(text, parts, CM_COUNT(parts)) : 0;
    if (count == 0) {
        p->failed = true;
    } else if (count == 1) {
        walk(p, text, depth);
    } else {
        plan_alternatives(p, parts, count, depth);
    }
}

size_t cm_regex_plan(cm_str pattern, cm_arena *arena, cm_regex_clause *clauses, size_t max) {
    plan p = {.arena = arena, .clauses = clauses, .max = max};
    plan_pattern(&p, pattern, 0);
    return p.failed ? 0 : p.count;
}
