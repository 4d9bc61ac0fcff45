/* file.c - whole files and directories.
 *
 * Replacing follows the order that survives a crash on ext4, xfs and btrfs alike: write beside, sync
 * the file, rename, sync the directory. A leftover "*.tmp-XXXXXX" file of a crash is harmless. */
#include "base/file.h"

#include "base/mem.h"
#include "base/path.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_DEPTH_MAX 256 /* cm_dir_remove holds one descriptor a level */

static void close_fd(const int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}

/* Opens a regular file. O_NONBLOCK: a FIFO in its place must not hang us. */
static cm_rc open_regular(const char *path, int *ret_fd, struct stat *ret_info, cm_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open '%s'", path);
    }
    if (fstat(fd, ret_info) != 0) {
        cm_rc rc = cm_fail_errno(err, errno, "cannot inspect '%s'", path);
        close(fd);
        return rc;
    }
    if (!S_ISREG(ret_info->st_mode)) {
        close(fd);
        return cm_fail(err, CM_INVALID, "'%s' is not a regular file", path);
    }
    *ret_fd = fd;
    return CM_OK;
}

cm_rc cm_file_read(const char *path, size_t max, cm_buf *out, cm_err *err) {
    cm_cleanup(close_fd) int fd = -1;
    struct stat info;
    cm_rc rc = open_regular(path, &fd, &info, err);
    if (rc) {
        return rc;
    }
    if ((uint64_t)info.st_size > max) {
        return cm_fail(err, CM_LIMIT, "'%s' of %lld bytes is longer than %zu", path,
                       (long long)info.st_size, max);
    }
    if (!cm_buf_reserve(out, (size_t)info.st_size)) {
        rc = cm_buf_check(out, err);
        return cm_err_prefix(err, rc, "cannot read '%s'", path);
    }
    for (size_t total = 0;;) {
        char chunk[CM_KIB(32)]; /* by way of the stack: the file may shrink or grow as we read */
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cm_fail_errno(err, errno, "cannot read '%s'", path);
        }
        if (got == 0) {
            break;
        }
        total += (size_t)got;
        if (total > max) {
            return cm_fail(err, CM_LIMIT, "'%s' is longer than %zu bytes", path, max);
        }
        cm_buf_add(out, chunk, (size_t)got);
    }
    rc = cm_buf_check(out, err);
    return rc ? cm_err_prefix(err, rc, "cannot read '%s'", path) : CM_OK;
}

static cm_rc write_all(int fd, cm_str contents, const char *path, cm_err *err) {
    while (contents.len) {
        ssize_t put = write(fd, contents.ptr, contents.len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return cm_fail_errno(err, errno, "cannot write '%s'", path);
        }
        contents = cm_str_from_offset(contents, (size_t)put);
    }
    return CM_OK;
}

static cm_rc fill_and_sync(int fd, cm_str contents, unsigned mode, const char *path, cm_err *err) {
    cm_rc rc = write_all(fd, contents, path, err);
    if (rc) {
        return rc;
    }
    if (fchmod(fd, (mode_t)mode) != 0) {
        return cm_fail_errno(err, errno, "cannot set the mode of '%s'", path);
    }
    if (fsync(fd) != 0) {
        return cm_fail_errno(err, errno, "cannot sync '%s'", path);
    }
    return CM_OK;
}

static cm_rc sync_parent(const char *path, cm_err *err) {
    cm_str directory = cm_path_directory(cm_str_from(path));
    const char *fallback = path[0] == '/' ? "/" : ".";
    cm_cleanup(cm_freep) char *name =
        directory.len ? cm_strndup(directory.ptr, directory.len) : cm_strdup(fallback);
    return cm_dir_sync(name, err);
}

cm_rc cm_file_replace(const char *path, cm_str contents, unsigned mode, cm_err *err) {
    cm_cleanup(cm_freep) char *temporary = cm_asprintf("%s.tmp-XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot create a file beside '%s'", path);
    }
    cm_rc rc = fill_and_sync(fd, contents, mode, temporary, err);
    if (close(fd) != 0 && rc == CM_OK) {
        rc = cm_fail_errno(err, errno, "cannot close '%s'", temporary);
    }
    if (rc == CM_OK && rename(temporary, path) != 0) {
        rc = cm_fail_errno(err, errno, "cannot replace '%s'", path);
    }
    if (rc) {
        unlink(temporary);
        return rc;
    }
    return sync_parent(path, err);
}

static cm_rc make_one(const char *path, cm_err *err) {
    if (mkdir(path, 0700) == 0) {
        return CM_OK;
    }
    int reason = errno;
    struct stat info;
    if (reason == EEXIST && stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            return CM_OK;
        }
        reason = ENOTDIR;
    }
    return cm_fail_errno(err, reason, "cannot make directory '%s'", path);
}

cm_rc cm_dir_make(const char *path, cm_err *err) {
    cm_cleanup(cm_freep) char *part = cm_strdup(path);
    for (char *at = part; *at; at++) {
        if (*at != '/' || at == part) {
            continue;
        }
        *at = '\0';
        cm_rc rc = make_one(part, err);
        if (rc) {
            return rc;
        }
        *at = '/';
    }
    return make_one(path, err);
}

cm_rc cm_dir_sync(const char *path, cm_err *err) {
    cm_cleanup(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open directory '%s'", path);
    }
    if (fsync(fd) != 0) {
        return cm_fail_errno(err, errno, "cannot sync directory '%s'", path);
    }
    return CM_OK;
}

static cm_rc remove_below(int parent, const char *name, const char *path, int depth, cm_err *err);

static cm_rc remove_entries(int fd, DIR *dir, const char *path, int depth, cm_err *err) {
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            return errno ? cm_fail_errno(err, errno, "cannot read directory '%s'", path) : CM_OK;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        cm_rc rc = remove_below(fd, entry->d_name, path, depth + 1, err);
        if (rc) {
            return rc;
        }
    }
}

/* Removes `name` below the open directory `parent`; `path` is what the caller asked for. Names are
 * resolved by descriptor, so that a directory swapped for a link meanwhile is not followed. */
static cm_rc remove_below(int parent, const char *name, const char *path, int depth, cm_err *err) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return CM_OK;
    }
    if (errno != EISDIR && errno != EPERM) {
        return cm_fail_errno(err, errno, "cannot remove '%s' in '%s'", name, path);
    }
    if (depth > DIR_DEPTH_MAX) {
        return cm_fail(err, CM_LIMIT, "'%s' is nested deeper than %d directories", path,
                       DIR_DEPTH_MAX);
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        cm_rc rc = cm_fail_errno(err, errno, "cannot open '%s' in '%s'", name, path);
        close_fd(&fd);
        return rc;
    }
    cm_rc rc = remove_entries(fd, dir, path, depth, err);
    closedir(dir);
    if (rc == CM_OK && unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
        rc = cm_fail_errno(err, errno, "cannot remove '%s' in '%s'", name, path);
    }
    return rc;
}

cm_rc cm_dir_remove(const char *path, cm_err *err) {
    return remove_below(AT_FDCWD, path, path, 0, err);
}

cm_rc cm_dir_each(const char *folder, cm_dir_entry_fn *each, void *argument, cm_err *err) {
    DIR *dir = opendir(folder);
    if (!dir) {
        return errno == ENOENT ? CM_OK : cm_fail_errno(err, errno, "cannot read '%s'", folder);
    }
    cm_rc rc = CM_OK;
    const struct dirent *entry;
    while (rc == CM_OK && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        cm_cleanup(cm_freep) char *path = cm_asprintf("%s/%s", folder, entry->d_name);
        rc = each(argument, path, entry->d_name, err);
    }
    closedir(dir);
    return rc;
}
