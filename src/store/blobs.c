/* blobs.c - see blobs.h.
 *
 * A file of the store is complete or absent: it is synced under another name and renamed. One that is put
 * again gets the present as its time, so that a sweep that runs meanwhile leaves it alone. */
#include "store/blobs_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/q/workspaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL          3   /* of zstd: source text shrinks to a quarter at 200 MB/s */
#define SWEEP_BATCH    500 /* as in blobs_sweep */
#define COMPRESSED_MIN 256 /* shorter ones gain nothing worth a frame */

/* --- Putting ---------------------------------------------------------------------------------- */

static cm_str location_of(const cm_uuid *workspace, const char hash[CM_SHA256_TEXT],
                          cm_arena *arena) {
    char text[CM_UUID_TEXT];
    cm_uuid_format(workspace, text);
    return cm_arena_fmt(arena, "%s/%.2s/%s", text, hash, hash);
}

/* Puts share the lock of the store's files, a sweep has it alone between its last look at a file and the
 * deletion: else a file that is put again in between would be deleted under a row that is new. Closing
 * the descriptor lets go. */
static cm_rc lock_files(const char *data_dir, int how, int *ret_fd, cm_err *err) {
    cm_cleanup(cm_freep) char *folder = cm_asprintf("%s/blobs", data_dir);
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/.lock", folder);
    cm_rc rc = cm_dir_make(folder, err);
    if (rc != CM_OK) {
        return rc;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int got = fd < 0 ? -1 : flock(fd, how);
    while (fd >= 0 && got != 0 && errno == EINTR) {
        got = flock(fd, how);
    }
    if (got == 0) {
        *ret_fd = fd;
        return CM_OK;
    }
    rc = cm_fail_errno(err, errno, "cannot lock '%s'", path);
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* True when the file is there already, whole; it is young from now on. */
static bool renew(const char *path, uint64_t size) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && (uint64_t)info.st_size == size &&
           utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

static cm_rc make_parent(const char *path, cm_err *err) {
    const char *slash = strrchr(path, '/');
    cm_cleanup(cm_freep) char *folder = cm_strndup(path, (size_t)(slash - path));
    return cm_dir_make(folder, err);
}

static cm_rc write_file(const char *data_dir, const cm_blob_ready *ready, cm_str content,
                        cm_err *err) {
    cm_cleanup(cm_freep) char *path =
        cm_asprintf("%s/blobs/" CM_STR_FMT, data_dir, CM_STR_ARG(ready->location));
    int lock;
    cm_rc rc = lock_files(data_dir, LOCK_SH, &lock, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!renew(path, ready->size)) {
        rc = make_parent(path, err);
        rc = rc == CM_OK ? cm_file_replace(path, content, 0600, err) : rc;
    }
    close(lock);
    return rc;
}

/* The frame when it is smaller than the content; else the content itself. */
static cm_rc compress(cm_str content, cm_arena *arena, cm_blob_ready *ready, cm_err *err) {
    ready->data = content;
    if (content.len < COMPRESSED_MIN) {
        return CM_OK;
    }
    size_t bound = ZSTD_compressBound(content.len);
    char *frame = cm_arena_try_alloc(arena, bound);
    if (frame == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory to compress %zu bytes", content.len);
    }
    size_t len = ZSTD_compress(frame, bound, content.ptr, content.len, LEVEL);
    if (!ZSTD_isError(len) && len < content.len) {
        ready->data = cm_str_make(frame, len);
        ready->compressed = true;
    }
    return CM_OK;
}

cm_rc cm_blob_prepare(const char *data_dir, const cm_blob_new *blob, cm_arena *arena,
                      cm_blob_ready *ret_ready, cm_err *err) {
    cm_blob_ready ready = {.workspace_id = blob->workspace_id,
                           .size = blob->content.len,
                           .media_type = blob->media_type};
    if (blob->content.len > CM_BLOB_BYTES_MAX) {
        return cm_fail(err, CM_LIMIT, "a content of %zu bytes is longer than %zu",
                       blob->content.len, (size_t)CM_BLOB_BYTES_MAX);
    }
    cm_sha256_hex(blob->content.ptr, blob->content.len, ready.hash);
    cm_rc rc = compress(blob->content, arena, &ready, err);
    if (rc == CM_OK && ready.data.len > CM_BLOB_INLINE_MAX) {
        ready.data = CM_STR_EMPTY;
        ready.compressed = false;
        ready.in_file = true;
        ready.location = location_of(&ready.workspace_id, ready.hash, arena);
        rc = write_file(data_dir, &ready, blob->content, err);
    }
    if (rc == CM_OK) {
        *ret_ready = ready;
    }
    return rc;
}

cm_rc cm_blob_record(const cm_db *system, const cm_blob_ready *ready, cm_uuid *ret_id,
                     cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_blobs_keep_in in = {.id = cm_uuid_v7(),
                             .workspace_id = ready->workspace_id,
                             .content_hash = cm_str_from(ready->hash),
                             .size_bytes = (int64_t)ready->size,
                             .storage = ready->in_file ? CM_STR("file") : CM_STR("inline"),
                             .location = ready->location,
                             .compression = ready->compressed ? CM_STR("zstd") : CM_STR("none"),
                             .media_type =
                                 ready->media_type.len > 0 ? ready->media_type : (cm_str){NULL, 0}};
    if (!ready->in_file) {
        in.data = ready->data.len > 0 ? ready->data : CM_STR(""); /* NULL would be no content */
    }
    cm_q_blobs_keep_row row;
    cm_rc rc = cm_q_blobs_keep(system, &in, arena, &row, err);
    if (rc == CM_OK) {
        *ret_id = row.id;
    }
    return rc;
}

cm_rc cm_blob_put(const cm_db *system, const char *data_dir, const cm_blob_new *blob,
                  cm_uuid *ret_id, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_blob_ready ready;
    cm_rc rc = cm_blob_prepare(data_dir, blob, arena, &ready, err);
    return rc == CM_OK ? cm_blob_record(system, &ready, ret_id, err) : rc;
}

static cm_rc hash_file(const char *path, cm_blob_ready *ready, cm_err *err) {
    cm_mapping mapping;
    cm_rc rc = cm_mapping_open(path, &mapping, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_sha256_hex(mapping.ptr, mapping.len, ready->hash);
    ready->size = mapping.len;
    cm_mapping_close(&mapping);
    return CM_OK;
}

static cm_rc sync_file(const char *path, cm_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open '%s'", path);
    }
    cm_rc rc = fsync(fd) == 0 ? CM_OK : cm_fail_errno(err, errno, "cannot sync '%s'", path);
    close(fd);
    return rc;
}

static cm_rc move_file(const char *data_dir, const char *path, const char *target, cm_err *err) {
    int lock;
    cm_rc rc = lock_files(data_dir, LOCK_SH, &lock, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (rename(path, target) == 0) {
        (void)utimensat(AT_FDCWD, target, NULL, 0); /* a rename keeps the time */
        cm_cleanup(cm_freep) char *folder =
            cm_strndup(target, (size_t)(strrchr(target, '/') - target));
        rc = cm_dir_sync(folder, err);
    } else {
        rc = cm_fail_errno(err, errno, "cannot move '%s' to '%s'", path, target);
    }
    close(lock);
    return rc;
}

cm_rc cm_blob_adopt(const cm_db *system, const char *data_dir, cm_uuid workspace_id,
                    const char *path, cm_str media_type, cm_uuid *ret_id, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_blob_ready ready = {.workspace_id = workspace_id, .media_type = media_type, .in_file = true};
    cm_rc rc = hash_file(path, &ready, err);
    if (rc != CM_OK) {
        return rc;
    }
    ready.location = location_of(&workspace_id, ready.hash, arena);
    const char *target =
        cm_arena_fmt(arena, "%s/blobs/" CM_STR_FMT, data_dir, CM_STR_ARG(ready.location)).ptr;
    rc = sync_file(path, err);
    rc = rc == CM_OK ? make_parent(target, err) : rc;
    if (rc == CM_OK && chmod(path, 0600) != 0) {
        rc = cm_fail_errno(err, errno, "cannot set the mode of '%s'", path);
    }
    rc = rc == CM_OK ? move_file(data_dir, path, target, err) : rc;
    return rc == CM_OK ? cm_blob_record(system, &ready, ret_id, err) : rc;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static cm_rc unpack(const cm_row_blobs *row, cm_buf *out, cm_err *err) {
    size_t size = (size_t)row->size_bytes;
    if (!cm_str_eq_c(row->compression, "zstd")) {
        cm_buf_add_str(out, row->data);
        return cm_buf_check(out, err);
    }
    if (ZSTD_getFrameContentSize(row->data.ptr, row->data.len) != size) {
        return cm_fail(err, CM_CORRUPT, "a blob is damaged");
    }
    char *room = cm_buf_reserve(out, size);
    if (room == NULL) {
        return cm_buf_check(out, err);
    }
    if (ZSTD_decompress(room, size, row->data.ptr, row->data.len) != size) {
        return cm_fail(err, CM_CORRUPT, "a blob is damaged");
    }
    out->len += size;
    return CM_OK;
}

cm_rc cm_blob_file(const cm_row_blobs *row, const char *data_dir, char **ret_path, cm_err *err) {
    char workspace[CM_UUID_TEXT];
    cm_uuid_format(&row->workspace_id, workspace);
    cm_str hash = row->content_hash;
    bool good = hash.len == CM_SHA256_TEXT - 1;
    for (size_t i = 0; good && i < hash.len; i++) {
        good = (hash.ptr[i] >= '0' && hash.ptr[i] <= '9') ||
               (hash.ptr[i] >= 'a' && hash.ptr[i] <= 'f');
    }
    cm_cleanup(cm_freep) char *location =
        good ? cm_asprintf("%s/%.2s/" CM_STR_FMT, workspace, hash.ptr, CM_STR_ARG(hash)) : NULL;
    if (location == NULL || !cm_str_eq_c(row->location, location)) {
        return cm_fail(err, CM_CORRUPT, "a blob's row names a file that is not its own");
    }
    *ret_path = cm_asprintf("%s/blobs/%s", data_dir, location);
    return CM_OK;
}

static cm_rc read_file(const cm_row_blobs *row, const char *data_dir, cm_buf *out, cm_err *err) {
    cm_cleanup(cm_freep) char *path = NULL;
    cm_rc rc = cm_blob_file(row, data_dir, &path, err);
    return rc == CM_OK ? cm_file_read(path, (size_t)row->size_bytes, out, err) : rc;
}

cm_rc cm_blob_read(const cm_db *db, const char *data_dir, const cm_uuid *id, cm_buf *out,
                   cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_row_blobs row;
    size_t before = out->len;
    cm_rc rc = cm_q_blobs_get(db, &(cm_q_blobs_get_in){*id}, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    if ((uint64_t)row.size_bytes > out->max - before) {
        return cm_fail(err, CM_LIMIT, "a blob of %lld bytes is longer than the %zu that are left",
                       (long long)row.size_bytes, out->max - before);
    }
    rc = cm_str_eq_c(row.storage, "inline") ? unpack(&row, out, err)
                                            : read_file(&row, data_dir, out, err);
    char hash[CM_SHA256_TEXT];
    if (rc == CM_OK) {
        cm_sha256_hex(out->ptr == NULL ? "" : out->ptr + before, out->len - before, hash);
    }
    if (rc == CM_OK && !cm_str_eq_c(row.content_hash, hash)) {
        rc = cm_fail(err, CM_CORRUPT, "a blob is damaged: its content has another hash");
    }
    if (rc != CM_OK) {
        cm_buf_truncate(out, before);
    }
    return rc;
}

cm_rc cm_blob_path(const cm_db *db, const char *data_dir, const cm_uuid *id, cm_arena *arena,
                   cm_str *ret_path, cm_err *err) {
    cm_row_blobs row;
    cm_cleanup(cm_freep) char *path = NULL;
    cm_rc rc = cm_q_blobs_get(db, &(cm_q_blobs_get_in){*id}, arena, &row, err);
    if (rc == CM_OK && cm_str_eq_c(row.storage, "file")) {
        rc = cm_blob_file(&row, data_dir, &path, err);
    }
    if (rc == CM_OK) {
        *ret_path = path == NULL ? CM_STR_EMPTY : cm_str_from(cm_arena_c(arena, cm_str_from(path)));
    }
    return rc;
}

/* --- Sweeping --------------------------------------------------------------------------------- */

typedef struct sweep {
    const cm_db *db;
    const char *data_dir;
    int64_t before_ms;
    cm_uuid workspace;
    cm_arena *arena; /* of one file */
    cm_blobs_swept swept;
} sweep;

static bool is_old(const sweep *s, const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_mtim.tv_sec * 1000 < s->before_ms;
}

static cm_rc delete_old(sweep *s, const char *path, cm_err *err) {
    int lock;
    cm_rc rc = lock_files(s->data_dir, LOCK_EX, &lock, err);
    if (rc != CM_OK) {
        return rc;
    }
    bool is_put_again = !is_old(s, path);
    if (!is_put_again && unlink(path) != 0) {
        rc = cm_fail_errno(err, errno, "cannot delete '%s'", path);
    }
    s->swept.files += !is_put_again && rc == CM_OK;
    close(lock);
    return rc;
}

/* Old, and of no row: what a crash, an erasure or the sweep of rows left. */
static cm_rc sweep_file(void *argument, const char *path, const char *name, cm_err *err) {
    sweep *s = argument;
    cm_q_blobs_by_hash_row row;
    if (!is_old(s, path)) {
        return CM_OK;
    }
    cm_arena_clear(s->arena);
    cm_q_blobs_by_hash_in in = {s->workspace, cm_str_from(name)};
    cm_rc rc = cm_q_blobs_by_hash(s->db, &in, s->arena, &row, err);
    if (rc != CM_NOT_FOUND) {
        return rc;
    }
    rc = delete_old(s, path, err);
    return rc == CM_OK ? cm_cancel_check(s->db->cancel, err) : rc;
}

static cm_rc sweep_shelf(void *argument, const char *path, const char *name, cm_err *err) {
    (void)name;
    return cm_dir_each(path, sweep_file, argument, err);
}

static cm_rc sweep_workspace(void *argument, const char *path, const char *name, cm_err *err) {
    sweep *s = argument;
    cm_row_workspaces row;
    if (!cm_uuid_parse(cm_str_from(name), &s->workspace)) {
        return CM_OK; /* not ours */
    }
    cm_arena_clear(s->arena);
    cm_rc rc =
        cm_q_workspaces_get(s->db, &(cm_q_workspaces_get_in){s->workspace}, s->arena, &row, err);
    if (rc == CM_NOT_FOUND) { /* nothing can be put there any more */
        s->swept.files++;
        return cm_dir_remove(path, err);
    }
    return rc == CM_OK ? cm_dir_each(path, sweep_shelf, s, err) : rc;
}

static cm_rc sweep_rows(sweep *s, cm_err *err) {
    cm_q_blobs_sweep_in in = {.before = s->before_ms, .limit = SWEEP_BATCH};
    uint64_t changed = 0;
    cm_rc rc;
    do {
        rc = cm_cancel_check(s->db->cancel, err);
        rc = rc == CM_OK ? cm_q_blobs_sweep(s->db, &in, &changed, err) : rc;
        s->swept.rows += rc == CM_OK ? changed : 0;
    } while (rc == CM_OK && changed == SWEEP_BATCH);
    return rc;
}

cm_rc cm_blobs_sweep(const cm_db *system, const char *data_dir, int64_t before_ms,
                     cm_blobs_swept *ret_swept, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_cleanup(cm_freep) char *folder = cm_asprintf("%s/blobs", data_dir);
    sweep s = {.db = system, .data_dir = data_dir, .before_ms = before_ms, .arena = arena};
    cm_rc rc = sweep_rows(&s, err);
    rc = rc == CM_OK ? cm_dir_each(folder, sweep_workspace, &s, err) : rc;
    if (rc == CM_OK) {
        *ret_swept = s.swept;
    }
    return rc;
}
