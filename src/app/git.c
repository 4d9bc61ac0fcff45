/* git.c - see git.h. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/git.h"

#define ARGUMENTS_MAX 24

extern char **environ;

static int start(const char *directory, const char *const *arguments, int output, pid_t *ret_pid) {
    static char git[] = "git", at[] = "-C"; /* argv is not const, though nobody writes it */
    char *argv[ARGUMENTS_MAX + 4] = {git, at, (char *)(uintptr_t)directory};
    size_t count = 3;
    for (; *arguments != NULL && count < ARGUMENTS_MAX + 3; arguments++) {
        argv[count++] = (char *)(uintptr_t)*arguments;
    }
    cm_assert(*arguments == NULL);
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return failed;
    }
    failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, output, 1);
    failed =
        failed ? failed : posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    failed = failed ? failed : posix_spawnp(ret_pid, "git", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* To the end, also of what no longer fits: git must not be stopped by a full pipe. */
static void read_all(int fd, cm_buf *out) {
    char bytes[8192];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
        if (n > 0) {
            cm_buf_add(out, bytes, (size_t)n);
        } else if (errno != EINTR) {
            return;
        }
    }
}

cm_rc cm_git_run(const char *directory, const char *const *arguments, cm_buf *out, cm_err *err) {
    int ends[2], status = 0;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return cm_fail_errno(err, errno, "cannot ask git");
    }
    int failed = start(directory, arguments, ends[1], &pid);
    close(ends[1]);
    if (failed == 0) {
        read_all(ends[0], out);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
            continue;
        }
    }
    close(ends[0]);
    if (failed != 0) {
        return cm_fail_errno(err, failed, "cannot run git");
    }
    if (status != 0) {
        return cm_fail(err, CM_INVALID, "git %s failed in '%s'", arguments[0], directory);
    }
    return cm_buf_check(out, err);
}

cm_rc cm_git_line(const char *directory, const char *const *arguments, char *line, size_t size,
                  cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_KIB(64));
    cm_rc rc = cm_git_run(directory, arguments, &out, err);
    cm_str rest = cm_buf_str(&out), first = CM_STR_EMPTY;
    if (rc != CM_OK) {
        return rc;
    }
    (void)cm_str_line(&rest, &first);
    if (first.len >= size) {
        return cm_fail(err, CM_LIMIT, "git %s answered with a line too long", arguments[0]);
    }
    memcpy(line, first.ptr == NULL ? "" : first.ptr, first.len);
    line[first.len] = '\0';
    return CM_OK;
}
