/* secret.c - see secret.h. */
#include "store/secret.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/q/provider_configs.h"
#include "store/q/users.h"

#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>

#define KEY_BYTES   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define KEYS_MAX    64
#define FILE_MAX    CM_KIB(16)

typedef struct key {
    int64_t version;
    uint8_t bytes[KEY_BYTES];
} key;

struct cm_keyring {
    char *path;
    size_t count;
    key keys[KEYS_MAX];
};

/* --- The file --------------------------------------------------------------------------------- */

static bool parse_key(cm_str line, key *ret_key) {
    cm_str version;
    size_t len = 0;
    return cm_str_split(&line, ' ', &version) && cm_str_to_i64(version, &ret_key->version) &&
           ret_key->version > 0 && line.len == KEY_BYTES * 2 &&
           sodium_hex2bin(ret_key->bytes, KEY_BYTES, line.ptr, line.len, NULL, &len, NULL) == 0 &&
           len == KEY_BYTES;
}

static cm_rc parse_keys(cm_keyring *ring, cm_str text, cm_err *err) {
    cm_str line;
    for (int number = 1; cm_str_line(&text, &line); number++) {
        key next;
        bool rises = parse_key(line, &next) &&
                     (ring->count == 0 || next.version > ring->keys[ring->count - 1].version);
        if (!rises || ring->count == KEYS_MAX) {
            return cm_fail(err, CM_CORRUPT,
                           "key file '%s': line %d is no key; restore the file from "
                           "a backup, secrets cannot be read without it",
                           ring->path, number);
        }
        ring->keys[ring->count++] = next;
        sodium_memzero(&next, sizeof next);
    }
    return ring->count != 0 ? CM_OK
                            : cm_fail(err, CM_CORRUPT, "key file '%s' is empty", ring->path);
}

static cm_rc write_keys(const cm_keyring *ring, cm_err *err) {
    cm_buf text;
    cm_buf_init(&text, FILE_MAX);
    for (size_t i = 0; i < ring->count; i++) {
        char hex[KEY_BYTES * 2 + 1];
        sodium_bin2hex(hex, sizeof hex, ring->keys[i].bytes, KEY_BYTES);
        cm_buf_add_f(&text, "%lld %s\n", (long long)ring->keys[i].version, hex);
        sodium_memzero(hex, sizeof hex);
    }
    cm_rc rc = cm_buf_check(&text, err);
    if (rc == CM_OK) {
        rc = cm_file_replace(ring->path, cm_buf_str(&text), 0600, err);
    }
    if (text.ptr != NULL) {
        sodium_memzero(text.ptr, text.len);
    }
    cm_buf_done(&text);
    return rc;
}

static cm_rc read_keys(cm_keyring *ring, const struct stat *info, cm_err *err) {
    if ((info->st_mode & 077) != 0) {
        return cm_fail(err, CM_DENIED, "key file '%s' can be read by others; run chmod 600 on it",
                       ring->path);
    }
    cm_buf text;
    cm_buf_init(&text, FILE_MAX);
    cm_rc rc = cm_file_read(ring->path, FILE_MAX, &text, err);
    if (rc == CM_OK) {
        rc = parse_keys(ring, cm_buf_str(&text), err);
    }
    if (text.ptr != NULL) {
        sodium_memzero(text.ptr, text.len);
    }
    cm_buf_done(&text);
    return rc;
}

cm_rc cm_keyring_open(const char *path, cm_keyring **ret_ring, cm_err *err) {
    if (sodium_init() < 0) {
        return cm_fail(err, CM_INTERNAL, "libsodium does not start");
    }
    cm_keyring *ring = CM_NEW(cm_keyring);
    ring->path = cm_strdup(path);
    struct stat info;
    cm_rc rc;
    if (stat(path, &info) == 0) {
        rc = read_keys(ring, &info, err);
    } else if (errno == ENOENT) {
        rc = cm_keyring_rotate(ring, err);
    } else {
        rc = cm_fail_errno(err, errno, "cannot read key file '%s'", path);
    }
    if (rc != CM_OK) {
        cm_keyring_close(ring);
        return rc;
    }
    *ret_ring = ring;
    return CM_OK;
}

void cm_keyring_close(cm_keyring *ring) {
    if (ring != NULL) {
        cm_free(ring->path);
        sodium_memzero(ring->keys, sizeof ring->keys);
        cm_free(ring);
    }
}

cm_rc cm_keyring_rotate(cm_keyring *ring, cm_err *err) {
    if (ring->count == KEYS_MAX) {
        return cm_fail(err, CM_LIMIT, "key file '%s' holds %d keys; drop old ones first",
                       ring->path, KEYS_MAX);
    }
    key *fresh = &ring->keys[ring->count];
    fresh->version = ring->count == 0 ? 1 : cm_keyring_version(ring) + 1;
    randombytes_buf(fresh->bytes, KEY_BYTES);
    ring->count++;
    cm_rc rc = write_keys(ring, err);
    if (rc != CM_OK) {
        ring->count--;
        sodium_memzero(fresh, sizeof *fresh);
    }
    return rc;
}

int64_t cm_keyring_version(const cm_keyring *ring) {
    return ring->keys[ring->count - 1].version;
}

/* --- Sealing ---------------------------------------------------------------------------------- */

#define BOUND_MAX 128

/* column, NUL, the 16 bytes of the row's id */
static size_t bound_to(const char *column, cm_uuid row, uint8_t out[BOUND_MAX]) {
    size_t len = strlen(column) + 1;
    cm_assert(len + sizeof row.bytes <= BOUND_MAX);
    memcpy(out, column, len);
    memcpy(out + len, row.bytes, sizeof row.bytes);
    return len + sizeof row.bytes;
}

cm_rc cm_secret_seal(const cm_keyring *ring, const char *column, cm_uuid row, cm_str plain,
                     cm_arena *arena, cm_sealed *ret_sealed, cm_err *err) {
    const key *k = &ring->keys[ring->count - 1];
    uint8_t bound[BOUND_MAX];
    size_t bound_len = bound_to(column, row, bound);
    uint8_t *nonce = cm_arena_try_alloc(arena, NONCE_BYTES);
    uint8_t *out = cm_arena_try_alloc(arena, plain.len + TAG_BYTES);
    if (nonce == NULL || out == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory to seal a secret");
    }
    randombytes_buf(nonce, NONCE_BYTES);
    unsigned long long len = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, &len, (const uint8_t *)plain.ptr, plain.len,
                                               bound, bound_len, NULL, nonce, k->bytes);
    *ret_sealed = (cm_sealed){.ciphertext = cm_str_make((const char *)out, (size_t)len),
                              .nonce = cm_str_make((const char *)nonce, NONCE_BYTES),
                              .key_version = k->version};
    return CM_OK;
}

static const key *find_key(const cm_keyring *ring, int64_t version) {
    for (size_t i = 0; i < ring->count; i++) {
        if (ring->keys[i].version == version) {
            return &ring->keys[i];
        }
    }
    return NULL;
}

cm_rc cm_secret_open(const cm_keyring *ring, const char *column, cm_uuid row,
                     const cm_sealed *sealed, cm_arena *arena, cm_str *ret_plain, cm_err *err) {
    const key *k = find_key(ring, sealed->key_version);
    if (k == NULL) {
        return cm_fail(err, CM_CORRUPT, "a secret of '%s' needs key %lld, which is not in '%s'",
                       column, (long long)sealed->key_version, ring->path);
    }
    uint8_t bound[BOUND_MAX];
    size_t bound_len = bound_to(column, row, bound);
    if (sealed->nonce.len != NONCE_BYTES || sealed->ciphertext.len < TAG_BYTES) {
        return cm_fail(err, CM_CORRUPT, "a secret of '%s' is cut short", column);
    }
    uint8_t *out = cm_arena_try_alloc(arena, sealed->ciphertext.len);
    if (out == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory to open a secret");
    }
    unsigned long long len = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            out, &len, NULL, (const uint8_t *)sealed->ciphertext.ptr, sealed->ciphertext.len, bound,
            bound_len, (const uint8_t *)sealed->nonce.ptr, k->bytes) != 0) {
        return cm_fail(err, CM_CORRUPT, "a secret of '%s' was changed, or belongs to another row",
                       column);
    }
    *ret_plain = cm_str_make((const char *)out, (size_t)len);
    return CM_OK;
}

void cm_keyring_mac(const cm_keyring *ring, const char *purpose, cm_str message,
                    uint8_t ret_mac[32]) {
    char context[crypto_kdf_CONTEXTBYTES] = {0};
    cm_assert(strlen(purpose) <= sizeof context);
    memcpy(context, purpose, strlen(purpose));
    uint8_t derived[crypto_auth_hmacsha256_KEYBYTES];
    crypto_kdf_derive_from_key(derived, sizeof derived, 1, context, ring->keys[0].bytes);
    crypto_auth_hmacsha256(ret_mac, (const uint8_t *)message.ptr, message.len, derived);
    sodium_memzero(derived, sizeof derived);
}

/* --- Sealing again after a rotation ------------------------------------------------------------ */

static cm_rc again(const cm_keyring *ring, const char *column, cm_uuid row, cm_str *ciphertext,
                   cm_str *nonce, int64_t *version, cm_arena *arena, cm_err *err) {
    cm_sealed old = {*ciphertext, *nonce, *version};
    cm_sealed fresh;
    cm_str plain;
    cm_rc rc = cm_secret_open(ring, column, row, &old, arena, &plain, err);
    if (rc == CM_OK) {
        rc = cm_secret_seal(ring, column, row, plain, arena, &fresh, err);
    }
    if (rc == CM_OK) {
        *ciphertext = fresh.ciphertext;
        *nonce = fresh.nonce;
        *version = fresh.key_version;
    }
    return rc;
}

typedef struct reseal {
    const cm_keyring *ring;
    cm_arena *arena;
    uint64_t count;
} reseal;

static cm_rc reseal_providers(const cm_db *db, void *argument, cm_err *err) {
    reseal *r = argument;
    cm_q_provider_configs_list_in page = {.limit = 100};
    const cm_row_provider_configs *rows;
    size_t count;
    do {
        cm_rc rc = cm_q_provider_configs_list(db, &page, r->arena, &rows, &count, err);
        for (size_t i = 0; rc == CM_OK && i < count; i++) {
            cm_row_provider_configs row = rows[i];
            page.after_id = row.id;
            if (row.api_key_ciphertext.ptr == NULL ||
                row.key_version == cm_keyring_version(r->ring)) {
                continue;
            }
            rc = again(r->ring, "provider_configs.api_key", row.id, &row.api_key_ciphertext,
                       &row.api_key_nonce, &row.key_version, r->arena, err);
            if (rc == CM_OK) {
                rc = cm_q_provider_configs_update(db, &row, err);
            }
            r->count++;
        }
        if (rc != CM_OK) {
            return rc;
        }
    } while (count != 0);
    return CM_OK;
}

static cm_rc reseal_users(const cm_db *db, void *argument, cm_err *err) {
    reseal *r = argument;
    cm_q_users_list_in page = {.limit = 100};
    const cm_row_users *rows;
    size_t count;
    do {
        cm_rc rc = cm_q_users_list(db, &page, r->arena, &rows, &count, err);
        for (size_t i = 0; rc == CM_OK && i < count; i++) {
            cm_row_users row = rows[i];
            page.after_id = row.id;
            if (row.otp_ciphertext.ptr == NULL ||
                row.otp_key_version.value == cm_keyring_version(r->ring)) {
                continue;
            }
            row.otp_key_version.set = true;
            rc = again(r->ring, "users.otp", row.id, &row.otp_ciphertext, &row.otp_nonce,
                       &row.otp_key_version.value, r->arena, err);
            if (rc == CM_OK) {
                rc = cm_q_users_update(db, &row, err);
            }
            r->count++;
        }
        if (rc != CM_OK) {
            return rc;
        }
    } while (count != 0);
    return CM_OK;
}

cm_rc cm_secret_reseal(cm_store *store, const cm_keyring *ring, uint64_t *ret_count, cm_err *err) {
    cm_tx_fn *const steps[] = {reseal_providers, reseal_users};
    cm_db db = cm_store_system(store);
    uint64_t count = 0;
    for (size_t i = 0; i < CM_COUNT(steps); i++) {
        reseal r = {.ring = ring, .arena = cm_arena_new(0)};
        cm_rc rc = cm_db_write(&db, CM_FULL, steps[i], &r, err);
        cm_arena_free(r.arena);
        if (rc != CM_OK) {
            return rc;
        }
        count += r.count;
    }
    *ret_count = count;
    return CM_OK;
}
