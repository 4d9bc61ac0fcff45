/* value.c - reading a parameter out of a caller's struct by its generated description, with all that is refused, and
 * writing a column into one. */
#include "store/value.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <arpa/inet.h>
#include <math.h>

static bool is_text(uint8_t type) {
    return type == CM_SQL_TEXT || (type >= CM_SQL_JSON && type <= CM_SQL_TIMES) ||
           type == CM_SQL_IP;
}

static bool is_bytes(uint8_t type) {
    return type == CM_SQL_BYTES || type == CM_SQL_VECTOR;
}

/* PostgreSQL's jsonb cannot hold U+0000; an escaped backslash before "u0000" is no escape. */
static bool json_has_nul(cm_str json) {
    cm_str rest = json;
    for (;;) {
        size_t at = cm_str_find(rest, CM_STR("\\u0000"));
        if (at == SIZE_MAX) {
            return false;
        }
        size_t slashes = 0;
        while (slashes < at && rest.ptr[at - 1 - slashes] == '\\') {
            slashes++;
        }
        if (slashes % 2 == 0) {
            return true;
        }
        rest = cm_str_from_offset(rest, at + 6);
    }
}

static cm_rc check_text(const cm_sql_slot *slot, cm_str text, cm_err *err) {
    if (text.len > CM_STORE_TEXT_MAX) {
        return cm_fail(err, CM_LIMIT, "'%s' has %zu bytes, more than the %zu the database takes",
                       slot->name, text.len, CM_STORE_TEXT_MAX);
    }
    if (text.len != 0 && memchr(text.ptr, 0, text.len) != NULL) {
        return cm_fail(err, CM_INVALID, "'%s' contains a NUL character", slot->name);
    }
    if (!cm_utf8_valid(text)) {
        return cm_fail(err, CM_INVALID, "'%s' is not valid UTF-8", slot->name);
    }
    if (slot->type != CM_SQL_TEXT && slot->type != CM_SQL_IP && json_has_nul(text)) {
        return cm_fail(err, CM_INVALID, "'%s' contains a NUL character", slot->name);
    }
    return CM_OK;
}

static cm_value int_value(int64_t i) {
    return (cm_value){.kind = CM_VALUE_INT, .i = i};
}

static cm_value null_value(void) {
    return (cm_value){.kind = CM_VALUE_NULL};
}

/* The declared default, as the engines would parse it. */
static cm_value fallback_value(const cm_sql_slot *slot) {
    cm_str text = cm_str_from(slot->fallback);
    cm_value value = null_value();
    switch ((enum cm_sql_type)slot->type) {
    case CM_SQL_INT:
        value.kind = cm_str_to_i64(text, &value.i) ? CM_VALUE_INT : CM_VALUE_NULL;
        return value;
    case CM_SQL_REAL:
        value.kind = cm_str_to_f64(text, &value.real) ? CM_VALUE_REAL : CM_VALUE_NULL;
        return value;
    case CM_SQL_BOOL: return int_value(cm_str_eq_c(text, "true"));
    case CM_SQL_TIME: return int_value(cm_clock_wall_ms());
    case CM_SQL_ID:
    case CM_SQL_TEXT:
    case CM_SQL_JSON:
    case CM_SQL_TEXTS:
    case CM_SQL_INTS:
    case CM_SQL_REALS:
    case CM_SQL_TIMES:
    case CM_SQL_VECTOR:
    case CM_SQL_BYTES:
    case CM_SQL_IP: break;
    }
    return (cm_value){.kind = CM_VALUE_TEXT, .str = text};
}

/* Numbers: a cm_opt_* that is not set, or a plain zero with a default, is the default or NULL. */
static cm_value number_value(const cm_sql_slot *slot, const void *at) {
    bool set = true;
    cm_value value = null_value();
    if (slot->type == CM_SQL_REAL) {
        cm_opt_real opt = {.value = 0, .set = true};
        memcpy(&opt, at, slot->opt ? sizeof opt : sizeof opt.value);
        value = (cm_value){.kind = CM_VALUE_REAL, .real = opt.value};
        set = opt.set;
    } else if (slot->type == CM_SQL_BOOL) {
        cm_opt_bool opt = {.value = false, .set = true};
        memcpy(&opt, at, slot->opt ? sizeof opt : sizeof opt.value);
        value = int_value(opt.value);
        set = opt.set;
    } else {
        cm_opt_int opt = {.value = 0, .set = true};
        memcpy(&opt, at, slot->opt ? sizeof opt : sizeof opt.value);
        value = int_value(opt.value);
        set =
            opt.set && (slot->opt || opt.value != 0 ||
                        (slot->fallback == NULL && !(slot->type == CM_SQL_TIME && slot->nullable)));
    }
    if (set) {
        return value;
    }
    return slot->fallback != NULL ? fallback_value(slot) : null_value();
}

/* Floats that compare: one that is not finite would make every distance to it meaningless. */
static cm_rc check_vector(const cm_sql_slot *slot, cm_str bytes, cm_err *err) {
    if (bytes.len == 0 || bytes.len % sizeof(float) != 0) {
        return cm_fail(err, CM_INVALID, "'%s' has %zu bytes, no number of 4-byte floats",
                       slot->name, bytes.len);
    }
    for (size_t i = 0; i < bytes.len / sizeof(float); i++) {
        float value;
        memcpy(&value, bytes.ptr + i * sizeof value, sizeof value);
        if (!isfinite(value)) {
            return cm_fail(err, CM_INVALID, "'%s' is not a finite number at place %zu", slot->name,
                           i);
        }
    }
    return CM_OK;
}

/* An address of either kind, perhaps with "/bits": what PostgreSQL's inet takes. */
static cm_rc check_ip(const cm_sql_slot *slot, cm_str text, cm_err *err) {
    unsigned char bytes[16];
    char address[INET6_ADDRSTRLEN];
    size_t slash = cm_str_find_char(text, '/');
    size_t len = CM_MIN(slash, text.len);
    int family = cm_str_find_char(text, ':') != SIZE_MAX ? AF_INET6 : AF_INET;
    uint64_t bits = 0;
    bool good = len < sizeof address;
    if (good) {
        memcpy(address, text.ptr, len);
        address[len] = '\0';
        good = inet_pton(family, address, bytes) == 1 &&
               (slash == SIZE_MAX || (cm_str_to_u64(cm_str_from_offset(text, slash + 1), &bits) &&
                                      bits <= (family == AF_INET ? 32 : 128)));
    }
    return good ? CM_OK : cm_fail(err, CM_INVALID, "'%s' is no IP address", slot->name);
}

static cm_rc string_value(const cm_sql_slot *slot, const void *at, cm_value *ret_value,
                          cm_err *err) {
    cm_str text;
    memcpy(&text, at, sizeof text);
    if (text.ptr == NULL && slot->fallback != NULL) {
        *ret_value = fallback_value(slot);
        return CM_OK;
    }
    if (text.ptr == NULL && slot->nullable) {
        *ret_value = null_value();
        return CM_OK;
    }
    if (is_bytes(slot->type)) {
        if (text.len > CM_STORE_BYTES_MAX) {
            return cm_fail(err, CM_LIMIT, "'%s' has %zu bytes, more than the %zu allowed",
                           slot->name, text.len, CM_STORE_BYTES_MAX);
        }
        *ret_value = (cm_value){.kind = CM_VALUE_BYTES, .str = text};
        return slot->type == CM_SQL_VECTOR ? check_vector(slot, text, err) : CM_OK;
    }
    cm_rc rc = check_text(slot, text, err);
    if (rc == CM_OK && slot->type == CM_SQL_IP) {
        rc = check_ip(slot, text, err);
    }
    if (rc == CM_OK) {
        *ret_value = (cm_value){.kind = CM_VALUE_TEXT, .str = text};
    }
    return rc;
}

static cm_value id_value(const cm_sql_slot *slot, cm_uuid id) {
    if (cm_uuid_is_nil(&id) && slot->nullable) {
        return null_value();
    }
    return (cm_value){.kind = CM_VALUE_ID, .id = id};
}

static int64_t now_of(const cm_db *db) {
    return db->now_ms != 0 ? db->now_ms : cm_clock_wall_ms();
}

cm_rc cm_value_read(const cm_sql_slot *slot, const void *params, const cm_db *db,
                    cm_value *ret_value, cm_err *err) {
    if (slot->source == CM_SQL_ME) {
        *ret_value = id_value(slot, db->scope == CM_DB_USER ? db->user_id : (cm_uuid){{0}});
        return CM_OK;
    }
    if (slot->source == CM_SQL_NOW) {
        *ret_value = int_value(now_of(db));
        return CM_OK;
    }
    const char *at = (const char *)params + slot->offset;
    if (slot->type == CM_SQL_ID) {
        cm_uuid id;
        memcpy(&id, at, sizeof id);
        *ret_value = id_value(slot, id);
        return CM_OK;
    }
    if (is_text(slot->type) || is_bytes(slot->type)) {
        return string_value(slot, at, ret_value, err);
    }
    cm_value value = number_value(slot, at);
    if (slot->type == CM_SQL_TIME && db->now_ms != 0 && slot->fallback != NULL) {
        int64_t given;
        memcpy(&given, at, sizeof given);
        value =
            int_value(given != 0 ? given : db->now_ms); /* the only default of a time is "now" */
    }
    if (value.kind == CM_VALUE_REAL && !isfinite(value.real)) {
        return cm_fail(err, CM_INVALID, "'%s' is not a finite number", slot->name);
    }
    *ret_value = value;
    return CM_OK;
}

static cm_rc write_string(const cm_sql_slot *slot, const cm_value *value, cm_arena *arena, char *at,
                          cm_err *err) {
    cm_str text = CM_STR_EMPTY;
    if (value->kind != CM_VALUE_NULL) {
        char *copy = cm_arena_try_alloc(arena, value->str.len + 1);
        if (copy == NULL) {
            return cm_fail(err, CM_NOMEM, "no memory for %zu bytes of '%s'", value->str.len,
                           slot->name);
        }
        if (value->str.len != 0) {
            memcpy(copy, value->str.ptr, value->str.len);
        }
        copy[value->str.len] = '\0';
        text = cm_str_make(copy, value->str.len);
    }
    memcpy(at, &text, sizeof text);
    return CM_OK;
}

static void write_number(const cm_sql_slot *slot, const cm_value *value, char *at) {
    bool set = value->kind != CM_VALUE_NULL;
    if (slot->type == CM_SQL_REAL) {
        double real = value->kind == CM_VALUE_INT ? (double)value->i : value->real;
        cm_opt_real opt = {.value = set ? real : 0, .set = set};
        memcpy(at, &opt, slot->opt ? sizeof opt : sizeof opt.value);
    } else if (slot->type == CM_SQL_BOOL) {
        cm_opt_bool opt = {.value = set && value->i != 0, .set = set};
        memcpy(at, &opt, slot->opt ? sizeof opt : sizeof opt.value);
    } else {
        cm_opt_int opt = {.value = set ? value->i : 0, .set = set};
        memcpy(at, &opt, slot->opt ? sizeof opt : sizeof opt.value);
    }
}

cm_rc cm_value_write(const cm_sql_slot *slot, const cm_value *value, cm_arena *arena, void *row,
                     cm_err *err) {
    char *at = (char *)row + slot->offset;
    if (value->kind == CM_VALUE_NULL && !slot->nullable) {
        return cm_fail(err, CM_CORRUPT, "column '%s' is NULL and should never be", slot->name);
    }
    if (slot->type == CM_SQL_ID) {
        memcpy(at, &value->id, sizeof value->id);
        return CM_OK;
    }
    if (is_text(slot->type) || is_bytes(slot->type)) {
        return write_string(slot, value, arena, at, err);
    }
    write_number(slot, value, at);
    return CM_OK;
}

void *cm_params_copy(const cm_query *query, const void *params) {
    size_t size = query->params_size;
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        if (slot->source == CM_SQL_CALLER && (is_text(slot->type) || is_bytes(slot->type))) {
            cm_str text;
            memcpy(&text, (const char *)params + slot->offset, sizeof text);
            size += text.len + 1;
        }
    }
    char *copy = cm_try_alloc(size + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (query->params_size == 0) {
        return copy;
    }
    memcpy(copy, params, query->params_size);
    char *end = copy + query->params_size;
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        if (slot->source != CM_SQL_CALLER || !(is_text(slot->type) || is_bytes(slot->type))) {
            continue;
        }
        cm_str text;
        memcpy(&text, copy + slot->offset, sizeof text);
        if (text.ptr != NULL) {
            memcpy(end, text.ptr, text.len);
            text.ptr = end;
            end += text.len + 1;
            memcpy(copy + slot->offset, &text, sizeof text);
        }
    }
    return copy;
}
