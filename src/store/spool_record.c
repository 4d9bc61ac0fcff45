/* spool_record.c - one posted write as bytes, and back. */
#include "store/spool_priv.h"

#include "base/hash.h"
#include "base/mem.h"

enum value_kind { TEXT = 's', ID = 'u', NUMBER = 'n', REAL = 'r', BOOL = 'b' };

static enum value_kind kind_of(const cm_sql_slot *slot) {
    switch (slot->type) {
    case CM_SQL_ID: return ID;
    case CM_SQL_INT:
    case CM_SQL_TIME: return NUMBER;
    case CM_SQL_REAL: return REAL;
    case CM_SQL_BOOL: return BOOL;
    default: return TEXT;
    }
}

/* --- Writing -------------------------------------------------------------------------------- */

static void add_u32(cm_buf *out, uint32_t value) {
    cm_buf_add(out, &value, sizeof value);
}

static void add_u64(cm_buf *out, uint64_t value) {
    cm_buf_add(out, &value, sizeof value);
}

static void add_name(cm_buf *out, const char *name) {
    size_t len = strlen(name);
    cm_buf_add_char(out, (char)CM_MIN(len, 255));
    cm_buf_add(out, name, CM_MIN(len, 255));
}

static void add_value(cm_buf *out, const cm_sql_slot *slot, const void *bytes, size_t len) {
    add_name(out, slot->name);
    cm_buf_add_char(out, (char)kind_of(slot));
    add_u32(out, (uint32_t)len);
    cm_buf_add(out, bytes, len);
}

/* A zero in the struct means what it means there: it needs no value. */
static void add_param(cm_buf *out, const cm_sql_slot *slot, const char *at) {
    cm_str text;
    cm_uuid id;
    cm_opt_int number = {.set = true};
    cm_opt_real real = {.set = true};
    cm_opt_bool flag = {.set = true};
    switch (kind_of(slot)) {
    case TEXT:
        memcpy(&text, at, sizeof text);
        if (text.ptr != NULL) {
            add_value(out, slot, text.ptr, text.len);
        }
        return;
    case ID:
        memcpy(&id, at, sizeof id);
        if (!cm_uuid_is_nil(&id)) {
            add_value(out, slot, &id, sizeof id);
        }
        return;
    case NUMBER:
        memcpy(&number, at, slot->opt ? sizeof number : sizeof number.value);
        if (number.set) {
            add_value(out, slot, &number.value, sizeof number.value);
        }
        return;
    case REAL:
        memcpy(&real, at, slot->opt ? sizeof real : sizeof real.value);
        if (real.set) {
            add_value(out, slot, &real.value, sizeof real.value);
        }
        return;
    case BOOL:
        memcpy(&flag, at, slot->opt ? sizeof flag : sizeof flag.value);
        if (flag.set) {
            add_value(out, slot, &flag.value, 1);
        }
        return;
    }
}

cm_rc cm_spool_encode(const cm_spool_write *write, cm_buf *out, cm_err *err) {
    cm_buf body;
    cm_buf_init(&body, CM_SPOOL_RECORD_MAX);
    cm_buf_add_char(&body, (char)write->scope);
    cm_buf_add(&body, &write->user_id, sizeof write->user_id);
    add_u64(&body, (uint64_t)write->now_ms);
    add_name(&body, write->query->name);
    for (size_t i = 0; i < write->query->param_count; i++) {
        const cm_sql_slot *slot = &write->query->params[i];
        if (slot->source == CM_SQL_CALLER) {
            add_param(&body, slot, (const char *)write->params + slot->offset);
        }
    }
    cm_str bytes = cm_buf_str(&body);
    cm_rc rc = cm_buf_check(&body, err);
    if (rc == CM_OK) {
        add_u32(out, (uint32_t)bytes.len);
        add_u64(out, write->number);
        add_u64(out, cm_hash64_seed(bytes.ptr, bytes.len, write->number));
        cm_buf_add_str(out, bytes);
    }
    cm_buf_done(&body);
    return rc;
}

/* --- Reading -------------------------------------------------------------------------------- */

static bool take(cm_str *rest, void *to, size_t len) {
    if (rest->len < len) {
        return false;
    }
    memcpy(to, rest->ptr, len);
    *rest = cm_str_from_offset(*rest, len);
    return true;
}

static bool take_str(cm_str *rest, size_t len, cm_str *ret_text) {
    if (rest->len < len) {
        return false;
    }
    *ret_text = cm_str_sub(*rest, 0, len);
    *rest = cm_str_from_offset(*rest, len);
    return true;
}

static bool take_name(cm_str *rest, cm_str *ret_name) {
    uint8_t len;
    return take(rest, &len, 1) && take_str(rest, len, ret_name);
}

static const cm_query *query_named(cm_str name) {
    for (size_t i = 0; i < cm_query_count; i++) {
        if (cm_str_eq_c(name, cm_queries[i]->name)) {
            return cm_queries[i];
        }
    }
    return NULL;
}

static const cm_sql_slot *slot_named(const cm_query *query, cm_str name) {
    for (size_t i = 0; i < query->param_count; i++) {
        if (query->params[i].source == CM_SQL_CALLER && cm_str_eq_c(name, query->params[i].name)) {
            return &query->params[i];
        }
    }
    return NULL;
}

static bool put_text(cm_str bytes, cm_arena *arena, char *at) {
    char *copy = cm_arena_try_alloc(arena, bytes.len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, bytes.len != 0 ? bytes.ptr : "", bytes.len);
    copy[bytes.len] = '\0';
    cm_str text = cm_str_make(copy, bytes.len);
    memcpy(at, &text, sizeof text);
    return true;
}

/* False when the value does not fit its column. */
static bool put_value(const cm_sql_slot *slot, cm_str bytes, cm_arena *arena, char *at) {
    cm_opt_int number = {.set = true};
    cm_opt_real real = {.set = true};
    cm_opt_bool flag = {.set = true};
    switch (kind_of(slot)) {
    case TEXT: return put_text(bytes, arena, at);
    case ID: return bytes.len == sizeof(cm_uuid) && memcpy(at, bytes.ptr, sizeof(cm_uuid)) != NULL;
    case NUMBER:
        if (!take(&bytes, &number.value, sizeof number.value) || bytes.len != 0) {
            return false;
        }
        memcpy(at, &number, slot->opt ? sizeof number : sizeof number.value);
        return true;
    case REAL:
        if (!take(&bytes, &real.value, sizeof real.value) || bytes.len != 0) {
            return false;
        }
        memcpy(at, &real, slot->opt ? sizeof real : sizeof real.value);
        return true;
    case BOOL:
        if (bytes.len != 1) {
            return false;
        }
        flag.value = bytes.ptr[0] != 0;
        memcpy(at, &flag, slot->opt ? sizeof flag : sizeof flag.value);
        return true;
    }
    return false;
}

static cm_rc read_params(cm_str rest, const cm_query *query, cm_arena *arena, char *params,
                         cm_err *err) {
    while (rest.len > 0) {
        cm_str name, bytes;
        uint8_t kind;
        uint32_t len;
        if (!take_name(&rest, &name) || !take(&rest, &kind, 1) || !take(&rest, &len, sizeof len) ||
            !take_str(&rest, len, &bytes)) {
            return cm_fail(err, CM_CORRUPT, "a spooled '%s' ends early", query->name);
        }
        const cm_sql_slot *slot = slot_named(query, name);
        if (slot == NULL) {
            continue; /* of an earlier version */
        }
        if (kind != (uint8_t)kind_of(slot) ||
            !put_value(slot, bytes, arena, params + slot->offset)) {
            return cm_fail(err, CM_CORRUPT, "a spooled '%s' has another '%s'", query->name,
                           slot->name);
        }
    }
    return CM_OK;
}

cm_rc cm_spool_decode(cm_str record, cm_arena *arena, cm_spool_write *ret_write, cm_err *err) {
    uint32_t len;
    uint64_t hash, now;
    uint8_t scope;
    cm_str name;
    cm_spool_write write = {0};
    if (!take(&record, &len, sizeof len) || !take(&record, &write.number, sizeof write.number) ||
        !take(&record, &hash, sizeof hash) || !take(&record, &scope, 1) || scope > CM_DB_SYSTEM ||
        !take(&record, &write.user_id, sizeof write.user_id) || !take(&record, &now, sizeof now) ||
        !take_name(&record, &name)) {
        return cm_fail(err, CM_CORRUPT, "a spooled write is none");
    }
    write.scope = (enum cm_db_scope)scope;
    write.now_ms = (int64_t)now;
    write.query = query_named(name);
    if (write.query == NULL || write.query->read_only) {
        return cm_fail(err, CM_NOT_FOUND,
                       "a spooled write wants '" CM_STR_FMT "', which is no more",
                       CM_STR_ARG(name));
    }
    char *params = cm_arena_try_calloc(arena, 1, write.query->params_size + 1);
    if (params == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for a spooled '%s'", write.query->name);
    }
    write.params = params;
    cm_rc rc = read_params(record, write.query, arena, params, err);
    if (rc == CM_OK) {
        *ret_write = write;
    }
    return rc;
}
