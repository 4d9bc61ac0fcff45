/* spool.c - see spool_priv.h.
 *
 * Appending is one write and one fdatasync for all records that came together; what could not be written whole is cut
 * off again, so that the file ends with a whole record unless the machine lost power meanwhile. Where the done
 * records end is known in memory only: after a start they are read again and the database says how far they are.
 *
 * Rejected: a file a record (a directory of thousands), marking records done in the file (the database has to say it
 * anyway), SQLite (its file may be what is full or damaged). */
#include "store/spool_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC       "CMSPOOL1"
#define HEAD_BYTES  32u /* magic, id, hash of both */
#define FRAME_BYTES 20u /* length, number, hash: before each record */
#define READ_BYTES  CM_KIB(64)

struct cm_spool {
    char *path;
    uint64_t max;
    int fd; /* -1 = there is no file yet */
    cm_uuid id;
    uint64_t begin, end; /* of what is not done */
    uint64_t waiting, last;
};

/* --- Records in bytes ------------------------------------------------------------------------ */

/* Length of the whole record at the start of `bytes`; 0 = there is none. */
static size_t record_len(cm_str bytes, bool checks, uint64_t *ret_number) {
    uint32_t len;
    uint64_t number, hash;
    if (bytes.len < FRAME_BYTES) {
        return 0;
    }
    memcpy(&len, bytes.ptr, sizeof len);
    memcpy(&number, bytes.ptr + 4, sizeof number);
    memcpy(&hash, bytes.ptr + 12, sizeof hash);
    if (len > CM_SPOOL_RECORD_MAX || bytes.len - FRAME_BYTES < len) {
        return 0;
    }
    if (checks && cm_hash64_seed(bytes.ptr + FRAME_BYTES, len, number) != hash) {
        return 0;
    }
    *ret_number = number;
    return FRAME_BYTES + len;
}

size_t cm_spool_scan(cm_str bytes, size_t *ret_count, uint64_t *ret_last) {
    size_t used = 0;
    size_t count = 0;
    uint64_t last = 0;
    uint64_t number;
    for (size_t len; (len = record_len(cm_str_from_offset(bytes, used), true, &number)) != 0;) {
        if (number <= last) {
            break; /* numbers rise */
        }
        last = number;
        used += len;
        count++;
    }
    *ret_count = count;
    *ret_last = last;
    return used;
}

cm_str cm_spool_next(cm_str *rest) {
    uint64_t number;
    size_t len = record_len(*rest, false, &number);
    cm_str record = cm_str_sub(*rest, 0, len);
    *rest = cm_str_from_offset(*rest, len);
    return record;
}

/* --- The file -------------------------------------------------------------------------------- */

static cm_rc fail(const cm_spool *spool, const char *what, cm_err *err) {
    return cm_fail_errno(err, errno, "cannot %s the spool '%s'", what, spool->path);
}

static bool read_at(int fd, uint64_t offset, char *to, size_t len) {
    for (size_t got = 0; got < len;) {
        ssize_t n = pread(fd, to + got, len - got, (off_t)(offset + got));
        if (n <= 0) {
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

static bool write_at(int fd, uint64_t offset, const char *from, size_t len) {
    for (size_t put = 0; put < len;) {
        ssize_t n = pwrite(fd, from + put, len - put, (off_t)(offset + put));
        if (n <= 0) {
            return false;
        }
        put += (size_t)n;
    }
    return true;
}

static void write_head(const cm_spool *spool, char head[HEAD_BYTES]) {
    memcpy(head, MAGIC, 8);
    memcpy(head + 8, &spool->id, sizeof spool->id);
    uint64_t hash = cm_hash64(head, 24);
    memcpy(head + 24, &hash, sizeof hash);
}

static cm_rc sync_folder(const cm_spool *spool, cm_err *err) {
    cm_str folder = cm_path_directory(cm_str_from(spool->path));
    cm_cleanup(cm_freep) char *name = cm_strndup(folder.ptr, folder.len);
    return cm_dir_sync(name, err);
}

static cm_rc make_file(cm_spool *spool, cm_err *err) {
    char head[HEAD_BYTES];
    write_head(spool, head);
    spool->fd = open(spool->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->fd < 0) {
        return fail(spool, "make", err);
    }
    if (ftruncate(spool->fd, 0) != 0 || !write_at(spool->fd, 0, head, sizeof head)) {
        cm_rc rc = fail(spool, "begin", err);
        close(spool->fd);
        spool->fd = -1;
        return rc;
    }
    spool->begin = spool->end = HEAD_BYTES;
    return sync_folder(spool, err);
}

/* What cannot be read is kept beside it: somebody may want to look. */
static cm_rc set_aside(cm_spool *spool, cm_str bytes, size_t good, cm_err *err) {
    cm_cleanup(cm_freep) char *path =
        cm_asprintf("%s.damaged-%lld", spool->path, (long long)cm_clock_wall_ms());
    cm_rc rc = cm_file_replace(path, cm_str_from_offset(bytes, good), 0600, err);
    if (rc == CM_OK && ftruncate(spool->fd, (off_t)good) != 0) {
        rc = fail(spool, "cut", err);
    }
    if (rc == CM_OK) {
        cm_log(CM_LOG_ERROR, "the spool of posted writes ends with bytes that are no whole write",
               CM_F("kept", path), CM_I("bytes", (int64_t)(bytes.len - good)));
    }
    return rc;
}

static bool read_head(cm_spool *spool, cm_str bytes) {
    char head[HEAD_BYTES];
    if (bytes.len < HEAD_BYTES) {
        return false;
    }
    cm_uuid made = spool->id;
    memcpy(&spool->id, bytes.ptr + 8, sizeof spool->id);
    write_head(spool, head);
    bool good = memcmp(head, bytes.ptr, HEAD_BYTES) == 0;
    spool->id = good ? spool->id : made;
    return good;
}

static cm_rc read_all(cm_spool *spool, const cm_mapping *map, cm_err *err) {
    cm_str bytes = cm_str_make((const char *)map->ptr, map->len);
    size_t count = 0;
    if (!read_head(spool, bytes)) {
        cm_rc rc = bytes.len != 0 ? set_aside(spool, bytes, 0, err) : CM_OK;
        close(spool->fd);
        return rc == CM_OK ? make_file(spool, err) : rc;
    }
    size_t good =
        HEAD_BYTES + cm_spool_scan(cm_str_from_offset(bytes, HEAD_BYTES), &count, &spool->last);
    spool->begin = HEAD_BYTES;
    spool->end = good;
    spool->waiting = count;
    return good < bytes.len ? set_aside(spool, bytes, good, err) : CM_OK;
}

cm_rc cm_spool_open(const char *path, uint64_t max, cm_spool **ret_spool, cm_err *err) {
    cm_spool *spool = CM_NEW(cm_spool);
    *spool = (cm_spool){.path = cm_strdup(path), .max = max, .id = cm_uuid_v7()};
    spool->fd = open(path, O_RDWR | O_CLOEXEC);
    cm_rc rc = CM_OK;
    if (spool->fd >= 0) {
        cm_mapping map;
        rc = cm_mapping_open(path, &map, err);
        if (rc == CM_OK) {
            rc = read_all(spool, &map, err);
            cm_mapping_close(&map);
        }
    } else if (errno != ENOENT) {
        rc = fail(spool, "open", err);
    }
    if (rc == CM_OK && spool->fd >= 0 && spool->waiting == 0) {
        close(spool->fd); /* numbers begin anew, and so does what the database has of them */
        spool->fd = -1;
        spool->id = cm_uuid_v7();
        if (unlink(path) != 0) {
            rc = fail(spool, "remove", err);
        }
    }
    if (rc != CM_OK) {
        cm_spool_close(spool);
        return rc;
    }
    *ret_spool = spool;
    return CM_OK;
}

void cm_spool_close(cm_spool *spool) {
    if (spool == NULL) {
        return;
    }
    if (spool->fd >= 0) {
        close(spool->fd);
    }
    if (spool->fd >= 0 && spool->waiting == 0) {
        unlink(spool->path); /* the next server begins with an id of its own */
    }
    cm_free(spool->path);
    cm_free(spool);
}

cm_uuid cm_spool_id(const cm_spool *spool) {
    return spool->id;
}

uint64_t cm_spool_last(const cm_spool *spool) {
    return spool->last;
}

uint64_t cm_spool_waiting(const cm_spool *spool) {
    return spool->waiting;
}

uint64_t cm_spool_bytes(const cm_spool *spool) {
    return spool->waiting > 0 ? spool->end - spool->begin : 0;
}

/* The done records at its beginning make room. */
static cm_rc shrink(cm_spool *spool, cm_err *err) {
    cm_mapping map;
    cm_rc rc = cm_mapping_open(spool->path, &map, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_buf all;
    char head[HEAD_BYTES];
    write_head(spool, head);
    cm_buf_init(&all, spool->max + HEAD_BYTES);
    cm_buf_add(&all, head, sizeof head);
    cm_buf_add(&all, map.ptr + spool->begin, CM_MIN(map.len, spool->end) - spool->begin);
    rc = cm_buf_check(&all, err);
    if (rc == CM_OK) {
        rc = cm_file_replace(spool->path, cm_buf_str(&all), 0600, err);
    }
    int fd = rc == CM_OK ? open(spool->path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        close(spool->fd);
        spool->fd = fd;
        spool->end = HEAD_BYTES + (spool->end - spool->begin);
        spool->begin = HEAD_BYTES;
    }
    cm_buf_done(&all);
    cm_mapping_close(&map);
    return rc;
}

cm_rc cm_spool_append(cm_spool *spool, cm_str records, size_t count, uint64_t last, cm_err *err) {
    cm_rc rc = spool->fd < 0 ? make_file(spool, err) : CM_OK;
    if (rc == CM_OK && spool->end + records.len > spool->max && spool->begin > HEAD_BYTES) {
        rc = shrink(spool, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    if (spool->end + records.len > spool->max) {
        return cm_fail(err, CM_STORAGE_FULL, "the spool '%s' has its %llu bytes", spool->path,
                       (unsigned long long)spool->max);
    }
    if (!write_at(spool->fd, spool->end, records.ptr, records.len) || fdatasync(spool->fd) != 0) {
        rc = fail(spool, "write", err);
        if (ftruncate(spool->fd, (off_t)spool->end) != 0) {
            cm_log(CM_LOG_WARN, "cannot cut the spool", CM_F("path", spool->path));
        }
        return rc;
    }
    spool->end += records.len;
    spool->waiting += count;
    spool->last = last;
    return CM_OK;
}

/* --- Reading again --------------------------------------------------------------------------- */

/* Bytes of the first records that are not done. */
static cm_rc measure(const cm_spool *spool, size_t count_max, uint64_t *ret_len, size_t *ret_count,
                     cm_err *err) {
    uint64_t at = spool->begin;
    size_t count = 0;
    while (count < count_max && at < spool->end && (count == 0 || at - spool->begin < READ_BYTES)) {
        uint32_t len;
        if (!read_at(spool->fd, at, (char *)&len, sizeof len) ||
            spool->end - at < (uint64_t)FRAME_BYTES + len) {
            return cm_fail(err, CM_CORRUPT, "the spool '%s' has changed", spool->path);
        }
        at += FRAME_BYTES + len;
        count++;
    }
    *ret_len = at - spool->begin;
    *ret_count = count;
    return CM_OK;
}

cm_rc cm_spool_peek(cm_spool *spool, size_t count_max, cm_buf *out, size_t *ret_count,
                    cm_err *err) {
    uint64_t len = 0;
    size_t count = 0;
    uint64_t last;
    cm_rc rc = measure(spool, count_max, &len, &count, err);
    if (rc != CM_OK || count == 0) {
        *ret_count = 0;
        return rc;
    }
    char *to = cm_buf_reserve(out, len);
    if (to == NULL) {
        return cm_buf_check(out, err);
    }
    if (!read_at(spool->fd, spool->begin, to, len)) {
        return fail(spool, "read", err);
    }
    if (cm_spool_scan(cm_str_make(to, len), ret_count, &last) != len) {
        return cm_fail(err, CM_CORRUPT, "the spool '%s' has changed", spool->path);
    }
    out->len += len;
    return CM_OK;
}

void cm_spool_done(cm_spool *spool, size_t count) {
    for (size_t i = 0; i < count && spool->begin < spool->end; i++) {
        uint32_t len;
        if (!read_at(spool->fd, spool->begin, (char *)&len, sizeof len)) {
            return; /* read again: the database says how far it is */
        }
        spool->begin += FRAME_BYTES + len;
        spool->waiting--;
    }
    if (spool->begin == spool->end && ftruncate(spool->fd, HEAD_BYTES) == 0) {
        spool->begin = spool->end = HEAD_BYTES;
    }
}
