/* withhold.c - secrets leave an index that was made before they were looked for.
 *
 * Whether a document is one is known from its path, and of a few endings from its text. Private keys inside other files
 * are blanked by the next job, which reads every file because the options changed. */
#include "index/live/index_priv.h"

#include "base/log.h"
#include "base/vec.h"

typedef CM_VEC(cm_str) path_list;

static bool is_secret(const cm_snapshot *s, const cm_index_document *d, cm_arena *scratch) {
    cm_str text;
    if (cm_secret_name(d->path)) {
        return true;
    }
    if (!cm_secret_name_is_open(d->path) || !cm_document_has_text(d)) {
        return false;
    }
    cm_arena_clear(scratch);
    return cm_snapshot_text(s, d->id, scratch, &text, NULL) == CM_OK &&
           cm_secret_find(d->path, text) == CM_SECRET_FILE;
}

/* Those that the options name stay: whoever named them has them in the index as they are. */
static bool collect(const cm_snapshot *s, const cm_index_settings *settings, cm_arena *arena,
                    path_list *paths) {
    cm_cleanup(cm_arena_freep) cm_arena *scratch = cm_arena_new((size_t)1 << 30);
    cm_index_document d;
    for (uint32_t at = 0; cm_snapshot_next_document(s, &at, &d);) {
        if (!is_secret(s, &d, scratch) ||
            cm_index_settings_secrets(&settings->options, d.path) == CM_SECRETS_KEEP) {
            continue;
        }
        if (!cm_vec_push(paths, cm_arena_str(arena, d.path))) {
            return false;
        }
    }
    return true;
}

cm_rc cm_index_withhold(cm_index *index, cm_err *err) {
    if (!cm_index_is_outdated(index)) {
        return CM_OK;
    }
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_snapshot *s = cm_index_snapshot(index);
    cm_index_settings *settings = cm_index_settings_get(index);
    path_list paths = {0};
    cm_rc rc = CM_OK;
    if (s && !collect(s, settings, arena, &paths)) {
        rc = cm_fail(err, CM_NOMEM, "out of memory looking for secrets");
    }
    if (rc == CM_OK && paths.count > 0) {
        cm_change change = {.removed = paths.items, .removed_count = paths.count, .persist = true};
        cm_log(CM_LOG_WARN, "files that hold secrets leave the index",
               CM_F("folder", index->folder), CM_I("files", paths.count));
        rc = cm_index_publish(index, &change, err);
    }
    cm_vec_done(&paths);
    cm_index_settings_unref(settings);
    cm_snapshot_unref(s);
    return rc;
}
