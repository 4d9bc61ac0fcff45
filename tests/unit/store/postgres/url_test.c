/* A password is in no message, however the url is written wrongly. */
#include "store/fixture.h" /* tests/unit/store */

#include "store/postgres/pg_priv.h"

static void test_store_url__no_message_holds_a_part_of_the_password(void **state) {
    (void)state;
    static const char *const urls[] = {
        "postgresql://me:s3cr@et@127.0.0.1:1/x",
        "postgresql://me:s3cr:et@127.0.0.1:1/x",
        "postgresql://me:s3cr/et@127.0.0.1:1/x",
        "postgresql://me:s3cr?et@127.0.0.1:1/x",
        "postgresql://me:s3cr%zzet@127.0.0.1:1/x",
        "postgresql://me:s3cr%40et@127.0.0.1:1/x",
        "postgresql://me:s3cr#et@[::1:1/x",
        "postgresql://127.0.0.1:1/x?user=me&password=s3cret",
        "postgresql://me@h/x?password=s3cr&et=1",
        "postgresql:me:s3cret@127.0.0.1/x",
        "host=127.0.0.1 password=s3cret",
        "postgres://me:s3cr et@127.0.0.1:1/x",
    };
    cm_log_init(CM_LOG_OFF, CM_LOG_HUMAN, 2);
    for (size_t i = 0; i < CM_COUNT(urls); i++) {
        cm_err err = {0};
        cm_store *store = NULL;
        cm_rc rc = cm_store_open(&(cm_store_options){.url = urls[i]}, &store, &err);
        assert_true(rc != CM_OK);
        if (strstr(err.text, "s3cr") != NULL || strstr(err.text, "et@") != NULL) {
            fail_msg("%s: %s", urls[i], err.text);
        }
    }
}

/* In mid-life, too: libpq's last message of a connection is made to hold the password. */
static void test_store_url__a_lost_connection_does_not_tell_it_either(void **state) {
    (void)state;
    static const struct {
        const char *theirs; /* what libpq complains of */
        const char *shown;
    } cases[] = {
        {"postgresql://me@127.0.0.1:1/x?s3cret=1", "is not shown"},
        {"postgresql://me@127.0.0.1:1/x?other=1", "\"other\""},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_pg_conn conn = {.pg = PQconnectStart(cases[i].theirs),
                           .url = "postgresql://me:s3cret@127.0.0.1:1/x"};
        cm_err err = {0};
        assert_int_equal(cm_pg_lost(&conn, "cannot send", &err), CM_DATABASE_UNAVAILABLE);
        assert_true(conn.broken && conn.lost);
        assert_int_equal(strncmp(err.text, "cannot send: ", 13), 0);
        assert_null(strstr(err.text, "s3cret"));
        assert_non_null(strstr(err.text, cases[i].shown));
        PQfinish(conn.pg);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_url__a_lost_connection_does_not_tell_it_either),
        cmocka_unit_test(test_store_url__no_message_holds_a_part_of_the_password),
    };
    return cmocka_run_group_tests_name("store/url", tests, NULL, NULL);
}
