/* admin.h - the database as an operator sees it: migrations, backups, moving from one engine to the other.
 *
 * Behind `codementor migrate`, `backup` and `db`. Each call opens the database for itself; the caller
 * owns the data directory (app/places.h) while it runs.
 *
 * Thread: main; nothing here is hot. */
#ifndef CM_STORE_ADMIN_H
#define CM_STORE_ADMIN_H

#include "store/store.h"

/* Which database: the configured URL when there is one, else TEST_DATABASE_URL with TEST_MODE=true
 * (never falling through to the real one: a test file in the data directory is the default there), else
 * DATABASE_URL, else DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD when DB_HOST or DB_NAME is set,
 * else the embedded file. The text lives in `arena`. */
const char *cm_store_url(const char *configured, const char *data_dir, cm_arena *arena);

/* --- Migrations ------------------------------------------------------------------------------- */

typedef struct cm_migration_info {
    const char *revision;
    const char *message; /* "" for one this program does not know */
    const char *date;
    const char *applied_at; /* "" = pending */
    bool known;
    bool changed; /* not the file that was applied */
} cm_migration_info;

typedef struct cm_migrate_status {
    enum cm_store_engine engine;
    const char *place; /* path, or URL without its password */
    bool initialised;
    size_t tables;
    size_t applied, pending, unknown, changed;
    const cm_migration_info *history;
    size_t history_count;
} cm_migrate_status;

/* Reads only. Everything lives in `arena`. */
cm_rc cm_store_migrate_status(const cm_store_options *options, cm_arena *arena,
                              cm_migrate_status *ret_status, cm_err *err) cm_must_check;
/* Applies what is pending, up to `to` (NULL = all). CM_CONFLICT: see cm_store_open. */
cm_rc cm_store_migrate_up(const cm_store_options *options, const char *to,
                          cm_err *err) cm_must_check;
/* Undoes the newest; `ret_revision` gets its name. */
cm_rc cm_store_migrate_down(const cm_store_options *options, char ret_revision[16],
                            cm_err *err) cm_must_check;
/* Drops everything and begins again. The caller has asked. */
cm_rc cm_store_migrate_reset(const cm_store_options *options, cm_err *err) cm_must_check;
/* Drafts a migration in `folder` that follows all current heads (so with two heads it joins them);
 * never applies it. The path lives in `arena`. */
cm_rc cm_store_migrate_create(const char *folder, const char *message, cm_arena *arena,
                              const char **ret_path, cm_err *err) cm_must_check;

/* --- Backups (embedded database) -------------------------------------------------------------- */

/* A consistent copy while others read and write, synced and checked. CM_EXISTS when `path` exists. */
cm_rc cm_store_backup_create(const cm_store_options *options, const char *path,
                             cm_err *err) cm_must_check;
/* Integrity, references, application and history of a backup; `*ret_rows` counts all rows. */
cm_rc cm_store_backup_verify(const char *path, uint64_t *ret_rows, cm_err *err) cm_must_check;
/* Puts a verified backup in the place of the database, which is kept as "<path>.before-restore". */
cm_rc cm_store_backup_restore(const cm_store_options *options, const char *path,
                              cm_err *err) cm_must_check;

/* --- Moving to another engine ----------------------------------------------------------------- */

typedef void cm_copy_progress_fn(void *argument, const char *table, uint64_t rows, uint64_t total);

typedef struct cm_copy_options {
    cm_store_options from, to; /* both migrated to the same revision */
    cm_copy_progress_fn *progress;
    void *argument;
} cm_copy_options;

typedef struct cm_copy_report {
    uint64_t rows;
    size_t tables;
} cm_copy_report;

/* Copies every row, table by table in order of reference; a run that was stopped continues where it
 * was (rows already there are left). At the end counts and checksums of each table are compared:
 * CM_CONFLICT names the first that differs. */
cm_rc cm_store_copy(const cm_copy_options *options, cm_copy_report *ret_report,
                    cm_err *err) cm_must_check;

#endif
