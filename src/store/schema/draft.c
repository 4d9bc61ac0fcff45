/* draft.c - a new migration file: its header, name and place in the history.
 *
 * The parents are read from the files of the folder, not from the program: what was drafted a minute ago
 * counts. What stands below the header comes from tools/draft_migration.py, which has the declared schema. */
#include "store/admin.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>

#define MESSAGE_MAX 200 /* bytes */
#define EMPTY       "-- @up\n-- @sqlite\n\n-- @pg\n\n-- @down\n-- @sqlite\n\n-- @pg\n"

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
    return len != 0 ? cm_str_make(slug, len)
                    : CM_STR("migration"); /* nothing in it was a letter of ASCII */
}

static cm_rc write_draft(const drafts *all, const char *folder, const char *message,
                         const char *sections, const char **ret_path, cm_err *err) {
    cm_uuid id = cm_uuid_v7();
    char revision[16];
    for (int i = 0; i < 6; i++) {
        snprintf(revision + i * 2, 3, "%02x", id.bytes[i]); /* the milliseconds: in order of time */
    }
    char day[CM_TIME_TEXT_MAX];
    cm_str today = cm_str_sub(cm_time_format(cm_clock_wall_ms(), day), 0, 10);
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, CM_MIB(4));
    cm_buf_add_f(&text, "-- revision: %s\n-- revises:", revision);
    add_heads(all, &text);
    cm_buf_add_f(&text, "\n-- message: %s\n-- date: " CM_STR_FMT "\n\n", message,
                 CM_STR_ARG(today));
    cm_buf_add_c(&text, sections != NULL ? sections : EMPTY);
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

/* One line that a header can hold; any script, any sign. */
static cm_rc check_message(const char *message, cm_err *err) {
    cm_str text = cm_str_from(message);
    bool plain = text.len != 0 && text.len <= MESSAGE_MAX && cm_utf8_valid(text) &&
                 cm_str_trim(text).len == text.len;
    for (size_t i = 0; plain && i < text.len; i++) {
        plain = (unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 127;
    }
    return plain ? CM_OK
                 : cm_fail(err, CM_INVALID,
                           "a migration needs a message: one line of at most %d bytes, without "
                           "control characters or blanks around it",
                           MESSAGE_MAX);
}

cm_rc cm_store_migrate_create(const char *folder, const char *message, const char *sections,
                              cm_arena *arena, const char **ret_path, cm_err *err) {
    cm_rc rc = check_message(message, err);
    if (rc != CM_OK) {
        return rc;
    }
    drafts all = {.arena = arena};
    rc = read_drafts(&all, folder, err);
    if (rc == CM_OK) {
        rc = write_draft(&all, folder, message, sections, ret_path, err);
    }
    cm_vec_done(&all.revisions);
    cm_vec_done(&all.parents);
    return rc;
}
