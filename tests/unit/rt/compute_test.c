#include "rt/compute.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void check(const cm_compute *compute, uint64_t pieces, uint64_t waited, uint64_t expired) {
    cm_compute_stats stats = cm_compute_stats_get(compute);
    assert_int_equal(stats.pieces, pieces);
    assert_int_equal(stats.waited, waited);
    assert_int_equal(stats.expired, expired);
}

static void test_rt_compute__nothing_waits_for_nothing(void **state) {
    (void)state;
    cm_compute *compute = cm_compute_new();
    cm_compute_background_begin(compute, NULL);
    cm_compute_background_begin(compute, NULL);
    assert_int_equal(cm_compute_background_count(compute), 2);
    cm_compute_foreground_begin(compute); /* never waits, whoever computes */
    cm_compute_foreground_end(compute);
    cm_compute_background_end(compute);
    cm_compute_background_end(compute);
    assert_int_equal(cm_compute_background_count(compute), 0);
    check(compute, 2, 0, 0);
    cm_compute_free(compute);
}

static void test_rt_compute__background_gives_way_but_not_for_ever(void **state) {
    (void)state;
    cm_compute *compute = cm_compute_new();
    cm_compute_foreground_begin(compute);
    cm_compute_background_begin(compute, NULL); /* returns though nobody ends the foreground */
    check(compute, 1, 1, 1);
    cm_compute_background_end(compute);
    cm_compute_foreground_end(compute);
    cm_compute_background_begin(compute, NULL);
    cm_compute_background_end(compute);
    check(compute, 2, 1, 1);
    cm_compute_free(compute);
}

static void test_rt_compute__a_cancelled_piece_does_not_wait(void **state) {
    (void)state;
    cm_compute *compute = cm_compute_new();
    cm_cancel *cancel = cm_cancel_new(0);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    cm_compute_foreground_begin(compute);
    cm_compute_background_begin(compute, cancel);
    check(compute, 1, 0, 0);
    cm_compute_background_end(compute);
    cm_compute_foreground_end(compute);
    cm_cancel_unref(cancel);
    cm_compute_free(compute);
}

static void *infer(void *argument) {
    for (int i = 0; i < 100; i++) {
        cm_compute_foreground_begin(argument);
        cm_compute_foreground_end(argument);
    }
    return NULL;
}

static void test_rt_compute__counts_come_back_to_zero(void **state) {
    (void)state;
    cm_compute *compute = cm_compute_new();
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, infer, compute), 0);
    }
    for (int i = 0; i < 100; i++) {
        cm_compute_background_begin(compute, NULL);
        cm_compute_background_end(compute);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(cm_compute_background_count(compute), 0);
    cm_compute_stats stats = cm_compute_stats_get(compute);
    assert_int_equal(stats.pieces, 100);
    assert_int_equal(stats.running, 0);
    assert_int_equal(stats.waiting, 0);
    cm_compute_free(compute); /* asserts that nobody computes */
}

static void test_rt_compute__without_one_nothing_happens(void **state) {
    (void)state;
    cm_compute_foreground_begin(NULL);
    cm_compute_background_begin(NULL, NULL);
    cm_compute_background_end(NULL);
    cm_compute_foreground_end(NULL);
    assert_int_equal(cm_compute_background_count(NULL), 0);
    check(NULL, 0, 0, 0);
    cm_compute_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_compute__nothing_waits_for_nothing),
        cmocka_unit_test(test_rt_compute__background_gives_way_but_not_for_ever),
        cmocka_unit_test(test_rt_compute__a_cancelled_piece_does_not_wait),
        cmocka_unit_test(test_rt_compute__counts_come_back_to_zero),
        cmocka_unit_test(test_rt_compute__without_one_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
