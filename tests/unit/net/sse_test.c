#include "net/sse.h"

#include "base/limits.h"
#include "net/harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define HOLD "GET /hold HTTP/1.0\r\n\r\n" /* unchunked: the events are easier to read */
#define HEAD                                                                            \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n" \
    "X-Accel-Buffering: no\r\nConnection: close\r\n\r\nretry: 3000\n\n"
#define DATE_BYTES 37

typedef struct stream {
    harness *h;
    int fd;
    cm_exchange *ex;
} stream;

static stream open_stream(const cm_http_config *config, const char *request) {
    stream s = {.h = harness_new(config, 1, "127.0.0.1:0", NULL)};
    s.fd = client_open(s.h);
    client_send(s.fd, cm_str_from(request));
    assert_true(gate_wait(&s.h->held, 1));
    s.ex = harness_take_held(s.h);
    assert_true(cm_sse_begin(s.ex, 3000, NULL, 0));
    return s;
}

static void close_stream(stream *s) {
    cm_exchange_unref(s->ex);
    close(s->fd);
    harness_free(s->h);
}

/* Reads exactly `text`, after the head without its Date when `text` begins with it. */
static void expect(const stream *s, const char *text) {
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_cleanup(cm_buf_done) cm_buf plain;
    cm_buf_init(&got, CM_MIB(1));
    cm_buf_init(&plain, CM_MIB(1));
    bool head = strncmp(text, "HTTP/", 5) == 0;
    client_read(s->fd, strlen(text) + (head ? DATE_BYTES : 0), &got);
    client_strip_date(cm_buf_str(&got), &plain);
    assert_string_equal(cm_buf_c(&plain), text);
}

static void nothing(cm_loop *loop, void *argument) {
    (void)loop;
    (void)argument;
}

/* All that was written has been looked at by the loop, and nothing of it was sent. */
static void expect_silence(const stream *s) {
    char byte;
    cm_loop_call(cm_exchange_loop(s->ex), nothing, NULL);
    assert_int_equal(recv(s->fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static void test_net_sse__events_have_their_form(void **state) {
    (void)state;
    stream s = open_stream(NULL, HOLD);
    cm_err err;
    assert_int_equal(cm_sse_event(s.ex, "start", "1", CM_STR("{\"a\":1}"), &err), CM_OK);
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("[DONE]"), &err), CM_OK);
    cm_sse_end(s.ex);
    expect(&s, HEAD "event: start\nid: 1\ndata: {\"a\":1}\n\ndata: [DONE]\n\n");
    assert_true(client_is_closed(s.fd));
    close_stream(&s);
}

static void test_net_sse__chunked_for_http_1_1(void **state) {
    (void)state;
    stream s = open_stream(NULL, "GET /hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cm_sse_end(s.ex);
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&got, CM_KIB(4));
    assert_true(client_read(s.fd, SIZE_MAX, &got));
    assert_true(buf_has(&got, "Transfer-Encoding: chunked\r\n"));
    assert_true(buf_has(&got, "\r\n\r\nd\r\nretry: 3000\n\n\r\n0\r\n\r\n"));
    close_stream(&s);
}

static void test_net_sse__second_begin_is_refused(void **state) {
    (void)state;
    stream s = open_stream(NULL, HOLD);
    assert_false(cm_sse_begin(s.ex, 3000, NULL, 0));
    cm_sse_end(s.ex);
    close_stream(&s);
}

static void test_net_sse__data_that_would_break_the_framing_is_refused(void **state) {
    (void)state;
    static char big[CM_SSE_EVENT_MAX];
    memset(big, 'x', sizeof(big));
    stream s = open_stream(NULL, HOLD);
    cm_err err;
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("a\nb"), &err), CM_INVALID);
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("a\rb"), &err), CM_INVALID);
    assert_int_equal(cm_sse_event(s.ex, "e\nid: 9", NULL, CM_STR("a"), &err), CM_INVALID);
    assert_int_equal(cm_sse_event(s.ex, NULL, "1\n", CM_STR("a"), &err), CM_INVALID);
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, cm_str_make(big, sizeof(big)), &err), CM_LIMIT);
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("ok"), &err), CM_OK);
    cm_sse_end(s.ex);
    expect(&s, HEAD "data: ok\n\n");
    close_stream(&s);
}

static void test_net_sse__events_of_one_window_leave_together(void **state) {
    (void)state;
    const cm_http_config config = {.sse_join_ms = 3600 * 1000, .sse_beat_ms = 7200 * 1000};
    stream s = open_stream(&config, HOLD);
    expect(&s, HEAD); /* the first bytes leave at once, and open a window of an hour */
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("1"), NULL), CM_OK);
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("2"), NULL), CM_OK);
    expect_silence(&s);
    cm_sse_end(s.ex); /* the end does not wait */
    expect(&s, "data: 1\n\ndata: 2\n\n");
    close_stream(&s);
}

static void test_net_sse__window_ends_by_itself(void **state) {
    (void)state;
    const cm_http_config config = {.sse_join_ms = 30};
    stream s = open_stream(&config, HOLD);
    expect(&s, HEAD);
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("1"), NULL), CM_OK);
    expect(&s, "data: 1\n\n");
    cm_sse_end(s.ex);
    close_stream(&s);
}

static void test_net_sse__silence_is_filled_with_heartbeats(void **state) {
    (void)state;
    const cm_http_config config = {.sse_beat_ms = 20};
    stream s = open_stream(&config, HOLD);
    expect(&s, HEAD);
    expect(&s, ": hb\n\n: hb\n\n");
    cm_sse_end(s.ex);
    close_stream(&s);
}

static void test_net_sse__consumer_too_far_behind_is_dropped(void **state) {
    (void)state;
    static char data[32 * 1024];
    memset(data, 'x', sizeof(data));
    stream s = open_stream(NULL, HOLD);
    cm_rc rc = CM_OK;
    size_t sent = 0;
    while (rc == CM_OK && sent < CM_MIB(64)) {
        rc = cm_sse_event(s.ex, NULL, NULL, cm_str_make(data, sizeof(data)), NULL);
        sent += sizeof(data);
        assert_true(cm_exchange_stream_behind(s.ex) <= CM_SSE_BEHIND_MAX + 2 * sizeof(data));
    }
    assert_int_equal(rc, CM_CANCELLED);
    cm_sse_end(s.ex);
    assert_true(gate_wait(&s.h->done, 1));
    assert_true(harness_last(s.h).client_left);
    close_stream(&s);
}

static void test_net_sse__leaving_client_is_noticed(void **state) {
    (void)state;
    stream s = open_stream(NULL, HOLD);
    shutdown(s.fd, SHUT_RDWR);
    assert_true(gate_wait(&s.h->done, 1));
    assert_int_equal(cm_sse_event(s.ex, NULL, NULL, CM_STR("x"), NULL), CM_CANCELLED);
    assert_int_equal(cm_cancel_hit(cm_exchange_cancel(s.ex)), CM_CANCEL_USER);
    cm_sse_end(s.ex);
    close_stream(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_sse__events_have_their_form),
        cmocka_unit_test(test_net_sse__chunked_for_http_1_1),
        cmocka_unit_test(test_net_sse__second_begin_is_refused),
        cmocka_unit_test(test_net_sse__data_that_would_break_the_framing_is_refused),
        cmocka_unit_test(test_net_sse__events_of_one_window_leave_together),
        cmocka_unit_test(test_net_sse__window_ends_by_itself),
        cmocka_unit_test(test_net_sse__silence_is_filled_with_heartbeats),
        cmocka_unit_test(test_net_sse__consumer_too_far_behind_is_dropped),
        cmocka_unit_test(test_net_sse__leaving_client_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
