/* PostgreSQL behind a network that fails: in every phase of a transaction the right answer within the
 * deadline (pg.c), nothing acknowledged lost, nothing unacknowledged reported as done, and recovery by itself. */
#include "store/toxiproxy.h" /* tests/unit/store */

#include "base/clock.h"
#include "store/postgres/pg_priv.h"
#include "store/q/usage_metrics.h"
#include "store/q/users.h"

#define WAIT_MS  1000
/* Connecting may take libpq's shortest 2 s, every other step WAIT_MS: 6 s in all. A busy machine gets more; what waits
 * without a bound waits for ever here. */
#define LIMIT_MS (60 * WAIT_MS)

enum phase { CONNECT, IDLE, STATEMENT, COMMIT, PHASES };
enum fault { CUT, KICKED, RESET, SILENT_THERE, SILENT_BACK, SLOW, FAULTS };

static const char *const phase_names[] = {"connect", "idle", "statement", "commit"};
static const char *const fault_names[] = {"cut",          "kicked",      "reset",
                                          "silent there", "silent back", "slow"};

typedef struct proxied {
    fixture base; /* straight to the server, to see what is really there */
    cm_store *store;
    cm_db db;
    char url[256];
} proxied;

static void open_proxied(proxied *p) {
    cm_store_options options = {.url = p->url, .wait_ms = WAIT_MS, .readers = 4};
    assert_ok(cm_store_open(&options, &p->store, err));
    p->db = cm_store_system(p->store);
}

static int proxied_setup(void **state) {
    proxied *p = CM_NEW(proxied);
    void *made = NULL;
    if (fixture_setup(&made) != 0) {
        return -1;
    }
    p->base = *(fixture *)made;
    cm_free(made);
    const char *name = p->base.url + strlen("postgresql:///");
    unsigned port = toxi_make("pg", getenv("CODEMENTOR_TEST_PORT"));
    snprintf(p->url, sizeof p->url, "postgresql://postgres@127.0.0.1:%u/%.*s", port,
             (int)strcspn(name, "?"), name);
    open_proxied(p);
    *state = p;
    return 0;
}

static int proxied_teardown(void **state) {
    proxied *p = *state;
    toxi_heal();
    cm_store_close(p->store);
    toxi_drop("pg");
    fixture *base = CM_NEW(fixture);
    *base = p->base;
    void *to = base;
    cm_free(p);
    return fixture_teardown(&to);
}

static void begin_fault(enum fault fault) {
    switch (fault) {
    case CUT: toxi_enable("pg", false); break;
    case KICKED:
        toxi_enable("pg", false);
        toxi_enable("pg", true);
        break;
    case RESET: toxi_add("pg", "reset_peer", "downstream", "{\"timeout\":0}"); break;
    case SILENT_THERE: toxi_add("pg", "timeout", "upstream", "{\"timeout\":0}"); break;
    case SILENT_BACK: toxi_add("pg", "timeout", "downstream", "{\"timeout\":0}"); break;
    case SLOW: toxi_add("pg", "latency", "downstream", "{\"latency\":100}"); break;
    case FAULTS: break;
    }
}

/* --- One write: two rows that belong together ---------------------------------------------------- */

typedef struct pair {
    cm_uuid id;
    enum phase phase;
    enum fault fault;
    unsigned runs;
} pair;

static cm_rc write_pair(const cm_db *db, void *argument, cm_err *err) {
    pair *w = argument;
    char email[64] = "p";
    cm_uuid_format(&w->id, email + 1);
    bool first = w->runs++ == 0;
    if (first && w->phase == STATEMENT) {
        begin_fault(w->fault);
    }
    cm_q_users_insert_in user = {.id = w->id, .email = cm_str_from(email)};
    cm_rc rc = cm_q_users_insert(db, &user, err);
    cm_q_usage_metrics_insert_in metric = {.id = w->id, .metric_type = CM_STR("pair"), .value = 1};
    rc = rc == CM_OK ? cm_q_usage_metrics_insert(db, &metric, err) : rc;
    if (rc == CM_OK && first && w->phase == COMMIT) {
        begin_fault(w->fault);
    }
    return rc;
}

static bool has_user(proxied *p, cm_uuid id) {
    cm_row_users row;
    cm_rc rc = cm_q_users_get(&p->base.system, &(cm_q_users_get_in){id}, p->base.arena, &row, NULL);
    assert_true(rc == CM_OK || rc == CM_NOT_FOUND);
    return rc == CM_OK;
}

/* No server process works for the proxied store any more: what it was asked is done or undone. */
static void wait_server_quiet(const proxied *p) {
    char sql[400];
    const char *name = p->base.url + strlen("postgresql:///");
    snprintf(
        sql, sizeof sql,
        "DO $$ BEGIN WHILE EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = '%.*s' AND "
        "client_addr IS NOT NULL) LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); "
        "END LOOP; END $$",
        (int)strcspn(name, "?"), name);
    assert_true(fixture_admin(sql));
}

static void check_whole(proxied *p) {
    cm_q_users_count_row users;
    cm_q_usage_metrics_count_row metrics;
    assert_ok(cm_q_users_count(&p->base.system, p->base.arena, &users, err));
    assert_ok(cm_q_usage_metrics_count(&p->base.system, p->base.arena, &metrics, err));
    assert_int_equal(users.count, metrics.count + 1); /* the local owner */
}

static void judge(proxied *p, const pair *w, cm_rc rc, const cm_err *err, uint64_t took_ms) {
    const char *where = phase_names[w->phase];
    const char *what = fault_names[w->fault];
    if (took_ms > LIMIT_MS) {
        fail_msg("%s, %s: %llu ms", where, what, (unsigned long long)took_ms);
    }
    if (rc != CM_OK && rc != CM_DATABASE_UNAVAILABLE) {
        fail_msg("%s, %s: %d %s", where, what, (int)rc, err->text);
    }
    bool there = has_user(p, w->id);
    bool doubt = rc != CM_OK && strstr(err->text, "nobody knows") != NULL;
    if (there != (rc == CM_OK) && !doubt) {
        fail_msg("%s, %s: %s, but the row is %s", where, what,
                 rc == CM_OK ? "acknowledged" : err->text, there ? "there" : "not there");
    }
    if (doubt && w->phase != COMMIT) {
        fail_msg("%s, %s: doubt before the commit: %s", where, what, err->text);
    }
    bool expected = w->fault == SLOW || (w->fault == KICKED && w->phase != COMMIT);
    if (expected && rc != CM_OK) {
        fail_msg("%s, %s: %s", where, what, err->text);
    }
    if (w->phase == COMMIT && w->fault == SILENT_BACK) {
        assert_true(there && doubt); /* the commit arrived; only its answer did not */
    }
    if (w->phase == COMMIT && w->fault == SILENT_THERE) {
        assert_true(!there && doubt);
    }
}

static void one_round(proxied *p, enum phase phase, enum fault fault) {
    cm_row_users row;
    pair w = {.id = cm_uuid_v7(), .phase = phase, .fault = fault};
    cm_err told = {0};
    if (phase == CONNECT) {
        cm_store_close(p->store); /* an empty pool */
        open_proxied(p);
        begin_fault(fault);
    } else {
        assert_ok(
            cm_q_users_local(&p->db, p->base.arena, &row, err)); /* a connection in the pool */
    }
    if (phase == IDLE) {
        begin_fault(fault);
    }
    uint64_t start = cm_clock_ms();
    cm_rc rc = cm_db_write(&p->db, CM_FULL, write_pair, &w, &told);
    uint64_t took = cm_clock_ms() - start;
    toxi_heal();
    pair after = {.id = cm_uuid_v7(), .phase = PHASES};
    assert_ok(
        cm_db_write(&p->db, CM_FULL, write_pair, &after, err)); /* at once, at the first try */
    cm_store_close(p->store);
    wait_server_quiet(p);
    judge(p, &w, rc, &told, took);
    assert_true(has_user(p, after.id));
    check_whole(p);
    open_proxied(p);
}

static void test_store_proxy__a_transaction_is_whole_or_told_in_every_phase(void **state) {
    for (int phase = 0; phase < PHASES; phase++) {
        for (int fault = 0; fault < FAULTS; fault++) {
            one_round(*state, (enum phase)phase, (enum fault)fault);
        }
    }
}

static void test_store_proxy__a_single_write_is_never_repeated_in_doubt(void **state) {
    proxied *p = *state;
    for (int fault = 0; fault < FAULTS; fault++) {
        cm_row_users row;
        cm_err told = {0};
        assert_ok(cm_q_users_local(&p->db, p->base.arena, &row, err));
        begin_fault((enum fault)fault);
        char email[32];
        snprintf(email, sizeof email, "single%d@example.com", fault);
        cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = cm_str_from(email)};
        cm_rc rc = cm_q_users_insert(&p->db, &in, &told);
        toxi_heal();
        cm_store_close(p->store);
        wait_server_quiet(p);
        bool known = rc == CM_OK || strstr(told.text, "nobody knows") != NULL;
        if (rc != CM_OK && rc != CM_DATABASE_UNAVAILABLE) { /* CM_EXISTS would be a repetition */
            fail_msg("%s: %d %s", fault_names[fault], (int)rc, told.text);
        }
        if (has_user(p, in.id) && !known) {
            fail_msg("%s: written, but told: %s", fault_names[fault], told.text);
        }
        assert_true(rc != CM_OK || has_user(p, in.id));
        open_proxied(p);
    }
}

static void test_store_proxy__reads_survive_a_restart_of_the_server_unnoticed(void **state) {
    proxied *p = *state;
    for (int round = 0; round < 20; round++) {
        cm_row_users row;
        assert_ok(cm_q_users_local(&p->db, p->base.arena, &row, err));
        begin_fault(KICKED);
        assert_ok(cm_q_users_local(&p->db, p->base.arena, &row, err));
    }
}

static void test_store_proxy__posted_writes_wait_for_the_server_to_come_back(void **state) {
    proxied *p = *state;
    begin_fault(CUT);
    uint64_t start = cm_clock_ms();
    for (int i = 0; i < 300; i++) {
        cm_q_usage_metrics_insert_in in = {
            .id = cm_uuid_v7(), .metric_type = CM_STR("posted"), .value = 1};
        assert_ok(cm_q_usage_metrics_insert_post(&p->db, &in, err));
    }
    assert_true(cm_clock_ms() - start <
                300 * WAIT_MS / 4); /* who posts never waits for the network */
    cm_row_users row;
    assert_rc(CM_DATABASE_UNAVAILABLE, cm_q_users_local(&p->db, p->base.arena, &row, err));
    toxi_heal();
    assert_ok(cm_store_flush(p->store, err));
    cm_q_usage_metrics_count_row metrics;
    assert_ok(cm_q_usage_metrics_count(&p->base.system, p->base.arena, &metrics, err));
    assert_int_equal(metrics.count, 300);
    cm_store_stats stats;
    cm_store_stats_get(p->store, &stats);
    assert_int_equal(stats.failed + stats.dropped, 0);
}

/* --- Stopping a statement -------------------------------------------------------------------------- */

#define PATIENT_MS 30000 /* nobody who cancels may wait this long */

typedef struct stopped {
    proxied *p;
    cm_cancel *cancel;
    cm_rc rc;
    cm_err told;
    uint64_t took_ms; /* from the cancellation on */
    _Atomic uint64_t fired_ms;
} stopped;

/* Waits for a lock until somebody stops it. */
static void *wait_for_users(void *argument) {
    stopped *s = argument;
    cm_db db = s->p->db;
    db.cancel = s->cancel;
    cm_q_users_insert_in in = {.id = cm_uuid_v7(), .email = CM_STR("late@example.com")};
    s->rc = cm_q_users_insert(&db, &in, &s->told);
    s->took_ms = cm_clock_ms() - atomic_load(&s->fired_ms);
    return NULL;
}

static void wait_until_blocked(const proxied *p) {
    char sql[400];
    const char *name = p->base.url + strlen("postgresql:///");
    snprintf(sql, sizeof sql,
             "DO $$ BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = '%.*s' "
             "AND wait_event_type = 'Lock') LOOP PERFORM pg_sleep(0.01); PERFORM "
             "pg_stat_clear_snapshot(); END LOOP; END $$",
             (int)strcspn(name, "?"), name);
    assert_true(fixture_admin(sql));
}

/* Stops a statement that waits for a lock, on a network with that fault (FAULTS: none). */
static void stop_one(stopped *s, enum fault fault) {
    proxied *p = s->p;
    pthread_t thread;
    PGconn *holder = PQconnectdb(p->base.url);
    PQclear(PQexec(holder, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE"));
    assert_int_equal(PQtransactionStatus(holder), PQTRANS_INTRANS);
    s->cancel = cm_cancel_new(0);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_users, s), 0);
    wait_until_blocked(p);
    begin_fault(fault);
    atomic_store(&s->fired_ms, cm_clock_ms());
    cm_cancel_fire(s->cancel, CM_CANCEL_USER);
    pthread_join(thread, NULL);
    toxi_heal();
    PQclear(PQexec(holder, "ROLLBACK"));
    PQfinish(holder);
    cm_cancel_unref(s->cancel);
}

static void be_patient(proxied *p) {
    cm_store_close(p->store);
    cm_store_options options = {.url = p->url, .wait_ms = PATIENT_MS, .readers = 16};
    assert_ok(cm_store_open(&options, &p->store, err));
    p->db = cm_store_system(p->store);
}

static void test_store_proxy__a_cancelled_statement_stops_at_once(void **state) {
    stopped s = {.p = *state};
    cm_row_users row;
    be_patient(s.p);
    stop_one(&s, FAULTS);
    assert_int_equal(s.rc, CM_CANCELLED);
    assert_true(s.took_ms < PATIENT_MS / 2);
    assert_ok(cm_q_users_local(&s.p->db, s.p->base.arena, &row, err)); /* nothing hits this one */
}

/* PQcancel() alone would wait until the server answers: here for ever. */
static void test_store_proxy__cancelling_waits_for_no_silent_network(void **state) {
    static const enum fault silences[] = {SILENT_THERE, SILENT_BACK};
    proxied *p = *state;
    be_patient(p);
    for (size_t i = 0; i < CM_COUNT(silences); i++) {
        stopped s = {.p = p};
        stop_one(&s, silences[i]);
        assert_int_equal(s.rc, CM_DATABASE_UNAVAILABLE);
        assert_non_null(strstr(s.told.text, "nobody knows"));
        assert_non_null(strstr(s.told.text, "could not be stopped"));
        assert_true(s.took_ms < PATIENT_MS / 2);
    }
}

static void test_store_proxy__few_requests_to_stop_hang_at_a_time(void **state) {
    proxied *p = *state;
    cm_pg_conn *conns[12];
    cm_pg_stop *stops[CM_COUNT(conns)];
    size_t asked = 0;
    be_patient(p);
    for (size_t i = 0; i < CM_COUNT(conns); i++) {
        assert_ok(cm_pg_take(&((cm_pg *)p->store->backend)->primary, NULL, &conns[i], err));
    }
    begin_fault(SILENT_BACK);
    for (size_t i = 0; i < CM_COUNT(conns); i++) {
        stops[i] = cm_pg_stop_new(conns[i]);
        asked += stops[i] != NULL;
    }
#ifdef LIBPQ_HAS_ASYNC_CANCEL
    assert_int_equal(asked, CM_COUNT(conns)); /* none costs a thread */
#else
    assert_int_equal(asked, 8);
#endif
    for (size_t i = 0; i < CM_COUNT(conns); i++) {
        cm_pg_stop_free(i % 2 == 0 ? stops[i] : NULL); /* some are given up while they hang */
    }
    toxi_heal();
    for (size_t i = 1; i < CM_COUNT(conns); i += 2) {
        if (stops[i] != NULL) {
            cm_pg_stop_wait(stops[i], cm_clock_ms() + PATIENT_MS);
            assert_true(cm_pg_stop_step(stops[i]) != CM_PG_STOP_PENDING);
            cm_pg_stop_free(stops[i]);
        }
    }
    for (size_t i = 0; i < CM_COUNT(conns); i++) {
        conns[i]->broken = true;
        cm_pg_give(conns[i]);
    }
    cm_row_users row;
    assert_ok(cm_q_users_local(&p->db, p->base.arena, &row, err));
}

#define proxy_test(name) cmocka_unit_test_setup_teardown(name, proxied_setup, proxied_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        proxy_test(test_store_proxy__a_transaction_is_whole_or_told_in_every_phase),
        proxy_test(test_store_proxy__a_single_write_is_never_repeated_in_doubt),
        proxy_test(test_store_proxy__reads_survive_a_restart_of_the_server_unnoticed),
        proxy_test(test_store_proxy__posted_writes_wait_for_the_server_to_come_back),
        proxy_test(test_store_proxy__a_cancelled_statement_stops_at_once),
        proxy_test(test_store_proxy__cancelling_waits_for_no_silent_network),
        proxy_test(test_store_proxy__few_requests_to_stop_hang_at_a_time),
    };
    if (getenv("CODEMENTOR_TEST_TOXIPROXY") == NULL) {
        return 77; /* skipped; tests/unit/store/fixtures.cmake runs it beside a server and a proxy */
    }
    return cmocka_run_group_tests_name("store/proxy", tests, NULL, NULL);
}
