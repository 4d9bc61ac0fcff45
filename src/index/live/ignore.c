/* ignore.c - parsing rules, and matching a path against the stack of them without back-tracking. */
#include "index/live/ignore.h"

#include "base/arena.h"
#include "base/vec.h"

#define SEGMENTS_MAX 128 /* deeper patterns and paths do not match */

typedef struct ignore_rule {
    cm_str pattern; /* in the level's arena */
    bool negated;
    bool directory_only;
    bool
        anchored; /* matched from the rule file's directory, otherwise against the last component */
} ignore_rule;

typedef struct ignore_level {
    cm_arena *arena;
    cm_str directory;
    CM_VEC(ignore_rule) rules;
} ignore_level;

struct cm_ignore {
    CM_VEC(ignore_level) levels;
};

cm_ignore *cm_ignore_new(void) {
    return CM_NEW(cm_ignore);
}

void cm_ignore_free(cm_ignore *ignore) {
    if (!ignore) {
        return;
    }
    while (ignore->levels.count > 0) {
        cm_ignore_pop(ignore);
    }
    cm_vec_done(&ignore->levels);
    cm_free(ignore);
}

void cm_ignore_pop(cm_ignore *ignore) {
    ignore_level *level = &ignore->levels.items[--ignore->levels.count];
    cm_vec_done(&level->rules);
    cm_arena_free(level->arena);
}

/* Trailing blanks go unless escaped: "a\ " keeps one. */
static cm_str trim_end(cm_str line) {
    while (line.len > 0 && line.ptr[line.len - 1] == ' ' &&
           !(line.len > 1 && line.ptr[line.len - 2] == '\\')) {
        line.len--;
    }
    return line;
}

/* False when the line holds no rule. */
static bool parse_rule(cm_str line, ignore_rule *ret_rule) {
    ignore_rule rule = {0};
    line = trim_end(line);
    if (line.len == 0 || line.ptr[0] == '#') {
        return false;
    }
    if (line.ptr[0] == '!') {
        rule.negated = true;
        line = cm_str_from_offset(line, 1);
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '/') {
        rule.directory_only = true;
        line.len--;
    }
    rule.anchored = cm_str_find_char(line, '/') != SIZE_MAX;
    if (line.len > 0 && line.ptr[0] == '/') {
        line = cm_str_from_offset(line, 1);
    }
    if (line.len == 0 || memchr(line.ptr, 0, line.len)) {
        return false;
    }
    rule.pattern = line;
    *ret_rule = rule;
    return true;
}

cm_rc cm_ignore_push(cm_ignore *ignore, cm_str directory, cm_str contents, cm_err *err) {
    ignore_level level = {.arena = cm_arena_new(4 * CM_IGNORE_FILE_MAX)};
    level.directory = cm_arena_str(level.arena, directory);
    cm_str rest = cm_str_sub(contents, 0, CM_IGNORE_FILE_MAX);
    if (cm_str_starts(rest, CM_STR("\xEF\xBB\xBF"))) {
        rest = cm_str_from_offset(rest, 3);
    }
    cm_str line;
    while (cm_str_line(&rest, &line)) {
        ignore_rule rule;
        if (!parse_rule(line, &rule)) {
            continue;
        }
        rule.pattern = cm_arena_str(level.arena, rule.pattern);
        if (!cm_vec_push(&level.rules, rule)) {
            goto no_memory;
        }
    }
    if (cm_vec_push(&ignore->levels, level)) {
        return CM_OK;
    }
no_memory:
    cm_vec_done(&level.rules);
    cm_arena_free(level.arena);
    return cm_fail(err, CM_NOMEM, "out of memory reading ignore rules");
}

/* ---- matching one segment ---- */

static const struct {
    const char *name;
    const char *ranges; /* pairs of first and last character */
} posix_classes[] = {
    {"[:alpha:]", "azAZ"},    {"[:digit:]", "09"},       {"[:alnum:]", "azAZ09"},
    {"[:lower:]", "az"},      {"[:upper:]", "AZ"},       {"[:space:]", "  \t\r"},
    {"[:xdigit:]", "afAF09"}, {"[:punct:]", "!/:@[`{~"},
};

/* Consumes a named class at `*at` and says whether it holds `c`. */
static bool posix_class(cm_str pattern, size_t *at, char c, bool *ret_hit) {
    for (size_t i = 0; i < CM_COUNT(posix_classes); i++) {
        cm_str name = cm_str_from(posix_classes[i].name);
        if (!cm_str_starts(cm_str_from_offset(pattern, *at), name)) {
            continue;
        }
        for (const char *r = posix_classes[i].ranges; r[0]; r += 2) {
            *ret_hit = *ret_hit || (c >= r[0] && c <= r[1]);
        }
        *at += name.len;
        return true;
    }
    return false;
}

static char class_char(cm_str pattern, size_t *at) {
    if (pattern.ptr[*at] == '\\' && *at + 1 < pattern.len) {
        (*at)++;
    }
    return pattern.ptr[(*at)++];
}

/* Matches `c` against the class that starts after '[' at `*at`, and moves past it. False in
 * *ret_valid when the class never ends. */
static bool match_class(cm_str pattern, size_t *at, char c, bool *ret_valid) {
    bool negated = *at < pattern.len && (pattern.ptr[*at] == '!' || pattern.ptr[*at] == '^');
    bool hit = false;
    *at += negated;
    for (size_t first = *at; *at < pattern.len;) {
        if (pattern.ptr[*at] == ']' && *at > first) {
            (*at)++;
            *ret_valid = true;
            return hit != negated;
        }
        if (posix_class(pattern, at, c, &hit)) {
            continue;
        }
        unsigned char low = (unsigned char)class_char(pattern, at), high = low;
        if (*at + 1 < pattern.len && pattern.ptr[*at] == '-' && pattern.ptr[*at + 1] != ']') {
            (*at)++;
            high = (unsigned char)class_char(pattern, at);
        }
        hit = hit || ((unsigned char)c >= low && (unsigned char)c <= high);
    }
    *ret_valid = false;
    return false;
}

/* One step that is not a star: does the pattern at `*p` match `c`? */
static bool match_one(cm_str pattern, size_t *p, char c) {
    char want = pattern.ptr[(*p)++];
    if (want == '?') {
        return true;
    }
    if (want == '[') {
        bool valid;
        return match_class(pattern, p, c, &valid) && valid;
    }
    if (want == '\\' && *p < pattern.len) {
        want = pattern.ptr[(*p)++];
    }
    return want == c;
}

/* Greedy with one point of return: on failure only the last star has to give way. */
static bool match_segment(cm_str pattern, cm_str text) {
    size_t p = 0, t = 0, star = SIZE_MAX, retry = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = ++p;
            retry = t;
            continue;
        }
        if (p < pattern.len && match_one(pattern, &p, text.ptr[t])) {
            t++;
            continue;
        }
        if (star == SIZE_MAX) {
            return false;
        }
        p = star;
        t = ++retry;
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* ---- matching whole paths ---- */

static size_t split_segments(cm_str path, cm_str *segments) {
    size_t count = 0;
    cm_str part;
    while (cm_str_split(&path, '/', &part)) {
        if (count == SEGMENTS_MAX) {
            return SIZE_MAX;
        }
        segments[count++] = part;
    }
    return count;
}

bool cm_ignore_pattern_match(cm_str pattern, cm_str path) {
    cm_str want[SEGMENTS_MAX], have[SEGMENTS_MAX];
    size_t m = split_segments(pattern, want), n = split_segments(path, have);
    if (m == SIZE_MAX || n == SIZE_MAX) {
        return false;
    }
    /* row[j]: the pattern segments seen so far match the first j path segments */
    bool row[SEGMENTS_MAX + 1] = {true};
    for (size_t i = 0; i < m; i++) {
        bool next[SEGMENTS_MAX + 1] = {false};
        bool any_depth = cm_str_eq_c(want[i], "**");
        bool last = i + 1 == m; /* a last "**" needs at least one segment below */
        bool reached = false;
        for (size_t j = 0; j <= n; j++) {
            if (any_depth && last) {
                next[j] = reached;
            }
            reached = reached || row[j];
            if (any_depth && !last) {
                next[j] = reached;
            }
            if (!any_depth && j > 0 && row[j - 1]) {
                next[j] = match_segment(want[i], have[j - 1]);
            }
        }
        memcpy(row, next, sizeof(row));
    }
    return row[n];
}

static bool rule_match(const ignore_level *level, const ignore_rule *rule, cm_str path,
                       bool is_directory) {
    if (rule->directory_only && !is_directory) {
        return false;
    }
    if (level->directory.len > 0) {
        path = cm_str_from_offset(path, level->directory.len + 1);
    }
    if (rule->anchored) {
        return cm_ignore_pattern_match(rule->pattern, path);
    }
    size_t slash = cm_str_rfind_char(path, '/');
    return match_segment(rule->pattern,
                         slash == SIZE_MAX ? path : cm_str_from_offset(path, slash + 1));
}

static bool is_below(cm_str path, cm_str directory) {
    return directory.len == 0 || (path.len > directory.len && cm_str_starts(path, directory) &&
                                  path.ptr[directory.len] == '/');
}

bool cm_ignore_match(const cm_ignore *ignore, cm_str path, bool is_directory) {
    for (size_t i = ignore->levels.count; i-- > 0;) {
        const ignore_level *level = &ignore->levels.items[i];
        if (!is_below(path, level->directory)) {
            continue;
        }
        for (size_t r = level->rules.count; r-- > 0;) {
            const ignore_rule *rule = &level->rules.items[r];
            if (rule_match(level, rule, path, is_directory)) {
                return !rule->negated;
            }
        }
    }
    return false;
}
