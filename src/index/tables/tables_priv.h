/* tables_priv.h - inside of the projection: one pass (tables_pass.c), the rows of one document
 * (tables_rows.c) and how they are written (tables_write.c). */
#ifndef CM_INDEX_TABLES_TABLES_PRIV_H
#define CM_INDEX_TABLES_TABLES_PRIV_H

#include "base/vec.h"
#include "index/graph/graph.h"
#include "index/tables/tables.h"

/* ---- rows ---- */

typedef CM_VEC(cm_str)
    cm_json_parts; /* {"rows": [...]}, each well below what a parameter may hold */

typedef struct cm_table_reference {
    uint32_t document; /* number in the snapshot */
    uint32_t line, column;
    cm_str name;
    uint8_t role;
} cm_table_reference;

/* The rows of one document. Texts live in the arena of the window. */
typedef struct cm_table_document {
    cm_uuid id;
    bool known; /* rows of it are there already */
    cm_str language;
    cm_str file; /* {"rows": [one]} */
    cm_json_parts symbols, chunks, references, dependencies;
    const cm_uuid *symbol_ids;
    const cm_str *symbol_names;
    size_t symbol_count;
    uint64_t rows;
} cm_table_document;

typedef struct cm_table_change {
    uint32_t document;
    uint64_t hash;
    bool known;
} cm_table_change;

/* Of all that the rows of a document are made from. `graph` NULL = no targets of imports. */
uint64_t cm_table_hash(const cm_snapshot *snapshot, const cm_graph *graph, enum cm_tables_mode mode,
                       const cm_index_document *document);
/* The row of `files`; `hash` 0 = not complete yet. */
void cm_table_file(const cm_snapshot *snapshot, const cm_index_document *document, uint64_t hash,
                   cm_buf *out);
/* All references of the documents of `changes`, by document and position, each place once. */
cm_rc cm_table_references(const cm_snapshot *snapshot, const cm_table_change *changes, size_t count,
                          cm_arena *arena, const cm_table_reference **ret_references,
                          size_t *ret_count, cm_err *err) cm_must_check;
/* Everything of one document; `references` are its own. */
cm_rc cm_table_document_make(const cm_snapshot *snapshot, const cm_graph *graph,
                             const cm_table_change *change, const cm_table_reference *references,
                             size_t reference_count, cm_arena *arena,
                             cm_table_document *ret_document, cm_err *err) cm_must_check;
void cm_table_document_done(cm_table_document *document);

/* ---- writing: inside a transaction ---- */

cm_rc cm_table_write(const cm_db *db, const cm_uuid *repository, const cm_table_document *document,
                     cm_err *err) cm_must_check;
cm_rc cm_table_remove(const cm_db *db, const cm_uuid *repository, const cm_uuid *file,
                      cm_err *err) cm_must_check;
/* Only what is in a file: its row stays. For a mode without. */
cm_rc cm_table_empty(const cm_db *db, const cm_uuid *file, cm_err *err) cm_must_check;

/* ---- one pass ---- */

/* Called between transactions with what the last one took; an error ends the pass. */
typedef cm_rc cm_table_rest_fn(void *argument, uint64_t took_ns, cm_err *err);

typedef struct cm_table_pass {
    cm_db db;
    enum cm_tables_mode mode;
    cm_table_rest_fn *rest;
    void *argument;
    cm_tables_stats *stats; /* counted here */
} cm_table_pass;

/* CM_NOT_FOUND: the repository has no row (any more). */
cm_rc cm_table_pass_run(const cm_table_pass *pass, cm_index *repository, cm_err *err) cm_must_check;

#endif
