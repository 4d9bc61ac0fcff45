/* fault_disk.h - a disk that fails on purpose, as an SQLite VFS around the real one.
 *
 * It notes every write and truncation since the last sync of each file. At the write chosen by
 * `fault_power_off_at` it takes the picture that a power loss would leave: what was synced, plus a
 * seeded part of what was not (each unsynced write kept, lost, or torn at a 512-byte sector). The run
 * itself goes on; the picture is written elsewhere and opened afterwards. `fault_fail_at` makes one
 * operation fail instead, `fault_fail_read_at` one read (nothing is mapped meanwhile). Syncs do not reach
 * the disk here: that is what makes many rounds quick. */
#ifndef CM_TEST_STORE_FAULT_DISK_H
#define CM_TEST_STORE_FAULT_DISK_H

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
    uint64_t reads, fail_read_at;
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

#endif
