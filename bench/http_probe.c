/* http_probe.c - the server of src/net alone: every GET gets the same small JSON. For bench/http.py and
 * bench/idle_connections.py.
 *
 *     http_probe LOOPS      prints "ready PORT", ends when its standard input does */
#include "base/str.h"
#include "net/http.h"

#include <unistd.h>

static size_t on_head(void *user, cm_exchange *exchange) {
    (void)user;
    (void)exchange;
    return 0;
}

static void on_request(void *user, cm_exchange *exchange) {
    (void)user;
    const cm_http_header type = {CM_STR("Content-Type"), CM_STR("application/json")};
    cm_exchange_reply(exchange, 200, &type, 1, CM_STR("{\"status\":\"ok\"}"));
}

static cm_rc serve(unsigned loop_count, cm_err *err) {
    const cm_http_config config = {.connections_max = 100000};
    const cm_http_handler handler = {.on_head = on_head, .on_request = on_request};
    cm_loops *loops = NULL;
    cm_http_server *server = NULL;
    cm_buf bound;
    cm_buf_init(&bound, 256);
    cm_rc rc = cm_loops_new(loop_count, &loops, err);
    rc = rc ? rc : cm_http_server_new(loops, &config, &handler, &server, err);
    rc = rc ? rc : cm_http_server_listen(server, "127.0.0.1:0", NULL, &bound, err);
    if (!rc) {
        cm_str address = cm_buf_str(&bound);
        size_t colon = cm_str_rfind_char(address, ':');
        printf("ready %s\n", address.ptr + colon + 1);
        fflush(stdout);
        char byte;
        while (read(STDIN_FILENO, &byte, 1) > 0) {
        }
    }
    cm_http_server_free(server);
    cm_loops_free(loops);
    cm_buf_done(&bound);
    return rc;
}

int main(int argc, char **argv) {
    uint64_t loop_count = 0;
    if (argc != 2 || !cm_str_to_u64(cm_str_from(argv[1]), &loop_count)) {
        fprintf(stderr, "usage: http_probe LOOPS\n");
        return 2;
    }
    cm_err err;
    cm_rc rc = serve((unsigned)loop_count, &err);
    if (rc) {
        fprintf(stderr, "http_probe: %s\n", err.text);
    }
    return rc ? 1 : 0;
}
