/* copy.c - a whole database to another one, of either engine: a team outgrows its laptop.
 *
 * Tables go in order of reference, rows in order of key, page by page, so memory is bounded by a page.
 * An import of a row that is there replaces it, which makes a stopped copy continue by running it again.
 * What the indexer and the embedder derive from code is left out: it is rebuilt at the new place.
 *
 * Afterwards both sides are read once more: the number of rows and a checksum that does not depend on
 * their order (the sum of the hashes of the rows, JSON in canonical form) must agree for each table. */
#include "store/admin.h"

#include "base/hash.h"
#include "base/json.h"
#include "store/catalogue.h"
#include "store/store_priv.h"

static bool is_copied(const cm_table *table) {
    bool rebuilt = strcmp(table->kind, "derived") == 0 &&
                   (table->tenant == CM_TENANT_REPO || table->tenant == CM_TENANT_MIXED);
    return !rebuilt && table != &cm_tables[CM_TABLE_SCHEMA_MIGRATIONS];
}

/* --- Copying ---------------------------------------------------------------------------------- */

typedef struct copy_table {
    const cm_copy_options *options;
    const cm_table *table;
    const cm_query *import;
    cm_db to;
    uint64_t done, total;
} copy_table;

static cm_rc import_page(const cm_page *p, void *argument, cm_err *err) {
    copy_table *c = argument;
    cm_rc rc = cm_query_exec_many(&c->to, c->import, p->rows, p->count, err);
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

static cm_rc add_page(const cm_page *p, void *argument, cm_err *err) {
    uint64_t *sum = argument;
    cm_db db = {.scope = CM_DB_SYSTEM};
    for (size_t row = 0; row < p->count; row++) {
        uint64_t hash = 0;
        for (size_t i = 0; i < p->query->column_count; i++) {
            const cm_sql_slot *slot = &p->query->columns[i];
            cm_value value;
            cm_rc rc = cm_value_read(slot, p->rows + row * p->query->row_size, &db, &value, err);
            if (rc != CM_OK) {
                return rc;
            }
            hash = cm_hash64_mix(hash, hash_value(slot, &value));
        }
        *sum += hash;
    }
    return CM_OK;
}

static cm_rc compare(const cm_db *from, const cm_db *to, const cm_table *table, uint64_t *ret_rows,
                     cm_err *err) {
    uint64_t counts[2];
    uint64_t sums[2] = {0, 0};
    const cm_db *sides[2] = {from, to};
    for (int i = 0; i < 2; i++) {
        cm_rc rc = row_count(sides[i], table, &counts[i], err);
        if (rc == CM_OK) {
            rc = cm_query_pages(sides[i], cm_query_find(table->name, "list"), NULL, add_page,
                                &sums[i], err);
        }
        if (rc != CM_OK) {
            return rc;
        }
    }
    if (counts[0] != counts[1] || sums[0] != sums[1]) {
        return cm_fail(err, CM_CONFLICT,
                       "table '%s' differs after the copy (%llu and %llu rows); was the source in "
                       "use, or the target not empty?",
                       table->name, (unsigned long long)counts[0], (unsigned long long)counts[1]);
    }
    *ret_rows = counts[0];
    return CM_OK;
}

/* --- All tables ------------------------------------------------------------------------------- */

static bool is_ready(const cm_table *table, const bool *done) {
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

static cm_rc copy_one(const cm_copy_options *options, const cm_db *from, const cm_db *to,
                      const cm_table *table, cm_copy_report *report, cm_err *err) {
    copy_table c = {.options = options,
                    .table = table,
                    .import = cm_query_find(table->name, "import"),
                    .to = *to};
    cm_rc rc = row_count(from, table, &c.total, err);
    if (rc == CM_OK) {
        rc = cm_query_pages(from, cm_query_find(table->name, "list"), NULL, import_page, &c, err);
    }
    uint64_t rows = 0;
    if (rc == CM_OK) {
        rc = compare(from, to, table, &rows, err);
    }
    report->rows += rows;
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
    cm_rc rc = cm_store_open(&options->from, &from, err);
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
