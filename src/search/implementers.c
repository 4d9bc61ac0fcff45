/* implementers.c - what implements an interface, or extends a class, at any distance.
 *
 * Two kinds of evidence. Languages that say it ("implements", "extends", a list of bases, `impl Trait for`)
 * leave an inherit reference: the definition around it is an implementer, and so is whatever inherits from
 * that one in turn. The first step goes by name alone; further ones only follow a name to the nearest definition of
 * it, since many a tree has twenty classes called Builder. Go says nothing: go_implement.h compares methods.
 * TypeScript's structural types count only where `implements` or `extends` is written. */
#include "base/map.h"
#include "base/path.h"
#include "search/go_implement.h"
#include "search/rank.h"
#include "search/symbols_priv.h"

#define STEP_SHARE      0.8  /* of the confidence, for each step further away */
#define DEFINITIONS_MAX 64   /* of one name that are compared */
#define INTERFACES_MAX  16   /* Go interfaces of one name that are answered */
#define HEAD_BYTES_MAX  1024 /* of `impl Trait for Type`, from the trait on */

#define HEIR_KINDS                                                                \
    (1u << CM_SYMBOL_CLASS | 1u << CM_SYMBOL_INTERFACE | 1u << CM_SYMBOL_STRUCT | \
     1u << CM_SYMBOL_ENUM | 1u << CM_SYMBOL_TYPE | 1u << CM_SYMBOL_MODULE |       \
     1u << CM_SYMBOL_VARIABLE | 1u << CM_SYMBOL_CONSTANT | 1u << CM_SYMBOL_OTHER)

/* A name whose heirs are still to be found. */
typedef struct ancestor {
    cm_str name;
    uint32_t symbol; /* the definition meant; CM_ID_NONE = whatever has the name */
    double share;
    bool not_go; /* Go's are looked for by definition */
} ancestor;

typedef struct implementers {
    cm_symbol_hits found;
    cm_str parent;  /* of a qualified question */
    cm_map64 *seen; /* symbols told already */
    cm_map *names;  /* looked for already, by name */
    cm_arena *scratch;
    cm_go_files go;
    CM_VEC(ancestor) queue;
    ancestor now;
} implementers;

/* ---- where the heir's name is ---- */

static cm_str word_at(cm_str text, size_t at) {
    size_t end = at;
    while (end < text.len && cm_is_word(text.ptr[end])) {
        end++;
    }
    return cm_str_sub(text, at, end - at);
}

/* The last word of the path that begins here: "Circle" of "&mut geo::Circle<T>" and of " Circle". */
static cm_str type_name(cm_str text) {
    static const char *const marks[] = {"mut", "dyn", "const"};
    cm_str name = CM_STR_EMPTY;
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at];
        if (c == '\'') { /* a lifetime */
            at += 1 + word_at(text, at + 1).len;
            continue;
        }
        if (!cm_is_word(c)) {
            bool goes_on =
                name.len == 0 ? cm_is_space(c) || strchr("&*([", c) : c == ':' || c == '.';
            if (!goes_on) {
                break;
            }
            at++;
            continue;
        }
        if (name.len > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != '.') {
            break;
        }
        cm_str word = word_at(text, at);
        bool is_mark = false;
        for (size_t i = 0; i < CM_COUNT(marks); i++) {
            is_mark = is_mark || cm_str_eq_c(word, marks[i]);
        }
        name = is_mark ? name : word;
        at += word.len;
    }
    return name;
}

/* Of definitions of `name` that can inherit, the one nearest to a document. CM_ID_NONE: there is none. */
static uint32_t nearest(const cm_snapshot *snapshot, cm_str name, const cm_index_document *from) {
    uint32_t ids[DEFINITIONS_MAX], best = CM_ID_NONE;
    double best_near = -1;
    size_t found = cm_snapshot_definitions(snapshot, name, ids, CM_COUNT(ids));
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(ids)); i++) {
        cm_index_symbol s;
        cm_index_document d;
        if (!cm_snapshot_symbol(snapshot, ids[i], &s) || !(HEIR_KINDS >> s.kind & 1) ||
            !cm_snapshot_document(snapshot, s.document, &d)) {
            continue;
        }
        double near = d.id == from->id ? 2 : cm_rank_nearness(d.path, from->path);
        near -= cm_str_eq(d.language, from->language) ? 0 : 2;
        if (near > best_near) {
            best = s.id;
            best_near = near;
        }
    }
    return best;
}

/* `impl Shape for Circle`, `instance Shape Circle`, `extension Circle: Shape`: no definition encloses the place,
 * its text names it. */
static uint32_t named_behind(implementers *x, const cm_index_reference *reference,
                             const cm_index_document *d) {
    cm_str text;
    cm_err ignored;
    cm_arena_clear(x->scratch);
    if (cm_snapshot_lines(x->found.snapshot, reference->document, reference->line, UINT32_MAX,
                          x->scratch, &text, &ignored) != CM_OK) {
        return CM_ID_NONE;
    }
    cm_str front = cm_str_sub(text, 0, reference->column);
    size_t extension = cm_str_find(front, CM_STR("extension "));
    if (extension != SIZE_MAX) {
        return nearest(x->found.snapshot, type_name(cm_str_from_offset(front, extension + 10)), d);
    }
    text = cm_str_sub(text, reference->column + x->now.name.len, HEAD_BYTES_MAX);
    text = cm_str_sub(text, 0, CM_MIN(cm_str_find_char(text, '{'), text.len));
    size_t at = 0; /* behind "for", which may begin or end a line */
    for (size_t i = 1; at == 0 && i + 3 < text.len; i++) {
        if (cm_is_space(text.ptr[i - 1]) &&
            cm_str_starts(cm_str_from_offset(text, i), CM_STR("for")) &&
            cm_is_space(text.ptr[i + 3])) {
            at = i + 4;
        }
    }
    cm_str name = type_name(cm_str_from_offset(text, at));
    return name.len > 0 ? nearest(x->found.snapshot, name, d) : CM_ID_NONE;
}

/* ---- by name ---- */

/* Languages that inherit from each other's types. */
static unsigned family(cm_str language) {
    static const char *const families[][6] = {
        {"java", "kotlin", "scala", "groovy", "clojure"},
        {"javascript", "typescript", "tsx", "vue", "svelte"},
        {"c", "cpp", "objc", "swift"},
    };
    for (unsigned i = 0; i < CM_COUNT(families); i++) {
        for (size_t k = 0; k < CM_COUNT(families[i]) && families[i][k]; k++) {
            if (cm_str_eq_c(language, families[i][k])) {
                return i + 1;
            }
        }
    }
    return 0;
}

static bool are_related(cm_str a, cm_str b) {
    return cm_str_eq(a, b) || (family(a) != 0 && family(a) == family(b));
}

/* Does the name at this place mean the ancestor at hand? */
static bool is_meant(implementers *x, const cm_index_reference *reference, cm_index_document *d) {
    const ancestor *a = &x->now;
    cm_index_symbol s;
    cm_index_document target;
    bool is_go = cm_str_eq_c(d->language, "go");
    if (a->symbol == CM_ID_NONE) {
        return !is_go || !a->not_go;
    }
    if (!cm_snapshot_symbol(x->found.snapshot, a->symbol, &s) ||
        !cm_snapshot_document(x->found.snapshot, s.document, &target) ||
        !are_related(target.language, d->language)) {
        return false;
    }
    if (!is_go) {
        return nearest(x->found.snapshot, a->name, d) == a->symbol;
    }
    cm_go_file file = {&x->go, *d};
    cm_go_name name = {cm_go_files_qualifier(&x->go, reference), a->name};
    return cm_go_file_means(&file, name, &target);
}

static void add_ancestor(implementers *x, const ancestor *a) {
    bool added = true;
    bool by_name = a->symbol == CM_ID_NONE;
    if (by_name && (!cm_map_slot(x->names, a->name, &added) || !added)) {
        return;
    }
    if (x->queue.count >= CM_SYMBOLS_CONSIDERED_MAX || !cm_vec_push(&x->queue, *a)) {
        x->found.full = true;
    }
}

static void add_heir(implementers *x, uint32_t id) {
    bool added = false;
    cm_index_symbol s;
    if (!cm_snapshot_symbol(x->found.snapshot, id, &s) || !(HEIR_KINDS >> s.kind & 1)) {
        return;
    }
    if (!cm_map64_slot(x->seen, id, &added)) {
        x->found.full = true;
    }
    if (!added) {
        return;
    }
    cm_symbols_add(&x->found, id, x->now.share);
    ancestor next = {.name = s.name, .symbol = id, .share = x->now.share * STEP_SHARE};
    add_ancestor(x, &next);
}

static bool visit_reference(void *argument, const cm_index_reference *reference) {
    implementers *x = argument;
    cm_index_document d;
    if (reference->role != CM_REFERENCE_INHERIT ||
        !cm_snapshot_document(x->found.snapshot, reference->document, &d) ||
        !is_meant(x, reference, &d)) {
        return true;
    }
    uint32_t id =
        reference->scope != CM_ID_NONE ? reference->scope : named_behind(x, reference, &d);
    if (id != CM_ID_NONE) {
        add_heir(x, id);
    }
    return !x->found.full && cm_cancel_hit(x->found.query->cancel) == CM_CANCEL_NONE;
}

static void follow_names(implementers *x) {
    for (size_t i = 0; i < x->queue.count && !x->found.full &&
                       cm_cancel_hit(x->found.query->cancel) == CM_CANCEL_NONE;
         i++) {
        x->now = x->queue.items[i];
        cm_snapshot_references(x->found.snapshot, x->now.name, visit_reference, x);
    }
}

/* ---- Go ---- */

/* How a definition of the name can be the one meant, surest first. */
enum evidence { BY_FILE, BY_PACKAGE, BY_NAME };

static bool is_asked(implementers *x, cm_str name, const cm_index_document *d, enum evidence by) {
    cm_str package = x->parent, folder = cm_path_directory(d->path);
    if (by == BY_FILE) {
        cm_go_file file = {&x->go, x->found.from};
        return x->found.has_from && cm_str_eq_c(x->found.from.language, "go") &&
               cm_go_file_means(&file, (cm_go_name){package, name}, d);
    }
    return by == BY_NAME || package.len == 0 || cm_str_eq(cm_path_base(folder), package) ||
           cm_str_eq(cm_path_base(cm_go_files_package(&x->go, folder)), package);
}

static size_t go_definitions(implementers *x, cm_str name, enum evidence by, uint32_t *symbols,
                             size_t max) {
    uint32_t ids[4 * DEFINITIONS_MAX];
    size_t kept = 0;
    size_t found = cm_snapshot_definitions(x->found.snapshot, name, ids, CM_COUNT(ids));
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(ids)); i++) {
        cm_index_symbol s;
        cm_index_document d;
        if (!cm_snapshot_symbol(x->found.snapshot, ids[i], &s) || !(HEIR_KINDS >> s.kind & 1) ||
            !cm_go_files_document(&x->go, s.document, &d) || !is_asked(x, name, &d, by)) {
            continue;
        }
        if (kept < max) {
            symbols[kept++] = s.id;
        } else {
            x->found.full = true;
        }
    }
    return kept;
}

/* "io.Reader", "http.Handler", "error": nobody declares them in the repository, many implement them. */
static bool ask_known(implementers *x, cm_str name) {
    static const char *const folders[] = {"", "net/", "encoding/"};
    char package[128];
    for (size_t i = 0; i < CM_COUNT(folders); i++) {
        int n =
            snprintf(package, sizeof(package), "%s" CM_STR_FMT, folders[i], CM_STR_ARG(x->parent));
        if (n < 0 || (size_t)n >= sizeof(package) ||
            cm_go_known_interface(cm_str_from(package), name).len == 0) {
            continue;
        }
        cm_go_implement_known(&x->go, cm_str_from(package), name, x->seen, &x->found);
        return true;
    }
    return false;
}

static void ask(implementers *x, cm_str name) {
    uint32_t ids[INTERFACES_MAX];
    size_t count = go_definitions(x, name, BY_FILE, ids, CM_COUNT(ids));
    if (count == 0) {
        count = go_definitions(x, name, BY_PACKAGE, ids, CM_COUNT(ids));
    }
    if (count == 0 && !ask_known(x, name)) { /* an alias of the asker's, perhaps */
        count = go_definitions(x, name, BY_NAME, ids, CM_COUNT(ids));
    }
    ancestor all = {.name = name, .symbol = CM_ID_NONE, .share = 1, .not_go = count > 0};
    add_ancestor(x, &all);
    for (size_t i = 0; i < count; i++) {
        ancestor one = {.name = name, .symbol = ids[i], .share = 1};
        add_ancestor(x, &one);
    }
    follow_names(x);
    for (size_t i = 0; i < count; i++) {
        cm_index_symbol s;
        if (cm_snapshot_symbol(x->found.snapshot, ids[i], &s) && s.kind == CM_SYMBOL_INTERFACE) {
            cm_go_implement(&x->go, s.id, x->seen, &x->found);
        }
    }
}

cm_rc cm_symbols_implementers(const cm_snapshot *snapshot, const cm_symbol_query *query,
                              cm_arena *arena, cm_symbol_result *ret_result, cm_err *err) {
    implementers x = {.found = {.snapshot = snapshot, .query = query},
                      .seen = cm_map64_new(0),
                      .names = cm_map_new(0),
                      .scratch = cm_arena_new(CM_MIB(128))};
    cm_str name = cm_symbols_split(query->name, &x.parent);
    x.found.has_from = cm_snapshot_find_document(snapshot, query->from_path, &x.found.from);
    cm_go_files_init(&x.go, snapshot);
    ask(&x, name);
    cm_go_files_done(&x.go);
    cm_map64_free(x.seen);
    cm_map_free(x.names);
    cm_arena_free(x.scratch);
    cm_vec_done(&x.queue);
    cm_rc rc = cm_cancel_check(query->cancel, err);
    if (rc != CM_OK) {
        cm_vec_done(&x.found.hits);
        return rc;
    }
    return cm_symbols_take(&x.found, cm_symbols_limit(query), arena, ret_result, err);
}
