#include "index/live/indexer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "index/graph/history_priv.h"
#include "index/live/repository_priv.h"
#include "index/tables/tables.h"
#include "index/live/watch.h"

#include <dirent.h>
#include <errno.h>
#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

struct cm_indexer {
    char *folder; /* <data>/index */
    cm_indexer_options options;
    pthread_mutex_t lock;
    CM_VEC(cm_repository *) repositories;
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
        cm_rc opened = cm_repository_open(folder, &id, NULL, &indexer->options, &repository, &why);
        cm_free(folder);
        if (opened == CM_OK) {
            cm_tables_opened(indexer->options.tables, repository);
        }
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
    git_libgit2_init(); /* for as long as any thread of ours may use it: it frees its per-thread state */
    cm_git_limit();
    cm_rc rc = cm_dir_make(indexer->folder, err);
    if (rc == CM_OK) {
        rc = open_all(indexer, err);
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
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        cm_repository_cancel(indexer->repositories.items[i]);
    }
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        cm_repository_stop(indexer->repositories.items[i]);
        cm_repository_unref(indexer->repositories.items[i]);
    }
    cm_vec_done(&indexer->repositories);
    pthread_mutex_destroy(&indexer->lock);
    git_libgit2_shutdown();
    cm_free(indexer->folder);
    cm_free(indexer);
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

/* The caller holds the lock. */
static cm_rc watch(const cm_indexer *indexer, cm_repository *repository, cm_err *err) {
    if (!indexer->options.watch || repository->watch || repository->root[0] == '\0') {
        return CM_OK;
    }
    return cm_watch_start(repository, &repository->watch, err);
}

cm_rc cm_indexer_add(cm_indexer *indexer, const cm_uuid *id, const char *root,
                     const cm_repository_options *options, cm_repository **ret_repository,
                     cm_err *err) {
    char resolved[PATH_MAX];
    cm_rc rc = check_root(root, resolved, err);
    if (rc != CM_OK) {
        return rc;
    }
    size_t at;
    pthread_mutex_lock(&indexer->lock);
    cm_repository *repository = find_locked(indexer, id, &at);
    if (!repository) {
        char *folder = repository_folder(indexer, id);
        rc = cm_repository_open(folder, id, resolved, &indexer->options, &repository, err);
        cm_free(folder);
        if (rc == CM_OK && !cm_vec_push(&indexer->repositories, repository)) {
            cm_repository_unref(repository);
            rc = cm_fail(err, CM_NOMEM, "out of memory opening a repository");
        }
    }
    if (rc == CM_OK) {
        rc = cm_repository_configure(repository, resolved, options, err);
    }
    if (rc == CM_OK) {
        rc = watch(indexer, repository, err);
    }
    if (rc == CM_OK) {
        *ret_repository = cm_repository_ref(repository);
    }
    pthread_mutex_unlock(&indexer->lock);
    return rc;
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

cm_repository *cm_indexer_find_path(cm_indexer *indexer, cm_str path) {
    cm_repository *best = NULL;
    size_t best_len = 0;
    pthread_mutex_lock(&indexer->lock);
    for (size_t i = 0; i < indexer->repositories.count; i++) {
        cm_repository *r = indexer->repositories.items[i];
        pthread_mutex_lock(&r->lock);
        cm_str root = cm_str_from(r->root);
        if (root.len > 0 && cm_path_is_inside(path, root) && (!best || root.len > best_len)) {
            best = r;
            best_len = root.len;
        }
        pthread_mutex_unlock(&r->lock);
    }
    if (best) {
        cm_repository_ref(best);
    }
    pthread_mutex_unlock(&indexer->lock);
    return best;
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

cm_rc cm_indexer_remove(cm_indexer *indexer, const cm_uuid *id, cm_err *err) {
    size_t at;
    pthread_mutex_lock(&indexer->lock);
    cm_repository *repository = find_locked(indexer, id, &at);
    if (repository) {
        indexer->repositories.items[at] =
            indexer->repositories.items[--indexer->repositories.count];
    }
    pthread_mutex_unlock(&indexer->lock);
    if (!repository) {
        return cm_fail(err, CM_NOT_FOUND, "no such repository");
    }
    cm_repository_stop(repository);
    cm_rc rc = cm_dir_remove(repository->folder, err);
    cm_repository_unref(repository);
    return rc;
}
