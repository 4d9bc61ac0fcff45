/* harness.h - a real server on a free port with a handler of many paths, and a blocking client.
 *
 * Paths: /none answers 404 at the head; /later answers from a worker thread; /hold keeps the exchange
 * for the test; /stream, /empty, /inject, /forget, /big as named; anything else is echoed as
 * "METHOD path?query|body" (with X-Quiet: only the body's length). The body limit is 1000 bytes, on
 * /upload 8 MiB. Faults are answered with their slug. */
#ifndef CM_TEST_HARNESS_H
#define CM_TEST_HARNESS_H

#include "gate.h"
#include "net/http.h"
#include "rt/pool.h"

#define HARNESS_BIG (4 * 1024 * 1024) /* bytes of the reply of /big */

typedef struct harness {
    cm_loops *loops;
    cm_pool *pool;
    cm_http_server *server;
    char address[CM_ERR_TEXT_MAX];
    uint16_t port;
    gate held; /* exchanges kept by /hold */
    gate done; /* calls of on_done */
    gate drained;
    pthread_mutex_t lock; /* of what follows */
    cm_exchange *last_held;
    cm_http_summary last; /* of on_done */
    char remote[64];
} harness;

/* `config` may be NULL. */
harness *harness_new(const cm_http_config *config, unsigned loops, const char *address,
                     cm_tls *tls);
void harness_free(harness *h);
void harness_drain(harness *h, uint32_t deadline_ms); /* `drained` opens when it is done */
cm_exchange *harness_take_held(harness *h);
cm_http_summary harness_last(harness *h);

/* --- client --- */
int client_open(const harness *h);
void client_send(int fd, cm_str bytes); /* all of it; the server may have closed */
/* Appends what comes until `out` has `want` bytes or the server closes; true when it closed. Fails
 * the test after 20 s. */
bool client_read(int fd, size_t want, cm_buf *out);
bool client_is_closed(int fd); /* waits for the end; false when bytes come instead */
/* `text` without its Date fields. */
void client_strip_date(cm_str text, cm_buf *out);
/* One request, its whole answer up to the close. */
void client_ask(const harness *h, const char *request, cm_buf *out);
bool buf_has(const cm_buf *buf, const char *text);

#endif
