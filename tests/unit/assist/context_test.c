#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "assist/context.h"

/* One token a word of up to four bytes: easy to reckon with by hand. */
static uint32_t count_quarters(void *argument, cm_str text) {
    (void)argument;
    return (uint32_t)((text.len + 3) / 4);
}

static cm_str lines(cm_arena *arena, const char *line, int count) {
    cm_buf buf;
    cm_buf_init(&buf, CM_MIB(1));
    for (int i = 0; i < count; i++) {
        cm_buf_add_c(&buf, line);
    }
    cm_str text = cm_arena_str(arena, cm_buf_str(&buf));
    cm_buf_done(&buf);
    return text;
}

static cm_context assemble(cm_context_request *request, cm_arena *arena) {
    cm_context context;
    cm_err err;
    request->count = count_quarters;
    cm_rc rc = cm_context_assemble(request, arena, &context, &err);
    if (rc != CM_OK) {
        fail_msg("%s", err.text);
    }
    return context;
}

static uint32_t total(const cm_context *context) {
    return context->prefix_tokens + context->suffix_tokens + context->context_tokens;
}

static void test_assist_context__a_short_document_stays_whole(void **state) {
    (void)state;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_context_request request = {.prefix = CM_STR("int a;\nint b"),
                                  .suffix = CM_STR(";\n"),
                                  .use_suffix = true,
                                  .window_tokens = 1000};
    cm_context context = assemble(&request, arena);
    assert_true(cm_str_eq(context.prefix, request.prefix));
    assert_true(cm_str_eq(context.suffix, request.suffix));
}

static void test_assist_context__the_prefix_is_cut_at_a_line_start(void **state) {
    (void)state;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_context_request request = {.prefix = lines(arena, "0123456789 abcdef\n", 500),
                                  .window_tokens = 400};
    cm_context context = assemble(&request, arena);
    assert_true(context.prefix.len > 0 && context.prefix.len < request.prefix.len);
    assert_true(cm_str_starts(context.prefix, CM_STR("0123456789")));
    assert_true(total(&context) <= context.budget);
}

static void test_assist_context__the_suffix_is_reported_when_the_model_cannot_take_it(
    void **state) {
    (void)state;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_context_request request = {
        .prefix = CM_STR("a"), .suffix = CM_STR("b"), .window_tokens = 100};
    cm_context context = assemble(&request, arena);
    assert_int_equal(context.suffix_tokens, 0);
    assert_int_equal(context.pieces[1].type, CM_CONTEXT_SUFFIX);
    assert_false(context.pieces[1].kept);
}

static void test_assist_context__pieces_that_do_not_fit_are_refused_with_a_reason(void **state) {
    (void)state;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_client_snippet snippets[] = {
        {.type = CM_CONTEXT_OPEN_FILE, .file = CM_STR("small.c"), .text = CM_STR("int x;")},
        {.type = CM_CONTEXT_OPEN_FILE,
         .file = CM_STR("big.c"),
         .text = lines(arena, "0123456789 abcdef\n", 500)}};
    cm_context_request request = {.prefix = CM_STR("int y = "),
                                  .snippets = snippets,
                                  .snippet_count = CM_COUNT(snippets),
                                  .window_tokens = 200};
    cm_context context = assemble(&request, arena);
    bool small = false, big = true;
    for (size_t i = 0; i < context.piece_count; i++) {
        small |= cm_str_eq_c(context.pieces[i].file, "small.c") && context.pieces[i].kept;
        if (cm_str_eq_c(context.pieces[i].file, "big.c")) {
            big = context.pieces[i].kept;
            assert_string_equal(context.pieces[i].reason, "over the token budget");
        }
    }
    assert_true(small);
    assert_false(big);
}

static void test_assist_context__reserves_count_at_their_real_size(void **state) {
    (void)state;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_context_request request = {
        .prefix = CM_STR("a"), .window_tokens = 1000, .output_tokens = 32, .system_tokens = 8};
    assert_int_equal(assemble(&request, arena).budget, 960);
    request.output_tokens = 4000;
    request.system_tokens = 4000;
    assert_int_equal(assemble(&request, arena).budget, 300);
    request.prompt_tokens = 120;
    assert_int_equal(assemble(&request, arena).budget, 120);
}

static void test_assist_context__no_room_for_a_prompt_is_an_error(void **state) {
    (void)state;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_context_request request = {
        .window_tokens = 100, .output_tokens = 150, .count = count_quarters};
    cm_context context;
    cm_err err;
    assert_int_equal(cm_context_assemble(&request, arena, &context, &err), CM_PROMPT_TOO_LONG);
}

/* Any mix of texts and budgets: never over budget, prefix always an end of the document. */
static void test_assist_context__never_over_budget(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int round = 0; round < 2000; round++) {
        cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t r = (uint32_t)(seed >> 33);
        cm_client_snippet snippet = {.type = CM_CONTEXT_DECLARATION,
                                     .file = CM_STR("x"),
                                     .text = lines(arena, "zz yy\n", (int)(r >> 5) % 90)};
        cm_context_request request = {.prefix = lines(arena, "\xC3\xA4 b c\n", (int)r % 300),
                                      .suffix = lines(arena, "q\n", (int)(r >> 3) % 50),
                                      .use_suffix = r & 1,
                                      .snippets = &snippet,
                                      .snippet_count = 1,
                                      .window_tokens = 20 + r % 500};
        cm_context context = assemble(&request, arena);
        assert_true(total(&context) <= context.budget);
        assert_true(cm_str_ends(request.prefix, context.prefix));
        assert_true(cm_str_starts(request.suffix, context.suffix));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assist_context__a_short_document_stays_whole),
        cmocka_unit_test(test_assist_context__the_prefix_is_cut_at_a_line_start),
        cmocka_unit_test(test_assist_context__the_suffix_is_reported_when_the_model_cannot_take_it),
        cmocka_unit_test(test_assist_context__pieces_that_do_not_fit_are_refused_with_a_reason),
        cmocka_unit_test(test_assist_context__reserves_count_at_their_real_size),
        cmocka_unit_test(test_assist_context__no_room_for_a_prompt_is_an_error),
        cmocka_unit_test(test_assist_context__never_over_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
