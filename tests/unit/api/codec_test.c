/* Bodies against the generated codecs: what each must decode to, and which faults it must name. */
#include "api/api_gen.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

typedef struct decoded {
    cm_arena *arena;
    json_t *tree;
    cm_faults faults;
    void *value;
    bool good;
} decoded;

static decoded decode(const cm_schema *schema, const char *text, bool strict) {
    decoded d = {.arena = cm_arena_new(0)};
    cm_err err;
    if (cm_json_parse(cm_str_from(text), &d.tree, &err) != CM_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    d.value = cm_arena_alloc(d.arena, schema->size);
    cm_faults_init(&d.faults, d.arena);
    d.good = cm_schema_decode(schema, d.tree, strict, d.arena, d.value, &d.faults);
    return d;
}

static void done(decoded *d) {
    json_decref(d->tree);
    cm_arena_free(d->arena);
}

typedef struct fault_case {
    const cm_schema *schema;
    const char *body;
    const char *faults; /* "pointer code" of each, in order, by commas; "" = none */
} fault_case;

#define ID "\"018f6e5c-7d2a-7cc1-b1a4-0d5a3c9e8f21\""
#define NATIVE(more)                                                                              \
    "{\"request_id\":" ID ",\"user_id\":\"u\",\"completion_type\":\"fim\",\"document\":{\"uri\":" \
    "\"file:///a.c\"}" more "}"

static const fault_case fault_cases[] = {
    {&cm_api_completion_request_schema, NATIVE(""), ""},
    {&cm_api_completion_request_schema, "{}",
     "/request_id required,/user_id required,/completion_type required,/document required"},
    {&cm_api_completion_request_schema, "[]", " type"},
    {&cm_api_completion_request_schema, "null", " type"},
    {&cm_api_completion_request_schema, NATIVE(",\"options\":{\"max_tokens\":0}"),
     "/options/max_tokens minimum"},
    {&cm_api_completion_request_schema, NATIVE(",\"options\":{\"max_tokens\":4097}"),
     "/options/max_tokens maximum"},
    {&cm_api_completion_request_schema, NATIVE(",\"options\":{\"max_tokens\":1.5}"),
     "/options/max_tokens type"},
    {&cm_api_completion_request_schema, NATIVE(",\"options\":{\"max_tokens\":2.0}"), ""},
    {&cm_api_completion_request_schema, NATIVE(",\"options\":{\"max_tokens\":\"5\"}"),
     "/options/max_tokens type"},
    {&cm_api_completion_request_schema, NATIVE(",\"options\":{\"temperature\":-0.1,\"n\":6}"),
     "/options/temperature minimum,/options/n maximum"},
    {&cm_api_completion_request_schema, NATIVE(",\"options\":null,\"context\":null"), ""},
    {&cm_api_completion_request_schema, NATIVE(",\"repository_id\":\"x\""),
     "/repository_id format"},
    {&cm_api_completion_request_schema, NATIVE(",\"position\":{\"line\":-1}"),
     "/position/line minimum,/position/character required"},
    {&cm_api_completion_request_schema,
     NATIVE(",\"context\":{\"open_files\":[{\"uri\":\"a\"},{\"uri\":\"\"},7]}"),
     "/context/open_files/1/uri min_length,/context/open_files/2 type"},
    {&cm_api_completion_request_schema,
     NATIVE(
         ",\"context\":{\"open_files\":[{\"uri\":\"a\",\"relevant_lines\":[\"x\",{\"text\":\"y\"},"
         "{}]}]}"),
     "/context/open_files/0/relevant_lines/2/text required"},
    {&cm_api_completion_request_schema,
     NATIVE(",\"context\":{\"recent_edits\":[{\"uri\":\"a\",\"timestamp\":\"yesterday\"}]}"),
     "/context/recent_edits/0/timestamp format"},
    {&cm_api_search_request_schema, "{\"query\":\"x\",\"search_type\":\"fuzzy\"}",
     "/search_type enum"},
    {&cm_api_search_request_schema, "{\"query\":\"\"}", "/query min_length"},
    {&cm_api_search_request_schema,
     "{\"query\":\"x\",\"filters\":{\"symbol_kinds\":[\"function\",\"verb\"]}}",
     "/filters/symbol_kinds/1 enum"},
    {&cm_api_openai_completion_request_schema, "{\"prompt\":[]}", "/prompt min_items"},
    {&cm_api_openai_completion_request_schema, "{\"prompt\":[1,2]}",
     "/prompt/0 type,/prompt/1 type"},
    {&cm_api_openai_completion_request_schema,
     "{\"prompt\":\"a\",\"temperature\":9,\"max_tokens\":99999}", ""},
    {&cm_api_openai_completion_request_schema, "{\"prompt\":\"a\",\"max_tokens\":-7}",
     "/max_tokens minimum"},
    {&cm_api_create_index_request_schema, "{\"workspace_id\":\"default\",\"mode\":true}",
     "/mode type"},
    {&cm_api_changes_request_schema, "{\"changes\":[]}", "/changes min_items"},
};

static void list_faults(const cm_faults *faults, cm_buf *out) {
    for (size_t i = 0; i < faults->count; i++) {
        cm_buf_add_f(out, "%s" CM_STR_FMT " %s", i ? "," : "", CM_STR_ARG(faults->items[i].pointer),
                     faults->items[i].code);
    }
}

static void test_api_codec__each_body_gives_exactly_its_faults(void **state) {
    (void)state;
    for (size_t i = 0; i < CM_COUNT(fault_cases); i++) {
        const fault_case *row = &fault_cases[i];
        decoded d = decode(row->schema, row->body, false);
        cm_buf found;
        cm_buf_init(&found, CM_KIB(64));
        list_faults(&d.faults, &found);
        if (strcmp(cm_buf_c(&found), row->faults) != 0 || d.good != (row->faults[0] == '\0')) {
            fail_msg("%s\n  gives   '%s'\n  instead '%s'", row->body, cm_buf_c(&found),
                     row->faults);
        }
        cm_buf_done(&found);
        done(&d);
    }
}

static void test_api_codec__defaults_fill_what_was_left_out(void **state) {
    (void)state;
    decoded d = decode(&cm_api_completion_request_schema, NATIVE(""), false);
    const cm_api_completion_request *request = d.value;
    assert_true(d.good);
    assert_int_equal(request->completion_type, CM_API_COMPLETION_TYPE_FIM);
    assert_int_equal(request->options.max_tokens, 150);
    assert_int_equal(request->options.top_k, 3);
    assert_true(request->options.retrieval);
    assert_int_equal(request->options.multiline, CM_API_COMPLETION_OPTIONS_MULTILINE_AUTO);
    assert_int_equal(request->options.model_preference,
                     CM_API_COMPLETION_OPTIONS_MODEL_PREFERENCE_ABSENT);
    assert_false(request->options.has_seed);
    assert_null(request->position);
    assert_null(request->context);
    assert_null(request->workspace_id.ptr);
    assert_null(request->document.content.ptr);
    done(&d);
}

static void test_api_codec__values_land_in_their_fields(void **state) {
    (void)state;
    decoded d = decode(
        &cm_api_completion_request_schema,
        NATIVE(",\"position\":{\"line\":3,\"character\":14},\"options\":{\"seed\":0,"
               "\"stop_sequences\":[\"\\n\",\"}\"]},\"context\":{\"prefix\":\"\",\"open_files\":"
               "[{\"uri\":\"a\",\"relevant_lines\":[\"x\"]}],\"recent_edits\":[{\"uri\":\"b\","
               "\"timestamp\":\"2026-11-22T12:00:00.500+02:00\"}]}"),
        false);
    const cm_api_completion_request *request = d.value;
    assert_true(d.good);
    assert_int_equal(request->position->character, 14);
    assert_true(request->options.has_seed);
    assert_int_equal(request->options.stop_sequences.count, 2);
    assert_true(cm_str_eq_c(request->options.stop_sequences.items[1], "}"));
    assert_non_null(request->context->prefix.ptr); /* empty is not absent */
    assert_null(request->context->suffix.ptr);
    assert_true(
        cm_str_eq_c(request->context->open_files.items[0].relevant_lines.items[0].text, "x"));
    assert_int_equal(request->context->recent_edits.items[0].timestamp, 1795341600500);
    done(&d);
}

static void test_api_codec__an_upper_case_uuid_is_lowered(void **state) {
    (void)state;
    decoded d = decode(&cm_api_feedback_schema,
                       "{\"completion_id\":\"018F6E5C-7D2A-7CC1-B1A4-0D5A3C9E8F21\"}", false);
    const cm_api_feedback *feedback = d.value;
    assert_true(d.good);
    assert_true(cm_str_eq_c(feedback->completion_id, "018f6e5c-7d2a-7cc1-b1a4-0d5a3c9e8f21"));
    assert_false(feedback->has_accepted);
    done(&d);
}

static void test_api_codec__a_lone_string_is_a_list_of_one(void **state) {
    (void)state;
    decoded d = decode(&cm_api_openai_completion_request_schema,
                       "{\"prompt\":\"a\",\"stop\":[\"x\",\"y\"],\"max_tokens\":99999}", false);
    const cm_api_openai_completion_request *request = d.value;
    assert_true(d.good);
    assert_int_equal(request->prompt.count, 1);
    assert_int_equal(request->stop.count, 2);
    assert_int_equal(request->max_tokens, 4096); /* clamped */
    done(&d);
}

static void test_api_codec__lengths_count_code_points(void **state) {
    (void)state;
    char body[600];
    cm_buf text;
    cm_buf_init(&text, sizeof(body));
    for (int i = 0; i < 64; i++) {
        cm_buf_add_c(&text, "\xf0\x9f\x98\x80"); /* one code point, four bytes */
    }
    snprintf(body, sizeof(body), "{\"workspace_id\":\"%s\"}", cm_buf_c(&text));
    decoded fits = decode(&cm_api_create_index_request_schema, body, false);
    assert_true(fits.good);
    done(&fits);
    snprintf(body, sizeof(body), "{\"workspace_id\":\"%sx\"}", cm_buf_c(&text));
    decoded longer = decode(&cm_api_create_index_request_schema, body, false);
    assert_false(longer.good);
    assert_string_equal(longer.faults.items[0].code, "max_length");
    done(&longer);
    cm_buf_done(&text);
}

static void test_api_codec__strict_refuses_unknown_fields_except_of_other_products(void **state) {
    (void)state;
    decoded ours = decode(&cm_api_search_request_schema, "{\"query\":\"x\",\"colour/~\":1}", true);
    assert_false(ours.good);
    assert_int_equal(ours.faults.items[0].rc, CM_UNKNOWN_FIELD);
    assert_true(cm_str_eq_c(ours.faults.items[0].pointer, "/colour~1~0"));
    done(&ours);
    decoded theirs = decode(&cm_api_infill_request_schema, "{\"lora\":[],\"id_slot\":-1}", true);
    assert_true(theirs.good);
    done(&theirs);
}

static void test_api_codec__faults_are_counted_beyond_what_is_kept(void **state) {
    (void)state;
    cm_buf body;
    cm_buf_init(&body, CM_KIB(64));
    cm_buf_add_c(&body, "{\"query\":\"x\",\"filters\":{\"languages\":[");
    for (int i = 0; i < 50; i++) {
        cm_buf_add_c(&body, i ? ",1" : "1");
    }
    cm_buf_add_c(&body, "]}}");
    decoded d = decode(&cm_api_search_request_schema, cm_buf_c(&body), false);
    assert_int_equal(d.faults.count, CM_FAULTS_MAX);
    assert_int_equal(d.faults.found, 50);
    done(&d);
    cm_buf_done(&body);
}

static void test_api_codec__a_query_string_becomes_a_struct(void **state) {
    (void)state;
    cm_arena *arena = cm_arena_new(0);
    cm_faults faults;
    cm_api_list_repositories_query query;
    json_t *tree = NULL;
    cm_faults_init(&faults, arena);
    assert_true(cm_schema_decode_query(&cm_api_list_repositories_query_schema,
                                       CM_STR("limit=7&q=a%20b+c&archived=true&other=1"), false,
                                       arena, &query, &tree, &faults));
    assert_int_equal(query.limit, 7);
    assert_true(query.archived);
    assert_true(cm_str_eq_c(query.q, "a b c"));
    json_decref(tree);
    cm_arena_free(arena);
}

static void test_api_codec__a_bad_query_names_its_parameter(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"limit=0", "?limit minimum"},
        {"limit=x", "?limit type"},
        {"archived=yes", "?archived type"},
        {"limit=1&limit=2", "?limit duplicate"},
        {"q=%zz", "? encoding"},
        {"q=%00", "? encoding"},
        {"q=%ff", "? encoding"},
        {"workspace_id=", "?workspace_id min_length"},
        {"limit=9999999999999999999", "?limit type"},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_arena *arena = cm_arena_new(0);
        cm_faults faults;
        cm_api_list_repositories_query query;
        json_t *tree = NULL;
        cm_buf found;
        cm_faults_init(&faults, arena);
        cm_buf_init(&found, 1024);
        assert_false(cm_schema_decode_query(&cm_api_list_repositories_query_schema,
                                            cm_str_from(rows[i][0]), false, arena, &query, &tree,
                                            &faults));
        list_faults(&faults, &found);
        assert_string_equal(cm_buf_c(&found), rows[i][1]);
        cm_buf_done(&found);
        cm_arena_free(arena);
    }
}

static cm_str encode(const cm_schema *schema, const void *value, cm_buf *out) {
    cm_json_writer w;
    cm_buf_clear(out);
    cm_json_writer_init(&w, out);
    cm_schema_encode(schema, value, &w);
    return cm_buf_str(out);
}

static void test_api_codec__replies_name_every_field(void **state) {
    (void)state;
    cm_buf out;
    cm_buf_init(&out, CM_KIB(64));
    cm_api_index_status status = {
        .status = CM_API_INDEX_STATUS_STATUS_INDEXING, .progress = 0.5, .files_indexed = 3};
    encode(&cm_api_index_status_schema, &status, &out);
    assert_string_equal(cm_buf_c(&out),
                        "{\"status\":\"indexing\",\"progress\":0.5,\"files_indexed\":3,"
                        "\"estimated_completion\":null,\"files_total\":null,\"job_id\":null,"
                        "\"error\":null,\"degraded\":null}");
    status.has_estimated_completion = true;
    status.estimated_completion = 1795341600500;
    status.job_id = CM_STR("018f6e5c-7d2a-7cc1-b1a4-0d5a3c9e8f21");
    encode(&cm_api_index_status_schema, &status, &out);
    assert_non_null(
        strstr(cm_buf_c(&out), "\"estimated_completion\":\"2026-11-22T10:00:00.500Z\""));
    cm_buf_done(&out);
}

static void test_api_codec__compatibility_replies_leave_absent_fields_out(void **state) {
    (void)state;
    cm_buf out;
    cm_buf_init(&out, CM_KIB(64));
    cm_api_llama_completion reply = {.content = CM_STR("x"), .stop = true, .has_stop = true};
    encode(&cm_api_llama_completion_schema, &reply, &out);
    assert_string_equal(cm_buf_c(&out), "{\"content\":\"x\",\"stop\":true}");
    cm_buf_done(&out);
}

typedef struct check_case {
    const cm_schema *schema;
    const char *reply;
    const char *faults;
} check_case;

static void test_api_codec__replies_that_break_the_contract_are_found(void **state) {
    (void)state;
    static const check_case rows[] = {
        {&cm_api_probe_schema, "{\"status\":\"ok\",\"checks\":{}}", ""},
        {&cm_api_probe_schema, "{\"status\":\"ok\"}", "/checks required"},
        {&cm_api_probe_schema, "{\"status\":\"fine\",\"checks\":{}}", "/status enum"},
        {&cm_api_probe_schema, "{\"status\":null,\"checks\":{}}", "/status type"},
        {&cm_api_probe_schema, "{\"status\":\"ok\",\"checks\":{},\"x\":1}", "/x unknown"},
        {&cm_api_search_scores_schema, "{\"bm25\":null,\"vector\":1,\"rrf\":null}", ""},
        {&cm_api_llama_completion_schema, "{\"timings/prompt_n\":4}", ""},
        {&cm_api_problem_schema, "{\"type\":\"x\"}",
         "/title required,/status required,/detail required,/instance required,/code required,"
         "/request_id required,/retryable required"},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_arena *arena = cm_arena_new(0);
        cm_faults faults;
        cm_buf found;
        json_t *tree = json_loads(rows[i].reply, 0, NULL);
        cm_faults_init(&faults, arena);
        cm_buf_init(&found, CM_KIB(4));
        assert_int_equal(cm_schema_check(rows[i].schema, tree, &faults), rows[i].faults[0] == '\0');
        list_faults(&faults, &found);
        assert_string_equal(cm_buf_c(&found), rows[i].faults);
        cm_buf_done(&found);
        json_decref(tree);
        cm_arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_codec__each_body_gives_exactly_its_faults),
        cmocka_unit_test(test_api_codec__defaults_fill_what_was_left_out),
        cmocka_unit_test(test_api_codec__values_land_in_their_fields),
        cmocka_unit_test(test_api_codec__an_upper_case_uuid_is_lowered),
        cmocka_unit_test(test_api_codec__a_lone_string_is_a_list_of_one),
        cmocka_unit_test(test_api_codec__lengths_count_code_points),
        cmocka_unit_test(test_api_codec__strict_refuses_unknown_fields_except_of_other_products),
        cmocka_unit_test(test_api_codec__faults_are_counted_beyond_what_is_kept),
        cmocka_unit_test(test_api_codec__a_query_string_becomes_a_struct),
        cmocka_unit_test(test_api_codec__a_bad_query_names_its_parameter),
        cmocka_unit_test(test_api_codec__replies_name_every_field),
        cmocka_unit_test(test_api_codec__compatibility_replies_leave_absent_fields_out),
        cmocka_unit_test(test_api_codec__replies_that_break_the_contract_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
