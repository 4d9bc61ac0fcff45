/* changes.h - changed files into the index, as both families of routes send them.
 *
 * All changes of a call become visible together: files that came with content in one step, files to be
 * read from the tree in another. A change that cannot be taken is left out and named, the others go on.
 *
 * Thread: any that may block. */
#ifndef CM_API_CHANGES_H
#define CM_API_CHANGES_H

#include "base/arena.h"
#include "repository/repository.h"

typedef struct cm_file_change {
    cm_str path;
    cm_str old_path;    /* of a rename; empty = none */
    cm_str content;     /* ptr NULL = read the file from the tree */
    cm_str base_sha256; /* of the text the change was built on; empty = any */
    cm_str base_text;   /* the same as text; ptr NULL = any */
    bool is_deleted;
    bool is_partial; /* only edits were sent: they need a text that is not kept */
} cm_file_change;

typedef struct cm_skipped_change {
    cm_str path;
    const char *code; /* a slug of spec/errors.toml */
} cm_skipped_change;

typedef struct cm_changes_result {
    size_t updated;
    const cm_skipped_change *skipped;
    size_t skipped_count;
    uint64_t index_version;
} cm_changes_result;

/* Each change that cannot be taken is listed with its reason and costs the others nothing. Fails with what
 * cm_repository_sync or cm_repository_sync_texts fails with: CM_CONFLICT, CM_NOT_FOUND, CM_NOMEM, CM_IO. */
cm_rc cm_changes_apply(cm_repository *repository, const cm_file_change *changes, size_t count,
                       cm_arena *arena, cm_changes_result *ret_result, cm_err *err) cm_must_check;

#endif
