/* backup.c - copies of the embedded database: made while it is in use, checked, and put back.
 *
 * One step of SQLite's backup interface copies all pages under one read transaction: readers and the
 * writer go on, and the copy is the database at one moment. (Smaller steps would start again whenever
 * another process writes.) The copy is made under another name, checked, synced and renamed, so that a
 * file with the wanted name is always a good backup.
 *
 * Behind the pages stands a seal over all of them, for what SQLite's own checks do not see: a flipped bit
 * in a value. SQLite does not look behind the pages its header counts. A file that is no whole number of
 * blocks has to have a good seal; one that is comes from a version that made none. */
#include "store/admin.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/path.h"
#include "store/catalogue.h"
#include "store/sqlite/sqlite_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static cm_rc path_of(const cm_store_options *options, cm_arena *arena, const char **ret_path,
                     cm_err *err) {
    const char *url = cm_store_url(options->url, options->data_dir, arena);
    if (!cm_str_starts(cm_str_from(url), CM_STR("sqlite:"))) {
        return cm_fail(err, CM_NOT_SUPPORTED,
                       "backups are for the embedded database; for PostgreSQL use pg_dump");
    }
    *ret_path = url + strlen("sqlite:");
    return CM_OK;
}

static cm_rc fail_open(sqlite3 *db, const char *path, cm_err *err) {
    cm_rc rc = cm_fail(err, CM_IO, "cannot open database '%s': %s", path,
                       db != NULL ? sqlite3_errmsg(db) : "no memory");
    sqlite3_close_v2(db);
    return rc;
}

static cm_rc open_file(const char *path, int flags, sqlite3 **ret_db, cm_err *err) {
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        return fail_open(db, path, err);
    }
    sqlite3_busy_timeout(db, 5000);
    *ret_db = db;
    return CM_OK;
}

static cm_rc sync_file(const char *path, cm_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        cm_rc rc = cm_fail_errno(err, errno, "cannot sync '%s'", path);
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    close(fd);
    return CM_OK;
}

static cm_rc copy_pages(const char *from, const char *to, cm_err *err) {
    sqlite3 *source = NULL;
    sqlite3 *target = NULL;
    cm_rc rc = open_file(from, SQLITE_OPEN_READONLY, &source, err);
    if (rc == CM_OK) {
        rc = open_file(to, SQLITE_OPEN_READWRITE, &target, err);
    }
    if (rc == CM_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");
        int code = backup != NULL ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;
        sqlite3_backup_finish(backup);
        if (code != SQLITE_DONE) {
            rc = cm_fail(err, code == SQLITE_FULL ? CM_STORAGE_FULL : CM_IO,
                         "cannot copy database '%s': %s", from, sqlite3_errstr(code));
        } else if (sqlite3_exec(target, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) !=
                   SQLITE_OK) {
            rc = cm_fail(err, CM_IO, "cannot finish backup '%s': %s", to, sqlite3_errmsg(target));
        }
    }
    sqlite3_close_v2(target);
    sqlite3_close_v2(source);
    return rc;
}

/* --- The seal --------------------------------------------------------------------------------- */

#define SEAL_MAGIC  "CMBACKUP"
#define BLOCK_BYTES 512u /* the smallest page */

typedef struct seal {
    char magic[8];
    uint64_t length; /* of what it is over */
    cm_hash128 hash;
    uint64_t zero[3];
    uint64_t own; /* hash of the members above */
} seal;

_Static_assert(sizeof(seal) == 64, "part of the format");

static seal seal_of(const void *bytes, size_t len) {
    seal s = {.length = len, .hash = cm_hash128_of(bytes, len)};
    memcpy(s.magic, SEAL_MAGIC, sizeof s.magic);
    s.own = cm_hash64(&s, offsetof(seal, own));
    return s;
}

static cm_rc add_seal(const char *path, cm_err *err) {
    cm_mapping map;
    cm_rc rc = cm_mapping_open(path, &map, err);
    if (rc != CM_OK) {
        return rc;
    }
    seal s = seal_of(map.ptr, map.len);
    cm_mapping_close(&map);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, &s, sizeof s) == (ssize_t)sizeof s;
    rc = good ? CM_OK : cm_fail_errno(err, errno, "cannot write backup '%s'", path);
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static cm_rc check_seal(const char *path, bool *ret_sealed, cm_err *err) {
    cm_mapping map;
    cm_rc rc = cm_mapping_open(path, &map, err);
    if (rc != CM_OK) {
        return rc;
    }
    *ret_sealed = map.len % BLOCK_BYTES != 0;
    if (*ret_sealed) {
        size_t len = map.len < sizeof(seal) ? 0 : map.len - sizeof(seal);
        seal wanted = seal_of(map.ptr, len);
        bool good = len != 0 && memcmp(map.ptr + len, &wanted, sizeof wanted) == 0;
        rc = good ? CM_OK
                  : cm_fail(err, CM_CORRUPT, "the backup is damaged: its checksum does not fit");
    }
    cm_mapping_close(&map);
    return rc;
}

static cm_rc sync_folder_of(const char *path, cm_err *err) {
    cm_str folder = cm_path_directory(cm_str_from(path));
    cm_cleanup(cm_freep) char *name =
        folder.len != 0 ? cm_strndup(folder.ptr, folder.len) : cm_strdup(".");
    return cm_dir_sync(name, err);
}

/* Copies `from` to a new private file and gives it its name once it is whole; `seals` makes it a backup. */
static cm_rc copy_checked(const char *from, const char *to, bool seals, cm_err *err) {
    cm_cleanup(cm_freep) char *part = cm_asprintf("%s.part", to);
    int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot write backup '%s'", part);
    }
    close(fd);
    uint64_t rows;
    bool sealed;
    cm_rc rc = copy_pages(from, part, err);
    if (rc == CM_OK && seals) {
        rc = add_seal(part, err);
    }
    if (rc == CM_OK) {
        rc = cm_store_backup_verify(part, &rows, &sealed, err);
    }
    if (rc == CM_OK) {
        rc = sync_file(part, err);
    }
    if (rc == CM_OK && rename(part, to) != 0) {
        rc = cm_fail_errno(err, errno, "cannot rename '%s'", part);
    }
    if (rc != CM_OK) {
        unlink(part);
        return rc;
    }
    return sync_folder_of(to, err);
}

cm_rc cm_store_backup_create(const cm_store_options *options, const char *path, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const char *from;
    cm_rc rc = path_of(options, arena, &from, err);
    if (rc == CM_OK && access(path, F_OK) == 0) {
        rc = cm_fail(err, CM_EXISTS, "'%s' exists; give another name", path);
    }
    return rc == CM_OK ? copy_checked(from, path, true, err) : rc;
}

/* --- Verify ----------------------------------------------------------------------------------- */

static cm_rc one_value(sqlite3 *db, const char *sql, cm_arena *arena, const char **ret_text,
                       cm_err *err) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    cm_rc rc = CM_OK;
    *ret_text = NULL;
    if (code == SQLITE_ROW) {
        *ret_text = cm_arena_c(arena, cm_str_from((const char *)sqlite3_column_text(stmt, 0)));
    } else if (code != SQLITE_DONE) {
        rc = cm_fail(err, CM_CORRUPT, "the backup is damaged: %s", sqlite3_errmsg(db));
    }
    sqlite3_finalize(stmt);
    return rc;
}

static cm_rc expect_value(sqlite3 *db, const char *sql, const char *expected, const char *what,
                          cm_arena *arena, cm_err *err) {
    const char *text;
    cm_rc rc = one_value(db, sql, arena, &text, err);
    if (rc != CM_OK) {
        return rc;
    }
    bool same = expected == NULL ? text == NULL : text != NULL && strcmp(text, expected) == 0;
    return same ? CM_OK : cm_fail(err, CM_CORRUPT, "%s: %s", what, text != NULL ? text : "nothing");
}

static cm_rc count_rows(sqlite3 *db, cm_arena *arena, uint64_t *ret_rows, cm_err *err) {
    uint64_t all = 0;
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < CM_TABLES; i++) {
        const char *text;
        uint64_t rows = 0;
        cm_str sql = cm_arena_fmt(arena, "SELECT count(*) FROM %s", cm_tables[i].name);
        rc = one_value(db, sql.ptr, arena, &text, err);
        if (rc == CM_OK && cm_str_to_u64(cm_str_from(text), &rows)) {
            all += rows;
        }
    }
    *ret_rows = all;
    return rc;
}

cm_rc cm_store_backup_verify(const char *path, uint64_t *ret_rows, bool *ret_sealed, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    sqlite3 *db;
    if (access(path, R_OK) != 0) {
        return cm_fail_errno(err, errno, "cannot read backup '%s'", path);
    }
    cm_rc rc = check_seal(path, ret_sealed, err);
    if (rc != CM_OK) {
        return cm_err_prefix(err, rc, "backup '%s'", path);
    }
    rc = open_file(path, SQLITE_OPEN_READONLY, &db, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_str id = cm_arena_fmt(arena, "%d", CM_SQLITE_APPLICATION_ID);
    rc = expect_value(db, "PRAGMA integrity_check(1)", "ok", "the backup is damaged", arena, err);
    if (rc == CM_OK) {
        rc = expect_value(db, "PRAGMA application_id", id.ptr, "this is no codementor database",
                          arena, err);
    }
    if (rc == CM_OK) {
        rc = expect_value(db, "PRAGMA foreign_key_check", NULL, "rows refer to missing rows", arena,
                          err);
    }
    uint64_t rows = 0;
    if (rc == CM_OK) {
        rc = count_rows(db, arena, &rows, err);
    }
    sqlite3_close_v2(db);
    if (rc == CM_OK) {
        *ret_rows = rows;
        return CM_OK;
    }
    return cm_err_prefix(err, rc, "backup '%s'", path);
}

/* --- Restore ---------------------------------------------------------------------------------- */

/* Moves the write-ahead log into the file, so that one file is all there is to keep. */
static cm_rc settle(const char *path, cm_err *err) {
    sqlite3 *db;
    cm_rc rc = open_file(path, SQLITE_OPEN_READWRITE, &db, err);
    if (rc == CM_OK) {
        if (sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK) {
            rc = cm_fail(err, CM_CONFLICT, "database '%s' is in use; stop the server first", path);
        }
        sqlite3_close_v2(db);
    }
    return rc;
}

cm_rc cm_store_backup_restore(const cm_store_options *options, const char *path, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    const char *to;
    cm_rc rc = path_of(options, arena, &to, err);
    if (rc != CM_OK) {
        return rc;
    }
    const char *fresh = cm_arena_fmt(arena, "%s.restoring", to).ptr;
    const char *kept = cm_arena_fmt(arena, "%s.before-restore", to).ptr;
    bool sealed;
    rc = access(path, R_OK) == 0 ? check_seal(path, &sealed, err)
                                 : cm_fail_errno(err, errno, "cannot read backup '%s'", path);
    if (rc == CM_OK) {
        rc = copy_checked(path, fresh, false, err);
    }
    if (rc == CM_OK && access(to, F_OK) == 0) {
        rc = settle(to, err);
        if (rc == CM_OK && rename(to, kept) != 0) {
            rc = cm_fail_errno(err, errno, "cannot keep the old database as '%s'", kept);
        }
    }
    if (rc == CM_OK && rename(fresh, to) != 0) {
        rc = cm_fail_errno(err, errno, "cannot put the backup in place of '%s'", to);
    }
    if (rc != CM_OK) {
        unlink(fresh);
        return rc;
    }
    return sync_folder_of(to, err);
}
