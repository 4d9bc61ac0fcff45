/* Which files change together, read from real git repositories (history_read.c, history_diff.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/past.h"
#include "index/graph/graph.h"
#include "index/indexed.h"

#include <math.h>

static const cm_uuid some_id = {{5}};

/* Reads what is new; the history of before is taken along, as a job does it. */
static const cm_history *read_history(fixture *f) {
    cm_buf bytes;
    bool known = false;
    read_at(f->t.root, 0, f->history, &bytes, &known);
    if (!known) {
        cm_history *history;
        assert_int_equal(cm_history_take(&bytes, &history, NULL), CM_OK);
        cm_history_unref(f->history);
        f->history = history;
    }
    cm_buf_done(&bytes);
    return f->history;
}

static const cm_cochange *together(fixture *f, const char *path, size_t *ret_count) {
    const cm_cochange *items;
    uint32_t file = cm_history_find(f->history, cm_str_from(path));
    assert_int_not_equal(file, CM_ID_NONE);
    assert_int_equal(cm_history_together(f->history, file, f->arena, &items, ret_count, NULL),
                     CM_OK);
    return items;
}

static uint32_t support(fixture *f, const char *path, const char *other) {
    size_t count;
    const cm_cochange *items = together(f, path, &count);
    for (size_t i = 0; i < count; i++) {
        if (cm_str_eq_c(cm_history_path(f->history, items[i].file), other)) {
            return items[i].support;
        }
    }
    return 0;
}

/* ---- what is counted ---- */

static void test_index_history__counts_commits_that_two_files_share(void **state) {
    fixture *f = *state;
    size_t count;
    TOGETHER(f, 4, "a.c", "a.h", "rare.c");
    TOGETHER(f, 2, "a.c", "a.h");
    TOGETHER(f, 2, "a.c");
    TOGETHER(f, 2, "rare.c", "b.c");
    read_history(f);
    const cm_cochange *items = together(f, "a.c", &count);
    assert_int_equal(count, 2);
    assert_true(cm_str_eq_c(cm_history_path(f->history, items[0].file), "a.h"));
    assert_int_equal(items[0].support, 6);
    assert_float_equal(items[0].confidence, 6.0 / 8, 1e-9);
    assert_int_equal(items[0].last_s, NOW + 5 * DAY);
    assert_true(items[0].weight > items[1].weight);
    assert_int_equal(support(f, "rare.c", "a.h"), 4);
    assert_int_equal(support(f, "b.c", "rare.c"), 0); /* twice is chance */
    assert_int_equal(cm_history_commits(f->history, cm_history_find(f->history, CM_STR("a.c"))), 8);
    assert_int_equal(cm_history_find(f->history, CM_STR("no.c")), CM_ID_NONE);
}

static void test_index_history__old_changes_weigh_less(void **state) {
    fixture *f = *state;
    size_t count;
    TOGETHER(f, 3, "main.c", "old.c");
    f->time += 360 * DAY;
    TOGETHER(f, 3, "main.c", "new.c");
    read_history(f);
    const cm_cochange *items = together(f, "main.c", &count);
    assert_int_equal(count, 2);
    assert_true(cm_str_eq_c(cm_history_path(f->history, items[0].file), "new.c"));
    /* Two half-lives and three days apart: a quarter, and a little less, to one. */
    assert_float_equal(items[1].weight / items[0].weight, exp2(-363.0 / 180), 1e-6);
    assert_float_equal(items[0].weight + items[1].weight, 1, 1e-9);
}

static void test_index_history__follows_a_file_through_its_renames(void **state) {
    fixture *f = *state;
    TOGETHER(f, 2, "one.c", "test_one.c");
    move(f, "one.c", "src/two.c");
    commit(f);
    TOGETHER(f, 1, "src/two.c", "test_one.c");
    move(f, "src/two.c", "src/three.c"); /* and changed: found by what it has in common */
    write_file(f, "test_one.c", 77);
    char full[PATH_MAX];
    FILE *file = fopen(tree_path(&f->t, "src/three.c", full), "a");
    assert_non_null(file);
    fputs("one more line\n", file);
    fclose(file);
    commit(f);
    read_history(f);
    assert_int_equal(support(f, "src/three.c", "test_one.c"), 4);
    assert_int_equal(support(f, "test_one.c", "src/three.c"), 4);
    assert_int_equal(cm_history_find(f->history, CM_STR("one.c")), CM_ID_NONE);
}

static void test_index_history__a_name_used_again_is_another_file(void **state) {
    fixture *f = *state;
    TOGETHER(f, 3, "a.c", "a.h");
    move(f, "a.c", "b.c");
    commit(f);
    TOGETHER(f, 3, "a.c", "other.c");
    read_history(f);
    assert_int_equal(support(f, "a.c", "other.c"), 3);
    assert_int_equal(support(f, "a.c", "a.h"), 0);
    assert_int_equal(support(f, "b.c", "a.h"), 3);
}

static void test_index_history__a_moved_folder_keeps_what_is_known_of_its_files(void **state) {
    fixture *f = *state;
    char name[64], from[64], to[64];
    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "old/f%u.c", i);
        write_file(f, name, 0);
    }
    commit(f);
    TOGETHER(f, 3, "old/f1.c", "old/f2.c");
    for (unsigned i = 0; i < 50; i++) { /* one commit of fifty files: it counts for no pair */
        snprintf(from, sizeof(from), "old/f%u.c", i);
        snprintf(to, sizeof(to), "new/f%u.c", i);
        move(f, from, to);
    }
    commit(f);
    read_history(f);
    assert_int_equal(support(f, "new/f1.c", "new/f2.c"), 3);
    assert_int_equal(support(f, "new/f3.c", "new/f4.c"), 0);
}

static void test_index_history__leaves_large_commits_and_merges_out(void **state) {
    fixture *f = *state;
    cm_history_facts facts;
    char name[64];
    for (unsigned turn = 1; turn < 6; turn++) {
        for (unsigned i = 0; i < CM_HISTORY_FILES_MAX + 1; i++) {
            snprintf(name, sizeof(name), "f%u.c", i);
            write_file(f, name, turn);
        }
        commit(f);
    }
    TOGETHER(f, 3, "f0.c", "f1.c");
    git_switch(f->git, "side");
    TOGETHER(f, 1, "f0.c", "f1.c");
    git_oid side;
    assert_int_equal(git_reference_name_to_id(&side, f->git, "refs/heads/side"), 0);
    git_switch(f->git, "master");
    TOGETHER(f, 1, "f2.c", "f3.c");
    git_merge_by_hand(f->git, &side, f->time);
    read_history(f);
    assert_int_equal(support(f, "f0.c", "f1.c"), 4); /* the side's own commit, not the merge */
    assert_int_equal(support(f, "f2.c", "f3.c"), 0);
    cm_history_facts_get(f->history, &facts);
    assert_int_equal(facts.state, CM_HISTORY_READ);
    assert_int_equal(facts.commits, 10);
    assert_int_equal(facts.counted, 5);
    assert_false(facts.is_cut);
}

static void test_index_history__takes_the_newest_commits_only(void **state) {
    fixture *f = *state;
    cm_history_facts facts;
    cm_buf bytes;
    bool known;
    TOGETHER(f, 10, "a.c", "b.c");
    read_at(f->t.root, 4, NULL, &bytes, &known);
    assert_int_equal(cm_history_take(&bytes, &f->history, NULL), CM_OK);
    cm_buf_done(&bytes);
    cm_history_facts_get(f->history, &facts);
    assert_int_equal(facts.commits, 4);
    assert_true(facts.is_cut);
    assert_int_equal(support(f, "a.c", "b.c"), 4);
}

/* ---- repositories of all kinds ---- */

static enum cm_history_state state_of(const char *root) {
    cm_buf bytes;
    bool known;
    cm_history *history;
    cm_history_facts facts;
    read_at(root, 0, NULL, &bytes, &known);
    assert_int_equal(cm_history_take(&bytes, &history, NULL), CM_OK);
    cm_buf_done(&bytes);
    cm_history_facts_get(history, &facts);
    assert_int_equal(facts.commits, 0);
    cm_history_unref(history);
    return facts.state;
}

static void test_index_history__says_why_there_is_none(void **state) {
    fixture *f = *state;
    tree plain;
    tree_new(&plain);
    assert_int_equal(state_of(plain.root), CM_HISTORY_NO_GIT);
    assert_int_equal(state_of("/no/such/place"), CM_HISTORY_NO_GIT);
    tree_write(&plain, ".git", CM_STR("gitdir: /no/such/repository\n"));
    assert_int_equal(state_of(plain.root), CM_HISTORY_NO_GIT);
    assert_int_equal(state_of(f->t.root), CM_HISTORY_NO_COMMITS);
    tree_free(&plain);
}

static void test_index_history__of_a_folder_inside_has_paths_from_there(void **state) {
    fixture *f = *state;
    char below[PATH_MAX];
    TOGETHER(f, 3, "part/a.c", "part/b.c", "outside.c");
    cm_buf bytes;
    bool known;
    read_at(tree_path(&f->t, "part", below), 0, NULL, &bytes, &known);
    assert_int_equal(cm_history_take(&bytes, &f->history, NULL), CM_OK);
    cm_buf_done(&bytes);
    assert_int_equal(support(f, "a.c", "b.c"), 3);
    assert_int_equal(cm_history_find(f->history, CM_STR("outside.c")), CM_ID_NONE);
}

static void test_index_history__of_a_linked_work_tree(void **state) {
    fixture *f = *state;
    tree linked;
    git_worktree *worktree;
    char path[PATH_MAX];
    TOGETHER(f, 3, "a.c", "b.c");
    tree_new(&linked);
    assert_int_equal(
        git_worktree_add(&worktree, f->git, "linked", tree_path(&linked, "w", path), NULL), 0);
    git_worktree_free(worktree);
    cm_buf bytes;
    bool known;
    read_at(path, 0, NULL, &bytes, &known);
    assert_int_equal(cm_history_take(&bytes, &f->history, NULL), CM_OK);
    cm_buf_done(&bytes);
    assert_int_equal(support(f, "a.c", "b.c"), 3);
    tree_free(&linked);
}

static void test_index_history__of_a_repository_that_borrows_its_objects(void **state) {
    fixture *f = *state;
    tree borrower;
    git_repository *git;
    git_oid head;
    git_reference *reference;
    char objects[PATH_MAX + 32];
    TOGETHER(f, 3, "a.c", "b.c");
    tree_new(&borrower);
    git = git_new(&borrower);
    snprintf(objects, sizeof(objects), "%s/.git/objects\n", f->t.root);
    tree_write(&borrower, ".git/objects/info/alternates", cm_str_from(objects));
    git_free(git);
    git_libgit2_init();
    assert_int_equal(git_repository_open(&git, borrower.root), 0);
    assert_int_equal(git_reference_name_to_id(&head, f->git, "HEAD"), 0);
    assert_int_equal(git_reference_create(&reference, git, "refs/heads/master", &head, 1, NULL), 0);
    git_reference_free(reference);
    cm_buf bytes;
    bool known;
    read_at(borrower.root, 0, NULL, &bytes, &known);
    assert_int_equal(cm_history_take(&bytes, &f->history, NULL), CM_OK);
    cm_buf_done(&bytes);
    assert_int_equal(support(f, "a.c", "b.c"), 3);
    git_free(git);
    tree_free(&borrower);
}

static void test_index_history__paths_may_be_any_bytes(void **state) {
    fixture *f = *state;
    TOGETHER(f, 3, "caf\xe9.c", "a\nb.c", "plain.c");
    read_history(f);
    assert_int_equal(support(f, "plain.c", "caf\xe9.c"), 3);
    assert_int_equal(support(f, "plain.c", "a\nb.c"), 3);
}

/* Path of a loose object. */
static void object_path(const fixture *f, const git_oid *id, char path[PATH_MAX]) {
    char hex[GIT_OID_HEXSZ + 1];
    git_oid_tostr(hex, sizeof(hex), id);
    assert_true(snprintf(path, PATH_MAX, "%s/.git/objects/%.2s/%s", f->t.root, hex, hex + 2) <
                PATH_MAX);
}

static void nth_commit(const fixture *f, unsigned back, git_oid *ret_commit, git_oid *ret_tree) {
    git_object *object;
    char name[32];
    snprintf(name, sizeof(name), "HEAD~%u", back);
    assert_int_equal(git_revparse_single(&object, f->git, name), 0);
    git_oid_cpy(ret_commit, git_object_id(object));
    git_oid_cpy(ret_tree, git_commit_tree_id((git_commit *)object));
    git_object_free(object);
}

static void test_index_history__ends_where_a_shallow_clone_ends(void **state) {
    fixture *f = *state;
    cm_history_facts facts;
    git_oid commit_id, tree_id;
    char path[PATH_MAX], hex[GIT_OID_HEXSZ + 2];
    TOGETHER(f, 8, "a.c", "b.c");
    nth_commit(f, 4, &commit_id, &tree_id);
    git_oid_tostr(hex, sizeof(hex), &commit_id);
    hex[GIT_OID_HEXSZ] = '\n';
    hex[GIT_OID_HEXSZ + 1] = 0;
    tree_write(&f->t, ".git/shallow", cm_str_from(hex));
    nth_commit(f, 5, &commit_id, &tree_id);
    object_path(f, &commit_id, path);
    assert_int_equal(unlink(path), 0);
    read_history(f);
    cm_history_facts_get(f->history, &facts);
    assert_true(facts.is_cut);
    assert_int_equal(support(f, "a.c", "b.c"),
                     4); /* the last one here has no parent to compare with */
}

static void test_index_history__a_lost_tree_costs_the_commits_that_need_it(void **state) {
    fixture *f = *state;
    git_oid commit_id, tree_id;
    char path[PATH_MAX], aside[PATH_MAX + 8];
    TOGETHER(f, 8, "a.c", "b.c");
    nth_commit(f, 3, &commit_id, &tree_id);
    object_path(f, &tree_id, path);
    snprintf(aside, sizeof(aside), "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    read_history(f);
    assert_int_equal(support(f, "a.c", "b.c"), 6); /* its own commit and the one after it */
    assert_int_equal(rename(aside, path),
                     0); /* fetched again: the next reading finds it, though HEAD stays */
    git_repository_free(f->git);
    assert_int_equal(git_repository_open(&f->git, f->t.root), 0);
    read_history(f);
    assert_int_equal(support(f, "a.c", "b.c"), 8);
}

static void test_index_history__a_damaged_commit_ends_it(void **state) {
    fixture *f = *state;
    git_oid commit_id, tree_id;
    char path[PATH_MAX];
    TOGETHER(f, 8, "a.c", "b.c");
    nth_commit(f, 4, &commit_id, &tree_id);
    object_path(f, &commit_id, path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 20), 0);
    read_history(f);
    assert_int_equal(support(f, "a.c", "b.c"), 3); /* the fourth has a parent that cannot be read */
}

static void test_index_history__stops_when_it_is_told_to(void **state) {
    fixture *f = *state;
    cm_buf bytes;
    bool known;
    TOGETHER(f, 2, "a.c", "b.c");
    cm_cancel *cancel = cm_cancel_new(0);
    cm_cancel_fire(cancel, CM_CANCEL_USER);
    cm_history_options options = {.cancel = cancel};
    cm_buf_init(&bytes, CM_MIB(1));
    assert_int_equal(cm_history_read(f->t.root, &options, &bytes, &known, NULL), CM_CANCELLED);
    cm_buf_done(&bytes);
    cm_cancel_unref(cancel);
}

/* ---- keeping it ---- */

static void test_index_history__a_torn_or_flipped_file_is_found_out(void **state) {
    fixture *f = *state;
    cm_buf bytes;
    bool known;
    TOGETHER(f, 4, "a.c", "b.c");
    read_at(f->t.root, 0, NULL, &bytes, &known);
    for (size_t cut = 0; cut < bytes.len; cut += 7) {
        cm_buf torn;
        cm_buf_init(&torn, bytes.len);
        cm_buf_add(&torn, bytes.ptr, cut);
        assert_int_equal(cm_history_take(&torn, &f->history, NULL), CM_CORRUPT);
    }
    for (size_t at = 0; at < bytes.len; at += 3) {
        cm_buf flipped;
        cm_history_facts facts;
        cm_buf_init(&flipped, bytes.len);
        cm_buf_add_str(&flipped, cm_buf_str(&bytes));
        flipped.ptr[at] ^= 0x40;
        if (cm_history_take(&flipped, &f->history, NULL) != CM_OK) {
            continue;
        }
        cm_history_facts_get(f->history, &facts);
        /* The zeros between sections belong to no section. */
        if (facts.state != CM_HISTORY_DAMAGED) {
            assert_int_equal(bytes.ptr[at], 0);
            assert_int_equal(facts.commits, 4);
        }
        cm_history_unref(f->history);
        f->history = NULL;
    }
    cm_buf_done(&bytes);
}

/* Commits in the history of the newest snapshot; UINT32_MAX when it has none. */
static uint32_t commits_of(cm_repository *repository) {
    cm_history_facts facts = {.commits = UINT32_MAX};
    cm_snapshot *s = cm_repository_snapshot(repository);
    if (s && cm_snapshot_history(s)) {
        cm_history_facts_get(cm_snapshot_history(s), &facts);
    }
    cm_snapshot_unref(s);
    return facts.commits;
}

static void damage(const tree *data, bool cut) {
    char id[CM_UUID_TEXT], name[128], path[PATH_MAX];
    cm_uuid_format(&some_id, id);
    snprintf(name, sizeof(name), "index/%s/history", id);
    tree_path(data, name, path);
    if (cut) {
        assert_int_equal(truncate(path, 300), 0);
        return;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "damage", 6, 240), 6);
    close(fd);
}

static void test_index_history__comes_with_the_job_and_outlives_the_process(void **state) {
    fixture *f = *state;
    tree data;
    cm_indexer *indexer;
    tree_new(&data);
    TOGETHER(f, 3, "a.c", "b.c");
    cm_repository *r = indexed_add(data.root, NULL, &some_id, f->t.root, NULL, &indexer);
    indexed_run(r, CM_INDEX_INCREMENTAL);
    assert_int_equal(commits_of(r), 3);
    cm_snapshot *before = cm_repository_snapshot(r);
    indexed_run(r, CM_INDEX_INCREMENTAL); /* nothing is new: nobody is told of a change */
    cm_snapshot *after = cm_repository_snapshot(r);
    assert_int_equal(cm_snapshot_generation(before), cm_snapshot_generation(after));
    cm_snapshot_unref(before);
    cm_snapshot_unref(after);
    for (int way = 0; way < 3; way++) { /* whole, cut, overwritten */
        cm_repository_unref(r);
        cm_indexer_close(indexer);
        if (way > 0) {
            damage(&data, way == 1);
        }
        r = indexed_add(data.root, NULL, &some_id, f->t.root, NULL, &indexer);
        assert_int_equal(commits_of(r), way == 0 ? 3 : way == 1 ? UINT32_MAX : 0);
        indexed_run(r, CM_INDEX_INCREMENTAL);
        assert_int_equal(commits_of(r), 3);
    }
    cm_repository_unref(r);
    cm_indexer_close(indexer);
    tree_free(&data);
}

static void test_index_history__joins_files_in_the_graph(void **state) {
    fixture *f = *state;
    tree data;
    cm_indexer *indexer;
    const cm_graph *graph;
    const cm_graph_edge *edges;
    cm_index_document a, b;
    tree_new(&data);
    TOGETHER(f, 4, "a.txt", "b.txt");
    TOGETHER(f, 4, "c.txt");
    cm_repository *r = indexed_add(data.root, NULL, &some_id, f->t.root, NULL, &indexer);
    indexed_run(r, CM_INDEX_INCREMENTAL);
    cm_snapshot *s = cm_repository_snapshot(r);
    assert_int_equal(cm_snapshot_graph(s, NULL, &graph, NULL), CM_OK);
    assert_true(cm_snapshot_find_document(s, CM_STR("a.txt"), &a));
    assert_true(cm_snapshot_find_document(s, CM_STR("b.txt"), &b));
    assert_int_equal(cm_graph_edge_count(graph), 2);
    assert_int_equal(cm_graph_edges(graph, a.id, &edges), 1);
    assert_int_equal(edges[0].document, b.id);
    assert_float_equal(edges[0].weight, 0.5, 1e-6); /* always together: the most there is */
    assert_float_equal(edges[0].together, edges[0].weight, 1e-9);
    cm_snapshot_unref(s);
    cm_repository_unref(r);
    cm_indexer_close(indexer);
    tree_free(&data);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_index_history__counts_commits_that_two_files_share),
        TEST(test_index_history__old_changes_weigh_less),
        TEST(test_index_history__follows_a_file_through_its_renames),
        TEST(test_index_history__a_name_used_again_is_another_file),
        TEST(test_index_history__a_moved_folder_keeps_what_is_known_of_its_files),
        TEST(test_index_history__leaves_large_commits_and_merges_out),
        TEST(test_index_history__takes_the_newest_commits_only),
        TEST(test_index_history__says_why_there_is_none),
        TEST(test_index_history__of_a_folder_inside_has_paths_from_there),
        TEST(test_index_history__of_a_linked_work_tree),
        TEST(test_index_history__of_a_repository_that_borrows_its_objects),
        TEST(test_index_history__paths_may_be_any_bytes),
        TEST(test_index_history__ends_where_a_shallow_clone_ends),
        TEST(test_index_history__a_lost_tree_costs_the_commits_that_need_it),
        TEST(test_index_history__a_damaged_commit_ends_it),
        TEST(test_index_history__stops_when_it_is_told_to),
        TEST(test_index_history__a_torn_or_flipped_file_is_found_out),
        TEST(test_index_history__comes_with_the_job_and_outlives_the_process),
        TEST(test_index_history__joins_files_in_the_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
