/* regex.c - from a plan's literals to documents by trigrams, and from documents to lines by PCRE2. */
/* regex.c - candidates by trigrams, then their lines. Clock and cancellation are looked at for each line, and by the
 * pattern inside one. */
#include "search/regex.h"

#include "base/clock.h"
#include "base/vec.h"
#include "index/snapshot/snapshot_priv.h"
#include "search/pattern.h"
#include "search/rank.h"
#include "search/regex_plan.h"
#include "search/render.h"

#define CLAUSES_MAX       16
#define TRIGRAMS_MAX      64 /* of one literal */
#define HITS_PER_DOCUMENT 5
#define LOOK_DOCUMENTS    64 /* taken as candidates between two looks at the clock */

/* ---- candidates ---- */

/* A document to look into, with what it is ordered by. */
typedef struct place {
    uint32_t document;
    int order;
    double nearness;
    cm_str path;
} place;

typedef struct regex_search {
    const cm_snapshot *snapshot;
    const cm_search_query *query;
    cm_pattern *pattern;
    uint64_t deadline_ns; /* cm_clock_ns scale, 0 = none */
    bool stopped;         /* the deadline came, or a cancellation */
    bool given_up;        /* a line took too long: it may be a hit that is not shown */
    cm_regex_clause clauses[CLAUSES_MAX];
    size_t clause_count;
    const cm_regex_clause *scan; /* the most telling one: only lines that have it are matched */
    CM_VEC(place) places;
} regex_search;

/* Clock and cancellation, for what a client can make long: many documents, many lines. */
static bool must_stop(regex_search *x) {
    x->stopped = x->stopped || cm_cancel_hit(x->query->cancel) != CM_CANCEL_NONE ||
                 (x->deadline_ns && cm_clock_ns() > x->deadline_ns);
    return x->stopped;
}

static void plan_literals(regex_search *x, cm_arena *arena) {
    x->clause_count = cm_regex_plan(x->query->text, arena, x->clauses, CLAUSES_MAX);
    for (size_t i = 0; i < x->clause_count; i++) {
        if (!x->scan || cm_regex_clause_least(&x->clauses[i]) > cm_regex_clause_least(x->scan)) {
            x->scan = &x->clauses[i];
        }
    }
}

static int rarest_first(const void *left, const void *right) {
    const cm_numbers *a = left, *b = right;
    return (a->left > b->left) - (a->left < b->left);
}

/* Documents of a segment that have all trigrams of `literal`, ascending, into `list`. */
static size_t find_literal(const cm_segment *s, cm_str literal, uint32_t *list) {
    cm_numbers numbers[TRIGRAMS_MAX];
    size_t trigrams = CM_MIN(literal.len - 2, (size_t)TRIGRAMS_MAX), count = 0;
    for (size_t i = 0; i < trigrams; i++) {
        uint64_t offset;
        if (!cm_dict_find(&s->trigrams, cm_str_sub(literal, i, 3), &offset) ||
            !cm_numbers_open(s->trigram_postings, offset, &numbers[i])) {
            return 0;
        }
    }
    qsort(numbers, trigrams, sizeof(*numbers), rarest_first);
    while (count < s->document_count && cm_numbers_next(&numbers[0])) {
        list[count++] = numbers[0].now;
    }
    for (size_t i = 1; i < trigrams && count > 0; i++) {
        size_t kept = 0, at = 0;
        while (at < count && cm_numbers_next(&numbers[i])) {
            while (at < count && list[at] < numbers[i].now) {
                at++;
            }
            if (at < count && list[at] == numbers[i].now) {
                list[kept++] = list[at++];
            }
        }
        count = kept;
    }
    return count;
}

/* Keeps in `found` the documents that have a literal of the clause. */
static void apply_clause(const cm_segment *s, const cm_regex_clause *clause, uint32_t *list,
                         bool *has, bool *found) {
    memset(has, 0, s->document_count);
    for (size_t i = 0; i < clause->count; i++) {
        size_t count = find_literal(s, clause->literals[i], list);
        for (size_t k = 0; k < count; k++) {
            if (list[k] < s->document_count) {
                has[list[k]] = true;
            }
        }
    }
    for (uint32_t i = 0; i < s->document_count; i++) {
        found[i] = found[i] && has[i];
    }
}

static bool add_place(regex_search *x, uint32_t id) {
    cm_index_document d;
    if (!cm_snapshot_document(x->snapshot, id, &d) || !cm_search_allows(x->query, &d)) {
        return true;
    }
    place p = {.document = id, .order = d.is_test + 2 * d.is_vendored, .path = d.path};
    if (x->query->near_path.len > 0) {
        p.nearness = cm_rank_nearness(d.path, x->query->near_path);
    }
    return cm_vec_push(&x->places, p);
}

static cm_rc collect_segment(regex_search *x, const cm_snapshot_segment *in, cm_err *err) {
    const cm_segment *s = in->segment;
    size_t n = (size_t)s->document_count + 1;
    uint32_t *list = cm_try_calloc(n, sizeof(*list));
    bool *has = cm_try_calloc(n, 1), *found = cm_try_calloc(n, 1);
    bool ok = list && has && found;
    if (ok) {
        memset(found, 1, s->document_count);
    }
    for (size_t i = 0; ok && i < x->clause_count && !must_stop(x); i++) {
        apply_clause(s, &x->clauses[i], list, has, found);
    }
    for (uint32_t i = 0; ok && i < s->document_count; i++) {
        if (i % LOOK_DOCUMENTS == 0 && must_stop(x)) {
            break; /* a hostile glob takes some 10 us for each path */
        }
        ok = !found[i] || add_place(x, in->first_document + i);
    }
    cm_free(list);
    cm_free(has);
    cm_free(found);
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory searching");
}

/* Own code before tests and vendored code, near before far; then by path. */
static int place_cmp(const void *left, const void *right) {
    const place *a = left, *b = right;
    if (a->order != b->order) {
        return a->order - b->order;
    }
    if (a->nearness != b->nearness) {
        return a->nearness > b->nearness ? -1 : 1;
    }
    return cm_str_cmp(a->path, b->path);
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
        if (cm_snapshot_chunk(snapshot, d->first_chunk + middle, &c) && c.start_line <= line) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return d->chunk_count > 0 ? d->first_chunk + low : CM_ID_NONE;
}

static cm_search_hit *hit_for(document_hits *out, const regex_search *x, const cm_index_document *d,
                              cm_str text, uint32_t chunk_id, uint32_t line) {
    if (out->count > 0 && out->hits[out->count - 1].chunk == chunk_id) {
        return &out->hits[out->count - 1];
    }
    if (out->count == out->max) {
        return NULL;
    }
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
        if (!cm_snapshot_symbol(x->snapshot, chunk.symbol, &hit->symbol)) {
            hit->symbol = (cm_index_symbol){.id = CM_ID_NONE};
        }
    }
    hit->content = cm_search_cut(text, first, last, CM_MIN(x->query->context_lines, 50u),
                                 &hit->start_line, &hit->end_line);
    hit->highlights = CM_ARENA_ARRAY(out->arena, cm_range, CM_SEARCH_HIGHLIGHTS_MAX);
    return hit;
}

static void add_highlight(cm_search_hit *hit, uint32_t line, cm_str text, size_t from, size_t to) {
    if (!hit->highlights || hit->highlight_count == CM_SEARCH_HIGHLIGHTS_MAX) {
        return;
    }
    cm_range *ranges = (cm_range *)(uintptr_t)hit->highlights; /* ours until the result is out */
    uint32_t start = (uint32_t)cm_utf8_count(cm_str_sub(text, 0, from), CM_UTF16);
    uint32_t len = (uint32_t)cm_utf8_count(cm_str_sub(text, from, to - from), CM_UTF16);
    ranges[hit->highlight_count++] = (cm_range){{line - 1, start}, {line - 1, start + len}};
}

/* Walks the lines that can match: all, or those that have a literal of the scanned clause. */
typedef struct line_walk {
    const cm_regex_clause *clause;               /* NULL = all lines */
    cm_str text, folded;                         /* `folded` in lower case, for the clause */
    const char *next[CM_REGEX_ALTERNATIVES_MAX]; /* where each literal stands next, or the end */
    size_t at;                                   /* start of the next line */
    size_t counted;                              /* lines up to here are in `number` */
    uint32_t number;
} line_walk;

/* ASCII letters of eight bytes in lower case at once: this runs over every document that is looked into. */
static uint64_t fold8(uint64_t x) {
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = x & 0x7f * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones, beyond_z = low + (0x7f - 'Z') * ones;
    return x | (((from_a ^ beyond_z) & ~x & 0x80 * ones) >> 2);
}

static void fold(const char *text, size_t len, char *out) {
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, text + i, 8);
        word = fold8(word);
        memcpy(out + i, &word, 8);
    }
    for (; i < len; i++) {
        out[i] = cm_to_lower(text[i]);
    }
}

static bool line_walk_init(line_walk *w, const regex_search *x, cm_str text, cm_arena *arena) {
    *w = (line_walk){.text = text, .clause = x->scan};
    char *folded = x->scan ? cm_arena_try_alloc(arena, text.len + 1) : NULL;
    if (folded) {
        fold(text.ptr, text.len, folded);
    }
    w->folded = cm_str_make(folded, text.len);
    for (size_t i = 0; x->scan && i < x->scan->count; i++) {
        w->next[i] = folded;
    }
    return folded || !x->scan;
}

/* The nearest literal at or after `at`, or SIZE_MAX. */
static size_t next_literal(line_walk *w) {
    const char *start = w->folded.ptr + w->at, *end = w->folded.ptr + w->folded.len;
    const char *nearest = end;
    for (size_t i = 0; i < w->clause->count; i++) {
        cm_str literal = w->clause->literals[i];
        if (w->next[i] < start || w->next[i] == w->folded.ptr) {
            w->next[i] = memmem(start, (size_t)(end - start), literal.ptr, literal.len);
            w->next[i] = w->next[i] ? w->next[i] : end;
        }
        nearest = CM_MIN(nearest, w->next[i]);
    }
    return nearest == end ? SIZE_MAX : (size_t)(nearest - w->folded.ptr);
}

static bool line_walk_next(line_walk *w, cm_str *ret_line) {
    if (w->at >= w->text.len) {
        return false;
    }
    size_t at = w->clause ? next_literal(w) : w->at;
    if (at == SIZE_MAX) {
        return false;
    }
    const char *before = at > 0 ? memrchr(w->text.ptr, '\n', at) : NULL;
    size_t start = before ? (size_t)(before - w->text.ptr) + 1 : 0;
    cm_str rest = cm_str_from_offset(w->text, start);
    bool more = cm_str_line(&rest, ret_line);
    w->at = rest.len > 0 ? w->text.len - rest.len : w->text.len;
    return more;
}

/* Number of `line`, from 1. Lines before the first match are counted only once there is one. */
static uint32_t line_number(line_walk *w, cm_str line) {
    size_t start = (size_t)(line.ptr - w->text.ptr);
    for (const char *p = w->text.ptr + w->counted, *end = w->text.ptr + start;
         p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++) {
        w->number++;
    }
    w->counted = start;
    return w->number + 1;
}

static bool match_line(regex_search *x, cm_str line, size_t *ret_from, size_t *ret_to) {
    enum cm_pattern_outcome outcome = cm_pattern_match(x->pattern, line, ret_from, ret_to);
    x->stopped |= outcome == CM_PATTERN_STOPPED;
    x->given_up |= outcome == CM_PATTERN_GIVEN_UP;
    return outcome == CM_PATTERN_FOUND;
}

/* False when the hits are full, or it must stop. */
static bool match_document(regex_search *x, uint32_t id, cm_arena *arena, cm_arena *scratch,
                           document_hits *out) {
    cm_index_document d;
    cm_str text, line, kept = CM_STR_EMPTY;
    cm_err ignored;
    line_walk walk;
    if (!cm_snapshot_document(x->snapshot, id, &d) ||
        cm_snapshot_text(x->snapshot, id, scratch, &text, &ignored) != CM_OK || text.len == 0 ||
        !line_walk_init(&walk, x, text, scratch)) {
        return true;
    }
    size_t first_hit = out->count;
    while (line_walk_next(&walk, &line)) {
        size_t from, to;
        bool found = match_line(x, line, &from, &to);
        if (must_stop(x)) {
            return false;
        }
        if (!found) {
            continue;
        }
        if (out->count - first_hit >= HITS_PER_DOCUMENT) {
            return true;
        }
        if (kept.len == 0) {
            kept = cm_arena_str(arena, text);
        }
        uint32_t number = line_number(&walk, line);
        cm_search_hit *hit =
            hit_for(out, x, &d, kept, chunk_of_line(x->snapshot, &d, number), number);
        if (!hit) {
            return false;
        }
        add_highlight(hit, number, line, from, to);
    }
    return true;
}

static cm_rc match_all(regex_search *x, uint32_t limit, cm_arena *arena, cm_search_result *result,
                       cm_err *err) {
    document_hits out = {.max = limit, .arena = arena};
    out.hits = CM_ARENA_ARRAY(arena, cm_search_hit, (size_t)limit + 1);
    if (!out.hits) {
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    }
    if (x->places.count > 1) {
        qsort(x->places.items, x->places.count, sizeof(place), place_cmp);
    }
    cm_arena *scratch = cm_arena_new(0);
    bool more = true;
    for (size_t i = 0; more && i < x->places.count && !must_stop(x); i++) {
        cm_arena_clear(scratch);
        more = match_document(x, x->places.items[i].document, arena, scratch, &out);
    }
    cm_arena_free(scratch);
    result->truncated = !more || x->stopped || x->given_up;
    if (x->stopped) {
        result->degraded = "the time ran out before all files were searched";
    } else if (x->given_up) {
        result->degraded = "lines that take too long to match are left out";
    }
    result->hits = out.hits;
    result->count = out.count;
    return CM_OK;
}

cm_rc cm_search_regex(const cm_snapshot *snapshot, const cm_search_query *query, uint32_t limit,
                      uint64_t deadline_ns, cm_arena *arena, cm_search_result *result,
                      cm_err *err) {
    regex_search x = {.snapshot = snapshot, .query = query, .deadline_ns = deadline_ns};
    cm_pattern_options options = {.case_sensitive = query->case_sensitive,
                                  .deadline_ns = deadline_ns,
                                  .cancel = query->cancel};
    cm_rc rc = cm_pattern_new(query->text, &options, &x.pattern, err);
    if (rc != CM_OK) {
        return rc;
    }
    plan_literals(&x, arena);
    for (size_t i = 0; rc == CM_OK && i < snapshot->count && !must_stop(&x); i++) {
        rc = collect_segment(&x, &snapshot->segments[i], err);
    }
    if (rc == CM_OK) {
        rc = match_all(&x, limit, arena, result, err);
    }
    cm_vec_done(&x.places);
    cm_pattern_free(x.pattern);
    /* what was asked to stop has no result; what ran out of time has what it found */
    if (rc == CM_OK && cm_cancel_hit(query->cancel) == CM_CANCEL_USER) {
        return cm_cancel_check(query->cancel, err);
    }
    return rc;
}
