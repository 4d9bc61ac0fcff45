/* statistics.c - see statistics.h. */
#include "repository/statistics.h"

#include "base/clock.h"
#include "repository/repository_priv.h"

static void add_edit(cm_repositories_stats *stats, uint64_t age_ms) {
    static const uint64_t under_ms[] = {[CM_EDIT_UNDER_1S] = 1000,
                                        [CM_EDIT_UNDER_10S] = 10000,
                                        [CM_EDIT_UNDER_60S] = 60000,
                                        [CM_EDIT_OLDER] = UINT64_MAX};
    size_t age = 0;
    while (age_ms >= under_ms[age] && age < CM_EDIT_OLDER) {
        age++;
    }
    stats->edited[age]++;
    stats->oldest_edit_ms = CM_MAX(stats->oldest_edit_ms, age_ms);
}

/* Age of what a job reads that is at work; what waits for its turn is new. */
static uint64_t add_job(cm_repository *r, cm_repositories_stats *stats) {
    cm_index_progress progress;
    cm_index_job_progress(r->index, &progress);
    if (progress.status != CM_INDEX_INDEXING) {
        stats->jobs_queued++;
        return 0;
    }
    int64_t age = cm_clock_wall_ms() - progress.started_ms; /* a clock may be set back */
    stats->jobs_running++;
    return (uint64_t)CM_MAX(age, 0);
}

void cm_repository_add_stats(cm_repository *repository, cm_repositories_stats *stats) {
    cm_repository *r = repository;
    cm_watcher_stats watcher = {0};
    uint64_t age = 0;
    pthread_mutex_lock(&r->lock);
    if (r->state == CM_REPOSITORY_GONE) {
        pthread_mutex_unlock(&r->lock);
        return;
    }
    stats->states[r->state]++;
    if (r->watcher != NULL) {
        watcher = cm_watcher_stats_get(r->watcher);
    }
    stats->not_followed += r->watcher == NULL;
    stats->polled += watcher.limited;
    stats->watched += r->watcher != NULL && !watcher.limited;
    bool indexing = r->state == CM_REPOSITORY_INDEXING;
    if (indexing) {
        age = add_job(r, stats);
    }
    pthread_mutex_unlock(&r->lock);
    if (watcher.waiting_since_ms > 0) {
        age = CM_MAX(age, cm_clock_ms() - watcher.waiting_since_ms);
    }
    if (indexing || watcher.waiting_since_ms > 0) {
        add_edit(stats, age);
    }
}
