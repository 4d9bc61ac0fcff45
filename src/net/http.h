/* http.h - HTTP/1.1 server (RFC 9110, 9112) on the loops of rt/: requests in, replies out.
 *
 * A request and its reply are one cm_exchange. The server reads the head, asks the handler how large
 * a body it takes (or lets it answer at once), reads the body, and hands the exchange over. The reply
 * may come later and from any thread. One connection has one request at work; the next one of a
 * pipelining client is looked at after the reply is out, so replies keep their order.
 *
 * Reading goes on while a reply is being made, so that a client that leaves is noticed within
 * milliseconds: cm_exchange_cancel fires. An end of file counts as leaving, because a close and a
 * half-close look the same; a reply made nevertheless is still written, so a half-closing client gets
 * the reply of a call that does not poll its cancel token. Streams end at once.
 *
 * Faults that the server itself answers (400, 408, 413, 414, 431, 503) go through on_fault, so they
 * look like every other error of the program.
 *
 * Thread: named at each call. Replies and reference counts: any thread. */
#ifndef CM_NET_HTTP_H
#define CM_NET_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/tls.h"
#include "rt/cancel.h"
#include "rt/loop.h"
#include "rt/metrics.h"

typedef struct cm_http_server cm_http_server;
typedef struct cm_exchange cm_exchange;

typedef struct cm_http_header {
    cm_str name; /* as sent; compared without case */
    cm_str value;
} cm_http_header;

typedef struct cm_http_head {
    cm_str method; /* "GET" */
    cm_str target; /* "/v1/a%20b?x=1", as sent */
    cm_str path;   /* "/v1/a%20b": before '?', still encoded */
    cm_str query;  /* "x=1": after '?', empty when there is none */
    const cm_http_header *headers;
    size_t header_count;
    int minor;             /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;       /* what the client asked for */
    bool tls;              /* came over TLS */
    bool local;            /* came over the Unix socket */
    cm_str remote_address; /* "127.0.0.1", "::1"; "unix" for the Unix socket; never from a header */
    uint16_t remote_port;  /* 0 for the Unix socket */
} cm_http_head;

/* First value of header `name` (any case); false when it was not sent. */
bool cm_http_head_find(const cm_http_head *head, const char *name, cm_str *ret_value);
/* All values of `name` in order: start with *cursor = 0. */
bool cm_http_head_next(const cm_http_head *head, const char *name, size_t *cursor,
                       cm_str *ret_value);

typedef struct cm_http_summary {
    int status;          /* 499 when the client left before a reply began */
    uint64_t bytes_in;   /* head and body as received, framing included */
    uint64_t bytes_out;  /* head and body as sent, TLS not counted */
    uint64_t read_ns;    /* first byte of the request to its last */
    uint64_t handle_ns;  /* last byte of the request to the first byte of the reply */
    uint64_t write_ns;   /* first byte of the reply to its last */
    bool client_left;    /* before the reply was complete */
    bool answered_early; /* on_head or a fault answered before the body was read */
} cm_http_summary;

typedef struct cm_http_handler {
    void *user;
    /* Loop thread, when the head is complete. Returns how many body bytes this request may have, or
     * answers at once with cm_exchange_reply (404, 405, 415, ...; the value is then ignored). */
    size_t (*on_head)(void *user, cm_exchange *exchange);
    /* Loop thread, when the body is complete. To answer later take a reference; an exchange that is
     * let go without an answer is answered with 500. */
    void (*on_request)(void *user, cm_exchange *exchange);
    /* Loop thread. Answers `err` (code and text) with cm_exchange_reply before it returns. The head
     * may be half empty. NULL, or no answer: a plain problem+json. */
    void (*on_fault)(void *user, cm_exchange *exchange, const cm_err *err);
    /* Loop thread, exactly once per exchange, when the reply is out or can no longer be delivered.
     * A worker may still hold the exchange then. May be NULL. */
    void (*on_done)(void *user, cm_exchange *exchange, const cm_http_summary *summary);
} cm_http_handler;

/* Zero means the default in brackets. */
typedef struct cm_http_config {
    uint32_t connections_max;  /* [8192] more are answered 503 */
    size_t header_bytes_max;   /* [CM_HEADER_BYTES_MAX] request line and headers */
    size_t url_bytes_max;      /* [CM_URL_BYTES_MAX] */
    uint32_t header_count_max; /* [128] */
    uint32_t handshake_ms;     /* [10000] TLS handshake complete */
    uint32_t head_ms;          /* [10000] first byte of a request to the end of its head */
    uint32_t body_ms;          /* [30000] end of the head to the end of the body */
    uint32_t idle_ms;          /* [75000] between requests */
    uint32_t stall_ms;         /* [30000] the client takes nothing of a reply */
    uint32_t linger_ms;        /* [2000] unread input is swallowed before a connection closes */
    size_t body_budget; /* [512 MiB] bytes that all bodies may hold together; the last eighth is for
                             those up to 64 KiB. Others are answered 503, or 413 when alone too large */
    cm_series *body_series; /* follows what they hold; may be NULL, must outlive the exchanges */
    size_t behind_max;      /* [CM_SSE_BEHIND_MAX] a stream's consumer further behind is dropped */
    uint32_t sse_join_ms;   /* [8] writes of an event stream closer together are joined */
    uint32_t sse_beat_ms;   /* [15000] silence on an event stream before a heartbeat */
} cm_http_config;

/* `config` may be NULL; `handler` is copied. The loops must outlive the server. CM_INVALID: a handler without its
 * functions. */
cm_rc cm_http_server_new(cm_loops *loops, const cm_http_config *config,
                         const cm_http_handler *handler, cm_http_server **ret_server,
                         cm_err *err) cm_must_check;
/* Not on a loop thread. Starts to accept on `address`: "127.0.0.1:8012", "[::1]:0", "localhost:80" (every
 * address of the name that the machine has, on one port), "unix:/run/codementor.sock" (made with mode 0600; a
 * dead socket file is replaced). `tls` is NULL for plain text, and borrowed until cm_http_server_free.
 * `*ret_bound` (may be NULL; CM_PATH_BYTES_MAX is enough) gets the first address with the real port. CM_INVALID;
 * CM_EXISTS when another process listens on one of them; CM_IO. */
cm_rc cm_http_server_listen(cm_http_server *server, const char *address, cm_tls *tls,
                            cm_buf *ret_bound, cm_err *err) cm_must_check;
/* Any thread. Stops accepting, closes idle connections, lets requests finish. At `deadline_ms` from
 * now every cancel token fires (CM_CANCEL_SHUTDOWN) and what is left is cut. `done` is called once,
 * on a loop thread, when no connection is left. A second call only brings the deadline forward. */
void cm_http_server_drain(cm_http_server *server, uint32_t deadline_ms, void (*done)(void *user),
                          void *user);
/* Not on a loop thread. Cuts what is left and waits for it. NULL is allowed. */
void cm_http_server_free(cm_http_server *server);

typedef struct cm_http_stats {
    uint64_t connections; /* open now */
    uint64_t accepted;
    uint64_t refused; /* over connections_max */
    uint64_t requests;
    uint64_t body_bytes; /* of the budget, held now */
    uint64_t faults;     /* answered by the server itself */
} cm_http_stats;

void cm_http_server_stats(const cm_http_server *server, cm_http_stats *ret_stats); /* any thread */

/* --- the request --- */
const cm_http_head *cm_exchange_head(const cm_exchange *exchange);
/* The whole body, without chunk framing. Empty before on_request. */
cm_str cm_exchange_body(const cm_exchange *exchange);
/* Freed with the exchange. One thread at a time. */
cm_arena *cm_exchange_arena(cm_exchange *exchange);
/* Fires CM_CANCEL_USER when the client leaves before the reply is complete. Borrowed. */
cm_cancel *cm_exchange_cancel(const cm_exchange *exchange);
uint64_t cm_exchange_received_ns(const cm_exchange *exchange); /* last byte, cm_clock_ns scale */
cm_loop *cm_exchange_loop(const cm_exchange *exchange);
/* Another time limit for this body than config.body_ms; only inside on_head. */
void cm_exchange_set_body_ms(cm_exchange *exchange, uint32_t body_ms);

void *cm_exchange_user(const cm_exchange *exchange);
/* `free_user` (may be NULL) runs with the last reference, on the thread that drops it. */
void cm_exchange_set_user(cm_exchange *exchange, void *user, void (*free_user)(void *user));

cm_exchange *cm_exchange_ref(cm_exchange *exchange);
void cm_exchange_unref(cm_exchange *exchange); /* NULL is allowed */

/* --- the reply: any thread; the first answer wins, later ones are dropped and return false ---
 * The server adds Date, Content-Length or Transfer-Encoding, and Connection; do not pass those.
 * Control characters in header values become spaces. */
bool cm_exchange_reply(cm_exchange *exchange, int status, const cm_http_header *headers,
                       size_t count, cm_str body);
/* Takes `body` over (allocated by cm_alloc, or cm_buf_take). It is freed in any case. */
bool cm_exchange_reply_take(cm_exchange *exchange, int status, const cm_http_header *headers,
                            size_t count, char *take_body, size_t len);

/* A body of unknown length: chunked, or up to the close for HTTP/1.0. False like cm_exchange_reply. */
bool cm_exchange_stream_begin(cm_exchange *exchange, int status, const cm_http_header *headers,
                              size_t count);
/* Never blocks. CM_CANCELLED when the client has gone or is more than behind_max behind; the
 * connection is then closed. Writes of one stream must not overlap. */
cm_rc cm_exchange_stream_write(cm_exchange *exchange, cm_str bytes) cm_must_check;
/* Bytes written by us and not yet taken by the client's side. */
size_t cm_exchange_stream_behind(cm_exchange *exchange);
/* Must come once after each stream_begin that returned true. */
void cm_exchange_stream_end(cm_exchange *exchange);

#endif
