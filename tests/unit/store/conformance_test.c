/* One suite for both engines: every query of every table, as the person, as a stranger and as the system.
 * Run as it is for SQLite, by tests/tools/with_postgres.py for PostgreSQL. */
#include "store/filler.h" /* tests/unit/store */

#include "base/json.h"
#include "store/q/users.h"

typedef struct world {
    filler fill;
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES]; /* of the inserts, in that order */
    cm_db person;
    cm_db stranger;
} world;

static void make_world(world *w, fixture *f) {
    *w = (world){.fill = {.f = f}};
    /* The person comes first: all else is theirs. */
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("person@example.com")};
    cm_q_users_insert_in stranger = {.id = cm_uuid_v7(), .email = CM_STR("stranger@example.com")};
    assert_ok(cm_q_users_insert(&f->system, &person, err));
    assert_ok(cm_q_users_insert(&f->system, &stranger, err));
    w->fill.person = person.id;
    w->person = cm_store_as(f->store, person.id);
    w->stranger = cm_store_as(f->store, stranger.id);
    filler_all(&w->fill, w->order, w->params);
}

/* Copies the key columns (or what else has the same name) from one struct to another. */
static void copy_slots(const cm_sql_slot *from, size_t from_count, const char *source,
                       const cm_sql_slot *to, size_t to_count, char *target) {
    static const size_t sizes[] = {
        [CM_SQL_ID] = sizeof(cm_uuid),
        [CM_SQL_TEXT] = sizeof(cm_str),
        [CM_SQL_INT] = sizeof(int64_t),
        [CM_SQL_TIME] = sizeof(int64_t),
    };
    for (size_t i = 0; i < to_count; i++) {
        for (size_t k = 0; k < from_count; k++) {
            if (to[i].source == CM_SQL_CALLER && strcmp(to[i].name, from[k].name) == 0) {
                assert_true(to[i].type < CM_COUNT(sizes) && sizes[to[i].type] != 0);
                memcpy(target + to[i].offset, source + from[k].offset, sizes[to[i].type]);
            }
        }
    }
}

/* Params of `query` (get or delete) for the row that was inserted `at`-th. */
static char *key_params(const world *w, size_t at, const cm_query *query) {
    const cm_table *table = w->order[at];
    const cm_query *insert = filler_query(table->name, "insert");
    char *params = cm_arena_alloc(w->fill.f->arena, query->params_size + 1);
    copy_slots(insert->params, insert->param_count, w->params[at], query->params,
               query->param_count, params);
    if (table->columns[0].key && table->columns[0].type == CM_SQL_INT) {
        memcpy(params, &w->fill.serials[table - cm_tables], sizeof(int64_t));
    }
    return params;
}

static cm_rc get_row(const world *w, const cm_db *db, size_t at, void **ret_row, cm_err *err) {
    const cm_query *get = filler_query(w->order[at]->name, "get");
    *ret_row = cm_arena_alloc(w->fill.f->arena, get->row_size);
    return cm_query_one(db, get, key_params(w, at, get), w->fill.f->arena, *ret_row, err);
}

static void assert_same_json(const char *table, const char *column, cm_str a, cm_str b) {
    json_t *left = NULL;
    json_t *right = NULL;
    assert_ok(cm_json_parse(a, &left, err));
    assert_ok(cm_json_parse(b, &right, err));
    if (!json_equal(left, right)) {
        fail_msg("%s.%s: '%.*s' became '%.*s'", table, column, CM_STR_ARG(a), CM_STR_ARG(b));
    }
    json_decref(left);
    json_decref(right);
}

static void assert_same(const char *table, const cm_sql_slot *given, const char *params,
                        const cm_sql_slot *got, const char *row) {
    cm_value left, right;
    cm_db db = {0};
    assert_ok(cm_value_read(given, params, &db, &left, err));
    assert_ok(cm_value_read(got, row, &db, &right, err));
    if (given->type >= CM_SQL_JSON && given->type <= CM_SQL_TIMES) {
        assert_same_json(table, given->name, left.str, right.str);
        return;
    }
    bool same = left.kind == right.kind && left.i == right.i && left.real == right.real &&
                cm_uuid_eq(&left.id, &right.id) && cm_str_eq(left.str, right.str);
    if (!same) {
        fail_msg("%s.%s: '%.*s' (%lld) became '%.*s' (%lld)", table, given->name,
                 CM_STR_ARG(left.str), (long long)left.i, CM_STR_ARG(right.str),
                 (long long)right.i);
    }
}

static void test_store_conformance__every_table_gives_back_what_it_was_given(void **state) {
    world w;
    make_world(&w, *state);
    for (size_t at = 0; at < CM_TABLES; at++) {
        const cm_query *insert = filler_query(w.order[at]->name, "insert");
        const cm_query *get = filler_query(w.order[at]->name, "get");
        void *row;
        assert_ok(get_row(&w, &w.fill.f->system, at, &row, err));
        for (size_t i = 0; i < insert->param_count; i++) {
            for (size_t k = 0; k < get->column_count; k++) {
                if (strcmp(insert->params[i].name, get->columns[k].name) == 0) {
                    assert_same(w.order[at]->name, &insert->params[i], w.params[at],
                                &get->columns[k], row);
                }
            }
        }
    }
}

static void test_store_conformance__rows_can_be_written_again_and_removed(void **state) {
    world w;
    make_world(&w, *state);
    for (size_t at = CM_TABLES; at-- > 0;) {
        const char *name = w.order[at]->name;
        const cm_query *put = filler_query_if(name, "put");
        const cm_query *update = filler_query_if(name, "update");
        const cm_query *drop = filler_query_if(name, "delete");
        void *row;
        assert_ok(get_row(&w, &w.fill.f->system, at, &row, err));
        if (update != NULL) {
            assert_ok(cm_query_exec(&w.fill.f->system, update, row, NULL, err));
        }
        if (put != NULL) {
            assert_ok(cm_query_exec(&w.fill.f->system, put, w.params[at], NULL, err));
        }
        if (drop != NULL) {
            assert_ok(cm_query_exec(&w.fill.f->system, drop, key_params(&w, at, drop), NULL, err));
            cm_err err;
            assert_int_equal(get_row(&w, &w.fill.f->system, at, &row, &err), CM_NOT_FOUND);
        }
    }
}

static size_t count_listed(const world *w, const cm_db *db, const cm_table *table) {
    const cm_query *list = filler_query(table->name, "list");
    char *params = cm_arena_alloc(w->fill.f->arena, list->params_size);
    char *rows;
    size_t count = 0;
    assert_ok(cm_query_all(db, list, params, w->fill.f->arena, &rows, &count, err));
    return count;
}

static bool is_private(const cm_table *table) {
    return table->tenant != CM_TENANT_GLOBAL && table->tenant != CM_TENANT_SYS;
}

static void test_store_conformance__a_person_sees_their_rows_and_a_stranger_none(void **state) {
    world w;
    make_world(&w, *state);
    cm_db nobody = cm_store_as(w.fill.f->store, (cm_uuid){{0}});
    for (size_t at = 0; at < CM_TABLES; at++) {
        const cm_table *table = w.order[at];
        if (!is_private(table)) {
            continue;
        }
        if (count_listed(&w, &w.person, table) == 0) {
            fail_msg("'%s' hides a row from its owner", table->name);
        }
        size_t own = strcmp(table->name, "users") == 0; /* the stranger's own account */
        if (count_listed(&w, &w.stranger, table) != own || count_listed(&w, &nobody, table) != 0) {
            fail_msg("'%s' shows a row to a stranger", table->name);
        }
    }
}

static void test_store_conformance__a_stranger_changes_and_removes_nothing(void **state) {
    world w;
    make_world(&w, *state);
    for (size_t at = CM_TABLES; at-- > 0;) {
        const cm_table *table = w.order[at];
        const cm_query *update = filler_query_if(table->name, "update");
        const cm_query *drop = filler_query_if(table->name, "delete");
        void *row;
        assert_ok(get_row(&w, &w.fill.f->system, at, &row, err));
        cm_rc expected = is_private(table) ? CM_NOT_FOUND : CM_DENIED;
        if (update != NULL) {
            assert_rc(expected, cm_query_exec(&w.stranger, update, row, NULL, err));
        }
        if (drop != NULL) {
            assert_rc(expected,
                      cm_query_exec(&w.stranger, drop, key_params(&w, at, drop), NULL, err));
        }
        assert_ok(get_row(&w, &w.fill.f->system, at, &row, err));
    }
}

/* With nothing in its parameters a query finds nothing, or is refused for a reason of ours; an error of
 * the engine (syntax, type, permission) would show as another code. */
static void test_store_conformance__every_query_runs_in_every_scope(void **state) {
    fixture *f = *state;
    cm_store_stats stats;
    cm_store_stats_get(f->store, &stats);
    size_t ran = 0;
    for (size_t i = 0; i < cm_query_count; i++) {
        const cm_query *query = cm_queries[i];
        for (int scope = 0; scope < 2; scope++) {
            cm_db db = scope == CM_DB_USER ? f->me : f->system;
            char *params = cm_arena_alloc(f->arena, query->params_size + 1);
            char *rows = NULL;
            size_t count = 0;
            cm_err err = {0};
            cm_rc rc = query->column_count != 0
                           ? cm_query_all(&db, query, params, f->arena, &rows, &count, &err)
                           : cm_query_exec(&db, query, params, NULL, &err);
            bool missing = query->sql[stats.engine][scope] == NULL;
            bool good = missing ? rc == CM_DENIED
                                : rc == CM_OK || rc == CM_NOT_FOUND || rc == CM_INVALID ||
                                      rc == CM_CONFLICT || rc == CM_EXISTS;
            if (!good) {
                fail_msg("'%s' (scope %d): %d %s", query->name, scope, (int)rc, err.text);
            }
            ran += !missing;
        }
    }
    assert_true(ran > cm_query_count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_conformance__every_table_gives_back_what_it_was_given),
        store_test(test_store_conformance__rows_can_be_written_again_and_removed),
        store_test(test_store_conformance__a_person_sees_their_rows_and_a_stranger_none),
        store_test(test_store_conformance__a_stranger_changes_and_removes_nothing),
        store_test(test_store_conformance__every_query_runs_in_every_scope),
    };
    return cmocka_run_group_tests_name("store/conformance", tests, NULL, NULL);
}
