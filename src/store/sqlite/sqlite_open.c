/* sqlite_open.c - opening the database file: settings of a connection, whose file it is, and whether it
 * is whole.
 *
 * A clean close empties and removes the write-ahead log, so a log that is still there means the last
 * owner died. SQLite recovers from that by itself; a quick_check makes sure before anything is built on
 * it. A file that fails is never repaired in place: it is moved aside (with its log) for whoever wants to
 * rescue rows from it, and a fresh one is made. */
#include "store/sqlite/sqlite_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAL_RETRY_MS 5

/* SQLite calls only ENOSPC a full disk. Each of its files knows its last errno; sqlite3_system_errno has none of a
 * commit. */
bool cm_sqlite_no_room(sqlite3 *db) {
    static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    for (size_t i = 0; i < CM_COUNT(files); i++) {
        sqlite3_file *file = NULL;
        int code = 0;
        if (sqlite3_file_control(db, "main", files[i], &file) == SQLITE_OK && file != NULL &&
            file->pMethods != NULL) {
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &code);
        }
        if (code == EFBIG || code == EDQUOT) {
            return true;
        }
    }
    return false;
}

/* Per connection; the journal mode alone is kept in the file. cell_size_check guards against a file that
 * someone else has damaged. trusted_schema stays on: SQLite 3.40 does not mark json_valid() as innocuous,
 * and the CHECKs use it. */
static const char settings[] = "PRAGMA foreign_keys=ON;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA cell_size_check=ON;"
                               "PRAGMA mmap_size=268435456;"
                               "PRAGMA cache_size=-8192;";
static const char writer_settings[] = "PRAGMA journal_size_limit=67108864;"
                                      "PRAGMA synchronous=FULL;"
                                      "PRAGMA analysis_limit=400;";

/* Turning a fresh file to WAL needs it alone, and SQLite does not call its busy handler for that: of several
 * servers that start at once all but one would fail. */
static cm_rc enter_wal(const cm_sqlite *self, sqlite3 *db, cm_err *err) {
    uint64_t give_up = cm_clock_ms() + self->busy_ms;
    int code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    while ((code & 0xff) == SQLITE_BUSY && cm_clock_ms() < give_up) {
        sqlite3_sleep(WAL_RETRY_MS);
        code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? CM_OK
                             : cm_sqlite_fail(self->store, db, code, "cannot enter WAL mode", err);
}

static cm_rc configure(const cm_sqlite *self, bool writes, sqlite3 *db, cm_err *err) {
    sqlite3_busy_timeout(db, (int)self->busy_ms);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    int code = cm_sqlite_add_functions(db);
    if (code != SQLITE_OK) {
        return cm_sqlite_fail(self->store, db, code, "cannot add functions", err);
    }
    cm_rc rc = cm_sqlite_script(self->store, db, settings, err);
    if (rc == CM_OK && self->unmapped) {
        rc = cm_sqlite_script(self->store, db, "PRAGMA mmap_size=0", err);
    }
    if (rc == CM_OK && writes) {
        rc = enter_wal(self, db, err);
    }
    if (rc == CM_OK) {
        rc = cm_sqlite_script(self->store, db, writes ? writer_settings : "PRAGMA query_only=ON;",
                              err);
    }
    return rc;
}

cm_rc cm_sqlite_connect(const cm_sqlite *self, bool writes, cm_sqlite_conn **ret_conn,
                        cm_err *err) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(self->path, &db, flags, NULL);
    cm_rc rc = CM_OK;
    if (code != SQLITE_OK) {
        rc = cm_sqlite_fail(self->store, db, code, "cannot open the database", err);
    }
    if (rc == CM_OK) {
        rc = configure(self, writes, db, err);
    }
    if (rc != CM_OK) {
        sqlite3_close_v2(db);
        return cm_err_prefix(err, rc, "database '%s'", self->path);
    }
    cm_sqlite_conn *conn = CM_NEW(cm_sqlite_conn);
    conn->db = db;
    conn->synchronous = CM_FULL;
    conn->statements = cm_alloc(cm_query_count * 2 * sizeof *conn->statements);
    *ret_conn = conn;
    return CM_OK;
}

void cm_sqlite_disconnect(cm_sqlite_conn *conn) {
    if (conn == NULL) {
        return;
    }
    for (size_t i = 0; i < cm_query_count * 2; i++) {
        sqlite3_finalize(conn->statements[i].stmt);
        cm_free(conn->statements[i].slots);
    }
    cm_free(conn->statements);
    sqlite3_close_v2(conn->db);
    cm_free(conn);
}

/* --- Is the file ours, and whole? ------------------------------------------------------------- */

static char *beside(const cm_sqlite *self, const char *suffix) {
    return cm_asprintf("%s%s", self->path, suffix);
}

static bool has_bytes(const cm_sqlite *self, const char *suffix) {
    cm_cleanup(cm_freep) char *path = beside(self, suffix);
    struct stat info;
    return stat(path, &info) == 0 && info.st_size > 0;
}

void cm_sqlite_suspect(const cm_sqlite *self) {
    cm_cleanup(cm_freep) char *path = beside(self, "-suspect");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        if (write(fd, "check me\n", 9) != 9) {
            cm_log(CM_LOG_WARN, "cannot mark the database as suspect", CM_F("path", path));
        }
        close(fd);
    }
}

static cm_rc check_owner(const cm_sqlite *self, cm_err *err) {
    int64_t id = 0;
    int64_t tables = 0;
    sqlite3 *db = self->writer->db;
    cm_rc rc = cm_sqlite_int(self->store, db, "PRAGMA application_id", &id, err);
    if (rc == CM_OK) {
        rc = cm_sqlite_int(self->store, db, "SELECT count(*) FROM sqlite_schema", &tables, err);
    }
    if (rc == CM_OK && tables != 0 && id != CM_SQLITE_APPLICATION_ID) {
        return cm_fail(err, CM_CONFLICT,
                       "'%s' is the database of another program; give another data directory",
                       self->path);
    }
    return rc;
}

static cm_rc quick_check(const cm_sqlite *self, cm_err *err) {
    char text[200] = "";
    cm_rc rc = cm_sqlite_text(self->store, self->writer->db, "PRAGMA quick_check(1)", text,
                              sizeof text, err);
    if (rc == CM_OK && strcmp(text, "ok") != 0) {
        return cm_fail(err, CM_CORRUPT, "database '%s' is damaged: %s", self->path, text);
    }
    return rc;
}

static cm_rc open_once(cm_sqlite *self, bool check, cm_err *err) {
    cm_rc rc = cm_sqlite_connect(self, true, &self->writer, err);
    if (rc == CM_OK && check) {
        rc = quick_check(self, err);
    }
    if (rc == CM_OK) {
        rc = check_owner(self, err);
    }
    if (rc != CM_OK) {
        cm_sqlite_disconnect(self->writer);
        self->writer = NULL;
    }
    return rc;
}

/* --- Moving a damaged file aside -------------------------------------------------------------- */

static cm_rc move_aside(cm_sqlite *self, cm_err *err) {
    char *target = cm_asprintf("%s.damaged-%lld", self->path, (long long)cm_clock_wall_ms());
    if (rename(self->path, target) != 0) {
        cm_rc rc = cm_fail_errno(err, errno, "cannot move damaged database '%s' aside", self->path);
        cm_free(target);
        return rc;
    }
    static const char *const parts[] = {"-wal", "-shm"};
    for (size_t i = 0; i < CM_COUNT(parts); i++) {
        cm_cleanup(cm_freep) char *from = beside(self, parts[i]);
        cm_cleanup(cm_freep) char *to = cm_asprintf("%s%s", target, parts[i]);
        if (rename(from, to) != 0 && errno != ENOENT) {
            cm_rc rc = cm_fail_errno(err, errno, "cannot move '%s' aside", from);
            cm_free(target);
            return rc;
        }
    }
    cm_free(self->store->moved_aside);
    self->store->moved_aside = target;
    cm_log(CM_LOG_ERROR,
           "the database was damaged; it is kept aside and a fresh one begins. Accounts, "
           "conversations and history are in the old file; the code index is rebuilt by itself",
           CM_F("kept", target));
    return CM_OK;
}

/* The file is made here, so that it is private from its first moment. */
static cm_rc make_file(const cm_sqlite *self, cm_err *err) {
    cm_str folder = cm_path_directory(cm_str_from(self->path));
    if (folder.len != 0) {
        cm_cleanup(cm_freep) char *path = cm_strndup(folder.ptr, folder.len);
        cm_rc rc = cm_dir_make(path, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    int fd = open(self->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open database '%s'", self->path);
    }
    close(fd);
    return CM_OK;
}

cm_rc cm_sqlite_open_checked(cm_sqlite *self, cm_err *err) {
    cm_rc rc = make_file(self, err);
    if (rc != CM_OK) {
        return rc;
    }
    bool suspect = has_bytes(self, "-suspect");
    cm_err first = {0};
    rc = open_once(self, suspect || has_bytes(self, "-wal"), &first);
    if (rc == CM_CORRUPT) {
        cm_log_err(CM_LOG_ERROR, "cannot use the database", &first);
        rc = move_aside(self, err);
        if (rc == CM_OK) {
            rc = make_file(self, err);
        }
        if (rc == CM_OK) {
            rc = open_once(self, false, err);
        }
    } else if (rc != CM_OK && err != NULL) {
        *err = first;
    }
    if (rc == CM_OK && (suspect || self->store->moved_aside != NULL)) {
        cm_cleanup(cm_freep) char *mark = beside(self, "-suspect");
        unlink(mark);
    }
    return rc;
}
