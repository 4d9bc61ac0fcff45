/* compat_priv.h - read-only views under the names of the first design documents (insiders of store/). */
#ifndef CM_STORE_SCHEMA_COMPAT_PRIV_H
#define CM_STORE_SCHEMA_COMPAT_PRIV_H

#include "store/schema/migrate_priv.h"

typedef struct cm_compat_view {
    const char *name;
    const char *select[CM_STORE_ENGINES];
} cm_compat_view;

typedef struct cm_compat_views {
    const cm_compat_view *items;
    size_t count;
    const char *checksum; /* of all of them */
} cm_compat_views;

extern const cm_compat_views cm_compat_all; /* generated from spec/compat.views */

/* Does `migrate views` make this object? (Only SQLite has them among the tables.) */
bool cm_compat_is_ours(const char *kind, const char *name);
cm_rc cm_compat_is_on(const cm_migrator *migrator, bool *ret_on, cm_err *err) cm_must_check;
cm_rc cm_compat_switch(const cm_migrator *migrator, bool on, cm_err *err) cm_must_check;
/* Inside a migration's transaction: views that are on go, so that no table is held by them. */
cm_rc cm_compat_step_aside(const cm_migrator *migrator, cm_err *err) cm_must_check;
/* After the last migration: views that are on come back, or follow a changed declaration. */
cm_rc cm_compat_return(const cm_migrator *migrator, cm_err *err) cm_must_check;

#endif
