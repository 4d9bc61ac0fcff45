/* registry.c - see registry.h. */
#include "base/base.h"

#include <errno.h>

#include "repository/registry_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/url.h"
#include "store/q/jobs.h"
#include "store/q/repositories.h"

#define PAGE         100
#define ADD_ATTEMPTS 100 /* each but the last lost against a deletion of the same root */

static cm_db db_of(const cm_repositories *r) {
    return cm_store_system(r->options.store);
}

static cm_db caller_db_of(const cm_repositories *r, const cm_caller *caller) {
    return cm_store_as(r->options.store, caller->user_id);
}

/* ---- the witness: jobs, before they begin and when they have ended ---- */

static bool is_allowed(const cm_repositories *r, cm_str root) {
    const cm_settings *settings = cm_settings_take(r->options.settings);
    cm_str_list roots = settings->index.allowed_roots;
    bool allowed = roots.count == 0;
    for (size_t i = 0; i < roots.count && !allowed; i++) {
        allowed = cm_path_is_inside(root, roots.items[i]);
    }
    cm_settings_unref(settings);
    return allowed;
}

/* The list may have become shorter since the repository was added. */
static cm_rc check_allowed(const cm_repositories *r, cm_repository *repository, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_str root = cm_repository_root(repository, arena);
    return root.len == 0 || is_allowed(r, root)
               ? CM_OK
               : cm_fail(err, CM_DENIED, "'" CM_STR_FMT "' lies outside index.allowed_roots",
                         CM_STR_ARG(root));
}

static cm_rc on_job_begins(void *argument, cm_repository *repository, const cm_repository_job *job,
                           cm_err *err) {
    const cm_repositories *r = argument;
    cm_rc rc = check_allowed(r, repository, err);
    if (rc != CM_OK) {
        return rc;
    }
    return cm_record_job_begin(&r->recorder, repository, job, err);
}

static void on_job_ended(void *argument, cm_repository *repository, const cm_repository_job *job,
                         const cm_index_progress *progress) {
    const cm_repositories *r = argument;
    cm_record_job_end(&r->recorder, repository, job, progress);
}

void cm_repositories_record(cm_repositories *repositories, cm_repository *repository) {
    cm_record_index(&repositories->recorder, repository);
}

void cm_repositories_on_pass(void *repositories, cm_index *index) {
    const cm_repositories *r = repositories;
    cm_record_described(&r->recorder, index);
}

cm_rc cm_repositories_index(cm_repositories *repositories, cm_repository *repository,
                            enum cm_index_mode mode, cm_uuid *ret_job, cm_err *err) {
    (void)repositories;
    return cm_repository_start(repository, mode, CM_JOB_ASKED, ret_job, err);
}

bool cm_repositories_job(cm_repositories *repositories, const cm_uuid *repository,
                         cm_uuid *ret_job) {
    cm_repository *open = cm_indexer_find(repositories->options.indexer, repository);
    bool has = open != NULL && cm_repository_asked_job(open, ret_job);
    cm_repository_unref(open);
    return has;
}

/* ---- opening ---- */

static bool was_interrupted(const cm_row_repositories *row) {
    return cm_str_eq_c(row->status, "indexing") || cm_str_eq_c(row->status, "pending");
}

/* Whether there is, or may be, an index of it: a tree to read, or files that are uploaded. */
static bool has_files(const cm_row_repositories *row) {
    return row->root_path.len > 0 || cm_str_eq_c(row->source_type, "upload");
}

/* Whether the uploaded files and the index differ: it was damaged, of an earlier format, or not finished. */
static bool is_behind(const cm_repositories *r, const cm_row_repositories *row,
                      cm_repository *repository) {
    bool behind = false;
    cm_err err;
    if (r->options.sent == NULL || row->root_path.len > 0) {
        return false;
    }
    cm_index *index = cm_repository_index_ref(repository);
    if (cm_sent_adopt(r->options.sent, index, &behind, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "uploaded files cannot be compared with the index", &err);
    }
    cm_index_unref(index);
    bool forgotten = cm_str_eq_c(row->status, "created") &&
                     cm_str_eq_c(row->index_error, CM_REPOSITORY_FORGOTTEN);
    return behind && !forgotten;
}

static cm_rc open_row(cm_repositories *r, const cm_row_repositories *row, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_repository *repository = NULL;
    cm_repository_config config =
        cm_repository_config_parse(row->config, r->options.file_bytes_max, arena);
    cm_repository_options options = cm_repository_config_options(&config);
    cm_uuid job;
    cm_rc rc = cm_indexer_add(r->options.indexer, &row->id, cm_arena_c(arena, row->root_path),
                              &options, &repository, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_repository_set_owner(repository, &row->workspace_id, &row->owner_id);
    if (is_behind(r, row, repository) || was_interrupted(row)) {
        rc = cm_repository_start(repository, CM_INDEX_INCREMENTAL, CM_JOB_ASKED, &job, err);
    }
    cm_repository_unref(repository);
    return rc == CM_CONFLICT ? CM_OK : rc; /* its watcher was quicker */
}

static cm_rc open_rows(cm_repositories *r, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = db_of(r);
    cm_q_repositories_list_in page = {.limit = PAGE};
    const cm_row_repositories *rows = NULL;
    size_t count = PAGE;
    while (count == PAGE) {
        cm_rc rc = cm_q_repositories_list(&db, &page, arena, &rows, &count, err);
        if (rc != CM_OK) {
            return rc;
        }
        for (size_t i = 0; i < count; i++) {
            cm_err why;
            if (has_files(&rows[i]) && open_row(r, &rows[i], &why) != CM_OK) {
                cm_log_err(CM_LOG_WARN, "a repository cannot be opened", &why);
            }
            page.after_id = rows[i].id;
        }
    }
    return CM_OK;
}

cm_rc cm_repositories_open(const cm_repositories_options *options,
                           cm_repositories **ret_repositories, cm_err *err) {
    cm_repositories *r = CM_NEW(cm_repositories);
    r->options = *options;
    r->recorder = (cm_recorder){options->store, options->style_guide};
    r->witness = (cm_repository_witness){on_job_begins, on_job_ended, r};
    pthread_mutex_init(&r->adding, NULL);
    cm_indexer_set_witness(options->indexer, &r->witness);
    cm_rc rc = open_rows(r, err);
    *ret_repositories = r; /* also when it failed: the indexer may hold it until it is closed */
    return rc;
}

bool cm_repositories_are_degraded(const cm_repositories *repositories) {
    return cm_indexer_is_degraded(repositories->options.indexer);
}

void cm_repositories_close(cm_repositories *repositories) {
    if (repositories != NULL) {
        pthread_mutex_destroy(&repositories->adding);
        cm_free(repositories);
    }
}

/* ---- adding ---- */

static cm_rc absolute_root(const cm_repositories *r, cm_str given, cm_arena *arena,
                           cm_str *ret_root, cm_err *err) {
    if (given.len == 0 || memchr(given.ptr, '\0', given.len) != NULL) {
        return cm_fail(err, CM_INVALID, "the path of a repository is empty or holds a NUL");
    }
    const char *path = cm_arena_c(arena, given);
    char *real = realpath(path, NULL);
    if (real == NULL) {
        return cm_fail_errno(err, errno, "cannot read directory '%s'", path);
    }
    cm_str root = cm_arena_str(arena, cm_str_from(real));
    free(real);
    if (!is_allowed(r, root)) {
        return cm_fail(err, CM_DENIED, "'%s' lies outside index.allowed_roots", root.ptr);
    }
    *ret_root = root;
    return CM_OK;
}

/* A name is unique in its workspace: two checkouts of one name get a number. */
static cm_rc free_name(const cm_db *db, const cm_uuid *workspace, cm_str wanted, cm_arena *arena,
                       cm_str *ret_name, cm_err *err) {
    cm_str name = wanted;
    for (int number = 2; number < 1000; number++) {
        cm_row_repositories row;
        cm_q_repositories_by_name_in in = {.workspace_id = *workspace, .name = name};
        cm_rc rc = cm_q_repositories_by_name(db, &in, arena, &row, err);
        if (rc == CM_NOT_FOUND) {
            *ret_name = name;
            return CM_OK;
        }
        if (rc != CM_OK) {
            return rc;
        }
        name = cm_arena_fmt(arena, CM_STR_FMT "-%d", CM_STR_ARG(wanted), number);
    }
    return cm_fail(err, CM_NAME_TAKEN, "the name '" CM_STR_FMT "' is taken; give another",
                   CM_STR_ARG(wanted));
}

/* A configuration that was sent takes the place of the stored one. */
static cm_rc keep_config(const cm_db *db, const cm_uuid *id, const cm_repository_config *config,
                         cm_arena *arena, cm_err *err) {
    cm_q_repositories_set_config_in in = {.id = *id};
    if (config == NULL) {
        return CM_OK;
    }
    in.config = cm_repository_config_text(config, arena);
    return cm_q_repositories_set_config(db, &in, err);
}

static cm_rc find_row_of_root(cm_repositories *r, const cm_caller *caller, cm_str root,
                              cm_arena *arena, cm_uuid *ret_id, cm_str *ret_config, cm_err *err) {
    cm_db db = caller_db_of(r, caller);
    cm_row_repositories row;
    cm_q_repositories_by_root_in by_root = {.root_path = root};
    cm_rc rc = cm_q_repositories_by_root(&db, &by_root, arena, &row, err);
    if (rc == CM_OK) {
        *ret_id = row.id;
        *ret_config = row.config;
    }
    return rc;
}

/* CM_EXISTS: another server on the same database was quicker. */
static cm_rc make_row_of_root(cm_repositories *r, const cm_caller *caller,
                              const cm_repository_add *add, cm_str root, cm_arena *arena,
                              cm_uuid *ret_id, cm_str *ret_config, cm_err *err) {
    cm_db db = caller_db_of(r, caller);
    cm_str wanted = add->name.len > 0 ? add->name : cm_path_base(root);
    cm_q_repositories_insert_in in = {.id = cm_uuid_v7(),
                                      .workspace_id = caller->workspace_id,
                                      .owner_id = caller->user_id,
                                      .root_path = root,
                                      .source_type = CM_STR("local")};
    if (add->config != NULL) {
        in.config = cm_repository_config_text(add->config, arena);
    }
    cm_rc rc = free_name(&db, &in.workspace_id, wanted.len > 0 ? wanted : CM_STR("root"), arena,
                         &in.name, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_q_repositories_insert(&db, &in, err);
    *ret_id = in.id;
    *ret_config = in.config;
    return rc;
}

static cm_rc row_of_root(cm_repositories *r, const cm_caller *caller, const cm_repository_add *add,
                         cm_str root, cm_arena *arena, cm_uuid *ret_id, cm_str *ret_config,
                         cm_err *err) {
    cm_rc rc = CM_EXISTS;
    pthread_mutex_lock(&r->adding);
    for (int attempt = 0; rc == CM_EXISTS && attempt < ADD_ATTEMPTS; attempt++) {
        rc = find_row_of_root(r, caller, root, arena, ret_id, ret_config, err);
        if (rc == CM_NOT_FOUND) {
            rc = make_row_of_root(r, caller, add, root, arena, ret_id, ret_config, err);
        }
    }
    pthread_mutex_unlock(&r->adding);
    return rc == CM_EXISTS ? cm_fail(err, CM_CONFLICT, "the repository's name is being taken") : rc;
}

/* Its row is there, and says whose it is. */
static cm_rc check_row(const cm_repositories *r, cm_repository *repository, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = db_of(r);
    cm_row_repositories row;
    cm_q_repositories_get_in in = {.id = *cm_repository_id(repository)};
    cm_rc rc = cm_q_repositories_get(&db, &in, arena, &row, err);
    if (rc == CM_OK) {
        cm_repository_set_owner(repository, &row.workspace_id, &row.owner_id);
    }
    return rc;
}

static void discard_quietly(cm_repositories *r, cm_repository *repository) {
    cm_err err;
    if (cm_repository_begin_closing(repository, &err) == CM_OK &&
        cm_indexer_discard(r->options.indexer, repository, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "the index of a deleted repository stays on disk", &err);
    }
}

/* Opens the index of a row. The row may have been deleted since it was read, while its index was closed to be deleted
 * too: what was opened then belongs to nobody and goes again, and *ret_deleted says so. */
static cm_rc open_of_row(cm_repositories *r, const cm_uuid *id, const char *root,
                         const cm_repository_config *config, cm_repository **ret_repository,
                         bool *ret_deleted, cm_err *err) {
    cm_repository *repository = NULL;
    cm_repository_options options = cm_repository_config_options(config);
    *ret_deleted = false;
    cm_rc rc = cm_indexer_add(r->options.indexer, id, root, &options, &repository, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = check_row(r, repository, err);
    if (rc == CM_OK) {
        *ret_repository = repository;
        return CM_OK;
    }
    if (rc == CM_NOT_FOUND) {
        *ret_deleted = true;
        discard_quietly(r, repository);
    }
    cm_repository_unref(repository);
    return rc;
}

static cm_rc add_once(cm_repositories *r, const cm_caller *caller, const cm_repository_add *add,
                      cm_str root, cm_arena *arena, cm_repository **ret_repository,
                      bool *ret_deleted, cm_err *err) {
    cm_db db = db_of(r);
    cm_repository *repository = NULL;
    cm_str stored;
    cm_uuid id;
    *ret_deleted = false;
    cm_rc rc = row_of_root(r, caller, add, root, arena, &id, &stored, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_repository_config config =
        add->config != NULL ? *add->config
                            : cm_repository_config_parse(stored, r->options.file_bytes_max, arena);
    rc = open_of_row(r, &id, root.ptr, &config, &repository, ret_deleted, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = keep_config(&db, &id, add->config, arena, err);
    *ret_deleted = rc == CM_NOT_FOUND;
    if (rc != CM_OK) {
        cm_repository_unref(repository);
        return rc;
    }
    *ret_repository = repository;
    return CM_OK;
}

cm_rc cm_repositories_add(cm_repositories *repositories, const cm_caller *caller,
                          const cm_repository_add *add, cm_repository **ret_repository,
                          cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_str root;
    bool deleted = true;
    cm_rc rc = absolute_root(repositories, add->root, arena, &root, err);
    if (rc != CM_OK) {
        return rc;
    }
    for (int attempt = 0; deleted && attempt < ADD_ATTEMPTS; attempt++) {
        rc = add_once(repositories, caller, add, root, arena, ret_repository, &deleted, err);
    }
    return rc;
}

static cm_rc open_treeless(cm_repositories *r, const cm_caller *caller, const cm_uuid *id,
                           cm_err *err) {
    cm_repository *repository = NULL;
    cm_repository_options options = {.file_bytes_max = r->options.file_bytes_max};
    cm_rc rc = cm_indexer_add(r->options.indexer, id, "", &options, &repository, err);
    if (rc == CM_OK) {
        cm_repository_set_owner(repository, &caller->workspace_id, &caller->user_id);
        cm_repository_unref(repository);
    }
    return rc;
}

cm_rc cm_repositories_create(cm_repositories *repositories, const cm_caller *caller, cm_str name,
                             cm_str remote_url, cm_str primary_language, cm_uuid *ret_id,
                             cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = caller_db_of(repositories, caller);
    cm_q_repositories_insert_in row = {.id = cm_uuid_v7(),
                                       .workspace_id = caller->workspace_id,
                                       .owner_id = caller->user_id,
                                       .name = name,
                                       .remote_url = cm_url_public(remote_url, arena),
                                       .primary_language = primary_language,
                                       .source_type = CM_STR("upload")};
    cm_rc rc = cm_q_repositories_insert(&db, &row, err);
    if (rc == CM_EXISTS) {
        return cm_fail(err, CM_NAME_TAKEN, "there is a repository named '" CM_STR_FMT "' already",
                       CM_STR_ARG(name));
    }
    if (rc != CM_OK) {
        return rc;
    }
    *ret_id = row.id;
    return open_treeless(repositories, caller, &row.id, err);
}

/* ---- configuration ---- */

cm_rc cm_repositories_config(cm_repositories *repositories, const cm_caller *caller,
                             const cm_uuid *id, cm_arena *arena, cm_repository_config *ret_config,
                             cm_err *err) {
    cm_db db = caller_db_of(repositories, caller);
    cm_row_repositories row;
    cm_rc rc = cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, arena, &row, err);
    if (rc == CM_OK) {
        *ret_config =
            cm_repository_config_parse(row.config, repositories->options.file_bytes_max, arena);
    }
    return rc;
}

cm_rc cm_repositories_configure(cm_repositories *repositories, const cm_caller *caller,
                                const cm_uuid *id, const cm_repository_config *config,
                                cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = caller_db_of(repositories, caller);
    cm_repository *repository = NULL;
    cm_row_repositories row;
    bool deleted;
    cm_rc rc = cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (has_files(&row)) { /* refuses while a job runs, so before the row says otherwise */
        rc = open_of_row(repositories, id, cm_arena_c(arena, row.root_path), config, &repository,
                         &deleted, err);
    }
    if (rc == CM_OK) {
        rc = keep_config(&db, id, config, arena, err);
    }
    cm_repository_unref(repository);
    return rc;
}

/* ---- deleting ---- */

/* Its contents go with the next sweep, and not before the night when that cannot be asked for. */
static void sweep_soon(const cm_db *db) {
    cm_q_jobs_enqueue_in job = {
        .id = cm_uuid_v7(), .job_type = CM_STR("blobs"), .dedupe_key = CM_STR("blobs")};
    cm_q_jobs_enqueue_post(db, &job, NULL);
}

/* The row first: when it cannot be deleted nothing has happened. */
static cm_rc remove_open(cm_repositories *r, cm_repository *repository, const cm_db *db,
                         cm_err *err) {
    cm_q_repositories_delete_in row = {.id = *cm_repository_id(repository)};
    cm_rc rc = cm_repository_begin_closing(repository, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_q_repositories_delete(db, &row, err);
    if (rc != CM_OK && rc != CM_NOT_FOUND) {
        cm_repository_resume(repository);
        return rc;
    }
    cm_err why;
    if (cm_indexer_discard(r->options.indexer, repository, &why) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "the index of a deleted repository stays on disk", &why);
    }
    return rc;
}

cm_rc cm_repositories_remove(cm_repositories *repositories, const cm_caller *caller,
                             const cm_uuid *id, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = caller_db_of(repositories, caller);
    cm_q_repositories_delete_in row = {.id = *id};
    cm_row_repositories seen; /* before anything is closed: is it the caller's at all? */
    cm_rc rc =
        cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, arena, &seen, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_repository *repository = cm_indexer_find(repositories->options.indexer, id);
    rc = repository != NULL ? remove_open(repositories, repository, &db, err)
                            : cm_q_repositories_delete(&db, &row, err);
    cm_repository_unref(repository);
    if (rc == CM_OK) {
        cm_db system = db_of(repositories);
        sweep_soon(&system);
    }
    return rc;
}

cm_rc cm_repositories_forget_index(cm_repositories *repositories, const cm_caller *caller,
                                   const cm_uuid *id, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = caller_db_of(repositories, caller);
    cm_row_repositories row;
    cm_rc rc = cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, arena, &row, err);
    cm_repository *repository =
        rc == CM_OK ? cm_indexer_find(repositories->options.indexer, id) : NULL;
    if (repository == NULL) {
        return rc == CM_OK ? cm_record_forgotten(&repositories->recorder, id, err) : rc;
    }
    rc = cm_repository_begin_closing(repository, err);
    if (rc != CM_OK) {
        cm_repository_unref(repository);
        return rc;
    }
    rc = cm_record_forgotten(&repositories->recorder, id, err);
    if (rc == CM_OK) {
        rc = cm_repository_empty(repository, err);
    } else {
        cm_repository_resume(repository);
    }
    cm_repository_unref(repository);
    return rc;
}

cm_rc cm_repositories_drop_orphans(cm_repositories *repositories, cm_err *err) {
    cm_indexer *indexer = repositories->options.indexer;
    size_t count = cm_indexer_list(indexer, NULL, 0);
    cm_repository **open = cm_alloc((count + 1) * sizeof(cm_repository *));
    size_t now = cm_indexer_list(indexer, open, count); /* others may have come in between */
    size_t listed = CM_MIN(now, count);
    cm_rc rc = CM_OK;
    for (size_t i = 0; i < listed; i++) {
        cm_rc found = rc == CM_OK ? check_row(repositories, open[i], err) : rc;
        if (found == CM_NOT_FOUND) {
            discard_quietly(repositories, open[i]);
        } else {
            rc = found;
        }
        cm_repository_unref(open[i]);
    }
    cm_free(open);
    return rc;
}
