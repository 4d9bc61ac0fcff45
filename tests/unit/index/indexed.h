/* indexed.h - a tree, its data directory and the one repository that indexes it, for tests of the index. */
#ifndef CM_TEST_INDEX_INDEXED_H
#define CM_TEST_INDEX_INDEXED_H

#include "index/tree.h"
#include "repository/indexer.h"

#define INDEXED_PATIENCE_MS 120000 /* only ends a failing test */

typedef struct indexed {
    tree source, data;
    cm_indexer *indexer;
    cm_repository *repository;
} indexed;

/* Opens the indexer of `data` and in it the repository `id` at `root`. Options may be NULL. */
static inline cm_repository *indexed_add(const char *data, const cm_indexer_options *options,
                                         const cm_uuid *id, const char *root,
                                         const cm_repository_options *how,
                                         cm_indexer **ret_indexer) {
    cm_err err = {0};
    cm_repository *repository;
    if (cm_indexer_open(data, options, ret_indexer, &err) != CM_OK ||
        cm_indexer_add(*ret_indexer, id, root, how, &repository, &err) != CM_OK) {
        fail_msg("%s", err.text);
    }
    return repository;
}

static inline void indexed_new(indexed *f) {
    tree_new(&f->source);
    tree_new(&f->data);
}

static inline void indexed_open(indexed *f, const cm_indexer_options *options, const cm_uuid *id,
                                const cm_repository_options *how) {
    f->repository = indexed_add(f->data.root, options, id, f->source.root, how, &f->indexer);
}

static inline void indexed_close(indexed *f) {
    cm_repository_unref(f->repository);
    cm_indexer_close(f->indexer);
}

static inline void indexed_free(indexed *f) {
    indexed_close(f);
    tree_free(&f->source);
    tree_free(&f->data);
}

/* Runs a job to its end, whatever that is. */
static inline cm_index_progress indexed_end(cm_repository *repository, enum cm_index_mode mode) {
    cm_index_progress progress;
    assert_int_equal(cm_repository_index(repository, mode, NULL), CM_OK);
    assert_int_equal(cm_repository_wait(repository, INDEXED_PATIENCE_MS, NULL), CM_OK);
    cm_repository_progress(repository, &progress);
    return progress;
}

/* Runs a job that must succeed. */
static inline cm_index_progress indexed_run(cm_repository *repository, enum cm_index_mode mode) {
    cm_index_progress progress = indexed_end(repository, mode);
    assert_int_equal(progress.status, CM_INDEX_READY);
    return progress;
}

#endif
