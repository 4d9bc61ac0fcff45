/* instant_find.c - where the tokens before the cursor stand elsewhere.
 *
 * In the open document every position is compared with the context: one pass over some ten thousand
 * tokens, most of which differ in the first. In a segment the suffix part gives the ranges of all
 * match lengths; of each range, longest first, positions spread over it are taken. A vote weighs
 * LENGTH_BASE to the power of the match length, so that one occurrence of n + 1 tokens outweighs
 * LENGTH_BASE occurrences of n, times what nearness is worth; the constants are those of the best
 * next-token accuracy on held-out files (docs/design/instant.md). */
#include "assist/instant_priv.h"
#include "base/clock.h"
#include "base/path.h"

#define LENGTH_BASE    4.0
#define SAME_DOCUMENT  32.0
#define SAME_DIRECTORY 2.0
#define SAME_LANGUAGE  2.0
#define LEVELS_BELOW   4   /* match lengths taken below the longest */
#define ENOUGH         32  /* occurrences after which shorter matches are left out */
#define A_PART_MAX     48  /* occurrences of one part */
#define SCANNED_MAX    128 /* entries of one range that are looked at */
#define A_DOCUMENT_MAX 64  /* occurrences in the open document */

static double length_weight(uint32_t length) {
    double weight = 1;
    for (uint32_t i = 0; i < length; i++) {
        weight *= LENGTH_BASE;
    }
    return weight;
}

bool cm_instant_token_at(const cm_instant_search *search, const cm_instant_occurrence *occurrence,
                         uint32_t offset, cm_str *ret_text, bool *ret_space) {
    uint32_t position = occurrence->position + offset;
    if (occurrence->part < 0) {
        const cm_instant_tokens *tokens = occurrence->part == CM_INSTANT_IN_BEFORE
                                              ? &search->document.before
                                              : &search->document.after;
        if (position >= tokens->count) {
            return false;
        }
        *ret_text = cm_instant_text(&tokens->items[position]);
        *ret_space = tokens->items[position].space;
        return true;
    }
    const cm_suffix *suffix = search->view->parts[occurrence->part].suffix;
    uint32_t rank = cm_suffix_rank(suffix, position);
    if (rank == CM_SUFFIX_END) {
        return false;
    }
    *ret_text = cm_suffix_text(suffix, rank);
    *ret_space = cm_suffix_space(suffix, position);
    return true;
}

static void add(cm_instant_search *search, cm_instant_occurrence occurrence) {
    cm_assert(search->count < CM_INSTANT_OCCURRENCES_MAX);
    search->longest = CM_MAX(search->longest, occurrence.length);
    search->found[search->count++] = occurrence;
}

/* Tokens before `position` of `tokens` that equal those before the cursor, up to the maximum. */
static uint32_t match_length(const cm_instant_tokens *context, const cm_instant_tokens *tokens,
                             size_t position) {
    size_t length = 0;
    size_t max = CM_MIN(CM_MIN(position, context->count), (size_t)CM_INSTANT_MATCH_MAX);
    while (length < max && cm_str_eq(cm_instant_text(&context->items[context->count - 1 - length]),
                                     cm_instant_text(&tokens->items[position - 1 - length]))) {
        length++;
    }
    return (uint32_t)length;
}

static bool continues_stem(const cm_instant_search *search, cm_str text) {
    return cm_str_starts(text, search->document.stem);
}

/* Occurrences in one half of the open document. The slots are a ring of the latest per length: when
 * they are full, a longer match replaces the first of the shortest. */
static void find_in_tokens(cm_instant_search *search, int part, const cm_instant_tokens *tokens) {
    size_t from = search->count, shortest = from;
    for (size_t i = tokens->count; i-- > 0;) {
        uint32_t length = match_length(&search->document.before, tokens, i);
        bool full = search->count - from >= A_DOCUMENT_MAX;
        if (length == 0 || !continues_stem(search, cm_instant_text(&tokens->items[i])) ||
            (full && search->found[shortest].length >= length)) {
            continue;
        }
        cm_instant_occurrence occurrence = {part, (uint32_t)i, length,
                                            length_weight(length) * SAME_DOCUMENT};
        if (!full) {
            add(search, occurrence);
        } else {
            search->longest = CM_MAX(search->longest, length);
            search->found[shortest] = occurrence;
        }
        for (size_t k = from; full && k < search->count; k++) {
            shortest = search->found[k].length < search->found[shortest].length ? k : shortest;
        }
    }
}

/* What the place of a document adds to its votes; 0 for one that has no vote: replaced, or an older
 * state of the open document. */
static double document_weight(const cm_instant_search *search, const cm_instant_part *part,
                              uint32_t position) {
    uint32_t document = part->first_document + cm_suffix_document(part->suffix, position);
    cm_str path = CM_STR_EMPTY, language = CM_STR_EMPTY;
    if (!search->view->document(search->view->argument, document, &path, &language)) {
        return 0;
    }
    const cm_instant_request *request = search->request;
    if (request->path.len && cm_str_eq(path, request->path)) {
        return 0;
    }
    double weight = 1;
    if (request->path.len && cm_str_eq(cm_path_directory(path), cm_path_directory(request->path))) {
        weight *= SAME_DIRECTORY;
    }
    bool same_language = request->language.len
                             ? cm_str_eq(language, request->language)
                             : cm_str_eq(cm_path_extension(path), cm_path_extension(request->path));
    return same_language ? weight * SAME_LANGUAGE : weight;
}

/* Takes occurrences of match length `length` from `range` but not from `inner`, the range of the next
 * longer match, up to `room`. */
static size_t take_range(cm_instant_search *search, int part, cm_suffix_range range,
                         cm_suffix_range inner, uint32_t length, size_t room) {
    const cm_instant_part *p = &search->view->parts[part];
    size_t taken = 0;
    uint32_t step = (range.high - range.low) / SCANNED_MAX + 1;
    for (uint32_t entry = range.low; entry < range.high && taken < room; entry += step) {
        if (entry >= inner.low && entry < inner.high) {
            continue;
        }
        uint32_t position = cm_suffix_position(p->suffix, entry);
        cm_instant_occurrence occurrence = {part, position, length, length_weight(length)};
        cm_str text = CM_STR_EMPTY;
        bool space;
        bool more = cm_instant_token_at(search, &occurrence, 0, &text, &space);
        if (search->document.stem.len && (!more || !continues_stem(search, text))) {
            continue;
        }
        double weight = document_weight(search, p, position);
        if (weight == 0) {
            continue;
        }
        occurrence.weight *= weight;
        add(search, occurrence);
        taken++;
        if (entry > UINT32_MAX - step) {
            break;
        }
    }
    return taken;
}

static void find_in_part(cm_instant_search *search, int part, const cm_str *context, size_t count) {
    cm_suffix_range ranges[CM_INSTANT_MATCH_MAX + 1];
    const cm_suffix *suffix = search->view->parts[part].suffix;
    size_t length = cm_suffix_match(suffix, context, count, ranges, CM_INSTANT_MATCH_MAX);
    cm_suffix_range inner = {0, 0};
    size_t taken = 0, first = 0; /* length of the first match with an occurrence */
    for (; length > 0 && taken < ENOUGH; length--) {
        size_t room =
            CM_MIN((size_t)A_PART_MAX - taken, CM_INSTANT_OCCURRENCES_MAX - search->count);
        taken += take_range(search, part, ranges[length], inner, (uint32_t)length, room);
        inner = ranges[length];
        first = first == 0 && taken > 0 ? length : first;
        if (first > length + LEVELS_BELOW || first + LEVELS_BELOW < search->longest) {
            break; /* too far below what was found here or elsewhere to change a vote */
        }
    }
}

static bool out_of_time(const cm_instant_request *request) {
    return (request->deadline_ns && cm_clock_ns() > request->deadline_ns) ||
           cm_cancel_hit(request->cancel) != CM_CANCEL_NONE;
}

void cm_instant_find(cm_instant_search *search) {
    const cm_instant_tokens *before = &search->document.before;
    cm_str context[CM_INSTANT_MATCH_MAX];
    size_t count = CM_MIN(before->count, CM_COUNT(context));
    for (size_t i = 0; i < count; i++) {
        context[i] = cm_instant_text(&before->items[before->count - count + i]);
    }
    find_in_tokens(search, CM_INSTANT_IN_BEFORE, before);
    find_in_tokens(search, CM_INSTANT_IN_AFTER, &search->document.after);
    for (size_t i = 0; i < search->view->part_count && !out_of_time(search->request); i++) {
        find_in_part(search, (int)i, context, count);
    }
}
