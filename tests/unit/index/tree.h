/* tree.h - a throw-away directory tree for tests of the index. */
#ifndef CM_TEST_INDEX_TREE_H
#define CM_TEST_INDEX_TREE_H

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct tree {
    char root[PATH_MAX]; /* links resolved */
} tree;

static inline void tree_new(tree *t) {
    char name[] = "/tmp/cm-index-XXXXXX";
    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, t->root));
}

static inline void tree_free(tree *t) {
    assert_int_equal(cm_dir_remove(t->root, NULL), CM_OK);
}

static inline const char *tree_path(const tree *t, const char *path, char full[PATH_MAX]) {
    assert_true(snprintf(full, PATH_MAX, "%s/%s", t->root, path) < PATH_MAX);
    return full;
}

/* Writes a file, making its directories. Its time lies well in the past, so that the index may trust it,
 * and rises with every write, so that every write shows. */
static inline void tree_write(const tree *t, const char *path, cm_str text) {
    static int writes;
    char full[PATH_MAX], directory[PATH_MAX];
    tree_path(t, path, full);
    cm_str parent = cm_path_directory(cm_str_from(full));
    memcpy(directory, parent.ptr, parent.len);
    directory[parent.len] = 0;
    assert_int_equal(cm_dir_make(directory, NULL), CM_OK);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr ? text.ptr : "", text.len), text.len);
    struct timespec times[2] = {{1000000000 + ++writes, 0}, {1000000000 + writes, 0}};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static inline void tree_remove(const tree *t, const char *path) {
    char full[PATH_MAX];
    assert_int_equal(cm_dir_remove(tree_path(t, path, full), NULL), CM_OK);
}

#endif
