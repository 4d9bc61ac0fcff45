/* What only PostgreSQL has (pg.c, pg_exchange.c): months, and row-level security as the second guard behind the
 * predicates. Skipped without a server (tests/tools/with_postgres.py). */
#include "store/filler.h" /* tests/unit/store */

#include "store/postgres/pg_priv.h"
#include "store/q/completion_requests.h"
#include "store/q/completion_results.h"
#include "store/q/users.h"

#define DAY_MS (24 * 3600 * 1000ll)

static int64_t count_sql(fixture *f, const char *sql) {
    cm_migrator bare;
    int64_t count = -1;
    assert_ok(f->store->ops->migrator(f->store, &bare, err));
    assert_ok(cm_migrator_count(&bare, sql, &count, err));
    f->store->ops->migrated(f->store, &bare);
    return count;
}

static int64_t table_exists(fixture *f, const char *name) {
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_tables WHERE tablename = '%s'", name);
    return count_sql(f, sql);
}

static int64_t at(const char *text) {
    int64_t ms = 0;
    assert_true(cm_time_parse(cm_str_from(text), &ms));
    return ms;
}

static cm_uuid add_request(fixture *f) {
    cm_q_completion_requests_insert_in in = {.id = cm_uuid_v7(), .completion_type = CM_STR("fim")};
    assert_ok(cm_q_completion_requests_insert(&f->me, &in, err));
    cm_q_completion_results_insert_in result = {
        .request_id = in.id, .id = cm_uuid_v7(), .rank = 1, .completion_text = CM_STR("x")};
    assert_ok(cm_q_completion_results_insert(&f->me, &result, err));
    return in.id;
}

static void test_store_postgres__months_are_made_across_the_year_and_dropped_in_time(void **state) {
    fixture *f = *state;
    cm_clock_fake(cm_clock_ns(), at("2031-12-31T23:59:59.999Z"));
    assert_ok(cm_store_maintain(f->store, err));
    static const char *const months[] = {"2031_12", "2032_01", "2032_02", "2032_03"};
    for (size_t i = 0; i < CM_COUNT(months); i++) {
        char name[64];
        snprintf(name, sizeof name, "completion_results_%s", months[i]);
        assert_int_equal(table_exists(f, name), 1);
        snprintf(name, sizeof name, "embeddings_message_%s", months[i]);
        assert_int_equal(table_exists(f, name), 1);
    }
    assert_int_equal(table_exists(f, "completion_results_2032_04"), 0);
    add_request(f);
    cm_clock_fake_advance(1000000); /* one millisecond: the new year */
    cm_uuid later = add_request(f);
    assert_int_equal(count_sql(f, "SELECT count(*) FROM completion_requests_2031_12"), 1);
    assert_int_equal(count_sql(f, "SELECT count(*) FROM completion_requests_2032_01"), 1);
    assert_int_equal(count_sql(f, "SELECT count(*) FROM completion_results_2032_01"), 1);
    assert_int_equal(count_sql(f, "SELECT count(*) FROM completion_requests_default"), 0);
    cm_clock_fake(cm_clock_ns(), at("2032-01-01T00:00:00.000Z") + 396 * DAY_MS);
    assert_ok(cm_store_maintain(f->store, err));
    assert_int_equal(table_exists(f, "completion_requests_2031_12"), 0);
    assert_int_equal(table_exists(f, "completion_results_2031_12"), 0);
    assert_int_equal(table_exists(f, "completion_requests_2032_01"), 1);
    assert_int_equal(table_exists(f, "messages_2031_12"), 1);
    cm_row_completion_requests row;
    assert_ok(cm_q_completion_requests_get(&f->me, &(cm_q_completion_requests_get_in){later},
                                           f->arena, &row, err));
    cm_clock_real();
}

/* --- Row-level security, asked directly and without our predicates --- */

static PGconn *connect_as(fixture *f, const char *role, const cm_uuid *user) {
    char text[CM_UUID_TEXT] = "";
    char sql[160];
    if (user != NULL) {
        cm_uuid_format(user, text);
    }
    PGconn *pg = PQconnectdb(f->url);
    snprintf(sql, sizeof sql, "SET ROLE %s; SET app.user_id = '%s'", role, text);
    PGresult *result = PQexec(pg, sql);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    return pg;
}

/* Rows counted or changed; -1 when it is not allowed at all. */
static long ask(PGconn *pg, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    long rows = -1;
    if (status == PGRES_TUPLES_OK) {
        rows = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    } else if (status == PGRES_COMMAND_OK) {
        rows = strtol(PQcmdTuples(result), NULL, 10);
    } else {
        assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42501");
    }
    PQclear(result);
    return rows;
}

static long count_rows(PGconn *pg, const cm_table *table) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table->name);
    return ask(pg, sql);
}

static bool is_private(const cm_table *table) {
    return table->tenant != CM_TENANT_GLOBAL;
}

static void check_stranger(PGconn *pg, const cm_table *table) {
    char update[256];
    char drop[128];
    const char *column = table->columns[0].name;
    snprintf(update, sizeof update, "UPDATE %s SET %s = %s", table->name, column, column);
    snprintf(drop, sizeof drop, "DELETE FROM %s", table->name);
    long seen = count_rows(pg, table);
    long changed = ask(pg, update);
    long removed = ask(pg, drop);
    if (seen > 0 || changed > 0 || removed > 0) {
        fail_msg("'%s' lets a stranger see %ld, change %ld, remove %ld rows", table->name, seen,
                 changed, removed);
    }
}

static void test_store_postgres__every_table_is_closed_to_strangers_without_our_help(void **state) {
    fixture *f = *state;
    filler fill = {.f = f};
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("person@example.com")};
    cm_uuid stranger = cm_uuid_v7();
    assert_ok(cm_q_users_insert(&f->system, &person, err));
    fill.person = person.id;
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES];
    filler_all(&fill, order, params);
    PGconn *strange = connect_as(f, "codementor_app", &stranger);
    PGconn *nobody = connect_as(f, "codementor_app", NULL);
    PGconn *owner = connect_as(f, "codementor_app", &person.id);
    for (size_t i = CM_TABLES; i-- > 0;) {
        if (is_private(order[i])) {
            check_stranger(strange, order[i]);
            check_stranger(nobody, order[i]);
        }
        if (is_private(order[i]) && order[i]->tenant != CM_TENANT_SYS &&
            count_rows(owner, order[i]) < 1) {
            fail_msg("'%s' hides a row from its owner", order[i]->name);
        }
    }
    PQfinish(strange);
    PQfinish(nobody);
    PQfinish(owner);
}

/* A row of another person cannot be smuggled in either. */
static void test_store_postgres__a_row_in_somebody_elses_name_is_refused(void **state) {
    fixture *f = *state;
    cm_uuid stranger = cm_uuid_v7();
    PGconn *pg = connect_as(f, "codementor_app", &stranger);
    char owner[CM_UUID_TEXT];
    char sql[256];
    cm_uuid_format(&f->local.user_id, owner);
    snprintf(sql, sizeof sql,
             "INSERT INTO consents (user_id, purpose, granted) VALUES ('%s', 'training', true)",
             owner);
    PGresult *result = PQexec(pg, sql);
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42501");
    PQclear(result);
    PQfinish(pg);
}

static void test_store_postgres__a_lost_connection_is_told_and_the_next_call_works(void **state) {
    fixture *f = *state;
    cm_row_users row;
    cm_err lost = {0};
    assert_ok(cm_q_users_local(&f->system, f->arena, &row, err));
    fixture_admin("DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity "
                  "WHERE application_name = 'codementor'; END $$");
    cm_rc rc = cm_q_users_local(&f->system, f->arena, &row, &lost); /* a read is tried again */
    assert_true(rc == CM_OK || rc == CM_DATABASE_UNAVAILABLE);
    assert_ok(cm_q_users_local(&f->system, f->arena, &row, err));
    cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = CM_STR("after@example.com")};
    assert_ok(cm_q_users_insert(&f->system, &in, err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_postgres__months_are_made_across_the_year_and_dropped_in_time),
        store_test(test_store_postgres__every_table_is_closed_to_strangers_without_our_help),
        store_test(test_store_postgres__a_row_in_somebody_elses_name_is_refused),
        store_test(test_store_postgres__a_lost_connection_is_told_and_the_next_call_works),
    };
    if (fixture_server() == NULL) {
        return 77; /* skipped; tests/unit/store/fixtures.cmake runs it again beside a server */
    }
    return cmocka_run_group_tests_name("store/postgres", tests, NULL, NULL);
}
