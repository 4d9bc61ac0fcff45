/* places.c - directories, the default model and the owner's lock. See places.h. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/default_model_gen.h"
#include "app/places.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"

#define LOCK_TEXT_MAX 4096
#define MODELS        "/codementor/models"          /* in a shared data directory */
#define DATA_DIRS     "/usr/local/share:/usr/share" /* where $XDG_DATA_DIRS is not set */

struct cm_owner {
    int fd;
};

static const char *join(cm_arena *arena, const char *directory, const char *name) {
    return cm_arena_fmt(arena, "%s/%s", directory, name).ptr;
}

static const char *data_directory(const cm_config *config, cm_arena *arena) {
    if (config->data.dir[0] != '\0') {
        return config->data.dir;
    }
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (xdg != NULL && xdg[0] == '/') {
        return join(arena, xdg, "codementor");
    }
    return join(arena, home != NULL && home[0] == '/' ? home : "/tmp", ".local/share/codementor");
}

/* Inside the data directory, unless that path is too long for a socket address: then a name made
 * from the directory's hash in the user's run directory. */
static const char *socket_path(const char *data_dir, cm_arena *arena) {
    const char *inside = join(arena, data_dir, "run/codementor.sock");
    if (strlen(inside) < sizeof(((struct sockaddr_un *)0)->sun_path)) {
        return inside;
    }
    const char *run = getenv("XDG_RUNTIME_DIR");
    return cm_arena_fmt(arena, "%s/codementor-%u-%016llx.sock", run != NULL ? run : "/tmp",
                        (unsigned)getuid(),
                        (unsigned long long)cm_hash64(data_dir, strlen(data_dir)))
        .ptr;
}

cm_rc cm_places_resolve(const cm_config *config, cm_arena *arena, cm_places *ret_places,
                        cm_err *err) {
    const char *dir = data_directory(config, arena);
    cm_rc rc = cm_dir_make(dir, err);
    if (rc != CM_OK) {
        return cm_err_prefix(err, rc,
                             "cannot use the data directory; choose another with --data-dir");
    }
    char *real = realpath(dir, NULL);
    if (real == NULL) {
        return cm_fail_errno(err, errno, "cannot resolve '%s'", dir);
    }
    cm_places places = {.data_dir = cm_arena_str(arena, cm_str_from(real)).ptr};
    free(real);
    places.lock_file = join(arena, places.data_dir, "lock");
    places.socket = socket_path(places.data_dir, arena);
    places.model_dir = join(arena, places.data_dir, "models");
    rc = cm_dir_make(join(arena, places.data_dir, "run"), err);
    if (rc == CM_OK) {
        *ret_places = places;
    }
    return rc;
}

/* Above /proc/self/exe by `levels`: 1 = its folder. */
static cm_str above_program(cm_arena *arena, int levels) {
    char exe[CM_PATH_BYTES_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe));
    cm_str path = cm_str_make(exe, len > 0 ? (size_t)len : 0);
    for (int up = 0; up < levels; up++) {
        path = cm_path_directory(path);
    }
    return cm_arena_str(arena, path);
}

/* The checkout a build tree belongs to: <checkout>/build/<preset>/codementor. */
static const char *checkout_models(cm_arena *arena) {
    return cm_arena_fmt(arena, CM_STR_FMT "/.deps/models", CM_STR_ARG(above_program(arena, 3))).ptr;
}

const char *cm_places_expected_model(cm_arena *arena) {
    const char *models = checkout_models(arena);
    cm_str deps = cm_path_directory(cm_str_from(models));
    return access(cm_arena_c(arena, deps), F_OK) == 0 ? join(arena, models, CM_DEFAULT_MODEL_FILE)
                                                      : NULL;
}

/* In order of preference: what a user put there, what a package ships ready to load, what a fetch brings. */
static const char *model_in(const char *folder, cm_arena *arena) {
    static const char *const names[] = {"default.gguf", CM_DEFAULT_MODEL_READY_FILE,
                                        CM_DEFAULT_MODEL_FILE};
    for (size_t i = 0; i < CM_COUNT(names); i++) {
        const char *path = join(arena, folder, names[i]);
        if (access(path, R_OK) == 0) {
            return path;
        }
    }
    return NULL;
}

size_t cm_places_model_folders(const cm_places *places, cm_arena *arena,
                               cm_model_folder folders[CM_MODEL_FOLDERS_MAX]) {
    const char *dirs = getenv("XDG_DATA_DIRS");
    cm_str rest = cm_str_from(dirs != NULL && dirs[0] != '\0' ? dirs : DATA_DIRS), dir;
    size_t count = 0;
    folders[count++] = (cm_model_folder){places->model_dir, "data directory"};
    while (count < CM_MODEL_FOLDERS_MAX - 2 && cm_str_split(&rest, ':', &dir)) {
        if (dir.len > 0 && dir.ptr[0] == '/') { /* relative ones are to be ignored */
            const char *path = cm_arena_fmt(arena, CM_STR_FMT MODELS, CM_STR_ARG(dir)).ptr;
            folders[count++] = (cm_model_folder){path, "system share"};
        }
    }
    cm_str prefix = above_program(arena, 2); /* installed, or copied, with its prefix */
    const char *beside = cm_arena_fmt(arena, CM_STR_FMT "/share" MODELS, CM_STR_ARG(prefix)).ptr;
    folders[count++] = (cm_model_folder){beside, "beside the program"};
    folders[count++] = (cm_model_folder){checkout_models(arena), "build tree"};
    return count;
}

const char *cm_places_model(const cm_config *config, const cm_places *places, cm_arena *arena,
                            const char **ret_origin) {
    if (config->model.path[0] != '\0') {
        *ret_origin = "model.path";
        return config->model.path;
    }
    cm_model_folder folders[CM_MODEL_FOLDERS_MAX];
    size_t count = cm_places_model_folders(places, arena, folders);
    for (size_t i = 0; i < count; i++) {
        const char *path = model_in(folders[i].path, arena);
        if (path != NULL) {
            *ret_origin = folders[i].origin;
            return path;
        }
    }
    return NULL;
}

static cm_rc read_info(const cm_places *places, cm_arena *arena, cm_owner_info *ret_info,
                       cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_buf_init(&text, LOCK_TEXT_MAX);
    cm_rc rc = cm_file_read(places->lock_file, LOCK_TEXT_MAX, &text, err);
    if (rc != CM_OK) {
        return rc;
    }
    json_t *info = NULL;
    rc = cm_json_parse(cm_buf_str(&text), &info, err);
    if (rc == CM_OK) {
        const char *address = json_string_value(json_object_get(info, "address"));
        ret_info->pid = (int)json_integer_value(json_object_get(info, "pid"));
        ret_info->address = cm_arena_str(arena, cm_str_from(address));
    }
    json_decref(info);
    return rc;
}

static cm_rc judge_privacy(int fd, const char *dir, cm_err *err) {
    struct stat info;
    unsigned me = (unsigned)geteuid();
    if (fstat(fd, &info) != 0) {
        return cm_fail_errno(err, errno, "cannot look at the data directory '%s'", dir);
    }
    if (info.st_uid != me && info.st_uid != 0) {
        return cm_fail(err, CM_DENIED,
                       "data directory '%s' belongs to user %u and this is user %u; run "
                       "'chown -R %u %s', or choose another with --data-dir",
                       dir, (unsigned)info.st_uid, me, me, dir);
    }
    if ((info.st_mode & S_IWOTH) != 0) {
        return cm_fail(err, CM_DENIED,
                       "everybody can write the data directory '%s'; run 'chmod 700 %s', or choose "
                       "another with --data-dir",
                       dir, dir);
    }
    if ((info.st_mode & S_IWGRP) == 0 || info.st_uid != me) {
        return CM_OK; /* root's directory with a group that may write is how root lets us in */
    }
    if (fchmod(fd, info.st_mode & 07777 & ~(mode_t)S_IWGRP) != 0) {
        return cm_fail_errno(err, errno, "cannot take the data directory '%s' from its group", dir);
    }
    cm_log(CM_LOG_WARN, "the group could write the data directory; now only its owner can",
           CM_F("directory", dir));
    return CM_OK;
}

/* Who can write here can replace the index, the keys and the database under us. A umask of 002 makes directories that
 * the group can write, mostly a group of one: that right is taken away, and nobody is locked out. */
static cm_rc check_privacy(const char *dir, cm_err *err) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open the data directory '%s'", dir);
    }
    cm_rc rc = judge_privacy(fd, dir, err);
    close(fd);
    return rc;
}

cm_rc cm_owner_take(const cm_places *places, cm_owner **ret_owner, cm_err *err) {
    cm_rc rc = check_privacy(places->data_dir, err);
    if (rc != CM_OK) {
        return rc;
    }
    int fd = open(places->lock_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cm_fail_errno(err, errno, "cannot open '%s'", places->lock_file);
    }
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        close(fd);
        cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
        cm_owner_info info = {0};
        if (read_info(places, arena, &info, NULL) != CM_OK) {
            return cm_fail(err, CM_CONFLICT, "data directory '%s' is in use by another process",
                           places->data_dir);
        }
        return cm_fail(err, CM_CONFLICT,
                       "data directory '%s' is in use by process %d%s" CM_STR_FMT
                       "; stop it, or use another --data-dir",
                       places->data_dir, info.pid, info.address.len > 0 ? " at " : "",
                       CM_STR_ARG(info.address));
    }
    cm_owner *owner = CM_NEW(cm_owner);
    owner->fd = fd;
    rc = cm_owner_publish(owner, CM_STR_EMPTY, err);
    if (rc != CM_OK) {
        cm_owner_release(owner);
        return rc;
    }
    *ret_owner = owner;
    return CM_OK;
}

cm_rc cm_owner_publish(cm_owner *owner, cm_str address, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_json_writer w;
    cm_buf_init(&text, LOCK_TEXT_MAX);
    cm_json_writer_init(&w, &text);
    cm_json_object(&w);
    cm_json_key(&w, "pid");
    cm_json_i64(&w, getpid());
    cm_json_key(&w, "address");
    cm_json_str(&w, address);
    cm_json_object_end(&w);
    cm_buf_add_char(&text, '\n');
    if (ftruncate(owner->fd, 0) != 0 ||
        pwrite(owner->fd, text.ptr, text.len, 0) != (ssize_t)text.len) {
        return cm_fail_errno(err, errno, "cannot write the lock file of the data directory");
    }
    return CM_OK;
}

/* The file stays: unlinking it would let two processes lock two files of one name. */
void cm_owner_release(cm_owner *owner) {
    if (owner != NULL) {
        close(owner->fd);
        cm_free(owner);
    }
}

cm_rc cm_owner_find(const cm_places *places, cm_arena *arena, cm_owner_info *ret_info,
                    cm_err *err) {
    int fd = open(places->lock_file, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return cm_fail(err, CM_NOT_FOUND, "nobody serves '%s'", places->data_dir);
    }
    /* Asking does not take the lock, so it never makes a starting owner fail. */
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool owned = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    close(fd);
    if (!owned) {
        return cm_fail(err, CM_NOT_FOUND, "nobody serves '%s'", places->data_dir);
    }
    return read_info(places, arena, ret_info, err);
}
