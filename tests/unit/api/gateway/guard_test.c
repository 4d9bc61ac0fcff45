#include "api/gateway/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

typedef struct text_case {
    const char *text;
    bool expected;
} text_case;

static void test_api_guard__only_loopback_names_are_hosts(void **state) {
    (void)state;
    static const text_case rows[] = {
        {"localhost", true},
        {"LocalHost:8012", true},
        {"127.0.0.1", true},
        {"127.0.0.1:80", true},
        {"127.8.9.1:1", true},
        {"[::1]", true},
        {"[::1]:8012", true},
        {"", false},
        {"evil.example", false},
        {"localhost.evil", false},
        {"127.0.0.1.evil", false},
        {"127.0.0.1:80:80", false},
        {"127.0.0.1:x", false},
        {"127.0.0.1:", false},
        {"127.0.0", false},
        {"128.0.0.1", false},
        {"127.0.0.256", false},
        {"0.0.0.0", false},
        {"[::2]", false},
        {"[::1", false},
        {"::1", false},
        {"2130706433", false},
        {"127.0.0.1@evil", false},
        {"user@localhost", false},
        {"localhost:99999", false},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        if (cm_guard_host_is_loopback(cm_str_from(rows[i].text)) != rows[i].expected) {
            fail_msg("'%s' must%s be a loopback host", rows[i].text,
                     rows[i].expected ? "" : " not");
        }
    }
}

typedef struct origin_case {
    const char *origin, *host;
    bool tls, expected;
} origin_case;

static void test_api_guard__origins_are_the_server_itself_or_listed(void **state) {
    (void)state;
    const cm_str listed[] = {CM_STR("https://ide.example"), CM_STR("vscode-webview://abc")};
    static const origin_case rows[] = {
        {"http://localhost:8012", "localhost:8012", false, true},
        {"https://localhost:8012", "localhost:8012", true, true},
        {"https://localhost:8012", "localhost:8012", false, false},
        {"http://localhost:8013", "localhost:8012", false, false},
        {"http://localhost", "localhost:8012", false, false},
        {"http://evil.example", "localhost:8012", false, false},
        {"https://ide.example", "localhost:8012", false, true},
        {"https://ide.example.evil", "localhost:8012", false, false},
        {"vscode-webview://abc", "localhost:8012", false, true},
        {"null", "localhost:8012", false, false},
        {"", "localhost:8012", false, false},
        {"http://", "", false, false},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        bool allowed =
            cm_guard_origin_allowed(cm_str_from(rows[i].origin), cm_str_from(rows[i].host),
                                    rows[i].tls, (cm_str_list){listed, CM_COUNT(listed)});
        if (allowed != rows[i].expected) {
            fail_msg("origin '%s' at '%s'", rows[i].origin, rows[i].host);
        }
    }
}

static void test_api_guard__pages_of_other_sites_are_not_let_in(void **state) {
    (void)state;
    static const struct {
        const char *site;
        bool allowed;
    } rows[] = {{"same-origin", true},       {"none", true},         {"cross-site", false},
                {"same-site", false},        {"Same-Origin", false}, {"", false},
                {"same-origin, none", false}};
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        assert_int_equal(cm_guard_fetch_site_allowed(cm_str_from(rows[i].site)), rows[i].allowed);
    }
}

static void test_api_guard__content_types_allow_utf8_only(void **state) {
    (void)state;
    static const text_case rows[] = {
        {"application/json", true},
        {"Application/JSON; charset=UTF-8", true},
        {"application/json;charset=\"utf-8\"", true},
        {"application/json; x=y", true},
        {"application/json; charset=latin1", false},
        {"application/jsonx", false},
        {"text/plain", false},
        {"", false},
        {"application/x-www-form-urlencoded", false},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        assert_int_equal(cm_guard_content_type_is(cm_str_from(rows[i].text), "application/json"),
                         rows[i].expected);
    }
}

static void test_api_guard__accept_is_read_by_ranges_and_weights(void **state) {
    (void)state;
    static const char *const types[] = {"application/json", "text/event-stream", NULL};
    static const text_case rows[] = {
        {"*/*", true},
        {"application/*", true},
        {"text/html, application/json;q=0.1", true},
        {"text/event-stream", true},
        {"text/html", false},
        {"application/json;q=0", false},
        {"application/json; q=0.0, text/*", true},
        {"app/*", false},
        {"/", false},
        {";;;,,,", false},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        if (cm_guard_accepts(cm_str_from(rows[i].text), types) != rows[i].expected) {
            fail_msg("Accept: %s", rows[i].text);
        }
    }
}

static void test_api_guard__request_ids_are_plain_and_short(void **state) {
    (void)state;
    char longest[130];
    memset(longest, 'a', sizeof(longest));
    assert_true(cm_guard_request_id_ok(CM_STR("a.B_9-z")));
    assert_true(cm_guard_request_id_ok(cm_str_make(longest, 128)));
    assert_false(cm_guard_request_id_ok(cm_str_make(longest, 129)));
    assert_false(cm_guard_request_id_ok(CM_STR("")));
    assert_false(cm_guard_request_id_ok(CM_STR("a b")));
    assert_false(cm_guard_request_id_ok(CM_STR("a\r\nX: y")));
    assert_false(cm_guard_request_id_ok(CM_STR("\xc3\xa9")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_guard__only_loopback_names_are_hosts),
        cmocka_unit_test(test_api_guard__origins_are_the_server_itself_or_listed),
        cmocka_unit_test(test_api_guard__pages_of_other_sites_are_not_let_in),
        cmocka_unit_test(test_api_guard__content_types_allow_utf8_only),
        cmocka_unit_test(test_api_guard__accept_is_read_by_ranges_and_weights),
        cmocka_unit_test(test_api_guard__request_ids_are_plain_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
