/* Bad input in every field of every table, made from the catalogue: refused clearly or kept exactly as it was
 * given, the same on every engine. Bounds: value.c. */
#include "store/filler.h" /* tests/unit/store */

#include "store/q/users.h"

#define VALUE_MAX CM_MIB(16)

typedef struct world {
    filler fill;
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES];
} world;

static void make_world(world *w, fixture *f) {
    *w = (world){.fill = {.f = f}};
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("person@example.com")};
    assert_ok(cm_q_users_insert(&f->system, &person, err));
    w->fill.person = person.id;
    filler_all(&w->fill, w->order, w->params);
}

static bool is_string(const cm_sql_slot *slot) {
    return slot->source == CM_SQL_CALLER &&
           (slot->type == CM_SQL_TEXT || slot->type == CM_SQL_JSON || slot->type == CM_SQL_TEXTS ||
            slot->type == CM_SQL_IP);
}

/* A valid new row of the table, with one field replaced. */
static cm_rc insert_with(world *w, const cm_table *table, const cm_sql_slot *slot, cm_str value,
                         cm_err *err) {
    const cm_query *query = filler_query(table->name, "insert");
    cm_arena *arena = w->fill.f->arena;
    char *params = cm_arena_alloc(arena, query->params_size);
    w->fill.turn++;
    filler_fill(&w->fill, table, query, params);
    memcpy(params + slot->offset, &value, sizeof value);
    int64_t id;
    return query->column_count != 0
               ? cm_query_one(&w->fill.f->system, query, params, arena, &id, err)
               : cm_query_exec(&w->fill.f->system, query, params, NULL, err);
}

static void expect_refused(world *w, const cm_table *table, const cm_sql_slot *slot, cm_str value,
                           const char *what) {
    cm_err told = {0};
    cm_rc rc = insert_with(w, table, slot, value, &told);
    if (rc != CM_INVALID && rc != CM_LIMIT) {
        fail_msg("%s.%s took %s: %d %s", table->name, slot->name, what, (int)rc, told.text);
    }
    /* What does not parse is the engine's to say; PostgreSQL names the query and not the field. */
    if (strstr(told.text, slot->name) == NULL && strstr(told.text, "input syntax") == NULL) {
        fail_msg("%s.%s, %s: the error does not name it: %s", table->name, slot->name, what,
                 told.text);
    }
}

typedef void each_fn(world *w, const cm_table *table, const cm_sql_slot *slot);

static size_t for_strings(world *w, each_fn *each) {
    size_t fields = 0;
    for (size_t t = 0; t < CM_TABLES; t++) {
        const cm_query *query = filler_query(cm_tables[t].name, "insert");
        for (size_t i = 0; i < query->param_count; i++) {
            if (is_string(&query->params[i])) {
                each(w, &cm_tables[t], &query->params[i]);
                fields++;
            }
        }
    }
    return fields;
}

static void refuse_bytes(world *w, const cm_table *table, const cm_sql_slot *slot) {
    bool json = slot->type == CM_SQL_JSON;
    expect_refused(w, table, slot, json ? cm_str_make("{\"a\":\"\0\"}", 9) : cm_str_make("a\0b", 3),
                   "a NUL");
    expect_refused(w, table, slot, json ? CM_STR("{\"a\":\"\xC3\"}") : CM_STR("a\xC3"),
                   "half a character");
    expect_refused(w, table, slot, CM_STR("\xED\xA0\x80"), "a surrogate");
    if (slot->type != CM_SQL_TEXT) {
        expect_refused(w, table, slot, CM_STR("{\"a\": ["), "what does not parse");
    }
}

static void test_store_input__nul_and_bad_utf8_are_refused_in_every_field(void **state) {
    world w;
    make_world(&w, *state);
    assert_true(for_strings(&w, refuse_bytes) > 300);
}

static cm_str oversized;

static void refuse_size(world *w, const cm_table *table, const cm_sql_slot *slot) {
    if (slot->type != CM_SQL_IP) {
        expect_refused(w, table, slot, oversized, "more than 16 MiB");
    }
}

static void test_store_input__oversized_values_are_refused_in_every_field(void **state) {
    world w;
    make_world(&w, *state);
    char *text = cm_alloc(VALUE_MAX + 3);
    memset(text, 'x', VALUE_MAX + 2);
    text[0] = '"'; /* JSON too */
    text[VALUE_MAX + 1] = '"';
    oversized = cm_str_make(text, VALUE_MAX + 2);
    for_strings(&w, refuse_size);
    cm_free(text);
}

/* Texts that a statement put together from strings would trip over. */
static const char *const sql_like[] = {
    "'; DROP TABLE users; --",
    "\" OR 1=1 --",
    "$1 :me ?1 \\' $$x$$ %s {read users u}",
};

/* In columns with a set of allowed values it is the set that refuses it. */
static void keep_sql(world *w, const cm_table *table, const cm_sql_slot *slot) {
    const cm_column *column = filler_column(table, slot->name);
    for (size_t i = 0; i < CM_COUNT(sql_like) && slot->type == CM_SQL_TEXT; i++) {
        cm_err told = {0};
        cm_str value = cm_arena_fmt(w->fill.f->arena, "%s %u", sql_like[i], w->fill.turn);
        cm_rc rc = insert_with(w, table, slot, value, &told);
        bool picky = column->choices != NULL || column->foreign != NULL;
        bool fine = rc == CM_OK || (picky && (rc == CM_INVALID || rc == CM_CONFLICT)) ||
                    rc == CM_EXISTS || rc == CM_INVALID;
        if (!fine) {
            fail_msg("%s.%s '%s': %d %s", table->name, slot->name, sql_like[i], (int)rc, told.text);
        }
    }
}

static void test_store_input__text_that_looks_like_sql_is_only_text(void **state) {
    fixture *f = *state;
    world w;
    make_world(&w, f);
    for_strings(&w, keep_sql);
    for (size_t t = 0; t < CM_TABLES; t++) { /* every table is still there */
        int64_t count = 0;
        assert_ok(cm_query_one(&f->system, filler_query(cm_tables[t].name, "count"), NULL, f->arena,
                               &count, err));
    }
    for (size_t i = 0; i < CM_COUNT(sql_like); i++) { /* and it comes back letter by letter */
        cm_q_users_insert_in in = {.id = cm_uuid_v7(),
                                   .email = cm_arena_fmt(f->arena, "%zu@example.com", i),
                                   .name = cm_str_from(sql_like[i])};
        cm_row_users row;
        assert_ok(cm_q_users_insert(&f->system, &in, err));
        assert_ok(cm_q_users_get(&f->system, &(cm_q_users_get_in){in.id}, f->arena, &row, err));
        assert_true(cm_str_eq(row.name, in.name));
    }
}

/* A reference to a row that does not exist, in every column that refers. */
static void refuse_orphan(world *w, const cm_table *table, size_t *refused) {
    const cm_query *query = filler_query(table->name, "insert");
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        const cm_column *column =
            slot->source == CM_SQL_CALLER ? filler_column(table, slot->name) : NULL;
        if (column == NULL || column->foreign == NULL || slot->type != CM_SQL_ID) {
            continue;
        }
        cm_arena *arena = w->fill.f->arena;
        char *params = cm_arena_alloc(arena, query->params_size);
        w->fill.turn++;
        filler_fill(&w->fill, table, query, params);
        cm_uuid nobody = cm_uuid_v7();
        memcpy(params + slot->offset, &nobody, sizeof nobody);
        cm_err told = {0};
        int64_t id;
        cm_rc rc = query->column_count != 0
                       ? cm_query_one(&w->fill.f->system, query, params, arena, &id, &told)
                       : cm_query_exec(&w->fill.f->system, query, params, NULL, &told);
        /* CM_EXISTS: another unique column of the row was found first. */
        if (rc != CM_CONFLICT && rc != CM_EXISTS) {
            fail_msg("%s.%s took an orphan: %d %s", table->name, slot->name, (int)rc, told.text);
        }
        *refused += rc == CM_CONFLICT;
    }
}

static void test_store_input__references_to_nothing_are_refused(void **state) {
    world w;
    size_t refused = 0;
    make_world(&w, *state);
    for (size_t t = 0; t < CM_TABLES; t++) {
        refuse_orphan(&w, &cm_tables[t], &refused);
    }
    assert_true(refused > 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_input__nul_and_bad_utf8_are_refused_in_every_field),
        store_test(test_store_input__oversized_values_are_refused_in_every_field),
        store_test(test_store_input__text_that_looks_like_sql_is_only_text),
        store_test(test_store_input__references_to_nothing_are_refused),
    };
    return cmocka_run_group_tests_name("store/input", tests, NULL, NULL);
}
