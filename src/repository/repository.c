/* repository.c - see repository.h. */
#include "repository/repository_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "index/live/settings.h"
#include "rt/polite.h"

/* ---- opening ---- */

static void repository_free(cm_repository *r) {
    cm_assert(r->work == 0 && !r->joinable && r->watcher == NULL);
    cm_index_unref(r->index);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    cm_free(r);
}

cm_rc cm_repository_open(const cm_indexer_options *options, const char *folder, const cm_uuid *id,
                         const char *root, cm_repository **ret_repository, cm_err *err) {
    cm_index *index;
    pthread_condattr_t attributes;
    cm_rc rc = cm_index_open(folder, id, root, &options->index, &index, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_repository *r = CM_NEW(cm_repository);
    atomic_init(&r->refs, 1);
    r->id = *id;
    r->options = options;
    r->index = index;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret_repository = r;
    return CM_OK;
}

cm_repository *cm_repository_ref(cm_repository *repository) {
    atomic_fetch_add_explicit(&repository->refs, 1, memory_order_relaxed);
    return repository;
}

void cm_repository_unref(cm_repository *repository) {
    if (repository && atomic_fetch_sub_explicit(&repository->refs, 1, memory_order_acq_rel) == 1) {
        repository_free(repository);
    }
}

/* ---- small answers ---- */

const cm_uuid *cm_repository_id(const cm_repository *repository) {
    return &repository->id;
}

cm_index *cm_repository_index_ref(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    cm_index *index = cm_index_ref(repository->index);
    pthread_mutex_unlock(&repository->lock);
    return index;
}

bool cm_repository_owes(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    bool owes = repository->owes;
    pthread_mutex_unlock(&repository->lock);
    return owes;
}

void cm_repository_set_owner(cm_repository *repository, const cm_uuid *workspace_id,
                             const cm_uuid *owner_id) {
    pthread_mutex_lock(&repository->lock);
    repository->workspace_id = *workspace_id;
    repository->owner_id = *owner_id;
    pthread_mutex_unlock(&repository->lock);
}

void cm_repository_owner(cm_repository *repository, cm_uuid *ret_owner_id) {
    pthread_mutex_lock(&repository->lock);
    *ret_owner_id = repository->owner_id;
    pthread_mutex_unlock(&repository->lock);
}

bool cm_repository_is_of(cm_repository *repository, const cm_uuid *workspace_id) {
    pthread_mutex_lock(&repository->lock);
    bool is = !cm_uuid_is_nil(workspace_id) && cm_uuid_eq(&repository->workspace_id, workspace_id);
    pthread_mutex_unlock(&repository->lock);
    return is;
}

enum cm_repository_state cm_repository_state_of(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    enum cm_repository_state state = repository->state;
    pthread_mutex_unlock(&repository->lock);
    return state;
}

cm_str cm_repository_root(cm_repository *repository, cm_arena *arena) {
    cm_index *index = cm_repository_index_ref(repository);
    cm_str root = cm_index_root(index, arena);
    cm_index_unref(index);
    return root;
}

cm_snapshot *cm_repository_snapshot(cm_repository *repository) {
    cm_index *index = cm_repository_index_ref(repository);
    cm_snapshot *snapshot = cm_index_snapshot(index);
    cm_index_unref(index);
    return snapshot;
}

bool cm_repository_is_outdated(cm_repository *repository) {
    cm_index *index = cm_repository_index_ref(repository);
    bool outdated = cm_index_is_outdated(index);
    cm_index_unref(index);
    return outdated;
}

const char *cm_repository_degraded(cm_repository *repository) {
    cm_index *index = cm_repository_index_ref(repository);
    const char *why = cm_index_degraded(index);
    cm_index_unref(index);
    return why;
}

enum cm_secret_policy cm_repository_secrets(cm_repository *repository) {
    cm_index *index = cm_repository_index_ref(repository);
    cm_index_settings *settings = cm_index_settings_get(index);
    enum cm_secret_policy policy = settings->options.secrets;
    cm_index_settings_unref(settings);
    cm_index_unref(index);
    return policy == CM_SECRETS_REDACT ? CM_SECRETS_REDACT : CM_SECRETS_SKIP;
}

void cm_repository_progress(cm_repository *repository, cm_index_progress *ret_progress) {
    cm_index *index = cm_repository_index_ref(repository);
    cm_index_job_progress(index, ret_progress);
    cm_index_unref(index);
}

void cm_repository_follow_progress(cm_repository *repository, cm_index_progress_fn *notify,
                                   void *argument) {
    pthread_mutex_lock(&repository->lock);
    repository->notify = notify;
    repository->notify_argument = argument;
    pthread_mutex_unlock(&repository->lock);
}

bool cm_repository_asked_job(cm_repository *repository, cm_uuid *ret_job) {
    pthread_mutex_lock(&repository->lock);
    *ret_job = repository->asked_id;
    pthread_mutex_unlock(&repository->lock);
    return !cm_uuid_is_nil(ret_job);
}

/* ---- what is at work: all under the lock ---- */

static cm_rc check_open(const cm_repository *r, cm_err *err) {
    switch (r->state) {
    case CM_REPOSITORY_OPEN:
    case CM_REPOSITORY_INDEXING: return CM_OK;
    case CM_REPOSITORY_CLOSING:
        return cm_fail(err, CM_CONFLICT, "the repository or its index is being deleted");
    case CM_REPOSITORY_GONE: break;
    }
    return cm_fail(err, CM_NOT_FOUND, "the repository was deleted");
}

static void end_work(cm_repository *r) {
    r->work--;
    pthread_cond_broadcast(&r->changed);
}

/* ---- jobs ---- */

static void join_finished(cm_repository *r) {
    if (r->joinable && !r->has_job) { /* its last step was to let go of the lock */
        pthread_join(r->thread, NULL);
        r->joinable = false;
    }
}

/* What a watcher started gives way to what somebody asks for; the watcher tries again. */
static void end_watched_job(cm_repository *r) {
    while (r->state == CM_REPOSITORY_INDEXING && r->job.origin == CM_JOB_WATCHED) {
        cm_cancel_fire(r->cancel, CM_CANCEL_SUPERSEDED);
        pthread_cond_wait(&r->changed, &r->lock);
    }
}

static cm_rc admit(cm_repository *r, enum cm_index_mode mode, enum cm_job_origin origin,
                   cm_err *err) {
    if (origin == CM_JOB_ASKED) {
        end_watched_job(r);
    }
    cm_rc rc = check_open(r, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (r->state == CM_REPOSITORY_INDEXING) {
        return cm_fail(err, CM_CONFLICT, "this repository is being indexed already");
    }
    join_finished(r);
    r->state = CM_REPOSITORY_INDEXING;
    r->job = (cm_repository_job){cm_uuid_v7(), mode, origin};
    r->has_job = true;
    r->cancel = cm_cancel_new(0);
    r->work++;
    return CM_OK;
}

static void on_index_progress(void *argument, const cm_index_progress *progress) {
    cm_repository *r = argument;
    pthread_mutex_lock(&r->lock);
    cm_index_progress_fn *notify = r->notify;
    void *notify_argument = r->notify_argument;
    pthread_mutex_unlock(&r->lock);
    if (notify) {
        notify(notify_argument, progress);
    }
}

/* Changes that a watcher saw are owed to the index until a job has read them. */
static void settle_debt(cm_repository *r, const cm_index_progress *outcome) {
    bool succeeded = outcome && outcome->error.rc == CM_OK && !outcome->cancelled;
    if (succeeded) {
        r->owes = false;
    } else if (r->job.origin == CM_JOB_WATCHED) {
        r->owes = true;
        if (r->watcher && cm_cancel_hit(r->cancel) == CM_CANCEL_SUPERSEDED) {
            cm_watcher_wake(r->watcher);
        }
    }
}

/* Who sees the end in the progress may start the next one: both come in one step. */
static void end_job(cm_repository *r, const cm_index_progress *outcome) {
    pthread_mutex_lock(&r->lock);
    if (outcome) {
        cm_index_job_end(r->index, outcome);
    }
    r->has_job = false;
    settle_debt(r, outcome);
    cm_cancel_unref(r->cancel);
    r->cancel = NULL;
    if (r->state == CM_REPOSITORY_INDEXING) {
        r->state = CM_REPOSITORY_OPEN;
    }
    end_work(r);
    pthread_mutex_unlock(&r->lock);
}

/* Written down, told, and only then over. */
static void conclude_job(cm_repository *r, const cm_err *failed) {
    cm_index_progress outcome;
    cm_index_job_outcome(r->index, failed, &outcome);
    if (r->witness) {
        r->witness->job_ended(r->witness->argument, r, &r->job, &outcome);
    }
    on_index_progress(r, &outcome);
    end_job(r, &outcome);
}

static void *job_main(void *argument) {
    cm_repository *r = argument;
    cm_index_job job = {r->job.mode, r->cancel, on_index_progress, r};
    cm_thread_make_polite();
    cm_index_job_run(r->index, &job);
    conclude_job(r, NULL);
    return NULL;
}

/* Fails when it began to close meanwhile, or there is no thread to be had. */
static cm_rc begin_thread(cm_repository *r, cm_err *err) {
    pthread_mutex_lock(&r->lock);
    cm_rc rc = check_open(r, err);
    if (rc == CM_OK) {
        cm_index_job_begin(r->index);
        r->asked_id = r->job.origin == CM_JOB_ASKED ? r->job.id : r->asked_id;
        int failed = pthread_create(&r->thread, NULL, job_main, r);
        r->joinable = failed == 0;
        rc = failed ? cm_fail_errno(err, failed, "cannot start an indexing thread") : CM_OK;
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static cm_rc begin(cm_repository *r, cm_err *err) {
    cm_rc rc = CM_OK;
    if (r->witness) {
        rc = r->witness->job_begins(r->witness->argument, r, &r->job, err);
    }
    if (rc != CM_OK) {
        end_job(r, NULL);
        return rc;
    }
    rc = begin_thread(r, err);
    if (rc != CM_OK) {
        conclude_job(r, err);
    }
    return rc;
}

cm_rc cm_repository_start(cm_repository *repository, enum cm_index_mode mode,
                          enum cm_job_origin origin, cm_uuid *ret_job, cm_err *err) {
    cm_err why = {0};
    pthread_mutex_lock(&repository->lock);
    cm_rc rc = admit(repository, mode, origin, &why);
    cm_uuid id = repository->job.id;
    pthread_mutex_unlock(&repository->lock);
    if (rc == CM_OK) {
        rc = begin(repository, &why);
    }
    if (rc == CM_OK) {
        *ret_job = id;
    } else if (err) {
        *err = why;
    }
    return rc;
}

cm_rc cm_repository_index(cm_repository *repository, enum cm_index_mode mode, cm_err *err) {
    cm_uuid ignored;
    return cm_repository_start(repository, mode, CM_JOB_ASKED, &ignored, err);
}

void cm_repository_cancel(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    if (repository->cancel && repository->job.origin == CM_JOB_ASKED) {
        cm_cancel_fire(repository->cancel, CM_CANCEL_USER);
    }
    pthread_mutex_unlock(&repository->lock);
}

void cm_repository_interrupt(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    if (repository->cancel) {
        cm_cancel_fire(repository->cancel, CM_CANCEL_SHUTDOWN);
    }
    pthread_mutex_unlock(&repository->lock);
}

cm_rc cm_repository_wait(cm_repository *repository, uint64_t timeout_ms, cm_err *err) {
    cm_repository *r = repository;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)CM_MIN(timeout_ms / 1000, (uint64_t)INT32_MAX);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&r->lock);
    int timed_out = 0;
    while (r->has_job && !timed_out) {
        timed_out = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    }
    bool running = r->has_job;
    pthread_mutex_unlock(&r->lock);
    return running ? cm_fail(err, CM_TIMEOUT, "indexing still runs") : CM_OK;
}

/* ---- files ---- */

static cm_rc enter(cm_repository *r, cm_err *err) {
    pthread_mutex_lock(&r->lock);
    cm_rc rc = check_open(r, err);
    r->work += rc == CM_OK;
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static void leave(cm_repository *r) {
    pthread_mutex_lock(&r->lock);
    end_work(r);
    pthread_mutex_unlock(&r->lock);
}

cm_rc cm_repository_sync(cm_repository *repository, cm_str_list paths, cm_err *err) {
    cm_rc rc = enter(repository, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_index_sync(repository->index, paths, err);
    leave(repository);
    return rc;
}

cm_rc cm_repository_sync_texts(cm_repository *repository, const cm_text_change *changes,
                               size_t count, cm_err *err) {
    cm_rc rc = enter(repository, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_index_sync_texts(repository->index, changes, count, err);
    leave(repository);
    return rc;
}

cm_rc cm_repository_sync_text(cm_repository *repository, cm_str path, cm_str text, cm_err *err) {
    return cm_repository_sync_texts(repository, &(cm_text_change){.path = path, .text = text}, 1,
                                    err);
}

/* ---- settings and watcher ---- */

/* Under the lock. Nothing is watched without a tree, nor by who was not asked to. */
static cm_rc start_watcher(cm_repository *r, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    if (!r->options->watch || r->watcher || cm_index_root(r->index, arena).len == 0) {
        return CM_OK;
    }
    return cm_watcher_start(r, r->options->watch_poll_ms, &r->watcher, err);
}

static void stop_watcher(cm_repository *r) {
    pthread_mutex_lock(&r->lock);
    cm_watcher *watcher = r->watcher;
    r->watcher = NULL;
    pthread_mutex_unlock(&r->lock);
    cm_watcher_stop(watcher); /* waits for its thread, which may want the lock */
}

static cm_rc configure_locked(cm_repository *r, const char *root,
                              const cm_repository_options *options, bool *ret_moved,
                              bool *ret_changed, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    while (r->state == CM_REPOSITORY_CLOSING) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    cm_rc rc = check_open(r, err);
    if (rc == CM_OK && !cm_index_is_configured(r->index, root, options)) {
        end_watched_job(r);
        rc = check_open(r, err);
    }
    if (rc != CM_OK || cm_index_is_configured(r->index, root, options)) {
        return rc;
    }
    if (r->state == CM_REPOSITORY_INDEXING) {
        return cm_fail(err, CM_CONFLICT, "this repository is being indexed");
    }
    *ret_moved = !cm_str_eq_c(cm_index_root(r->index, arena), root);
    cm_index_configure(r->index, root, options);
    *ret_changed = true;
    return CM_OK;
}

cm_rc cm_repository_configure(cm_repository *repository, const char *root,
                              const cm_repository_options *options, cm_err *err) {
    bool moved = false, changed = false;
    pthread_mutex_lock(&repository->lock);
    cm_rc rc = configure_locked(repository, root, options, &moved, &changed, err);
    pthread_mutex_unlock(&repository->lock);
    if (moved) {
        stop_watcher(repository); /* it follows another tree */
    }
    if (rc == CM_OK && changed) {
        cm_index *index = cm_repository_index_ref(repository);
        rc = cm_index_withhold(index, err);
        cm_index_unref(index);
    }
    if (rc != CM_OK) {
        return rc;
    }
    pthread_mutex_lock(&repository->lock);
    if (repository->state <= CM_REPOSITORY_INDEXING) {
        rc = start_watcher(repository, err);
    }
    pthread_mutex_unlock(&repository->lock);
    return rc;
}

/* ---- closing ---- */

cm_rc cm_repository_begin_closing(cm_repository *repository, cm_err *err) {
    cm_repository *r = repository;
    pthread_mutex_lock(&r->lock);
    while (r->state == CM_REPOSITORY_CLOSING) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    cm_rc rc = check_open(r, err);
    if (rc != CM_OK) {
        pthread_mutex_unlock(&r->lock);
        return rc;
    }
    r->state = CM_REPOSITORY_CLOSING;
    pthread_mutex_unlock(&r->lock);
    cm_repository_interrupt(r);
    stop_watcher(r);
    pthread_mutex_lock(&r->lock);
    while (r->work > 0) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    join_finished(r);
    pthread_mutex_unlock(&r->lock);
    return CM_OK;
}

static void settle(cm_repository *r, enum cm_repository_state state) {
    cm_err err;
    pthread_mutex_lock(&r->lock);
    cm_assert(r->state == CM_REPOSITORY_CLOSING);
    r->state = state;
    if (state == CM_REPOSITORY_OPEN && start_watcher(r, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "changes of a repository are not followed", &err);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void cm_repository_resume(cm_repository *repository) {
    settle(repository, CM_REPOSITORY_OPEN);
}

cm_rc cm_repository_empty(cm_repository *repository, cm_err *err) {
    cm_repository *r = repository;
    cm_index *old = r->index; /* nobody else exchanges it while this one closes */
    cm_index *fresh = NULL;
    cm_err why;
    cm_index_settings *settings = cm_index_settings_get(old);
    cm_rc deleted = cm_index_delete(old, err);
    cm_rc opened = cm_index_open(cm_index_folder(old), &r->id, settings->root, &r->options->index,
                                 &fresh, &why);
    if (opened == CM_OK) {
        cm_index_configure(fresh, settings->root, &settings->options);
        cm_index_skip_segments(fresh, cm_index_next_segment(old));
        pthread_mutex_lock(&r->lock);
        r->index = fresh;
        pthread_mutex_unlock(&r->lock);
        cm_index_unref(old);
    } else if (deleted == CM_OK && err) {
        *err = why;
    }
    cm_index_settings_unref(settings);
    settle(r, CM_REPOSITORY_OPEN);
    return deleted != CM_OK ? deleted : opened;
}

void cm_repository_set_gone(cm_repository *repository) {
    settle(repository, CM_REPOSITORY_GONE);
}
