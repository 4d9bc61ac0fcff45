/* pg_value.c - values on PostgreSQL's wire.
 *
 * Parameters go as text with declared types (so no statement needs casts), bytes and vectors in binary;
 * results come in binary, whose form does not depend on any session setting. Arrays are JSON on our side:
 * they are written as array literals and read from the binary array format:
 *
 *     int32 dimensions (0 or 1) | int32 has NULLs | int32 element type | per dimension: int32 length,
 *     int32 lower bound | per element: int32 length (-1 = NULL), bytes          all big-endian */
#include "store/postgres/pg_priv.h"

#include "base/clock.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <endian.h>

/* Fixed numbers of the built-in types (catalog/pg_type.dat). */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_INET = 869,
    OID_TEXTS = 1009,
    OID_INT8S = 1016,
    OID_FLOAT4S = 1021,
    OID_FLOAT8S = 1022,
    OID_TIMES = 1185,
    OID_TIME = 1184,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

static const Oid types[] = {
    [CM_SQL_ID] = OID_UUID,       [CM_SQL_TEXT] = OID_TEXT,   [CM_SQL_INT] = OID_INT8,
    [CM_SQL_REAL] = OID_FLOAT8,   [CM_SQL_BOOL] = OID_BOOL,   [CM_SQL_TIME] = OID_TIME,
    [CM_SQL_JSON] = OID_JSONB,    [CM_SQL_TEXTS] = OID_TEXTS, [CM_SQL_INTS] = OID_INT8S,
    [CM_SQL_REALS] = OID_FLOAT8S, [CM_SQL_TIMES] = OID_TIMES, [CM_SQL_VECTOR] = OID_FLOAT4S,
    [CM_SQL_BYTES] = OID_BYTEA,   [CM_SQL_IP] = OID_INET,
};

#define EPOCH_2000_MS 946684800000 /* PostgreSQL counts microseconds from here */
#define VALUE_MAX     (CM_STORE_BYTES_MAX * 2)

/* --- Parameters ------------------------------------------------------------------------------- */

static void add_literal_text(cm_buf *out, cm_str text) {
    cm_buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            cm_buf_add_char(out, '\\');
        }
        cm_buf_add_char(out, text.ptr[i]);
    }
    cm_buf_add_char(out, '"');
}

static bool add_element(cm_buf *out, const cm_sql_slot *slot, const json_t *item) {
    if (slot->type == CM_SQL_TEXTS && json_is_string(item)) {
        add_literal_text(out, cm_str_make(json_string_value(item), json_string_length(item)));
        return true;
    }
    if (slot->type == CM_SQL_TIMES && json_is_integer(item)) {
        char text[CM_TIME_TEXT_MAX];
        add_literal_text(out, cm_time_format(json_integer_value(item), text));
        return true;
    }
    if (slot->type == CM_SQL_INTS && json_is_integer(item)) {
        cm_buf_add_i64(out, json_integer_value(item));
        return true;
    }
    if (slot->type == CM_SQL_REALS && json_is_number(item)) {
        cm_buf_add_f(out, "%.17g", json_number_value(item));
        return true;
    }
    return false;
}

/* ["a","b"] -> {"a","b"} */
static cm_rc array_literal(const cm_sql_slot *slot, cm_str json, cm_arena *arena, char **ret_text,
                           cm_err *err) {
    json_t *list = NULL;
    if (cm_json_parse(json, &list, NULL) != CM_OK || !json_is_array(list)) {
        json_decref(list);
        return cm_fail(err, CM_INVALID, "'%s' is not a JSON array", slot->name);
    }
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, VALUE_MAX);
    cm_buf_add_char(&out, '{');
    size_t i;
    json_t *item;
    bool fits = true;
    json_array_foreach(list, i, item) {
        cm_buf_add_c(&out, i != 0 ? "," : "");
        fits = fits && add_element(&out, slot, item);
    }
    cm_buf_add_char(&out, '}');
    json_decref(list);
    if (!fits) {
        return cm_fail(err, CM_INVALID, "'%s' has an element of the wrong type", slot->name);
    }
    cm_rc rc = cm_buf_check(&out, err);
    if (rc == CM_OK) {
        *ret_text = cm_arena_try_alloc(arena, out.len + 1);
        if (*ret_text == NULL) {
            return cm_fail(err, CM_NOMEM, "no memory for '%s'", slot->name);
        }
        memcpy(*ret_text, cm_buf_c(&out), out.len);
    }
    return rc;
}

static void put_u32(char *at, uint32_t value) {
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

/* Little-endian floats to the binary form of real[]. */
static cm_rc vector_binary(const cm_sql_slot *slot, cm_str floats, cm_arena *arena,
                           char **ret_bytes, int *ret_len, cm_err *err) {
    if (floats.len % 4 != 0 || floats.len == 0) {
        return cm_fail(err, CM_INVALID, "'%s' is not a vector of 32-bit floats", slot->name);
    }
    size_t count = floats.len / 4;
    char *out = cm_arena_try_alloc(arena, 20 + count * 8);
    if (out == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for '%s'", slot->name);
    }
    const uint32_t head[5] = {1, 0, OID_FLOAT4, (uint32_t)count, 1};
    for (size_t i = 0; i < 5; i++) {
        put_u32(out + i * 4, head[i]);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, floats.ptr + i * 4, 4);
        put_u32(out + 20 + i * 8, 4);
        put_u32(out + 24 + i * 8, le32toh(bits));
    }
    *ret_bytes = out;
    *ret_len = (int)(20 + count * 8);
    return CM_OK;
}

static cm_rc copy_text(const cm_sql_slot *slot, cm_str text, cm_arena *arena, char **ret_text,
                       cm_err *err) {
    char *copy = cm_arena_try_alloc(arena, text.len + 1);
    if (copy == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for '%s'", slot->name);
    }
    if (text.len != 0) {
        memcpy(copy, text.ptr, text.len);
    }
    *ret_text = copy;
    return CM_OK;
}

static cm_rc number_text(const cm_sql_slot *slot, const cm_value *value, cm_arena *arena,
                         char **ret_text) {
    char time[CM_TIME_TEXT_MAX];
    cm_str text;
    if (value->kind == CM_VALUE_REAL) {
        text = cm_arena_fmt(arena, "%.17g", value->real);
    } else if (slot->type == CM_SQL_TIME) {
        text = cm_arena_str(arena, cm_time_format(value->i, time));
    } else if (slot->type == CM_SQL_BOOL) {
        text = cm_arena_str(arena, value->i != 0 ? CM_STR("t") : CM_STR("f"));
    } else {
        text = cm_arena_fmt(arena, "%lld", (long long)value->i);
    }
    *ret_text = cm_arena_c(arena, text);
    return CM_OK;
}

static cm_rc encode(const cm_sql_slot *slot, const cm_value *value, cm_arena *arena,
                    cm_pg_params *out, int i, cm_err *err) {
    char *text = NULL;
    cm_rc rc = CM_OK;
    out->lengths[i] = 0;
    out->formats[i] = 0;
    if (value->kind == CM_VALUE_ID) {
        text = cm_arena_alloc(arena, CM_UUID_TEXT);
        cm_uuid_format(&value->id, text);
    } else if (value->kind == CM_VALUE_INT || value->kind == CM_VALUE_REAL) {
        rc = number_text(slot, value, arena, &text);
    } else if (value->kind == CM_VALUE_BYTES && slot->type == CM_SQL_VECTOR) {
        out->formats[i] = 1;
        rc = vector_binary(slot, value->str, arena, &text, &out->lengths[i], err);
    } else if (value->kind == CM_VALUE_BYTES) {
        out->formats[i] = 1;
        out->lengths[i] = (int)value->str.len;
        rc = copy_text(slot, value->str, arena, &text, err);
    } else if (value->kind == CM_VALUE_TEXT && slot->type >= CM_SQL_TEXTS &&
               slot->type <= CM_SQL_TIMES) {
        rc = array_literal(slot, value->str, arena, &text, err);
    } else if (value->kind == CM_VALUE_TEXT) {
        rc = copy_text(slot, value->str, arena, &text, err);
    }
    out->values[i] = text;
    return rc;
}

cm_rc cm_pg_params_fill(const cm_db *db, const cm_query *query, const void *params, cm_arena *arena,
                        cm_pg_params *ret_params, cm_err *err) {
    cm_assert(query->param_count <= CM_PG_PARAMS_MAX);
    ret_params->count = query->param_count;
    for (int i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        cm_value value;
        cm_rc rc = cm_value_read(slot, params, db, &value, err);
        if (rc == CM_OK) {
            rc = encode(slot, &value, arena, ret_params, i, err);
        }
        if (rc != CM_OK) {
            return rc;
        }
        ret_params->types[i] = types[slot->type];
    }
    return CM_OK;
}

/* --- Columns ---------------------------------------------------------------------------------- */

static uint32_t get_u32(const char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static int64_t get_int(const char *at, size_t len) {
    if (len == 8) {
        uint64_t value;
        memcpy(&value, at, sizeof value);
        return (int64_t)be64toh(value);
    }
    if (len == 4) {
        return (int32_t)get_u32(at);
    }
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return (int16_t)be16toh(value);
}

static double get_real(const char *at, size_t len) {
    if (len == 4) {
        uint32_t bits = get_u32(at);
        float real;
        memcpy(&real, &bits, sizeof real);
        return (double)real;
    }
    int64_t bits = get_int(at, 8);
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

static int64_t get_time_ms(const char *at) {
    int64_t us = get_int(at, 8);
    return (us >= 0 ? us / 1000 : (us - 999) / 1000) + EPOCH_2000_MS;
}

/* Calls `add` per element of a binary array. */
typedef void element_fn(cm_buf *out, cm_json_writer *w, const char *at, size_t len);

static void add_text_element(cm_buf *out, cm_json_writer *w, const char *at, size_t len) {
    (void)out;
    cm_json_str(w, cm_str_make(at, len));
}

static void add_int_element(cm_buf *out, cm_json_writer *w, const char *at, size_t len) {
    (void)out;
    cm_json_i64(w, get_int(at, len));
}

static void add_real_element(cm_buf *out, cm_json_writer *w, const char *at, size_t len) {
    (void)out;
    cm_json_real(w, get_real(at, len));
}

static void add_time_element(cm_buf *out, cm_json_writer *w, const char *at, size_t len) {
    (void)out;
    (void)len;
    cm_json_i64(w, get_time_ms(at));
}

static void add_float_element(cm_buf *out, cm_json_writer *w, const char *at, size_t len) {
    (void)w;
    (void)len;
    uint32_t bits = htole32(get_u32(at));
    cm_buf_add(out, &bits, sizeof bits);
}

static bool each_element(cm_str array, element_fn *add, cm_buf *out, cm_json_writer *w) {
    if (array.len < 12 || get_u32(array.ptr) > 1) {
        return false;
    }
    if (get_u32(array.ptr) == 0) {
        return true;
    }
    if (array.len < 20) {
        return false;
    }
    uint32_t count = get_u32(array.ptr + 12);
    size_t at = 20;
    for (uint32_t i = 0; i < count; i++) {
        if (array.len - at < 4) {
            return false;
        }
        uint32_t len = get_u32(array.ptr + at);
        at += 4;
        if (len == UINT32_MAX || len > array.len - at) {
            return false; /* NULL elements never get in */
        }
        add(out, w, array.ptr + at, len);
        at += len;
    }
    return true;
}

static cm_rc read_array(const cm_sql_slot *slot, cm_str raw, cm_arena *arena, cm_value *ret_value,
                        cm_err *err) {
    static element_fn *const adders[] = {
        [CM_SQL_TEXTS] = add_text_element,   [CM_SQL_INTS] = add_int_element,
        [CM_SQL_REALS] = add_real_element,   [CM_SQL_TIMES] = add_time_element,
        [CM_SQL_VECTOR] = add_float_element,
    };
    bool json = slot->type != CM_SQL_VECTOR;
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, VALUE_MAX);
    cm_json_writer w;
    cm_json_writer_init(&w, &out);
    if (json) {
        cm_json_array(&w);
    }
    if (!each_element(raw, adders[slot->type], &out, &w)) {
        return cm_fail(err, CM_CORRUPT, "column '%s' is no array this program writes", slot->name);
    }
    if (json) {
        cm_json_array_end(&w);
    }
    cm_rc rc = cm_buf_check(&out, err);
    if (rc != CM_OK) {
        return rc;
    }
    char *copy;
    rc = copy_text(slot, cm_buf_str(&out), arena, &copy, err);
    if (rc == CM_OK) {
        *ret_value = (cm_value){.kind = json ? CM_VALUE_TEXT : CM_VALUE_BYTES,
                                .str = cm_str_make(copy, out.len)};
    }
    return rc;
}

/* Binary inet: family (2 = IPv4, 3 = IPv6), prefix length, is cidr, address length, address. */
static cm_rc read_ip(const cm_sql_slot *slot, cm_str raw, cm_arena *arena, cm_value *ret_value,
                     cm_err *err) {
    char text[INET6_ADDRSTRLEN];
    bool v4 = raw.len == 8 && raw.ptr[0] == 2;
    bool v6 = raw.len == 20 && raw.ptr[0] == 3;
    if (!(v4 || v6) || inet_ntop(v4 ? AF_INET : AF_INET6, raw.ptr + 4, text, sizeof text) == NULL) {
        return cm_fail(err, CM_CORRUPT, "column '%s' is no address", slot->name);
    }
    *ret_value = (cm_value){.kind = CM_VALUE_TEXT, .str = cm_arena_str(arena, cm_str_from(text))};
    return CM_OK;
}

static bool type_fits(const cm_sql_slot *slot, Oid oid) {
    if (slot->type == CM_SQL_INT) {
        return oid == OID_INT8 || oid == OID_INT4 || oid == OID_INT2;
    }
    if (slot->type == CM_SQL_REAL) {
        return oid == OID_FLOAT8 || oid == OID_FLOAT4;
    }
    return oid == types[slot->type];
}

cm_rc cm_pg_check_columns(const PGresult *result, const cm_query *query, cm_err *err) {
    if (PQnfields(result) != query->column_count) {
        return cm_fail(err, CM_INTERNAL, "query '%s' gives %d columns instead of %d", query->name,
                       PQnfields(result), query->column_count);
    }
    for (int i = 0; i < query->column_count; i++) {
        if (!type_fits(&query->columns[i], PQftype(result, i))) {
            return cm_fail(err, CM_INTERNAL,
                           "column '%s' of '%s' has type %u, not %u: cast it in the query",
                           query->columns[i].name, query->name, PQftype(result, i),
                           types[query->columns[i].type]);
        }
    }
    return CM_OK;
}

cm_rc cm_pg_column(const PGresult *result, int row, int column, const cm_sql_slot *slot,
                   cm_arena *arena, cm_value *ret_value, cm_err *err) {
    if (PQgetisnull(result, row, column)) {
        *ret_value = (cm_value){.kind = CM_VALUE_NULL};
        return CM_OK;
    }
    cm_str raw =
        cm_str_make(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
    cm_value value = {.kind = CM_VALUE_TEXT, .str = raw};
    switch ((enum cm_sql_type)slot->type) {
    case CM_SQL_ID:
        value.kind = CM_VALUE_ID;
        memcpy(value.id.bytes, raw.ptr, sizeof value.id.bytes);
        break;
    case CM_SQL_INT:
        value = (cm_value){.kind = CM_VALUE_INT, .i = get_int(raw.ptr, raw.len)};
        break;
    case CM_SQL_REAL:
        value = (cm_value){.kind = CM_VALUE_REAL, .real = get_real(raw.ptr, raw.len)};
        break;
    case CM_SQL_BOOL: value = (cm_value){.kind = CM_VALUE_INT, .i = raw.ptr[0] != 0}; break;
    case CM_SQL_TIME: value = (cm_value){.kind = CM_VALUE_INT, .i = get_time_ms(raw.ptr)}; break;
    case CM_SQL_JSON:
        value.str = cm_str_from_offset(raw, 1); /* after the format's version byte */
        break;
    case CM_SQL_TEXTS:
    case CM_SQL_INTS:
    case CM_SQL_REALS:
    case CM_SQL_TIMES:
    case CM_SQL_VECTOR: return read_array(slot, raw, arena, ret_value, err);
    case CM_SQL_BYTES: value.kind = CM_VALUE_BYTES; break;
    case CM_SQL_IP: return read_ip(slot, raw, arena, ret_value, err);
    case CM_SQL_TEXT: break;
    }
    *ret_value = value;
    return CM_OK;
}
