/* child.h - child processes of this same binary, for code that must not be trusted.
 *
 * The parent starts /proc/self/exe with arguments of its choice; the child finds one end of a
 * message socket (SOCK_SEQPACKET: one send is one receive, and the death of either side is an end of
 * file at the other) and, when asked for, one shared memory area. The child then locks itself in:
 * limits on address space and CPU time, no new privileges, no other descriptors, and a seccomp
 * allow-list of memory, message and clock calls. Anything else kills it. Threads, files, sockets and
 * programs are out of its reach; so is making memory executable.
 *
 *     parent                                      child (first thing in main for that argv[1])
 *     cm_child_spawn(&spec, &child, err)          cm_child_enter(&self, err)
 *                                                 ... load tables, allocate ...
 *                                                 cm_child_seal(err)
 *     cm_child_send(child, request, ...)          while (cm_channel_receive(self.fd, ...) == CM_OK)
 *     cm_child_receive(child, deadline, ...)          ... work ..., cm_channel_send(self.fd, ...)
 *
 * A child starts no children: cm_child_spawn fails there.
 *
 * A child leaves by _exit, never by exit: handlers of the parent's libraries are not its business.
 * Under address and thread sanitizers the address-space limit is not applied (they reserve terabytes).
 *
 * Thread: a cm_child has one owner at a time; cm_child_kill may come from any thread. */
#ifndef CM_RT_CHILD_H
#define CM_RT_CHILD_H

#include "base/err.h"

#define CM_CHILD_MESSAGE_MAX (64 * 1024) /* one message; larger things go through shared memory */

typedef struct cm_child cm_child;

typedef struct cm_child_spec {
    const char *const *argv;  /* NULL-terminated; argv[0] is the name shown by ps */
    size_t shared_bytes;      /* shared memory, rounded up to pages; 0 = none */
    size_t address_space_max; /* bytes, 0 = none */
    uint32_t cpu_seconds_max; /* over the child's whole life, 0 = none */
    bool inherit_stderr;      /* else the child's standard error is /dev/null */
} cm_child_spec;

/* How a child ended. */
typedef struct cm_child_end {
    int exit_code;      /* -1 when a signal ended it */
    int signal;         /* 0 when it left by itself; SIGSYS = forbidden system call */
    uint64_t cpu_us;    /* user + system time */
    uint64_t rss_bytes; /* peak resident size */
} cm_child_end;

/* CM_NOT_FOUND or CM_DENIED (the program), CM_NOMEM, CM_IO (no process or socket to be had). */
cm_rc cm_child_spawn(const cm_child_spec *spec, cm_child **ret_child, cm_err *err) cm_must_check;
/* Kills the child if it still runs, reaps it, unmaps the memory. NULL is allowed. */
void cm_child_free(cm_child *child);
int cm_child_pid(const cm_child *child);
/* Shared area (NULL when none was asked for), page aligned, zeroed at the start. The other side may
 * write it at any moment: copy what is checked before it is used. */
void *cm_child_shared(const cm_child *child, size_t *ret_len);
/* SIGKILL, at once. The next receive returns CM_END. */
void cm_child_kill(cm_child *child);
/* False when it has ended; then `*ret_end` (may be NULL) says how. Never blocks. */
bool cm_child_alive(cm_child *child, cm_child_end *ret_end);

/* Processor time of the running child so far; 0 when it has ended. */
uint64_t cm_child_cpu_ns(cm_child *child);

/* One message of 1..CM_CHILD_MESSAGE_MAX bytes. CM_END when the child is gone, CM_OVERLOADED when it
 * has stopped reading. Never blocks. */
cm_rc cm_child_send(cm_child *child, const void *bytes, size_t len, cm_err *err) cm_must_check;
/* Waits until `deadline_ns` on the cm_clock_ns scale (0 = for ever). CM_TIMEOUT; CM_END when the
 * child is gone, with text that says how it ended; CM_LIMIT when the message is longer than `max`
 * (it is lost). */
cm_rc cm_child_receive(cm_child *child, uint64_t deadline_ns, void *bytes, size_t max,
                       size_t *ret_len, cm_err *err) cm_must_check;

/* --- the child's side --- */
typedef struct cm_child_self {
    int fd; /* message socket, blocking */
    void *shared;
    size_t shared_len;
} cm_child_self;

/* First call in the child: takes the limits from the parent, maps the shared memory, closes every
 * other descriptor but 0..2. CM_INVALID when the process was not started by cm_child_spawn. */
cm_rc cm_child_enter(cm_child_self *ret_self, cm_err *err) cm_must_check;
/* From here on only the allow-list works. Nothing undoes it. CM_SANDBOX_UNAVAILABLE: the kernel has none. */
cm_rc cm_child_seal(cm_err *err) cm_must_check;

/* The same for a child whose work is reading files: besides, it may open and list what the user may
 * read. CM_SANDBOX_UNAVAILABLE: as above. */
cm_rc cm_child_seal_reading(cm_err *err) cm_must_check;

/* CM_END when the parent has gone. */
cm_rc cm_channel_send(int fd, const void *bytes, size_t len, cm_err *err) cm_must_check;
cm_rc cm_channel_receive(int fd, void *bytes, size_t max, size_t *ret_len,
                         cm_err *err) cm_must_check;

#endif
