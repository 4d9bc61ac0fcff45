/* The spool of posted writes (writer.c, writer_spool.c put them there): what is put in comes out in order, and a file
 * that is torn or damaged gives what is whole. */
#include "store/fixture.h" /* tests/unit/store */

#include "base/hash.h"
#include "store/spool_priv.h"
#include "store/q/completion_requests.h"
#include "store/q/usage_metrics.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct box {
    char dir[64];
    char path[96];
    cm_spool *spool;
    cm_arena *arena;
} box;

static void open_box(box *b, uint64_t max) {
    assert_ok(cm_spool_open(b->path, max, &b->spool, err));
}

static int box_setup(void **state) {
    box *b = CM_NEW(box);
    cm_log_init(CM_LOG_OFF, CM_LOG_HUMAN, 2);
    snprintf(b->dir, sizeof b->dir, "/tmp/cm-spool-XXXXXX");
    if (mkdtemp(b->dir) == NULL) {
        return -1;
    }
    snprintf(b->path, sizeof b->path, "%s/spool", b->dir);
    b->arena = cm_arena_new(0);
    open_box(b, CM_MIB(1));
    *state = b;
    return 0;
}

static int box_teardown(void **state) {
    box *b = *state;
    cm_spool_close(b->spool);
    cm_arena_free(b->arena);
    cm_err err;
    cm_rc rc = cm_dir_remove(b->dir, &err);
    cm_free(b);
    return rc == CM_OK ? 0 : -1;
}

static void put(box *b, uint64_t number) {
    cm_q_usage_metrics_insert_in in = {
        .id = cm_uuid_v7(), .metric_type = CM_STR("spooled"), .value = (double)number};
    cm_spool_write write = {.number = number,
                            .scope = CM_DB_SYSTEM,
                            .now_ms = (int64_t)number * 1000,
                            .query = &cm_query_usage_metrics_insert,
                            .params = &in};
    cm_buf record;
    cm_buf_init(&record, CM_MIB(1));
    assert_ok(cm_spool_encode(&write, &record, err));
    assert_ok(cm_spool_append(b->spool, cm_buf_str(&record), 1, number, err));
    cm_buf_done(&record);
}

/* Takes all that is there; each must be the one after the last. */
static size_t take_all(box *b, uint64_t first) {
    size_t all = 0;
    for (size_t count = 1; count > 0;) {
        cm_buf records;
        cm_buf_init(&records, CM_MIB(1));
        assert_ok(cm_spool_peek(b->spool, 3, &records, &count, err));
        cm_str rest = cm_buf_str(&records);
        for (size_t i = 0; i < count; i++) {
            cm_spool_write write;
            cm_arena_clear(b->arena);
            assert_ok(cm_spool_decode(cm_spool_next(&rest), b->arena, &write, err));
            const cm_q_usage_metrics_insert_in *in = write.params;
            assert_int_equal(write.number, first + all);
            assert_true(write.query == &cm_query_usage_metrics_insert);
            assert_int_equal(write.now_ms, (int64_t)write.number * 1000);
            assert_true(in->value == (double)write.number);
            assert_true(cm_str_eq_c(in->metric_type, "spooled"));
            all++;
        }
        assert_int_equal(rest.len, 0);
        cm_spool_done(b->spool, count);
        cm_buf_done(&records);
    }
    return all;
}

static void test_store_spool__what_is_put_in_comes_out_in_order(void **state) {
    box *b = *state;
    for (uint64_t number = 1; number <= 20; number++) {
        put(b, number);
    }
    assert_int_equal(cm_spool_waiting(b->spool), 20);
    assert_int_equal(take_all(b, 1), 20);
    put(b, 21);
    assert_int_equal(take_all(b, 21), 1);
}

static void test_store_spool__is_there_for_the_next_server_and_gone_when_empty(void **state) {
    box *b = *state;
    cm_uuid id = cm_spool_id(b->spool);
    put(b, 7);
    put(b, 8);
    cm_spool_close(b->spool);
    open_box(b, CM_MIB(1));
    cm_uuid again = cm_spool_id(b->spool);
    assert_true(cm_uuid_eq(&id, &again)); /* or the database would not know how far it is */
    assert_int_equal(cm_spool_last(b->spool), 8);
    assert_int_equal(take_all(b, 7), 2);
    cm_spool_close(b->spool);
    assert_int_equal(access(b->path, F_OK), -1);
    open_box(b, CM_MIB(1));
    again = cm_spool_id(b->spool);
    assert_false(cm_uuid_eq(&id, &again)); /* its numbers begin anew */
}

static void read_file(const box *b, cm_buf *out) {
    cm_buf_clear(out);
    assert_ok(cm_file_read(b->path, CM_MIB(1), out, err));
}

static void write_file(const box *b, cm_str bytes) {
    int fd = open(b->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

/* Cut after any byte: the whole records before it are there, and nothing else. */
static void test_store_spool__torn_at_any_byte_gives_the_whole_records(void **state) {
    box *b = *state;
    size_t ends[3];
    cm_buf whole, now;
    cm_buf_init(&whole, CM_MIB(1));
    cm_buf_init(&now, CM_MIB(1));
    for (uint64_t number = 1; number <= 3; number++) {
        put(b, number);
        read_file(b, &whole);
        ends[number - 1] = cm_buf_str(&whole).len;
    }
    for (size_t len = 0; len < cm_buf_str(&whole).len; len++) {
        cm_spool_close(b->spool);
        write_file(b, cm_str_sub(cm_buf_str(&whole), 0, len));
        open_box(b, CM_MIB(1));
        size_t expected = 0;
        while (expected < 3 && ends[expected] <= len) {
            expected++;
        }
        assert_int_equal(cm_spool_waiting(b->spool), expected);
        assert_int_equal(take_all(b, 1), expected);
        put(b, 9); /* and it goes on */
        assert_int_equal(take_all(b, 9), 1);
    }
    cm_buf_done(&whole);
    cm_buf_done(&now);
}

static void test_store_spool__no_flipped_bit_is_taken_for_a_write(void **state) {
    box *b = *state;
    cm_buf whole;
    cm_buf_init(&whole, CM_MIB(1));
    put(b, 1);
    put(b, 2);
    read_file(b, &whole);
    char *bytes = (char *)(uintptr_t)cm_buf_str(&whole).ptr;
    for (size_t bit = 0; bit < cm_buf_str(&whole).len * 8;
         bit += 7) { /* each bit of a byte in turn */
        cm_spool_close(b->spool);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        write_file(b, cm_buf_str(&whole));
        open_box(b, CM_MIB(1));
        assert_true(cm_spool_waiting(b->spool) < 2);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        assert_true(take_all(b, 1) < 2);
    }
    cm_buf_done(&whole);
}

static void test_store_spool__is_bounded_and_uses_room_again(void **state) {
    box *b = *state;
    cm_spool_close(b->spool);
    open_box(b, 2000);
    cm_q_usage_metrics_insert_in in = {.id = cm_uuid_v7(), .metric_type = CM_STR("x")};
    cm_spool_write write = {
        .scope = CM_DB_SYSTEM, .query = &cm_query_usage_metrics_insert, .params = &in};
    cm_buf record;
    cm_buf_init(&record, CM_MIB(1));
    cm_rc rc = CM_OK;
    uint64_t number = 0;
    while (rc == CM_OK && number < 1000) {
        write.number = ++number;
        cm_buf_clear(&record);
        assert_ok(cm_spool_encode(&write, &record, err));
        rc = cm_spool_append(b->spool, cm_buf_str(&record), 1, number, NULL);
    }
    assert_int_equal(rc, CM_STORAGE_FULL);
    assert_int_equal(cm_spool_waiting(b->spool), number - 1); /* none of what was refused */
    assert_true(cm_spool_bytes(b->spool) > 0 && cm_spool_bytes(b->spool) <= 2000);
    cm_spool_done(b->spool, 1);
    assert_ok(cm_spool_append(b->spool, cm_buf_str(&record), 1, number, err));
    assert_int_equal(cm_spool_waiting(b->spool), number - 1);
    cm_spool_close(b->spool);
    open_box(b, 2000);
    assert_int_equal(cm_spool_last(b->spool), number);
    cm_buf_done(&record);
}

#define spool_test(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        spool_test(test_store_spool__what_is_put_in_comes_out_in_order),
        spool_test(test_store_spool__is_there_for_the_next_server_and_gone_when_empty),
        spool_test(test_store_spool__torn_at_any_byte_gives_the_whole_records),
        spool_test(test_store_spool__no_flipped_bit_is_taken_for_a_write),
        spool_test(test_store_spool__is_bounded_and_uses_room_again),
    };
    return cmocka_run_group_tests_name("store/spool", tests, NULL, NULL);
}
