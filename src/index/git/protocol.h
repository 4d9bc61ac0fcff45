/* protocol.h - what git.c and worker.c say to each other; bytes in docs/design/git-worker.md.
 *
 * One message asks, one answers; the answer's bytes lie in shared memory behind a page that the worker counts in:
 *
 *   offset    what
 *   0         cm_git_control (one page)
 *   4096      the answer
 *
 * The parent copies the answer before it looks at it: the worker may write at any moment. */
#ifndef CM_INDEX_GIT_PROTOCOL_H
#define CM_INDEX_GIT_PROTOCOL_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/path.h"

#include <stdatomic.h>

#define CM_GIT_REQUEST_MAGIC 0x51474d43u /* "CMGQ" */
#define CM_GIT_REPLY_MAGIC   0x41474d43u /* "CMGA" */
#define CM_GIT_CONTROL_BYTES 4096u
#define CM_GIT_STRINGS_MAX   ((size_t)8 << 20) /* of an answer that is a list: paths of git's index */

enum cm_git_op { CM_GIT_RULES, CM_GIT_TRACKED, CM_GIT_HEAD, CM_GIT_HISTORY, CM_GIT_OP_COUNT };

typedef struct cm_git_control {
    atomic_uint beat; /* counted up by the worker with each step that has come to an end */
} cm_git_control;

typedef struct cm_git_request {
    uint32_t magic;
    uint32_t op;      /* enum cm_git_op */
    uint32_t commits; /* HISTORY */
    uint32_t zero;
    char root[CM_PATH_BYTES_MAX];     /* each with its NUL */
    char old_path[CM_PATH_BYTES_MAX]; /* HISTORY: empty = nothing is known */
} cm_git_request;

enum cm_git_status {
    CM_GIT_DONE,
    CM_GIT_NONE,   /* no repository, or not what was asked for: the answer is empty */
    CM_GIT_KNOWN,  /* HISTORY: the old one has it all */
    CM_GIT_FAILED, /* out of memory, or too long for the answer */
};

typedef struct cm_git_reply {
    uint32_t magic;
    uint32_t status; /* enum cm_git_status */
    uint64_t len;    /* of the answer */
} cm_git_reply;

/* The size of the shared memory that a question needs: bytes of the answer at most, and the page. */
size_t cm_git_shared_bytes(enum cm_git_op op);

/* An answer that is a list: of each string its length (4 bytes, the machine's order), then its bytes. Copies nothing:
 * the strings lie in `answer`. With `ascending` each is greater than the one before, in byte order.
 * CM_CORRUPT (a length that does not fit, a NUL, the order), CM_LIMIT (too many), CM_NOMEM. */
cm_rc cm_git_strings(cm_str answer, bool ascending, cm_arena *arena, cm_str_list *ret_list,
                     cm_err *err) cm_must_check;

#endif
