/* trees.c - the last trees of files that are being edited, so that the next edit costs what it changed.
 *
 * A parse reuses the nodes of an earlier tree that the edit did not touch. What changed is found by comparing
 * the texts, in whole lines: then no character is cut in two and columns behind the edit stay what they were.
 *
 * An answer must not depend on what a worker saw before, and error recovery does: it weighs what was parsed
 * already. So only trees without an error are kept, and a new tree with an error is thrown away and the file parsed
 * afresh; the good tree stays for the edit that mends it. Nor are trees of languages kept whose scanner's
 * state is not all that it looks at (spec/languages.toml, `whole`). tests/unit/code/edits_test.c compares the
 * two ways. */
#include "code/extract_priv.h"

#define TEXT_BYTES_MAX  CM_KIB(256) /* of a kept file; its tree takes some 25 times that */
#define TOTAL_BYTES_MAX CM_KIB(1024)

static kept_tree *find(cm_run *run) {
    cm_trees *kept = &run->extractor->trees;
    for (size_t i = 0; i < CM_COUNT(kept->all); i++) {
        kept_tree *r = &kept->all[i];
        if (r->tree && r->document == run->limits->document &&
            ts_tree_language(r->tree) == run->compiled->language) {
            return r;
        }
    }
    return NULL;
}

static void drop(cm_trees *kept, kept_tree *r) {
    ts_tree_delete(r->tree);
    kept->count--;
    kept->bytes -= r->len;
    cm_free(r->text);
    *r = (kept_tree){0};
}

void cm_trees_done(cm_trees *kept) {
    for (size_t i = 0; i < CM_COUNT(kept->all); i++) {
        if (kept->all[i].tree) {
            drop(kept, &kept->all[i]);
        }
    }
}

/* --- what changed ------------------------------------------------------------------------------ */

/* Length of the lines both texts begin with. */
static size_t same_lines_before(cm_str a, cm_str b) {
    size_t most = CM_MIN(a.len, b.len), at = 0, same = 0;
    while (at < most && a.ptr[at] == b.ptr[at]) {
        same = a.ptr[at++] == '\n' ? at : same;
    }
    return same;
}

/* Length of the lines both texts end with, in what is left of the shorter one behind `before`. */
static size_t same_lines_after(cm_str a, cm_str b, size_t before) {
    size_t most = CM_MIN(a.len, b.len) - before, at = 0, same = 0;
    while (at < most && a.ptr[a.len - at - 1] == b.ptr[b.len - at - 1]) {
        same = a.ptr[a.len - at - 1] == '\n' ? at : same;
        at++;
    }
    return same;
}

/* Where `offset`, the start of a line or the end of the text, lies; `start` is a known one before it. */
static TSPoint point_after(cm_str text, size_t start, TSPoint at, size_t offset) {
    const char *line = text.ptr + start, *end = text.ptr + offset, *feed;
    while (line < end && (feed = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        line = feed + 1;
        at = (TSPoint){at.row + 1, 0};
    }
    at.column += (uint32_t)(end - line);
    return at;
}

static TSInputEdit edit_between(cm_str old, cm_str new) {
    size_t before = same_lines_before(old, new);
    size_t after = same_lines_after(old, new, before);
    TSPoint start = point_after(new, 0, (TSPoint){0, 0}, before);
    return (TSInputEdit){
        .start_byte = (uint32_t)before,
        .old_end_byte = (uint32_t)(old.len - after),
        .new_end_byte = (uint32_t)(new.len - after),
        .start_point = start,
        .old_end_point = point_after(old, before, start, old.len - after),
        .new_end_point = point_after(new, before, start, new.len - after),
    };
}

/* --- the door ---------------------------------------------------------------------------------- */

TSTree *cm_trees_parse(cm_run *run) {
    kept_tree *r = run->limits->document != 0 ? find(run) : NULL;
    if (!r) {
        return NULL;
    }
    r->used = ++run->extractor->trees.clock;
    TSTree *old = ts_tree_copy(r->tree); /* edited in the copy: it may be needed again as it is */
    TSInputEdit edit = edit_between(cm_str_make(r->text, r->len), run->parsed_text);
    ts_tree_edit(old, &edit);
    TSTree *tree = cm_run_parse(run, old, 0, (uint32_t)run->text.len);
    ts_tree_delete(old);
    if (tree && ts_node_has_error(ts_tree_root_node(tree))) {
        ts_tree_delete(tree);
        return NULL;
    }
    run->out->is_reparsed = tree != NULL;
    return tree;
}

/* The tree used longest ago; NULL: there is none. */
static kept_tree *oldest(cm_trees *kept) {
    kept_tree *oldest = NULL;
    for (size_t i = 0; i < CM_COUNT(kept->all); i++) {
        kept_tree *r = &kept->all[i];
        oldest = r->tree && (!oldest || r->used < oldest->used) ? r : oldest;
    }
    return oldest;
}

/* A free place, after as many trees went as make room for a text of `bytes`. */
static kept_tree *make_room(cm_trees *kept, size_t bytes) {
    while (kept->count == CM_COUNT(kept->all) || kept->bytes + bytes > TOTAL_BYTES_MAX) {
        drop(kept, oldest(kept));
    }
    kept_tree *place = kept->all;
    while (place->tree) {
        place++;
    }
    return place;
}

void cm_trees_keep(cm_run *run) {
    cm_trees *kept = &run->extractor->trees;
    cm_str text = run->parsed_text;
    if (run->limits->document == 0 || run->language->whole || text.len > TEXT_BYTES_MAX ||
        ts_node_has_error(ts_tree_root_node(run->tree))) {
        return;
    }
    char *copy = cm_try_alloc(text.len + 1);
    if (!copy) {
        return; /* the next edit costs a whole parse, nothing else */
    }
    memcpy(copy, text.ptr, text.len);
    kept_tree *before = find(run);
    if (before) {
        drop(kept, before);
    }
    *make_room(kept, text.len) = (kept_tree){.document = run->limits->document,
                                             .tree = ts_tree_copy(run->tree),
                                             .text = copy,
                                             .len = text.len,
                                             .used = ++kept->clock};
    kept->count++;
    kept->bytes += text.len;
}
