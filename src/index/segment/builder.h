/* builder.h - collects analysed files (or whole segments, when merging) and writes the parts.
 *
 * Words, references and trigrams are collected as flat arrays of (string number, place) and sorted by
 * string when the parts are written: cheaper than a growing list for each word, and memory is known.
 * Documents are numbered in order of addition, so every list comes out ordered without a sort by place.
 *
 * Thread: owner. */
#ifndef CM_INDEX_SEGMENT_BUILDER_H
#define CM_INDEX_SEGMENT_BUILDER_H

#include "index/live/analysis.h"
#include "index/segment/part.h"
#include "index/segment/segment.h"

typedef struct cm_builder cm_builder;

cm_builder *cm_builder_new(void);
void cm_builder_free(cm_builder *builder); /* NULL is allowed */

/* Sorts the tokens of `analysis` ahead of the rest, from its path and text alone. Only for the one document of an empty
 * builder: this one is to be added, and no other. */
void cm_builder_sort_ahead(cm_builder *builder, const cm_analysis *analysis);
/* Copies what it keeps. After CM_NOMEM the builder may only be freed. */
cm_rc cm_builder_add(cm_builder *builder, const cm_analysis *analysis, cm_err *err) cm_must_check;
/* All documents of `segment` that are not in `dead`. CM_NOMEM, CM_CORRUPT. */
cm_rc cm_builder_add_segment(cm_builder *builder, const cm_segment *segment, const cm_bitmap *dead,
                             cm_err *err) cm_must_check;

uint32_t cm_builder_count(const cm_builder *builder); /* documents */
size_t cm_builder_bytes(const cm_builder *builder);   /* memory in use, about */

/* Writes the bytes of each part to parts[kind], which the caller inits and frees. CM_NOMEM. */
cm_rc cm_builder_finish(cm_builder *builder, cm_buf parts[CM_PART_KIND_COUNT],
                        cm_err *err) cm_must_check;

#endif
