/* sqlite_migrate.c - bringing an SQLite file to the newest schema.
 *
 * Each migration is one IMMEDIATE transaction that first looks again whether somebody else has applied
 * it: any number of servers may start at once, exactly one applies. Foreign keys are off while tables are
 * rebuilt (SQLite's documented procedure) and checked as a whole before the commit. */
#include "store/sqlite_priv.h"

#include "base/clock.h"
#include "base/json.h"

static cm_rc has_history(const cm_sqlite *self, bool *ret_has, cm_err *err) {
    int64_t count = 0;
    cm_rc rc = cm_sqlite_int(
        self->store, self->writer->db,
        "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='schema_migrations'",
        &count, err);
    *ret_has = count != 0;
    return rc;
}

/* CM_NOT_FOUND when the revision is not applied. */
static cm_rc applied_checksum(const cm_sqlite *self, const char *revision, char text[65],
                              cm_err *err) {
    bool has = false;
    cm_rc rc = has_history(self, &has, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!has) {
        return cm_fail(err, CM_NOT_FOUND, "no migration is applied yet");
    }
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT checksum FROM schema_migrations WHERE revision='%s'",
             revision);
    return cm_sqlite_text(self->store, self->writer->db, sql, text, 65, err);
}

static const cm_migration *find_migration(const char *revision) {
    for (size_t i = 0; i < cm_migration_count; i++) {
        if (strcmp(cm_migrations[i].revision, revision) == 0) {
            return &cm_migrations[i];
        }
    }
    return NULL;
}

/* A revision we do not know was made by a newer program. */
static cm_rc refuse_newer(const cm_sqlite *self, cm_err *err) {
    bool has = false;
    cm_rc rc = has_history(self, &has, err);
    if (rc != CM_OK || !has) {
        return rc;
    }
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(self->writer->db,
                                  "SELECT revision, message, server_version FROM schema_migrations",
                                  -1, &stmt, NULL);
    while (code == SQLITE_OK && rc == CM_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *revision = (const char *)sqlite3_column_text(stmt, 0);
        if (find_migration(revision) == NULL) {
            rc = cm_fail(err, CM_CONFLICT,
                         "database '%s' has migration %s (%s) of codementor %s, which this version "
                         "does not know; use that version or a newer one",
                         self->path, revision, sqlite3_column_text(stmt, 1),
                         sqlite3_column_text(stmt, 2));
        }
        code = SQLITE_OK;
    }
    if (rc == CM_OK && code != SQLITE_DONE && code != SQLITE_OK) {
        rc = cm_sqlite_fail(self->store, self->writer->db, code, "cannot read the history", err);
    }
    sqlite3_finalize(stmt);
    return rc;
}

/* "a b" -> ["a","b"] */
static void parents_json(const char *revises, cm_buf *out) {
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_array(&w);
    cm_str rest = cm_str_from(revises);
    cm_str part;
    while (cm_str_split(&rest, ' ', &part)) {
        cm_json_str(&w, part);
    }
    cm_json_array_end(&w);
}

static cm_rc record(const cm_sqlite *self, const cm_migration *migration, int64_t start_ms,
                    cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf parents;
    cm_buf_init(&parents, 256);
    parents_json(migration->revises, &parents);
    int64_t now = cm_clock_wall_ms();
    char *sql = sqlite3_mprintf(
        "INSERT INTO schema_migrations (revision, revises, message, checksum, is_baseline, "
        "server_version, applied_at, execution_ms) VALUES (%Q, %Q, %Q, %Q, %d, %Q, %lld, %lld)",
        migration->revision, cm_buf_c(&parents), migration->message, migration->checksum,
        migration->revises[0] == '\0', CM_VERSION, (long long)now, (long long)(now - start_ms));
    if (sql == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory to record a migration");
    }
    cm_rc rc = cm_sqlite_script(self->store, self->writer->db, sql, err);
    sqlite3_free(sql);
    return rc;
}

static cm_rc apply_inside(const cm_sqlite *self, const cm_migration *migration, cm_err *err) {
    char checksum[65];
    int64_t start_ms = cm_clock_wall_ms();
    cm_rc rc = applied_checksum(self, migration->revision, checksum, NULL);
    if (rc != CM_NOT_FOUND) {
        return rc; /* another process was faster */
    }
    const char *sql = migration->up[CM_SQLITE];
    rc = sql != NULL ? cm_sqlite_script(self->store, self->writer->db, sql, err) : CM_OK;
    if (rc == CM_OK) {
        char broken[200];
        cm_rc found = cm_sqlite_text(self->store, self->writer->db, "PRAGMA foreign_key_check",
                                     broken, sizeof broken, NULL);
        if (found == CM_OK) {
            rc = cm_fail(err, CM_CONFLICT, "rows of table '%s' refer to rows that do not exist",
                         broken);
        }
    }
    return rc == CM_OK ? record(self, migration, start_ms, err) : rc;
}

static cm_rc apply(const cm_sqlite *self, const cm_migration *migration, cm_err *err) {
    sqlite3 *db = self->writer->db;
    cm_rc rc = cm_sqlite_script(self->store, db, "BEGIN IMMEDIATE", err);
    if (rc == CM_OK) {
        rc = apply_inside(self, migration, err);
        if (rc == CM_OK) {
            rc = cm_sqlite_script(self->store, db, "COMMIT", err);
        }
        if (rc != CM_OK) {
            sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        }
    }
    return rc == CM_OK ? CM_OK
                       : cm_err_prefix(err, rc, "migration %s (%s)", migration->revision,
                                       migration->message);
}

static cm_rc check_or_apply(const cm_sqlite *self, const cm_migration *migration, bool refuse,
                            cm_err *err) {
    char checksum[65] = "";
    cm_rc rc = applied_checksum(self, migration->revision, checksum, err);
    if (rc == CM_OK && strcmp(checksum, migration->checksum) != 0) {
        return cm_fail(
            err, CM_CONFLICT,
            "migration %s (%s) was changed after it was applied to '%s'; restore its file",
            migration->revision, migration->message, self->path);
    }
    if (rc != CM_NOT_FOUND) {
        return rc;
    }
    if (refuse) {
        return cm_fail(err, CM_CONFLICT,
                       "database '%s' lacks migration %s (%s); run 'codementor migrate'",
                       self->path, migration->revision, migration->message);
    }
    return apply(self, migration, err);
}

cm_rc cm_sqlite_migrate(cm_sqlite *self, bool refuse, cm_err *err) {
    sqlite3 *db = self->writer->db;
    cm_rc rc = refuse_newer(self, err);
    if (rc == CM_OK) {
        rc = cm_sqlite_script(self->store, db, "PRAGMA foreign_keys=OFF", err);
    }
    for (size_t i = 0; i < cm_migration_count && rc == CM_OK; i++) {
        rc = check_or_apply(self, &cm_migrations[i], refuse, err);
        snprintf(self->store->revision, sizeof self->store->revision, "%s",
                 cm_migrations[i].revision);
    }
    return rc == CM_OK ? cm_sqlite_script(self->store, db, "PRAGMA foreign_keys=ON", err) : rc;
}
