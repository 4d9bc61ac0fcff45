/* What a repository may do to its reader: each question ends, and says nothing when there is nothing to be had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/git/git.h"
#include "index/git/protocol.h"
#include "index/past.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct sight {
    cm_git_rules rules;
    cm_str_list tracked;
    char head[CM_GIT_HEAD_TEXT];
    bool has_head;
    cm_rc history_rc;
    size_t history_len;
    cm_arena *arena;
} sight;

/* All four questions about one tree. */
static void ask_all(const char *root, sight *s) {
    cm_git *git = cm_git_new(root);
    cm_err err;
    cm_buf bytes;
    bool known;
    *s = (sight){.arena = cm_arena_new(0)};
    cm_buf_init(&bytes, CM_MIB(64));
    assert_int_equal(cm_git_rules_get(git, NULL, s->arena, &s->rules, &err), CM_OK);
    assert_int_equal(cm_git_tracked(git, NULL, s->arena, &s->tracked, &err), CM_OK);
    s->has_head = cm_git_head(git, s->head);
    s->history_rc = cm_git_history(git, &(cm_git_history_options){0}, &bytes, &known, &err);
    s->history_len = bytes.len;
    cm_buf_done(&bytes);
    cm_git_free(git);
}

static void test_index_git__a_repository_tells_its_rules_files_head_and_history(void **state) {
    fixture *f = *state;
    sight s;
    char expected[CM_GIT_HEAD_TEXT];
    git_oid oid;
    tree_write(&f->t, "a/b.c", CM_STR("1"));
    tree_write(&f->t, "a.c", CM_STR("2"));
    commit(f);
    ask_all(f->t.root, &s);
    assert_true(s.rules.found);
    assert_true(cm_str_eq(s.rules.top, cm_arena_fmt(s.arena, "%s/", f->t.root)));
    assert_int_equal(s.tracked.count, 2);
    assert_true(cm_git_is_tracked(s.tracked, CM_STR("a.c")));
    assert_true(cm_git_is_tracked(s.tracked, CM_STR("a/")));
    assert_false(cm_git_is_tracked(s.tracked, CM_STR("a")));
    assert_false(cm_git_is_tracked(s.tracked, CM_STR("z.c")));
    assert_int_equal(git_reference_name_to_id(&oid, f->git, "HEAD"), 0);
    assert_true(s.has_head);
    assert_string_equal(s.head, git_oid_tostr(expected, sizeof(expected), &oid));
    assert_int_equal(s.history_rc, CM_OK);
    assert_true(s.history_len > 0);
    cm_arena_free(s.arena);
}

static void test_index_git__a_plain_tree_has_none(void **state) {
    sight s;
    tree t;
    (void)state;
    tree_new(&t);
    ask_all(t.root, &s);
    assert_false(s.rules.found || s.has_head);
    assert_int_equal(s.tracked.count, 0);
    cm_arena_free(s.arena);
    tree_free(&t);
}

/* ---- faults ---- */

static void replace_by_fifo(const char *path) {
    (void)unlink(path); /* the index may not be there yet */
    assert_int_equal(mkfifo(path, 0600), 0);
}

static void fifo_config(const char *dot) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/config", dot);
    replace_by_fifo(path);
}

static void fifo_head(const char *dot) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/HEAD", dot);
    replace_by_fifo(path);
}

static void fifo_index(const char *dot) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/index", dot);
    replace_by_fifo(path);
}

/* Does it to each loose object. */
static void each_object(const char *dot, void (*change)(const char *path)) {
    char command[PATH_MAX + 64], path[PATH_MAX];
    snprintf(command, sizeof(command), "find '%s/objects' -type f", dot);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    while (fgets(path, sizeof(path), list)) {
        path[strcspn(path, "\n")] = 0;
        (void)chmod(path, 0600);
        change(path);
    }
    (void)pclose(list);
}

static void cut(const char *path) {
    assert_int_equal(truncate(path, 12), 0); /* the deflate stream has begun and does not end */
}

static void cut_objects(const char *dot) {
    each_object(dot, cut);
}

static void fifo_objects(const char *dot) {
    each_object(dot, replace_by_fifo);
}

static void loop_of_links(const char *dot) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/refs/heads/loop", dot);
    assert_int_equal(symlink("loop", path), 0);
    snprintf(path, sizeof(path), "%s/HEAD", dot);
    assert_int_equal(cm_file_replace(path, CM_STR("ref: refs/heads/loop\n"), 0600, NULL), CM_OK);
}

static void huge_refs(const char *dot) {
    char path[PATH_MAX];
    cm_buf refs;
    cm_buf_init(&refs, CM_MIB(64));
    for (unsigned i = 0; i < 200000; i++) {
        cm_buf_add_f(&refs, "%040x refs/heads/%08x\n", i + 1, 200000 - i);
    }
    snprintf(path, sizeof(path), "%s/packed-refs", dot);
    assert_int_equal(cm_file_replace(path, cm_buf_str(&refs), 0600, NULL), CM_OK);
    cm_buf_done(&refs);
}

static void pack_cut_short(const char *dot) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/objects/pack/pack-%040x.idx", dot, 1);
    assert_int_equal(cm_file_replace(path, CM_STR("\377tOc\0\0\0\2\0\0"), 0600, NULL), CM_OK);
    snprintf(path, sizeof(path), "%s/objects/pack/pack-%040x.pack", dot, 1);
    assert_int_equal(cm_file_replace(path, CM_STR("PACK\0\0"), 0600, NULL), CM_OK);
}

static void points_outside(const char *dot) {
    char moved[PATH_MAX];
    snprintf(moved, sizeof(moved), "%s.moved", dot);
    assert_int_equal(rename(dot, moved), 0);
    assert_int_equal(cm_file_replace(dot, CM_STR("gitdir: /dev\n"), 0600, NULL), CM_OK);
}

static void (*const faults[])(const char *dot) = {
    fifo_config,   fifo_head, fifo_index,     cut_objects,    fifo_objects,
    loop_of_links, huge_refs, pack_cut_short, points_outside,
};

static void *ask_in_thread(void *root) {
    sight s;
    ask_all(root, &s);
    cm_arena_free(s.arena);
    return NULL;
}

/* Each of them, all at once: a fault takes up to the bound of a question. That the threads end is what is tested. */
static void test_index_git__no_fault_holds_who_asks(void **state) {
    (void)state;
    void *fixtures[CM_COUNT(faults)];
    pthread_t threads[CM_COUNT(faults)];
    for (size_t i = 0; i < CM_COUNT(faults); i++) {
        char dot[PATH_MAX];
        set_up(&fixtures[i]);
        fixture *f = fixtures[i];
        tree_write(&f->t, "a.c", CM_STR("1"));
        commit(f);
        tree_path(&f->t, ".git", dot);
        faults[i](dot);
    }
    for (size_t i = 0; i < CM_COUNT(faults); i++) {
        fixture *f = fixtures[i];
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, f->t.root), 0);
    }
    for (size_t i = 0; i < CM_COUNT(faults); i++) {
        pthread_join(threads[i], NULL);
        tear_down(&fixtures[i]);
    }
}

static void test_index_git__a_cancelled_question_ends(void **state) {
    fixture *f = *state;
    char dot[PATH_MAX];
    cm_git_rules rules;
    cm_err err;
    tree_path(&f->t, ".git", dot);
    fifo_config(dot);
    cm_git *git = cm_git_new(f->t.root);
    cm_cancel *cancel = cm_cancel_new(0);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    assert_int_equal(cm_git_rules_get(git, cancel, f->arena, &rules, &err), CM_CANCELLED);
    cm_cancel_unref(cancel);
    cm_git_free(git);
}

/* ---- answers ---- */

static void test_index_git__a_damaged_answer_is_refused(void **state) {
    fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t len;
        bool ascending;
        cm_rc rc;
        size_t count;
    } cases[] = {
        {"", 0, true, CM_OK, 0},
        {"\1\0\0\0a\2\0\0\0ab", 11, true, CM_OK, 2},
        {"\2\0\0\0ab\1\0\0\0a", 11, true, CM_CORRUPT, 0}, /* order */
        {"\2\0\0\0ab\1\0\0\0a", 11, false, CM_OK, 2},
        {"\1\0\0\0a\1\0\0\0a", 10, true, CM_CORRUPT, 0}, /* twice */
        {"\5\0\0\0a", 5, false, CM_CORRUPT, 0},          /* longer than there is */
        {"\377\377\377\377a", 5, false, CM_CORRUPT, 0},
        {"\1\0", 2, false, CM_CORRUPT, 0},        /* half a length */
        {"\2\0\0\0a\0", 6, false, CM_CORRUPT, 0}, /* a NUL */
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_str_list list = {0};
        cm_err err;
        assert_int_equal(cm_git_strings(cm_str_make(cases[i].bytes, cases[i].len),
                                        cases[i].ascending, f->arena, &list, &err),
                         cases[i].rc);
        assert_int_equal(list.count, cases[i].count);
    }
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(test_index_git__a_repository_tells_its_rules_files_head_and_history),
        WITH(test_index_git__a_plain_tree_has_none),
        WITH(test_index_git__no_fault_holds_who_asks),
        WITH(test_index_git__a_cancelled_question_ends),
        WITH(test_index_git__a_damaged_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
