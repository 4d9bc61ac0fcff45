/* symbols_priv.h - definitions on their way to an answer, shared by the questions about symbols. */
#ifndef CM_SEARCH_SYMBOLS_PRIV_H
#define CM_SEARCH_SYMBOLS_PRIV_H

#include "base/vec.h"
#include "search/symbols.h"

#define CM_SYMBOLS_CONSIDERED_MAX 20000 /* definitions or references looked at for one question */

typedef struct cm_symbol_hits {
    const cm_snapshot *snapshot;
    const cm_symbol_query *query;
    cm_str parent; /* of a qualified question */
    cm_index_document from;
    bool has_from;
    CM_VEC(cm_symbol_hit) hits;
    bool full;
} cm_symbol_hits;

uint32_t cm_symbols_limit(const cm_symbol_query *query);
/* "Store::open" -> last "open", rest "Store". */
cm_str cm_symbols_split(cm_str name, cm_str *ret_parent);
/* `share` is multiplied into the confidence. */
void cm_symbols_add(cm_symbol_hits *hits, uint32_t symbol, double share);
/* Sorts, cuts to `limit` and copies into the arena; the hits are done afterwards. */
cm_rc cm_symbols_take(cm_symbol_hits *hits, uint32_t limit, cm_arena *arena,
                      cm_symbol_result *ret_result, cm_err *err) cm_must_check;

#endif
