/* cursor.c - "<last>.<hours since 1970, hex>.<hash, hex>". See cursor.h. */
#include "base/base.h"

#include <inttypes.h>
#include <sys/auxv.h>

#include "api/cursor.h"
#include "base/clock.h"
#include "base/hash.h"

#define VALID_HOURS 24

/* 16 random bytes the kernel gives every process at its start. */
static uint64_t process_key(void) {
    uint64_t key = 0;
    const void *bytes = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    if (bytes != NULL) {
        memcpy(&key, bytes, sizeof(key));
    }
    return key;
}

static uint64_t seal(cm_str last, uint64_t hours, const char *op) {
    uint64_t hash = cm_hash64_seed(last.ptr, last.len, process_key());
    return cm_hash64_mix(cm_hash64_mix(hash, hours), cm_hash64_seed(op, strlen(op), hash));
}

static uint64_t hours_now(void) {
    return (uint64_t)cm_clock_wall_ms() / 3600000;
}

cm_str cm_cursor_make(cm_str last, const char *op, cm_arena *arena) {
    uint64_t hours = hours_now();
    return cm_arena_fmt(arena, CM_STR_FMT ".%" PRIx64 ".%016" PRIx64, CM_STR_ARG(last), hours,
                        seal(last, hours, op));
}

static bool hex(cm_str text, uint64_t *ret_value) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = cm_to_lower(text.ptr[i]);
        if (!cm_is_digit(c) && (c < 'a' || c > 'f')) {
            return false;
        }
        value = value << 4 | (uint64_t)(cm_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *ret_value = value;
    return text.len > 0 && text.len <= 16;
}

cm_rc cm_cursor_read(cm_str cursor, const char *op, cm_str *ret_last, cm_err *err) {
    cm_str rest = cursor, last, hours_text, hash_text;
    uint64_t hours, hash;
    bool whole = cm_str_split(&rest, '.', &last) && cm_str_split(&rest, '.', &hours_text) &&
                 cm_str_split(&rest, '.', &hash_text) && rest.len == 0;
    if (!whole || last.len == 0 || !hex(hours_text, &hours) || !hex(hash_text, &hash)) {
        return cm_fail(err, CM_INVALID_CURSOR, "this is no cursor of a page");
    }
    if (hash != seal(last, hours, op) || hours + VALID_HOURS < hours_now()) {
        return cm_fail(err, CM_INVALID_CURSOR,
                       "the cursor is of another list or too old; start from the first page");
    }
    *ret_last = last;
    return CM_OK;
}

cm_rc cm_cursor_read_id(cm_str cursor, const char *op, cm_uuid *ret_last, cm_err *err) {
    cm_str last;
    cm_uuid id;
    if (cursor.len == 0) {
        return CM_OK;
    }
    cm_rc rc = cm_cursor_read(cursor, op, &last, err);
    if (rc == CM_OK && !cm_uuid_parse(last, &id)) {
        rc = cm_fail(err, CM_INVALID_CURSOR, "the cursor is of another list");
    }
    if (rc == CM_OK) {
        *ret_last = id;
    }
    return rc;
}
