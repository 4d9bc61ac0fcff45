/* connection.c - one socket: reading requests, sending replies, time limits.
 *
 *     HANDSHAKE -> IDLE -> HEAD -> BODY -> HANDLING -> IDLE ...
 *                                            |
 *                            LINGER <--------+  the answer was the connection's last
 *                                 \-> CLOSED
 *
 * Sending is not a state: an answer may go out while the rest of a body is still read. All progress is
 * made by one function, pump, which takes steps until none is left; whatever happens (bytes arrived,
 * bytes were taken, a reply was made, a timer fired) only notes its fact and pumps. It never calls
 * itself: a reply made inside a handler is found by the next step.
 *
 * Time limits are points in time, not silence: a client that sends a byte now and then gains nothing.
 * The timer is moved only when it would fire too late, so a busy keep-alive connection never touches
 * the timer heap; one that fires too early looks and goes back to sleep.
 *
 * An idle connection owns this struct and nothing else: reading goes to a buffer of the loop, and
 * what belongs to a request lives in its exchange.
 *
 * Thread: the shard's loop. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/connection_priv.h"

#include <netinet/in.h>

/* Bytes a pipelining client may be ahead; beyond that reading stops until its reply is out (and a
 * leaving client is noticed at the next write only). */
#define CM_PIPELINE_BYTES (64 * 1024)

/* An unread body up to this size is read over, to keep the connection; a longer one ends it. */
#define CM_SKIP_BYTES (64 * 1024)

/* What a chunked body takes of the budget at a time. */
#define CM_BODY_STEP (1024 * 1024)

static uint64_t now_ms(const cm_connection *conn) {
    return uv_now(conn->uv.handle.loop);
}

static void enter(cm_connection *conn, enum cm_state state) {
    conn->state = (uint8_t)state;
    conn->since = now_ms(conn);
}

static cm_http_server *server_of(const cm_connection *conn) {
    return conn->shard->server;
}

/* --- the end of an exchange --- */

static void release(cm_exchange *ex) {
    if (ex->lent) {
        ex->lent = false;
        cm_exchange_unref(ex);
    }
}

static void summarise(const cm_connection *conn, cm_exchange *ex, bool left) {
    const cm_http_handler *handler = &server_of(conn)->handler;
    if (!handler->on_done) {
        return;
    }
    uint64_t now = cm_clock_ns();
    uint64_t received = ex->received_ns ? ex->received_ns : now;
    uint64_t reply = ex->reply_ns ? ex->reply_ns : now;
    cm_http_summary summary = {
        .status = ex->head_sent ? ex->status : 499,
        .bytes_in = ex->request.raw,
        .bytes_out = ex->bytes_out,
        .read_ns = received - ex->first_ns,
        .handle_ns = reply > received ? reply - received : 0,
        .write_ns = now > reply ? now - reply : 0,
        .client_left = left,
        .answered_early = ex->head_sent && !ex->dispatched,
    };
    handler->on_done(handler->user, ex, &summary);
}

static void finish_exchange(cm_connection *conn, bool left) {
    cm_exchange *ex = conn->exchange;
    conn->exchange = NULL;
    ex->connection = NULL;
    pthread_mutex_lock(&ex->lock);
    ex->gone = true;
    pthread_mutex_unlock(&ex->lock);
    summarise(conn, ex, left);
    release(ex);
    cm_exchange_drop(ex);
}

/* --- closing --- */

static void on_closed(uv_handle_t *handle) {
    cm_connection *conn = handle->data;
    cm_http_server *server = server_of(conn);
    if (--conn->open_handles == 0) {
        cm_free(conn);
    }
    cm_server_handle_closed(server);
}

void cm_connection_cut(cm_connection *conn, enum cm_cancel_reason reason) {
    if (conn->state == CM_CLOSED) {
        return;
    }
    enter(conn, CM_CLOSED);
    if (conn->exchange) {
        cm_cancel_fire(conn->exchange->cancel, reason);
        finish_exchange(conn, true);
    }
    cm_shard_remove(conn->shard, conn);
    cm_tls_session_free(conn->tls);
    conn->tls = NULL;
    cm_buf_done(&conn->pending);
    conn->input = CM_STR_EMPTY;
    uv_close(&conn->uv.handle, on_closed);
    uv_close((uv_handle_t *)&conn->timer, on_closed);
}

void cm_connection_close_idle(cm_connection *conn) {
    if (conn->state == CM_IDLE || conn->state == CM_HANDSHAKE) {
        cm_connection_cut(conn, CM_CANCEL_SHUTDOWN);
    }
}

static void on_shut(uv_shutdown_t *request, int status) {
    (void)status; /* the client may be gone already; the linger time ends it in any case */
    cm_free(request);
}

/* Half-closes and reads on for a while: closing a socket with unread input makes the system send a
 * reset, which can overtake the reply (RFC 9112 9.6). */
static void start_linger(cm_connection *conn) {
    if (conn->ended) {
        cm_connection_cut(conn, CM_CANCEL_USER);
        return;
    }
    if (conn->tls) {
        cm_tls_session_end(conn->tls);
        cm_connection_flush_tls(conn);
    }
    if (conn->state == CM_CLOSED) {
        return;
    }
    enter(conn, CM_LINGER);
    conn->input = CM_STR_EMPTY;
    uv_shutdown_t *request = CM_NEW(uv_shutdown_t);
    if (uv_shutdown(request, &conn->uv.stream, on_shut)) {
        cm_free(request);
        cm_connection_cut(conn, CM_CANCEL_USER);
    }
}

/* --- faults --- */

/* Answers for the handler; the connection ends, because nobody knows where the next request begins. */
static void fault(cm_connection *conn, const cm_err *err) {
    cm_http_server *server = server_of(conn);
    cm_exchange *ex = conn->exchange;
    atomic_fetch_add_explicit(&server->faults, 1, memory_order_relaxed);
    conn->close_after = true;
    enter(conn, CM_HANDLING);
    if (!cm_exchange_answered(ex) && server->handler.on_fault) {
        server->handler.on_fault(server->handler.user, ex, err);
    }
    if (!cm_exchange_answered(ex)) {
        cm_exchange_reply_problem(ex, err);
    }
    release(ex);
}

/* For those outside the pump: the answer must wait for the pump that follows, or the exchange would be
 * finished, and freed, while its fault is still being handled. */
static void fault_before_pump(cm_connection *conn, const cm_err *err) {
    conn->pumping = true;
    fault(conn, err);
    conn->pumping = false;
}

/* --- reading requests --- */

static void start_request(cm_connection *conn) {
    atomic_fetch_add_explicit(&server_of(conn)->requests, 1, memory_order_relaxed);
    conn->exchange = cm_exchange_new(conn);
    enter(conn, CM_HEAD);
}

/* The handler answered without wanting the body: how much of it is worth reading over? */
static size_t skip_limit(cm_connection *conn, size_t announced) {
    const cm_request *request = &conn->exchange->request;
    if (announced == 0 || (announced <= CM_SKIP_BYTES && !request->expect_continue)) {
        return announced;
    }
    conn->close_after = true;
    return 0;
}

static void take_head(cm_connection *conn) {
    cm_http_server *server = server_of(conn);
    cm_exchange *ex = conn->exchange;
    enter(conn, CM_BODY);
    ex->head_done = true;
    size_t limit = server->handler.on_head(server->handler.user, ex);
    size_t announced = cm_request_announced(&ex->request);
    if (cm_exchange_answered(ex)) {
        limit = skip_limit(conn, announced);
        if (conn->close_after) {
            enter(conn, CM_HANDLING);
            release(ex);
            return;
        }
    }
    cm_err err;
    cm_rc rc = cm_request_limit_body(&ex->request, limit, &err);
    if (rc == CM_OK && announced != SIZE_MAX && limit > 0) {
        rc = cm_body_budget_take(ex->budget, &ex->body_taken, announced, &err);
    }
    if (rc != CM_OK) {
        fault(conn, &err);
        return;
    }
    if (ex->request.expect_continue && announced && conn->input.len == 0) {
        cm_connection_send_text(conn, CM_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static void dispatch(cm_connection *conn) {
    cm_http_server *server = server_of(conn);
    cm_exchange *ex = conn->exchange;
    ex->received_ns = cm_clock_ns();
    enter(conn, CM_HANDLING);
    if (!cm_exchange_answered(ex)) {
        ex->dispatched = true;
        server->handler.on_request(server->handler.user, ex);
    }
    release(ex);
}

/* Empty lines before a request line are read over (RFC 9112 2.2), without starting its clock. */
static void skip_empty_lines(cm_connection *conn) {
    cm_str *input = &conn->input;
    while (input->len && (input->ptr[0] == '\r' || input->ptr[0] == '\n')) {
        *input = cm_str_from_offset(*input, 1);
    }
}

/* A body of unknown length takes its share of the budget in steps. */
static bool take_share(cm_exchange *ex, cm_err *err) {
    size_t len = ex->request.body.len;
    if (len <= ex->body_taken) {
        return true;
    }
    size_t step = len <= CM_BODY_SMALL ? CM_BODY_SMALL : CM_BODY_STEP;
    size_t wanted = CM_MIN((len + step - 1) / step * step, CM_MAX(ex->request.body_max, len));
    return cm_body_budget_take(ex->budget, &ex->body_taken, wanted, err) == CM_OK;
}

/* Uses input; false when it needs more. */
static bool consume(cm_connection *conn) {
    if (conn->state == CM_IDLE) {
        skip_empty_lines(conn);
        if (conn->input.len == 0) {
            return false;
        }
        start_request(conn);
    }
    size_t used;
    cm_err err;
    enum cm_request_event event =
        cm_request_feed(&conn->exchange->request, conn->input, &used, &err);
    conn->input = cm_str_from_offset(conn->input, used);
    if (event != CM_REQUEST_FAULT && !take_share(conn->exchange, &err)) {
        event = CM_REQUEST_FAULT;
    }
    switch (event) {
    case CM_REQUEST_MORE: return false;
    case CM_REQUEST_HEAD: take_head(conn); break;
    case CM_REQUEST_DONE: dispatch(conn); break;
    case CM_REQUEST_FAULT: fault(conn, &err); break;
    }
    return true;
}

/* --- steps --- */

static void finish_answer(cm_connection *conn) {
    bool draining = atomic_load_explicit(&server_of(conn)->draining, memory_order_relaxed);
    finish_exchange(conn, false);
    if (conn->close_after || draining) {
        start_linger(conn);
    } else {
        enter(conn, CM_IDLE);
    }
}

/* One piece of progress; false when there is nothing to do but wait. */
static bool step(cm_connection *conn) {
    if (conn->state == CM_CLOSED || conn->state == CM_HANDSHAKE || conn->state == CM_LINGER) {
        return false;
    }
    if (conn->exchange) {
        enum cm_sent sent = cm_connection_send_answer(conn);
        if (sent == CM_SENT_SOME || conn->state == CM_CLOSED) {
            return true;
        }
        if (sent == CM_SENT_ALL && conn->in_flight == 0 && conn->state == CM_HANDLING) {
            finish_answer(conn);
            return true;
        }
    }
    return conn->state <= CM_BODY && consume(conn);
}

static void pump(cm_connection *conn, cm_str bytes);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
    (void)suggested;
    const cm_connection *conn = handle->data;
    *ret_buf = uv_buf_init(conn->shard->read_buffer, CM_READ_BYTES);
}

static void take_end(cm_connection *conn);
static void take_cipher(cm_connection *conn, cm_str cipher);

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
    cm_connection *conn = stream->data;
    if (len == UV_EOF) {
        take_end(conn);
    } else if (len < 0) {
        cm_connection_cut(conn, CM_CANCEL_USER);
    } else if (len > 0 && conn->tls) {
        take_cipher(conn, cm_str_make(buf->base, (size_t)len));
    } else if (len > 0) {
        pump(conn, cm_str_make(buf->base, (size_t)len));
    }
}

static void on_timer(uv_timer_t *timer);

/* Brings reading and the timer in line with the state. */
static void settle(cm_connection *conn) {
    if (conn->state == CM_CLOSED) {
        return;
    }
    bool read = !conn->ended && conn->pending.len < CM_PIPELINE_BYTES;
    if (read && !conn->reading) {
        read = uv_read_start(&conn->uv.stream, on_alloc, on_read) == 0;
    } else if (!read && conn->reading) {
        uv_read_stop(&conn->uv.stream);
    }
    conn->reading = read;
    uint64_t due = cm_connection_due(conn);
    if (due && (!conn->armed || due < conn->armed)) {
        uint64_t now = now_ms(conn);
        uv_timer_start(&conn->timer, on_timer, due > now ? due - now : 0, 0);
        conn->armed = due;
    }
}

static void pump(cm_connection *conn, cm_str bytes) {
    if (conn->pumping || conn->state == CM_CLOSED) {
        return; /* the pump that runs will see what has changed */
    }
    conn->pumping = true;
    bool queued = conn->pending.len > 0;
    if (queued) {
        cm_buf_add_str(&conn->pending, bytes);
    }
    conn->input = queued ? cm_buf_str(&conn->pending) : bytes;
    while (step(conn)) {
    }
    conn->pumping = false;
    if (conn->state == CM_CLOSED || conn->state == CM_LINGER) {
        cm_buf_done(&conn->pending);
    } else if (queued) {
        cm_buf_drop(&conn->pending, conn->pending.len - conn->input.len);
    } else {
        cm_buf_init(&conn->pending, CM_PIPELINE_BYTES + CM_READ_BYTES);
        cm_buf_add_str(&conn->pending, conn->input);
    }
    if (conn->pending.failed) {
        cm_connection_cut(conn, CM_CANCEL_USER);
    } else if (conn->pending.len == 0) {
        cm_buf_done(&conn->pending); /* an idle connection keeps no buffer */
    }
    conn->input = CM_STR_EMPTY;
    settle(conn);
}

void cm_connection_wake(cm_connection *conn) {
    pump(conn, CM_STR_EMPTY);
}

/* The client has closed, or half-closed; see http.h. */
static void take_end(cm_connection *conn) {
    conn->ended = true;
    conn->close_after = true;
    cm_exchange *ex = conn->exchange;
    if (conn->state != CM_HANDLING || !ex || cm_exchange_streams(ex)) {
        cm_connection_cut(conn, CM_CANCEL_USER);
        return;
    }
    cm_cancel_fire(ex->cancel, CM_CANCEL_USER);
    settle(conn);
}

static void take_cipher(cm_connection *conn, cm_str cipher) {
    if (cm_tls_session_feed(conn->tls, cipher, NULL)) {
        cm_connection_cut(conn, CM_CANCEL_USER);
        return;
    }
    while (conn->tls) {
        size_t len = 0;
        cm_rc rc =
            cm_tls_session_read(conn->tls, conn->shard->plain_buffer, CM_READ_BYTES, &len, NULL);
        cm_connection_flush_tls(conn); /* handshake messages, alerts */
        if (conn->state == CM_CLOSED) {
            return;
        }
        if (rc == CM_END) {
            take_end(conn);
            return;
        }
        if (rc) {
            cm_connection_cut(conn, CM_CANCEL_USER);
            return;
        }
        if (conn->state == CM_HANDSHAKE && cm_tls_session_ready(conn->tls)) {
            enter(conn, CM_IDLE);
        }
        if (len == 0) {
            break;
        }
        pump(conn, cm_str_make(conn->shard->plain_buffer, len));
    }
    settle(conn);
}

/* --- time --- */

static uint64_t state_due(const cm_connection *conn) {
    const cm_http_config *config = &server_of(conn)->config;
    switch ((enum cm_state)conn->state) {
    case CM_HANDSHAKE: return conn->since + config->handshake_ms;
    case CM_IDLE: return conn->since + config->idle_ms;
    case CM_HEAD: return conn->since + config->head_ms;
    case CM_BODY: return conn->since + conn->exchange->body_ms;
    case CM_LINGER: return conn->since + config->linger_ms;
    case CM_HANDLING:
    case CM_CLOSED: break;
    }
    return 0;
}

/* The state has lasted too long. */
static void expire(cm_connection *conn) {
    cm_exchange *ex = conn->exchange;
    if ((conn->state == CM_HEAD || conn->state == CM_BODY) && !cm_exchange_answered(ex)) {
        cm_err err;
        cm_fail(&err, CM_REQUEST_TIMEOUT, "the %s of the request did not arrive in time",
                conn->state == CM_HEAD ? "head" : "body");
        fault_before_pump(conn, &err);
    } else {
        cm_connection_cut(conn, CM_CANCEL_USER);
    }
}

uint64_t cm_connection_due(const cm_connection *conn) {
    uint64_t due = state_due(conn);
    uint64_t sending = cm_connection_sending_due(conn);
    return !due || (sending && sending < due) ? sending : due;
}

static void on_timer(uv_timer_t *timer) {
    cm_connection *conn = timer->data;
    conn->armed = 0;
    uint64_t due = state_due(conn);
    uint64_t now = now_ms(conn);
    if (cm_connection_is_stalled(conn)) {
        cm_connection_cut(conn, CM_CANCEL_USER);
    } else if (due && now >= due) {
        expire(conn);
    }
    pump(conn, CM_STR_EMPTY);
}

/* --- accepting --- */

static void name_peer(cm_connection *conn) {
    struct sockaddr_storage peer = {0};
    int len = sizeof(peer);
    if (conn->local) {
        memcpy(conn->remote_address, "unix", sizeof("unix"));
    } else if (uv_tcp_getpeername(&conn->uv.tcp, (struct sockaddr *)&peer, &len) == 0) {
        bool six = peer.ss_family == AF_INET6;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer;
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)&peer;
        conn->remote_port = ntohs(six ? in6->sin6_port : in4->sin_port);
        uv_inet_ntop(peer.ss_family, six ? (const void *)&in6->sin6_addr : &in4->sin_addr,
                     conn->remote_address, sizeof(conn->remote_address));
    }
}

static cm_connection *open_connection(cm_listener *listener) {
    cm_connection *conn = CM_NEW(cm_connection);
    uv_loop_t *loop = cm_loop_uv(listener->shard->loop);
    conn->shard = listener->shard;
    conn->local = listener->local;
    if (conn->local) {
        uv_pipe_init(loop, &conn->uv.pipe, 0);
    } else {
        uv_tcp_init(loop, &conn->uv.tcp);
    }
    uv_timer_init(loop, &conn->timer);
    conn->uv.handle.data = conn;
    conn->timer.data = conn;
    conn->open_handles = 2;
    cm_server_handle_opened(server_of(conn));
    cm_server_handle_opened(server_of(conn));
    cm_shard_add(conn->shard, conn);
    enter(conn, CM_IDLE);
    return conn;
}

/* One connection too many: it is told so, and the next one is served again. */
static void refuse(cm_connection *conn) {
    atomic_fetch_add_explicit(&server_of(conn)->refused, 1, memory_order_relaxed);
    start_request(conn);
    cm_err err;
    cm_fail(&err, CM_OVERLOADED, "too many connections; try again later");
    fault_before_pump(conn, &err);
}

void cm_connection_accept(cm_listener *listener) {
    cm_http_server *server = listener->shard->server;
    cm_connection *conn = open_connection(listener);
    if (uv_accept(&listener->uv.stream, &conn->uv.stream)) {
        cm_connection_cut(conn, CM_CANCEL_USER);
        return;
    }
    if (!conn->local) {
        uv_tcp_nodelay(&conn->uv.tcp, 1);
        uv_tcp_keepalive(&conn->uv.tcp, 1, 60);
    }
    name_peer(conn);
    uint64_t open = atomic_load_explicit(&server->connections, memory_order_relaxed);
    bool full = open > server->config.connections_max;
    bool flooded = open > server->config.connections_max + CM_REFUSALS_MAX;
    if (full && (flooded || listener->tls)) { /* not worth a handshake */
        atomic_fetch_add_explicit(&server->refused, 1, memory_order_relaxed);
        cm_connection_cut(conn, CM_CANCEL_USER);
        return;
    }
    if (listener->tls) {
        conn->tls = cm_tls_session_new(listener->tls);
        if (!conn->tls) {
            cm_connection_cut(conn, CM_CANCEL_USER);
            return;
        }
        enter(conn, CM_HANDSHAKE);
    }
    if (full) {
        refuse(conn);
    }
    pump(conn, CM_STR_EMPTY);
}
