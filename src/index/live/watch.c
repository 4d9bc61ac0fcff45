#include "index/live/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "index/live/repository_priv.h"
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

#define MASK                                                                             \
    (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR | \
     IN_DONT_FOLLOW | IN_EXCL_UNLINK)

struct cm_watch {
    cm_repository *repository;
    pthread_t thread;
    int inotify, stop;
    cm_map64 *directories; /* watch descriptor -> index into paths */
    cm_arena *arena;
    CM_VEC(cm_str) paths; /* of watched directories, relative */

    cm_map *changed; /* paths of the batch being collected */
    cm_arena *batch;
    bool everything; /* the batch is a job for the whole tree */
    bool watched;    /* since it became one, all directories of the tree are */
    uint64_t batch_started_ms;

    bool said; /* that there are too few watches */

    pthread_mutex_t lock;
    cm_watch_stats stats;
};

/* ---- watches ---- */

static int poll_ms(const cm_watch *w) {
    unsigned asked = w->repository->environment.watch_poll_ms;
    return asked ? (int)CM_MIN(asked, (unsigned)INT32_MAX) : POLL_MS;
}

static void get_tree(cm_watch *w, cm_arena *arena, const char **ret_root,
                     cm_repository_options *ret_options) {
    pthread_mutex_lock(&w->repository->lock);
    *ret_root = cm_arena_c(arena, cm_str_from(w->repository->root));
    *ret_options = w->repository->options;
    pthread_mutex_unlock(&w->repository->lock);
}

static void set_limited(cm_watch *w, bool limited) {
    pthread_mutex_lock(&w->lock);
    w->stats.limited = limited;
    pthread_mutex_unlock(&w->lock);
}

/* The system's limit is reached: from now on the tree is looked at now and then. */
static void limit(cm_watch *w, const char *setting, const char *root) {
    set_limited(w, true);
    if (!w->said) {
        cm_log(CM_LOG_WARN,
               "too many directories to watch; until the limit is raised the tree is "
               "looked at now and then instead",
               CM_F("raise", setting), CM_F("root", root), CM_I("every_ms", poll_ms(w)));
    }
    w->said = true;
}

static void add_directory(cm_watch *w, const char *root, cm_str path) {
    char full[2 * CM_PATH_BYTES_MAX];
    if (snprintf(full, sizeof(full), "%s/" CM_STR_FMT, root, CM_STR_ARG(path)) >=
        (int)sizeof(full)) {
        return;
    }
    int wd = inotify_add_watch(w->inotify, full, MASK);
    if (wd < 0 && errno == ENOSPC) {
        limit(w, "fs.inotify.max_user_watches", root);
    }
    if (wd < 0) {
        return; /* gone again, or not ours to read */
    }
    uint64_t at;
    if (cm_map64_get(w->directories, (uint64_t)wd, &at) && cm_str_eq(w->paths.items[at], path)) {
        return; /* watched already */
    }
    if (cm_vec_push(&w->paths, cm_arena_str(w->arena, path)) &&
        !cm_map64_put(w->directories, (uint64_t)wd, w->paths.count - 1)) {
        cm_log(CM_LOG_WARN, "out of memory watching a directory", CM_S("path", path));
    }
}

/* Watches the directories at and below `below`. */
static void add_tree(cm_watch *w, cm_str below) {
    cm_arena *arena = cm_arena_new((size_t)1 << 30);
    const char *root;
    cm_repository_options options;
    cm_walk_result walk;
    cm_err err;
    get_tree(w, arena, &root, &options);
    if (cm_walk_run(root, &options, below, NULL, arena, &walk, &err) == CM_OK) {
        for (size_t i = 0; i < walk.directory_count; i++) {
            if (walk.directories[i].len >= below.len) { /* not the way down to it */
                add_directory(w, root, walk.directories[i]);
            }
        }
    } else {
        cm_log_err(CM_LOG_WARN, "cannot watch a directory", &err);
    }
    cm_arena_free(arena);
}

static void watch_all(cm_watch *w) {
    if (w->inotify < 0) {
        limit(w, "fs.inotify.max_user_instances", w->repository->folder);
        return;
    }
    set_limited(w, false);
    add_tree(w, CM_STR_EMPTY);
}

/* ---- events ---- */

static void note_path(cm_watch *w, cm_str path) {
    if (cm_map_count(w->changed) >= BATCH_MAX || !cm_map_put(w->changed, path, 1)) {
        w->everything = true;
    }
}

static void note_event(cm_watch *w, const struct inotify_event *event) {
    uint64_t at;
    if (event->mask & IN_Q_OVERFLOW) {
        pthread_mutex_lock(&w->lock);
        w->stats.overflows++;
        pthread_mutex_unlock(&w->lock);
        w->everything = true;
        w->watched = false;
        return;
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

static void read_events(cm_watch *w) {
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

/* ---- acting on a batch ---- */

/* True when a job was started or nothing needs to be done; false to try again soon. */
static bool run_job(cm_watch *w) {
    cm_err err;
    if (!w->watched) {
        watch_all(w); /* directories whose events were lost, or that ignore rules let in again */
    }
    w->watched = true;
    cm_rc rc = cm_repository_index(w->repository, CM_INDEX_INCREMENTAL, &err);
    if (rc == CM_CONFLICT) {
        return false;
    }
    if (rc != CM_OK) {
        cm_log_err(CM_LOG_WARN, "cannot index changes", &err);
    }
    pthread_mutex_lock(&w->lock);
    w->stats.jobs++;
    pthread_mutex_unlock(&w->lock);
    return true;
}

static void sync_batch(cm_watch *w) {
    CM_VEC(cm_str) paths = {0};
    cm_err err;
    cm_str path;
    uint64_t ignored;
    bool ok = true;
    for (size_t cursor = 0; ok && cm_map_next(w->changed, &cursor, &path, &ignored);) {
        ok = cm_vec_push(&paths, path);
    }
    cm_rc rc = cm_repository_sync(w->repository, (cm_str_list){paths.items, paths.count}, &err);
    if (rc != CM_OK) {
        cm_log_err(CM_LOG_WARN, "cannot index changes", &err);
    }
    cm_vec_done(&paths);
    pthread_mutex_lock(&w->lock);
    w->stats.synced++;
    pthread_mutex_unlock(&w->lock);
}

static bool has_batch(const cm_watch *w) {
    return w->everything || cm_map_count(w->changed) > 0;
}

/* Acts on what was collected; false when it has to be tried again. */
static bool act(cm_watch *w) {
    if (w->everything) {
        if (!run_job(w)) {
            return false;
        }
    } else {
        sync_batch(w);
    }
    w->everything = w->watched = false;
    cm_map_clear(w->changed);
    cm_arena_clear(w->batch);
    return true;
}

static int wait_ms(const cm_watch *w, bool retry) {
    if (retry) {
        return RETRY_MS;
    }
    if (has_batch(w)) {
        return QUIET_MS;
    }
    return w->stats.limited ? poll_ms(w) : -1;
}

/* An edit is not made to wait for more: what comes while it is read in is the next batch. */
static bool is_small(const cm_watch *w) {
    return !w->everything && cm_map_count(w->changed) <= SMALL_MAX;
}

/* Is there an index, or a job making one? Either may have missed what changed before the watches stood. */
static bool has_index(cm_repository *r) {
    pthread_mutex_lock(&r->lock);
    bool has = r->snapshot || r->running;
    pthread_mutex_unlock(&r->lock);
    return has;
}

static void *watch_run(void *argument) {
    cm_watch *w = argument;
    bool retry = false;
    watch_all(w);
    w->watched = true;
    w->everything = has_index(w->repository);
    for (;;) {
        struct pollfd fds[2] = {{.fd = w->stop, .events = POLLIN},
                                {.fd = w->inotify, .events = POLLIN}};
        bool had_batch = has_batch(w);
        int ready = poll(fds, 2, wait_ms(w, retry));
        if (fds[0].revents) {
            return NULL;
        }
        if (fds[1].revents) {
            read_events(w);
        }
        uint64_t now = cm_clock_ms();
        if (!had_batch) {
            w->batch_started_ms = now;
        }
        if (ready == 0 && w->stats.limited && !has_batch(w)) {
            w->everything = true;
        }
        if (has_batch(w) &&
            (ready == 0 || (!retry && is_small(w)) || now - w->batch_started_ms >= BATCH_MS)) {
            retry = !act(w);
        }
    }
}

/* ---- life ---- */

static void watch_free(cm_watch *w) {
    if (w->inotify >= 0) {
        close(w->inotify);
    }
    if (w->stop >= 0) {
        close(w->stop);
    }
    cm_map64_free(w->directories);
    cm_map_free(w->changed);
    cm_vec_done(&w->paths);
    cm_arena_free(w->arena);
    cm_arena_free(w->batch);
    pthread_mutex_destroy(&w->lock);
    cm_free(w);
}

cm_rc cm_watch_start(cm_repository *repository, cm_watch **ret_watch, cm_err *err) {
    cm_watch *w = CM_NEW(cm_watch);
    w->repository = repository;
    w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC); /* -1: without, by looking now and then */
    w->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int failed = w->stop < 0 ? errno : 0;
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
    *ret_watch = w;
    return CM_OK;
}

void cm_watch_stop(cm_watch *watch) {
    static const uint64_t one = 1;
    if (!watch) {
        return;
    }
    while (write(watch->stop, &one, sizeof(one)) < 0 && errno == EINTR) {
        continue;
    }
    pthread_join(watch->thread, NULL);
    watch_free(watch);
}

cm_watch_stats cm_watch_stats_get(cm_watch *watch) {
    pthread_mutex_lock(&watch->lock);
    cm_watch_stats stats = watch->stats;
    pthread_mutex_unlock(&watch->lock);
    return stats;
}
