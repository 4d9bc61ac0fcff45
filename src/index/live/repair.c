/* Damage: found by checksums, moved aside, said in the log, and indexed again from the source. */
#include "index/live/index_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"

#include <errno.h>
#include <unistd.h>

#define HEAL_AGAIN_MS 60000 /* after a job that could not: a root that is gone, a full disk */

void cm_index_quarantine(const char *folder, const char *name) {
    char from[2 * CM_PATH_BYTES_MAX], to[2 * CM_PATH_BYTES_MAX];
    cm_err err;
    snprintf(to, sizeof(to), "%s/quarantine", folder);
    if (cm_dir_make(to, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "cannot make the quarantine folder", &err);
        return;
    }
    snprintf(from, sizeof(from), "%s/%s", folder, name);
    snprintf(to, sizeof(to), "%s/quarantine/%s-%lld", folder, name, (long long)cm_clock_wall_ms());
    if (rename(from, to) == 0) {
        cm_log(CM_LOG_WARN, "damaged index file moved aside; its files will be indexed again",
               CM_F("from", from), CM_F("to", to));
    } else {
        cm_log(CM_LOG_WARN, "cannot move a damaged index file aside", CM_F("path", from),
               CM_F("error", strerror(errno)));
    }
}

#define MARK "damaged" /* a file in the folder: files are missing, whatever the manifest names */

void cm_index_mark_damaged(cm_index *index) {
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/" MARK, index->folder);
    cm_err err;
    if (cm_file_replace(path, CM_STR_EMPTY, 0600, &err) != CM_OK) {
        cm_log_err(CM_LOG_WARN, "damage of an index cannot be noted for the next start", &err);
    }
    pthread_mutex_lock(&index->lock);
    index->damaged = true;
    pthread_mutex_unlock(&index->lock);
}

bool cm_index_is_marked(const char *folder) {
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/" MARK, folder);
    return access(path, F_OK) == 0;
}

void cm_index_end_healing(cm_index *index, bool succeeded) {
    cm_cleanup(cm_freep) char *path = cm_asprintf("%s/" MARK, index->folder);
    pthread_mutex_lock(&index->lock);
    bool was = index->healing;
    if (was && !succeeded) {
        index->damaged = true;
        index->heal_after_ms = cm_clock_ms() + HEAL_AGAIN_MS;
    }
    index->healing = false;
    bool whole = was && !index->damaged;
    pthread_mutex_unlock(&index->lock);
    if (whole) {
        (void)unlink(path); /* else the next start reads the tree once more */
    }
}

static cm_rc take_out(cm_index *r, cm_segment *segment, cm_bitmap *dead, cm_err *err) {
    char name[32];
    snprintf(name, sizeof(name), "seg-%llu", (unsigned long long)segment->number);
    cm_change change = {
        .dropped = &segment, .dropped_dead = &dead, .dropped_count = 1, .persist = true};
    cm_index_quarantine(r->folder, name); /* before the last reader deletes the folder */
    cm_rc rc = cm_index_publish(r, &change, err);
    cm_index_mark_damaged(r);
    return rc;
}

/* Part by part, so that a large one can be given up. */
static cm_rc check_segment(const cm_segment *segment, const cm_cancel *cancel, cm_err *err) {
    cm_rc rc = CM_OK;
    for (int kind = 0; rc == CM_OK && kind < CM_PART_KIND_COUNT; kind++) {
        rc = cm_cancel_check(cancel, err);
        if (rc == CM_OK) {
            rc = cm_part_check(&segment->parts[kind], err);
        }
    }
    if (rc == CM_OK && cm_segment_is_cut(segment)) {
        return cm_fail(err, CM_CORRUPT, "a file of segment %llu was cut short",
                       (unsigned long long)segment->number);
    }
    return rc;
}

static cm_rc check_all(cm_index *index, const cm_snapshot *s, const cm_cancel *cancel,
                       cm_err *err) {
    for (size_t i = 0; i < s->count; i++) {
        cm_segment *segment = s->segments[i].segment;
        if (!segment->path || (atomic_load(&segment->checked) && !cm_segment_is_cut(segment))) {
            continue;
        }
        cm_err why;
        cm_rc rc = check_segment(segment, cancel, &why);
        if (rc == CM_CORRUPT) {
            cm_log_err(CM_LOG_WARN, "index segment is damaged", &why);
            rc = take_out(index, segment, s->segments[i].dead, &why);
        }
        if (rc != CM_OK) {
            if (err) {
                *err = why;
            }
            return rc;
        }
        atomic_store(&segment->checked, true);
    }
    return CM_OK;
}

cm_rc cm_index_check(cm_index *index, const cm_cancel *cancel, cm_err *err) {
    pthread_mutex_lock(&index->checking);
    cm_snapshot *s = cm_index_snapshot(index);
    cm_rc rc = s ? check_all(index, s, cancel, err) : CM_OK;
    pthread_mutex_unlock(&index->checking);
    cm_snapshot_unref(s);
    return rc;
}

cm_snapshot *cm_index_begin_healing(cm_index *index) {
    pthread_mutex_lock(&index->lock);
    index->healing = index->damaged;
    index->damaged = false;
    cm_snapshot *snapshot = index->snapshot ? cm_snapshot_ref(index->snapshot) : NULL;
    pthread_mutex_unlock(&index->lock);
    return snapshot;
}

bool cm_index_needs_job(cm_index *index) {
    pthread_mutex_lock(&index->lock);
    bool needs = index->damaged && index->is_configured && cm_clock_ms() >= index->heal_after_ms;
    pthread_mutex_unlock(&index->lock);
    return needs;
}

const char *cm_index_degraded(cm_index *index) {
    const char *why = NULL;
    pthread_mutex_lock(&index->lock);
    const cm_snapshot *s = index->snapshot;
    for (size_t i = 0; s && i < s->count; i++) {
        const cm_segment *segment = s->segments[i].segment;
        if (segment->path && cm_segment_is_torn(segment)) {
            index->damaged = true;
        } else if (segment->path && !atomic_load(&segment->checked)) {
            why = "the index is being checked for damage";
        }
    }
    if (index->damaged || index->healing) {
        why = "a part of the index was damaged; its files are being indexed again";
    }
    pthread_mutex_unlock(&index->lock);
    return why;
}
