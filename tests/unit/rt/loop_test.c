#include "rt/loop.h"

#include "gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <cmocka.h>

static cm_loops *loops_of(unsigned count) {
    cm_loops *loops = NULL;
    cm_err err;
    assert_int_equal(cm_loops_new(count, &loops, &err), CM_OK);
    return loops;
}

typedef struct sequence {
    gate done;
    int next; /* loop thread */
    bool in_order;
    bool on_loop;
} sequence;

typedef struct step {
    sequence *sequence;
    int number;
} step;

static void take_step(cm_loop *loop, void *argument) {
    step *s = argument;
    s->sequence->in_order = s->sequence->in_order && s->number == s->sequence->next++;
    s->sequence->on_loop = s->sequence->on_loop && cm_loop_is_here(loop);
    gate_add(&s->sequence->done, 1);
}

static void test_rt_loop__posts_run_on_the_loop_in_order(void **state) {
    (void)state;
    enum { STEPS = 5000 };
    cm_loops *loops = loops_of(2);
    assert_int_equal(cm_loops_count(loops), 2);
    static step steps[STEPS];
    sequence s = {.done = GATE_INIT, .in_order = true, .on_loop = true};
    cm_loop *loop = cm_loops_get(loops, 1);
    assert_int_equal(cm_loop_index(loop), 1);
    assert_false(cm_loop_is_here(loop));
    for (int i = 0; i < STEPS; i++) {
        steps[i] = (step){&s, i};
        assert_true(cm_loop_post(loop, take_step, &steps[i]));
    }
    assert_true(gate_wait(&s.done, STEPS));
    cm_loops_free(loops);
    assert_true(s.in_order);
    assert_true(s.on_loop);
}

static void count(cm_loop *loop, void *argument) {
    (void)loop;
    atomic_fetch_add((atomic_int *)argument, 1);
}

static void test_rt_loop__freeing_runs_what_was_posted(void **state) {
    (void)state;
    atomic_int ran = 0;
    cm_loops *loops = loops_of(3);
    for (int i = 0; i < 300; i++) {
        assert_true(cm_loop_post(cm_loops_next(loops), count, &ran));
    }
    cm_loops_free(loops);
    assert_int_equal(atomic_load(&ran), 300);
}

typedef struct ping_pong {
    cm_loops *loops;
    atomic_int hops;
    gate done;
} ping_pong;

static void hop(cm_loop *loop, void *argument) {
    ping_pong *p = argument;
    if (atomic_fetch_add(&p->hops, 1) == 1000) {
        gate_add(&p->done, 1);
        return;
    }
    cm_loop *other = cm_loops_get(p->loops, 1 - cm_loop_index(loop));
    cm_loop_post(other, hop, p);
}

static void test_rt_loop__loops_post_to_each_other(void **state) {
    (void)state;
    ping_pong p = {.loops = loops_of(2), .done = GATE_INIT};
    cm_loop_post(cm_loops_get(p.loops, 0), hop, &p);
    assert_true(gate_wait(&p.done, 1));
    cm_loops_free(p.loops);
}

static void test_rt_loop__call_returns_after_the_function(void **state) {
    (void)state;
    cm_loops *loops = loops_of(1);
    atomic_int ran = 0;
    cm_loop_call(cm_loops_get(loops, 0), count, &ran);
    assert_int_equal(atomic_load(&ran), 1);
    cm_loops_free(loops);
}

typedef struct ticker {
    cm_timer *timer;
    gate ticks;
    int left;
} ticker;

static void tick(cm_loop *loop, void *argument) {
    (void)loop;
    ticker *t = argument;
    gate_add(&t->ticks, 1);
    if (--t->left == 0) {
        cm_timer_free(t->timer); /* allowed in its own callback */
    }
}

static void start_ticker(cm_loop *loop, void *argument) {
    ticker *t = argument;
    t->timer = cm_timer_new(loop, tick, t);
    cm_timer_start(t->timer, 1, 1);
}

static void test_rt_loop__timers_repeat_until_freed(void **state) {
    (void)state;
    cm_loops *loops = loops_of(1);
    ticker t = {.ticks = GATE_INIT, .left = 3};
    cm_loop_call(cm_loops_get(loops, 0), start_ticker, &t);
    assert_true(gate_wait(&t.ticks, 3));
    cm_loops_free(loops);
    assert_int_equal(gate_count(&t.ticks), 3);
}

static void start_and_stop(cm_loop *loop, void *argument) {
    ticker *t = argument;
    cm_timer *stopped = cm_timer_new(loop, tick, t);
    cm_timer_start(stopped, 0, 0);
    cm_timer_stop(stopped);
    cm_timer *far = cm_timer_new(loop, tick, t);
    cm_timer_start(far, 3600 * 1000, 0);
    cm_timer *near = cm_timer_new(loop, tick, t);
    cm_timer_free(near);
}

static void test_rt_loop__freeing_does_not_wait_for_timers(void **state) {
    (void)state;
    cm_loops *loops = loops_of(1);
    ticker t = {.ticks = GATE_INIT, .left = 100};
    cm_loop_call(cm_loops_get(loops, 0), start_and_stop, &t);
    cm_loops_free(loops);
    assert_int_equal(gate_count(&t.ticks), 0);
}

static void *post_many(void *argument) {
    ping_pong *p = argument;
    for (int i = 0; i < 2000; i++) {
        cm_loop_post(cm_loops_next(p->loops), count, &p->hops);
    }
    return NULL;
}

static void test_rt_loop__many_threads_post_at_once(void **state) {
    (void)state;
    ping_pong p = {.loops = loops_of(2)};
    pthread_t threads[4];
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &p), 0);
    }
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    cm_loops_free(p.loops);
    assert_int_equal(atomic_load(&p.hops), 8000);
}

static void test_rt_loop__too_many_are_refused(void **state) {
    (void)state;
    cm_loops *loops = NULL;
    assert_int_equal(cm_loops_new(100000, &loops, NULL), CM_INVALID);
    cm_loops_free(NULL);
    loops = loops_of(0);
    assert_true(cm_loops_count(loops) >= 1);
    cm_loops_free(loops);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_loop__posts_run_on_the_loop_in_order),
        cmocka_unit_test(test_rt_loop__freeing_runs_what_was_posted),
        cmocka_unit_test(test_rt_loop__loops_post_to_each_other),
        cmocka_unit_test(test_rt_loop__call_returns_after_the_function),
        cmocka_unit_test(test_rt_loop__timers_repeat_until_freed),
        cmocka_unit_test(test_rt_loop__freeing_does_not_wait_for_timers),
        cmocka_unit_test(test_rt_loop__many_threads_post_at_once),
        cmocka_unit_test(test_rt_loop__too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
