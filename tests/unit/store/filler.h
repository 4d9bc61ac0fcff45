/* filler.h - a valid row for every table, made from the catalogue alone: the conformance tests need no
 * hand-written twin of the schema. */
#ifndef CM_TEST_STORE_FILLER_H
#define CM_TEST_STORE_FILLER_H

#include "store/fixture.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/catalogue.h"
#include "store/value.h"

#define FILLER_DIMS 4

/* Key values of the row made last in each table. */
typedef struct filler {
    fixture *f;
    cm_uuid person;
    cm_uuid ids[CM_TABLES]; /* nil = no row yet */
    int64_t serials[CM_TABLES];
    cm_str texts[CM_TABLES];
    unsigned turn; /* makes texts and numbers unique */
} filler;

static inline const cm_query *filler_query_if(const char *table, const char *verb) {
    char name[96];
    snprintf(name, sizeof name, "%s_%s", table, verb);
    for (size_t i = 0; i < cm_query_count; i++) {
        if (strcmp(cm_queries[i]->name, name) == 0) {
            return cm_queries[i];
        }
    }
    return NULL;
}

/* Never NULL: a table without it fails the test. */
static inline const cm_query *filler_query(const char *table, const char *verb) {
    const cm_query *query = filler_query_if(table, verb);
    if (query == NULL) {
        fail_msg("no query %s_%s", table, verb);
        __builtin_unreachable(); /* cmocka jumps away, but its declaration does not say so */
    }
    return query;
}

static inline size_t filler_table(const char *name) {
    for (size_t i = 0; i < CM_TABLES; i++) {
        if (strcmp(cm_tables[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("no table %s", name);
    return 0;
}

static inline const cm_column *filler_column(const cm_table *table, const char *name) {
    for (size_t i = 0; i < table->column_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) {
            return &table->columns[i];
        }
    }
    return NULL;
}

static inline bool filler_has(const filler *fill, const char *table) {
    size_t i = filler_table(table);
    return !cm_uuid_is_nil(&fill->ids[i]) || fill->serials[i] != 0 || fill->texts[i].len != 0;
}

/* All tables this one needs have a row. */
static inline bool filler_ready(const filler *fill, const cm_table *table) {
    for (size_t i = 0; i < table->column_count; i++) {
        const cm_column *column = &table->columns[i];
        if (column->foreign != NULL && strcmp(column->foreign, table->name) != 0 &&
            !filler_has(fill, column->foreign) && strcmp(column->name, "team_id") != 0) {
            return false;
        }
    }
    return strcmp(table->name, "embeddings") != 0 ||
           (filler_has(fill, "code_chunks") && filler_has(fill, "embedding_models"));
}

static inline cm_uuid filler_id(const filler *fill, const cm_table *table,
                                const cm_column *column) {
    if (strcmp(column->name, "user_id") == 0 || strcmp(column->name, "owner_id") == 0) {
        return fill->person;
    }
    if (strcmp(table->name, "embeddings") == 0 && strcmp(column->name, "subject_id") == 0) {
        return fill->ids[CM_TABLE_CODE_CHUNKS];
    }
    if (column->foreign != NULL) {
        if (strcmp(column->foreign, "users") == 0) {
            return fill->person;
        }
        return strcmp(column->foreign, table->name) != 0 ? fill->ids[filler_table(column->foreign)]
                                                         : (cm_uuid){{0}};
    }
    return strcmp(column->name, "team_id") == 0        ? fill->ids[CM_TABLE_TEAMS]
           : strcmp(column->name, "workspace_id") == 0 ? fill->ids[CM_TABLE_WORKSPACES]
                                                       : cm_uuid_v7();
}

static inline cm_str filler_text(const filler *fill, const cm_table *table,
                                 const cm_column *column) {
    if (column->foreign != NULL) {
        return fill->texts[filler_table(column->foreign)];
    }
    if (strcmp(table->name, "analysis_findings") == 0 && strcmp(column->name, "severity") == 0) {
        return CM_STR("error");
    }
    if (column->choices != NULL) {
        cm_str rest = cm_str_from(column->choices);
        cm_str first;
        return cm_str_split(&rest, '|', &first) ? first : CM_STR_EMPTY;
    }
    return cm_arena_fmt(fill->f->arena, "%s \"%s\" %u \xC3\xA9", table->name, column->name,
                        fill->turn);
}

static inline cm_str filler_string(const filler *fill, const cm_table *table,
                                   const cm_column *column) {
    static const float vector[FILLER_DIMS] = {0.5f, -1, 0.25f, 3};
    switch (column->type) {
    case CM_SQL_JSON: return CM_STR("{\"a\": [1, \"b\"]}");
    case CM_SQL_TEXTS: return CM_STR("[\"x\",\"y \\\"z\\\" {,}\"]");
    case CM_SQL_INTS: return CM_STR("[1,-2]");
    case CM_SQL_REALS: return CM_STR("[0.5,-2.25]");
    case CM_SQL_TIMES: return CM_STR("[1700000000123,1700000000456]");
    case CM_SQL_VECTOR: return cm_str_make((const char *)vector, sizeof vector);
    case CM_SQL_BYTES: return cm_str_make("a\0b\xff", 4);
    case CM_SQL_IP: return CM_STR("10.1.2.3");
    case CM_SQL_TEXT: return filler_text(fill, table, column);
    case CM_SQL_ID:
    case CM_SQL_INT:
    case CM_SQL_REAL:
    case CM_SQL_BOOL:
    case CM_SQL_TIME: break;
    }
    return CM_STR_EMPTY;
}

static inline int64_t filler_int(const filler *fill, const cm_table *table,
                                 const cm_column *column) {
    if (column->foreign != NULL) {
        return fill->serials[filler_table(column->foreign)];
    }
    if (strcmp(column->name, "embedding_model_id") == 0) {
        return fill->serials[CM_TABLE_EMBEDDING_MODELS];
    }
    if (strcmp(column->name, "dims") == 0 || strcmp(column->name, "dimensions") == 0) {
        return FILLER_DIMS;
    }
    (void)table;
    return column->low != NULL ? 1 : (int64_t)fill->turn + 7;
}

/* Fills the params of `query` (an insert, put or update of `table`) with valid values. */
static inline void filler_fill(const filler *fill, const cm_table *table, const cm_query *query,
                               char *params) {
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        if (slot->source != CM_SQL_CALLER) {
            continue;
        }
        const cm_column *column = filler_column(table, slot->name);
        if (column == NULL) {
            fail_msg("no column %s.%s", table->name, slot->name);
            __builtin_unreachable();
        }
        char *at = params + slot->offset;
        if (slot->type == CM_SQL_ID) {
            cm_uuid id = filler_id(fill, table, column);
            memcpy(at, &id, sizeof id);
        } else if (slot->type == CM_SQL_TIME) {
            int64_t now = cm_clock_wall_ms();
            memcpy(at, &now, sizeof now);
        } else if (slot->type == CM_SQL_INT) {
            cm_opt_int value = CM_INT(filler_int(fill, table, column));
            memcpy(at, &value, slot->opt ? sizeof value : sizeof value.value);
        } else if (slot->type == CM_SQL_REAL) {
            cm_opt_real value = CM_REAL(0.5);
            memcpy(at, &value, slot->opt ? sizeof value : sizeof value.value);
        } else if (slot->type == CM_SQL_BOOL) {
            cm_opt_bool value = CM_BOOL(strcmp(column->name, "is_personal") != 0);
            memcpy(at, &value, slot->opt ? sizeof value : sizeof value.value);
        } else {
            cm_str text = filler_string(fill, table, column);
            memcpy(at, &text, sizeof text);
        }
    }
}

/* Remembers the key of the row that `params` describes. */
static inline void filler_remember(filler *fill, const cm_table *table, const cm_query *query,
                                   const char *params) {
    size_t number = (size_t)(table - cm_tables);
    const cm_sql_slot *key = &query->params[0];
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_column *column = filler_column(table, query->params[i].name);
        if (column != NULL && column->key) {
            key = &query->params[i];
            break;
        }
    }
    if (key->type == CM_SQL_ID) {
        memcpy(&fill->ids[number], params + key->offset, sizeof(cm_uuid));
    } else if (key->type == CM_SQL_TEXT) {
        memcpy(&fill->texts[number], params + key->offset, sizeof(cm_str));
    }
}

/* One row; `params` (query->params_size bytes) keeps what was written. */
static inline void filler_insert(filler *fill, const cm_table *table, char **ret_params) {
    const cm_query *query = filler_query(table->name, "insert");
    char *params = cm_arena_alloc(fill->f->arena, query->params_size);
    fill->turn++;
    filler_fill(fill, table, query, params);
    cm_err err = {0};
    int64_t id = 0;
    cm_rc rc = query->column_count != 0
                   ? cm_query_one(&fill->f->system, query, params, fill->f->arena, &id, &err)
                   : cm_query_exec(&fill->f->system, query, params, NULL, &err);
    if (rc != CM_OK) {
        fail_msg("insert into %s: %s", table->name, err.text);
    }
    filler_remember(fill, table, query, params);
    if (id != 0) {
        fill->serials[table - cm_tables] = id;
    }
    if (ret_params != NULL) {
        *ret_params = params;
    }
}

/* A row in every table, parents first. `order` gets the tables in that order. */
static inline void filler_all(filler *fill, const cm_table *order[CM_TABLES],
                              char *params[CM_TABLES]) {
    bool done[CM_TABLES] = {false};
    size_t count = 0;
    while (count < CM_TABLES) {
        size_t before = count;
        for (size_t i = 0; i < CM_TABLES; i++) {
            if (!done[i] && filler_ready(fill, &cm_tables[i])) {
                char *made = NULL;
                filler_insert(fill, &cm_tables[i], &made);
                params[count] = made;
                order[count++] = &cm_tables[i];
                done[i] = true;
            }
        }
        assert_true(count > before);
    }
}

#endif
