/* graph.h - which file depends on which: imports resolved to files, and uses of names defined elsewhere.
 *
 * Kept as compressed sparse rows. An edge runs from the file that uses to the file that defines; a
 * name's weight is sqrt(uses), divided among its definers, ten times for a telling name (snake or
 * camel case of eight letters or more), a tenth when it begins with '_' or more than five files define
 * it. These are aider's rules (repomap.py), without its taking of the root again for each further definer.
 * Names defined in more than twenty files say nothing and are left out.
 *
 * Files that change together (index/graph/history.h) are joined too, with CM_GRAPH_TOGETHER_WEIGHT times the decayed
 * share of the one's commits that changed the other: less than half an import at the most, so among files that use
 * each other it only orders, and it is all there is to say of those that use and define nothing.
 *
 * Rank is PageRank (damping .85, twenty rounds). Nearness to given files is personalised PageRank by
 * forward push (Andersen, Chung, Lang: "Local Graph Partitioning using PageRank Vectors", 2006): it
 * touches only the neighbourhood, about a millisecond whatever the size of the repository.
 *
 * Thread: immutable. Built when first asked for, once for a snapshot, never while an edit is read in. After an
 * edit the graph of an earlier snapshot is brought up to date: the rows of changed files, and those of files
 * that use a name whose definers changed, are taken back and counted again; only ranks and imports,
 * which any file may change, are computed for all. Large changes build it from nothing. */
#ifndef CM_INDEX_GRAPH_GRAPH_H
#define CM_INDEX_GRAPH_GRAPH_H

#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"

typedef struct cm_graph cm_graph;

/* Borrowed from the snapshot. CM_CANCELLED, CM_NOMEM. */
cm_rc cm_snapshot_graph(const cm_snapshot *snapshot, const cm_cancel *cancel,
                        const cm_graph **ret_graph, cm_err *err) cm_must_check;
void cm_graph_free(cm_graph *graph); /* for the snapshot that owns it */

typedef struct cm_graph_edge {
    uint32_t document; /* the file depended on */
    float weight;
    uint32_t names;   /* how many names defined there are used */
    uint32_t imports; /* how many imports mean it */
    float together;   /* the part of `weight` that is because both change together */
} cm_graph_edge;

/* What `document` depends on, by number. Returns the count; 0 for unknown documents. */
size_t cm_graph_edges(const cm_graph *graph, uint32_t document, const cm_graph_edge **ret_edges);
size_t cm_graph_edge_count(const cm_graph *graph);
/* PageRank, all documents together 1. */
double cm_graph_rank(const cm_graph *graph, uint32_t document);
/* Document an import of `document` resolves to (its `index`-th), or CM_ID_NONE. */
uint32_t cm_graph_import_target(const cm_graph *graph, uint32_t document, uint32_t index);

typedef struct cm_graph_near {
    uint32_t document;
    double score;
} cm_graph_near;

/* Documents near the `count` given ones, best first, those themselves included. CM_NOMEM. */
cm_rc cm_graph_push(const cm_graph *graph, const uint32_t *documents, size_t count, cm_arena *arena,
                    const cm_graph_near **ret_near, size_t *ret_count, cm_err *err) cm_must_check;

#endif
