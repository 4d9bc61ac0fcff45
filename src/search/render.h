/* render.h - from ranked chunks to hits: text, context lines, highlights, scores. Thread: any. */
#ifndef CM_SEARCH_RENDER_H
#define CM_SEARCH_RENDER_H

#include "search/rank.h"
#include "search/search.h"

/* Writes at most `limit` hits of `ranked`, which is in order. Hits of damaged segments are left out.
 * CM_NOMEM, CM_IO. */
cm_rc cm_search_render(const cm_snapshot *snapshot, const cm_search_query *query,
                       const cm_lexical_result *lexical, const cm_ranked *ranked, size_t count,
                       uint32_t limit, cm_arena *arena, cm_search_result *result,
                       cm_err *err) cm_must_check;

/* Lines `first`..`last` of `text`, widened by the query's context; *ret_first and *ret_last say what came. */
cm_str cm_search_cut(cm_str text, uint32_t first, uint32_t last, uint32_t context,
                     uint32_t *ret_first, uint32_t *ret_last);

/* Chunk that holds the start of a symbol, or CM_ID_NONE. */
uint32_t cm_search_chunk_of(const cm_snapshot *snapshot, uint32_t symbol);

/* Do the query's filters let this document through? */
bool cm_search_allows(const cm_search_query *query, const cm_index_document *document);

#endif
