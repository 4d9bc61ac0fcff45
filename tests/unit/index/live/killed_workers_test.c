/* A job whose parse workers are all killed from outside, and the next one, which finds them well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "code/parser.h"
#include "code/protocol.h"
#include "index/indexed.h"
#include "rt/child.h"

#include <signal.h>

#define KILLED_TEXT_MAX \
    12288 /* workers of a pool with this text_max are killed when they get a text */
#define FILES 12

static const cm_uuid some_id = {{0x1d}};

static int killed_worker_main(void) {
    cm_child_self self;
    cm_worker_request request;
    size_t len;
    if (cm_child_enter(&self, NULL) == CM_OK &&
        cm_channel_receive(self.fd, &request, sizeof(request), &len, NULL) == CM_OK) {
        raise(SIGKILL); /* the parent cannot tell who sent it */
    }
    return 0;
}

/* Old enough that size and time prove something: nothing but the mark makes a job read them again. */
static void write_files(const tree *source) {
    char path[PATH_MAX], name[32], text[96];
    struct timespec old[2] = {{.tv_sec = 1600000000}, {.tv_sec = 1600000000}};
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "f%d.c", i);
        snprintf(text, sizeof(text), "int f%d(void) {\n    return %d;\n}\n", i, i);
        tree_write(source, name, cm_str_from(text));
        tree_path(source, name, path);
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    }
}

/* Opens with workers of that sort, runs a job, closes: what the next one knows, it has from the disk. */
static cm_index_progress run_with(indexed *f, size_t text_max, size_t *ret_symbols) {
    cm_parser_options how = {.workers = 2, .text_max = text_max};
    cm_parser_pool *parser;
    assert_int_equal(cm_parser_pool_new(&how, &parser, NULL), CM_OK);
    indexed_open(f, &(cm_indexer_options){.index = {.parser = parser}}, &some_id, NULL);
    cm_index_progress p = indexed_run(f->repository, CM_INDEX_INCREMENTAL);
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_snapshot_statistics statistics;
    cm_snapshot_statistics_get(s, &statistics);
    *ret_symbols = statistics.symbols;
    cm_snapshot_unref(s);
    indexed_close(f);
    cm_parser_pool_free(parser);
    return p;
}

static void test_index_killed_workers__the_next_job_reads_again_what_had_no_worker(void **state) {
    (void)state;
    indexed f;
    size_t symbols;
    indexed_new(&f);
    write_files(&f.source);
    cm_index_progress p = run_with(&f, KILLED_TEXT_MAX, &symbols);
    assert_int_equal(p.files_indexed, FILES);
    assert_int_equal(p.files_failed, FILES);
    assert_int_equal(symbols, 0);
    p = run_with(&f, KILLED_TEXT_MAX, &symbols); /* again in vain: the mark stays */
    assert_int_equal(p.files_unchanged, 0);
    assert_int_equal(symbols, 0);
    p = run_with(&f, 0, &symbols);
    assert_int_equal(p.files_unchanged, 0);
    assert_int_equal(p.files_failed, 0);
    assert_int_equal(symbols, FILES);
    p = run_with(&f, 0, &symbols); /* and that is the end of it */
    assert_int_equal(p.files_unchanged, FILES);
    assert_int_equal(symbols, FILES);
    tree_free(&f.source);
    tree_free(&f.data);
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], CM_WORKER_COMMAND) == 0) {
        uint64_t text_max = 0;
        cm_str_to_u64(cm_str_from(argv[2]), &text_max);
        return text_max == KILLED_TEXT_MAX ? killed_worker_main()
                                           : cm_parse_worker_main(argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_killed_workers__the_next_job_reads_again_what_had_no_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
