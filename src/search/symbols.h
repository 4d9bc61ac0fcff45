/* symbols.h - go to definition, find references and callers, by name and nearness.
 *
 * Names are resolved by evidence, not by a type checker: exact name, same file, imported file, same
 * directory, same language, exported. Every answer carries a confidence.
 *
 * Thread: any. */
#ifndef CM_SEARCH_SYMBOLS_H
#define CM_SEARCH_SYMBOLS_H

#include "index/snapshot/snapshot.h"
#include "rt/cancel.h"

typedef struct cm_symbol_query {
    cm_str name;       /* "parse", or qualified: "Store.open", "store::open" */
    cm_str from_path;  /* where the question is asked; may be empty */
    uint32_t kinds;    /* 1u << enum cm_symbol_kind; 0 = all */
    bool prefix;       /* names that start with `name`; otherwise exactly it */
    uint32_t limit;    /* 1..500, 0 = 50 */
    cm_cancel *cancel; /* may be NULL */
} cm_symbol_query;

typedef struct cm_symbol_hit {
    cm_index_symbol symbol;
    cm_str path;
    double confidence; /* 0..1 */
} cm_symbol_hit;

typedef struct cm_symbol_result {
    const cm_symbol_hit *hits; /* best first */
    size_t count;
    bool truncated;
} cm_symbol_result;

/* CM_CANCELLED, CM_NOMEM. */
cm_rc cm_symbols_definitions(const cm_snapshot *snapshot, const cm_symbol_query *query,
                             cm_arena *arena, cm_symbol_result *ret_result,
                             cm_err *err) cm_must_check;

typedef struct cm_reference_hit {
    cm_index_reference reference;
    cm_str path;
    cm_str scope_name; /* name of the enclosing symbol; empty at top level */
    double confidence;
} cm_reference_hit;

typedef struct cm_reference_result {
    const cm_reference_hit *hits; /* same file first, then by nearness of path */
    size_t count;
    bool truncated;
} cm_reference_result;

/* `roles` = 1u << enum cm_reference_role, 0 = all. Call sites: 1u << CM_REFERENCE_CALL. CM_CANCELLED, CM_NOMEM. */
cm_rc cm_symbols_references(const cm_snapshot *snapshot, const cm_symbol_query *query,
                            uint32_t roles, cm_arena *arena, cm_reference_result *ret_result,
                            cm_err *err) cm_must_check;

/* What implements the interface or extends the class `name`: for each place that inherits from it the
 * definition that does so. One definition is told once. CM_CANCELLED, CM_NOMEM. */
cm_rc cm_symbols_implementers(const cm_snapshot *snapshot, const cm_symbol_query *query,
                              cm_arena *arena, cm_symbol_result *ret_result,
                              cm_err *err) cm_must_check;

/* What the documents imported by `path` define, nearest and most used first: the definitions a
 * completion in that file most likely needs. Names in `wanted` (may be empty) come first. CM_NOMEM. */
cm_rc cm_symbols_imported(const cm_snapshot *snapshot, cm_str path, cm_str_list wanted,
                          uint32_t limit, cm_arena *arena, cm_symbol_result *ret_result,
                          cm_err *err) cm_must_check;

#endif
