/* codebase.c - adding up votes by language and merging the dependencies that several files declare. */
#include "index/snapshot/codebase.h"

#include "base/map.h"
#include "base/path.h"
#include "base/vec.h"
#include "index/segment/notes.h"
#include "index/snapshot/snapshot_priv.h"

typedef struct language_votes {
    const cm_language *language;
    cm_style_votes votes;
} language_votes;

typedef struct reading {
    const cm_snapshot *snapshot;
    cm_arena *arena;
    cm_arena *scratch;
    CM_VEC(language_votes) votes;
    CM_VEC(cm_codebase_dependency) declared; /* in manifests */
    CM_VEC(cm_codebase_dependency) locked;   /* in lock files */
} reading;

static cm_rc no_memory(cm_err *err) {
    return cm_fail(err, CM_NOMEM, "out of memory adding up a codebase");
}

/* ---- gathering ---- */

static bool add_votes(reading *r, cm_str language, const cm_style_votes *votes) {
    if (votes->files == 0) {
        return true;
    }
    for (size_t i = 0; i < r->votes.count; i++) {
        if (cm_str_eq(r->votes.items[i].language->id, language)) {
            cm_style_votes_add(&r->votes.items[i].votes, votes);
            return true;
        }
    }
    const cm_language *found = cm_language_find(language);
    return !found || cm_vec_push(&r->votes, (language_votes){found, *votes});
}

static bool add_dependencies(reading *r, cm_str path, const cm_dependencies *dependencies) {
    bool ok = true;
    for (size_t i = 0; ok && i < dependencies->count; i++) {
        const cm_dependency *d = &dependencies->items[i];
        cm_codebase_dependency entry = {*d, path};
        ok = d->is_locked ? cm_vec_push(&r->locked, entry) : cm_vec_push(&r->declared, entry);
    }
    return ok;
}

static cm_rc gather(reading *r, cm_err *err) {
    cm_index_document d;
    for (uint32_t cursor = 0; cm_snapshot_next_document(r->snapshot, &cursor, &d);) {
        uint32_t local;
        const cm_snapshot_segment *in = cm_snapshot_of_document(r->snapshot, d.id, &local);
        if (d.is_test || d.is_vendored || !in) {
            continue;
        }
        cm_str bytes = cm_segment_notes(in->segment, local);
        cm_notes notes;
        bool manifest = cm_dependencies_known(d.path);
        cm_arena *arena = manifest ? r->arena : r->scratch;
        cm_rc rc = cm_notes_known(bytes) ? cm_notes_read(bytes, arena, &notes, err) : CM_END;
        if (rc != CM_OK && rc != CM_END) {
            return rc;
        }
        if (rc == CM_OK && (!add_votes(r, d.language, &notes.votes) ||
                            !add_dependencies(r, d.path, &notes.dependencies))) {
            return no_memory(err);
        }
        cm_arena_clear(r->scratch);
    }
    return CM_OK;
}

/* ---- style ---- */

static int by_lines(const void *left, const void *right) {
    const cm_language_style *a = left, *b = right;
    if (a->lines != b->lines) {
        return a->lines > b->lines ? -1 : 1;
    }
    return cm_str_cmp(a->language->id, b->language->id);
}

/* A path that stands for all files of the language at the root, for the sections of an .editorconfig. */
static cm_str usual_path(const cm_language *language, cm_arena *arena) {
    return language->extensions.count > 0
               ? cm_arena_fmt(arena, "file." CM_STR_FMT, CM_STR_ARG(language->extensions.items[0]))
           : language->filenames.count > 0 ? language->filenames.items[0]
                                           : CM_STR("file");
}

static cm_rc decide_styles(reading *r, cm_codebase *out, cm_err *err) {
    cm_language_style *styles = CM_ARENA_ARRAY(r->arena, cm_language_style, r->votes.count + 1);
    cm_index_document d;
    cm_str editorconfig = CM_STR_EMPTY;
    cm_err ignored;
    if (!styles) {
        return no_memory(err);
    }
    if (cm_snapshot_find_document(r->snapshot, CM_STR(".editorconfig"), &d) &&
        cm_snapshot_text(r->snapshot, d.id, r->scratch, &editorconfig, &ignored) != CM_OK) {
        editorconfig = CM_STR_EMPTY;
    }
    for (size_t i = 0; i < r->votes.count; i++) {
        const language_votes *v = &r->votes.items[i];
        styles[i] = (cm_language_style){.language = v->language,
                                        .style = cm_style_decide(&v->votes),
                                        .files = v->votes.files,
                                        .lines = v->votes.lines};
        cm_style_apply_editorconfig(&styles[i].style, editorconfig,
                                    usual_path(v->language, r->scratch));
    }
    if (r->votes.count > 1) {
        qsort(styles, r->votes.count, sizeof(*styles), by_lines);
    }
    out->styles = styles;
    out->style_count = r->votes.count;
    return CM_OK;
}

/* ---- dependencies ---- */

/* Python's tools take "Typing_Extensions" and "typing-extensions" for one name (PEP 503). */
static cm_str normal_name(reading *r, const cm_dependency *d) {
    if (!cm_str_eq_c(d->manager, "pip")) {
        return d->name;
    }
    char *name = cm_arena_c(r->scratch, d->name);
    for (char *c = name; *c; c++) {
        *c = *c == '_' || *c == '.' ? '-' : cm_to_lower(*c);
    }
    return cm_str_from(name);
}

static cm_str lock_key(reading *r, cm_str directory, const cm_dependency *d) {
    return cm_arena_fmt(r->scratch, CM_STR_FMT " " CM_STR_FMT " " CM_STR_FMT,
                        CM_STR_ARG(d->manager), CM_STR_ARG(normal_name(r, d)),
                        CM_STR_ARG(directory));
}

/* Places of the lock files' entries by manager, name and directory. */
static bool index_locks(reading *r, cm_map *locks) {
    bool ok = true, added;
    for (size_t i = 0; ok && i < r->locked.count; i++) {
        const cm_codebase_dependency *d = &r->locked.items[i];
        uint64_t *slot =
            cm_map_slot(locks, lock_key(r, cm_path_directory(d->path), &d->package), &added);
        ok = slot;
        if (ok && added) {
            *slot = i;
        }
    }
    return ok;
}

/* The nearest lock file at or above the manifest says which version is really used. */
static void take_locked_version(reading *r, const cm_map *locks, cm_codebase_dependency *d) {
    cm_str directory = cm_path_directory(d->path);
    for (;;) {
        uint64_t at;
        if (cm_map_get(locks, lock_key(r, directory, &d->package), &at)) {
            d->package.version = r->locked.items[at].package.version;
            d->package.is_locked = true;
            return;
        }
        if (directory.len == 0) {
            return;
        }
        directory = cm_path_directory(directory);
    }
}

static bool is_declared_manager(const reading *r, size_t declared, cm_str manager) {
    for (size_t i = 0; i < declared; i++) {
        if (cm_str_eq(r->declared.items[i].package.manager, manager)) {
            return true;
        }
    }
    return false;
}

static int by_name(const void *left, const void *right) {
    const cm_codebase_dependency *a = left, *b = right;
    int order = cm_str_cmp(a->package.manager, b->package.manager);
    if (order == 0) {
        order = cm_str_cmp(a->package.name, b->package.name);
    }
    if (order == 0) {
        order = a->package.is_development - b->package.is_development;
    }
    return order != 0 ? order : cm_str_cmp(a->path, b->path);
}

static bool same_package(const cm_dependency *a, const cm_dependency *b) {
    return cm_str_eq(a->manager, b->manager) && cm_str_eq(a->name, b->name) &&
           a->is_development == b->is_development;
}

static cm_rc merge_dependencies(reading *r, cm_codebase *out, cm_err *err) {
    cm_cleanup(cm_map_freep) cm_map *locks = cm_map_new(0);
    size_t declared = r->declared.count;
    if (!index_locks(r, locks)) {
        return no_memory(err);
    }
    for (size_t i = 0; i < declared; i++) {
        take_locked_version(r, locks, &r->declared.items[i]);
    }
    cm_str manager = CM_STR_EMPTY;
    bool taken = false;
    for (size_t i = 0; i < r->locked.count; i++) { /* entries of one file share their manager */
        const cm_codebase_dependency *d = &r->locked.items[i];
        if (!cm_str_eq(d->package.manager, manager)) {
            manager = d->package.manager;
            taken = !is_declared_manager(r, declared, manager);
        }
        if (taken && !cm_vec_push(&r->declared, *d)) {
            return no_memory(err);
        }
    }
    size_t count = r->declared.count, kept = 0;
    cm_codebase_dependency *items = CM_ARENA_ARRAY(r->arena, cm_codebase_dependency, count + 1);
    if (!items) {
        return no_memory(err);
    }
    if (count > 1) {
        qsort(r->declared.items, count, sizeof(*items), by_name);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !same_package(&items[kept - 1].package, &r->declared.items[i].package)) {
            items[kept++] = r->declared.items[i];
        }
    }
    out->dependencies = items;
    out->dependency_count = kept;
    return CM_OK;
}

static cm_rc find_frameworks(reading *r, cm_codebase *out, cm_err *err) {
    cm_dependency *packages = CM_ARENA_ARRAY(r->scratch, cm_dependency, out->dependency_count + 1);
    if (!packages) {
        return no_memory(err);
    }
    for (size_t i = 0; i < out->dependency_count; i++) {
        packages[i] = out->dependencies[i].package;
    }
    out->framework_count =
        cm_frameworks_of(packages, out->dependency_count, out->frameworks, CM_FRAMEWORKS_MAX);
    return CM_OK;
}

cm_rc cm_codebase_read(const cm_snapshot *snapshot, cm_arena *arena, cm_codebase *ret_codebase,
                       cm_err *err) {
    reading r = {.snapshot = snapshot, .arena = arena, .scratch = cm_arena_new(CM_MIB(512))};
    cm_codebase out = {0};
    cm_rc rc = gather(&r, err);
    if (rc == CM_OK) {
        rc = decide_styles(&r, &out, err);
    }
    if (rc == CM_OK) {
        rc = merge_dependencies(&r, &out, err);
    }
    if (rc == CM_OK) {
        rc = find_frameworks(&r, &out, err);
    }
    if (rc == CM_OK) {
        *ret_codebase = out;
    }
    cm_vec_done(&r.votes);
    cm_vec_done(&r.declared);
    cm_vec_done(&r.locked);
    cm_arena_free(r.scratch);
    return rc;
}
