/* history_priv.h - inside of a history, for those who read it from git (index/git/), keep it and ask it. */
#ifndef CM_INDEX_GRAPH_HISTORY_PRIV_H
#define CM_INDEX_GRAPH_HISTORY_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "index/graph/history.h"
#include "index/segment/part.h"

#include <pthread.h>
#include <stdatomic.h>

#define CM_HISTORY_CHANGES_MAX 1000000u   /* in a log: 8 MB */
#define CM_HISTORY_STRINGS_MAX CM_MIB(32) /* of paths in a log */
#define CM_HISTORY_RENAMES_MAX 8192       /* changes of one commit that are looked at for renames */
#define CM_HISTORY_TIME_MAX    253402300799ll /* end of the year 9999; before 1970 counts as then */
#define CM_HISTORY_NAME        "history"      /* the file beside the manifest */

/* ---- the bytes ---- */

enum cm_history_flags {
    CM_HISTORY_FLAG_CUT = 1,
    CM_HISTORY_FLAG_SHALLOW = 2,
    CM_HISTORY_FLAG_NO_GIT = 4,
    CM_HISTORY_FLAG_NO_COMMITS = 8,
    CM_HISTORY_FLAG_AGAIN =
        16, /* something could not be read: it is tried again though HEAD stays */
};

typedef struct cm_history_head {
    uint8_t oid[CM_HISTORY_OID_BYTES];
    uint32_t flags;
    uint64_t rules; /* hash of all that decides what is read: another one is read anew */
    int64_t time_s; /* of HEAD */
} cm_history_head;

enum cm_history_commit_flags {
    CM_HISTORY_COMMIT_LARGE = 1,      /* only its renames are kept */
    CM_HISTORY_COMMIT_INCOMPLETE = 2, /* an object could not be read: it is tried again */
};

typedef struct cm_history_commit {
    uint8_t oid[CM_HISTORY_OID_BYTES];
    uint32_t first_change;
    int64_t time_s;
    uint16_t changes;
    uint8_t flags;
    uint8_t zero;
    uint32_t zeros;
} cm_history_commit;

typedef struct cm_history_change {
    uint32_t path;
    uint32_t old_path; /* CM_ID_NONE unless it was renamed */
} cm_history_change;

typedef struct cm_history_path_record {
    uint32_t offset;
    uint32_t len;
} cm_history_path_record;

/* ---- a log under construction ---- */

typedef struct cm_history_log {
    cm_history_head head;
    CM_VEC(cm_history_commit) commits; /* in the order of the walk: newest first */
    CM_VEC(cm_history_change) changes;
    CM_VEC(cm_history_path_record) paths; /* by first use; sorted when written */
    cm_buf strings;
    cm_map *numbers; /* path -> number */
} cm_history_log;

void cm_history_log_init(cm_history_log *log);
void cm_history_log_done(cm_history_log *log);
/* False when a bound of the log is reached or memory ran out; the log is then as it was, but for a path. */
bool cm_history_log_path(cm_history_log *log, cm_str path, uint32_t *ret_number);
/* The file's bytes, the same for the same log whatever the order in which its paths were met. CM_NOMEM, CM_LIMIT. */
cm_rc cm_history_log_write(cm_history_log *log, cm_buf *out, cm_err *err) cm_must_check;

/* ---- a history ---- */

struct cm_history {
    atomic_uint refs;
    cm_part part;
    const cm_history_head *head;
    const cm_history_commit *commits;
    const cm_history_change *changes;
    const cm_history_path_record *paths;
    cm_str strings;
    uint32_t commit_count, change_count, path_count;
    pthread_mutex_t lock; /* of what follows: worked out when first asked for */
    bool folded;
    bool damaged;
    uint32_t file_count;
    uint32_t counted;
    uint32_t *names;   /* of each file, its path's number */
    uint32_t *current; /* of each path, the file so called now, or CM_ID_NONE */
    uint32_t *members; /* of each change, its file, or CM_ID_NONE when its commit does not count */
    uint32_t *starts;  /* file_count + 1: places in `touched` */
    uint32_t *touched; /* commits of each file, newest first */
    double *ages;      /* of each commit: 1 at HEAD, halved every half-life */
    cm_history_near *near;
    uint32_t *near_starts; /* file_count + 1; NULL until asked for */
};

/* Checks header and lengths; the contents are checked with the first question. CM_CORRUPT, CM_NOT_FOUND, CM_IO. */
cm_rc cm_history_open(const char *path, cm_history **ret_history, cm_err *err) cm_must_check;
/* Takes the memory of `bytes`, also on failure. */
cm_rc cm_history_take(cm_buf *bytes, cm_history **ret_history, cm_err *err) cm_must_check;
cm_str cm_history_path_at(const cm_history *history, uint32_t path);
/* Folds when that was not done yet; false when the file is damaged or memory ran out. */
bool cm_history_ready(const cm_history *history);

#endif
