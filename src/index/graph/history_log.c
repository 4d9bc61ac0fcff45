/* The bytes of a history: written from a log, opened as a part. The table is in docs/design/index-format.md. */
#include "index/graph/history_priv.h"

#include <assert.h>

#define SECTIONS 5 /* head, commits, changes, paths, strings */

/* Records are written and read in place. */
static_assert(sizeof(cm_history_head) == 40, "byte table in docs/design/index-format.md");
static_assert(sizeof(cm_history_commit) == 40, "byte table in docs/design/index-format.md");
static_assert(sizeof(cm_history_change) == 8, "byte table in docs/design/index-format.md");
static_assert(sizeof(cm_history_path_record) == 8, "byte table in docs/design/index-format.md");

void cm_history_log_init(cm_history_log *log) {
    *log = (cm_history_log){.numbers = cm_map_new(0)};
    cm_buf_init(&log->strings, CM_HISTORY_STRINGS_MAX);
}

void cm_history_log_done(cm_history_log *log) {
    cm_vec_done(&log->commits);
    cm_vec_done(&log->changes);
    cm_vec_done(&log->paths);
    cm_buf_done(&log->strings);
    cm_map_free(log->numbers);
}

bool cm_history_log_path(cm_history_log *log, cm_str path, uint32_t *ret_number) {
    uint64_t number;
    if (cm_map_get(log->numbers, path, &number)) {
        *ret_number = (uint32_t)number;
        return true;
    }
    cm_history_path_record record = {(uint32_t)log->strings.len, (uint32_t)path.len};
    number = log->paths.count;
    if (path.len > CM_HISTORY_STRINGS_MAX - log->strings.len ||
        !cm_map_put(log->numbers, path, number)) {
        return false;
    }
    cm_buf_add_str(&log->strings, path);
    if (cm_buf_check(&log->strings, NULL) != CM_OK || !cm_vec_push(&log->paths, record)) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* ---- writing ---- */

typedef struct numbered {
    cm_str path;
    uint32_t number;
} numbered;

static int numbered_cmp(const void *left, const void *right) {
    return cm_str_cmp(((const numbered *)left)->path, ((const numbered *)right)->path);
}

static uint32_t renumber(const uint32_t *places, uint32_t number) {
    return number == CM_ID_NONE ? CM_ID_NONE : places[number];
}

/* Paths in order, so that they are found without a table, and so that equal logs are equal bytes. */
static void sort_paths(cm_history_log *log, numbered *paths, uint32_t *places, cm_buf *strings) {
    cm_str text = cm_buf_str(&log->strings);
    size_t count = log->paths.count;
    for (size_t i = 0; i < count; i++) {
        const cm_history_path_record *p = &log->paths.items[i];
        paths[i] = (numbered){cm_str_sub(text, p->offset, p->len), (uint32_t)i};
    }
    if (count > 1) {
        qsort(paths, count, sizeof(*paths), numbered_cmp);
    }
    for (size_t i = 0; i < count; i++) {
        places[paths[i].number] = (uint32_t)i;
        log->paths.items[i] =
            (cm_history_path_record){(uint32_t)strings->len, (uint32_t)paths[i].path.len};
        cm_buf_add_str(strings, paths[i].path);
    }
    for (size_t i = 0; i < log->changes.count; i++) {
        cm_history_change *c = &log->changes.items[i];
        *c = (cm_history_change){renumber(places, c->path), renumber(places, c->old_path)};
    }
}

static cm_str bytes_of(const void *items, size_t count, size_t size) {
    return cm_str_make(count > 0 ? items : "", count * size);
}

cm_rc cm_history_log_write(cm_history_log *log, cm_buf *out, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf strings;
    numbered *paths = cm_try_calloc(log->paths.count + 1, sizeof(*paths));
    uint32_t *places = cm_try_calloc(log->paths.count + 1, sizeof(*places));
    cm_rc rc = CM_OK;
    cm_buf_init(&strings, CM_HISTORY_STRINGS_MAX);
    if (paths && places) {
        sort_paths(log, paths, places, &strings);
    } else {
        rc = cm_fail(err, CM_NOMEM, "out of memory writing the history of a repository");
    }
    if (rc == CM_OK) {
        rc = cm_buf_check(&strings, err);
    }
    if (rc == CM_OK) {
        const cm_str sections[SECTIONS] = {
            bytes_of(&log->head, 1, sizeof(log->head)),
            bytes_of(log->commits.items, log->commits.count, sizeof(*log->commits.items)),
            bytes_of(log->changes.items, log->changes.count, sizeof(*log->changes.items)),
            bytes_of(log->paths.items, log->paths.count, sizeof(*log->paths.items)),
            cm_buf_str(&strings)};
        cm_part_build(CM_PART_HISTORY, sections, SECTIONS, out);
        rc = cm_buf_check(out, err);
    }
    cm_free(paths);
    cm_free(places);
    return rc;
}

/* ---- opening ---- */

static bool take_section(const cm_part *part, size_t index, size_t size, const void **ret_items,
                         uint32_t *ret_count) {
    cm_str section = cm_part_section(part, index);
    if (section.len % size != 0 || section.len / size >= UINT32_MAX) {
        return false;
    }
    *ret_items = section.ptr;
    *ret_count = (uint32_t)(section.len / size);
    return true;
}

/* Takes the part, also on failure. */
static cm_rc open_part(cm_part *part, cm_history **ret_history, cm_err *err) {
    cm_history *h = CM_NEW(cm_history);
    const void *heads = NULL, *commits = NULL, *changes = NULL, *paths = NULL;
    uint32_t head_count = 0;
    atomic_init(&h->refs, 1);
    pthread_mutex_init(&h->lock, NULL);
    h->part = *part;
    bool ok = take_section(&h->part, 0, sizeof(cm_history_head), &heads, &head_count) &&
              take_section(&h->part, 1, sizeof(cm_history_commit), &commits, &h->commit_count) &&
              take_section(&h->part, 2, sizeof(cm_history_change), &changes, &h->change_count) &&
              take_section(&h->part, 3, sizeof(cm_history_path_record), &paths, &h->path_count);
    if (!ok || head_count != 1) {
        cm_history_unref(h);
        return cm_fail(err, CM_CORRUPT, "the history of a repository has sections of a wrong size");
    }
    h->head = heads;
    h->commits = commits;
    h->changes = changes;
    h->paths = paths;
    h->strings = cm_part_section(&h->part, 4);
    *ret_history = h;
    return CM_OK;
}

cm_rc cm_history_open(const char *path, cm_history **ret_history, cm_err *err) {
    cm_part part;
    cm_rc rc = cm_part_open(path, CM_PART_HISTORY, &part, err);
    return rc == CM_OK ? open_part(&part, ret_history, err) : rc;
}

cm_rc cm_history_take(cm_buf *bytes, cm_history **ret_history, cm_err *err) {
    cm_part part;
    size_t len;
    char *memory = cm_buf_take(bytes, &len);
    cm_rc rc = cm_part_take(memory, len, CM_PART_HISTORY, &part, err);
    return rc == CM_OK ? open_part(&part, ret_history, err) : rc;
}

cm_str cm_history_path_at(const cm_history *history, uint32_t path) {
    const cm_history_path_record *p = &history->paths[path];
    return cm_str_sub(history->strings, p->offset, p->len);
}
