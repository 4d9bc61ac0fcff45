/* The test program is its own child: with "--child NAME" it runs one of `acts`, sealed in. */
#include "rt/child.h"

#include "base/clock.h"
#include "rt/child_priv.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

/* --- what children do; each returns an exit code --- */

static int echo(const cm_child_self *self) {
    static char bytes[CM_CHILD_MESSAGE_MAX];
    size_t len;
    while (cm_channel_receive(self->fd, bytes, sizeof(bytes), &len, NULL) == CM_OK) {
        if (cm_channel_send(self->fd, bytes, len, NULL)) {
            return 2;
        }
    }
    return 7; /* the parent has gone */
}

static int shout(const cm_child_self *self) {
    char byte;
    size_t len;
    char *shared = self->shared;
    while (cm_channel_receive(self->fd, &byte, 1, &len, NULL) == CM_OK) {
        for (size_t i = 0; shared[i]; i++) {
            shared[i] = (char)(shared[i] - 32);
        }
        if (cm_channel_send(self->fd, "!", 1, NULL)) {
            return 2;
        }
    }
    return 0;
}

static int open_file(const cm_child_self *self) {
    (void)self;
    int fd = (int)syscall(SYS_open, "/etc/passwd", O_RDONLY); /* the sanitizers may use openat */
    return fd >= 0 ? 1 : 2;
}

static int open_socket(const cm_child_self *self) {
    (void)self;
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 1 : 2;
}

static int run_program(const cm_child_self *self) {
    (void)self;
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int start_process(const cm_child_self *self) {
    (void)self;
    return syscall(SYS_fork) >= 0 ? 1 : 2;
}

static int make_executable(const cm_child_self *self) {
    (void)self;
    int all = PROT_READ | PROT_WRITE | PROT_EXEC;
    return syscall(SYS_mmap, NULL, 4096, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ? 1 : 2;
}

static int protect_executable(const cm_child_self *self) {
    (void)self;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC) ? 1 : 2;
}

static int kill_parent(const cm_child_self *self) {
    (void)self;
    return kill(getppid(), 0) ? 1 : 2;
}

static int grow(const cm_child_self *self) {
    (void)self;
    for (int i = 0; i < 64; i++) { /* 1 GiB in all, under a limit of 256 MiB */
        if (mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
            MAP_FAILED) {
            return 42;
        }
    }
    return 1;
}

static int spin(const cm_child_self *self) {
    (void)self;
    volatile bool forever = true;
    while (forever) {
    }
    return 1;
}

static int crash(const cm_child_self *self) {
    (void)self;
    signal(SIGSEGV, SIG_DFL); /* the sanitizers have a handler of their own */
    raise(SIGSEGV);
    return 1;
}

static int tell_surroundings(const cm_child_self *self) {
    (void)self;
    return 0; /* the checks run before the seal, in child_main */
}

static const struct {
    const char *name;
    int (*run)(const cm_child_self *self);
} acts[] = {
    {"echo", echo},
    {"shout", shout},
    {"open_file", open_file},
    {"open_socket", open_socket},
    {"run_program", run_program},
    {"start_process", start_process},
    {"make_executable", make_executable},
    {"protect_executable", protect_executable},
    {"kill_parent", kill_parent},
    {"grow", grow},
    {"spin", spin},
    {"crash", crash},
    {"tell_surroundings", tell_surroundings},
};

/* 0 when nothing of the parent but descriptors 0..3 came along. */
static int surroundings(void) {
    for (int fd = CM_CHILD_SOCKET + 1; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            return 10;
        }
    }
    return getenv("CM_TEST_SECRET") ? 11 : 0;
}

static int child_main(const char *name) {
    cm_child_self self;
    if (cm_child_enter(&self, NULL)) {
        return 100;
    }
    int rc = surroundings();
    if (rc) {
        return rc;
    }
    if (cm_child_seal(NULL)) {
        return 101;
    }
    for (size_t i = 0; i < CM_COUNT(acts); i++) {
        if (strcmp(acts[i].name, name) == 0) {
            return acts[i].run(&self);
        }
    }
    return 102;
}

/* --- the tests --- */

static cm_child *spawn(const char *act, size_t shared, size_t memory, uint32_t seconds) {
    const char *argv[] = {"child_test", "--child", act, NULL};
    cm_child_spec spec = {.argv = argv,
                          .shared_bytes = shared,
                          .address_space_max = memory,
                          .cpu_seconds_max = seconds,
                          .inherit_stderr = false};
    cm_child *child = NULL;
    cm_err err;
    assert_int_equal(cm_child_spawn(&spec, &child, &err), CM_OK);
    return child;
}

static uint64_t soon(void) {
    return cm_clock_ns() + 20ULL * 1000000000;
}

/* Waits for the end of a child that is expected to die, and tells how. */
static cm_child_end end_of(cm_child *child, cm_err *err) {
    char byte;
    size_t len;
    assert_int_equal(cm_child_receive(child, soon(), &byte, 1, &len, err), CM_END);
    cm_child_end end;
    assert_false(cm_child_alive(child, &end));
    cm_child_free(child);
    return end;
}

static void test_rt_child__messages_keep_their_bounds(void **state) {
    (void)state;
    static char big[CM_CHILD_MESSAGE_MAX];
    static char back[CM_CHILD_MESSAGE_MAX];
    memset(big, 'x', sizeof(big));
    cm_child *child = spawn("echo", 0, 0, 0);
    assert_true(cm_child_pid(child) > 0);
    assert_null(cm_child_shared(child, NULL));
    size_t len = 0;
    assert_int_equal(cm_child_send(child, "one", 3, NULL), CM_OK);
    assert_int_equal(cm_child_send(child, big, sizeof(big), NULL), CM_OK);
    assert_int_equal(cm_child_receive(child, soon(), back, sizeof(back), &len, NULL), CM_OK);
    assert_int_equal(len, 3);
    assert_int_equal(cm_child_receive(child, soon(), back, sizeof(back), &len, NULL), CM_OK);
    assert_int_equal(len, sizeof(big));
    assert_memory_equal(big, back, sizeof(big));
    assert_int_equal(cm_child_send(child, "longer", 6, NULL), CM_OK);
    assert_int_equal(cm_child_receive(child, soon(), back, 3, &len, NULL), CM_LIMIT);
    assert_true(cm_child_alive(child, NULL));
    cm_child_free(child);
}

static void test_rt_child__shared_memory_is_seen_by_both(void **state) {
    (void)state;
    cm_child *child = spawn("shout", 100, 0, 0);
    size_t len;
    char *shared = cm_child_shared(child, &len);
    assert_true(len >= 100);
    memcpy(shared, "hello", 6);
    char byte;
    assert_int_equal(cm_child_send(child, "?", 1, NULL), CM_OK);
    assert_int_equal(cm_child_receive(child, soon(), &byte, 1, &len, NULL), CM_OK);
    assert_string_equal(shared, "HELLO");
    cm_child_free(child);
}

static void test_rt_child__forbidden_calls_kill_it(void **state) {
    (void)state;
    static const char *const names[] = {"open_file",         "open_socket",     "run_program",
                                        "start_process",     "make_executable", "kill_parent",
                                        "protect_executable"};
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        cm_err err;
        cm_child_end end = end_of(spawn(names[i], 0, 0, 0), &err);
        if (end.signal != SIGSYS) {
            fail_msg("%s: signal %d, code %d", names[i], end.signal, end.exit_code);
        }
        assert_non_null(strstr(err.text, "forbidden system call"));
    }
}

static void test_rt_child__memory_limit_holds(void **state) {
    (void)state;
    if (CM_SANITIZED) {
        skip(); /* sanitizers reserve terabytes: child.h does not set this limit there */
    }
    cm_child_end end = end_of(spawn("grow", 0, CM_MIB(256), 0), NULL);
    assert_int_equal(end.exit_code, 42);
    assert_int_equal(end.signal, 0);
}

static void test_rt_child__processor_limit_holds(void **state) {
    (void)state;
    cm_err err;
    cm_child_end end = end_of(spawn("spin", 0, 0, 1), &err);
    assert_int_equal(end.signal, SIGXCPU);
    assert_true(end.cpu_us > 0); /* how much is the kernel's bookkeeping; the signal is the proof */
    assert_true(end.rss_bytes > 0);
}

static void test_rt_child__crash_is_told_with_its_signal(void **state) {
    (void)state;
    cm_err err;
    cm_child_end end = end_of(spawn("crash", 0, 0, 0), &err);
    assert_int_equal(end.signal, SIGSEGV);
    assert_int_equal(end.exit_code, -1);
    assert_non_null(strstr(err.text, "signal 11"));
}

static void test_rt_child__receive_gives_up_at_the_deadline_and_kill_ends_it(void **state) {
    (void)state;
    cm_child *child = spawn("spin", 0, 0, 0);
    char byte;
    size_t len;
    uint64_t start = cm_clock_ns();
    assert_int_equal(cm_child_receive(child, start + 20000000, &byte, 1, &len, NULL), CM_TIMEOUT);
    assert_true(cm_clock_ns() - start >= 20000000);
    assert_true(cm_child_alive(child, NULL));
    cm_child_kill(child);
    cm_child_end end = end_of(child, NULL);
    assert_int_equal(end.signal, SIGKILL);
}

static void test_rt_child__sending_to_a_dead_child_is_an_end(void **state) {
    (void)state;
    cm_child *child = spawn("echo", 0, 0, 0);
    cm_child_kill(child);
    char byte;
    size_t len;
    assert_int_equal(cm_child_receive(child, soon(), &byte, 1, &len, NULL), CM_END);
    assert_int_equal(cm_child_send(child, "x", 1, NULL), CM_END);
    assert_int_equal(cm_child_receive(child, soon(), &byte, 1, &len, NULL), CM_END);
    cm_child_kill(child); /* harmless on a reaped one */
    cm_child_free(child);
}

static void test_rt_child__nothing_of_the_parent_comes_along(void **state) {
    (void)state;
    int fd = open("/dev/null", O_RDONLY); /* without close-on-exec, on purpose */
    assert_true(fd >= 0);
    assert_int_equal(setenv("CM_TEST_SECRET", "token", 1), 0);
    cm_child_end with = end_of(spawn("tell_surroundings", 4096, 0, 0), NULL);
    cm_child_end without = end_of(spawn("tell_surroundings", 0, 0, 0), NULL);
    close(fd);
    unsetenv("CM_TEST_SECRET");
    assert_int_equal(with.exit_code, 0);
    assert_int_equal(without.exit_code, 0);
}

static void test_rt_child__entering_needs_a_parent(void **state) {
    (void)state;
    cm_child_self self;
    cm_err err;
    assert_int_equal(cm_child_enter(&self, &err), CM_INVALID);
    assert_string_equal(err.text, "this command is started by the server only");
    cm_child_free(NULL);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--child") == 0) {
        _exit(child_main(argv[2]));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rt_child__messages_keep_their_bounds),
        cmocka_unit_test(test_rt_child__shared_memory_is_seen_by_both),
        cmocka_unit_test(test_rt_child__forbidden_calls_kill_it),
        cmocka_unit_test(test_rt_child__memory_limit_holds),
        cmocka_unit_test(test_rt_child__processor_limit_holds),
        cmocka_unit_test(test_rt_child__crash_is_told_with_its_signal),
        cmocka_unit_test(test_rt_child__receive_gives_up_at_the_deadline_and_kill_ends_it),
        cmocka_unit_test(test_rt_child__sending_to_a_dead_child_is_an_end),
        cmocka_unit_test(test_rt_child__nothing_of_the_parent_comes_along),
        cmocka_unit_test(test_rt_child__entering_needs_a_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
