#include "rt/signals.h"

#include "gate.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct seen {
    gate calls;
    int signals[4];
    unsigned counts[4], next;
} seen;

static void on_signal(void *user, int signal, unsigned count) {
    seen *s = user;
    s->signals[s->next] = signal;
    s->counts[s->next++] = count;
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

static void test_rt_signals__a_hangup_is_no_step_towards_the_end(void **state) {
    (void)state;
    seen s = {.calls = GATE_INIT};
    cm_signals *signals = NULL;
    assert_int_equal(cm_signals_new(on_signal, &s, &signals, NULL), CM_OK);
    for (unsigned i = 1; i <= 2; i++) {
        kill(getpid(), SIGHUP);
        assert_true(gate_wait(&s.calls, i));
    }
    kill(getpid(), SIGTERM);
    assert_true(gate_wait(&s.calls, 3));
    cm_signals_free(signals);
    assert_int_equal(s.signals[1], SIGHUP);
    assert_int_equal(s.counts[1], 0);
    assert_int_equal(s.signals[2], SIGTERM);
    assert_int_equal(s.counts[2], 1);
}

static void test_rt_signals__a_broken_pipe_is_an_error(void **state) {
    (void)state;
    cm_signals_ignore_write_faults();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    cm_signals_free(NULL);
}

static void test_rt_signals__a_file_at_its_limit_is_an_error(void **state) {
    (void)state;
    cm_signals_ignore_write_faults();
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){.rlim_cur = 4, .rlim_max = old.rlim_max};
    int file = memfd_create("limited", 0);
    setrlimit(RLIMIT_FSIZE, &small);
    ssize_t fits = write(file, "four", 4), more = write(file, "x", 1);
    int why = errno;
    setrlimit(RLIMIT_FSIZE, &old);
    close(file);
    assert_int_equal(fits, 4);
    assert_int_equal(more, -1);
    assert_int_equal(why, EFBIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_signals__first_and_second_are_told_apart),
        cmocka_unit_test(test_rt_signals__a_hangup_is_no_step_towards_the_end),
        cmocka_unit_test(test_rt_signals__a_broken_pipe_is_an_error),
        cmocka_unit_test(test_rt_signals__a_file_at_its_limit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
