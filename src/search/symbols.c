#include "search/symbols.h"

#include "base/map.h"
#include "base/path.h"
#include "base/vec.h"
#include "search/rank.h"

#define LIMIT_DEFAULT  50
#define LIMIT_MAX      500
#define CONSIDERED_MAX 20000 /* definitions or references looked at for one question */

static uint32_t limit_of(const cm_symbol_query *query) {
    return query->limit ? CM_MIN(query->limit, LIMIT_MAX) : LIMIT_DEFAULT;
}

/* "Store::open" -> last "open", rest "Store". */
static cm_str split_qualified(cm_str name, cm_str *ret_parent) {
    for (size_t i = name.len; i-- > 0;) {
        if (cm_is_word(name.ptr[i]) || name.ptr[i] == '$')
            continue;
        cm_str parent = cm_str_sub(name, 0, i);
        while (parent.len > 0 && !cm_is_word(parent.ptr[parent.len - 1]))
            parent.len--;
        size_t start = parent.len;
        while (start > 0 && cm_is_word(parent.ptr[start - 1]))
            start--;
        *ret_parent = cm_str_from_offset(parent, start);
        return cm_str_from_offset(name, i + 1);
    }
    *ret_parent = CM_STR_EMPTY;
    return name;
}

/* ---- definitions ---- */

typedef struct definitions {
    const cm_snapshot *snapshot;
    const cm_symbol_query *query;
    cm_str parent; /* of a qualified question */
    cm_index_document from;
    bool has_from;
    CM_VEC(cm_symbol_hit) hits;
    bool full;
} definitions;

/* How likely this is the definition meant: the better of two reasons counts, not their sum. */
static double confidence_of(const definitions *x, const cm_index_symbol *s,
                            const cm_index_document *d) {
    cm_index_symbol parent;
    double c = 0.5;
    if (x->has_from) {
        double near = cm_rank_nearness(d->path, x->from.path);
        c = s->document == x->from.id ? 0.95 : 0.3 + 0.4 * near;
        if (s->document != x->from.id && !cm_str_eq(d->language, x->from.language))
            c *= 0.5;
    }
    if (x->parent.len > 0) {
        bool match = cm_snapshot_symbol(x->snapshot, s->parent, &parent) &&
                     cm_str_eq(parent.name, x->parent);
        c = match ? CM_MAX(c, 0.9) : c * 0.5;
    }
    if (s->visibility == 3 && !(x->has_from && s->document == x->from.id))
        c *= 0.6; /* private to another file or class */
    if (d->is_test || d->is_vendored)
        c *= 0.7;
    return c;
}

static void add_definition(definitions *x, uint32_t id) {
    cm_symbol_hit hit;
    cm_index_document d;
    if (x->hits.count >= CONSIDERED_MAX) {
        x->full = true;
        return;
    }
    if (!cm_snapshot_symbol(x->snapshot, id, &hit.symbol) ||
        !cm_snapshot_document(x->snapshot, hit.symbol.document, &d))
        return;
    if (x->query->kinds && !(x->query->kinds >> hit.symbol.kind & 1))
        return;
    if (!x->query->kinds && hit.symbol.kind == CM_SYMBOL_IMPORT)
        return;
    hit.path = d.path;
    hit.confidence = confidence_of(x, &hit.symbol, &d);
    if (!cm_vec_push(&x->hits, hit))
        x->full = true;
}

static bool add_named(void *argument, cm_str name) {
    definitions *x = argument;
    uint32_t ids[256];
    size_t found = cm_snapshot_definitions(x->snapshot, name, ids, CM_COUNT(ids));
    x->full = x->full || found > CM_COUNT(ids);
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(ids)); i++)
        add_definition(x, ids[i]);
    return x->hits.count < CONSIDERED_MAX && cm_cancel_hit(x->query->cancel) == CM_CANCEL_NONE;
}

static int hit_cmp(const void *left, const void *right) {
    const cm_symbol_hit *a = left, *b = right;
    if (a->confidence != b->confidence)
        return a->confidence > b->confidence ? -1 : 1;
    int order = cm_str_cmp(a->symbol.name, b->symbol.name);
    if (order == 0)
        order = cm_str_cmp(a->path, b->path);
    return order != 0 ? order
                      : (a->symbol.name_line > b->symbol.name_line) -
                            (a->symbol.name_line < b->symbol.name_line);
}

/* Sorts, cuts to `limit` and copies into the arena. */
static cm_rc take_definitions(definitions *x, uint32_t limit, cm_arena *arena,
                              cm_symbol_result *ret_result, cm_err *err) {
    size_t count = CM_MIN(x->hits.count, limit);
    cm_symbol_hit *hits = CM_ARENA_ARRAY(arena, cm_symbol_hit, count + 1);
    if (hits) {
        if (x->hits.count > 1)
            qsort(x->hits.items, x->hits.count, sizeof(*hits), hit_cmp);
        if (count > 0)
            memcpy(hits, x->hits.items, count * sizeof(*hits));
        *ret_result = (cm_symbol_result){hits, count, x->full || x->hits.count > limit};
    }
    cm_vec_done(&x->hits);
    return hits ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory looking up symbols");
}

cm_rc cm_symbols_definitions(const cm_snapshot *snapshot, const cm_symbol_query *query,
                             cm_arena *arena, cm_symbol_result *ret_result, cm_err *err) {
    definitions x = {.snapshot = snapshot, .query = query};
    cm_str name = split_qualified(query->name, &x.parent);
    x.has_from = cm_snapshot_find_document(snapshot, query->from_path, &x.from);
    if (query->prefix)
        cm_snapshot_names(snapshot, name, add_named, &x);
    else
        (void)add_named(&x, name);
    cm_rc rc = cm_cancel_check(query->cancel, err);
    if (rc != CM_OK) {
        cm_vec_done(&x.hits);
        return rc;
    }
    return take_definitions(&x, limit_of(query), arena, ret_result, err);
}

/* ---- references ---- */

typedef struct references {
    const cm_snapshot *snapshot;
    const cm_symbol_query *query;
    uint32_t roles;
    cm_index_document from;
    bool has_from;
    CM_VEC(cm_reference_hit) hits;
    bool full;
} references;

static bool add_reference(void *argument, const cm_index_reference *reference) {
    references *x = argument;
    cm_index_document d;
    if (x->roles && !(x->roles >> reference->role & 1))
        return true;
    if (x->hits.count >= CONSIDERED_MAX) {
        x->full = true;
        return false;
    }
    if (!cm_snapshot_document(x->snapshot, reference->document, &d))
        return true;
    cm_reference_hit hit = {.reference = *reference, .path = d.path, .confidence = 0.5};
    cm_index_symbol scope;
    if (cm_snapshot_symbol(x->snapshot, reference->scope, &scope))
        hit.scope_name = scope.name;
    if (x->has_from) {
        hit.confidence = reference->document == x->from.id
                             ? 0.95
                             : 0.3 + 0.4 * cm_rank_nearness(d.path, x->from.path);
        if (!cm_str_eq(d.language, x->from.language))
            hit.confidence *= 0.5;
    }
    if (!cm_vec_push(&x->hits, hit))
        x->full = true;
    return !x->full && cm_cancel_hit(x->query->cancel) == CM_CANCEL_NONE;
}

static int reference_cmp(const void *left, const void *right) {
    const cm_reference_hit *a = left, *b = right;
    if (a->confidence != b->confidence)
        return a->confidence > b->confidence ? -1 : 1;
    int order = cm_str_cmp(a->path, b->path);
    if (order != 0)
        return order;
    const cm_index_reference *ra = &a->reference, *rb = &b->reference;
    if (ra->line != rb->line)
        return ra->line < rb->line ? -1 : 1;
    return (ra->column > rb->column) - (ra->column < rb->column);
}

cm_rc cm_symbols_references(const cm_snapshot *snapshot, const cm_symbol_query *query,
                            uint32_t roles, cm_arena *arena, cm_reference_result *ret_result,
                            cm_err *err) {
    references x = {.snapshot = snapshot, .query = query, .roles = roles};
    cm_str parent, name = split_qualified(query->name, &parent);
    uint32_t limit = limit_of(query);
    x.has_from = cm_snapshot_find_document(snapshot, query->from_path, &x.from);
    cm_snapshot_references(snapshot, name, add_reference, &x);
    cm_rc rc = cm_cancel_check(query->cancel, err);
    size_t count = CM_MIN(x.hits.count, limit);
    cm_reference_hit *hits = CM_ARENA_ARRAY(arena, cm_reference_hit, count + 1);
    if (rc == CM_OK && !hits)
        rc = cm_fail(err, CM_NOMEM, "out of memory looking up references");
    if (rc == CM_OK) {
        if (x.hits.count > 1)
            qsort(x.hits.items, x.hits.count, sizeof(*hits), reference_cmp);
        if (count > 0)
            memcpy(hits, x.hits.items, count * sizeof(*hits));
        *ret_result = (cm_reference_result){hits, count, x.full || x.hits.count > limit};
    }
    cm_vec_done(&x.hits);
    return rc;
}

/* ---- implementers ---- */

typedef struct implementers {
    definitions found;
    cm_map64 *seen; /* symbols told already */
    cm_arena *scratch;
} implementers;

/* The word at or after `at`. */
static cm_str next_word(cm_str text, size_t at) {
    while (at < text.len && !cm_is_word(text.ptr[at]))
        at++;
    size_t end = at;
    while (end < text.len && cm_is_word(text.ptr[end]))
        end++;
    return cm_str_sub(text, at, end - at);
}

/* `impl Shape for Circle`, `instance Shape Circle`: no definition encloses the place, the line names it. */
static uint32_t named_on_line(implementers *x, const cm_index_reference *reference, cm_str name) {
    const cm_snapshot *snapshot = x->found.snapshot;
    cm_str line;
    uint32_t id;
    cm_err ignored;
    cm_arena_clear(x->scratch);
    if (cm_snapshot_lines(snapshot, reference->document, reference->line, reference->line,
                          x->scratch, &line, &ignored) != CM_OK)
        return CM_ID_NONE;
    cm_str rest = cm_str_from_offset(line, reference->column + name.len);
    size_t preposition = cm_str_find(rest, CM_STR(" for "));
    cm_str word = next_word(rest, preposition == SIZE_MAX ? 0 : preposition + 5);
    return word.len > 0 && cm_snapshot_definitions(snapshot, word, &id, 1) > 0 ? id : CM_ID_NONE;
}

static bool add_implementer(void *argument, const cm_index_reference *reference) {
    implementers *x = argument;
    bool added = false;
    if (reference->role != CM_REFERENCE_INHERIT)
        return true;
    cm_str parent, name = split_qualified(x->found.query->name, &parent);
    uint32_t id =
        reference->scope != CM_ID_NONE ? reference->scope : named_on_line(x, reference, name);
    if (id != CM_ID_NONE && !cm_map64_slot(x->seen, id, &added))
        x->found.full = true;
    if (added)
        add_definition(&x->found, id);
    return !x->found.full && cm_cancel_hit(x->found.query->cancel) == CM_CANCEL_NONE;
}

cm_rc cm_symbols_implementers(const cm_snapshot *snapshot, const cm_symbol_query *query,
                              cm_arena *arena, cm_symbol_result *ret_result, cm_err *err) {
    implementers x = {.found = {.snapshot = snapshot, .query = query},
                      .seen = cm_map64_new(0),
                      .scratch = cm_arena_new(CM_MIB(128))};
    cm_str ignored, name = split_qualified(query->name, &ignored);
    x.found.has_from = cm_snapshot_find_document(snapshot, query->from_path, &x.found.from);
    cm_snapshot_references(snapshot, name, add_implementer, &x);
    cm_map64_free(x.seen);
    cm_arena_free(x.scratch);
    cm_rc rc = cm_cancel_check(query->cancel, err);
    if (rc != CM_OK) {
        cm_vec_done(&x.found.hits);
        return rc;
    }
    return take_definitions(&x.found, limit_of(query), arena, ret_result, err);
}

/* ---- what the imported files define ---- */

cm_rc cm_symbols_imported(const cm_snapshot *snapshot, cm_str path, cm_str_list wanted,
                          uint32_t limit, cm_arena *arena, cm_symbol_result *ret_result,
                          cm_err *err) {
    cm_symbol_query query = {.from_path = path};
    definitions x = {.snapshot = snapshot, .query = &query};
    cm_map *seen = cm_map_new(0);
    x.has_from = cm_snapshot_find_document(snapshot, path, &x.from);
    for (size_t i = 0; i < wanted.count; i++) { /* names at hand, defined anywhere but here */
        bool added = true;
        if (!cm_map_slot(seen, wanted.items[i], &added) || !added)
            continue;
        (void)add_named(&x, wanted.items[i]);
    }
    for (uint32_t i = 0; x.has_from && i < x.from.import_count; i++) {
        cm_index_import import;
        bool added = true;
        if (!cm_snapshot_import(snapshot, x.from.id, i, &import) || import.name.len == 0 ||
            !cm_map_slot(seen, import.name, &added) || !added)
            continue;
        (void)add_named(&x, import.name);
    }
    cm_map_free(seen);
    size_t kept = 0;
    for (size_t i = 0; i < x.hits.count; i++)
        if (!x.has_from || x.hits.items[i].symbol.document != x.from.id)
            x.hits.items[kept++] = x.hits.items[i];
    x.hits.count = kept;
    return take_definitions(&x, limit ? CM_MIN(limit, LIMIT_MAX) : LIMIT_DEFAULT, arena, ret_result,
                            err);
}
