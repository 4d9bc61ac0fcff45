/* rank.h - the rules that re-order lexical candidates, none of which needs a model.
 *
 * The rules and their first values follow semble (MinishLab), whose benchmark of 1,251 questions over
 * 63 repositories they lift from .67 to .85 NDCG@10; docs/design/search.md says what each is worth here.
 * Thread: any. */
#ifndef CM_SEARCH_RANK_H
#define CM_SEARCH_RANK_H

#include "search/lexical.h"
#include "search/search.h"

typedef struct cm_ranked {
    uint32_t chunk;
    uint32_t document;
    uint32_t symbol;    /* definition that was asked for by name, or the chunk's own; CM_ID_NONE */
    double bm25;        /* before the rules */
    double score;       /* after */
    bool is_definition; /* of a name in the question */
    double share;       /* of the best chunk of a file: what its next chunk counts */
    double gained;      /* of the same: from the file's other chunks */
} cm_ranked;

/* Re-orders in place, best first. `text` is the question. */
void cm_rank_run(const cm_snapshot *snapshot, cm_str text, cm_str near_path,
                 const cm_lexical_result *lexical, cm_ranked *ranked, size_t count);

/* Does the question look like a symbol: one word, qualified, with an underscore or inner capitals? */
bool cm_rank_is_symbol(cm_str text);

/* Share of leading directories two paths have in common, 0..1; 1 = same directory. */
double cm_rank_nearness(cm_str path, cm_str other);

#endif
