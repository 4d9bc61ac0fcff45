/* suffix_priv.h - layout of the suffix part; byte table in docs/design/instant.md.
 *
 * All numbers are little-endian, as the machines are that this runs on. Sections follow the header
 * without gaps: tokens u32 (bit 31: cm_token.space; else rank), positions u32 in sorted order, line of
 * every CM_SUFFIX_LINE_STEP-th token u32; for each document start, number, first line u32; offset of
 * each word and of the end u32; words; zeros up to a multiple of 8. */
#ifndef CM_INDEX_SUFFIX_PRIV_H
#define CM_INDEX_SUFFIX_PRIV_H

#include "base/hash.h"

#define SUFFIX_MAGIC   "CMSUFFIX" /* its NUL is cut off */
#define SUFFIX_VERSION 1
#define SUFFIX_SPACE   (UINT32_C(1) << 31)

struct suffix_header {
    char magic[8];
    uint32_t version;
    uint32_t documents;
    uint32_t tokens;
    uint32_t words;
    uint32_t text_bytes; /* of all words */
    uint32_t reserved;   /* 0 */
    uint64_t len;        /* of the part */
    uint64_t checksum;   /* suffix_checksum */
    uint64_t reserved2[2];
};

_Static_assert(sizeof(struct suffix_header) == 64, "the header has 64 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "parts are little-endian");

/* XXH3 of all bytes but the checksum itself. */
static inline uint64_t suffix_checksum(const void *bytes, size_t len) {
    const char *part = bytes;
    size_t at = offsetof(struct suffix_header, checksum);
    size_t rest = at + sizeof(uint64_t);
    return cm_hash64_mix(cm_hash64(part, at), cm_hash64(part + rest, len - rest));
}

#endif
