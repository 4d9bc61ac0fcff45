/* Listening on a name that has several addresses. */
#include "net/harness.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define GET "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* What the C library's resolver answers, but for the name "several.test": that has an address which the machine has
 * not, then three that it has, the first of them twice. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **ret_list) {
    static const char *const several[] = {"192.0.2.1", "127.0.0.1", "127.0.0.1", "127.0.0.2",
                                          "::1"};
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(host, "several.test") != 0) {
        return real(host, port, hints, ret_list);
    }
    struct addrinfo **end = ret_list;
    for (size_t i = 0; i < CM_COUNT(several); i++) {
        assert_int_equal(real(several[i], port, hints, end), 0);
        while (*end != NULL) {
            end = &(*end)->ai_next;
        }
    }
    return 0;
}

/* A socket that listens on a free port of 127.0.0.2. */
static int listen_beside(uint16_t *ret_port) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK + 1)}};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

static int lowest_free_descriptor(void) {
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    close(fd);
    return fd;
}

/* Asks at `host`; nothing happens when the machine has no such address. */
static void expect_answer_at(const harness *h, const char *host, bool *ret_absent) {
    char port[8];
    snprintf(port, sizeof(port), "%u", (unsigned)h->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *info = NULL;
    assert_int_equal(getaddrinfo(host, port, &hints, &info), 0);
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -1 : connect(fd, info->ai_addr, info->ai_addrlen);
    *ret_absent = rc != 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    freeaddrinfo(info);
    if (!*ret_absent) {
        assert_int_equal(rc, 0);
        client_send(fd, CM_STR(GET));
        cm_cleanup(cm_buf_done) cm_buf got;
        cm_buf_init(&got, CM_KIB(4));
        assert_true(client_read(fd, SIZE_MAX, &got));
        assert_true(buf_has(&got, "200 OK") && buf_has(&got, "GET /a?|"));
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void test_net_listen__every_address_of_a_name_is_served_on_one_port(void **state) {
    (void)state;
    for (unsigned loops = 1; loops <= 3; loops += 2) {
        harness *h = harness_new(NULL, loops, "several.test:0", NULL);
        char first[32];
        bool absent;
        snprintf(first, sizeof(first), "127.0.0.1:%u", (unsigned)h->port);
        assert_string_equal(h->address, first);
        for (unsigned i = 0; i < 2 * loops; i++) {
            expect_answer_at(h, "127.0.0.1", &absent);
            assert_false(absent);
            expect_answer_at(h, "127.0.0.2", &absent);
            assert_false(absent);
            expect_answer_at(h, "::1", &absent);
        }
        harness_free(h);
    }
}

static void test_net_listen__a_name_is_refused_whole_when_one_address_is_taken(void **state) {
    (void)state;
    harness *h = harness_new(NULL, 2, "127.0.0.1:0", NULL);
    uint16_t port;
    int taken = listen_beside(&port);
    char name[32];
    snprintf(name, sizeof(name), "several.test:%u", (unsigned)port);
    int before = lowest_free_descriptor();
    cm_err err;
    assert_int_equal(cm_http_server_listen(h->server, name, NULL, NULL, &err), CM_EXISTS);
    assert_int_equal(lowest_free_descriptor(), before); /* the other address is given back */
    close(taken);
    harness_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_listen__every_address_of_a_name_is_served_on_one_port),
        cmocka_unit_test(test_net_listen__a_name_is_refused_whole_when_one_address_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
