/* drift_priv.h - schemas as data: reading one, making the one a revision should have, comparing
 * (insiders of store/). */
#ifndef CM_STORE_SCHEMA_DRIFT_PRIV_H
#define CM_STORE_SCHEMA_DRIFT_PRIV_H

#include "base/vec.h"
#include "store/admin.h"
#include "store/store_priv.h"

/* One object; `definition` in one spelling (white space, quotes around names). */
typedef struct cm_picture_row {
    const char *kind, *name, *definition;
} cm_picture_row;

typedef struct cm_picture {
    cm_arena *arena; /* owns the texts */
    CM_VEC(cm_picture_row) rows;
} cm_picture;

/* Sorted. What `migrate views` makes is left out. */
cm_rc cm_picture_take(const cm_migrator *migrator, cm_arena *arena, cm_picture *ret_picture,
                      cm_err *err) cm_must_check;
void cm_picture_done(cm_picture *picture);
/* Differences in order of kind and name; the array lives in `arena`. `without` (may be NULL): a table
 * that does not count. */
size_t cm_picture_compare(const cm_picture *expected, const cm_picture *found, const char *without,
                          cm_arena *arena, const cm_schema_drift **ret_drifts);

/* An empty database of the same engine, gone at the end: a file, or a schema in a transaction that is rolled back
 * (cm_migrate_ops.aside; CM_DENIED when the login does not own the real one). While it is open, nothing else may
 * wait for it on another connection that migrates. */
typedef struct cm_scratch {
    cm_store *store;
    cm_migrator migrator;
    char folder[64]; /* of the file */
    const cm_migrator *beside;
} cm_scratch;

cm_rc cm_scratch_open(const cm_store_options *options, const cm_migrator *beside,
                      cm_scratch *ret_scratch, cm_err *err) cm_must_check;
void cm_scratch_close(cm_scratch *scratch);

/* Fills drifts, or why they are not known: a missing right to make a scratch database is no failure of
 * `migrate status`. */
void cm_drift_find(const cm_store_options *options, const cm_migrator *migrator, cm_arena *arena,
                   cm_migrate_status *status);
/* See cm_store_migrate_adopt. */
cm_rc cm_drift_adopt(const cm_store_options *options, const cm_migrator *migrator,
                     char ret_revision[16], cm_err *err) cm_must_check;

#endif
