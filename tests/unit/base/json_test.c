#include "base/json.h"

#include "base/limits.h"
#include "base/mem.h"
#include "unit/check.h"

static void test_base_json__each_fault_has_its_code_and_offset(void **state) {
    (void)state;
    static const struct {
        const char *text;
        cm_rc rc;
        const char *part; /* of the message */
    } cases[] = {
        {"{\"a\": [1, 2.5, \"x\", null, true]}", CM_OK, ""},
        {"\xef\xbb\xbf{}", CM_OK, ""},
        {"7", CM_OK, ""},
        {"", CM_MALFORMED_JSON, "offset 0"},
        {"{\"a\": }", CM_MALFORMED_JSON, "offset 7"},
        {"{} x", CM_MALFORMED_JSON, "end of file expected"},
        {"{\"a\": 1, \"a\": 2}", CM_DUPLICATE_KEY, "duplicate object key"},
        {"[\"\xff\"]", CM_INVALID_UTF8, "offset 2"},
        {"\xef\xbb\xbf[\"\xff\"]", CM_INVALID_UTF8, "offset 5"},
        {"[\"\\u0000\"]", CM_MALFORMED_JSON, "\\u0000"},
        {"{\"\\u0000\": 1}", CM_MALFORMED_JSON, ""},
        {"[1e999]", CM_MALFORMED_JSON, "real number overflow"},
        {"[99999999999999999999]", CM_MALFORMED_JSON, "too big integer"},
        {"[01]", CM_MALFORMED_JSON, ""},
        {"[\"\\ud800\"]", CM_MALFORMED_JSON, ""},
        {"[\"unterminated", CM_MALFORMED_JSON, ""},
        {"[\"unterminated\\", CM_MALFORMED_JSON, ""},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_err err = {0};
        json_t *value = NULL;
        cm_rc rc = cm_json_parse(cm_str_from(cases[i].text), &value, &err);
        if (rc != cases[i].rc || !strstr(err.text, cases[i].part)) {
            fail_msg("%s: %s", cases[i].text, err.text);
        }
        assert_int_equal(value != NULL, rc == CM_OK);
        json_decref(value);
    }
}

static cm_rc parse_repeated(const char *open, const char *item, const char *close, size_t count,
                            size_t depth) {
    cm_cleanup(cm_buf_done) cm_buf text = {.max = CM_MIB(8)};
    for (size_t i = 0; i < depth; i++) {
        cm_buf_add_c(&text, open);
    }
    for (size_t i = 0; i < count; i++) {
        cm_buf_add_f(&text, "%s%s", i ? "," : "", item);
    }
    for (size_t i = 0; i < depth; i++) {
        cm_buf_add_c(&text, close);
    }
    json_t *value = NULL;
    cm_rc rc = cm_json_parse(cm_buf_str(&text), &value, NULL);
    json_decref(value);
    return rc;
}

static void test_base_json__depth_and_number_of_values_are_bounded(void **state) {
    (void)state;
    assert_int_equal(parse_repeated("[", "1", "]", 1, CM_JSON_DEPTH_MAX), CM_OK);
    assert_int_equal(parse_repeated("[", "1", "]", 1, CM_JSON_DEPTH_MAX + 1), CM_LIMIT);
    assert_int_equal(parse_repeated("[", "{\"a:\":\"[,\"}", "]", 1, CM_JSON_DEPTH_MAX - 1), CM_OK);
    /* The array is one value too; keys are none. */
    assert_int_equal(parse_repeated("[", "-1.5e3", "]", CM_JSON_VALUES_MAX - 1, 1), CM_OK);
    assert_int_equal(parse_repeated("[", "-1.5e3", "]", CM_JSON_VALUES_MAX, 1), CM_LIMIT);
    assert_int_equal(parse_repeated("[", "{\"k\":\"\\\"\"}", "]", CM_JSON_VALUES_MAX / 2 - 1, 1),
                     CM_OK);
    assert_int_equal(parse_repeated("[", "{\"k\":\"\\\"\"}", "]", CM_JSON_VALUES_MAX / 2, 1),
                     CM_LIMIT);
    assert_int_equal(parse_repeated("[", "[]", "]", CM_MIB(1), 1), CM_LIMIT);
}

static void test_base_json__the_writer_puts_the_commas(void **state) {
    (void)state;
    cm_cleanup(cm_buf_done) cm_buf out = {.max = 1000};
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_json_object(&w);
    cm_json_key(&w, "list");
    cm_json_array(&w);
    cm_json_i64(&w, -1);
    cm_json_u64(&w, UINT64_MAX);
    cm_json_real(&w, 0.1);
    cm_json_real(&w, -2);
    cm_json_real(&w, 1e300 * 1e300);
    cm_json_array(&w);
    cm_json_array_end(&w);
    cm_json_object(&w);
    cm_json_object_end(&w);
    cm_json_array_end(&w);
    cm_json_key_str(&w, CM_STR("k\"2"));
    cm_json_c(&w, NULL);
    cm_json_key(&w, "b");
    cm_json_bool(&w, true);
    cm_json_key(&w, "r");
    cm_json_raw(&w, CM_STR("{\"x\":1}"));
    cm_json_object_end(&w);
    assert_string_equal(cm_buf_c(&out),
                        "{\"list\":[-1,18446744073709551615,0.1,-2.0,null,[],{}],\"k\\\"2\":null,"
                        "\"b\":true,\"r\":{\"x\":1}}");
}

static void test_base_json__strings_are_escaped_to_valid_json(void **state) {
    (void)state;
    static const struct {
        cm_str in;
        const char *out;
    } cases[] = {
        {{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\\u007f\""},
        {{"\xff"
          "caf\xc3\xa9",
          6},
         "\"\xef\xbf\xbd"
         "caf\xc3\xa9\""},
        {{NULL, 0}, "\"\""},
    };
    for (size_t i = 0; i < CM_COUNT(cases); i++) {
        cm_cleanup(cm_buf_done) cm_buf out = {.max = 100};
        cm_json_quote(&out, cases[i].in);
        assert_string_equal(cm_buf_c(&out), cases[i].out);
    }
}

static void test_base_json__reals_read_back_the_same(void **state) {
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < 20000; i++) {
        union {
            uint64_t bits;
            double value;
        } number = {.bits = cm_draw(&seed)};
        if (number.value != number.value || number.value - number.value != 0) {
            continue; /* NaN and infinity are written as null */
        }
        cm_cleanup(cm_buf_done) cm_buf out = {.max = 100};
        cm_json_writer w;
        cm_json_writer_init(&w, &out);
        cm_json_real(&w, number.value);
        double back;
        assert_true(cm_str_to_f64(cm_buf_str(&out), &back));
        assert_true(back == number.value);
    }
}

static void test_base_json__trees_are_written_and_too_deep_ones_refused(void **state) {
    (void)state;
    const char *text = "{\"a\":[1,2.5,\"x\",null,true,false],\"b\":{\"c\":{}}}";
    json_t *value;
    assert_ok(cm_json_parse(cm_str_from(text), &value, NULL));
    cm_cleanup(cm_buf_done) cm_buf out = {.max = 10000};
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_json_value(&w, value);
    assert_string_equal(cm_buf_c(&out), text);
    for (int i = 0; i < 70; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    cm_json_writer_init(&w, &out);
    cm_json_value(&w, value);
    assert_int_equal(cm_buf_check(&out, NULL), CM_LIMIT);
    json_decref(value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_json__each_fault_has_its_code_and_offset),
        cmocka_unit_test(test_base_json__depth_and_number_of_values_are_bounded),
        cmocka_unit_test(test_base_json__the_writer_puts_the_commas),
        cmocka_unit_test(test_base_json__strings_are_escaped_to_valid_json),
        cmocka_unit_test(test_base_json__reals_read_back_the_same),
        cmocka_unit_test(test_base_json__trees_are_written_and_too_deep_ones_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
