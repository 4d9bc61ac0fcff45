/* fault_vfs.h - the methods by which SQLite meets the failing disk of fault_disk.h. */
#ifndef CM_TEST_STORE_FAULT_VFS_H
#define CM_TEST_STORE_FAULT_VFS_H

#include "store/fault_disk.h" /* tests/unit/store */

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
FAULT_PASS(xUnfetch, (sqlite3_file * file, sqlite3_int64 at, void *map), real, at, map)

static inline int fault_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at) {
    fault_file *f = fault_of(file);
    bool fails = false;
    if (f->image != NULL) {
        pthread_mutex_lock(&fault.mutex);
        fails = ++fault.reads == fault.fail_read_at;
        pthread_mutex_unlock(&fault.mutex);
    }
    return fails ? SQLITE_IOERR_READ : f->real->pMethods->xRead(f->real, to, len, at);
}

static inline int fault_fetch(sqlite3_file *file, sqlite3_int64 at, int len, void **map) {
    *map = NULL; /* "not mapped": SQLite reads instead */
    sqlite3_file *real = fault_of(file)->real;
    return fault.fail_read_at != 0 ? SQLITE_OK : real->pMethods->xFetch(real, at, len, map);
}

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
                                             fault_read,
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
                                             fault_fetch,
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
    fault.reads = fault.fail_read_at = 0;
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
