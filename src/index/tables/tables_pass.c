/* One pass: the difference between the rows and a snapshot, written in batches. See tables.h. */
#include "index/tables/tables_priv.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/path.h"
#include "base/utf8.h"
#include "store/q/files.h"
#include "store/q/repositories.h"

#define PAGE         1000
#define FILES_BATCH  256  /* rows of `files` in one transaction */
#define REMOVE_BATCH 32   /* documents */
#define ROWS_BATCH   1000 /* rows of all tables, at least one document */
#define WINDOW       512  /* documents whose references are gathered at once */
#define FILES_BYTES  CM_MIB(8)

typedef struct projected {
    cm_uuid id;
    uint64_t hash; /* 0 = none */
} projected;

typedef struct pass {
    const cm_table_pass *p;
    const cm_snapshot *snapshot;
    const cm_graph *graph; /* NULL unless everything is projected */
    cm_uuid repository;
    cm_map *paths; /* of rows that no document has claimed: place in `rows` */
    CM_VEC(projected) rows;
    CM_VEC(cm_table_change) changes;
} pass;

/* ---- the difference ---- */

static uint64_t parse_hash(cm_str text) {
    uint64_t hash = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        hash = hash << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return text.len == 16 ? hash : 0;
}

static cm_rc read_rows(pass *x, cm_err *err) {
    cm_arena *arena = cm_arena_new(0);
    const cm_q_files_projected_row *rows = NULL;
    size_t count = PAGE;
    char last[CM_PATH_BYTES_MAX];
    cm_q_files_projected_in in = {x->repository, CM_STR(""), PAGE};
    cm_rc rc = CM_OK;
    while (rc == CM_OK && count == PAGE) {
        rc = cm_q_files_projected(&x->p->db, &in, arena, &rows, &count, err);
        for (size_t i = 0; rc == CM_OK && i < count; i++) {
            projected row = {rows[i].id, parse_hash(rows[i].projection_hash)};
            if (!cm_map_put(x->paths, rows[i].file_path, x->rows.count) ||
                !cm_vec_push(&x->rows, row)) {
                rc = cm_fail(err, CM_NOMEM, "out of memory comparing rows");
            }
        }
        if (rc == CM_OK && count == PAGE) {
            cm_str path = rows[count - 1].file_path;
            size_t len = CM_MIN(path.len, sizeof(last));
            memcpy(last, path.ptr, len);
            in.after_path = cm_str_make(last, len);
            cm_arena_clear(arena);
        }
    }
    cm_arena_free(arena);
    return rc;
}

/* Documents whose rows differ; what stays in `paths` is to be removed. */
static cm_rc compare(pass *x, cm_err *err) {
    cm_index_document d;
    for (uint32_t cursor = 0; cm_snapshot_next_document(x->snapshot, &cursor, &d);) {
        if (!cm_utf8_valid(d.path)) {
            continue;
        }
        uint64_t at = 0, hash = cm_table_hash(x->snapshot, x->graph, x->p->mode, &d);
        bool known = cm_map_get(x->paths, d.path, &at);
        if (known) {
            (void)cm_map_remove(x->paths, d.path);
        }
        if (known && x->rows.items[at].hash == hash) {
            continue;
        }
        if (!cm_vec_push(&x->changes, (cm_table_change){d.id, hash, known})) {
            return cm_fail(err, CM_NOMEM, "out of memory comparing rows");
        }
    }
    return CM_OK;
}

/* ---- batches ---- */

static cm_rc run_batch(const pass *x, cm_tx_fn *run, void *argument, cm_err *err) {
    uint64_t start = cm_clock_ns();
    cm_rc rc = cm_db_write(&x->p->db, CM_NORMAL, run, argument, err);
    x->p->stats->batches++;
    return rc == CM_OK ? x->p->rest(x->p->argument, cm_clock_ns() - start, err) : rc;
}

typedef struct removal {
    const pass *x;
    cm_uuid ids[REMOVE_BATCH];
    size_t count;
} removal;

static cm_rc remove_tx(const cm_db *db, void *argument, cm_err *err) {
    const removal *r = argument;
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < r->count; i++) {
        rc = cm_table_remove(db, &r->x->repository, &r->ids[i], err);
    }
    return rc;
}

static cm_rc remove_rest(const pass *x, cm_err *err) {
    removal r = {.x = x};
    size_t cursor = 0;
    cm_str path;
    uint64_t at;
    cm_rc rc = CM_OK;
    while (rc == CM_OK && cm_map_next(x->paths, &cursor, &path, &at)) {
        r.ids[r.count++] = x->rows.items[at].id;
        if (r.count == REMOVE_BATCH) {
            rc = run_batch(x, remove_tx, &r, err);
            x->p->stats->removed += rc == CM_OK ? r.count : 0;
            r.count = 0;
        }
    }
    if (rc == CM_OK && r.count > 0) {
        rc = run_batch(x, remove_tx, &r, err);
        x->p->stats->removed += rc == CM_OK ? r.count : 0;
    }
    return rc;
}

/* Rows of `files` alone: all there is in one mode; in the other what edges of the graph point to, without the
 * hash that says complete. */
typedef struct file_batch {
    const pass *x;
    cm_buf rows;
    CM_VEC(cm_uuid) emptied; /* had more rows in another mode */
    size_t count;
} file_batch;

static cm_rc files_tx(const cm_db *db, void *argument, cm_err *err) {
    const file_batch *b = argument;
    cm_q_files_project_in in = {b->x->repository, cm_buf_str(&b->rows)};
    cm_rc rc = cm_q_files_project(db, &in, NULL, err);
    for (size_t i = 0; rc == CM_OK && i < b->emptied.count; i++) {
        rc = cm_table_empty(db, &b->emptied.items[i], err);
    }
    return rc;
}

static cm_rc files_flush(file_batch *b, bool complete, cm_err *err) {
    if (b->count == 0) {
        return CM_OK;
    }
    cm_buf_add_c(&b->rows, "]}");
    cm_rc rc = cm_buf_check(&b->rows, err);
    if (rc == CM_OK) {
        rc = run_batch(b->x, files_tx, b, err);
    }
    if (rc == CM_OK && complete) {
        b->x->p->stats->written += b->count;
        b->x->p->stats->rows += b->count;
    }
    b->count = 0;
    cm_buf_clear(&b->rows);
    cm_vec_clear(&b->emptied);
    return rc;
}

static cm_rc write_files(const pass *x, bool complete, cm_err *err) {
    file_batch b = {.x = x};
    cm_rc rc = CM_OK;
    cm_buf_init(&b.rows, 2 * FILES_BYTES);
    for (size_t i = 0; rc == CM_OK && i < x->changes.count; i++) {
        const cm_table_change *c = &x->changes.items[i];
        cm_index_document d;
        if ((!complete && c->known) || !cm_snapshot_document(x->snapshot, c->document, &d)) {
            continue;
        }
        cm_buf_add_c(&b.rows, b.count++ > 0 ? "," : "{\"rows\":[");
        cm_table_file(x->snapshot, &d, complete ? c->hash : 0, &b.rows);
        if (complete && c->known &&
            !cm_vec_push(&b.emptied, cm_snapshot_document_uuid(x->snapshot, d.id))) {
            rc = cm_fail(err, CM_NOMEM, "out of memory writing rows");
        }
        if (rc == CM_OK && (b.count == FILES_BATCH || b.rows.len > FILES_BYTES)) {
            rc = files_flush(&b, complete, err);
        }
    }
    if (rc == CM_OK) {
        rc = files_flush(&b, complete, err);
    }
    cm_buf_done(&b.rows);
    cm_vec_done(&b.emptied);
    return rc;
}

typedef struct document_batch {
    const pass *x;
    CM_VEC(cm_table_document) documents;
    uint64_t rows;
} document_batch;

static cm_rc documents_tx(const cm_db *db, void *argument, cm_err *err) {
    const document_batch *b = argument;
    cm_rc rc = CM_OK;
    for (size_t i = 0; rc == CM_OK && i < b->documents.count; i++) {
        rc = cm_table_write(db, &b->x->repository, &b->documents.items[i], err);
    }
    return rc;
}

static cm_rc documents_flush(document_batch *b, cm_err *err) {
    cm_rc rc = b->documents.count > 0 ? run_batch(b->x, documents_tx, b, err) : CM_OK;
    if (rc == CM_OK) {
        b->x->p->stats->written += b->documents.count;
        b->x->p->stats->rows += b->rows;
    }
    for (size_t i = 0; i < b->documents.count; i++) {
        cm_table_document_done(&b->documents.items[i]);
    }
    cm_vec_clear(&b->documents);
    b->rows = 0;
    return rc;
}

static cm_rc add_document(document_batch *b, const cm_table_change *change,
                          const cm_table_reference *references, size_t count, cm_arena *arena,
                          cm_err *err) {
    cm_table_document d;
    cm_rc rc = cm_table_document_make(b->x->snapshot, b->x->graph, change, references, count, arena,
                                      &d, err);
    if (rc != CM_OK) {
        return rc;
    }
    if (!cm_vec_push(&b->documents, d)) {
        cm_table_document_done(&d);
        return cm_fail(err, CM_NOMEM, "out of memory writing rows");
    }
    b->rows += d.rows;
    return CM_OK;
}

/* `changes` are in order of document, as are the references. */
static cm_rc write_window(const pass *x, const cm_table_change *changes, size_t count,
                          cm_err *err) {
    cm_arena *names = cm_arena_new((size_t)1 << 30), *arena = cm_arena_new((size_t)1 << 30);
    document_batch b = {.x = x};
    const cm_table_reference *references = NULL;
    size_t reference_count = 0, at = 0;
    cm_rc rc =
        cm_table_references(x->snapshot, changes, count, names, &references, &reference_count, err);
    for (size_t i = 0; rc == CM_OK && i < count; i++) {
        size_t first = at;
        while (at < reference_count && references[at].document == changes[i].document) {
            at++;
        }
        rc = add_document(&b, &changes[i], references + first, at - first, arena, err);
        if (rc == CM_OK && b.rows >= ROWS_BATCH) {
            rc = documents_flush(&b, err);
            cm_arena_clear(arena);
        }
    }
    cm_rc last = rc == CM_OK ? documents_flush(&b, err) : rc;
    for (size_t i = 0; i < b.documents.count; i++) {
        cm_table_document_done(&b.documents.items[i]);
    }
    cm_vec_done(&b.documents);
    cm_arena_free(arena);
    cm_arena_free(names);
    return last;
}

static cm_rc write_changes(const pass *x, cm_err *err) {
    if (x->p->mode == CM_TABLES_FILES) {
        return write_files(x, true, err);
    }
    cm_rc rc = write_files(x, false, err);
    for (size_t i = 0; rc == CM_OK && i < x->changes.count; i += WINDOW) {
        rc = write_window(x, &x->changes.items[i], CM_MIN(WINDOW, x->changes.count - i), err);
    }
    return rc;
}

/* ---- the repository's own row ---- */

static cm_rc write_counts(const pass *x, cm_err *err) {
    cm_snapshot_statistics st;
    cm_buf stats, names;
    cm_buf_init(&stats, CM_KIB(64));
    cm_buf_init(&names, CM_KIB(64));
    cm_snapshot_statistics_get(x->snapshot, &st);
    cm_tables_languages(&st, &stats, &names);
    cm_q_repositories_set_counts_in row = {
        .id = x->repository,
        .index_generation = (int64_t)cm_snapshot_generation(x->snapshot),
        .file_count = (int64_t)st.files,
        .symbol_count = (int64_t)st.symbols,
        .chunk_count = (int64_t)st.chunks,
        .line_count = (int64_t)st.lines,
        .index_size_bytes = (int64_t)st.index_bytes,
        .language_stats = cm_buf_str(&stats),
        .languages = cm_buf_str(&names),
        .primary_language = st.language_count > 0 ? st.languages[0].language : CM_STR("unknown"),
    };
    cm_rc rc = cm_q_repositories_set_counts(&x->p->db, &row, err);
    cm_buf_done(&stats);
    cm_buf_done(&names);
    return rc;
}

cm_rc cm_table_pass_run(const cm_table_pass *p, cm_index *repository, cm_err *err) {
    cm_snapshot *snapshot = cm_index_snapshot(repository);
    if (!snapshot) {
        return CM_OK; /* never indexed: nothing to show, nothing to remove */
    }
    pass x = {.p = p,
              .snapshot = snapshot,
              .repository = *cm_index_id(repository),
              .paths = cm_map_new(0)};
    cm_arena *arena = cm_arena_new(0);
    cm_row_repositories row;
    cm_q_repositories_get_in get = {.id = x.repository};
    cm_rc rc = cm_q_repositories_get(&p->db, &get, arena, &row, err);
    cm_arena_free(arena);
    if (rc == CM_OK && p->mode == CM_TABLES_ALL) {
        rc = cm_snapshot_graph(snapshot, NULL, &x.graph, err);
    }
    if (rc == CM_OK) {
        rc = read_rows(&x, err);
    }
    if (rc == CM_OK && p->mode != CM_TABLES_NONE) {
        rc = compare(&x, err);
    }
    if (rc == CM_OK) {
        rc = remove_rest(&x, err);
    }
    if (rc == CM_OK && p->mode != CM_TABLES_NONE) {
        rc = write_changes(&x, err);
    }
    if (rc == CM_OK) {
        rc = write_counts(&x, err);
    }
    cm_vec_done(&x.changes);
    cm_vec_done(&x.rows);
    cm_map_free(x.paths);
    cm_snapshot_unref(snapshot);
    return rc;
}
