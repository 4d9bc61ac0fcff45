#include "rt/signals.h"

#include "gate.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct seen {
    gate calls;
    int signals[4];
    unsigned counts[4];
} seen;

static void on_signal(void *user, int signal, unsigned count) {
    seen *s = user;
    s->signals[count - 1] = signal;
    s->counts[count - 1] = count;
    gate_add(&s->calls, 1);
}

static void test_rt_signals__first_and_second_are_told_apart(void **state) {
    (void)state;
    seen s = {.calls = GATE_INIT};
    cm_signals *signals = NULL;
    assert_int_equal(cm_signals_new(on_signal, &s, &signals, NULL), CM_OK);
    kill(getpid(), SIGTERM);
    assert_true(gate_wait(&s.calls, 1));
    kill(getpid(), SIGINT);
    assert_true(gate_wait(&s.calls, 2));
    cm_signals_free(signals);
    assert_int_equal(s.signals[0], SIGTERM);
    assert_int_equal(s.counts[0], 1);
    assert_int_equal(s.signals[1], SIGINT);
    assert_int_equal(s.counts[1], 2);
}

static void test_rt_signals__a_broken_pipe_does_not_kill(void **state) {
    (void)state;
    seen s = {.calls = GATE_INIT};
    cm_signals *signals = NULL;
    assert_int_equal(cm_signals_new(on_signal, &s, &signals, NULL), CM_OK);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
    cm_signals_free(signals);
    cm_signals_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_signals__first_and_second_are_told_apart),
        cmocka_unit_test(test_rt_signals__a_broken_pipe_does_not_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
