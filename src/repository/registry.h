/* registry.h - a repository is a row of the store and an index on disk; here they are kept together.
 *
 * The row is the truth about name, root and settings; the index can always be built again. All that changes a row
 * because of the index goes through here, in order: a job is written down before it begins and before another may
 * begin, and a repository's row is deleted while it closes (repository/repository.h). A row that was made twice,
 * because several asked for the same new root at once, is one row.
 *
 * Whoever asks is an argument: what the caller may not see is not there for them (CM_NOT_FOUND), and what is made is
 * theirs. A cm_repository that was handed out was looked up for a caller, so what takes one asks no more.
 *
 * Thread: any that may block (a worker, main). */
#ifndef CM_REPOSITORY_REGISTRY_H
#define CM_REPOSITORY_REGISTRY_H

#include "index/live/sent.h"
#include "repository/config.h"
#include "repository/indexer.h"
#include "rt/settings.h"
#include "store/q/jobs.h"

typedef struct cm_repositories cm_repositories;

/* JSON for the column `style_guide`, of `snapshot` and what a person overruled in the stored guide (may be empty).
 * Given by the room that knows the guide's shape on the wire. */
typedef cm_rc cm_style_guide_fn(const cm_snapshot *snapshot, cm_str stored, cm_arena *arena,
                                cm_str *ret_json, cm_err *err);

typedef struct cm_repositories_options {
    cm_store *store; /* borrowed, like the indexer */
    cm_indexer *indexer;
    const cm_sent
        *sent; /* borrowed; as the indexer was given. NULL = content lies in the index alone */
    cm_settings_cell
        *settings; /* index.allowed_roots: directories that may be indexed by path; none = all */
    size_t file_bytes_max;
    cm_style_guide_fn *style_guide;
} cm_repositories_options;

/* Opens every row with a root in the indexer, and starts again what an earlier process left half done. A root
 * that is gone is logged, not fatal. CM_DATABASE_UNAVAILABLE, CM_NOMEM. */
cm_rc cm_repositories_open(const cm_repositories_options *options,
                           cm_repositories **ret_repositories, cm_err *err) cm_must_check;
/* After the indexer was closed. NULL is allowed. */
void cm_repositories_close(cm_repositories *repositories);

/* The open repository of this id, a reference; NULL in *ret_repository when the caller may see it and it was never
 * opened. One of the caller's own workspace is found without the database; for others (workspaces one is a member of)
 * it is asked. CM_NOT_FOUND: there is none, or it is not the caller's to see. CM_DATABASE_UNAVAILABLE, CM_TIMEOUT. */
cm_rc cm_repositories_find(cm_repositories *repositories, const cm_caller *caller,
                           const cm_uuid *id, cm_repository **ret_repository,
                           cm_err *err) cm_must_check;
/* The repository of the caller's own workspace whose root is `path` or the nearest one above it; NULL: none. */
cm_repository *cm_repositories_find_path(cm_repositories *repositories, const cm_caller *caller,
                                         cm_str path);
/* The only repository of the caller's own workspace; NULL when there are none or several. */
cm_repository *cm_repositories_find_only(cm_repositories *repositories, const cm_caller *caller);

typedef struct cm_job_filter {
    cm_uuid before_id; /* the page begins behind it; nil = with the newest */
    cm_str status;     /* empty = any, like the type */
    cm_str type;
    int64_t limit;
} cm_job_filter;

/* A job of the caller's, or one that works on a repository the caller may see. CM_NOT_FOUND. */
cm_rc cm_repositories_job_row(cm_repositories *repositories, const cm_caller *caller,
                              const cm_uuid *id, cm_arena *arena, cm_row_jobs *ret_row,
                              cm_err *err) cm_must_check;
/* The caller's jobs, newest first. CM_DATABASE_UNAVAILABLE, CM_TIMEOUT. */
cm_rc cm_repositories_job_page(cm_repositories *repositories, const cm_caller *caller,
                               const cm_job_filter *filter, cm_arena *arena,
                               const cm_row_jobs **ret_rows, size_t *ret_count,
                               cm_err *err) cm_must_check;

typedef struct cm_repository_add {
    cm_str root;                        /* directory on this machine; made absolute */
    cm_str name;                        /* empty = the directory's own */
    const cm_repository_config *config; /* kept in the row; NULL = what the row says */
} cm_repository_add;

/* The caller's repository of this root, made when there is none. CM_NOT_FOUND, CM_DENIED (outside
 * index.allowed_roots, or unreadable), CM_INVALID (not a directory), CM_CONFLICT (a job runs, with another
 * configuration). The reference is the caller's. */
cm_rc cm_repositories_add(cm_repositories *repositories, const cm_caller *caller,
                          const cm_repository_add *add, cm_repository **ret_repository,
                          cm_err *err) cm_must_check;
/* One without a directory, whose files are uploaded. CM_NAME_TAKEN. */
cm_rc cm_repositories_create(cm_repositories *repositories, const cm_caller *caller, cm_str name,
                             cm_str remote_url, cm_str primary_language, cm_uuid *ret_id,
                             cm_err *err) cm_must_check;
/* The repository's configuration, as stored or the server's defaults. CM_NOT_FOUND. */
cm_rc cm_repositories_config(cm_repositories *repositories, const cm_caller *caller,
                             const cm_uuid *id, cm_arena *arena, cm_repository_config *ret_config,
                             cm_err *err) cm_must_check;
/* Keeps the configuration; the next job applies it (cm_repository_is_outdated). CM_NOT_FOUND, CM_CONFLICT while
 * a job runs. */
cm_rc cm_repositories_configure(cm_repositories *repositories, const cm_caller *caller,
                                const cm_uuid *id, const cm_repository_config *config,
                                cm_err *err) cm_must_check;
/* Whether any index is damaged, or not checked yet, as far as was seen last; does not wait. */
bool cm_repositories_are_degraded(const cm_repositories *repositories);
/* Writes what the index holds now to the rows, as the end of a job does. */
void cm_repositories_record(cm_repositories *repositories, cm_repository *repository);
/* What of the rows follows edits, not jobs alone: a cm_tables_pass_fn, `repositories` the argument. */
void cm_repositories_on_pass(void *repositories, cm_index *index);
/* Starts an index job and its row. CM_CONFLICT when one is running, or the repository closes; CM_NOT_FOUND. */
cm_rc cm_repositories_index(cm_repositories *repositories, cm_repository *repository,
                            enum cm_index_mode mode, cm_uuid *ret_job, cm_err *err) cm_must_check;
/* Job that runs or ran last; false when this process started none. */
bool cm_repositories_job(cm_repositories *repositories, const cm_uuid *repository,
                         cm_uuid *ret_job);
/* The index alone; the repository stays, as if it had never been indexed. CM_NOT_FOUND. */
cm_rc cm_repositories_forget_index(cm_repositories *repositories, const cm_caller *caller,
                                   const cm_uuid *id, cm_err *err) cm_must_check;
/* Index, row and all that hangs on them. CM_NOT_FOUND. */
cm_rc cm_repositories_remove(cm_repositories *repositories, const cm_caller *caller,
                             const cm_uuid *id, cm_err *err) cm_must_check;
/* Rows went without being asked for here (a person was erased): what they left in memory and on disk goes too.
 * CM_DATABASE_UNAVAILABLE; any of cm_index_delete. */
cm_rc cm_repositories_drop_orphans(cm_repositories *repositories, cm_err *err) cm_must_check;

#endif
