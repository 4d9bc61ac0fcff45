/* pattern.c - see pattern.h for why a pattern has two forms. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "search/pattern.h"

#include "base/clock.h"
#include "base/mem.h"
#include "search/regex_plan.h"

#include <math.h>
#include <pcre2.h>

#define PLAIN_COST_MAX    1e8 /* steps of one line without a look at the clock: 25 to 50 ms at worst */
#define REPEATS_MAX       8        /* counted in a pattern */
#define LINE_STEPS_MAX    1000000  /* callouts of one line */
#define LOOK_BYTES        1000000  /* of text that may be scanned between two looks at the clock */
#define LOOK_STEPS_MAX    1024     /* and callouts */
#define MATCH_LIMIT       10000000 /* PCRE2's own count, of brackets and of places to begin at */
#define HEAP_MAX_KIB      (20 * 1024)
#define JIT_STACK_MAX     (1024 * 1024)
#define JIT_STACK_AT_ONCE (32 * 1024)

/* What one compiled form needs to be run. */
typedef struct form {
    pcre2_code *code;
    pcre2_match_data *match;
    bool jit;
} form;

/* What decides how long a pattern may take. */
typedef struct shape {
    cm_str atoms
        [REPEATS_MAX]; /* what is repeated, in the pattern's text: each may try every length there is */
    unsigned repeats;
    unsigned forks;        /* each doubles the ways */
    unsigned alternatives; /* at the top */
    size_t gap;            /* the longest part between two repeats, in atoms */
    bool is_simple;        /* nothing in it but what is counted above */
} shape;

struct cm_pattern {
    char *text;
    size_t text_len;
    cm_pattern_options options;
    form plain, guarded;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    shape shape;
    uint8_t takes[256];   /* of each byte, the repeats that may take it: bit by bit */
    size_t plain_len_max; /* lines up to here may be matched without a guard */
    bool
        no_guarded; /* it does not compile: callouts may take a pattern over PCRE2's limit of size */
    uint32_t steps, look_every;
    bool stopped;
};

/* ---- what the plain form may cost ---- */

/* Counts a quantifier at `at`, and passes over what makes it lazy or possessive. */
static size_t measure_quantifier(shape *s, cm_str p, size_t atom, size_t at) {
    if (p.ptr[at] == '?') {
        s->forks++;
    } else if (s->repeats == REPEATS_MAX) {
        s->is_simple = false;
    } else {
        s->atoms[s->repeats++] = cm_str_sub(p, atom, at - atom);
    }
    if (p.ptr[at] == '{') {
        size_t close = cm_str_find_char(cm_str_from_offset(p, at), '}');
        at += close == SIZE_MAX ? 0 : close;
    }
    at++;
    return at < p.len && (p.ptr[at] == '?' || p.ptr[at] == '+') ? at + 1 : at;
}

static bool is_quantifier(char c) {
    return c == '*' || c == '+' || c == '?' || c == '{';
}

/* Characters that match one of their kind, and places. Others (back references, `\X`, `\Q`) are not judged. */
static bool is_simple_escape(char c) {
    return c != '\0' &&
           (strchr("wWdDsSbBAzZtnrfaevVhHN", c) != NULL || (!cm_is_alpha(c) && !cm_is_digit(c)));
}

/* Length of what opens a group without a meaning of its own; 0 = it looks around, recurses or sets flags. */
static size_t opening_len(cm_str p, size_t at) {
    cm_str rest = cm_str_from_offset(p, at + 1);
    if (cm_str_starts(rest, CM_STR("?:"))) {
        return 3;
    }
    return cm_str_starts(rest, CM_STR("?")) || cm_str_starts(rest, CM_STR("*")) ? 0 : 1;
}

/* Where the atom at `at` ends: a character, an escape, a class, or one end of a group. SIZE_MAX: it is not judged. */
static size_t measure_atom(shape *s, cm_str p, size_t at, size_t *depth) {
    char c = p.ptr[at];
    if (c == '\\') {
        return at + 1 < p.len && is_simple_escape(p.ptr[at + 1]) ? at + 2 : SIZE_MAX;
    }
    if (c == '[') {
        return cm_regex_class_end(p, at);
    }
    if (c == '(') {
        size_t len = opening_len(p, at);
        (*depth)++;
        return len > 0 ? at + len : SIZE_MAX;
    }
    *depth -= c == ')' && *depth > 0;
    s->alternatives += c == '|' && *depth == 0;
    s->forks += c == '|' && *depth > 0;
    return at + 1;
}

static shape measure(cm_str p) {
    shape s = {.alternatives = 1, .is_simple = true};
    size_t depth = 0, since = 0, atom = 0;
    for (size_t i = 0; i < p.len && s.is_simple;) {
        if (is_quantifier(p.ptr[i])) {
            /* a group may be left out, but one that is repeated can be read in any number of ways */
            s.is_simple = i > 0 && (p.ptr[i - 1] != ')' || p.ptr[i] == '?');
            i = measure_quantifier(&s, p, atom, i);
            since = 0;
            continue;
        }
        size_t end = measure_atom(&s, p, i, &depth);
        s.is_simple = end != SIZE_MAX;
        s.gap = CM_MAX(s.gap, ++since);
        atom = i;
        i = end;
    }
    return s;
}

/* Ways to begin, times those at the forks, times what is compared between two repeats. */
static double base_cost(const shape *s, size_t len) {
    return s->is_simple ? ((double)len + 1) * pow(2, s->forks) * s->alternatives *
                              (double)CM_MIN(s->gap + 1, len + 1)
                        : INFINITY;
}

static double cost_by_length(const shape *s, size_t len) {
    return base_cost(s, len) * pow((double)len + 1, s->repeats);
}

/* A repeat cannot be longer than the longest run of what it takes. */
static double cost_by_runs(const cm_pattern *p, cm_str line) {
    uint32_t run[REPEATS_MAX] = {0}, longest[REPEATS_MAX] = {0};
    unsigned count = p->shape.repeats;
    for (size_t i = 0; i < line.len; i++) {
        unsigned takes = p->takes[(unsigned char)line.ptr[i]];
        for (unsigned r = 0; r < count; r++) {
            run[r] = takes >> r & 1 ? run[r] + 1 : 0;
            longest[r] = CM_MAX(longest[r], run[r]);
        }
    }
    double cost = base_cost(&p->shape, line.len);
    for (unsigned r = 0; r < count; r++) {
        cost *= longest[r] + 1.0;
    }
    return cost;
}

/* The longest line that the plain form may be given whatever is in it; costs rise with the length. */
static size_t plain_len_max(const shape *s) {
    size_t low = 0, high = (size_t)PLAIN_COST_MAX;
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (cost_by_length(s, middle) <= PLAIN_COST_MAX) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

/* ---- compiling ---- */

static void form_done(form *f) {
    pcre2_match_data_free(f->match);
    pcre2_code_free(f->code);
}

static cm_rc compile(const cm_pattern *p, cm_str text, uint32_t more, form *ret_form, cm_err *err) {
    int code;
    PCRE2_SIZE at;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                       (p->options.case_sensitive ? 0 : PCRE2_CASELESS) | more;
    form f = {.code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &code, &at, NULL)};
    if (!f.code) {
        PCRE2_UCHAR message[128];
        pcre2_get_error_message(code, message, sizeof(message));
        return cm_fail(err, CM_INVALID, "invalid regular expression at offset %zu: %s", (size_t)at,
                       (const char *)message);
    }
    size_t jit_bytes = 0; /* slower without, but the same */
    f.jit = pcre2_jit_compile(f.code, PCRE2_JIT_COMPLETE) == 0 &&
            pcre2_pattern_info(f.code, PCRE2_INFO_JITSIZE, &jit_bytes) == 0 && jit_bytes > 0;
    f.match = pcre2_match_data_create_from_pattern(f.code, NULL);
    *ret_form = f;
    return f.match ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory searching");
}

static cm_str whole(const cm_pattern *p) {
    return cm_str_make(p->text, p->text_len);
}

/* Asks PCRE2 which characters each repeat takes. Bytes beyond ASCII are taken by all: they are parts of characters. */
static void learn_repeats(cm_pattern *p) {
    memset(p->takes, 0xff, sizeof(p->takes));
    for (unsigned r = 0; r < p->shape.repeats; r++) {
        cm_err ignored;
        form f = {0};
        if (compile(p, p->shape.atoms[r], PCRE2_ANCHORED | PCRE2_ENDANCHORED, &f, &ignored) ==
            CM_OK) {
            for (unsigned c = 0; c < 128; c++) {
                PCRE2_UCHAR byte = (PCRE2_UCHAR)c;
                if (pcre2_match(f.code, &byte, 1, 0, 0, f.match, NULL) == PCRE2_ERROR_NOMATCH) {
                    p->takes[c] &= (uint8_t) ~(1u << r);
                }
            }
        }
        form_done(&f);
    }
}

/* Time and cancellation, each few callouts. */
static int on_callout(pcre2_callout_block *block, void *user) {
    cm_pattern *p = user;
    (void)block;
    if (++p->steps % p->look_every != 0) {
        return 0;
    }
    p->stopped = cm_cancel_hit(p->options.cancel) != CM_CANCEL_NONE ||
                 (p->options.deadline_ns && cm_clock_ns() > p->options.deadline_ns);
    return p->stopped || p->steps > LINE_STEPS_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

cm_rc cm_pattern_new(cm_str text, const cm_pattern_options *options, cm_pattern **ret_pattern,
                     cm_err *err) {
    cm_pattern *p = CM_NEW(cm_pattern);
    p->options = *options;
    p->text = cm_strndup(text.ptr ? text.ptr : "", text.len);
    p->text_len = text.len;
    cm_rc rc = compile(p, whole(p), 0, &p->plain, err);
    if (rc != CM_OK) {
        cm_pattern_free(p);
        return rc;
    }
    p->shape = measure(whole(p));
    p->plain_len_max = plain_len_max(&p->shape);
    learn_repeats(p);
    p->context = pcre2_match_context_create(NULL);
    p->stack = pcre2_jit_stack_create(JIT_STACK_AT_ONCE, JIT_STACK_MAX, NULL);
    if (!p->context || !p->stack) {
        cm_pattern_free(p);
        return cm_fail(err, CM_NOMEM, "out of memory searching");
    }
    pcre2_jit_stack_assign(p->context, NULL, p->stack);
    pcre2_set_match_limit(p->context, MATCH_LIMIT);
    pcre2_set_heap_limit(p->context, HEAP_MAX_KIB);
    pcre2_set_callout(p->context, on_callout, p);
    *ret_pattern = p;
    return CM_OK;
}

void cm_pattern_free(cm_pattern *pattern) {
    if (!pattern) {
        return;
    }
    form_done(&pattern->plain);
    form_done(&pattern->guarded);
    pcre2_match_context_free(pattern->context);
    pcre2_jit_stack_free(pattern->stack);
    cm_free(pattern->text);
    cm_free(pattern);
}

/* ---- matching ---- */

/* NULL when there is none for this line. */
static const form *form_for(cm_pattern *p, cm_str line) {
    cm_err ignored;
    if (p->plain.jit && (line.len <= p->plain_len_max ||
                         (p->shape.is_simple && cost_by_runs(p, line) <= PLAIN_COST_MAX))) {
        return &p->plain;
    }
    if (!p->guarded.match && !p->no_guarded) {
        p->no_guarded = compile(p, whole(p), PCRE2_AUTO_CALLOUT, &p->guarded, &ignored) != CM_OK;
    }
    return p->no_guarded ? NULL : &p->guarded;
}

enum cm_pattern_outcome cm_pattern_match(cm_pattern *pattern, cm_str line, size_t *ret_from,
                                         size_t *ret_to) {
    PCRE2_SPTR text = (PCRE2_SPTR)(line.ptr ? line.ptr : "");
    const form *f = form_for(pattern, line);
    if (!f) {
        return CM_PATTERN_GIVEN_UP;
    }
    pattern->steps = 0;
    pattern->stopped = false;
    pattern->look_every = (uint32_t)CM_MIN(LOOK_BYTES / (line.len + 1) + 1, (size_t)LOOK_STEPS_MAX);
    int n = f->jit ? pcre2_jit_match(f->code, text, line.len, 0, 0, f->match, pattern->context)
                   : pcre2_match(f->code, text, line.len, 0, 0, f->match, pattern->context);
    if (n == PCRE2_ERROR_NOMATCH) {
        return CM_PATTERN_NONE;
    }
    if (n < 0) {
        return pattern->stopped ? CM_PATTERN_STOPPED : CM_PATTERN_GIVEN_UP;
    }
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(f->match);
    *ret_from = span[0];
    *ret_to = CM_MAX(span[1], span[0]);
    return CM_PATTERN_FOUND;
}
