/* audit.c - see audit.h. */
#include "store/maintenance/audit.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/q/audit_logs.h"
#include "store/store_priv.h"

#include <arpa/inet.h>
#include <endian.h>
#include <sodium.h>

#define HASH_BYTES 32

/* --- Hashing ---------------------------------------------------------------------------------- */

static void add_part(cm_buf *out, cm_str part) {
    uint64_t len = htole64(part.len);
    cm_buf_add(out, &len, sizeof len);
    cm_buf_add_str(out, part);
}

/* JSON comes back from PostgreSQL with other white space and order: the MAC is over the canonical form. */
static void add_json(cm_buf *out, cm_str text) {
    json_t *value = NULL;
    char *canonical = NULL;
    if (cm_json_parse(text, &value, NULL) == CM_OK) {
        canonical = json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    }
    add_part(out, canonical != NULL ? cm_str_from(canonical) : text);
    free(canonical);
    json_decref(value);
}

static cm_rc personal_mac(const cm_keyring *ring, const cm_row_audit_logs *row,
                          uint8_t ret_mac[HASH_BYTES], cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_MIB(32));
    add_part(&text, cm_str_make((const char *)row->user_id.bytes, sizeof row->user_id.bytes));
    add_part(&text, row->ip_address);
    add_json(&text, row->details);
    cm_rc rc = cm_buf_check(&text, err);
    if (rc == CM_OK) {
        cm_keyring_mac(ring, "audit", cm_buf_str(&text), ret_mac);
    }
    return rc;
}

static cm_rc entry_hash(const cm_row_audit_logs *row, uint8_t ret_hash[HASH_BYTES], cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_MIB(32));
    int64_t numbers[2] = {(int64_t)htole64((uint64_t)row->seq),
                          (int64_t)htole64((uint64_t)row->created_at)};
    add_part(&text, row->prev_hash);
    add_part(&text, cm_str_make((const char *)numbers, sizeof numbers));
    add_part(&text, row->actor_type);
    add_part(&text, row->action);
    add_part(&text, row->entity_type);
    add_part(&text, row->entity_id);
    add_part(&text, row->personal_mac);
    cm_rc rc = cm_buf_check(&text, err);
    if (rc == CM_OK) {
        crypto_hash_sha256(ret_hash, (const uint8_t *)cm_buf_c(&text), text.len);
    }
    return rc;
}

/* --- Adding ----------------------------------------------------------------------------------- */

/* "::0:1" and "::1" are one address; PostgreSQL gives the short form back. */
static cm_rc normal_ip(cm_str text, cm_arena *arena, cm_str *ret_ip, cm_err *err) {
    if (text.len == 0) {
        *ret_ip = CM_STR_EMPTY;
        return CM_OK;
    }
    uint8_t bytes[16];
    char out[INET6_ADDRSTRLEN];
    const char *c = cm_arena_c(arena, text);
    int family = cm_str_find_char(text, ':') != SIZE_MAX ? AF_INET6 : AF_INET;
    if (inet_pton(family, c, bytes) != 1 || inet_ntop(family, bytes, out, sizeof out) == NULL) {
        return cm_fail(err, CM_INVALID, "'%s' is no address", c);
    }
    *ret_ip = cm_arena_str(arena, cm_str_from(out));
    return CM_OK;
}

static cm_str or_null(cm_str text) {
    return text.len != 0 ? text : CM_STR_EMPTY;
}

typedef struct addition {
    const cm_keyring *ring;
    const cm_audit_entry *entry;
} addition;

static cm_rc fill_row(const addition *a, cm_row_audit_logs *row, uint8_t mac[HASH_BYTES],
                      uint8_t hash[HASH_BYTES], cm_arena *arena, cm_err *err) {
    const cm_audit_entry *e = a->entry;
    row->id = cm_uuid_v7();
    row->user_id = e->user_id;
    row->actor_type = e->actor_type.len != 0 ? e->actor_type : CM_STR("user");
    row->action = e->action;
    row->entity_type = or_null(e->entity_type);
    row->entity_id = or_null(e->entity_id);
    row->details = e->details.len != 0 ? e->details : CM_STR("{}");
    row->created_at = cm_clock_wall_ms();
    cm_rc rc = normal_ip(e->ip_address, arena, &row->ip_address, err);
    if (rc == CM_OK) {
        rc = personal_mac(a->ring, row, mac, err);
    }
    row->personal_mac = cm_str_make((const char *)mac, HASH_BYTES);
    if (rc == CM_OK) {
        rc = entry_hash(row, hash, err);
    }
    row->hash = cm_str_make((const char *)hash, HASH_BYTES);
    return rc;
}

static cm_rc add(const cm_db *db, void *argument, cm_err *err) {
    static const char first_hash[HASH_BYTES] = {0};
    const addition *a = argument;
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_audit_logs_lock_row held;
    cm_row_audit_logs last = {0};
    cm_rc rc = cm_q_audit_logs_lock(db, arena, &held, err);
    if (rc == CM_OK) {
        rc = cm_q_audit_logs_last(db, arena, &last, err);
    }
    if (rc != CM_OK && rc != CM_NOT_FOUND) {
        return rc;
    }
    cm_row_audit_logs row = {.seq = last.seq + 1,
                             .prev_hash =
                                 rc == CM_OK ? last.hash : cm_str_make(first_hash, HASH_BYTES)};
    uint8_t mac[HASH_BYTES];
    uint8_t hash[HASH_BYTES];
    rc = fill_row(a, &row, mac, hash, arena, err);
    return rc == CM_OK ? cm_q_audit_logs_import(db, &row, NULL, err) : rc;
}

cm_rc cm_audit_add(const cm_db *db, const cm_keyring *ring, const cm_audit_entry *entry,
                   cm_err *err) {
    addition a = {ring, entry};
    cm_db system = *db;
    system.scope = CM_DB_SYSTEM;
    if (db->tx == NULL || db->scope == CM_DB_SYSTEM) {
        return cm_db_write(&system, CM_FULL, add, &a, err);
    }
    /* The caller's transaction is a person's: the system writes one row in it and steps back. */
    const cm_backend_ops *ops = db->store->ops;
    cm_rc rc = ops->ask_as(db->tx, &system, err);
    if (rc == CM_OK) {
        rc = cm_db_write(&system, CM_FULL, add, &a, err);
        cm_err second;
        cm_rc back = ops->ask_as(db->tx, db, &second);
        if (rc == CM_OK && back != CM_OK) {
            rc = cm_fail(err, back, "%s", second.text);
        }
    }
    return rc;
}

/* --- Verifying -------------------------------------------------------------------------------- */

static bool is_same(cm_str stored, const uint8_t computed[HASH_BYTES]) {
    return stored.len == HASH_BYTES && memcmp(stored.ptr, computed, HASH_BYTES) == 0;
}

static cm_rc check(const cm_keyring *ring, const cm_row_audit_logs *row, bool first,
                   const uint8_t previous[HASH_BYTES], int64_t previous_seq,
                   uint8_t ret_hash[HASH_BYTES], cm_err *err) {
    uint8_t mac[HASH_BYTES];
    bool anonymous = cm_uuid_is_nil(&row->user_id) && cm_str_eq_c(row->details, "{}") &&
                     row->ip_address.ptr == NULL;
    cm_rc rc = entry_hash(row, ret_hash, err);
    if (rc == CM_OK && !anonymous) {
        rc = personal_mac(ring, row, mac, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    const char *fault = !is_same(row->hash, ret_hash)                    ? "was changed"
                        : !anonymous && !is_same(row->personal_mac, mac) ? "names somebody else now"
                        : !first && row->seq != previous_seq + 1         ? "follows a gap"
                        : !first && !is_same(row->prev_hash, previous)
                            ? "does not fit the one before"
                            : NULL;
    return fault == NULL
               ? CM_OK
               : cm_fail(err, CM_CORRUPT, "audit entry %lld %s", (long long)row->seq, fault);
}

cm_rc cm_audit_verify(cm_store *store, const cm_keyring *ring, uint64_t *ret_entries, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_system(store);
    cm_q_audit_logs_chain_in page = {.after_seq = INT64_MIN};
    uint8_t previous[HASH_BYTES] = {0};
    uint64_t entries = 0;
    for (;;) {
        const cm_row_audit_logs *rows;
        size_t count;
        cm_arena_clear(arena);
        cm_rc rc = cm_q_audit_logs_chain(&db, &page, arena, &rows, &count, err);
        for (size_t i = 0; rc == CM_OK && i < count; i++) {
            uint8_t hash[HASH_BYTES];
            rc = check(ring, &rows[i], entries == 0, previous, page.after_seq, hash, err);
            memcpy(previous, hash, sizeof previous);
            page.after_seq = rows[i].seq;
            entries++;
        }
        if (rc != CM_OK) {
            return rc;
        }
        if (count == 0) {
            *ret_entries = entries;
            return CM_OK;
        }
    }
}
