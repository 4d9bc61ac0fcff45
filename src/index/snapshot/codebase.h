/* codebase.h - what the documents of a snapshot say together: style by language, dependencies, frameworks.
 *
 * Added up from the notes of the live documents (index/segment/notes.h) when asked, at most some 15 us a file
 * on a busy machine, so nothing is kept that could grow stale. Vendored files and tests neither vote nor
 * declare: a fixture's package.json is not the project's.
 *
 * Thread: any. */
#ifndef CM_INDEX_SNAPSHOT_CODEBASE_H
#define CM_INDEX_SNAPSHOT_CODEBASE_H

#include "code/manifests/dependencies.h"
#include "code/style.h"
#include "index/snapshot/snapshot.h"

#define CM_FRAMEWORKS_MAX 64

typedef struct cm_language_style {
    const cm_language *language;
    cm_style style; /* as voted, then as the .editorconfig of the root says */
    uint32_t files; /* that voted */
    uint64_t lines;
} cm_language_style;

typedef struct cm_codebase_dependency {
    cm_dependency package;
    cm_str path; /* the manifest that declares it; the first in order of path */
} cm_codebase_dependency;

typedef struct cm_codebase {
    const cm_language_style *styles; /* most lines first; languages without functions have none */
    size_t style_count;
    const cm_codebase_dependency *dependencies; /* in order of manager, name and type */
    size_t dependency_count;
    cm_str frameworks[CM_FRAMEWORKS_MAX];
    size_t framework_count;
} cm_codebase;

/* Strings are borrowed from the snapshot, arrays lie in `arena`. A package that a manifest declares has the
 * version of the nearest lock file at or above the manifest; what only a lock file names is somebody else's
 * dependency and left out, unless that manager has no other file here. CM_NOMEM. */
cm_rc cm_codebase_read(const cm_snapshot *snapshot, cm_arena *arena, cm_codebase *ret_codebase,
                       cm_err *err) cm_must_check;

#endif
