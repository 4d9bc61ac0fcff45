/* schema_encode.c - C structs to JSON by table. The rules of absence are in schema.h. */
#include "base/clock.h"
#include "base/schema.h"

typedef struct list {
    const char *items;
    size_t count;
} list;

static list list_of(const void *value) {
    list found;
    memcpy(&found, value, sizeof(found));
    return found;
}

static const void *pointer_of(const void *value) {
    const void *found;
    memcpy(&found, value, sizeof(found));
    return found;
}

static void encode_time(int64_t wall_ms, cm_json_writer *w) {
    char text[CM_TIME_TEXT_MAX];
    cm_json_str(w, cm_time_format(wall_ms, text));
}

static void encode_array(const cm_schema *schema, const void *value, cm_json_writer *w) {
    list all = list_of(value);
    cm_json_array(w);
    for (size_t i = 0; i < all.count; i++) {
        cm_schema_encode(schema->items, all.items + i * schema->items->size, w);
    }
    cm_json_array_end(w);
}

/* Whether a field has a value to write. */
static bool field_set(const cm_schema_field *field, const char *base) {
    const void *value = base + field->offset;
    if (field->flags & CM_FIELD_HAS) {
        return *(const bool *)(base + field->has_offset);
    }
    bool optional = !(field->flags & CM_FIELD_REQUIRED) || (field->flags & CM_FIELD_NULLABLE);
    switch (field->schema->kind) {
    case CM_SCHEMA_STR:
    case CM_SCHEMA_UUID: return !optional || ((const cm_str *)value)->ptr;
    case CM_SCHEMA_ENUM: return *(const int *)value != 0;
    case CM_SCHEMA_ARRAY: return !optional || list_of(value).items;
    case CM_SCHEMA_OBJECT: return !(field->flags & CM_FIELD_POINTER) || pointer_of(value);
    case CM_SCHEMA_ANY: return pointer_of(value) != NULL;
    case CM_SCHEMA_MAP: return !optional || pointer_of(value);
    case CM_SCHEMA_BOOL:
    case CM_SCHEMA_INT:
    case CM_SCHEMA_REAL:
    case CM_SCHEMA_TIME: return true;
    }
    return false;
}

static void encode_object(const cm_schema *schema, const char *base, cm_json_writer *w) {
    cm_json_object(w);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const cm_schema_field *field = &schema->fields[i];
        bool set = field_set(field, base);
        if (!set && (schema->flags & CM_SCHEMA_COMPACT)) {
            continue;
        }
        cm_json_key(w, field->name);
        if (!set) {
            cm_json_null(w);
        } else if (field->flags & CM_FIELD_POINTER) {
            cm_schema_encode(field->schema, pointer_of(base + field->offset), w);
        } else {
            cm_schema_encode(field->schema, base + field->offset, w);
        }
    }
    cm_json_object_end(w);
}

/* A free object that was not set is {}; anything else that was not set is null. */
static void encode_tree(const cm_schema *schema, const json_t *tree, cm_json_writer *w) {
    if (tree) {
        cm_json_value(w, tree);
    } else if (schema->kind == CM_SCHEMA_MAP) {
        cm_json_object(w);
        cm_json_object_end(w);
    } else {
        cm_json_null(w);
    }
}

void cm_schema_encode(const cm_schema *schema, const void *value, cm_json_writer *w) {
    switch (schema->kind) {
    case CM_SCHEMA_BOOL: cm_json_bool(w, *(const bool *)value); break;
    case CM_SCHEMA_INT: cm_json_i64(w, *(const int64_t *)value); break;
    case CM_SCHEMA_REAL: cm_json_real(w, *(const double *)value); break;
    case CM_SCHEMA_STR:
    case CM_SCHEMA_UUID: cm_json_str(w, *(const cm_str *)value); break;
    case CM_SCHEMA_TIME: encode_time(*(const int64_t *)value, w); break;
    case CM_SCHEMA_ENUM: cm_json_c(w, cm_schema_enum_name(schema, *(const int *)value)); break;
    case CM_SCHEMA_ARRAY: encode_array(schema, value, w); break;
    case CM_SCHEMA_OBJECT: encode_object(schema, value, w); break;
    case CM_SCHEMA_ANY:
    case CM_SCHEMA_MAP: encode_tree(schema, pointer_of(value), w); break;
    }
}
