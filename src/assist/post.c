/* post.c - the filter chain, in the order of `chain` below. See post.h. */
#include "base/base.h"

#include "assist/post_priv.h"

#define REPEATS_MAX 2 /* the same line this often in a row is a loop of the model */

typedef cm_post_scan scan;

static cm_str last_line(cm_str text) {
    size_t at = cm_str_rfind_char(text, '\n');
    return at == SIZE_MAX ? text : cm_str_from_offset(text, at + 1);
}

static cm_str first_line(cm_str text) {
    size_t at = cm_str_find_char(text, '\n');
    return at == SIZE_MAX ? text : cm_str_sub(text, 0, at);
}

bool cm_post_is_blank(cm_str s) {
    return cm_str_trim(s).len == 0;
}

/* Columns of leading white space; a tab counts as four, which only has to be consistent. */
static size_t indent_of(cm_str line) {
    size_t columns = 0;
    for (size_t i = 0; i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'); i++) {
        columns += line.ptr[i] == '\t' ? 4 : 1;
    }
    return columns;
}

static bool is_closer(char c) {
    return c == '}' || c == ')' || c == ']';
}

static bool opens_block(cm_str line) {
    cm_str s = cm_str_trim(line);
    if (s.len == 0) {
        return false;
    }
    char last = s.ptr[s.len - 1];
    return last == '{' || last == ':' || last == '(' || last == '[' ||
           cm_str_ends(s, CM_STR("=>")) || cm_str_ends(s, CM_STR(" do")) ||
           cm_str_ends(s, CM_STR(" then"));
}

static bool only_closers(cm_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!cm_is_space(c) && !is_closer(c) && c != ';' && c != ',' && c != '"' && c != '\'') {
            return false;
        }
    }
    return true;
}

bool cm_post_wants_lines(cm_str prefix, cm_str suffix) {
    cm_str before = cm_str_trim(last_line(prefix));
    bool argument = cm_str_ends(before, CM_STR("(")) || cm_str_ends(before, CM_STR("["));
    return only_closers(first_line(suffix)) &&
           (before.len == 0 || (opens_block(before) && !argument));
}

/* A chat-tuned model may close with a code fence or a special token; neither is ever code here. */
static const char *const markers[] = {CM_POST_FENCE, "<|", "</s>", "<fim_", "<EOT>"};

cm_str cm_post_cut_markers(cm_str text) {
    for (size_t i = 0; i < CM_COUNT(markers); i++) {
        size_t at = cm_str_find(text, cm_str_from(markers[i]));
        text = at == SIZE_MAX ? text : cm_str_sub(text, 0, at);
    }
    return text;
}

static cm_str cut_markers(scan *s, cm_str text) {
    (void)s;
    return cm_post_cut_markers(text);
}

/* White space typed before the cursor is not typed again. */
cm_str cm_post_cut_indent(const scan *s, cm_str text) {
    if (s->line_before.len == 0 || !cm_post_is_blank(s->line_before)) {
        return text;
    }
    size_t have = indent_of(s->line_before), skip = 0, columns = 0;
    while (skip < text.len && columns < have && (text.ptr[skip] == ' ' || text.ptr[skip] == '\t')) {
        columns += text.ptr[skip++] == '\t' ? 4 : 1;
    }
    return cm_str_from_offset(text, skip);
}

static cm_str cut_indent(scan *s, cm_str text) {
    return cm_post_cut_indent(s, text);
}

static cm_str cut_lines(scan *s, cm_str text) {
    return s->lines_wanted ? text : first_line(text);
}

void cm_post_scope_begin(cm_post_scope *scope, const scan *s, cm_str head) {
    *scope = (cm_post_scope){
        .base = indent_of(s->line_before),
        .opened = opens_block(head.len > 0 && !cm_post_is_blank(head) ? head : s->line_before),
        .first = true};
}

/* Ends the text where the block it was asked for ends. A line that closes the block belongs to it
 * only when the text (with the cursor line) opened it. */
enum cm_post_verdict cm_post_scope_line(cm_post_scope *scope, cm_str line) {
    if (scope->first || cm_post_is_blank(line)) {
        scope->blank_before = !scope->first;
        scope->first = false;
        return CM_POST_KEEP;
    }
    size_t indent = indent_of(line), base = scope->base;
    bool closes = is_closer(cm_str_trim(line).ptr[0]);
    if (scope->opened && indent == base && closes) {
        return CM_POST_LAST; /* the block's own closing line */
    }
    if (indent < base || (scope->opened && indent == base) || (closes && indent == base) ||
        (base == 0 && indent == 0 && scope->blank_before)) {
        return CM_POST_DROP;
    }
    scope->blank_before = false;
    return CM_POST_KEEP;
}

static cm_str cut_scope(scan *s, cm_str text) {
    cm_str rest = text, line;
    cm_post_scope scope;
    cm_post_scope_begin(&scope, s, first_line(text));
    while (true) {
        size_t at = text.len - rest.len;
        if (!cm_str_line(&rest, &line)) {
            return text;
        }
        enum cm_post_verdict verdict = cm_post_scope_line(&scope, line);
        if (verdict != CM_POST_KEEP) {
            s->cut_at_scope = true;
            return cm_str_sub(text, 0, verdict == CM_POST_LAST ? at + line.len : at);
        }
    }
}

bool cm_post_repeats(cm_post_repeat *repeat, cm_str line) {
    cm_str trimmed = cm_str_trim(line);
    bool same = trimmed.len > 0 && cm_str_eq(trimmed, repeat->line);
    repeat->count = same ? repeat->count + 1 : 0;
    repeat->line = trimmed.len > 0 ? trimmed : repeat->line;
    return repeat->count >= REPEATS_MAX;
}

static cm_str cut_repeats(scan *s, cm_str text) {
    cm_str rest = text, line;
    cm_post_repeat repeat = {0};
    (void)s;
    while (true) {
        size_t at = text.len - rest.len;
        if (!cm_str_line(&rest, &line)) {
            return text;
        }
        if (cm_post_repeats(&repeat, line)) {
            return cm_str_sub(text, 0, at);
        }
    }
}

/* Longest end of `text` that is a start of `after`. */
static size_t overlap(cm_str text, cm_str after) {
    for (size_t len = CM_MIN(text.len, after.len); len > 0; len--) {
        if (memcmp(text.ptr + text.len - len, after.ptr, len) == 0) {
            return len;
        }
    }
    return 0;
}

size_t cm_post_copied(const scan *s, cm_str head) {
    cm_str after = cm_str_trim(s->line_after);
    size_t common = after.len > 0 ? overlap(head, after) : 0;
    /* A single shared letter is chance; a shared closing bracket or a longer piece is a copy. */
    bool copied = common > 2 || (common > 0 && only_closers(cm_str_sub(after, 0, common)));
    return copied ? common : 0;
}

/* Cuts what stands after the cursor already: the rest of the cursor line, then the next line. */
static cm_str cut_suffix(scan *s, cm_str text) {
    cm_str head = first_line(text);
    size_t copied = cm_post_copied(s, head);
    if (copied > 0) {
        return cm_str_sub(text, 0, head.len - copied);
    }
    cm_str rest = text, line;
    bool first = true;
    while (s->next_line.len > 0) {
        size_t at = text.len - rest.len;
        if (!cm_str_line(&rest, &line)) {
            break;
        }
        cm_str trimmed = cm_str_trim(line);
        if (first && !cm_post_is_blank(s->line_before)) {
            first = false; /* only the end of a line that was begun before the cursor */
            continue;
        }
        first = false;
        if (cm_str_eq(trimmed, s->next_line) && (trimmed.len > 2 || rest.len == 0)) {
            return cm_str_sub(text, 0, at);
        }
    }
    return text;
}

size_t cm_post_brackets(const scan *s, cm_str head) {
    int round = 0, square = 0;
    for (size_t i = 0; i < s->line_before.len; i++) {
        char c = s->line_before.ptr[i];
        round = CM_MAX(round + (c == '(') - (c == ')'), 0);
        square = CM_MAX(square + (c == '[') - (c == ']'), 0);
    }
    for (size_t i = 0; i < s->line_after.len; i++) {
        round -= s->line_after.ptr[i] == ')';
        square -= s->line_after.ptr[i] == ']';
    }
    /* An opener on an earlier line may be closed here; only a cursor line with content says no. */
    if (cm_post_is_blank(s->line_before)) {
        return head.len;
    }
    round = CM_MAX(round, 0);
    square = CM_MAX(square, 0);
    for (size_t i = 0; i < head.len; i++) {
        char c = head.ptr[i];
        round += (c == '(') - (c == ')');
        square += (c == '[') - (c == ']');
        if (round < 0 || square < 0) {
            return i;
        }
    }
    return head.len;
}

/* Cuts at a round or square bracket that closes nothing of the cursor line. Brackets in strings are
 * counted too: a wrong count shortens the text, it never breaks it. */
static cm_str cut_brackets(scan *s, cm_str text) {
    cm_str head = first_line(text);
    size_t fits = cm_post_brackets(s, head);
    return fits == head.len ? text : cm_str_sub(text, 0, fits);
}

bool cm_post_is_there(const scan *s, cm_str whole) {
    return whole.len == 0 || cm_str_eq(whole, cm_str_trim(s->line_after)) ||
           (cm_post_is_blank(s->line_before) && cm_str_eq(whole, s->next_line));
}

static cm_str cut_blank(scan *s, cm_str text) {
    if (cm_post_is_there(s, cm_str_trim(text))) {
        return CM_STR_EMPTY;
    }
    while (text.len > 0 && cm_is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

static const struct {
    const char *name;
    cm_str (*cut)(scan *s, cm_str text);
} chain[] = {
    {"markers", cut_markers},   {"indent", cut_indent},   {"lines", cut_lines},
    {"scope", cut_scope},       {"repeats", cut_repeats}, {"suffix", cut_suffix},
    {"brackets", cut_brackets}, {"blank", cut_blank},
};
_Static_assert(CM_COUNT(chain) <= CM_POST_FILTERS_MAX, "each filter needs room for its name");

static cm_str next_line_of(cm_str suffix) {
    cm_str rest = suffix, line;
    if (!cm_str_line(&rest, &line)) {
        return CM_STR_EMPTY;
    }
    while (cm_str_line(&rest, &line)) {
        if (!cm_post_is_blank(line)) {
            return cm_str_trim(line);
        }
    }
    return CM_STR_EMPTY;
}

cm_post_scan cm_post_scan_make(const cm_post_request *request) {
    return (cm_post_scan){
        .line_before = last_line(request->prefix),
        .line_after = first_line(request->suffix),
        .next_line = next_line_of(request->suffix),
        .lines_wanted = request->multiline == CM_MULTILINE_ALWAYS ||
                        (request->multiline == CM_MULTILINE_AUTO &&
                         cm_post_wants_lines(request->prefix, request->suffix)),
    };
}

void cm_post_process(const cm_post_request *request, cm_arena *arena, cm_post_result *ret_result) {
    scan s = cm_post_scan_make(request);
    *ret_result = (cm_post_result){0};
    cm_str text = request->text;
    for (size_t i = 0; i < CM_COUNT(chain); i++) {
        cm_str shorter = chain[i].cut(&s, text);
        if (shorter.len != text.len) {
            ret_result->filters[ret_result->filter_count++] = chain[i].name;
        }
        text = shorter;
    }
    ret_result->text = cm_arena_str(arena, text);
    ret_result->cut_at_scope = s.cut_at_scope;
}
