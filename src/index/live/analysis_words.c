/* analysis_words.c - the words of a file by chunk and field.
 *
 * Splitting an identifier into parts and stemming them costs far more than finding it, and a file uses
 * each of its identifiers several times: what an identifier is made of is worked out once a file. */
#include "base/vec.h"
#include "index/live/analysis_priv.h"
#include "index/segment/roles.h"
#include "index/segment/words.h"

#define SLOT_EMPTY UINT32_MAX

typedef struct set_entry {
    cm_str string;
    uint32_t hash;
} set_entry;

/* Distinct strings numbered in order of arrival. */
typedef struct string_set {
    uint32_t *slots; /* open addressing into `entries` */
    size_t slot_count;
    CM_VEC(set_entry) entries;
} string_set;

static bool set_grow(string_set *set) {
    size_t count = set->slot_count ? set->slot_count * 2 : 1024;
    uint32_t *slots = cm_try_alloc(count * sizeof(*slots));
    if (!slots) {
        return false;
    }
    memset(slots, 0xff, count * sizeof(*slots));
    for (uint32_t i = 0; i < set->entries.count; i++) {
        size_t at = set->entries.items[i].hash & (count - 1);
        while (slots[at] != SLOT_EMPTY) {
            at = (at + 1) & (count - 1);
        }
        slots[at] = i;
    }
    cm_free(set->slots);
    set->slots = slots;
    set->slot_count = count;
    return true;
}

/* Number of `string`, added when new: borrowed, or copied when there is an arena. SLOT_EMPTY when memory
 * runs out. */
static uint32_t set_number(string_set *set, cm_str string, cm_arena *arena) {
    if (set->entries.count * 2 >= set->slot_count && !set_grow(set)) {
        return SLOT_EMPTY;
    }
    uint32_t hash = (uint32_t)cm_hash64(string.ptr, string.len);
    size_t at = hash & (set->slot_count - 1);
    for (; set->slots[at] != SLOT_EMPTY; at = (at + 1) & (set->slot_count - 1)) {
        const set_entry *e = &set->entries.items[set->slots[at]];
        if (e->hash == hash && cm_str_eq(e->string, string)) {
            return set->slots[at];
        }
    }
    if (arena) {
        char *copy = cm_arena_try_alloc(arena, string.len);
        if (!copy) {
            return SLOT_EMPTY;
        }
        memcpy(copy, string.ptr, string.len);
        string.ptr = copy;
    }
    if (!cm_vec_push(&set->entries, (set_entry){string, hash})) {
        return SLOT_EMPTY;
    }
    return set->slots[at] = (uint32_t)set->entries.count - 1;
}

static void set_done(string_set *set) {
    cm_free(set->slots);
    cm_vec_done(&set->entries);
}

/* The strings in order of their numbers. NULL when memory runs out. */
static const cm_str *set_strings(const string_set *set, cm_arena *arena) {
    cm_str *strings = CM_ARENA_ARRAY(arena, cm_str, set->entries.count + 1);
    for (size_t i = 0; strings && i < set->entries.count; i++) {
        strings[i] = set->entries.items[i].string;
    }
    return strings;
}

enum word_field { FIELD_BODY, FIELD_NAME, FIELD_COMMENT, FIELD_PATH };

typedef struct term_state {
    uint32_t chunk; /* of `count` */
    uint32_t count; /* index of its newest cm_word_count */
} term_state;

typedef struct word_table {
    cm_arena *arena;
    string_set terms;
    CM_VEC(term_state) states; /* by term */
    string_set runs;           /* identifiers as they stand in the text */
    CM_VEC(uint32_t) run_ends; /* by run: its terms in run_terms, after those of the run before */
    CM_VEC(uint32_t) run_terms;
    CM_VEC(cm_word_count) counts;
    cm_chunk_length *lengths;
    uint32_t chunk;
    enum word_field field;
    bool failed;
} word_table;

/* A word of an identifier that is met for the first time. */
static void add_run_term(void *argument, cm_str word, size_t start, size_t len) {
    (void)start;
    (void)len;
    word_table *t = argument;
    uint32_t term = set_number(&t->terms, word, t->arena);
    bool ok = term != SLOT_EMPTY && cm_vec_push(&t->run_terms, term);
    if (ok && term == t->states.count) {
        ok = cm_vec_push(&t->states, (term_state){UINT32_MAX, 0});
    }
    t->failed |= !ok;
}

#define SATURATE(counter, max) ((counter) += (counter) < (max))

static void count_term(word_table *t, uint32_t term) {
    term_state *state = &t->states.items[term];
    if (state->chunk != t->chunk) {
        if (!cm_vec_push(&t->counts, (cm_word_count){.term = term, .chunk = t->chunk})) {
            t->failed = true;
            return;
        }
        *state = (term_state){t->chunk, (uint32_t)t->counts.count - 1};
    }
    cm_word_count *count = &t->counts.items[state->count];
    cm_chunk_length *length = &t->lengths[t->chunk];
    switch (t->field) {
    case FIELD_BODY:
        SATURATE(count->body, UINT16_MAX);
        SATURATE(length->body, UINT16_MAX);
        break;
    case FIELD_NAME:
        SATURATE(count->name, UINT8_MAX);
        SATURATE(length->name, UINT8_MAX);
        break;
    case FIELD_COMMENT:
        SATURATE(count->comment, UINT8_MAX);
        SATURATE(length->comment, UINT8_MAX);
        break;
    case FIELD_PATH:
        SATURATE(count->path, UINT8_MAX);
        SATURATE(length->path, UINT8_MAX);
        break;
    }
}

/* `text` must live as long as the table. */
static void count_field(word_table *t, enum word_field field, cm_str text) {
    size_t at = 0;
    cm_str run;
    t->field = field;
    while (!t->failed && cm_words_next(text, &at, &run)) {
        uint32_t number = set_number(&t->runs, run, NULL);
        if (number == t->run_ends.count) {
            cm_words_of(run, 0, add_run_term, t);
            t->failed |= !cm_vec_push(&t->run_ends, (uint32_t)t->run_terms.count);
        }
        t->failed |= number == SLOT_EMPTY;
        if (t->failed) {
            return;
        }
        uint32_t i = number > 0 ? t->run_ends.items[number - 1] : 0;
        for (; i < t->run_ends.items[number]; i++) {
            count_term(t, t->run_terms.items[i]);
        }
    }
}

/* First line of a documentation comment: what the thing does; the rest tells how. */
static cm_str first_sentence(cm_str doc) {
    cm_str rest = doc, line;
    while (cm_str_line(&rest, &line)) {
        line = cm_str_trim(line);
        for (size_t i = 0; i < line.len; i++) {
            if (cm_is_word(line.ptr[i])) {
                return line;
            }
        }
    }
    return CM_STR_EMPTY;
}

static void count_chunks(word_table *t, const cm_analysis *a) {
    size_t symbol = 0;
    for (uint32_t i = 0; i < a->parsed.chunk_count && !t->failed; i++) {
        const cm_chunk *chunk = &a->parsed.chunks[i];
        t->chunk = i;
        count_field(t, FIELD_PATH, a->path);
        for (; symbol < a->parsed.symbol_count; symbol++) {
            const cm_symbol *s = &a->parsed.symbols[symbol];
            if (s->start_byte >= chunk->end_byte) {
                break;
            }
            if (s->kind == CM_SYMBOL_IMPORT) {
                continue;
            }
            count_field(t, FIELD_NAME, s->name);
            count_field(t, FIELD_COMMENT, first_sentence(s->doc));
        }
        count_field(t, FIELD_BODY,
                    cm_str_sub(a->text, chunk->start_byte, chunk->end_byte - chunk->start_byte));
    }
}

cm_rc cm_analysis_words(cm_analysis *a, cm_err *err) {
    word_table t = {.arena = a->arena};
    t.lengths = CM_ARENA_ARRAY(a->arena, cm_chunk_length, a->parsed.chunk_count);
    t.failed = !t.lengths;
    count_chunks(&t, a);
    a->terms = t.failed ? NULL : set_strings(&t.terms, a->arena);
    cm_word_count *counts =
        t.failed ? NULL : CM_ARENA_ARRAY(a->arena, cm_word_count, t.counts.count + 1);
    t.failed |= !a->terms || !counts;
    if (!t.failed) {
        if (t.counts.count > 0) {
            memcpy(counts, t.counts.items, t.counts.count * sizeof(*counts));
        }
        a->term_count = t.terms.entries.count;
        a->words = counts;
        a->word_count = t.counts.count;
        a->lengths = t.lengths;
    }
    set_done(&t.terms);
    set_done(&t.runs);
    cm_vec_done(&t.states);
    cm_vec_done(&t.run_ends);
    cm_vec_done(&t.run_terms);
    cm_vec_done(&t.counts);
    return t.failed ? cm_fail(err, CM_NOMEM, "out of memory counting words") : CM_OK;
}

cm_rc cm_analysis_references(cm_analysis *a, cm_err *err) {
    size_t n = a->parsed.reference_count;
    string_set names = {0};
    cm_named_reference *references = CM_ARENA_ARRAY(a->arena, cm_named_reference, n + 1);
    bool ok = references;
    for (size_t i = 0; i < n && ok; i++) {
        const cm_reference *r = &a->parsed.references[i];
        uint32_t name = set_number(&names, cm_str_sub(r->name, 0, CM_NAME_BYTES_MAX), NULL);
        ok = name != SLOT_EMPTY;
        references[i] = (cm_named_reference){name, r->line, r->column, r->scope, r->role};
    }
    a->names = ok ? set_strings(&names, a->arena) : NULL;
    if (a->names) {
        a->name_count = names.entries.count;
        a->references = references;
        a->reference_count = n;
    }
    set_done(&names);
    return a->names ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory numbering references");
}
