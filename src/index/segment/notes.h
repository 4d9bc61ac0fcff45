/* notes.h - what one document says of the whole: how it is written, and which packages it declares.
 *
 * Kept with the document in its segment, so that a changed file renews its own notes and nothing else is
 * read again; index/snapshot/codebase.h adds up those of the live documents. Every document that was looked at
 * has notes, if empty ones; a document without any was indexed by an older version and is read again by
 * the next job.
 *
 *   varint  NOTES_VERSION; another one counts as no notes
 *   varint  pairs of votes, then for each: varint counters passed over, varint count
 *   varint  dependencies, then for each: varint flags (1 development, 2 locked), and manager, name and
 *           version, each varint length and bytes
 *
 * Thread: any. */
#ifndef CM_INDEX_SEGMENT_NOTES_H
#define CM_INDEX_SEGMENT_NOTES_H

#include "base/buf.h"
#include "code/manifests/dependencies.h"
#include "code/style.h"

typedef struct cm_notes {
    cm_style_votes votes; /* all zero when the document has none */
    cm_dependencies dependencies;
} cm_notes;

/* Appends to `out`. `votes` may be NULL. */
void cm_notes_write(const cm_style_votes *votes, const cm_dependencies *dependencies, cm_buf *out);
/* Whether these bytes are notes of this version. */
bool cm_notes_known(cm_str bytes);
/* Strings are borrowed from `bytes`, the array lies in `arena`. Damaged notes give what stands in front of
 * the fault. CM_NOT_SUPPORTED (no notes, or of another version), CM_NOMEM. */
cm_rc cm_notes_read(cm_str bytes, cm_arena *arena, cm_notes *ret_notes, cm_err *err) cm_must_check;

#endif
