/* style.c - votes and decisions; see style.h.
 *
 * Indentation is read from the first byte of each line and its size from increases between neighbouring
 * lines (the width itself says nothing: eight columns are one tab, two fours or four twos). Lines inside
 * block comments vote too: they are few, and telling them apart costs a lexer. */
#include "code/style.h"
#include <assert.h>
#include "base/path.h"
#include "base/utf8.h"

/* --- names ------------------------------------------------------------------------------------- */

enum cm_naming cm_naming_of(cm_str name) {
    while (name.len > 0 && strchr("_$#@", name.ptr[0])) {
        name = cm_str_from_offset(name, 1);
    }
    while (name.len > 0 && strchr("_!?", name.ptr[name.len - 1])) {
        name.len--;
    }
    size_t upper = 0, lower = 0, underscores = 0, dashes = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        upper += c >= 'A' && c <= 'Z';
        lower += c >= 'a' && c <= 'z';
        underscores += c == '_';
        dashes += c == '-';
        if (!cm_is_alpha(c) && !cm_is_digit(c) && c != '_' && c != '-') {
            return CM_NAMING_UNKNOWN;
        }
    }
    if (upper + lower < 2) {
        return CM_NAMING_UNKNOWN;
    }
    bool starts_upper = name.ptr[0] >= 'A' && name.ptr[0] <= 'Z';
    if (dashes > 0) {
        return underscores == 0 && upper == 0 ? CM_NAMING_KEBAB : CM_NAMING_UNKNOWN;
    }
    if (lower == 0) {
        return CM_NAMING_UPPER_SNAKE;
    }
    if (underscores > 0) {
        return upper == 0 ? CM_NAMING_SNAKE : CM_NAMING_UNKNOWN;
    }
    if (starts_upper) {
        return CM_NAMING_PASCAL;
    }
    return upper > 0 ? CM_NAMING_CAMEL : CM_NAMING_UNKNOWN;
}

const char *cm_naming_name(enum cm_naming naming) {
    static const char *const names[CM_NAMING_COUNT] = {
        "unknown", "snake_case", "camelCase", "PascalCase", "UPPER_SNAKE_CASE", "kebab-case"};
    return (size_t)naming < CM_COUNT(names) ? names[naming] : names[0];
}

static void vote_names(const cm_parsed *parsed, cm_style_votes *votes) {
    static const int8_t named_of[CM_SYMBOL_KIND_COUNT] = {
        [CM_SYMBOL_FUNCTION] = CM_NAMED_FUNCTIONS + 1,
        [CM_SYMBOL_METHOD] = CM_NAMED_FUNCTIONS + 1,
        [CM_SYMBOL_CLASS] = CM_NAMED_CLASSES + 1,
        [CM_SYMBOL_INTERFACE] = CM_NAMED_CLASSES + 1,
        [CM_SYMBOL_STRUCT] = CM_NAMED_CLASSES + 1,
        [CM_SYMBOL_ENUM] = CM_NAMED_CLASSES + 1,
        [CM_SYMBOL_TYPE] = CM_NAMED_CLASSES + 1,
        [CM_SYMBOL_CONSTANT] = CM_NAMED_CONSTANTS + 1,
        [CM_SYMBOL_MACRO] = CM_NAMED_CONSTANTS + 1};
    for (size_t i = 0; i < parsed->symbol_count; i++) {
        const cm_symbol *symbol = &parsed->symbols[i];
        int named = named_of[symbol->kind] - 1;
        /* Python and JavaScript have no constants of their own: a variable in capitals is one. */
        enum cm_naming naming = cm_naming_of(symbol->name);
        if (symbol->kind == CM_SYMBOL_VARIABLE && naming == CM_NAMING_UPPER_SNAKE) {
            named = CM_NAMED_CONSTANTS;
        }
        if (named >= 0) {
            votes->naming[named][naming]++;
        }
    }
}

/* --- lines ------------------------------------------------------------------------------------- */

/* The usual limits; a repository's own is taken to be the smallest that 99 % of its lines keep. */
static const uint32_t line_limits[CM_STYLE_LIMITS] = {72,  79,  80,  88,  99,  100, 110,
                                                      119, 120, 132, 140, 150, 160, 199};

/* Index of the smallest limit the line keeps, CM_STYLE_LIMITS when it keeps none. */
static size_t line_length_class(cm_str line) {
    const uint32_t longest = line_limits[CM_STYLE_LIMITS - 1];
    /* A character takes up to four bytes. */
    size_t length = line.len > (size_t)longest * 4 ? line.len : cm_utf8_count(line, CM_UTF32);
    size_t at = 0;
    while (at < CM_STYLE_LIMITS && length > line_limits[at]) {
        at++;
    }
    return at;
}

static size_t leading_blanks(cm_str line) {
    size_t count = 0;
    while (count < line.len && line.ptr[count] == ' ') {
        count++;
    }
    return count;
}

static void vote_indent(cm_str line, size_t *last_indent, cm_style_votes *votes) {
    if (line.ptr[0] == '\t') {
        votes->tab_lines++;
        *last_indent = SIZE_MAX; /* no step from here to a line of blanks */
        return;
    }
    size_t indent = leading_blanks(line);
    /* " * text" goes on a comment. */
    if (indent < line.len && line.ptr[indent] == '*') {
        return;
    }
    votes->space_lines += indent > 1;
    if (*last_indent != SIZE_MAX && indent > *last_indent &&
        indent - *last_indent <= CM_STYLE_INDENT_MAX) {
        votes->indent_steps[indent - *last_indent]++;
    }
    *last_indent = indent;
}

/* Counts strings by their quote; the other quote inside one does not count. */
static void vote_quotes(cm_str line, cm_style_votes *votes) {
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c != '\'' && c != '"') {
            continue;
        }
        cm_str rest = cm_str_from_offset(line, i + 1);
        size_t end = cm_str_find_char(rest, c);
        if (end == SIZE_MAX) {
            return;
        }
        bool has_other =
            cm_str_find_char(cm_str_sub(rest, 0, end), c == '"' ? '\'' : '"') != SIZE_MAX;
        if (end > 0 && !has_other) { /* else the choice was forced */
            *(c == '"' ? &votes->double_quotes : &votes->single_quotes) += 1;
        }
        i += end + 1;
    }
}

static bool has_optional_semicolons(const cm_language *language) {
    return cm_str_eq_c(language->id, "javascript") || cm_str_eq_c(language->id, "typescript") ||
           cm_str_eq_c(language->id, "tsx");
}

/* Only lines that surely end a statement: `foo()`, `x = 1;`, `return y`. */
static void vote_semicolon(cm_str line, cm_style_votes *votes) {
    char last = line.ptr[line.len - 1];
    if (last == ';') {
        votes->with_semicolon++;
        return;
    }
    static const char *const heads[] = {"const ", "let ", "return ", "import ", "throw ", "await "};
    if (last != ')' && last != '\'' && last != '"' && !cm_is_word(last)) {
        return;
    }
    for (size_t i = 0; i < CM_COUNT(heads); i++) {
        if (cm_str_starts(line, cm_str_from(heads[i]))) {
            votes->without_semicolon++;
            return;
        }
    }
}

static bool is_comment(const cm_language *language, cm_str content) {
    return (language->line_comment.len > 0 && cm_str_starts(content, language->line_comment)) ||
           (language->block_open.len > 0 && cm_str_starts(content, language->block_open)) ||
           content.ptr[0] == '*';
}

/* Quotes say something about taste only where both make the same string. */
static bool has_free_quotes(const cm_language *language) {
    static const char *const ids[] = {"python", "javascript", "typescript", "tsx",    "ruby",
                                      "php",    "lua",        "dart",       "groovy", "starlark"};
    for (size_t i = 0; i < CM_COUNT(ids); i++) {
        if (cm_str_eq_c(language->id, ids[i])) {
            return true;
        }
    }
    return false;
}

void cm_style_vote(const cm_language *language, cm_str text, const cm_parsed *parsed,
                   cm_style_votes *votes) {
    *votes = (cm_style_votes){.files = 1};
    bool quotes = language && has_free_quotes(language);
    bool semicolons = language && has_optional_semicolons(language);
    size_t last_indent = 0;
    cm_str rest = text, line;
    while (cm_str_line(&rest, &line)) {
        cm_str content = cm_str_trim(line);
        votes->lines++;
        votes->line_lengths[line_length_class(line)]++;
        if (content.len == 0) {
            continue;
        }
        vote_indent(line, &last_indent, votes);
        if (language && is_comment(language, content)) {
            continue;
        }
        if (quotes) {
            vote_quotes(content, votes);
        }
        if (semicolons) {
            vote_semicolon(content, votes);
        }
    }
    if (parsed) {
        vote_names(parsed, votes);
    }
}

void cm_style_votes_add(cm_style_votes *sum, const cm_style_votes *votes) {
    /* All members are counters of one type. */
    static_assert(sizeof(*sum) % sizeof(uint32_t) == 0, "only counters");
    uint32_t *to = (uint32_t *)(void *)sum;
    const uint32_t *from = (const uint32_t *)(const void *)votes;
    for (size_t i = 0; i < sizeof(*sum) / sizeof(uint32_t); i++) {
        to[i] = to[i] > UINT32_MAX - from[i] ? UINT32_MAX : to[i] + from[i];
    }
}

/* --- decisions --------------------------------------------------------------------------------- */

static float share(uint64_t votes, uint64_t all) {
    return all > 0 ? (float)((double)votes / (double)all) : 0;
}

/* Index of the largest of counts[first..count); `*ret_share` its share of their sum, 0 when there are no
 * votes. */
static size_t winner(const uint32_t *counts, size_t first, size_t count, float *ret_share) {
    size_t best = first;
    uint64_t all = 0;
    for (size_t i = first; i < count; i++) {
        all += counts[i];
        best = counts[i] > counts[best] ? i : best;
    }
    *ret_share = share(counts[best], all);
    return all > 0 ? best : 0;
}

static uint32_t line_limit(const cm_style_votes *votes, float *ret_confidence) {
    uint64_t within = 0;
    *ret_confidence = 0;
    for (size_t i = 0; i < CM_STYLE_LIMITS; i++) {
        within += votes->line_lengths[i];
        if (within * 100 >= (uint64_t)votes->lines * 99 && votes->lines > 0) {
            *ret_confidence = share(within, votes->lines);
            return line_limits[i];
        }
    }
    return 0;
}

cm_style cm_style_decide(const cm_style_votes *votes) {
    cm_style style = {0};
    uint64_t indented = (uint64_t)votes->tab_lines + votes->space_lines;
    if (indented > 0) {
        bool tabs = votes->tab_lines > votes->space_lines;
        style.indentation = tabs ? CM_INDENT_TABS : CM_INDENT_SPACES;
        style.indentation_confidence =
            share(tabs ? votes->tab_lines : votes->space_lines, indented);
    }
    float confidence;
    size_t size = winner(votes->indent_steps, 1, CM_STYLE_INDENT_MAX + 1, &confidence);
    if (style.indentation == CM_INDENT_SPACES) {
        style.indent_size = (uint32_t)size;
        style.indent_size_confidence = confidence;
    }
    for (size_t i = 0; i < CM_NAMED_COUNT; i++) {
        style.naming[i] = (enum cm_naming)winner(votes->naming[i], CM_NAMING_UNKNOWN + 1,
                                                 CM_NAMING_COUNT, &style.naming_confidence[i]);
    }
    style.max_line_length = line_limit(votes, &style.max_line_length_confidence);
    uint64_t quotes = (uint64_t)votes->single_quotes + votes->double_quotes;
    if (quotes > 0) {
        bool single = votes->single_quotes > votes->double_quotes;
        style.quotes = single ? CM_QUOTES_SINGLE : CM_QUOTES_DOUBLE;
        style.quotes_confidence =
            share(single ? votes->single_quotes : votes->double_quotes, quotes);
    }
    uint64_t ends = (uint64_t)votes->with_semicolon + votes->without_semicolon;
    if (ends > 0) {
        style.has_semicolons = votes->with_semicolon >= votes->without_semicolon;
        style.semicolons_confidence =
            share(style.has_semicolons ? votes->with_semicolon : votes->without_semicolon, ends);
    }
    return style;
}

/* --- .editorconfig ----------------------------------------------------------------------------- */

/* A pattern without a slash fits the file's name at any depth (editorconfig.org, "File format"). */
static bool section_fits(cm_str pattern, cm_str path) {
    if (cm_str_find_char(pattern, '/') == SIZE_MAX) {
        return cm_path_glob(pattern, cm_path_base(path));
    }
    if (cm_str_starts(pattern, CM_STR("/"))) {
        pattern = cm_str_from_offset(pattern, 1);
    }
    return cm_path_glob(pattern, path);
}

static void set_size(cm_str value, uint32_t max, uint32_t *ret_size, float *ret_confidence) {
    uint64_t number;
    if (cm_str_to_u64(value, &number) && number > 0 && number <= max) {
        *ret_size = (uint32_t)number;
        *ret_confidence = 1;
    }
}

static void apply_pair(cm_style *style, cm_str key, cm_str value) {
    if (cm_str_eq_nocase(key, CM_STR("indent_style"))) {
        bool tabs = cm_str_eq_nocase(value, CM_STR("tab"));
        if (tabs || cm_str_eq_nocase(value, CM_STR("space"))) {
            style->indentation = tabs ? CM_INDENT_TABS : CM_INDENT_SPACES;
            style->indentation_confidence = 1;
        }
    } else if (cm_str_eq_nocase(key, CM_STR("indent_size"))) {
        set_size(value, 16, &style->indent_size, &style->indent_size_confidence);
    } else if (cm_str_eq_nocase(key, CM_STR("max_line_length"))) {
        set_size(value, 1000, &style->max_line_length, &style->max_line_length_confidence);
    } else if (cm_str_eq_nocase(key, CM_STR("quote_type"))) {
        style->quotes = cm_str_eq_nocase(value, CM_STR("single"))   ? CM_QUOTES_SINGLE
                        : cm_str_eq_nocase(value, CM_STR("double")) ? CM_QUOTES_DOUBLE
                                                                    : style->quotes;
        style->quotes_confidence = 1;
    }
}

void cm_style_apply_editorconfig(cm_style *style, cm_str editorconfig, cm_str path) {
    bool applies = false;
    cm_str rest = editorconfig, line;
    while (cm_str_line(&rest, &line)) {
        line = cm_str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';') {
            continue;
        }
        if (line.ptr[0] == '[' && cm_str_ends(line, CM_STR("]"))) {
            applies = section_fits(cm_str_sub(line, 1, line.len - 2), path);
            continue;
        }
        size_t equals = cm_str_find_char(line, '=');
        if (applies && equals != SIZE_MAX) {
            apply_pair(style, cm_str_trim(cm_str_sub(line, 0, equals)),
                       cm_str_trim(cm_str_from_offset(line, equals + 1)));
        }
    }
}
