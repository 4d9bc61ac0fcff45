#include "rt/cancel.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_rt_cancel__null_token_never_fires(void **state) {
    (void)state;
    cm_cancel_fire(NULL, CM_CANCEL_USER);
    assert_int_equal(cm_cancel_hit(NULL), CM_CANCEL_NONE);
    assert_int_equal(cm_cancel_check(NULL, NULL), CM_OK);
    assert_int_equal(cm_cancel_deadline_ns(NULL), 0);
    cm_cancel_unref(NULL);
}

static void test_rt_cancel__first_reason_wins(void **state) {
    (void)state;
    cm_cancel *cancel = cm_cancel_new(0);
    assert_int_equal(cm_cancel_hit(cancel), CM_CANCEL_NONE);
    cm_cancel_fire(cancel, CM_CANCEL_SUPERSEDED);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    assert_int_equal(cm_cancel_hit(cancel), CM_CANCEL_SUPERSEDED);
    cm_err err;
    assert_int_equal(cm_cancel_check(cancel, &err), CM_CANCELLED);
    assert_string_equal(err.text, "cancelled: a newer request took its place");
    cm_cancel_unref(cancel);
}

static void test_rt_cancel__deadline_fires_when_the_clock_reaches_it(void **state) {
    (void)state;
    cm_clock_fake(1000, 0);
    cm_cancel *cancel = cm_cancel_new(1500);
    cm_clock_fake_advance(499);
    assert_int_equal(cm_cancel_hit(cancel), CM_CANCEL_NONE);
    cm_clock_fake_advance(1);
    assert_int_equal(cm_cancel_hit(cancel), CM_CANCEL_DEADLINE);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    cm_err err;
    assert_int_equal(cm_cancel_check(cancel, &err), CM_TIMEOUT);
    assert_int_equal(cm_cancel_deadline_ns(cancel), 1500);
    cm_cancel_unrefp(&cancel);
    assert_null(cancel);
    cm_clock_real();
}

static void *fire_and_drop(void *argument) {
    cm_cancel_fire(argument, CM_CANCEL_USER);
    cm_cancel_unref(argument);
    return NULL;
}

static void test_rt_cancel__fires_from_many_threads_and_frees_once(void **state) {
    (void)state;
    cm_cancel *cancel = cm_cancel_new(0);
    pthread_t threads[8];
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fire_and_drop, cm_cancel_ref(cancel)),
                         0);
    }
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(cm_cancel_hit(cancel), CM_CANCEL_USER);
    cm_cancel_unref(cancel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_cancel__null_token_never_fires),
        cmocka_unit_test(test_rt_cancel__first_reason_wins),
        cmocka_unit_test(test_rt_cancel__deadline_fires_when_the_clock_reaches_it),
        cmocka_unit_test(test_rt_cancel__fires_from_many_threads_and_frees_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
