/* mapping.c - read-only mappings of files, and what happens when such a file is cut short under us.
 *
 * Reading a page behind the end of a mapped file raises SIGBUS. Looking at the size before each access would cost a
 * system call each and still race, and copying every file into memory costs the memory. So the one handler of
 * signals we have puts pages of zeros there, marks the mapping as torn and returns: what reads on finds damage,
 * which it checks for anyway, and the owner of the mapping is told. Mappings are kept in blocks that are never freed,
 * so that the handler finds them without a lock. A SIGBUS anywhere else ends the process as before.
 *
 * Nothing is paid by those who read: the list is written at opening and closing, and read by the handler alone. */
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_SLOTS 512

struct cm_mapping_slot {
    _Atomic uintptr_t start; /* 0 = free */
    _Atomic size_t len;
    atomic_bool torn;
};

typedef struct block {
    struct cm_mapping_slot slots[BLOCK_SLOTS];
    struct block *_Atomic next;
} block;

static block first_block;
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;
static _Atomic int told = -1; /* eventfd, written by the handler */
static long page_bytes;

static struct cm_mapping_slot *slot_at(uintptr_t address) {
    for (block *b = &first_block; b; b = atomic_load(&b->next)) {
        for (size_t i = 0; i < BLOCK_SLOTS; i++) {
            struct cm_mapping_slot *s = &b->slots[i];
            uintptr_t start = atomic_load(&s->start);
            if (start != 0 && address >= start && address - start < atomic_load(&s->len)) {
                return s;
            }
        }
    }
    return NULL;
}

/* Only what may be done in a handler: atomics and system calls. */
static void on_bus_error(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    int saved = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    struct cm_mapping_slot *s = info->si_code == BUS_ADRERR ? slot_at(address) : NULL;
    uintptr_t page = address & ~((uintptr_t)page_bytes - 1);
    size_t rest = s ? (size_t)(atomic_load(&s->start) + atomic_load(&s->len) - page) : 0;
    if (!s || mmap((char *)page, rest, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                  MAP_FAILED) {
        (void)signal(signal_number, SIG_DFL); /* the same access ends the process */
        errno = saved;
        return;
    }
    atomic_store(&s->torn, true);
    uint64_t one = 1;
    int fd = atomic_load(&told);
    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
        errno = saved; /* told already */
    }
    errno = saved;
}

static void install_guard(void) {
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_RESTART};
    page_bytes = sysconf(_SC_PAGESIZE);
    sigemptyset(&action.sa_mask);
    atomic_store(&told, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    (void)sigaction(SIGBUS, &action, NULL);
}

static struct cm_mapping_slot *take_slot(const void *start, size_t len) {
    pthread_mutex_lock(&slots_lock);
    block *b = &first_block;
    for (;;) {
        for (size_t i = 0; i < BLOCK_SLOTS; i++) {
            struct cm_mapping_slot *s = &b->slots[i];
            if (atomic_load(&s->start) == 0) {
                atomic_store(&s->torn, false);
                atomic_store(&s->len, len);
                atomic_store(&s->start, (uintptr_t)start);
                pthread_mutex_unlock(&slots_lock);
                return s;
            }
        }
        if (!atomic_load(&b->next)) {
            atomic_store(&b->next, CM_NEW(block));
        }
        b = atomic_load(&b->next);
    }
}

cm_rc cm_mapping_open(const char *path, cm_mapping *ret_mapping, cm_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    pthread_once(&guard_once, install_guard);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open '%s'", path);
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return cm_fail(err, CM_INVALID, "'%s' is not a regular file", path);
    }
    size_t len = (size_t)info.st_size;
    if (len == 0) {
        close(fd);
        *ret_mapping = (cm_mapping){0};
        return CM_OK;
    }
    void *ptr = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    int reason = errno;
    close(fd);
    if (ptr == MAP_FAILED) {
        return cm_fail_errno(err, reason, "cannot map '%s'", path);
    }
    *ret_mapping = (cm_mapping){.ptr = ptr, .len = len, .slot = take_slot(ptr, len)};
    return CM_OK;
}

void cm_mapping_close(cm_mapping *mapping) {
    if (mapping->ptr) {
        atomic_store(&mapping->slot->start, 0);
        munmap((void *)(uintptr_t)mapping->ptr, mapping->len); /* the cast drops const only */
    }
    *mapping = (cm_mapping){0};
}

bool cm_mapping_is_torn(const cm_mapping *mapping) {
    return mapping->slot && atomic_load(&mapping->slot->torn);
}

int cm_mapping_torn_fd(void) {
    pthread_once(&guard_once, install_guard);
    return atomic_load(&told);
}
