/* server_priv.h - what exchange.c, connection.c and server.c share.
 *
 *     cm_http_server  1 --- n  cm_shard  (one per loop: listeners, connections, read buffer)
 *     cm_shard        1 --- n  cm_connection  (one socket)
 *     cm_connection   1 --- 0..1  cm_exchange  (the request at work)
 *
 * Everything below a shard belongs to its loop's thread, except what cm_exchange says. */
#ifndef CM_NET_SERVER_PRIV_H
#define CM_NET_SERVER_PRIV_H

#include "net/body_budget_priv.h"
#include "net/http.h"
#include "net/request_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

typedef struct cm_shard cm_shard;
typedef struct cm_connection cm_connection;
typedef struct cm_listener cm_listener;

#define CM_ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */

/* --- exchange.c --- */

enum cm_answer { CM_ANSWER_NONE, CM_ANSWER_REPLY, CM_ANSWER_STREAM };

struct cm_exchange {
    /* Two counts: `owners` are the handler's references; when the last goes without an answer, the
     * client gets a 500. `refs` keeps the memory: one for all owners, one for the connection, one
     * for a post under way. */
    atomic_uint owners;
    atomic_uint refs;

    /* Loop thread, then read-only once the handler has it: */
    cm_shard *shard;
    cm_loop *loop;
    cm_connection *connection; /* NULL when it has let go; loop thread only */
    cm_request request;
    char remote_address[CM_ADDRESS_TEXT];
    cm_cancel *cancel;
    uint32_t body_ms;
    cm_body_budget *budget;
    size_t body_taken;    /* of the budget; given back when the exchange is freed */
    uint64_t first_ns;    /* first byte of the request */
    uint64_t received_ns; /* last byte */
    uint64_t reply_ns;    /* first byte of the reply */
    uint64_t bytes_out;
    bool head_sent;
    bool head_done;  /* the request's head is complete: on_head was called */
    bool dispatched; /* the body was read and on_request was called */
    bool lent;       /* the server itself still counts among the owners */
    size_t behind_max;

    /* One thread at a time: */
    cm_arena *arena;
    void *user;
    void (*free_user)(void *user);

    pthread_mutex_t lock; /* of what follows */
    enum cm_answer answer;
    int status;
    bool bodyless; /* HEAD, 204, 304: the body is counted but not sent */
    bool chunked;
    bool events; /* an event stream: join, heartbeat */
    cm_buf head; /* status line and fields, without Connection and the empty line */
    char *body;
    size_t body_len;
    cm_buf out;       /* bytes of a stream that the loop has not taken */
    size_t in_flight; /* bytes of a stream that the system has not taken */
    bool ended;       /* the stream is complete */
    bool woken;       /* a post to the loop is under way */
    bool gone;        /* nobody reads any more */
};

cm_exchange *cm_exchange_new(cm_connection *connection);
void cm_exchange_hold(cm_exchange *exchange); /* memory only */
void cm_exchange_drop(cm_exchange *exchange);
bool cm_exchange_answered(cm_exchange *exchange);
/* As cm_exchange_stream_begin, for an event stream. */
bool cm_exchange_events_begin(cm_exchange *exchange, const cm_http_header *headers, size_t count);
/* Under the lock: appends a piece of the stream, framed. */
void cm_exchange_add_chunk(cm_exchange *exchange, cm_str bytes);
/* A plain problem+json for `err`. */
void cm_exchange_reply_problem(cm_exchange *exchange, const cm_err *err);

/* --- connection.c --- */

struct cm_connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_timer_t timer;
    cm_shard *shard;
    cm_connection *previous; /* of the shard's connections */
    cm_connection *next;
    struct cm_tls_session *tls; /* NULL for plain text */
    cm_exchange *exchange;
    cm_buf pending;    /* read, but not looked at yet */
    cm_str input;      /* what the running pump looks at */
    uint64_t since;    /* loop time in ms when `state` began */
    uint64_t moved;    /* ... when the client last took bytes */
    size_t queue_seen; /* libuv's write queue at that time */
    uint64_t armed;    /* ... when the timer fires; 0 = not armed */
    uint64_t sent_at;  /* ... when bytes of a stream were last sent */
    size_t in_flight;  /* bytes handed to the system and not taken */
    uint8_t state;     /* enum in connection.c */
    uint8_t open_handles;
    uint16_t remote_port;
    bool local;
    bool reading;
    bool pumping;
    bool ended;       /* the client sent an end of file */
    bool close_after; /* the answer under way is the last */
    bool refused;     /* over connections_max */
    char remote_address[CM_ADDRESS_TEXT];
};

/* Loop thread. Takes one connection off `listener`'s queue. */
void cm_connection_accept(cm_listener *listener);
/* Loop thread. Looks at what the exchange has to say. */
void cm_connection_wake(cm_connection *connection);
/* Loop thread. Closes at once; the client gets nothing more. */
void cm_connection_cut(cm_connection *connection, enum cm_cancel_reason reason);
/* Loop thread. Closes if nothing is under way. */
void cm_connection_close_idle(cm_connection *connection);

/* --- server.c --- */

struct cm_listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    cm_shard *shard;
    cm_listener *next;
    cm_tls *tls;
    bool local;
    char *unlink_path; /* a Unix socket's file, removed at the close */
};

#define CM_READ_BYTES (64 * 1024)

struct cm_shard {
    cm_http_server *server;
    cm_loop *loop;
    cm_listener *listeners;
    cm_connection *connections;
    cm_timer *drain_timer;
    bool draining;
    bool drained;       /* counted in server->drain_left */
    char *read_buffer;  /* one for all connections: a read is used up before the next */
    char *plain_buffer; /* decrypted bytes, likewise */
};

struct cm_http_server {
    cm_loops *loops;
    cm_http_config config;
    cm_http_handler handler;
    cm_request_limits limits;
    cm_body_budget *budget;
    cm_shard *shards;
    unsigned shard_count;
    atomic_bool draining;
    atomic_uint_fast64_t connections;
    atomic_uint_fast64_t accepted;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t faults;
    atomic_uint drain_left; /* shards with connections */
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t closed;
    size_t open_handles; /* sockets and timers that libuv still knows */
    void (*drain_done)(void *user);
    void *drain_user;
};

void cm_server_handle_opened(cm_http_server *server);
void cm_server_handle_closed(cm_http_server *server);
void cm_shard_add(cm_shard *shard, cm_connection *connection);
void cm_shard_remove(cm_shard *shard, cm_connection *connection);

#endif
