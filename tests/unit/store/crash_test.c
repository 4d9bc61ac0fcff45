/* What an acknowledged write is worth: kill -9 (also on PostgreSQL), power loss, failing disks, memory running
 * out.
 *
 * CODEMENTOR_TEST_ROUNDS multiplies the rounds (the default is a sample, the full run takes 20). Under sanitizers each
 * takes five times as long and shows the same durability: there are fewer. */
#include "store/fixture.h" /* tests/unit/store */

#include "store/fault_vfs.h"
#include "store/q/outbox_events.h"
#include "store/q/usage_metrics.h"
#include "store/q/users.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KILLS      5
#define POWER_OFFS 5
#define SAMPLE     151
#else
#define KILLS      50
#define POWER_OFFS 50
#define SAMPLE \
    37 /* of the n-th writes, reads, allocations every so many is tried; all in the full run */
#endif
#define KILLS_POSTGRES 5

static unsigned rounds(unsigned base) {
    const char *text = getenv("CODEMENTOR_TEST_ROUNDS");
    uint64_t times = 1;
    if (text != NULL && !cm_str_to_u64(cm_str_from(text), &times)) {
        times = 1;
    }
    return base * (unsigned)times;
}

static unsigned step(void) {
    return rounds(1) > 1 ? 1 : SAMPLE;
}

/* --- One write: two rows that belong together -------------------------------------------------- */

static cm_uuid id_of(uint64_t number) {
    cm_uuid id = {{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80}};
    for (int i = 0; i < 6; i++) {
        id.bytes[15 - i] = (uint8_t)(number >> (8 * i));
    }
    return id;
}

static cm_rc write_pair(const cm_db *db, void *argument, cm_err *err) {
    uint64_t number = *(const uint64_t *)argument;
    char email[64];
    snprintf(email, sizeof email, "user%llu@example.com", (unsigned long long)number);
    cm_q_users_insert_in user = {.id = id_of(number), .email = cm_str_from(email)};
    cm_rc rc = cm_q_users_insert(db, &user, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_q_usage_metrics_insert_in metric = {
        .id = id_of(number), .metric_type = CM_STR("pair"), .value = (double)number};
    return cm_q_usage_metrics_insert(db, &metric, err);
}

/* Every acknowledged pair is there, and no half of one. */
static void check_pairs(fixture *f, const uint64_t *acknowledged, size_t count) {
    cm_q_users_count_row users;
    cm_q_usage_metrics_count_row metrics;
    assert_ok(cm_q_users_count(&f->system, f->arena, &users, err));
    assert_ok(cm_q_usage_metrics_count(&f->system, f->arena, &metrics, err));
    assert_int_equal(users.count, metrics.count + 1); /* the local owner */
    for (size_t i = 0; i < count; i++) {
        cm_row_users row;
        cm_err err = {0};
        cm_arena_clear(f->arena);
        cm_rc rc = cm_q_users_get(&f->system, &(cm_q_users_get_in){id_of(acknowledged[i])},
                                  f->arena, &row, &err);
        if (rc != CM_OK) {
            fail_msg("acknowledged write %llu is lost (%zu acknowledged): %s",
                     (unsigned long long)acknowledged[i], count, err.text);
        }
    }
}

/* --- kill -9 ----------------------------------------------------------------------------------- */

typedef struct load {
    cm_store *store;
    uint64_t first; /* numbers first, first + 4, ... */
    int out;
} load;

static void *write_for_ever(void *argument) {
    load *l = argument;
    cm_db db = cm_store_system(l->store);
    for (uint64_t number = l->first;; number += 4) {
        cm_err err;
        if (cm_db_write(&db, CM_FULL, write_pair, &number, &err) != CM_OK ||
            write(l->out, &number, sizeof number) != sizeof number) {
            return NULL;
        }
    }
}

static void be_killed(const fixture *f, uint64_t first, int out) {
    cm_store_options options = {.data_dir = f->dir, .url = f->url[0] != '\0' ? f->url : NULL};
    cm_store *store;
    cm_err err;
    if (cm_store_open(&options, &store, &err) != CM_OK) {
        _exit(1);
    }
    pthread_t threads[4];
    load loads[4];
    for (size_t i = 0; i < 4; i++) {
        loads[i] = (load){store, first + i, out};
        pthread_create(&threads[i], NULL, write_for_ever, &loads[i]);
    }
    pthread_join(threads[0], NULL);
    _exit(2);
}

/* What a killed client had sent to PostgreSQL is done or undone once its processes there are gone. */
static void wait_server_quiet(const fixture *f) {
    char sql[400];
    const char *name = f->url + strlen("postgresql:///");
    snprintf(
        sql, sizeof sql,
        "DO $$ BEGIN WHILE EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = '%.*s') LOOP "
        "PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$",
        (int)strcspn(name, "?"), name);
    assert_true(f->url[0] == '\0' || fixture_admin(sql));
}

static void test_store_crash__kill_9_loses_no_acknowledged_write(void **state) {
    fixture *f = *state;
    uint64_t random = 42;
    uint64_t next = 1;
    CM_VEC(uint64_t) acknowledged = {0};
    size_t checked = 0;
    unsigned kills = rounds(f->url[0] != '\0' ? KILLS_POSTGRES : KILLS);
    for (unsigned round = 0; round < kills; round++) {
        int channel[2];
        assert_int_equal(pipe(channel), 0);
        cm_store_close(f->store);
        f->store = NULL;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(channel[0]);
            be_killed(f, next, channel[1]);
        }
        close(channel[1]);
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t wanted = 1 + (random >> 33) % 40;
        uint64_t number;
        while (read(channel[0], &number, sizeof number) == sizeof number) {
            assert_true(cm_vec_push(&acknowledged, number));
            next = CM_MAX(next, number + 8);
            if (--wanted == 0) {
                kill(child, SIGKILL); /* what is in the pipe still counts */
            }
        }
        close(channel[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        wait_server_quiet(f);
        fixture_open(f);
        next += 8;
        check_pairs(f, acknowledged.items + checked, acknowledged.count - checked);
        checked = acknowledged.count;
    }
    check_pairs(f, acknowledged.items, acknowledged.count);
    cm_vec_done(&acknowledged);
}

/* --- A disk that fails -------------------------------------------------------------------------- */

static uint64_t acknowledged_count;

/* Writes pairs 1 .. n one after the other; counts those acknowledged. Stops at the first error. */
static cm_rc write_pairs(const fixture *f, uint64_t n) {
    cm_err err;
    for (uint64_t number = 1; number <= n; number++) {
        cm_rc rc = cm_db_write(&f->system, CM_FULL, write_pair, &number, &err);
        if (rc != CM_OK) {
            return rc;
        }
        __atomic_store_n(&acknowledged_count, number, __ATOMIC_SEQ_CST);
    }
    return CM_OK;
}

/* The metric first: its class is NORMAL, and the user's FULL delete makes both durable. */
static void empty_tables(fixture *f) {
    for (uint64_t number = 1; number <= 40; number++) {
        cm_err err;
        cm_rc rc = cm_q_usage_metrics_delete(&f->system,
                                             &(cm_q_usage_metrics_delete_in){id_of(number)}, &err);
        assert_true(rc == CM_OK || rc == CM_NOT_FOUND);
        rc = cm_q_users_delete(&f->system, &(cm_q_users_delete_in){id_of(number)}, &err);
        assert_true(rc == CM_OK || rc == CM_NOT_FOUND);
    }
}

static void check_first(fixture *f, uint64_t count) {
    uint64_t numbers[64];
    for (uint64_t i = 0; i < count; i++) {
        numbers[i] = i + 1;
    }
    check_pairs(f, numbers, count);
}

static void path_of(const fixture *f, char path[128]) {
    snprintf(path, 128, "%s/codementor.db", f->dir);
}

static void test_store_crash__power_loss_loses_no_acknowledged_write(void **state) {
    fixture *f = *state;
    char path[128];
    path_of(f, path);
    for (unsigned round = 1; round <= rounds(POWER_OFFS); round++) {
        cm_store_close(f->store);
        fault_begin(round);
        fixture_open(f);
        empty_tables(f);
        acknowledged_count = 0;
        fault.acknowledged = &acknowledged_count;
        fault.power_off_at = fault.ops + 1 + fault_next() % 100;
        assert_int_equal(write_pairs(f, 20), CM_OK);
        cm_store_close(f->store);
        if (fault.taken) {
            assert_true(fault_restore(path));
            acknowledged_count = fault.acknowledged_then;
        }
        uint64_t then = acknowledged_count;
        fault_begin(round); /* the machine is on again, the disk is sound */
        fixture_open(f);
        cm_store_stats stats;
        cm_store_stats_get(f->store, &stats);
        assert_null(stats.moved_aside);
        check_first(f, then);
    }
}

/* False when the workload ended before its n-th write. */
static bool io_fault_round(fixture *f, uint64_t nth, int code) {
    fault_begin(nth);
    fixture_open(f);
    empty_tables(f);
    acknowledged_count = 0;
    fault.fail_code = code;
    fault.fail_at = fault.ops + nth;
    cm_rc rc = write_pairs(f, 10);
    uint64_t then = acknowledged_count;
    bool reached = fault.ops >= fault.fail_at;
    fault.fail_at = 0;
    assert_true(rc == CM_OK || rc == CM_IO || rc == CM_STORAGE_FULL);
    cm_store_close(f->store);
    fixture_open(f);
    check_first(f, then);
    cm_store_close(f->store);
    return reached;
}

static void test_store_crash__no_failing_write_loses_an_acknowledged_one(void **state) {
    static const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC};
    fixture *f = *state;
    cm_store_close(f->store);
    for (size_t i = 0; i < CM_COUNT(codes); i++) {
        for (uint64_t nth = 1 + i; io_fault_round(f, nth, codes[i]); nth += step()) {
        }
    }
    fault_begin(1);
    fixture_open(f);
}

/* False when the workload ended before its n-th read. */
static bool read_fault_round(fixture *f, uint64_t nth) {
    cm_row_users row;
    cm_store *store = NULL;
    cm_err err = {0};
    fault_begin(nth);
    fault.fail_read_at = nth;
    cm_rc rc = cm_store_open(&(cm_store_options){.data_dir = f->dir}, &store, &err);
    if (rc == CM_OK) {
        cm_db db = cm_store_system(store);
        uint64_t number = 10 + nth;
        rc = cm_db_write(&db, CM_FULL, write_pair, &number, &err);
        assert_true(rc == CM_OK || rc == CM_IO);
        rc = cm_q_users_get(&db, &(cm_q_users_get_in){id_of(1)}, f->arena, &row, &err);
    }
    if (rc != CM_OK && rc != CM_IO) {
        fail_msg("read %llu: %d %s", (unsigned long long)nth, (int)rc, err.text);
    }
    cm_store_close(store);
    bool reached = fault.reads >= nth;
    fault_begin(nth);
    fixture_open(f);
    cm_store_stats stats;
    cm_store_stats_get(f->store, &stats);
    assert_null(stats.moved_aside); /* a read that failed is no damage */
    check_first(f, 3);
    cm_store_close(f->store);
    return reached;
}

static void test_store_crash__no_failing_read_is_taken_for_damage(void **state) {
    fixture *f = *state;
    assert_int_equal(write_pairs(f, 3), CM_OK);
    cm_store_close(f->store);
    for (uint64_t nth = 1; read_fault_round(f, nth); nth += step()) {
    }
    fault_begin(1);
    fixture_open(f);
}

static void test_store_crash__a_failed_sync_stops_all_writes_until_the_next_start(void **state) {
    fixture *f = *state;
    cm_store_close(f->store);
    fault_begin(1);
    fixture_open(f);
    fault.fail_code = SQLITE_IOERR_FSYNC;
    uint64_t number = 1;
    cm_err err = {0};
    cm_rc rc = CM_OK;
    for (uint64_t nth = 1; nth < 40 && !(rc == CM_IO && cm_store_check(f->store, NULL) == CM_IO);
         nth++) {
        fault.fail_at = fault.ops + nth;
        rc = cm_db_write(&f->system, CM_FULL, write_pair, &number, &err);
        number += rc == CM_OK;
    }
    assert_int_equal(cm_store_check(f->store, NULL), CM_IO);
    fault.fail_at = 0;
    number = 39;
    assert_int_equal(cm_db_write(&f->system, CM_FULL, write_pair, &number, &err), CM_IO);
    fixture_reopen(f);
    assert_int_equal(cm_db_write(&f->system, CM_FULL, write_pair, &number, &err), CM_OK);
}

/* --- Memory ------------------------------------------------------------------------------------- */

/* SQLite's own allocations: its n-th from now on fails, once. */
static sqlite3_mem_methods sqlite_memory;
static _Atomic uint64_t sqlite_left;

static bool sqlite_fails_now(void) {
    uint64_t left = sqlite_left;
    while (left > 0 && !atomic_compare_exchange_weak(&sqlite_left, &left, left - 1)) {
    }
    return left == 1;
}

static void *sqlite_malloc(int size) {
    return sqlite_fails_now() ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size) {
    return sqlite_fails_now() ? NULL : sqlite_memory.xRealloc(old, size);
}

static void use_failing_memory(void) {
    sqlite3_mem_methods failing;
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory);
    failing = sqlite_memory;
    failing.xMalloc = sqlite_malloc;
    failing.xRealloc = sqlite_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
}

static void fail_ours(uint64_t nth) {
    cm_mem_fail_after(nth);
}

static void fail_sqlites(uint64_t nth) {
    sqlite_left = nth;
}

/* One of each kind of work with the n-th allocation failing; counts the pairs written. */
static void memory_round(fixture *f, uint64_t *number) {
    cm_err err = {0};
    cm_row_users row;
    const cm_row_users *rows;
    size_t count;
    cm_rc rc = cm_db_write(&f->system, CM_FULL, write_pair, number, &err);
    *number += rc == CM_OK;
    assert_true(rc == CM_OK || rc == CM_NOMEM);
    rc = cm_q_users_local(&f->system, f->arena, &row, &err);
    assert_true(rc == CM_OK || rc == CM_NOMEM);
    rc = cm_q_users_list(&f->system, &(cm_q_users_list_in){.limit = 5}, f->arena, &rows, &count,
                         &err);
    assert_true(rc == CM_OK || rc == CM_NOMEM);
    cm_q_outbox_events_insert_in event = {.topic = CM_STR("system"), .payload = CM_STR("{}")};
    cm_q_outbox_events_insert_row made;
    rc = cm_q_outbox_events_insert(&f->system, &event, f->arena, &made, &err);
    assert_true(rc == CM_OK || rc == CM_NOMEM);
}

/* Statements are compiled at their first use, so each round of SQLite's starts with fresh connections. */
static void test_store_crash__no_failing_allocation_does_harm(void **state) {
    fixture *f = *state;
    uint64_t number = 1;
    for (uint64_t nth = 1; nth <= 60; nth++) {
        fail_ours(nth);
        memory_round(f, &number);
        fail_ours(0);
    }
    bool more = true;
    for (uint64_t nth = 1; more; nth += step()) {
        fixture_reopen(f);
        fail_sqlites(nth);
        memory_round(f, &number);
        more = sqlite_left == 0;
        fail_sqlites(0);
    }
    cm_q_users_count_row users;
    assert_ok(cm_q_users_count(&f->system, f->arena, &users, err));
    assert_int_equal(users.count, number);
}

int main(void) {
    const struct CMUnitTest killed[] = {
        store_test(test_store_crash__kill_9_loses_no_acknowledged_write),
    };
    const struct CMUnitTest tests[] = {
        store_test(test_store_crash__kill_9_loses_no_acknowledged_write),
        store_test(test_store_crash__power_loss_loses_no_acknowledged_write),
        store_test(test_store_crash__no_failing_write_loses_an_acknowledged_one),
        store_test(test_store_crash__no_failing_read_is_taken_for_damage),
        store_test(test_store_crash__a_failed_sync_stops_all_writes_until_the_next_start),
        store_test(test_store_crash__no_failing_allocation_does_harm),
    };
    if (fixture_server() != NULL) { /* the disk there is the server's business */
        return cmocka_run_group_tests_name("store/crash on PostgreSQL", killed, NULL, NULL);
    }
    use_failing_memory();
    return cmocka_run_group_tests_name("store/crash", tests, NULL, NULL);
}
