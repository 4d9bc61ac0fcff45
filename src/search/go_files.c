/* go_files.c - package paths from go.mod files, and what the names of a file's imports stand for. */
#include "search/go_files.h"

#include "base/limits.h"
#include "base/path.h"

#define DEFINERS_MAX 1024 /* of one name */
#define TYPE_KINDS   (1u << CM_SYMBOL_STRUCT | 1u << CM_SYMBOL_INTERFACE | 1u << CM_SYMBOL_TYPE)

void cm_go_files_init(cm_go_files *files, const cm_snapshot *snapshot) {
    *files = (cm_go_files){.snapshot = snapshot,
                           .arena = cm_arena_new(CM_MIB(512)),
                           .text_arena = cm_arena_new(CM_MIB(128)),
                           .packages = cm_map_new(0),
                           .aliases = cm_map_new(0),
                           .text_of = CM_ID_NONE};
}

void cm_go_files_done(cm_go_files *files) {
    cm_map_free(files->packages);
    cm_map_free(files->aliases);
    cm_arena_free(files->text_arena);
    cm_arena_free(files->arena);
}

bool cm_go_files_document(const cm_go_files *files, uint32_t id, cm_index_document *ret_document) {
    return cm_snapshot_document(files->snapshot, id, ret_document) &&
           cm_str_eq_c(ret_document->language, "go");
}

static cm_str document_text(cm_go_files *files, uint32_t document) {
    if (files->text_of == document) {
        return files->text;
    }
    cm_arena_clear(files->text_arena);
    files->text_of = document;
    files->line = 1;
    files->line_start = 0;
    if (cm_snapshot_text(files->snapshot, document, files->text_arena, &files->text, NULL) !=
        CM_OK) {
        files->text = CM_STR_EMPTY;
    }
    return files->text;
}

cm_str cm_go_files_text(cm_go_files *files, const cm_index_symbol *symbol) {
    cm_str text = document_text(files, symbol->document);
    if (symbol->end_byte < symbol->start_byte) {
        return CM_STR_EMPTY;
    }
    return cm_str_sub(text, symbol->start_byte, symbol->end_byte - symbol->start_byte);
}

/* What follows the start of a line of the text at hand; empty past its end. */
static cm_str from_line(cm_go_files *files, uint32_t line) {
    if (line < files->line) {
        files->line = 1;
        files->line_start = 0;
    }
    while (files->line < line) {
        cm_str rest = cm_str_from_offset(files->text, files->line_start);
        size_t feed = cm_str_find_char(rest, '\n');
        if (feed == SIZE_MAX) {
            return CM_STR_EMPTY;
        }
        files->line_start += feed + 1;
        files->line++;
    }
    return cm_str_from_offset(files->text, files->line_start);
}

cm_str cm_go_files_qualifier(cm_go_files *files, const cm_index_reference *reference) {
    if (document_text(files, reference->document).len == 0) {
        return CM_STR_EMPTY;
    }
    cm_str line = from_line(files, reference->line);
    size_t end = CM_MIN(reference->column, line.len);
    if (end == 0 || line.ptr[end - 1] != '.') {
        return CM_STR_EMPTY;
    }
    size_t start = --end;
    while (start > 0 && cm_is_word(line.ptr[start - 1])) {
        start--;
    }
    size_t len = CM_MIN(end - start, sizeof(files->qualifier));
    memcpy(files->qualifier, line.ptr + start, len); /* the text goes when go.mod is read */
    return cm_str_make(files->qualifier, len);
}

/* ---- packages ---- */

/* The path after "module" in the go.mod of `folder`; empty when there is none. */
static cm_str module_of(cm_go_files *files, cm_str folder) {
    char path[CM_REPO_PATH_MAX + sizeof("/go.mod")];
    cm_index_document d;
    int n = snprintf(path, sizeof(path), CM_STR_FMT "%sgo.mod", CM_STR_ARG(folder),
                     folder.len > 0 ? "/" : "");
    if (n < 0 || (size_t)n >= sizeof(path) ||
        !cm_snapshot_find_document(files->snapshot, cm_str_from(path), &d)) {
        return CM_STR_EMPTY;
    }
    cm_str text = document_text(files, d.id), line;
    while (cm_str_line(&text, &line)) {
        line = cm_str_trim(line);
        if (!cm_str_starts(line, CM_STR("module "))) {
            continue;
        }
        line = cm_str_trim(cm_str_from_offset(line, 7));
        line = cm_str_trim(cm_str_sub(line, 0, CM_MIN(cm_str_find(line, CM_STR("//")), line.len)));
        bool quoted = line.len > 2 && line.ptr[0] == '"';
        return cm_arena_str(files->arena, quoted ? cm_str_sub(line, 1, line.len - 2) : line);
    }
    return CM_STR_EMPTY;
}

static cm_str find_package(cm_go_files *files, cm_str folder) {
    cm_str above = folder;
    for (;;) {
        cm_str module = module_of(files, above);
        cm_str below = cm_str_from_offset(folder, above.len + (above.len > 0));
        if (cm_str_eq_c(module, "std")) { /* Go's own library: nothing stands in front */
            return below;
        }
        if (module.len > 0 && below.len > 0 && above.len < folder.len) {
            return cm_arena_fmt(files->arena, CM_STR_FMT "/" CM_STR_FMT, CM_STR_ARG(module),
                                CM_STR_ARG(below));
        }
        if (module.len > 0 || above.len == 0) {
            return module;
        }
        above = cm_path_directory(above);
    }
}

cm_str cm_go_files_package(cm_go_files *files, cm_str folder) {
    uint64_t at;
    size_t vendor = cm_str_find(folder, CM_STR("vendor/"));
    if (vendor != SIZE_MAX && (vendor == 0 || folder.ptr[vendor - 1] == '/')) {
        return cm_str_from_offset(folder, vendor + 7);
    }
    if (cm_map_get(files->packages, folder, &at)) {
        return *(const cm_str *)(uintptr_t)at;
    }
    cm_str *kept = CM_ARENA_NEW(files->arena, cm_str);
    *kept = find_package(files, folder);
    (void)!cm_map_put(files->packages, folder, (uint64_t)(uintptr_t)kept); /* else found again */
    return *kept;
}

/* ---- imports ---- */

/* How likely a package is called `name` that is imported as `module` without another name: 2 its last
 * component, 1 that without what versions and habit add ("foo/v2", "yaml.v3", "go-git"), 0 not. */
static int fits(cm_str module, cm_str name) {
    cm_str last = cm_path_base(module);
    if (cm_str_eq(last, name)) {
        return 2;
    }
    if (last.len > 1 && last.ptr[0] == 'v' && cm_is_digit(last.ptr[1])) {
        last = cm_path_base(cm_path_directory(module));
    }
    size_t dot = cm_str_find(last, CM_STR(".v"));
    last = cm_str_sub(last, 0, CM_MIN(dot, last.len));
    if (cm_str_starts(last, CM_STR("go-"))) {
        last = cm_str_from_offset(last, 3);
    }
    return cm_str_eq(last, name);
}

/* The import that is called `name` in the file; its path. */
static cm_str import_named(void *argument, cm_str name) {
    const cm_go_file *file = argument;
    cm_index_import import;
    cm_str best = CM_STR_EMPTY;
    int best_fit = 0;
    for (uint32_t i = 0; i < file->document.import_count; i++) {
        if (!cm_snapshot_import(file->files->snapshot, file->document.id, i, &import)) {
            continue;
        }
        int fit =
            import.alias.len > 0 ? 3 * cm_str_eq(import.alias, name) : fits(import.module, name);
        if (fit > best_fit) {
            best_fit = fit;
            best = import.module;
        }
    }
    return best;
}

cm_go_place cm_go_file_place(cm_go_file *file, cm_str_list parameters) {
    return (cm_go_place){
        .package = cm_go_files_package(file->files, cm_path_directory(file->document.path)),
        .import = import_named,
        .argument = file,
        .parameters = parameters};
}

/* What the document's package clause says: it may differ from the folder's name. */
static cm_str package_name(const cm_go_files *files, const cm_index_document *d) {
    cm_index_symbol s;
    for (uint32_t i = 0; i < d->symbol_count; i++) {
        if (cm_snapshot_symbol(files->snapshot, d->first_symbol + i, &s) &&
            s.kind == CM_SYMBOL_MODULE) {
            return s.name;
        }
    }
    return CM_STR_EMPTY;
}

static bool imports_as(cm_go_file *file, cm_str qualifier, cm_str path,
                       const cm_index_document *target) {
    cm_index_import import;
    for (uint32_t i = 0; i < file->document.import_count; i++) {
        if (!cm_snapshot_import(file->files->snapshot, file->document.id, i, &import) ||
            !cm_str_eq(import.module, path)) {
            continue;
        }
        if (import.alias.len > 0 ? cm_str_eq(import.alias, qualifier)
                                 : cm_str_eq(package_name(file->files, target), qualifier)) {
            return true;
        }
    }
    return false;
}

bool cm_go_file_means(cm_go_file *file, cm_go_name name, const cm_index_document *target) {
    cm_str folder = cm_path_directory(target->path);
    if (name.package.len == 0) {
        return cm_str_eq(folder, cm_path_directory(file->document.path));
    }
    cm_str path = cm_go_files_package(file->files, folder);
    if (path.len > 0) {
        return imports_as(file, name.package, path, target);
    }
    /* No go.mod: the import's path ends as the folder does. */
    cm_str module = import_named(file, name.package);
    return module.len > 0 && cm_str_ends(module, cm_path_base(folder)) && folder.len > 0;
}

size_t cm_go_file_types(cm_go_file *file, cm_go_name name, uint32_t *symbols, size_t max) {
    uint32_t ids[DEFINERS_MAX];
    size_t kept = 0;
    size_t found = cm_snapshot_definitions(file->files->snapshot, name.name, ids, CM_COUNT(ids));
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(ids)) && kept < max; i++) {
        cm_index_symbol s;
        cm_index_document d;
        if (cm_snapshot_symbol(file->files->snapshot, ids[i], &s) && TYPE_KINDS >> s.kind & 1 &&
            s.parent == CM_ID_NONE && cm_go_files_document(file->files, s.document, &d) &&
            cm_go_file_means(file, name, &d)) {
            symbols[kept++] = s.id;
        }
    }
    return kept;
}

/* The name behind the "=" of a type's declaration; its own name is empty when something else stands there. */
static cm_go_name aliased(cm_str signature) {
    cm_go_name none = {0};
    size_t equals = cm_str_find(signature, CM_STR(" = "));
    if (equals == SIZE_MAX) {
        return none;
    }
    cm_str text = cm_str_trim(cm_str_from_offset(signature, equals + 3));
    text = cm_str_trim(cm_str_sub(text, 0, CM_MIN(cm_str_find(text, CM_STR("//")), text.len)));
    size_t dot = cm_str_find_char(text, '.');
    cm_go_name name = {dot == SIZE_MAX ? CM_STR_EMPTY : cm_str_sub(text, 0, dot),
                       dot == SIZE_MAX ? text : cm_str_from_offset(text, dot + 1)};
    for (size_t i = 0; i < name.name.len; i++) {
        if (!cm_is_word(name.name.ptr[i])) {
            return none;
        }
    }
    return name;
}

static bool find_alias(cm_go_files *files, cm_go_token *token) {
    uint32_t ids[DEFINERS_MAX];
    size_t found = cm_snapshot_definitions(files->snapshot, token->text, ids, CM_COUNT(ids));
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(ids)); i++) {
        cm_index_symbol s;
        cm_go_file file = {.files = files};
        if (!cm_snapshot_symbol(files->snapshot, ids[i], &s) || s.kind != CM_SYMBOL_TYPE ||
            !cm_go_files_document(files, s.document, &file.document) ||
            !cm_str_eq(cm_go_files_package(files, cm_path_directory(file.document.path)),
                       token->package)) {
            continue;
        }
        cm_go_name name = aliased(s.signature);
        if (name.name.len == 0) {
            return false;
        }
        cm_go_place place = cm_go_file_place(&file, (cm_str_list){0});
        *token = cm_go_token_named(&place, name);
        return true;
    }
    return false;
}

/* The same few names come with thousands of methods: each is looked up once a question. */
bool cm_go_files_alias(void *argument, cm_go_token *token) {
    cm_go_files *files = argument;
    char key[2 * CM_REPO_PATH_MAX];
    bool added;
    if (token->kind != CM_GO_TYPE || token->package.len == 0) {
        return false;
    }
    int n = snprintf(key, sizeof(key), CM_STR_FMT "\n" CM_STR_FMT, CM_STR_ARG(token->package),
                     CM_STR_ARG(token->text));
    uint64_t *slot = n < 0 || (size_t)n >= sizeof(key)
                         ? NULL
                         : cm_map_slot(files->aliases, cm_str_make(key, (size_t)n), &added);
    if (!slot) {
        return find_alias(files, token);
    }
    if (added && find_alias(files, token)) {
        cm_go_token *kept = cm_arena_try_alloc(files->arena, sizeof(*kept));
        if (kept) {
            *kept = *token;
        }
        *slot = (uint64_t)(uintptr_t)kept;
        return true;
    }
    if (*slot == 0) {
        return false;
    }
    *token = *(const cm_go_token *)(uintptr_t)*slot;
    return true;
}
