/* watcher.c - see watcher.h. */
#include "repository/watcher.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/path.h"
#include "base/vec.h"
#include "repository/repository_priv.h"
#include "index/live/head.h"
#include "index/live/settings.h"
#include "index/live/walk.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SMALL_MAX 4     /* so few paths are an edit: read at once */
#define QUIET_MS  2     /* more are complete when no further event comes */
#define BATCH_MS  50    /* a batch that never pauses is read after this */
#define BATCH_MAX 256   /* more changed paths are a job for the whole tree */
#define POLL_MS   60000 /* without watches */
#define RETRY_MS  20    /* while another job runs */
#define RETURN_MS 500   /* between looks for a tree that is gone */

#define MASK                                                                             \
    (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR | \
     IN_DONT_FOLLOW | IN_EXCL_UNLINK)

struct cm_watcher {
    cm_repository *repository;
    unsigned poll_ms;
    pthread_t thread;
    int inotify, wake;
    atomic_bool stop;
    cm_map64 *directories; /* watch descriptor -> index into paths */
    cm_arena *arena;
    CM_VEC(cm_str) paths; /* of watched directories, relative */

    cm_map *changed; /* paths of the batch being collected */
    cm_arena *batch;
    bool everything; /* the batch is a job for the whole tree */
    bool watched;    /* since it became one, all directories of the tree are */
    uint64_t batch_started_ms;

    int root;  /* watch descriptor of the tree's own directory; -1 = none */
    bool gone; /* that was deleted, or moved away: whatever comes at its path is another one */
    bool said; /* that there are too few watches */
    int head;  /* watch descriptor of the folder in which git notes that HEAD moves; -1 = none */
    bool has_moved; /* it did since the last batch */

    pthread_mutex_t lock;
    cm_watcher_stats stats;
};

/* ---- watches ---- */

static cm_index_settings *get_settings(const cm_watcher *w) {
    cm_index *index = cm_repository_index_ref(w->repository);
    cm_index_settings *settings = cm_index_settings_get(index);
    cm_index_unref(index);
    return settings;
}

static void set_limited(cm_watcher *w, bool limited) {
    pthread_mutex_lock(&w->lock);
    w->stats.limited = limited;
    pthread_mutex_unlock(&w->lock);
}

/* The system's limit is reached: from now on the tree is looked at now and then. */
static void limit(cm_watcher *w, const char *setting, const char *root) {
    set_limited(w, true);
    if (!w->said) {
        cm_log(CM_LOG_WARN,
               "too many directories to watch; until the limit is raised the tree is "
               "looked at now and then instead",
               CM_F("raise", setting), CM_F("root", root), CM_I("every_ms", w->poll_ms));
    }
    w->said = true;
}

/* True when it was not watched before. */
static bool add_directory(cm_watcher *w, const char *root, cm_str path) {
    char full[2 * CM_PATH_BYTES_MAX];
    if (snprintf(full, sizeof(full), "%s/" CM_STR_FMT, root, CM_STR_ARG(path)) >=
        (int)sizeof(full)) {
        return false;
    }
    int wd = inotify_add_watch(w->inotify, full, path.len == 0 ? MASK | IN_MOVE_SELF : MASK);
    w->root = path.len == 0 ? wd : w->root;
    if (wd < 0 && errno == ENOSPC) {
        limit(w, "fs.inotify.max_user_watches", root);
    }
    if (wd < 0) {
        return false; /* gone again, or not ours to read */
    }
    uint64_t at;
    if (cm_map64_get(w->directories, (uint64_t)wd, &at) && cm_str_eq(w->paths.items[at], path)) {
        return false;
    }
    if (cm_vec_push(&w->paths, cm_arena_str(w->arena, path)) &&
        !cm_map64_put(w->directories, (uint64_t)wd, w->paths.count - 1)) {
        cm_log(CM_LOG_WARN, "out of memory watching a directory", CM_S("path", path));
    }
    return true;
}

/* Watches the directories that are there at and below `below`; returns how many were not watched before. */
static size_t add_present(cm_watcher *w, cm_str below) {
    cm_arena *arena = cm_arena_new((size_t)1 << 30);
    cm_index_settings *settings = get_settings(w);
    cm_walk_result walk;
    size_t added = 0;
    cm_err err;
    if (cm_walk_run(settings, below, NULL, arena, &walk, &err) == CM_OK) {
        for (size_t i = 0; i < walk.directory_count; i++) {
            if (walk.directories[i].len >= below.len) { /* not the way down to it */
                added += add_directory(w, settings->root, walk.directories[i]);
            }
        }
    } else if (err.rc != CM_NOT_FOUND && err.rc != CM_CANCELLED) {
        cm_log_err(CM_LOG_WARN, "cannot watch a directory", &err);
    }
    cm_index_settings_unref(settings);
    cm_arena_free(arena);
    return added;
}

/* A directory that is made between the listing of its parent and the parent's watch is reported by neither: listed
 * again until nothing new is there. */
static void add_tree(cm_watcher *w, cm_str below) {
    while (add_present(w, below) > 0 && !atomic_load(&w->stop)) {
        continue;
    }
}

/* Git appends to logs/HEAD at every commit and switch, also when no file of the tree changes. */
static void watch_head(cm_watcher *w) {
    char folder[2 * CM_PATH_BYTES_MAX];
    cm_index_settings *settings = get_settings(w);
    if (cm_head_log_folder(settings->root, folder)) {
        w->head = inotify_add_watch(w->inotify, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
    }
    cm_index_settings_unref(settings);
}

static void watch_all(cm_watcher *w) {
    if (w->inotify < 0) {
        cm_index_settings *settings = get_settings(w);
        limit(w, "fs.inotify.max_user_instances", settings->root);
        cm_index_settings_unref(settings);
        return;
    }
    set_limited(w, false);
    watch_head(w);
    add_tree(w, CM_STR_EMPTY);
}

/* ---- events ---- */

static void note_path(cm_watcher *w, cm_str path) {
    if (cm_map_count(w->changed) >= BATCH_MAX || !cm_map_put(w->changed, path, 1)) {
        w->everything = true;
    }
}

static void note_event(cm_watcher *w, const struct inotify_event *event) {
    uint64_t at;
    if (event->mask & IN_Q_OVERFLOW) {
        pthread_mutex_lock(&w->lock);
        w->stats.overflows++;
        pthread_mutex_unlock(&w->lock);
        w->everything = true;
        w->watched = false;
        return;
    }
    if (event->wd == w->head) {
        w->has_moved = true;
        w->head = event->mask & IN_IGNORED ? -1 : w->head;
        return;
    }
    if (event->wd == w->root && (event->mask & (IN_IGNORED | IN_MOVE_SELF))) {
        w->gone = true;
    }
    if (event->mask & IN_IGNORED) {
        (void)cm_map64_remove(w->directories, (uint64_t)event->wd);
        return;
    }
    bool directory = event->mask & IN_ISDIR;
    if (event->len == 0 || ((event->mask & IN_CREATE) && !directory) ||
        !cm_map64_get(w->directories, (uint64_t)event->wd, &at)) {
        return; /* a created file is reported again when it is closed */
    }
    cm_str name = cm_str_from(event->name), parent = w->paths.items[at];
    cm_str path = parent.len == 0 ? cm_arena_str(w->batch, name)
                                  : cm_arena_fmt(w->batch, CM_STR_FMT "/" CM_STR_FMT,
                                                 CM_STR_ARG(parent), CM_STR_ARG(name));
    if (cm_str_eq_c(name, ".gitignore")) {
        w->everything = true;
    }
    if (directory && (event->mask & (IN_CREATE | IN_MOVED_TO))) {
        add_tree(w, path);
    }
    note_path(w, path);
}

static void read_events(cm_watcher *w) {
    union {
        struct inotify_event event;
        char bytes[16384];
    } buffer;
    ssize_t len;
    while ((len = read(w->inotify, buffer.bytes, sizeof(buffer.bytes))) > 0) {
        for (size_t at = 0; at + sizeof(struct inotify_event) <= (size_t)len;) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)(buffer.bytes + at);
            note_event(w, event);
            at += sizeof(*event) + event->len;
        }
    }
}

/* Watches what is at the tree's path now, once something is: all of it is new. */
static void look_for_root(cm_watcher *w) {
    cm_index_settings *settings = get_settings(w);
    bool is_back = inotify_add_watch(w->inotify, settings->root, MASK) >= 0 || errno == ENOSPC;
    cm_index_settings_unref(settings);
    if (!is_back) {
        return;
    }
    close(w->inotify); /* with the watches of a tree that was moved away */
    w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    cm_map64_clear(w->directories);
    cm_vec_clear(&w->paths);
    cm_arena_clear(w->arena);
    w->root = w->head = -1;
    w->gone = w->watched = false;
    w->everything = true;
}

/* ---- acting on a batch ---- */

/* True when a job was started or nothing needs to be done; false to try again soon. */
static bool run_job(cm_watcher *w) {
    cm_err err;
    if (!w->watched) {
        watch_all(w); /* directories whose events were lost, or that ignore rules let in again */
    }
    w->watched = true;
    cm_uuid ignored;
    cm_rc rc =
        cm_repository_start(w->repository, CM_INDEX_INCREMENTAL, CM_JOB_WATCHED, &ignored, &err);
    if (rc != CM_OK) { /* a job that runs, or a repository that closes; else it is tried again */
        if (rc != CM_CONFLICT && rc != CM_NOT_FOUND) {
            cm_log_err(CM_LOG_WARN, "cannot index changes", &err);
        }
        return false;
    }
    pthread_mutex_lock(&w->lock);
    w->stats.jobs++;
    pthread_mutex_unlock(&w->lock);
    return true;
}

/* False when they could not be read: the whole tree is looked at then. */
static bool sync_batch(cm_watcher *w) {
    CM_VEC(cm_str) paths = {0};
    cm_err err;
    cm_str path;
    uint64_t ignored;
    bool ok = true;
    for (size_t cursor = 0; ok && cm_map_next(w->changed, &cursor, &path, &ignored);) {
        ok = cm_vec_push(&paths, path);
    }
    cm_rc rc = ok ? cm_repository_sync(w->repository, (cm_str_list){paths.items, paths.count}, &err)
                  : cm_fail(&err, CM_NOMEM, "out of memory reading changes");
    if (rc != CM_OK && rc != CM_CONFLICT && rc != CM_NOT_FOUND) {
        cm_log_err(CM_LOG_WARN, "cannot index changes", &err);
    }
    cm_vec_done(&paths);
    pthread_mutex_lock(&w->lock);
    w->stats.synced += rc == CM_OK;
    pthread_mutex_unlock(&w->lock);
    return rc == CM_OK;
}

static bool has_batch(const cm_watcher *w) {
    return w->everything || w->has_moved || cm_map_count(w->changed) > 0;
}

static void note_waiting(cm_watcher *w) {
    uint64_t *since = &w->stats.waiting_since_ms;
    pthread_mutex_lock(&w->lock);
    *since = !has_batch(w) ? 0 : *since ? *since : cm_clock_ms();
    pthread_mutex_unlock(&w->lock);
}

/* Acts on what was collected; false when it has to be tried again. */
static bool act(cm_watcher *w) {
    w->everything = w->everything || cm_repository_owes(w->repository);
    if (w->has_moved) {
        w->has_moved = false;
        cm_index *index = cm_repository_index_ref(w->repository);
        cm_index_head_moved(index);
        cm_index_unref(index);
    }
    if (!w->everything && cm_map_count(w->changed) == 0) {
        return true;
    }
    if (w->everything ? !run_job(w) : !sync_batch(w)) {
        w->everything = true;
        return false;
    }
    w->everything = w->watched = false;
    cm_map_clear(w->changed);
    cm_arena_clear(w->batch);
    return true;
}

static int wait_ms(const cm_watcher *w, bool retry) {
    if (retry) {
        return RETRY_MS;
    }
    if (has_batch(w)) {
        return QUIET_MS;
    }
    if (w->gone) {
        return RETURN_MS;
    }
    return w->stats.limited ? (int)w->poll_ms : -1;
}

/* An edit is not made to wait for more: what comes while it is read in is the next batch. */
static bool is_small(const cm_watcher *w) {
    return !w->everything && cm_map_count(w->changed) <= SMALL_MAX;
}

/* Is there an index, or a job making one? Either may have missed what changed before the watches stood. */
static bool has_index(cm_repository *r) {
    cm_snapshot *snapshot = cm_repository_snapshot(r);
    bool has = snapshot || cm_repository_state_of(r) == CM_REPOSITORY_INDEXING;
    cm_snapshot_unref(snapshot);
    return has;
}

/* Takes what woke it. */
static bool is_stopped(cm_watcher *w) {
    uint64_t count;
    (void)!read(w->wake, &count, sizeof(count)); /* it does not wait, and may have been read */
    if (cm_repository_owes(w->repository)) {
        w->everything = true;
    }
    return atomic_load(&w->stop);
}

static void *watch_run(void *argument) {
    cm_watcher *w = argument;
    bool retry = false;
    watch_all(w);
    w->watched = true;
    w->everything = has_index(w->repository);
    for (;;) {
        struct pollfd fds[2] = {{.fd = w->wake, .events = POLLIN},
                                {.fd = w->inotify, .events = POLLIN}};
        bool had_batch = has_batch(w);
        int ready = poll(fds, 2, wait_ms(w, retry));
        if (fds[0].revents && is_stopped(w)) {
            return NULL;
        }
        if (fds[1].revents) {
            read_events(w);
        }
        uint64_t now = cm_clock_ms();
        if (!had_batch) {
            w->batch_started_ms = now;
        }
        if (ready == 0 && w->gone && !has_batch(w)) {
            look_for_root(w);
        } else if (ready == 0 && w->stats.limited && !has_batch(w)) {
            w->everything = true;
        }
        note_waiting(w);
        if (has_batch(w) &&
            (ready == 0 || (!retry && is_small(w)) || now - w->batch_started_ms >= BATCH_MS)) {
            retry = !act(w);
            note_waiting(w);
        }
    }
}

/* ---- life ---- */

static void watch_free(cm_watcher *w) {
    if (w->inotify >= 0) {
        close(w->inotify);
    }
    if (w->wake >= 0) {
        close(w->wake);
    }
    cm_map64_free(w->directories);
    cm_map_free(w->changed);
    cm_vec_done(&w->paths);
    cm_arena_free(w->arena);
    cm_arena_free(w->batch);
    pthread_mutex_destroy(&w->lock);
    cm_free(w);
}

cm_rc cm_watcher_start(cm_repository *repository, unsigned poll_ms, cm_watcher **ret_watcher,
                       cm_err *err) {
    cm_watcher *w = CM_NEW(cm_watcher);
    w->repository = repository;
    w->root = w->head = -1;
    w->poll_ms = poll_ms ? CM_MIN(poll_ms, (unsigned)INT32_MAX) : POLL_MS;
    w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC); /* -1: without, by looking now and then */
    w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int failed = w->wake < 0 ? errno : 0;
    w->directories = cm_map64_new(0);
    w->changed = cm_map_new(0);
    w->arena = cm_arena_new((size_t)1 << 30);
    w->batch = cm_arena_new(0);
    pthread_mutex_init(&w->lock, NULL);
    if (!failed) {
        failed = pthread_create(&w->thread, NULL, watch_run, w);
    }
    if (failed) {
        watch_free(w);
        return cm_fail_errno(err, failed, "cannot watch a repository for changes");
    }
    *ret_watcher = w;
    return CM_OK;
}

void cm_watcher_wake(cm_watcher *watcher) {
    static const uint64_t one = 1;
    while (write(watcher->wake, &one, sizeof(one)) < 0 && errno == EINTR) {
        continue;
    }
}

void cm_watcher_stop(cm_watcher *watcher) {
    if (!watcher) {
        return;
    }
    atomic_store(&watcher->stop, true);
    cm_watcher_wake(watcher);
    pthread_join(watcher->thread, NULL);
    watch_free(watcher);
}

cm_watcher_stats cm_watcher_stats_get(cm_watcher *watcher) {
    pthread_mutex_lock(&watcher->lock);
    cm_watcher_stats stats = watcher->stats;
    pthread_mutex_unlock(&watcher->lock);
    return stats;
}
