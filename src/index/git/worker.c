/* worker.c - the child that reads git: one question, one answer, gone. See git.h for why.
 *
 * libgit2 is set up before the seal, for it loads tables; afterwards files may be read and nothing else is left: no
 * network, no programs, no write. It is killed by who asked when it makes no step for some seconds. */
#include "index/git/git.h"
#include "base/file.h"
#include "index/git/history_read.h"
#include "index/git/protocol.h"
#include "rt/child.h"

typedef struct worker {
    cm_child_self self;
    cm_git_control *control;
    cm_git_request request;
    cm_buf answer;
    uint32_t status; /* enum cm_git_status */
} worker;

static void add_string(worker *w, const char *text) {
    uint32_t len = text ? (uint32_t)strlen(text) : 0;
    cm_buf_add(&w->answer, &len, sizeof(len));
    if (len > 0) {
        cm_buf_add(&w->answer, text, len);
    }
}

/* The root inside the work tree, or NULL: no repository that has it. */
static git_repository *open_around(const worker *w) {
    git_repository *git = NULL;
    char full[CM_PATH_BYTES_MAX + 1];
    snprintf(full, sizeof(full), "%s/", w->request.root);
    if (git_repository_open_ext(&git, w->request.root, 0, NULL) != 0) {
        return NULL;
    }
    const char *top = git_repository_workdir(git);
    int ignored = 0;
    bool inside = top && cm_str_starts(cm_str_from(full), cm_str_from(top));
    if (inside &&
        strlen(full) >
            strlen(top)) { /* what git ignores but was asked for by name is a plain tree */
        (void)git_ignore_path_is_ignored(&ignored, git, full);
    }
    if (!inside || ignored) {
        git_repository_free(git);
        return NULL;
    }
    return git;
}

static void read_rules(worker *w) {
    git_repository *git = open_around(w);
    git_config *config = NULL;
    git_buf excludes = {0};
    if (!git) {
        w->status = CM_GIT_NONE;
        return;
    }
    if (git_repository_config_snapshot(&config, git) != 0 ||
        git_config_get_path(&excludes, config, "core.excludesfile") != 0) {
        git_buf_dispose(&excludes);
    }
    add_string(w, git_repository_workdir(git));
    add_string(w, git_repository_commondir(git));
    add_string(w, excludes.ptr);
    git_buf_dispose(&excludes);
    git_config_free(config);
    git_repository_free(git);
}

/* Each path once: of one in conflict there are up to three. */
static void read_tracked(worker *w) {
    git_repository *git = open_around(w);
    git_index *index = NULL;
    const char *last = "";
    w->status = CM_GIT_NONE;
    if (git && git_repository_index(&index, git) == 0) {
        w->status = CM_GIT_DONE;
        for (size_t i = 0; i < git_index_entrycount(index); i++) {
            const git_index_entry *entry = git_index_get_byindex(index, i);
            if (strcmp(entry->path, last) > 0) {
                add_string(w, entry->path);
                last = entry->path;
            }
        }
    }
    git_index_free(index);
    git_repository_free(git);
}

static void read_head(worker *w) {
    git_repository *git = NULL;
    git_oid oid;
    char text[CM_GIT_HEAD_TEXT];
    w->status = CM_GIT_NONE;
    if (git_repository_open_ext(&git, w->request.root, 0, NULL) == 0 &&
        git_reference_name_to_id(&oid, git, "HEAD") == 0) {
        w->status = CM_GIT_DONE;
        add_string(w, git_oid_tostr(text, sizeof(text), &oid));
    }
    git_repository_free(git);
}

static void read_history(worker *w) {
    cm_history *old = NULL;
    bool known = false;
    cm_history_options options = {.commits = w->request.commits, .beat = &w->control->beat};
    if (w->request.old_path[0] != '\0' &&
        cm_history_open(w->request.old_path, &old, NULL) != CM_OK) {
        old = NULL; /* all is read anew */
    }
    options.old = old;
    if (cm_history_read(w->request.root, &options, &w->answer, &known, NULL) != CM_OK) {
        w->status = CM_GIT_FAILED;
    } else {
        w->status = known ? CM_GIT_KNOWN : CM_GIT_DONE;
    }
    cm_history_unref(old);
}

static bool has_end(const char *text) {
    return memchr(text, 0, CM_PATH_BYTES_MAX) != NULL;
}

static bool request_ok(const worker *w, size_t len) {
    const cm_git_request *r = &w->request;
    return len == sizeof(*r) && r->magic == CM_GIT_REQUEST_MAGIC && r->op < CM_GIT_OP_COUNT &&
           has_end(r->root) && has_end(r->old_path) &&
           w->self.shared_len >= cm_git_shared_bytes((enum cm_git_op)r->op);
}

static cm_rc answer(worker *w, cm_err *err) {
    static void (*const readers[CM_GIT_OP_COUNT])(worker *) = {
        [CM_GIT_RULES] = read_rules,
        [CM_GIT_TRACKED] = read_tracked,
        [CM_GIT_HEAD] = read_head,
        [CM_GIT_HISTORY] = read_history,
    };
    size_t len;
    cm_rc rc = cm_channel_receive(w->self.fd, &w->request, sizeof(w->request), &len, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!request_ok(w, len)) {
        return cm_fail(err, CM_INVALID, "bad request of %zu bytes", len);
    }
    cm_buf_init(&w->answer,
                cm_git_shared_bytes((enum cm_git_op)w->request.op) - CM_GIT_CONTROL_BYTES);
    readers[w->request.op](w);
    cm_git_reply reply = {.magic = CM_GIT_REPLY_MAGIC, .status = w->status};
    cm_str bytes = cm_buf_str(&w->answer);
    if (w->answer.failed != CM_OK) {
        reply.status = CM_GIT_FAILED;
    } else if (reply.status == CM_GIT_DONE && bytes.len > 0) {
        memcpy((char *)w->self.shared + CM_GIT_CONTROL_BYTES, bytes.ptr, bytes.len);
        reply.len = bytes.len;
    }
    cm_buf_done(&w->answer);
    return cm_channel_send(w->self.fd, &reply, sizeof(reply), err);
}

int cm_git_worker_main(int argc, char **argv) {
    worker w = {.status = CM_GIT_DONE};
    cm_err err;
    (void)argv;
    if (argc != 2 || cm_child_enter(&w.self, &err) != CM_OK ||
        w.self.shared_len < CM_GIT_CONTROL_BYTES) {
        return 2;
    }
    w.control = w.self.shared;
    git_libgit2_init();
    cm_git_limit();
    (void)cm_mapping_torn_fd(); /* sets up the guard of mappings: the old log is one */
    cm_rc rc = cm_child_seal_reading(&err);
    if (rc == CM_OK) {
        rc = answer(&w, &err);
    }
    return rc == CM_OK ? 0 : 1;
}
