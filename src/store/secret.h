/* secret.h - secrets in rows: sealed under a server key, bound to their row.
 *
 * XChaCha20-Poly1305 (libsodium): 256-bit key, 192-bit random nonce. The associated data is the column's
 * name and the row's id, so a sealed value moved to another row or column does not open. Keys live in a
 * file of their own (0600), one a line, so a stolen database alone opens nothing; the newest one seals,
 * all open, and rotating means a new line, sealing again, and later dropping the old line.
 *
 *     keys file, text:   <version, decimal> SP <64 hex digits> LF     versions rise
 *
 * Thread: any, after open. */
#ifndef CM_STORE_SECRET_H
#define CM_STORE_SECRET_H

#include "store/store.h"

typedef struct cm_keyring cm_keyring;

/* Reads `path`, or makes it with a fresh key. CM_CORRUPT names a bad line, CM_DENIED a file that others
 * may read. */
cm_rc cm_keyring_open(const char *path, cm_keyring **ret_ring, cm_err *err) cm_must_check;
void cm_keyring_close(cm_keyring *ring); /* wipes; NULL is allowed */
/* Adds a key that seals from now on; written and synced before it is used. */
cm_rc cm_keyring_rotate(cm_keyring *ring, cm_err *err) cm_must_check;
int64_t cm_keyring_version(const cm_keyring *ring); /* of the key that seals */

typedef struct cm_sealed {
    cm_str ciphertext; /* plaintext + 16 bytes */
    cm_str nonce;      /* 24 bytes */
    int64_t key_version;
} cm_sealed;

/* `column` is "provider_configs.api_key". The result lives in `arena`. */
cm_rc cm_secret_seal(const cm_keyring *ring, const char *column, cm_uuid row, cm_str plain,
                     cm_arena *arena, cm_sealed *ret_sealed, cm_err *err) cm_must_check;
/* CM_CORRUPT when it was not sealed for this column and row by a key we have. */
cm_rc cm_secret_open(const cm_keyring *ring, const char *column, cm_uuid row,
                     const cm_sealed *sealed, cm_arena *arena, cm_str *ret_plain,
                     cm_err *err) cm_must_check;
/* HMAC-SHA-256 under a key derived from the oldest one, for `purpose` (at most 8 characters): values
 * that must stay comparable over rotations. */
void cm_keyring_mac(const cm_keyring *ring, const char *purpose, cm_str message,
                    uint8_t ret_mac[32]);

/* Seals every secret of the database again that an older key holds; `*ret_count` rows. */
cm_rc cm_secret_reseal(cm_store *store, const cm_keyring *ring, uint64_t *ret_count,
                       cm_err *err) cm_must_check;

#endif
