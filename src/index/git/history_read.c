/* The commits of HEAD, newest first, and what each changed: from the log of before where it is known.
 *
 * The walk is ours and not git_revwalk's, which fails as a whole at the first missing parent: shallow
 * clones and damaged repositories are read as far as they go. Every bound is a count (commits, entries of trees,
 * changes, bytes of paths), not a time, so the same repository gives the same log on any machine. */
#include "index/git/history_read.h"

#include "base/hash.h"
#include "base/path.h"

#include <malloc.h>

#define RULES_VERSION    1 /* to be raised with any change of what is read from a commit */
#define COMMIT_BYTES_MAX CM_MIB(4)
#define ENTRIES_MAX      50000000ull /* of trees, in one reading: about a minute */
#define SEEN_FACTOR      8           /* commits known by name, for each that may be looked at */

typedef struct waiting {
    int64_t time_s;
    git_oid id;
} waiting;

typedef struct known_commit {
    uint8_t oid[CM_HISTORY_OID_BYTES];
    uint32_t commit;
} known_commit;

typedef struct reading {
    const cm_history_options *options;
    const cm_history *old; /* NULL unless it was read by the same rules */
    uint32_t limit;
    git_repository *git;
    cm_history_differ d;
    const char *prefix; /* of the root inside the work tree; "" or "a/b" */
    bool is_shallow;
    CM_VEC(waiting) heap; /* the newest on top */
    cm_map *seen;
    CM_VEC(known_commit) known; /* commits of `old`, by name */
    uint32_t *path_numbers;     /* of `old`'s paths, in the new log; CM_ID_NONE until needed */
    cm_history_log log;
    bool is_full; /* a bound was reached: older commits are left out */
} reading;

static cm_rc no_memory(cm_err *err) {
    return cm_fail(err, CM_NOMEM, "out of memory reading the history of a repository");
}

/* Unless told otherwise it keeps 256 MiB of objects and maps packs 1 GiB at a time. We read trees and commits, newest
 * first, each about twice. */
void cm_git_limit(void) {
    (void)git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CM_MIB(4));
    (void)git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)CM_MIB(32));
    (void)git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)CM_MIB(256));
}

/* ---- commits that wait ---- */

static bool comes_before(const waiting *a, const waiting *b) {
    return a->time_s != b->time_s ? a->time_s > b->time_s : git_oid_cmp(&a->id, &b->id) < 0;
}

static bool heap_push(reading *r, waiting item) {
    if (!cm_vec_push(&r->heap, item)) {
        return false;
    }
    size_t at = r->heap.count - 1;
    while (at > 0 && comes_before(&item, &r->heap.items[(at - 1) / 2])) {
        r->heap.items[at] = r->heap.items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    r->heap.items[at] = item;
    return true;
}

static waiting heap_pop(reading *r) {
    waiting top = r->heap.items[0], last = r->heap.items[--r->heap.count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < r->heap.count) {
        if (child + 1 < r->heap.count &&
            comes_before(&r->heap.items[child + 1], &r->heap.items[child])) {
            child++;
        }
        if (!comes_before(&r->heap.items[child], &last)) {
            break;
        }
        r->heap.items[at] = r->heap.items[child];
        at = child;
    }
    r->heap.items[at] = last;
    return top;
}

/* NULL when it is missing, damaged, no commit, or absurdly large. */
static git_commit *read_commit(reading *r, const git_oid *id) {
    git_commit *commit = NULL;
    if (!cm_history_is_small(&r->d, id, COMMIT_BYTES_MAX) ||
        git_commit_lookup(&commit, r->git, id) != 0) {
        return NULL;
    }
    return commit;
}

/* Lets a commit wait for its turn, once. */
static cm_rc enqueue(reading *r, const git_oid *id, cm_err *err) {
    bool added;
    if (cm_map_count(r->seen) >= (size_t)r->limit * SEEN_FACTOR) {
        r->is_full = true;
        return CM_OK;
    }
    if (!cm_map_slot(r->seen, cm_str_make((const char *)id->id, sizeof(id->id)), &added)) {
        return no_memory(err);
    }
    if (!added) {
        return CM_OK;
    }
    git_commit *commit = read_commit(r, id);
    if (!commit) { /* the end of a shallow clone, or damage */
        r->log.head.flags |= CM_HISTORY_FLAG_CUT | CM_HISTORY_FLAG_AGAIN;
        return CM_OK;
    }
    waiting item = {CM_MIN(CM_MAX(git_commit_time(commit), 0), CM_HISTORY_TIME_MAX), *id};
    git_commit_free(commit);
    return heap_push(r, item) ? CM_OK : no_memory(err);
}

static cm_rc enqueue_parents(reading *r, const git_commit *commit, cm_err *err) {
    cm_rc rc = CM_OK;
    for (unsigned i = 0; rc == CM_OK && !r->is_full && i < git_commit_parentcount(commit); i++) {
        rc = enqueue(r, git_commit_parent_id(commit, i), err);
    }
    return rc;
}

/* ---- one commit ---- */

/* False when the log is full. */
static bool add_change(reading *r, cm_str path, cm_str old_path) {
    cm_history_change change = {.old_path = CM_ID_NONE};
    return r->log.changes.count < CM_HISTORY_CHANGES_MAX &&
           cm_history_log_path(&r->log, path, &change.path) &&
           (old_path.len == 0 || cm_history_log_path(&r->log, old_path, &change.old_path)) &&
           cm_vec_push(&r->log.changes, change);
}

static void end_commit(reading *r, cm_history_commit *commit) {
    commit->changes = (uint16_t)(r->log.changes.count - commit->first_change);
    if (!r->is_full && cm_vec_push(&r->log.commits, *commit)) {
        return;
    }
    r->log.changes.count = commit->first_change; /* half a commit is none */
    r->is_full = true;
}

/* The tree of the root we were asked for; NULL when the commit has none, or it cannot be read. */
static git_tree *root_tree(reading *r, const git_commit *commit) {
    git_tree *tree = cm_history_tree(&r->d, git_commit_tree_id(commit));
    cm_str rest = cm_str_from(r->prefix), part;
    while (tree && rest.len > 0 && cm_str_split(&rest, '/', &part)) {
        char name[CM_PATH_BYTES_MAX];
        snprintf(name, sizeof(name), CM_STR_FMT, CM_STR_ARG(part));
        const git_tree_entry *entry = git_tree_entry_byname(tree, name);
        git_tree *below = entry && git_tree_entry_type(entry) == GIT_OBJECT_TREE
                              ? cm_history_tree(&r->d, git_tree_entry_id(entry))
                              : NULL;
        git_tree_free(tree);
        tree = below;
    }
    return tree;
}

/* What the commit changed goes to r->d.items; `*ret_flags` says what of it may be used. */
static cm_rc diff_commit(reading *r, const git_commit *commit, uint8_t *ret_flags, cm_err *err) {
    git_commit *parent = NULL;
    git_tree *before = NULL, *after = NULL;
    cm_rc rc = CM_OK;
    cm_vec_clear(&r->d.items);
    cm_arena_clear(r->d.arena);
    r->d.is_incomplete = r->d.is_endless = false;
    if (git_commit_parentcount(commit) > 0) {
        parent = read_commit(r, git_commit_parent_id(commit, 0));
    }
    bool readable = parent || (git_commit_parentcount(commit) == 0 && !r->is_shallow);
    if (readable) {
        before = parent ? root_tree(r, parent) : NULL;
        after = root_tree(r, commit);
        readable = !r->d.is_incomplete;
    }
    if (readable && (before || after) &&
        !(before && after && git_oid_equal(git_tree_id(before), git_tree_id(after)))) {
        rc = cm_history_diff(&r->d, before, after, err);
    }
    if (!readable || r->d.is_incomplete) {
        *ret_flags = CM_HISTORY_COMMIT_INCOMPLETE;
    } else if (r->d.is_endless) {
        *ret_flags = CM_HISTORY_COMMIT_LARGE;
    }
    git_tree_free(before);
    git_tree_free(after);
    git_commit_free(parent);
    return rc;
}

static uint32_t count_changes(const cm_history_differ *d) {
    uint32_t count = 0;
    for (size_t i = 0; i < d->items.count; i++) {
        count += !d->items.items[i].is_paired; /* a rename is one */
    }
    return count;
}

static void add_changes(reading *r, cm_history_commit *commit) {
    if (commit->flags == 0) {
        cm_history_pair_renames(&r->d);
        if (count_changes(&r->d) > CM_HISTORY_FILES_MAX) {
            commit->flags = CM_HISTORY_COMMIT_LARGE;
        }
    } else {
        cm_vec_clear(&r->d.items); /* incomplete, or endless */
    }
    for (size_t i = 0; i < r->d.items.count && !r->is_full; i++) {
        const cm_history_difference *item = &r->d.items.items[i];
        bool is_rename = item->old_path.len > 0;
        bool wanted =
            commit->flags & CM_HISTORY_COMMIT_LARGE ? is_rename : !git_oid_is_zero(&item->after);
        if (wanted && !add_change(r, item->path, item->old_path)) {
            r->is_full = true;
        }
    }
}

static cm_rc read_changes(reading *r, const git_commit *from, cm_history_commit *commit,
                          cm_err *err) {
    cm_rc rc = diff_commit(r, from, &commit->flags, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (r->d.is_exhausted) {
        r->is_full = true;
        r->log.head.flags |=
            CM_HISTORY_FLAG_AGAIN; /* the next reading begins where this one ended */
    }
    if (commit->flags & CM_HISTORY_COMMIT_INCOMPLETE) {
        r->log.head.flags |= CM_HISTORY_FLAG_AGAIN;
    }
    add_changes(r, commit);
    return CM_OK;
}

/* ---- what is known ---- */

static int known_cmp(const void *left, const void *right) {
    return memcmp(((const known_commit *)left)->oid, ((const known_commit *)right)->oid,
                  CM_HISTORY_OID_BYTES);
}

static cm_rc index_known(reading *r, cm_err *err) {
    const cm_history *old = r->old;
    if (!old) {
        return CM_OK;
    }
    r->path_numbers = cm_try_calloc((size_t)old->path_count + 1, sizeof(uint32_t));
    if (!r->path_numbers) {
        return no_memory(err);
    }
    memset(r->path_numbers, 0xff, (size_t)old->path_count * sizeof(uint32_t));
    for (uint32_t i = 0; i < old->commit_count; i++) {
        known_commit item = {.commit = i};
        memcpy(item.oid, old->commits[i].oid, sizeof(item.oid));
        if (!(old->commits[i].flags & CM_HISTORY_COMMIT_INCOMPLETE) &&
            !cm_vec_push(&r->known, item)) {
            return no_memory(err);
        }
    }
    if (r->known.count > 1) {
        qsort(r->known.items, r->known.count, sizeof(known_commit), known_cmp);
    }
    return CM_OK;
}

static const cm_history_commit *find_known(const reading *r, const git_oid *id) {
    known_commit wanted = {0};
    memcpy(wanted.oid, id->id, sizeof(wanted.oid));
    const known_commit *found =
        r->known.count > 0
            ? bsearch(&wanted, r->known.items, r->known.count, sizeof(known_commit), known_cmp)
            : NULL;
    return found ? &r->old->commits[found->commit] : NULL;
}

static bool carry_path(reading *r, uint32_t old_number, uint32_t *ret_number) {
    uint32_t *number = &r->path_numbers[old_number];
    if (*number == CM_ID_NONE &&
        !cm_history_log_path(&r->log, cm_history_path_at(r->old, old_number), number)) {
        return false;
    }
    *ret_number = *number;
    return true;
}

static void carry_changes(reading *r, const cm_history_commit *old, cm_history_commit *commit) {
    commit->flags = old->flags;
    for (uint32_t i = 0; i < old->changes && !r->is_full; i++) {
        const cm_history_change *from = &r->old->changes[old->first_change + i];
        cm_history_change change = {.old_path = CM_ID_NONE};
        if (r->log.changes.count >= CM_HISTORY_CHANGES_MAX ||
            !carry_path(r, from->path, &change.path) ||
            (from->old_path != CM_ID_NONE && !carry_path(r, from->old_path, &change.old_path)) ||
            !cm_vec_push(&r->log.changes, change)) {
            r->is_full = true;
        }
    }
}

/* ---- the walk ---- */

static cm_rc visit(reading *r, const waiting *next, cm_err *err) {
    git_commit *from = NULL;
    if (git_commit_lookup(&from, r->git, &next->id) !=
        0) {          /* its size was looked at when it was queued */
        return CM_OK; /* it was there a moment ago; the next job sees what became of it */
    }
    cm_rc rc = enqueue_parents(r, from, err);
    if (rc == CM_OK && git_commit_parentcount(from) <= 1) {
        cm_history_commit commit = {.first_change = (uint32_t)r->log.changes.count,
                                    .time_s = next->time_s};
        const cm_history_commit *old = find_known(r, &next->id);
        memcpy(commit.oid, next->id.id, sizeof(commit.oid));
        if (old) {
            carry_changes(r, old, &commit);
        } else {
            rc = read_changes(r, from, &commit, err);
        }
        if (rc == CM_OK) {
            end_commit(r, &commit);
        }
    }
    git_commit_free(from);
    return rc;
}

static cm_rc walk(reading *r, const git_oid *head, cm_err *err) {
    cm_rc rc = enqueue(r, head, err);
    uint32_t visited = 0;
    if (rc == CM_OK && r->heap.count > 0) {
        r->log.head.time_s = r->heap.items[0].time_s;
    } else if (rc == CM_OK) {
        r->log.head.flags |= CM_HISTORY_FLAG_NO_COMMITS;
    }
    while (rc == CM_OK && r->heap.count > 0 && !r->is_full) {
        waiting next = heap_pop(r);
        r->is_full = visited++ == r->limit;
        if (r->options->beat) {
            atomic_fetch_add(r->options->beat, 1);
        }
        if (!r->is_full) {
            rc = visit(r, &next, err);
        }
        if (rc == CM_OK) {
            rc = cm_cancel_check(r->options->cancel, err);
        }
    }
    if (r->is_full) {
        r->log.head.flags |= CM_HISTORY_FLAG_CUT;
    }
    return rc;
}

/* ---- the whole ---- */

/* Opens the repository whose work tree holds `root`, and finds the root's place in it. False: there is none. */
static bool open_git(reading *r, const char *root, cm_arena *arena) {
    if (git_repository_open_ext(&r->git, root, 0, NULL) != 0 ||
        git_repository_odb(&r->d.odb, r->git) != 0) {
        return false;
    }
    const char *top = git_repository_workdir(r->git);
    cm_str full = cm_arena_fmt(arena, "%s/", root);
    if (!top || !cm_str_starts(full, cm_str_from(top))) {
        return false;
    }
    cm_str prefix = cm_str_from_offset(full, strlen(top));
    if (prefix.len > 0) {
        prefix.len--;
    }
    r->prefix = cm_arena_c(arena, prefix);
    r->d.git = r->git;
    r->is_shallow = git_repository_is_shallow(r->git) == 1;
    return true;
}

static void reading_done(reading *r) {
    cm_vec_done(&r->heap);
    cm_vec_done(&r->known);
    cm_vec_done(&r->d.items);
    cm_map_free(r->seen);
    cm_free(r->path_numbers);
    cm_history_log_done(&r->log);
    git_odb_free(r->d.odb);
    git_repository_free(r->git);
}

/* Whether `old` is what a reading from `head` would give. */
static bool is_known(const reading *r, const git_oid *head) {
    const uint32_t again = CM_HISTORY_FLAG_AGAIN | CM_HISTORY_FLAG_SHALLOW |
                           CM_HISTORY_FLAG_NO_COMMITS | CM_HISTORY_FLAG_NO_GIT;
    return r->old && !r->is_shallow && !(r->old->head->flags & again) &&
           memcmp(r->old->head->oid, head->id, CM_HISTORY_OID_BYTES) == 0;
}

static cm_rc read_git(reading *r, bool *ret_known, cm_err *err) {
    git_oid head;
    if (git_reference_name_to_id(&head, r->git, "HEAD") != 0) {
        r->log.head.flags |= CM_HISTORY_FLAG_NO_COMMITS;
        return CM_OK;
    }
    *ret_known = is_known(r, &head);
    if (*ret_known) {
        return CM_OK;
    }
    memcpy(r->log.head.oid, head.id, CM_HISTORY_OID_BYTES);
    if (r->is_shallow) {
        r->log.head.flags |= CM_HISTORY_FLAG_SHALLOW;
    }
    cm_rc rc = index_known(r, err);
    return rc == CM_OK ? walk(r, &head, err) : rc;
}

static uint64_t rules_of(const reading *r) {
    uint64_t hash = cm_hash64_mix(RULES_VERSION, r->limit);
    hash = cm_hash64_mix(hash, CM_HISTORY_FILES_MAX);
    return r->prefix ? cm_hash64_mix(hash, cm_hash64(r->prefix, strlen(r->prefix))) : hash;
}

cm_rc cm_history_read(const char *root, const cm_history_options *options, cm_buf *out,
                      bool *ret_known, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    reading r = {.options = options, .seen = cm_map_new(0)};
    bool known = false;
    cm_rc rc = CM_OK;
    r.limit = options->commits ? options->commits : CM_HISTORY_COMMITS;
    r.d.arena = cm_arena_new(0);
    r.d.entries_left = ENTRIES_MAX;
    cm_history_log_init(&r.log);
    git_libgit2_init();
    bool is_git = open_git(&r, root, arena);
    r.log.head.rules = rules_of(&r);
    if (options->old && cm_history_ready(options->old) &&
        options->old->head->rules == r.log.head.rules) {
        r.old = options->old;
    }
    if (is_git) {
        rc = read_git(&r, &known, err);
    } else {
        r.log.head.flags |= CM_HISTORY_FLAG_NO_GIT;
    }
    if (rc == CM_OK && !known) {
        rc = cm_history_log_write(&r.log, out, err);
    }
    if (rc == CM_OK && !known) {
        known = r.old && cm_str_eq(cm_buf_str(out), r.old->part.bytes);
    }
    if (rc == CM_OK) {
        *ret_known = known;
    }
    cm_arena_free(r.d.arena);
    reading_done(&r);
    git_libgit2_shutdown();
    if (!known) {
        malloc_trim(0); /* what was needed for a moment goes back to the system */
    }
    return rc;
}
