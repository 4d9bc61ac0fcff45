/* Any JSON against every request schema: decoding never fails without naming a fault, its pointers are
 * within bounds, and what was decoded can be encoded. The first byte picks the schema. */
#include "api/api_gen.h"
#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cm_schema *const schemas[] = {
    &cm_api_completion_request_schema,
    &cm_api_openai_completion_request_schema,
    &cm_api_tabby_completion_request_schema,
    &cm_api_infill_request_schema,
    &cm_api_feedback_schema,
    &cm_api_create_repository_request_schema,
    &cm_api_create_index_request_schema,
    &cm_api_search_request_schema,
    &cm_api_navigation_request_schema,
    &cm_api_changes_request_schema,
};

static void check_faults(const cm_faults *faults) {
    cm_assert(faults->count > 0 && faults->count <= CM_FAULTS_MAX);
    cm_assert(faults->found >= faults->count);
    for (size_t i = 0; i < faults->count; i++) {
        cm_assert(faults->items[i].code && faults->items[i].message.len > 0);
        cm_assert(cm_utf8_valid(faults->items[i].pointer));
        cm_assert(cm_utf8_valid(faults->items[i].message));
    }
}

static void check_value(const cm_schema *schema, const void *value, size_t size) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, size * 8 + CM_KIB(16));
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    cm_schema_encode(schema, value, &w);
    json_t *again = NULL;
    if (cm_buf_check(&out, NULL) == CM_OK) {
        cm_assert(cm_json_parse(cm_buf_str(&out), &again, NULL) == CM_OK);
    }
    json_decref(again);
}

static void decode(const cm_schema *schema, const json_t *tree, bool strict, size_t size) {
    cm_arena *arena = cm_arena_new(0);
    void *value = cm_arena_alloc(arena, schema->size);
    cm_faults faults;
    cm_faults_init(&faults, arena);
    if (cm_schema_decode(schema, tree, strict, arena, value, &faults)) {
        cm_assert(faults.found == 0);
        check_value(schema, value, size);
    } else {
        check_faults(&faults);
    }
    cm_arena_free(arena);
}

static void decode_query(cm_str query) {
    cm_arena *arena = cm_arena_new(0);
    cm_api_list_symbols_query value;
    cm_faults faults;
    json_t *tree = NULL;
    cm_faults_init(&faults, arena);
    if (cm_schema_decode_query(&cm_api_list_symbols_query_schema, query, true, arena, &value, &tree,
                               &faults)) {
        cm_assert(value.limit >= 1 && value.limit <= 200);
        json_decref(tree);
    } else {
        check_faults(&faults);
    }
    cm_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    const cm_schema *schema = schemas[data[0] % CM_COUNT(schemas)];
    cm_str text = cm_str_make((const char *)data + 1, size - 1);
    json_t *tree;
    decode_query(text);
    if (cm_json_parse(text, &tree, NULL) == CM_OK) {
        decode(schema, tree, data[0] & 0x80, size);
        json_decref(tree);
    }
    return 0;
}
