/* The parser alone: the outcome depends on the bytes, never on how they were cut. */
#include "net/request_priv.h"

#include "net/cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const cm_request_limits limits = {16 * 1024, 8 * 1024, 128};

/* What came of some bytes, as text: each request with its fields, and how it ended. */
static void describe(const cm_request *r, enum cm_request_event event, const cm_err *err,
                     cm_buf *out) {
    if (event == CM_REQUEST_FAULT) {
        cm_buf_add_f(out, "FAULT %d\n", (int)err->rc);
        return;
    }
    if (event == CM_REQUEST_DONE) {
        cm_buf_add_f(out, "DONE %zu:", r->body.len);
        cm_buf_add_str(out, cm_buf_str(&r->body));
        cm_buf_add_char(out, '\n');
        return;
    }
    cm_buf_add_f(out, "%.*s [%.*s] [%.*s] 1.%d keep=%d\n", CM_STR_ARG(r->head.method),
                 CM_STR_ARG(r->head.path), CM_STR_ARG(r->head.query), r->head.minor,
                 r->head.keep_alive);
    for (size_t i = 0; i < r->head.header_count; i++) {
        cm_buf_add_f(out, "  [%.*s] [%.*s]\n", CM_STR_ARG(r->head.headers[i].name),
                     CM_STR_ARG(r->head.headers[i].value));
    }
}

typedef struct reader {
    cm_request request;
    bool over;
    cm_buf out;
} reader;

static void reader_init(reader *r) {
    cm_request_init(&r->request, &limits);
    r->over = false;
    cm_buf_init(&r->out, CM_MIB(4));
}

static void reader_done(reader *r) {
    cm_request_done(&r->request);
    cm_buf_done(&r->out);
}

static void reader_feed(reader *r, cm_str bytes) {
    cm_err err = {0};
    while (!r->over) {
        size_t used;
        enum cm_request_event event = cm_request_feed(&r->request, bytes, &used, &err);
        bytes = cm_str_from_offset(bytes, used);
        if (event == CM_REQUEST_MORE) {
            return;
        }
        describe(&r->request, event, &err, &r->out);
        if (event == CM_REQUEST_HEAD && cm_request_limit_body(&r->request, 1000, &err)) {
            describe(&r->request, CM_REQUEST_FAULT, &err, &r->out);
            r->over = true;
        } else if (event == CM_REQUEST_FAULT) {
            r->over = true;
        } else if (event == CM_REQUEST_DONE) {
            cm_request_done(&r->request);
            cm_request_init(&r->request, &limits);
        }
    }
}

static void check_split(const http_case *item, size_t at, size_t step, cm_str expected) {
    reader r;
    reader_init(&r);
    cm_str rest = cm_buf_str(&item->send);
    if (at) {
        reader_feed(&r, cm_str_sub(rest, 0, at));
        rest = cm_str_from_offset(rest, at);
    }
    while (rest.len) {
        reader_feed(&r, cm_str_sub(rest, 0, step));
        rest = cm_str_from_offset(rest, step);
    }
    if (!cm_str_eq(cm_buf_str(&r.out), expected)) {
        fail_msg("'%s' split at %zu by %zu:\n%s\ninstead of\n%.*s", item->name, at, step,
                 cm_buf_c(&r.out), CM_STR_ARG(expected));
    }
    reader_done(&r);
}

static void check_every_split(const char *file) {
    http_cases *cases = http_cases_read(file);
    assert_true(cases->count > 20);
    for (size_t i = 0; i < cases->count; i++) {
        const http_case *item = &cases->items[i];
        reader whole;
        reader_init(&whole);
        reader_feed(&whole, cm_buf_str(&item->send));
        cm_str expected = cm_buf_str(&whole.out);
        size_t stride = item->send.len > 2000 ? 97 : 1;
        for (size_t at = 0; at < item->send.len; at += stride) {
            check_split(item, at, SIZE_MAX / 2, expected);
        }
        check_split(item, 0, 1, expected);
        check_split(item, 0, 7, expected);
        reader_done(&whole);
    }
    http_cases_free(cases);
}

static void test_net_request__good_requests_are_the_same_however_split(void **state) {
    (void)state;
    check_every_split("good");
}

static void test_net_request__bad_requests_are_the_same_however_split(void **state) {
    (void)state;
    check_every_split("bad");
}

static void test_net_request__head_lists_fields_as_sent(void **state) {
    (void)state;
    reader r;
    reader_init(&r);
    reader_feed(&r, CM_STR("POST /p%20q?x=1&y HTTP/1.1\r\nHost: a.b:8012\r\nX-Two: 1\r\n"
                           "x-two: 2\r\nX-Empty:\r\nContent-Length: 3\r\n\r\nabc"));
    assert_string_equal(cm_buf_c(&r.out), "POST [/p%20q] [x=1&y] 1.1 keep=1\n"
                                          "  [Host] [a.b:8012]\n  [X-Two] [1]\n  [x-two] [2]\n"
                                          "  [X-Empty] []\n  [Content-Length] [3]\n"
                                          "DONE 3:abc\n");
    reader_done(&r);
}

static void test_net_request__fields_are_found_in_any_case(void **state) {
    (void)state;
    const cm_http_header headers[] = {{CM_STR("Accept"), CM_STR("a")},
                                      {CM_STR("X-Y"), CM_STR("b")},
                                      {CM_STR("ACCEPT"), CM_STR("c")}};
    const cm_http_head head = {.headers = headers, .header_count = 3};
    cm_str value;
    size_t cursor = 0;
    assert_true(cm_http_head_find(&head, "accept", &value));
    assert_true(cm_str_eq_c(value, "a"));
    assert_true(cm_http_head_next(&head, "aCCept", &cursor, &value));
    assert_true(cm_http_head_next(&head, "aCCept", &cursor, &value));
    assert_true(cm_str_eq_c(value, "c"));
    assert_false(cm_http_head_next(&head, "aCCept", &cursor, &value));
    assert_false(cm_http_head_find(&head, "Acc", &value));
}

static void test_net_request__bytes_of_the_next_request_are_left_alone(void **state) {
    (void)state;
    cm_request r;
    cm_err err;
    size_t used;
    cm_request_init(&r, &limits);
    cm_str bytes = CM_STR("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nabGET ");
    assert_int_equal(cm_request_feed(&r, bytes, &used, &err), CM_REQUEST_HEAD);
    assert_int_equal(cm_request_announced(&r), 2);
    assert_int_equal(cm_request_limit_body(&r, 2, &err), CM_OK);
    bytes = cm_str_from_offset(bytes, used);
    assert_true(cm_str_eq_c(bytes, "abGET "));
    assert_int_equal(cm_request_feed(&r, bytes, &used, &err), CM_REQUEST_DONE);
    assert_int_equal(used, 2);
    cm_request_done(&r);
}

static void test_net_request__faults_say_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {
        {"hello\r\n", "not valid HTTP/1.1: unknown method"},
        {"GET a\r\n", "not valid HTTP/1.1: bad request target"},
        {"GET / FTP/1.1\r\n", "not valid HTTP/1.1: no 'HTTP/1.1' after the request target"},
        {"GET / HTTP/x\r\n", "not valid HTTP/1.1: bad protocol version"},
        {"GET / HTTP/1.1\r\nA b\r\n", "not valid HTTP/1.1: bad header field"},
        {"GET / HTTP/1.1\r\nContent-Length: x\r\n", "not valid HTTP/1.1: bad Content-Length"},
        {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
         "not valid HTTP/1.1: Content-Length beside another length of the body"},
        {"GET / HTTP/1.1\r\n\r\n", "header 'Host' is missing"},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        cm_request r;
        cm_err err = {0};
        size_t used;
        cm_request_init(&r, &limits);
        assert_int_equal(cm_request_feed(&r, cm_str_from(rows[i].bytes), &used, &err),
                         CM_REQUEST_FAULT);
        assert_int_equal(err.rc, CM_MALFORMED_REQUEST);
        assert_string_equal(err.text, rows[i].text);
        cm_request_done(&r);
    }
}

static void test_net_request__a_head_of_exactly_the_limit_is_served(void **state) {
    (void)state;
    cm_buf text;
    cm_buf_init(&text, CM_KIB(64));
    cm_buf_add_c(&text, "GET / HTTP/1.1\r\nHost: x\r\nX-Fill: ");
    cm_buf_add_repeat(&text, 'f', limits.header_bytes - text.len - 4);
    cm_buf_add_c(&text, "\r\n\r\n");
    assert_int_equal(text.len, limits.header_bytes);
    reader r;
    reader_init(&r);
    reader_feed(&r, cm_buf_str(&text));
    assert_non_null(strstr(cm_buf_c(&r.out), "DONE 0:"));
    reader_done(&r);
    cm_buf_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_request__head_lists_fields_as_sent),
        cmocka_unit_test(test_net_request__fields_are_found_in_any_case),
        cmocka_unit_test(test_net_request__bytes_of_the_next_request_are_left_alone),
        cmocka_unit_test(test_net_request__faults_say_what_is_wrong),
        cmocka_unit_test(test_net_request__a_head_of_exactly_the_limit_is_served),
        cmocka_unit_test(test_net_request__good_requests_are_the_same_however_split),
        cmocka_unit_test(test_net_request__bad_requests_are_the_same_however_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
