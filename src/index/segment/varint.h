/* varint.h - unsigned integers in 1..10 bytes, seven bits each, lowest first (LEB128).
 *
 * Reading never passes `end`: a cut or overlong value marks the reader as failed and gives 0, and so
 * does every later read. A decoder checks `failed` once, where its work ends.
 * Thread: owner. */
#ifndef CM_INDEX_SEGMENT_VARINT_H
#define CM_INDEX_SEGMENT_VARINT_H

#include "base/buf.h"

typedef struct cm_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} cm_reader;

static inline cm_reader cm_reader_of(cm_str bytes) {
    const uint8_t *ptr = (const uint8_t *)bytes.ptr;
    return (cm_reader){ptr, ptr ? ptr + bytes.len : ptr, false};
}

static inline void cm_varint_add(cm_buf *out, uint64_t value) {
    char bytes[10];
    size_t n = 0;
    while (value >= 0x80) {
        bytes[n++] = (char)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (char)value;
    cm_buf_add(out, bytes, n);
}

static inline uint64_t cm_varint_next_long(cm_reader *r) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    r->failed = true;
    r->at = r->end;
    return 0;
}

static inline uint64_t cm_varint_next(cm_reader *r) {
    if (cm_likely(r->at < r->end && *r->at < 0x80)) {
        return *r->at++;
    }
    return cm_varint_next_long(r);
}

/* A value that must fit 32 bits. */
static inline uint32_t cm_varint_next32(cm_reader *r) {
    uint64_t value = cm_varint_next(r);
    if (cm_unlikely(value > UINT32_MAX)) {
        r->failed = true;
        r->at = r->end;
        return 0;
    }
    return (uint32_t)value;
}

static inline cm_str cm_reader_bytes(cm_reader *r, uint64_t len) {
    if (len > (uint64_t)(r->end - r->at)) {
        r->failed = true;
        r->at = r->end;
        return CM_STR_EMPTY;
    }
    cm_str bytes = cm_str_make((const char *)r->at, (size_t)len);
    r->at += len;
    return bytes;
}

#endif
