/* migrate_priv.h - the embedded migrations, and how they are applied (insiders of store/). */
#ifndef CM_STORE_SCHEMA_MIGRATE_PRIV_H
#define CM_STORE_SCHEMA_MIGRATE_PRIV_H

#include "store/store.h"

typedef struct cm_migration {
    const char *revision; /* 12 hex digits */
    const char *revises;  /* parents, separated by spaces; "" for the baseline */
    const char *message;
    const char *date;
    const char *checksum; /* SHA-256 of the file */
    const char *up[CM_STORE_ENGINES];
    const char *down[CM_STORE_ENGINES]; /* NULL = cannot be undone */
    bool transaction;                   /* false: CREATE INDEX CONCURRENTLY and the like */
    const char *file;                   /* its name in src/store/migrations, for messages */
} cm_migration;

/* Parents before children. */
typedef struct cm_migrations {
    const cm_migration *items;
    size_t count;
} cm_migrations;

extern const cm_migrations cm_migrations_embedded;
/* Does another one revise it? Those that nobody revises are heads. */
bool cm_migrations_is_parent(const cm_migrations *all, const char *revision);
/* SQL: the schema as rows (kind, name, definition). */
extern const char *const cm_schema_picture[CM_STORE_ENGINES];
extern const char *const cm_schema_fixtures; /* what TEST_MODE=true adds */

/* A bare connection that runs scripts: each back-end gives one. `values` are texts, NULL for NULL. */
typedef cm_rc cm_migrate_row_fn(void *argument, const char *const *values, cm_err *err);

typedef struct cm_migrate_ops {
    enum cm_store_engine engine;
    /* Opens a transaction under the lock that all migrating processes share. */
    cm_rc (*begin)(void *conn, cm_err *err);
    cm_rc (*commit)(void *conn, cm_err *err);
    void (*rollback)(void *conn);
    /* The same lock without a transaction, for steps that cannot run inside one. */
    cm_rc (*lock)(void *conn, cm_err *err);
    void (*unlock)(void *conn);
    /* An error names the statement it happened in. */
    cm_rc (*script)(void *conn, const char *sql, cm_err *err);
    cm_rc (*rows)(void *conn, const char *sql, cm_migrate_row_fn *each, void *argument,
                  cm_err *err);
    /* Puts an empty schema in the place of ours, for this connection alone and until `rollback`: nothing of it is
     * ever committed. `*ret_ops` are the ones to use on it. NULL: an empty database is a new file. */
    cm_rc (*aside)(void *conn, const struct cm_migrate_ops **ret_ops, cm_err *err);
    cm_rc (*drop_all)(void *conn, cm_err *err); /* every object of ours, in one transaction */
    cm_rc (*check)(void *conn, cm_err *err);    /* before the commit: do all references hold? */
    const char *has_history;                    /* SQL: count of tables named schema_migrations */
    const char *has_tables;                     /* SQL: count of tables of any name */
    const char *version;                        /* SQL: the engine's version, one text */
    const char *extensions;                     /* SQL: name, version */
    const char *all_rows; /* SQL: row-level security out of the way until the transaction ends */
} cm_migrate_ops;

typedef struct cm_migrator {
    const cm_migrate_ops *ops;
    void *conn;
    const char *place; /* for messages: the path, or the URL without its password */
    cm_migrations migrations;
} cm_migrator;

/* Applies what is missing up to and including `to` (NULL = all), or refuses with CM_CONFLICT when
 * something is (`refuse`). Refuses unknown, changed and forked histories too. */
cm_rc cm_migrator_up(const cm_migrator *self, const char *to, bool refuse,
                     cm_err *err) cm_must_check;
/* Undoes the newest applied one. */
cm_rc cm_migrator_down(const cm_migrator *self, char ret_revision[16], cm_err *err) cm_must_check;

typedef struct cm_migration_state {
    const cm_migration *migration; /* NULL: applied, but unknown to this program */
    char revision[16];
    char applied_at[40]; /* "" = pending */
    bool changed;        /* its file is not what was applied */
} cm_migration_state;

/* Known ones in order, then unknown ones; the array lives in `arena`. */
cm_rc cm_migrator_history(const cm_migrator *self, cm_arena *arena, cm_migration_state **ret_states,
                          size_t *ret_count, cm_err *err) cm_must_check;
cm_rc cm_migrator_count(const cm_migrator *self, const char *sql, int64_t *ret_count,
                        cm_err *err) cm_must_check;
/* Writes down that `migration` is applied; inside a transaction. */
cm_rc cm_migrator_record(const cm_migrator *self, const cm_migration *migration, uint64_t start_ms,
                         cm_err *err) cm_must_check;

/* --- sql_text.c: scripts as statements --------------------------------------------------------- */

/* The next statement of a script, without white space around it and its semicolon. Quotes, $bodies$ and
 * comments are understood; bodies of SQLite's triggers are not (they come out in pieces). */
bool cm_sql_next(cm_str *rest, cm_str *ret_statement);
/* `prefix "statement 3, 'CREATE TABLE ..': "` before the text of err; the statement is cut to a line. */
cm_rc cm_sql_blame(cm_err *err, cm_rc rc, size_t number, cm_str statement);

#endif
