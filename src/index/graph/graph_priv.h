/* graph_priv.h - inside of the dependency graph, for those who build it and bring it up to date. */
#ifndef CM_INDEX_GRAPH_GRAPH_PRIV_H
#define CM_INDEX_GRAPH_GRAPH_PRIV_H

#include "base/vec.h"
#include "index/graph/graph.h"

#include <pthread.h>
#include <stdatomic.h>

#define CM_GRAPH_IMPORT_WEIGHT   2.0
#define CM_GRAPH_TOGETHER_WEIGHT 0.5
#define CM_GRAPH_DEFINERS_MAX    20

/* One reason for an edge, or several of the same kind; a graph that is brought up to date takes reasons back. */
typedef struct cm_graph_reason {
    uint32_t from, to;
    float weight; /* of the names */
    int32_t names;
    uint32_t imports;
    float together;
} cm_graph_reason;

struct cm_graph {
    uint32_t count;       /* documents of the snapshot, dead ones included */
    unsigned updates;     /* since it was built from nothing */
    uint32_t *starts;     /* count + 1: edges of each */
    cm_graph_edge *edges; /* by target */
    double *ranks;
    float *weights;          /* sum of the out-edges */
    uint32_t *import_starts; /* count + 1 */
    uint32_t *imports;       /* targets, CM_ID_NONE = outside */
};

typedef struct cm_graph_build {
    const cm_snapshot *snapshot;
    const cm_cancel *cancel;
    cm_graph *graph;
    CM_VEC(cm_graph_reason) reasons;
    bool failed;
    /* of the name at hand */
    uint32_t definers[CM_GRAPH_DEFINERS_MAX + 1];
    size_t definer_count;
    uint32_t user; /* document whose uses are being counted */
    uint32_t uses, seen;
    float weight;
    unsigned ticks;
} cm_graph_build;

/* The graph a snapshot has already; NULL = none. */
const cm_graph *cm_graph_of(const cm_snapshot *snapshot);

/* Makes `name` the one at hand; false when it says nothing about who depends on whom. */
bool cm_graph_name_begin(cm_graph_build *b, cm_str name);
/* One use of the name at hand, in order of document; false when enough were seen. A cm_reference_fn. */
bool cm_graph_name_use(void *build, const cm_index_reference *reference);
void cm_graph_name_end(cm_graph_build *b);
/* All of it, over all uses. A cm_name_fn. */
bool cm_graph_name_add(void *build, cm_str name);

/* ---- graph_update.c ---- */

/* The last snapshot of a repository that has a graph. Shared by all its snapshots; holds that one until it is told
 * to forget it. */
typedef struct cm_graph_base cm_graph_base;

cm_graph_base *cm_graph_base_new(void);
cm_graph_base *cm_graph_base_ref(cm_graph_base *base);
void cm_graph_base_unref(cm_graph_base *base); /* NULL is allowed */
/* The snapshot, new and nobody else's yet, keeps a reference. */
void cm_graph_base_attach(cm_graph_base *base, cm_snapshot *snapshot);
void cm_graph_base_forget(cm_graph_base *base);
/* Forgets and takes no other. */
void cm_graph_base_close(cm_graph_base *base);
/* A reference, or NULL. */
cm_snapshot *cm_graph_base_get(cm_graph_base *base);
void cm_graph_base_set(cm_graph_base *base, const cm_snapshot *snapshot);

/* Reasons by names of the new snapshot, from those of `old` and what changed since. False: too much changed, or
 * memory ran out (b->failed); nothing was added then. */
bool cm_graph_carry(cm_graph_build *b, const cm_snapshot *old);

#endif
