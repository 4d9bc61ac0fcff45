/* toxiproxy.h - a real proxy between the store and PostgreSQL, driven over its HTTP API
 * (tests/tools/with_postgres.py --proxy starts it). */
#ifndef CM_TEST_STORE_TOXIPROXY_H
#define CM_TEST_STORE_TOXIPROXY_H

#include "store/fixture.h" /* tests/unit/store */

#include <arpa/inet.h>
#include <sys/socket.h>

static inline int toxi_connect(void) {
    const char *at = getenv("CODEMENTOR_TEST_TOXIPROXY");
    assert_non_null(at);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)strtoul(strchr(at, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* One request; the reply's first 4 KB. Fails the test when the proxy refuses. */
static inline void toxi_ask(const char *method, const char *path, const char *body,
                            char reply[4096]) {
    char request[1024];
    int fd = toxi_connect();
    int len = snprintf(request, sizeof request,
                       "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s", method,
                       path, strlen(body), body);
    assert_int_equal(write(fd, request, (size_t)len), len);
    size_t got = 0;
    ssize_t n;
    while (got < 4095 && (n = read(fd, reply + got, 4095 - got)) > 0) {
        got += (size_t)n;
    }
    close(fd);
    reply[got] = '\0';
    if (got < 12 || reply[9] != '2') {
        fail_msg("%s %s: %s", method, path, reply);
    }
}

/* Makes the proxy `name` to a local port; returns its own port. */
static inline unsigned toxi_make(const char *name, const char *port) {
    char body[256];
    char reply[4096];
    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"listen\":\"127.0.0.1:0\",\"upstream\":\"127.0.0.1:%s\","
             "\"enabled\":true}",
             name, port);
    toxi_ask("POST", "/proxies", body, reply);
    const char *listen = strstr(reply, "\"listen\":\"127.0.0.1:");
    assert_non_null(listen);
    return (unsigned)strtoul(listen + strlen("\"listen\":\"127.0.0.1:"), NULL, 10);
}

static inline void toxi_drop(const char *name) {
    char path[64];
    char reply[4096];
    snprintf(path, sizeof path, "/proxies/%s", name);
    toxi_ask("DELETE", path, "", reply);
}

/* Off: connections are closed and new ones refused. */
static inline void toxi_enable(const char *name, bool on) {
    char path[64];
    char reply[4096];
    snprintf(path, sizeof path, "/proxies/%s", name);
    toxi_ask("POST", path, on ? "{\"enabled\":true}" : "{\"enabled\":false}", reply);
}

static inline void toxi_add(const char *name, const char *type, const char *stream,
                            const char *attributes) {
    char path[64];
    char body[256];
    char reply[4096];
    snprintf(path, sizeof path, "/proxies/%s/toxics", name);
    snprintf(body, sizeof body,
             "{\"name\":\"fault\",\"type\":\"%s\",\"stream\":\"%s\",\"attributes\":%s}", type,
             stream, attributes);
    toxi_ask("POST", path, body, reply);
}

/* Every proxy enabled, every toxic gone. */
static inline void toxi_heal(void) {
    char reply[4096];
    toxi_ask("POST", "/reset", "", reply);
}

#endif
