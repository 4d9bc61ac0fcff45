/* sqlite_priv.h - insiders of the SQLite back-end: connections and their settings. */
#ifndef CM_STORE_SQLITE_SQLITE_PRIV_H
#define CM_STORE_SQLITE_SQLITE_PRIV_H

#include "store/store_priv.h"

#include <sqlite3.h>

#define CM_SQLITE_APPLICATION_ID 0x434d5354 /* "CMST" */
#define CM_SQLITE_READERS_MAX    64

typedef struct cm_sqlite_statement {
    sqlite3_stmt *stmt;
    uint8_t *slots; /* parameter i is bound at slots[i]; 0 = not in the text */
} cm_sqlite_statement;

typedef struct cm_sqlite_conn {
    sqlite3 *db;
    cm_sqlite_statement *statements; /* by query index * 2 + scope, prepared when first used */
    enum cm_durability synchronous;  /* what the connection is set to now */
    struct cm_sqlite_conn *next;     /* in the list of free readers */
} cm_sqlite_conn;

typedef struct cm_sqlite {
    cm_store *store;
    char *path;
    uint32_t busy_ms;
    bool unmapped;
    cm_sqlite_conn *writer; /* used by the writer thread; by open and close before and after it */
    pthread_mutex_t mutex;  /* guards the three below */
    pthread_cond_t freed;
    cm_sqlite_conn *free_readers;
    size_t readers, readers_max;
} cm_sqlite;

/* --- sqlite_open.c: connections, settings, checks ------------------------------------------- */

cm_rc cm_sqlite_connect(const cm_sqlite *self, bool writes, cm_sqlite_conn **ret_conn,
                        cm_err *err) cm_must_check;
void cm_sqlite_disconnect(cm_sqlite_conn *conn); /* NULL is allowed */
/* Opens the writer's connection; a damaged file is moved aside first (see store.h). */
cm_rc cm_sqlite_open_checked(cm_sqlite *self, cm_err *err) cm_must_check;
/* Remembers for the next start that the file must be checked. */
void cm_sqlite_suspect(const cm_sqlite *self);

/* --- vectors.c ------------------------------------------------------------------------------ */

int cm_sqlite_add_functions(sqlite3 *db); /* SQLite's code */

/* --- sqlite_migrate.c ----------------------------------------------------------------------- */

cm_rc cm_sqlite_migrator(cm_store *store, cm_migrator *ret_migrator, cm_err *err) cm_must_check;
void cm_sqlite_migrated(cm_store *store, cm_migrator *migrator);

/* --- sqlite.c ------------------------------------------------------------------------------- */

/* Did the last failed write of a file of `db` meet a file limit or a quota? */
bool cm_sqlite_no_room(sqlite3 *db);
/* The result code of the failed call on `conn`, as ours; `what` leads the text. */
cm_rc cm_sqlite_fail(cm_store *store, sqlite3 *db, int code, const char *what, cm_err *err);
cm_rc cm_sqlite_script(cm_store *store, sqlite3 *db, const char *sql, cm_err *err) cm_must_check;
/* First column of the first row; CM_NOT_FOUND without a row. */
cm_rc cm_sqlite_int(cm_store *store, sqlite3 *db, const char *sql, int64_t *ret_value,
                    cm_err *err) cm_must_check;
cm_rc cm_sqlite_text(cm_store *store, sqlite3 *db, const char *sql, char *text, size_t size,
                     cm_err *err) cm_must_check;

#endif
