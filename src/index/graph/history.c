/* history.c - checking a log that was read, folding renames into the names of now, and counting pairs when asked.
 *
 * A history is folded at its first question, under its lock; before that only the log is kept. */
#include "index/graph/history_priv.h"

#include "index/snapshot/snapshot_priv.h"

#include <math.h>

cm_history *cm_history_ref(cm_history *history) {
    atomic_fetch_add_explicit(&history->refs, 1, memory_order_relaxed);
    return history;
}

static void forget(cm_history *h) {
    uint32_t **const tables[] = {&h->names,  &h->current, &h->members,
                                 &h->starts, &h->touched, &h->near_starts};
    for (size_t i = 0; i < CM_COUNT(tables); i++) {
        cm_free(*tables[i]);
        *tables[i] = NULL;
    }
    cm_free(h->ages);
    cm_free(h->near);
    h->ages = NULL;
    h->near = NULL;
    h->file_count = h->counted = 0;
}

void cm_history_unref(cm_history *history) {
    if (!history || atomic_fetch_sub_explicit(&history->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    forget(history);
    cm_part_close(&history->part);
    pthread_mutex_destroy(&history->lock);
    cm_free(history);
}

/* ---- checking ---- */

static bool paths_are_sound(const cm_history *h) {
    cm_str before = CM_STR_EMPTY;
    for (uint32_t i = 0; i < h->path_count; i++) {
        const cm_history_path_record *p = &h->paths[i];
        if (p->len == 0 || p->offset > h->strings.len || p->len > h->strings.len - p->offset) {
            return false;
        }
        cm_str path = cm_history_path_at(h, i);
        if (i > 0 && cm_str_cmp(before, path) >= 0) {
            return false;
        }
        before = path;
    }
    return true;
}

static bool changes_are_sound(const cm_history *h) {
    for (uint32_t i = 0; i < h->change_count; i++) {
        const cm_history_change *c = &h->changes[i];
        if (c->path >= h->path_count ||
            (c->old_path != CM_ID_NONE && c->old_path >= h->path_count)) {
            return false;
        }
    }
    uint32_t next = 0; /* commits take the changes one after the other: each belongs to one */
    for (uint32_t i = 0; i < h->commit_count; i++) {
        const cm_history_commit *c = &h->commits[i];
        if (c->time_s < 0 || c->time_s > CM_HISTORY_TIME_MAX || c->first_change != next ||
            c->changes > h->change_count - next) {
            return false;
        }
        if (!(c->flags & CM_HISTORY_COMMIT_LARGE) && c->changes > CM_HISTORY_FILES_MAX) {
            return false;
        }
        next += c->changes;
    }
    return next == h->change_count;
}

static bool is_sound(const cm_history *h) {
    return cm_part_check(&h->part, NULL) == CM_OK && h->change_count <= CM_HISTORY_CHANGES_MAX &&
           h->commit_count <= CM_HISTORY_COMMITS_MAX && paths_are_sound(h) && changes_are_sound(h);
}

/* ---- folding: whose changes these are, under the names of now ---- */

static bool counts(const cm_history_commit *commit) {
    return commit->flags == 0;
}

/* The file that bears `path` where the walk is; a new one when nothing newer bears it. */
static uint32_t file_of(cm_history *h, uint32_t *bearers, uint32_t path) {
    if (bearers[path] != CM_ID_NONE) {
        return bearers[path];
    }
    uint32_t file = h->file_count++;
    h->names[file] = path;
    if (h->current[path] == CM_ID_NONE) {
        h->current[path] = file;
    }
    return bearers[path] = file;
}

/* From the newest commit to the oldest; before a rename the file bore the old name, and whoever bore the new one
 * then was another file. Renames of a commit happen at once: all changes are looked up first. */
static void fold_commit(cm_history *h, const cm_history_commit *commit, uint32_t *bearers) {
    uint32_t first = commit->first_change, end = first + commit->changes;
    for (uint32_t i = first; i < end; i++) {
        h->members[i] = file_of(h, bearers, h->changes[i].path);
    }
    for (uint32_t i = first; i < end; i++) {
        if (h->changes[i].old_path != CM_ID_NONE) {
            bearers[h->changes[i].path] = CM_ID_NONE;
        }
    }
    for (uint32_t i = first; i < end; i++) {
        if (h->changes[i].old_path != CM_ID_NONE) {
            bearers[h->changes[i].old_path] = h->members[i];
        }
    }
    for (uint32_t i = first; i < end && !counts(commit); i++) {
        h->members[i] = CM_ID_NONE;
    }
    h->counted += counts(commit);
}

/* Commits of each file, newest first; a file that a commit names twice has it once. */
static void list_commits(cm_history *h, uint32_t *last) {
    memset(last, 0xff, (size_t)h->file_count * sizeof(*last));
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t c = 0; c < h->commit_count; c++) {
            for (uint32_t i = 0; i < h->commits[c].changes; i++) {
                uint32_t *file = &h->members[h->commits[c].first_change + i];
                if (*file == CM_ID_NONE) {
                    continue;
                }
                if (pass == 1) {
                    h->touched[h->starts[*file]++] = c;
                } else if (last[*file] == c) {
                    *file = CM_ID_NONE;
                } else {
                    last[*file] = c;
                    h->starts[*file]++;
                }
            }
        }
        uint32_t at =
            0; /* counts become starts; after the second pass each start is the next one's */
        for (uint32_t f = 0; f <= h->file_count && pass == 0; f++) {
            uint32_t count = h->starts[f];
            h->starts[f] = at;
            at += count;
        }
    }
    memmove(h->starts + 1, h->starts, (size_t)h->file_count * sizeof(*h->starts));
    h->starts[0] = 0;
}

static void weigh_commits(cm_history *h) {
    for (uint32_t c = 0; c < h->commit_count; c++) {
        double age = (double)h->head->time_s - (double)h->commits[c].time_s;
        h->ages[c] = exp2(-CM_MAX(age, 0.0) / CM_HISTORY_HALF_LIFE_S);
    }
}

static bool fold(cm_history *h) {
    /* A change begins a file at most; so does nothing else. */
    size_t paths = (size_t)h->path_count + 1, changes = (size_t)h->change_count + 1;
    uint32_t *scratch = cm_try_calloc(CM_MAX(paths, changes), sizeof(*scratch));
    h->names = cm_try_calloc(changes, sizeof(*h->names));
    h->current = cm_try_calloc(paths, sizeof(*h->current));
    h->members = cm_try_calloc(changes, sizeof(*h->members));
    h->starts = cm_try_calloc(changes + 1, sizeof(*h->starts));
    h->touched = cm_try_calloc(changes, sizeof(*h->touched));
    h->ages = cm_try_calloc((size_t)h->commit_count + 1, sizeof(*h->ages));
    bool ok = scratch && h->names && h->current && h->members && h->starts && h->touched && h->ages;
    if (ok) {
        memset(scratch, 0xff, paths * sizeof(*scratch));
        memset(h->current, 0xff, paths * sizeof(*h->current));
        for (uint32_t c = 0; c < h->commit_count; c++) {
            fold_commit(h, &h->commits[c], scratch);
        }
        list_commits(h, scratch);
        weigh_commits(h);
    }
    cm_free(scratch);
    return ok;
}

/* Holds the lock, or nobody else knows the history. */
static bool fold_locked(cm_history *h) {
    if (h->folded) {
        return true;
    }
    h->damaged = h->damaged || !is_sound(h);
    h->folded = !h->damaged && fold(h);
    if (!h->folded) {
        forget(h); /* out of memory: the next question tries again */
    }
    return h->folded;
}

bool cm_history_ready(const cm_history *history) {
    cm_history *h = (cm_history *)(uintptr_t)history; /* fills its cache, under its lock */
    pthread_mutex_lock(&h->lock);
    bool ready = fold_locked(h);
    pthread_mutex_unlock(&h->lock);
    return ready;
}

/* ---- facts ---- */

const cm_history *cm_snapshot_history(const cm_snapshot *snapshot) {
    return snapshot->slots[CM_SLOT_HISTORY].value;
}

static void drop_history(void *history) {
    cm_history_unref(history);
}

void cm_history_attach(cm_history *history, cm_snapshot *snapshot) {
    if (history) {
        cm_snapshot_fill(snapshot, CM_SLOT_HISTORY, cm_history_ref(history), drop_history);
    }
}

void cm_history_facts_get(const cm_history *history, cm_history_facts *ret_facts) {
    cm_history_facts facts = {.state = CM_HISTORY_DAMAGED};
    if (cm_history_ready(history)) {
        uint32_t flags = history->head->flags;
        facts =
            (cm_history_facts){.state = flags & CM_HISTORY_FLAG_NO_GIT       ? CM_HISTORY_NO_GIT
                                        : flags & CM_HISTORY_FLAG_NO_COMMITS ? CM_HISTORY_NO_COMMITS
                                                                             : CM_HISTORY_READ,
                               .commits = history->commit_count,
                               .counted = history->counted,
                               .files = history->file_count,
                               .is_cut = flags & CM_HISTORY_FLAG_CUT};
        memcpy(facts.head, history->head->oid, sizeof(facts.head));
    }
    *ret_facts = facts;
}

uint32_t cm_history_find(const cm_history *history, cm_str path) {
    if (!cm_history_ready(history)) {
        return CM_ID_NONE;
    }
    uint32_t low = 0, high = history->path_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = cm_str_cmp(cm_history_path_at(history, middle), path);
        if (order == 0) {
            return history->current[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return CM_ID_NONE;
}

cm_str cm_history_path(const cm_history *history, uint32_t file) {
    return file < history->file_count ? cm_history_path_at(history, history->names[file])
                                      : CM_STR_EMPTY;
}

uint32_t cm_history_commits(const cm_history *history, uint32_t file) {
    return file < history->file_count ? history->starts[file + 1] - history->starts[file] : 0;
}

/* ---- counting ---- */

typedef struct tally {
    uint32_t support;
    double weight;
    int64_t last_s;
} tally;

typedef struct counting {
    const cm_history *h;
    tally *tallies; /* of each file; zero but for those in `partners` */
    uint32_t *partners;
    uint32_t count;
    double own; /* decayed commits of the file at hand */
} counting;

static bool counting_init(counting *c, const cm_history *h) {
    *c = (counting){.h = h,
                    .tallies = cm_try_calloc((size_t)h->file_count + 1, sizeof(tally)),
                    .partners = cm_try_calloc((size_t)h->file_count + 1, sizeof(uint32_t))};
    return c->tallies && c->partners;
}

static void counting_done(counting *c) {
    cm_free(c->tallies);
    cm_free(c->partners);
}

static void count_file(counting *c, uint32_t file) {
    const cm_history *h = c->h;
    c->count = 0;
    c->own = 0;
    for (uint32_t t = h->starts[file]; t < h->starts[file + 1]; t++) {
        const cm_history_commit *commit = &h->commits[h->touched[t]];
        double age = h->ages[h->touched[t]];
        c->own += age;
        for (uint32_t i = 0; i < commit->changes; i++) {
            uint32_t other = h->members[commit->first_change + i];
            if (other == file || other == CM_ID_NONE) {
                continue;
            }
            tally *sum = &c->tallies[other];
            if (sum->support++ == 0) {
                c->partners[c->count++] = other;
                sum->last_s = commit->time_s;
            }
            sum->weight += age;
            sum->last_s = CM_MAX(sum->last_s, commit->time_s);
        }
    }
}

/* Zeroes what count_file counted; those that have the support go to `items`, in no order. */
static uint32_t take_tallies(counting *c, uint32_t file, cm_cochange *items) {
    uint32_t kept = 0;
    double commits = cm_history_commits(c->h, file);
    for (uint32_t i = 0; i < c->count; i++) {
        tally *sum = &c->tallies[c->partners[i]];
        if (sum->support >= CM_HISTORY_SUPPORT_MIN) {
            items[kept++] = (cm_cochange){
                .file = c->partners[i],
                .support = sum->support,
                .confidence = (double)sum->support / commits,
                /* A history that ended ages before HEAD's time weighs nothing: then support alone tells. */
                .weight =
                    c->own > 0 ? CM_MIN(sum->weight / c->own, 1.0) : (double)sum->support / commits,
                .last_s = sum->last_s};
        }
        *sum = (tally){0};
    }
    return kept;
}

/* Files are numbered by what their history does first; by path is what a reader expects among equals. */
static int cochange_cmp(const void *left, const void *right, void *history) {
    const cm_cochange *a = left, *b = right;
    const cm_history *h = history;
    if (a->weight != b->weight) {
        return a->weight > b->weight ? -1 : 1;
    }
    if (a->support != b->support) {
        return a->support > b->support ? -1 : 1;
    }
    return cm_str_cmp(cm_history_path(h, a->file), cm_history_path(h, b->file));
}

static void sort_cochanges(const cm_history *h, cm_cochange *items, size_t count) {
    if (count > 1) {
        qsort_r(items, count, sizeof(*items), cochange_cmp, (void *)(uintptr_t)h);
    }
}

cm_rc cm_history_together(const cm_history *history, uint32_t file, cm_arena *arena,
                          const cm_cochange **ret_items, size_t *ret_count, cm_err *err) {
    counting c = {0};
    cm_cochange *items = NULL;
    size_t count = 0;
    bool ok = cm_history_ready(history) && file < history->file_count
                  ? counting_init(&c, history)
                  : (items = CM_ARENA_NEW(arena, cm_cochange)) != NULL;
    if (ok && !items) {
        count_file(&c, file);
        items = CM_ARENA_ARRAY(arena, cm_cochange, (size_t)c.count + 1);
        count = items ? take_tallies(&c, file, items) : 0;
    }
    counting_done(&c);
    if (!items) {
        return cm_fail(err, CM_NOMEM, "out of memory counting changes");
    }
    sort_cochanges(history, items, count);
    *ret_items = items;
    *ret_count = count;
    return CM_OK;
}

/* ---- all files at once ---- */

static bool find_nearest(cm_history *h) {
    counting c;
    CM_VEC(cm_history_near) near = {0};
    cm_cochange *items = cm_try_calloc((size_t)h->file_count + 1, sizeof(*items));
    uint32_t *starts = cm_try_calloc((size_t)h->file_count + 1, sizeof(*starts));
    bool ok = counting_init(&c, h) && items && starts;
    for (uint32_t file = 0; ok && file < h->file_count; file++) {
        starts[file] = (uint32_t)near.count;
        if (cm_history_commits(h, file) < CM_HISTORY_SUPPORT_MIN) {
            continue;
        }
        count_file(&c, file);
        uint32_t count = take_tallies(&c, file, items);
        sort_cochanges(h, items, count);
        for (uint32_t i = 0; ok && i < count && i < CM_HISTORY_NEAR_MAX; i++) {
            ok = cm_vec_push(&near, (cm_history_near){items[i].file, (float)items[i].weight});
        }
    }
    counting_done(&c);
    cm_free(items);
    if (!ok) {
        cm_vec_done(&near);
        cm_free(starts);
        return false;
    }
    starts[h->file_count] = (uint32_t)near.count;
    h->near = near.items;
    h->near_starts = starts;
    return true;
}

size_t cm_history_nearest(const cm_history *history, uint32_t file,
                          const cm_history_near **ret_near) {
    cm_history *h = (cm_history *)(uintptr_t)history; /* fills its cache, under its lock */
    size_t count = 0;
    pthread_mutex_lock(&h->lock);
    if (fold_locked(h) && file < h->file_count && (h->near_starts || find_nearest(h))) {
        count = h->near_starts[file + 1] - h->near_starts[file];
        *ret_near = count > 0 ? h->near + h->near_starts[file] : NULL;
    }
    pthread_mutex_unlock(&h->lock);
    return count;
}
