/* sais.c, suffix_build.c and suffix.c against sorting and searching by brute force. */
#include "index/segment/suffix.h"

#include "base/mem.h"
#include "base/vec.h"
#include "code/tokens.h"
#include "index/segment/sais.h"
#include "unit/check.h"

static int compare_suffixes(const uint32_t *text, uint32_t count, uint32_t a, uint32_t b) {
    for (; a < count && b < count; a++, b++) {
        if (text[a] != text[b]) {
            return text[a] < text[b] ? -1 : 1;
        }
    }
    return a == count ? -1 : 1; /* the shorter one is smaller */
}

static void check_order(const uint32_t *text, uint32_t count, uint32_t max) {
    uint32_t order[600];
    assert_true(cm_sais(text, count, max, order));
    bool seen[600] = {false};
    for (uint32_t i = 0; i < count; i++) {
        assert_true(order[i] < count && !seen[order[i]]);
        seen[order[i]] = true;
        if (i > 0 && compare_suffixes(text, count, order[i - 1], order[i]) > 0) {
            fail_msg("%u suffixes of values up to %u: wrong at %u", count, max, i);
        }
    }
}

static void test_index_sais__sorts_like_comparing_every_pair(void **state) {
    (void)state;
    uint64_t seed = 23;
    for (int round = 0; round < 3000; round++) {
        uint32_t text[600];
        uint32_t count = (uint32_t)cm_draw_below(&seed, round % 10 ? 60 : 600);
        uint32_t max = (uint32_t)cm_draw_below(&seed, round % 3 ? 4 : 1000);
        for (uint32_t i = 0; i < count; i++) {
            text[i] = (uint32_t)cm_draw_below(&seed, max + 1);
        }
        if (round % 7 == 0) { /* long repeats */
            for (uint32_t i = 5; i < count; i++) {
                text[i] = text[i % 5];
            }
        }
        check_order(text, count, max);
    }
}

static void test_index_sais__each_failing_allocation_is_reported(void **state) {
    (void)state;
    uint32_t text[400], order[400];
    for (uint32_t i = 0; i < CM_COUNT(text); i++) {
        text[i] = i * i % 7;
    }
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        cm_mem_fail_after(n);
        done = cm_sais(text, CM_COUNT(text), 7, order);
        cm_mem_fail_after(0);
        assert_true(n < 40);
    }
}

/* Documents of few different words, so that contexts repeat. */
static cm_str draw_document(uint64_t *seed, cm_buf *out) {
    static const char *const words[] = {"a",  "b ",     "cc", " (", ")",  " = ",
                                        "\n", "\n\n\n", "  ", ";",  "a1", "1.5"};
    cm_buf_clear(out);
    size_t count = cm_draw_below(seed, 120);
    for (size_t i = 0; i < count; i++) {
        cm_buf_add_c(out, words[cm_draw_below(seed, CM_COUNT(words))]);
    }
    return cm_str_make(cm_buf_c(out), out->len);
}

struct corpus {
    cm_buf texts[12];
    CM_VEC(cm_token) tokens; /* of all documents; a document ends with empty text */
    CM_VEC(uint32_t) documents;
    cm_buf part;
    cm_suffix *suffix;
};

static void make_corpus(struct corpus *c, uint64_t *seed) {
    memset(c, 0, sizeof(*c));
    cm_suffix_builder *builder = cm_suffix_builder_new();
    for (size_t d = 0; d < CM_COUNT(c->texts); d++) {
        uint32_t number = (uint32_t)d * 3 + 1;
        cm_buf_init(&c->texts[d], 10000);
        cm_str text = draw_document(seed, &c->texts[d]);
        assert_ok(cm_suffix_builder_add(builder, number, text, NULL));
        cm_lexer lexer;
        cm_token token;
        cm_lexer_init(&lexer, text);
        while (cm_lexer_next(&lexer, &token)) {
            assert_true(cm_vec_push(&c->tokens, token) && cm_vec_push(&c->documents, number));
        }
        assert_true(cm_vec_push(&c->tokens, (cm_token){0}) && cm_vec_push(&c->documents, number));
    }
    assert_int_equal(cm_suffix_builder_tokens(builder), c->tokens.count);
    cm_buf_init(&c->part, CM_MIB(1));
    assert_ok(cm_suffix_builder_finish(builder, &c->part, NULL));
    cm_suffix_builder_free(builder);
    assert_ok(cm_suffix_open(c->part.ptr, c->part.len, true, &c->suffix, NULL));
}

static void free_corpus(struct corpus *c) {
    cm_suffix_close(c->suffix);
    cm_buf_done(&c->part);
    cm_vec_done(&c->tokens);
    cm_vec_done(&c->documents);
    for (size_t d = 0; d < CM_COUNT(c->texts); d++) {
        cm_buf_done(&c->texts[d]);
    }
}

static bool follows(const struct corpus *c, size_t position, const cm_str *context, size_t length) {
    for (size_t back = 1; back <= length; back++) {
        if (back > position || context[10 - back].len == 0 || /* a match ends with its document */
            !cm_str_eq(c->tokens.items[position - back].text, context[10 - back])) {
            return false;
        }
    }
    return true;
}

/* Each range holds exactly the positions that a scan of all tokens finds. */
static void check_ranges(const struct corpus *c, const cm_str *context) {
    cm_suffix_range ranges[11];
    size_t longest = cm_suffix_match(c->suffix, context, 10, ranges, 10);
    for (size_t length = 0; length <= 10; length++) {
        size_t expected = 0;
        for (size_t p = 0; p < c->tokens.count; p++) {
            expected += follows(c, p, context, length);
        }
        assert_int_equal(length <= longest, expected > 0);
        if (length > longest) {
            break;
        }
        assert_int_equal(ranges[length].high - ranges[length].low, expected);
        for (uint32_t e = ranges[length].low; e < ranges[length].high; e++) {
            assert_true(follows(c, cm_suffix_position(c->suffix, e), context, length));
        }
    }
}

static void test_index_suffix__ranges_are_those_of_a_scan(void **state) {
    (void)state;
    uint64_t seed = 29;
    for (int round = 0; round < 20; round++) {
        struct corpus c;
        make_corpus(&c, &seed);
        for (int query = 0; query < 30; query++) {
            cm_str context[10];
            size_t at = cm_draw_below(&seed, c.tokens.count - 10);
            for (size_t i = 0; i < 10; i++) {
                context[i] = c.tokens.items[at + i].text;
            }
            if (query % 3 == 0) {
                context[cm_draw_below(&seed, 10)] = CM_STR("unheard");
            }
            check_ranges(&c, context);
        }
        free_corpus(&c);
    }
}

static void test_index_suffix__tokens_documents_and_lines_are_those_of_the_text(void **state) {
    (void)state;
    uint64_t seed = 31;
    struct corpus c;
    make_corpus(&c, &seed);
    size_t exact = 0, lines = 0;
    assert_int_equal(cm_suffix_tokens(c.suffix), c.tokens.count);
    for (uint32_t p = 0; p < c.tokens.count; p++) {
        const cm_token *token = &c.tokens.items[p];
        uint32_t rank = cm_suffix_rank(c.suffix, p);
        assert_int_equal(rank == CM_SUFFIX_END, token->text.len == 0);
        assert_true(cm_str_eq(cm_suffix_text(c.suffix, rank), token->text));
        assert_int_equal(cm_suffix_space(c.suffix, p), token->space);
        assert_int_equal(cm_suffix_document(c.suffix, p), c.documents.items[p]);
        uint32_t line = cm_suffix_line(c.suffix, p);
        assert_true(line >= 1);
        if (token->text.len) {
            lines++;
            exact += line == token->line + 1;
            assert_true(line <= token->line + 1);
        }
    }
    assert_true(exact * 10 >= lines * 5); /* this corpus is full of double blank lines */
    assert_int_equal(cm_suffix_rank(c.suffix, UINT32_MAX), CM_SUFFIX_END);
    free_corpus(&c);
}

static void test_index_suffix__words_with_a_prefix_are_a_range_of_ranks(void **state) {
    (void)state;
    cm_suffix_builder *builder = cm_suffix_builder_new();
    assert_ok(cm_suffix_builder_add(builder, 0, CM_STR("get getter go got b getX"), NULL));
    cm_buf part;
    cm_buf_init(&part, 10000);
    assert_ok(cm_suffix_builder_finish(builder, &part, NULL));
    cm_suffix *s;
    assert_ok(cm_suffix_open(part.ptr, part.len, true, &s, NULL));
    assert_int_equal(cm_suffix_words(s), 6);
    static const struct {
        const char *prefix;
        uint32_t low, high;
    } cases[] = {{"get", 2, 5}, {"ge", 2, 5}, {"g", 2, 7}, {"got", 6, 7},
                 {"gp", 7, 7},  {"a", 1, 1},  {"", 1, 7},  {"getters", 5, 5}};
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_suffix_range ranks = cm_suffix_ranks_of_prefix(s, cm_str_from(cases[i].prefix));
        assert_int_equal(ranks.low, cases[i].low);
        assert_int_equal(ranks.high, cases[i].high);
    }
    cm_suffix_close(s);
    cm_suffix_builder_free(builder);
    cm_buf_done(&part);
}

static void test_index_suffix__a_part_without_documents_matches_nothing(void **state) {
    (void)state;
    cm_suffix_builder *builder = cm_suffix_builder_new();
    cm_buf part;
    cm_buf_init(&part, 10000);
    assert_ok(cm_suffix_builder_finish(builder, &part, NULL));
    cm_suffix *s;
    assert_ok(cm_suffix_open(part.ptr, part.len, true, &s, NULL));
    cm_suffix_range ranges[3];
    assert_int_equal(cm_suffix_match(s, &CM_STR("a"), 1, ranges, 2), 0);
    assert_int_equal(ranges[0].high, 0);
    assert_int_equal(cm_suffix_document(s, 0), 0);
    assert_int_equal(cm_suffix_line(s, 0), 1);
    cm_suffix_close(s);
    cm_suffix_builder_free(builder);
    cm_buf_done(&part);
}

static void test_index_suffix__damage_is_found_and_never_leads_outside(void **state) {
    (void)state;
    uint64_t seed = 37;
    struct corpus c;
    make_corpus(&c, &seed);
    cm_str context[10];
    for (size_t i = 0; i < 10; i++) {
        context[i] = c.tokens.items[i].text;
    }
    char *copy = cm_alloc(c.part.len);
    for (int round = 0; round < 2000; round++) {
        memcpy(copy, c.part.ptr, c.part.len);
        for (size_t flips = 1 + cm_draw_below(&seed, 8); flips > 0; flips--) {
            copy[cm_draw_below(&seed, c.part.len)] ^= (char)(1 + cm_draw_below(&seed, 255));
        }
        cm_suffix *s = NULL;
        cm_err err;
        if (memcmp(copy, c.part.ptr, c.part.len) == 0) {
            continue;
        }
        assert_int_equal(cm_suffix_open(copy, c.part.len, true, &s, &err), CM_CORRUPT);
        if (cm_suffix_open(copy, c.part.len, false, &s, &err) != CM_OK) {
            continue;
        }
        cm_suffix_range ranges[11];
        size_t longest = cm_suffix_match(s, context, 10, ranges, 10);
        for (uint32_t e = ranges[longest].low; e < ranges[longest].high && e < 1000; e++) {
            uint32_t p = cm_suffix_position(s, e);
            cm_suffix_text(s, cm_suffix_rank(s, p));
            cm_suffix_document(s, p);
            cm_suffix_line(s, p);
        }
        cm_suffix_close(s);
    }
    for (size_t len = 0; len < c.part.len; len += 1 + c.part.len / 50) {
        cm_suffix *s;
        assert_int_equal(cm_suffix_open(c.part.ptr, len, false, &s, NULL), CM_CORRUPT);
    }
    cm_free(copy);
    free_corpus(&c);
}

static void test_index_suffix__each_failing_allocation_is_reported(void **state) {
    (void)state;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        cm_suffix_builder *builder = cm_suffix_builder_new();
        cm_buf part;
        cm_buf_init(&part, CM_MIB(1));
        cm_mem_fail_after(n);
        cm_rc rc = CM_OK;
        for (uint32_t d = 0; d < 4 && rc == CM_OK; d++) {
            size_t before = cm_suffix_builder_tokens(builder);
            rc = cm_suffix_builder_add(builder, d, CM_STR("for i in range(10):\n  print(i)"), NULL);
            assert_true(rc == CM_OK || cm_suffix_builder_tokens(builder) == before);
        }
        if (rc == CM_OK) {
            rc = cm_suffix_builder_finish(builder, &part, NULL);
        }
        cm_mem_fail_after(0);
        done = rc == CM_OK;
        assert_true(done || (rc == CM_NOMEM && part.len == 0));
        cm_suffix_builder_free(builder);
        cm_buf_done(&part);
        assert_true(n < 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_sais__sorts_like_comparing_every_pair),
        cmocka_unit_test(test_index_sais__each_failing_allocation_is_reported),
        cmocka_unit_test(test_index_suffix__ranges_are_those_of_a_scan),
        cmocka_unit_test(test_index_suffix__tokens_documents_and_lines_are_those_of_the_text),
        cmocka_unit_test(test_index_suffix__words_with_a_prefix_are_a_range_of_ranks),
        cmocka_unit_test(test_index_suffix__a_part_without_documents_matches_nothing),
        cmocka_unit_test(test_index_suffix__damage_is_found_and_never_leads_outside),
        cmocka_unit_test(test_index_suffix__each_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
