/* What a commit changed: two trees walked side by side, then renames.
 *
 * Not git_diff: it walks subtrees that are the same too, cannot be stopped at the first thousand changes, and
 * its search for renames reads blobs of any size. Here equal subtrees cost one comparison, and what a hostile
 * repository can make us read is bounded by entries, by bytes of an object and by depth. */
#include "index/git/history_read.h"

#include "base/path.h"

#include <git2/sys/hashsig.h>

#define TREE_BYTES_MAX CM_MIB(16)
#define BLOB_BYTES_MAX CM_KIB(128) /* compared for renames */
#define SIMILAR_MAX    32 /* additions, and deletions, of a commit that are compared by content */
#define SIMILAR_LEAST  50 /* of 100, as git has it */
#define DEPTH_MAX      64

static cm_rc diff_trees(cm_history_differ *d, const git_tree *before, const git_tree *after,
                        cm_buf *path, unsigned depth, cm_err *err);

bool cm_history_is_small(cm_history_differ *d, const git_oid *id, size_t bytes_max) {
    size_t len;
    git_object_t type;
    return git_odb_read_header(&len, &type, d->odb, id) == 0 && len <= bytes_max;
}

git_tree *cm_history_tree(cm_history_differ *d, const git_oid *id) {
    git_tree *tree = NULL;
    if (!cm_history_is_small(d, id, TREE_BYTES_MAX) || git_tree_lookup(&tree, d->git, id) != 0) {
        d->is_incomplete = true;
    }
    return tree;
}

static bool is_file(const git_tree_entry *entry) {
    return entry && git_tree_entry_type(entry) == GIT_OBJECT_BLOB;
}

static bool is_directory(const git_tree_entry *entry) {
    return entry && git_tree_entry_type(entry) == GIT_OBJECT_TREE;
}

static cm_rc add_file(cm_history_differ *d, const git_tree_entry *before,
                      const git_tree_entry *after, const cm_buf *path, cm_err *err) {
    if (d->items.count == CM_HISTORY_RENAMES_MAX) {
        d->is_endless = true;
        return CM_OK;
    }
    cm_history_difference item = {.path = cm_arena_str(d->arena, cm_buf_str(path))};
    if (before) {
        git_oid_cpy(&item.before, git_tree_entry_id(before));
    }
    if (after) {
        git_oid_cpy(&item.after, git_tree_entry_id(after));
    }
    return cm_vec_push(&d->items, item) ? CM_OK
                                        : cm_fail(err, CM_NOMEM, "out of memory reading commits");
}

static cm_rc diff_directory(cm_history_differ *d, const git_tree_entry *before,
                            const git_tree_entry *after, cm_buf *path, unsigned depth,
                            cm_err *err) {
    git_tree *old = is_directory(before) ? cm_history_tree(d, git_tree_entry_id(before)) : NULL;
    git_tree *now = is_directory(after) ? cm_history_tree(d, git_tree_entry_id(after)) : NULL;
    cm_rc rc = CM_OK;
    if (!d->is_incomplete) {
        rc = diff_trees(d, old, now, path, depth + 1, err);
    }
    git_tree_free(old);
    git_tree_free(now);
    return rc;
}

/* One name, on one side or on both. */
static cm_rc diff_entry(cm_history_differ *d, const git_tree_entry *before,
                        const git_tree_entry *after, cm_buf *path, unsigned depth, cm_err *err) {
    if (before && after && git_oid_equal(git_tree_entry_id(before), git_tree_entry_id(after))) {
        return CM_OK;
    }
    size_t len = path->len;
    cm_rc rc = CM_OK;
    if (len > 0) {
        cm_buf_add_char(path, '/');
    }
    cm_buf_add_c(path, git_tree_entry_name(before ? before : after));
    if (path->failed != CM_OK) { /* too long: no such path is in the index either */
        cm_buf_clear(path);
        d->is_incomplete = true;
        return CM_OK;
    }
    if (is_file(before) || is_file(after)) {
        rc = add_file(d, is_file(before) ? before : NULL, is_file(after) ? after : NULL, path, err);
    }
    if (rc == CM_OK && (is_directory(before) || is_directory(after))) {
        rc = diff_directory(d, before, after, path, depth, err);
    }
    cm_buf_truncate(path, len);
    return rc;
}

static cm_rc diff_trees(cm_history_differ *d, const git_tree *before, const git_tree *after,
                        cm_buf *path, unsigned depth, cm_err *err) {
    size_t old_count = before ? git_tree_entrycount(before) : 0, i = 0;
    size_t new_count = after ? git_tree_entrycount(after) : 0, j = 0;
    uint64_t cost = old_count + new_count;
    d->is_exhausted = d->is_exhausted || cost > d->entries_left;
    if (depth > DEPTH_MAX || d->is_exhausted) {
        d->is_incomplete = true;
        return CM_OK;
    }
    d->entries_left -= cost;
    cm_rc rc = CM_OK;
    while (rc == CM_OK && (i < old_count || j < new_count) && !d->is_incomplete && !d->is_endless) {
        const git_tree_entry *a = i < old_count ? git_tree_entry_byindex(before, i) : NULL;
        const git_tree_entry *b = j < new_count ? git_tree_entry_byindex(after, j) : NULL;
        int order = !a ? 1 : !b ? -1 : git_tree_entry_cmp(a, b);
        i += order <= 0;
        j += order >= 0;
        rc = diff_entry(d, order <= 0 ? a : NULL, order >= 0 ? b : NULL, path, depth, err);
    }
    return rc;
}

cm_rc cm_history_diff(cm_history_differ *d, const git_tree *before, const git_tree *after,
                      cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf path;
    cm_buf_init(&path, CM_PATH_BYTES_MAX);
    cm_vec_clear(&d->items);
    d->is_incomplete = d->is_endless = false;
    return diff_trees(d, before, after, &path, 0, err);
}

/* ---- renames ---- */

typedef CM_VEC(cm_history_difference *) side;

static bool is_added(const cm_history_difference *item) {
    return git_oid_is_zero(&item->before) && item->old_path.len == 0;
}

static bool is_deleted(const cm_history_difference *item) {
    return git_oid_is_zero(&item->after) && !item->is_paired;
}

static const git_oid *content_of(const cm_history_difference *item) {
    return git_oid_is_zero(&item->after) ? &item->before : &item->after;
}

/* Equal contents lie together, equal names among them too. */
static int content_cmp(const void *left, const void *right) {
    const cm_history_difference *a = *(cm_history_difference *const *)left;
    const cm_history_difference *b = *(cm_history_difference *const *)right;
    int order = git_oid_cmp(content_of(a), content_of(b));
    if (order == 0) {
        order = cm_str_cmp(cm_path_base(a->path), cm_path_base(b->path));
    }
    return order != 0 ? order : cm_str_cmp(a->path, b->path);
}

static bool gather(cm_history_differ *d, side *added, side *deleted) {
    bool ok = true;
    cm_vec_clear(added);
    cm_vec_clear(deleted);
    for (size_t i = 0; ok && i < d->items.count; i++) {
        cm_history_difference *item = &d->items.items[i];
        if (is_added(item)) {
            ok = cm_vec_push(added, item);
        } else if (is_deleted(item)) {
            ok = cm_vec_push(deleted, item);
        }
    }
    return ok;
}

static void pair(cm_history_difference *added, cm_history_difference *deleted) {
    added->old_path = deleted->path;
    deleted->is_paired = true;
}

/* Both sides are sorted by content and name: one pass pairs those that have both in common. */
static void pair_same_names(const side *added, const side *deleted) {
    for (size_t i = 0, j = 0; i < added->count && j < deleted->count;) {
        cm_history_difference *a = added->items[i], *b = deleted->items[j];
        int order = git_oid_cmp(content_of(a), content_of(b));
        if (order == 0) {
            order = cm_str_cmp(cm_path_base(a->path), cm_path_base(b->path));
        }
        if (order == 0) {
            pair(a, b);
        }
        i += order <= 0;
        j += order >= 0;
    }
}

/* What is left of a content is paired when there is one on each side: among more it would be a guess, and of empty
 * files there are always more. */
static void pair_same_contents(const side *added, const side *deleted) {
    for (size_t i = 0, j = 0; i < added->count && j < deleted->count;) {
        const git_oid *content = content_of(added->items[i]);
        int order = git_oid_cmp(content, content_of(deleted->items[j]));
        if (order != 0) {
            i += order < 0;
            j += order > 0;
            continue;
        }
        size_t i_end = i, j_end = j;
        while (i_end < added->count && git_oid_equal(content_of(added->items[i_end]), content)) {
            i_end++;
        }
        while (j_end < deleted->count &&
               git_oid_equal(content_of(deleted->items[j_end]), content)) {
            j_end++;
        }
        if (i_end == i + 1 && j_end == j + 1) {
            pair(added->items[i], deleted->items[j]);
        }
        i = i_end;
        j = j_end;
    }
}

/* NULL when the content is large, binary or unreadable. */
static git_hashsig *signature_of(cm_history_differ *d, const cm_history_difference *item) {
    git_blob *blob = NULL;
    git_hashsig *signature = NULL;
    if (cm_history_is_small(d, content_of(item), BLOB_BYTES_MAX) &&
        git_blob_lookup(&blob, d->git, content_of(item)) == 0 && !git_blob_is_binary(blob) &&
        git_hashsig_create(&signature, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob),
                           GIT_HASHSIG_NORMAL) != 0) {
        signature = NULL; /* too short to compare */
    }
    git_blob_free(blob);
    return signature;
}

/* The most similar of what is left, for each addition in turn. */
static void pair_similar(cm_history_differ *d, const side *added, const side *deleted) {
    git_hashsig *signatures[SIMILAR_MAX] = {0};
    if (added->count == 0 || added->count > SIMILAR_MAX || deleted->count > SIMILAR_MAX) {
        return;
    }
    for (size_t j = 0; j < deleted->count; j++) {
        signatures[j] = signature_of(d, deleted->items[j]);
    }
    for (size_t i = 0; i < added->count; i++) {
        git_hashsig *mine = signature_of(d, added->items[i]);
        int best = SIMILAR_LEAST - 1;
        size_t at = SIZE_MAX;
        for (size_t j = 0; mine && j < deleted->count; j++) {
            if (!signatures[j] || deleted->items[j]->is_paired) {
                continue;
            }
            int score = git_hashsig_compare(mine, signatures[j]);
            if (score > best) {
                best = score;
                at = j;
            }
        }
        if (at != SIZE_MAX) {
            pair(added->items[i], deleted->items[at]);
        }
        git_hashsig_free(mine);
    }
    for (size_t j = 0; j < deleted->count; j++) {
        git_hashsig_free(signatures[j]);
    }
}

void cm_history_pair_renames(cm_history_differ *d) {
    side added = {0}, deleted = {0};
    if (gather(d, &added, &deleted) && added.count > 0 && deleted.count > 0) {
        qsort(added.items, added.count, sizeof(*added.items), content_cmp);
        qsort(deleted.items, deleted.count, sizeof(*deleted.items), content_cmp);
        pair_same_names(&added, &deleted);
        if (gather(d, &added, &deleted) && added.count > 0 && deleted.count > 0) {
            qsort(added.items, added.count, sizeof(*added.items), content_cmp);
            qsort(deleted.items, deleted.count, sizeof(*deleted.items), content_cmp);
            pair_same_contents(&added, &deleted);
        }
        if (d->items.count <= 2 * SIMILAR_MAX && gather(d, &added, &deleted) && deleted.count > 0) {
            pair_similar(d, &added, &deleted);
        }
    }
    cm_vec_done(&added);
    cm_vec_done(&deleted);
}
