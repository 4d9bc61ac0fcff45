/* git.c - the parent's side of git.h: a worker for each question, watched while it works.
 *
 * A worker for each question rather than one that is kept: a question comes once a job or an edit, starting a process
 * takes some milliseconds, and nothing that one repository did to it can meet the next. */
#include "index/git/git.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "index/git/protocol.h"
#include "rt/child.h"

#include <pthread.h>
#include <sys/stat.h>

#define MEMORY_MAX   CM_MIB(2048)   /* of address space: packs are mapped */
#define CPU_S_MAX    600            /* of a whole history */
#define SLICE_NS     10000000ull    /* between two looks at cancellation and progress */
#define ASK_AGAIN_NS 60000000000ull /* a question that had no answer is put again after */
#define RULES_NS     10000000000ull /* an answer about rules is used again by syncs of edits */

/* Without a step for so long, a worker is killed: by processor time, and by wall time when it waits for something. */
static const struct {
    uint64_t cpu_ns, wall_ns;
} silent_max[CM_GIT_OP_COUNT] = {
    [CM_GIT_RULES] = {3000000000ull, 5000000000ull},    /* a few small files */
    [CM_GIT_TRACKED] = {5000000000ull, 10000000000ull}, /* a million paths take a second */
    [CM_GIT_HEAD] = {3000000000ull, 5000000000ull},
    [CM_GIT_HISTORY] = {5000000000ull, 10000000000ull}, /* each commit is a step */
};

struct cm_git {
    char *root;
    pthread_mutex_t lock;
    uint64_t not_before_ns[CM_GIT_OP_COUNT]; /* cm_clock_ns scale */
    bool said;                               /* that it cannot be read */
    cm_git_rules rules;                      /* the last answer, in `arena` */
    cm_arena *arena;
    uint64_t stamp, rules_until_ns; /* it holds so long, and while what it hangs on is unchanged */
};

cm_git *cm_git_new(const char *root) {
    cm_git *git = CM_NEW(cm_git);
    git->root = cm_strdup(root);
    git->arena = cm_arena_new(0);
    pthread_mutex_init(&git->lock, NULL);
    return git;
}

void cm_git_free(cm_git *git) {
    if (!git) {
        return;
    }
    pthread_mutex_destroy(&git->lock);
    cm_arena_free(git->arena);
    cm_free(git->root);
    cm_free(git);
}

/* ---- one question ---- */

static bool may_ask(cm_git *git, enum cm_git_op op) {
    pthread_mutex_lock(&git->lock);
    bool may = cm_clock_ns() >= git->not_before_ns[op];
    pthread_mutex_unlock(&git->lock);
    return may;
}

static void note_failure(cm_git *git, enum cm_git_op op, const cm_err *err) {
    pthread_mutex_lock(&git->lock);
    bool said = git->said;
    git->said = true;
    for (size_t i = 0; i < CM_GIT_OP_COUNT;
         i++) { /* where the first fails, the others need not try */
        if (i == op || op == CM_GIT_RULES) {
            git->not_before_ns[i] = cm_clock_ns() + ASK_AGAIN_NS;
        }
    }
    pthread_mutex_unlock(&git->lock);
    cm_log(said ? CM_LOG_DEBUG : CM_LOG_WARN,
           "the git repository of a tree cannot be read: the tree is indexed without it",
           CM_F("root", git->root), CM_F("error", err->text));
}

/* What the worker has done, and since when it has done nothing more. */
typedef struct progress {
    unsigned beat;
    uint64_t since_ns, since_cpu_ns;
} progress;

static bool is_stuck(cm_child *child, enum cm_git_op op, const cm_git_control *control,
                     progress *p) {
    uint64_t now = cm_clock_ns(), cpu = cm_child_cpu_ns(child);
    unsigned beat = atomic_load(&control->beat);
    if (beat != p->beat) {
        *p = (progress){beat, now, cpu};
    }
    return cpu > p->since_cpu_ns + silent_max[op].cpu_ns ||
           now > p->since_ns + silent_max[op].wall_ns;
}

static cm_rc await(cm_child *child, enum cm_git_op op, const cm_cancel *cancel, cm_git_reply *reply,
                   cm_err *err) {
    size_t shared_len;
    const cm_git_control *control = cm_child_shared(child, &shared_len);
    progress p = {.since_ns = cm_clock_ns()};
    for (;;) {
        size_t len = 0;
        cm_rc rc =
            cm_child_receive(child, cm_clock_ns() + SLICE_NS, reply, sizeof(*reply), &len, err);
        if (rc == CM_OK) {
            bool ok = len == sizeof(*reply) && reply->magic == CM_GIT_REPLY_MAGIC &&
                      reply->len <= shared_len - CM_GIT_CONTROL_BYTES;
            return ok ? CM_OK : cm_fail(err, CM_CORRUPT, "git worker gave a wrong answer");
        }
        if (rc != CM_TIMEOUT) {
            return rc == CM_NOMEM ? CM_END : rc;
        }
        rc = cm_cancel_check(cancel, err);
        if (rc != CM_OK) {
            return rc;
        }
        if (is_stuck(child, op, control, &p)) {
            return cm_fail(err, CM_END, "git worker made no progress for too long");
        }
    }
}

static cm_rc ask_child(const cm_git_request *request, const cm_cancel *cancel, cm_child **ret_child,
                       cm_git_reply *reply, cm_err *err) {
    static const char *const argv[] = {"codementor", CM_GIT_WORKER, NULL};
    cm_child_spec spec = {.argv = argv,
                          .shared_bytes = cm_git_shared_bytes((enum cm_git_op)request->op),
                          .address_space_max =
                              MEMORY_MAX + cm_git_shared_bytes((enum cm_git_op)request->op),
                          .cpu_seconds_max = CPU_S_MAX};
    cm_rc rc = cm_child_spawn(&spec, ret_child, err);
    if (rc != CM_OK) {
        return rc;
    }
    rc = cm_child_send(*ret_child, request, sizeof(*request), err);
    return rc == CM_OK ? await(*ret_child, (enum cm_git_op)request->op, cancel, reply, err) : rc;
}

/* On CM_OK `*ret_status` is one of enum cm_git_status and `out` has the answer. CM_IO: there is none, and that
 * is said; CM_CANCELLED, CM_TIMEOUT, CM_NOMEM. */
static cm_rc ask(cm_git *git, cm_git_request *request, const cm_cancel *cancel, cm_buf *out,
                 uint32_t *ret_status, cm_err *err) {
    enum cm_git_op op = (enum cm_git_op)request->op;
    cm_git_reply reply = {0};
    cm_child *child = NULL;
    if (!may_ask(git, op) || strlen(git->root) >= sizeof(request->root)) {
        return cm_fail(err, CM_IO, "the git repository of '%s' cannot be read", git->root);
    }
    request->magic = CM_GIT_REQUEST_MAGIC;
    memcpy(request->root, git->root, strlen(git->root) + 1);
    cm_rc rc = ask_child(request, cancel, &child, &reply, err);
    if (rc == CM_OK && reply.status == CM_GIT_FAILED) {
        rc = cm_fail(err, CM_LIMIT, "it takes too much memory");
    }
    if (rc == CM_OK) {
        size_t len;
        cm_buf_add(out, (const char *)cm_child_shared(child, &len) + CM_GIT_CONTROL_BYTES,
                   (size_t)reply.len);
        rc = cm_buf_check(out, err);
        *ret_status = reply.status;
    }
    cm_child_free(child);
    if (rc == CM_OK || rc == CM_CANCELLED || rc == CM_TIMEOUT || rc == CM_NOMEM) {
        return rc;
    }
    note_failure(git, op, err);
    return err->rc = CM_IO;
}

/* The same for an answer that is a list, which lies in `arena`. An answer that is not well-formed is none. */
static cm_rc ask_list(cm_git *git, enum cm_git_op op, const cm_cancel *cancel, cm_arena *arena,
                      cm_str_list *ret_list, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_git_request request = {.op = op};
    uint32_t status = CM_GIT_NONE;
    cm_buf_init(&out, cm_git_shared_bytes(op));
    *ret_list = (cm_str_list){0};
    cm_rc rc = ask(git, &request, cancel, &out, &status, err);
    if (rc != CM_OK || status != CM_GIT_DONE || out.len == 0) {
        return rc;
    }
    char *bytes = cm_arena_try_alloc(arena, out.len);
    if (!bytes) {
        return cm_fail(err, CM_NOMEM, "out of memory reading git's list of files");
    }
    memcpy(bytes, cm_buf_str(&out).ptr, out.len);
    rc = cm_git_strings(cm_str_make(bytes, out.len), op == CM_GIT_TRACKED, arena, ret_list, err);
    if (rc == CM_CORRUPT || rc == CM_LIMIT) {
        note_failure(git, op, err);
        rc = err->rc = CM_IO;
    }
    return rc;
}

/* ---- the questions ---- */

/* Changes when a repository is made or removed at the root, or its settings are written. */
static uint64_t stamp_of(const cm_git *git, cm_str common) {
    uint64_t stamp = 0;
    char path[2 * CM_PATH_BYTES_MAX];
    const char *const folders[] = {git->root, common.len > 0 ? common.ptr : git->root};
    for (size_t i = 0; i < CM_COUNT(folders); i++) {
        struct stat st = {0};
        snprintf(path, sizeof(path), i == 0 ? "%s/.git" : "%s/config", folders[i]);
        if (lstat(path, &st) == 0) {
            uint64_t times[] = {(uint64_t)st.st_ino, (uint64_t)st.st_ctim.tv_sec,
                                (uint64_t)st.st_ctim.tv_nsec};
            stamp = cm_hash64_mix(stamp, cm_hash64(times, sizeof(times)));
        }
    }
    return stamp;
}

void cm_git_forget(cm_git *git) {
    pthread_mutex_lock(&git->lock);
    git->rules_until_ns = 0;
    pthread_mutex_unlock(&git->lock);
}

static cm_git_rules copy_rules(const cm_git_rules *rules, cm_arena *arena) {
    return (cm_git_rules){rules->found, cm_arena_str(arena, rules->top),
                          cm_arena_str(arena, rules->common), cm_arena_str(arena, rules->excludes)};
}

static bool recall_rules(cm_git *git, cm_arena *arena, cm_git_rules *ret_rules) {
    pthread_mutex_lock(&git->lock);
    bool known =
        cm_clock_ns() < git->rules_until_ns && git->stamp == stamp_of(git, git->rules.common);
    if (known) {
        *ret_rules = copy_rules(&git->rules, arena);
    }
    pthread_mutex_unlock(&git->lock);
    return known;
}

static void keep_rules(cm_git *git, const cm_git_rules *rules) {
    pthread_mutex_lock(&git->lock);
    cm_arena_clear(git->arena);
    git->rules = copy_rules(rules, git->arena);
    git->stamp = stamp_of(git, git->rules.common);
    git->rules_until_ns = cm_clock_ns() + RULES_NS;
    pthread_mutex_unlock(&git->lock);
}

cm_rc cm_git_rules_get(cm_git *git, const cm_cancel *cancel, cm_arena *arena,
                       cm_git_rules *ret_rules, cm_err *err) {
    cm_str_list list;
    if (recall_rules(git, arena, ret_rules)) {
        return CM_OK;
    }
    *ret_rules = (cm_git_rules){0};
    cm_rc rc = ask_list(git, CM_GIT_RULES, cancel, arena, &list, err);
    if (rc != CM_OK) {
        return rc == CM_IO ? CM_OK : rc;
    }
    if (list.count == 3) {
        *ret_rules =
            (cm_git_rules){true, cm_arena_str(arena, list.items[0]),
                           cm_arena_str(arena, list.items[1]), cm_arena_str(arena, list.items[2])};
    }
    keep_rules(git, ret_rules);
    return CM_OK;
}

cm_rc cm_git_tracked(cm_git *git, const cm_cancel *cancel, cm_arena *arena, cm_str_list *ret_paths,
                     cm_err *err) {
    cm_rc rc = ask_list(git, CM_GIT_TRACKED, cancel, arena, ret_paths, err);
    return rc == CM_IO ? CM_OK : rc;
}

bool cm_git_is_tracked(cm_str_list tracked, cm_str path) {
    size_t low = 0, high = tracked.count;
    while (low < high) { /* the first that is not less */
        size_t middle = low + (high - low) / 2;
        if (cm_str_cmp(tracked.items[middle], path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_directory = path.len > 0 && path.ptr[path.len - 1] == '/';
    return low < tracked.count && (is_directory ? cm_str_starts(tracked.items[low], path)
                                                : cm_str_eq(tracked.items[low], path));
}

bool cm_git_head(cm_git *git, char ret_text[CM_GIT_HEAD_TEXT]) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(CM_KIB(64));
    cm_str_list list;
    cm_err ignored; /* the log has it */
    if (ask_list(git, CM_GIT_HEAD, NULL, arena, &list, &ignored) != CM_OK || list.count != 1 ||
        list.items[0].len >= CM_GIT_HEAD_TEXT) {
        return false;
    }
    for (size_t i = 0; i < list.items[0].len; i++) {
        if (!cm_is_alpha(list.items[0].ptr[i]) && !cm_is_digit(list.items[0].ptr[i])) {
            return false;
        }
    }
    memcpy(ret_text, list.items[0].ptr, list.items[0].len);
    ret_text[list.items[0].len] = '\0';
    return true;
}

cm_rc cm_git_history(cm_git *git, const cm_git_history_options *options, cm_buf *out,
                     bool *ret_known, cm_err *err) {
    cm_git_request request = {.op = CM_GIT_HISTORY, .commits = options->commits};
    uint32_t status = CM_GIT_NONE;
    if (options->old_path) {
        snprintf(request.old_path, sizeof(request.old_path), "%s", options->old_path);
    }
    cm_rc rc = ask(git, &request, options->cancel, out, &status, err);
    if (rc == CM_OK) {
        *ret_known = status == CM_GIT_KNOWN;
    }
    return rc;
}
