/* child_self.c - the child's side of child.h: locking itself in.
 *
 * Limits come first, because they also hold while tables are loaded; the system-call filter comes
 * last, when everything the work needs is in memory. The filter is an allow-list: a system call that
 * Linux will gain next year is forbidden today.
 *
 * Under a sanitizer a few more calls are allowed, which its run-time needs for its reports. */
#include "rt/child.h"

#include "base/str.h"
#include "rt/child_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- limits --- */

static cm_rc limit(int resource, uint64_t soft, uint64_t hard, const char *what, cm_err *err) {
    struct rlimit rlimit = {.rlim_cur = soft, .rlim_max = hard};
    if (setrlimit((__rlimit_resource_t)resource, &rlimit)) {
        return cm_fail_errno(err, errno, "cannot limit the %s of a child process", what);
    }
    return CM_OK;
}

static cm_rc set_limits(uint64_t address_space, uint64_t cpu_seconds, cm_err *err) {
    cm_rc rc = limit(RLIMIT_CORE, 0, 0, "core size", err);
    if (!rc) {
        rc = limit(RLIMIT_FSIZE, 0, 0, "file size", err);
    }
    if (!rc && address_space && !CM_SANITIZED) {
        rc = limit(RLIMIT_AS, address_space, address_space, "address space", err);
    }
    if (!rc && cpu_seconds) {
        /* SIGXCPU at the soft limit says why it died; SIGKILL would look like the parent's. */
        rc = limit(RLIMIT_CPU, cpu_seconds, cpu_seconds + 1, "CPU time", err);
    }
    return rc;
}

static cm_rc map_shared(cm_child_self *self, cm_err *err) {
    struct stat info;
    if (fstat(CM_CHILD_MEMORY, &info)) {
        return CM_OK; /* none was asked for */
    }
    void *memory =
        mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, CM_CHILD_MEMORY, 0);
    if (memory == MAP_FAILED) {
        return cm_fail_errno(err, errno, "cannot map the shared memory of a child process");
    }
    self->shared = memory;
    self->shared_len = (size_t)info.st_size;
    return CM_OK;
}

cm_rc cm_child_enter(cm_child_self *ret_self, cm_err *err) {
    cm_str limits = cm_str_from(getenv(CM_CHILD_VARIABLE));
    cm_str part;
    uint64_t address_space;
    uint64_t cpu_seconds;
    struct stat info;
    if (!cm_str_split(&limits, ':', &part) || !cm_str_to_u64(part, &address_space) ||
        !cm_str_to_u64(limits, &cpu_seconds) || fstat(CM_CHILD_SOCKET, &info) ||
        !S_ISSOCK(info.st_mode)) {
        return cm_fail(err, CM_INVALID, "this command is started by the server only");
    }
    cm_child_self self = {.fd = CM_CHILD_SOCKET};
    cm_rc rc = map_shared(&self, err);
    if (!rc) {
        rc = set_limits(address_space, cpu_seconds, err);
    }
    if (rc) {
        return rc;
    }
    close_range(CM_CHILD_MEMORY, ~0U, 0); /* the mapping outlives its descriptor */
    *ret_self = self;
    return CM_OK;
}

/* --- the filter --- */

static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), /* glibc's fstat; a path is of no use without open */
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo), /* qsort of a large array asks how much memory there is */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
#if CM_SANITIZED
    SCMP_SYS(openat), /* its report reads /proc/self/maps */
    SCMP_SYS(readlink),
    SCMP_SYS(lseek),
    SCMP_SYS(ioctl),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(prctl),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(sched_getaffinity),
#endif
};

/* What a child needs besides that reads files: open is allowed for reading alone, see below. */
static const int reading[] = {
    SCMP_SYS(stat),       SCMP_SYS(lstat),     SCMP_SYS(statx),      SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(lseek),     SCMP_SYS(pread64),    SCMP_SYS(getdents64),
    SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(getcwd),
    SCMP_SYS(fcntl),      SCMP_SYS(getuid),    SCMP_SYS(geteuid),    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
};

/* Memory may be had, but never with the right to run it. */
static const int without_execute[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};

static int fill_filter(scmp_filter_ctx filter) {
    int rc = 0;
    for (size_t i = 0; i < CM_COUNT(allowed) && !rc; i++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    }
    for (size_t i = 0; i < CM_COUNT(without_execute) && !rc; i++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, without_execute[i], 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    if (!rc) { /* abort() raises its signal with tgkill: to itself it may */
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    }
    return rc;
}

/* Files may be opened to be read: neither made, nor cut, nor written. */
static int allow_reading(scmp_filter_ctx filter) {
    const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
    int rc = 0;
    for (size_t i = 0; i < CM_COUNT(reading) && !rc; i++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, reading[i], 0);
    }
    if (!rc) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                              SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    }
    if (!rc && !CM_SANITIZED) { /* there it is in the list already */
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    }
    return rc;
}

static cm_rc seal(bool may_read, cm_err *err) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        return cm_fail_errno(err, errno, "cannot give up new privileges");
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) {
        return cm_fail(err, CM_SANDBOX_UNAVAILABLE, "cannot make a system-call filter");
    }
    int rc = fill_filter(filter);
    if (!rc && may_read) {
        rc = allow_reading(filter);
    }
    if (!rc) {
        rc = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (rc) {
        return cm_fail(err, CM_SANDBOX_UNAVAILABLE,
                       "cannot load the system-call filter: %s; the kernel needs CONFIG_SECCOMP",
                       strerror(-rc));
    }
    return CM_OK;
}

cm_rc cm_child_seal(cm_err *err) {
    return seal(false, err);
}

cm_rc cm_child_seal_reading(cm_err *err) {
    return seal(true, err);
}

/* --- messages --- */

cm_rc cm_channel_send(int fd, const void *bytes, size_t len, cm_err *err) {
    cm_assert(len > 0 && len <= CM_CHILD_MESSAGE_MAX);
    ssize_t sent;
    do {
        sent = send(fd, bytes, len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return CM_OK;
    }
    if (errno == EPIPE || errno == ECONNRESET) {
        return cm_fail(err, CM_END, "the parent process has gone");
    }
    return cm_fail_errno(err, errno, "cannot write to the parent process");
}

cm_rc cm_channel_receive(int fd, void *bytes, size_t max, size_t *ret_len, cm_err *err) {
    ssize_t len;
    do {
        len = recv(fd, bytes, max, MSG_TRUNC);
    } while (len < 0 && errno == EINTR);
    if (len == 0 || (len < 0 && errno == ECONNRESET)) {
        return cm_fail(err, CM_END, "the parent process has gone");
    }
    if (len < 0) {
        return cm_fail_errno(err, errno, "cannot read from the parent process");
    }
    if ((size_t)len > max) {
        return cm_fail(err, CM_LIMIT, "message of %zd bytes exceeds %zu", len, max);
    }
    *ret_len = (size_t)len;
    return CM_OK;
}
