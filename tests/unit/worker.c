/* worker.c - makes each test program that indexes trees its own worker, as the server's program is: a child is the same
 * program with the worker's name as its first argument, and must not begin with the tests. */
#include "base/base.h"

#include "index/git/git.h"

#include <unistd.h>

static __attribute__((constructor)) void become_worker(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], CM_GIT_WORKER) == 0) {
        _exit(cm_git_worker_main(argc, argv));
    }
}
