/* Tests of the registry and of the shared compute lock. */
#include "engine_fixture.h"

#include "base/clock.h"
#include "model/models.h"
#include "model/pace_priv.h"

static void test_model_models__unknown_name_falls_to_the_default(void **state) {
    (void)state;
    cm_models *models = cm_models_new();
    assert_null(cm_models_find(models, CM_STR("fast"), NULL));
    assert_ok(cm_models_add(models, &(cm_engine_options){.model.name = "fast"}, NULL));
    assert_ok(cm_models_add(models, &(cm_engine_options){.model.name = "good"}, NULL));
    assert_int_equal(cm_models_add(models, &(cm_engine_options){.model.name = "good"}, NULL),
                     CM_EXISTS);
    cm_engine *fast = cm_models_find(models, CM_STR("fast"), NULL);
    cm_engine *good = cm_models_find(models, CM_STR("good"), NULL);
    bool exact = true;
    assert_ptr_equal(cm_models_find(models, CM_STR("gpt-4"), &exact), fast);
    assert_false(exact);
    assert_ok(cm_models_set_default(models, CM_STR("good"), NULL));
    assert_ptr_equal(cm_models_find(models, CM_STR_EMPTY, &exact), good);
    assert_int_equal(cm_models_set_default(models, CM_STR("best"), NULL), CM_NOT_FOUND);
    assert_ok(
        cm_models_add(models, &(cm_engine_options){.model.path = "/nowhere/tiny-q8.gguf"}, NULL));
    cm_str name;
    assert_non_null(cm_models_at(models, 2, &name));
    assert_str(name, "tiny-q8");
    assert_int_equal(cm_models_count(models), 3);
    assert_ptr_equal(cm_models_at(models, 1, &name), good);
    assert_str(name, "good");
    cm_models_free(models);
}

static void test_model_models__failed_model_leaves_the_others(void **state) {
    (void)state;
    cm_models *models = cm_models_new();
    assert_ok(cm_models_add(
        models, &(cm_engine_options){.model = {.name = "bad", .path = "/nonexistent.gguf"}}, NULL));
    assert_ok(cm_models_add(models, &(cm_engine_options){.model.name = "good"}, NULL));
    assert_int_equal(cm_engine_wait(cm_models_find(models, CM_STR("bad"), NULL), NULL, NULL),
                     CM_NOT_FOUND);
    assert_ok(cm_engine_wait(cm_models_find(models, CM_STR("good"), NULL), NULL, NULL));
    cm_models_free(models);
}

/* pace */

/* Steps in which `all` threads take that long and one takes `one`; returns how often all were used. */
static unsigned run_steps(cm_pace *pace, unsigned steps, double all, double one) {
    unsigned with_all = 0;
    for (unsigned i = 0; i < steps; i++) {
        bool full = cm_pace_threads(pace, false, false) > 1;
        with_all += full;
        cm_pace_write(pace, 0, full ? all : one);
    }
    return with_all;
}

static void test_model_pace__slow_step_drops_to_one_thread(void **state) {
    (void)state;
    cm_pace pace;
    cm_pace_init(&pace, 2);
    assert_int_equal(run_steps(&pace, 20, 7, 11), 20);
    cm_pace_write(&pace, 0, 30); /* somebody else wants the cores */
    assert_int_equal(cm_pace_threads(&pace, false, false), 1);
    assert_int_equal(cm_pace_threads(&pace, true, false), 2); /* prompts lose little */
}

static void test_model_pace__faster_number_of_threads_is_found(void **state) {
    (void)state;
    cm_pace pace;
    cm_pace_init(&pace, 2);
    /* Busy from the start, then free, then busy, then free again. */
    for (int round = 0; round < 2; round++) {
        (void)run_steps(&pace, 150, 47, 20);
        assert_in_range(run_steps(&pace, 200, 47, 20), 0, 20);
        (void)run_steps(&pace, 150, 7, 11);
        assert_in_range(run_steps(&pace, 200, 7, 11), 180, 200);
    }
    assert_int_equal(cm_pace_threads(&pace, false, true), 1);
}

static void test_model_pace__draft_length_follows_what_drafts_are_worth(void **state) {
    (void)state;
    cm_pace pace;
    cm_pace_init(&pace, 2);
    assert_int_equal(cm_pace_draft_length(&pace, 0.1), 0);
    assert_int_equal(cm_pace_draft_length(&pace, 0.5), 0);
    assert_int_equal(cm_pace_draft_length(&pace, 0.95), 15);
    /* On a machine where a batch costs no more than a step, even poor drafts pay. */
    cm_pace_write(&pace, 0, 10);
    cm_pace_write(&pace, 3, 10);
    cm_pace_write(&pace, 7, 40);
    cm_pace_write(&pace, 15, 65);
    assert_int_equal(cm_pace_draft_length(&pace, 0.3), 3);
}

static void test_model_pace__reading_speed_is_learnt(void **state) {
    (void)state;
    cm_pace pace;
    cm_pace_init(&pace, 2);
    assert_true(cm_pace_readable(&pace, 1000) >= 100);
    for (int i = 0; i < 20; i++) {
        cm_pace_read(&pace, 256, 512);
    }
    assert_in_range((unsigned)cm_pace_readable(&pace, 1000), 495, 505);
}

/* the compute lock */

static void test_model_compute__background_waits_for_inference_but_not_for_ever(void **state) {
    (void)state;
    cm_compute *compute = cm_compute_new();
    cm_compute_background_begin(compute, NULL);
    assert_int_equal(cm_compute_background_count(compute), 1);
    cm_compute_background_end(compute);
    cm_compute_foreground_begin(compute);
    uint64_t start = cm_clock_ms();
    cm_compute_background_begin(compute, NULL);
    assert_true(cm_clock_ms() - start >= CM_COMPUTE_WAIT_MS / 2);
    cm_compute_background_end(compute);
    cm_cancel *cancel = cm_cancel_new(0);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    uint64_t quickest = UINT64_MAX; /* of many: a busy machine may hold up any one of them */
    for (int i = 0; i < 20 && quickest >= CM_COMPUTE_WAIT_MS; i++) {
        start = cm_clock_ms();
        cm_compute_background_begin(compute, cancel);
        quickest = CM_MIN(quickest, cm_clock_ms() - start);
        cm_compute_background_end(compute);
    }
    assert_true(quickest < CM_COMPUTE_WAIT_MS);
    cm_cancel_unref(cancel);
    cm_compute_foreground_end(compute);
    cm_compute_free(compute);
}

static void test_model_compute__idle_engine_does_not_hold_it(void **state) {
    (void)state;
    cm_compute *compute = cm_compute_new();
    cm_engine *engine = start_engine(&(cm_engine_options){.compute = compute});
    cm_arena *arena = cm_arena_new(0);
    for (int i = 0; i < 20; i++) {
        (void)generate(engine, "def f", (cm_request){.max_tokens = 4}, arena);
    }
    cm_engine_free(engine);
    cm_compute_free(compute); /* asserts that nobody holds it */
    cm_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_models__unknown_name_falls_to_the_default),
        cmocka_unit_test(test_model_models__failed_model_leaves_the_others),
        cmocka_unit_test(test_model_pace__slow_step_drops_to_one_thread),
        cmocka_unit_test(test_model_pace__faster_number_of_threads_is_found),
        cmocka_unit_test(test_model_pace__draft_length_follows_what_drafts_are_worth),
        cmocka_unit_test(test_model_pace__reading_speed_is_learnt),
        cmocka_unit_test(test_model_compute__background_waits_for_inference_but_not_for_ever),
        cmocka_unit_test(test_model_compute__idle_engine_does_not_hold_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
