#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/beneath.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int open_fn(int top, cm_str path, int flags);

static void test_base_beneath__no_link_is_followed_on_the_way(void **state) {
    (void)state;
    static open_fn *const ways[] = {cm_beneath_open, cm_beneath_open_slowly};
    static const struct {
        const char *path;
        bool opens;
    } cases[] = {{"in/a", true},  {"in", true},         {"link/a", false},
                 {"link", false}, {"in/link/a", false}, {"in/to", false},
                 {"no/a", false}, {"in/a/x", false},    {"in/deep/b", true}};
    char name[] = "/tmp/cm-beneath-XXXXXX", root[PATH_MAX], full[PATH_MAX + 32];
    int top;
    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, root));
    static const char *const folders[] = {"in/deep", "out"};
    static const char *const files[] = {"in/a", "in/deep/b", "out/a"};
    static const char *const links[] = {"link", "in/link"};
    for (size_t i = 0; i < CM_COUNT(folders); i++) {
        snprintf(full, sizeof(full), "%s/%s", root, folders[i]);
        assert_int_equal(cm_dir_make(full, NULL), CM_OK);
    }
    for (size_t i = 0; i < CM_COUNT(files); i++) {
        snprintf(full, sizeof(full), "%s/%s", root, files[i]);
        assert_int_equal(cm_file_replace(full, CM_STR("x"), 0600, NULL), CM_OK);
    }
    for (size_t i = 0; i < CM_COUNT(links); i++) {
        snprintf(full, sizeof(full), "%s/%s", root, links[i]);
        assert_int_equal(symlink("../out", full), 0);
    }
    snprintf(full, sizeof(full), "%s/in/to", root);
    assert_int_equal(symlink("a", full), 0);
    assert_int_equal(cm_beneath_tree(root, &top, NULL), CM_OK);
    for (size_t w = 0; w < CM_COUNT(ways); w++) {
        for (size_t i = 0; i < CM_COUNT(cases); i++) {
            int fd = ways[w](top, cm_str_from(cases[i].path), O_RDONLY);
            if ((fd >= 0) != cases[i].opens) {
                fail_msg("'%s' by way %zu: %d", cases[i].path, w, fd);
            }
            assert_true(fd < 0 || close(fd) == 0);
        }
    }
    cm_beneath_close(top);
    snprintf(full, sizeof(full), "%s/in/link", root);
    assert_int_equal(cm_beneath_tree(full, &top, NULL), CM_DENIED);
    snprintf(full, sizeof(full), "%s/in/none", root);
    assert_int_equal(cm_beneath_tree(full, &top, NULL), CM_NOT_FOUND);
    assert_int_equal(cm_dir_remove(root, NULL), CM_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_beneath__no_link_is_followed_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
