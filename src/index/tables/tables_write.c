/* The statements that replace or remove the rows of one document, inside one transaction. See tables.h. */
#include "index/tables/tables_priv.h"

#include "base/json.h"
#include "base/map.h"
#include "store/q/code_chunks.h"
#include "store/q/file_dependencies.h"
#include "store/q/files.h"
#include "store/q/symbol_references.h"
#include "store/q/symbols.h"

#define NAMES_BYTES_MAX CM_MIB(15)

/* ---- what a change means elsewhere ---- */

typedef struct renewal {
    const cm_db *db;
    const cm_uuid *repository, *file;
    cm_arena *arena;
    cm_map *names; /* that gained or lost a definition */
    cm_buf gone;   /* {"rows": [ids of definitions that are no longer there]} */
    size_t gone_count;
    bool failed;
} renewal;

static void renewal_init(renewal *r, const cm_db *db, const cm_uuid *repository,
                         const cm_uuid *file) {
    *r = (renewal){.db = db,
                   .repository = repository,
                   .file = file,
                   .arena = cm_arena_new(0),
                   .names = cm_map_new(0)};
    cm_buf_init(&r->gone, NAMES_BYTES_MAX);
}

static void renewal_done(renewal *r) {
    cm_map_free(r->names);
    cm_buf_done(&r->gone);
    cm_arena_free(r->arena);
}

static void renewal_name(renewal *r, cm_str name) {
    if (!cm_map_put(r->names, name, 1)) {
        r->failed = true;
    }
}

static cm_str id_key(const cm_uuid *id) {
    return cm_str_make((const char *)id->bytes, sizeof(id->bytes));
}

/* Compares the definitions in the tables with the new ones. */
static cm_rc renewal_compare(renewal *r, const cm_table_document *d, cm_err *err) {
    const cm_q_symbols_of_file_row *rows = NULL;
    size_t count = 0;
    cm_rc rc = cm_q_symbols_of_file(r->db, &(cm_q_symbols_of_file_in){.file_id = *r->file},
                                    r->arena, &rows, &count, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_map *old = cm_map_new(0), *fresh = cm_map_new(0);
    uint64_t ignored;
    for (size_t i = 0; i < count; i++) {
        r->failed = !cm_map_put(old, id_key(&rows[i].id), 1) || r->failed;
    }
    for (size_t i = 0; d && i < d->symbol_count; i++) {
        r->failed = !cm_map_put(fresh, id_key(&d->symbol_ids[i]), 1) || r->failed;
        if (!cm_map_get(old, id_key(&d->symbol_ids[i]), &ignored)) {
            renewal_name(r, d->symbol_names[i]);
        }
    }
    cm_json_writer w;
    cm_json_writer_init(&w, &r->gone);
    cm_json_object(&w);
    cm_json_key(&w, "rows");
    cm_json_array(&w);
    for (size_t i = 0; i < count; i++) {
        char id[CM_UUID_TEXT];
        if (cm_map_get(fresh, id_key(&rows[i].id), &ignored)) {
            continue;
        }
        cm_uuid_format(&rows[i].id, id);
        cm_json_c(&w, id);
        renewal_name(r, rows[i].name);
        r->gone_count++;
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
    cm_map_free(old);
    cm_map_free(fresh);
    return r->failed ? cm_fail(err, CM_NOMEM, "out of memory comparing symbols")
                     : cm_buf_check(&r->gone, err);
}

/* Names as {"rows": [...]}. */
static void write_names(const cm_str *names, size_t count, cm_buf *out) {
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    cm_json_key(&w, "rows");
    cm_json_array(&w);
    for (size_t i = 0; i < count; i++) {
        cm_json_str(&w, names[i]);
    }
    cm_json_array_end(&w);
    cm_json_object_end(&w);
}

/* Of the changed names, those that may mean something else now. */
static cm_rc few_names(const renewal *r, cm_buf *out, size_t *ret_count, cm_err *err) {
    size_t count = 0, cursor = 0;
    cm_str *names = CM_ARENA_ARRAY(r->arena, cm_str, cm_map_count(r->names) + 1);
    uint64_t ignored;
    if (!names) {
        return cm_fail(err, CM_NOMEM, "out of memory resolving uses");
    }
    while (cm_map_next(r->names, &cursor, &names[count], &ignored)) {
        count++;
    }
    write_names(names, count, out);
    cm_rc rc = cm_buf_check(out, err);
    const cm_q_symbols_few_row *rows = NULL;
    cm_q_symbols_few_in in = {*r->repository, *r->file, cm_buf_str(out)};
    if (rc == CM_OK) {
        rc = cm_q_symbols_few(r->db, &in, r->arena, &rows, ret_count, err);
    }
    cm_buf_clear(out);
    for (size_t i = 0; rc == CM_OK && i < *ret_count; i++) {
        names[i] = rows[i].name;
    }
    if (rc == CM_OK) {
        write_names(names, *ret_count, out);
    }
    return rc == CM_OK ? cm_buf_check(out, err) : rc;
}

/* Uses elsewhere of names whose definitions changed, and their counts. */
static cm_rc renewal_apply(const renewal *r, cm_err *err) {
    if (cm_map_count(r->names) == 0) {
        return CM_OK;
    }
    cm_buf names;
    size_t count = 0;
    cm_buf_init(&names, NAMES_BYTES_MAX);
    cm_rc rc = few_names(r, &names, &count, err);
    if (rc == CM_OK && count > 0) {
        cm_q_symbol_references_resolve_names_in resolve = {*r->repository, *r->file,
                                                           cm_buf_str(&names)};
        cm_q_symbols_recount_in recount = {*r->repository, cm_buf_str(&names)};
        rc = cm_q_symbol_references_resolve_names(r->db, &resolve, NULL, err);
        if (rc == CM_OK) {
            rc = cm_q_symbols_recount(r->db, &recount, NULL, err);
        }
    }
    cm_buf_done(&names);
    return rc;
}

static cm_rc count_uses(const cm_db *db, const cm_uuid *file, int sign, cm_err *err) {
    cm_q_symbols_count_uses_in in = {.file_id = *file, .sign = sign};
    return cm_q_symbols_count_uses(db, &in, NULL, err);
}

/* ---- rows in ---- */

static cm_rc clear_parts(const cm_db *db, const cm_uuid *file, cm_err *err) {
    cm_q_symbol_references_clear_in references = {*file};
    cm_q_file_dependencies_clear_in dependencies = {*file};
    cm_q_code_chunks_clear_in chunks = {*file};
    cm_rc rc = cm_q_symbol_references_clear(db, &references, NULL, err);
    if (rc == CM_OK) {
        rc = cm_q_file_dependencies_clear(db, &dependencies, NULL, err);
    }
    return rc == CM_OK ? cm_q_code_chunks_clear(db, &chunks, NULL, err) : rc;
}

static cm_rc insert_parts(const cm_db *db, const cm_uuid *repository, const cm_table_document *d,
                          cm_err *err) {
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < d->references.count; i++) {
        cm_q_symbol_references_project_in in = {*repository, d->id, d->references.items[i]};
        rc = cm_q_symbol_references_project(db, &in, NULL, err);
    }
    for (size_t i = 0; rc == CM_OK && i < d->dependencies.count; i++) {
        cm_q_file_dependencies_project_in in = {*repository, d->id, d->dependencies.items[i]};
        rc = cm_q_file_dependencies_project(db, &in, NULL, err);
    }
    cm_str language = d->language.len > 0 ? d->language : (cm_str){0};
    for (size_t i = 0; rc == CM_OK && i < d->chunks.count; i++) {
        cm_q_code_chunks_project_in in = {*repository, d->id, language, d->chunks.items[i]};
        rc = cm_q_code_chunks_project(db, &in, NULL, err);
    }
    return rc;
}

static cm_rc write_symbols(const cm_db *db, const cm_uuid *repository, const cm_table_document *d,
                           const renewal *r, cm_err *err) {
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < d->symbols.count; i++) {
        cm_q_symbols_project_in in = {*repository, d->id, d->symbols.items[i]};
        rc = cm_q_symbols_project(db, &in, NULL, err);
    }
    if (rc == CM_OK && r->gone_count > 0) { /* after: children have their new parents now */
        cm_q_symbols_remove_in in = {d->id, cm_buf_str(&r->gone)};
        rc = cm_q_symbols_remove(db, &in, NULL, err);
    }
    return rc;
}

cm_rc cm_table_write(const cm_db *db, const cm_uuid *repository, const cm_table_document *document,
                     cm_err *err) {
    const cm_table_document *d = document;
    cm_q_files_project_in file = {*repository, d->file};
    cm_q_symbol_references_resolve_file_in resolve = {*repository, d->id};
    renewal r;
    renewal_init(&r, db, repository, &d->id);
    cm_rc rc = renewal_compare(&r, d, err);
    if (rc == CM_OK && d->known) {
        rc = count_uses(db, &d->id, -1, err);
    }
    if (rc == CM_OK && d->known) {
        rc = clear_parts(db, &d->id, err);
    }
    if (rc == CM_OK) {
        rc = cm_q_files_project(db, &file, NULL, err);
    }
    if (rc == CM_OK) {
        rc = write_symbols(db, repository, d, &r, err);
    }
    if (rc == CM_OK) {
        rc = insert_parts(db, repository, d, err);
    }
    if (rc == CM_OK) {
        rc = cm_q_symbol_references_resolve_file(db, &resolve, NULL, err);
    }
    if (rc == CM_OK) {
        rc = count_uses(db, &d->id, 1, err);
    }
    if (rc == CM_OK) {
        rc = renewal_apply(&r, err);
    }
    renewal_done(&r);
    return rc;
}

cm_rc cm_table_remove(const cm_db *db, const cm_uuid *repository, const cm_uuid *file,
                      cm_err *err) {
    cm_q_files_delete_in in = {.id = *file};
    renewal r;
    renewal_init(&r, db, repository, file);
    cm_rc rc = renewal_compare(&r, NULL, err);
    if (rc == CM_OK) {
        rc = count_uses(db, file, -1, err);
    }
    if (rc == CM_OK) {
        rc = cm_q_files_delete(db, &in, err);
    }
    if (rc == CM_OK) {
        rc = renewal_apply(&r, err);
    }
    renewal_done(&r);
    return rc;
}

cm_rc cm_table_empty(const cm_db *db, const cm_uuid *file, cm_err *err) {
    cm_q_symbols_clear_in in = {*file};
    cm_rc rc = clear_parts(db, file, err);
    return rc == CM_OK ? cm_q_symbols_clear(db, &in, NULL, err) : rc;
}
