/* person.c - export and erasure. See person.h. */
#include "store/maintenance/person.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/catalogue.h"
#include "store/store_priv.h"

#include "store/q/idempotency_keys.h"
#include "store/q/quota_usage.h"
#include "store/q/repositories.h"
#include "store/q/team_invitations.h"
#include "store/q/users.h"
#include "store/q/workspaces.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* --- Rows as JSON ----------------------------------------------------------------------------- */

static bool is_secret(const cm_sql_slot *slot) {
    return slot->type == CM_SQL_BYTES || slot->type == CM_SQL_VECTOR ||
           cm_str_ends(cm_str_from(slot->name), CM_STR("_hash"));
}

static cm_rc write_value(const cm_sql_slot *slot, const char *row, cm_json_writer *w, cm_err *err) {
    char id[CM_UUID_TEXT];
    cm_value value;
    cm_db db = {.scope = CM_DB_SYSTEM};
    cm_rc rc = cm_value_read(slot, row, &db, &value, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_json_key(w, slot->name);
    switch (value.kind) {
    case CM_VALUE_NULL: cm_json_null(w); break;
    case CM_VALUE_ID:
        cm_uuid_format(&value.id, id);
        cm_json_c(w, id);
        break;
    case CM_VALUE_REAL: cm_json_real(w, value.real); break;
    case CM_VALUE_BYTES: cm_json_null(w); break;
    case CM_VALUE_INT:
        if (slot->type == CM_SQL_BOOL) {
            cm_json_bool(w, value.i != 0);
        } else {
            cm_json_i64(w, value.i);
        }
        break;
    case CM_VALUE_TEXT:
        if (slot->type >= CM_SQL_JSON && slot->type <= CM_SQL_TIMES) {
            cm_json_raw(w, value.str);
        } else {
            cm_json_str(w, value.str);
        }
        break;
    }
    return CM_OK;
}

static cm_rc write_row(const cm_query *query, const char *row, cm_json_writer *w, cm_err *err) {
    cm_json_object(w);
    for (size_t i = 0; i < query->column_count; i++) {
        cm_rc rc =
            is_secret(&query->columns[i]) ? CM_OK : write_value(&query->columns[i], row, w, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    cm_json_object_end(w);
    return CM_OK;
}

/* --- Export ----------------------------------------------------------------------------------- */

#define EXPORT_MAX CM_MIB(512) /* of one table */

/* Takes one file of the export. */
typedef cm_rc take_file_fn(void *argument, const char *name, cm_str text, cm_err *err);

typedef struct sink {
    take_file_fn *take;
    void *argument;
} sink;

typedef struct table_export {
    cm_json_writer *w;
    uint64_t rows;
} table_export;

static cm_rc export_page(const cm_page *page, void *argument, cm_err *err) {
    table_export *e = argument;
    for (size_t i = 0; i < page->count; i++) {
        cm_rc rc = write_row(page->query, page->rows + i * page->query->row_size, e->w, err);
        if (rc != CM_OK) {
            return rc;
        }
        e->rows++;
    }
    return CM_OK;
}

static cm_rc export_table(const cm_db *system, const cm_table *table, cm_uuid person,
                          const sink *to, cm_json_writer *report, cm_err *err) {
    /* Tables without a person's column hold what hangs on the person's workspaces and teams. */
    const cm_query *own = cm_query_find(table->name, "export");
    cm_db as_person = cm_store_as(system->store, person);
    as_person.cancel = system->cancel;
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, EXPORT_MAX);
    cm_json_writer w;
    cm_json_writer_init(&w, &text);
    cm_json_array(&w);
    table_export e = {.w = &w};
    const cm_query *query = own != NULL ? own : cm_query_find(table->name, "list");
    if (query->sql[CM_SQLITE][own != NULL ? CM_DB_SYSTEM : CM_DB_USER] == NULL) {
        return CM_OK; /* quota_usage: its subject is no column of a person */
    }
    cm_rc rc =
        cm_query_pages(own != NULL ? system : &as_person, query, &person, export_page, &e, err);
    cm_json_array_end(&w);
    if (rc == CM_OK) {
        rc = cm_buf_check(&text, err);
    }
    if (rc != CM_OK) {
        return cm_err_prefix(err, rc, "export of '%s'", table->name);
    }
    cm_json_key(report, table->name);
    cm_json_u64(report, e.rows);
    cm_cleanup(cm_freep) char *name = cm_asprintf("%s.json", table->name);
    return to->take(to->argument, name, cm_buf_str(&text), err);
}

static cm_rc export_to(const cm_db *system, cm_uuid person, const sink *to, cm_buf *report,
                       cm_err *err) {
    cm_json_writer w;
    cm_json_writer_init(&w, report);
    cm_json_object(&w);
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < CM_TABLES; i++) {
        if (cm_tables[i].export_rule == 'X') {
            rc = export_table(system, &cm_tables[i], person, to, &w, err);
        }
        rc = rc == CM_OK ? cm_cancel_check(system->cancel, err) : rc;
    }
    cm_json_object_end(&w);
    return rc == CM_OK ? cm_buf_check(report, err) : rc;
}

static cm_rc into_folder(void *argument, const char *name, cm_str text, cm_err *err) {
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/%s", (const char *)argument, name);
    return cm_file_replace(path, text, 0600, err);
}

cm_rc cm_person_export(const cm_db *system, cm_uuid person, const char *folder, cm_buf *report,
                       cm_err *err) {
    sink to = {into_folder, (void *)(uintptr_t)folder};
    cm_rc rc = cm_dir_make(folder, err);
    return rc == CM_OK ? export_to(system, person, &to, report, err) : rc;
}

/* --- Export as one file ----------------------------------------------------------------------- */

#define TAR_BLOCK 512u

/* The header of POSIX ustar: numbers are octal texts, the checksum counts its own field as blanks. */
typedef struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100],
        magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], rest[12];
} tar_header;

_Static_assert(sizeof(tar_header) == TAR_BLOCK, "a tar header is one block");

static void fill_header(tar_header *h, const char *name, size_t bytes) {
    memset(h, 0, sizeof *h);
    snprintf(h->name, sizeof h->name, "%s", name);
    snprintf(h->mode, sizeof h->mode, "0000600");
    snprintf(h->uid, sizeof h->uid, "0000000");
    snprintf(h->gid, sizeof h->gid, "0000000");
    snprintf(h->size, sizeof h->size, "%011llo", (unsigned long long)bytes);
    snprintf(h->mtime, sizeof h->mtime, "%011llo", (unsigned long long)(cm_clock_wall_ms() / 1000));
    h->type = '0';
    memcpy(h->magic, "ustar", sizeof h->magic);
    memcpy(h->version, "00", sizeof h->version);
    memset(h->checksum, ' ', sizeof h->checksum);
    unsigned sum = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        sum += ((const unsigned char *)h)[i];
    }
    snprintf(h->checksum, sizeof h->checksum, "%06o", sum);
}

typedef struct archive {
    int fd;
    const char *path;
} archive;

static cm_rc add_bytes(const archive *to, const void *bytes, size_t len, cm_err *err) {
    for (size_t done = 0; done < len;) {
        ssize_t n = write(to->fd, (const char *)bytes + done, len - done);
        if (n < 0 && errno != EINTR) {
            return cm_fail_errno(err, errno, "cannot write '%s'", to->path);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return CM_OK;
}

static const char zeros[2 * TAR_BLOCK];

static cm_rc into_archive(void *argument, const char *name, cm_str text, cm_err *err) {
    tar_header header;
    size_t filled = text.len % TAR_BLOCK;
    fill_header(&header, name, text.len);
    cm_rc rc = add_bytes(argument, &header, sizeof header, err);
    rc = rc == CM_OK ? add_bytes(argument, text.ptr, text.len, err) : rc;
    return rc == CM_OK && filled != 0 ? add_bytes(argument, zeros, TAR_BLOCK - filled, err) : rc;
}

cm_rc cm_person_export_archive(const cm_db *system, cm_uuid person, const char *path,
                               cm_buf *report, cm_err *err) {
    archive out = {.path = path};
    out.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out.fd < 0) {
        return cm_fail_errno(err, errno, "cannot write '%s'", path);
    }
    sink to = {into_archive, &out};
    cm_rc rc = export_to(system, person, &to, report, err);
    rc = rc == CM_OK ? add_bytes(&out, zeros, sizeof zeros, err) : rc; /* the end */
    close(out.fd);
    return rc;
}

/* --- Erasure ---------------------------------------------------------------------------------- */

static cm_rc erase_table(const cm_db *db, const cm_table *table, cm_uuid person, cm_json_writer *w,
                         cm_err *err) {
    const cm_query *query = cm_query_find(table->name, "erase");
    uint64_t changed = 0;
    if (query == NULL) {
        return CM_OK;
    }
    cm_rc rc = cm_query_exec(db, query, &person, &changed, err); /* its only parameter */
    if (rc == CM_OK && changed != 0) {
        cm_json_key(w, table->name);
        cm_json_u64(w, changed);
    }
    return rc == CM_OK ? CM_OK : cm_err_prefix(err, rc, "erasing from '%s'", table->name);
}

/* What names a person by something else than a column of theirs. */
static cm_rc erase_loose_ends(const cm_db *db, cm_uuid person, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_row_users user;
    cm_rc rc = cm_q_users_get(db, &(cm_q_users_get_in){person}, arena, &user, err);
    if (rc == CM_OK) {
        rc = cm_q_team_invitations_erase_email(
            db, &(cm_q_team_invitations_erase_email_in){user.email}, NULL, err);
    }
    if (rc == CM_OK || rc == CM_NOT_FOUND) {
        rc = cm_q_quota_usage_erase_person(db, &(cm_q_quota_usage_erase_person_in){person}, NULL,
                                           err);
    }
    char scope[CM_UUID_TEXT];
    cm_uuid_format(&person, scope);
    if (rc == CM_OK) {
        rc = cm_q_idempotency_keys_erase_scope(
            db, &(cm_q_idempotency_keys_erase_scope_in){cm_str_from(scope)}, NULL, err);
    }
    if (rc == CM_OK) {
        rc = cm_q_workspaces_hand_over(db, &(cm_q_workspaces_hand_over_in){person}, NULL, err);
    }
    return rc == CM_OK ? cm_q_repositories_hand_over(db, &(cm_q_repositories_hand_over_in){person},
                                                     NULL, err)
                       : rc;
}

/* Sign-in ends before anything else, the account goes last. */
static int turn_of(const cm_table *table) {
    bool sign_in = table == &cm_tables[CM_TABLE_SESSIONS] || table == &cm_tables[CM_TABLE_API_KEYS];
    return sign_in ? 0 : table->erase_rule == 'A' ? 1 : table == &cm_tables[CM_TABLE_USERS] ? 3 : 2;
}

cm_rc cm_person_erase(const cm_db *system, cm_uuid person, cm_buf *report, cm_err *err) {
    cm_json_writer w;
    cm_json_writer_init(&w, report);
    cm_json_object(&w);
    cm_rc rc = CM_OK;
    for (int turn = 0; rc == CM_OK && turn < 4; turn++) {
        if (turn == 2) {
            rc = erase_loose_ends(system, person, err);
        }
        for (size_t i = 0; rc == CM_OK && i < CM_TABLES; i++) {
            if (turn_of(&cm_tables[i]) == turn) {
                rc = erase_table(system, &cm_tables[i], person, &w, err);
                rc = rc == CM_OK ? cm_cancel_check(system->cancel, err) : rc;
            }
        }
    }
    cm_json_object_end(&w);
    return rc == CM_OK ? cm_buf_check(report, err) : rc;
}
