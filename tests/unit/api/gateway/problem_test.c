#include "api/gateway/problem.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static json_t *written(const cm_problem *problem, enum cm_error_shape shape) {
    cm_buf out;
    json_t *tree = NULL;
    cm_err err;
    cm_buf_init(&out, CM_KIB(64));
    cm_problem_write(problem, shape, &out);
    assert_int_equal(cm_json_parse(cm_buf_str(&out), &tree, &err), CM_OK);
    cm_buf_done(&out);
    return tree;
}

static const char *text(const json_t *tree, const char *key) {
    return json_string_value(json_object_get(tree, key));
}

static void test_api_problem__has_the_members_of_the_contract(void **state) {
    (void)state;
    cm_err err;
    cm_fail(&err, CM_BODY_TOO_LARGE, "body is longer than %d", 4096);
    cm_problem problem = cm_problem_of(CM_BODY_TOO_LARGE, &err, CM_STR("r-1"));
    problem.extra = CM_STR("\"limit\":4096");
    json_t *tree = written(&problem, CM_ERROR_PROBLEM);
    assert_string_equal(text(tree, "type"), "/problems/body_too_large");
    assert_int_equal(json_integer_value(json_object_get(tree, "status")), 413);
    assert_string_equal(text(tree, "detail"), "body is longer than 4096");
    assert_string_equal(text(tree, "instance"), "/requests/r-1");
    assert_string_equal(text(tree, "code"), "body_too_large");
    assert_string_equal(text(tree, "request_id"), "r-1");
    assert_true(json_is_false(json_object_get(tree, "retryable")));
    assert_int_equal(json_integer_value(json_object_get(tree, "limit")), 4096);
    assert_null(json_object_get(tree, "errors"));
    json_decref(tree);
}

static void test_api_problem__hides_the_text_of_our_own_faults(void **state) {
    (void)state;
    static const cm_rc codes[] = {CM_INTERNAL, CM_IO, CM_NOMEM, CM_LIMIT, CM_CORRUPT};
    for (size_t i = 0; i < CM_COUNT(codes); i++) {
        cm_err err;
        cm_fail(&err, codes[i], "cannot open '/secret/place'");
        cm_problem problem = cm_problem_of(codes[i], &err, CM_STR("r"));
        json_t *tree = written(&problem, CM_ERROR_PROBLEM);
        assert_null(strstr(text(tree, "detail"), "secret"));
        assert_string_equal(text(tree, "code"), "internal");
        json_decref(tree);
    }
}

static void test_api_problem__lists_faults_by_pointer(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    cm_faults faults;
    cm_faults_init(&faults, arena);
    cm_faults_add(&faults, CM_INVALID, "maximum", CM_STR("/options/n"), "must be at most %d", 5);
    cm_problem problem = {.rc = CM_INVALID, .request_id = CM_STR("r"), .faults = &faults};
    json_t *tree = written(&problem, CM_ERROR_PROBLEM);
    json_t *first = json_array_get(json_object_get(tree, "errors"), 0);
    assert_string_equal(text(first, "pointer"), "/options/n");
    assert_string_equal(text(first, "code"), "maximum");
    assert_string_equal(text(first, "message"), "must be at most 5");
    json_decref(tree);

    tree = written(&problem, CM_ERROR_OPENAI);
    const json_t *error = json_object_get(tree, "error");
    assert_string_equal(text(error, "message"), "/options/n must be at most 5");
    assert_string_equal(text(error, "type"), "invalid_request_error");
    assert_string_equal(text(error, "param"), "options/n");
    assert_string_equal(text(error, "code"), "validation_failed");
    json_decref(tree);
    cm_arena_free(arena);
}

static void test_api_problem__speaks_llamacpp(void **state) {
    (void)state;
    cm_err err;
    cm_fail(&err, CM_MODEL_NOT_LOADED, "Loading model");
    cm_problem problem = cm_problem_of(CM_MODEL_NOT_LOADED, &err, CM_STR("r"));
    json_t *tree = written(&problem, CM_ERROR_LLAMACPP);
    const json_t *error = json_object_get(tree, "error");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), 503);
    assert_string_equal(text(error, "message"), "Loading model");
    assert_string_equal(text(error, "type"), "unavailable_error");
    json_decref(tree);
}

static void test_api_problem__every_code_can_be_written_and_explained(void **state) {
    (void)state;
    size_t count;
    const cm_err_info *rows = cm_err_info_all(&count);
    for (size_t i = 1; i < count; i++) {
        for (int shape = CM_ERROR_PROBLEM; shape <= CM_ERROR_LLAMACPP; shape++) {
            cm_problem problem = cm_problem_of(rows[i].rc, NULL, CM_STR("r"));
            json_decref(written(&problem, (enum cm_error_shape)shape));
        }
        cm_buf out;
        cm_buf_init(&out, CM_KIB(4));
        assert_true(cm_problem_explain(cm_str_from(rows[i].slug), &out));
        cm_buf_done(&out);
    }
    cm_buf none;
    cm_buf_init(&none, CM_KIB(4));
    assert_false(cm_problem_explain(CM_STR("no_such_code"), &none));
    cm_buf_done(&none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_problem__has_the_members_of_the_contract),
        cmocka_unit_test(test_api_problem__hides_the_text_of_our_own_faults),
        cmocka_unit_test(test_api_problem__lists_faults_by_pointer),
        cmocka_unit_test(test_api_problem__speaks_llamacpp),
        cmocka_unit_test(test_api_problem__every_code_can_be_written_and_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
