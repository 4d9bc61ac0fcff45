/* The server's behaviour in time: who waits for whom, who leaves, and what ends. */
#include "net/harness.h"

#include "base/clock.h"
#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define ANY  "127.0.0.1:0"
#define HOLD "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET  "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

static bool wait_cancelled(const cm_exchange *ex, enum cm_cancel_reason reason) {
    uint64_t until = cm_clock_ns() + 20ULL * 1000000000;
    while (cm_cancel_hit(cm_exchange_cancel(ex)) == CM_CANCEL_NONE && cm_clock_ns() < until) {
        sched_yield();
    }
    return cm_cancel_hit(cm_exchange_cancel(ex)) == reason;
}

/* Reads one reply whose body is `body`, as the test handler makes it. */
static void expect_reply(int fd, const char *head, const char *body) {
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_cleanup(cm_buf_done) cm_buf want;
    cm_buf_init(&got, CM_MIB(1));
    cm_buf_init(&text, CM_MIB(1));
    cm_buf_init(&want, CM_MIB(1));
    cm_buf_add_f(&want, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n", head, strlen(body));
    cm_buf_add_f(&want, "\r\n%s", body);
    client_read(fd, want.len + 37, &got);
    client_strip_date(cm_buf_str(&got), &text);
    assert_string_equal(cm_buf_c(&text), cm_buf_c(&want));
}

static void expect_fault(int fd, const char *line, const char *slug) {
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&got, CM_KIB(4));
    assert_true(client_read(fd, SIZE_MAX, &got));
    close(fd);
    if (!buf_has(&got, line) || !buf_has(&got, slug)) {
        fail_msg("got %s", cm_buf_c(&got));
    }
}

/* --- order and threads --- */

static void test_net_http__pipelined_request_waits_for_the_reply_before_it(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD HOLD));
    assert_true(gate_wait(&h->held, 1));
    cm_exchange *first = harness_take_held(h);
    cm_http_stats stats;
    cm_http_server_stats(h->server, &stats);
    assert_int_equal(stats.requests, 1);
    assert_true(cm_exchange_reply(first, 200, NULL, 0, CM_STR("one")));
    cm_exchange_unref(first);
    assert_true(gate_wait(&h->held, 2));
    cm_exchange *second = harness_take_held(h);
    cm_exchange_reply(second, 200, NULL, 0, CM_STR("two"));
    cm_exchange_unref(second);
    expect_reply(fd, "200 OK", "one");
    expect_reply(fd, "200 OK", "two");
    close(fd);
    harness_free(h);
}

static void test_net_http__first_answer_wins(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    cm_exchange *ex = harness_take_held(h);
    assert_true(cm_exchange_reply(ex, 200, NULL, 0, CM_STR("one")));
    assert_false(cm_exchange_reply(ex, 500, NULL, 0, CM_STR("two")));
    assert_false(cm_exchange_stream_begin(ex, 200, NULL, 0));
    cm_exchange_unref(ex);
    expect_reply(fd, "200 OK", "one");
    close(fd);
    harness_free(h);
}

static void open_gate(void *user) {
    gate_add(user, 1);
}

static void test_net_http__user_data_is_freed_with_the_last_reference(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    gate freed = GATE_INIT;
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    cm_exchange *ex = harness_take_held(h);
    cm_exchange_set_user(ex, &freed, open_gate);
    assert_ptr_equal(cm_exchange_user(ex), &freed);
    assert_non_null(cm_arena_alloc(cm_exchange_arena(ex), 100));
    cm_exchange_reply(ex, 200, NULL, 0, CM_STR("x"));
    assert_true(gate_wait(&h->done, 1));
    assert_int_equal(gate_count(&freed), 0);
    cm_exchange_unref(ex);
    assert_true(gate_wait(&freed, 1));
    close(fd);
    harness_free(h);
}

static void test_net_http__summary_tells_what_happened(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"));
    assert_true(gate_wait(&h->done, 1));
    cm_http_summary s = harness_last(h);
    assert_int_equal(s.status, 200);
    assert_int_equal(s.bytes_in, 50);
    assert_true(s.bytes_out > 50);
    assert_false(s.client_left);
    assert_false(s.answered_early);
    assert_string_equal(h->remote, "127.0.0.1");
    client_send(fd, CM_STR("GET /none HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(gate_wait(&h->done, 2));
    s = harness_last(h);
    assert_int_equal(s.status, 404);
    assert_true(s.answered_early);
    close(fd);
    harness_free(h);
}

/* --- leaving clients --- */

static void test_net_http__cancel_fires_when_the_client_closes(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    cm_exchange *ex = harness_take_held(h);
    assert_int_equal(cm_cancel_hit(cm_exchange_cancel(ex)), CM_CANCEL_NONE);
    close(fd);
    assert_true(wait_cancelled(ex, CM_CANCEL_USER));
    assert_true(cm_exchange_reply(ex, 200, NULL, 0, CM_STR("too late"))); /* harmless */
    cm_exchange_unref(ex);
    assert_true(gate_wait(&h->done, 1));
    harness_free(h);
}

static void test_net_http__half_closing_client_still_gets_its_reply(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    shutdown(fd, SHUT_WR);
    cm_exchange *ex = harness_take_held(h);
    assert_true(wait_cancelled(ex, CM_CANCEL_USER));
    cm_exchange_reply(ex, 200, NULL, 0, CM_STR("here"));
    cm_exchange_unref(ex);
    expect_fault(fd, "Connection: close", "here");
    harness_free(h);
}

static void test_net_http__reset_ends_the_exchange_at_once(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
    assert_true(gate_wait(&h->done, 1));
    cm_http_summary s = harness_last(h);
    assert_int_equal(s.status, 499);
    assert_true(s.client_left);
    cm_exchange *ex = harness_take_held(h);
    assert_int_equal(cm_cancel_hit(cm_exchange_cancel(ex)), CM_CANCEL_USER);
    cm_exchange_unref(ex); /* without an answer: nobody is there to get one */
    harness_free(h);
}

static void test_net_http__stream_ends_when_the_client_closes(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    cm_exchange *ex = harness_take_held(h);
    assert_true(cm_exchange_stream_begin(ex, 200, NULL, 0));
    assert_int_equal(cm_exchange_stream_write(ex, CM_STR("x")), CM_OK);
    close(fd);
    assert_true(gate_wait(&h->done, 1));
    assert_int_equal(cm_exchange_stream_write(ex, CM_STR("x")), CM_CANCELLED);
    assert_int_equal(cm_exchange_stream_behind(ex), 0);
    cm_exchange_stream_end(ex);
    cm_exchange_unref(ex);
    assert_true(harness_last(h).client_left);
    harness_free(h);
}

static void test_net_http__stream_drops_a_consumer_too_far_behind(void **state) {
    (void)state;
    static char piece[16 * 1024];
    memset(piece, 'p', sizeof(piece));
    const cm_http_config config = {.behind_max = 100000};
    harness *h = harness_new(&config, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    cm_exchange *ex = harness_take_held(h);
    assert_true(cm_exchange_stream_begin(ex, 200, NULL, 0));
    size_t sent = 0;
    while (cm_exchange_stream_write(ex, cm_str_make(piece, sizeof(piece))) == CM_OK) {
        sent += sizeof(piece);
        assert_true(cm_exchange_stream_behind(ex) <= config.behind_max + 2 * sizeof(piece));
        assert_true(sent < CM_MIB(64)); /* else nothing bounds it */
    }
    cm_exchange_stream_end(ex);
    assert_true(gate_wait(&h->done, 1));
    assert_int_equal(cm_cancel_hit(cm_exchange_cancel(ex)), CM_CANCEL_USER);
    assert_true(harness_last(h).client_left);
    cm_exchange_unref(ex);
    close(fd);
    harness_free(h);
}

/* --- time limits --- */

static void test_net_http__head_that_drips_gets_408(void **state) {
    (void)state;
    const cm_http_config config = {.head_ms = 400};
    harness *h = harness_new(&config, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR("GET / HTTP/1.1\r\nHost: x\r\nX-A: "));
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    size_t drips = 0;
    while (poll(&ready, 1, 3) == 0 && drips < 5000) { /* never silent, yet over in 400 ms */
        client_send(fd, CM_STR("a"));
        drips++;
    }
    assert_true(drips > 0);
    expect_fault(fd, "408 Request Timeout", "request_timeout");
    harness_free(h);
}

static void test_net_http__body_deadline_can_be_set_for_one_request(void **state) {
    (void)state;
    const cm_http_config config = {.body_ms = 60};
    harness *h = harness_new(&config, 1, ANY, NULL);
    int patient = client_open(h);
    client_send(patient, CM_STR("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"));
    int fd = client_open(h);
    client_send(fd, CM_STR("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"));
    expect_fault(fd, "408 Request Timeout", "request_timeout");
    client_send(patient, CM_STR("b"));
    expect_reply(patient, "200 OK", "POST /slow?|ab");
    close(patient);
    harness_free(h);
}

static void test_net_http__idle_connection_is_closed_without_a_word(void **state) {
    (void)state;
    const cm_http_config config = {.idle_ms = 500};
    harness *h = harness_new(&config, 1, ANY, NULL);
    int fresh = client_open(h);
    assert_true(client_is_closed(fresh));
    close(fresh);
    int used = client_open(h);
    client_send(used, CM_STR(GET));
    expect_reply(used, "200 OK", "GET /a?|");
    assert_true(client_is_closed(used));
    close(used);
    harness_free(h);
}

static void test_net_http__client_that_takes_nothing_is_cut(void **state) {
    (void)state;
    const cm_http_config config = {.stall_ms = 60};
    harness *h = harness_new(&config, 1, ANY, NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(gate_wait(&h->done, 1));
    assert_true(harness_last(h).client_left);
    close(fd);
    harness_free(h);
}

/* --- sizes --- */

static void test_net_http__large_reply_and_large_body_come_whole(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_cleanup(cm_buf_done) cm_buf body;
    cm_buf_init(&got, CM_MIB(8));
    cm_buf_init(&body, CM_MIB(8));
    client_ask(h, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &got);
    assert_true(got.len > HARNESS_BIG);
    assert_memory_equal(got.ptr + got.len - 4, "BBBB", 4);
    int fd = client_open(h);
    cm_buf_add_f(&body,
                 "POST /upload HTTP/1.1\r\nHost: x\r\nX-Quiet: 1\r\nContent-Length: %d\r\n\r\n",
                 3 << 20);
    cm_buf_add_repeat(&body, 'u', 3 << 20);
    client_send(fd, cm_buf_str(&body));
    expect_reply(fd, "200 OK", "POST /upload?|3145728");
    close(fd);
    harness_free(h);
}

static void test_net_http__pipelining_far_ahead_is_bounded_and_loses_nothing(void **state) {
    (void)state;
    enum { REQUESTS = 4000 };
    harness *h = harness_new(NULL, 1, ANY, NULL);
    cm_cleanup(cm_buf_done) cm_buf all;
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&all, CM_MIB(1));
    cm_buf_init(&got, CM_MIB(1));
    int fd = client_open(h);
    client_send(fd, CM_STR(HOLD)); /* keeps the rest waiting */
    for (int i = 0; i < REQUESTS; i++) {
        cm_buf_add_c(&all, GET);
    }
    assert_true(gate_wait(&h->held, 1));
    size_t fits = CM_KIB(100); /* beyond the server's bound, within the socket's */
    client_send(fd, cm_str_sub(cm_buf_str(&all), 0, fits));
    cm_exchange *ex = harness_take_held(h);
    cm_exchange_reply(ex, 200, NULL, 0, CM_STR("go"));
    cm_exchange_unref(ex);
    client_send(fd, cm_str_from_offset(cm_buf_str(&all), fits));
    expect_reply(fd, "200 OK", "go");
    for (int i = 0; i < REQUESTS; i++) {
        expect_reply(fd, "200 OK", "GET /a?|");
    }
    close(fd);
    harness_free(h);
}

static void test_net_http__expecting_client_is_told_to_go_on(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&got, CM_KIB(4));
    int fd = client_open(h);
    client_send(fd, CM_STR("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                           "Expect: 100-continue\r\n\r\n"));
    client_read(fd, strlen(go), &got);
    assert_string_equal(cm_buf_c(&got), go);
    client_send(fd, CM_STR("ab"));
    expect_reply(fd, "200 OK", "POST /a?|ab");
    client_send(fd, CM_STR("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n"
                           "Expect: 100-continue\r\n\r\n"));
    cm_buf_clear(&got);
    client_read(fd, SIZE_MAX, &got);
    assert_false(buf_has(&got, "100 Continue"));
    assert_true(buf_has(&got, "413 Content Too Large"));
    close(fd);
    harness_free(h);
}

static void test_net_http__connections_above_the_limit_get_503(void **state) {
    (void)state;
    const cm_http_config config = {.connections_max = 2};
    harness *h = harness_new(&config, 1, ANY, NULL);
    int first = client_open(h);
    client_send(first, CM_STR(GET));
    expect_reply(first, "200 OK", "GET /a?|");
    int second = client_open(h);
    client_send(second, CM_STR(GET));
    expect_reply(second, "200 OK", "GET /a?|");
    expect_fault(client_open(h), "503 Service Unavailable", "overloaded");
    cm_http_stats stats;
    cm_http_server_stats(h->server, &stats);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.faults, 1);
    client_send(first, CM_STR(GET)); /* those inside go on */
    expect_reply(first, "200 OK", "GET /a?|");
    close(first);
    close(second);
    harness_free(h);
}

static void nothing(cm_loop *loop, void *argument) {
    (void)loop;
    (void)argument;
}

static void test_net_http__survives_having_no_descriptor_left(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 1, ANY, NULL);
    static int spare[4096];
    struct rlimit old;
    getrlimit(RLIMIT_NOFILE, &old);
    struct rlimit low = {.rlim_cur = 200, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    size_t count = 0;
    while (count < CM_COUNT(spare) && (spare[count] = open("/dev/null", O_RDONLY)) >= 0) {
        count++;
    }
    assert_true(count > 0);
    close(spare[--count]);
    int fd = client_open(h); /* takes the last descriptor; the server has none to accept with */
    assert_true(client_is_closed(fd));
    close(fd);
    /* The loop may still be refusing; a client that comes meanwhile would be closed too. */
    cm_loop_call(cm_loops_get(h->loops, 0), nothing, NULL);
    while (count > 0) {
        close(spare[--count]);
    }
    setrlimit(RLIMIT_NOFILE, &old);
    fd = client_open(h);
    client_send(fd, CM_STR(GET));
    expect_reply(fd, "200 OK", "GET /a?|");
    close(fd);
    harness_free(h);
}

/* --- addresses --- */

static void test_net_http__ipv6_is_served(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, "[::1]:0", NULL);
    int fd = client_open(h);
    client_send(fd, CM_STR(GET));
    expect_reply(fd, "200 OK", "GET /a?|");
    assert_true(gate_wait(&h->done, 1));
    assert_string_equal(h->remote, "::1");
    close(fd);
    harness_free(h);
}

static void test_net_http__unix_socket_is_private_and_replaces_a_dead_one(void **state) {
    (void)state;
    char directory[] = "/tmp/cm-net-XXXXXX";
    char address[64];
    struct stat info;
    assert_non_null(mkdtemp(directory));
    snprintf(address, sizeof(address), "unix:%s/s", directory);
    const char *path = address + 5;
    harness *h = harness_new(NULL, 2, address, NULL);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    int fd = client_open(h);
    client_send(fd, CM_STR(GET));
    expect_reply(fd, "200 OK", "GET /a?|");
    assert_true(gate_wait(&h->done, 1));
    assert_string_equal(h->remote, "unix");
    close(fd);
    cm_err err;
    assert_int_equal(cm_http_server_listen(h->server, address, NULL, NULL, &err), CM_EXISTS);
    char kept[64];
    snprintf(kept, sizeof(kept), "%s.dead", path);
    assert_int_equal(rename(path, kept), 0); /* survives the server: a dead socket file */
    harness_free(h);
    assert_int_equal(rename(kept, path), 0);
    h = harness_new(NULL, 1, address, NULL);
    fd = client_open(h);
    client_send(fd, CM_STR(GET));
    expect_reply(fd, "200 OK", "GET /a?|");
    close(fd);
    harness_free(h);
    assert_int_not_equal(stat(path, &info), 0); /* removed at the end */
    assert_int_equal(rmdir(directory), 0);
}

static void test_net_http__port_in_use_is_told(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, ANY, NULL);
    cm_err err;
    assert_int_equal(cm_http_server_listen(h->server, h->address, NULL, NULL, &err), CM_EXISTS);
    assert_non_null(strstr(err.text, "another process"));
    harness_free(h);
}

static void test_net_http__nonsense_addresses_are_refused(void **state) {
    (void)state;
    static const char *const addresses[] = {
        "",
        "localhost",
        ":8012",
        "127.0.0.1:",
        "127.0.0.1:x",
        "::1:8012",
        "[::1]",
        "unix:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "[]:80",

        "unix:/tmp/0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789"};
    harness *h = harness_new(NULL, 1, ANY, NULL);
    for (size_t i = 0; i < CM_COUNT(addresses); i++) {
        cm_err err = {0};
        if (cm_http_server_listen(h->server, addresses[i], NULL, NULL, &err) != CM_INVALID) {
            fail_msg("'%s': %s", addresses[i], err.text);
        }
    }
    harness_free(h);
}

/* --- the end --- */

static void test_net_http__drain_finishes_requests_and_closes_idle_connections(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, ANY, NULL);
    int idle = client_open(h);
    client_send(idle, CM_STR(GET));
    expect_reply(idle, "200 OK", "GET /a?|");
    int busy = client_open(h);
    client_send(busy, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    harness_drain(h, 20000);
    assert_true(client_is_closed(idle));
    assert_int_equal(gate_count(&h->drained), 0);
    cm_exchange *ex = harness_take_held(h);
    assert_int_equal(cm_cancel_hit(cm_exchange_cancel(ex)), CM_CANCEL_NONE);
    cm_exchange_reply(ex, 200, NULL, 0, CM_STR("done"));
    cm_exchange_unref(ex);
    expect_fault(busy, "Connection: close", "done");
    assert_true(gate_wait(&h->drained, 1));
    close(idle);
    harness_free(h);
}

static void test_net_http__drain_cuts_what_is_left_at_the_deadline(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, ANY, NULL);
    int busy = client_open(h);
    client_send(busy, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    harness_drain(h, 20000);
    harness_drain(h, 30); /* brings the deadline forward */
    cm_exchange *ex = harness_take_held(h);
    assert_true(wait_cancelled(ex, CM_CANCEL_SHUTDOWN));
    assert_true(client_is_closed(busy));
    assert_true(gate_wait(&h->drained, 1));
    assert_int_equal(gate_count(&h->drained), 1);
    cm_exchange_unref(ex);
    close(busy);
    harness_free(h);
}

static void test_net_http__draining_an_idle_server_is_done_at_once(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 3, ANY, NULL);
    harness_drain(h, 20000);
    assert_true(gate_wait(&h->drained, 1));
    harness_free(h);
}

static void test_net_http__freeing_cuts_what_runs(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, ANY, NULL);
    int busy = client_open(h);
    client_send(busy, CM_STR(HOLD));
    assert_true(gate_wait(&h->held, 1));
    harness_free(h); /* while the exchange is held; it is let go after the server */
    assert_true(client_is_closed(busy));
    close(busy);
}

/* --- many at once --- */

static void *ask_many(void *argument) {
    const harness *h = argument;
    for (int i = 0; i < 40; i++) {
        cm_cleanup(cm_buf_done) cm_buf got;
        cm_buf_init(&got, CM_KIB(4));
        client_ask(h, "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &got);
        if (!buf_has(&got, "GET /later?|")) {
            return argument;
        }
    }
    return NULL;
}

static void test_net_http__many_clients_of_many_threads_get_their_replies(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, ANY, NULL);
    pthread_t threads[6];
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, h), 0);
    }
    for (size_t i = 0; i < CM_COUNT(threads); i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    harness_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_http__pipelined_request_waits_for_the_reply_before_it),
        cmocka_unit_test(test_net_http__first_answer_wins),
        cmocka_unit_test(test_net_http__user_data_is_freed_with_the_last_reference),
        cmocka_unit_test(test_net_http__summary_tells_what_happened),
        cmocka_unit_test(test_net_http__cancel_fires_when_the_client_closes),
        cmocka_unit_test(test_net_http__half_closing_client_still_gets_its_reply),
        cmocka_unit_test(test_net_http__reset_ends_the_exchange_at_once),
        cmocka_unit_test(test_net_http__stream_ends_when_the_client_closes),
        cmocka_unit_test(test_net_http__stream_drops_a_consumer_too_far_behind),
        cmocka_unit_test(test_net_http__head_that_drips_gets_408),
        cmocka_unit_test(test_net_http__body_deadline_can_be_set_for_one_request),
        cmocka_unit_test(test_net_http__idle_connection_is_closed_without_a_word),
        cmocka_unit_test(test_net_http__client_that_takes_nothing_is_cut),
        cmocka_unit_test(test_net_http__large_reply_and_large_body_come_whole),
        cmocka_unit_test(test_net_http__pipelining_far_ahead_is_bounded_and_loses_nothing),
        cmocka_unit_test(test_net_http__expecting_client_is_told_to_go_on),
        cmocka_unit_test(test_net_http__connections_above_the_limit_get_503),
        cmocka_unit_test(test_net_http__survives_having_no_descriptor_left),
        cmocka_unit_test(test_net_http__ipv6_is_served),
        cmocka_unit_test(test_net_http__unix_socket_is_private_and_replaces_a_dead_one),
        cmocka_unit_test(test_net_http__port_in_use_is_told),
        cmocka_unit_test(test_net_http__nonsense_addresses_are_refused),
        cmocka_unit_test(test_net_http__drain_finishes_requests_and_closes_idle_connections),
        cmocka_unit_test(test_net_http__drain_cuts_what_is_left_at_the_deadline),
        cmocka_unit_test(test_net_http__draining_an_idle_server_is_done_at_once),
        cmocka_unit_test(test_net_http__freeing_cuts_what_runs),
        cmocka_unit_test(test_net_http__many_clients_of_many_threads_get_their_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
