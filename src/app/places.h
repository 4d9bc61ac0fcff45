/* places.h - where things lie on this machine, and who owns them.
 *
 * One process owns a data directory at a time: it holds a lock (fcntl, per open
 * file) on `<data>/lock`, which the kernel drops when the process dies, however it dies. The
 * file's text names the owner for people and for clients.
 *
 * Thread: main. */
#ifndef CM_APP_PLACES_H
#define CM_APP_PLACES_H

#include "app/config.h"

typedef struct cm_places {
    const char *data_dir;  /* absolute, made when missing */
    const char *lock_file; /* <data>/lock */
    const char *socket;    /* Unix socket of the owner */
    const char *model_dir; /* <data>/models */
} cm_places;

/* Everything lives in `arena`. CM_DENIED, CM_STORAGE_FULL, CM_IO when the directory cannot be made. */
cm_rc cm_places_resolve(const cm_config *config, cm_arena *arena, cm_places *ret_places,
                        cm_err *err) cm_must_check;

/* Where models are looked for, in this order: the data directory, codementor/models of each shared data
 * directory ($XDG_DATA_DIRS), the same in share/ beside the program's bin/, .deps/models of the checkout that
 * the program was built in. Returns how many there are; none of them need exist. */
#define CM_MODEL_FOLDERS_MAX 16
typedef struct cm_model_folder {
    const char *path;
    const char *origin; /* in words: "system share" */
} cm_model_folder;
size_t cm_places_model_folders(const cm_places *places, cm_arena *arena,
                               cm_model_folder folders[CM_MODEL_FOLDERS_MAX]);

/* The GGUF to load: model.path, else the first default model in those folders; NULL when there is none.
 * `*ret_origin` then says where it lies, in words. */
const char *cm_places_model(const cm_config *config, const cm_places *places, cm_arena *arena,
                            const char **ret_origin);

/* Where the default model will be when script/bootstrap, still at work, has fetched it; NULL outside a checkout. */
const char *cm_places_expected_model(cm_arena *arena);

typedef struct cm_owner cm_owner;

typedef struct cm_owner_info {
    int pid;
    cm_str address; /* "http://127.0.0.1:8012"; empty when it listens on the socket alone */
} cm_owner_info;

/* CM_CONFLICT when another process owns the directory: the text names it. CM_DENIED when the directory belongs to
 * another user than this one and root, or everybody can write it; its group loses that right (said in the log). */
cm_rc cm_owner_take(const cm_places *places, cm_owner **ret_owner, cm_err *err) cm_must_check;
/* Tells readers of the lock file where the owner listens. CM_STORAGE_FULL, CM_IO. */
cm_rc cm_owner_publish(cm_owner *owner, cm_str address, cm_err *err) cm_must_check;
void cm_owner_release(cm_owner *owner); /* NULL is allowed */
/* CM_NOT_FOUND when nobody owns the directory. */
cm_rc cm_owner_find(const cm_places *places, cm_arena *arena, cm_owner_info *ret_info,
                    cm_err *err) cm_must_check;

#endif
