/* suffix_build.c - documents in, sorted part out.
 *
 * While documents arrive, tokens carry the number of their word in order of first appearance; the
 * vocabulary is sorted at the end and every token renumbered, because ranks must follow byte order for
 * the reader. The positions are sorted by what stands before them by sorting the suffixes of the
 * reversed text. */
#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "code/tokens.h"
#include "index/segment/sais.h"
#include "index/segment/suffix.h"
#include "index/segment/suffix_priv.h"

struct document {
    uint32_t number;
    uint32_t start; /* position of its first token */
    uint32_t line;  /* of that token, 1-based */
};

struct cm_suffix_builder {
    cm_map *words;           /* text -> number, from 1 */
    CM_VEC(uint32_t) tokens; /* word * 2 + space */
    CM_VEC(uint32_t) lines;  /* of every CM_SUFFIX_LINE_STEP-th token */
    CM_VEC(struct document) documents;
};

cm_suffix_builder *cm_suffix_builder_new(void) {
    cm_suffix_builder *builder = CM_NEW(cm_suffix_builder);
    builder->words = cm_map_new(0);
    return builder;
}

void cm_suffix_builder_free(cm_suffix_builder *builder) {
    if (!builder) {
        return;
    }
    cm_map_free(builder->words);
    cm_vec_done(&builder->tokens);
    cm_vec_done(&builder->lines);
    cm_vec_done(&builder->documents);
    cm_free(builder);
}

size_t cm_suffix_builder_tokens(const cm_suffix_builder *builder) {
    return builder->tokens.count;
}

static bool push_token(cm_suffix_builder *builder, uint32_t word, bool space, uint32_t line) {
    if (builder->tokens.count % CM_SUFFIX_LINE_STEP == 0 && !cm_vec_push(&builder->lines, line)) {
        return false;
    }
    return cm_vec_push(&builder->tokens, word << 1 | space);
}

static bool push_text(cm_suffix_builder *builder, cm_str text) {
    cm_lexer lexer;
    cm_token token;
    uint32_t line = 0;
    cm_lexer_init(&lexer, text);
    while (cm_lexer_next(&lexer, &token)) {
        uint64_t *word = cm_map_slot(builder->words, token.text, NULL);
        if (!word) {
            return false;
        }
        if (*word == 0) {
            *word = cm_map_count(builder->words);
        }
        line = token.line + 1;
        if (!push_token(builder, (uint32_t)*word, token.space, line)) {
            return false;
        }
    }
    return push_token(builder, CM_SUFFIX_END, false, line);
}

static uint32_t first_line(cm_str text) {
    cm_lexer lexer;
    cm_token token;
    cm_lexer_init(&lexer, text);
    return cm_lexer_next(&lexer, &token) ? token.line + 1 : 1;
}

cm_rc cm_suffix_builder_add(cm_suffix_builder *builder, uint32_t document, cm_str text,
                            cm_err *err) {
    size_t tokens = builder->tokens.count, lines = builder->lines.count;
    cm_assert(builder->documents.count == 0 || cm_vec_last(&builder->documents)->number < document);
    if (text.len >= SUFFIX_TOKENS_MAX - tokens) { /* a token has at least one byte */
        return cm_fail(err, CM_LIMIT, "a segment has no room for %zu more bytes of text", text.len);
    }
    struct document entry = {document, (uint32_t)tokens, first_line(text)};
    if (push_text(builder, text) && cm_vec_push(&builder->documents, entry)) {
        return CM_OK;
    }
    /* Words that only this document has may stay in the vocabulary: they match nothing. */
    builder->tokens.count = tokens;
    builder->lines.count = lines;
    return cm_fail(err, CM_NOMEM, "out of memory for the tokens of a document");
}

struct word {
    cm_str text;
    uint32_t number;
};

static int compare_words(const void *a, const void *b) {
    return cm_str_cmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

/* All words in byte order; their texts are borrowed from the map. */
static struct word *sorted_words(const cm_map *map) {
    struct word *words = cm_try_calloc(cm_map_count(map), sizeof(words[0]));
    size_t cursor = 0, count = 0;
    uint64_t number;
    cm_str text;
    while (words && cm_map_next(map, &cursor, &text, &number)) {
        words[count++] = (struct word){text, (uint32_t)number};
    }
    if (words) {
        qsort(words, count, sizeof(words[0]), compare_words);
    }
    return words;
}

static bool renumber(cm_suffix_builder *builder, const struct word *words) {
    size_t count = cm_map_count(builder->words);
    uint32_t *ranks = cm_try_calloc(count + 1, sizeof(ranks[0]));
    if (!ranks) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        ranks[words[i].number] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < builder->tokens.count; i++) {
        uint32_t *token = &builder->tokens.items[i];
        *token = ranks[*token >> 1] << 1 | (*token & 1);
    }
    cm_free(ranks);
    return true;
}

/* Positions 0..count-1 sorted by the tokens before each, read backwards. */
static uint32_t *sorted_positions(const cm_suffix_builder *builder, uint32_t words) {
    uint32_t count = (uint32_t)builder->tokens.count;
    uint32_t *reversed = cm_try_calloc(count, sizeof(reversed[0]));
    uint32_t *order = cm_try_calloc(count, sizeof(order[0]));
    bool done = reversed && order;
    for (uint32_t i = 0; done && i < count; i++) {
        reversed[i] = builder->tokens.items[count - 1 - i] >> 1;
    }
    done = done && cm_sais(reversed, count, words, order);
    cm_free(reversed);
    if (!done) {
        cm_free(order);
        return NULL;
    }
    /* What stands before position p is the suffix count - p; the suffix 0 stands before the end of the
     * text, which is no position, and the empty one, before position 0, comes first. */
    uint32_t carried = 0, i = 0;
    while (i < count && carried != count) {
        uint32_t position = count - order[i];
        order[i++] = carried;
        carried = position;
    }
    for (; i < count; i++) {
        order[i] = count - order[i];
    }
    return order;
}

static void add_u32(cm_buf *out, uint32_t value) {
    cm_buf_add(out, &value, sizeof(value));
}

/* False when out of memory. `out` starts at a multiple of 8. */
static bool add_packed(cm_buf *out, const uint32_t *numbers, size_t count, uint32_t bits) {
    size_t start = out->len, len = suffix_packed_len(count, bits);
    cm_buf_add_repeat(out, '\0', len);
    if (out->failed) {
        return false;
    }
    char *at = out->ptr + start;
    uint64_t word = 0;
    uint32_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        word |= (uint64_t)numbers[i] << filled;
        filled += bits;
        if (filled >= 64) {
            memcpy(at, &word, sizeof(word));
            at += sizeof(word);
            filled -= 64;
            word = filled == 0 ? 0 : (uint64_t)numbers[i] >> (bits - filled);
        }
    }
    memcpy(at, &word, sizeof(word));
    return true;
}

static void add_words(cm_buf *out, const struct word *words, size_t count) {
    uint32_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        add_u32(out, offset);
        offset += (uint32_t)words[i].text.len;
    }
    add_u32(out, offset);
    for (size_t i = 0; i < count; i++) {
        cm_buf_add_str(out, words[i].text);
    }
}

static void write_part(const cm_suffix_builder *builder, const struct word *words,
                       const uint32_t *order, cm_buf *out) {
    size_t start = out->len, count = builder->tokens.count;
    struct suffix_header header = {
        .magic = SUFFIX_MAGIC,
        .version = SUFFIX_VERSION,
        .documents = (uint32_t)builder->documents.count,
        .tokens = (uint32_t)count,
        .words = (uint32_t)cm_map_count(builder->words),
    };
    for (size_t i = 0; i < header.words; i++) {
        header.text_bytes += (uint32_t)words[i].text.len;
    }
    for (size_t i = 0; i < builder->lines.count; i++) {
        header.max_line = CM_MAX(header.max_line, builder->lines.items[i]);
    }
    cm_buf_add(out, &header, sizeof(header));
    if (!add_packed(out, builder->tokens.items, count, suffix_bits(header.words) + 1) ||
        !add_packed(out, order, count, suffix_bits(header.tokens)) ||
        !add_packed(out, builder->lines.items, builder->lines.count,
                    suffix_bits(header.max_line))) {
        return;
    }
    for (size_t i = 0; i < header.documents; i++) {
        add_u32(out, builder->documents.items[i].start);
    }
    for (size_t i = 0; i < header.documents; i++) {
        add_u32(out, builder->documents.items[i].number);
    }
    for (size_t i = 0; i < header.documents; i++) {
        add_u32(out, builder->documents.items[i].line);
    }
    add_words(out, words, header.words);
    cm_buf_add_repeat(out, '\0', -(out->len - start) % 8);
    if (out->failed) {
        return;
    }
    header.len = out->len - start;
    memcpy(out->ptr + start, &header, sizeof(header));
    header.checksum = suffix_checksum(out->ptr + start, header.len);
    memcpy(out->ptr + start, &header, sizeof(header));
}

cm_rc cm_suffix_builder_finish(cm_suffix_builder *builder, cm_buf *out, cm_err *err) {
    size_t before = out->len;
    cm_cleanup(cm_freep) struct word *words = sorted_words(builder->words);
    cm_cleanup(cm_freep) uint32_t *order = NULL;
    if (words && renumber(builder, words)) {
        order = sorted_positions(builder, (uint32_t)cm_map_count(builder->words));
    }
    if (!order) {
        return cm_fail(err, CM_NOMEM, "out of memory for sorting %zu tokens",
                       builder->tokens.count);
    }
    write_part(builder, words, order, out);
    cm_rc rc = cm_buf_check(out, err);
    if (rc) {
        cm_buf_truncate(out, before);
    }
    return rc;
}
