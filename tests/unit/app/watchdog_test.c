/* The end of a process that does not end: in a child each, since that is what ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "app/watchdog.h"
#include "base/log.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `child` in a process of its own; its status, and the end of what it logged. */
static int run(void (*child)(void), char *logged, size_t size) {
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        cm_log_init(CM_LOG_INFO, CM_LOG_HUMAN, ends[1]);
        child();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], logged + len, size - 1 - len)) > 0;) {
        len += (size_t)n;
    }
    logged[len] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void hang(void) {
    cm_watchdog *watchdog;
    cm_err err;
    if (cm_watchdog_start(1, &watchdog, &err) == CM_OK) {
        cm_watchdog_at(watchdog, "the index");
        for (;;) {
            pause();
        }
    }
}

static void end_well(void) {
    cm_watchdog *watchdog;
    cm_err err;
    if (cm_watchdog_start(3600000, &watchdog, &err) == CM_OK) {
        cm_watchdog_stop(watchdog);
    }
}

static void test_app_watchdog__ends_what_hangs_and_says_where(void **state) {
    char logged[4096];
    (void)state;
    assert_int_equal(run(hang, logged, sizeof(logged)), 1);
    assert_non_null(strstr(logged, "stuck_in="));
}

static void test_app_watchdog__leaves_what_ends_alone(void **state) {
    char logged[4096];
    (void)state;
    assert_int_equal(run(end_well, logged, sizeof(logged)), 0);
    assert_string_equal(logged, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_app_watchdog__ends_what_hangs_and_says_where),
        cmocka_unit_test(test_app_watchdog__leaves_what_ends_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
