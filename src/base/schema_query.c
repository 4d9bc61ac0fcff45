/* schema_query.c - query strings (application/x-www-form-urlencoded) as objects of scalars.
 *
 * A query becomes a JSON object first, texts turned into the kinds their fields ask for, and then
 * goes through the same walk as a body. A text that does not fit its kind stays a string, so that the
 * walk reports it. */
#include "base/schema_priv.h"

#include "base/percent.h"

#define QUERY_PAIRS_MAX 64

static const cm_schema *field_schema(const cm_schema *schema, const char *name) {
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) {
            return schema->fields[i].schema;
        }
    }
    return NULL;
}

static json_t *typed(const cm_schema *schema, cm_str text) {
    int64_t integer;
    double real;
    if (schema && schema->kind == CM_SCHEMA_BOOL &&
        (cm_str_eq_c(text, "true") || cm_str_eq_c(text, "false"))) {
        return json_boolean(text.ptr[0] == 't');
    }
    if (schema && schema->kind == CM_SCHEMA_INT && cm_str_to_i64(text, &integer)) {
        return json_integer(integer);
    }
    if (schema && schema->kind == CM_SCHEMA_REAL && cm_str_to_f64(text, &real)) {
        return json_real(real);
    }
    return json_stringn(text.ptr ? text.ptr : "", text.len);
}

static bool decode(cm_str raw, cm_arena *arena, cm_str *ret_text) {
    char *out = cm_arena_c(arena, raw); /* the URL's length bounds it */
    size_t len;
    if (!cm_percent_decode(raw, true, out, &len)) {
        return false;
    }
    out[len] = '\0';
    *ret_text = cm_str_make(out, len);
    return true;
}

/* One `name=value`. */
static bool add_pair(json_t *object, const cm_schema *schema, cm_str pair, cm_faults *faults) {
    size_t equals = cm_str_find_char(pair, '=');
    cm_str raw_value = equals == SIZE_MAX ? CM_STR_EMPTY : cm_str_from_offset(pair, equals + 1);
    cm_str name, value;
    if (!decode(cm_str_sub(pair, 0, equals), faults->arena, &name) ||
        !decode(raw_value, faults->arena, &value)) {
        cm_faults_add(faults, CM_INVALID, "encoding", CM_STR("?"),
                      "the query has a broken escape, NUL or invalid UTF-8");
        return false;
    }
    if (json_object_get(object, name.ptr)) {
        cm_faults_add(faults, CM_INVALID, "duplicate", cm_arena_fmt(faults->arena, "?%s", name.ptr),
                      "is there twice");
        return false;
    }
    return json_object_set_new(object, name.ptr, typed(field_schema(schema, name.ptr), value)) == 0;
}

static bool add_pairs(json_t *object, const cm_schema *schema, cm_str query, cm_faults *faults) {
    cm_str pair;
    for (size_t count = 0; cm_str_split(&query, '&', &pair); count++) {
        if (count == QUERY_PAIRS_MAX) {
            cm_faults_add(faults, CM_INVALID, "max_items", CM_STR("?"),
                          "the query has more than %d parameters", QUERY_PAIRS_MAX);
            return false;
        }
        if (pair.len > 0 && !add_pair(object, schema, pair, faults)) {
            return false;
        }
    }
    return true;
}

bool cm_schema_decode_query(const cm_schema *schema, cm_str query, bool strict, cm_arena *arena,
                            void *out, json_t **ret_tree, cm_faults *faults) {
    json_t *object = query.len > 0 ? json_object() : NULL;
    bool good = !object || add_pairs(object, schema, query, faults);
    good = good && cm_schema_decode_object(schema, object, "?", strict, arena, out, faults);
    if (!good) {
        json_decref(object);
        return false;
    }
    *ret_tree = object;
    return true;
}
