/* Tests of the engine on the fake model: queue, slots, stops, cancellation, sampling, drafts. */
#include "engine_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

static const char source[] = "def add(self, value):\n"
                             "    self.items.append(value)\n"
                             "    return self.items\n"
                             "\n"
                             "def remove(self, value):\n"
                             "    self.items.";

typedef struct world {
    cm_arena *arena;
    cm_engine *engine;
} world;

static int set_up_with(void **state, const cm_engine_options *options) {
    world *w = cm_alloc(sizeof(*w));
    w->arena = cm_arena_new(0);
    w->engine = start_engine(options);
    *state = w;
    return 0;
}

static int set_up(void **state) {
    return set_up_with(state, &(cm_engine_options){.slots = 4});
}

static int set_up_slow(void **state) {
    cm_engine_options options = {
        .model.fake = {.token_us = 2000, .prompt_us = 2000}, .slots = 2, .queue = 4};
    return set_up_with(state, &options);
}

static int tear_down(void **state) {
    world *w = *state;
    cm_engine_free(w->engine);
    cm_arena_free(w->arena);
    cm_free(w);
    return 0;
}

/* text */

static void test_model_engine__same_prompt_gives_same_text(void **state) {
    world *w = *state;
    cm_request request = {.max_tokens = 40};
    cm_generated fresh = generate(w->engine, source, request, w->arena);
    cm_generated again = generate(w->engine, source, request, w->arena);
    assert_true(fresh.text.len > 0);
    assert_true(cm_str_eq(fresh.text, again.text));
    assert_int_equal(fresh.cached_tokens, 0);
    assert_int_equal(again.cached_tokens, again.prompt_tokens - 1);
}

static void test_model_engine__copying_model_continues_the_earlier_line(void **state) {
    world *w = *state;
    cm_generated result =
        generate(w->engine, source, (cm_request){.max_tokens = 40, .single_line = true}, w->arena);
    assert_str(result.text, "append(value)");
    assert_int_equal(result.finish, CM_FINISH_STOP);
}

static void test_model_engine__typing_on_evaluates_only_what_is_new(void **state) {
    world *w = *state;
    cm_request request = {.max_tokens = 8};
    (void)generate(w->engine, "for item in self.items:\n    pr", request, w->arena);
    cm_generated typed = generate(w->engine, "for item in self.items:\n    pri", request, w->arena);
    assert_true(typed.prompt_tokens - typed.cached_tokens <= 2);
}

static void test_model_engine__max_tokens_bounds_the_text(void **state) {
    world *w = *state;
    cm_generated result = generate(w->engine, source, (cm_request){.max_tokens = 3}, w->arena);
    assert_int_equal(result.completion_tokens, 3);
    assert_int_equal(result.finish, CM_FINISH_LENGTH);
}

static void test_model_engine__warm_up_fills_the_cache_and_says_nothing(void **state) {
    world *w = *state;
    cm_generated warm = generate(w->engine, source, (cm_request){.max_tokens = 0}, w->arena);
    assert_int_equal(warm.text.len, 0);
    assert_int_equal(warm.completion_tokens, 0);
    cm_generated result = generate(w->engine, source, (cm_request){.max_tokens = 4}, w->arena);
    assert_int_equal(result.cached_tokens, result.prompt_tokens - 1);
}

/* stops and streaming */

typedef struct received {
    char text[4096];
    size_t len;
    bool only_whole_characters;
    unsigned calls, stop_after;
} received;

static bool receive(void *argument, cm_str text) {
    received *r = argument;
    r->only_whole_characters = r->only_whole_characters && cm_utf8_valid(text);
    assert_true(r->len + text.len < sizeof(r->text));
    memcpy(r->text + r->len, text.ptr, text.len);
    r->len += text.len;
    return ++r->calls != r->stop_after;
}

static cm_generated answer_with(const char *answer, cm_request request, received *r,
                                cm_arena *arena) {
    cm_engine *engine = start_engine(&(cm_engine_options){.model.fake.answer = answer});
    *r = (received){.only_whole_characters = true, .stop_after = r->stop_after};
    request.on_text = receive;
    request.argument = r;
    request.max_tokens = request.max_tokens > 0 ? request.max_tokens : 200;
    cm_generated result = generate(engine, "#", request, arena);
    cm_engine_free(engine);
    return result;
}

static void test_model_engine__stop_string_is_found_across_token_borders(void **state) {
    world *w = *state;
    static const struct {
        const char *answer, *stop, *text;
    } rows[] = {
        {"alpha beta gamma", "ta g", "alpha be"},
        {"x = 1\n\ny = 2\n", "\n\n", "x = 1"},
        {"aab", "ab", "a"},
        {"return self.value", "self", "return "},
        {"no stop in here", "zzz", "no stop in here"},
        {"begin STO", "STOP", "begin STO"},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        received r = {0};
        cm_str stop = cm_str_from(rows[i].stop);
        cm_generated result = answer_with(
            rows[i].answer, (cm_request){.stops = &stop, .stop_count = 1}, &r, w->arena);
        assert_str(result.text, rows[i].text);
        assert_str(cm_str_make(r.text, r.len), rows[i].text);
    }
}

static void test_model_engine__stop_that_wins_is_named(void **state) {
    world *w = *state;
    received r = {0};
    cm_str stops[] = {CM_STR("gamma"), CM_STR("beta")};
    cm_generated result = answer_with("alpha beta gamma",
                                      (cm_request){.stops = stops, .stop_count = 2}, &r, w->arena);
    assert_str(result.stop, "beta");
    assert_int_equal(result.finish, CM_FINISH_STOP);
}

static void test_model_engine__stream_never_splits_a_character(void **state) {
    world *w = *state;
    received r = {0};
    const char *answer = "größe = \"日本語\" # \xf0\x9f\x98\x80 ok";
    cm_generated result = answer_with(answer, (cm_request){0}, &r, w->arena);
    assert_true(r.only_whole_characters);
    assert_str(result.text, answer);
    assert_str(cm_str_make(r.text, r.len), answer);
    assert_true(r.calls > 5);
}

static void test_model_engine__bytes_that_are_no_text_become_replacement_characters(void **state) {
    world *w = *state;
    received r = {0};
    cm_generated result = answer_with("a\xff\xe6\x97z", (cm_request){0}, &r, w->arena);
    assert_true(cm_utf8_valid(result.text));
    assert_str(result.text, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
}

static void test_model_engine__callback_ends_the_text(void **state) {
    world *w = *state;
    received r = {.stop_after = 2};
    cm_generated result = answer_with("abcdefgh", (cm_request){0}, &r, w->arena);
    assert_int_equal(result.finish, CM_FINISH_CALLBACK);
    assert_str(result.text, "ab");
}

static void test_model_engine__single_line_ends_before_the_newline(void **state) {
    world *w = *state;
    received r = {0};
    cm_generated result = answer_with("one\ntwo", (cm_request){.single_line = true}, &r, w->arena);
    assert_str(result.text, "one");
}

/* sampling */

static cm_generated sample(world *w, cm_sampling sampling) {
    return generate(w->engine, "if value", (cm_request){.max_tokens = 30, .sampling = sampling},
                    w->arena);
}

static void test_model_engine__seed_decides_sampled_text(void **state) {
    world *w = *state;
    cm_sampling sampling = {.temperature = 1.5f, .seed = 7};
    cm_generated first = sample(w, sampling);
    cm_generated same = sample(w, sampling);
    assert_true(cm_str_eq(first.text, same.text));
    bool differs = false;
    for (sampling.seed = 8; sampling.seed < 12; sampling.seed++) {
        differs = differs || !cm_str_eq(first.text, sample(w, sampling).text);
    }
    assert_true(differs);
}

static void test_model_engine__top_k_of_one_is_greedy(void **state) {
    world *w = *state;
    cm_generated greedy = sample(w, (cm_sampling){0});
    cm_generated top = sample(w, (cm_sampling){.temperature = 2, .top_k = 1, .seed = 3});
    cm_generated nucleus = sample(w, (cm_sampling){.temperature = 2, .top_p = 0.01f, .seed = 4});
    cm_generated floor = sample(w, (cm_sampling){.temperature = 2, .min_p = 1, .seed = 5});
    assert_true(cm_str_eq(greedy.text, top.text));
    assert_true(cm_str_eq(greedy.text, nucleus.text));
    assert_true(cm_str_eq(greedy.text, floor.text));
}

static void test_model_engine__bias_forbids_a_token(void **state) {
    world *w = *state;
    cm_request request = {.max_tokens = 1, .probabilities = true, .top_probabilities = 5};
    cm_generated free_choice = generate(w->engine, source, request, w->arena);
    cm_logit_bias bias = {free_choice.tokens[0].token, -100};
    assert_int_equal(free_choice.tokens[0].top_count, 5);
    assert_int_equal(free_choice.tokens[0].top[0].token, bias.token);
    request.sampling.bias = &bias;
    request.sampling.bias_count = 1;
    cm_generated forbidden = generate(w->engine, source, request, w->arena);
    assert_int_equal(forbidden.tokens[0].token, free_choice.tokens[0].top[1].token);
}

static void test_model_engine__penalties_break_a_loop(void **state) {
    world *w = *state;
    static const char loop[] = "a b c d a b c d a b c d a b c d ";
    cm_request request = {.max_tokens = 24};
    cm_generated looping = generate(w->engine, loop, request, w->arena);
    assert_true(cm_str_find(looping.text, CM_STR("a b c d a b")) != SIZE_MAX);
    request.sampling.frequency_penalty = 2;
    cm_generated free_text = generate(w->engine, loop, request, w->arena);
    assert_true(cm_str_find(free_text.text, CM_STR("a b c d a b")) == SIZE_MAX);
}

static void test_model_engine__probabilities_are_those_of_the_model(void **state) {
    world *w = *state;
    cm_generated result = generate(
        w->engine, source,
        (cm_request){.max_tokens = 6, .probabilities = true, .top_probabilities = 2}, w->arena);
    assert_true(result.mean_probability > 0 && result.mean_probability <= 1);
    for (uint32_t i = 0; i < result.completion_tokens; i++) {
        assert_true(result.tokens[i].logprob <= 0);
        assert_true(result.tokens[i].top[0].logprob >= result.tokens[i].top[1].logprob);
    }
}

/* bad requests */

static void test_model_engine__bad_settings_are_refused(void **state) {
    world *w = *state;
    cm_prompt prompt = text_prompt(w->engine, "x", w->arena);
    cm_prompt empty = {0};
    cm_token strangers[] = {1, 100000, -5};
    cm_prompt unknown = {.tokens = strangers, .count = 2};
    cm_prompt negative = {.tokens = strangers + 2, .count = 1};
    cm_str no_stop = CM_STR_EMPTY;
    cm_request rows[] = {
        {.prompt = NULL},
        {.prompt = &empty},
        {.prompt = &unknown},
        {.prompt = &negative},
        {.prompt = &prompt, .stops = &no_stop, .stop_count = 1},
        {.prompt = &prompt, .sampling.temperature = 3},
        {.prompt = &prompt, .sampling.top_p = -1},
        {.prompt = &prompt, .sampling.temperature = __builtin_nanf("")},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_generated result;
        assert_int_equal(cm_engine_generate(w->engine, &rows[i], w->arena, &result, NULL),
                         CM_INVALID);
    }
}

static void test_model_engine__prompt_longer_than_the_window_loses_its_front(void **state) {
    world *w = *state;
    cm_buf text;
    cm_buf_init(&text, 1 << 20);
    for (int i = 0; i < 3000; i++) {
        cm_buf_add_f(&text, "z%d;\n", i);
    }
    cm_generated result =
        generate(w->engine, cm_buf_c(&text), (cm_request){.max_tokens = 10}, w->arena);
    cm_buf_done(&text);
    assert_true(result.dropped_tokens > 0);
    assert_true(result.prompt_tokens <= 2048);
    assert_true(result.completion_tokens > 0);
}

/* The fake was trained on 8,192 tokens, so a configured context of more is not what a slot holds. */
static void test_model_engine__the_budget_is_of_the_context_there_is(void **state) {
    (void)state;
    cm_engine *engine = start_engine(&(cm_engine_options){.context = 65536, .slots = 1});
    assert_int_equal(cm_engine_budget(engine, 0, 100), 8192 - 100);
    assert_int_equal(cm_engine_budget(engine, UINT32_MAX, 100), 8192 - 100);
    cm_engine_free(engine);
}

/* many requests */

typedef struct counter {
    atomic_uint done;
    cm_arena *arena;
    cm_str texts[64];
    cm_rc rcs[64];
} counter;

typedef struct ticket {
    counter *all;
    unsigned index;
} ticket;

static void count_done(void *argument, const cm_generated *result, cm_rc rc, const cm_err *err) {
    (void)err;
    ticket *t = argument;
    t->all->texts[t->index] = cm_arena_str(t->all->arena, result->text);
    t->all->rcs[t->index] = rc;
    atomic_fetch_add(&t->all->done, 1);
}

static void wait_ms(unsigned ms) {
    struct timespec wait = {.tv_nsec = (long)ms * 1000000};
    (void)nanosleep(&wait, NULL);
}

static void wait_for(counter *all, unsigned count) {
    for (unsigned i = 0; i < 120000 && atomic_load(&all->done) < count; i++) {
        wait_ms(1);
    }
    assert_int_equal(atomic_load(&all->done), count);
}

static void test_model_engine__batched_texts_equal_lone_ones(void **state) {
    world *w = *state;
    enum { COUNT = 24 };
    counter all = {.arena = cm_arena_new(0)};
    ticket tickets[COUNT];
    cm_request requests[COUNT];
    char texts[COUNT][128];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "value%u = list[%u]\nvalue%u = l", i, i, i);
        tickets[i] = (ticket){&all, i};
        requests[i] = (cm_request){.max_tokens = 20,
                                   .sampling = {.temperature = i % 2 ? 1.0f : 0, .seed = i},
                                   .on_done = count_done,
                                   .argument = &tickets[i]};
    }
    for (unsigned i = 0; i < COUNT; i++) {
        cm_prompt prompt = text_prompt(w->engine, texts[i], w->arena);
        requests[i].prompt = &prompt;
        assert_ok(cm_engine_submit(w->engine, &requests[i], NULL));
    }
    wait_for(&all, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        cm_generated lone = generate(w->engine, texts[i], requests[i], w->arena);
        assert_int_equal(all.rcs[i], CM_OK);
        assert_true(cm_str_eq(lone.text, all.texts[i]));
    }
    cm_arena_free(all.arena);
}

static void test_model_engine__cancelled_request_leaves_its_prompt_unread(void **state) {
    (void)state;
    cm_engine *engine = start_engine(&(cm_engine_options){.model.fake.prompt_us = 1000000});
    cm_arena *arena = cm_arena_new(0);
    counter all = {.arena = cm_arena_new(0)};
    ticket t = {&all, 0};
    char text[1000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] =
        '\0'; /* a quarter of an hour of prompt: the test ends only by the cancellation */
    cm_prompt prompt = text_prompt(engine, text, arena);
    cm_cancel *cancel = cm_cancel_new(0);
    cm_request request = {.prompt = &prompt,
                          .max_tokens = 100,
                          .cancel = cancel,
                          .on_done = count_done,
                          .argument = &t};
    cm_engine_stats stats;
    assert_ok(cm_engine_submit(engine, &request, NULL));
    do {
        cm_engine_stats_get(engine, &stats);
        wait_ms(1);
    } while (stats.running == 0); /* it reads now */
    assert_int_equal(atomic_load(&all.done), 0);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    wait_for(&all, 1);
    assert_int_equal(all.rcs[0], CM_CANCELLED);
    cm_cancel_unref(cancel);
    cm_engine_free(engine);
    cm_arena_free(arena);
    cm_arena_free(all.arena);
}

static void test_model_engine__deadline_delivers_what_there_is(void **state) {
    world *w = *state;
    cm_prompt prompt = text_prompt(w->engine, "x", w->arena);
    cm_cancel *cancel = cm_cancel_new(cm_clock_ns() + 1000000000);
    cm_request request = {.prompt = &prompt,
                          .max_tokens = 1000, /* two seconds at least: without drafts */
                          .draft_length = -1,
                          .cancel = cancel,
                          .sampling.temperature = 0};
    cm_logit_bias never_end = {256, -100}; /* the fake's end token */
    request.sampling.bias = &never_end;
    request.sampling.bias_count = 1;
    cm_generated result;
    assert_int_equal(cm_engine_generate(w->engine, &request, w->arena, &result, NULL), CM_TIMEOUT);
    assert_true(result.text.len > 0);
    cm_cancel_unref(cancel);
}

static void test_model_engine__full_queue_refuses(void **state) {
    world *w = *state;
    counter all = {.arena = cm_arena_new(0)};
    ticket tickets[16];
    unsigned taken = 0, refused = 0;
    cm_prompt prompt = text_prompt(w->engine, source, w->arena);
    cm_cancel *cancel = cm_cancel_new(0);
    for (unsigned i = 0; i < 16; i++) {
        tickets[i] = (ticket){&all, i};
        cm_request request = {.prompt = &prompt,
                              .max_tokens = 500,
                              .cancel = cancel,
                              .on_done = count_done,
                              .argument = &tickets[i]};
        cm_rc rc = cm_engine_submit(w->engine, &request, NULL);
        taken += rc == CM_OK;
        refused += rc == CM_OVERLOADED;
    }
    assert_true(taken >= 4 && refused >= 10);
    assert_int_equal(taken + refused, 16);
    cm_cancel_fire(cancel, CM_CANCEL_SUPERSEDED);
    wait_for(&all, taken);
    cm_cancel_unref(cancel);
    cm_arena_free(all.arena);
}

static void test_model_engine__shutdown_ends_every_request(void **state) {
    (void)state;
    cm_engine *engine = start_engine(
        &(cm_engine_options){.model.fake = {.token_us = 5000, .prompt_us = 5000}, .slots = 2});
    cm_arena *arena = cm_arena_new(0);
    counter all = {.arena = cm_arena_new(0)};
    ticket tickets[8];
    cm_prompt prompt = text_prompt(engine, source, arena);
    for (unsigned i = 0; i < 8; i++) {
        tickets[i] = (ticket){&all, i};
        cm_request request = {
            .prompt = &prompt, .max_tokens = 500, .on_done = count_done, .argument = &tickets[i]};
        assert_ok(cm_engine_submit(engine, &request, NULL));
    }
    cm_engine_free(engine);
    assert_int_equal(atomic_load(&all.done), 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(all.rcs[i], CM_DRAINING);
    }
    cm_arena_free(all.arena);
    cm_arena_free(arena);
}

static void test_model_engine__prompt_time_shortens_the_prompt(void **state) {
    world *w = *state; /* 2 ms a prompt token */
    cm_buf text;
    cm_buf_init(&text, 1 << 16);
    for (int i = 0; i < 100; i++) {
        cm_buf_add_f(&text, "q%02d;\n", i);
    }
    cm_request measure = {.max_tokens = 1};
    (void)generate(w->engine, "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww", measure, w->arena);
    cm_request request = {.max_tokens = 2, .max_prompt_ms = 200};
    cm_generated result = generate(w->engine, cm_buf_c(&text), request, w->arena);
    assert_true(result.dropped_tokens > 0);
    assert_in_range(result.prompt_tokens, 16, 120);
    /* One more key: cut at the same place, so nearly all of it is cached. */
    cm_buf_add_c(&text, "q");
    cm_generated next = generate(w->engine, cm_buf_c(&text), request, w->arena);
    cm_buf_done(&text);
    assert_true(next.prompt_tokens - next.cached_tokens <= 2);
}

static void test_model_engine__predict_time_ends_after_a_whole_line(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    cm_engine *engine = start_engine(&(cm_engine_options){
        .model.fake = {.token_us = 3000, .answer = "qqqqqqqqqqqqqqqqqqqqqqqq\nqqqqqqqqqqqqqqqq"}});
    cm_generated result =
        generate(engine, "#", (cm_request){.max_tokens = 100, .max_predict_ms = 5}, arena);
    assert_int_equal(result.finish, CM_FINISH_TIME);
    assert_true(cm_str_starts(result.text, CM_STR("qqqqqqqqqqqqqqqqqqqqqqqq\n")));
    assert_true(result.text.len < 30);
    cm_engine_free(engine);
    cm_arena_free(arena);
}

/* states */

static void test_model_engine__requests_are_refused_while_loading(void **state) {
    (void)state;
    cm_engine *engine = NULL;
    cm_engine_options options = {.model.fake.load_ms = 100};
    assert_ok(cm_engine_start(&options, &engine, NULL));
    cm_token token = 65;
    cm_prompt prompt = {.tokens = &token, .count = 1};
    cm_request request = {.prompt = &prompt, .max_tokens = 1};
    assert_int_equal(cm_engine_submit(engine, &request, NULL), CM_MODEL_NOT_LOADED);
    assert_null(cm_engine_model(engine));
    assert_ok(cm_engine_wait(engine, NULL, NULL));
    assert_non_null(cm_engine_model(engine));
    cm_engine_free(engine);
}

static void test_model_engine__failed_loading_is_told_to_each_request(void **state) {
    (void)state;
    cm_engine *engine = NULL;
    cm_engine_options options = {.model.fake.failure = "model 'x' is truncated"};
    assert_ok(cm_engine_start(&options, &engine, NULL));
    cm_err err = {0};
    assert_int_equal(cm_engine_wait(engine, NULL, &err), CM_CORRUPT);
    assert_string_equal(err.text, "model 'x' is truncated");
    cm_token token = 65;
    cm_prompt prompt = {.tokens = &token, .count = 1};
    cm_request request = {.prompt = &prompt, .max_tokens = 1};
    assert_int_equal(cm_engine_submit(engine, &request, &err), CM_MODEL_UNAVAILABLE);
    cm_engine_free(engine);
}

static void test_model_engine__freeing_stops_loading(void **state) {
    (void)state;
    cm_engine *engine = NULL;
    cm_engine_options options = {
        .model.fake.load_ms =
            3600000}; /* one that waited for it would run into the time limit of tests */
    assert_ok(cm_engine_start(&options, &engine, NULL));
    cm_engine_free(engine);
}

/* drafts */

static const char drafted_answer[] = "self.items.append(value)\n    return self.count + 1\n";

static void draft_right(void *argument, cm_str generated, cm_buf *out) {
    (void)argument;
    cm_buf_add_str(out, cm_str_from_offset(cm_str_from(drafted_answer), generated.len));
}

static void draft_half_right(void *argument, cm_str generated, cm_buf *out) {
    draft_right(argument, generated, out);
    if (out->len > 4) {
        out->ptr[4] = '?';
    }
}

static void draft_wrong(void *argument, cm_str generated, cm_buf *out) {
    (void)argument;
    (void)generated;
    cm_buf_add_c(out, "???????????????????????????????????????????");
}

static void test_model_engine__drafts_never_change_the_text(void **state) {
    (void)state;
    static cm_draft_fn *const drafts[] = {draft_right, draft_half_right, draft_wrong};
    cm_arena *arena = cm_arena_new(0);
    for (int sampled = 0; sampled < 2; sampled++) {
        cm_engine *engine =
            start_engine(&(cm_engine_options){.model.fake = {.answer = drafted_answer}});
        cm_request request = {.max_tokens = 60,
                              .sampling = {.temperature = sampled ? 1.0f : 0, .seed = 11}};
        request.draft_length = -1;
        cm_generated plain = generate(engine, "#", request, arena);
        request.draft_length = 7;
        for (size_t i = 0; i < CM_COUNT(drafts); i++) {
            request.draft = drafts[i];
            cm_generated drafted = generate(engine, "#", request, arena);
            assert_true(cm_str_eq(plain.text, drafted.text));
            assert_int_equal(plain.completion_tokens, drafted.completion_tokens);
            assert_true(drafted.accepted_tokens <= drafted.drafted_tokens);
        }
        cm_engine_free(engine);
    }
    cm_arena_free(arena);
}

static void test_model_engine__right_drafts_are_accepted(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    cm_engine *engine = start_engine(
        &(cm_engine_options){.model.fake = {.answer = drafted_answer, .token_us = 1000}});
    cm_generated result =
        generate(engine, "#",
                 (cm_request){.max_tokens = 60, .draft = draft_right, .draft_length = 15}, arena);
    assert_str(result.text, drafted_answer);
    assert_true(result.accepted_tokens * 2 > result.completion_tokens);
    cm_engine_free(engine);
    cm_arena_free(arena);
}

static void test_model_engine__repetition_drafts_itself(void **state) {
    world *w = *state;
    static const char loop[] = "q w r t y u i o p q w r t y u i o p q w r t y u i o p ";
    cm_request request = {.max_tokens = 60, .draft_length = -1};
    cm_generated plain = generate(w->engine, loop, request, w->arena);
    request.draft_length = 7;
    cm_generated drafted = generate(w->engine, loop, request, w->arena);
    assert_true(cm_str_eq(plain.text, drafted.text));
    assert_int_equal(plain.drafted_tokens, 0);
    assert_true(drafted.accepted_tokens > 20);
}

int main(void) {
#define IN(setup, name) cmocka_unit_test_setup_teardown(test_model_engine__##name, setup, tear_down)
    const struct CMUnitTest tests[] = {
        IN(set_up, same_prompt_gives_same_text),
        IN(set_up, copying_model_continues_the_earlier_line),
        IN(set_up, typing_on_evaluates_only_what_is_new),
        IN(set_up, max_tokens_bounds_the_text),
        IN(set_up, warm_up_fills_the_cache_and_says_nothing),
        IN(set_up, stop_string_is_found_across_token_borders),
        IN(set_up, stop_that_wins_is_named),
        IN(set_up, stream_never_splits_a_character),
        IN(set_up, bytes_that_are_no_text_become_replacement_characters),
        IN(set_up, callback_ends_the_text),
        IN(set_up, single_line_ends_before_the_newline),
        IN(set_up, seed_decides_sampled_text),
        IN(set_up, top_k_of_one_is_greedy),
        IN(set_up, bias_forbids_a_token),
        IN(set_up, penalties_break_a_loop),
        IN(set_up, probabilities_are_those_of_the_model),
        IN(set_up, bad_settings_are_refused),
        cmocka_unit_test(test_model_engine__the_budget_is_of_the_context_there_is),
        IN(set_up, prompt_longer_than_the_window_loses_its_front),
        IN(set_up, batched_texts_equal_lone_ones),
        IN(set_up, repetition_drafts_itself),
        IN(set_up_slow, cancelled_request_leaves_its_prompt_unread),
        IN(set_up_slow, deadline_delivers_what_there_is),
        IN(set_up_slow, full_queue_refuses),
        IN(set_up_slow, prompt_time_shortens_the_prompt),
        cmocka_unit_test(test_model_engine__shutdown_ends_every_request),
        cmocka_unit_test(test_model_engine__predict_time_ends_after_a_whole_line),
        cmocka_unit_test(test_model_engine__requests_are_refused_while_loading),
        cmocka_unit_test(test_model_engine__failed_loading_is_told_to_each_request),
        cmocka_unit_test(test_model_engine__freeing_stops_loading),
        cmocka_unit_test(test_model_engine__drafts_never_change_the_text),
        cmocka_unit_test(test_model_engine__right_drafts_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
