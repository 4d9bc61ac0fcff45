/* archive_zip.c - zip: the central directory at the end says what there is; local headers only where it lies.
 *
 * Offsets and lengths of the directory are checked against the archive, lengths and checksum of a file
 * against what it unpacks to. Entries may overlap, as in Fifield's bomb: the ratio of archive.h stops them. */
#include "base/archive_priv.h"

#include <sys/stat.h>
#include <zlib.h>

#define END_SIGNATURE     0x06054b50u
#define CENTRAL_SIGNATURE 0x02014b50u
#define LOCAL_SIGNATURE   0x04034b50u
#define END_BYTES         22
#define CENTRAL_BYTES     46
#define LOCAL_BYTES       30
#define COMMENT_MAX       65535
#define FLAG_ENCRYPTED    1u
#define MADE_ON_UNIX      3
#define STORED            0
#define DEFLATED          8
#define STEP              CM_KIB(64)

static uint16_t u16_at(cm_str bytes, size_t at) {
    const uint8_t *p = (const uint8_t *)bytes.ptr + at;
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32_at(cm_str bytes, size_t at) {
    return u16_at(bytes, at) | (uint32_t)u16_at(bytes, at + 2) << 16;
}

bool cm_zip_is(cm_str bytes) {
    return bytes.len >= END_BYTES &&
           (u32_at(bytes, 0) == LOCAL_SIGNATURE || u32_at(bytes, 0) == END_SIGNATURE);
}

typedef struct member {
    cm_str name;
    uint16_t flags, method;
    uint32_t crc, packed, size, offset;
    bool is_link;
} member;

static cm_rc damaged(cm_err *err, const char *what) {
    return cm_fail(err, CM_UNPROCESSABLE, "the zip archive is damaged: %s", what);
}

/* Where the end record begins; it is followed by a comment alone. */
static cm_rc find_end(cm_str bytes, size_t *ret_at, cm_err *err) {
    size_t last = bytes.len - END_BYTES;
    size_t first = last > COMMENT_MAX ? last - COMMENT_MAX : 0;
    for (size_t at = last + 1; at-- > first;) {
        if (u32_at(bytes, at) == END_SIGNATURE &&
            at + END_BYTES + u16_at(bytes, at + 20) <= bytes.len) {
            *ret_at = at;
            return CM_OK;
        }
    }
    return damaged(err, "it has no directory; was all of it sent?");
}

/* One record of the directory at `*at`, which moves behind it. */
static cm_rc read_member(cm_str bytes, size_t end, size_t *at, member *m, cm_err *err) {
    if (end - *at < CENTRAL_BYTES || u32_at(bytes, *at) != CENTRAL_SIGNATURE) {
        return damaged(err, "its directory is torn");
    }
    size_t name_len = u16_at(bytes, *at + 28);
    size_t len = CENTRAL_BYTES + name_len + u16_at(bytes, *at + 30) + u16_at(bytes, *at + 32);
    if (len > end - *at) {
        return damaged(err, "its directory is torn");
    }
    uint32_t mode = u32_at(bytes, *at + 38) >> 16;
    *m = (member){.name = cm_str_sub(bytes, *at + CENTRAL_BYTES, name_len),
                  .flags = u16_at(bytes, *at + 8),
                  .method = u16_at(bytes, *at + 10),
                  .crc = u32_at(bytes, *at + 16),
                  .packed = u32_at(bytes, *at + 20),
                  .size = u32_at(bytes, *at + 24),
                  .offset = u32_at(bytes, *at + 42),
                  .is_link = bytes.ptr[*at + 5] == MADE_ON_UNIX && (mode & S_IFMT) != 0 &&
                             (mode & S_IFMT) != S_IFREG && (mode & S_IFMT) != S_IFDIR};
    *at += len;
    if (m->packed == UINT32_MAX || m->size == UINT32_MAX || m->offset == UINT32_MAX) {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "the archive is of the ZIP64 kind; send a tar.gz, or smaller parts");
    }
    return CM_OK;
}

static cm_rc packed_bytes(cm_str bytes, const member *m, cm_str *ret_packed, cm_err *err) {
    if (bytes.len < LOCAL_BYTES || m->offset > bytes.len - LOCAL_BYTES ||
        u32_at(bytes, m->offset) != LOCAL_SIGNATURE) {
        return damaged(err, "a file is not where the directory says");
    }
    size_t at = m->offset + (size_t)LOCAL_BYTES + u16_at(bytes, m->offset + 26) +
                u16_at(bytes, m->offset + 28);
    if (at > bytes.len || m->packed > bytes.len - at) {
        return damaged(err, "a file reaches past its end");
    }
    *ret_packed = cm_str_sub(bytes, at, m->packed);
    return CM_OK;
}

/* Inflates into u->content, which takes one byte more than a file may have. */
static cm_rc inflate_into(cm_unpacking *u, z_stream *z, cm_err *err) {
    int state = Z_OK;
    while (state == Z_OK) {
        size_t room = CM_MIN(STEP, u->content.max - u->content.len);
        if (room == 0) {
            return damaged(err, "a file is longer than the directory says");
        }
        char *out = cm_buf_reserve(&u->content, room);
        if (!out) {
            return cm_buf_check(&u->content, err);
        }
        z->next_out = (Bytef *)out;
        z->avail_out = (uInt)room;
        state = inflate(z, Z_NO_FLUSH);
        size_t got = room - z->avail_out;
        u->content.len += got;
        cm_rc rc = cm_unpacking_count(u, got, err);
        if (rc) {
            return rc;
        }
    }
    return state == Z_STREAM_END ? CM_OK : damaged(err, "a file cannot be inflated");
}

static cm_rc inflate_member(cm_unpacking *u, cm_str packed, cm_err *err) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.ptr, .avail_in = (uInt)packed.len};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        return cm_fail(err, CM_NOMEM, "no memory to inflate");
    }
    cm_rc rc = inflate_into(u, &z, err);
    inflateEnd(&z);
    return rc;
}

static cm_rc unpack(cm_unpacking *u, const member *m, cm_err *err) {
    cm_str packed = CM_STR_EMPTY;
    cm_rc rc = packed_bytes(u->bytes, m, &packed, err);
    if (rc) {
        return rc;
    }
    if (m->method == DEFLATED) {
        rc = inflate_member(u, packed, err);
    } else if (m->method == STORED) {
        cm_buf_add_str(&u->content, packed);
        rc = cm_buf_check(&u->content, err);
        if (rc == CM_OK) {
            rc = cm_unpacking_count(u, packed.len, err);
        }
    } else {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "a file is compressed by method %u; send zip with deflate, or tar.gz",
                       m->method);
    }
    if (rc) {
        return rc;
    }
    const Bytef *content = (const Bytef *)cm_buf_c(&u->content);
    if (u->content.len != m->size || crc32_z(0, content, u->content.len) != m->crc) {
        return damaged(err, "a file is not what the directory says");
    }
    return CM_OK;
}

static cm_rc report(cm_unpacking *u, const member *m, cm_buf *name, cm_err *err) {
    cm_archive_entry entry = {.kind = m->is_link                            ? CM_ARCHIVE_OTHER
                                      : m->size > u->limits->file_bytes_max ? CM_ARCHIVE_TOO_LARGE
                                                                            : CM_ARCHIVE_FILE};
    cm_rc rc = CM_OK;
    cm_buf_clear(name);
    cm_buf_add_str(name, m->name);
    for (size_t i = 0; i < name->len; i++) {
        if (name->ptr[i] == '\\') {
            name->ptr[i] = '/';
        }
    }
    entry.name = cm_buf_str(name);
    if (cm_str_ends(entry.name, CM_STR("/"))) {
        return CM_OK;
    }
    if (m->flags & FLAG_ENCRYPTED) {
        return cm_fail(err, CM_UNPROCESSABLE, "the archive is encrypted; send it without password");
    }
    cm_buf_clear(&u->content);
    if (entry.kind == CM_ARCHIVE_FILE) {
        rc = unpack(u, m, err);
    }
    entry.content = cm_buf_str(&u->content);
    return rc ? rc : cm_unpacking_report(u, &entry, err);
}

cm_rc cm_zip_each(cm_unpacking *u, cm_err *err) {
    size_t end;
    cm_rc rc = find_end(u->bytes, &end, err);
    if (rc) {
        return rc;
    }
    size_t count = u16_at(u->bytes, end + 10), at = u32_at(u->bytes, end + 16);
    if (count == UINT16_MAX || at == UINT32_MAX) {
        return cm_fail(err, CM_UNPROCESSABLE,
                       "the archive is of the ZIP64 kind; send a tar.gz, or smaller parts");
    }
    if (at > end) {
        return damaged(err, "its directory lies behind its end");
    }
    cm_cleanup(cm_buf_done) cm_buf name;
    cm_buf_init(&name, UINT16_MAX + 1);
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        member m;
        rc = read_member(u->bytes, end, &at, &m, err);
        if (rc == CM_OK) {
            rc = report(u, &m, &name, err);
        }
    }
    return rc;
}
