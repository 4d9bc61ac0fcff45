/* fault_vfs.h - a disk that fails on purpose, as an SQLite VFS around the real one.
 *
 * It notes every write and truncation since the last sync of each file. At the write chosen by
 * `fault_power_off_at` it takes the picture that a power loss would leave: what was synced, plus a
 * seeded part of what was not (each unsynced write kept, lost, or torn at a 512-byte sector). The run
 * itself goes on; the picture is written elsewhere and opened afterwards. `fault_fail_at` makes one
 * operation fail instead. Syncs do not reach the disk here: that is what makes many rounds quick. */
#ifndef CM_TEST_STORE_FAULT_VFS_H
#define CM_TEST_STORE_FAULT_VFS_H

#include "base/base.h"
#include "base/mem.h"
#include "base/vec.h"

#include <pthread.h>
#include <sqlite3.h>

#define FAULT_FILES  16
#define FAULT_SECTOR 512

typedef struct fault_op {
    sqlite3_int64 offset;
    char *bytes; /* NULL: truncation to `offset` */
    int len;
} fault_op;

typedef struct fault_image {
    char path[256];
    char *synced;
    size_t synced_len;
    CM_VEC(fault_op) unsynced;
    char *picture; /* what power loss leaves, once taken */
    size_t picture_len;
    bool used;
} fault_image;

typedef struct fault_file {
    sqlite3_file base;
    fault_image *image; /* NULL for files that do not outlive the process */
    sqlite3_file *real;
} fault_file;

typedef struct fault_disk {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods;
    pthread_mutex_t mutex;
    fault_image images[FAULT_FILES];
    uint64_t ops, fail_at, power_off_at;
    int fail_code;
    uint64_t random;
    const uint64_t *acknowledged; /* counted by the workload ... */
    uint64_t acknowledged_then;   /* ... and its value when the power went */
    bool taken;
} fault_disk;

static fault_disk fault; /* SQLite's registry of VFS is global, so is this */

static inline uint64_t fault_next(void) {
    fault.random ^= fault.random << 13;
    fault.random ^= fault.random >> 7;
    fault.random ^= fault.random << 17;
    return fault.random;
}

static inline void fault_put(char **bytes, size_t *len, const fault_op *op, size_t part) {
    if (op->bytes == NULL) {
        *len = CM_MIN(*len, (size_t)op->offset);
        return;
    }
    size_t end = (size_t)op->offset + part;
    if (end > *len) {
        *bytes = cm_realloc(*bytes, end);
        memset(*bytes + *len, 0, end - *len);
        *len = end;
    }
    memcpy(*bytes + op->offset, op->bytes, part);
}

static inline void fault_take_picture(void) {
    fault.taken = true;
    fault.acknowledged_then = __atomic_load_n(fault.acknowledged, __ATOMIC_SEQ_CST);
    for (int i = 0; i < FAULT_FILES; i++) {
        fault_image *image = &fault.images[i];
        if (!image->used) {
            continue;
        }
        image->picture_len = image->synced_len;
        image->picture = cm_alloc(image->synced_len + 1);
        memcpy(image->picture, image->synced, image->synced_len);
        for (size_t k = 0; k < image->unsynced.count; k++) {
            const fault_op *op = &image->unsynced.items[k];
            uint64_t fate = fault_next() % 4;
            if (fate == 0) {
                continue; /* lost */
            }
            size_t part = (size_t)op->len;
            if (fate == 1 && part > FAULT_SECTOR) {
                part = fault_next() % (part / FAULT_SECTOR) * FAULT_SECTOR; /* torn */
            }
            fault_put(&image->picture, &image->picture_len, op, part);
        }
    }
}

/* Every operation that changes the disk comes through here. */
static inline int fault_step(void) {
    fault.ops++;
    if (fault.power_off_at != 0 && fault.ops == fault.power_off_at && !fault.taken) {
        fault_take_picture();
    }
    return fault.fail_at != 0 && fault.ops == fault.fail_at ? fault.fail_code : SQLITE_OK;
}

static inline void fault_note(fault_image *image, sqlite3_int64 offset, const void *bytes,
                              int len) {
    fault_op op = {.offset = offset, .len = len};
    if (bytes != NULL) {
        op.bytes = cm_alloc((size_t)len + 1);
        memcpy(op.bytes, bytes, (size_t)len);
    }
    cm_assert(cm_vec_push(&image->unsynced, op));
}

static inline void fault_settle(fault_image *image) {
    for (size_t i = 0; i < image->unsynced.count; i++) {
        fault_put(&image->synced, &image->synced_len, &image->unsynced.items[i],
                  (size_t)image->unsynced.items[i].len);
        cm_free(image->unsynced.items[i].bytes);
    }
    cm_vec_clear(&image->unsynced);
}

/* --- File methods --- */

static inline fault_file *fault_of(sqlite3_file *file) {
    return (fault_file *)file;
}

static inline int fault_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
    fault_file *f = fault_of(file);
    if (f->image != NULL) {
        pthread_mutex_lock(&fault.mutex);
        int code = fault_step();
        if (code == SQLITE_OK) {
            fault_note(f->image, at, bytes, len);
        }
        pthread_mutex_unlock(&fault.mutex);
        if (code != SQLITE_OK) {
            return code == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        }
    }
    return f->real->pMethods->xWrite(f->real, bytes, len, at);
}

static inline int fault_truncate(sqlite3_file *file, sqlite3_int64 size) {
    fault_file *f = fault_of(file);
    if (f->image != NULL) {
        pthread_mutex_lock(&fault.mutex);
        int code = fault_step();
        if (code == SQLITE_OK) {
            fault_note(f->image, size, NULL, 0);
        }
        pthread_mutex_unlock(&fault.mutex);
        if (code != SQLITE_OK) {
            return SQLITE_IOERR_TRUNCATE;
        }
    }
    return f->real->pMethods->xTruncate(f->real, size);
}

static inline int fault_sync(sqlite3_file *file, int flags) {
    (void)flags;
    fault_file *f = fault_of(file);
    int code = SQLITE_OK;
    if (f->image != NULL) {
        pthread_mutex_lock(&fault.mutex);
        code = fault_step();
        if (code == SQLITE_OK) {
            fault_settle(f->image);
        }
        pthread_mutex_unlock(&fault.mutex);
    }
    return code == SQLITE_OK ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

#define FAULT_PASS(name, parameters, ...)          \
    static inline int fault_##name parameters {    \
        sqlite3_file *real = fault_of(file)->real; \
        return real->pMethods->name(__VA_ARGS__);  \
    }
FAULT_PASS(xClose, (sqlite3_file * file), real)
FAULT_PASS(xRead, (sqlite3_file * file, void *to, int len, sqlite3_int64 at), real, to, len, at)
FAULT_PASS(xFileSize, (sqlite3_file * file, sqlite3_int64 *size), real, size)
FAULT_PASS(xLock, (sqlite3_file * file, int level), real, level)
FAULT_PASS(xUnlock, (sqlite3_file * file, int level), real, level)
FAULT_PASS(xCheckReservedLock, (sqlite3_file * file, int *is), real, is)
FAULT_PASS(xFileControl, (sqlite3_file * file, int op, void *arg), real, op, arg)
FAULT_PASS(xSectorSize, (sqlite3_file * file), real)
FAULT_PASS(xDeviceCharacteristics, (sqlite3_file * file), real)
FAULT_PASS(xShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **map),
           real, page, size, extend, map)
FAULT_PASS(xShmLock, (sqlite3_file * file, int offset, int n, int flags), real, offset, n, flags)
FAULT_PASS(xShmUnmap, (sqlite3_file * file, int drop), real, drop)
FAULT_PASS(xFetch, (sqlite3_file * file, sqlite3_int64 at, int len, void **map), real, at, len, map)
FAULT_PASS(xUnfetch, (sqlite3_file * file, sqlite3_int64 at, void *map), real, at, map)

static inline void fault_xShmBarrier(sqlite3_file *file) {
    fault_of(file)->real->pMethods->xShmBarrier(fault_of(file)->real);
}

/* --- VFS methods --- */

static inline fault_image *fault_image_of(const char *path) {
    for (int i = 0; i < FAULT_FILES; i++) {
        if (fault.images[i].used && strcmp(fault.images[i].path, path) == 0) {
            return &fault.images[i];
        }
    }
    for (int i = 0; i < FAULT_FILES; i++) {
        if (!fault.images[i].used) {
            fault.images[i] = (fault_image){.used = true, .synced = cm_alloc(1)};
            snprintf(fault.images[i].path, sizeof fault.images[i].path, "%s", path);
            return &fault.images[i];
        }
    }
    cm_assert(!"too many files");
    return NULL;
}

/* A file that was there before counts as synced. */
static inline void fault_read_old(fault_image *image, const char *path) {
    FILE *file = image->synced_len == 0 ? fopen(path, "rb") : NULL;
    if (file == NULL) {
        return;
    }
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof part, file)) > 0) {
        image->synced = cm_realloc(image->synced, image->synced_len + got);
        memcpy(image->synced + image->synced_len, part, got);
        image->synced_len += got;
    }
    fclose(file);
}

static inline int fault_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                             int *ret_flags) {
    (void)vfs;
    fault_file *f = fault_of(file);
    *f = (fault_file){.real = (sqlite3_file *)(f + 1)};
    if (path != NULL &&
        (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL))) {
        pthread_mutex_lock(&fault.mutex);
        f->image = fault_image_of(path);
        if (f->image->unsynced.count == 0) {
            fault_read_old(f->image, path);
        }
        pthread_mutex_unlock(&fault.mutex);
    }
    int code = fault.real->xOpen(fault.real, path, f->real, flags, ret_flags);
    f->base.pMethods = f->real->pMethods != NULL ? &fault.methods : NULL;
    return code;
}

static inline int fault_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    (void)vfs;
    pthread_mutex_lock(&fault.mutex);
    for (int i = 0; i < FAULT_FILES; i++) {
        if (fault.images[i].used && strcmp(fault.images[i].path, path) == 0) {
            fault_settle(&fault.images[i]);
            fault.images[i].synced_len = 0;
        }
    }
    pthread_mutex_unlock(&fault.mutex);
    return fault.real->xDelete(fault.real, path, sync);
}

/* Forgets all files and faults; makes this the default VFS at the first call. */
static inline void fault_begin(uint64_t seed) {
    if (fault.real == NULL) {
        fault.real = sqlite3_vfs_find(NULL);
        fault.vfs = *fault.real;
        fault.vfs.pNext = NULL;
        fault.vfs.zName = "fault";
        fault.vfs.szOsFile = (int)sizeof(fault_file) + fault.real->szOsFile;
        fault.vfs.xOpen = fault_open;
        fault.vfs.xDelete = fault_delete;
        fault.methods = (sqlite3_io_methods){3,
                                             fault_xClose,
                                             fault_xRead,
                                             fault_write,
                                             fault_truncate,
                                             fault_sync,
                                             fault_xFileSize,
                                             fault_xLock,
                                             fault_xUnlock,
                                             fault_xCheckReservedLock,
                                             fault_xFileControl,
                                             fault_xSectorSize,
                                             fault_xDeviceCharacteristics,
                                             fault_xShmMap,
                                             fault_xShmLock,
                                             fault_xShmBarrier,
                                             fault_xShmUnmap,
                                             fault_xFetch,
                                             fault_xUnfetch};
        pthread_mutex_init(&fault.mutex, NULL);
        sqlite3_vfs_register(&fault.vfs, 1);
    }
    for (int i = 0; i < FAULT_FILES; i++) {
        fault_image *image = &fault.images[i];
        fault_settle(image);
        cm_vec_done(&image->unsynced);
        cm_free(image->synced);
        cm_free(image->picture);
        *image = (fault_image){0};
    }
    fault.ops = fault.fail_at = fault.power_off_at = 0;
    fault.taken = false;
    fault.random = seed * 0x9E3779B97F4A7C15ull + 1;
}

/* Writes the picture of the power loss over the real files of `path` (closed by now). */
static inline bool fault_restore(const char *path) {
    static const char *const suffixes[] = {"", "-wal", "-journal"};
    for (size_t s = 0; s < CM_COUNT(suffixes); s++) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", path, suffixes[s]);
        remove(name);
        for (int i = 0; i < FAULT_FILES; i++) {
            const fault_image *image = &fault.images[i];
            if (!image->used || strcmp(image->path, name) != 0 || image->picture == NULL) {
                continue;
            }
            FILE *file = fopen(name, "wb");
            if (file == NULL) {
                return false;
            }
            fwrite(image->picture, 1, image->picture_len, file);
            fclose(file);
        }
    }
    return true;
}

#endif
