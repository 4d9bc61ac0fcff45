/* repositories.c - see repositories.h. */
#include "base/base.h"

#include <errno.h>
#include <pthread.h>

#include "api/codebase.h"
#include "api/index_config.h"
#include "api/repositories.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"
#include "index/live/head.h"
#include "index/tables/tables.h"
#include "store/q/jobs.h"
#include "store/q/repositories.h"
#include "store/q/repository_dependencies.h"

#define WORKER_NAME   "server"
#define PAGE          100
#define LAST_STEPS_MS 1000
#define FORGOTTEN \
    "the index was deleted" /* index_error of a row that is not to be indexed unasked */

/* What the end of a job has to know; lives until cm_repositories_close, so a callback never outlives it. */
typedef struct watch {
    cm_repositories *owner;
    cm_repository *repository;
    cm_uuid id, job;
    bool has_job, running;
} watch;

struct cm_repositories {
    cm_repositories_options options;
    pthread_mutex_t lock;
    CM_VEC(watch *) watches;
};

static cm_db db_of(const cm_repositories *r) {
    return cm_store_system(r->options.store);
}

/* ---- outcome of a job ---- */

/* The packages of the last run take the place of all that was there. */
static void record_dependencies(const cm_db *db, const cm_uuid *id,
                                const cm_api_codebase_patterns *patterns, cm_arena *arena) {
    size_t count = patterns->dependencies.count;
    cm_q_repository_dependencies_insert_in *rows =
        cm_arena_try_calloc(arena, count + 1, sizeof(*rows));
    cm_q_repository_dependencies_clear_in all = {.repository_id = *id};
    cm_err err;
    uint64_t ignored;
    cm_rc rc = cm_q_repository_dependencies_clear(db, &all, &ignored, &err);
    for (size_t i = 0; rows != NULL && i < count; i++) {
        const cm_api_dependency *d = &patterns->dependencies.items[i];
        rows[i] = (cm_q_repository_dependencies_insert_in){
            .repository_id = *id,
            .package_manager = d->package_manager,
            .name = d->name,
            .version = d->version,
            .dependency_type = d->type == CM_API_DEPENDENCY_TYPE_DEVELOPMENT ? CM_STR("development")
                                                                             : CM_STR("production"),
            .manifest_path = d->manifest};
    }
    if (rc == CM_OK && rows != NULL && count > 0) {
        rc = cm_q_repository_dependencies_insert_batch(db, rows, count, &err);
    }
    if (rc != CM_OK) {
        cm_log_err(CM_LOG_WARN, "dependencies are not kept in the database", &err);
    }
}

/* Style, frameworks and dependencies; what a person overruled stays. */
static cm_rc describe(const cm_db *db, const cm_uuid *id, const cm_snapshot *snapshot,
                      cm_arena *arena, cm_q_repositories_set_indexed_in *row, cm_err *err) {
    cm_row_repositories before;
    cm_api_codebase_patterns patterns;
    cm_rc rc =
        cm_q_repositories_get(db, &(cm_q_repositories_get_in){.id = *id}, arena, &before, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_api_style_overrides overrides = cm_codebase_overrides(before.style_guide, arena);
    rc = cm_codebase_patterns(snapshot, &overrides, arena, &patterns, err);
    if (rc == CM_OK) {
        row->style_guide =
            cm_codebase_json(&cm_api_style_guide_schema, &patterns.style_guide, arena);
        row->frameworks = cm_codebase_json_list(patterns.frameworks, arena);
        record_dependencies(db, id, &patterns, arena);
    }
    return rc;
}

void cm_repositories_record(cm_repositories *repositories, cm_repository *repository) {
    cm_snapshot *snapshot = cm_repository_snapshot(repository);
    if (snapshot == NULL) {
        return;
    }
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_buf stats, names;
    cm_snapshot_statistics statistics;
    cm_err err;
    cm_buf_init(&stats, CM_KIB(64));
    cm_buf_init(&names, CM_KIB(64));
    cm_snapshot_statistics_get(snapshot, &statistics);
    cm_tables_languages(&statistics, &stats, &names);
    cm_str primary =
        statistics.language_count > 0 ? statistics.languages[0].language : CM_STR_EMPTY;
    cm_q_repositories_set_indexed_in row = {
        .id = *cm_repository_id(repository),
        .index_generation = (int64_t)cm_snapshot_generation(snapshot),
        .file_count = (int64_t)statistics.files,
        .symbol_count = (int64_t)statistics.symbols,
        .chunk_count = (int64_t)statistics.chunks,
        .line_count = (int64_t)statistics.lines,
        .index_size_bytes = (int64_t)statistics.index_bytes,
        .language_stats = cm_buf_str(&stats),
        .languages = cm_buf_str(&names),
        .primary_language = primary.len > 0 ? primary : CM_STR("unknown"),
        .frameworks = CM_STR("[]")};
    char head[CM_HEAD_TEXT];
    cm_str root = cm_repository_root(repository, arena);
    if (root.len > 0 && cm_head_commit(root.ptr, head)) {
        row.current_revision = cm_str_from(head);
    }
    cm_db db = db_of(repositories);
    cm_rc rc = describe(&db, &row.id, snapshot, arena, &row, &err);
    if (rc != CM_OK) {
        cm_log_err(CM_LOG_WARN, "style and dependencies are not kept in the database", &err);
    }
    cm_q_repositories_set_indexed_post(&db, &row, NULL);
    cm_snapshot_unref(snapshot);
    cm_buf_done(&stats);
    cm_buf_done(&names);
}

static void record_end(const watch *w, const cm_index_progress *progress) {
    cm_db db = db_of(w->owner);
    bool failed = progress->error.rc != CM_OK;
    if (failed || progress->cancelled) {
        cm_str why = failed ? cm_str_from(progress->error.text) : CM_STR("cancelled");
        cm_q_repositories_set_status_in status = {.id = w->id,
                                                  .status =
                                                      failed ? CM_STR("error") : CM_STR("ready"),
                                                  .index_error = why,
                                                  .index_progress = progress->progress};
        cm_q_repositories_set_status_post(&db, &status, NULL);
        if (!failed) {
            cm_q_jobs_cancel_post(&db, &(cm_q_jobs_cancel_in){.id = w->job}, NULL);
            return;
        }
        cm_q_jobs_fail_in job = {.id = w->job,
                                 .locked_by = CM_STR(WORKER_NAME),
                                 .last_error = why,
                                 .run_at = cm_clock_wall_ms()};
        cm_q_jobs_fail_post(&db, &job, NULL);
        return;
    }
    cm_repositories_record(w->owner, w->repository);
    cm_q_jobs_succeed_in job = {
        .id = w->job, .locked_by = CM_STR(WORKER_NAME), .result = CM_STR("{}")};
    cm_q_jobs_succeed_post(&db, &job, NULL);
}

/* On the job's thread. */
static void on_progress(void *argument, const cm_index_progress *progress) {
    watch *w = argument;
    if (progress->finished_ms == 0) {
        return;
    }
    pthread_mutex_lock(&w->owner->lock);
    bool ended = w->running;
    w->running = false;
    watch copy = *w;
    pthread_mutex_unlock(&w->owner->lock);
    if (ended) {
        record_end(&copy, progress);
    }
}

/* ---- watches ---- */

static watch *watch_of(cm_repositories *r, const cm_uuid *id) {
    for (size_t i = 0; i < r->watches.count; i++) {
        if (cm_uuid_eq(&r->watches.items[i]->id, id)) {
            return r->watches.items[i];
        }
    }
    return NULL;
}

static cm_rc add_watch(cm_repositories *r, cm_repository *repository, cm_err *err) {
    pthread_mutex_lock(&r->lock);
    watch *w = watch_of(r, cm_repository_id(repository));
    bool added = w == NULL;
    bool ok = true;
    if (added) {
        w = CM_NEW(watch);
        *w = (watch){.owner = r, .repository = repository, .id = *cm_repository_id(repository)};
        ok = cm_vec_push(&r->watches, w);
    }
    w->repository = repository;
    pthread_mutex_unlock(&r->lock);
    if (!ok) {
        cm_free(w);
        return cm_fail(err, CM_NOMEM, "no memory to follow a repository");
    }
    cm_repository_watch_progress(repository, on_progress, w);
    return CM_OK;
}

/* ---- opening ---- */

static bool was_interrupted(const cm_row_repositories *row) {
    return cm_str_eq_c(row->status, "indexing") || cm_str_eq_c(row->status, "pending");
}

/* Whether there is, or may be, an index of it: a tree to read, or files that are sent. */
static bool has_files(const cm_row_repositories *row) {
    return row->root_path.len > 0 || cm_str_eq_c(row->source_type, "upload");
}

/* Whether the files that were sent and the index differ: it was damaged, of an earlier format, or not finished. */
static bool is_behind(const cm_repositories *r, const cm_row_repositories *row,
                      cm_repository *repository) {
    bool behind = false;
    cm_err err;
    if (r->options.sent == NULL || row->root_path.len > 0) {
        return false;
    }
    if (cm_sent_adopt(r->options.sent, repository, &behind, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "files that were sent cannot be compared with the index", &err);
    }
    bool forgotten =
        cm_str_eq_c(row->status, "created") && cm_str_eq_c(row->index_error, FORGOTTEN);
    return behind && !forgotten;
}

static void open_row(cm_repositories *r, const cm_row_repositories *row) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_repository *repository = NULL;
    cm_api_index_config config =
        cm_index_config_parse(row->config, r->options.file_bytes_max, arena);
    cm_repository_options options = cm_index_config_options(&config);
    cm_err err;
    cm_uuid job;
    cm_rc rc = cm_indexer_add(r->options.indexer, &row->id, cm_arena_c(arena, row->root_path),
                              &options, &repository, &err);
    rc = rc == CM_OK ? add_watch(r, repository, &err) : rc;
    if (rc == CM_OK && (is_behind(r, row, repository) || was_interrupted(row))) {
        rc = cm_repositories_index(r, repository, CM_INDEX_INCREMENTAL, &job, &err);
    }
    if (rc != CM_OK) {
        cm_log_err(CM_LOG_WARN, "a repository cannot be opened", &err);
    }
    cm_repository_unref(repository);
}

cm_rc cm_repositories_open(const cm_repositories_options *options,
                           cm_repositories **ret_repositories, cm_err *err) {
    cm_repositories *r = CM_NEW(cm_repositories);
    r->options = *options;
    pthread_mutex_init(&r->lock, NULL);
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = db_of(r);
    cm_q_repositories_list_in page = {.limit = PAGE};
    const cm_row_repositories *rows = NULL;
    size_t count = PAGE;
    while (count == PAGE) {
        cm_rc rc = cm_q_repositories_list(&db, &page, arena, &rows, &count, err);
        if (rc != CM_OK) {
            cm_repositories_close(r);
            return rc;
        }
        for (size_t i = 0; i < count; i++) {
            if (has_files(&rows[i])) {
                open_row(r, &rows[i]);
            }
            page.after_id = rows[i].id;
        }
    }
    *ret_repositories = r;
    return CM_OK;
}

void cm_repositories_close(cm_repositories *repositories) {
    if (repositories != NULL) {
        for (size_t i = 0; i < repositories->watches.count; i++) {
            cm_free(repositories->watches.items[i]);
        }
        cm_vec_done(&repositories->watches);
        pthread_mutex_destroy(&repositories->lock);
        cm_free(repositories);
    }
}

/* ---- adding ---- */

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
static cm_rc keep_config(const cm_db *db, const cm_uuid *id, const cm_api_index_config *config,
                         cm_arena *arena, cm_err *err) {
    cm_q_repositories_set_config_in in = {.id = *id};
    if (config == NULL) {
        return CM_OK;
    }
    in.config = cm_index_config_text(config, arena);
    return cm_q_repositories_set_config(db, &in, err);
}

static cm_rc row_of_root(cm_repositories *r, const cm_repository_add *add, cm_str root,
                         cm_arena *arena, cm_uuid *ret_id, cm_str *ret_config, cm_err *err) {
    cm_db db = db_of(r);
    cm_row_repositories row;
    cm_q_repositories_by_root_in by_root = {.root_path = root};
    cm_rc rc = cm_q_repositories_by_root(&db, &by_root, arena, &row, err);
    if (rc == CM_OK) {
        *ret_id = row.id;
        *ret_config = row.config;
    }
    if (rc != CM_NOT_FOUND) {
        return rc;
    }
    cm_str wanted = add->name.len > 0 ? add->name : cm_path_base(root);
    cm_q_repositories_insert_in in = {.id = cm_uuid_v7(),
                                      .workspace_id = r->options.local.workspace_id,
                                      .owner_id = r->options.local.user_id,
                                      .root_path = root,
                                      .source_type = CM_STR("local")};
    if (add->config != NULL) {
        in.config = cm_index_config_text(add->config, arena);
    }
    rc = free_name(&db, &in.workspace_id, wanted.len > 0 ? wanted : CM_STR("root"), arena, &in.name,
                   err);
    rc = rc == CM_OK ? cm_q_repositories_insert(&db, &in, err) : rc;
    *ret_id = in.id;
    *ret_config = in.config;
    return rc;
}

cm_rc cm_repositories_add(cm_repositories *repositories, const cm_repository_add *add,
                          cm_repository **ret_repository, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_repository *repository = NULL;
    cm_str root, stored;
    cm_uuid id;
    cm_rc rc = absolute_root(repositories, add->root, arena, &root, err);
    rc = rc == CM_OK ? row_of_root(repositories, add, root, arena, &id, &stored, err) : rc;
    if (rc != CM_OK) {
        return rc;
    }
    cm_api_index_config config =
        add->config != NULL
            ? *add->config
            : cm_index_config_parse(stored, repositories->options.file_bytes_max, arena);
    cm_repository_options options = cm_index_config_options(&config);
    rc = cm_indexer_add(repositories->options.indexer, &id, root.ptr, &options, &repository, err);
    rc = rc == CM_OK ? add_watch(repositories, repository, err) : rc;
    cm_db db = db_of(repositories);
    rc = rc == CM_OK ? keep_config(&db, &id, add->config, arena, err) : rc;
    if (rc != CM_OK) {
        cm_repository_unref(repository);
        return rc;
    }
    *ret_repository = repository;
    return CM_OK;
}

static cm_rc open_treeless(cm_repositories *r, const cm_uuid *id, cm_err *err) {
    cm_repository *repository = NULL;
    cm_repository_options options = {.file_bytes_max = r->options.file_bytes_max};
    cm_rc rc = cm_indexer_add(r->options.indexer, id, "", &options, &repository, err);
    rc = rc == CM_OK ? add_watch(r, repository, err) : rc;
    cm_repository_unref(repository);
    return rc;
}

cm_rc cm_repositories_create(cm_repositories *repositories, cm_str name, cm_str remote_url,
                             cm_str primary_language, cm_uuid *ret_id, cm_err *err) {
    cm_db db = cm_store_as(repositories->options.store, repositories->options.local.user_id);
    cm_q_repositories_insert_in row = {.id = cm_uuid_v7(),
                                       .workspace_id = repositories->options.local.workspace_id,
                                       .owner_id = repositories->options.local.user_id,
                                       .name = name,
                                       .remote_url = remote_url,
                                       .primary_language = primary_language,
                                       .source_type = CM_STR("upload")};
    cm_rc rc = cm_q_repositories_insert(&db, &row, err);
    if (rc == CM_EXISTS) {
        return cm_fail(err, CM_NAME_TAKEN, "there is a repository named '" CM_STR_FMT "' already",
                       CM_STR_ARG(name));
    }
    rc = rc == CM_OK ? open_treeless(repositories, &row.id, err) : rc;
    *ret_id = row.id;
    return rc;
}

/* A job says that it is over before its thread has written down what it found. Whoever saw that may start the
 * next one, or configure it: they wait these milliseconds rather than be told that a job runs. */
static void await_last_steps(cm_repository *repository) {
    cm_index_progress progress;
    cm_err ignored;
    cm_repository_progress(repository, &progress);
    if (progress.finished_ms != 0 &&
        cm_repository_wait(repository, LAST_STEPS_MS, &ignored) != CM_OK) {
        cm_log(CM_LOG_DEBUG, "the end of an indexing job takes long");
    }
}

/* ---- configuration ---- */

cm_rc cm_repositories_config(cm_repositories *repositories, const cm_uuid *id, cm_arena *arena,
                             cm_api_index_config *ret_config, cm_err *err) {
    cm_db db = cm_store_as(repositories->options.store, repositories->options.local.user_id);
    cm_row_repositories row;
    cm_rc rc = cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, arena, &row, err);
    if (rc == CM_OK) {
        *ret_config =
            cm_index_config_parse(row.config, repositories->options.file_bytes_max, arena);
    }
    return rc;
}

cm_rc cm_repositories_configure(cm_repositories *repositories, const cm_uuid *id,
                                const cm_api_index_config *config, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_as(repositories->options.store, repositories->options.local.user_id);
    cm_repository_options options = cm_index_config_options(config);
    cm_repository *repository = NULL;
    cm_row_repositories row;
    cm_rc rc = cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_repository *open = cm_indexer_find(repositories->options.indexer, id);
    if (open != NULL) {
        await_last_steps(open);
    }
    cm_repository_unref(open);
    if (has_files(&row)) { /* refuses while a job runs, so before the row says otherwise */
        rc = cm_indexer_add(repositories->options.indexer, id, cm_arena_c(arena, row.root_path),
                            &options, &repository, err);
    }
    rc = rc == CM_OK && repository != NULL ? add_watch(repositories, repository, err) : rc;
    rc = rc == CM_OK ? keep_config(&db, id, config, arena, err) : rc;
    cm_repository_unref(repository);
    return rc;
}

/* ---- jobs ---- */

cm_rc cm_repositories_index(cm_repositories *repositories, cm_repository *repository,
                            enum cm_index_mode mode, cm_uuid *ret_job, cm_err *err) {
    cm_db db = db_of(repositories);
    const cm_uuid *id = cm_repository_id(repository);
    cm_uuid job = cm_uuid_v7();
    await_last_steps(repository);
    pthread_mutex_lock(&repositories->lock);
    watch *w = watch_of(repositories, id);
    cm_assert(w != NULL);
    bool busy = w->running;
    if (!busy) {
        w->running = w->has_job = true;
        w->job = job;
    }
    pthread_mutex_unlock(&repositories->lock);
    if (busy) {
        return cm_fail(err, CM_CONFLICT, "this repository is being indexed already");
    }
    cm_q_jobs_insert_in row = {.id = job,
                               .job_type = CM_STR("index"),
                               .status = CM_STR("running"),
                               .user_id = repositories->options.local.user_id,
                               .repository_id = *id,
                               .max_attempts = CM_INT(1),
                               .attempts = 1,
                               .locked_by = CM_STR(WORKER_NAME),
                               .started_at = cm_clock_wall_ms()};
    cm_q_repositories_set_status_in status = {.id = *id, .status = CM_STR("indexing")};
    cm_rc rc = cm_q_jobs_insert(&db, &row, err);
    rc = rc == CM_OK ? cm_q_repositories_set_status(&db, &status, err) : rc;
    rc = rc == CM_OK ? cm_repository_index(repository, mode, err) : rc;
    if (rc != CM_OK) {
        cm_q_jobs_fail_in failed = {.id = job,
                                    .locked_by = CM_STR(WORKER_NAME),
                                    .last_error = CM_STR("it could not be started"),
                                    .run_at = cm_clock_wall_ms()};
        cm_q_jobs_fail_post(&db, &failed, NULL);
        pthread_mutex_lock(&repositories->lock);
        w->running = false;
        pthread_mutex_unlock(&repositories->lock);
        return rc;
    }
    *ret_job = job;
    return CM_OK;
}

bool cm_repositories_job(cm_repositories *repositories, const cm_uuid *repository,
                         cm_uuid *ret_job) {
    pthread_mutex_lock(&repositories->lock);
    const watch *w = watch_of(repositories, repository);
    bool has = w != NULL && w->has_job;
    if (has) {
        *ret_job = w->job;
    }
    pthread_mutex_unlock(&repositories->lock);
    return has;
}

static void drop_watch(cm_repositories *r, const cm_uuid *id) {
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->watches.count; i++) {
        if (cm_uuid_eq(&r->watches.items[i]->id, id)) {
            cm_free(r->watches.items[i]);
            r->watches.items[i] = r->watches.items[--r->watches.count];
            break;
        }
    }
    pthread_mutex_unlock(&r->lock);
}

/* Its contents go with the next sweep, and not before the night when that cannot be asked for. */
static void sweep_soon(const cm_db *db) {
    cm_q_jobs_enqueue_in job = {
        .id = cm_uuid_v7(), .job_type = CM_STR("blobs"), .dedupe_key = CM_STR("blobs")};
    cm_q_jobs_enqueue_post(db, &job, NULL);
}

cm_rc cm_repositories_remove(cm_repositories *repositories, const cm_uuid *id, cm_err *err) {
    cm_db db = db_of(repositories);
    cm_q_repositories_delete_in row = {.id = *id};
    cm_rc rc = cm_indexer_remove(repositories->options.indexer, id, err);
    if (rc != CM_OK && rc != CM_NOT_FOUND) {
        return rc;
    }
    drop_watch(repositories,
               id); /* the indexer has waited for its job: no callback comes any more */
    rc = cm_q_repositories_delete(&db, &row, err);
    if (rc == CM_OK) {
        sweep_soon(&db);
    }
    return rc;
}

cm_rc cm_repositories_forget_index(cm_repositories *repositories, const cm_uuid *id, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_db db = cm_store_as(repositories->options.store, repositories->options.local.user_id);
    cm_db system = db_of(repositories);
    cm_row_repositories row;
    cm_q_repositories_set_status_in status = {
        .id = *id, .status = CM_STR("created"), .index_error = CM_STR(FORGOTTEN)};
    cm_rc rc = cm_q_repositories_get(&db, &(cm_q_repositories_get_in){.id = *id}, arena, &row, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_indexer_remove(repositories->options.indexer, id, err);
    if (rc != CM_OK && rc != CM_NOT_FOUND) {
        return rc;
    }
    drop_watch(repositories, id);
    rc = cm_store_flush(repositories->options.store,
                        err); /* what a job posted would say otherwise */
    rc = rc == CM_OK ? cm_q_repositories_set_status(&system, &status, err) : rc;
    row.status = status.status; /* it is not to be indexed again by being opened */
    row.index_error = status.index_error;
    if (rc == CM_OK && has_files(&row)) {
        open_row(repositories, &row);
    }
    return rc;
}
