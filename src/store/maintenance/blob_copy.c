/* blob_copy.c - a content of any size into a file of its own: handed out verified, or not at all. */
#include "store/blobs_priv.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP CM_KIB(64)

static cm_rc write_all(int fd, const char *bytes, size_t len, const char *path, cm_err *err) {
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, bytes + done, len - done);
        if (n < 0 && errno != EINTR) {
            return cm_fail_errno(err, errno, "cannot write '%s'", path);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return CM_OK;
}

static cm_rc copy_bytes(int from, int to, const cm_row_blobs *row, const char *path, cm_err *err) {
    crypto_hash_sha256_state state;
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hash[CM_SHA256_TEXT];
    char step[STEP];
    int64_t bytes = 0;
    ssize_t n;
    cm_rc rc = CM_OK;
    crypto_hash_sha256_init(&state);
    while (rc == CM_OK && bytes <= row->size_bytes && (n = read(from, step, sizeof step)) != 0) {
        if (n < 0) {
            rc = errno == EINTR ? CM_OK : cm_fail_errno(err, errno, "cannot read a blob's file");
            continue;
        }
        bytes += n;
        crypto_hash_sha256_update(&state, (unsigned char *)step, (size_t)n);
        rc = write_all(to, step, (size_t)n, path, err);
    }
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(hash, sizeof hash, digest, sizeof digest);
    if (rc == CM_OK && (bytes != row->size_bytes || !cm_str_eq_c(row->content_hash, hash))) {
        rc = cm_fail(err, CM_CORRUPT, "a blob is damaged: its file is not what was written");
    }
    return rc == CM_OK && fsync(to) != 0 ? cm_fail_errno(err, errno, "cannot sync '%s'", path) : rc;
}

/* The copy grows under another name, so that a damaged one never has the one that was asked for. */
static cm_rc copy_to(int from, const cm_row_blobs *row, const char *path, cm_err *err) {
    cm_cleanup(cm_freep) char *part = cm_asprintf("%s.XXXXXX", path);
    int to = mkostemp(part, O_CLOEXEC); /* 0600 */
    if (to < 0) {
        return cm_fail_errno(err, errno, "cannot write '%s'", path);
    }
    cm_rc rc = copy_bytes(from, to, row, path, err);
    close(to);
    if (rc == CM_OK && rename(part, path) != 0) {
        rc = cm_fail_errno(err, errno, "cannot write '%s'", path);
    }
    if (rc != CM_OK) {
        unlink(part);
    }
    return rc;
}

static cm_rc copy_file(const cm_row_blobs *row, const char *data_dir, const char *path,
                       cm_err *err) {
    cm_cleanup(cm_freep) char *from = NULL;
    cm_rc rc = cm_blob_file(row, data_dir, &from, err);
    if (rc != CM_OK) {
        return rc;
    }
    int fd = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ELOOP ? cm_fail(err, CM_CORRUPT, "'%s' is a link", from)
                              : cm_fail_errno(err, errno, "cannot open '%s'", from);
    }
    rc = copy_to(fd, row, path, err);
    close(fd);
    return rc;
}

/* What lies in its row is small. */
static cm_rc copy_row(const cm_db *db, const char *data_dir, const cm_uuid *id, const char *path,
                      cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf content;
    cm_buf_init(&content, CM_BLOB_BYTES_MAX);
    cm_rc rc = cm_blob_read(db, data_dir, id, &content, err);
    return rc == CM_OK ? cm_file_replace(path, cm_buf_str(&content), 0600, err) : rc;
}

cm_rc cm_blob_copy(const cm_db *db, const char *data_dir, const cm_uuid *id, const char *path,
                   cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_row_blobs row;
    cm_rc rc = cm_q_blobs_get(db, &(cm_q_blobs_get_in){*id}, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    return cm_str_eq_c(row.storage, "file") ? copy_file(&row, data_dir, path, err)
                                            : copy_row(db, data_dir, id, path, err);
}
