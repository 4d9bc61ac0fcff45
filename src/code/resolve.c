/* resolve.c - see resolve.h.
 *
 * One idea serves all languages: an import becomes a list of candidate path tails ("a/b.py",
 * "a/b/__init__.py"), and a map from each file's base name to its paths finds the files whose path ends
 * so. Rules that give a full path (relative imports) ask for exactly that path. Where only a tail is
 * known, of several fitting files the one that shares most leading folders with the importer wins: a
 * repository with two copies of a package means its own. */
#include "code/resolve_priv.h"

#include "base/path.h"

#define SAME_NAME_MAX 4096u /* files of one base name that are looked at */

/* --- building ---------------------------------------------------------------------------------- */

static bool add_path(cm_resolver *r, uint32_t i) {
    uint64_t *head = cm_map_slot(r->by_base, cm_path_base(r->paths[i]), NULL);
    if (!head || !cm_map_put(r->by_path, r->paths[i], i)) {
        return false;
    }
    r->next[i] = *head == 0 ? UINT32_MAX : (uint32_t)(*head - 1);
    *head = (uint64_t)i + 1;
    bool is_go =
        cm_str_ends(r->paths[i], CM_STR(".go")) && !cm_str_ends(r->paths[i], CM_STR("_test.go"));
    return !is_go || cm_map_put(r->by_package, cm_path_directory(r->paths[i]), i);
}

cm_rc cm_resolver_new(const cm_str *paths, size_t count, cm_resolver **ret_resolver, cm_err *err) {
    cm_resolver *r = CM_NEW(cm_resolver);
    *r = (cm_resolver){.paths = paths,
                       .count = count,
                       .by_path = cm_map_new(0),
                       .by_base = cm_map_new(0),
                       .by_package = cm_map_new(0),
                       .next = cm_try_calloc(CM_MAX(count, (size_t)1), sizeof(uint32_t)),
                       .arena = cm_arena_new(0)};
    bool ok = r->next && count < UINT32_MAX;
    /* Backwards, so that each chain runs in the order of the paths. */
    for (size_t i = count; i-- > 0 && ok;) {
        ok = add_path(r, (uint32_t)i);
    }
    if (!ok) {
        cm_resolver_free(r);
        return cm_fail(err, CM_NOMEM, "no memory to resolve imports among %zu files", count);
    }
    *ret_resolver = r;
    return CM_OK;
}

void cm_resolver_free(cm_resolver *resolver) {
    if (!resolver) {
        return;
    }
    cm_map_free(resolver->by_path);
    cm_map_free(resolver->by_base);
    cm_map_free(resolver->by_package);
    cm_free(resolver->next);
    cm_vec_done(&resolver->aliases);
    cm_arena_free(resolver->arena);
    cm_free(resolver);
}

/* --- looking up -------------------------------------------------------------------------------- */

typedef struct lookup {
    const cm_resolver *r;
    cm_str importer;
    cm_str folder; /* of the importer */
    cm_buf path;   /* candidate under construction */
} lookup;

static size_t exact(const lookup *l, cm_str path) {
    uint64_t index;
    return cm_map_get(l->r->by_path, path, &index) ? (size_t)index : CM_RESOLVE_NONE;
}

static size_t shared_folders(cm_str a, cm_str b) {
    size_t shared = 0;
    for (size_t i = 0; i < CM_MIN(a.len, b.len) && a.ptr[i] == b.ptr[i]; i++) {
        shared += a.ptr[i] == '/';
    }
    return shared;
}

/* The file whose path ends in "/tail" (or is it), nearest to the importer. */
static size_t by_tail(const lookup *l, cm_str tail) {
    uint64_t head;
    size_t best = CM_RESOLVE_NONE, best_shared = 0, best_len = 0, looked = 0;
    if (tail.len == 0 || !cm_map_get(l->r->by_base, cm_path_base(tail), &head)) {
        return CM_RESOLVE_NONE;
    }
    for (uint32_t i = (uint32_t)(head - 1); i != UINT32_MAX && looked < SAME_NAME_MAX;
         i = l->r->next[i], looked++) {
        cm_str path = l->r->paths[i];
        bool fits = cm_str_ends(path, tail) &&
                    (path.len == tail.len || path.ptr[path.len - tail.len - 1] == '/');
        size_t shared = fits ? shared_folders(path, l->importer) : 0;
        bool better = best == CM_RESOLVE_NONE || shared > best_shared ||
                      (shared == best_shared && path.len < best_len);
        if (fits && better) {
            best = i;
            best_shared = shared;
            best_len = path.len;
        }
    }
    return best;
}

static bool is_identifier_path(cm_str s) {
    return s.len > 0 && s.len < CM_REPO_PATH_MAX && cm_str_find_char(s, '\0') == SIZE_MAX;
}

/* Puts `base` + `ending` into l->path and returns it normalised when it is a relative path that climbs. */
static cm_str candidate(lookup *l, cm_str folder, cm_str base, cm_str ending) {
    cm_buf raw;
    cm_buf_init(&raw, CM_CANDIDATE_BYTES_MAX);
    cm_buf_clear(&l->path);
    if (folder.len > 0) {
        cm_buf_add_str(&raw, folder);
        cm_buf_add_char(&raw, '/');
    }
    cm_buf_add_str(&raw, base);
    cm_buf_add_str(&raw, ending);
    cm_rc rc = cm_buf_check(&raw, NULL);
    if (rc == CM_OK) {
        rc = cm_path_normalise(cm_buf_str(&raw), &l->path, NULL);
    }
    cm_buf_done(&raw);
    return rc == CM_OK ? cm_buf_str(&l->path) : CM_STR_EMPTY;
}

enum where { EXACT, TAIL };

/* Tries base + each ending; NULL ends the list. */
static size_t try_endings(lookup *l, enum where where, cm_str folder, cm_str base,
                          const char *const *endings) {
    for (size_t i = 0; endings[i]; i++) {
        cm_str path = candidate(l, folder, base, cm_str_from(endings[i]));
        size_t found = where == EXACT ? exact(l, path) : by_tail(l, path);
        if (found != CM_RESOLVE_NONE) {
            return found;
        }
    }
    return CM_RESOLVE_NONE;
}

/* `s` with each `separator` as '/', in the arena of nobody: a buffer of the caller. */
static cm_str with_slashes(cm_str s, const char *separator, cm_buf *out) {
    size_t len = strlen(separator);
    cm_buf_clear(out);
    while (s.len > 0) {
        size_t at = cm_str_find(s, cm_str_make(separator, len));
        cm_buf_add_str(out, cm_str_sub(s, 0, CM_MIN(at, s.len)));
        if (at == SIZE_MAX) {
            break;
        }
        cm_buf_add_char(out, '/');
        s = cm_str_from_offset(s, at + len);
    }
    return cm_buf_str(out);
}

/* --- languages --------------------------------------------------------------------------------- */

typedef size_t resolve_fn(lookup *l, const cm_import *import);

static size_t resolve_c(lookup *l, const cm_import *import) {
    static const char *const as_is[] = {"", NULL};
    size_t found = try_endings(l, EXACT, l->folder, import->module, as_is);
    return found != CM_RESOLVE_NONE ? found
                                    : try_endings(l, TAIL, CM_STR_EMPTY, import->module, as_is);
}

/* `from ..a.b import c`: each dot but the first climbs; c may be a module itself. */
static size_t resolve_python(lookup *l, const cm_import *import) {
    static const char *const endings[] = {".py", "/__init__.py", ".pyi", "/__init__.pyi", NULL};
    cm_buf base;
    cm_buf_init(&base, CM_CANDIDATE_BYTES_MAX);
    cm_str module = import->module;
    cm_str folder = l->folder;
    size_t dots = 0;
    while (dots < module.len && module.ptr[dots] == '.') {
        folder = dots > 0 ? cm_path_directory(folder) : folder;
        dots++;
    }
    enum where where = dots > 0 ? EXACT : TAIL;
    cm_str start = dots > 0 ? folder : CM_STR_EMPTY;
    cm_str rest = with_slashes(cm_str_from_offset(module, dots), ".", &base);
    size_t found = CM_RESOLVE_NONE;
    if (import->name.len > 0 && !cm_str_eq_c(import->name, "*")) {
        cm_buf inner;
        cm_buf_init(&inner, CM_CANDIDATE_BYTES_MAX);
        cm_buf_add_str(&inner, rest);
        cm_buf_add_c(&inner, rest.len > 0 ? "/" : "");
        cm_buf_add_str(&inner, import->name);
        found = try_endings(l, where, start, cm_buf_str(&inner), endings);
        cm_buf_done(&inner);
    }
    if (found == CM_RESOLVE_NONE) {
        found = try_endings(l, where, start, rest.len > 0 ? rest : CM_STR("."), endings);
    }
    cm_buf_done(&base);
    return found;
}

static const char *const script_endings[] = {
    "",           ".ts",       ".tsx",       ".d.ts",       ".js",        ".jsx",
    ".mjs",       ".cjs",      ".vue",       ".svelte",     ".json",      "/index.ts",
    "/index.tsx", "/index.js", "/index.jsx", "/index.d.ts", "/index.mjs", NULL};

/* "@acme/ui" is the package of that name in this tree, "@acme/ui/button" a file of it. */
static size_t resolve_workspace(lookup *l, cm_str module) {
    static const char *const insides[] = {"src", "", "lib"};
    cm_buf base;
    size_t found = CM_RESOLVE_NONE;
    cm_buf_init(&base, CM_CANDIDATE_BYTES_MAX);
    for (size_t i = 0; i < l->r->aliases.count && found == CM_RESOLVE_NONE; i++) {
        const cm_alias *a = &l->r->aliases.items[i];
        if (a->kind != CM_ALIAS_PACKAGE || !cm_str_starts(module, a->from) ||
            (module.len > a->from.len && module.ptr[a->from.len] != '/')) {
            continue;
        }
        cm_str rest = cm_str_from_offset(module, a->from.len + 1);
        for (size_t k = 0; k < CM_COUNT(insides) && found == CM_RESOLVE_NONE; k++) {
            cm_buf_clear(&base);
            cm_buf_add_f(&base, "%s%s" CM_STR_FMT, insides[k], insides[k][0] ? "/" : "",
                         CM_STR_ARG(rest.len > 0 ? rest : CM_STR("index")));
            found = try_endings(l, EXACT, a->to, cm_buf_str(&base), script_endings);
        }
    }
    cm_buf_done(&base);
    return found;
}

static size_t resolve_script(lookup *l, const cm_import *import) {
    cm_str module = import->module;
    /* TypeScript writes the ending of what it will become: "./a.js" means ./a.ts. */
    cm_str bare =
        cm_str_ends(module, CM_STR(".js")) ? cm_str_sub(module, 0, module.len - 3) : module;
    if (cm_str_starts(module, CM_STR("."))) {
        size_t found = try_endings(l, EXACT, l->folder, module, script_endings);
        return found != CM_RESOLVE_NONE ? found
                                        : try_endings(l, EXACT, l->folder, bare, script_endings);
    }
    for (size_t i = 0; i < l->r->aliases.count; i++) {
        const cm_alias *a = &l->r->aliases.items[i];
        if (a->kind == CM_ALIAS_TYPESCRIPT && cm_str_starts(module, a->from) &&
            (a->folder.len == 0 || cm_str_starts(l->folder, a->folder))) {
            size_t found = try_endings(l, EXACT, a->to, cm_str_from_offset(module, a->from.len),
                                       script_endings);
            if (found != CM_RESOLVE_NONE) {
                return found;
            }
        }
    }
    return resolve_workspace(l, module);
}

/* A package is a folder: its first file stands for it. */
static size_t resolve_go(lookup *l, const cm_import *import) {
    for (size_t i = 0; i < l->r->aliases.count; i++) {
        const cm_alias *a = &l->r->aliases.items[i];
        bool inside = a->kind == CM_ALIAS_GO && cm_str_starts(import->module, a->from) &&
                      (import->module.len == a->from.len || import->module.ptr[a->from.len] == '/');
        if (!inside) {
            continue;
        }
        cm_str rest = cm_str_from_offset(import->module, a->from.len);
        cm_str folder = candidate(
            l, a->to, rest.len > 0 ? cm_str_from_offset(rest, 1) : CM_STR("."), CM_STR_EMPTY);
        uint64_t first;
        if (cm_map_get(l->r->by_package, cm_str_eq_c(folder, ".") ? CM_STR_EMPTY : folder,
                       &first)) {
            return (size_t)first;
        }
    }
    uint64_t vendored;
    cm_str folder = candidate(l, CM_STR("vendor"), import->module, CM_STR_EMPTY);
    return cm_map_get(l->r->by_package, folder, &vendored) ? (size_t)vendored : CM_RESOLVE_NONE;
}

/* a.b.C -> a/b/C.java; `import static a.b.C.d` and inner classes drop the last part. */
static size_t resolve_dotted(lookup *l, const cm_import *import, const char *const *endings) {
    cm_buf base;
    cm_buf_init(&base, CM_CANDIDATE_BYTES_MAX);
    cm_str path = with_slashes(import->module, ".", &base);
    size_t found = try_endings(l, TAIL, CM_STR_EMPTY, path, endings);
    if (found == CM_RESOLVE_NONE) {
        cm_str outer = cm_path_directory(path);
        bool is_nested = cm_str_find_char(outer, '/') != SIZE_MAX;
        found = is_nested ? try_endings(l, TAIL, CM_STR_EMPTY, outer, endings) : found;
    }
    cm_buf_done(&base);
    return found;
}

static size_t resolve_java(lookup *l, const cm_import *import) {
    static const char *const endings[] = {".java", ".kt", ".scala", ".groovy", NULL};
    return resolve_dotted(l, import, endings);
}

static size_t resolve_haskell(lookup *l, const cm_import *import) {
    static const char *const endings[] = {".hs", ".elm", ".lhs", NULL};
    return resolve_dotted(l, import, endings);
}

static size_t resolve_lua(lookup *l, const cm_import *import) {
    static const char *const endings[] = {".lua", "/init.lua", NULL};
    return resolve_dotted(l, import, endings);
}

/* The folder in which `crate::` starts: the nearest "src" above the importer. */
static cm_str crate_root(const lookup *l) {
    for (cm_str folder = l->folder; folder.len > 0; folder = cm_path_directory(folder)) {
        if (cm_str_eq_c(cm_path_base(folder), "src")) {
            return folder;
        }
    }
    return l->folder;
}

/* Folder that holds the importer's child modules: its own for mod.rs, lib.rs and main.rs, else the one
 * of its name. */
static cm_str child_folder(lookup *l, cm_buf *out) {
    cm_str base = cm_path_base(l->importer);
    cm_buf_clear(out);
    if (!cm_str_eq_c(base, "mod.rs") && !cm_str_eq_c(base, "lib.rs") &&
        !cm_str_eq_c(base, "main.rs") && base.len > 3) {
        cm_path_join(out, l->folder, cm_str_sub(base, 0, base.len - 3));
    } else {
        cm_buf_add_str(out, l->folder);
    }
    return cm_buf_str(out);
}

static size_t try_rust(lookup *l, cm_str folder, cm_str path, cm_str name) {
    static const char *const endings[] = {".rs", "/mod.rs", NULL};
    cm_buf base;
    cm_buf_init(&base, CM_CANDIDATE_BYTES_MAX);
    cm_buf_add_str(&base, path);
    if (name.len > 0 && !cm_str_eq_c(name, "*")) { /* the last part may be a module itself */
        cm_buf_add_c(&base, path.len > 0 ? "/" : "");
        cm_buf_add_str(&base, name);
    }
    size_t found = try_endings(l, EXACT, folder, cm_buf_str(&base), endings);
    for (; found == CM_RESOLVE_NONE && path.len > 0; path = cm_path_directory(path)) {
        found = try_endings(l, EXACT, folder, path, endings);
    }
    cm_buf_done(&base);
    return found;
}

static size_t resolve_rust(lookup *l, const cm_import *import) {
    cm_buf path_buf, child;
    cm_buf_init(&path_buf, CM_CANDIDATE_BYTES_MAX);
    cm_buf_init(&child, CM_CANDIDATE_BYTES_MAX);
    cm_str path = with_slashes(import->module, "::", &path_buf);
    cm_str root = child_folder(l, &child);
    size_t found = CM_RESOLVE_NONE;
    if (cm_str_eq_c(path, "crate") || cm_str_starts(path, CM_STR("crate/"))) {
        found = try_rust(l, crate_root(l), cm_str_from_offset(path, 6), import->name);
    } else if (cm_str_eq_c(path, "super") || cm_str_starts(path, CM_STR("super/"))) {
        found = try_rust(l, cm_path_directory(root), cm_str_from_offset(path, 6), import->name);
    } else if (cm_str_eq_c(path, "self") || cm_str_starts(path, CM_STR("self/"))) {
        found = try_rust(l, root, cm_str_from_offset(path, 5), import->name);
    } else {
        found = try_rust(l, root, path, import->name); /* mod x; */
        cm_str crate = cm_str_sub(path, 0, CM_MIN(cm_str_find_char(path, '/'), path.len));
        for (size_t i = 0; i < l->r->aliases.count && found == CM_RESOLVE_NONE; i++) {
            const cm_alias *a = &l->r->aliases.items[i];
            if (a->kind == CM_ALIAS_RUST && cm_str_eq(a->from, crate)) {
                found = try_rust(l, a->to, cm_str_from_offset(path, crate.len + 1), import->name);
                cm_str lib = candidate(l, a->to, CM_STR("lib.rs"), CM_STR_EMPTY);
                found = found == CM_RESOLVE_NONE ? exact(l, lib) : found;
            }
        }
    }
    cm_buf_done(&path_buf);
    cm_buf_done(&child);
    return found;
}

static size_t resolve_php(lookup *l, const cm_import *import) {
    static const char *const endings[] = {".php", NULL};
    static const char *const as_is[] = {"", NULL};
    cm_buf whole, slashed;
    cm_buf_init(&whole, CM_CANDIDATE_BYTES_MAX);
    cm_buf_init(&slashed, CM_CANDIDATE_BYTES_MAX);
    cm_buf_add_str(&whole, import->module);
    if (import->name.len > 0) {
        cm_buf_add_char(&whole, '\\');
        cm_buf_add_str(&whole, import->name);
    }
    cm_str class = cm_buf_str(&whole);
    size_t found = try_endings(l, EXACT, l->folder, import->module, as_is); /* require 'x.php' */
    for (size_t i = 0; i < l->r->aliases.count && found == CM_RESOLVE_NONE; i++) {
        const cm_alias *a = &l->r->aliases.items[i];
        if (a->kind == CM_ALIAS_PHP && cm_str_starts(class, a->from)) {
            cm_str rest = with_slashes(cm_str_from_offset(class, a->from.len), "\\", &slashed);
            found = try_endings(l, EXACT, a->to, rest, endings);
        }
    }
    if (found == CM_RESOLVE_NONE) {
        found = try_endings(l, TAIL, CM_STR_EMPTY, with_slashes(class, "\\", &slashed), endings);
    }
    cm_buf_done(&whole);
    cm_buf_done(&slashed);
    return found;
}

/* Languages that name a file: beside the importer, else anywhere by its tail. */
static size_t resolve_file(lookup *l, const cm_import *import) {
    static const char *const endings[] = {
        "",     ".rb",  ".dart", ".sh",    ".css",    ".scss",           ".zig",     ".sol", ".jl",
        ".nix", ".tex", ".mk",   ".cmake", ".groovy", "/CMakeLists.txt", "/main.tf", NULL};
    cm_str module = import->module;
    size_t colon =
        cm_str_starts(module, CM_STR("package:")) ? cm_str_find_char(module, '/') : SIZE_MAX;
    if (colon != SIZE_MAX) { /* Dart: package:name/path */
        module = cm_str_from_offset(module, colon + 1);
    }
    size_t found = try_endings(l, EXACT, l->folder, module, endings);
    if (found != CM_RESOLVE_NONE || cm_str_starts(module, CM_STR("."))) {
        return found;
    }
    return try_endings(l, TAIL, CM_STR_EMPTY, module, endings);
}

static const struct {
    const char *language;
    resolve_fn *resolve;
} rules[] = {
    {"c", resolve_c},
    {"cpp", resolve_c},
    {"objc", resolve_c},
    {"glsl", resolve_c},
    {"python", resolve_python},
    {"javascript", resolve_script},
    {"typescript", resolve_script},
    {"tsx", resolve_script},
    {"vue", resolve_script},
    {"svelte", resolve_script},
    {"go", resolve_go},
    {"java", resolve_java},
    {"kotlin", resolve_java},
    {"scala", resolve_java},
    {"groovy", resolve_java},
    {"haskell", resolve_haskell},
    {"elm", resolve_haskell},
    {"lua", resolve_lua},
    {"rust", resolve_rust},
    {"php", resolve_php},
};

size_t cm_resolver_find(const cm_resolver *resolver, const cm_language *language, cm_str importer,
                        const cm_import *import) {
    if (!language || !is_identifier_path(import->module)) {
        return CM_RESOLVE_NONE;
    }
    lookup l = {.r = resolver, .importer = importer, .folder = cm_path_directory(importer)};
    cm_buf_init(&l.path, CM_CANDIDATE_BYTES_MAX);
    resolve_fn *resolve = resolve_file;
    for (size_t i = 0; i < CM_COUNT(rules); i++) {
        resolve = cm_str_eq_c(language->id, rules[i].language) ? rules[i].resolve : resolve;
    }
    size_t found = resolve(&l, import);
    cm_buf_done(&l.path);
    /* A file does not import itself. */
    bool is_self = found != CM_RESOLVE_NONE && cm_str_eq(resolver->paths[found], importer);
    return is_self ? CM_RESOLVE_NONE : found;
}
