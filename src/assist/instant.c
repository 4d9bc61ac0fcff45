/* instant.c - from votes to a text.
 *
 * Occurrences of the context are followed token by token. At each step the token with most weight
 * wins, and those that went another way are dropped; what is left are exactly the occurrences of
 * context plus prediction, so no second look-up is needed. Each token has a probability, fitted on
 * held-out files; the text ends where their product falls below what is worth showing, at the end
 * of the line, or where the text after the cursor takes over. */
#include "assist/instant_priv.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "code/tokens.h"
#include <math.h>

#define TOKENS_MAX     160  /* of one prediction */
#define TEXT_MAX       4096 /* bytes of one prediction */
#define SHOWN_MIN      0.20 /* probability below which a text is not worth showing */
#define LINES_MIN      0.50 /* and a further line */
#define LINES_MAX      12
#define CANDIDATES_MAX 64 /* different tokens counted in one vote */

typedef struct prediction {
    cm_instant_search search;
    cm_instant_step tokens[TOKENS_MAX];
    size_t count;
    double initial_weight;
    uint32_t votes;
} prediction;

/* ---- one step ---- */

typedef struct candidate {
    uint64_t hash; /* 0 = the end of the document */
    cm_str text;
    double weight;
    double heaviest; /* of its votes: decides about the space */
    uint32_t support;
    uint32_t match;
    bool space;
    bool in_document;
} candidate;

static uint64_t hash_of(cm_str text) {
    return text.len ? cm_hash64(text.ptr, text.len) | 1 : 0;
}

static candidate *candidate_of(candidate *all, size_t *count, cm_str text) {
    uint64_t hash = hash_of(text);
    for (size_t i = 0; i < *count; i++) {
        if (all[i].hash == hash) {
            return &all[i];
        }
    }
    if (*count == CANDIDATES_MAX) {
        return NULL; /* a vote this split has no winner worth showing */
    }
    all[*count] = (candidate){.hash = hash, .text = text};
    return &all[(*count)++];
}

static void count_vote(candidate *c, const cm_instant_occurrence *occurrence, bool space) {
    c->weight += occurrence->weight;
    c->support++;
    c->match = CM_MAX(c->match, occurrence->length);
    c->in_document |= occurrence->part < 0;
    if (occurrence->weight > c->heaviest) {
        c->heaviest = occurrence->weight;
        c->space = space;
    }
}

/* The token with most weight at `offset` of the continuations; false when most end there. */
static bool vote(const cm_instant_search *search, uint32_t offset, candidate *ret_winner,
                 double *ret_total) {
    candidate all[CANDIDATES_MAX];
    size_t count = 0;
    double total = 0;
    for (size_t i = 0; i < search->count; i++) {
        cm_str text = CM_STR_EMPTY;
        bool space = false;
        cm_instant_token_at(search, &search->found[i], offset, &text, &space);
        candidate *c = candidate_of(all, &count, text);
        total += search->found[i].weight;
        if (c) {
            count_vote(c, &search->found[i], space);
        }
    }
    const candidate *winner = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!winner || all[i].weight > winner->weight) {
            winner = &all[i];
        }
    }
    if (!winner || winner->hash == 0) {
        return false;
    }
    *ret_winner = *winner;
    *ret_total = total;
    return true;
}

static void keep_agreeing(cm_instant_search *search, uint32_t offset, cm_str winner) {
    size_t kept = 0;
    for (size_t i = 0; i < search->count; i++) {
        cm_str text = CM_STR_EMPTY;
        bool space;
        cm_instant_token_at(search, &search->found[i], offset, &text, &space);
        if (cm_str_eq(text, winner)) {
            search->found[kept++] = search->found[i];
        }
    }
    search->count = kept;
}

/* A logistic model fitted by bench/instant_fit.py to Go, Python and C files held out of their trees. */
double cm_instant_token_probability(const cm_instant_evidence *e) {
    double length = log2(1 + e->match);
    double x = -2.649 - 0.652 * length + 0.050 * length * length + 0.275 * e->share +
               1.730 * e->share * e->share + 0.990 * e->share * length +
               0.320 * log2(CM_MIN(e->support, 64u)) + (e->in_document ? 0.609 : 0) +
               (e->stem ? 0.565 : 0);
    return 1 / (1 + exp(-x));
}

/* Predicts one more token; false at the end. */
static bool predict_token(prediction *p) {
    candidate winner;
    double total;
    uint32_t offset = (uint32_t)p->count;
    if (p->count == TOKENS_MAX || !vote(&p->search, offset, &winner, &total)) {
        return false;
    }
    cm_instant_evidence evidence = {
        .match = winner.match + offset,
        .support = winner.support,
        .share = winner.weight / total,
        .in_document = winner.in_document,
        .stem = offset == 0 && p->search.document.stem.len > 0,
    };
    double before = p->count ? p->tokens[p->count - 1].probability : 1;
    p->tokens[p->count++] = (cm_instant_step){
        winner.text, winner.space, before * cm_instant_token_probability(&evidence), evidence};
    keep_agreeing(&p->search, offset, winner.text);
    return true;
}

/* ---- where to end ---- */

static bool is_closer(cm_str text) {
    return text.len == 1 && strchr(")]}", text.ptr[0]);
}

static int bracket_change(cm_str text) {
    if (text.len != 1) {
        return 0;
    }
    return strchr("([{", text.ptr[0]) ? 1 : is_closer(text) ? -1 : 0;
}

/* What stands after the cursor on its line: the prediction ends before it. */
static bool meets_rest(const prediction *p, size_t at, int open_brackets) {
    const cm_instant_document *d = &p->search.document;
    return d->rest.len && d->after.count && open_brackets == 0 &&
           cm_str_eq(p->tokens[at].text, cm_instant_text(&d->after.items[0]));
}

enum line_end { END_UNLIKELY, END_OF_LINE, END_AT_REST };

/* Predicts up to the end of the line or what stands after the cursor; returns how many tokens are
 * the line. With a rest after the cursor that is never met, nothing. */
static size_t predict_line(prediction *p, size_t from, enum line_end *ret_end) {
    bool has_rest = from == 0 && p->search.document.rest.len;
    size_t i = from;
    *ret_end = END_UNLIKELY;
    for (int open = 0; *ret_end == END_UNLIKELY && predict_token(p); i++) {
        if (has_rest && meets_rest(p, i, open)) {
            *ret_end = END_AT_REST;
        } else if (cm_token_is_line(p->tokens[i].text)) {
            *ret_end = END_OF_LINE;
        } else if (p->tokens[i].probability < SHOWN_MIN) {
            return has_rest ? 0 : i;
        }
        open += bracket_change(p->tokens[i].text);
    }
    if (has_rest && *ret_end != END_AT_REST) {
        return 0;
    }
    return *ret_end == END_UNLIKELY ? p->count : i - 1;
}

static bool is_quote(cm_str text) {
    return text.len == 1 && (text.ptr[0] == '"' || text.ptr[0] == '`');
}

/* Whether the cursor stands inside a string of its line. */
static bool in_string(const cm_instant_tokens *before) {
    bool inside = false;
    for (size_t i = before->count; i-- > 0;) {
        cm_str text = cm_instant_text(&before->items[i]);
        if (cm_token_is_line(text)) {
            break;
        }
        inside ^= is_quote(text);
    }
    return inside;
}

/* A line cut short ends behind a word or a closer and not inside a string that it opens: what is
 * left of `count` tokens. */
static size_t trim_end(const prediction *p, size_t count) {
    bool started_inside = in_string(&p->search.document.before), inside = started_inside;
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        cm_str text = p->tokens[i].text;
        bool closes = is_quote(text) && inside;
        inside ^= is_quote(text);
        bool opened = inside && !started_inside;
        if (!opened && (closes || is_closer(text) || cm_is_word(text.ptr[0]))) {
            good = i + 1;
        }
    }
    return good;
}

/* Adds further lines while they are sure and until the block that the first one opens closes. Returns
 * the tokens to keep: `line` when the block does not come to its end. */
static size_t predict_block(prediction *p, size_t line) {
    int level = 0;
    size_t end = line;
    for (int lines = 1; lines < LINES_MAX && end < p->count; lines++) {
        if (!cm_token_is_line(p->tokens[end].text) || p->tokens[end].probability < LINES_MIN) {
            return line;
        }
        int change = cm_token_indent_change(p->tokens[end].text);
        level += change;
        if (level < 0 || (level == 0 && lines == 1)) {
            return line; /* no block begins here */
        }
        enum line_end how;
        size_t next = predict_line(p, end + 1, &how);
        if (next == end + 1 || p->tokens[next - 1].probability < LINES_MIN) {
            return line;
        }
        if (level == 0) {
            return is_closer(p->tokens[end + 1].text) ? next : end;
        }
        end = next;
    }
    return line;
}

/* True when the predicted line is what stands in the next line already. */
static bool repeats_next_line(const prediction *p, size_t count) {
    const cm_instant_document *d = &p->search.document;
    size_t at = 0;
    if (d->rest.len || d->stem.len) {
        return false;
    }
    while (at < d->after.count && cm_token_is_line(cm_instant_text(&d->after.items[at]))) {
        at++;
    }
    for (size_t i = 0; i < count; i++, at++) {
        if (at >= d->after.count ||
            !cm_str_eq(p->tokens[i].text, cm_instant_text(&d->after.items[at]))) {
            return false;
        }
    }
    return at >= d->after.count || cm_token_is_line(cm_instant_text(&d->after.items[at]));
}

/* ---- the result ---- */

static cm_rc write_text(const prediction *p, size_t count, cm_arena *arena,
                        cm_instant_result *result, cm_err *err) {
    const cm_instant_document *d = &p->search.document;
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, TEXT_MAX);
    cm_token_writer w;
    cm_token_writer_init(&w, &out, d->unit, d->indent);
    bool after_space =
        d->before.count == 0 || !p->tokens[0].space ||
        cm_is_space(p->search.request->prefix.ptr[p->search.request->prefix.len - 1]);
    if (d->stem.len == 0 && !after_space && !cm_token_is_line(p->tokens[0].text)) {
        cm_buf_add_char(&out, ' ');
    }
    for (size_t i = 0; i < count; i++) {
        cm_token_writer_add(
            &w, i == 0 ? cm_str_from_offset(p->tokens[0].text, d->stem.len) : p->tokens[i].text,
            p->tokens[i].space);
    }
    if (out.failed == CM_LIMIT || !cm_utf8_valid(cm_buf_str(&out))) {
        return CM_OK; /* nothing anybody would want to see */
    }
    cm_rc rc = cm_buf_check(&out, err);
    if (rc) {
        return rc;
    }
    char *text = cm_arena_try_alloc(arena, out.len + 1);
    if (!text) {
        return cm_fail(err, CM_NOMEM, "out of memory for a predicted text");
    }
    memcpy(text, cm_buf_c(&out), out.len);
    result->text = cm_str_make(text, out.len);
    result->confidence = p->tokens[count - 1].probability;
    return CM_OK;
}

static cm_instant_source source_of(const cm_instant_search *search,
                                   const cm_instant_occurrence *occurrence) {
    if (occurrence->part < 0) {
        const cm_instant_tokens *tokens = occurrence->part == CM_INSTANT_IN_BEFORE
                                              ? &search->document.before
                                              : &search->document.after;
        return (cm_instant_source){CM_ID_NONE, tokens->items[occurrence->position].line, 0};
    }
    const cm_instant_part *part = &search->view->parts[occurrence->part];
    return (cm_instant_source){part->first_document +
                                   cm_suffix_document(part->suffix, occurrence->position),
                               cm_suffix_line(part->suffix, occurrence->position), 0};
}

/* The documents of the occurrences that agree with the whole text, most weight first. */
static void add_sources(const prediction *p, cm_instant_result *result) {
    for (size_t i = 0; i < p->search.count; i++) {
        cm_instant_source source = source_of(&p->search, &p->search.found[i]);
        size_t at = 0;
        while (at < result->source_count && result->sources[at].document != source.document) {
            at++;
        }
        if (at == CM_INSTANT_SOURCES_MAX) {
            continue;
        }
        if (at == result->source_count) {
            result->sources[result->source_count++] = source;
        }
        result->sources[at].share += p->search.found[i].weight / p->initial_weight;
    }
    for (size_t i = 1; i < result->source_count; i++) {
        cm_instant_source moved = result->sources[i];
        size_t at = i;
        for (; at > 0 && result->sources[at - 1].share < moved.share; at--) {
            result->sources[at] = result->sources[at - 1];
        }
        result->sources[at] = moved;
    }
}

static cm_rc predict(prediction *p, cm_arena *arena, cm_instant_result *result, cm_err *err) {
    cm_instant_find(&p->search);
    result->match_tokens = p->search.longest;
    result->votes = (uint32_t)p->search.count;
    for (size_t i = 0; i < p->search.count; i++) {
        p->initial_weight += p->search.found[i].weight;
    }
    enum line_end how;
    size_t count = predict_line(p, 0, &how);
    if (how == END_UNLIKELY) {
        count = trim_end(p, count);
    } else if (how == END_OF_LINE && p->search.request->lines) {
        count = predict_block(p, count);
    }
    bool stem_only = count == 1 && cm_str_eq(p->tokens[0].text, p->search.document.stem);
    if (count == 0 || stem_only || repeats_next_line(p, count)) {
        return CM_OK;
    }
    cm_rc rc = write_text(p, count, arena, result, err);
    if (rc == CM_OK && result->text.len) {
        add_sources(p, result);
    }
    return rc;
}

typedef cm_rc run_fn(prediction *p, void *argument, cm_err *err);

/* Reads the open document and runs `run` on a prediction about to begin. */
static cm_rc with_prediction(const cm_instant_request *request, const cm_instant_view *view,
                             run_fn *run, void *argument, cm_err *err) {
    prediction *p = cm_try_alloc(sizeof(*p));
    if (!p) {
        return cm_fail(err, CM_NOMEM, "out of memory for a prediction");
    }
    p->search.request = request;
    p->search.view = view;
    cm_rc rc = cm_instant_document_read(&p->search.document, request->prefix, request->suffix)
                   ? run(p, argument, err)
                   : cm_fail(err, CM_NOMEM, "out of memory for the tokens of the open document");
    cm_instant_document_done(&p->search.document);
    cm_free(p);
    return rc;
}

typedef struct answer {
    cm_arena *arena;
    cm_instant_result result;
} answer;

static cm_rc run_predict(prediction *p, void *argument, cm_err *err) {
    answer *a = argument;
    return predict(p, a->arena, &a->result, err);
}

cm_rc cm_instant_predict_in(const cm_instant_request *request, const cm_instant_view *view,
                            cm_arena *arena, cm_instant_result *ret_result, cm_err *err) {
    cm_rc rc = cm_cancel_check(request->cancel, err);
    if (rc) {
        return rc;
    }
    answer a = {.arena = arena};
    bool inside_word = request->prefix.len && request->suffix.len &&
                       cm_is_word(request->prefix.ptr[request->prefix.len - 1]) &&
                       cm_is_word(request->suffix.ptr[0]);
    if (!inside_word) {
        rc = with_prediction(request, view, run_predict, &a, err);
    }
    if (rc == CM_OK) {
        *ret_result = a.result;
    }
    return rc;
}

typedef struct measure {
    bool whole;
    cm_arena *arena;
    cm_instant_step *steps;
    size_t max, count;
} measure;

static cm_rc run_measure(prediction *p, void *argument, cm_err *err) {
    measure *m = argument;
    cm_instant_document *d = &p->search.document;
    (void)err;
    if (m->whole && d->stem.len) {
        d->stem = CM_STR_EMPTY;
        d->before.count++;
    }
    cm_instant_find(&p->search);
    while (p->count < m->max && predict_token(p)) {
        m->steps[m->count] = p->tokens[m->count];
        m->steps[m->count].text = cm_arena_str(m->arena, p->tokens[m->count].text);
        m->count++;
    }
    return CM_OK;
}

cm_rc cm_instant_steps(const cm_instant_request *request, const cm_instant_view *view, bool whole,
                       cm_arena *arena, cm_instant_step *steps, size_t max, size_t *ret_count,
                       cm_err *err) {
    measure m = {whole, arena, steps, max, 0};
    cm_rc rc = with_prediction(request, view, run_measure, &m, err);
    if (rc == CM_OK) {
        *ret_count = m.count;
    }
    return rc;
}
