/* resolve_priv.h - inside of the resolver of imports: paths by name, and aliases that configuration files declare. */
#ifndef CM_CODE_RESOLVE_PRIV_H
#define CM_CODE_RESOLVE_PRIV_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/vec.h"
#include "code/resolve.h"

#define CM_CANDIDATE_BYTES_MAX 4096 /* of a path that is tried */

enum cm_alias_kind {
    CM_ALIAS_GO,
    CM_ALIAS_TYPESCRIPT,
    CM_ALIAS_PACKAGE,
    CM_ALIAS_PHP,
    CM_ALIAS_RUST,
};

typedef struct cm_alias {
    cm_str folder; /* of the file that declares it */
    cm_str from;   /* "@/" or "App\\"; a module path in Go */
    cm_str to;     /* folder, relative to the repository, "" or ending in '/' */
    uint8_t kind;  /* enum cm_alias_kind */
} cm_alias;

struct cm_resolver {
    const cm_str *paths;
    size_t count;
    cm_map *by_path;    /* path -> index */
    cm_map *by_base;    /* base name -> first index; next[] goes on */
    cm_map *by_package; /* folder -> first Go file in it that is no test */
    uint32_t *next;     /* index of the next path of the same base name, UINT32_MAX = last */
    CM_VEC(cm_alias) aliases;
    cm_arena *arena;
};

#endif
