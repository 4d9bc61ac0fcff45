/* Whatever happens to a tree, its index ends equal to one built from nothing.
 *
 * CODEMENTOR_TEST_ROUNDS multiplies the steps (rounds.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "code/parser.h"
#include "index/dump.h"
#include "index/git.h"
#include "index/indexed.h"
#include "index/rounds.h"

#define FILES 24

static const cm_uuid some_id = {{9}};

typedef struct world {
    tree source, data;
    cm_parser_pool *parser;
    cm_pool *pool;
    cm_indexer *indexer;
    cm_repository *repository;
    git_repository *git;
    int64_t commits;
    uint64_t seed;
    char touched[FILES][64]; /* paths changed since the index last heard */
    size_t touched_count;
} world;

static uint32_t pick(world *w, uint32_t below) {
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % below;
}

static cm_indexer *open_indexer(world *w, const char *data, cm_repository **ret_repository) {
    cm_indexer *indexer;
    cm_indexer_options options = {.index = {.parser = w->parser, .pool = w->pool, .ram_bytes = 1}};
    if (pick(w, 2) == 0) {
        options.index.ram_bytes = 0; /* one segment a job, otherwise one for every file */
    }
    *ret_repository = indexed_add(data, &options, &some_id, w->source.root, NULL, &indexer);
    return indexer;
}

static void name_of(world *w, char path[64]) {
    static const char *const folders[] = {"", "pkg/", "pkg/deep/", "zoo/"};
    static const char *const endings[] = {"py", "py", "go", "txt"};
    uint32_t n = pick(w, FILES);
    snprintf(path, 64, "%sf%u.%s", folders[n % 4], n, endings[n / 4 % 4]);
}

static void touch(world *w, const char *path) {
    if (w->touched_count < FILES) {
        snprintf(w->touched[w->touched_count++], 64, "%s", path);
    }
}

static void edit(world *w) {
    static const char *const words[] = {"alpha", "beta", "gammaRay", "delta_two", "open", "close"};
    char path[64], text[2048];
    size_t len = 0;
    name_of(w, path);
    for (uint32_t i = pick(w, 5) + 1; i-- > 0;) {
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "import %s\ndef %s%u(x):\n    return %s(x) + %u\n\n",
            words[pick(w, 6)], words[pick(w, 6)], pick(w, 4), words[pick(w, 6)], pick(w, 100));
    }
    tree_write(&w->source, path, cm_str_make(text, pick(w, 12) == 0 ? 0 : len));
    touch(w, path);
}

static void remove_one(world *w) {
    char path[64];
    name_of(w, path);
    tree_remove(&w->source, path);
    touch(w, path);
}

static void rename_one(world *w) {
    char from[64], to[64], full_from[PATH_MAX], full_to[PATH_MAX];
    name_of(w, from);
    name_of(w, to);
    tree_path(&w->source, from, full_from);
    tree_path(&w->source, to, full_to);
    if (rename(full_from, full_to) == 0) {
        touch(w, from);
        touch(w, to);
    }
}

static void sync_all(world *w) {
    cm_str everything[] = {CM_STR_EMPTY};
    assert_int_equal(cm_repository_sync(w->repository, (cm_str_list){everything, 1}, NULL), CM_OK);
    w->touched_count = 0;
}

/* What is there is committed and another branch checked out: any number of files come, go and change at once. */
static void switch_branch(world *w) {
    static const char *const branches[] = {"one", "two", "three"};
    git_commit_all(w->git, 1600000000 + w->commits++);
    git_switch(w->git, branches[pick(w, 3)]);
    if (pick(w, 2) == 0) {
        sync_all(w);
    } else {
        indexed_run(w->repository, CM_INDEX_INCREMENTAL);
    }
    w->touched_count = 0;
}

static void step(world *w) {
    uint32_t kind = pick(w, 21);
    if (kind < 10) {
        edit(w);
    } else if (kind < 13) {
        remove_one(w);
    } else if (kind < 16) {
        rename_one(w);
    } else if (kind == 16) { /* many files at once */
        for (int i = 0; i < 8; i++) {
            edit(w);
        }
    }
    if (kind == 20) {
        switch_branch(w);
        return;
    }
    if (kind == 17) {
        cm_repository_unref(w->repository);
        cm_indexer_close(w->indexer);
        w->indexer = open_indexer(w, w->data.root, &w->repository);
    }
    if (w->touched_count >= FILES || kind == 18) {
        indexed_run(w->repository, pick(w, 8) == 0 ? CM_INDEX_FULL : CM_INDEX_INCREMENTAL);
        w->touched_count = 0;
    } else if (kind >= 8 && kind != 19) {
        cm_str paths[FILES];
        for (size_t i = 0; i < w->touched_count; i++) {
            paths[i] = cm_str_from(w->touched[i]);
        }
        assert_int_equal(
            cm_repository_sync(w->repository, (cm_str_list){paths, w->touched_count}, NULL), CM_OK);
        w->touched_count = 0;
    }
}

/* Now and then somebody asks for the graph, so that later ones are brought up to date from it. */
static void ask_for_graph(world *w) {
    const cm_graph *graph;
    cm_snapshot *s = cm_repository_snapshot(w->repository);
    if (s && pick(w, 2) == 0) {
        assert_int_equal(cm_snapshot_graph(s, NULL, &graph, NULL), CM_OK);
    }
    cm_snapshot_unref(s);
}

static void compare_with_fresh(world *w) {
    tree data;
    cm_repository *repository;
    tree_new(&data);
    cm_indexer *indexer = open_indexer(w, data.root, &repository);
    indexed_run(repository, CM_INDEX_INCREMENTAL);
    indexed_run(w->repository, CM_INDEX_INCREMENTAL);
    w->touched_count = 0;
    cm_snapshot *fresh = cm_repository_snapshot(repository);
    cm_snapshot *ours = cm_repository_snapshot(w->repository);
    assert_same_index(ours, fresh);
    cm_snapshot_unref(fresh);
    cm_snapshot_unref(ours);
    cm_repository_unref(repository);
    cm_indexer_close(indexer);
    tree_free(&data);
}

static void run_world(bool with_parser, unsigned steps, uint64_t seed) {
    world w = {.seed = seed};
    print_message("seed %llu\n", (unsigned long long)seed);
    tree_new(&w.source);
    tree_new(&w.data);
    w.git = git_new(&w.source);
    assert_int_equal(cm_pool_new(2, 64, &w.pool, NULL), CM_OK);
    if (with_parser) {
        assert_int_equal(cm_parser_pool_new(NULL, &w.parser, NULL), CM_OK);
    }
    w.indexer = open_indexer(&w, w.data.root, &w.repository);
    for (unsigned i = 0; i < steps; i++) {
        step(&w);
        ask_for_graph(&w);
        if (i % 25 == 24 || i + 1 == steps) {
            compare_with_fresh(&w);
        }
    }
    cm_repository_unref(w.repository);
    cm_indexer_close(w.indexer);
    cm_pool_free(w.pool);
    cm_parser_pool_free(w.parser);
    git_free(w.git);
    tree_free(&w.source);
    tree_free(&w.data);
}

static void test_index_property__edits_and_checkouts_equal_a_fresh_index(void **state) {
    (void)state;
    run_world(false, rounds_of(300), 42);
}

static void test_index_property__edits_with_symbols_equal_a_fresh_index(void **state) {
    (void)state;
    run_world(true, rounds_of(100), 7);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_property__edits_and_checkouts_equal_a_fresh_index),
        cmocka_unit_test(test_index_property__edits_with_symbols_equal_a_fresh_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
