/* Which dialect a body is in, by the table of the real route. */
#include "api/api_gen.h"
#include "api/gateway/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The rows of createCompletion's x-cm-dispatch, without its handler. */
static const char *const has_document[] = {"document", NULL};
static const char *const has_segments[] = {"segments", NULL};
static const char *const has_raw_prompt[] = {"language", "debug_options/raw_prompt", NULL};
static const char *const has_prompt[] = {"prompt", NULL};
static const char *const others[] = {"segments", "prompt", NULL};

enum { NATIVE, TABBY, OPENAI };

static const cm_route_body bodies[] = {
    {.required = has_document, .conflicts = others, .dialect = NATIVE},
    {.required = has_segments, .dialect = TABBY},
    {.required = has_raw_prompt, .dialect = TABBY},
    {.required = has_prompt, .dialect = OPENAI},
};

typedef struct choice {
    const char *body;
    cm_rc rc;
    unsigned dialect;
} choice;

static void test_api_decode__members_choose_the_dialect(void **state) {
    (void)state;
    static const choice rows[] = {
        {"{\"document\":{}}", CM_OK, NATIVE},
        {"{\"segments\":{}}", CM_OK, TABBY},
        {"{\"segments\":{},\"prompt\":\"x\"}", CM_OK, TABBY},
        {"{\"language\":\"c\",\"debug_options\":{\"raw_prompt\":\"x\"}}", CM_OK, TABBY},
        {"{\"prompt\":\"x\"}", CM_OK, OPENAI},
        {"{\"prompt\":\"x\",\"document\":null}", CM_OK, OPENAI},
        {"{\"document\":{},\"prompt\":\"x\"}", CM_AMBIGUOUS_DIALECT, 0},
        {"{\"document\":{},\"segments\":{}}", CM_AMBIGUOUS_DIALECT, 0},
        {"{\"document\":{},\"prompt\":null}", CM_OK, NATIVE},
        {"{\"language\":\"c\",\"debug_options\":{}}", CM_UNKNOWN_DIALECT, 0},
        {"{\"language\":\"c\",\"debug_options\":5}", CM_UNKNOWN_DIALECT, 0},
        {"{}", CM_UNKNOWN_DIALECT, 0},
        {"[]", CM_UNKNOWN_DIALECT, 0},
        {"5", CM_UNKNOWN_DIALECT, 0},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        const cm_route_body *body = NULL;
        cm_err err;
        json_t *tree = json_loads(rows[i].body, JSON_DECODE_ANY, NULL);
        cm_rc rc = cm_route_choose_body(bodies, CM_COUNT(bodies), tree, &body, &err);
        if (rc != rows[i].rc || (rc == CM_OK && body->dialect != rows[i].dialect)) {
            fail_msg("%s", rows[i].body);
        }
        json_decref(tree);
    }
}

static void test_api_decode__a_route_with_one_body_takes_it(void **state) {
    (void)state;
    static const cm_route_body only[] = {{.schema = &cm_api_feedback_schema}};
    const cm_route_body *body = NULL;
    cm_err err;
    json_t *tree = json_array();
    assert_int_equal(cm_route_choose_body(only, 1, tree, &body, &err), CM_OK);
    assert_ptr_equal(body, only);
    json_decref(tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_decode__members_choose_the_dialect),
        cmocka_unit_test(test_api_decode__a_route_with_one_body_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
