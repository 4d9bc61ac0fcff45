/* Migrations on both engines: up and down, histories that do not fit, many servers at once. */
#include "store/fixture.h" /* tests/unit/store */

#include "store/admin.h"
#include "store/store_priv.h"

#include <signal.h>
#include <sys/wait.h>

#define BOTH(sql) \
    { sql, sql }

/* A small chain beside the embedded one: it starts where that ends. */
static const cm_migration chain[] = {
    {"aaaaaaaaaaa1", "", "one", "2026-01-01", "c1",
     BOTH("CREATE TABLE zoo (id INTEGER PRIMARY KEY)"), BOTH("DROP TABLE zoo"), true},
    {"aaaaaaaaaaa2", "aaaaaaaaaaa1", "two", "2026-01-02", "c2",
     BOTH("ALTER TABLE zoo ADD COLUMN animal TEXT; INSERT INTO zoo VALUES (1, 'emu')"),
     BOTH("ALTER TABLE zoo DROP COLUMN animal; DELETE FROM zoo"), true},
    {"aaaaaaaaaaa3", "aaaaaaaaaaa2", "three", "2026-01-03", "c3",
     BOTH("CREATE TABLE fine (x INTEGER); CREATE TABLE broken (y INTEGER, y INTEGER)"),
     BOTH("DROP TABLE fine"), true, "aaaaaaaaaaa3_three.sql"},
};

typedef struct bench {
    fixture *f;
    cm_store *store;
    cm_migrator migrator;
    cm_migration all[64];
    size_t embedded;
} bench;

static cm_store_options options_of(const fixture *f) {
    return (cm_store_options){.data_dir = f->dir, .url = f->url[0] != '\0' ? f->url : NULL};
}

/* Knows the embedded migrations and `count` of the chain. */
static void bench_open(bench *b, fixture *f, size_t count) {
    *b = (bench){.f = f, .embedded = cm_migrations_embedded.count};
    cm_store_options options = options_of(f);
    assert_ok(cm_store_open_bare(&options, &b->store, err));
    assert_ok(b->store->ops->migrator(b->store, &b->migrator, err));
    for (size_t i = 0; i < b->embedded; i++) {
        b->all[i] = cm_migrations_embedded.items[i];
    }
    for (size_t i = 0; i < count; i++) {
        b->all[b->embedded + i] = chain[i];
    }
    if (count != 0) {
        b->all[b->embedded].revises = b->all[b->embedded - 1].revision;
    }
    b->migrator.migrations = (cm_migrations){b->all, b->embedded + count};
}

static void bench_close(bench *b) {
    b->store->ops->migrated(b->store, &b->migrator);
    cm_store_close(b->store);
}

static int64_t count_of(bench *b, const char *sql) {
    int64_t count = -1;
    assert_ok(cm_migrator_count(&b->migrator, sql, &count, err));
    return count;
}

static void test_store_migrate__up_and_down_keep_the_rows(void **state) {
    fixture *f = *state;
    bench b;
    bench_open(&b, f, 2);
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err));
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err)); /* nothing to do */
    assert_int_equal(count_of(&b, "SELECT count(*) FROM zoo WHERE animal = 'emu'"), 1);
    assert_int_equal(count_of(&b, "SELECT count(*) FROM users"), 1);
    char revision[16];
    assert_ok(cm_migrator_down(&b.migrator, revision, err));
    assert_string_equal(revision, "aaaaaaaaaaa2");
    assert_int_equal(count_of(&b, "SELECT count(*) FROM zoo"), 0);
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err));
    assert_int_equal(count_of(&b, "SELECT count(*) FROM zoo WHERE animal = 'emu'"), 1);
    assert_ok(cm_migrator_down(&b.migrator, revision, err));
    for (size_t i = 0; i < b.embedded; i++) {
        assert_ok(
            cm_migrator_down(&b.migrator, revision, err)); /* of the chain, then embedded ones */
    }
    assert_rc(CM_CONFLICT, cm_migrator_down(&b.migrator, revision, err)); /* the baseline */
    assert_int_equal(count_of(&b, "SELECT count(*) FROM users"), 1);
    bench_close(&b);
}

static void test_store_migrate__a_step_that_fails_leaves_nothing_and_stops_there(void **state) {
    bench b;
    bench_open(&b, *state, 3);
    cm_err err;
    assert_true(cm_migrator_up(&b.migrator, NULL, false, &err) != CM_OK);
    assert_non_null(strstr(err.text,
                           "migration aaaaaaaaaaa3 (three) of aaaaaaaaaaa3_three.sql, up: "
                           "statement 2, 'CREATE TABLE broken (y INTEGER, y INTEGER)'"));
    assert_int_equal(count_of(&b, "SELECT count(*) FROM zoo"), 1);
    assert_int_equal(
        count_of(&b, "SELECT count(*) FROM schema_migrations WHERE revision = 'aaaaaaaaaaa3'"), 0);
    cm_rc rc = b.migrator.ops->script(b.migrator.conn, "CREATE TABLE fine (x INTEGER)", &err);
    assert_int_equal(rc, CM_OK); /* not there yet */
    bench_close(&b);
}

/* Told by position on PostgreSQL: it parses the whole script before it runs the first statement. */
static void test_store_migrate__a_fault_of_syntax_names_its_statement(void **state) {
    bench b;
    bench_open(&b, *state, 3);
    b.all[b.embedded + 2].up[CM_SQLITE] = b.all[b.embedded + 2].up[CM_POSTGRES] =
        "CREATE TABLE fine (x INTEGER); CREATE NOTHING broken (y INTEGER); CREATE TABLE more (z "
        "INTEGER)";
    cm_err err;
    assert_true(cm_migrator_up(&b.migrator, NULL, false, &err) != CM_OK);
    assert_non_null(strstr(err.text, "statement 2, 'CREATE NOTHING broken (y INTEGER)'"));
    bench_close(&b);
}

/* Every step of the way down fails as a whole, too. */
static void test_store_migrate__a_way_down_that_fails_leaves_everything(void **state) {
    bench b;
    bench_open(&b, *state, 2);
    b.all[b.embedded + 1].down[CM_SQLITE] = b.all[b.embedded + 1].down[CM_POSTGRES] =
        "DELETE FROM zoo; DROP TABLE nothing_of_this_name";
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err));
    char revision[16];
    cm_err fault;
    assert_true(cm_migrator_down(&b.migrator, revision, &fault) != CM_OK);
    assert_non_null(strstr(fault.text, "down: statement 2, 'DROP TABLE nothing"));
    assert_int_equal(count_of(&b, "SELECT count(*) FROM zoo"), 1);
    assert_int_equal(
        count_of(&b, "SELECT count(*) FROM schema_migrations WHERE revision = 'aaaaaaaaaaa2'"), 1);
    bench_close(&b);
}

static void test_store_migrate__a_file_edited_after_it_was_applied_is_refused(void **state) {
    bench b;
    bench_open(&b, *state, 2);
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err));
    b.all[b.embedded].checksum = "another";
    char revision[16];
    cm_err fault;
    assert_int_equal(cm_migrator_up(&b.migrator, NULL, false, &fault), CM_CONFLICT);
    assert_non_null(strstr(fault.text, "aaaaaaaaaaa1 (one) was changed after it was applied"));
    assert_rc(CM_CONFLICT, cm_migrator_down(&b.migrator, revision, err));
    bench_close(&b);
}

/* The child has run the whole script and not committed: it says so and waits for its death. */
static int death_gate;

static cm_rc wait_for_death(void *conn, cm_err *err) {
    (void)conn;
    (void)err;
    if (write(death_gate, "x", 1) == 1) {
        pause();
    }
    return CM_OK;
}

static void die_in_the_middle(const fixture *f, int fd) {
    bench b = {.embedded = cm_migrations_embedded.count};
    cm_store_options options = options_of(f);
    cm_err err;
    death_gate = fd;
    if (cm_store_open_bare(&options, &b.store, &err) != CM_OK ||
        b.store->ops->migrator(b.store, &b.migrator, &err) != CM_OK) {
        _exit(1);
    }
    cm_migrate_ops ops = *b.migrator.ops;
    ops.check = wait_for_death;
    memcpy(b.all, cm_migrations_embedded.items, b.embedded * sizeof *b.all);
    b.all[b.embedded] = chain[0];
    b.all[b.embedded].revises = b.all[b.embedded - 1].revision;
    b.migrator.ops = &ops;
    b.migrator.migrations = (cm_migrations){b.all, b.embedded + 1};
    _exit(cm_migrator_up(&b.migrator, NULL, false, &err) == CM_OK ? 0 : 1);
}

static void test_store_migrate__killed_in_the_middle_nothing_is_half_done(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    f->store = NULL;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        die_in_the_middle(f, ends[1]);
    }
    char byte;
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    bench b;
    bench_open(&b, f, 2);
    assert_int_equal(count_of(&b, "SELECT count(*) FROM schema_migrations WHERE revision LIKE "
                                  "'aaaa%'"),
                     0);
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err)); /* waits for the dead one's lock */
    assert_int_equal(count_of(&b, "SELECT count(*) FROM zoo WHERE animal = 'emu'"), 1);
    char revision[16];
    assert_ok(cm_migrator_down(&b.migrator, revision, err));
    assert_ok(cm_migrator_down(&b.migrator, revision, err));
    bench_close(&b);
    fixture_open(f);
}

static void test_store_migrate__one_can_stop_on_the_way(void **state) {
    bench b;
    bench_open(&b, *state, 2);
    assert_ok(cm_migrator_up(&b.migrator, "aaaaaaaaaaa1", false, err));
    assert_int_equal(
        count_of(&b, "SELECT count(*) FROM schema_migrations WHERE revision LIKE 'aaaa%'"), 1);
    assert_rc(CM_CONFLICT, cm_migrator_up(&b.migrator, NULL, true, err)); /* refuse: one pends */
    bench_close(&b);
}

static void test_store_migrate__two_heads_are_refused(void **state) {
    bench b;
    bench_open(&b, *state, 3);
    b.all[b.embedded + 2].revises = "aaaaaaaaaaa1";
    cm_err err;
    assert_int_equal(cm_migrator_up(&b.migrator, NULL, false, &err), CM_CONFLICT);
    assert_non_null(strstr(err.text, "two heads"));
    bench_close(&b);
}

static void test_store_migrate__a_step_we_do_not_know_was_made_by_a_newer_version(void **state) {
    bench b;
    bench_open(&b, *state, 2);
    assert_ok(cm_migrator_up(&b.migrator, NULL, false, err));
    b.migrator.migrations.count--;
    assert_rc(CM_CONFLICT, cm_migrator_up(&b.migrator, NULL, false, err));
    bench_close(&b);
}

static void test_store_migrate__status_tells_what_pends_and_reset_begins_again(void **state) {
    fixture *f = *state;
    cm_store_options options = options_of(f);
    cm_store_close(f->store);
    f->store = NULL;
    cm_migrate_status status;
    assert_ok(cm_store_migrate_status(&options, CM_STATUS_SCHEMA, f->arena, &status, err));
    assert_true(status.initialised);
    assert_int_equal(status.pending, 0);
    assert_int_equal(status.applied, cm_migrations_embedded.count);
    assert_ok(cm_store_migrate_reset(&options, err));
    bench b;
    bench_open(&b, f, 0);
    assert_int_equal(count_of(&b, "SELECT count(*) FROM users"), 0);
    bench_close(&b);
    fixture_open(f);
}

/* An empty database, and many processes that open it at the same moment. */
static void test_store_migrate__of_ten_servers_at_once_exactly_one_migrates(void **state) {
    fixture *f = *state;
    cm_store_options options = options_of(f);
    char url[256];
    cm_store_close(f->store);
    f->store = NULL;
    if (f->url[0] != '\0') {
        assert_true(fixture_admin("CREATE DATABASE empty_ten"));
        fixture_url(url, "empty_ten");
    } else {
        snprintf(url, sizeof url, "sqlite:%s/ten.db", f->dir);
    }
    options.url = url;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    pid_t children[10];
    for (size_t i = 0; i < CM_COUNT(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            char byte;
            close(gate[1]);
            if (read(gate[0], &byte, 1) != 0) { /* ends when the parent closes it */
                _exit(2);
            }
            cm_store *store;
            cm_err err;
            cm_rc rc = cm_store_open(&options, &store, &err);
            if (rc != CM_OK) {
                fprintf(stderr, "%s\n", err.text);
                _exit(1);
            }
            cm_store_close(store);
            _exit(0);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (size_t i = 0; i < CM_COUNT(children); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    cm_migrate_status status;
    assert_ok(cm_store_migrate_status(&options, CM_STATUS_SCHEMA, f->arena, &status, err));
    assert_int_equal(status.applied, cm_migrations_embedded.count);
    if (f->url[0] != '\0') {
        fixture_admin("DROP DATABASE empty_ten WITH (FORCE)");
    }
    fixture_open(f);
}

static void test_store_migrate__a_draft_follows_all_heads(void **state) {
    fixture *f = *state;
    const char *first;
    const char *second;
    assert_ok(
        cm_store_migrate_create(f->dir, "Add last_login column", NULL, f->arena, &first, err));
    assert_non_null(strstr(first, "_add_last_login_column.sql"));
    assert_ok(cm_store_migrate_create(f->dir, "Second", NULL, f->arena, &second, err));
    cm_buf text;
    cm_buf_init(&text, CM_KIB(64));
    assert_ok(cm_file_read(second, CM_KIB(64), &text, err));
    char want[64];
    const char *name = strrchr(first, '/') + 1;
    snprintf(want, sizeof want, "-- revises: %.12s\n", name);
    assert_non_null(strstr(cm_buf_c(&text), want));
    cm_buf_done(&text);
    assert_rc(CM_INVALID, cm_store_migrate_create(f->dir, "", NULL, f->arena, &second, err));
}

static void test_store_migrate__a_message_may_be_of_any_script(void **state) {
    fixture *f = *state;
    static const char *const messages[] = {"say \"no\" \\ 'maybe'; DROP TABLE users; --",
                                           "\xE6\x97\xA5\xE6\x9C\xAC", "../../etc/passwd",
                                           "$HOME `id` %s %n"};
    for (size_t i = 0; i < CM_COUNT(messages); i++) {
        const char *path;
        assert_ok(cm_store_migrate_create(f->dir, messages[i], "-- @up\n", f->arena, &path, err));
        assert_true(cm_str_starts(cm_str_from(path), cm_str_from(f->dir)));
        assert_null(strchr(path + strlen(f->dir) + 1, '/'));
        cm_buf text;
        cm_buf_init(&text, CM_KIB(64));
        assert_ok(cm_file_read(path, CM_KIB(64), &text, err));
        char want[128];
        snprintf(want, sizeof want, "\n-- message: %s\n", messages[i]);
        assert_non_null(strstr(cm_buf_c(&text), want));
        cm_buf_done(&text);
    }
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    const char *const refused[] = {"", " ", "two\nlines", "bell\a", "\xff", longest};
    for (size_t i = 0; i < CM_COUNT(refused); i++) {
        const char *path;
        assert_rc(CM_INVALID,
                  cm_store_migrate_create(f->dir, refused[i], NULL, f->arena, &path, err));
    }
}

static void test_store_migrate__a_folder_that_takes_no_file_is_named(void **state) {
    fixture *f = *state;
    const char *path;
    cm_err err = {0};
    assert_int_equal(
        cm_store_migrate_create("/nonexistent/folder", "x", NULL, f->arena, &path, &err),
        CM_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/folder"));
    /* Not even root writes here. */
    assert_true(cm_store_migrate_create("/proc/self", "x", NULL, f->arena, &path, &err) != CM_OK);
    assert_non_null(strstr(err.text, "/proc/self"));
}

static void test_store_migrate__the_database_is_chosen_in_the_documented_order(void **state) {
    fixture *f = *state;
    static const char *const names[] = {
        "TEST_MODE", "TEST_DATABASE_URL", "DATABASE_URL", "DB_HOST",
        "DB_NAME",   "DB_USER",           "DB_PASSWORD",  "DB_PORT"};
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        unsetenv(names[i]);
    }
    assert_string_equal(cm_store_url("", "/d", f->arena), "sqlite:/d/codementor.db");
    setenv("DB_NAME", "team", 1);
    setenv("DB_USER", "ann", 1);
    setenv("DB_PASSWORD", "p@ss/word", 1);
    assert_string_equal(cm_store_url(NULL, "/d", f->arena),
                        "postgresql://ann:p%40ss%2Fword@localhost:5432/team");
    setenv("DATABASE_URL", "postgresql://x/y", 1);
    assert_string_equal(cm_store_url(NULL, "/d", f->arena), "postgresql://x/y");
    setenv("TEST_MODE", "true", 1);
    assert_string_equal(cm_store_url(NULL, "/d", f->arena), "sqlite:/d/codementor-test.db");
    assert_string_equal(cm_store_url("sqlite:/z", "/d", f->arena), "sqlite:/z");
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        unsetenv(names[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_migrate__up_and_down_keep_the_rows),
        store_test(test_store_migrate__a_step_that_fails_leaves_nothing_and_stops_there),
        store_test(test_store_migrate__a_fault_of_syntax_names_its_statement),
        store_test(test_store_migrate__a_way_down_that_fails_leaves_everything),
        store_test(test_store_migrate__a_file_edited_after_it_was_applied_is_refused),
        store_test(test_store_migrate__killed_in_the_middle_nothing_is_half_done),
        store_test(test_store_migrate__one_can_stop_on_the_way),
        store_test(test_store_migrate__two_heads_are_refused),
        store_test(test_store_migrate__a_step_we_do_not_know_was_made_by_a_newer_version),
        store_test(test_store_migrate__status_tells_what_pends_and_reset_begins_again),
        store_test(test_store_migrate__of_ten_servers_at_once_exactly_one_migrates),
        store_test(test_store_migrate__a_draft_follows_all_heads),
        store_test(test_store_migrate__a_message_may_be_of_any_script),
        store_test(test_store_migrate__a_folder_that_takes_no_file_is_named),
        store_test(test_store_migrate__the_database_is_chosen_in_the_documented_order),
    };
    return cmocka_run_group_tests_name("store/migrate", tests, NULL, NULL);
}
