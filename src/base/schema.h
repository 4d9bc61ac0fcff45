/* schema.h - JSON to C structs and back, driven by tables.
 *
 * A cm_schema says what a JSON value may be and where it goes in a C struct. tools/gen_api.py writes
 * the tables and the structs from spec/openapi.yaml; one interpreter reads them. Generated code per
 * field was rejected: it is fifty times the text, and every rule would be written once per field.
 *
 * How a value looks in C
 *   string, uuid     cm_str; ptr NULL = absent or null. uuids are lower-cased
 *   enumeration      int of the schema's own enum; 0 = absent
 *   date-time        int64_t, milliseconds since 1970 UTC
 *   integer, number, boolean   int64_t, double, bool
 *   object           its struct; `struct *` when it may be absent and has no default
 *   array of strings cm_str_list; other arrays { items, count }; items NULL = absent
 *   free object, any json_t *, borrowed from the body; NULL = absent
 * An optional integer, number, boolean or time without default has a `bool has_<name>` beside it.
 *
 * Decoding collects every fault, up to CM_FAULTS_MAX, each with a JSON pointer (RFC 6901). null counts
 * as absent where a field is optional. Unknown fields are ignored, or refused when strict.
 * Encoding writes every field of an object, null when it has no value, except fields of
 * objects marked compact (compatibility paths), which leave absent ones out.
 *
 * Thread: any; tables are constant. Decoded values live in the caller's arena and point into the
 * JSON tree, which must outlive them. */
#ifndef CM_BASE_SCHEMA_H
#define CM_BASE_SCHEMA_H

#include "base/arena.h"
#include "base/json.h"

#define CM_FAULTS_MAX 32

typedef struct cm_fault {
    cm_str pointer;   /* "/options/max_tokens"; empty = the whole body */
    cm_rc rc;         /* CM_INVALID or CM_UNKNOWN_FIELD */
    const char *code; /* required, type, enum, minimum, maximum, length, format, unknown ... */
    cm_str message;
} cm_fault;

typedef struct cm_faults {
    cm_arena *arena;
    cm_fault items[CM_FAULTS_MAX];
    size_t count; /* kept */
    size_t found; /* seen, kept or not */
} cm_faults;

void cm_faults_init(cm_faults *faults, cm_arena *arena);
/* A fault that a table cannot express, found by a handler. */
void cm_faults_add(cm_faults *faults, cm_rc rc, const char *code, cm_str pointer,
                   const char *format, ...) cm_printf(5, 6);

enum cm_schema_kind {
    CM_SCHEMA_ANY,
    CM_SCHEMA_BOOL,
    CM_SCHEMA_INT,
    CM_SCHEMA_REAL,
    CM_SCHEMA_STR,
    CM_SCHEMA_UUID,
    CM_SCHEMA_TIME,
    CM_SCHEMA_ENUM,
    CM_SCHEMA_ARRAY,
    CM_SCHEMA_OBJECT,
    CM_SCHEMA_MAP, /* object with free keys */
};

enum cm_field_flags {
    CM_FIELD_REQUIRED = 1, /* must be present */
    CM_FIELD_NULLABLE = 2, /* null is a value of the contract (matters in replies) */
    CM_FIELD_POINTER = 4,  /* stored as pointer, NULL = absent */
    CM_FIELD_HAS = 8,      /* a bool at has_offset tells presence */
    CM_FIELD_PRESET = 16,  /* has a default */
};

typedef struct cm_schema cm_schema;

typedef struct cm_schema_field {
    const char *name; /* JSON key */
    const cm_schema *schema;
    uint32_t offset;
    uint32_t has_offset;
    uint32_t flags;
    double preset_number; /* default of numbers, booleans and enumerations (its index) */
    const void *preset;   /* default of strings: const char *; of lists of strings: cm_str_list */
} cm_schema_field;

enum cm_schema_flags {
    CM_SCHEMA_MIN = 1,          /* `min` holds */
    CM_SCHEMA_MAX = 2,          /* `max` holds */
    CM_SCHEMA_CLAMP_LOW = 4,    /* a number below `min` is moved to it */
    CM_SCHEMA_CLAMP_HIGH = 128, /* a number above `max` is moved to it */
    CM_SCHEMA_LIST_OF_ONE = 8,  /* ARRAY: a lone item stands for a list of it */
    CM_SCHEMA_COMPACT = 16,     /* OBJECT: absent fields are left out when encoding */
    CM_SCHEMA_LENIENT = 32,     /* OBJECT: unknown fields are ignored even when strict */
    CM_SCHEMA_OPEN = 64,        /* OBJECT: a reply may have further members */
};

struct cm_schema {
    enum cm_schema_kind kind;
    uint32_t flags;
    uint32_t size;            /* bytes of one value in C */
    double min, max;          /* numbers: value; strings: code points; arrays: items */
    const char *const *names; /* ENUM: names[0] is NULL (absent), then name_count - 1 values */
    uint32_t name_count;
    uint32_t field_count;
    const cm_schema_field *fields; /* OBJECT */
    const cm_schema *items;        /* ARRAY */
    const char *text_as; /* OBJECT: a lone string stands for an object with this one member */
};

/* Fills `*out` (schema->size bytes, zeroed here) from `value`. False when there are faults; `*out`
 * must not be used then. */
bool cm_schema_decode(const cm_schema *schema, const json_t *value, bool strict, cm_arena *arena,
                      void *out, cm_faults *faults) cm_must_check;
/* Checks a reply: all documented fields present, none undocumented. */
bool cm_schema_check(const cm_schema *schema, const json_t *value, cm_faults *faults) cm_must_check;
/* Fills `*out` from a query string ("limit=5&q=a%20b"): schema is an OBJECT of scalars. Pointers of
 * faults are "?limit". `*ret_tree` owns the texts; free with json_decref after `*out`. */
bool cm_schema_decode_query(const cm_schema *schema, cm_str query, bool strict, cm_arena *arena,
                            void *out, json_t **ret_tree, cm_faults *faults) cm_must_check;
/* One path parameter, percent-decoded: STR with bounds, or UUID. */
bool cm_schema_check_text(const cm_schema *schema, cm_str text) cm_must_check;
/* Name of an enumeration's value, "" when absent; its value by name, 0 when there is none. */
const char *cm_schema_enum_name(const cm_schema *schema, int value);
int cm_schema_enum_value(const cm_schema *schema, cm_str name);
/* Writes the struct at `value`. */
void cm_schema_encode(const cm_schema *schema, const void *value, cm_json_writer *w);

#endif
