/* index.c - opening, closing and small answers. See index.h. */
#include "index/live/index_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "index/graph/history_priv.h"
#include "index/segment/manifest.h"

#include <dirent.h>
#include <unistd.h>

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

/* Checking reads every byte: a small index is checked while it opens, a large one beside its use. */
#define CHECK_AT_OPEN_MAX CM_MIB(32)

static bool open_segment(cm_index *r, const cm_manifest_segment *entry, uint64_t *checked_bytes,
                         cm_segment **ret_segment) {
    char name[32], path[2 * CM_PATH_BYTES_MAX];
    cm_err err;
    cm_segment *segment = NULL;
    snprintf(name, sizeof(name), "seg-%llu", (unsigned long long)entry->number);
    snprintf(path, sizeof(path), "%s/%s", r->folder, name);
    cm_rc rc = cm_segment_open(path, entry->number, &segment, &err);
    size_t most = r->environment.check_bytes ? r->environment.check_bytes : CHECK_AT_OPEN_MAX;
    if (rc == CM_OK && *checked_bytes + segment->bytes <= most) {
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
    cm_index_quarantine(r->folder, name);
    cm_index_mark_damaged(r);
    return false;
}

static cm_rc open_snapshot(cm_index *r, const cm_manifest *m, cm_err *err) {
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
        rc = cm_snapshot_new(&r->id, r->settings->root, m->generation, sources.items, sources.count,
                             &r->snapshot, err);
    }
    if (rc == CM_OK) {
        cm_graph_base_attach(r->graph_base, r->snapshot);
        cm_history_attach(r->history, r->snapshot);
    }
    for (size_t i = 0; i < sources.count; i++) {
        cm_segment_unref(sources.items[i].segment);
    }
    cm_vec_done(&sources);
    return rc;
}

static void index_free(cm_index *r) {
    cm_graph_base_close(r->graph_base);
    cm_graph_base_unref(r->graph_base);
    cm_snapshot_unref(r->snapshot);
    cm_history_unref(r->history);
    cm_cancel_unref(r->stopping);
    cm_map_free(r->synced);
    cm_index_settings_unref(r->settings);
    pthread_mutex_t *const locks[] = {&r->checking, &r->reading, &r->sync, &r->merging,
                                      &r->persist,  &r->publish, &r->lock};
    for (size_t i = 0; i < CM_COUNT(locks); i++) {
        pthread_mutex_destroy(locks[i]);
    }
    pthread_cond_destroy(&r->changed);
    cm_free(r->folder);
    cm_free(r);
}

/* Segments without a manifest: there was an index. */
static bool had_index(const char *folder) {
    bool had = false;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && !had && (entry = readdir(dir));) {
        had = strncmp(entry->d_name, "seg-", 4) == 0;
    }
    if (dir) {
        closedir(dir);
    }
    return had;
}

/* Reads the manifest; a damaged one is moved aside and counts as none. */
static cm_rc read_manifest(cm_index *r, const char *root, cm_manifest *m, cm_err *err) {
    cm_rc rc = cm_manifest_read(r->folder, m, err);
    if (rc == CM_CORRUPT) {
        cm_log_err(CM_LOG_WARN, "index is damaged and will be built again", err);
        DIR *dir = opendir(r->folder);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            if (strncmp(entry->d_name, "MANIFEST-", 9) == 0) {
                cm_index_quarantine(r->folder, entry->d_name);
            }
        }
        if (dir) {
            closedir(dir);
        }
        cm_index_mark_damaged(r); /* for the next opening too: this one may know no root */
        rc = CM_NOT_FOUND;
    }
    if (rc == CM_NOT_FOUND && root) {
        if (had_index(r->folder)) {
            cm_index_mark_damaged(r);
        }
        *m = (cm_manifest){.next_segment = 1, .root = cm_strdup(root)};
        return CM_OK;
    }
    return rc;
}

static cm_index *index_new(const char *folder, const cm_uuid *id,
                           const cm_index_environment *environment) {
    cm_index *r = CM_NEW(cm_index);
    atomic_init(&r->refs, 1);
    r->id = *id;
    r->folder = cm_strdup(folder);
    r->environment = *environment;
    r->synced = cm_map_new(0);
    r->graph_base = cm_graph_base_new();
    r->stopping = cm_cancel_new(0);
    pthread_mutex_t *const locks[] = {&r->checking, &r->reading, &r->sync, &r->merging,
                                      &r->persist,  &r->publish, &r->lock};
    for (size_t i = 0; i < CM_COUNT(locks); i++) {
        pthread_mutex_init(locks[i], NULL);
    }
    pthread_cond_init(&r->changed, NULL);
    return r;
}

cm_rc cm_index_open(const char *folder, const cm_uuid *id, const char *root,
                    const cm_index_environment *environment, cm_index **ret_index, cm_err *err) {
    cm_index *r = index_new(folder, id, environment);
    cm_manifest m = {0};
    cm_rc rc = cm_dir_make(folder, err);
    if (rc == CM_OK) {
        r->damaged = cm_index_is_marked(folder);
        rc = read_manifest(r, root, &m, err);
    }
    if (rc == CM_OK) {
        r->settings = cm_index_settings_new(root ? root : m.root, NULL, environment);
        atomic_store(&r->next_segment, m.next_segment);
        r->indexed_options = m.options;
        remove_strays(folder, &m);
        cm_index_open_history(r);
        if (m.generation > 0) {
            rc = open_snapshot(r, &m, err);
        }
    }
    if (rc == CM_OK) {
        r->progress.status = r->snapshot ? CM_INDEX_READY : CM_INDEX_CREATED;
        cm_index_tell(r, CM_INDEX_OPENED);
        *ret_index = r;
    } else {
        index_free(r);
    }
    cm_manifest_done(&m);
    return rc;
}

/* ---- closing ---- */

bool cm_index_task_start(cm_index *index, cm_job_fn *task) {
    cm_index *r = index;
    cm_pool *pool = r->environment.pool;
    pthread_mutex_lock(&r->lock);
    bool may = cm_cancel_hit(r->stopping) == CM_CANCEL_NONE;
    r->tasks += may;
    pthread_mutex_unlock(&r->lock);
    if (!may) {
        return false;
    }
    cm_index_ref(r);
    if (!pool) {
        task(r, 0);
    } else if (cm_pool_submit(pool, CM_BACKGROUND, task, r, NULL) != CM_OK) {
        cm_index_task_end(r);
        return false;
    }
    return true;
}

void cm_index_task_end(cm_index *index) {
    pthread_mutex_lock(&index->lock);
    index->tasks--;
    pthread_cond_broadcast(&index->changed);
    pthread_mutex_unlock(&index->lock);
    cm_index_unref(index);
}

static void end_tasks(cm_index *r) {
    pthread_mutex_lock(&r->lock);
    cm_assert(!r->running);
    cm_cancel_fire(r->stopping, CM_CANCEL_SHUTDOWN);
    while (r->tasks > 0) {
        pthread_cond_wait(&r->changed, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
}

void cm_index_close(cm_index *index) {
    cm_err err;
    end_tasks(index);
    if (cm_index_flush(index, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "edits since the last index are not kept", &err);
    }
}

cm_rc cm_index_delete(cm_index *index, cm_err *err) {
    cm_index *r = index;
    end_tasks(r);
    pthread_mutex_lock(&r->lock);
    cm_snapshot *snapshot = r->snapshot;
    cm_history *history = r->history;
    r->snapshot = NULL;
    r->history = NULL;
    pthread_mutex_unlock(&r->lock);
    cm_graph_base_close(r->graph_base);
    cm_snapshot_unref(snapshot);
    cm_history_unref(history);
    return cm_dir_remove(r->folder, err);
}

/* ---- settings ---- */

void cm_index_configure(cm_index *index, const char *root, const cm_repository_options *options) {
    cm_index_settings *fresh = cm_index_settings_new(root, options, &index->environment);
    pthread_mutex_lock(&index->lock);
    cm_index_settings *old = index->settings;
    index->settings = fresh;
    index->is_configured = true;
    pthread_mutex_unlock(&index->lock);
    cm_index_settings_unref(old);
}

bool cm_index_is_configured(cm_index *index, const char *root,
                            const cm_repository_options *options) {
    cm_index_settings *asked = cm_index_settings_new(root, options, &index->environment);
    cm_index_settings *now = cm_index_settings_get(index);
    pthread_mutex_lock(&index->lock);
    bool same = index->is_configured && cm_index_settings_eq(asked, now);
    pthread_mutex_unlock(&index->lock);
    cm_index_settings_unref(asked);
    cm_index_settings_unref(now);
    return same;
}

cm_index_settings *cm_index_settings_get(cm_index *index) {
    pthread_mutex_lock(&index->lock);
    cm_index_settings *settings = cm_index_settings_ref(index->settings);
    pthread_mutex_unlock(&index->lock);
    return settings;
}

bool cm_index_is_outdated(cm_index *index) {
    pthread_mutex_lock(&index->lock);
    bool outdated =
        index->snapshot && index->is_configured && index->indexed_options != index->settings->hash;
    pthread_mutex_unlock(&index->lock);
    return outdated;
}

/* ---- references and small answers ---- */

cm_index *cm_index_ref(cm_index *index) {
    atomic_fetch_add_explicit(&index->refs, 1, memory_order_relaxed);
    return index;
}

void cm_index_unref(cm_index *index) {
    if (index && atomic_fetch_sub_explicit(&index->refs, 1, memory_order_acq_rel) == 1) {
        index_free(index);
    }
}

const cm_uuid *cm_index_id(const cm_index *index) {
    return &index->id;
}

const char *cm_index_folder(const cm_index *index) {
    return index->folder;
}

uint64_t cm_index_next_segment(cm_index *index) {
    return atomic_load(&index->next_segment);
}

void cm_index_skip_segments(cm_index *index, uint64_t next) {
    uint64_t now = atomic_load(&index->next_segment);
    atomic_store(&index->next_segment, CM_MAX(now, next));
}

cm_str cm_index_root(cm_index *index, cm_arena *arena) {
    cm_index_settings *settings = cm_index_settings_get(index);
    cm_str root = cm_arena_str(arena, cm_str_from(settings->root));
    cm_index_settings_unref(settings);
    return root;
}

cm_snapshot *cm_index_snapshot(cm_index *index) {
    pthread_mutex_lock(&index->lock);
    cm_snapshot *snapshot = index->snapshot ? cm_snapshot_ref(index->snapshot) : NULL;
    pthread_mutex_unlock(&index->lock);
    return snapshot;
}

/* ---- progress ---- */

void cm_index_job_begin(cm_index *index) {
    pthread_mutex_lock(&index->lock);
    index->progress =
        (cm_index_progress){.status = CM_INDEX_PENDING, .started_ms = cm_clock_wall_ms()};
    pthread_mutex_unlock(&index->lock);
}

void cm_index_job_outcome(cm_index *index, const cm_err *failed, cm_index_progress *ret_outcome) {
    pthread_mutex_lock(&index->lock);
    cm_index_progress p = index->progress;
    bool has = index->snapshot != NULL;
    pthread_mutex_unlock(&index->lock);
    cm_index_end_healing(index, !failed && !p.cancelled && p.error.rc == CM_OK);
    if (failed) {
        p.error = *failed;
    }
    p.finished_ms = cm_clock_wall_ms();
    p.status = p.error.rc != CM_OK ? CM_INDEX_ERROR : has ? CM_INDEX_READY : CM_INDEX_CREATED;
    p.progress = p.status == CM_INDEX_READY ? 1.0 : 0.0;
    *ret_outcome = p;
}

void cm_index_job_end(cm_index *index, const cm_index_progress *outcome) {
    pthread_mutex_lock(&index->lock);
    index->progress = *outcome;
    pthread_mutex_unlock(&index->lock);
}

void cm_index_job_progress(cm_index *index, cm_index_progress *ret_progress) {
    pthread_mutex_lock(&index->lock);
    cm_index_progress p = index->progress;
    pthread_mutex_unlock(&index->lock);
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
