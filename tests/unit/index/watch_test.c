#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "index/indexer.h"
#include "tree.h"

#include <poll.h>

#define PATIENCE_MS 10000

typedef struct fixture {
    tree source, data;
    cm_indexer *indexer;
    cm_repository *repository;
} fixture;

static const cm_uuid some_id = {{4}};

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    tree_new(&f->source);
    tree_new(&f->data);
    tree_write(&f->source, "a.py", CM_STR("one\n"));
    tree_write(&f->source, "d/b.py", CM_STR("two\n"));
    cm_indexer_options options = {.watch = true};
    assert_int_equal(cm_indexer_open(f->data.root, &options, &f->indexer, NULL), CM_OK);
    assert_int_equal(
        cm_indexer_add(f->indexer, &some_id, f->source.root, NULL, &f->repository, NULL), CM_OK);
    cm_rc rc = cm_repository_index(f->repository, CM_INDEX_INCREMENTAL, NULL);
    assert_true(rc == CM_OK || rc == CM_CONFLICT);
    assert_int_equal(cm_repository_wait(f->repository, PATIENCE_MS, NULL), CM_OK);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    cm_repository_unref(f->repository);
    cm_indexer_close(f->indexer);
    tree_free(&f->source);
    tree_free(&f->data);
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

static void test_index_watch__edits_appear_without_being_asked_for(void **state) {
    fixture *f = *state;
    assert_soon(f, "a.py", "one\n");
    tree_write(&f->source, "a.py", CM_STR("edited\n"));
    assert_soon(f, "a.py", "edited\n");
    tree_remove(&f->source, "a.py");
    assert_soon(f, "a.py", NULL);
}

static void test_index_watch__new_directories_are_followed(void **state) {
    fixture *f = *state;
    tree_write(&f->source, "x/y/z.py", CM_STR("deep\n"));
    assert_soon(f, "x/y/z.py", "deep\n");
    tree_write(&f->source, "x/y/z.py", CM_STR("deeper\n"));
    assert_soon(f, "x/y/z.py", "deeper\n");
    tree_remove(&f->source, "x");
    assert_soon(f, "x/y/z.py", NULL);
}

static void test_index_watch__rename_moves_the_document(void **state) {
    fixture *f = *state;
    char from[PATH_MAX], to[PATH_MAX];
    assert_int_equal(rename(tree_path(&f->source, "d", from), tree_path(&f->source, "e", to)), 0);
    assert_soon(f, "e/b.py", "two\n");
    assert_soon(f, "d/b.py", NULL);
}

static void test_index_watch__new_ignore_rules_take_files_out(void **state) {
    fixture *f = *state;
    tree_write(&f->source, ".gitignore", CM_STR("d/\n"));
    assert_soon(f, "d/b.py", NULL);
    assert_soon(f, "a.py", "one\n");
}

static void test_index_watch__branch_switch_of_many_files_is_followed(void **state) {
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

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_index_watch__edits_appear_without_being_asked_for),
        T(test_index_watch__new_directories_are_followed),
        T(test_index_watch__rename_moves_the_document),
        T(test_index_watch__new_ignore_rules_take_files_out),
        T(test_index_watch__branch_switch_of_many_files_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
