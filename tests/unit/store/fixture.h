/* fixture.h - a store in a temporary directory, or in a fresh database of the PostgreSQL that
 * CODEMENTOR_TEST_POSTGRES names (tests/tools/with_postgres.py sets it). */
#ifndef CM_TEST_STORE_FIXTURE_H
#define CM_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"

#include <libpq-fe.h>
#include <unistd.h>

typedef struct fixture {
    char dir[64];
    char url[256]; /* "" = SQLite in dir */
    cm_store *store;
    cm_store_local local;
    cm_db me;     /* as the local owner */
    cm_db system; /* no tenant predicate */
    cm_arena *arena;
} fixture;

#define assert_ok(call)                                        \
    do {                                                       \
        cm_err err_ = {0};                                     \
        cm_err *err = &err_;                                   \
        cm_rc rc_ = (call);                                    \
        if (rc_ != CM_OK) {                                    \
            fail_msg("%s: %d %s", #call, (int)rc_, err->text); \
        }                                                      \
    } while (0)

#define assert_rc(expected, call)                                    \
    do {                                                             \
        cm_err err_ = {0};                                           \
        cm_err *err = &err_;                                         \
        cm_rc rc_ = (call);                                          \
        if (rc_ != (expected)) {                                     \
            fail_msg("%s: got %d '%s'", #call, (int)rc_, err->text); \
        }                                                            \
    } while (0)

static inline void fixture_open(fixture *f) {
    cm_store_options options = {.data_dir = f->dir, .url = f->url[0] != '\0' ? f->url : NULL};
    assert_ok(cm_store_open(&options, &f->store, err));
    assert_ok(cm_store_local_get(f->store, &f->local, err));
    f->me = cm_store_as(f->store, f->local.user_id);
    f->system = cm_store_system(f->store);
}

static inline const char *fixture_server(void) {
    return getenv("CODEMENTOR_TEST_POSTGRES");
}

/* False when the server refuses, for instance because the database exists. */
static inline bool fixture_admin(const char *sql) {
    PGconn *pg = PQconnectdb(fixture_server());
    PGresult *result = PQexec(pg, sql);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    PQfinish(pg);
    return good;
}

/* Plain SQL past the store, as the login that owns the test's database. */
static inline void fixture_script(const fixture *f, const char *sql) {
    PGconn *pg = PQconnectdb(f->url);
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s", PQerrorMessage(pg));
    }
    PQclear(result);
    PQfinish(pg);
}

/* The URL of another database of the test server. */
static inline void fixture_url(char url[256], const char *database) {
    const char *server = fixture_server();
    const char *query = strchr(server, '?');
    snprintf(url, 256, "postgresql:///%s%s", database, query);
}

/* Migrating takes a second, copying a migrated database a twentieth of that. */
static inline void fixture_database(fixture *f) {
    static int number;
    if (fixture_admin("CREATE DATABASE cm_template")) {
        fixture_url(f->url, "cm_template");
        cm_store *store;
        assert_ok(cm_store_open(&(cm_store_options){.url = f->url}, &store, err));
        cm_store_close(store);
    }
    char name[32];
    char sql[96];
    snprintf(name, sizeof name, "t%d_%d", (int)getpid(), ++number);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE cm_template", name);
    /* The template's last connection may still be on its way out of the server. */
    bool made = fixture_admin(sql);
    for (int i = 0; i < 5000 && !made; i++) {
        fixture_admin("DO $$ BEGIN PERFORM pg_sleep(0.02); END $$");
        made = fixture_admin(sql);
    }
    assert_true(made);
    fixture_url(f->url, name);
}

static inline int fixture_setup(void **state) {
    fixture *f = CM_NEW(fixture);
    cm_log_init(CM_LOG_OFF, CM_LOG_HUMAN, 2);
    snprintf(f->dir, sizeof f->dir, "/tmp/cm-store-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    if (fixture_server() != NULL) {
        fixture_database(f);
    }
    f->arena = cm_arena_new(0);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    cm_arena_free(f->arena);
    if (f->url[0] != '\0') {
        char sql[96];
        const char *name = f->url + strlen("postgresql:///");
        snprintf(sql, sizeof sql, "DROP DATABASE %.*s WITH (FORCE)", (int)strcspn(name, "?"), name);
        fixture_admin(sql);
    }
    cm_err err;
    cm_rc rc = cm_dir_remove(f->dir, &err);
    cm_free(f);
    return rc == CM_OK ? 0 : -1;
}

static inline void fixture_reopen(fixture *f) {
    cm_store_close(f->store);
    fixture_open(f);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
