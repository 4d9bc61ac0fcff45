/* signals.c - see signals.h.
 *
 * The signals are blocked everywhere and read from a signalfd by one thread, so nothing ever runs in
 * a handler. An eventfd ends the thread. Rejected: libuv's signal handles, which share one process-wide
 * handler and pipe that a forked child would inherit. */
#include "rt/signals.h"

#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct cm_signals {
    cm_signal_fn *run;
    void *user;
    int signal_fd;
    int stop_fd;
    sigset_t old_mask;
    pthread_t thread;
};

static void *signals_main(void *argument) {
    cm_signals *signals = argument;
    struct pollfd fds[] = {{.fd = signals->signal_fd, .events = POLLIN},
                           {.fd = signals->stop_fd, .events = POLLIN}};
    unsigned count = 0;
    for (;;) {
        if (poll(fds, CM_COUNT(fds), -1) < 0) {
            continue; /* EINTR; nothing else can happen to two valid descriptors */
        }
        if (fds[1].revents) {
            return NULL;
        }
        struct signalfd_siginfo info;
        if (read(signals->signal_fd, &info, sizeof(info)) == sizeof(info)) {
            count += info.ssi_signo != SIGHUP;
            signals->run(signals->user, (int)info.ssi_signo, count);
        }
    }
}

static void signals_close(cm_signals *signals) {
    if (signals->signal_fd >= 0) {
        close(signals->signal_fd);
    }
    if (signals->stop_fd >= 0) {
        close(signals->stop_fd);
    }
    pthread_sigmask(SIG_SETMASK, &signals->old_mask, NULL);
    cm_free(signals);
}

void cm_signals_ignore_write_faults(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

cm_rc cm_signals_new(cm_signal_fn *run, void *user, cm_signals **ret_signals, cm_err *err) {
    cm_signals *signals = CM_NEW(cm_signals);
    signals->run = run;
    signals->user = user;
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &mask, &signals->old_mask);
    signals->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->stop_fd = eventfd(0, EFD_CLOEXEC);
    int failed = signals->signal_fd < 0 || signals->stop_fd < 0 ? errno : 0;
    if (!failed) {
        failed = pthread_create(&signals->thread, NULL, signals_main, signals);
    }
    if (failed) {
        signals_close(signals);
        return cm_fail_errno(err, failed, "cannot watch for signals");
    }
    *ret_signals = signals;
    return CM_OK;
}

void cm_signals_free(cm_signals *signals) {
    if (!signals) {
        return;
    }
    uint64_t one = 1;
    ssize_t written = write(signals->stop_fd, &one, sizeof(one));
    cm_assert(written == sizeof(one));
    pthread_join(signals->thread, NULL);
    signals_close(signals);
}
