/* Damage: found by checksums, moved aside, said in the log, and indexed again from the source. */
#include "index/live/index_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"

#include <errno.h>

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

static cm_rc take_out(cm_index *r, cm_segment *segment, cm_bitmap *dead, cm_err *err) {
    char name[32];
    snprintf(name, sizeof(name), "seg-%llu", (unsigned long long)segment->number);
    cm_change change = {
        .dropped = &segment, .dropped_dead = &dead, .dropped_count = 1, .persist = true};
    cm_index_quarantine(r->folder, name); /* before the last reader deletes the folder */
    return cm_index_publish(r, &change, err);
}

cm_rc cm_index_check(cm_index *repository, const cm_cancel *cancel, cm_err *err) {
    cm_snapshot *s = cm_index_snapshot(repository);
    cm_rc rc = CM_OK;
    for (size_t i = 0; s && rc == CM_OK && i < s->count; i++) {
        cm_segment *segment = s->segments[i].segment;
        cm_err why;
        if (!segment->path || atomic_load(&segment->checked)) {
            continue;
        }
        rc = cm_cancel_check(cancel, err);
        if (rc == CM_OK && cm_segment_check(segment, &why) != CM_OK) {
            cm_log_err(CM_LOG_WARN, "index segment is damaged", &why);
            rc = take_out(repository, segment, s->segments[i].dead, err);
        }
        atomic_store(&segment->checked, true);
    }
    cm_snapshot_unref(s);
    return rc;
}
