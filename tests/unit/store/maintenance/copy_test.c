/* Backups, and a whole database moved to another engine. */
#include "store/filler.h" /* tests/unit/store */

#include "store/admin.h"
#include "store/q/users.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

static cm_store_options file_options(const fixture *f, char url[256], const char *name) {
    snprintf(url, 256, "sqlite:%s/%s", f->dir, name);
    return (cm_store_options){.data_dir = f->dir, .url = url};
}

/* A filled embedded database beside the fixture's own; closed again. */
static void make_source(fixture *f, char url[256]) {
    cm_store_options options = file_options(f, url, "source.db");
    fixture inner = *f;
    assert_ok(cm_store_open(&options, &inner.store, err));
    inner.system = cm_store_system(inner.store);
    filler fill = {.f = &inner};
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("person@example.com")};
    assert_ok(cm_q_users_insert(&inner.system, &person, err));
    fill.person = person.id;
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES];
    filler_all(&fill, order, params);
    cm_store_close(inner.store);
    /* The made-up migration of the filler would be taken for one of a newer version. */
    sqlite3 *db;
    assert_int_equal(sqlite3_open(url + strlen("sqlite:"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DELETE FROM schema_migrations WHERE revision LIKE 'schema_%'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
}

/* A fresh database of the engine under test. */
static void make_target(fixture *f, char url[256]) {
    if (f->url[0] == '\0') {
        snprintf(url, 256, "sqlite:%s/target.db", f->dir);
        return;
    }
    assert_true(fixture_admin("CREATE DATABASE copy_target"));
    fixture_url(url, "copy_target");
}

static void drop_target(const fixture *f) {
    if (f->url[0] != '\0') {
        fixture_admin("DROP DATABASE copy_target WITH (FORCE)");
    }
}

static void test_store_copy__every_row_arrives_and_a_second_run_changes_nothing(void **state) {
    fixture *f = *state;
    char from[256];
    char to[256];
    make_source(f, from);
    make_target(f, to);
    cm_copy_options options = {.from = {.url = from}, .to = {.url = to}};
    cm_copy_report first, second;
    assert_ok(cm_store_copy(&options, &first, err));
    assert_true(first.rows > 80);
    assert_ok(cm_store_copy(&options, &second, err));
    assert_int_equal(second.rows, first.rows);
    assert_int_equal(second.tables, first.tables);
    drop_target(f);
}

#define MANY     1300 /* rows: three pages */
#define STOPS_AT 500

static cm_rc add_people(const cm_db *db, void *argument, cm_err *err) {
    (void)argument;
    for (int i = 0; i < MANY; i++) {
        char email[32];
        snprintf(email, sizeof email, "p%d@example.com", i);
        cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = cm_str_from(email)};
        cm_rc rc = cm_q_users_insert(db, &in, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    return CM_OK;
}

static void die_in_the_middle(void *argument, const char *table, uint64_t rows, uint64_t total) {
    (void)argument;
    (void)total;
    if (strcmp(table, "users") == 0 && rows >= STOPS_AT) {
        raise(SIGKILL);
    }
}

static void test_store_copy__a_killed_copy_continues_where_it_was(void **state) {
    fixture *f = *state;
    char from[256];
    char to[256];
    cm_store *source;
    cm_store_options file = file_options(f, from, "many.db");
    assert_ok(cm_store_open(&file, &source, err));
    cm_db db = cm_store_system(source);
    assert_ok(cm_db_write(&db, CM_FULL, add_people, NULL, err));
    cm_store_close(source);
    make_target(f, to);
    cm_copy_options options = {.from = {.url = from}, .to = {.url = to}};
    cm_copy_report report;
    cm_store_close(f->store); /* a process that forks has one thread */
    f->store = NULL;
    pid_t child = fork();
    if (child == 0) {
        cm_err err;
        options.progress = die_in_the_middle;
        _exit(cm_store_copy(&options, &report, &err) == CM_OK ? 1 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    fixture_open(f);
    assert_ok(cm_store_copy(&options, &report, err));
    assert_true(report.rows >= MANY);
    assert_int_equal(report.written, MANY - STOPS_AT); /* what a migration seeds is there as well */
    drop_target(f);
}

/* Rows that both began with are no part of a stopped copy: the guess is found out, all rows arrive. */
static void test_store_copy__a_target_with_other_rows_of_the_source_gets_the_rest(void **state) {
    fixture *f = *state;
    char from[256];
    char to[256];
    cm_store *stores[2];
    const cm_row_users *rows;
    size_t count;
    cm_store_options file = file_options(f, from, "many.db");
    make_target(f, to);
    assert_ok(cm_store_open(&file, &stores[0], err));
    assert_ok(cm_store_open(&(cm_store_options){.url = to}, &stores[1], err));
    cm_db source = cm_store_system(stores[0]);
    cm_db target = cm_store_system(stores[1]);
    assert_ok(cm_db_write(&source, CM_FULL, add_people, NULL, err));
    cm_q_users_list_in all = {.limit = MANY};
    assert_ok(cm_q_users_list(&source, &all, f->arena, &rows, &count, err));
    cm_q_users_insert_in last = {.id = rows[count - 1].id, .email = CM_STR("old@example.com")};
    assert_ok(cm_q_users_insert(&target, &last, err));
    cm_store_close(stores[0]);
    cm_store_close(stores[1]);
    cm_copy_options options = {.from = {.url = from}, .to = {.url = to}};
    cm_copy_report report;
    assert_ok(cm_store_copy(&options, &report, err));
    assert_true(report.rows >= MANY);
    drop_target(f);
}

static void test_store_copy__a_row_that_differs_is_told(void **state) {
    fixture *f = *state;
    char from[256];
    char to[256];
    make_source(f, from);
    make_target(f, to);
    cm_store *target;
    assert_ok(cm_store_open(&(cm_store_options){.url = to}, &target, err));
    cm_db db = cm_store_system(target);
    cm_q_users_insert_in extra = {.id = cm_uuid_v7(), .email = CM_STR("extra@example.com")};
    assert_ok(cm_q_users_insert(&db, &extra, err));
    cm_store_close(target);
    cm_copy_options options = {.from = {.url = from}, .to = {.url = to}};
    cm_copy_report report;
    cm_err err;
    assert_int_equal(cm_store_copy(&options, &report, &err), CM_CONFLICT);
    assert_non_null(strstr(err.text, "'users'"));
    drop_target(f);
}

static void test_store_backup__made_in_use_verified_and_restored(void **state) {
    fixture *f = *state;
    char url[256];
    cm_store_options options = file_options(f, url, "live.db");
    cm_store *store;
    assert_ok(cm_store_open(&options, &store, err));
    cm_db db = cm_store_system(store);
    cm_q_users_insert_in kept = {.id = cm_uuid_v7(), .email = CM_STR("kept@example.com")};
    assert_ok(cm_q_users_insert(&db, &kept, err));
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/backup.db", f->dir);
    assert_ok(cm_store_backup_create(&options, path, err));
    assert_rc(CM_EXISTS, cm_store_backup_create(&options, path, err));
    cm_q_users_insert_in later = {.id = cm_uuid_v7(), .email = CM_STR("later@example.com")};
    assert_ok(cm_q_users_insert(&db, &later, err));
    cm_store_close(store);
    bool sealed = false;
    uint64_t rows = 0;
    assert_ok(cm_store_backup_verify(path, &rows, &sealed, err));
    assert_true(rows > 1);
    assert_ok(cm_store_backup_restore(&options, path, err));
    assert_ok(cm_store_open(&options, &store, err));
    db = cm_store_system(store);
    cm_row_users row;
    assert_ok(cm_q_users_get(&db, &(cm_q_users_get_in){kept.id}, f->arena, &row, err));
    assert_rc(CM_NOT_FOUND,
              cm_q_users_get(&db, &(cm_q_users_get_in){later.id}, f->arena, &row, err));
    cm_store_close(store);
    cm_cleanup(cm_freep) char *old = cm_asprintf("%s/live.db.before-restore", f->dir);
    assert_int_equal(access(old, R_OK), 0);
}

static void test_store_backup__a_damaged_backup_is_refused_and_harms_nothing(void **state) {
    fixture *f = *state;
    char url[256];
    cm_store_options options = file_options(f, url, "live.db");
    cm_store *store;
    assert_ok(cm_store_open(&options, &store, err));
    cm_store_close(store);
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/bad.db", f->dir);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("SQLite format 3", file);
    fclose(file);
    bool sealed = false;
    uint64_t rows;
    cm_err err;
    assert_true(cm_store_backup_verify(path, &rows, &sealed, &err) != CM_OK);
    assert_true(cm_store_backup_restore(&options, path, &err) != CM_OK);
    assert_int_equal(cm_store_open(&options, &store, &err), CM_OK);
    cm_store_close(store);
}

/* 51 of 60 went unnoticed when SQLite alone was asked. */
static void test_store_backup__every_flipped_bit_is_found(void **state) {
    fixture *f = *state;
    cm_store_options options = {.data_dir = f->dir};
    if (f->url[0] != '\0') {
        return; /* backups are for the embedded database */
    }
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/sealed.db", f->dir);
    assert_ok(cm_store_backup_create(&options, path, err));
    cm_mapping map;
    assert_ok(cm_mapping_open(path, &map, err));
    size_t len = map.len;
    cm_mapping_close(&map);
    FILE *file = fopen(path, "r+b");
    bool sealed = false;
    uint64_t rows = 0;
    for (size_t i = 0; i < 60; i++) { /* spread over the pages, and each byte of the seal */
        long at = (long)(i < 40 ? len * i / 40 + i : len - 64 + (i - 40) * 3);
        fseek(file, at, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 1 << i % 8, file);
        fflush(file);
        assert_rc(CM_CORRUPT, cm_store_backup_verify(path, &rows, &sealed, err));
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
        fflush(file);
    }
    fclose(file);
    assert_ok(cm_store_backup_verify(path, &rows, &sealed, err));
    assert_true(sealed);
    assert_int_equal(truncate(path, (off_t)len - 64), 0); /* as an earlier version made it */
    assert_ok(cm_store_backup_verify(path, &rows, &sealed, err));
    assert_false(sealed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_copy__every_row_arrives_and_a_second_run_changes_nothing),
        store_test(test_store_copy__a_killed_copy_continues_where_it_was),
        store_test(test_store_copy__a_target_with_other_rows_of_the_source_gets_the_rest),
        store_test(test_store_copy__a_row_that_differs_is_told),
        store_test(test_store_backup__made_in_use_verified_and_restored),
        store_test(test_store_backup__every_flipped_bit_is_found),
        store_test(test_store_backup__a_damaged_backup_is_refused_and_harms_nothing),
    };
    return cmocka_run_group_tests_name("store/copy", tests, NULL, NULL);
}
