/* suffix_priv.h - layout of the suffix part; byte table in docs/design/instant.md.
 *
 * All numbers are little-endian, as the machines are that this runs on. Sections follow the header
 * without gaps: tokens (rank * 2 + cm_token.space), positions in sorted order and the line of every
 * CM_SUFFIX_LINE_STEP-th token, each packed; for each document start, number, first line u32; offset
 * of each word and of the end u32; words; zeros up to a multiple of 8. */
#ifndef CM_INDEX_SEGMENT_SUFFIX_PRIV_H
#define CM_INDEX_SEGMENT_SUFFIX_PRIV_H

#include "base/hash.h"

#define SUFFIX_MAGIC      "CMSUFFIX" /* its NUL is cut off */
#define SUFFIX_VERSION    2
#define SUFFIX_TOKENS_MAX (UINT32_C(1) << 30) /* also bounds the words: a token has 32 bits */

struct suffix_header {
    char magic[8];
    uint32_t version;
    uint32_t documents;
    uint32_t tokens;
    uint32_t words;
    uint32_t text_bytes; /* of all words */
    uint32_t max_line;   /* largest number among the packed lines */
    uint64_t len;        /* of the part */
    uint64_t checksum;   /* suffix_checksum */
    uint64_t reserved2[2];
};

_Static_assert(sizeof(struct suffix_header) == 64, "the header has 64 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "parts are little-endian");

/* Numbers of `bits` bits (at most 32) one behind the other, lowest bits first. */
typedef struct suffix_packed {
    const char *bytes;
    uint32_t bits;
} suffix_packed;

/* Bits that hold every number up to `max`. */
static inline uint32_t suffix_bits(uint32_t max) {
    return max == 0 ? 1 : 32 - (uint32_t)__builtin_clz(max);
}

/* A multiple of 8, with a last word that no number reaches, so that each is read with one load. */
static inline uint64_t suffix_packed_len(uint64_t count, uint32_t bits) {
    return (count * bits / 64 + 2) * 8;
}

static inline uint32_t suffix_packed_get(suffix_packed packed, uint64_t index) {
    uint64_t bit = index * packed.bits, word;
    memcpy(&word, packed.bytes + bit / 8, sizeof(word)); /* bits + 7 <= 64 */
    return (uint32_t)(word >> (bit % 8) & ((UINT64_C(1) << packed.bits) - 1));
}

/* XXH3 of all bytes but the checksum itself. */
static inline uint64_t suffix_checksum(const void *bytes, size_t len) {
    const char *part = bytes;
    size_t at = offsetof(struct suffix_header, checksum);
    size_t rest = at + sizeof(uint64_t);
    return cm_hash64_mix(cm_hash64(part, at), cm_hash64(part + rest, len - rest));
}

#endif
