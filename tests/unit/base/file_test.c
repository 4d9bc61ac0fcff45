#include "base/file.h"

#include "base/mem.h"
#include "unit/check.h"
#include <sys/stat.h>
#include <unistd.h>

static int make_directory(void **state) {
    char *path = cm_strdup("/tmp/cm-file-test-XXXXXX");
    *state = mkdtemp(path);
    return *state ? 0 : -1;
}

static int remove_directory(void **state) {
    cm_rc rc = cm_dir_remove(*state, NULL);
    cm_free(*state);
    return rc ? -1 : 0;
}

static char *below(void **state, const char *name) {
    return cm_asprintf("%s/%s", (const char *)*state, name);
}

static void test_base_file__what_is_replaced_reads_back(void **state) {
    cm_cleanup(cm_freep) char *path = below(state, "f");
    cm_cleanup(cm_buf_done) cm_buf buf = {.max = 100000};
    assert_int_equal(cm_file_read(path, 10, &buf, NULL), CM_NOT_FOUND);
    assert_ok(cm_file_replace(path, CM_STR("old"), 0644, NULL));
    assert_ok(cm_file_replace(path, CM_STR("new text"), 0600, NULL));
    assert_ok(cm_file_read(path, 8, &buf, NULL));
    assert_string_equal(cm_buf_c(&buf), "new text");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    cm_err err;
    assert_int_equal(cm_file_read(path, 7, &buf, &err), CM_LIMIT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(cm_file_read(*state, 7, &buf, &err), CM_INVALID); /* a directory */
}

static void test_base_file__a_large_file_reads_whole(void **state) {
    cm_cleanup(cm_freep) char *path = below(state, "large");
    cm_cleanup(cm_buf_done) cm_buf text = {.max = 200000};
    for (int i = 0; i < 20000; i++) {
        cm_buf_add_f(&text, "%08d\n", i);
    }
    assert_ok(cm_file_replace(path, cm_buf_str(&text), 0600, NULL));
    cm_cleanup(cm_buf_done) cm_buf back = {.max = 180000};
    assert_ok(cm_file_read(path, 180000, &back, NULL));
    assert_true(cm_str_eq(cm_buf_str(&back), cm_buf_str(&text)));
    cm_cleanup(cm_buf_done) cm_buf small = {.max = 179999};
    assert_int_equal(cm_file_read(path, 180000, &small, NULL), CM_LIMIT);
    cm_mapping mapping;
    assert_ok(cm_mapping_open(path, &mapping, NULL));
    assert_int_equal(mapping.len, 180000);
    assert_memory_equal(mapping.ptr, text.ptr, text.len);
    cm_mapping_close(&mapping);
    assert_null(mapping.ptr);
}

static void test_base_file__an_empty_file_maps_to_nothing(void **state) {
    cm_cleanup(cm_freep) char *path = below(state, "empty");
    assert_ok(cm_file_replace(path, CM_STR_EMPTY, 0600, NULL));
    cm_mapping mapping = {.len = 1};
    assert_ok(cm_mapping_open(path, &mapping, NULL));
    assert_int_equal(mapping.len, 0);
    cm_mapping_close(&mapping);
    cm_cleanup(cm_buf_done) cm_buf buf = {.max = 0};
    assert_ok(cm_file_read(path, 0, &buf, NULL));
}

static void test_base_file__a_failed_replace_leaves_the_old_one_alone(void **state) {
    cm_cleanup(cm_freep) char *path = below(state, "d");
    assert_ok(cm_dir_make(path, NULL));
    cm_err err;
    assert_int_equal(cm_file_replace(path, CM_STR("x"), 0600, &err), CM_IO);
    cm_cleanup(cm_freep) char *missing = below(state, "no/such/f");
    assert_int_equal(cm_file_replace(missing, CM_STR("x"), 0600, &err), CM_NOT_FOUND);
    assert_int_equal(rmdir(path), 0); /* no temporary file was left beside or in it */
}

static void test_base_file__directories_are_made_and_removed_without_following_links(void **state) {
    cm_cleanup(cm_freep) char *deep = below(state, "a/b//c/");
    cm_cleanup(cm_freep) char *top = below(state, "a");
    cm_cleanup(cm_freep) char *kept = below(state, "kept");
    cm_cleanup(cm_freep) char *link = below(state, "a/b/link");
    cm_cleanup(cm_freep) char *under_file = below(state, "kept/x");
    assert_ok(cm_dir_make(deep, NULL));
    assert_ok(cm_dir_make(deep, NULL));
    assert_ok(cm_file_replace(kept, CM_STR("x"), 0600, NULL));
    assert_int_equal(cm_dir_make(under_file, NULL), CM_NOT_FOUND);
    assert_int_equal(symlink(*state, link), 0);
    assert_ok(cm_dir_remove(top, NULL));
    assert_int_equal(access(top, F_OK), -1);
    assert_int_equal(access(kept, F_OK), 0);
    assert_ok(cm_dir_remove(top, NULL)); /* a missing one is no error */
    assert_ok(cm_dir_sync(*state, NULL));
    assert_int_equal(cm_dir_sync(top, NULL), CM_NOT_FOUND);
}

static cm_rc count_entry(void *argument, const char *path, const char *name, cm_err *err) {
    size_t *count = argument;
    assert_int_equal(access(path, F_OK), 0);
    assert_non_null(strstr(path, name));
    return ++*count == 3 ? cm_fail(err, CM_LIMIT, "enough") : CM_OK;
}

static void test_base_file__each_entry_is_told_until_one_fails(void **state) {
    cm_cleanup(cm_freep) char *folder = below(state, "each");
    cm_cleanup(cm_freep) char *hidden = below(state, "each/.hidden");
    size_t count = 0;
    assert_ok(cm_dir_each(folder, count_entry, &count, NULL)); /* there is none yet */
    assert_ok(cm_dir_make(hidden, NULL));
    for (int i = 0; i < 4; i++) {
        cm_cleanup(cm_freep) char *path = cm_asprintf("%s/%d", folder, i);
        assert_ok(cm_file_replace(path, CM_STR("x"), 0600, NULL));
        if (i == 1) {
            assert_ok(cm_dir_each(folder, count_entry, &count, NULL));
            assert_int_equal(count, 2);
            count = 0;
        }
    }
    assert_int_equal(cm_dir_each(folder, count_entry, &count, NULL), CM_LIMIT);
    assert_int_equal(count, 3);
    assert_ok(cm_dir_remove(folder, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_file__what_is_replaced_reads_back),
        cmocka_unit_test(test_base_file__a_large_file_reads_whole),
        cmocka_unit_test(test_base_file__an_empty_file_maps_to_nothing),
        cmocka_unit_test(test_base_file__a_failed_replace_leaves_the_old_one_alone),
        cmocka_unit_test(test_base_file__directories_are_made_and_removed_without_following_links),
        cmocka_unit_test(test_base_file__each_entry_is_told_until_one_fails),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
