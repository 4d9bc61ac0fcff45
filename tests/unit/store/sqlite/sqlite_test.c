/* The embedded database as a file: group commit, crashes, damage, foreign and newer files. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/q/languages.h"
#include "store/q/repositories.h"
#include "store/q/usage_metrics.h"

#include <pthread.h>
#include <sqlite3.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int64_t count_metrics(fixture *f) {
    cm_q_usage_metrics_count_row row = {0};
    assert_ok(cm_q_usage_metrics_count(&f->system, f->arena, &row, err));
    return row.count;
}

static cm_q_usage_metrics_insert_in metric(const char *type) {
    return (cm_q_usage_metrics_insert_in){
        .id = cm_uuid_v7(), .metric_type = cm_str_from(type), .value = 1};
}

static char *path_in(const fixture *f, const char *name) {
    return cm_asprintf("%s/%s", f->dir, name);
}

static void test_store_sqlite__the_owner_is_made_once(void **state) {
    fixture *f = *state;
    cm_store_local first = f->local;
    fixture_reopen(f);
    assert_true(cm_uuid_eq(&first.user_id, &f->local.user_id));
    assert_true(cm_uuid_eq(&first.workspace_id, &f->local.workspace_id));
}

static void test_store_sqlite__the_file_is_private(void **state) {
    fixture *f = *state;
    cm_cleanup(cm_freep) char *path = path_in(f, "codementor.db");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* --- Group commit --- */

static void *write_many(void *argument) {
    fixture *f = argument;
    for (int i = 0; i < 50; i++) {
        cm_q_languages_insert_row row;
        char name[40];
        snprintf(name, sizeof name, "l%p-%d", (void *)&row, i);
        cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
        cm_err err;
        cm_q_languages_insert_in in = {.name = cm_str_from(name)};
        if (cm_q_languages_insert(&f->system, &in, arena, &row, &err) != CM_OK) {
            return argument;
        }
    }
    return NULL;
}

static void test_store_sqlite__writes_that_wait_together_share_a_commit(void **state) {
    fixture *f = *state;
    cm_store_stats before, after;
    cm_store_stats_get(f->store, &before);
    pthread_t threads[16];
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, f), 0);
    }
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    cm_store_stats_get(f->store, &after);
    assert_int_equal(after.jobs - before.jobs, 16 * 50);
    assert_true(after.commits - before.commits < 16 * 50);
    cm_q_languages_count_row row;
    assert_ok(cm_q_languages_count(&f->system, f->arena, &row, err));
    assert_int_equal(row.count, 16 * 50);
}

/* --- Transactions --- */

static cm_rc add_two_and_fail(const cm_db *db, void *argument, cm_err *err) {
    cm_q_usage_metrics_insert_in in = metric("tx");
    cm_rc rc = cm_q_usage_metrics_insert(db, &in, err);
    if (rc != CM_OK) {
        return rc;
    }
    return *(bool *)argument ? cm_fail(err, CM_CONFLICT, "changed my mind") : CM_OK;
}

static void test_store_sqlite__a_failed_transaction_leaves_nothing(void **state) {
    fixture *f = *state;
    bool fail = true;
    assert_rc(CM_CONFLICT, cm_db_write(&f->system, CM_FULL, add_two_and_fail, &fail, err));
    assert_int_equal(count_metrics(f), 0);
    fail = false;
    assert_ok(cm_db_write(&f->system, CM_FULL, add_two_and_fail, &fail, err));
    assert_int_equal(count_metrics(f), 1);
}

static cm_rc outer(const cm_db *db, void *argument, cm_err *err) {
    (void)argument;
    bool fail = true;
    cm_rc rc = cm_db_write(db, CM_FULL, add_two_and_fail, &fail, err);
    if (rc != CM_CONFLICT) {
        return cm_fail(err, CM_INTERNAL, "inner transaction did not fail");
    }
    fail = false;
    return cm_db_write(db, CM_FULL, add_two_and_fail, &fail, err);
}

static void test_store_sqlite__an_inner_transaction_fails_alone(void **state) {
    fixture *f = *state;
    assert_ok(cm_db_write(&f->system, CM_FULL, outer, NULL, err));
    assert_int_equal(count_metrics(f), 1);
}

static cm_rc read_twice(const cm_db *db, void *argument, cm_err *err) {
    fixture *f = argument;
    cm_q_usage_metrics_count_row before, after;
    cm_rc rc = cm_q_usage_metrics_count(db, f->arena, &before, err);
    if (rc == CM_OK) {
        cm_q_usage_metrics_insert_in in = metric("seen later");
        rc = cm_q_usage_metrics_insert(&f->system, &in, err); /* outside: another connection */
    }
    if (rc == CM_OK) {
        rc = cm_q_usage_metrics_count(db, f->arena, &after, err);
    }
    if (rc == CM_OK && before.count != after.count) {
        return cm_fail(err, CM_INTERNAL, "the snapshot moved");
    }
    return rc;
}

static void test_store_sqlite__a_read_transaction_sees_one_snapshot(void **state) {
    fixture *f = *state;
    assert_ok(cm_db_read(&f->system, read_twice, f, err));
    assert_int_equal(count_metrics(f), 1);
}

static cm_rc write_in_read(const cm_db *db, void *argument, cm_err *err) {
    (void)argument;
    cm_q_usage_metrics_insert_in in = metric("no");
    return cm_q_usage_metrics_insert(db, &in, err);
}

static void test_store_sqlite__a_read_transaction_cannot_write(void **state) {
    fixture *f = *state;
    assert_rc(CM_INTERNAL, cm_db_read(&f->system, write_in_read, NULL, err));
}

/* --- Posting --- */

typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool entered, open;
} gate;

static cm_rc wait_at_gate(const cm_db *db, void *argument, cm_err *err) {
    (void)db;
    (void)err;
    gate *g = argument;
    pthread_mutex_lock(&g->mutex);
    g->entered = true;
    pthread_cond_broadcast(&g->moved);
    while (!g->open) {
        pthread_cond_wait(&g->moved, &g->mutex);
    }
    pthread_mutex_unlock(&g->mutex);
    return CM_OK;
}

static void test_store_sqlite__a_full_queue_drops_and_counts(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    assert_ok(
        cm_store_open(&(cm_store_options){.data_dir = f->dir, .queue_max = 4}, &f->store, err));
    f->system = cm_store_system(f->store);
    gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    assert_ok(cm_db_post(&f->system, CM_NORMAL, wait_at_gate, &g, NULL, err));
    pthread_mutex_lock(&g.mutex);
    while (!g.entered) {
        pthread_cond_wait(&g.moved, &g.mutex);
    }
    pthread_mutex_unlock(&g.mutex);
    size_t refused = 0;
    for (int i = 0; i < 10; i++) {
        cm_q_usage_metrics_insert_in in = metric("posted");
        cm_err err;
        refused += cm_q_usage_metrics_insert_post(&f->system, &in, &err) == CM_OVERLOADED;
    }
    pthread_mutex_lock(&g.mutex);
    g.open = true;
    pthread_cond_broadcast(&g.moved);
    pthread_mutex_unlock(&g.mutex);
    assert_ok(cm_store_flush(f->store, err));
    cm_store_stats stats;
    cm_store_stats_get(f->store, &stats);
    assert_int_equal(refused, 6);
    assert_int_equal(stats.dropped, 6);
    assert_int_equal(stats.posted, 5);
    assert_int_equal(count_metrics(f), 4);
}

static void test_store_sqlite__closing_commits_what_was_posted(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 600; i++) {
        cm_q_usage_metrics_insert_in in = metric("posted");
        assert_ok(cm_q_usage_metrics_insert_post(&f->system, &in, err));
    }
    fixture_reopen(f);
    assert_int_equal(count_metrics(f), 600);
}

static void test_store_sqlite__a_bad_job_does_not_hurt_its_neighbours(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        cm_q_usage_metrics_insert_in in = metric("posted");
        if (i % 2 == 0) {
            in.dimensions = CM_STR("not json");
        }
        assert_ok(cm_q_usage_metrics_insert_post(&f->system, &in, err));
    }
    assert_ok(cm_store_flush(f->store, err));
    cm_store_stats stats;
    cm_store_stats_get(f->store, &stats);
    assert_int_equal(stats.failed, 10);
    assert_int_equal(count_metrics(f), 10);
}

/* --- The file --- */

static void overwrite(const char *path, long offset, const char *text, size_t len) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
}

static void test_store_sqlite__a_damaged_file_is_kept_aside_and_a_fresh_one_begins(void **state) {
    fixture *f = *state;
    cm_uuid owner = f->local.user_id;
    cm_store_close(f->store);
    cm_cleanup(cm_freep) char *path = path_in(f, "codementor.db");
    overwrite(path, 0, "this is no database at all, is it", 33);
    fixture_open(f);
    cm_store_stats stats;
    cm_store_stats_get(f->store, &stats);
    assert_non_null(stats.moved_aside);
    assert_int_equal(access(stats.moved_aside, R_OK), 0);
    assert_false(cm_uuid_eq(&owner, &f->local.user_id));
}

static void test_store_sqlite__damage_inside_is_found_after_an_unclean_stop(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 2000; i++) {
        cm_q_usage_metrics_insert_in in = metric("filler filler filler filler");
        assert_ok(cm_q_usage_metrics_insert_post(&f->system, &in, err));
    }
    cm_store_close(f->store);
    cm_cleanup(cm_freep) char *path = path_in(f, "codementor.db");
    cm_cleanup(cm_freep) char *wal = path_in(f, "codementor.db-wal");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    char junk[4096];
    memset(junk, 0xA5, sizeof junk);
    for (long at = info.st_size / 2; at < info.st_size; at += 4096) {
        overwrite(path, at / 4096 * 4096, junk, sizeof junk);
    }
    FILE *file = fopen(wal, "wb"); /* what a killed owner leaves */
    assert_non_null(file);
    fputs("torn", file);
    fclose(file);
    fixture_open(f);
    cm_store_stats stats;
    cm_store_stats_get(f->store, &stats);
    assert_non_null(stats.moved_aside);
    assert_int_equal(count_metrics(f), 0);
}

static void raw_sql(fixture *f, const char *sql) {
    cm_cleanup(cm_freep) char *path = path_in(f, "codementor.db");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static cm_rc reopen_rc(fixture *f, cm_err *err) {
    return cm_store_open(&(cm_store_options){.data_dir = f->dir}, &f->store, err);
}

static void test_store_sqlite__a_newer_database_is_refused_by_name(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    f->store = NULL;
    raw_sql(f,
            "INSERT INTO schema_migrations (revision, revises, message, checksum, server_version)"
            " VALUES ('ffffffffffff', '[]', 'from the future', 'x', '99.1')");
    cm_err err;
    assert_int_equal(reopen_rc(f, &err), CM_CONFLICT);
    assert_non_null(strstr(err.text, "ffffffffffff"));
    assert_non_null(strstr(err.text, "99.1"));
    raw_sql(f, "DELETE FROM schema_migrations WHERE revision = 'ffffffffffff'");
    fixture_open(f);
}

static void test_store_sqlite__a_changed_history_is_refused(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    f->store = NULL;
    raw_sql(f, "UPDATE schema_migrations SET checksum = 'tampered'");
    cm_err err;
    assert_int_equal(reopen_rc(f, &err), CM_CONFLICT);
    assert_non_null(strstr(err.text, "changed after it was applied"));
}

static void test_store_sqlite__the_database_of_another_program_is_refused(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    f->store = NULL;
    raw_sql(f, "PRAGMA application_id = 7");
    assert_rc(CM_CONFLICT, reopen_rc(f, err));
}

static void test_store_sqlite__a_full_disk_is_told_and_nothing_is_lost(void **state) {
    fixture *f = *state;
    cm_q_usage_metrics_insert_in in = metric("kept");
    assert_ok(cm_q_usage_metrics_insert(&f->system, &in, err));
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4096; /* every file of this process is full now */
    setrlimit(RLIMIT_FSIZE, &small);
    in = metric("refused");
    cm_err err = {0};
    cm_rc rc = cm_q_usage_metrics_insert(&f->system, &in, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_true(rc == CM_STORAGE_FULL || rc == CM_IO);
    in = metric("after");
    assert_int_equal(cm_q_usage_metrics_insert(&f->system, &in, &err), CM_OK);
    assert_int_equal(count_metrics(f), 2);
    fixture_reopen(f);
    assert_int_equal(count_metrics(f), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_sqlite__the_owner_is_made_once),
        store_test(test_store_sqlite__the_file_is_private),
        store_test(test_store_sqlite__writes_that_wait_together_share_a_commit),
        store_test(test_store_sqlite__a_failed_transaction_leaves_nothing),
        store_test(test_store_sqlite__an_inner_transaction_fails_alone),
        store_test(test_store_sqlite__a_read_transaction_sees_one_snapshot),
        store_test(test_store_sqlite__a_read_transaction_cannot_write),
        store_test(test_store_sqlite__a_full_queue_drops_and_counts),
        store_test(test_store_sqlite__closing_commits_what_was_posted),
        store_test(test_store_sqlite__a_bad_job_does_not_hurt_its_neighbours),
        store_test(test_store_sqlite__a_damaged_file_is_kept_aside_and_a_fresh_one_begins),
        store_test(test_store_sqlite__damage_inside_is_found_after_an_unclean_stop),
        store_test(test_store_sqlite__a_newer_database_is_refused_by_name),
        store_test(test_store_sqlite__a_changed_history_is_refused),
        store_test(test_store_sqlite__the_database_of_another_program_is_refused),
        store_test(test_store_sqlite__a_full_disk_is_told_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("store/sqlite", tests, NULL, NULL);
}
