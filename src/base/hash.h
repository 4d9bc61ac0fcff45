/* hash.h - fast hashes (xxHash) and SHA-256 for what must not collide on purpose. Thread: any. */
#ifndef CM_BASE_HASH_H
#define CM_BASE_HASH_H

#include "base/str.h"

typedef struct cm_hash128 {
    uint64_t low;
    uint64_t high;
} cm_hash128;

uint64_t cm_hash64(const void *bytes, size_t len); /* XXH3, seed 0 */
uint64_t cm_hash64_seed(const void *bytes, size_t len, uint64_t seed);
uint64_t cm_hash64_mix(uint64_t a, uint64_t b); /* combines two hashes */
cm_hash128 cm_hash128_of(const void *bytes, size_t len);

#define CM_HASH128_TEXT 33
void cm_hash128_format(cm_hash128 hash, char text[CM_HASH128_TEXT]); /* 32 hex digits */

#define CM_SHA256_TEXT 65
void cm_sha256_hex(const void *bytes, size_t len, char text[CM_SHA256_TEXT]);

#endif
