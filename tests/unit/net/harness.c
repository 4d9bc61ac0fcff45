#include "net/harness.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

/* --- the handler --- */

static bool is_path(const cm_exchange *ex, const char *prefix) {
    return cm_str_starts(cm_exchange_head(ex)->path, cm_str_from(prefix));
}

static size_t on_head(void *user, cm_exchange *ex) {
    (void)user;
    if (is_path(ex, "/none")) {
        cm_exchange_reply(ex, 404, NULL, 0, CM_STR("none"));
    }
    if (is_path(ex, "/slow")) {
        cm_exchange_set_body_ms(ex, 60000);
    }
    return is_path(ex, "/upload") ? CM_MIB(8) : 1000;
}

static void reply_echo(cm_exchange *ex) {
    const cm_http_head *head = cm_exchange_head(ex);
    cm_str body = cm_exchange_body(ex);
    cm_str quiet;
    cm_buf text;
    cm_buf_init(&text, CM_MIB(16));
    cm_buf_add_f(&text, "%.*s %.*s?%.*s|", CM_STR_ARG(head->method), CM_STR_ARG(head->path),
                 CM_STR_ARG(head->query));
    if (cm_http_head_find(head, "x-quiet", &quiet)) {
        cm_buf_add_u64(&text, body.len);
    } else {
        cm_buf_add_str(&text, body);
    }
    size_t len;
    char *bytes = cm_buf_take(&text, &len);
    cm_exchange_reply_take(ex, 200, NULL, 0, bytes, len);
}

static void reply_later(void *argument, unsigned worker) {
    (void)worker;
    reply_echo(argument);
    cm_exchange_unref(argument);
}

static void reply_stream(cm_exchange *ex) {
    const cm_http_header type = {CM_STR("Content-Type"), CM_STR("text/plain")};
    static const char *const parts[] = {"one", " two ", "three"};
    if (cm_exchange_stream_begin(ex, 200, &type, 1)) {
        for (size_t i = 0; i < CM_COUNT(parts); i++) {
            cm_rc rc = cm_exchange_stream_write(ex, cm_str_from(parts[i]));
            (void)rc;
        }
        cm_exchange_stream_end(ex);
    }
}

static void reply_big(cm_exchange *ex) {
    char *bytes = cm_alloc(HARNESS_BIG);
    memset(bytes, 'B', HARNESS_BIG);
    cm_exchange_reply_take(ex, 200, NULL, 0, bytes, HARNESS_BIG);
}

static void hold(harness *h, cm_exchange *ex) {
    pthread_mutex_lock(&h->lock);
    h->last_held = cm_exchange_ref(ex);
    pthread_mutex_unlock(&h->lock);
    gate_add(&h->held, 1);
}

static void on_request(void *user, cm_exchange *ex) {
    harness *h = user;
    const cm_http_header inject = {CM_STR("X-Echo"), CM_STR("a\r\nSet-Cookie: b")};
    if (is_path(ex, "/later")) {
        if (cm_pool_submit(h->pool, CM_INTERACTIVE, reply_later, cm_exchange_ref(ex), NULL)) {
            cm_exchange_unref(ex);
        }
    } else if (is_path(ex, "/hold")) {
        hold(h, ex);
    } else if (is_path(ex, "/stream")) {
        reply_stream(ex);
    } else if (is_path(ex, "/empty")) {
        cm_exchange_reply(ex, 204, NULL, 0, CM_STR_EMPTY);
    } else if (is_path(ex, "/inject")) {
        cm_exchange_reply(ex, 200, &inject, 1, CM_STR_EMPTY);
    } else if (is_path(ex, "/big")) {
        reply_big(ex);
    } else if (!is_path(ex, "/forget")) {
        reply_echo(ex);
    }
}

static void on_fault(void *user, cm_exchange *ex, const cm_err *err) {
    (void)user;
    const cm_err_info *info = cm_err_info_get(err->rc);
    cm_exchange_reply(ex, info->http_status, NULL, 0, cm_str_from(info->slug));
}

static void on_done(void *user, cm_exchange *ex, const cm_http_summary *summary) {
    harness *h = user;
    cm_str remote = cm_exchange_head(ex)->remote_address;
    pthread_mutex_lock(&h->lock);
    h->last = *summary;
    snprintf(h->remote, sizeof(h->remote), "%.*s", CM_STR_ARG(remote));
    pthread_mutex_unlock(&h->lock);
    gate_add(&h->done, 1);
}

/* --- life --- */

harness *harness_new(const cm_http_config *config, unsigned loops, const char *address,
                     cm_tls *tls) {
    harness *h = CM_NEW(harness);
    h->held = h->done = h->drained = (gate)GATE_INIT;
    pthread_mutex_init(&h->lock, NULL);
    cm_err err;
    const cm_http_handler handler = {h, on_head, on_request, on_fault, on_done};
    assert_int_equal(cm_loops_new(loops, &h->loops, &err), CM_OK);
    assert_int_equal(cm_pool_new(2, 64, &h->pool, &err), CM_OK);
    assert_int_equal(cm_http_server_new(h->loops, config, &handler, &h->server, &err), CM_OK);
    cm_cleanup(cm_buf_done) cm_buf bound;
    cm_buf_init(&bound, sizeof(h->address) - 1);
    if (cm_http_server_listen(h->server, address, tls, &bound, &err)) {
        fail_msg("%s", err.text);
    }
    memcpy(h->address, cm_buf_c(&bound), bound.len + 1);
    const char *colon = strrchr(h->address, ':');
    h->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return h;
}

void harness_free(harness *h) {
    cm_pool_free(h->pool);
    cm_http_server_free(h->server);
    cm_exchange_unref(h->last_held);
    cm_loops_free(h->loops);
    cm_free(h);
}

static void on_drained(void *user) {
    gate_add(user, 1);
}

void harness_drain(harness *h, uint32_t deadline_ms) {
    cm_http_server_drain(h->server, deadline_ms, on_drained, &h->drained);
}

cm_exchange *harness_take_held(harness *h) {
    pthread_mutex_lock(&h->lock);
    cm_exchange *ex = h->last_held;
    h->last_held = NULL;
    pthread_mutex_unlock(&h->lock);
    assert_non_null(ex);
    return ex;
}

cm_http_summary harness_last(harness *h) {
    pthread_mutex_lock(&h->lock);
    cm_http_summary last = h->last;
    pthread_mutex_unlock(&h->lock);
    return last;
}

/* --- client --- */

int client_open(const harness *h) {
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(h->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(h->port)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in6.sin6_addr = in6addr_loopback;
    const void *addr = &in4;
    socklen_t len = sizeof(in4);
    int family = AF_INET;
    if (strncmp(h->address, "unix:", 5) == 0) {
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", h->address + 5);
        addr = &un;
        len = sizeof(un);
        family = AF_UNIX;
    } else if (h->address[0] == '[') {
        addr = &in6;
        len = sizeof(in6);
        family = AF_INET6;
    }
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, addr, len), 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

void client_send(int fd, cm_str bytes) {
    while (bytes.len) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0) {
            return; /* the server has answered and closed: what it sent is read next */
        }
        bytes = cm_str_from_offset(bytes, (size_t)sent);
    }
}

bool client_read(int fd, size_t want, cm_buf *out) {
    char bytes[16384];
    while (out->len < want) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 20000) == 0) {
            fail_msg("no answer; so far: %s", cm_buf_c(out));
        }
        ssize_t len = recv(fd, bytes, CM_MIN(sizeof(bytes), want - out->len), 0);
        if (len <= 0) {
            return true;
        }
        cm_buf_add(out, bytes, (size_t)len);
    }
    return false;
}

bool client_is_closed(int fd) {
    cm_cleanup(cm_buf_done) cm_buf rest;
    cm_buf_init(&rest, 16);
    return client_read(fd, 1, &rest);
}

void client_strip_date(cm_str text, cm_buf *out) {
    static const cm_str date = {"Date: ", 6};
    size_t at;
    while ((at = cm_str_find(text, date)) != SIZE_MAX) {
        cm_buf_add_str(out, cm_str_sub(text, 0, at));
        text = cm_str_from_offset(text, at + 37); /* a Date field has a fixed length */
    }
    cm_buf_add_str(out, text);
}

void client_ask(const harness *h, const char *request, cm_buf *out) {
    int fd = client_open(h);
    client_send(fd, cm_str_from(request));
    client_read(fd, SIZE_MAX, out);
    close(fd);
}

bool buf_has(const cm_buf *buf, const char *text) {
    return strstr(cm_buf_c(buf), text) != NULL;
}
