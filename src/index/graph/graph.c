/* graph.c - building the rows of edges and the ranks once for a snapshot, and pushing weight from given files. */
#include "index/graph/graph_priv.h"

#include "base/map.h"
#include "base/path.h"
#include "base/vec.h"
#include "code/resolve.h"
#include "index/graph/history.h"
#include "index/snapshot/snapshot_priv.h"

#include <math.h>

#define DAMPING        0.85
#define ROUNDS         20
#define PUSH_LEAST     1e-4 /* residual, for one unit of out-weight, that is not pushed on */
#define PUSHES_MAX     200000
#define DEFINERS_MAX   CM_GRAPH_DEFINERS_MAX
#define DEFINERS_FEW   5
#define USES_MAX       5000 /* references looked at for one name */
#define TELLING_LENGTH 8
#define NAME_LEAST     3

typedef cm_graph_build build;

void cm_graph_free(cm_graph *graph) {
    if (!graph) {
        return;
    }
    cm_free(graph->starts);
    cm_free(graph->edges);
    cm_free(graph->ranks);
    cm_free(graph->weights);
    cm_free(graph->import_starts);
    cm_free(graph->imports);
    cm_free(graph);
}

/* ---- imports ---- */

static bool is_config(cm_str path) {
    static const char *const names[] = {"go.mod",       "tsconfig.json", "jsconfig.json",
                                        "package.json", "Cargo.toml",    "composer.json"};
    cm_str base = cm_path_base(path);
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        if (cm_str_eq_c(base, names[i])) {
            return true;
        }
    }
    return false;
}

static void resolve_document(build *b, const cm_resolver *resolver, const uint32_t *documents,
                             const cm_index_document *d, uint32_t *at) {
    const cm_language *language = cm_language_find(d->language);
    for (uint32_t i = 0; i < d->import_count; i++) {
        cm_index_import import;
        uint32_t target = CM_ID_NONE;
        if (language && cm_snapshot_import(b->snapshot, d->id, i, &import)) {
            cm_import parsed = {.module = import.module,
                                .name = import.name,
                                .alias = import.alias,
                                .line = import.line,
                                .relative = import.relative};
            size_t found = cm_resolver_find(resolver, language, d->path, &parsed);
            if (found != CM_RESOLVE_NONE) {
                target = documents[found];
            }
        }
        b->graph->imports[(*at)++] = target;
        if (target != CM_ID_NONE && target != d->id &&
            !cm_vec_push(&b->reasons, (cm_graph_reason){d->id, target, 0, 0, 1, 0})) {
            b->failed = true;
        }
    }
}

static void resolve_all(build *b, const cm_resolver *resolver, const uint32_t *documents) {
    uint32_t at = 0;
    for (uint32_t id = 0; id < b->graph->count; id++) {
        cm_index_document d;
        b->graph->import_starts[id] = at;
        if (cm_snapshot_document(b->snapshot, id, &d)) {
            resolve_document(b, resolver, documents, &d, &at);
        }
    }
    b->graph->import_starts[b->graph->count] = at;
}

static void add_configs(build *b, cm_resolver *resolver) {
    cm_index_document d;
    cm_str text;
    cm_arena *arena = cm_arena_new(0);
    for (uint32_t cursor = 0; cm_snapshot_next_document(b->snapshot, &cursor, &d);) {
        if (is_config(d.path) && cm_snapshot_text(b->snapshot, d.id, arena, &text, NULL) == CM_OK) {
            cm_resolver_add_config(resolver, d.path, text);
        }
    }
    cm_arena_free(arena);
}

static cm_rc add_imports(build *b, cm_err *err) {
    CM_VEC(cm_str) paths = {0};
    CM_VEC(uint32_t) documents = {0};
    uint64_t imports = 0;
    cm_index_document d;
    bool ok = true;
    for (uint32_t cursor = 0; ok && cm_snapshot_next_document(b->snapshot, &cursor, &d);) {
        ok = cm_vec_push(&paths, d.path) && cm_vec_push(&documents, d.id);
        imports += d.import_count;
    }
    b->graph->imports = ok ? cm_try_calloc(imports + 1, sizeof(uint32_t)) : NULL;
    cm_resolver *resolver = NULL;
    cm_rc rc = b->graph->imports ? cm_resolver_new(paths.items, paths.count, &resolver, err)
                                 : cm_fail(err, CM_NOMEM, "out of memory building the graph");
    if (rc == CM_OK) {
        add_configs(b, resolver);
        resolve_all(b, resolver, documents.items);
    }
    cm_resolver_free(resolver);
    cm_vec_done(&paths);
    cm_vec_done(&documents);
    return rc;
}

/* ---- what changes together ---- */

/* Documents of the history's files; vendored ones come with their own history or none. */
static bool place_files(const cm_snapshot *snapshot, const cm_history *history, uint32_t *places) {
    cm_index_document d;
    bool any = false;
    for (uint32_t cursor = 0; cm_snapshot_next_document(snapshot, &cursor, &d);) {
        uint32_t file = d.is_vendored ? CM_ID_NONE : cm_history_find(history, d.path);
        if (file == CM_ID_NONE) {
            continue;
        }
        places[file] = d.id;
        any = true;
    }
    return any;
}

static bool add_neighbours(build *b, const cm_history *history, const uint32_t *places,
                           uint32_t file) {
    const cm_history_near *near = NULL;
    size_t count = cm_history_nearest(history, file, &near);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        float together = (float)CM_GRAPH_TOGETHER_WEIGHT * near[i].weight;
        if (places[near[i].file] != CM_ID_NONE && together > 0) {
            ok = cm_vec_push(&b->reasons, (cm_graph_reason){places[file], places[near[i].file], 0,
                                                            0, 0, together});
        }
    }
    return ok;
}

static cm_rc add_history(build *b, cm_err *err) {
    const cm_history *history = cm_snapshot_history(b->snapshot);
    cm_history_facts facts = {0};
    if (history) {
        cm_history_facts_get(history, &facts);
    }
    if (facts.files == 0) {
        return CM_OK;
    }
    uint32_t *places = cm_try_calloc((size_t)facts.files, sizeof(*places));
    bool ok = places;
    if (ok) {
        memset(places, 0xff, (size_t)facts.files * sizeof(*places));
    }
    bool any = ok && place_files(b->snapshot, history, places);
    for (uint32_t file = 0; ok && any && file < facts.files; file++) {
        if (places[file] != CM_ID_NONE) {
            ok = add_neighbours(b, history, places, file);
        }
    }
    cm_free(places);
    return ok ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory building the graph");
}

/* ---- names ---- */

static bool is_telling(cm_str name) {
    bool joined = false;
    for (size_t i = 1; i < name.len; i++) {
        joined = joined || name.ptr[i] == '_' || (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z');
    }
    return joined && name.len >= TELLING_LENGTH;
}

static void end_user(build *b) {
    if (b->uses == 0) {
        return;
    }
    for (size_t i = 0; i < b->definer_count; i++) {
        if (b->definers[i] == b->user) { /* it has its own: the others are not meant */
            b->uses = 0;
            return;
        }
    }
    float weight = b->weight * sqrtf((float)b->uses) / (float)b->definer_count;
    for (size_t i = 0; i < b->definer_count; i++) {
        if (!cm_vec_push(&b->reasons,
                         (cm_graph_reason){b->user, b->definers[i], weight, 1, 0, 0})) {
            b->failed = true;
        }
    }
    b->uses = 0;
}

bool cm_graph_name_use(void *argument, const cm_index_reference *reference) {
    build *b = argument;
    if (reference->document != b->user) {
        end_user(b);
    }
    b->user = reference->document;
    b->uses++;
    return ++b->seen < USES_MAX && !b->failed;
}

bool cm_graph_name_begin(build *b, cm_str name) {
    uint32_t symbols[4 * DEFINERS_MAX];
    b->definer_count = 0;
    b->uses = b->seen = 0;
    if (name.len < NAME_LEAST) {
        return false;
    }
    size_t found = cm_snapshot_definitions(b->snapshot, name, symbols, CM_COUNT(symbols));
    if (found > CM_COUNT(symbols)) {
        return false;
    }
    for (size_t i = 0; i < found; i++) {
        cm_index_symbol s;
        if (!cm_snapshot_symbol(b->snapshot, symbols[i], &s) || s.kind == CM_SYMBOL_IMPORT) {
            continue;
        }
        bool known = b->definer_count > 0 && b->definers[b->definer_count - 1] == s.document;
        if (!known && b->definer_count <= DEFINERS_MAX) {
            b->definers[b->definer_count++] = s.document; /* definitions come in order of path */
        }
    }
    if (b->definer_count == 0 || b->definer_count > DEFINERS_MAX) {
        return false;
    }
    b->weight = is_telling(name) ? 10.0f : 1.0f;
    if (name.ptr[0] == '_' || b->definer_count > DEFINERS_FEW) {
        b->weight *= 0.1f;
    }
    return true;
}

void cm_graph_name_end(build *b) {
    end_user(b);
}

bool cm_graph_name_add(void *argument, cm_str name) {
    build *b = argument;
    if (cm_graph_name_begin(b, name)) {
        cm_snapshot_references(b->snapshot, name, cm_graph_name_use, b);
        end_user(b);
    }
    if ((++b->ticks & 255) == 0 && cm_cancel_hit(b->cancel) != CM_CANCEL_NONE) {
        return false;
    }
    return !b->failed;
}

/* ---- rows and ranks ---- */

static int reason_cmp(const void *left, const void *right) {
    const cm_graph_reason *a = left, *b = right;
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return (a->to > b->to) - (a->to < b->to);
}

/* Adds up the reasons from `at` on that are for the same edge; returns where the next edge's begin. What was taken
 * back leaves none, whatever rounding left of its weight. */
static size_t add_up(const build *b, size_t at, cm_graph_edge *edge) {
    const cm_graph_reason *first = &b->reasons.items[at];
    double weight = 0;
    int64_t names = 0;
    *edge = (cm_graph_edge){.document = first->to};
    for (; at < b->reasons.count && reason_cmp(first, &b->reasons.items[at]) == 0; at++) {
        weight += (double)b->reasons.items[at].weight;
        names += b->reasons.items[at].names;
        edge->imports += b->reasons.items[at].imports;
        edge->together += b->reasons.items[at].together;
    }
    edge->names = names > 0 && weight > 0 ? (uint32_t)names : 0;
    edge->weight = (float)((edge->names > 0 ? weight : 0) + CM_GRAPH_IMPORT_WEIGHT * edge->imports +
                           (double)edge->together);
    return at;
}

/* Sorts the reasons, adds up those between the same two files, and cuts them into rows. */
static bool make_rows(build *b) {
    cm_graph *g = b->graph;
    if (b->reasons.count > UINT32_MAX - 1) {
        return false;
    }
    g->edges = cm_try_calloc(b->reasons.count + 1, sizeof(*g->edges));
    if (!g->edges) {
        return false;
    }
    if (b->reasons.count > 1) {
        qsort(b->reasons.items, b->reasons.count, sizeof(cm_graph_reason), reason_cmp);
    }
    uint32_t count = 0, row = 0;
    for (size_t i = 0; i < b->reasons.count;) {
        uint32_t from = b->reasons.items[i].from;
        while (row <= from) {
            g->starts[row++] = count;
        }
        i = add_up(b, i, &g->edges[count]);
        if (g->edges[count].names == 0 && g->edges[count].imports == 0 &&
            g->edges[count].together <= 0) {
            continue;
        }
        g->weights[from] += g->edges[count++].weight;
    }
    while (row <= g->count) {
        g->starts[row++] = count;
    }
    return true;
}

static bool make_ranks(build *b) {
    cm_graph *g = b->graph;
    double *next = cm_try_calloc((size_t)g->count + 1, sizeof(*next));
    double live = 0;
    if (!next) {
        return false;
    }
    for (uint32_t i = 0; i < g->count; i++) {
        live += cm_snapshot_is_live(b->snapshot, i);
    }
    for (uint32_t i = 0; i < g->count; i++) {
        g->ranks[i] = cm_snapshot_is_live(b->snapshot, i) ? 1 / live : 0;
    }
    for (int round = 0; round < ROUNDS && live > 0; round++) {
        double loose = 0; /* rank of files that use nothing goes to all */
        for (uint32_t i = 0; i < g->count; i++) {
            loose += g->weights[i] > 0 ? 0 : g->ranks[i];
        }
        for (uint32_t i = 0; i < g->count; i++) {
            next[i] = cm_snapshot_is_live(b->snapshot, i)
                          ? (1 - DAMPING) / live + DAMPING * loose / live
                          : 0;
        }
        for (uint32_t i = 0; i < g->count; i++) {
            for (uint32_t e = g->starts[i]; e < g->starts[i + 1]; e++) {
                next[g->edges[e].document] +=
                    DAMPING * g->ranks[i] * (double)(g->edges[e].weight / g->weights[i]);
            }
        }
        double *swap = g->ranks;
        g->ranks = next;
        next = swap;
    }
    cm_free(next);
    return true;
}

/* Reasons by names: brought up to date where little changed, else from all names there are. */
static cm_rc add_names(build *b, const cm_snapshot *base, cm_err *err) {
    if (base && cm_graph_carry(b, base)) {
        b->graph->updates = cm_graph_of(base)->updates + 1;
    } else if (!b->failed) {
        cm_snapshot_names(b->snapshot, CM_STR_EMPTY, cm_graph_name_add, b);
    }
    return cm_cancel_check(b->cancel, err);
}

static cm_rc build_graph(const cm_snapshot *snapshot, const cm_snapshot *base,
                         const cm_cancel *cancel, cm_graph **ret_graph, cm_err *err) {
    uint32_t count = snapshot->segments[snapshot->count].first_document;
    cm_graph *g = CM_NEW(cm_graph);
    build b = {.snapshot = snapshot, .cancel = cancel, .graph = g};
    g->count = count;
    g->starts = cm_try_calloc((size_t)count + 2, sizeof(*g->starts));
    g->ranks = cm_try_calloc((size_t)count + 1, sizeof(*g->ranks));
    g->weights = cm_try_calloc((size_t)count + 1, sizeof(*g->weights));
    g->import_starts = cm_try_calloc((size_t)count + 2, sizeof(*g->import_starts));
    cm_rc rc = CM_OK;
    if (!g->starts || !g->ranks || !g->weights || !g->import_starts) {
        rc = cm_fail(err, CM_NOMEM, "out of memory building the graph");
    }
    if (rc == CM_OK) {
        rc = add_names(&b, base, err);
    }
    if (rc == CM_OK) {
        rc = add_imports(&b, err);
    }
    if (rc == CM_OK) {
        rc = add_history(&b, err);
    }
    if (rc == CM_OK && (b.failed || !make_rows(&b) || !make_ranks(&b))) {
        rc = cm_fail(err, CM_NOMEM, "out of memory building the graph");
    }
    cm_vec_done(&b.reasons);
    if (rc == CM_OK) {
        *ret_graph = g;
    } else {
        cm_graph_free(g);
    }
    return rc;
}

const cm_graph *cm_graph_of(const cm_snapshot *snapshot) {
    return snapshot->slots[CM_SLOT_GRAPH].value;
}

static void drop_graph(void *graph) {
    cm_graph_free(graph);
}

cm_rc cm_snapshot_graph(const cm_snapshot *snapshot, const cm_cancel *cancel,
                        const cm_graph **ret_graph, cm_err *err) {
    cm_snapshot *s = (cm_snapshot *)(uintptr_t)snapshot; /* fills its cache, under its lock */
    cm_rc rc = CM_OK;
    pthread_mutex_lock(&s->graph_lock);
    if (!s->slots[CM_SLOT_GRAPH].value) {
        cm_graph_base *shared = s->slots[CM_SLOT_GRAPH_BASE].value;
        cm_snapshot *base = cm_graph_base_get(shared);
        cm_graph *graph = NULL;
        rc = build_graph(s, base, cancel, &graph, err);
        cm_snapshot_unref(base);
        if (rc == CM_OK) {
            cm_snapshot_fill(s, CM_SLOT_GRAPH, graph, drop_graph);
            cm_graph_base_set(shared, s);
        }
    }
    if (rc == CM_OK) {
        *ret_graph = s->slots[CM_SLOT_GRAPH].value;
    }
    pthread_mutex_unlock(&s->graph_lock);
    return rc;
}

/* ---- reading ---- */

size_t cm_graph_edges(const cm_graph *graph, uint32_t document, const cm_graph_edge **ret_edges) {
    if (document >= graph->count) {
        return 0;
    }
    *ret_edges = graph->edges + graph->starts[document];
    return graph->starts[document + 1] - graph->starts[document];
}

size_t cm_graph_edge_count(const cm_graph *graph) {
    return graph->starts[graph->count];
}

double cm_graph_rank(const cm_graph *graph, uint32_t document) {
    return document < graph->count ? graph->ranks[document] : 0;
}

uint32_t cm_graph_import_target(const cm_graph *graph, uint32_t document, uint32_t index) {
    if (document >= graph->count ||
        index >= graph->import_starts[document + 1] - graph->import_starts[document]) {
        return CM_ID_NONE;
    }
    return graph->imports[graph->import_starts[document] + index];
}

typedef struct push {
    const cm_graph *graph;
    cm_map64 *places; /* document -> index */
    CM_VEC(cm_graph_near) near;
    CM_VEC(double) residuals;
    bool failed;
} push;

static size_t push_place(push *p, uint32_t document) {
    bool added;
    uint64_t *place = cm_map64_slot(p->places, document, &added);
    if (place && !added) {
        return *place;
    }
    if (!place || !cm_vec_push(&p->near, (cm_graph_near){document, 0}) ||
        !cm_vec_push(&p->residuals, 0.0)) {
        p->failed = true;
        return 0;
    }
    return *place = p->near.count - 1;
}

/* Sends the residual of one file on along its edges. */
static void push_one(push *p, size_t at) {
    const cm_graph *g = p->graph;
    uint32_t document = p->near.items[at].document;
    double residual = p->residuals.items[at];
    p->residuals.items[at] = 0;
    p->near.items[at].score += (1 - DAMPING) * residual;
    for (uint32_t e = g->starts[document]; e < g->starts[document + 1] && !p->failed; e++) {
        size_t to = push_place(p, g->edges[e].document);
        if (!p->failed) {
            p->residuals.items[to] +=
                DAMPING * residual * (double)(g->edges[e].weight / g->weights[document]);
        }
    }
}

static int near_cmp(const void *left, const void *right) {
    const cm_graph_near *a = left, *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->document > b->document) - (a->document < b->document);
}

cm_rc cm_graph_push(const cm_graph *graph, const uint32_t *documents, size_t count, cm_arena *arena,
                    const cm_graph_near **ret_near, size_t *ret_count, cm_err *err) {
    push p = {.graph = graph, .places = cm_map64_new(0)};
    for (size_t i = 0; i < count && !p.failed; i++) {
        if (documents[i] >= graph->count) {
            continue;
        }
        size_t at = push_place(&p, documents[i]);
        if (!p.failed) {
            p.residuals.items[at] += 1.0 / (double)count;
        }
    }
    bool moved = true;
    for (size_t pushes = 0; moved && !p.failed && pushes < PUSHES_MAX;) {
        moved = false;
        for (size_t i = 0; i < p.near.count && !p.failed; i++) {
            if (p.residuals.items[i] < PUSH_LEAST) {
                continue;
            }
            push_one(&p, i);
            pushes++;
            moved = true;
        }
    }
    cm_graph_near *near = p.failed ? NULL : CM_ARENA_ARRAY(arena, cm_graph_near, p.near.count + 1);
    if (near && p.near.count > 0) {
        memcpy(near, p.near.items, p.near.count * sizeof(*near));
    }
    size_t n = p.near.count;
    cm_map64_free(p.places);
    cm_vec_done(&p.near);
    cm_vec_done(&p.residuals);
    if (!near) {
        return cm_fail(err, CM_NOMEM, "out of memory ranking files");
    }
    if (n > 1) {
        qsort(near, n, sizeof(*near), near_cmp);
    }
    *ret_near = near;
    *ret_count = n;
    return CM_OK;
}
