/* suffix.c - reading the suffix part: bounds of a context by binary search, tokens and places of its matches.
 * suffix_build.c makes it. */
#include "index/segment/suffix.h"

#include "base/mem.h"
#include "index/segment/suffix_priv.h"

struct cm_suffix {
    suffix_packed tokens, positions, lines;
    const uint32_t *starts, *numbers, *first_lines; /* of documents */
    const uint32_t *offsets;                        /* of words */
    const char *text;
    uint32_t token_count, document_count, word_count, text_bytes;
    cm_suffix_range line_ranks; /* ranks that are line breaks */
};

static uint64_t line_count(const struct suffix_header *h) {
    return ((uint64_t)h->tokens + CM_SUFFIX_LINE_STEP - 1) / CM_SUFFIX_LINE_STEP;
}

static uint32_t token_bits(const struct suffix_header *h) {
    return suffix_bits(h->words) + 1;
}

/* Length of a part with these counts; they are below 2^32, so it cannot overflow. */
static uint64_t expected_len(const struct suffix_header *h) {
    uint64_t packed = suffix_packed_len(h->tokens, token_bits(h)) +
                      suffix_packed_len(h->tokens, suffix_bits(h->tokens)) +
                      suffix_packed_len(line_count(h), suffix_bits(h->max_line));
    uint64_t numbers = 3 * (uint64_t)h->documents + h->words + 1;
    uint64_t len = sizeof(*h) + packed + numbers * sizeof(uint32_t) + h->text_bytes;
    return (len + 7) / 8 * 8;
}

static cm_rc check_part(const void *bytes, size_t len, bool verify, cm_err *err) {
    struct suffix_header h;
    if (len < sizeof(h) || (uintptr_t)bytes % 8 != 0) {
        return cm_fail(err, CM_CORRUPT, "suffix part of %zu bytes has no header", len);
    }
    memcpy(&h, bytes, sizeof(h));
    if (memcmp(h.magic, SUFFIX_MAGIC, sizeof(h.magic)) != 0) {
        return cm_fail(err, CM_CORRUPT, "suffix part has a wrong magic number");
    }
    if (h.version != SUFFIX_VERSION) {
        return cm_fail(err, CM_CORRUPT, "suffix part has version %u, %d is known", h.version,
                       SUFFIX_VERSION);
    }
    if (h.len != len || h.words >= SUFFIX_TOKENS_MAX || expected_len(&h) != len) {
        return cm_fail(err, CM_CORRUPT, "suffix part of %zu bytes should have %llu", len,
                       (unsigned long long)h.len);
    }
    if (verify && suffix_checksum(bytes, len) != h.checksum) {
        return cm_fail(err, CM_CORRUPT, "suffix part has a bad checksum");
    }
    return CM_OK;
}

static const char *open_packed(suffix_packed *packed, const char *at, uint64_t count,
                               uint32_t bits) {
    *packed = (suffix_packed){at, bits};
    return at + suffix_packed_len(count, bits);
}

cm_rc cm_suffix_open(const void *bytes, size_t len, bool verify, cm_suffix **ret_suffix,
                     cm_err *err) {
    cm_rc rc = check_part(bytes, len, verify, err);
    if (rc) {
        return rc;
    }
    struct suffix_header h;
    memcpy(&h, bytes, sizeof(h));
    cm_suffix *s = CM_NEW(cm_suffix);
    s->token_count = h.tokens;
    s->document_count = h.documents;
    s->word_count = h.words;
    s->text_bytes = h.text_bytes;
    const char *at = (const char *)bytes + sizeof(h);
    at = open_packed(&s->tokens, at, h.tokens, token_bits(&h));
    at = open_packed(&s->positions, at, h.tokens, suffix_bits(h.tokens));
    at = open_packed(&s->lines, at, line_count(&h), suffix_bits(h.max_line));
    s->starts = (const uint32_t *)(const void *)at;
    s->numbers = s->starts + h.documents;
    s->first_lines = s->numbers + h.documents;
    s->offsets = s->first_lines + h.documents;
    s->text = (const char *)(s->offsets + h.words + 1);
    s->line_ranks = cm_suffix_ranks_of_prefix(s, CM_STR("\n"));
    *ret_suffix = s;
    return CM_OK;
}

void cm_suffix_close(cm_suffix *suffix) {
    cm_free(suffix);
}

size_t cm_suffix_tokens(const cm_suffix *suffix) {
    return suffix->token_count;
}

size_t cm_suffix_words(const cm_suffix *suffix) {
    return suffix->word_count;
}

cm_str cm_suffix_text(const cm_suffix *s, uint32_t rank) {
    if (rank == CM_SUFFIX_END || rank > s->word_count) {
        return CM_STR_EMPTY;
    }
    uint32_t from = s->offsets[rank - 1], to = s->offsets[rank];
    if (from > to || to > s->text_bytes) { /* a damaged part that was not verified */
        return CM_STR_EMPTY;
    }
    return cm_str_make(s->text + from, to - from);
}

uint32_t cm_suffix_rank(const cm_suffix *s, uint32_t position) {
    return position < s->token_count ? suffix_packed_get(s->tokens, position) >> 1 : CM_SUFFIX_END;
}

bool cm_suffix_space(const cm_suffix *s, uint32_t position) {
    return position < s->token_count && (suffix_packed_get(s->tokens, position) & 1);
}

uint32_t cm_suffix_position(const cm_suffix *s, uint32_t entry) {
    return entry < s->token_count ? suffix_packed_get(s->positions, entry) : UINT32_MAX;
}

/* First rank whose text, cut to the length of `key` when `cut`, is not smaller (not larger when
 * `after`). */
static uint32_t bound_of_text(const cm_suffix *s, cm_str key, bool cut, bool after) {
    uint32_t low = 1, high = s->word_count + 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        cm_str text = cm_suffix_text(s, middle);
        int order = cm_str_cmp(cut ? cm_str_sub(text, 0, key.len) : text, key);
        if (order < 0 || (after && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

cm_suffix_range cm_suffix_ranks_of_prefix(const cm_suffix *s, cm_str prefix) {
    return (cm_suffix_range){bound_of_text(s, prefix, true, false),
                             bound_of_text(s, prefix, true, true)};
}

/* Rank of a whole token, CM_SUFFIX_END when the vocabulary lacks it. */
static uint32_t rank_of_text(const cm_suffix *s, cm_str text) {
    uint32_t rank = bound_of_text(s, text, false, false);
    return rank <= s->word_count && cm_str_eq(cm_suffix_text(s, rank), text) ? rank : CM_SUFFIX_END;
}

/* Rank of the token that stands `back` tokens before the position of `entry`. */
static uint32_t rank_before(const cm_suffix *s, uint32_t entry, size_t back) {
    uint32_t position = suffix_packed_get(s->positions, entry);
    return position >= back ? cm_suffix_rank(s, position - (uint32_t)back) : CM_SUFFIX_END;
}

/* First entry of `range` whose token `back` before is not smaller than `rank`. */
static uint32_t bound_of_rank(const cm_suffix *s, cm_suffix_range range, size_t back,
                              uint32_t rank) {
    while (range.low < range.high) {
        uint32_t middle = range.low + (range.high - range.low) / 2;
        if (rank_before(s, middle, back) < rank) {
            range.low = middle + 1;
        } else {
            range.high = middle;
        }
    }
    return range.low;
}

/* The same, for an end that lies near: steps that double from the front, then the search. */
static uint32_t gallop(const cm_suffix *s, cm_suffix_range range, size_t back, uint32_t rank) {
    uint32_t step = 1;
    while (range.high - range.low > step && rank_before(s, range.low + step, back) < rank) {
        range.low += step;
        step *= 2;
    }
    range.high = range.high - range.low > step ? range.low + step : range.high;
    return bound_of_rank(s, range, back, rank);
}

size_t cm_suffix_match(const cm_suffix *s, const cm_str *context, size_t count,
                       cm_suffix_range *ranges, size_t max) {
    ranges[0] = (cm_suffix_range){0, s->token_count};
    size_t length = 0;
    while (length < max && length < count) {
        uint32_t rank = rank_of_text(s, context[count - 1 - length]);
        if (rank == CM_SUFFIX_END) {
            break;
        }
        cm_suffix_range range = ranges[length];
        range.low = bound_of_rank(s, range, length + 1, rank);
        range.high = gallop(s, range, length + 1, rank + 1);
        if (range.low >= range.high) {
            break;
        }
        ranges[++length] = range;
    }
    return length;
}

/* Index of the document that holds `position`. There is at least one when there is a token. */
static uint32_t document_index(const cm_suffix *s, uint32_t position) {
    uint32_t low = 0, high = s->document_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->starts[middle] <= position) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t cm_suffix_document(const cm_suffix *s, uint32_t position) {
    return s->document_count ? s->numbers[document_index(s, position)] : 0;
}

uint32_t cm_suffix_line(const cm_suffix *s, uint32_t position) {
    if (position >= s->token_count || s->document_count == 0) {
        return 1;
    }
    uint32_t document = document_index(s, position);
    uint32_t at = position - position % CM_SUFFIX_LINE_STEP;
    uint32_t line = suffix_packed_get(s->lines, position / CM_SUFFIX_LINE_STEP);
    if (at <= s->starts[document]) {
        at = s->starts[document];
        line = s->first_lines[document];
    }
    for (; at < position; at++) {
        uint32_t rank = cm_suffix_rank(s, at);
        if (rank >= s->line_ranks.low && rank < s->line_ranks.high) {
            line += cm_suffix_space(s, at) ? 2 : 1;
        }
    }
    return line;
}
