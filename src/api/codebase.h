/* codebase.h - style, dependencies and frameworks of a snapshot in the API's own shapes.
 *
 * One place for the reply of GET /api/v1/codebase/{id}/context and for the columns that a job keeps in
 * the database, so the two cannot disagree.
 *
 * Thread: any. */
#ifndef CM_API_CODEBASE_H
#define CM_API_CODEBASE_H

#include "api/api_gen.h"
#include "index/snapshot/codebase.h"

/* Texts are borrowed from the snapshot. `etag` is left empty, `patterns` are none. The style guide is that of the
 * language with most lines, with `overrides` (may be NULL) applied. `snapshot` NULL = nothing is known yet.
 * CM_NOMEM. */
cm_rc cm_codebase_patterns(const cm_snapshot *snapshot, const cm_api_style_overrides *overrides,
                           cm_arena *arena, cm_api_codebase_patterns *ret_patterns,
                           cm_err *err) cm_must_check;

/* The overrides in a stored style_guide (JSON, may be empty); none when it cannot be read. */
cm_api_style_overrides cm_codebase_overrides(cm_str style_guide, cm_arena *arena);

/* JSON text of `value`; for columns. */
cm_str cm_codebase_json(const cm_schema *schema, const void *value, cm_arena *arena);
/* The column `style_guide` (a cm_style_guide_fn). CM_NOMEM. */
cm_rc cm_codebase_style_guide(const cm_snapshot *snapshot, cm_str stored, cm_arena *arena,
                              cm_str *ret_json, cm_err *err) cm_must_check;

#endif
