/* archive_tar.c - tar, plain or compressed: blocks of 512 bytes, a header and the file's content in turn.
 *
 *   0 name[100]   100 mode   124 size[12]   148 checksum[8]   156 type   257 "ustar"   345 prefix[155]
 *
 * Numbers are octal text; a size with the top bit of its first byte set is big-endian binary (GNU). A header
 * of type 'x' (pax) or 'L' (GNU) brings the name of the next one. */
#include "base/archive_priv.h"
#include "base/path.h"

#include <zlib.h>
#include <zstd.h>

#define BLOCK       512
#define PAX_MAX     CM_KIB(64)
#define WINDOW_LOG  27 /* of zstd: 128 MiB, its own default */
#define SIZE_AT     124
#define SIZE_BYTES  12
#define CHECKSUM_AT 148
#define TYPE_AT     156
#define MAGIC_AT    257
#define PREFIX_AT   345

/* --- bytes, whatever they are packed with --- */

typedef struct stream {
    cm_unpacking *u;
    cm_rc (*read)(struct stream *s, char *out, size_t len, size_t *ret_got, cm_err *err);
    cm_str rest; /* plain: not yet read */
    z_stream z;
    ZSTD_DStream *zstd;
    ZSTD_inBuffer in;
    bool ended;
} stream;

static cm_rc damaged(cm_err *err, const char *what) {
    return cm_fail(err, CM_UNPROCESSABLE, "the tar archive is damaged: %s", what);
}

static cm_rc read_plain(stream *s, char *out, size_t len, size_t *ret_got, cm_err *err) {
    (void)err;
    size_t got = CM_MIN(len, s->rest.len);
    if (got > 0) {
        memcpy(out, s->rest.ptr, got);
    }
    s->rest = cm_str_from_offset(s->rest, got);
    *ret_got = got;
    return CM_OK;
}

/* A gzip file may be several, one behind the other. */
static cm_rc read_gzip(stream *s, char *out, size_t len, size_t *ret_got, cm_err *err) {
    s->z.next_out = (Bytef *)out;
    s->z.avail_out = (uInt)len;
    while (s->z.avail_out > 0 && !s->ended) {
        int state = inflate(&s->z, Z_NO_FLUSH);
        if (state == Z_STREAM_END && s->z.avail_in > 0 && *s->z.next_in == 0x1f) {
            state = inflateReset(&s->z);
        } else if (state == Z_STREAM_END) {
            s->ended = true;
        }
        if (state == Z_BUF_ERROR) {
            return damaged(err, "it ends too soon; was all of it sent?");
        }
        if (state != Z_OK && state != Z_STREAM_END) {
            return damaged(err, "it cannot be inflated");
        }
    }
    *ret_got = len - s->z.avail_out;
    return CM_OK;
}

static cm_rc read_zstd(stream *s, char *out, size_t len, size_t *ret_got, cm_err *err) {
    ZSTD_outBuffer o = {out, len, 0};
    while (o.pos < o.size && !s->ended) {
        size_t before_in = s->in.pos, before_out = o.pos;
        size_t left = ZSTD_decompressStream(s->zstd, &o, &s->in);
        if (ZSTD_isError(left)) {
            return damaged(err, ZSTD_getErrorName(left));
        }
        s->ended = left == 0 && s->in.pos == s->in.size;
        if (!s->ended && s->in.pos == before_in && o.pos == before_out) {
            return damaged(err, "it ends too soon; was all of it sent?");
        }
    }
    *ret_got = o.pos;
    return CM_OK;
}

/* Up to `len` bytes; fewer only at the end. */
static cm_rc take(stream *s, char *out, size_t len, size_t *ret_got, cm_err *err) {
    cm_rc rc = s->read(s, out, len, ret_got, err);
    return rc ? rc : cm_unpacking_count(s->u, *ret_got, err);
}

static cm_rc take_all(stream *s, char *out, size_t len, cm_err *err) {
    size_t got = 0;
    cm_rc rc = take(s, out, len, &got, err);
    if (rc == CM_OK && got < len) {
        rc = damaged(err, "it ends too soon; was all of it sent?");
    }
    return rc;
}

static cm_rc skip(stream *s, uint64_t len, cm_err *err) {
    char sink[CM_KIB(16)];
    cm_rc rc = CM_OK;
    while (rc == CM_OK && len > 0) {
        size_t step = (size_t)CM_MIN(len, (uint64_t)sizeof(sink));
        rc = take_all(s, sink, step, err);
        len -= step;
    }
    return rc;
}

/* The content of `size` bytes and what fills its last block. */
static cm_rc take_content(stream *s, uint64_t size, cm_buf *out, cm_err *err) {
    cm_buf_clear(out);
    char *room = cm_buf_reserve(out, (size_t)size);
    if (!room) {
        return cm_buf_check(out, err);
    }
    cm_rc rc = take_all(s, room, (size_t)size, err);
    out->len = rc == CM_OK ? (size_t)size : 0;
    return rc ? rc : skip(s, (BLOCK - size % BLOCK) % BLOCK, err);
}

/* --- headers --- */

static cm_str field(const char *block, size_t at, size_t len) {
    return cm_str_make(block + at, strnlen(block + at, len));
}

static bool number(const char *block, size_t at, size_t len, uint64_t *ret_value) {
    const uint8_t *p = (const uint8_t *)block + at;
    uint64_t value = 0;
    if (p[0] & 0x80) {
        for (size_t i = 1; i < len; i++) {
            if (value >> 55) {
                return false;
            }
            value = value << 8 | p[i];
        }
        *ret_value = value;
        return true;
    }
    size_t i = 0;
    while (i < len && p[i] == ' ') {
        i++;
    }
    for (; i < len && p[i] >= '0' && p[i] <= '7'; i++) {
        value = value << 3 | (uint64_t)(p[i] - '0'); /* 12 digits: 36 bits */
    }
    *ret_value = value;
    return i == len || p[i] == '\0' || p[i] == ' ';
}

/* The sum of all bytes, with the checksum's own as spaces. */
static bool checksum_fits(const char *block) {
    uint64_t told, sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + 8 ? ' ' : (uint8_t)block[i];
    }
    return number(block, CHECKSUM_AT, 8, &told) && told == sum;
}

static bool is_plain_tar(cm_str bytes) {
    return bytes.len >= BLOCK && bytes.ptr[0] != '\0' && checksum_fits(bytes.ptr);
}

bool cm_tar_is(cm_str bytes) {
    return cm_str_starts(bytes, CM_STR("\x1f\x8b")) ||
           cm_str_starts(bytes, CM_STR("\x28\xb5\x2f\xfd")) || is_plain_tar(bytes);
}

/* What an 'x' or 'L' header says of the next entry. */
typedef struct ahead {
    cm_buf name;
    uint64_t size;
    bool has_size;
} ahead;

/* Records "length key=value\n", each counting its own digits. */
static cm_rc read_pax(cm_str text, ahead *a, cm_err *err) {
    while (text.len > 0) {
        size_t space = cm_str_find_char(text, ' ');
        uint64_t len;
        if (space == SIZE_MAX || !cm_str_to_u64(cm_str_sub(text, 0, space), &len) ||
            len > text.len || len < space + 2) {
            return damaged(err, "a pax header is torn");
        }
        cm_str record = cm_str_sub(text, space + 1, (size_t)len - space - 2);
        size_t equals = cm_str_find_char(record, '=');
        if (equals == SIZE_MAX) {
            return damaged(err, "a pax header is torn");
        }
        cm_str key = cm_str_sub(record, 0, equals), value = cm_str_from_offset(record, equals + 1);
        if (cm_str_eq_c(key, "path")) {
            cm_buf_clear(&a->name);
            cm_buf_add_str(&a->name, value);
        } else if (cm_str_eq_c(key, "size")) {
            a->has_size = cm_str_to_u64(value, &a->size);
        }
        text = cm_str_from_offset(text, (size_t)len);
    }
    return cm_buf_check(&a->name, err);
}

static cm_rc read_ahead(stream *s, char type, uint64_t size, ahead *a, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, PAX_MAX + 1);
    if (size > PAX_MAX) {
        return damaged(err, "the header of a long name is longer than 64 KiB");
    }
    cm_rc rc = take_content(s, size, &text, err);
    if (rc) {
        return rc;
    }
    if (type == 'x') {
        return read_pax(cm_buf_str(&text), a, err);
    }
    cm_buf_clear(&a->name);
    cm_buf_add_str(&a->name, cm_str_make(text.ptr, text.len ? strnlen(text.ptr, text.len) : 0));
    return cm_buf_check(&a->name, err);
}

static void name_of(const char *block, cm_buf *name) {
    cm_str prefix = field(block, PREFIX_AT, 155);
    cm_buf_clear(name);
    if (memcmp(block + MAGIC_AT, "ustar\0", 6) == 0 && prefix.len > 0) {
        cm_buf_add_str(name, prefix);
        cm_buf_add_char(name, '/');
    }
    cm_buf_add_str(name, field(block, 0, 100));
}

static cm_rc read_entry(stream *s, const char *block, ahead *a, cm_err *err) {
    char type = block[TYPE_AT];
    uint64_t size;
    if (!checksum_fits(block) || !number(block, SIZE_AT, SIZE_BYTES, &size)) {
        return damaged(err, "a header has a wrong checksum");
    }
    if (type == 'x' || type == 'L') {
        return read_ahead(s, type, size, a, err);
    }
    bool is_file = type == '0' || type == '\0' || type == '7';
    if (a->has_size) {
        size = a->size;
    }
    if (a->name.len == 0) {
        name_of(block, &a->name);
    }
    cm_archive_entry entry = {.name = cm_buf_str(&a->name),
                              .kind = !is_file                              ? CM_ARCHIVE_OTHER
                                      : size > s->u->limits->file_bytes_max ? CM_ARCHIVE_TOO_LARGE
                                                                            : CM_ARCHIVE_FILE};
    bool told = type != '5' && type != 'g' && type != 'K' && !cm_str_ends(entry.name, CM_STR("/"));
    bool wanted = told && entry.kind == CM_ARCHIVE_FILE;
    if (size > UINT64_MAX - BLOCK) {
        return damaged(err, "a file is too long");
    }
    cm_rc rc = wanted ? take_content(s, size, &s->u->content, err)
                      : skip(s, (size + BLOCK - 1) / BLOCK * BLOCK, err);
    if (rc == CM_OK && told) {
        entry.content = wanted ? cm_buf_str(&s->u->content) : CM_STR_EMPTY;
        rc = cm_unpacking_report(s->u, &entry, err);
    }
    if (type != 'g' && type != 'K') { /* those speak of the next one too */
        cm_buf_clear(&a->name);
        a->has_size = false;
    }
    return rc;
}

static cm_rc read_entries(stream *s, cm_err *err) {
    static const char zeros[BLOCK];
    ahead a = {0};
    cm_buf_init(&a.name, PAX_MAX);
    cm_rc rc = CM_OK;
    while (rc == CM_OK) {
        char block[BLOCK];
        size_t got = 0;
        rc = take(s, block, BLOCK, &got, err);
        if (rc || got == 0 || (got == BLOCK && memcmp(block, zeros, BLOCK) == 0)) {
            break;
        }
        rc = got == BLOCK ? read_entry(s, block, &a, err)
                          : damaged(err, "it ends too soon; was all of it sent?");
    }
    cm_buf_done(&a.name);
    return rc;
}

/* --- which packing --- */

static cm_rc each_gzip(stream *s, cm_err *err) {
    cm_str bytes = s->u->bytes;
    s->z = (z_stream){.next_in = (Bytef *)(uintptr_t)bytes.ptr, .avail_in = (uInt)bytes.len};
    if (bytes.len > UINT32_MAX || inflateInit2(&s->z, MAX_WBITS + 16) != Z_OK) {
        return cm_fail(err, CM_NOMEM, "no memory to inflate");
    }
    s->read = read_gzip;
    cm_rc rc = read_entries(s, err);
    inflateEnd(&s->z);
    return rc;
}

static cm_rc each_zstd(stream *s, cm_err *err) {
    s->zstd = ZSTD_createDStream();
    if (!s->zstd) {
        return cm_fail(err, CM_NOMEM, "no memory to decompress");
    }
    (void)ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
    s->in = (ZSTD_inBuffer){s->u->bytes.ptr, s->u->bytes.len, 0};
    s->read = read_zstd;
    cm_rc rc = read_entries(s, err);
    ZSTD_freeDStream(s->zstd);
    return rc;
}

cm_rc cm_tar_each(cm_unpacking *u, cm_err *err) {
    stream s = {.u = u, .rest = u->bytes, .read = read_plain};
    if (cm_str_starts(u->bytes, CM_STR("\x1f\x8b"))) {
        return each_gzip(&s, err);
    }
    if (cm_str_starts(u->bytes, CM_STR("\x28\xb5\x2f\xfd"))) {
        return each_zstd(&s, err);
    }
    return read_entries(&s, err);
}
