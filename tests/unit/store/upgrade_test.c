/* A database of the first version, with a row in every table, is brought to this one, back, and here again: no
 * row is lost or changed, and what is new works on the old rows. */
#include "store/filler.h" /* tests/unit/store */

#include "base/hash.h"
#include "store/admin.h"
#include "store/maintenance.h"
#include "store/store_priv.h"

#include "store/q/mv_completion_daily.h"
#include "store/q/schema_migrations.h"
#include "store/q/users.h"

/* Of all rows of a table, in order of key. */
typedef struct content {
    size_t rows[CM_TABLES];
    uint64_t hash[CM_TABLES];
} content;

typedef struct table_content {
    size_t rows;
    uint64_t hash;
} table_content;

static cm_rc add_page(const cm_page *page, void *argument, cm_err *err) {
    table_content *sum = argument;
    cm_db db = {.scope = CM_DB_SYSTEM};
    for (size_t row = 0; row < page->count; row++) {
        for (size_t i = 0; i < page->query->column_count; i++) {
            cm_value value;
            cm_rc rc = cm_value_read(&page->query->columns[i],
                                     page->rows + row * page->query->row_size, &db, &value, err);
            if (rc != CM_OK) {
                return rc;
            }
            sum->hash = cm_hash64_mix(sum->hash, cm_hash64(&value.id, sizeof value.id));
            sum->hash = cm_hash64_mix(sum->hash, cm_hash64(&value.i, sizeof value.i));
            sum->hash = cm_hash64_mix(sum->hash, cm_hash64(&value.real, sizeof value.real));
            sum->hash = cm_hash64_mix(sum->hash, cm_hash64(value.str.ptr, value.str.len));
        }
        sum->rows++;
    }
    return CM_OK;
}

static cm_rc read_content(const cm_db *db, void *argument, cm_err *err) {
    content *all = argument;
    for (size_t i = 0; i < CM_TABLES; i++) {
        table_content sum = {0};
        cm_rc rc = i == CM_TABLE_SCHEMA_MIGRATIONS
                       ? CM_OK
                       : cm_query_pages(db, cm_query_find(cm_tables[i].name, "list"), NULL,
                                        add_page, &sum, err);
        if (rc != CM_OK) {
            return rc;
        }
        all->rows[i] = sum.rows;
        all->hash[i] = sum.hash;
    }
    return CM_OK;
}

static void assert_content(cm_store *store, const content *expected) {
    cm_db db = cm_store_system(store);
    content now;
    assert_ok(cm_tx_run(&db, CM_TX_READ, CM_NORMAL, read_content, &now, err));
    for (size_t i = 0; i < CM_TABLES; i++) {
        if (now.rows[i] != expected->rows[i] || now.hash[i] != expected->hash[i]) {
            fail_msg("'%s' is not what it was (%zu rows, then %zu)", cm_tables[i].name,
                     expected->rows[i], now.rows[i]);
        }
    }
}

static cm_rc fill_every_table(const cm_db *db, void *argument, cm_err *err) {
    fixture *f = argument;
    f->system = *db; /* the filler's door leads into this transaction */
    cm_q_users_insert_in person = {.id = cm_uuid_v7(), .email = CM_STR("first@example.com")};
    cm_rc rc = cm_q_users_insert(db, &person, err);
    if (rc != CM_OK) {
        return rc;
    }
    filler fill = {.f = f, .person = person.id};
    const cm_table *order[CM_TABLES];
    char *params[CM_TABLES];
    filler_all(&fill, order, params);
    /* Its row in the history is nobody's migration. */
    cm_q_schema_migrations_delete_in bogus = {fill.texts[CM_TABLE_SCHEMA_MIGRATIONS]};
    return cm_q_schema_migrations_delete(db, &bogus, err);
}

/* As the first version left it. */
static void make_first_version(fixture *f, const cm_store_options *options, content *ret) {
    cm_store *store;
    cm_migrator migrator;
    assert_ok(cm_store_open_bare(options, &store, err));
    assert_ok(store->ops->migrator(store, &migrator, err));
    migrator.migrations.count = 1;
    assert_ok(cm_migrator_up(&migrator, NULL, false, err));
    store->ops->migrated(store, &migrator);
    assert_ok(store->ops->maintain(store, err));
    cm_db db = cm_store_system(store);
    assert_ok(cm_tx_run(&db, CM_TX_WRITE, CM_FULL, fill_every_table, f, err));
    assert_ok(cm_tx_run(&db, CM_TX_READ, CM_NORMAL, read_content, ret, err));
    cm_store_close(store);
}

static size_t count_figures(fixture *f, cm_store *store) {
    cm_db db = cm_store_system(store);
    cm_maintenance maintenance = {.data_dir = f->dir};
    cm_jobs_options options = cm_maintenance_options(store, &maintenance);
    cm_uuid id;
    cm_row_jobs row;
    cm_job_new job = {.type = CM_STR("analytics")};
    assert_ok(cm_job_add(&db, &job, &id, err));
    assert_ok(cm_job_run(&options, id, f->arena, &row, err));
    assert_true(cm_str_eq_c(row.status, "succeeded"));
    const cm_q_mv_completion_daily_read_row *rows;
    size_t count = 0;
    cm_q_mv_completion_daily_read_in in = {0, INT64_C(4000000000000), 100};
    assert_ok(cm_q_mv_completion_daily_read(&db, &in, f->arena, &rows, &count, err));
    return count;
}

static void go_down_to_the_first(const cm_store_options *options, const content *expected) {
    char revision[16];
    for (size_t i = cm_migrations_embedded.count; i-- > 1;) {
        assert_ok(cm_store_migrate_down(options, revision, err));
    }
    assert_rc(CM_CONFLICT, cm_store_migrate_down(options, revision, err)); /* the baseline */
    cm_store *store;
    assert_ok(cm_store_open_bare(options, &store, err));
    assert_content(store, expected);
    cm_store_close(store);
}

static void test_store_upgrade__no_row_is_lost_on_the_way_up_down_and_up(void **state) {
    fixture *f = *state;
    char url[256];
    content first;
    cm_store *store;
    if (f->url[0] != '\0') {
        assert_true(fixture_admin("CREATE DATABASE first_version"));
        fixture_url(url, "first_version");
    } else {
        snprintf(url, sizeof url, "sqlite:%s/first.db", f->dir);
    }
    cm_store_options options = {.data_dir = f->dir, .url = url};
    make_first_version(f, &options, &first);
    assert_int_equal(first.rows[CM_TABLE_COMPLETION_REQUESTS], 1);
    for (int turn = 0; turn < 2; turn++) {
        assert_ok(cm_store_open(&options, &store, err)); /* as serve does */
        assert_content(store, &first);
        assert_int_equal(count_figures(f, store), 1);
        cm_store_close(store);
        go_down_to_the_first(&options, &first);
    }
    f->system = cm_store_system(f->store);
    if (f->url[0] != '\0') {
        fixture_admin("DROP DATABASE first_version WITH (FORCE)");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(test_store_upgrade__no_row_is_lost_on_the_way_up_down_and_up),
    };
    return cmocka_run_group_tests_name("store/upgrade", tests, NULL, NULL);
}
