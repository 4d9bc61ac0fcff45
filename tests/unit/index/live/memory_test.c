/* A job with little memory writes more and smaller segments, and ends with the same index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "code/parser.h"
#include "index/dump.h"
#include "index/segment/manifest.h"
#include "index/live/index_priv.h"
#include "index/indexed.h"

#define FILES     120
#define FUNCTIONS 40

static const cm_uuid some_id = {{9}};
static cm_parser_pool *parser;

static void write_files(const tree *source) {
    cm_buf text;
    cm_buf_init(&text, CM_MIB(1));
    for (unsigned i = 0; i < FILES; i++) {
        char path[32];
        cm_buf_clear(&text);
        cm_buf_add_f(&text, "from pkg%u import helper_%u\n\n", (i + 1) % 7, i);
        for (unsigned k = 0; k < FUNCTIONS; k++) {
            cm_buf_add_f(&text,
                         "def function_%u_%u(first, second_%u):\n    \"\"\"Adds.\"\"\"\n"
                         "    return helper_%u(first, second_%u)\n\n",
                         i, k, k, i, k);
        }
        snprintf(path, sizeof(path), "pkg%u/m%u.py", i % 7, i);
        tree_write(source, path, cm_buf_str(&text));
    }
    cm_buf_done(&text);
}

typedef struct made {
    tree data;
    cm_indexer *indexer;
    cm_repository *repository;
    cm_snapshot *snapshot;
} made;

static void make(made *m, const tree *source, size_t ram_bytes) {
    cm_indexer_options options = {.index = {.parser = parser, .ram_bytes = ram_bytes}};
    tree_new(&m->data);
    m->repository = indexed_add(m->data.root, &options, &some_id, source->root, NULL, &m->indexer);
    indexed_run(m->repository, CM_INDEX_FULL);
    m->snapshot = cm_repository_snapshot(m->repository);
}

/* Segments that were written, merged ones included: each takes the next number. */
static uint64_t segments_written(const made *m) {
    char folder[PATH_MAX];
    cm_manifest manifest = {0};
    tree_path(&m->data, "index/09000000-0000-0000-0000-000000000000", folder);
    assert_int_equal(cm_manifest_read(folder, &manifest, NULL), CM_OK);
    uint64_t next = manifest.next_segment;
    cm_manifest_done(&manifest);
    return next;
}

static void end(made *m) {
    cm_snapshot_unref(m->snapshot);
    cm_repository_unref(m->repository);
    cm_indexer_close(m->indexer);
    tree_free(&m->data);
}

static void test_index_memory__a_small_budget_spills_and_ends_equal(void **state) {
    (void)state;
    static const size_t budgets[] = {CM_MIB(1), CM_KIB(128)};
    tree source;
    made roomy, tight;
    tree_new(&source);
    write_files(&source);
    make(&roomy, &source, 0);
    uint64_t before = segments_written(&roomy);
    for (size_t i = 0; i < CM_COUNT(budgets); i++) {
        make(&tight, &source, budgets[i]);
        uint64_t written = segments_written(&tight);
        print_message("%zu KiB: %llu segments written\n", budgets[i] / 1024,
                      (unsigned long long)written);
        assert_true(written >= 2 * before);
        assert_same_index(tight.snapshot, roomy.snapshot);
        before = written;
        end(&tight);
    }
    end(&roomy);
    tree_free(&source);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "parse-worker") == 0) {
        return cm_parse_worker_main(argc, argv);
    }
    assert_int_equal(cm_parser_pool_new(&(cm_parser_options){.workers = 1}, &parser, NULL), CM_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_memory__a_small_budget_spills_and_ends_equal),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cm_parser_pool_free(parser);
    return failed;
}
