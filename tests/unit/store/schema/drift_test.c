/* Is the schema what its history says: what status finds, and what adopting takes. */
#include "store/fixture.h" /* tests/unit/store */

#include "store/schema/drift_priv.h"
#include "store/q/users.h"

#include <pthread.h>

static cm_store_options options_of(const fixture *f) {
    return (cm_store_options){.data_dir = f->dir, .url = f->url[0] != '\0' ? f->url : NULL};
}

/* Somebody changes the database by hand. */
static void by_hand(fixture *f, const char *sql) {
    cm_store_options options = options_of(f);
    cm_store *store;
    cm_migrator migrator;
    cm_store_close(f->store);
    f->store = NULL;
    assert_ok(cm_store_open_bare(&options, &store, err));
    assert_ok(store->ops->migrator(store, &migrator, err));
    assert_ok(migrator.ops->script(migrator.conn, sql, err));
    store->ops->migrated(store, &migrator);
    cm_store_close(store);
}

static cm_migrate_status status_of(const fixture *f) {
    cm_store_options options = options_of(f);
    cm_migrate_status status = {0};
    assert_ok(cm_store_migrate_status(&options, CM_STATUS_SCHEMA, f->arena, &status, err));
    return status;
}

static bool has_drift(const cm_migrate_status *status, const char *kind, const char *name,
                      enum cm_drift_state state) {
    for (size_t i = 0; i < status->drift_count; i++) {
        const cm_schema_drift *drift = &status->drifts[i];
        if (strcmp(drift->kind, kind) == 0 && strcmp(drift->name, name) == 0) {
            return drift->state == state;
        }
    }
    return false;
}

/* Schemas beside ours, and tables in them. */
static int64_t scratch_left(const fixture *f) {
    if (f->url[0] == '\0') {
        return 0;
    }
    PGconn *pg = PQconnectdb(f->url);
    PGresult *result =
        PQexec(pg, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'codementor\\_%'");
    int64_t count = -1;
    assert_true(cm_str_to_i64(cm_str_from(PQgetvalue(result, 0, 0)), &count));
    PQclear(result);
    PQfinish(pg);
    return count;
}

static void test_store_drift__a_migrated_database_has_none_nor_do_its_views(void **state) {
    fixture *f = *state;
    cm_store_options options = options_of(f);
    assert_ok(cm_store_migrate_views(&options, true, err));
    cm_migrate_status status = status_of(f);
    assert_true(status.views_on);
    assert_null(status.drift_unchecked);
    assert_int_equal(status.drift_count, 0);
    assert_int_equal(status.head_count, 1);
    assert_true(status.version[0] >= '1' && status.version[0] <= '9');
    assert_int_equal(scratch_left(f), 0);
}

static void test_store_drift__what_was_changed_by_hand_is_named(void **state) {
    fixture *f = *state;
    bool pg = f->url[0] != '\0';
    if (pg) {
        by_hand(f, "DROP POLICY reads ON messages; ALTER TABLE tags DISABLE ROW LEVEL SECURITY; "
                   "GRANT DELETE ON jobs TO codementor_app");
    }
    by_hand(f,
            "DROP INDEX idx_users_team_id; CREATE TABLE graffiti (x INTEGER); "
            "DROP INDEX idx_users_config_id; CREATE INDEX idx_users_config_id ON users (team_id)");
    cm_migrate_status status = status_of(f);
    assert_true(has_drift(&status, "index", "idx_users_team_id", CM_DRIFT_MISSING));
    assert_true(has_drift(&status, "index", "idx_users_config_id", CM_DRIFT_CHANGED));
    assert_true(has_drift(&status, "table", "graffiti", CM_DRIFT_EXTRA));
    assert_int_equal(status.drift_count, pg ? 7 : 3); /* and the column of the new table */
    if (pg) {
        assert_true(has_drift(&status, "policy", "messages.reads", CM_DRIFT_MISSING));
        assert_true(has_drift(&status, "table", "tags", CM_DRIFT_CHANGED));
        assert_true(has_drift(&status, "grant", "jobs", CM_DRIFT_EXTRA));
    }
    fixture_open(f);
}

static void test_store_drift__tables_without_a_history_are_adopted_when_equal(void **state) {
    fixture *f = *state;
    cm_store_options options = options_of(f);
    char revision[16];
    cm_err fault = {0};
    by_hand(f, "DROP TABLE schema_migrations; DROP INDEX idx_users_team_id");
    assert_int_equal(cm_store_migrate_adopt(&options, revision, &fault), CM_CONFLICT);
    assert_non_null(strstr(fault.text, "index 'idx_users_team_id' is missing"));
    cm_migrate_status status = status_of(f);
    assert_false(status.initialised);
    assert_non_null(status.drift_unchecked);
    by_hand(f, "CREATE INDEX idx_users_team_id ON users (team_id)");
    assert_ok(cm_store_migrate_adopt(&options, revision, err));
    assert_string_equal(revision,
                        cm_migrations_embedded.items[cm_migrations_embedded.count - 1].revision);
    status = status_of(f);
    assert_int_equal(status.applied, cm_migrations_embedded.count);
    assert_int_equal(status.drift_count, 0);
    assert_int_equal(scratch_left(f), 0);
    fixture_open(f); /* with the rows that were there */
    assert_false(cm_uuid_is_nil(&f->local.user_id));
}

/* The history goes on behind what is adopted: the rest is pending. */
static void test_store_drift__an_older_schema_is_adopted_at_its_own_revision(void **state) {
    fixture *f = *state;
    by_hand(f, "DROP TABLE schema_migrations");
    size_t embedded = cm_migrations_embedded.count;
    cm_migration all[64];
    assert_true(embedded < CM_COUNT(all));
    memcpy(all, cm_migrations_embedded.items, embedded * sizeof *all);
    all[embedded] =
        (cm_migration){.revision = "ddddddddddd1",
                       .revises = all[embedded - 1].revision,
                       .message = "later",
                       .date = "2026-01-01",
                       .checksum = "c",
                       .up = {"CREATE TABLE later (x INTEGER)", "CREATE TABLE later (x INTEGER)"},
                       .transaction = true};
    cm_store_options options = options_of(f);
    cm_store *store;
    cm_migrator migrator;
    char revision[16];
    assert_ok(cm_store_open_bare(&options, &store, err));
    assert_ok(store->ops->migrator(store, &migrator, err));
    migrator.migrations = (cm_migrations){all, embedded + 1};
    assert_ok(cm_drift_adopt(&options, &migrator, revision, err));
    assert_string_equal(revision, all[embedded - 1].revision);
    store->ops->migrated(store, &migrator);
    cm_store_close(store);
    fixture_open(f);
}

static void test_store_drift__a_login_without_the_right_is_told_so(void **state) {
    fixture *f = *state;
    if (f->url[0] == '\0') {
        return;
    }
    char url[300];
    fixture_admin("CREATE ROLE plain LOGIN NOCREATEDB IN ROLE codementor_worker");
    snprintf(url, sizeof url, "%s&user=plain", f->url);
    cm_store_options options = {.data_dir = f->dir, .url = url};
    cm_migrate_status status = {0};
    assert_ok(cm_store_migrate_status(&options, CM_STATUS_SCHEMA, f->arena, &status, err));
    assert_int_equal(status.applied, cm_migrations_embedded.count);
    assert_non_null(status.drift_unchecked);
    assert_non_null(strstr(status.drift_unchecked, "only its owner can"));
    assert_int_equal(status.drift_count, 0);
}

/* A database whose owner may do nothing else: it is migrated, checked and changed by that login. */
static void test_store_drift__an_owner_needs_no_right_to_make_databases(void **state) {
    fixture *f = *state;
    if (f->url[0] == '\0') {
        return;
    }
    char url[300];
    cm_store *store;
    cm_migrate_status status = {0};
    fixture_admin("CREATE ROLE owner LOGIN NOSUPERUSER NOCREATEDB CREATEROLE"); /* once a server */
    fixture_script(f, "GRANT codementor_app, codementor_worker, codementor_ro TO owner WITH ADMIN "
                      "OPTION");
    fixture_script(f, "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE "
                      "SCHEMA public AUTHORIZATION owner; "
                      "GRANT USAGE ON SCHEMA public TO public; CREATE EXTENSION vector; "
                      "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO owner', "
                      "current_database()); END $$");
    snprintf(url, sizeof url, "%.*s", (int)(strstr(f->url, "&user=") - f->url), f->url);
    snprintf(url + strlen(url), sizeof url - strlen(url), "&user=owner");
    cm_store_options options = {.data_dir = f->dir, .url = url};
    assert_ok(cm_store_open(&options, &store, err));
    cm_store_close(store);
    assert_ok(cm_store_migrate_views(&options, true, err));
    assert_ok(cm_store_migrate_status(&options, CM_STATUS_SCHEMA, f->arena, &status, err));
    if (status.drift_unchecked != NULL) {
        fail_msg("%s", status.drift_unchecked);
    }
    assert_int_equal(status.drift_count, 0);
    fixture_script(f, "DROP INDEX idx_users_team_id");
    status = (cm_migrate_status){0};
    assert_ok(cm_store_migrate_status(&options, CM_STATUS_SCHEMA, f->arena, &status, err));
    assert_int_equal(status.drift_count, 1);
    assert_true(has_drift(&status, "index", "idx_users_team_id", CM_DRIFT_MISSING));
    assert_true(status.views_on);
    assert_int_equal(scratch_left(f), 0);
}

typedef struct looker {
    const fixture *f;
    cm_rc rc;
    const char *unchecked;
    size_t drifts;
    cm_arena *arena;
} looker;

static void *look(void *argument) {
    looker *l = argument;
    cm_store_options options = options_of(l->f);
    cm_migrate_status status = {0};
    cm_err err = {0};
    l->rc = cm_store_migrate_status(&options, CM_STATUS_SCHEMA, l->arena, &status, &err);
    l->unchecked = status.drift_unchecked;
    l->drifts = status.drift_count;
    return NULL;
}

/* Several look at once while a server works on the same database: none is in the way of another. */
static void test_store_drift__looking_disturbs_nobody(void **state) {
    fixture *f = *state;
    looker lookers[3];
    pthread_t threads[CM_COUNT(lookers)];
    for (size_t i = 0; i < CM_COUNT(lookers); i++) {
        lookers[i] = (looker){.f = f, .arena = cm_arena_new(0)};
        assert_int_equal(pthread_create(&threads[i], NULL, look, &lookers[i]), 0);
    }
    for (int i = 0; i < 200; i++) {
        char email[32];
        snprintf(email, sizeof email, "busy%d@example.com", i);
        cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = cm_str_from(email)};
        cm_row_users row;
        assert_ok(cm_q_users_insert(&f->system, &in, err));
        assert_ok(cm_q_users_get(&f->system, &(cm_q_users_get_in){in.id}, f->arena, &row, err));
        cm_arena_clear(f->arena);
    }
    for (size_t i = 0; i < CM_COUNT(lookers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(lookers[i].rc, CM_OK);
        if (lookers[i].unchecked != NULL) {
            fail_msg("%s", lookers[i].unchecked);
        }
        assert_int_equal(lookers[i].drifts, 0);
        cm_arena_free(lookers[i].arena);
    }
    assert_int_equal(scratch_left(f), 0);
}

static void test_store_drift__fixtures_are_rows_of_both_engines(void **state) {
    fixture *f = *state;
    cm_store_options options = options_of(f);
    cm_store_close(f->store);
    f->store = NULL;
    assert_ok(cm_store_migrate_fixtures(&options, err));
    cm_err fault = {0};
    assert_true(cm_store_migrate_fixtures(&options, &fault) != CM_OK); /* only once */
    assert_non_null(strstr(fault.text, "fixtures"));
    fixture_open(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_drift__a_migrated_database_has_none_nor_do_its_views),
        store_test(test_store_drift__what_was_changed_by_hand_is_named),
        store_test(test_store_drift__tables_without_a_history_are_adopted_when_equal),
        store_test(test_store_drift__an_older_schema_is_adopted_at_its_own_revision),
        store_test(test_store_drift__a_login_without_the_right_is_told_so),
        store_test(test_store_drift__an_owner_needs_no_right_to_make_databases),
        store_test(test_store_drift__looking_disturbs_nobody),
        store_test(test_store_drift__fixtures_are_rows_of_both_engines),
    };
    return cmocka_run_group_tests_name("store/drift", tests, NULL, NULL);
}
