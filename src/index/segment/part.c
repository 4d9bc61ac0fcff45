/* part.c - the header and section table of a part: made in memory, checked when it is opened or mapped. */
#include "index/segment/part.h"

#include "base/hash.h"
#include "base/mem.h"

#define PART_MAGIC   0x31504d43u /* "CMP1" */
#define PART_VERSION 1

typedef struct part_section {
    uint64_t offset;
    uint64_t len;
    uint64_t checksum;
} part_section;

typedef struct part_header {
    uint32_t magic;
    uint16_t version;
    uint8_t kind;
    uint8_t section_count;
    uint64_t len;      /* of the whole file */
    uint64_t checksum; /* of this header and the section table, with this field 0 */
    part_section sections[CM_PART_SECTIONS_MAX];
} part_header;

static const char *const part_names[CM_PART_HISTORY + 1] = {
    [CM_PART_DOCUMENTS] = "documents", [CM_PART_TEXT] = "text",
    [CM_PART_SYMBOLS] = "symbols",     [CM_PART_REFERENCES] = "references",
    [CM_PART_IMPORTS] = "imports",     [CM_PART_CHUNKS] = "chunks",
    [CM_PART_WORDS] = "words",         [CM_PART_TRIGRAMS] = "trigrams",
    [CM_PART_SUFFIX] = "suffix",       [CM_PART_HISTORY] = "history",
};

const char *cm_part_name(enum cm_part_kind kind) {
    cm_assert(kind <= CM_PART_HISTORY);
    return part_names[kind];
}

static uint64_t align8(uint64_t n) {
    return (n + 7) & ~(uint64_t)7;
}

static uint64_t header_checksum(const part_header *header) {
    part_header copy = *header;
    copy.checksum = 0;
    return cm_hash64(&copy, sizeof(copy));
}

void cm_part_build(enum cm_part_kind kind, const cm_str *sections, size_t count, cm_buf *out) {
    cm_assert(count <= CM_PART_SECTIONS_MAX);
    part_header header = {
        .magic = PART_MAGIC,
        .version = PART_VERSION,
        .kind = (uint8_t)kind,
        .section_count = (uint8_t)count,
    };
    uint64_t offset = sizeof(header);
    for (size_t i = 0; i < count; i++) {
        header.sections[i] =
            (part_section){offset, sections[i].len, cm_hash64(sections[i].ptr, sections[i].len)};
        offset = align8(offset + sections[i].len);
    }
    header.len = offset;
    header.checksum = header_checksum(&header);
    cm_buf_add(out, &header, sizeof(header));
    for (size_t i = 0; i < count; i++) {
        cm_buf_add_str(out, sections[i]);
        cm_buf_add_repeat(out, 0, (size_t)(align8(sections[i].len) - sections[i].len));
    }
}

static cm_rc part_validate(cm_part *part, cm_err *err) {
    const char *name = cm_part_name(part->kind);
    part_header header;
    if (part->bytes.len < sizeof(header)) {
        return cm_fail(err, CM_CORRUPT, "index part '%s' is cut off at %zu bytes", name,
                       part->bytes.len);
    }
    memcpy(&header, part->bytes.ptr, sizeof(header));
    if (header.magic != PART_MAGIC || header.kind != part->kind) {
        return cm_fail(err, CM_CORRUPT, "index part '%s' is not one", name);
    }
    if (header.version != PART_VERSION) {
        return cm_fail(err, CM_CORRUPT, "index part '%s' has version %u, expected %d", name,
                       header.version, PART_VERSION);
    }
    if (header.checksum != header_checksum(&header) || header.len != part->bytes.len) {
        return cm_fail(err, CM_CORRUPT, "index part '%s' has a damaged header or length", name);
    }
    if (header.section_count > CM_PART_SECTIONS_MAX) {
        return cm_fail(err, CM_CORRUPT, "index part '%s' has too many sections", name);
    }
    for (size_t i = 0; i < header.section_count; i++) {
        const part_section *s = &header.sections[i];
        if (s->offset % 8 != 0 || s->offset > header.len || s->len > header.len - s->offset) {
            return cm_fail(err, CM_CORRUPT, "index part '%s' has section %zu out of bounds", name,
                           i);
        }
    }
    part->section_count = header.section_count;
    return CM_OK;
}

cm_rc cm_part_open(const char *path, enum cm_part_kind kind, cm_part *ret_part, cm_err *err) {
    cm_part part = {.kind = kind};
    cm_rc rc = cm_mapping_open(path, &part.mapping, err);
    if (rc != CM_OK) {
        return rc;
    }
    part.bytes = cm_str_make((const char *)part.mapping.ptr, part.mapping.len);
    rc = part_validate(&part, err);
    if (rc != CM_OK) {
        cm_part_close(&part);
        return rc;
    }
    *ret_part = part;
    return CM_OK;
}

cm_rc cm_part_take(char *take_memory, size_t len, enum cm_part_kind kind, cm_part *ret_part,
                   cm_err *err) {
    cm_part part = {.memory = take_memory, .bytes = cm_str_make(take_memory, len), .kind = kind};
    cm_rc rc = part_validate(&part, err);
    if (rc != CM_OK) {
        cm_part_close(&part);
        return rc;
    }
    *ret_part = part;
    return CM_OK;
}

void cm_part_close(cm_part *part) {
    if (part->mapping.ptr) {
        cm_mapping_close(&part->mapping);
    }
    cm_free(part->memory);
    *part = (cm_part){0};
}

static const part_section *section_at(const cm_part *part, size_t index) {
    const part_section *table =
        (const part_section *)(const void *)(part->bytes.ptr + offsetof(part_header, sections));
    return &table[index];
}

cm_rc cm_part_check(const cm_part *part, cm_err *err) {
    for (size_t i = 0; i < part->section_count; i++) {
        cm_str section = cm_part_section(part, i);
        if (cm_hash64(section.ptr, section.len) != section_at(part, i)->checksum) {
            return cm_fail(err, CM_CORRUPT, "index part '%s' has a bad checksum in section %zu",
                           cm_part_name(part->kind), i);
        }
    }
    return CM_OK;
}

cm_str cm_part_section(const cm_part *part, size_t index) {
    if (index >= part->section_count) {
        return CM_STR_EMPTY;
    }
    const part_section *s = section_at(part, index);
    return cm_str_make(part->bytes.ptr + s->offset, (size_t)s->len);
}
