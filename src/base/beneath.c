/* beneath.c - see beneath.h. */
#include "base/beneath.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_bool is_missing; /* the kernel has no openat2: asked once */

static int open_at_once(int tree, const char *path, int flags, uint64_t resolve) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
                           .resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    long fd;
    do {
        fd = syscall(SYS_openat2, tree, path, &how, sizeof(how));
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return (int)fd;
}

/* A file of no rights gives EACCES; EPERM is what filters of system calls say of those that they do not know. */
static bool note_missing(void) {
    bool missing = errno == ENOSYS || errno == EPERM;
    if (missing) {
        atomic_store(&is_missing, true);
    }
    return missing;
}

int cm_beneath_open_slowly(int tree, cm_str path, int flags) {
    char name[CM_PATH_BYTES_MAX];
    cm_str part;
    int at = fcntl(tree, F_DUPFD_CLOEXEC, 0);
    while (at >= 0 && cm_str_split(&path, '/', &part)) {
        if (part.len == 0 || part.len >= sizeof(name)) {
            close(at);
            errno = part.len == 0 ? ENOENT : ENAMETOOLONG;
            return -1;
        }
        memcpy(name, part.ptr, part.len);
        name[part.len] = '\0';
        int how = path.len > 0 ? O_PATH | O_DIRECTORY : flags;
        int next = openat(at, name, how | O_CLOEXEC | O_NOFOLLOW);
        int reason = errno;
        close(at);
        errno = reason;
        at = next;
    }
    return at;
}

int cm_beneath_open(int tree, cm_str path, int flags) {
    char name[2 * CM_PATH_BYTES_MAX];
    if (path.len >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (!atomic_load(&is_missing)) {
        memcpy(name, path.ptr, path.len);
        name[path.len] = '\0';
        int fd = open_at_once(tree, name, flags, RESOLVE_BENEATH);
        if (fd >= 0 || !note_missing()) {
            return fd;
        }
    }
    return cm_beneath_open_slowly(tree, path, flags);
}

cm_rc cm_beneath_tree(const char *path, int *ret_tree, cm_err *err) {
    static const int flags = O_RDONLY | O_DIRECTORY;
    int fd = -1;
    if (!atomic_load(&is_missing)) {
        fd = open_at_once(AT_FDCWD, path, flags, 0);
    }
    if (fd < 0 && (atomic_load(&is_missing) || note_missing())) {
        int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        cm_str rest = cm_str_from(path[0] == '/' ? path + 1 : path);
        fd =
            rest.len == 0 ? open("/", flags | O_CLOEXEC) : cm_beneath_open_slowly(top, rest, flags);
        int reason = errno;
        close(top);
        errno = reason;
    }
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) { /* the kernel says either of a link */
        return cm_fail(err, CM_DENIED,
                       "a part of '%s' is a link or a file now; index where it leads by that path",
                       path);
    }
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot read directory '%s'", path);
    }
    *ret_tree = fd;
    return CM_OK;
}

void cm_beneath_close(int tree) {
    if (tree >= 0) {
        close(tree);
    }
}
