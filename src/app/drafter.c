/* drafter.c - see drafter.h. */
#include "base/base.h"

#include "app/drafter.h"
#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL       "tools/draft_migration.py"
#define UP         "../../.." /* from src/store/migrations to the checkout */
#define OUTPUT_MAX CM_MIB(4)

extern char **environ;

static cm_rc read_all(int fd, cm_buf *out, cm_err *err) {
    char bytes[8192];
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0) {
            cm_buf_add(out, bytes, (size_t)got);
        }
    }
    return got < 0 ? cm_fail_errno(err, errno, "cannot read the draft") : cm_buf_check(out, err);
}

static cm_rc spawn(const char *tool, const char *folder, int output, pid_t *ret_pid, cm_err *err) {
    char *argv[] = {(char *)(uintptr_t) "python3", (char *)(uintptr_t) "-B",
                    (char *)(uintptr_t)tool, (char *)(uintptr_t)folder, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int code = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    code = code ? code : posix_spawnp(ret_pid, "python3", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? CM_OK
                     : cm_fail_errno(err, code, "cannot run python3, which drafts migrations");
}

/* Its standard error is ours: what is wrong with a declaration is told there. */
static cm_rc run_tool(const char *tool, const char *folder, cm_buf *out, cm_err *err) {
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return cm_fail_errno(err, errno, "cannot make a pipe");
    }
    cm_rc rc = spawn(tool, folder, ends[1], &pid, err);
    close(ends[1]);
    if (rc == CM_OK) {
        rc = read_all(ends[0], out, err);
        close(ends[0]);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        return rc == CM_OK && !good ? cm_fail(err, CM_INVALID,
                                              "the declared schema or a migration cannot be read; "
                                              "its fault is named above")
                                    : rc;
    }
    close(ends[0]);
    return rc;
}

cm_rc cm_drafter_run(const char *folder, cm_arena *arena, cm_drafter_result *ret_result,
                     cm_err *err) {
    cm_drafter_result result = {0};
    char root[PATH_MAX];
    char real[PATH_MAX];
    cm_str up = cm_arena_fmt(arena, "%s/" UP, folder);
    cm_str tool = CM_STR_EMPTY;
    if (realpath(folder, real) != NULL && realpath(up.ptr, root) != NULL) {
        tool = cm_arena_fmt(arena, "%s/" TOOL, root);
    }
    if (tool.len == 0 || access(tool.ptr, R_OK) != 0) {
        result.note = "no checkout around that folder: the file is an empty skeleton";
        *ret_result = result;
        return CM_OK;
    }
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, OUTPUT_MAX);
    cm_rc rc = run_tool(tool.ptr, real, &out, err);
    if (rc == CM_OK) {
        result.sections = cm_arena_c(arena, cm_buf_str(&out));
        result.note =
            cm_str_starts(cm_buf_str(&out), CM_STR("-- nothing differs"))
                ? "nothing differs from the declared schema: the file is an empty skeleton"
                : "a draft for review: look for '-- review' and '-- warning' in it";
        *ret_result = result;
    }
    return rc;
}
