/* A repository's history, kept in step with HEAD: at the end of every job, and behind edits when HEAD has moved.
 *
 * The file is replaced by rename, so a crash leaves the old one or the new one; either is brought up to date by the
 * next reading. One that is damaged is moved aside and read from git again. That a history cannot be
 * read or written never fails a job: it is said in the log, and the one before serves. */
#include "index/graph/history_priv.h"
#include "index/live/index_priv.h"

#include "base/log.h"
#include "index/git/git.h"

static char *history_path(const cm_index *r) {
    return cm_asprintf("%s/" CM_HISTORY_NAME, r->folder);
}

static cm_history *get_history(cm_index *r) {
    pthread_mutex_lock(&r->lock);
    cm_history *history = r->history ? cm_history_ref(r->history) : NULL;
    pthread_mutex_unlock(&r->lock);
    return history;
}

/* Takes the reference. */
static void set_history(cm_index *r, cm_history *history) {
    pthread_mutex_lock(&r->lock);
    cm_history *old = r->history;
    r->history = history;
    pthread_mutex_unlock(&r->lock);
    cm_history_unref(old);
}

void cm_index_open_history(cm_index *repository) {
    cm_err err;
    cm_history *history = NULL;
    if (repository->environment.no_history) {
        return;
    }
    char *path = history_path(repository);
    cm_rc rc = cm_history_open(path, &history, &err);
    if (rc == CM_OK) {
        set_history(repository, history);
    } else if (rc != CM_NOT_FOUND) {
        cm_log_err(CM_LOG_WARN, "cannot open the history of a repository", &err);
        cm_index_quarantine(repository->folder, CM_HISTORY_NAME);
    }
    cm_free(path);
}

static bool is_damaged(const cm_history *history) {
    cm_history_facts facts;
    if (!history) {
        return false;
    }
    cm_history_facts_get(history, &facts);
    return facts.state == CM_HISTORY_DAMAGED;
}

/* The new one goes to disk, then to the next snapshot, which holds nothing else that is new. */
static cm_rc put_history(cm_index *r, cm_buf *bytes, cm_err *err) {
    cm_history *history = NULL;
    char *path = history_path(r);
    cm_rc rc = cm_file_replace(path, cm_buf_str(bytes), 0600, err);
    if (rc == CM_OK) {
        rc = cm_history_open(path, &history, err);
    }
    cm_free(path);
    if (rc != CM_OK) {
        return rc;
    }
    set_history(r, history);
    cm_snapshot *now = cm_index_snapshot(r);
    if (now) { /* else the first one takes it along */
        rc = cm_index_publish(r, &(cm_change){.persist = true}, err);
    }
    cm_snapshot_unref(now);
    return rc;
}

/* One at a time: the caller holds `reading`. */
static cm_rc read_history(cm_index *r, cm_git *git, const cm_cancel *cancel, cm_err *err) {
    cm_buf bytes;
    bool known = false;
    cm_history *old = get_history(r);
    char *path = history_path(r);
    cm_git_history_options options = {
        .commits = r->environment.history_commits, .old_path = old ? path : NULL, .cancel = cancel};
    cm_buf_init(&bytes, CM_PART_BYTES_MAX);
    if (is_damaged(old)) {
        cm_log(CM_LOG_WARN, "the history of a repository is damaged and will be read again",
               CM_S("path", cm_str_from(r->folder)));
        cm_index_quarantine(r->folder, CM_HISTORY_NAME);
        options.old_path = NULL;
    }
    cm_rc rc = cm_git_history(git, &options, &bytes, &known, err);
    if (rc == CM_IO) { /* the log has it, once; what is there stays */
        rc = CM_OK;
        known = true;
    }
    if (rc == CM_OK && !known) {
        rc = put_history(r, &bytes, err);
    }
    cm_buf_done(&bytes);
    cm_history_unref(old);
    cm_free(path);
    return rc;
}

cm_rc cm_index_read_history(cm_index *repository, cm_git *git, const cm_cancel *cancel,
                            cm_err *err) {
    if (repository->environment.no_history || !git) {
        return CM_OK;
    }
    pthread_mutex_lock(&repository->reading);
    cm_rc rc = read_history(repository, git, cancel, err);
    pthread_mutex_unlock(&repository->reading);
    if (rc == CM_OK || rc == CM_CANCELLED) {
        return rc;
    }
    cm_log_err(CM_LOG_WARN, "cannot read the history of a repository", err);
    return CM_OK;
}

bool cm_index_head(cm_index *index, char ret_text[CM_GIT_HEAD_TEXT]) {
    cm_index_settings *settings = cm_index_settings_get(index);
    bool found = settings->git && cm_git_head(settings->git, ret_text);
    cm_index_settings_unref(settings);
    return found;
}

/* ---- behind edits ---- */

static void follow_task(void *argument, unsigned worker) {
    (void)worker;
    cm_index *r = argument;
    cm_err err;
    cm_index_settings *settings = cm_index_settings_get(r);
    pthread_mutex_lock(&r->lock);
    bool running = r->running; /* a job ends with the history */
    pthread_mutex_unlock(&r->lock);
    atomic_store(&r->following, false); /* first: what changes from here on is another reason */
    if (!running && cm_index_read_history(r, settings->git, r->stopping, &err) != CM_OK) {
        cm_log(CM_LOG_DEBUG, "the history is left as it was: the repository closes",
               CM_S("path", cm_str_from(r->folder)));
    }
    cm_index_settings_unref(settings);
    cm_index_task_end(r);
}

void cm_index_follow_history(cm_index *index) {
    cm_history *history = get_history(index); /* the first one is read by a job */
    cm_history_unref(history);
    if (!history || !index->environment.pool || atomic_exchange(&index->following, true)) {
        return;
    }
    if (!cm_index_task_start(index, follow_task)) {
        atomic_store(&index->following, false); /* the next edit tries again */
    }
}

void cm_index_head_moved(cm_index *index) {
    cm_index_follow_history(index);
    cm_index_tell(index, CM_INDEX_CHANGED);
}
