/* hash.c - xxHash and OpenSSL's SHA-256 behind our types, and how their values are written in hex. */
#include "base/hash.h"

#define XXH_INLINE_ALL /* keys of maps are short: the call costs more than the hash */
#include <openssl/sha.h>
#include <xxhash.h>

static const char hex_digits[] = "0123456789abcdef";

uint64_t cm_hash64(const void *bytes, size_t len) {
    return XXH3_64bits(bytes, len);
}

uint64_t cm_hash64_seed(const void *bytes, size_t len, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, len, seed);
}

/* Not commutative, so that (a, b) and (b, a) differ. Constants and final steps of SplitMix64. */
uint64_t cm_hash64_mix(uint64_t a, uint64_t b) {
    uint64_t x = a * 0x9e3779b97f4a7c15u + b;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

cm_hash128 cm_hash128_of(const void *bytes, size_t len) {
    XXH128_hash_t hash = XXH3_128bits(bytes, len);
    return (cm_hash128){.low = hash.low64, .high = hash.high64};
}

static void put_hex(const uint8_t *bytes, size_t len, char *text) {
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = hex_digits[bytes[i] >> 4];
        text[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

void cm_hash128_format(cm_hash128 hash, char text[CM_HASH128_TEXT]) {
    XXH128_canonical_t bytes; /* big-endian, as xxhsum prints it */
    XXH128_canonicalFromHash(&bytes, (XXH128_hash_t){.low64 = hash.low, .high64 = hash.high});
    put_hex(bytes.digest, sizeof(bytes.digest), text);
}

void cm_sha256_hex(const void *bytes, size_t len, char text[CM_SHA256_TEXT]) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(bytes, len, digest);
    put_hex(digest, sizeof(digest), text);
}
