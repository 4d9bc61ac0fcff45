/* Directories that become links while they are read: what lies behind the link never enters the index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/beneath.h"
#include "index/live/analysis.h"
#include "index/live/index_priv.h"
#include "index/tree.h"
#include "repository/repository_priv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#define MARK   "marker_of_another_place"
#define ROUNDS 60

typedef struct fixture {
    tree source, data, outside;
    cm_indexer *indexer;
    cm_repository *repository;
} fixture;

static const cm_uuid some_id = {{1, 2, 3}};

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    tree_new(&f->source);
    tree_new(&f->data);
    tree_new(&f->outside);
    tree_write(&f->source, "in/a.py", CM_STR("x = 1\n"));
    tree_write(&f->outside, "a.py", CM_STR("x = '" MARK "'\n"));
    tree_write(&f->outside, "in/a.py", CM_STR("x = '" MARK "'\n"));
    assert_int_equal(cm_indexer_open(f->data.root, NULL, &f->indexer, NULL), CM_OK);
    assert_int_equal(
        cm_indexer_add(f->indexer, &some_id, f->source.root, NULL, &f->repository, NULL), CM_OK);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    cm_repository_unref(f->repository);
    cm_indexer_close(f->indexer);
    tree_free(&f->source);
    tree_free(&f->data);
    tree_free(&f->outside);
    cm_free(f);
    return 0;
}

static void link_in(fixture *f, const char *name) {
    char full[PATH_MAX];
    assert_int_equal(symlink(f->outside.root, tree_path(&f->source, name, full)), 0);
}

static enum cm_index_status run_job(fixture *f) {
    cm_index_progress progress;
    assert_int_equal(cm_repository_index(f->repository, CM_INDEX_FULL, NULL), CM_OK);
    assert_int_equal(cm_repository_wait(f->repository, 60000, NULL), CM_OK);
    cm_repository_progress(f->repository, &progress);
    return progress.status;
}

static void assert_no_marker(fixture *f) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_index_document d;
    for (uint32_t at = 0; s && cm_snapshot_next_document(s, &at, &d);) {
        cm_str text;
        if (cm_snapshot_text(s, d.id, arena, &text, NULL) == CM_OK) {
            assert_int_equal(cm_str_find(text, CM_STR(MARK)), SIZE_MAX);
        }
    }
    cm_snapshot_unref(s);
}

/* The walk saw a directory, and the reader finds a link: the order of every race. */
static void test_index_beneath__a_parent_that_became_a_link_is_gone(void **state) {
    fixture *f = *state;
    cm_analysis *analysis = NULL;
    int top;
    link_in(f, "late");
    assert_int_equal(cm_beneath_tree(f->source.root, &top, NULL), CM_OK);
    cm_analysis_request request = {
        .root = f->source.root, .tree = top, .path = CM_STR("late/a.py"), .file_bytes_max = 1000};
    assert_int_equal(cm_analysis_run(&request, &analysis, NULL), CM_OK);
    assert_null(analysis);
    close(top);
}

static void test_index_beneath__a_root_that_became_a_link_is_refused(void **state) {
    fixture *f = *state;
    char moved[PATH_MAX + 8];
    cm_err err = {0};
    cm_repository *again = NULL;
    assert_int_equal(run_job(f), CM_INDEX_READY);
    snprintf(moved, sizeof(moved), "%s.moved", f->source.root);
    assert_int_equal(rename(f->source.root, moved), 0);
    assert_int_equal(symlink(f->outside.root, f->source.root), 0);
    assert_int_equal(run_job(f), CM_INDEX_ERROR);
    assert_no_marker(f);
    cm_str path = CM_STR("in/a.py");
    assert_int_equal(cm_repository_sync(f->repository, (cm_str_list){&path, 1}, &err), CM_DENIED);
    assert_no_marker(f);
    /* As a server that starts does. */
    assert_int_equal(cm_indexer_add(f->indexer, &some_id, f->source.root, NULL, &again, &err),
                     CM_DENIED);
    assert_int_equal(unlink(f->source.root), 0);
    assert_int_equal(rename(moved, f->source.root), 0);
    assert_int_equal(run_job(f), CM_INDEX_READY);
}

typedef struct exchanger {
    char one[PATH_MAX], other[PATH_MAX];
    atomic_bool stop;
} exchanger;

static void *exchange_again(void *argument) {
    exchanger *x = argument;
    while (!atomic_load(&x->stop)) {
        (void)renameat2(AT_FDCWD, x->one, AT_FDCWD, x->other, RENAME_EXCHANGE);
    }
    return NULL;
}

static void test_index_beneath__the_marker_never_appears_in_a_race(void **state) {
    fixture *f = *state;
    exchanger x = {0};
    pthread_t thread;
    char name[32];
    link_in(f, "link");
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "in/f%d.py", i);
        tree_write(&f->source, name, CM_STR("y = 1\n"));
        tree_write(&f->outside, name + 3, CM_STR("y = '" MARK "'\n"));
    }
    tree_path(&f->source, "in", x.one);
    tree_path(&f->source, "link", x.other);
    assert_int_equal(pthread_create(&thread, NULL, exchange_again, &x), 0);
    for (int i = 0; i < ROUNDS; i++) {
        cm_str path = CM_STR("in");
        if (i % 2 == 0) {
            assert_int_equal(run_job(f), CM_INDEX_READY);
        } else {
            assert_int_equal(cm_repository_sync(f->repository, (cm_str_list){&path, 1}, NULL),
                             CM_OK);
        }
        assert_no_marker(f);
    }
    atomic_store(&x.stop, true);
    pthread_join(thread, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_index_beneath__a_parent_that_became_a_link_is_gone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_beneath__a_root_that_became_a_link_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_beneath__the_marker_never_appears_in_a_race,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
