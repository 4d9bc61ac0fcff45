/* mask.c - hides macros that stand where C and C++ have no place for a name.
 *
 * `class EXPORT Foo : public Bar {` and `int __init start(void) {` are not C++ or C before the
 * preprocessor has run; the parser takes EXPORT for the class and loses what follows. A third of real C
 * files and half of C++ files have such things. The parser is given a copy of the text in which these
 * words are blanks: every offset stays right, and the text itself is not changed.
 *
 * The rules only look at words and the characters around them, and each asks for a shape that would be
 * wrong without the mask, so that `FILE *f;` and `struct FOO bar;` stay as they are.
 *
 * #if that splits a statement (`#if A  if (x) {  #else  if (y) {  #endif`) opens more braces than it
 * closes in one branch. Such a group is reduced to its first branch, as ctags does. */
#include "code/extract_priv.h"

#define CONDITIONS_MAX 64u

typedef struct word {
    uint32_t start, end;
} word;

/* One #if under way. */
typedef struct condition {
    uint32_t start, end; /* its directive */
    uint32_t other;      /* where the first #else or #elif stands; 0 = none yet */
    int before;          /* open braces in front of it */
    int after;           /* ... behind its first branch */
} condition;

typedef struct masker {
    cm_str text;
    char *copy;
    word previous;    /* the word before, when only blanks lie between; else empty */
    bool names_class; /* ... and it stands behind `class` or `struct` */
    int braces;       /* open `{` */
    condition conditions[CONDITIONS_MAX];
    size_t condition_count; /* also counts those that did not fit */
} masker;

static bool is_word_start(char c) {
    return cm_is_alpha(c) || c == '_';
}

static uint32_t skip_blank(cm_str text, uint32_t at) {
    while (at < text.len && cm_is_space(text.ptr[at])) {
        at++;
    }
    return at;
}

static word word_at(cm_str text, uint32_t at) {
    uint32_t end = at;
    if (at < text.len && is_word_start(text.ptr[at])) {
        while (end < text.len && (is_word_start(text.ptr[end]) || cm_is_digit(text.ptr[end]))) {
            end++;
        }
    }
    return (word){at, end};
}

static bool is(cm_str text, word w, const char *wanted) {
    return cm_str_eq_c(cm_str_sub(text, w.start, w.end - w.start), wanted);
}

static bool is_any(cm_str text, word w, const char *const *wanted, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (is(text, w, wanted[i])) {
            return true;
        }
    }
    return false;
}

/* EXPORT_API, but not T or ID. */
static bool is_macro_like(cm_str text, word w) {
    for (uint32_t i = w.start; i < w.end; i++) {
        char c = text.ptr[i];
        if (!(c >= 'A' && c <= 'Z') && c != '_' && !cm_is_digit(c)) {
            return false;
        }
    }
    return w.end - w.start >= 4;
}

static uint32_t skip_parentheses(cm_str text, uint32_t at) {
    uint32_t after = skip_blank(text, at);
    if (after >= text.len || text.ptr[after] != '(') {
        return at;
    }
    int depth = 0;
    for (; after < text.len && after < at + 512; after++) {
        depth += (text.ptr[after] == '(') - (text.ptr[after] == ')');
        if (depth == 0) {
            return after + 1;
        }
    }
    return at;
}

/* `class Foo FINAL_MACRO : public Bar {` */
static uint32_t after_class_name(const masker *m, word w) {
    uint32_t after = skip_blank(m->text, w.end);
    char next = after < m->text.len ? m->text.ptr[after] : '\0';
    return m->names_class && is_macro_like(m->text, w) && (next == ':' || next == '{') ? w.end : 0;
}

/* `class EXPORT Foo {`, `class ALIGNED(8) Foo : public Bar`, `class EXPORT Foo final`. Returns the end
 * of what to hide; 0 = nothing. */
static bool is_class_head(cm_str text, word w) {
    static const char *const heads[] = {"class", "struct", "union", "enum"};
    return is_any(text, w, heads, CM_COUNT(heads));
}

static uint32_t before_class_name(const masker *m, word w) {
    if (!is_class_head(m->text, m->previous) || !is_macro_like(m->text, w)) {
        return 0;
    }
    uint32_t end = skip_parentheses(m->text, w.end);
    word name = word_at(m->text, skip_blank(m->text, end));
    if (name.end == name.start) {
        return 0;
    }
    uint32_t after = skip_blank(m->text, name.end);
    char next = after < m->text.len ? m->text.ptr[after] : '\0';
    bool is_head =
        next == '{' || next == ':' || next == '<' || is(m->text, word_at(m->text, after), "final");
    return is_head ? end : 0;
}

static bool starts_line(cm_str text, uint32_t at) {
    while (at > 0 && (text.ptr[at - 1] == ' ' || text.ptr[at - 1] == '\t')) {
        at--;
    }
    return at == 0 || text.ptr[at - 1] == '\n';
}

/* `EXPORT int f(`, `static NOINLINE void f(`, `CONSTEXPR Foo::Foo(`: hidden when what follows is a
 * declaration without it. */
static uint32_t before_declaration(const masker *m, word w) {
    static const char *const storage[] = {"static",   "inline",    "extern", "virtual",
                                          "explicit", "constexpr", "friend"};
    static const char *const types[] = {
        "void",   "int",    "char",  "bool",      "unsigned", "signed", "long",     "short",
        "float",  "double", "const", "static",    "inline",   "extern", "virtual",  "explicit",
        "struct", "class",  "enum",  "constexpr", "typedef",  "auto",   "volatile", "union"};
    bool is_placed =
        starts_line(m->text, w.start) || is_any(m->text, m->previous, storage, CM_COUNT(storage));
    if (!is_placed || !is_macro_like(m->text, w)) {
        return 0;
    }
    word name = word_at(m->text, skip_blank(m->text, w.end));
    if (name.end == name.start) {
        return 0;
    }
    if (is_any(m->text, name, types, CM_COUNT(types))) {
        return w.end;
    }
    uint32_t after = skip_blank(m->text, name.end);
    cm_str rest = cm_str_sub(m->text, after, 2);
    bool has_type = rest.len > 0 && (is_word_start(rest.ptr[0]) || rest.ptr[0] == '*');
    return has_type || cm_str_starts(rest, CM_STR("::")) ? w.end : 0;
}

/* Linux's `static int __init f(void)` and the like: two underscores in front, no parentheses behind. */
static uint32_t kernel_annotation(const masker *m, word w) {
    cm_str name = cm_str_sub(m->text, w.start, w.end - w.start);
    if (!cm_str_starts(name, CM_STR("__")) || cm_str_ends(name, CM_STR("__")) ||
        m->previous.end == m->previous.start || cm_str_starts(name, CM_STR("__int")) ||
        cm_str_ends(name, CM_STR("_t"))) {
        return 0;
    }
    static const char *const not_before[] = {"struct", "union",    "enum",   "return", "const",
                                             "class",  "unsigned", "signed", "case",   "goto",
                                             "sizeof", "typedef",  "static", "extern", "inline"};
    if (is_any(m->text, m->previous, not_before, CM_COUNT(not_before))) {
        return 0;
    }
    word next = word_at(m->text, skip_blank(m->text, w.end));
    uint32_t after = skip_blank(m->text, next.end);
    bool names_function = next.end > next.start && after < m->text.len && m->text.ptr[after] == '(';
    return names_function ? w.end : 0;
}

static void hide(masker *m, uint32_t start, uint32_t end) {
    for (uint32_t i = start; i < end; i++) {
        if (m->copy[i] != '\n') {
            m->copy[i] = ' ';
        }
    }
}

static void take_word(masker *m, word w) {
    uint32_t end = before_class_name(m, w);
    end = end ? end : after_class_name(m, w);
    end = end ? end : before_declaration(m, w);
    end = end ? end : kernel_annotation(m, w);
    if (end > 0) {
        hide(m, w.start, end);
    } else {
        m->names_class = is_class_head(m->text, m->previous);
        m->previous = w;
    }
}

static uint32_t skip_quoted(cm_str text, uint32_t at) {
    char quote = text.ptr[at++];
    while (at < text.len && text.ptr[at] != quote && text.ptr[at] != '\n') {
        at += text.ptr[at] == '\\' ? 2 : 1;
    }
    return at + 1;
}

static uint32_t skip_line(cm_str text, uint32_t at) {
    while (at < text.len && text.ptr[at] != '\n') {
        at += text.ptr[at] == '\\' ? 2 : 1; /* a continued line goes on */
    }
    return at;
}

static uint32_t skip_block_comment(cm_str text, uint32_t at) {
    size_t end = cm_str_find(cm_str_from_offset(text, at + 2), CM_STR("*/"));
    return end == SIZE_MAX ? (uint32_t)text.len : at + 2 + (uint32_t)end + 2;
}

static void open_condition(masker *m, uint32_t start, uint32_t end) {
    if (m->condition_count < CONDITIONS_MAX) {
        m->conditions[m->condition_count] =
            (condition){.start = start, .end = end, .before = m->braces, .after = m->braces};
    }
    m->condition_count++;
}

static condition *innermost(masker *m) {
    bool is_kept = m->condition_count > 0 && m->condition_count <= CONDITIONS_MAX;
    return is_kept ? &m->conditions[m->condition_count - 1] : NULL;
}

static void next_branch(masker *m, uint32_t start) {
    condition *c = innermost(m);
    if (c && c->other == 0) {
        c->other = start;
        c->after = m->braces;
    }
    if (c) {
        m->braces = c->before;
    }
}

/* `#if A  int f(int a)  #else  int f(void)  #endif  {`: the body belongs to either head. */
static bool splits_head(const masker *m, const condition *c, uint32_t end) {
    uint32_t after = skip_blank(m->text, end);
    if (c->other == 0 || after >= m->text.len || m->text.ptr[after] != '{') {
        return false;
    }
    cm_str branch = cm_str_trim(cm_str_sub(m->text, c->end, c->other - c->end));
    char last = branch.len > 0 ? branch.ptr[branch.len - 1] : ';';
    return last != ';' && last != '}' && last != '{' && last != '/';
}

static void close_condition(masker *m, uint32_t start, uint32_t end) {
    condition *c = innermost(m);
    m->condition_count -= m->condition_count > 0;
    if (!c) {
        return;
    }
    int last = m->braces;
    m->braces = c->other ? c->after : last;
    if (m->braces != c->before || last != c->before || splits_head(m, c, end)) {
        hide(m, c->start, c->end);
        hide(m, c->other ? c->other : start, end);
    }
}

static uint32_t take_directive(masker *m, uint32_t at) {
    uint32_t end = skip_line(m->text, at);
    word name = word_at(m->text, skip_blank(m->text, at + 1));
    if (is(m->text, name, "if") || is(m->text, name, "ifdef") || is(m->text, name, "ifndef")) {
        open_condition(m, at, end);
    } else if (is(m->text, name, "else") || is(m->text, name, "elif")) {
        next_branch(m, at);
    } else if (is(m->text, name, "endif")) {
        close_condition(m, at, end);
    }
    return end;
}

/* Moves past one thing that is not a word. */
static uint32_t skip_other(masker *m, uint32_t at) {
    cm_str text = m->text;
    char c = text.ptr[at];
    char next = at + 1 < text.len ? text.ptr[at + 1] : '\0';
    if (c == '/' && next == '*') {
        return skip_block_comment(text, at);
    }
    if (c == '/' && next == '/') {
        return skip_line(text, at);
    }
    if (!cm_is_space(c)) {
        m->previous = (word){0};
        m->names_class = false;
    }
    if (c == '#' && starts_line(text, at)) {
        return take_directive(m, at);
    }
    m->braces += (c == '{') - (c == '}');
    if (c == '"' || c == '\'') {
        return skip_quoted(text, at);
    }
    if (cm_is_digit(c)) { /* a number's letters are no word */
        while (at < text.len && cm_is_word(text.ptr[at])) {
            at++;
        }
        return at;
    }
    return at + 1;
}

bool cm_mask_macros(cm_str text, cm_buf *out) {
    cm_buf_clear(out);
    cm_buf_add_str(out, text);
    if (out->failed != CM_OK) {
        return false;
    }
    masker m = {.text = text, .copy = out->ptr};
    uint32_t at = 0;
    while (at < text.len) {
        word w = word_at(text, at);
        if (w.end > w.start) {
            take_word(&m, w);
            at = w.end;
        } else {
            at = skip_other(&m, at);
        }
    }
    return true;
}
