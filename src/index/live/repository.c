#include "index/live/repository_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "code/languages.h"
#include "index/segment/builder.h"
#include "index/segment/manifest.h"
#include "index/live/walk.h"
#include "index/live/watch.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const status_names[] = {"created", "pending", "indexing", "ready", "error"};

const char *cm_index_status_name(enum cm_index_status status) {
    return (unsigned)status < CM_COUNT(status_names) ? status_names[status] : "error";
}

/* ---- opening ---- */

/* A file that was being written beside the one it would have replaced. */
static bool remove_unfinished(const char *folder, cm_str name) {
    char path[2 * CM_PATH_BYTES_MAX];
    if (cm_str_find(name, CM_STR(".tmp-")) == SIZE_MAX) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/" CM_STR_FMT, folder, CM_STR_ARG(name));
    (void)unlink(path);
    return true;
}

/* Folders that no manifest names, and unfinished files, are what a crash left behind. */
static void remove_strays(const char *folder, const cm_manifest *m) {
    DIR *dir = opendir(folder);
    if (!dir) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        cm_str name = cm_str_from(entry->d_name);
        uint64_t number;
        if (remove_unfinished(folder, name) || !cm_str_starts(name, CM_STR("seg-")) ||
            !cm_str_to_u64(cm_str_from_offset(name, 4), &number)) {
            continue;
        }
        bool named = false;
        for (size_t i = 0; i < m->segments.count && !named; i++) {
            named = m->segments.items[i].number == number;
        }
        char path[2 * CM_PATH_BYTES_MAX];
        cm_err err;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (!named && cm_dir_remove(path, &err) != CM_OK) {
            cm_log_err(CM_LOG_WARN, "cannot delete an unfinished segment", &err);
        }
    }
    closedir(dir);
}

/* Checking reads every byte: a small index is checked while it opens, a large one by its next job. */
#define CHECK_AT_OPEN_MAX CM_MIB(32)

static bool open_segment(const cm_repository *r, const cm_manifest_segment *entry,
                         uint64_t *checked_bytes, cm_segment **ret_segment) {
    char name[32], path[2 * CM_PATH_BYTES_MAX];
    cm_err err;
    cm_segment *segment = NULL;
    snprintf(name, sizeof(name), "seg-%llu", (unsigned long long)entry->number);
    snprintf(path, sizeof(path), "%s/%s", r->folder, name);
    cm_rc rc = cm_segment_open(path, entry->number, &segment, &err);
    if (rc == CM_OK && *checked_bytes + segment->bytes <= CHECK_AT_OPEN_MAX) {
        *checked_bytes += segment->bytes;
        rc = cm_segment_check(segment, &err);
        atomic_store(&segment->checked, true);
    }
    if (rc == CM_OK && segment->document_count != entry->documents) {
        rc = cm_fail(&err, CM_CORRUPT, "segment '%s' has %u documents, expected %u", path,
                     segment->document_count, entry->documents);
    }
    if (rc == CM_OK) {
        *ret_segment = segment;
        return true;
    }
    cm_segment_unref(segment);
    cm_log_err(CM_LOG_WARN, "cannot open an index segment", &err);
    cm_repository_quarantine(r->folder, name);
    return false;
}

static cm_rc open_snapshot(cm_repository *r, const cm_manifest *m, cm_err *err) {
    CM_VEC(cm_snapshot_source) sources = {0};
    uint64_t checked_bytes = 0;
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < m->segments.count; i++) {
        cm_segment *segment;
        if (!open_segment(r, &m->segments.items[i], &checked_bytes, &segment)) {
            continue;
        }
        cm_snapshot_source source = {segment, m->segments.items[i].dead};
        if (!cm_vec_push(&sources, source)) {
            cm_segment_unref(segment);
            rc = cm_fail(err, CM_NOMEM, "out of memory opening an index");
        }
    }
    if (rc == CM_OK) {
        rc = cm_snapshot_new(&r->id, r->root, m->generation, sources.items, sources.count,
                             &r->snapshot, err);
    }
    if (rc == CM_OK) {
        r->snapshot->graph_base = cm_graph_base_ref(r->graph_base);
        r->snapshot->history = r->history ? cm_history_ref(r->history) : NULL;
    }
    for (size_t i = 0; i < sources.count; i++) {
        cm_segment_unref(sources.items[i].segment);
    }
    cm_vec_done(&sources);
    return rc;
}

static void repository_free(cm_repository *r) {
    cm_graph_base_close(r->graph_base);
    cm_graph_base_unref(r->graph_base);
    cm_snapshot_unref(r->snapshot);
    cm_history_unref(r->history);
    cm_cancel_unref(r->stopping);
    cm_map_free(r->synced);
    cm_arena_free(r->options_arena);
    pthread_mutex_t *const locks[] = {&r->reading, &r->sync,    &r->merging,
                                      &r->persist, &r->publish, &r->lock};
    for (size_t i = 0; i < CM_COUNT(locks); i++) {
        pthread_mutex_destroy(locks[i]);
    }
    pthread_cond_destroy(&r->changed);
    cm_free(r->root);
    cm_free(r->folder);
    cm_free(r);
}

/* Reads the manifest; a damaged one is moved aside and counts as none. */
static cm_rc read_manifest(cm_repository *r, const char *root, cm_manifest *m, cm_err *err) {
    cm_rc rc = cm_manifest_read(r->folder, m, err);
    if (rc == CM_CORRUPT) {
        cm_log_err(CM_LOG_WARN, "index is damaged and will be built again", err);
        DIR *dir = opendir(r->folder);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            if (strncmp(entry->d_name, "MANIFEST-", 9) == 0) {
                cm_repository_quarantine(r->folder, entry->d_name);
            }
        }
        if (dir) {
            closedir(dir);
        }
        rc = CM_NOT_FOUND;
    }
    if (rc == CM_NOT_FOUND && root) {
        *m = (cm_manifest){.next_segment = 1, .root = cm_strdup(root)};
        return CM_OK;
    }
    return rc;
}

cm_rc cm_repository_open(const char *folder, const cm_uuid *id, const char *root,
                         const cm_indexer_options *environment, cm_repository **ret_repository,
                         cm_err *err) {
    cm_repository *r = CM_NEW(cm_repository);
    cm_manifest m = {0};
    pthread_condattr_t attributes;
    atomic_init(&r->refs, 1);
    r->id = *id;
    r->folder = cm_strdup(folder);
    r->environment = *environment;
    r->synced = cm_map_new(0);
    r->graph_base = cm_graph_base_new();
    r->stopping = cm_cancel_new(0);
    r->options_arena = cm_arena_new(0);
    pthread_mutex_t *const locks[] = {&r->reading, &r->sync,    &r->merging,
                                      &r->persist, &r->publish, &r->lock};
    for (size_t i = 0; i < CM_COUNT(locks); i++) {
        pthread_mutex_init(locks[i], NULL);
    }
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    cm_rc rc = cm_dir_make(folder, err);
    if (rc == CM_OK) {
        rc = read_manifest(r, root, &m, err);
    }
    if (rc == CM_OK) {
        r->root = cm_strdup(root ? root : m.root);
        atomic_store(&r->next_segment, m.next_segment);
        r->indexed_options = r->options_hash = m.options;
        remove_strays(folder, &m);
        cm_repository_open_history(r);
        if (m.generation > 0) {
            rc = open_snapshot(r, &m, err);
        }
    }
    if (rc == CM_OK) {
        r->progress.status = r->snapshot ? CM_INDEX_READY : CM_INDEX_CREATED;
        *ret_repository = r;
    } else {
        repository_free(r);
    }
    cm_manifest_done(&m);
    return rc;
}

/* ---- options ---- */

#define READING \
    1 /* raised when files tell more than before by other means than queries: manifests, notes */

static cm_str_list copy_list(cm_arena *arena, cm_str_list list) {
    cm_str *items = cm_arena_alloc(arena, (list.count + 1) * sizeof(*items));
    for (size_t i = 0; i < list.count; i++) {
        items[i] = cm_arena_str(arena, list.items[i]);
    }
    return (cm_str_list){items, list.count};
}

static uint64_t hash_list(uint64_t hash, cm_str_list list) {
    hash = cm_hash64_mix(hash, list.count);
    for (size_t i = 0; i < list.count; i++) {
        hash = cm_hash64_mix(hash, cm_hash64(list.items[i].ptr, list.items[i].len));
    }
    return hash;
}

/* Which files are in, and how they are read: a change means that all are looked at again. */
static uint64_t options_hash(const cm_repository *r, const cm_repository_options *o) {
    uint64_t hash = cm_hash64_mix(o->file_bytes_max, o->no_ignore_files);
    hash = hash_list(hash_list(hash, o->include), o->exclude);
    if (o->chunk_strategy !=
        CM_CHUNKS_AST_AWARE) { /* the others came later: older hashes stay true */
        hash = cm_hash64_mix(hash, (uint64_t)o->chunk_strategy);
    }
    /* A version that makes more of a file reads all of them again, once. */
    return cm_hash64_mix(hash, r->environment.parser != NULL ? cm_language_rules() + READING : 0);
}

cm_rc cm_repository_configure(cm_repository *repository, const char *root,
                              const cm_repository_options *options, cm_err *err) {
    cm_repository *r = repository;
    static const cm_repository_options defaults = {0};
    pthread_mutex_lock(&r->lock);
    if (r->running) {
        bool same = strcmp(r->root, root) == 0 &&
                    options_hash(r, options ? options : &defaults) == r->options_hash;
        pthread_mutex_unlock(&r->lock);
        return same ? CM_OK : cm_fail(err, CM_CONFLICT, "repository '%s' is being indexed", root);
    }
    cm_arena *arena = cm_arena_new(0);
    const cm_repository_options *o = options ? options : &defaults;
    cm_repository_options copy = *o;
    copy.include = copy_list(arena, o->include);
    copy.exclude = copy_list(arena, o->exclude);
    cm_arena_free(r->options_arena);
    r->options_arena = arena;
    r->options = copy;
    r->options_hash = options_hash(r, &copy);
    if (strcmp(r->root, root) != 0) {
        cm_free(r->root);
        r->root = cm_strdup(root);
    }
    pthread_mutex_unlock(&r->lock);
    return CM_OK;
}

/* ---- references and small answers ---- */

cm_repository *cm_repository_ref(cm_repository *repository) {
    atomic_fetch_add_explicit(&repository->refs, 1, memory_order_relaxed);
    return repository;
}

void cm_repository_unref(cm_repository *repository) {
    if (repository && atomic_fetch_sub_explicit(&repository->refs, 1, memory_order_acq_rel) == 1) {
        repository_free(repository);
    }
}

const cm_uuid *cm_repository_id(const cm_repository *repository) {
    return &repository->id;
}

cm_str cm_repository_root(cm_repository *repository, cm_arena *arena) {
    pthread_mutex_lock(&repository->lock);
    cm_str root = cm_arena_str(arena, cm_str_from(repository->root));
    pthread_mutex_unlock(&repository->lock);
    return root;
}

cm_snapshot *cm_repository_snapshot(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    cm_snapshot *snapshot = repository->snapshot ? cm_snapshot_ref(repository->snapshot) : NULL;
    pthread_mutex_unlock(&repository->lock);
    return snapshot;
}

bool cm_repository_is_outdated(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    bool outdated = repository->snapshot && repository->indexed_options != repository->options_hash;
    pthread_mutex_unlock(&repository->lock);
    return outdated;
}

void cm_repository_watch_progress(cm_repository *repository, cm_index_progress_fn *notify,
                                  void *argument) {
    pthread_mutex_lock(&repository->lock);
    repository->notify = notify;
    repository->notify_argument = argument;
    pthread_mutex_unlock(&repository->lock);
}

void cm_repository_progress(cm_repository *repository, cm_index_progress *ret_progress) {
    pthread_mutex_lock(&repository->lock);
    cm_index_progress p = repository->progress;
    pthread_mutex_unlock(&repository->lock);
    p.progress = p.status == CM_INDEX_READY ? 1.0 : 0.0;
    if (p.status == CM_INDEX_INDEXING && p.work_total > 0) {
        p.progress = (CM_PROGRESS_READING * (double)p.work_read +
                      (1 - CM_PROGRESS_READING) * (double)p.work_written) /
                     (double)p.work_total;
        int64_t elapsed = cm_clock_wall_ms() - p.started_ms;
        if (p.progress > 0.01 && elapsed > 0) {
            p.estimated_completion_ms =
                p.started_ms + (int64_t)((double)elapsed / CM_MIN(p.progress, 1.0));
        }
    }
    *ret_progress = p;
}

/* ---- jobs ---- */

static void join_finished(cm_repository *r) {
    if (!r->joinable || r->running) {
        return;
    }
    pthread_join(r->thread, NULL);
    r->joinable = false;
}

cm_rc cm_repository_index(cm_repository *repository, enum cm_index_mode mode, cm_err *err) {
    cm_repository *r = repository;
    pthread_mutex_lock(&r->lock);
    if (r->running) {
        pthread_mutex_unlock(&r->lock);
        return cm_fail(err, CM_CONFLICT, "repository '%s' is being indexed already", r->root);
    }
    join_finished(r);
    r->mode = mode;
    r->cancel = cm_cancel_new(0);
    r->progress = (cm_index_progress){.status = CM_INDEX_PENDING, .started_ms = cm_clock_wall_ms()};
    r->running = true;
    int failed = pthread_create(&r->thread, NULL, cm_repository_job, r);
    r->joinable = failed == 0;
    if (failed) {
        r->running = false;
        r->progress.status = CM_INDEX_ERROR;
        cm_cancel_unref(r->cancel);
        r->cancel = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return failed ? cm_fail_errno(err, failed, "cannot start an indexing thread") : CM_OK;
}

void cm_repository_cancel(cm_repository *repository) {
    pthread_mutex_lock(&repository->lock);
    if (repository->cancel) {
        cm_cancel_fire(repository->cancel, CM_CANCEL_USER);
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
    while (r->running && !timed_out) {
        timed_out = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    }
    bool running = r->running;
    pthread_mutex_unlock(&r->lock);
    return running ? cm_fail(err, CM_TIMEOUT, "indexing still runs") : CM_OK;
}

void cm_repository_stop(cm_repository *repository) {
    cm_repository *r = repository;
    cm_err err;
    cm_watch_stop(r->watch);
    r->watch = NULL;
    cm_cancel_fire(r->stopping, CM_CANCEL_SHUTDOWN);
    cm_repository_cancel(r);
    pthread_mutex_lock(&r->lock);
    bool join = r->joinable;
    r->joinable = false;
    pthread_mutex_unlock(&r->lock);
    if (join) {
        pthread_join(r->thread, NULL);
    }
    if (cm_repository_flush(r, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "edits since the last index are not kept", &err);
    }
}
