/* indexer.c - see indexer.h. */
#include "repository/indexer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "repository/caretaker.h"
#include "repository/statistics.h"
#include "repository/repository_priv.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct cm_indexer {
    char *folder; /* <data>/index */
    cm_indexer_options options;
    const cm_repository_witness *witness;
    pthread_mutex_t lock;
    CM_VEC(cm_repository *) repositories;
    cm_caretaker *caretaker; /* NULL = nobody sees to damage */
};

static char *repository_folder(const cm_indexer *indexer, const cm_uuid *id) {
    char text[CM_UUID_TEXT];
    cm_uuid_format(id, text);
    return cm_asprintf("%s/%s", indexer->folder, text);
}

/* Opens each folder that is named by an id. One that cannot be opened is left alone and logged. */
static cm_rc open_all(cm_indexer *indexer, cm_err *err) {
    DIR *dir = opendir(indexer->folder);
    if (!dir) {
        return cm_fail_errno(err, errno, "cannot read '%s'", indexer->folder);
    }
    cm_rc rc = CM_OK;
    for (struct dirent *entry; rc == CM_OK && (entry = readdir(dir));) {
        cm_uuid id;
        cm_err why;
        cm_repository *repository;
        if (!cm_uuid_parse(cm_str_from(entry->d_name), &id)) {
            continue;
        }
        char *folder = repository_folder(indexer, &id);
        cm_rc opened = cm_repository_open(&indexer->options, folder, &id, NULL, &repository, &why);
        cm_free(folder);
        if (opened == CM_OK && !cm_vec_push(&indexer->repositories, repository)) {
            cm_repository_unref(repository);
            rc = cm_fail(err, CM_NOMEM, "out of memory opening repositories");
        } else if (opened != CM_OK && opened != CM_NOT_FOUND) {
            cm_log_err(CM_LOG_WARN, "cannot open the index of a repository", &why);
        }
    }
    closedir(dir);
    return rc;
}

cm_rc cm_indexer_open(const char *data_dir, const cm_indexer_options *options,
                      cm_indexer **ret_indexer, cm_err *err) {
    cm_indexer *indexer = CM_NEW(cm_indexer);
    indexer->folder = cm_asprintf("%s/index", data_dir);
    if (options) {
        indexer->options = *options;
    }
    pthread_mutex_init(&indexer->lock, NULL);
    cm_rc rc = cm_dir_make(indexer->folder, err);
    if (rc == CM_OK) {
        rc = open_all(indexer, err);
    }
    if (rc == CM_OK && indexer->options.heal) {
        rc = cm_caretaker_start(indexer, &indexer->caretaker, err);
    }
    if (rc == CM_OK) {
        *ret_indexer = indexer;
    } else {
        cm_indexer_close(indexer);
    }
    return rc;
}

void cm_indexer_close(cm_indexer *indexer) {
    if (!indexer) {
        return;
    }
    cm_caretaker_stop(indexer->caretaker);
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        cm_repository_interrupt(indexer->repositories.items[i]);
    }
    while (indexer->repositories.count > 0) {
        cm_repository *repository = cm_repository_ref(indexer->repositories.items[0]);
        cm_rc rc = cm_repository_begin_closing(repository, NULL);
        cm_assert(rc == CM_OK); /* nobody else works with it any more */
        cm_indexer_shut(indexer, repository);
        cm_repository_unref(repository);
    }
    cm_vec_done(&indexer->repositories);
    pthread_mutex_destroy(&indexer->lock);
    cm_free(indexer->folder);
    cm_free(indexer);
}

void cm_indexer_set_witness(cm_indexer *indexer, const cm_repository_witness *witness) {
    pthread_mutex_lock(&indexer->lock);
    indexer->witness = witness;
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        indexer->repositories.items[i]->witness = witness;
    }
    pthread_mutex_unlock(&indexer->lock);
}

/* The caller holds the lock. */
static cm_repository *find_locked(cm_indexer *indexer, const cm_uuid *id, size_t *ret_at) {
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        if (cm_uuid_eq(&indexer->repositories.items[i]->id, id)) {
            *ret_at = i;
            return indexer->repositories.items[i];
        }
    }
    return NULL;
}

static cm_rc check_root(const char *root, char resolved[PATH_MAX], cm_err *err) {
    struct stat st;
    resolved[0] = '\0';
    if (root[0] == '\0') {
        return CM_OK;
    }
    if (!realpath(root, resolved)) {
        return cm_fail_errno(err, errno, "cannot open repository '%s'", root);
    }
    if (stat(resolved, &st) != 0) {
        return cm_fail_errno(err, errno, "cannot open repository '%s'", root);
    }
    if (!S_ISDIR(st.st_mode)) {
        return cm_fail(err, CM_INVALID, "cannot open repository '%s': not a directory", root);
    }
    if (access(resolved, R_OK | X_OK) != 0) {
        return cm_fail_errno(err, errno, "cannot open repository '%s'", root);
    }
    return CM_OK;
}

/* A root was resolved when it was first added. When the same path leads elsewhere now, somebody put a link there: that
 * is no wish to have the other place indexed. */
static cm_rc check_moved(cm_indexer *indexer, const cm_uuid *id, const char *root,
                         const char *resolved, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_repository *known = cm_indexer_find(indexer, id);
    if (!known) {
        return CM_OK;
    }
    bool moved = strcmp(root, resolved) != 0 && cm_str_eq_c(cm_repository_root(known, arena), root);
    cm_repository_unref(known);
    return moved ? cm_fail(err, CM_DENIED, "'%s' leads to '%s' now; index that by its own path",
                           root, resolved)
                 : CM_OK;
}

/* The one of this id, opened when it is not; a reference. */
static cm_rc find_or_open(cm_indexer *indexer, const cm_uuid *id, const char *root,
                          cm_repository **ret_repository, cm_err *err) {
    size_t at;
    cm_rc rc = CM_OK;
    pthread_mutex_lock(&indexer->lock);
    cm_repository *repository = find_locked(indexer, id, &at);
    if (!repository) {
        char *folder = repository_folder(indexer, id);
        rc = cm_repository_open(&indexer->options, folder, id, root, &repository, err);
        cm_free(folder);
        if (rc == CM_OK && !cm_vec_push(&indexer->repositories, repository)) {
            cm_repository_unref(repository);
            rc = cm_fail(err, CM_NOMEM, "out of memory opening a repository");
        } else if (rc == CM_OK) {
            repository->witness = indexer->witness;
        }
    }
    if (rc == CM_OK) {
        *ret_repository = cm_repository_ref(repository);
    }
    pthread_mutex_unlock(&indexer->lock);
    return rc;
}

cm_rc cm_indexer_add(cm_indexer *indexer, const cm_uuid *id, const char *root,
                     const cm_repository_options *options, cm_repository **ret_repository,
                     cm_err *err) {
    char resolved[PATH_MAX];
    cm_rc rc = check_root(root, resolved, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = check_moved(indexer, id, root, resolved, err);
    if (rc != CM_OK) {
        return rc;
    }
    for (;;) {
        cm_repository *repository = NULL;
        rc = find_or_open(indexer, id, resolved, &repository, err);
        if (rc != CM_OK) {
            return rc;
        }
        rc = cm_repository_configure(repository, resolved, options, err);
        if (rc == CM_OK) {
            cm_caretaker_wake(indexer->caretaker);
            *ret_repository = repository;
            return CM_OK;
        }
        cm_repository_unref(repository);
        if (rc != CM_NOT_FOUND) { /* else it closed before our eyes: another one takes its place */
            return rc;
        }
    }
}

bool cm_indexer_is_degraded(const cm_indexer *indexer) {
    return cm_caretaker_is_degraded(indexer->caretaker);
}

cm_repository *cm_indexer_find(cm_indexer *indexer, const cm_uuid *id) {
    size_t at;
    pthread_mutex_lock(&indexer->lock);
    cm_repository *repository = find_locked(indexer, id, &at);
    if (repository) {
        cm_repository_ref(repository);
    }
    pthread_mutex_unlock(&indexer->lock);
    return repository;
}

cm_repository *cm_indexer_find_path(cm_indexer *indexer, const cm_uuid *workspace_id, cm_str path) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_repository *best = NULL;
    size_t best_len = 0;
    pthread_mutex_lock(&indexer->lock);
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        cm_repository *r = indexer->repositories.items[i];
        if (workspace_id != NULL && !cm_repository_is_of(r, workspace_id)) {
            continue;
        }
        cm_str root = cm_repository_root(r, arena);
        if (root.len > 0 && cm_path_is_inside(path, root) && (!best || root.len > best_len)) {
            best = r;
            best_len = root.len;
        }
    }
    if (best) {
        cm_repository_ref(best);
    }
    pthread_mutex_unlock(&indexer->lock);
    return best;
}

cm_repository *cm_indexer_find_only(cm_indexer *indexer, const cm_uuid *workspace_id) {
    cm_repository *only = NULL;
    size_t count = 0;
    pthread_mutex_lock(&indexer->lock);
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        if (cm_repository_is_of(indexer->repositories.items[i], workspace_id)) {
            only = indexer->repositories.items[i];
            count++;
        }
    }
    only = count == 1 ? cm_repository_ref(only) : NULL;
    pthread_mutex_unlock(&indexer->lock);
    return only;
}

static int id_cmp(const void *left, const void *right) {
    cm_repository *const *a = left, *const *b = right;
    return memcmp((*a)->id.bytes, (*b)->id.bytes, sizeof((*a)->id.bytes));
}

size_t cm_indexer_list(cm_indexer *indexer, cm_repository **repositories, size_t max) {
    pthread_mutex_lock(&indexer->lock);
    size_t count = indexer->repositories.count;
    if (count > 1) {
        qsort(indexer->repositories.items, count, sizeof(cm_repository *), id_cmp);
    }
    for (size_t i = 0; i < count && i < max; i++) {
        repositories[i] = cm_repository_ref(indexer->repositories.items[i]);
    }
    pthread_mutex_unlock(&indexer->lock);
    return count;
}

void cm_indexer_stats_get(cm_indexer *indexer, cm_repositories_stats *ret_stats) {
    *ret_stats = (cm_repositories_stats){0};
    pthread_mutex_lock(&indexer->lock);
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        cm_repository_add_stats(indexer->repositories.items[i], ret_stats);
    }
    pthread_mutex_unlock(&indexer->lock);
}

/* ---- closing ---- */

/* Before it is gone, so that one which takes its place finds none; its reference is dropped. */
static void take_out(cm_indexer *indexer, const cm_repository *repository) {
    size_t at;
    pthread_mutex_lock(&indexer->lock);
    cm_repository *found = find_locked(indexer, &repository->id, &at);
    cm_assert(found == repository);
    indexer->repositories.items[at] = indexer->repositories.items[--indexer->repositories.count];
    pthread_mutex_unlock(&indexer->lock);
    cm_repository_unref(found);
}

cm_rc cm_indexer_discard(cm_indexer *indexer, cm_repository *repository, cm_err *err) {
    cm_rc rc = cm_index_delete(repository->index, err);
    take_out(indexer, repository);
    cm_repository_set_gone(repository);
    return rc;
}

void cm_indexer_shut(cm_indexer *indexer, cm_repository *repository) {
    cm_index_close(repository->index);
    take_out(indexer, repository);
    cm_repository_set_gone(repository);
}

cm_rc cm_indexer_remove(cm_indexer *indexer, const cm_uuid *id, cm_err *err) {
    cm_repository *repository = cm_indexer_find(indexer, id);
    if (!repository) {
        return cm_fail(err, CM_NOT_FOUND, "no such repository");
    }
    cm_rc rc = cm_repository_begin_closing(repository, err);
    if (rc == CM_OK) {
        rc = cm_indexer_discard(indexer, repository, err);
    }
    cm_repository_unref(repository);
    return rc;
}
