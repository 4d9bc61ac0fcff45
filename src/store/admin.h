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

enum cm_drift_state { CM_DRIFT_MISSING, CM_DRIFT_EXTRA, CM_DRIFT_CHANGED };
/* "missing", "unexpected", "different" */
const char *cm_drift_state_name(enum cm_drift_state state);

typedef struct cm_schema_drift {
    const char *kind; /* "table", "index", "policy" ..: as the picture queries call it */
    const char *name;
    enum cm_drift_state state;
} cm_schema_drift;

typedef struct cm_extension {
    const char *name, *version;
} cm_extension;

typedef struct cm_migrate_status {
    enum cm_store_engine engine;
    const char *place;   /* path, or URL without its password */
    const char *version; /* of the engine */
    const cm_extension *extensions;
    size_t extension_count;
    bool initialised;
    bool views_on; /* compatibility views */
    size_t tables;
    size_t applied, pending, unknown, changed;
    const cm_migration_info *history;
    size_t history_count;
    const char **heads; /* revisions that no other revises; one, but in a forked history */
    size_t head_count;
    const char *drift_unchecked; /* why the schema was not compared, or NULL */
    const cm_schema_drift *drifts;
    size_t drift_count;
} cm_migrate_status;

enum cm_status_depth { CM_STATUS_HISTORY, CM_STATUS_SCHEMA };

/* Changes nothing in the database. CM_STATUS_SCHEMA also runs the applied migrations on a scratch
 * database and compares schemas. Everything lives in `arena`. */
cm_rc cm_store_migrate_status(const cm_store_options *options, enum cm_status_depth depth,
                              cm_arena *arena, cm_migrate_status *ret_status,
                              cm_err *err) cm_must_check;
/* A database with our tables and no history (restored by hand, made from the declared DDL): finds the
 * revision whose schema it has and writes that history down. CM_CONFLICT names the nearest revision and
 * its first difference. */
cm_rc cm_store_migrate_adopt(const cm_store_options *options, char ret_revision[16],
                             cm_err *err) cm_must_check;
/* The small fixed rows of src/store/schema/fixtures.sql, for tests of other programs. */
cm_rc cm_store_migrate_fixtures(const cm_store_options *options, cm_err *err) cm_must_check;
/* Read-only views under the names of the first design documents (spec/compat.views). */
cm_rc cm_store_migrate_views(const cm_store_options *options, bool on, cm_err *err) cm_must_check;
/* Applies what is pending, up to `to` (NULL = all). CM_CONFLICT: see cm_store_open. */
cm_rc cm_store_migrate_up(const cm_store_options *options, const char *to,
                          cm_err *err) cm_must_check;
/* Undoes the newest; `ret_revision` gets its name. */
cm_rc cm_store_migrate_down(const cm_store_options *options, char ret_revision[16],
                            cm_err *err) cm_must_check;
/* Drops everything and begins again. The caller has asked. */
cm_rc cm_store_migrate_reset(const cm_store_options *options, cm_err *err) cm_must_check;
/* Writes a migration file in `folder` that follows all current heads (so with two heads it joins them);
 * never applies it. `sections` is what stands below the header; NULL = empty ones for both engines. The
 * path lives in `arena`. */
cm_rc cm_store_migrate_create(const char *folder, const char *message, const char *sections,
                              cm_arena *arena, const char **ret_path, cm_err *err) cm_must_check;

/* --- Backups (embedded database) -------------------------------------------------------------- */

/* A consistent copy while others read and write, synced and checked. CM_EXISTS when `path` exists. */
cm_rc cm_store_backup_create(const cm_store_options *options, const char *path,
                             cm_err *err) cm_must_check;
/* Checksum, integrity, references, application and history of a backup; `*ret_rows` counts all rows. `*ret_sealed`
 * false: it has no checksum, being of an earlier version, and a changed value would not be seen.
 * CM_CORRUPT, CM_NOT_FOUND, CM_DENIED, CM_IO. */
cm_rc cm_store_backup_verify(const char *path, uint64_t *ret_rows, bool *ret_sealed,
                             cm_err *err) cm_must_check;
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
    uint64_t rows;    /* in both, compared */
    uint64_t written; /* by this run: fewer when it continued a stopped one */
    size_t tables;
} cm_copy_report;

/* Copies every row, table by table in order of reference; a run that was stopped continues where it
 * was (the rows its tables have are passed over). At the end counts and checksums of each table are compared:
 * CM_CONFLICT names the first that differs. */
cm_rc cm_store_copy(const cm_copy_options *options, cm_copy_report *ret_report,
                    cm_err *err) cm_must_check;

#endif
