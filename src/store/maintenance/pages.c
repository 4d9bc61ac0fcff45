/* pages.c - walking a generated list query (`_list`, `_export`) from its first page to its last.
 *
 * A page ends after so many rows or so many bytes of text, whichever comes first: rows may hold 16 MiB each. PostgreSQL
 * sends a whole page before the first row of it is looked at, so a page that was cut asks for fewer rows next time. */
#include "store/store_priv.h"

#define PAGE_ROWS  INT64_C(500)
#define PAGE_BYTES CM_MIB(4)

const cm_query *cm_query_find(const char *table, const char *verb) {
    char name[96];
    snprintf(name, sizeof name, "%s_%s", table, verb);
    for (size_t i = 0; i < cm_query_count; i++) {
        if (strcmp(cm_queries[i]->name, name) == 0) {
            return cm_queries[i];
        }
    }
    return NULL;
}

static void set_limit(const cm_query *query, char *params, int64_t limit) {
    for (size_t i = 0; i < query->param_count; i++) {
        if (strcmp(query->params[i].name, "limit") == 0) {
            memcpy(params + query->params[i].offset, &limit, sizeof limit);
        }
    }
}

static char *first_params(const cm_query *query, const cm_uuid *person, cm_arena *keep) {
    char *params = cm_arena_alloc(keep, query->params_size);
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        if (strcmp(slot->name, "person_id") == 0 && person != NULL) {
            memcpy(params + slot->offset, person, sizeof *person);
        }
    }
    return params;
}

/* The key of the last row becomes the start of the next page; its texts must outlive the page. */
static void advance(const cm_page *page, char *params, cm_arena *keep) {
    const cm_query *query = page->query;
    const char *last = page->rows + (page->count - 1) * query->row_size;
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *to = &query->params[i];
        for (size_t k = 0; k < query->column_count; k++) {
            const cm_sql_slot *from = &query->columns[k];
            if (strncmp(to->name, "after_", 6) != 0 || strcmp(to->name + 6, from->name) != 0) {
                continue;
            }
            if (to->type == CM_SQL_TEXT) {
                cm_str text;
                memcpy(&text, last + from->offset, sizeof text);
                text = cm_arena_str(keep, text);
                memcpy(params + to->offset, &text, sizeof text);
            } else {
                memcpy(params + to->offset, last + from->offset,
                       to->type == CM_SQL_ID ? sizeof(cm_uuid) : sizeof(int64_t));
            }
        }
    }
}

cm_rc cm_query_pages(const cm_db *db, const cm_query *query, const cm_uuid *person,
                     cm_page_fn *each, void *argument, cm_err *err) {
    cm_cleanup(cm_arena_freep) cm_arena *rows = cm_arena_new(0);
    cm_cleanup(cm_arena_freep) cm_arena *keys = cm_arena_new(0);
    char *params = first_params(query, person, keys);
    cm_page page = {.query = query};
    int64_t limit = PAGE_ROWS;
    for (;;) {
        bool cut = false;
        set_limit(query, params, limit);
        cm_rc rc =
            cm_query_some(db, query, params, PAGE_BYTES, rows, &page.rows, &page.count, &cut, err);
        if (rc == CM_OK && page.count != 0) {
            rc = each(&page, argument, err);
        }
        if (rc != CM_OK || (!cut && (int64_t)page.count < limit)) {
            return rc;
        }
        advance(&page, params, keys);
        limit = cut ? (int64_t)page.count : CM_MIN(limit * 2, PAGE_ROWS);
        cm_arena_clear(rows);
    }
}
