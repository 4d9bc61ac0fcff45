/* migrate_priv.h - the embedded migrations, and how they are applied (insiders of store/). */
#ifndef CM_STORE_MIGRATE_PRIV_H
#define CM_STORE_MIGRATE_PRIV_H

#include "store/store.h"

typedef struct cm_migration {
    const char *revision; /* 12 hex digits */
    const char *revises;  /* parents, separated by spaces; "" for the baseline */
    const char *message;
    const char *date;
    const char *checksum; /* SHA-256 of the file */
    const char *up[CM_STORE_ENGINES];
    const char *down[CM_STORE_ENGINES]; /* NULL = cannot be undone */
    bool transaction;                   /* false: CREATE INDEX CONCURRENTLY and the like */
} cm_migration;

/* Parents before children. */
extern const cm_migration cm_migrations[];
extern const size_t cm_migration_count;

#endif
