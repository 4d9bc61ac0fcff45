/* postings.c - writing a word's list with its pairs for skipping, and a cursor that uses them. */
#include "index/segment/postings.h"

#define BLOCK 128

static unsigned two_bits(uint32_t value) {
    return value < 3 ? value : 3;
}

static void write_entry(const cm_posting *p, uint32_t delta, cm_buf *out) {
    bool once = p->body == 1 && p->name == 0 && p->comment == 0 && p->path == 0;
    cm_varint_add(out, (uint64_t)delta << 1 | once);
    if (once) {
        return;
    }
    const uint32_t values[4] = {p->body, p->name, p->comment, p->path};
    unsigned bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        bits |= two_bits(values[i]) << (2 * i);
    }
    cm_buf_add_char(out, (char)bits);
    for (unsigned i = 0; i < 4; i++) {
        if (values[i] >= 3) {
            cm_varint_add(out, values[i] - 3);
        }
    }
}

void cm_postings_write(const cm_posting *postings, size_t count, cm_buf *out) {
    cm_varint_add(out, count);
    size_t skips = count > BLOCK ? (count - 1) / BLOCK : 0;
    size_t skips_at = out->len;
    cm_buf_add_repeat(out, 0, skips * 8);
    size_t entries_at = out->len;
    uint32_t before = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && i % BLOCK == 0 && out->failed == CM_OK) {
            uint32_t pair[2] = {before, (uint32_t)(out->len - entries_at)};
            memcpy(out->ptr + skips_at + (i / BLOCK - 1) * 8, pair, 8);
        }
        write_entry(&postings[i], postings[i].chunk - before, out);
        before = postings[i].chunk;
    }
}

bool cm_postings_open(cm_str section, uint64_t offset, cm_postings *ret_postings) {
    if (offset > section.len) {
        return false;
    }
    cm_postings p = {.reader = cm_reader_of(cm_str_from_offset(section, (size_t)offset))};
    p.count = cm_varint_next32(&p.reader);
    size_t skips = p.count > BLOCK ? (p.count - 1) / BLOCK : 0;
    p.skips = (const uint8_t *)cm_reader_bytes(&p.reader, (uint64_t)skips * 8).ptr;
    p.entries = p.reader.at;
    if (p.reader.failed) {
        return false;
    }
    *ret_postings = p;
    return true;
}

bool cm_postings_next(cm_postings *p) {
    if (p->next >= p->count) {
        return false;
    }
    uint64_t head = cm_varint_next(&p->reader);
    uint64_t chunk = p->now.chunk + (head >> 1);
    if (p->reader.failed || chunk > UINT32_MAX) {
        return false;
    }
    p->next++;
    p->now = (cm_posting){.chunk = (uint32_t)chunk, .body = 1};
    if (head & 1) {
        return true;
    }
    cm_str byte = cm_reader_bytes(&p->reader, 1);
    if (byte.len == 0) {
        return false;
    }
    unsigned bits = (unsigned char)byte.ptr[0];
    uint32_t *values[4] = {&p->now.body, &p->now.name, &p->now.comment, &p->now.path};
    for (unsigned i = 0; i < 4; i++, bits >>= 2) {
        *values[i] = (bits & 3) < 3 ? bits & 3 : 3 + cm_varint_next32(&p->reader) % UINT16_MAX;
    }
    return !p->reader.failed;
}

/* Reads the pair at the end of block `block`: its last chunk and the start of the next block. */
static void skip_pair(const cm_postings *p, uint32_t block, uint32_t pair[2]) {
    memcpy(pair, p->skips + (size_t)block * 8, 8);
}

static void skip_blocks(cm_postings *p, uint32_t chunk) {
    uint32_t blocks = p->count > BLOCK ? (p->count - 1) / BLOCK : 0;
    uint32_t low = p->next / BLOCK, high = blocks; /* first block whose last chunk >= chunk */
    uint32_t pair[2];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        skip_pair(p, middle, pair);
        if (pair[0] < chunk) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || low * BLOCK <= p->next) {
        return;
    }
    skip_pair(p, low - 1, pair);
    if (pair[1] > (size_t)(p->reader.end - p->entries)) {
        p->next = p->count;
        return;
    }
    p->reader.at = p->entries + pair[1];
    p->now.chunk = pair[0];
    p->next = low * BLOCK;
}

bool cm_postings_seek(cm_postings *p, uint32_t chunk) {
    if (p->next > 0 && p->now.chunk >= chunk) {
        return true;
    }
    skip_blocks(p, chunk);
    while (cm_postings_next(p)) {
        if (p->now.chunk >= chunk) {
            return true;
        }
    }
    return false;
}
