#include "api/gateway/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const cm_route routes[] = {
    {.method = CM_METHOD_GET, .path = "/health", .op = "health"},
    {.method = CM_METHOD_GET, .path = "/v1/things", .op = "list"},
    {.method = CM_METHOD_POST, .path = "/v1/things", .op = "create"},
    {.method = CM_METHOD_POST, .path = "/v1/things/index", .op = "index"},
    {.method = CM_METHOD_GET, .path = "/v1/things/{id}", .op = "get"},
    {.method = CM_METHOD_DELETE, .path = "/v1/things/{id}", .op = "delete"},
    {.method = CM_METHOD_GET, .path = "/v1/things/{id}/parts/{part}", .op = "part"},
};

static int set_up(void **state) {
    *state = cm_arena_new(0);
    return 0;
}

static int tear_down(void **state) {
    cm_arena_free(*state);
    return 0;
}

static cm_router *build(cm_arena *arena) {
    cm_router *router = NULL;
    cm_err err;
    assert_int_equal(cm_router_new(routes, CM_COUNT(routes), arena, &router, &err), CM_OK);
    return router;
}

typedef struct match_case {
    const char *method;
    const char *path;
    const char *op;             /* "405": the path takes other methods; "404": no such path */
    const char *first, *second; /* parameters */
} match_case;

static const match_case cases[] = {
    {"GET", "/health", "health", "", ""},
    {"GET", "/%68ealth", "health", "", ""},
    {"POST", "/health", "405", "", ""},
    {"TRACE", "/health", "405", "", ""},
    {"GET", "/v1/things", "list", "", ""},
    {"POST", "/v1/things", "create", "", ""},
    {"GET", "/v1/things/7", "get", "7", ""},
    {"GET", "/v1/things/a%2Fb", "get", "a/b", ""},
    {"DELETE", "/v1/things/%C3%A9", "delete", "\xc3\xa9", ""},
    {"POST", "/v1/things/index", "index", "", ""},
    {"GET", "/v1/things/index", "405", "", ""},
    {"GET", "/v1/things/7/parts/x", "part", "7", "x"},
    {"GET", "/v1/things/7/parts", "404", "", ""},
    {"GET", "/v1/things/", "404", "", ""},
    {"GET", "/v1//things", "404", "", ""},
    {"GET", "/v1", "404", "", ""},
    {"GET", "/", "404", "", ""},
    {"GET", "", "404", "", ""},
    {"OPTIONS", "*", "404", "", ""},
    {"GET", "/v1/things/%zz", "404", "", ""},
    {"GET", "/v1/things/%0", "404", "", ""},
    {"GET", "/v1/things/%00", "404", "", ""},
    {"GET", "/v1/things/%ff", "404", "", ""},
    {"GET", "/HEALTH", "404", "", ""},
};

static void test_api_router__each_request_finds_its_route(void **state) {
    cm_arena *arena = *state;
    cm_router *router = build(arena);
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_route_match match = {0};
        bool path = cm_router_match(router, cm_method_parse(cm_str_from(cases[i].method)),
                                    cm_str_from(cases[i].path), arena, &match);
        const char *op = !path ? "404" : match.route ? match.route->op : "405";
        if (strcmp(op, cases[i].op) != 0 || !cm_str_eq_c(match.params[0], cases[i].first) ||
            !cm_str_eq_c(match.params[1], cases[i].second)) {
            fail_msg("%s %s: '%s' with '%.*s'", cases[i].method, cases[i].path, op,
                     CM_STR_ARG(match.params[0]));
        }
    }
}

static void test_api_router__allow_lists_every_method_of_the_path(void **state) {
    cm_route_match match;
    cm_buf allow;
    cm_buf_init(&allow, 100);
    assert_true(
        cm_router_match(build(*state), CM_METHOD_PUT, CM_STR("/v1/things/7"), *state, &match));
    cm_method_list(match.methods, &allow);
    assert_string_equal(cm_buf_c(&allow), "GET, HEAD, DELETE, OPTIONS");
    cm_buf_done(&allow);
}

static void test_api_router__two_routes_of_one_path_and_method_are_refused(void **state) {
    static const cm_route twice[] = {
        {.method = CM_METHOD_GET, .path = "/a/{b}", .op = "one"},
        {.method = CM_METHOD_GET, .path = "/a/{c}", .op = "two"},
    };
    cm_router *router;
    cm_err err;
    assert_int_equal(cm_router_new(twice, 2, *state, &router, &err), CM_INVALID);
    assert_string_equal(err.text, "routes 'one' and 'two' have the same method and path");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_router__each_request_finds_its_route, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_api_router__allow_lists_every_method_of_the_path,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_api_router__two_routes_of_one_path_and_method_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
