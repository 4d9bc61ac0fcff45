/* schema.c - one walk over a JSON value beside its schema: checks it and fills the C struct.
 *
 * The same walk checks requests and, in test builds, replies. They differ in two points: a request
 * may send null for any optional field and may have unknown fields; a reply has null only where the
 * contract says so and nothing undocumented.
 *
 * Where the walk stands is kept as a short stack of keys and indexes; a JSON pointer is built from it
 * only when there is a fault. */
#include "base/schema_priv.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <math.h>
#include <stdarg.h>

#define INT_EXACT_MAX 9007199254740992.0 /* 2^53: larger integers are not exact in a double */

typedef struct walk_step {
    const char *key; /* NULL: `index` counts */
    size_t index;
} walk_step;

typedef struct walk {
    cm_arena *arena;
    cm_faults *faults;
    bool strict;
    bool reply;
    const char *root; /* what a pointer begins with: "/" in bodies, "?" in queries */
    size_t depth;
    walk_step path[CM_JSON_DEPTH_MAX + 2];
} walk;

typedef bool walk_fn(walk *w, const cm_schema *schema, const json_t *value, void *out);

void cm_faults_init(cm_faults *faults, cm_arena *arena) {
    faults->arena = arena;
    faults->count = faults->found = 0;
}

cm_printf(5, 0) static void faults_add(cm_faults *faults, cm_rc rc, const char *code,
                                       cm_str pointer, const char *format, va_list arguments) {
    faults->found++;
    if (faults->count == CM_FAULTS_MAX) {
        return;
    }
    char text[256];
    int len = vsnprintf(text, sizeof(text), format, arguments);
    size_t kept = len < 0 ? 0 : CM_MIN((size_t)len, sizeof(text) - 1);
    faults->items[faults->count++] = (cm_fault){
        .pointer = pointer,
        .rc = rc,
        .code = code,
        .message = cm_arena_str(faults->arena, cm_utf8_cut(cm_str_make(text, kept), kept)),
    };
}

void cm_faults_add(cm_faults *faults, cm_rc rc, const char *code, cm_str pointer,
                   const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    faults_add(faults, rc, code, cm_arena_str(faults->arena, pointer), format, arguments);
    va_end(arguments);
}

/* RFC 6901: '~' and '/' inside a key are escaped. */
static void add_key(cm_buf *out, const char *key) {
    for (; *key; key++) {
        if (*key == '~' || *key == '/') {
            cm_buf_add_c(out, *key == '~' ? "~0" : "~1");
        } else {
            cm_buf_add_char(out, *key);
        }
    }
}

static cm_str walk_pointer(const walk *w) {
    cm_buf out;
    cm_buf_init(&out, CM_KIB(4));
    for (size_t i = 0; i < w->depth; i++) {
        cm_buf_add_c(&out, i == 0 ? w->root : "/");
        if (w->path[i].key) {
            add_key(&out, w->path[i].key);
        } else {
            cm_buf_add_u64(&out, w->path[i].index);
        }
    }
    cm_str pointer = cm_arena_str(w->faults->arena, cm_buf_str(&out));
    cm_buf_done(&out);
    return pointer;
}

/* Always false, so that a fault is one statement. */
cm_printf(4, 5) static bool fault(walk *w, cm_rc rc, const char *code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (w->faults->count < CM_FAULTS_MAX) {
        faults_add(w->faults, rc, code, walk_pointer(w), format, arguments);
    } else {
        w->faults->found++;
    }
    va_end(arguments);
    return false;
}

static const char *json_kind(const json_t *value) {
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a number",  [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean",  [JSON_NULL] = "null",
    };
    return names[json_typeof(value)];
}

static bool wrong_kind(walk *w, const json_t *value, const char *wanted) {
    return fault(w, CM_INVALID, "type", "must be %s, not %s", wanted, json_kind(value));
}

static cm_str text_of(const json_t *value) {
    return cm_str_make(json_string_value(value), json_string_length(value));
}

/* --- scalars --- */

static bool walk_any(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    (void)w;
    (void)schema;
    *(const json_t **)out = value;
    return true;
}

static bool walk_map(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    return json_is_object(value) ? walk_any(w, schema, value, out)
                                 : wrong_kind(w, value, "an object");
}

static bool walk_bool(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    (void)schema;
    if (!json_is_boolean(value)) {
        return wrong_kind(w, value, "a boolean");
    }
    *(bool *)out = json_is_true(value);
    return true;
}

/* Puts `*number` in bounds where the schema clamps; else reports it. */
static bool bound_number(walk *w, const cm_schema *schema, double *number) {
    bool low = (schema->flags & CM_SCHEMA_MIN) && *number < schema->min;
    bool high = (schema->flags & CM_SCHEMA_MAX) && *number > schema->max;
    if (!low && !high) {
        return true;
    }
    double bound = low ? schema->min : schema->max;
    if (schema->flags & (low ? CM_SCHEMA_CLAMP_LOW : CM_SCHEMA_CLAMP_HIGH)) {
        *number = bound;
        return true;
    }
    return fault(w, CM_INVALID, low ? "minimum" : "maximum", "must be at %s %.15g",
                 low ? "least" : "most", bound);
}

static bool walk_int(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    if (!json_is_number(value)) {
        return wrong_kind(w, value, "an integer");
    }
    double number = json_number_value(value);
    if (json_is_real(value) && number != floor(number)) {
        return fault(w, CM_INVALID, "type", "must be an integer, not a fraction");
    }
    double before = number;
    if (!bound_number(w, schema, &number)) {
        return false;
    }
    if (fabs(number) > INT_EXACT_MAX) {
        return fault(w, CM_INVALID, "maximum", "must be within 2^53");
    }
    bool exact = json_is_integer(value) && number == before;
    *(int64_t *)out = exact ? json_integer_value(value) : (int64_t)number;
    return true;
}

static bool walk_real(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    if (!json_is_number(value)) {
        return wrong_kind(w, value, "a number");
    }
    double number = json_number_value(value);
    if (!bound_number(w, schema, &number)) {
        return false;
    }
    *(double *)out = number;
    return true;
}

/* Lengths count code points. A text has no more of them than bytes, so most need no counting. */
static bool too_long(const cm_schema *schema, cm_str text) {
    return (schema->flags & CM_SCHEMA_MAX) && (double)text.len > schema->max &&
           (double)cm_utf8_count(text, CM_UTF32) > schema->max;
}

static bool too_short(const cm_schema *schema, cm_str text) {
    return (schema->flags & CM_SCHEMA_MIN) && (double)cm_utf8_count(text, CM_UTF32) < schema->min;
}

static bool walk_str(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    if (!json_is_string(value)) {
        return wrong_kind(w, value, "a string");
    }
    cm_str text = text_of(value);
    if (too_long(schema, text)) {
        return fault(w, CM_INVALID, "max_length", "must have at most %.0f characters", schema->max);
    }
    if (too_short(schema, text)) {
        return fault(w, CM_INVALID, "min_length", "must have at least %.0f characters",
                     schema->min);
    }
    *(cm_str *)out = text;
    return true;
}

static bool walk_uuid(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    (void)schema;
    cm_uuid id;
    if (!json_is_string(value)) {
        return wrong_kind(w, value, "a string");
    }
    cm_str text = text_of(value);
    if (!cm_uuid_parse(text, &id)) {
        return fault(w, CM_INVALID, "format",
                     "must be a UUID such as 018f6e5c-7d2a-7cc1-b1a4-0d5a3c9e8f21");
    }
    char lower[CM_UUID_TEXT];
    cm_uuid_format(&id, lower);
    *(cm_str *)out = cm_str_eq_c(text, lower) ? text : cm_arena_str(w->arena, cm_str_from(lower));
    return true;
}

static bool walk_time(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    (void)schema;
    if (!json_is_string(value)) {
        return wrong_kind(w, value, "a string");
    }
    if (!cm_time_parse(text_of(value), (int64_t *)out)) {
        return fault(w, CM_INVALID, "format",
                     "must be an RFC 3339 time such as 2026-11-22T10:00:00.000Z");
    }
    return true;
}

/* The values, for a message: "inline, fim, chat". */
static void list_names(const cm_schema *schema, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 1; i < schema->name_count && used < size; i++) {
        int len = snprintf(text + used, size - used, "%s%s", i == 1 ? "" : ", ", schema->names[i]);
        used += len > 0 ? (size_t)len : 0;
    }
}

static bool walk_enum(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    if (!json_is_string(value)) {
        return wrong_kind(w, value, "a string");
    }
    int found = cm_schema_enum_value(schema, text_of(value));
    if (found == 0) {
        char names[200];
        list_names(schema, names, sizeof(names));
        return fault(w, CM_INVALID, "enum", "must be one of %s", names);
    }
    *(int *)out = found;
    return true;
}

/* --- arrays and objects --- */

static walk_fn walk_array, walk_object;

static bool walk_value(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    static walk_fn *const kinds[] = {
        [CM_SCHEMA_ANY] = walk_any,     [CM_SCHEMA_BOOL] = walk_bool,
        [CM_SCHEMA_INT] = walk_int,     [CM_SCHEMA_REAL] = walk_real,
        [CM_SCHEMA_STR] = walk_str,     [CM_SCHEMA_UUID] = walk_uuid,
        [CM_SCHEMA_TIME] = walk_time,   [CM_SCHEMA_ENUM] = walk_enum,
        [CM_SCHEMA_ARRAY] = walk_array, [CM_SCHEMA_OBJECT] = walk_object,
        [CM_SCHEMA_MAP] = walk_map,
    };
    return kinds[schema->kind](w, schema, value, out);
}

static void walk_enter(walk *w, const char *key, size_t index) {
    cm_assert(w->depth < CM_COUNT(w->path)); /* cm_json_parse bounds the depth */
    w->path[w->depth++] = (walk_step){key, index};
}

static void *array_items(walk *w, const cm_schema *items, size_t count) {
    void *memory = cm_arena_try_calloc(w->arena, CM_MAX(count, (size_t)1), items->size);
    if (!memory) {
        fault(w, CM_LIMIT, "too_large", "has too many items for one request");
    }
    return memory;
}

static bool array_bounds(walk *w, const cm_schema *schema, size_t count) {
    if ((schema->flags & CM_SCHEMA_MAX) && (double)count > schema->max) {
        return fault(w, CM_INVALID, "max_items", "must have at most %.0f items", schema->max);
    }
    if ((schema->flags & CM_SCHEMA_MIN) && (double)count < schema->min) {
        return fault(w, CM_INVALID, "min_items", "must have at least %.0f items", schema->min);
    }
    return true;
}

/* All arrays are laid out like cm_str_list: a pointer and a count. */
static bool walk_array(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    bool lone = (schema->flags & CM_SCHEMA_LIST_OF_ONE) && !json_is_array(value);
    if (!lone && !json_is_array(value)) {
        return wrong_kind(w, value, "an array");
    }
    size_t count = lone ? 1 : json_array_size(value);
    if (!array_bounds(w, schema, count)) {
        return false;
    }
    char *items = array_items(w, schema->items, count);
    if (!items) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        void *slot = items + i * schema->items->size;
        if (lone) {
            good &= walk_value(w, schema->items, value, slot);
            continue;
        }
        walk_enter(w, NULL, i);
        good &= walk_value(w, schema->items, json_array_get(value, i), slot);
        w->depth--;
    }
    struct {
        void *items;
        size_t count;
    } list = {items, count};
    memcpy(out, &list, sizeof(list));
    return good;
}

static void preset_fill(walk *w, const cm_schema_field *field, void *out) {
    double number = field->preset_number;
    switch (field->schema->kind) {
    case CM_SCHEMA_BOOL: *(bool *)out = number != 0; break;
    case CM_SCHEMA_INT: *(int64_t *)out = (int64_t)number; break;
    case CM_SCHEMA_REAL: *(double *)out = number; break;
    case CM_SCHEMA_ENUM: *(int *)out = (int)number; break;
    case CM_SCHEMA_STR: *(cm_str *)out = cm_str_from(field->preset); break;
    case CM_SCHEMA_ARRAY: memcpy(out, field->preset, sizeof(cm_str_list)); break;
    case CM_SCHEMA_OBJECT: (void)walk_object(w, field->schema, NULL, out); break;
    case CM_SCHEMA_ANY:
    case CM_SCHEMA_UUID:
    case CM_SCHEMA_TIME:
    case CM_SCHEMA_MAP: cm_assert(!"the generator gives these no default");
    }
}

static bool field_absent(walk *w, const cm_schema_field *field, void *out) {
    if (field->flags & CM_FIELD_PRESET && !w->reply) {
        preset_fill(w, field, out);
        return true;
    }
    return field->flags & CM_FIELD_REQUIRED ? fault(w, CM_INVALID, "required", "is missing") : true;
}

static bool field_present(walk *w, const cm_schema_field *field, const json_t *value, char *base) {
    void *out = base + field->offset;
    if (field->flags & CM_FIELD_POINTER) {
        void *memory = array_items(w, field->schema, 1);
        if (!memory) {
            return false;
        }
        memcpy(out, &memory, sizeof(memory));
        out = memory;
    }
    if (field->flags & CM_FIELD_HAS) {
        *(bool *)(base + field->has_offset) = true;
    }
    return walk_value(w, field->schema, value, out);
}

static bool walk_field(walk *w, const cm_schema_field *field, const json_t *object, char *base) {
    const json_t *value = object ? json_object_get(object, field->name) : NULL;
    bool null_counts_absent =
        w->reply ? (field->flags & CM_FIELD_NULLABLE) != 0 : !(field->flags & CM_FIELD_REQUIRED);
    walk_enter(w, field->name, 0);
    bool good;
    if (!value) {
        good = field_absent(w, field, base + field->offset);
    } else if (json_is_null(value) && null_counts_absent) {
        good = w->reply || field_absent(w, field, base + field->offset);
    } else {
        good = field_present(w, field, value, base);
    }
    w->depth--;
    return good;
}

static bool has_field(const cm_schema *schema, const char *key) {
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, key) == 0) {
            return true;
        }
    }
    return false;
}

static bool unknown_fields(walk *w, const cm_schema *schema, const json_t *object) {
    bool looked_at = w->reply ? !(schema->flags & CM_SCHEMA_OPEN)
                              : w->strict && !(schema->flags & CM_SCHEMA_LENIENT);
    if (!looked_at) {
        return true;
    }
    bool good = true;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (!has_field(schema, key)) {
            walk_enter(w, key, 0);
            good = fault(w, CM_UNKNOWN_FIELD, "unknown", "is not a field here");
            w->depth--;
        }
    }
    return good;
}

/* A lone string that stands for an object with one member. */
static bool walk_text_as(walk *w, const cm_schema *schema, const json_t *value, char *base) {
    bool good = true;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const cm_schema_field *field = &schema->fields[i];
        if (strcmp(field->name, schema->text_as) == 0) {
            good &= field_present(w, field, value, base);
        } else {
            good &= field_absent(w, field, base + field->offset);
        }
    }
    return good;
}

/* `value` NULL: an object that was left out, all of whose fields have defaults or are optional. */
static bool walk_object(walk *w, const cm_schema *schema, const json_t *value, void *out) {
    memset(out, 0, schema->size);
    if (value && schema->text_as && json_is_string(value)) {
        return walk_text_as(w, schema, value, out);
    }
    if (value && !json_is_object(value)) {
        return wrong_kind(w, value, "an object");
    }
    bool good = true;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        good &= walk_field(w, &schema->fields[i], value, out);
    }
    return value ? unknown_fields(w, schema, value) && good : good;
}

/* --- the door --- */

bool cm_schema_decode(const cm_schema *schema, const json_t *value, bool strict, cm_arena *arena,
                      void *out, cm_faults *faults) {
    walk w = {.arena = arena, .faults = faults, .strict = strict, .root = "/"};
    memset(out, 0, schema->size);
    return walk_value(&w, schema, value, out);
}

bool cm_schema_check(const cm_schema *schema, const json_t *value, cm_faults *faults) {
    walk w = {.arena = faults->arena, .faults = faults, .reply = true, .root = "/"};
    void *out = array_items(&w, schema, 1);
    return out && walk_value(&w, schema, value, out);
}

bool cm_schema_check_text(const cm_schema *schema, cm_str text) {
    cm_uuid id;
    if (schema->kind == CM_SCHEMA_UUID) {
        return cm_uuid_parse(text, &id);
    }
    return cm_utf8_valid(text) && !too_long(schema, text) && !too_short(schema, text);
}

const char *cm_schema_enum_name(const cm_schema *schema, int value) {
    return value > 0 && (uint32_t)value < schema->name_count ? schema->names[value] : "";
}

int cm_schema_enum_value(const cm_schema *schema, cm_str name) {
    for (uint32_t i = 1; i < schema->name_count; i++) {
        if (cm_str_eq_c(name, schema->names[i])) {
            return (int)i;
        }
    }
    return 0;
}

bool cm_schema_decode_object(const cm_schema *schema, const json_t *object, const char *root,
                             bool strict, cm_arena *arena, void *out, cm_faults *faults) {
    walk w = {.arena = arena, .faults = faults, .strict = strict, .root = root};
    return walk_object(&w, schema, object, out);
}
