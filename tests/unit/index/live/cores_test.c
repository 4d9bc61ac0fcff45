/* Index jobs ask who may use the cores before each file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/indexed.h"

#define FILES 3

typedef struct fixture {
    indexed index;
    cm_compute *compute;
} fixture;

static const cm_uuid some_id = {{7, 7, 7}};

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    indexed_new(&f->index);
    for (int i = 0; i < FILES; i++) {
        char path[32];
        snprintf(path, sizeof(path), "file%d.py", i);
        tree_write(&f->index.source, path, CM_STR("value = 1\n"));
    }
    f->compute = cm_compute_new();
    cm_indexer_options options = {.index = {.compute = f->compute}};
    indexed_open(&f->index, &options, &some_id, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    indexed_free(&f->index);
    cm_compute_free(f->compute); /* asserts that all that began has ended */
    cm_free(f);
    return 0;
}

static void test_index_cores__each_file_is_asked_for(void **state) {
    fixture *f = *state;
    indexed_run(f->index.repository, CM_INDEX_FULL);
    cm_compute_stats stats = cm_compute_stats_get(f->compute);
    assert_int_equal(stats.pieces, FILES);
    assert_int_equal(stats.waited, 0);
}

static void test_index_cores__files_wait_for_inference_and_are_indexed_all_the_same(void **state) {
    fixture *f = *state;
    cm_compute_foreground_begin(f->compute);
    indexed_run(f->index.repository, CM_INDEX_FULL);
    cm_compute_foreground_end(f->compute);
    cm_compute_stats stats = cm_compute_stats_get(f->compute);
    assert_int_equal(stats.pieces, FILES);
    assert_int_equal(stats.waited, FILES);
}

int main(void) {
#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_TREE(test_index_cores__each_file_is_asked_for),
        ON_TREE(test_index_cores__files_wait_for_inference_and_are_indexed_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
