/* The whole chain with data: from each revision there ever was to the newest, down as far as it goes, and up again.
 *
 * Written for any length of the chain: what a revision's tables were is asked of the database, rows are made from the
 * catalogue for the columns that exist there. Two revisions of the test's own follow the embedded ones, so
 * that there always is a way to walk. */
#include "store/filler.h" /* tests/unit/store */

#include "store/schema/drift_priv.h"

#define CHAIN_MAX 64
#define BOTH(sql) \
    { sql, sql }

static const cm_migration own[] = {
    {"ccccccccccc1", "", "columns more", "2026-01-01", "c1",
     BOTH("ALTER TABLE users ADD COLUMN pet TEXT;"
          "ALTER TABLE tags ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'"),
     BOTH("ALTER TABLE users DROP COLUMN pet; ALTER TABLE tags DROP COLUMN colour"), true,
     "ccccccccccc1_one.sql"},
    {"ccccccccccc2",
     "ccccccccccc1",
     "rows moved",
     "2026-01-02",
     "c2",
     {"CREATE TABLE pets (user_id TEXT NOT NULL PRIMARY KEY, name TEXT); INSERT INTO pets SELECT "
      "id, "
      "'none' FROM users",
      "CREATE TABLE pets (user_id UUID NOT NULL PRIMARY KEY, name TEXT); INSERT INTO pets SELECT "
      "id, "
      "'none' FROM users"},
     {"DROP TABLE pets", "DROP TABLE pets"},
     true,
     "ccccccccccc2_two.sql"},
};

typedef struct walk {
    fixture *f;
    cm_store *store;
    cm_migrator migrator;
    cm_migration all[CHAIN_MAX];
    char database[64]; /* of PostgreSQL */
} walk;

static void walk_open(walk *w, fixture *f, size_t number) {
    *w = (walk){.f = f};
    char url[256];
    cm_store_options options = {.data_dir = f->dir, .url = url};
    if (f->url[0] != '\0') {
        char sql[128];
        snprintf(w->database, sizeof w->database, "walk_%zu", number);
        snprintf(sql, sizeof sql, "CREATE DATABASE %s", w->database);
        assert_true(fixture_admin(sql));
        fixture_url(url, w->database);
    } else {
        snprintf(url, sizeof url, "sqlite:%s/walk-%zu.db", f->dir, number);
    }
    assert_ok(cm_store_open_bare(&options, &w->store, err));
    assert_ok(w->store->ops->migrator(w->store, &w->migrator, err));
    size_t embedded = cm_migrations_embedded.count;
    assert_true(embedded + CM_COUNT(own) <= CHAIN_MAX);
    memcpy(w->all, cm_migrations_embedded.items, embedded * sizeof *w->all);
    memcpy(w->all + embedded, own, sizeof own);
    w->all[embedded].revises = w->all[embedded - 1].revision;
    w->migrator.migrations = (cm_migrations){w->all, embedded + CM_COUNT(own)};
}

static void walk_close(walk *w) {
    w->store->ops->migrated(w->store, &w->migrator);
    cm_store_close(w->store);
    if (w->database[0] != '\0') {
        char sql[128];
        snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", w->database);
        assert_true(fixture_admin(sql));
    }
}

/* --- Which columns there are ------------------------------------------------------------------ */

typedef struct names {
    char items[96][64];
    size_t count;
} names;

static cm_rc take_name(void *argument, const char *const *values, cm_err *err) {
    names *all = argument;
    if (all->count == CM_COUNT(all->items)) {
        return cm_fail(err, CM_LIMIT, "too many columns");
    }
    snprintf(all->items[all->count++], sizeof all->items[0], "%s", values[0]);
    return CM_OK;
}

static bool has_name(const names *all, const char *name) {
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void columns_of(const walk *w, const char *table, names *ret_names) {
    char sql[256];
    ret_names->count = 0;
    snprintf(sql, sizeof sql,
             w->database[0] != '\0' ? "SELECT column_name FROM information_schema.columns WHERE "
                                      "table_schema = 'public' AND "
                                      "table_name = '%s' AND is_generated = 'NEVER' ORDER BY 1"
                                    : "SELECT name FROM pragma_table_info('%s') ORDER BY 1",
             table);
    assert_ok(w->migrator.ops->rows(w->migrator.conn, sql, take_name, ret_names, err));
}

/* --- A row in every table, as SQL: the program's own queries are those of the newest schema ------ */

static void add_quoted(cm_buf *sql, cm_str text) {
    cm_buf_add_char(sql, '\'');
    for (size_t i = 0; i < text.len; i++) {
        cm_buf_add_repeat(sql, text.ptr[i], text.ptr[i] == '\'' ? 2 : 1);
    }
    cm_buf_add_char(sql, '\'');
}

static void add_hex(cm_buf *sql, cm_str bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        cm_buf_add_f(sql, "%02x", (unsigned char)bytes.ptr[i]);
    }
}

static const char *array_type(enum cm_sql_type type) {
    return type == CM_SQL_TEXTS ? "text" : type == CM_SQL_INTS ? "bigint" : "double precision";
}

static void add_text(cm_buf *sql, bool pg, enum cm_sql_type type, cm_str text) {
    bool array = type == CM_SQL_TEXTS || type == CM_SQL_INTS || type == CM_SQL_REALS;
    if (text.ptr == NULL) {
        cm_buf_add_c(sql, "NULL");
    } else if (type == CM_SQL_VECTOR && pg) {
        const float *values = (const float *)(const void *)text.ptr;
        for (size_t i = 0; i < text.len / sizeof *values; i++) {
            cm_buf_add_f(sql, "%s%g", i == 0 ? "'[" : ",", (double)values[i]);
        }
        cm_buf_add_c(sql, "]'::vector");
    } else if (type == CM_SQL_VECTOR || type == CM_SQL_BYTES) {
        cm_buf_add_c(sql, pg ? "'\\x" : "x'");
        add_hex(sql, text);
        cm_buf_add_c(sql, "'");
    } else if (pg && array) {
        cm_buf_add_f(sql, "ARRAY(SELECT jsonb_array_elements_text(");
        add_quoted(sql, text);
        cm_buf_add_f(sql, "::jsonb))::%s[]", array_type(type));
    } else if (pg && type == CM_SQL_TIMES) {
        cm_buf_add_c(
            sql, "ARRAY(SELECT to_timestamp(e::bigint / 1000.0) FROM jsonb_array_elements_text(");
        add_quoted(sql, text);
        cm_buf_add_c(sql, "::jsonb) e)");
    } else {
        add_quoted(sql, text);
    }
}

static void add_value(cm_buf *sql, bool pg, const cm_sql_slot *slot, const char *params) {
    const char *at = params + slot->offset;
    if (slot->type == CM_SQL_ID) {
        cm_uuid id;
        char text[CM_UUID_TEXT];
        memcpy(&id, at, sizeof id);
        cm_uuid_format(&id, text);
        cm_buf_add_f(sql, cm_uuid_is_nil(&id) ? "NULL" : "'%s'", text);
    } else if (slot->type == CM_SQL_INT || slot->type == CM_SQL_TIME) {
        int64_t value; /* first in cm_opt_int, too */
        memcpy(&value, at, sizeof value);
        cm_buf_add_f(sql, pg && slot->type == CM_SQL_TIME ? "to_timestamp(%lld / 1000.0)" : "%lld",
                     (long long)value);
    } else if (slot->type == CM_SQL_REAL) {
        double value;
        memcpy(&value, at, sizeof value);
        cm_buf_add_f(sql, "%g", value);
    } else if (slot->type == CM_SQL_BOOL) {
        bool value;
        memcpy(&value, at, sizeof value);
        cm_buf_add_c(sql, value ? "TRUE" : "FALSE");
    } else {
        cm_str text;
        memcpy(&text, at, sizeof text);
        add_text(sql, pg, slot->type, text);
    }
}

static void insert_row(walk *w, filler *fill, const cm_table *table, const names *columns) {
    const cm_query *query = filler_query(table->name, "insert");
    char *params = cm_arena_alloc(fill->f->arena, query->params_size);
    bool pg = w->database[0] != '\0';
    cm_buf sql;
    cm_buf values;
    cm_buf_init(&sql, CM_KIB(64));
    cm_buf_init(&values, CM_KIB(64));
    fill->turn++;
    filler_fill(fill, table, query, params);
    cm_buf_add_f(&sql, "INSERT INTO %s (", table->name);
    bool more = false;
    for (size_t i = 0; i < query->param_count; i++) {
        const cm_sql_slot *slot = &query->params[i];
        if (slot->source == CM_SQL_CALLER && has_name(columns, slot->name)) {
            cm_buf_add_f(&sql, "%s%s", more ? ", " : "", slot->name);
            cm_buf_add_c(&values, more ? ", " : "");
            add_value(&values, pg, slot, params);
            more = true;
        }
    }
    cm_buf_add_f(&sql, ") VALUES (%s)", cm_buf_c(&values));
    cm_err err = {0};
    if (w->migrator.ops->script(w->migrator.conn, cm_buf_c(&sql), &err) != CM_OK) {
        fail_msg("%s: %s", cm_buf_c(&sql), err.text);
    }
    cm_buf_done(&sql);
    cm_buf_done(&values);
    filler_remember(fill, table, query, params);
}

static void remember_serial(walk *w, filler *fill, size_t number) {
    const cm_table *table = &cm_tables[number];
    if (table->columns[0].type == CM_SQL_INT && table->columns[0].key) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT max(%s) FROM %s", table->columns[0].name, table->name);
        assert_ok(cm_migrator_count(&w->migrator, sql, &fill->serials[number], err));
    }
}

static void fill_all(walk *w) {
    filler fill = {.f = w->f, .person = w->f->local.user_id};
    bool done[CM_TABLES] = {false};
    names columns;
    char person[CM_UUID_TEXT];
    char sql[128];
    cm_uuid_format(&fill.person, person);
    snprintf(sql, sizeof sql, "INSERT INTO users (id, email) VALUES ('%s', 'local@localhost')",
             person);
    assert_ok(w->migrator.ops->script(w->migrator.conn, sql, err));
    for (size_t i = 0; i < CM_TABLES; i++) {
        columns_of(w, cm_tables[i].name, &columns);
        if (columns.count == 0 || strcmp(cm_tables[i].name, "schema_migrations") == 0) {
            done[i] = true; /* of a later revision: nothing here can refer to it */
            fill.ids[i] = cm_uuid_v7();
        }
    }
    for (bool progress = true; progress;) {
        progress = false;
        for (size_t i = 0; i < CM_TABLES; i++) {
            if (!done[i] && filler_ready(&fill, &cm_tables[i])) {
                columns_of(w, cm_tables[i].name, &columns);
                insert_row(w, &fill, &cm_tables[i], &columns);
                remember_serial(w, &fill, i);
                done[i] = progress = true;
            }
        }
    }
    for (size_t i = 0; i < CM_TABLES; i++) {
        assert_true(done[i]);
    }
}

/* --- What is stored ----------------------------------------------------------------------------- */

typedef struct contents {
    char *
        tables[CM_TABLES]; /* all rows as text, by the columns of `columns`; NULL = no such table */
    names columns[CM_TABLES];
} contents;

static cm_rc take_line(void *argument, const char *const *values, cm_err *err) {
    (void)err;
    cm_buf_add_f(argument, "%s\n", values[0] != NULL ? values[0] : "NULL");
    return CM_OK;
}

/* By the columns it had at the revision where the walk began, as far as they are still there. */
static char *rows_of(const walk *w, const char *table, const names *columns) {
    names now;
    columns_of(w, table, &now);
    cm_buf sql;
    cm_buf out;
    cm_buf_init(&sql, CM_KIB(64));
    cm_buf_init(&out, CM_MIB(1));
    cm_buf_add_c(&sql, "SELECT ''");
    for (size_t i = 0; i < columns->count; i++) {
        if (has_name(&now, columns->items[i])) {
            cm_buf_add_f(&sql, " || coalesce(CAST(%s AS TEXT), '~') || '|'", columns->items[i]);
        }
    }
    cm_buf_add_f(&sql, " FROM %s ORDER BY 1", table);
    if (now.count != 0) {
        assert_ok(w->migrator.ops->rows(w->migrator.conn, cm_buf_c(&sql), take_line, &out, err));
    }
    char *text = now.count != 0 ? cm_arena_c(w->f->arena, cm_buf_str(&out)) : NULL;
    cm_buf_done(&sql);
    cm_buf_done(&out);
    return text;
}

static void contents_take(const walk *w, contents *ret_contents) {
    for (size_t i = 0; i < CM_TABLES; i++) {
        columns_of(w, cm_tables[i].name, &ret_contents->columns[i]);
        ret_contents->tables[i] = rows_of(w, cm_tables[i].name, &ret_contents->columns[i]);
    }
}

static void contents_check(const walk *w, const contents *before, const char *when) {
    for (size_t i = 0; i < CM_TABLES; i++) {
        if (before->tables[i] == NULL || i == CM_TABLE_SCHEMA_MIGRATIONS) {
            continue;
        }
        const char *now = rows_of(w, cm_tables[i].name, &before->columns[i]);
        if (now != NULL && strcmp(now, before->tables[i]) != 0) {
            fail_msg("%s: rows of %s changed from\n%s to\n%s", when, cm_tables[i].name,
                     before->tables[i], now);
        }
    }
    cm_err err;
    assert_int_equal(w->migrator.ops->check(w->migrator.conn, &err), CM_OK);
}

/* --- Walking ------------------------------------------------------------------------------------ */

/* Down to `first`, or to the last one that can be undone; false when it did not get there. */
static bool walk_down(walk *w, size_t first) {
    char revision[16];
    for (size_t i = w->migrator.migrations.count; i-- > first + 1;) {
        cm_err err = {0};
        cm_rc rc = cm_migrator_down(&w->migrator, revision, &err);
        if (rc == CM_CONFLICT && strstr(err.text, "cannot be undone") != NULL) {
            return false;
        }
        if (rc != CM_OK) {
            fail_msg("%s", err.text);
        }
        assert_string_equal(revision, w->all[i].revision);
    }
    return true;
}

static void walk_from(fixture *f, size_t first) {
    walk w;
    contents *before = cm_arena_alloc(f->arena, sizeof *before);
    cm_picture then = {0};
    cm_picture again = {0};
    const cm_schema_drift *drifts;
    walk_open(&w, f, first);
    assert_ok(cm_migrator_up(&w.migrator, w.all[first].revision, false, err));
    fill_all(&w);
    contents_take(&w, before);
    assert_ok(cm_picture_take(&w.migrator, f->arena, &then, err));
    assert_ok(cm_migrator_up(&w.migrator, NULL, false, err));
    contents_check(&w, before, "after the way up");
    if (walk_down(&w, first)) {
        contents_check(&w, before, "after the way down");
        assert_ok(cm_picture_take(&w.migrator, f->arena, &again, err));
        size_t count = cm_picture_compare(&then, &again, NULL, f->arena, &drifts);
        if (count != 0) {
            fail_msg("%s '%s' is %s after the way down", drifts[0].kind, drifts[0].name,
                     cm_drift_state_name(drifts[0].state));
        }
    }
    assert_ok(cm_migrator_up(&w.migrator, NULL, false, err));
    contents_check(&w, before, "after the second way up");
    cm_picture_done(&then);
    cm_picture_done(&again);
    walk_close(&w);
}

static void test_store_walk__every_revision_comes_up_with_its_rows(void **state) {
    fixture *f = *state;
    for (size_t i = 0; i < cm_migrations_embedded.count; i++) {
        walk_from(f, i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_walk__every_revision_comes_up_with_its_rows),
    };
    return cmocka_run_group_tests_name("store/walk", tests, NULL, NULL);
}
