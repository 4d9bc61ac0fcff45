/* admin.c - migrations for operators: status, up, down, reset and drafting a new one. */
#include "store/admin.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/vec.h"
#include "store/store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* --- Which database --------------------------------------------------------------------------- */

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Reserved characters of a URL part, percent-encoded. */
static cm_str encoded(const char *text, cm_arena *arena) {
    char *out = cm_arena_alloc(arena, strlen(text) * 3 + 1);
    size_t len = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (cm_is_alpha(*c) || cm_is_digit(*c) || strchr("-_.~", *c) != NULL) {
            out[len++] = *c;
        } else {
            len += (size_t)snprintf(out + len, 4, "%%%02X", (unsigned char)*c);
        }
    }
    return cm_str_make(out, len);
}

static const char *url_of_parts(cm_arena *arena) {
    const char *host = variable("DB_HOST");
    const char *name = variable("DB_NAME");
    if (host == NULL && name == NULL) {
        return NULL;
    }
    const char *user = variable("DB_USER");
    const char *password = variable("DB_PASSWORD");
    const char *port = variable("DB_PORT");
    cm_str login = CM_STR_EMPTY;
    if (user != NULL) {
        login =
            cm_arena_fmt(arena, "%s%s%s@", encoded(user, arena).ptr, password != NULL ? ":" : "",
                         password != NULL ? encoded(password, arena).ptr : "");
    }
    return cm_arena_fmt(arena, "postgresql://" CM_STR_FMT "%s:%s/%s", CM_STR_ARG(login),
                        host != NULL ? host : "localhost", port != NULL ? port : "5432",
                        name != NULL ? name : "codementor")
        .ptr;
}

const char *cm_store_url(const char *configured, const char *data_dir, cm_arena *arena) {
    if (configured != NULL && configured[0] != '\0') {
        return configured;
    }
    const char *test_mode = variable("TEST_MODE");
    if (test_mode != NULL && strcmp(test_mode, "true") == 0) {
        const char *url = variable("TEST_DATABASE_URL");
        return url != NULL ? url
                           : cm_arena_fmt(arena, "sqlite:%s/codementor-test.db", data_dir).ptr;
    }
    const char *url = variable("DATABASE_URL");
    if (url == NULL) {
        url = url_of_parts(arena);
    }
    return url != NULL ? url : cm_arena_fmt(arena, "sqlite:%s/codementor.db", data_dir).ptr;
}

/* --- With a migrator -------------------------------------------------------------------------- */

typedef cm_rc with_fn(const cm_migrator *migrator, void *argument, cm_err *err);

static cm_rc with_migrator(const cm_store_options *options, with_fn *run, void *argument,
                           cm_err *err) {
    cm_store *store;
    cm_rc rc = cm_store_open_bare(options, &store, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_migrator migrator;
    rc = store->ops->migrator(store, &migrator, err);
    if (rc == CM_OK) {
        rc = run(&migrator, argument, err);
        store->ops->migrated(store, &migrator);
    }
    cm_store_close(store);
    return rc;
}

typedef struct status_call {
    cm_arena *arena;
    cm_migrate_status status;
} status_call;

static void count_states(const cm_migration_state *states, size_t count, cm_arena *arena,
                         cm_migrate_status *status) {
    cm_migration_info *infos = cm_arena_alloc(arena, count * sizeof *infos + 1);
    for (size_t i = 0; i < count; i++) {
        const cm_migration *m = states[i].migration;
        infos[i] = (cm_migration_info){.revision = states[i].revision,
                                       .message = m != NULL ? m->message : "",
                                       .date = m != NULL ? m->date : "",
                                       .applied_at = states[i].applied_at,
                                       .known = m != NULL,
                                       .changed = states[i].changed};
        bool applied = states[i].applied_at[0] != '\0';
        status->applied += applied;
        status->pending += !applied;
        status->unknown += m == NULL;
        status->changed += states[i].changed;
    }
    status->history = infos;
    status->history_count = count;
}

static cm_rc get_status(const cm_migrator *migrator, void *argument, cm_err *err) {
    status_call *call = argument;
    cm_migrate_status *status = &call->status;
    int64_t has = 0;
    int64_t tables = 0;
    cm_migration_state *states = NULL;
    size_t count = 0;
    cm_rc rc = cm_migrator_count(migrator, migrator->ops->has_history, &has, err);
    if (rc == CM_OK) {
        rc = cm_migrator_count(migrator, migrator->ops->has_tables, &tables, err);
    }
    if (rc == CM_OK) {
        rc = cm_migrator_history(migrator, call->arena, &states, &count, err);
    }
    if (rc != CM_OK) {
        return rc;
    }
    status->engine = migrator->ops->engine;
    status->place = cm_arena_c(call->arena, cm_str_from(migrator->place));
    status->initialised = has != 0;
    status->tables = (size_t)tables;
    count_states(states, count, call->arena, status);
    return CM_OK;
}

cm_rc cm_store_migrate_status(const cm_store_options *options, cm_arena *arena,
                              cm_migrate_status *ret_status, cm_err *err) {
    status_call call = {.arena = arena};
    cm_rc rc = with_migrator(options, get_status, &call, err);
    if (rc == CM_OK) {
        *ret_status = call.status;
    }
    return rc;
}

static cm_rc go_up(const cm_migrator *migrator, void *argument, cm_err *err) {
    return cm_migrator_up(migrator, argument, false, err);
}

cm_rc cm_store_migrate_up(const cm_store_options *options, const char *to, cm_err *err) {
    return with_migrator(options, go_up, (void *)(uintptr_t)to, err);
}

static cm_rc go_down(const cm_migrator *migrator, void *argument, cm_err *err) {
    return cm_migrator_down(migrator, argument, err);
}

cm_rc cm_store_migrate_down(const cm_store_options *options, char ret_revision[16], cm_err *err) {
    return with_migrator(options, go_down, ret_revision, err);
}

static cm_rc reset(const cm_migrator *migrator, void *argument, cm_err *err) {
    (void)argument;
    cm_rc rc = migrator->ops->drop_all(migrator->conn, err);
    return rc == CM_OK ? cm_migrator_up(migrator, NULL, false, err) : rc;
}

cm_rc cm_store_migrate_reset(const cm_store_options *options, cm_err *err) {
    return with_migrator(options, reset, NULL, err);
}

/* --- Drafting --------------------------------------------------------------------------------- */

/* Revisions in the folder that no other file revises. Read from the files, not from the program: what
 * was drafted a minute ago counts. */
typedef struct drafts {
    cm_arena *arena;
    CM_VEC(cm_str) revisions;
    CM_VEC(cm_str) parents;
} drafts;

static cm_rc read_draft(drafts *all, const char *path, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_MIB(4));
    cm_rc rc = cm_file_read(path, CM_MIB(4), &text, err);
    cm_str rest = cm_buf_str(&text);
    cm_str line;
    for (int i = 0; rc == CM_OK && i < 8 && cm_str_line(&rest, &line); i++) {
        if (cm_str_starts(line, CM_STR("-- revision:"))) {
            cm_str value = cm_str_trim(cm_str_from_offset(line, 12));
            if (!cm_vec_push(&all->revisions, cm_arena_str(all->arena, value))) {
                rc = cm_fail(err, CM_NOMEM, "no memory for the migrations");
            }
        } else if (cm_str_starts(line, CM_STR("-- revises:"))) {
            cm_str values = cm_str_trim(cm_str_from_offset(line, 11));
            cm_str value;
            while (cm_str_split(&values, ' ', &value)) {
                if (!cm_vec_push(&all->parents, cm_arena_str(all->arena, value))) {
                    rc = cm_fail(err, CM_NOMEM, "no memory for the migrations");
                }
            }
        }
    }
    return rc;
}

static cm_rc read_drafts(drafts *all, const char *folder, cm_err *err) {
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return cm_fail_errno(err, errno, "cannot read '%s'; run this in a checkout of the source",
                             folder);
    }
    cm_rc rc = CM_OK;
    const struct dirent *entry;
    while (rc == CM_OK && (entry = readdir(dir)) != NULL) {
        if (cm_str_ends(cm_str_from(entry->d_name), CM_STR(".sql"))) {
            rc = read_draft(all, cm_arena_fmt(all->arena, "%s/%s", folder, entry->d_name).ptr, err);
        }
    }
    closedir(dir);
    return rc;
}

static void add_heads(const drafts *all, cm_buf *out) {
    for (size_t i = 0; i < all->revisions.count; i++) {
        bool head = true;
        for (size_t k = 0; k < all->parents.count; k++) {
            head = head && !cm_str_eq(all->parents.items[k], all->revisions.items[i]);
        }
        if (head) {
            cm_buf_add_char(out, ' ');
            cm_buf_add_str(out, all->revisions.items[i]);
        }
    }
}

/* "Add last_login column" -> add_last_login_column */
static cm_str slug_of(const char *message, cm_arena *arena) {
    char *slug = cm_arena_alloc(arena, strlen(message) + 1);
    size_t len = 0;
    for (const char *c = message; *c != '\0' && len < 60; c++) {
        if (cm_is_alpha(*c) || cm_is_digit(*c)) {
            slug[len++] = cm_to_lower(*c);
        } else if (len != 0 && slug[len - 1] != '_') {
            slug[len++] = '_';
        }
    }
    return cm_str_make(slug, len);
}

static cm_rc write_draft(const drafts *all, const char *folder, const char *message,
                         const char **ret_path, cm_err *err) {
    cm_uuid id = cm_uuid_v7();
    char revision[16];
    for (int i = 0; i < 6; i++) {
        snprintf(revision + i * 2, 3, "%02x", id.bytes[i]); /* the milliseconds: in order of time */
    }
    char day[CM_TIME_TEXT_MAX];
    cm_str today = cm_str_sub(cm_time_format(cm_clock_wall_ms(), day), 0, 10);
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_KIB(16));
    cm_buf_add_f(&text, "-- revision: %s\n-- revises:", revision);
    add_heads(all, &text);
    cm_buf_add_f(&text, "\n-- message: %s\n-- date: " CM_STR_FMT "\n\n", message,
                 CM_STR_ARG(today));
    cm_buf_add_c(&text, "-- @up\n-- @sqlite\n\n-- @pg\n\n-- @down\n-- @sqlite\n\n-- @pg\n");
    cm_rc rc = cm_buf_check(&text, err);
    cm_str path = cm_arena_fmt(all->arena, "%s/%s_%s.sql", folder, revision,
                               slug_of(message, all->arena).ptr);
    if (rc == CM_OK) {
        rc = cm_file_replace(path.ptr, cm_buf_str(&text), 0644, err);
    }
    if (rc == CM_OK) {
        *ret_path = path.ptr;
    }
    return rc;
}

cm_rc cm_store_migrate_create(const char *folder, const char *message, cm_arena *arena,
                              const char **ret_path, cm_err *err) {
    if (message[0] == '\0' || strchr(message, '\n') != NULL || strchr(message, '"') != NULL) {
        return cm_fail(err, CM_INVALID, "a migration needs a message of one line, without quotes");
    }
    drafts all = {.arena = arena};
    cm_rc rc = read_drafts(&all, folder, err);
    if (rc == CM_OK) {
        rc = write_draft(&all, folder, message, ret_path, err);
    }
    cm_vec_done(&all.revisions);
    cm_vec_done(&all.parents);
    return rc;
}
