/* git.h - real git history for tests of the index: a repository in a throw-away tree, commits, branches. */
#ifndef CM_TEST_INDEX_GIT_H
#define CM_TEST_INDEX_GIT_H

#include "index/tree.h"

#include <git2.h>

static inline git_repository *git_new(const tree *t) {
    git_repository *repository = NULL;
    git_libgit2_init();
    assert_int_equal(git_repository_init(&repository, t->root, 0), 0);
    return repository;
}

static inline void git_free(git_repository *repository) {
    git_repository_free(repository);
    git_libgit2_shutdown();
}

/* Everything in the tree as one commit on HEAD, made at `time` (seconds). */
static inline void git_commit_all(git_repository *repository, int64_t time) {
    git_index *index;
    git_oid tree_id, parent_id, id;
    git_tree *committed;
    git_commit *parent = NULL;
    git_signature *author;
    assert_int_equal(git_repository_index(&index, repository), 0);
    assert_int_equal(git_index_add_all(index, NULL, 0, NULL, NULL), 0);
    assert_int_equal(git_index_update_all(index, NULL, NULL, NULL), 0);
    assert_int_equal(git_index_write(index), 0);
    assert_int_equal(git_index_write_tree(&tree_id, index), 0);
    assert_int_equal(git_tree_lookup(&committed, repository, &tree_id), 0);
    assert_int_equal(git_signature_new(&author, "Ada", "ada@example.com", time, 0), 0);
    if (git_reference_name_to_id(&parent_id, repository, "HEAD") == 0) {
        assert_int_equal(git_commit_lookup(&parent, repository, &parent_id), 0);
    }
    const git_commit *parents[] = {parent};
    assert_int_equal(git_commit_create(&id, repository, "HEAD", author, author, NULL, "change",
                                       committed, parent ? 1 : 0, parents),
                     0);
    git_commit_free(parent);
    git_signature_free(author);
    git_tree_free(committed);
    git_index_free(index);
}

/* A merge commit on HEAD with HEAD's own tree: what a merge of nothing new looks like. */
static inline void git_merge_by_hand(git_repository *repository, const git_oid *side,
                                     int64_t time) {
    git_oid head, id;
    git_commit *ours, *theirs;
    git_tree *committed;
    git_signature *author;
    assert_int_equal(git_reference_name_to_id(&head, repository, "HEAD"), 0);
    assert_int_equal(git_commit_lookup(&ours, repository, &head), 0);
    assert_int_equal(git_commit_lookup(&theirs, repository, side), 0);
    assert_int_equal(git_commit_tree(&committed, ours), 0);
    assert_int_equal(git_signature_new(&author, "Ada", "ada@example.com", time, 0), 0);
    const git_commit *parents[] = {ours, theirs};
    assert_int_equal(git_commit_create(&id, repository, "HEAD", author, author, NULL, "merge",
                                       committed, 2, parents),
                     0);
    git_signature_free(author);
    git_tree_free(committed);
    git_commit_free(theirs);
    git_commit_free(ours);
}

/* Checks the branch out over whatever the tree holds; made from HEAD when there is none of that name. */
static inline void git_switch(git_repository *repository, const char *branch) {
    git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
    git_reference *reference = NULL;
    git_object *target;
    git_oid head;
    char name[64];
    snprintf(name, sizeof(name), "refs/heads/%s", branch);
    if (git_reference_lookup(&reference, repository, name) != 0) {
        assert_int_equal(git_reference_name_to_id(&head, repository, "HEAD"), 0);
        assert_int_equal(git_reference_create(&reference, repository, name, &head, 0, NULL), 0);
    }
    options.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_REMOVE_UNTRACKED;
    assert_int_equal(git_revparse_single(&target, repository, name), 0);
    assert_int_equal(git_checkout_tree(repository, target, &options), 0);
    assert_int_equal(git_repository_set_head(repository, name), 0);
    git_object_free(target);
    git_reference_free(reference);
}

#endif
