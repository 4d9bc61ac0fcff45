/* An SQL script cut into statements: what hides a semicolon, and how the one that failed is named. */
#include "store/fixture.h" /* tests/unit/store */

#include "store/schema/migrate_priv.h"

static void check(const char *sql, const char *const *expected) {
    cm_str rest = cm_str_from(sql);
    cm_str statement;
    size_t i = 0;
    for (; cm_sql_next(&rest, &statement); i++) {
        assert_non_null(expected[i]);
        if (!cm_str_eq_c(statement, expected[i])) {
            fail_msg("'%s': statement %zu is '" CM_STR_FMT "'", sql, i, CM_STR_ARG(statement));
        }
    }
    assert_null(expected[i]);
}

static void test_store_sql_text__only_a_bare_semicolon_ends_a_statement(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        const char *expected[4];
    } cases[] = {
        {"", {NULL}},
        {" ;; \n-- nothing; here\n", {NULL}},
        {"SELECT 1; SELECT 2", {"SELECT 1", "SELECT 2"}},
        {"SELECT 'a;b'';c'; X", {"SELECT 'a;b'';c'", "X"}},
        {"SELECT \"a;b\"; X;", {"SELECT \"a;b\"", "X"}},
        {"DO $$ a; b; $$; X", {"DO $$ a; b; $$", "X"}},
        {"DO $x$ a; $$; $x$; X", {"DO $x$ a; $$; $x$", "X"}},
        {"SELECT $1; X", {"SELECT $1", "X"}},
        {"A -- c;d\n; B /* e;f */ ; C", {"A -- c;d", "B /* e;f */", "C"}},
        {"-- first\nA; /* second */ B", {"A", "B"}},
        {"SELECT 'open", {"SELECT 'open"}},
        {"DO $$ open;", {"DO $$ open;"}},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        check(cases[i].sql, cases[i].expected);
    }
}

static void test_store_sql_text__a_long_statement_is_named_by_its_start(void **state) {
    (void)state;
    char sql[400];
    memset(sql, 'x', sizeof sql - 1);
    memcpy(sql, "-- why\nUPDATE  t\n SET ", 22);
    sql[sizeof sql - 1] = '\0';
    cm_err err = {0};
    cm_rc rc = cm_fail(&err, CM_INVALID, "no such table");
    assert_int_equal(cm_sql_blame(&err, rc, 7, cm_str_from(sql)), CM_INVALID);
    assert_true(cm_str_starts(cm_str_from(err.text), CM_STR("statement 7, 'UPDATE t SET xxx")));
    assert_non_null(strstr(err.text, " ..': no such table"));
    assert_true(strlen(err.text) < 160);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_sql_text__only_a_bare_semicolon_ends_a_statement),
        cmocka_unit_test(test_store_sql_text__a_long_statement_is_named_by_its_start),
    };
    return cmocka_run_group_tests_name("store/sql_text", tests, NULL, NULL);
}
