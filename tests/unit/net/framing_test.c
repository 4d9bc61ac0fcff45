/* The case files over a socket: what the client gets, byte by byte. */
#include "net/cases.h"
#include "net/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static const char probe[] = "GET /probe HTTP/1.1\r\nHost: x\r\n\r\n";
static const char probe_reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nGET /probe?|";

#define DATE_BYTES 37

static size_t count_of(cm_str text, cm_str part) {
    size_t count = 0;
    size_t at;
    while ((at = cm_str_find(text, part)) != SIZE_MAX) {
        count++;
        text = cm_str_from_offset(text, at + part.len);
    }
    return count;
}

static void send_in_steps(int fd, cm_str bytes, size_t step) {
    while (bytes.len) {
        client_send(fd, cm_str_sub(bytes, 0, step));
        bytes = cm_str_from_offset(bytes, step);
    }
}

static void run_case(const harness *h, const http_case *item, size_t step) {
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_cleanup(cm_buf_done) cm_buf want;
    cm_buf_init(&got, CM_MIB(1));
    cm_buf_init(&text, CM_MIB(1));
    cm_buf_init(&want, CM_MIB(1));
    cm_buf_add_str(&want, cm_buf_str(&item->expect));
    int fd = client_open(h);
    send_in_steps(fd, cm_buf_str(&item->send), step);
    bool closed = false;
    if (item->end == CASE_OPEN) { /* the next answer follows at once, so nothing is left over */
        client_send(fd, cm_str_from(probe));
        cm_buf_add_c(&want, probe_reply);
        size_t replies = count_of(cm_buf_str(&want), CM_STR("HTTP/1.1 "));
        closed = client_read(fd, want.len + replies * DATE_BYTES, &got);
    } else {
        if (item->end == CASE_NOTHING) {
            shutdown(fd, SHUT_WR);
        }
        closed = client_read(fd, SIZE_MAX, &got);
    }
    close(fd);
    client_strip_date(cm_buf_str(&got), &text);
    if (!cm_str_eq(cm_buf_str(&text), cm_buf_str(&want)) || closed != (item->end != CASE_OPEN)) {
        fail_msg("case '%s', sent %zu bytes at a time, got\n%s\ninstead of\n%s", item->name, step,
                 cm_buf_c(&text), cm_buf_c(&want));
    }
}

static void run_file(const char *name) {
    harness *h = harness_new(NULL, 2, "127.0.0.1:0", NULL);
    http_cases *cases = http_cases_read(name);
    for (size_t i = 0; i < cases->count; i++) {
        run_case(h, &cases->items[i], SIZE_MAX / 2);
        run_case(h, &cases->items[i], 13);
        if (cases->items[i].send.len < 500) {
            run_case(h, &cases->items[i], 1);
        }
    }
    http_cases_free(cases);
    harness_free(h);
}

static void test_net_framing__good_requests_get_their_bytes(void **state) {
    (void)state;
    run_file("good");
}

static void test_net_framing__bad_requests_get_a_fault_and_the_close(void **state) {
    (void)state;
    run_file("bad");
}

/* --- mangled requests --- */

enum { MANGLED = 10000 };

/* xorshift64: the same requests in every run. */
static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void repeat_part(cm_buf *out, size_t at) {
    size_t len = CM_MIN(out->len - at, 20);
    char *room = cm_buf_reserve(out, len); /* first: it may move what is copied */
    assert_non_null(room);
    memcpy(room, out->ptr + at, len);
    out->len += len;
}

static void mangle(cm_str bytes, uint64_t *seed, cm_buf *out) {
    cm_buf_clear(out);
    cm_buf_add_str(out, bytes);
    for (uint64_t i = 1 + next_random(seed) % 4; i > 0 && out->len > 1; i--) {
        size_t at = next_random(seed) % out->len;
        char byte = (char)next_random(seed);
        switch (next_random(seed) % 4) {
        case 0: out->ptr[at] = byte; break;
        case 1: cm_buf_truncate(out, at + 1); break;
        case 2: repeat_part(out, at); break;
        default: memmove(out->ptr + at, out->ptr + at + 1, --out->len - at); break;
        }
    }
}

/* Every answer is a success or says that it was the client's fault. */
static bool answers_are_fine(cm_str got) {
    cm_str line;
    while (cm_str_line(&got, &line)) {
        if (cm_str_starts(line, CM_STR("HTTP/1.1 ")) && line.ptr[9] != '2' && line.ptr[9] != '4') {
            return false;
        }
    }
    return true;
}

static void test_net_framing__mangled_requests_get_a_4xx_or_an_answer(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, "127.0.0.1:0", NULL);
    http_cases *cases = http_cases_read("good");
    cm_cleanup(cm_buf_done) cm_buf bytes;
    cm_cleanup(cm_buf_done) cm_buf got;
    cm_buf_init(&bytes, CM_MIB(1));
    cm_buf_init(&got, CM_MIB(1));
    uint64_t seed = 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < MANGLED; i++) {
        mangle(cm_buf_str(&cases->items[i % cases->count].send), &seed, &bytes);
        if (strstr(cm_buf_c(&bytes), "/forget")) {
            continue; /* a 500 on purpose */
        }
        int fd = client_open(h);
        client_send(fd, cm_buf_str(&bytes));
        shutdown(fd, SHUT_WR);
        cm_buf_clear(&got);
        client_read(fd, SIZE_MAX, &got);
        close(fd);
        if (!answers_are_fine(cm_buf_str(&got))) {
            fail_msg("mangled request %zu:\n%s\ngot\n%s", i, cm_buf_c(&bytes), cm_buf_c(&got));
        }
    }
    cm_http_stats stats;
    cm_http_server_stats(h->server, &stats);
    assert_true(stats.faults > MANGLED / 10);
    http_cases_free(cases);
    harness_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_framing__good_requests_get_their_bytes),
        cmocka_unit_test(test_net_framing__bad_requests_get_a_fault_and_the_close),
        cmocka_unit_test(test_net_framing__mangled_requests_get_a_4xx_or_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
