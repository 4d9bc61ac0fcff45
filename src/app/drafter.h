/* drafter.h - the sections of a new migration, drafted by the tool that has the declared schema.
 *
 * Drafting needs a checkout of the source (spec/schema.tables, src/store/schema) and the Python that builds
 * it; the program itself carries neither.
 *
 * Thread: main. */
#ifndef CM_APP_DRAFTER_H
#define CM_APP_DRAFTER_H

#include "base/arena.h"
#include "base/err.h"

typedef struct cm_drafter_result {
    const char *sections; /* NULL = empty ones */
    const char *note;     /* for the user, or NULL */
} cm_drafter_result;

/* Runs tools/draft_migration.py of the checkout that `folder` (<checkout>/src/store/migrations) lies in.
 * A folder outside a checkout is no error: the note says that the skeleton is empty. CM_INVALID (the program refused),
 * CM_IO (it cannot be run). */
cm_rc cm_drafter_run(const char *folder, cm_arena *arena, cm_drafter_result *ret_result,
                     cm_err *err) cm_must_check;

#endif
