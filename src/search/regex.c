#define PCRE2_CODE_UNIT_WIDTH 8
#include "search/regex.h"

#include "base/clock.h"
#include "base/vec.h"
#include "index/snapshot_priv.h"
#include "index/trigram.h"
#include "search/rank.h"
#include "search/render.h"

#include <pcre2.h>

#define LITERALS_MAX      16
#define TRIGRAMS_MAX      64
#define MATCH_LIMIT       100000 /* steps for one line: catastrophic patterns end here */
#define HITS_PER_DOCUMENT 5

/* ---- literals ---- */

typedef struct literal_list {
    cm_arena *arena;
    cm_str *items;
    size_t count, max;
    char now[256];
    size_t len;
} literal_list;

static void end_literal(literal_list *l) {
    if (l->len >= 3 && l->count < l->max)
        l->items[l->count++] = cm_arena_str(l->arena, cm_str_make(l->now, l->len));
    l->len = 0;
}

static void add_char(literal_list *l, char c) {
    if (l->len == sizeof(l->now))
        end_literal(l);
    l->now[l->len++] = c;
}

/* End of the group or class that starts at `at`, or SIZE_MAX. */
static size_t skip_class(cm_str p, size_t at) {
    size_t i = at + 1;
    if (i < p.len && p.ptr[i] == '^')
        i++;
    if (i < p.len && p.ptr[i] == ']')
        i++;
    for (; i < p.len; i++) {
        if (p.ptr[i] == '\\')
            i++;
        else if (p.ptr[i] == '[' && i + 1 < p.len && p.ptr[i + 1] == ':')
            i += 2; /* [:alpha:] ends in ":]", which must not end the class */
        else if (p.ptr[i] == ':' && i + 1 < p.len && p.ptr[i + 1] == ']')
            i++;
        else if (p.ptr[i] == ']')
            return i + 1;
    }
    return SIZE_MAX;
}

static size_t skip_group(cm_str p, size_t at) {
    size_t depth = 0;
    for (size_t i = at; i < p.len;) {
        char c = p.ptr[i];
        if (c == '\\') {
            i += 2;
        } else if (c == '[') {
            i = skip_class(p, i);
        } else {
            depth += c == '(';
            depth -= c == ')';
            i++;
            if (depth == 0)
                return i;
        }
    }
    return SIZE_MAX;
}

static bool is_repeat(char c) {
    return c == '*' || c == '?' || c == '{';
}

/* One escape; false when it cannot be judged. */
static bool add_escape(literal_list *l, cm_str p, size_t *at) {
    if (*at + 1 >= p.len)
        return false;
    char c = p.ptr[*at + 1];
    *at += 2;
    if (!cm_is_alpha(c) && !cm_is_digit(c)) {
        add_char(l, c);
        return true;
    }
    end_literal(l);
    return strchr("wWdDsSbBAzZtnrhHvVR", c) != NULL;
}

size_t cm_regex_literals(cm_str pattern, cm_arena *arena, cm_str *literals, size_t max) {
    literal_list l = {.arena = arena, .items = literals, .max = max};
    cm_str p = pattern;
    for (size_t i = 0; i < p.len;) {
        char c = p.ptr[i];
        if (c == '|' || c == ')')
            return 0;
        if (c == '(' || c == '[') {
            /* "(?i" and the like reach beyond their parentheses only as flags, which fold anyway, except
             * x (blanks count for nothing) */
            if (c == '(' && i + 1 < p.len && (p.ptr[i + 1] == '*' || p.ptr[i + 1] == '?'))
                return 0;
            end_literal(&l);
            i = c == '(' ? skip_group(p, i) : skip_class(p, i);
            if (i == SIZE_MAX)
                return 0;
        } else if (c == '\\') {
            if (!add_escape(&l, p, &i))
                return 0;
        } else if (is_repeat(c)) {
            if (l.len > 0)
                l.len--; /* the character before may be absent */
            end_literal(&l);
            size_t close = c == '{' ? cm_str_find_char(cm_str_from_offset(p, i), '}') : 0;
            if (close == SIZE_MAX)
                return 0;
            i += close + 1;
        } else if (c == '+' || c == '.' || c == '^' || c == '$') {
            end_literal(&l);
            i++;
        } else {
            add_char(&l, c);
            i++;
        }
    }
    end_literal(&l);
    return l.count;
}

/* ---- candidates ---- */

typedef struct regex_search {
    const cm_snapshot *snapshot;
    const cm_search_query *query;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    uint32_t trigrams[TRIGRAMS_MAX];
    size_t trigram_count;
    CM_VEC(uint32_t) documents;
} regex_search;

static void plan_trigrams(regex_search *x, cm_arena *arena) {
    cm_str literals[LITERALS_MAX];
    size_t count = cm_regex_literals(x->query->text, arena, literals, LITERALS_MAX);
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at + 3 <= literals[i].len && x->trigram_count < TRIGRAMS_MAX; at++)
            x->trigrams[x->trigram_count++] =
                cm_trigram(literals[i].ptr[at], literals[i].ptr[at + 1], literals[i].ptr[at + 2]);
}

/* Keeps the documents of `list` that also have `trigram`; the first call fills it. */
static bool intersect(const cm_segment *s, uint32_t trigram, bool first, uint32_t *list,
                      size_t *count) {
    char key[3] = {(char)(trigram >> 16), (char)(trigram >> 8), (char)trigram};
    uint64_t offset;
    cm_numbers numbers;
    if (!cm_dict_find(&s->trigrams, cm_str_make(key, 3), &offset) ||
        !cm_numbers_open(s->trigram_postings, offset, &numbers)) {
        *count = 0;
        return false;
    }
    size_t kept = 0, at = 0;
    while (cm_numbers_next(&numbers)) {
        if (first) {
            if (kept < s->document_count)
                list[kept++] = numbers.now;
            continue;
        }
        while (at < *count && list[at] < numbers.now)
            at++;
        if (at == *count)
            break;
        if (list[at] == numbers.now)
            list[kept++] = numbers.now;
    }
    *count = kept;
    return kept > 0;
}

static cm_rc collect_segment(regex_search *x, const cm_snapshot_segment *in, cm_err *err) {
    const cm_segment *s = in->segment;
    uint32_t *list = cm_try_calloc((size_t)s->document_count + 1, sizeof(*list));
    size_t count = s->document_count;
    if (!list)
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    for (uint32_t i = 0; i < s->document_count; i++)
        list[i] = i;
    for (size_t i = 0; i < x->trigram_count; i++)
        if (!intersect(s, x->trigrams[i], i == 0, list, &count))
            break;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        cm_index_document d;
        if (list[i] < s->document_count &&
            cm_snapshot_document(x->snapshot, in->first_document + list[i], &d) &&
            cm_search_allows(x->query, &d))
            ok = cm_vec_push(&x->documents, d.id);
    }
    cm_free(list);
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory searching");
}

/* Own code before tests and vendored code, shallow before deep, near before far; then by path. */
static int document_cmp(const void *left, const void *right, void *argument) {
    const regex_search *x = argument;
    cm_index_document a = {0}, b = {0};
    (void)cm_snapshot_document(x->snapshot, *(const uint32_t *)left, &a);
    (void)cm_snapshot_document(x->snapshot, *(const uint32_t *)right, &b);
    int order = (a.is_test + 2 * a.is_vendored) - (b.is_test + 2 * b.is_vendored);
    if (order != 0)
        return order;
    if (x->query->near_path.len > 0) {
        double na = cm_rank_nearness(a.path, x->query->near_path);
        double nb = cm_rank_nearness(b.path, x->query->near_path);
        if (na != nb)
            return na > nb ? -1 : 1;
    }
    return cm_str_cmp(a.path, b.path);
}

/* ---- matching ---- */

typedef struct document_hits {
    cm_search_hit *hits;
    size_t count, max;
    cm_arena *arena;
} document_hits;

static uint32_t chunk_of_line(const cm_snapshot *snapshot, const cm_index_document *d,
                              uint32_t line) {
    uint32_t low = 0, high = d->chunk_count;
    cm_index_chunk c;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (cm_snapshot_chunk(snapshot, d->first_chunk + middle, &c) && c.start_line <= line)
            low = middle;
        else
            high = middle;
    }
    return d->chunk_count > 0 ? d->first_chunk + low : CM_ID_NONE;
}

static cm_search_hit *hit_for(document_hits *out, const regex_search *x, const cm_index_document *d,
                              cm_str text, uint32_t chunk_id, uint32_t line) {
    if (out->count > 0 && out->hits[out->count - 1].chunk == chunk_id)
        return &out->hits[out->count - 1];
    if (out->count == out->max)
        return NULL;
    cm_search_hit *hit = &out->hits[out->count++];
    cm_index_chunk chunk;
    uint32_t first = line, last = line;
    *hit = (cm_search_hit){.document = *d,
                           .chunk = chunk_id,
                           .symbol = {.id = CM_ID_NONE},
                           .relevance_score = d->is_test || d->is_vendored ? 0.5 : 1.0,
                           .match_type = CM_MATCH_LEXICAL};
    if (cm_snapshot_chunk(x->snapshot, chunk_id, &chunk)) {
        first = chunk.start_line;
        last = chunk.end_line;
        if (!cm_snapshot_symbol(x->snapshot, chunk.symbol, &hit->symbol))
            hit->symbol = (cm_index_symbol){.id = CM_ID_NONE};
    }
    hit->content = cm_search_cut(text, first, last, CM_MIN(x->query->context_lines, 50u),
                                 &hit->start_line, &hit->end_line);
    hit->highlights = CM_ARENA_ARRAY(out->arena, cm_range, CM_SEARCH_HIGHLIGHTS_MAX);
    return hit;
}

static void add_highlight(cm_search_hit *hit, uint32_t line, cm_str text, size_t from, size_t to) {
    if (!hit->highlights || hit->highlight_count == CM_SEARCH_HIGHLIGHTS_MAX)
        return;
    cm_range *ranges = (cm_range *)(uintptr_t)hit->highlights; /* ours until the result is out */
    uint32_t start = (uint32_t)cm_utf8_count(cm_str_sub(text, 0, from), CM_UTF16);
    uint32_t len = (uint32_t)cm_utf8_count(cm_str_sub(text, from, to - from), CM_UTF16);
    ranges[hit->highlight_count++] = (cm_range){{line - 1, start}, {line - 1, start + len}};
}

static bool match_line(const regex_search *x, cm_str line, size_t *ret_from, size_t *ret_to) {
    int n = pcre2_match(x->code, (PCRE2_SPTR)(line.ptr ? line.ptr : ""), line.len, 0, 0, x->match,
                        x->context);
    if (n < 0)
        return false; /* no match, or the limit of steps: such a line does not count */
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(x->match);
    *ret_from = span[0];
    *ret_to = CM_MAX(span[1], span[0]);
    return true;
}

/* False when the hits are full. */
static bool match_document(regex_search *x, uint32_t id, cm_arena *arena, cm_arena *scratch,
                           document_hits *out) {
    cm_index_document d;
    cm_str text, line;
    cm_err ignored;
    if (!cm_snapshot_document(x->snapshot, id, &d) ||
        cm_snapshot_text(x->snapshot, id, scratch, &text, &ignored) != CM_OK)
        return true;
    cm_str rest = text, kept = CM_STR_EMPTY;
    uint32_t number = 0;
    size_t first_hit = out->count;
    while (cm_str_line(&rest, &line)) {
        size_t from, to;
        number++;
        if (!match_line(x, line, &from, &to))
            continue;
        if (out->count - first_hit >= HITS_PER_DOCUMENT)
            return true;
        if (kept.len == 0)
            kept = cm_arena_str(arena, text);
        cm_search_hit *hit =
            hit_for(out, x, &d, kept, chunk_of_line(x->snapshot, &d, number), number);
        if (!hit)
            return false;
        add_highlight(hit, number, line, from, to);
    }
    return true;
}

static cm_rc compile(regex_search *x, cm_err *err) {
    int code;
    PCRE2_SIZE at;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                       (x->query->case_sensitive ? 0 : PCRE2_CASELESS);
    x->code = pcre2_compile((PCRE2_SPTR)(x->query->text.ptr ? x->query->text.ptr : ""),
                            x->query->text.len, options, &code, &at, NULL);
    if (!x->code) {
        PCRE2_UCHAR message[128];
        pcre2_get_error_message(code, message, sizeof(message));
        return cm_fail(err, CM_INVALID, "invalid regular expression at offset %zu: %s", (size_t)at,
                       (const char *)message);
    }
    (void)pcre2_jit_compile(x->code, PCRE2_JIT_COMPLETE); /* slower without, but the same */
    x->match = pcre2_match_data_create_from_pattern(x->code, NULL);
    x->context = pcre2_match_context_create(NULL);
    if (!x->match || !x->context)
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    pcre2_set_match_limit(x->context, MATCH_LIMIT);
    return CM_OK;
}

static cm_rc match_all(regex_search *x, uint32_t limit, uint64_t deadline_ns, cm_arena *arena,
                       cm_search_result *result, cm_err *err) {
    document_hits out = {.max = limit, .arena = arena};
    out.hits = CM_ARENA_ARRAY(arena, cm_search_hit, (size_t)limit + 1);
    if (!out.hits)
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    if (x->documents.count > 1)
        qsort_r(x->documents.items, x->documents.count, sizeof(uint32_t), document_cmp, x);
    cm_arena *scratch = cm_arena_new(0);
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < x->documents.count; i++) {
        if (deadline_ns && cm_clock_ns() > deadline_ns) {
            result->truncated = true;
            break;
        }
        rc = cm_cancel_check(x->query->cancel, err);
        cm_arena_clear(scratch);
        if (rc == CM_OK && !match_document(x, x->documents.items[i], arena, scratch, &out)) {
            result->truncated = true;
            break;
        }
    }
    cm_arena_free(scratch);
    result->hits = out.hits;
    result->count = out.count;
    return rc;
}

cm_rc cm_search_regex(const cm_snapshot *snapshot, const cm_search_query *query, uint32_t limit,
                      uint64_t deadline_ns, cm_arena *arena, cm_search_result *result,
                      cm_err *err) {
    regex_search x = {.snapshot = snapshot, .query = query};
    cm_rc rc = compile(&x, err);
    if (rc == CM_OK)
        plan_trigrams(&x, arena);
    for (size_t i = 0; rc == CM_OK && i < snapshot->count; i++)
        rc = collect_segment(&x, &snapshot->segments[i], err);
    if (rc == CM_OK)
        rc = match_all(&x, limit, deadline_ns, arena, result, err);
    cm_vec_done(&x.documents);
    pcre2_match_data_free(x.match);
    pcre2_match_context_free(x.context);
    pcre2_code_free(x.code);
    return rc;
}
