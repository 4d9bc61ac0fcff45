/* past.h - a throw-away git repository and the reading of its history, for tests. */
#ifndef CM_TEST_INDEX_PAST_H
#define CM_TEST_INDEX_PAST_H

#include "index/git.h"
#include "index/git/history_read.h"

#define DAY 86400
#define NOW 1600000000

typedef struct fixture {
    tree t;
    git_repository *git;
    cm_history *history;
    cm_arena *arena;
    int64_t time;
} fixture;

static inline int set_up(void **state) {
    fixture *f = CM_NEW(fixture);
    tree_new(&f->t);
    f->git = git_new(&f->t);
    f->arena = cm_arena_new(0);
    f->time = NOW;
    *state = f;
    return 0;
}

static inline int tear_down(void **state) {
    fixture *f = *state;
    cm_history_unref(f->history);
    cm_arena_free(f->arena);
    git_free(f->git);
    tree_free(&f->t);
    cm_free(f);
    return 0;
}

/* A text of its own for each path and turn, long enough to be compared, most of it the same from turn to turn. */
static inline void write_file(fixture *f, const char *path, unsigned turn) {
    char text[2048];
    size_t len = (size_t)snprintf(text, sizeof(text), "turn %u\n", turn);
    for (unsigned i = 0; i < 40; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s has line %u\n", path, i);
    }
    tree_write(&f->t, path, cm_str_make(text, len));
}

static inline void commit(fixture *f) {
    git_commit_all(f->git, f->time);
    f->time += DAY;
}

/* `times` commits that change all of `paths`. */
static inline void change_together(fixture *f, unsigned times, const char *const *paths,
                                   size_t count) {
    static unsigned turn;
    for (unsigned n = 0; n < times; n++) {
        turn++;
        for (size_t i = 0; i < count; i++) {
            write_file(f, paths[i], turn);
        }
        commit(f);
    }
}

#define TOGETHER(f, times, ...)                                       \
    change_together((f), (times), (const char *const[]){__VA_ARGS__}, \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static inline void move(fixture *f, const char *from, const char *to) {
    char full_from[PATH_MAX], full_to[PATH_MAX];
    tree_path(&f->t, from, full_from);
    tree_path(&f->t, to, full_to);
    char *directory = cm_strdup(full_to);
    *strrchr(directory, '/') = 0;
    assert_int_equal(cm_dir_make(directory, NULL), CM_OK);
    cm_free(directory);
    assert_int_equal(rename(full_from, full_to), 0);
}

static inline void read_at(const char *root, uint32_t commits, const cm_history *old, cm_buf *bytes,
                           bool *ret_known) {
    cm_err err = {0};
    cm_history_options options = {.commits = commits, .old = old};
    cm_buf_init(bytes, CM_MIB(64));
    cm_rc rc = cm_history_read(root, &options, bytes, ret_known, &err);
    if (rc != CM_OK) {
        fail_msg("%s", err.text);
    }
}

#endif
