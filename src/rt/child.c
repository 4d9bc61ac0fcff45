/* child.c - the parent's side of child.h.
 *
 * posix_spawn (a vfork inside) starts the child, because a fork would copy the page tables of a
 * process that maps gigabytes of model and index. The child gets an empty signal mask, default
 * handlers, a process group of its own (an interrupt typed at the terminal must not kill the workers
 * before the server has drained) and an environment without the operator's secrets.
 *
 * The shared memory is a memfd sealed against resizing, so that a hostile child cannot shrink it and
 * kill the parent by SIGBUS.
 *
 * Thread: `lock` makes kill safe from any thread: the pid is signalled only while it is not reaped. */
#include "rt/child.h"

#include "base/clock.h"
#include "base/mem.h"
#include "rt/child_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct cm_child {
    pid_t pid;
    int fd;
    void *shared;
    size_t shared_len;
    pthread_mutex_t lock;
    bool reaped;
    cm_child_end end; /* valid once reaped */
};

/* --- spawning --- */

/* Descriptors that the spawn moves to 3 and 4 must not lie there themselves. */
#define CM_CHILD_FD_FROM 10

static int move_up(int fd) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, CM_CHILD_FD_FROM);
    int failed = errno;
    close(fd);
    errno = failed;
    return moved;
}

static cm_rc make_socket(cm_child *child, int *ret_theirs, cm_err *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        return cm_fail_errno(err, errno, "cannot make the socket of a child process");
    }
    child->fd = pair[0];
    *ret_theirs = move_up(pair[1]);
    if (*ret_theirs < 0 || fcntl(child->fd, F_SETFL, O_NONBLOCK)) {
        return cm_fail_errno(err, errno, "cannot set up the socket of a child process");
    }
    return CM_OK;
}

static cm_rc make_memory(cm_child *child, size_t len, int *ret_fd, cm_err *err) {
    if (!len) {
        return CM_OK;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    len = (len + page - 1) / page * page;
    int fd = memfd_create("codementor-child", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0) {
        fd = move_up(fd);
    }
    *ret_fd = fd;
    if (fd < 0 || ftruncate(fd, (off_t)len) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
        return cm_fail_errno(err, errno, "cannot make %zu bytes of shared memory", len);
    }
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return cm_fail_errno(err, errno, "cannot map %zu bytes of shared memory", len);
    }
    child->shared = memory;
    child->shared_len = len;
    return CM_OK;
}

/* The sanitizers' and the loader's settings, and nothing else: no token or password of the operator
 * reaches a process that runs untrusted code. */
#define CM_CHILD_ENVIRONMENT_MAX 10

static void pick_environment(char *limits, char *environment[CM_CHILD_ENVIRONMENT_MAX]) {
    static const char *const kept[] = {
        "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=",   "LSAN_OPTIONS=", "LD_LIBRARY_PATH=",
        "LC_ALL=",       "HOME=",          "XDG_CONFIG_HOME="}; /* where git's settings lie */
    size_t count = 0;
    environment[count++] = limits;
    for (char **entry = environ; *entry && count < CM_CHILD_ENVIRONMENT_MAX - 1; entry++) {
        for (size_t i = 0; i < CM_COUNT(kept); i++) {
            if (strncmp(*entry, kept[i], strlen(kept[i])) == 0) {
                environment[count++] = *entry;
                break;
            }
        }
    }
    environment[count] = NULL;
}

static int set_actions(posix_spawn_file_actions_t *actions, int socket, int memory,
                       bool stderr_on) {
    int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    if (!stderr_on) {
        rc = rc ? rc : posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
    }
    rc = rc ? rc : posix_spawn_file_actions_adddup2(actions, socket, CM_CHILD_SOCKET);
    if (memory >= 0) {
        rc = rc ? rc : posix_spawn_file_actions_adddup2(actions, memory, CM_CHILD_MEMORY);
    }
    int from = memory >= 0 ? CM_CHILD_MEMORY + 1 : CM_CHILD_SOCKET + 1;
    return rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, from);
}

static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    sigaddset(&defaults, SIGHUP);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGINT);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(attributes, &defaults);
    rc = rc ? rc : posix_spawnattr_setpgroup(attributes, 0);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    return rc ? rc : posix_spawnattr_setflags(attributes, flags);
}

static cm_rc start(cm_child *child, const cm_child_spec *spec, int socket, int memory,
                   cm_err *err) {
    char *limits = cm_asprintf(CM_CHILD_VARIABLE "=%zu:%u", spec->address_space_max,
                               (unsigned)spec->cpu_seconds_max);
    char *environment[CM_CHILD_ENVIRONMENT_MAX];
    pick_environment(limits, environment);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int rc = set_actions(&actions, socket, memory, spec->inherit_stderr);
    rc = rc ? rc : set_attributes(&attributes);
    if (!rc) {
        char *const *argv = (char *const *)(uintptr_t)spec->argv; /* posix_spawn only reads it */
        rc = posix_spawn(&child->pid, "/proc/self/exe", &actions, &attributes, argv, environment);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    cm_free(limits);
    if (rc) {
        child->pid = 0;
        return cm_fail_errno(err, rc, "cannot start child process '%s'", spec->argv[0]);
    }
    return CM_OK;
}

cm_rc cm_child_spawn(const cm_child_spec *spec, cm_child **ret_child, cm_err *err) {
    if (getenv(CM_CHILD_VARIABLE) !=
        NULL) { /* a program that does not know its role would go on for ever */
        return cm_fail(err, CM_DENIED, "a child process starts no children");
    }
    cm_child *child = CM_NEW(cm_child);
    child->fd = -1;
    pthread_mutex_init(&child->lock, NULL);
    int socket = -1;
    int memory = -1;
    cm_rc rc = make_socket(child, &socket, err);
    rc = rc ? rc : make_memory(child, spec->shared_bytes, &memory, err);
    rc = rc ? rc : start(child, spec, socket, memory, err);
    if (socket >= 0) {
        close(socket);
    }
    if (memory >= 0) {
        close(memory);
    }
    if (rc) {
        cm_child_free(child);
        return rc;
    }
    *ret_child = child;
    return CM_OK;
}

/* --- life --- */

/* Under the lock. */
static void reap(cm_child *child, int flags) {
    int status = 0;
    struct rusage usage = {0};
    pid_t pid;
    do {
        pid = wait4(child->pid, &status, flags, &usage);
    } while (pid < 0 && errno == EINTR);
    if (pid == 0) {
        return;
    }
    child->reaped = true;
    if (pid < 0) { /* someone else waited for all children: its end is not known */
        child->end = (cm_child_end){.exit_code = -1};
        return;
    }
    child->end = (cm_child_end){
        .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
        .rss_bytes = (uint64_t)usage.ru_maxrss * 1024,
    };
}

/* The socket has ended: so has the child, or it has closed the socket and is of no more use. */
static cm_child_end finish(cm_child *child) {
    pthread_mutex_lock(&child->lock);
    if (!child->reaped) {
        kill(child->pid, SIGKILL); /* no effect on one that is on its way out */
        reap(child, 0);
    }
    cm_child_end end = child->end;
    pthread_mutex_unlock(&child->lock);
    return end;
}

void cm_child_free(cm_child *child) {
    if (!child) {
        return;
    }
    if (child->pid) {
        finish(child);
    }
    if (child->fd >= 0) {
        close(child->fd);
    }
    if (child->shared) {
        munmap(child->shared, child->shared_len);
    }
    pthread_mutex_destroy(&child->lock);
    cm_free(child);
}

int cm_child_pid(const cm_child *child) {
    return child->pid;
}

void *cm_child_shared(const cm_child *child, size_t *ret_len) {
    if (ret_len) {
        *ret_len = child->shared_len;
    }
    return child->shared;
}

void cm_child_kill(cm_child *child) {
    pthread_mutex_lock(&child->lock);
    if (!child->reaped) {
        kill(child->pid, SIGKILL);
    }
    pthread_mutex_unlock(&child->lock);
}

bool cm_child_alive(cm_child *child, cm_child_end *ret_end) {
    pthread_mutex_lock(&child->lock);
    if (!child->reaped) {
        reap(child, WNOHANG);
    }
    bool alive = !child->reaped;
    if (!alive && ret_end) {
        *ret_end = child->end;
    }
    pthread_mutex_unlock(&child->lock);
    return alive;
}

uint64_t cm_child_cpu_ns(cm_child *child) {
    clockid_t clock;
    struct timespec t = {0};
    pthread_mutex_lock(&child->lock);
    bool known = !child->reaped && clock_getcpuclockid(child->pid, &clock) == 0 &&
                 clock_gettime(clock, &t) == 0;
    pthread_mutex_unlock(&child->lock);
    return known ? (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec : 0;
}

/* --- messages --- */

static cm_rc fail_ended(cm_child *child, cm_err *err) {
    cm_child_end end = finish(child);
    if (end.signal == SIGSYS) {
        return cm_fail(err, CM_END, "child process was stopped: it made a forbidden system call");
    }
    if (end.signal) {
        return cm_fail(err, CM_END, "child process was ended by signal %d (%s)", end.signal,
                       strsignal(end.signal));
    }
    return cm_fail(err, CM_END, "child process left with code %d", end.exit_code);
}

static bool peer_gone(int errno_value) {
    return errno_value == EPIPE || errno_value == ECONNRESET || errno_value == ENOTCONN;
}

cm_rc cm_child_send(cm_child *child, const void *bytes, size_t len, cm_err *err) {
    cm_assert(len > 0 && len <= CM_CHILD_MESSAGE_MAX);
    ssize_t sent;
    do {
        sent = send(child->fd, bytes, len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return CM_OK;
    }
    if (peer_gone(errno)) {
        return fail_ended(child, err);
    }
    if (errno == EAGAIN) {
        return cm_fail(err, CM_OVERLOADED, "child process does not read its messages");
    }
    return cm_fail_errno(err, errno, "cannot write to child process");
}

static int wait_ms(uint64_t deadline_ns) {
    if (!deadline_ns) {
        return -1;
    }
    uint64_t now = cm_clock_ns();
    if (now >= deadline_ns) {
        return 0;
    }
    return (int)CM_MIN((deadline_ns - now + 999999) / 1000000, (uint64_t)INT_MAX);
}

cm_rc cm_child_receive(cm_child *child, uint64_t deadline_ns, void *bytes, size_t max,
                       size_t *ret_len, cm_err *err) {
    for (;;) {
        struct pollfd fd = {.fd = child->fd, .events = POLLIN};
        int ready = poll(&fd, 1, wait_ms(deadline_ns));
        if (ready == 0) {
            return cm_fail(err, CM_TIMEOUT, "child process did not answer in time");
        }
        ssize_t len = ready < 0 ? -1 : recv(child->fd, bytes, max, MSG_TRUNC);
        if (len == 0 || (len < 0 && peer_gone(errno))) {
            return fail_ended(child, err);
        }
        if (len < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (len < 0) {
            return cm_fail_errno(err, errno, "cannot read from child process");
        }
        if ((size_t)len > max) {
            return cm_fail(err, CM_LIMIT, "message of %zd bytes from a child process exceeds %zu",
                           len, max);
        }
        *ret_len = (size_t)len;
        return CM_OK;
    }
}
