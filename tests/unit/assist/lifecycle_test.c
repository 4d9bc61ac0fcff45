#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "assist/lifecycle.h"

static void walk(cm_lifecycle *life, const enum cm_state *steps, size_t count) {
    cm_err err;
    cm_lifecycle_init(life);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cm_lifecycle_enter(life, steps[i], &err), CM_OK);
    }
}

static const enum cm_state to_delivered[] = {
    CM_STATE_QUEUED,  CM_STATE_CACHE_CHECK,  CM_STATE_CONTEXT_ASSEMBLY, CM_STATE_INFERENCE,
    CM_STATE_SUCCESS, CM_STATE_POST_PROCESS, CM_STATE_DELIVERED};

static void test_assist_lifecycle__the_usual_way_ends_in_success(void **state) {
    (void)state;
    cm_lifecycle life;
    walk(&life, to_delivered, CM_COUNT(to_delivered));
    assert_string_equal(cm_state_status(life.state), "success");
    assert_false(cm_state_is_live(life.state));
}

static void test_assist_lifecycle__a_refused_step_leaves_the_state_alone(void **state) {
    (void)state;
    cm_lifecycle life;
    cm_err err;
    walk(&life, NULL, 0);
    assert_int_equal(cm_lifecycle_enter(&life, CM_STATE_ACCEPTED, &err), CM_INVALID_TRANSITION);
    assert_non_null(strstr(err.text, "received"));
    assert_int_equal(life.state, CM_STATE_RECEIVED);
}

static void test_assist_lifecycle__every_live_state_can_be_cancelled_and_no_other(void **state) {
    (void)state;
    for (int s = 0; s < CM_STATE_COUNT; s++) {
        bool live = cm_state_is_live((enum cm_state)s);
        assert_int_equal(cm_lifecycle_allows((enum cm_state)s, CM_STATE_CANCELLED), live);
    }
}

static void visit(enum cm_state from, bool *seen) {
    seen[from] = true;
    for (int next = 0; next < CM_STATE_COUNT; next++) {
        if (!seen[next] && cm_lifecycle_allows(from, (enum cm_state)next)) {
            visit((enum cm_state)next, seen);
        }
    }
}

static void test_assist_lifecycle__every_state_can_be_reached(void **state) {
    (void)state;
    bool seen[CM_STATE_COUNT] = {false};
    visit(CM_STATE_RECEIVED, seen);
    for (int s = 0; s < CM_STATE_COUNT; s++) {
        assert_true(seen[s]);
    }
}

/* Whatever happens in whatever order, a request is answered once and a dead one stays dead. */
static void test_assist_lifecycle__random_events_have_one_outcome(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 5000; round++) {
        cm_lifecycle life;
        unsigned delivered = 0, ended = 0;
        cm_lifecycle_init(&life);
        for (int step = 0; step < 60; step++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            enum cm_state next = (enum cm_state)((seed >> 33) % CM_STATE_COUNT);
            enum cm_state before = life.state;
            if (cm_lifecycle_enter(&life, next, NULL) != CM_OK) {
                assert_int_equal(life.state, before);
                continue;
            }
            delivered += next == CM_STATE_DELIVERED;
            ended += next == CM_STATE_CANCELLED || next == CM_STATE_ERROR;
        }
        assert_true(delivered + ended <= 1);
    }
}

static void test_assist_lifecycle__timings_list_the_states_entered(void **state) {
    (void)state;
    cm_lifecycle life;
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_json_writer w;
    walk(&life, to_delivered, 2);
    cm_buf_init(&out, 1024);
    cm_json_writer_init(&w, &out);
    cm_lifecycle_write_timings(&life, &w);
    assert_non_null(strstr(cm_buf_c(&out), "\"cache_check\":"));
    assert_null(strstr(cm_buf_c(&out), "\"inference\":"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assist_lifecycle__the_usual_way_ends_in_success),
        cmocka_unit_test(test_assist_lifecycle__a_refused_step_leaves_the_state_alone),
        cmocka_unit_test(test_assist_lifecycle__every_live_state_can_be_cancelled_and_no_other),
        cmocka_unit_test(test_assist_lifecycle__every_state_can_be_reached),
        cmocka_unit_test(test_assist_lifecycle__random_events_have_one_outcome),
        cmocka_unit_test(test_assist_lifecycle__timings_list_the_states_entered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
