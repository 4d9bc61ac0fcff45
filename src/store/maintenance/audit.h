/* audit.h - the log of security-relevant actions: append-only, each entry chained to the one before.
 *
 *     hash = SHA-256(prev_hash, seq, created_at, actor_type, action, entity_type, entity_id, personal_mac)
 *     personal_mac = HMAC-SHA-256(audit key; user_id, ip_address, details)
 *
 * each part preceded by its length. What names a person enters the chain only as a MAC, so erasing a
 * person (user, address and details emptied) leaves the chain whole; whoever changes, removes or reorders
 * entries without the key breaks it at that place. The chain starts at the oldest month kept.
 *
 * Thread: any that may block. */
#ifndef CM_STORE_MAINTENANCE_AUDIT_H
#define CM_STORE_MAINTENANCE_AUDIT_H

#include "store/secret.h"

typedef struct cm_audit_entry {
    cm_uuid user_id;    /* nil = nobody */
    cm_str actor_type;  /* "user", "api_key", "system", "admin"; empty = user */
    cm_str action;      /* "login", "key.create" */
    cm_str entity_type; /* may be empty */
    cm_str entity_id;
    cm_str ip_address;
    cm_str details; /* JSON; empty = {} */
} cm_audit_entry;

/* Inside a transaction of the caller it commits with it. */
cm_rc cm_audit_add(const cm_db *db, const cm_keyring *ring, const cm_audit_entry *entry,
                   cm_err *err) cm_must_check;
/* Walks the whole chain. CM_CORRUPT names the first entry that does not fit. */
cm_rc cm_audit_verify(cm_store *store, const cm_keyring *ring, uint64_t *ret_entries,
                      cm_err *err) cm_must_check;

#endif
