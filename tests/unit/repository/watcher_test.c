#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "index/git.h"
#include "index/indexed.h"
#include "index/live/index_priv.h"
#include "repository/repository_priv.h"
#include "repository/statistics.h"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#define PATIENCE_MS INDEXED_PATIENCE_MS

typedef indexed fixture;

static const cm_uuid some_id = {{4}};

static void open_watched(fixture *f) {
    cm_indexer_options options = {.watch = true, .watch_poll_ms = 50};
    indexed_open(f, &options, &some_id, NULL);
    cm_rc rc = cm_repository_index(f->repository, CM_INDEX_INCREMENTAL, NULL);
    assert_true(rc == CM_OK || rc == CM_CONFLICT);
    assert_int_equal(cm_repository_wait(f->repository, PATIENCE_MS, NULL), CM_OK);
}

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    indexed_new(f);
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "d/b.py", CM_STR("two\n"));
    open_watched(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    indexed_free(f);
    cm_free(f);
    return 0;
}

static bool has_text(fixture *f, const char *path, const char *want) {
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_arena *arena = cm_arena_new(0);
    cm_index_document d;
    cm_str text;
    bool found = s && cm_snapshot_find_document(s, cm_str_from(path), &d);
    bool same = want ? found && cm_snapshot_text(s, d.id, arena, &text, NULL) == CM_OK &&
                           cm_str_eq_c(text, want)
                     : !found;
    cm_arena_free(arena);
    cm_snapshot_unref(s);
    return same;
}

/* Asks until the index says so; the bound only ends a failing test. */
static void assert_soon(fixture *f, const char *path, const char *want) {
    uint64_t end = cm_clock_ms() + PATIENCE_MS;
    while (!has_text(f, path, want)) {
        assert_true(cm_clock_ms() < end);
        poll(NULL, 0, 1);
    }
}

static void test_repository_watcher__edits_appear_without_being_asked_for(void **state) {
    fixture *f = *state;
    assert_soon(f, "a.py", "one\n");
    tree_write(&f->source, "a.py", CM_STR("edited\n"));
    assert_soon(f, "a.py", "edited\n");
    tree_remove(&f->source, "a.py");
    assert_soon(f, "a.py", NULL);
}

static void test_repository_watcher__new_directories_are_followed(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "x/y/z.py", CM_STR("deep\n"));
    assert_soon(f, "x/y/z.py", "deep\n");
    tree_write(&f->source, "x/y/z.py", CM_STR("deeper\n"));
    assert_soon(f, "x/y/z.py", "deeper\n");
    tree_remove(&f->source, "x");
    assert_soon(f, "x/y/z.py", NULL);
}

static void test_repository_watcher__rename_moves_the_document(void **state) {
    fixture *f = *state;
    char from[PATH_MAX], to[PATH_MAX];
    assert_int_equal(rename(tree_path(&f->source, "d", from), tree_path(&f->source, "e", to)), 0);
    assert_soon(f, "e/b.py", "two\n");
    assert_soon(f, "d/b.py", NULL);
}

static void test_repository_watcher__new_ignore_rules_take_files_out(void **state) {
    fixture *f = *state;
    tree_write(&f->source, ".gitignore", CM_STR("d/\n"));
    assert_soon(f, "d/b.py", NULL);
    assert_soon(f, "a.py", "one\n");
}

static void test_repository_watcher__branch_switch_of_many_files_is_followed(void **state) {
    fixture *f = *state;
    char path[32];
    for (int i = 0; i < 600; i++) {
        snprintf(path, sizeof(path), "many/f%d.py", i);
        tree_write(&f->source, path, CM_STR("x = 1\n"));
    }
    for (int i = 0; i < 600; i++) {
        snprintf(path, sizeof(path), "many/f%d.py", i);
        assert_soon(f, path, "x = 1\n");
    }
}

/* As "rm -rf tree; git clone ... tree" does, and a script that puts the new one in place by renaming. */
static void test_repository_watcher__tree_that_is_made_anew_is_followed(void **state) {
    fixture *f = *state;
    char away[PATH_MAX];
    snprintf(away, sizeof(away), "%s.away", f->source.root);
    tree_write(&f->source, "a.py", CM_STR("watched\n"));
    assert_soon(f, "a.py", "watched\n");
    assert_int_equal(rename(f->source.root, away), 0);
    assert_int_equal(mkdir(f->source.root, 0700), 0);
    tree_write(&f->source, "a.py", CM_STR("another\n"));
    assert_soon(f, "a.py", "another\n");
    assert_soon(f, "d/b.py", NULL);
    tree_remove(&f->source, "a.py");
    assert_soon(f, "a.py", NULL);
    assert_int_equal(rmdir(f->source.root), 0);
    assert_int_equal(rename(away, f->source.root), 0);
    assert_soon(f, "a.py", "watched\n");
    assert_soon(f, "d/b.py", "two\n");
    tree_write(&f->source, "d/b.py", CM_STR("edited\n"));
    assert_soon(f, "d/b.py", "edited\n");
}

static cm_watcher_stats stats_of(fixture *f) {
    return cm_watcher_stats_get(f->repository->watcher);
}

/* A checkout of a thousand files is one look at the tree, not a thousand. Reading in is held up here until the checkout
 * is complete. However the threads interleave, the watch acts at most six times: on what it had collected of the
 * files before and on the rest of that; on the first of the checkout (one job may begin to wait for us, and one batch),
 * and once we let go on what came till then and, after that job, on the rest. */
static void test_repository_watcher__checkout_of_a_thousand_files_is_one_batch(void **state) {
    fixture *f = *state;
    char path[32];
    git_repository *git = git_new(&f->source);
    git_commit_all(git, 1600000000);
    git_switch(git, "many");
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "d/f%d.py", i);
        tree_write(&f->source, path, CM_STR("x = 1\n"));
    }
    git_commit_all(git, 1600000001);
    git_switch(git, "master");
    assert_soon(f, "d/f999.py", NULL);
    assert_int_equal(cm_repository_wait(f->repository, PATIENCE_MS, NULL), CM_OK);
    pthread_mutex_lock(&f->repository->index->sync);
    cm_watcher_stats before = stats_of(f);
    git_switch(git, "many");
    pthread_mutex_unlock(&f->repository->index->sync);
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "d/f%d.py", i);
        assert_soon(f, path, "x = 1\n");
    }
    cm_watcher_stats after = stats_of(f);
    assert_in_range(after.jobs - before.jobs + after.synced - before.synced, 1, 6);
    git_free(git);
}

static size_t count_edited(fixture *f, cm_repositories_stats *ret_stats) {
    size_t count = 0;
    cm_indexer_stats_get(f->indexer, ret_stats);
    for (size_t i = 0; i < CM_EDIT_AGES; i++) {
        count += ret_stats->edited[i];
    }
    return count;
}

/* Reading in is held up: until it goes on, the edit is counted and grows older. */
static void test_repository_watcher__an_edit_counts_until_it_can_be_searched(void **state) {
    fixture *f = *state;
    cm_repositories_stats stats;
    uint64_t end = cm_clock_ms() + PATIENCE_MS;
    while (count_edited(f, &stats) > 0 || stats.states[CM_REPOSITORY_OPEN] != 1) {
        assert_true(cm_clock_ms() < end);
        poll(NULL, 0, 1);
    }
    assert_int_equal(stats.oldest_edit_ms, 0);
    assert_int_equal(stats.watched + stats.polled, 1);
    assert_int_equal(stats.not_followed, 0);
    pthread_mutex_lock(&f->repository->index->sync);
    tree_write(&f->source, "a.py", CM_STR("edited\n"));
    while (count_edited(f, &stats) == 0 || stats.oldest_edit_ms < 1000) {
        assert_true(cm_clock_ms() < end);
        poll(NULL, 0, 1);
    }
    assert_int_equal(count_edited(f, &stats), 1);
    assert_int_equal(stats.edited[CM_EDIT_UNDER_1S], 0);
    pthread_mutex_unlock(&f->repository->index->sync);
    assert_soon(f, "a.py", "edited\n");
    while (count_edited(f, &stats) > 0) {
        assert_true(cm_clock_ms() < end);
        poll(NULL, 0, 1);
    }
    assert_int_equal(stats.oldest_edit_ms, 0);
}

/* More events than the kernel keeps while the watch waits to read a file in. */
static void flood(fixture *f, uint64_t events) {
    char path[64];
    pthread_mutex_lock(&f->repository->index->sync);
    tree_write(&f->source, "a.py", CM_STR("first\n")); /* the watch waits to read this one in */
    for (uint64_t i = 0; i < events; i++) { /* alternating: equal events in a row are one */
        char full[PATH_MAX];
        snprintf(path, sizeof(path), "d/noise%llu.py", (unsigned long long)(i % 4));
        int fd = open(tree_path(&f->source, path, full), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    tree_write(&f->source, "deep/er/new.py", CM_STR("new\n"));
    pthread_mutex_unlock(&f->repository->index->sync);
    assert_soon(f, "deep/er/new.py", "new\n");
    assert_int_equal(cm_repository_wait(f->repository, PATIENCE_MS, NULL), CM_OK);
}

/* How early the watch begins to wait is the scheduler's business, so one flood may be read in time. */
static void test_repository_watcher__overflow_of_the_queue_loses_nothing(void **state) {
    fixture *f = *state;
    cm_err err = {0};
    cm_buf text;
    uint64_t queue = 0;
    cm_buf_init(&text, 64);
    assert_int_equal(cm_file_read("/proc/sys/fs/inotify/max_queued_events", 64, &text, &err),
                     CM_OK);
    assert_true(cm_str_to_u64(cm_str_trim(cm_buf_str(&text)), &queue));
    cm_buf_done(&text);
    if (queue > 100000) {
        skip();
    }
    for (uint64_t round = 1; round <= 6 && stats_of(f).overflows == 0; round++) {
        flood(f, 2 * round * queue);
    }
    assert_in_range(stats_of(f).overflows, 1, 1000);
    assert_int_equal(cm_repository_wait(f->repository, PATIENCE_MS, NULL), CM_OK);
    tree_write(&f->source, "deep/er/new.py", CM_STR("newer\n")); /* its folder is watched again */
    assert_soon(f, "deep/er/new.py", "newer\n");
}

static void test_repository_watcher__time_that_goes_back_hides_no_edit(void **state) {
    fixture *f = *state;
    char full[PATH_MAX];
    const struct timespec past[2] = {{1, 0}, {1, 0}};
    tree_path(&f->source, "a.py", full);
    int fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, "two\n", 4), 4); /* as long as before, and older */
    assert_int_equal(futimens(fd, past), 0);
    close(fd);
    assert_soon(f, "a.py", "two\n");
    assert_int_equal(cm_repository_wait(f->repository, PATIENCE_MS, NULL), CM_OK);
    indexed_close(f);
    fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC); /* while nobody watches, from the future */
    assert_int_equal(write(fd, "six\n", 4), 4);
    const struct timespec future[2] = {{4000000000, 0}, {4000000000, 0}};
    assert_int_equal(futimens(fd, future), 0);
    close(fd);
    open_watched(f);
    assert_soon(f, "a.py", "six\n");
}

/* ---- in a process of its own: this program once more, told what to be ---- */

#define CHILD_SKIPS 77

/* Starts it with its errors going to `log` (-1 = as ours); the caller waits for it. Threads of ours would not survive
 * a fork alone. */
static pid_t start_child(const char *role, const fixture *f, const char *setting, int number,
                         int log) {
    char limit[16];
    snprintf(limit, sizeof(limit), "%d", number);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) {
        return child;
    }
    if (log >= 0) {
        dup2(log, STDERR_FILENO);
    }
    execl("/proc/self/exe", "watcher_test", role, f->source.root, setting, limit, (char *)NULL);
    _exit(1);
}

static void await_child(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_SKIPS) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- limits: in a user namespace of its own, where they can be set ---- */

static bool write_number(const char *path, int number) {
    char text[16];
    int n = snprintf(text, sizeof(text), "%d", number);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, (size_t)n) == n;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* Runs with at most `number` of what `setting` counts. */
static int child_with_limit(const char *root, const char *setting, int number) {
    fixture f = {0};
    if (unshare(CLONE_NEWUSER) != 0 || !write_number(setting, number)) {
        return CHILD_SKIPS;
    }
    snprintf(f.source.root, sizeof(f.source.root), "%s", root);
    snprintf(f.data.root, sizeof(f.data.root), "%s/.git", root); /* not walked */
    cm_log_init(CM_LOG_WARN, CM_LOG_JSON, STDERR_FILENO);
    open_watched(&f);
    tree_write(&f.source, "d/b.py", CM_STR("seen by looking\n"));
    assert_soon(&f, "d/b.py", "seen by looking\n");
    tree_write(&f.source, "e/new/c.py", CM_STR("new\n"));
    assert_soon(&f, "e/new/c.py", "new\n");
    indexed_close(&f);
    return 0;
}

static void run_with_limit(fixture *f, const char *setting, int number) {
    char said[8192];
    int log[2];
    assert_int_equal(pipe(log), 0);
    pid_t child = start_child("limited", f, setting, number, log[1]);
    close(log[1]);
    size_t len = 0;
    for (ssize_t n;
         len < sizeof(said) - 1 && (n = read(log[0], said + len, sizeof(said) - 1 - len)) > 0;) {
        len += (size_t)n;
    }
    said[len] = 0;
    close(log[0]);
    await_child(child);
    const char *first = strstr(said, "too many directories to watch");
    assert_non_null(first);
    assert_null(
        strstr(first + 1, "too many directories to watch")); /* once, however often it looks */
}

static void test_repository_watcher__without_room_for_watches_it_looks_now_and_then(void **state) {
    run_with_limit(*state, "/proc/sys/user/max_inotify_watches", 1);
}

static void test_repository_watcher__without_an_instance_it_looks_now_and_then(void **state) {
    run_with_limit(*state, "/proc/sys/user/max_inotify_instances", 0);
}

/* ---- what may not be read: as somebody who is not root ---- */

static int child_without_rights(const char *root) {
    fixture f = {0};
    cm_index_document d;
    char full[PATH_MAX];
    snprintf(f.source.root, sizeof(f.source.root), "%s", root);
    snprintf(f.data.root, sizeof(f.data.root), "%s/.git", root);
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) {
        return CHILD_SKIPS;
    }
    open_watched(&f);
    cm_snapshot *s = cm_repository_snapshot(f.repository);
    assert_true(cm_snapshot_find_document(s, CM_STR("closed.py"), &d));
    assert_int_equal(d.status, CM_DOCUMENT_UNREADABLE);
    assert_false(cm_snapshot_find_document(s, CM_STR("shut/in.py"), &d));
    assert_true(has_text(&f, "a.py", "one\n"));
    cm_snapshot_unref(s);
    assert_int_equal(chmod(tree_path(&f.source, "closed.py", full), 0600), 0);
    cm_str paths[] = {CM_STR("closed.py")};
    assert_int_equal(cm_repository_sync(f.repository, (cm_str_list){paths, 1}, NULL), CM_OK);
    assert_true(has_text(&f, "closed.py", "secret\n"));
    indexed_close(&f);
    return 0;
}

static void give_away(const tree *t, const char *path, mode_t mode) {
    char full[PATH_MAX];
    tree_path(t, path, full);
    assert_int_equal(chown(full, 65534, 65534), 0);
    assert_int_equal(chmod(full, mode), 0);
}

static void test_repository_watcher__unreadable_files_are_listed_and_directories_passed_over(
    void **state) {
    fixture *f = *state;
    if (geteuid() != 0) {
        skip(); /* only root can become somebody else */
    }
    tree_write(&f->source, "closed.py", CM_STR("secret\n"));
    tree_write(&f->source, "shut/in.py", CM_STR("secret\n"));
    tree_write(&f->source, ".git/x", CM_STR("")); /* the data of the child: not walked */
    static const struct {
        const char *path;
        mode_t mode;
    } owned[] = {{"", 0700}, {".git", 0700}, {"a.py", 0600}, {"closed.py", 0}, {"shut", 0}};
    for (size_t i = 0; i < CM_COUNT(owned); i++) {
        give_away(&f->source, owned[i].path, owned[i].mode);
    }
    await_child(start_child("nobody", f, "", 0, -1));
}

int main(int argc, char **argv) {
    uint64_t number;
    if (argc == 5 && strcmp(argv[1], "limited") == 0 &&
        cm_str_to_u64(cm_str_from(argv[4]), &number)) {
        return child_with_limit(argv[2], argv[3], (int)number);
    }
    if (argc == 5 && strcmp(argv[1], "nobody") == 0) {
        return child_without_rights(argv[2]);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_repository_watcher__edits_appear_without_being_asked_for),
        T(test_repository_watcher__new_directories_are_followed),
        T(test_repository_watcher__rename_moves_the_document),
        T(test_repository_watcher__new_ignore_rules_take_files_out),
        T(test_repository_watcher__branch_switch_of_many_files_is_followed),
        T(test_repository_watcher__an_edit_counts_until_it_can_be_searched),
        T(test_repository_watcher__tree_that_is_made_anew_is_followed),
        T(test_repository_watcher__checkout_of_a_thousand_files_is_one_batch),
        T(test_repository_watcher__overflow_of_the_queue_loses_nothing),
        T(test_repository_watcher__time_that_goes_back_hides_no_edit),
        T(test_repository_watcher__without_room_for_watches_it_looks_now_and_then),
        T(test_repository_watcher__without_an_instance_it_looks_now_and_then),
        T(test_repository_watcher__unreadable_files_are_listed_and_directories_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
