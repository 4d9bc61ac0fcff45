/* Reading on a real streaming replica: used when it has caught up, never so that anybody misses their own
 * write, and left out while it is behind, silent or gone (pg_replica.c). */
#include "store/toxiproxy.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/q/memory_items.h"
#include "store/q/users.h"

#include <pthread.h>
#include <stdatomic.h>

#define GIVE_UP_MS 120000 /* only ends a failing test */

typedef struct replicated {
    fixture base;
    cm_store *store; /* with the replica */
    cm_db me;
    char database[64];
} replicated;

static void ask_replica(const char *sql) {
    PGconn *pg = PQconnectdb(getenv("CODEMENTOR_TEST_REPLICA"));
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    }
    PQclear(result);
    PQfinish(pg);
}

static cm_store_stats stats_of(const replicated *r) {
    cm_store_stats stats;
    cm_store_stats_get(r->store, &stats);
    return stats;
}

static void wait_healthy(const replicated *r, unsigned count) {
    uint64_t give_up = cm_clock_ms() + GIVE_UP_MS;
    while (stats_of(r).replicas_healthy != count) {
        assert_true(cm_clock_ms() < give_up);
        usleep(10000); /* between two looks */
    }
}

static void open_with(replicated *r, const char *replica) {
    const char *urls[] = {replica, NULL};
    cm_store_options options = {.url = r->base.url, .replica_urls = urls, .wait_ms = 1000};
    cm_store_close(r->store);
    assert_ok(cm_store_open(&options, &r->store, err));
    r->me = cm_store_as(r->store, r->base.local.user_id);
}

static void replica_url(const replicated *r, char url[256]) {
    const char *query = strchr(getenv("CODEMENTOR_TEST_REPLICA"), '?');
    snprintf(url, 256, "postgresql:///%s%s", r->database, query);
}

static int replicated_setup(void **state) {
    replicated *r = CM_NEW(replicated);
    void *made = NULL;
    if (fixture_setup(&made) != 0) {
        return -1;
    }
    r->base = *(fixture *)made;
    cm_free(made);
    const char *name = r->base.url + strlen("postgresql:///");
    snprintf(r->database, sizeof r->database, "%.*s", (int)strcspn(name, "?"), name);
    char url[256];
    replica_url(r, url);
    open_with(r, url);
    wait_healthy(r, 1);
    *state = r;
    return 0;
}

static int replicated_teardown(void **state) {
    replicated *r = *state;
    ask_replica("SELECT pg_wal_replay_resume()");
    toxi_heal();
    cm_store_close(r->store);
    fixture *base = CM_NEW(fixture);
    *base = r->base;
    void *to = base;
    cm_free(r);
    return fixture_teardown(&to);
}

static cm_rc add_item(const cm_db *db, const char *content, cm_err *err) {
    cm_q_memory_items_insert_in in = {.id = cm_uuid_v7(),
                                      .user_id = db->user_id,
                                      .content = cm_str_from(content),
                                      .source_type = CM_STR("manual")};
    return cm_q_memory_items_insert(db, &in, err);
}

static int64_t count_items(const cm_db *db) {
    cm_cleanup(cm_arena_freep) cm_arena *arena = cm_arena_new(0);
    cm_q_memory_items_count_row row = {.count = -1};
    cm_err err = {0};
    cm_rc rc = cm_q_memory_items_count(db, arena, &row, &err);
    if (rc != CM_OK) {
        fail_msg("count: %d %s", (int)rc, err.text);
    }
    return row.count;
}

/* Reads until a replica has answered; it must come to that by itself. */
static void wait_replica_read(const replicated *r, const cm_db *db) {
    uint64_t before = stats_of(r).replica_reads;
    uint64_t give_up = cm_clock_ms() + GIVE_UP_MS;
    while (stats_of(r).replica_reads == before) {
        assert_true(cm_clock_ms() < give_up);
        count_items(db);
    }
}

static void test_store_replica__who_has_written_nothing_reads_there(void **state) {
    replicated *r = *state;
    wait_replica_read(r, &r->me);
    uint64_t before = stats_of(r).replica_reads;
    for (int i = 0; i < 50; i++) {
        count_items(&r->me);
    }
    assert_int_equal(stats_of(r).replica_reads, before + 50);
}

static void test_store_replica__a_paused_one_never_hides_a_users_own_write(void **state) {
    replicated *r = *state;
    cm_q_users_insert_in other = {.id = cm_uuid_v7(), .email = CM_STR("other@example.com")};
    assert_ok(cm_q_users_insert(&r->base.system, &other, err));
    cm_db calm = cm_store_as(r->store, other.id);
    wait_replica_read(r, &r->me);
    ask_replica("SELECT pg_wal_replay_pause()");
    for (int i = 0; i < 60; i++) {
        char content[32];
        snprintf(content, sizeof content, "content-%d", i);
        assert_ok(add_item(&r->me, content, err));
        assert_int_equal(count_items(&r->me), i + 1);
    }
    uint64_t before = stats_of(r).replica_reads;
    count_items(&calm); /* has written nothing: may read there */
    assert_int_equal(stats_of(r).replica_reads, before + 1);
    ask_replica("SELECT pg_wal_replay_resume()");
    wait_replica_read(r, &r->me);
    assert_int_equal(count_items(&r->me), 60);
}

typedef struct pauser {
    pthread_t thread;
    atomic_bool stop;
} pauser;

static void *pause_and_resume(void *argument) {
    pauser *p = argument;
    PGconn *pg = PQconnectdb(getenv("CODEMENTOR_TEST_REPLICA"));
    while (!atomic_load(&p->stop)) {
        PQclear(PQexec(pg, "SELECT pg_wal_replay_pause()"));
        PQclear(PQexec(pg, "SELECT pg_sleep(0.02)"));
        PQclear(PQexec(pg, "SELECT pg_wal_replay_resume()"));
        PQclear(PQexec(pg, "SELECT pg_sleep(0.02)"));
    }
    PQfinish(pg);
    return NULL;
}

static void test_store_replica__own_writes_are_seen_while_it_stutters(void **state) {
    replicated *r = *state;
    pauser p = {.stop = false};
    assert_int_equal(pthread_create(&p.thread, NULL, pause_and_resume, &p), 0);
    uint64_t before = stats_of(r).replica_reads;
    for (int i = 0; i < 300; i++) {
        char content[32];
        snprintf(content, sizeof content, "content-%d", i);
        assert_ok(add_item(&r->me, content, err));
        for (int k = 0; k < 4; k++) {
            assert_int_equal(count_items(&r->me), i + 1);
        }
    }
    atomic_store(&p.stop, true);
    pthread_join(p.thread, NULL);
    wait_replica_read(r, &r->me);
    assert_true(stats_of(r).replica_reads > before);
}

static void test_store_replica__one_that_lags_is_left_out_until_it_has_caught_up(void **state) {
    replicated *r = *state;
    ask_replica("SELECT pg_wal_replay_pause()");
    assert_ok(add_item(&r->me, "lag", err));
    wait_healthy(r, 0);
    uint64_t before = stats_of(r).replica_reads;
    cm_db system = cm_store_system(r->store);
    count_items(&system);
    assert_int_equal(stats_of(r).replica_reads, before);
    ask_replica("SELECT pg_wal_replay_resume()");
    wait_healthy(r, 1);
    wait_replica_read(r, &r->me);
}

static void test_store_replica__a_lost_or_silent_one_costs_a_moment_and_no_answer(void **state) {
    replicated *r = *state;
    char url[256];
    unsigned port = toxi_make("replica", getenv("CODEMENTOR_TEST_REPLICA_PORT"));
    snprintf(url, sizeof url, "postgresql://postgres@127.0.0.1:%u/%s", port, r->database);
    open_with(r, url);
    for (int silent = 0; silent < 2; silent++) {
        wait_healthy(r, 1);
        wait_replica_read(r, &r->me);
        if (silent) {
            toxi_add("replica", "timeout", "downstream", "{\"timeout\":0}");
        } else {
            toxi_enable("replica", false);
        }
        uint64_t start = cm_clock_ms();
        for (int i = 0; i < 20; i++) {
            count_items(&r->me);
        }
        assert_true(cm_clock_ms() - start < 50000); /* once the deadline of 5 s, not twenty times */
        wait_healthy(r, 0);
        toxi_heal();
    }
    wait_healthy(r, 1);
    wait_replica_read(r, &r->me);
    open_with(r, r->base.url);
    toxi_drop("replica");
}

static void test_store_replica__a_primary_is_no_replica(void **state) {
    replicated *r = *state;
    open_with(r, r->base.url);
    for (int i = 0; i < 20; i++) {
        count_items(&r->me);
    }
    assert_int_equal(stats_of(r).replica_reads, 0);
    assert_int_equal(stats_of(r).replicas_healthy, 0);
    const char *urls[] = {"sqlite:x", NULL};
    cm_store *none;
    assert_rc(
        CM_INVALID,
        cm_store_open(&(cm_store_options){.url = r->base.url, .replica_urls = urls}, &none, err));
    assert_rc(CM_INVALID,
              cm_store_open(&(cm_store_options){.data_dir = r->base.dir, .replica_urls = urls},
                            &none, err));
}

#define replica_test(name) \
    cmocka_unit_test_setup_teardown(name, replicated_setup, replicated_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        replica_test(test_store_replica__who_has_written_nothing_reads_there),
        replica_test(test_store_replica__a_paused_one_never_hides_a_users_own_write),
        replica_test(test_store_replica__own_writes_are_seen_while_it_stutters),
        replica_test(test_store_replica__one_that_lags_is_left_out_until_it_has_caught_up),
        replica_test(test_store_replica__a_lost_or_silent_one_costs_a_moment_and_no_answer),
        replica_test(test_store_replica__a_primary_is_no_replica),
    };
    if (getenv("CODEMENTOR_TEST_REPLICA") == NULL) {
        return 77; /* skipped; tests/unit/store/fixtures.cmake runs it beside two servers and a proxy */
    }
    return cmocka_run_group_tests_name("store/replica", tests, NULL, NULL);
}
