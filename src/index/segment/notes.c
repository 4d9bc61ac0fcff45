/* notes.c - the bytes of a document's notes. What cannot be read counts as no notes. */
#include "index/segment/notes.h"

#include "index/segment/varint.h"

#define NOTES_VERSION 1
#define COUNTERS      (sizeof(cm_style_votes) / sizeof(uint32_t))

enum dependency_flags { DEPENDENCY_DEVELOPMENT = 1, DEPENDENCY_LOCKED = 2 };

static void write_votes(const cm_style_votes *votes, cm_buf *out) {
    uint32_t counters[COUNTERS] = {0};
    if (votes) {
        memcpy(counters, votes, sizeof(counters));
    }
    size_t used = 0;
    for (size_t i = 0; i < COUNTERS; i++) {
        used += counters[i] > 0;
    }
    cm_varint_add(out, used);
    for (size_t i = 0, next = 0; i < COUNTERS; i++) {
        if (counters[i] == 0) {
            continue;
        }
        cm_varint_add(out, i - next);
        cm_varint_add(out, counters[i]);
        next = i + 1;
    }
}

static void write_string(cm_str s, cm_buf *out) {
    cm_varint_add(out, s.len);
    cm_buf_add_str(out, s);
}

void cm_notes_write(const cm_style_votes *votes, const cm_dependencies *dependencies, cm_buf *out) {
    cm_varint_add(out, NOTES_VERSION);
    write_votes(votes, out);
    cm_varint_add(out, dependencies->count);
    for (size_t i = 0; i < dependencies->count; i++) {
        const cm_dependency *d = &dependencies->items[i];
        cm_varint_add(out, (d->is_development ? DEPENDENCY_DEVELOPMENT : 0) |
                               (d->is_locked ? DEPENDENCY_LOCKED : 0));
        write_string(d->manager, out);
        write_string(d->name, out);
        write_string(d->version, out);
    }
}

bool cm_notes_known(cm_str bytes) {
    cm_reader r = cm_reader_of(bytes);
    return cm_varint_next(&r) == NOTES_VERSION && !r.failed;
}

static void read_votes(cm_reader *r, cm_style_votes *votes) {
    uint32_t counters[COUNTERS] = {0};
    uint64_t pairs = cm_varint_next(r), at = 0;
    for (; pairs > 0 && !r->failed; pairs--) {
        uint64_t gap = cm_varint_next(r);
        uint32_t count = cm_varint_next32(r);
        if (r->failed || gap >= COUNTERS - at) {
            r->failed = true;
            return;
        }
        at += gap;
        counters[at++] = count;
    }
    memcpy(votes, counters, sizeof(counters));
}

static cm_str read_string(cm_reader *r) {
    return cm_reader_bytes(r, cm_varint_next(r));
}

cm_rc cm_notes_read(cm_str bytes, cm_arena *arena, cm_notes *ret_notes, cm_err *err) {
    cm_reader r = cm_reader_of(bytes);
    cm_notes notes = {0};
    if (cm_varint_next(&r) != NOTES_VERSION || r.failed) {
        return cm_fail(err, CM_NOT_SUPPORTED, "notes of another version");
    }
    read_votes(&r, &notes.votes);
    uint64_t claimed = cm_varint_next(&r);
    /* Four bytes at least for each: a count that lies costs no more memory than the bytes that are there. */
    size_t most = (size_t)CM_MIN(claimed, (uint64_t)(r.end - r.at) / 4);
    cm_dependency *items = CM_ARENA_ARRAY(arena, cm_dependency, most + 1);
    if (!items) {
        return cm_fail(err, CM_NOMEM, "out of memory reading a document's dependencies");
    }
    for (size_t i = 0; i < most; i++) {
        uint64_t flags = cm_varint_next(&r);
        cm_dependency d = {.manager = read_string(&r)};
        d.name = read_string(&r);
        d.version = read_string(&r);
        d.is_development = flags & DEPENDENCY_DEVELOPMENT;
        d.is_locked = flags & DEPENDENCY_LOCKED;
        if (r.failed) {
            break;
        }
        items[notes.dependencies.count++] = d;
    }
    notes.dependencies.items = items;
    *ret_notes = notes;
    return CM_OK;
}
