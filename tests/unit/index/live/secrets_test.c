/* Files that hold secrets: not in the index by any door, or with their values blanked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "index/live/index_priv.h"
#include "repository/repository_priv.h"
#include "index/tree.h"

#define LINE "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
#define KEY  "-----BEGIN PRIVATE KEY-----\n" LINE LINE "-----END PRIVATE KEY-----\n"

typedef struct fixture {
    tree source, data;
    cm_indexer *indexer;
    cm_repository *repository;
} fixture;

static const cm_uuid some_id = {{1, 2, 3}};

static void add(fixture *f, const cm_repository_options *options) {
    cm_err err = {0};
    cm_repository_unref(f->repository);
    f->repository = NULL;
    assert_int_equal(
        cm_indexer_add(f->indexer, &some_id, f->source.root, options, &f->repository, &err), CM_OK);
}

static void open_with(fixture *f, enum cm_secret_policy policy,
                      const cm_repository_options *options) {
    cm_err err = {0};
    cm_indexer_options environment = {.index = {.secrets = policy}};
    assert_int_equal(cm_indexer_open(f->data.root, &environment, &f->indexer, &err), CM_OK);
    add(f, options);
}

static void close_indexer(fixture *f) {
    cm_repository_unref(f->repository);
    f->repository = NULL;
    cm_indexer_close(f->indexer);
}

static int setup(void **state) {
    fixture *f = CM_NEW(fixture);
    tree_new(&f->source);
    tree_new(&f->data);
    tree_write(&f->source, "a.py", CM_STR("x = 1\n"));
    tree_write(&f->source, ".env", CM_STR("TOKEN=hunter2\n"));
    tree_write(&f->source, "tls/server.pem", CM_STR(KEY));
    tree_write(&f->source, "tls/root.pem", CM_STR("-----BEGIN CERTIFICATE-----\n"));
    tree_write(&f->source, "key_test.py", CM_STR("k = '''" KEY "'''\n"));
    open_with(f, CM_SECRETS_DEFAULT, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    close_indexer(f);
    tree_free(&f->source);
    tree_free(&f->data);
    cm_free(f);
    return 0;
}

static void run_job(fixture *f) {
    cm_err err = {0};
    cm_index_progress progress;
    assert_int_equal(cm_repository_index(f->repository, CM_INDEX_INCREMENTAL, &err), CM_OK);
    assert_int_equal(cm_repository_wait(f->repository, 60000, &err), CM_OK);
    cm_repository_progress(f->repository, &progress);
    assert_int_equal(progress.status, CM_INDEX_READY);
}

/* NULL: the index has no such file. */
static void assert_text(fixture *f, const char *path, const char *want) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_snapshot *s = cm_repository_snapshot(f->repository);
    cm_index_document d;
    cm_str text;
    assert_non_null(s);
    bool has = cm_snapshot_find_document(s, cm_str_from(path), &d);
    assert_int_equal(has, want != NULL);
    if (want) {
        assert_int_equal(cm_snapshot_text(s, d.id, arena, &text, NULL), CM_OK);
        assert_string_equal(cm_arena_c(arena, text), want);
    }
    cm_snapshot_unref(s);
}

#define STARS "****************************************************************\n"

static void test_index_secrets__a_job_leaves_them_out(void **state) {
    fixture *f = *state;
    run_job(f);
    assert_text(f, "a.py", "x = 1\n");
    assert_text(f, ".env", NULL);
    assert_text(f, "tls/server.pem", NULL);
    assert_text(f, "tls/root.pem", "-----BEGIN CERTIFICATE-----\n");
    assert_text(f, "key_test.py",
                "k = '''-----BEGIN PRIVATE KEY-----\n" STARS STARS
                "-----END PRIVATE KEY-----\n'''\n");
    /* A file that becomes one leaves. */
    tree_write(&f->source, "tls/root.pem", CM_STR(KEY));
    run_job(f);
    assert_text(f, "tls/root.pem", NULL);
}

static void test_index_secrets__an_edit_brings_none_in(void **state) {
    fixture *f = *state;
    cm_err err = {0};
    cm_str paths[] = {CM_STR(".env"), CM_STR("tls"), CM_STR("a.py")};
    run_job(f);
    assert_int_equal(cm_repository_sync(f->repository, (cm_str_list){paths, 3}, &err), CM_OK);
    assert_text(f, ".env", NULL);
    assert_text(f, "tls/server.pem", NULL);
    assert_int_equal(
        cm_repository_sync_text(f->repository, CM_STR(".env"), CM_STR("A=hunter3\n"), &err), CM_OK);
    assert_text(f, ".env", NULL);
    assert_int_equal(
        cm_repository_sync_text(f->repository, CM_STR("tls/root.pem"), CM_STR(KEY), &err), CM_OK);
    assert_text(f, "tls/root.pem", NULL);
}

static void test_index_secrets__redacted_ones_stay_without_values(void **state) {
    fixture *f = *state;
    close_indexer(f);
    open_with(f, CM_SECRETS_REDACT, NULL);
    run_job(f);
    assert_text(f, ".env", "TOKEN=*******\n");
    assert_text(f, "tls/server.pem",
                "-----BEGIN PRIVATE KEY-----\n" STARS STARS "-----END PRIVATE KEY-----\n");
}

static void test_index_secrets__one_that_is_named_is_indexed(void **state) {
    fixture *f = *state;
    cm_str include[] = {CM_STR("**/*"), CM_STR(".env")};
    cm_repository_options options = {.include = {include, 2}};
    add(f, &options);
    run_job(f);
    assert_text(f, ".env", "TOKEN=hunter2\n");
    assert_text(f, "tls/server.pem", NULL);
}

/* What an index holds that was made while they were named, or before there was a rule, is not served once the options
 * differ: before any job has run, and after a restart. */
static void test_index_secrets__an_old_index_does_not_serve_them(void **state) {
    fixture *f = *state;
    cm_str include[] = {CM_STR("**/*"), CM_STR(".env"), CM_STR("tls/server.pem")};
    cm_repository_options options = {.include = {include, 3}};
    add(f, &options);
    run_job(f);
    assert_text(f, ".env", "TOKEN=hunter2\n");
    assert_text(f, "tls/server.pem", KEY);
    close_indexer(f);
    open_with(f, CM_SECRETS_DEFAULT, NULL);
    assert_text(f, ".env", NULL);
    assert_text(f, "tls/server.pem", NULL);
    assert_text(f, "a.py", "x = 1\n");
    run_job(f);
    assert_text(f, ".env", NULL);
}

static void test_index_secrets__the_file_of_a_worktree_is_gits(void **state) {
    fixture *f = *state;
    tree_write(&f->source, ".git", CM_STR("gitdir: /elsewhere/.git/worktrees/wt\n"));
    tree_write(&f->source, "lib/.git", CM_STR("gitdir: ../.git/modules/lib\n"));
    run_job(f);
    assert_text(f, ".git", NULL);
    assert_text(f, "lib/.git", NULL);
    assert_text(f, "a.py", "x = 1\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_index_secrets__a_job_leaves_them_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_secrets__an_edit_brings_none_in, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_index_secrets__redacted_ones_stay_without_values,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_secrets__one_that_is_named_is_indexed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_index_secrets__an_old_index_does_not_serve_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_index_secrets__the_file_of_a_worktree_is_gits, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
