/* The graph of an earlier snapshot brought up to date.
 *
 * An edge by names is a sum over names, and a name's part of it depends on who defines the name and who uses it. Only
 * documents that changed can have changed either, so: edges from and to a document that is gone are left out;
 * names that a changed document defines, now or before, are taken back as the old snapshot had them and counted
 * again as the new one has them; other names are counted for the changed documents that use them. All
 * else is carried over under the documents' new numbers. */
#include "index/graph/graph_priv.h"

#include "base/map.h"
#include "index/snapshot/snapshot_priv.h"

#define CHANGED_MAX    256    /* documents; more are a build from nothing */
#define UPDATES_MAX    64     /* in a row: rounding adds up */
#define REFERENCES_MAX 400000 /* of a segment whose names are looked through for one document */

/* ---- the last graph ---- */

struct cm_graph_base {
    atomic_uint refs;
    pthread_mutex_t lock;
    bool closed;
    cm_snapshot *latest;
};

cm_graph_base *cm_graph_base_new(void) {
    cm_graph_base *base = CM_NEW(cm_graph_base);
    atomic_init(&base->refs, 1);
    pthread_mutex_init(&base->lock, NULL);
    return base;
}

cm_graph_base *cm_graph_base_ref(cm_graph_base *base) {
    atomic_fetch_add_explicit(&base->refs, 1, memory_order_relaxed);
    return base;
}

static void drop_base(void *base) {
    cm_graph_base_unref(base);
}

void cm_graph_base_attach(cm_graph_base *base, cm_snapshot *snapshot) {
    cm_snapshot_fill(snapshot, CM_SLOT_GRAPH_BASE, cm_graph_base_ref(base), drop_base);
}

void cm_graph_base_unref(cm_graph_base *base) {
    if (!base || atomic_fetch_sub_explicit(&base->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    cm_assert(!base->latest); /* it would hold a reference to us */
    pthread_mutex_destroy(&base->lock);
    cm_free(base);
}

/* The old one is let go without the lock: with its last reference goes one to `base`. */
static void exchange(cm_graph_base *base, cm_snapshot *snapshot, bool close) {
    pthread_mutex_lock(&base->lock);
    base->closed = base->closed || close;
    bool newer = snapshot && !base->closed &&
                 (!base->latest || base->latest->generation < snapshot->generation);
    cm_snapshot *old = newer || !snapshot ? base->latest : NULL;
    if (newer || !snapshot) {
        base->latest = snapshot ? cm_snapshot_ref(snapshot) : NULL;
    }
    pthread_mutex_unlock(&base->lock);
    cm_snapshot_unref(old);
}

void cm_graph_base_forget(cm_graph_base *base) {
    exchange(base, NULL, false);
}

void cm_graph_base_close(cm_graph_base *base) {
    exchange(base, NULL, true);
}

cm_snapshot *cm_graph_base_get(cm_graph_base *base) {
    if (!base) {
        return NULL;
    }
    pthread_mutex_lock(&base->lock);
    cm_snapshot *latest = base->latest ? cm_snapshot_ref(base->latest) : NULL;
    pthread_mutex_unlock(&base->lock);
    return latest;
}

void cm_graph_base_set(cm_graph_base *base, const cm_snapshot *snapshot) {
    if (base) {
        exchange(base, (cm_snapshot *)(uintptr_t)snapshot, false);
    }
}

/* ---- what changed ---- */

typedef struct carry {
    cm_graph_build *b;
    const cm_snapshot *old, *now;
    uint32_t *places;       /* old document -> new; CM_ID_NONE: gone, or another content now */
    uint8_t *fresh;         /* by new document: it has no old one */
    uint32_t changed;       /* gone and fresh ones */
    cm_map *names;          /* defined in a changed document, now or before */
    const cm_segment *host; /* segment of the names being looked through */
    uint32_t first;         /* its first document */
} carry;

static uint32_t count_of(const cm_snapshot *s) {
    return s->segments[s->count].first_document;
}

static const cm_snapshot_segment *same_segment(const cm_snapshot *s, const cm_segment *segment) {
    for (size_t i = 0; i < s->count; i++) {
        if (s->segments[i].segment == segment) {
            return &s->segments[i];
        }
    }
    return NULL;
}

static bool is_same(const cm_index_document *a, const cm_index_document *b) {
    return a->hash.low == b->hash.low && a->hash.high == b->hash.high && a->status == b->status &&
           a->symbol_count == b->symbol_count && a->import_count == b->import_count;
}

/* Number of the old document that this new one is; CM_ID_NONE when it is new or another. */
static uint32_t origin_of(const carry *c, const cm_snapshot_segment *shared, uint32_t local,
                          uint32_t id) {
    cm_index_document now, old;
    if (shared) {
        return cm_bitmap_has(shared->dead, local) ? CM_ID_NONE : shared->first_document + local;
    }
    if (!cm_snapshot_document(c->now, id, &now) ||
        !cm_snapshot_find_document(c->old, now.path, &old) || !is_same(&now, &old)) {
        return CM_ID_NONE;
    }
    return old.id;
}

/* False when too much changed. */
static bool find_changed(carry *c) {
    memset(c->places, 0xff, (size_t)count_of(c->old) * sizeof(*c->places));
    for (size_t i = 0; i < c->now->count; i++) {
        const cm_snapshot_segment *in = &c->now->segments[i];
        const cm_snapshot_segment *shared = same_segment(c->old, in->segment);
        for (uint32_t d = 0; d < in->segment->document_count; d++) {
            if (cm_bitmap_has(in->dead, d)) {
                continue;
            }
            uint32_t id = in->first_document + d, origin = origin_of(c, shared, d, id);
            if (origin != CM_ID_NONE) {
                c->places[origin] = id;
            } else {
                c->fresh[id] = 1;
                c->changed++;
            }
        }
    }
    for (uint32_t id = 0; id < count_of(c->old); id++) {
        c->changed += c->places[id] == CM_ID_NONE && cm_snapshot_is_live(c->old, id);
    }
    return c->changed <= CHANGED_MAX;
}

/* ---- names ---- */

static bool note_names(carry *c, const cm_snapshot *s, uint32_t id) {
    cm_index_document d;
    cm_index_symbol symbol;
    bool ok = true;
    if (!cm_snapshot_document(s, id, &d)) {
        return true;
    }
    for (uint32_t i = 0; ok && i < d.symbol_count; i++) {
        if (cm_snapshot_symbol(s, d.first_symbol + i, &symbol)) {
            ok = cm_map_put(c->names, symbol.name, 1);
        }
    }
    return ok;
}

static bool note_all_names(carry *c) {
    bool ok = true;
    for (uint32_t id = 0; ok && id < count_of(c->old); id++) {
        if (c->places[id] == CM_ID_NONE) {
            ok = note_names(c, c->old, id);
        }
    }
    for (uint32_t id = 0; ok && id < count_of(c->now); id++) {
        if (c->fresh[id]) {
            ok = note_names(c, c->now, id);
        }
    }
    return ok;
}

/* Edges between documents that are still there, as they were. */
static bool carry_edges(carry *c) {
    const cm_graph *g = cm_graph_of(c->old);
    bool ok = true;
    for (uint32_t from = 0; ok && from < g->count; from++) {
        if (c->places[from] == CM_ID_NONE) {
            continue;
        }
        for (uint32_t e = g->starts[from]; ok && e < g->starts[from + 1]; e++) {
            const cm_graph_edge *edge = &g->edges[e];
            uint32_t to = c->places[edge->document];
            if (to == CM_ID_NONE || edge->names == 0) {
                continue;
            }
            double weight = (double)edge->weight - CM_GRAPH_IMPORT_WEIGHT * edge->imports -
                            (double)edge->together;
            ok = cm_vec_push(&c->b->reasons, (cm_graph_reason){c->places[from], to, (float)weight,
                                                               (int32_t)edge->names, 0, 0});
        }
    }
    return ok;
}

/* Takes back what the names said in the old snapshot, and counts what they say now. */
static bool recount_names(carry *c) {
    cm_graph_build past = {.snapshot = c->old, .cancel = c->b->cancel};
    cm_str name;
    uint64_t ignored;
    bool ok = true;
    for (size_t cursor = 0; ok && cm_map_next(c->names, &cursor, &name, &ignored);) {
        ok = cm_graph_name_add(&past, name) && cm_graph_name_add(c->b, name);
    }
    for (size_t i = 0; ok && i < past.reasons.count; i++) {
        const cm_graph_reason *r = &past.reasons.items[i];
        uint32_t from = c->places[r->from], to = c->places[r->to];
        if (from != CM_ID_NONE && to != CM_ID_NONE) {
            ok = cm_vec_push(&c->b->reasons, (cm_graph_reason){from, to, -r->weight, -1, 0, 0});
        }
    }
    cm_vec_done(&past.reasons);
    return ok;
}

/* Uses of one other name in the changed documents of the segment at hand. */
static bool count_uses(carry *c, cm_str name, uint64_t offset) {
    cm_reference_cursor uses;
    bool begun = false, skip = false;
    if (!cm_reference_cursor_open(c->host, offset, &uses)) {
        return true;
    }
    while (!skip && cm_reference_cursor_next(&uses)) {
        uint32_t id = c->first + uses.now.document;
        if (!c->fresh[id]) {
            continue;
        }
        if (!begun) {
            skip = !cm_graph_name_begin(c->b, name);
        }
        begun = true;
        if (!skip) {
            skip = !cm_graph_name_use(c->b, &(cm_index_reference){.document = id});
        }
    }
    if (begun) {
        cm_graph_name_end(c->b);
    }
    return !c->b->failed;
}

/* False when a changed document lies in so large a segment that this is no less than building from nothing. */
static bool count_other_names(carry *c) {
    bool ok = true;
    for (size_t i = 0; ok && i < c->now->count; i++) {
        const cm_snapshot_segment *in = &c->now->segments[i];
        uint32_t end = in->first_document + in->segment->document_count;
        if (!memchr(c->fresh + in->first_document, 1, end - in->first_document)) {
            continue;
        }
        ok = in->segment->reference_count <= REFERENCES_MAX;
        c->host = in->segment;
        c->first = in->first_document;
        cm_dict_cursor cursor;
        cm_str name;
        uint64_t offset, ignored;
        cm_dict_seek(&in->segment->reference_names, CM_STR_EMPTY, &cursor);
        while (ok && cm_dict_next(&cursor, &name, &offset)) {
            ok = cm_map_get(c->names, name, &ignored) || count_uses(c, name, offset);
        }
    }
    return ok;
}

bool cm_graph_carry(cm_graph_build *b, const cm_snapshot *old) {
    carry c = {.b = b, .old = old, .now = b->snapshot};
    if (cm_graph_of(old)->updates >= UPDATES_MAX) {
        return false;
    }
    c.places = cm_try_calloc((size_t)count_of(old) + 1, sizeof(*c.places));
    c.fresh = cm_try_calloc((size_t)count_of(c.now) + 1, 1);
    c.names = cm_map_new(0);
    bool done = c.places && c.fresh && find_changed(&c) && note_all_names(&c) &&
                count_other_names(&c) && carry_edges(&c) && recount_names(&c);
    if (!done) {
        cm_vec_clear(&b->reasons);
    }
    cm_map_free(c.names);
    cm_free(c.places);
    cm_free(c.fresh);
    return done && !b->failed;
}
