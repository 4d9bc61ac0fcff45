/* go_implement.c - gathering what an interface asks for, the types that may have it, and matching their methods. */
#include "search/go_implement.h"

#include "base/limits.h"
#include "base/path.h"

#define METHODS_MAX    256 /* of one interface, embedded ones included */
#define INTERFACES_MAX 256 /* that one is made of */
#define BODY_BYTES_MAX CM_KIB(256)
#define TYPES_MAX      50000 /* with any of the methods */
#define REFERENCES_MAX 2000000
#define EMBEDS_DEPTH   8
#define SAME_TYPE_MAX  8 /* definitions of one type: one for each platform */
#define UNSURE_SHARE   0.7
#define SCRATCH_MAX    CM_MIB(64)
#define OUTSIDE        '\1' /* in front of a package's path where a folder's would stand */
#define INSIDE         '/'

/* ---- what is asked for ---- */

typedef struct wanted {
    cm_str name;
    cm_go_signature signature;
    cm_str folder; /* where it is declared: only types there can have an unexported one */
    size_t definers;
    bool is_read; /* the signature is; otherwise the name alone counts */
} wanted;

/* A type with at least one of the methods, or that embeds one. */
typedef struct go_type {
    cm_str folder, name;
    cm_str known;      /* methods of an interface outside the repository, as text */
    uint32_t *methods; /* the first variant of each wanted one, or CM_ID_NONE */
    uint32_t *embeds;  /* other types, by index */
    size_t embed_count;
    bool embeds_read, is_candidate;
} go_type;

/* One definition of a method. Another platform's file may have another one. */
typedef struct variant {
    uint32_t symbol;
    uint32_t next; /* or CM_ID_NONE */
} variant;

typedef struct question {
    cm_go_files *files;
    cm_symbol_hits *hits;
    cm_map64 *seen;
    cm_arena *scratch; /* for one reading of a text */
    CM_VEC(wanted) wanted;
    cm_map64 *interfaces; /* whose methods are wanted */
    size_t known;         /* how many from outside */
    bool incomplete;      /* an embedded interface is not known */
    bool is_constraint;
    cm_map *by_name; /* folder, NUL, name -> index of a type + 1 */
    CM_VEC(go_type) types;
    CM_VEC(variant) variants;
    CM_VEC(uint32_t) candidates;
    size_t references;
    /* whose embedders are being looked for */
    cm_str target_name;
    cm_index_document target;
} question;

static bool goes_on(const question *q) {
    return q->hits->hits.count < CM_SYMBOLS_CONSIDERED_MAX &&
           cm_cancel_hit(q->hits->query->cancel) == CM_CANCEL_NONE;
}

static cm_str known_import(void *argument, cm_str name) {
    (void)argument;
    return cm_str_eq_c(name, "http") ? CM_STR("net/http") : name;
}

static cm_go_body known_body(cm_arena *arena, cm_str methods) {
    cm_go_body body = {0};
    cm_str text = cm_arena_fmt(arena, "I interface { " CM_STR_FMT " }", CM_STR_ARG(methods));
    (void)!cm_go_body_read(text, CM_STR("I"), arena, &body);
    return body;
}

/* The text of a type's definition, in `arena`: others are read while it is looked at. Empty when it is too long. */
static cm_str body_text(question *q, const cm_index_symbol *s, cm_arena *arena) {
    cm_str text = cm_go_files_text(q->files, s);
    char *copy =
        text.len > 0 && text.len <= BODY_BYTES_MAX ? cm_arena_try_alloc(arena, text.len) : NULL;
    if (!copy) {
        return CM_STR_EMPTY;
    }
    memcpy(copy, text.ptr, text.len);
    return cm_str_make(copy, text.len);
}

static void want(question *q, const cm_go_method *method, const cm_go_place *place, cm_str folder) {
    for (size_t i = 0; i < q->wanted.count; i++) {
        if (cm_str_eq(q->wanted.items[i].name, method->name)) {
            return; /* overlapping interfaces may ask for it twice, with one signature */
        }
    }
    wanted w = {.name = method->name, .folder = folder};
    w.is_read = cm_go_signature_read(method->signature, place, q->files->arena, &w.signature);
    w.definers = cm_snapshot_definitions(q->files->snapshot, w.name, NULL, 0);
    if (q->wanted.count >= METHODS_MAX || !cm_vec_push(&q->wanted, w)) {
        q->incomplete = true;
    }
}

static void want_known(question *q, cm_str methods) {
    if (++q->known > INTERFACES_MAX) {
        q->incomplete = true;
        return;
    }
    cm_go_body body = known_body(q->files->arena, methods);
    cm_go_place place = {.import = known_import};
    for (size_t i = 0; i < body.method_count; i++) {
        want(q, &body.methods[i], &place, CM_STR_EMPTY);
    }
}

static bool want_interface(question *q, uint32_t symbol);

static void want_embedded(question *q, cm_go_file *file, cm_go_name name) {
    uint32_t ids[SAME_TYPE_MAX];
    size_t found = cm_go_file_types(file, name, ids, CM_COUNT(ids));
    if (found > 0) {
        if (!want_interface(q, ids[0])) {
            q->is_constraint = true; /* a set of one type */
        }
        return;
    }
    cm_go_place place = cm_go_file_place(file, (cm_str_list){0});
    cm_str package =
        name.package.len > 0 ? place.import(place.argument, name.package) : CM_STR_EMPTY;
    cm_str methods = cm_go_known_interface(package, name.name);
    if (methods.len > 0) {
        want_known(q, methods);
    } else {
        q->incomplete = true;
    }
}

/* False: no interface. */
static bool want_interface(question *q, uint32_t symbol) {
    cm_go_file file = {.files = q->files};
    cm_index_symbol s;
    cm_go_body body;
    bool added = false;
    if (!cm_map64_slot(q->interfaces, symbol, &added) || !added) {
        q->incomplete = q->incomplete || !cm_map64_get(q->interfaces, symbol, &(uint64_t){0});
        return true;
    }
    if (!cm_snapshot_symbol(q->files->snapshot, symbol, &s) ||
        !cm_go_files_document(q->files, s.document, &file.document)) {
        return false;
    }
    cm_str text = body_text(q, &s, q->files->arena);
    if (!cm_go_body_read(text, s.name, q->files->arena, &body) || !body.is_interface) {
        q->incomplete = q->incomplete || s.kind == CM_SYMBOL_INTERFACE;
        return s.kind == CM_SYMBOL_INTERFACE;
    }
    cm_go_place place = cm_go_file_place(&file, body.parameters);
    q->is_constraint = q->is_constraint || body.is_constraint;
    for (size_t i = 0; i < body.method_count; i++) {
        want(q, &body.methods[i], &place, cm_path_directory(file.document.path));
    }
    for (size_t i = 0; i < body.embed_count; i++) {
        want_embedded(q, &file, body.embeds[i]);
    }
    return true;
}

static int rarest_first(const void *left, const void *right) {
    const wanted *a = left, *b = right;
    if (a->definers != b->definers) {
        return a->definers < b->definers ? -1 : 1;
    }
    return cm_str_cmp(a->name, b->name);
}

/* ---- types ---- */

static uint64_t *type_slot(question *q, char where, cm_str folder, cm_str name) {
    char key[2 * CM_REPO_PATH_MAX];
    int n = snprintf(key, sizeof(key), "%c" CM_STR_FMT "%c" CM_STR_FMT, where, CM_STR_ARG(folder),
                     '\n', CM_STR_ARG(name));
    if (n < 0 || (size_t)n >= sizeof(key)) {
        return NULL;
    }
    return cm_map_slot(q->by_name, cm_str_make(key, (size_t)n), NULL);
}

static bool new_type(question *q, cm_str folder, cm_str name) {
    cm_arena *arena = q->files->arena;
    if (q->types.count >= TYPES_MAX) {
        return false;
    }
    go_type type = {.folder = folder,
                    .name = cm_arena_str(arena, name),
                    .methods = CM_ARENA_ARRAY(arena, uint32_t, q->wanted.count)};
    if (!type.methods) {
        return false;
    }
    for (size_t i = 0; i < q->wanted.count; i++) {
        type.methods[i] = CM_ID_NONE;
    }
    return cm_vec_push(&q->types, type);
}

/* Index of the type, added when it is new; SIZE_MAX when there is no room. */
static size_t type_of(question *q, char where, cm_str folder, cm_str name) {
    uint64_t *slot = type_slot(q, where, folder, name);
    if (slot && *slot == 0 && new_type(q, folder, name)) {
        *slot = q->types.count;
    }
    if (!slot || *slot == 0) {
        q->hits->full = true;
        return SIZE_MAX;
    }
    return (size_t)*slot - 1;
}

static void add_candidate(question *q, size_t type) {
    if (type == SIZE_MAX || q->types.items[type].is_candidate) {
        return;
    }
    q->types.items[type].is_candidate = true;
    if (!cm_vec_push(&q->candidates, (uint32_t)type)) {
        q->hits->full = true;
    }
}

static bool receiver_of(question *q, const cm_index_symbol *s, cm_str *ret_name) {
    cm_index_symbol parent;
    cm_go_method method;
    if (cm_snapshot_symbol(q->files->snapshot, s->parent, &parent)) {
        *ret_name = parent.name;
        return parent.kind == CM_SYMBOL_INTERFACE;
    }
    cm_arena_clear(q->scratch);
    if (!cm_go_method_read(s->signature, q->scratch, &method) || method.receiver.len == 0) {
        return false;
    }
    *ret_name = method.receiver;
    return true;
}

static void find_method(question *q, size_t at) {
    const wanted *w = &q->wanted.items[at];
    size_t max = CM_MIN(w->definers, (size_t)CM_SYMBOLS_CONSIDERED_MAX);
    uint32_t *ids = CM_ARENA_ARRAY(q->files->arena, uint32_t, max + 1);
    size_t found = ids ? cm_snapshot_definitions(q->files->snapshot, w->name, ids, max) : 0;
    q->hits->full = q->hits->full || found > max;
    for (size_t i = 0; i < CM_MIN(found, max); i++) {
        cm_index_symbol s;
        cm_index_document d;
        cm_str receiver;
        if (!cm_snapshot_symbol(q->files->snapshot, ids[i], &s) || s.kind != CM_SYMBOL_METHOD ||
            !cm_go_files_document(q->files, s.document, &d) || !receiver_of(q, &s, &receiver)) {
            continue;
        }
        size_t type = type_of(q, INSIDE, cm_path_directory(d.path), receiver);
        if (type == SIZE_MAX) {
            return;
        }
        uint32_t *first = &q->types.items[type].methods[at];
        if (!cm_vec_push(&q->variants, (variant){s.id, *first})) {
            return;
        }
        *first = (uint32_t)q->variants.count - 1;
        if (at == 0) {
            add_candidate(q, type);
        }
    }
}

/* Definitions of the type itself. */
static size_t definitions_in(question *q, cm_str folder, cm_str name, uint32_t *symbols,
                             size_t max) {
    uint32_t ids[256];
    size_t kept = 0;
    size_t found = cm_snapshot_definitions(q->files->snapshot, name, ids, CM_COUNT(ids));
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(ids)) && kept < max; i++) {
        cm_index_symbol s;
        cm_index_document d;
        if (cm_snapshot_symbol(q->files->snapshot, ids[i], &s) &&
            (s.kind == CM_SYMBOL_STRUCT || s.kind == CM_SYMBOL_TYPE ||
             s.kind == CM_SYMBOL_INTERFACE) &&
            cm_go_files_document(q->files, s.document, &d) &&
            cm_str_eq(cm_path_directory(d.path), folder)) {
            symbols[kept++] = s.id;
        }
    }
    return kept;
}

static size_t definitions_of(question *q, size_t type, uint32_t *symbols, size_t max) {
    const go_type *t = &q->types.items[type];
    return definitions_in(q, t->folder, t->name, symbols, max);
}

/* ---- embedding ---- */

static bool add_embedder(void *argument, const cm_index_reference *reference) {
    question *q = argument;
    cm_go_file file = {.files = q->files};
    cm_index_symbol s;
    if (++q->references > REFERENCES_MAX) {
        q->hits->full = true;
        return false;
    }
    if (reference->role != CM_REFERENCE_INHERIT ||
        !cm_snapshot_symbol(q->files->snapshot, reference->scope, &s) ||
        (s.kind != CM_SYMBOL_STRUCT && s.kind != CM_SYMBOL_INTERFACE) ||
        !cm_go_files_document(q->files, reference->document, &file.document)) {
        return goes_on(q);
    }
    cm_go_name name = {cm_go_files_qualifier(q->files, reference), q->target_name};
    if (cm_go_file_means(&file, name, &q->target)) {
        add_candidate(q, type_of(q, INSIDE, cm_path_directory(file.document.path), s.name));
    }
    return goes_on(q);
}

/* Whoever embeds a candidate has its methods. */
static void add_embedders(question *q) {
    for (size_t i = 0; i < q->candidates.count && goes_on(q); i++) {
        uint32_t id;
        cm_index_symbol s;
        size_t type = q->candidates.items[i];
        if (definitions_of(q, type, &id, 1) == 0 ||
            !cm_snapshot_symbol(q->files->snapshot, id, &s) ||
            !cm_snapshot_document(q->files->snapshot, s.document, &q->target)) {
            continue;
        }
        q->target_name = q->types.items[type].name;
        cm_snapshot_references(q->files->snapshot, q->target_name, add_embedder, q);
    }
}

/* An interface outside the repository that a type embeds. */
static size_t known_type(question *q, const cm_go_place *place, cm_go_name name) {
    cm_str package =
        name.package.len > 0 ? place->import(place->argument, name.package) : CM_STR_EMPTY;
    cm_str methods = cm_go_known_interface(package, name.name);
    if (methods.len == 0) {
        return SIZE_MAX;
    }
    size_t type = type_of(q, OUTSIDE, package, name.name);
    if (type != SIZE_MAX) {
        q->types.items[type].known = methods;
    }
    return type;
}

static void read_embeds(question *q, size_t type) {
    cm_go_file file = {.files = q->files};
    uint32_t id;
    cm_index_symbol s;
    cm_go_body body;
    cm_arena_clear(q->scratch);
    q->types.items[type].embeds_read = true;
    if (definitions_of(q, type, &id, 1) == 0 || !cm_snapshot_symbol(q->files->snapshot, id, &s) ||
        s.kind == CM_SYMBOL_TYPE || !cm_go_files_document(q->files, s.document, &file.document) ||
        !cm_go_body_read(body_text(q, &s, q->scratch), s.name, q->scratch, &body)) {
        return;
    }
    uint32_t *embeds = CM_ARENA_ARRAY(q->files->arena, uint32_t, body.embed_count + 1);
    cm_go_place place = cm_go_file_place(&file, body.parameters);
    size_t count = 0;
    for (size_t i = 0; embeds && i < body.embed_count; i++) {
        cm_index_document d;
        size_t embedded = SIZE_MAX;
        if (cm_go_file_types(&file, body.embeds[i], &id, 1) > 0 &&
            cm_snapshot_symbol(q->files->snapshot, id, &s) &&
            cm_snapshot_document(q->files->snapshot, s.document, &d)) {
            embedded = type_of(q, INSIDE, cm_path_directory(d.path), s.name);
        } else {
            embedded = known_type(q, &place, body.embeds[i]);
        }
        if (embedded != SIZE_MAX) {
            embeds[count++] = (uint32_t)embedded;
        }
    }
    q->types.items[type].embeds = embeds;
    q->types.items[type].embed_count = count;
}

/* ---- has it ---- */

static bool read_signature(question *q, cm_str text, cm_go_place *place, cm_go_signature *ret) {
    cm_go_method method;
    if (!cm_go_method_read(text, q->scratch, &method)) {
        return false;
    }
    place->parameters = method.parameters;
    return cm_go_signature_read(method.signature, place, q->scratch, ret);
}

static enum cm_go_match match_symbol(question *q, const wanted *w, uint32_t symbol) {
    cm_go_file file = {.files = q->files};
    cm_index_symbol s;
    cm_go_signature signature;
    if (!cm_snapshot_symbol(q->files->snapshot, symbol, &s) ||
        !cm_go_files_document(q->files, s.document, &file.document)) {
        return CM_GO_DIFFERS;
    }
    bool is_exported = w->name.ptr[0] >= 'A' && w->name.ptr[0] <= 'Z';
    if (!is_exported && (unsigned char)w->name.ptr[0] < 0x80 &&
        !cm_str_eq(w->folder, cm_path_directory(file.document.path))) {
        return CM_GO_DIFFERS;
    }
    cm_arena_clear(q->scratch);
    cm_go_place place = cm_go_file_place(&file, (cm_str_list){0});
    bool is_read = w->is_read && read_signature(q, s.signature, &place, &signature);
    if (w->is_read && !is_read) { /* cut short in the index: the source has all of it */
        is_read = read_signature(q, body_text(q, &s, q->scratch), &place, &signature);
    }
    const cm_go_aliases aliases = {cm_go_files_alias, q->files};
    return is_read ? cm_go_signature_match(&w->signature, &signature, &aliases) : CM_GO_UNSURE;
}

static enum cm_go_match match_known(question *q, const wanted *w, cm_str methods) {
    cm_arena_clear(q->scratch);
    cm_go_body body = known_body(q->scratch, methods);
    cm_go_place place = {.import = known_import};
    cm_go_signature signature;
    for (size_t i = 0; i < body.method_count; i++) {
        if (cm_str_eq(body.methods[i].name, w->name) &&
            cm_go_signature_read(body.methods[i].signature, &place, q->scratch, &signature)) {
            return w->is_read ? cm_go_signature_match(&w->signature, &signature, NULL)
                              : CM_GO_UNSURE;
        }
    }
    return CM_GO_DIFFERS;
}

/* Has the type the method, itself or by what it embeds? */
static enum cm_go_match has_method(question *q, size_t type, size_t method, unsigned depth) {
    const wanted *w = &q->wanted.items[method];
    uint32_t own = q->types.items[type].methods[method];
    enum cm_go_match best = CM_GO_DIFFERS;
    for (uint32_t v = own; v != CM_ID_NONE && best != CM_GO_SAME; v = q->variants.items[v].next) {
        best = CM_MAX(best, match_symbol(q, w, q->variants.items[v].symbol));
    }
    if (own != CM_ID_NONE) {
        return best; /* an embedded one is hidden */
    }
    if (q->types.items[type].known.len > 0) {
        return match_known(q, w, q->types.items[type].known);
    }
    if (depth >= EMBEDS_DEPTH) {
        return CM_GO_DIFFERS;
    }
    if (!q->types.items[type].embeds_read) {
        read_embeds(q, type);
    }
    for (size_t i = 0; i < q->types.items[type].embed_count && best != CM_GO_SAME; i++) {
        best = CM_MAX(best, has_method(q, q->types.items[type].embeds[i], method, depth + 1));
    }
    return best;
}

static enum cm_go_match has_all(question *q, size_t type) {
    enum cm_go_match all = q->incomplete ? CM_GO_UNSURE : CM_GO_SAME;
    for (size_t i = 0; i < q->wanted.count && all != CM_GO_DIFFERS; i++) {
        all = CM_MIN(all, has_method(q, type, i, 0));
    }
    return all;
}

static void tell(question *q, size_t type, enum cm_go_match match) {
    uint32_t ids[SAME_TYPE_MAX];
    size_t count = definitions_of(q, type, ids, CM_COUNT(ids));
    for (size_t i = 0; i < count; i++) {
        bool added = false;
        if (cm_map64_slot(q->seen, ids[i], &added) && added) {
            cm_symbols_add(q->hits, ids[i], match == CM_GO_SAME ? 1 : UNSURE_SHARE);
        }
    }
}

static void answer(question *q) {
    if (q->wanted.count == 0 || q->is_constraint) {
        return;
    }
    qsort(q->wanted.items, q->wanted.count, sizeof(wanted), rarest_first);
    find_method(q, 0);
    add_embedders(q);
    for (size_t i = 1; i < q->wanted.count && q->candidates.count > 0 && goes_on(q); i++) {
        find_method(q, i);
    }
    for (size_t i = 0; i < q->candidates.count && goes_on(q); i++) {
        enum cm_go_match match = has_all(q, q->candidates.items[i]);
        if (match != CM_GO_DIFFERS) {
            tell(q, q->candidates.items[i], match);
        }
    }
}

static question question_new(cm_go_files *files, cm_map64 *seen, cm_symbol_hits *hits) {
    return (question){.files = files,
                      .hits = hits,
                      .seen = seen,
                      .scratch = cm_arena_new(SCRATCH_MAX),
                      .interfaces = cm_map64_new(INTERFACES_MAX),
                      .by_name = cm_map_new(0)};
}

static void question_done(question *q) {
    cm_map_free(q->by_name);
    cm_map64_free(q->interfaces);
    cm_arena_free(q->scratch);
    cm_vec_done(&q->wanted);
    cm_vec_done(&q->types);
    cm_vec_done(&q->variants);
    cm_vec_done(&q->candidates);
}

void cm_go_implement(cm_go_files *files, uint32_t symbol, cm_map64 *seen, cm_symbol_hits *hits) {
    question q = question_new(files, seen, hits);
    cm_index_symbol s;
    cm_index_document d;
    if (cm_snapshot_symbol(files->snapshot, symbol, &s) &&
        cm_go_files_document(files, s.document, &d) && want_interface(&q, symbol)) {
        uint32_t own[SAME_TYPE_MAX]; /* it does not implement itself, on no platform */
        size_t count = definitions_in(&q, cm_path_directory(d.path), s.name, own, CM_COUNT(own));
        for (size_t i = 0; i < count; i++) {
            (void)!cm_map64_put(seen, own[i], 0);
        }
        answer(&q);
    }
    question_done(&q);
}

void cm_go_implement_known(cm_go_files *files, cm_str package, cm_str name, cm_map64 *seen,
                           cm_symbol_hits *hits) {
    question q = question_new(files, seen, hits);
    want_known(&q, cm_go_known_interface(package, name));
    answer(&q);
    question_done(&q);
}
