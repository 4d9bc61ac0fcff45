/* walk.c - depth first over directories in byte order of the paths that come out, with git's rules and its list of
 * tracked files where the tree is a git repository. */
#include "index/live/walk.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/path.h"
#include "base/vec.h"
#include "index/git/git.h"
#include "index/live/ignore.h"
#include "index/live/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const control_folders[] = {".git", ".hg", ".svn", ".jj", "CVS"};

typedef struct walker {
    const cm_repository_options *options;
    const cm_cancel *cancel;
    cm_str below;
    cm_arena *arena; /* the caller's: paths of the result */
    cm_ignore *ignore;
    cm_git *git; /* NULL: no git repository, or none that counts */
    cm_git_rules rules;
    cm_str_list tracked; /* read when first needed */
    bool has_tracked;
    cm_str prefix; /* of the root inside git's work tree, with a final '/'; may be empty */
    CM_VEC(cm_walk_entry) entries;
    CM_VEC(cm_str) directories;
    uint64_t bytes;
    size_t unreadable;
} walker;

typedef struct child {
    cm_str name;
    bool is_directory;
} child;

/* Byte order of the paths that will come out: a directory counts as its name with a '/'. */
static int child_cmp(const void *left, const void *right) {
    const child *a = left, *b = right;
    size_t n = CM_MIN(a->name.len, b->name.len);
    int order = memcmp(a->name.ptr, b->name.ptr, n);
    if (order != 0) {
        return order;
    }
    unsigned char ca = a->name.len > n ? (unsigned char)a->name.ptr[n] : a->is_directory ? '/' : 0;
    unsigned char cb = b->name.len > n ? (unsigned char)b->name.ptr[n] : b->is_directory ? '/' : 0;
    return (ca > cb) - (ca < cb);
}

static bool glob_any(cm_str_list globs, cm_str path) {
    for (size_t i = 0; i < globs.count; i++) {
        cm_str glob = globs.items[i];
        bool by_name = cm_str_find_char(glob, '/') == SIZE_MAX;
        if (cm_path_glob(glob, by_name ? cm_path_base(path) : path)) {
            return true;
        }
    }
    return false;
}

static bool is_tracked(walker *w, cm_str full) {
    cm_err err;
    if (w->git && !w->has_tracked) {
        w->has_tracked = true;
        if (cm_git_tracked(w->git, w->cancel, w->arena, &w->tracked, &err) != CM_OK) {
            cm_log_err(CM_LOG_DEBUG, "files that git tracks are not known", &err);
        }
    }
    return cm_git_is_tracked(w->tracked, full);
}

static bool is_ignored(walker *w, cm_str path, bool is_directory) {
    if (w->options->no_ignore_files) {
        return false;
    }
    char full[2 * CM_PATH_BYTES_MAX];
    int n = snprintf(full, sizeof(full) - 1, CM_STR_FMT CM_STR_FMT, CM_STR_ARG(w->prefix),
                     CM_STR_ARG(path));
    if (n < 0 || (size_t)n >= sizeof(full) - 1) {
        return true;
    }
    if (!cm_ignore_match(w->ignore, cm_str_make(full, (size_t)n), is_directory)) {
        return false;
    }
    if (is_directory) {
        full[n++] = '/';
    }
    return !is_tracked(w, cm_str_make(full, (size_t)n));
}

/* Does `path` lie on the way to, or below, what was asked for? */
static bool is_relevant(const walker *w, cm_str path) {
    cm_str shorter = path.len < w->below.len ? path : w->below;
    cm_str longer = path.len < w->below.len ? w->below : path;
    if (shorter.len == 0 || cm_str_eq(shorter, longer)) {
        return true;
    }
    return cm_str_starts(longer, shorter) && longer.ptr[shorter.len] == '/';
}

static bool is_wanted(walker *w, cm_str path, bool is_directory) {
    if (!is_relevant(w, path) || glob_any(w->options->exclude, path)) {
        return false;
    }
    if (!is_directory && cm_index_settings_withhold(w->options, path)) {
        return false;
    }
    if (!is_directory && w->options->include.count > 0 && !glob_any(w->options->include, path)) {
        return false;
    }
    return !is_ignored(w, path, is_directory);
}

static cm_str child_path(cm_arena *arena, cm_str directory, cm_str name) {
    if (directory.len == 0) {
        return cm_arena_str(arena, name);
    }
    return cm_arena_fmt(arena, CM_STR_FMT "/" CM_STR_FMT, CM_STR_ARG(directory), CM_STR_ARG(name));
}

/* Names and types of one directory, sorted. Links and special files are left out here. */
static cm_rc list_children(DIR *dir, cm_arena *arena, child **ret_children, size_t *ret_count,
                           cm_err *err) {
    CM_VEC(child) children = {0};
    for (struct dirent *entry; (entry = readdir(dir));) {
        unsigned char type = entry->d_type;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (type == DT_UNKNOWN) {
            struct stat st;
            if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
                continue;
            }
            type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_LNK;
        }
        if (type != DT_DIR && type != DT_REG) {
            continue;
        }
        child c = {cm_arena_str(arena, cm_str_from(entry->d_name)), type == DT_DIR};
        if (!cm_vec_push(&children, c)) {
            cm_vec_done(&children);
            return cm_fail(err, CM_NOMEM, "out of memory listing a directory");
        }
    }
    if (children.count > 1) {
        qsort(children.items, children.count, sizeof(child), child_cmp);
    }
    *ret_children = children.items;
    *ret_count = children.count;
    return CM_OK;
}

static cm_rc add_file(walker *w, int parent_fd, cm_str name, cm_str path, cm_err *err) {
    struct stat st;
    if (fstatat(parent_fd, name.ptr, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
        return CM_OK; /* gone or replaced since it was listed */
    }
    if (w->entries.count >= CM_WALK_FILES_MAX) {
        return cm_fail(err, CM_LIMIT, "more than %zu files; exclude some directories",
                       CM_WALK_FILES_MAX);
    }
    cm_walk_entry entry = {
        .path = cm_arena_str(w->arena, path),
        .size = (uint64_t)st.st_size,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
    };
    if (!cm_vec_push(&w->entries, entry)) {
        return cm_fail(err, CM_NOMEM, "out of memory listing files");
    }
    w->bytes += entry.size;
    return CM_OK;
}

/* The next step down to `below`: a single file of a large directory is not worth reading all its names. */
static cm_rc find_child(const walker *w, int fd, cm_str path, cm_arena *arena, child **ret_children,
                        size_t *ret_count, cm_err *err) {
    cm_str rest = cm_str_from_offset(w->below, path.len > 0 ? path.len + 1 : 0);
    size_t end = cm_str_find_char(rest, '/');
    cm_str name = cm_arena_str(arena, cm_str_sub(rest, 0, end));
    struct stat st;
    if (fstatat(fd, name.ptr, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))) {
        return CM_OK;
    }
    CM_VEC(child) children = {0};
    if (!cm_vec_push(&children, ((child){name, S_ISDIR(st.st_mode)}))) {
        return cm_fail(err, CM_NOMEM, "out of memory listing a directory");
    }
    *ret_children = children.items;
    *ret_count = children.count;
    return CM_OK;
}

/* Reads a rule file of at most CM_IGNORE_FILE_MAX bytes; a missing or unreadable one has no rules. */
static cm_rc push_rules(walker *w, int fd, const char *name, cm_str directory, bool *ret_pushed,
                        cm_err *err) {
    *ret_pushed = false;
    int file = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (file < 0) {
        return CM_OK;
    }
    if (fstat(file, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        close(file);
        return CM_OK;
    }
    size_t len = (size_t)CM_MIN((uint64_t)st.st_size, (uint64_t)CM_IGNORE_FILE_MAX);
    char *contents = cm_alloc(len);
    ssize_t n = read(file, contents, len);
    close(file);
    cm_rc rc = CM_OK;
    if (n > 0) {
        rc = cm_ignore_push(w->ignore, directory, cm_str_make(contents, (size_t)n), err);
        *ret_pushed = rc == CM_OK;
    }
    cm_free(contents);
    return rc;
}

static cm_rc walk_directory(walker *w, int fd, cm_str path, unsigned depth, cm_err *err);

static void report_unreadable(walker *w, cm_str path, int error) {
    w->unreadable++;
    cm_log(CM_LOG_WARN, "cannot read directory", CM_S("path", path),
           CM_F("error", strerror(error)));
}

static cm_rc walk_child(walker *w, int fd, cm_str directory, const child *c, unsigned depth,
                        cm_arena *scratch, cm_err *err) {
    for (size_t i = 0; i < CM_COUNT(control_folders); i++) { /* files too: a worktree's ".git" */
        if (cm_str_eq_c(c->name, control_folders[i])) {
            return CM_OK;
        }
    }
    cm_str path = child_path(scratch, directory, c->name);
    if (path.len > CM_REPO_PATH_MAX || !is_wanted(w, path, c->is_directory)) {
        return CM_OK;
    }
    if (!c->is_directory) {
        return add_file(w, fd, c->name, path, err);
    }
    if (depth + 1 >= CM_WALK_DEPTH_MAX) {
        report_unreadable(w, path, ELOOP);
        return CM_OK;
    }
    int sub = openat(fd, c->name.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (sub < 0) {
        if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
            report_unreadable(w, path, errno);
        }
        return CM_OK;
    }
    return walk_directory(w, sub, path, depth + 1, err);
}

/* Takes `fd`. */
static cm_rc walk_directory(walker *w, int fd, cm_str path, unsigned depth, cm_err *err) {
    cm_rc rc = cm_cancel_check(w->cancel, err);
    cm_arena *scratch = cm_arena_new(0);
    child *children = NULL;
    size_t count = 0;
    bool pushed = false;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        report_unreadable(w, path, errno);
        close(fd);
        cm_arena_free(scratch);
        return rc;
    }
    if (rc == CM_OK && !cm_vec_push(&w->directories, cm_arena_str(w->arena, path))) {
        rc = cm_fail(err, CM_NOMEM, "out of memory listing directories");
    }
    if (rc == CM_OK) {
        rc = path.len < w->below.len
                 ? find_child(w, dirfd(dir), path, scratch, &children, &count, err)
                 : list_children(dir, scratch, &children, &count, err);
    }
    if (rc == CM_OK && !w->options->no_ignore_files) {
        cm_str full =
            cm_arena_fmt(scratch, CM_STR_FMT CM_STR_FMT, CM_STR_ARG(w->prefix), CM_STR_ARG(path));
        if (path.len == 0 && full.len > 0) {
            full.len--; /* the prefix ends in '/' */
        }
        rc = push_rules(w, fd, ".gitignore", full, &pushed, err);
    }
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        rc = walk_child(w, fd, path, &children[i], depth, scratch, err);
    }
    if (pushed) {
        cm_ignore_pop(w->ignore);
    }
    cm_free(children);
    closedir(dir);
    cm_arena_free(scratch);
    return rc;
}

/* ---- git ---- */

/* Rule files between the top of the work tree and our root, and those outside the tree. */
static cm_rc push_git_rules(walker *w, cm_err *err) {
    bool pushed;
    char path[2 * CM_PATH_BYTES_MAX];
    if (w->rules.excludes.len > 0) {
        cm_rc rc = push_rules(w, AT_FDCWD, w->rules.excludes.ptr, CM_STR_EMPTY, &pushed, err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    cm_rc rc = CM_OK;
    if (snprintf(path, sizeof(path), "%s/info/exclude", w->rules.common.ptr) < (int)sizeof(path)) {
        rc = push_rules(w, AT_FDCWD, path, CM_STR_EMPTY, &pushed, err);
    }
    for (size_t at = 0; rc == CM_OK && at < w->prefix.len;) {
        if (snprintf(path, sizeof(path), "%s" CM_STR_FMT ".gitignore", w->rules.top.ptr, (int)at,
                     w->prefix.ptr) < (int)sizeof(path)) {
            rc = push_rules(w, AT_FDCWD, path, cm_str_sub(w->prefix, 0, at > 0 ? at - 1 : 0),
                            &pushed, err);
        }
        at += cm_str_find_char(cm_str_from_offset(w->prefix, at), '/') + 1;
    }
    return rc;
}

/* Finds the repository `root` belongs to. A root that git itself ignores is treated as a plain tree:
 * the user asked for it by name. */
static cm_rc open_git(walker *w, const char *root, cm_git *git, cm_err *err) {
    if (w->options->no_ignore_files) {
        return CM_OK;
    }
    cm_rc rc = cm_git_rules_get(git, w->cancel, w->arena, &w->rules, err);
    cm_str full = cm_arena_fmt(w->arena, "%s/", root);
    if (rc != CM_OK || !w->rules.found || !cm_str_starts(full, w->rules.top)) {
        return rc;
    }
    w->git = git;
    w->prefix = cm_str_from_offset(full, w->rules.top.len);
    return push_git_rules(w, err);
}

/* Moves the lists into the caller's arena. */
static cm_rc take_result(const walker *w, cm_walk_result *ret_result, cm_err *err) {
    cm_walk_entry *entries = CM_ARENA_ARRAY(w->arena, cm_walk_entry, w->entries.count + 1);
    cm_str *directories = CM_ARENA_ARRAY(w->arena, cm_str, w->directories.count + 1);
    if (!entries || !directories) {
        return cm_fail(err, CM_NOMEM, "out of memory listing files");
    }
    if (w->entries.count > 0) {
        memcpy(entries, w->entries.items, w->entries.count * sizeof(*entries));
    }
    if (w->directories.count > 0) {
        memcpy(directories, w->directories.items, w->directories.count * sizeof(*directories));
    }
    *ret_result = (cm_walk_result){.entries = entries,
                                   .count = w->entries.count,
                                   .bytes = w->bytes,
                                   .directories = directories,
                                   .directory_count = w->directories.count,
                                   .unreadable = w->unreadable};
    return CM_OK;
}

cm_rc cm_walk_paths(const cm_index_settings *settings, cm_str_list below, const cm_cancel *cancel,
                    cm_arena *arena, cm_walk_result *ret_result, cm_err *err) {
    const char *root = settings->root;
    walker w = {
        .options = &settings->options, .cancel = cancel, .arena = arena, .ignore = cm_ignore_new()};
    cm_rc rc = open_git(&w, root, settings->git, err);
    for (size_t i = 0; rc == CM_OK && i < below.count; i++) {
        int fd;
        w.below = below.items[i];
        rc = cm_beneath_tree(root, &fd, err);
        if (rc == CM_OK) {
            rc = walk_directory(&w, fd, CM_STR_EMPTY, 0, err);
        }
    }
    cm_ignore_free(w.ignore);
    if (rc == CM_OK) {
        rc = take_result(&w, ret_result, err);
    }
    cm_vec_done(&w.entries);
    cm_vec_done(&w.directories);
    return rc;
}

cm_rc cm_walk_run(const cm_index_settings *settings, cm_str below, const cm_cancel *cancel,
                  cm_arena *arena, cm_walk_result *ret_result, cm_err *err) {
    if (settings->git) {
        cm_git_forget(settings->git);
    }
    return cm_walk_paths(settings, (cm_str_list){&below, 1}, cancel, arena, ret_result, err);
}
