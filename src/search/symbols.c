/* symbols.c - candidates by name, weighed by where they stand as seen from the cursor. */
#include "search/symbols_priv.h"

#include "base/map.h"
#include "search/rank.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     500

uint32_t cm_symbols_limit(const cm_symbol_query *query) {
    return query->limit ? CM_MIN(query->limit, LIMIT_MAX) : LIMIT_DEFAULT;
}

cm_str cm_symbols_split(cm_str name, cm_str *ret_parent) {
    for (size_t i = name.len; i-- > 0;) {
        if (cm_is_word(name.ptr[i]) || name.ptr[i] == '$') {
            continue;
        }
        cm_str parent = cm_str_sub(name, 0, i);
        while (parent.len > 0 && !cm_is_word(parent.ptr[parent.len - 1])) {
            parent.len--;
        }
        size_t start = parent.len;
        while (start > 0 && cm_is_word(parent.ptr[start - 1])) {
            start--;
        }
        *ret_parent = cm_str_from_offset(parent, start);
        return cm_str_from_offset(name, i + 1);
    }
    *ret_parent = CM_STR_EMPTY;
    return name;
}

/* ---- definitions ---- */

/* How likely this is the definition meant: the better of two reasons counts, not their sum. */
static double confidence_of(const cm_symbol_hits *x, const cm_index_symbol *s,
                            const cm_index_document *d) {
    cm_index_symbol parent;
    double c = 0.5;
    if (x->has_from) {
        double near = cm_rank_nearness(d->path, x->from.path);
        c = s->document == x->from.id ? 0.95 : 0.3 + 0.4 * near;
        if (s->document != x->from.id && !cm_str_eq(d->language, x->from.language)) {
            c *= 0.5;
        }
    }
    if (x->parent.len > 0) {
        bool match = cm_snapshot_symbol(x->snapshot, s->parent, &parent) &&
                     cm_str_eq(parent.name, x->parent);
        c = match ? CM_MAX(c, 0.9) : c * 0.5;
    }
    if (s->visibility == 3 && !(x->has_from && s->document == x->from.id)) {
        c *= 0.6; /* private to another file or class */
    }
    if (d->is_test || d->is_vendored) {
        c *= 0.7;
    }
    return c;
}

void cm_symbols_add(cm_symbol_hits *x, uint32_t id, double share) {
    cm_symbol_hit hit;
    cm_index_document d;
    if (x->hits.count >= CM_SYMBOLS_CONSIDERED_MAX) {
        x->full = true;
        return;
    }
    if (!cm_snapshot_symbol(x->snapshot, id, &hit.symbol) ||
        !cm_snapshot_document(x->snapshot, hit.symbol.document, &d)) {
        return;
    }
    if (x->query->kinds && !(x->query->kinds >> hit.symbol.kind & 1)) {
        return;
    }
    if (!x->query->kinds && hit.symbol.kind == CM_SYMBOL_IMPORT) {
        return;
    }
    hit.path = d.path;
    hit.confidence = share * confidence_of(x, &hit.symbol, &d);
    if (!cm_vec_push(&x->hits, hit)) {
        x->full = true;
    }
}

static bool add_named(void *argument, cm_str name) {
    cm_symbol_hits *x = argument;
    uint32_t ids[256];
    size_t found = cm_snapshot_definitions(x->snapshot, name, ids, CM_COUNT(ids));
    x->full = x->full || found > CM_COUNT(ids);
    for (size_t i = 0; i < CM_MIN(found, CM_COUNT(ids)); i++) {
        cm_symbols_add(x, ids[i], 1);
    }
    return x->hits.count < CM_SYMBOLS_CONSIDERED_MAX &&
           cm_cancel_hit(x->query->cancel) == CM_CANCEL_NONE;
}

static int hit_cmp(const void *left, const void *right) {
    const cm_symbol_hit *a = left, *b = right;
    if (a->confidence != b->confidence) {
        return a->confidence > b->confidence ? -1 : 1;
    }
    int order = cm_str_cmp(a->symbol.name, b->symbol.name);
    if (order == 0) {
        order = cm_str_cmp(a->path, b->path);
    }
    return order != 0 ? order
                      : (a->symbol.name_line > b->symbol.name_line) -
                            (a->symbol.name_line < b->symbol.name_line);
}

cm_rc cm_symbols_take(cm_symbol_hits *x, uint32_t limit, cm_arena *arena,
                      cm_symbol_result *ret_result, cm_err *err) {
    size_t count = CM_MIN(x->hits.count, limit);
    cm_symbol_hit *hits = CM_ARENA_ARRAY(arena, cm_symbol_hit, count + 1);
    if (hits) {
        if (x->hits.count > 1) {
            qsort(x->hits.items, x->hits.count, sizeof(*hits), hit_cmp);
        }
        if (count > 0) {
            memcpy(hits, x->hits.items, count * sizeof(*hits));
        }
        *ret_result = (cm_symbol_result){hits, count, x->full || x->hits.count > limit};
    }
    cm_vec_done(&x->hits);
    return hits ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory looking up symbols");
}

cm_rc cm_symbols_definitions(const cm_snapshot *snapshot, const cm_symbol_query *query,
                             cm_arena *arena, cm_symbol_result *ret_result, cm_err *err) {
    cm_symbol_hits x = {.snapshot = snapshot, .query = query};
    cm_str name = cm_symbols_split(query->name, &x.parent);
    x.has_from = cm_snapshot_find_document(snapshot, query->from_path, &x.from);
    if (query->prefix) {
        cm_snapshot_names(snapshot, name, add_named, &x);
    } else {
        (void)add_named(&x, name);
    }
    cm_rc rc = cm_cancel_check(query->cancel, err);
    if (rc != CM_OK) {
        cm_vec_done(&x.hits);
        return rc;
    }
    return cm_symbols_take(&x, cm_symbols_limit(query), arena, ret_result, err);
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
    if (x->roles && !(x->roles >> reference->role & 1)) {
        return true;
    }
    if (x->hits.count >= CM_SYMBOLS_CONSIDERED_MAX) {
        x->full = true;
        return false;
    }
    if (!cm_snapshot_document(x->snapshot, reference->document, &d)) {
        return true;
    }
    cm_reference_hit hit = {.reference = *reference, .path = d.path, .confidence = 0.5};
    cm_index_symbol scope;
    if (cm_snapshot_symbol(x->snapshot, reference->scope, &scope)) {
        hit.scope_name = scope.name;
    }
    if (x->has_from) {
        hit.confidence = reference->document == x->from.id
                             ? 0.95
                             : 0.3 + 0.4 * cm_rank_nearness(d.path, x->from.path);
        if (!cm_str_eq(d.language, x->from.language)) {
            hit.confidence *= 0.5;
        }
    }
    if (!cm_vec_push(&x->hits, hit)) {
        x->full = true;
    }
    return !x->full && cm_cancel_hit(x->query->cancel) == CM_CANCEL_NONE;
}

static int reference_cmp(const void *left, const void *right) {
    const cm_reference_hit *a = left, *b = right;
    if (a->confidence != b->confidence) {
        return a->confidence > b->confidence ? -1 : 1;
    }
    int order = cm_str_cmp(a->path, b->path);
    if (order != 0) {
        return order;
    }
    const cm_index_reference *ra = &a->reference, *rb = &b->reference;
    if (ra->line != rb->line) {
        return ra->line < rb->line ? -1 : 1;
    }
    return (ra->column > rb->column) - (ra->column < rb->column);
}

cm_rc cm_symbols_references(const cm_snapshot *snapshot, const cm_symbol_query *query,
                            uint32_t roles, cm_arena *arena, cm_reference_result *ret_result,
                            cm_err *err) {
    references x = {.snapshot = snapshot, .query = query, .roles = roles};
    cm_str parent, name = cm_symbols_split(query->name, &parent);
    uint32_t limit = cm_symbols_limit(query);
    x.has_from = cm_snapshot_find_document(snapshot, query->from_path, &x.from);
    cm_snapshot_references(snapshot, name, add_reference, &x);
    cm_rc rc = cm_cancel_check(query->cancel, err);
    size_t count = CM_MIN(x.hits.count, limit);
    cm_reference_hit *hits = CM_ARENA_ARRAY(arena, cm_reference_hit, count + 1);
    if (rc == CM_OK && !hits) {
        rc = cm_fail(err, CM_NOMEM, "out of memory looking up references");
    }
    if (rc == CM_OK) {
        if (x.hits.count > 1) {
            qsort(x.hits.items, x.hits.count, sizeof(*hits), reference_cmp);
        }
        if (count > 0) {
            memcpy(hits, x.hits.items, count * sizeof(*hits));
        }
        *ret_result = (cm_reference_result){hits, count, x.full || x.hits.count > limit};
    }
    cm_vec_done(&x.hits);
    return rc;
}

/* ---- what the imported files define ---- */

cm_rc cm_symbols_imported(const cm_snapshot *snapshot, cm_str path, cm_str_list wanted,
                          uint32_t limit, cm_arena *arena, cm_symbol_result *ret_result,
                          cm_err *err) {
    cm_symbol_query query = {.from_path = path};
    cm_symbol_hits x = {.snapshot = snapshot, .query = &query};
    cm_map *seen = cm_map_new(0);
    x.has_from = cm_snapshot_find_document(snapshot, path, &x.from);
    for (size_t i = 0; i < wanted.count; i++) { /* names at hand, defined anywhere but here */
        bool added = true;
        if (!cm_map_slot(seen, wanted.items[i], &added) || !added) {
            continue;
        }
        (void)add_named(&x, wanted.items[i]);
    }
    for (uint32_t i = 0; x.has_from && i < x.from.import_count; i++) {
        cm_index_import import;
        bool added = true;
        if (!cm_snapshot_import(snapshot, x.from.id, i, &import) || import.name.len == 0 ||
            !cm_map_slot(seen, import.name, &added) || !added) {
            continue;
        }
        (void)add_named(&x, import.name);
    }
    cm_map_free(seen);
    size_t kept = 0;
    for (size_t i = 0; i < x.hits.count; i++) {
        if (!x.has_from || x.hits.items[i].symbol.document != x.from.id) {
            x.hits.items[kept++] = x.hits.items[i];
        }
    }
    x.hits.count = kept;
    return cm_symbols_take(&x, limit ? CM_MIN(limit, LIMIT_MAX) : LIMIT_DEFAULT, arena, ret_result,
                           err);
}
