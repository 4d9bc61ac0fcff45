/* copy.c - a whole database to another one, of either engine: a team outgrows its laptop.
 *
 * Tables go in order of reference, rows in order of key, page by page, so memory is bounded by a page; the source
 * file is read, not mapped, so its pages do not count as ours either. What the indexer and the embedder
 * derive from code is left out (with the vectors of code): it is rebuilt at the new place. Nothing
 * rebuilds other vectors, so they go.
 *
 * A stopped copy continues: it had written the first rows of its table, so as many as the target holds
 * are passed over. Was that guess wrong (the comparison says so: both began with rows of their own), the
 * whole table is imported, where a row that is there is replaced.
 *
 * Afterwards both sides are read once more: the number of rows and a checksum that does not depend on
 * their order (the sum of the hashes of the rows, JSON in canonical form) must agree for each table. */
#include "store/admin.h"

#include "base/hash.h"
#include "base/json.h"
#include "store/catalogue.h"
#include "store/store_priv.h"
#include "store/q/embeddings.h"

static bool is_copied(const cm_table *table) {
    bool rebuilt = strcmp(table->kind, "derived") == 0 && table->tenant == CM_TENANT_REPO;
    return !rebuilt && table != &cm_tables[CM_TABLE_SCHEMA_MIGRATIONS];
}

/* Vectors of code belong to rows that are not copied. */
static bool is_row_copied(const cm_query *list, const char *row) {
    if (list != &cm_query_embeddings_list) {
        return true;
    }
    cm_str kind = ((const cm_row_embeddings *)(const void *)row)->subject_type;
    return !cm_str_eq_c(kind, "code_chunk") && !cm_str_eq_c(kind, "file");
}

/* --- Copying ---------------------------------------------------------------------------------- */

typedef struct copy_table {
    const cm_copy_options *options;
    const cm_table *table;
    const cm_query *import;
    cm_db to;
    uint64_t skip; /* rows from the start that the target has */
    uint64_t written;
    uint64_t done, total;
} copy_table;

/* Is this row the target's to get? Counts off what it has. */
static bool is_due(copy_table *c, const cm_query *list, const char *row) {
    bool copied = is_row_copied(list, row);
    bool there = copied && c->skip != 0;
    c->skip -= there;
    return copied && !there;
}

/* Rows that are due go in runs, each in one transaction. */
static cm_rc import_rows(copy_table *c, const cm_page *p, cm_err *err) {
    size_t size = p->query->row_size;
    size_t from = 0;
    cm_rc rc = CM_OK;
    while (rc == CM_OK && from < p->count) {
        size_t end = from;
        while (end < p->count && is_due(c, p->query, p->rows + end * size)) {
            end++;
        }
        rc = cm_query_exec_many(&c->to, c->import, p->rows + from * size, end - from, err);
        c->written += rc == CM_OK ? end - from : 0;
        from = end + 1;
    }
    return rc;
}

static cm_rc import_page(const cm_page *p, void *argument, cm_err *err) {
    copy_table *c = argument;
    cm_rc rc = import_rows(c, p, err);
    if (rc != CM_OK) {
        return rc;
    }
    c->done += p->count;
    if (c->options->progress != NULL) {
        c->options->progress(c->options->argument, c->table->name, c->done, c->total);
    }
    return CM_OK;
}

static cm_rc row_count(const cm_db *db, const cm_table *table, uint64_t *ret_count, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    int64_t count = 0;
    cm_rc rc = cm_query_one(db, cm_query_find(table->name, "count"), NULL, arena, &count, err);
    *ret_count = (uint64_t)count;
    return rc;
}

/* --- Comparing -------------------------------------------------------------------------------- */

static uint64_t hash_json(cm_str text) {
    json_t *value = NULL;
    if (cm_json_parse(text, &value, NULL) != CM_OK) {
        return cm_hash64(text.ptr, text.len);
    }
    char *canonical = json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    uint64_t hash = canonical != NULL ? cm_hash64(canonical, strlen(canonical)) : 0;
    free(canonical);
    json_decref(value);
    return hash;
}

static uint64_t hash_value(const cm_sql_slot *slot, const cm_value *value) {
    switch (value->kind) {
    case CM_VALUE_NULL: return 1;
    case CM_VALUE_ID: return cm_hash64(value->id.bytes, sizeof value->id.bytes);
    case CM_VALUE_INT: return cm_hash64(&value->i, sizeof value->i);
    case CM_VALUE_REAL: return cm_hash64(&value->real, sizeof value->real);
    case CM_VALUE_TEXT:
        return slot->type >= CM_SQL_JSON && slot->type <= CM_SQL_TIMES
                   ? hash_json(value->str)
                   : cm_hash64(value->str.ptr, value->str.len);
    case CM_VALUE_BYTES: return cm_hash64(value->str.ptr, value->str.len);
    }
    return 0;
}

typedef struct contents {
    uint64_t rows, sum;
} contents;

static cm_rc add_page(const cm_page *p, void *argument, cm_err *err) {
    contents *all = argument;
    cm_db db = {.scope = CM_DB_SYSTEM};
    for (size_t row = 0; row < p->count; row++) {
        uint64_t hash = 0;
        if (!is_row_copied(p->query, p->rows + row * p->query->row_size)) {
            continue;
        }
        for (size_t i = 0; i < p->query->column_count; i++) {
            const cm_sql_slot *slot = &p->query->columns[i];
            cm_value value;
            cm_rc rc = cm_value_read(slot, p->rows + row * p->query->row_size, &db, &value, err);
            if (rc != CM_OK) {
                return rc;
            }
            hash = cm_hash64_mix(hash, hash_value(slot, &value));
        }
        all->rows++;
        all->sum += hash;
    }
    return CM_OK;
}

static cm_rc compare(const cm_db *from, const cm_db *to, const cm_table *table, uint64_t *ret_rows,
                     cm_err *err) {
    contents found[2] = {{0}, {0}};
    const cm_db *sides[2] = {from, to};
    for (int i = 0; i < 2; i++) {
        cm_rc rc = cm_query_pages(sides[i], cm_query_find(table->name, "list"), NULL, add_page,
                                  &found[i], err);
        if (rc != CM_OK) {
            return rc;
        }
    }
    if (found[0].rows != found[1].rows || found[0].sum != found[1].sum) {
        return cm_fail(err, CM_CONFLICT,
                       "table '%s' differs after the copy (%llu and %llu rows); was the source in "
                       "use, or the target not empty?",
                       table->name, (unsigned long long)found[0].rows,
                       (unsigned long long)found[1].rows);
    }
    *ret_rows = found[0].rows;
    return CM_OK;
}

/* --- All tables ------------------------------------------------------------------------------- */

static bool is_ready(const cm_table *table, const bool *done) {
    for (size_t k = 0; table == &cm_tables[CM_TABLE_EMBEDDINGS] && k < CM_TABLES; k++) {
        if (!done[k] && &cm_tables[k] != table) {
            return false; /* a vector belongs to a row of one of seven tables: no declared reference */
        }
    }
    for (size_t i = 0; i < table->column_count; i++) {
        const char *parent = table->columns[i].foreign;
        for (size_t k = 0; parent != NULL && k < CM_TABLES; k++) {
            if (!done[k] && &cm_tables[k] != table && strcmp(cm_tables[k].name, parent) == 0) {
                return false;
            }
        }
    }
    return true;
}

static cm_rc import_all(copy_table *c, const cm_db *from, cm_err *err) {
    return cm_query_pages(from, cm_query_find(c->table->name, "list"), NULL, import_page, c, err);
}

static cm_rc copy_one(const cm_copy_options *options, const cm_db *from, const cm_db *to,
                      const cm_table *table, cm_copy_report *report, cm_err *err) {
    copy_table c = {.options = options,
                    .table = table,
                    .import = cm_query_find(table->name, "import"),
                    .to = *to};
    cm_rc rc = row_count(from, table, &c.total, err);
    rc = rc == CM_OK ? row_count(to, table, &c.skip, err) : rc;
    uint64_t rows = 0;
    bool guessed = c.skip != 0;
    rc = rc == CM_OK ? import_all(&c, from, err) : rc;
    rc = rc == CM_OK ? compare(from, to, table, &rows, err) : rc;
    if (rc == CM_CONFLICT && guessed) {
        c.done = 0;
        rc = import_all(&c, from, err);
        rc = rc == CM_OK ? compare(from, to, table, &rows, err) : rc;
    }
    report->rows += rows;
    report->written += c.written;
    report->tables += rc == CM_OK;
    return rc == CM_OK ? CM_OK : cm_err_prefix(err, rc, "copying '%s'", table->name);
}

static cm_rc copy_all(const cm_copy_options *options, const cm_db *from, const cm_db *to,
                      cm_copy_report *report, cm_err *err) {
    bool done[CM_TABLES] = {false};
    for (size_t left = CM_TABLES; left > 0;) {
        size_t before = left;
        for (size_t i = 0; i < CM_TABLES; i++) {
            if (done[i] || !is_ready(&cm_tables[i], done)) {
                continue;
            }
            cm_rc rc = is_copied(&cm_tables[i])
                           ? copy_one(options, from, to, &cm_tables[i], report, err)
                           : CM_OK;
            if (rc != CM_OK) {
                return rc;
            }
            done[i] = true;
            left--;
        }
        cm_assert(left < before); /* references form no circle: tools/schema.py checks */
    }
    return CM_OK;
}

cm_rc cm_store_copy(const cm_copy_options *options, cm_copy_report *ret_report, cm_err *err) {
    cm_store *from = NULL;
    cm_store *to = NULL;
    cm_copy_report report = {0};
    cm_store_options source_options = options->from;
    source_options.unmapped = true;
    cm_rc rc = cm_store_open(&source_options, &from, err);
    if (rc == CM_OK) {
        rc = cm_store_open(&options->to, &to, err);
    }
    if (rc == CM_OK) {
        cm_db source = cm_store_system(from);
        cm_db target = cm_store_system(to);
        rc = copy_all(options, &source, &target, &report, err);
        if (rc == CM_OK) {
            rc = to->ops->after_import(to, err);
        }
    }
    cm_store_close(to);
    cm_store_close(from);
    if (rc == CM_OK) {
        *ret_report = report;
    }
    return rc;
}
