/* sending.c - the write side of a connection: answers, streams, TLS records.
 *
 * A write is first tried at once; only what the socket does not take is queued, with its memory. A
 * stream is sent again only after the system has taken the last piece, so a slow client's backlog
 * gathers in the exchange, where it is measured against behind_max.
 *
 * Events (sse.h) of one 8 ms window leave together: the first after a pause goes at once, the next wait
 * for the window's end. */
#include "base/clock.h"
#include "base/mem.h"
#include "net/connection_priv.h"

enum { CM_PARTS = 2 };

/* A queued write and the memory it needs. */
typedef struct cm_out {
    uv_write_t uv;
    cm_connection *connection;
    char *parts[CM_PARTS];
    size_t len; /* bytes the socket had not taken */
} cm_out;

static void free_parts(char *const parts[CM_PARTS]) {
    for (size_t i = 0; i < CM_PARTS; i++) {
        cm_free(parts[i]);
    }
}

/* The system holds `change` bytes more of the stream at work. */
static void count_in_flight(cm_connection *conn, size_t more, size_t less) {
    conn->in_flight = conn->in_flight + more - less;
    cm_exchange *ex = conn->exchange;
    if (ex) {
        pthread_mutex_lock(&ex->lock);
        ex->in_flight = conn->in_flight;
        pthread_mutex_unlock(&ex->lock);
    }
}

static void on_written(uv_write_t *request, int status) {
    cm_out *out = request->data;
    cm_connection *conn = out->connection;
    size_t len = out->len;
    free_parts(out->parts);
    cm_free(out);
    count_in_flight(conn, 0, len);
    conn->moved = uv_now(conn->uv.handle.loop);
    if (status < 0) {
        cm_connection_cut(conn, CM_CANCEL_USER);
    } else {
        cm_connection_wake(conn);
    }
}

/* Takes `parts` over. */
static void write_parts(cm_connection *conn, char *const parts[CM_PARTS],
                        const size_t lens[CM_PARTS]) {
    uv_buf_t bufs[CM_PARTS];
    unsigned count = 0;
    size_t total = 0;
    for (size_t i = 0; i < CM_PARTS; i++) {
        if (lens[i]) {
            bufs[count++] = (uv_buf_t){.base = parts[i], .len = lens[i]};
            total += lens[i];
        }
    }
    int taken = 0;
    if (total && conn->in_flight == 0) {
        taken = uv_try_write(&conn->uv.stream, bufs, count);
        taken = taken == UV_EAGAIN ? 0 : taken;
    }
    if (taken < 0 || (size_t)taken == total) {
        free_parts(parts);
        if (taken < 0) {
            cm_connection_cut(conn, CM_CANCEL_USER);
        }
        return;
    }
    unsigned first = 0;
    for (size_t skip = (size_t)taken; skip; first += skip > 0) {
        size_t part = CM_MIN(skip, bufs[first].len);
        bufs[first].base += part;
        bufs[first].len -= part;
        skip -= part;
    }
    cm_out *out = CM_NEW(cm_out);
    out->connection = conn;
    out->uv.data = out;
    out->len = total - (size_t)taken;
    memcpy(out->parts, parts, sizeof(out->parts));
    if (conn->in_flight == 0) {
        conn->moved = uv_now(conn->uv.handle.loop);
    }
    count_in_flight(conn, out->len, 0);
    if (uv_write(&out->uv, &conn->uv.stream, bufs + first, count - first, on_written)) {
        count_in_flight(conn, 0, out->len);
        free_parts(out->parts);
        cm_free(out);
        cm_connection_cut(conn, CM_CANCEL_USER);
    }
}

void cm_connection_flush_tls(cm_connection *conn) {
    cm_buf cipher;
    cm_buf_init(&cipher, SIZE_MAX / 2);
    cm_tls_session_take(conn->tls, &cipher);
    if (cipher.failed) {
        cm_buf_done(&cipher);
        cm_connection_cut(conn, CM_CANCEL_USER);
    } else if (cipher.len) {
        size_t lens[CM_PARTS] = {cipher.len};
        char *parts[CM_PARTS] = {cipher.ptr};
        write_parts(conn, parts, lens);
    }
}

/* Takes `parts` over; encrypts them first where that is due. */
static void send_parts(cm_connection *conn, char *const parts[CM_PARTS],
                       const size_t lens[CM_PARTS]) {
    if (!conn->tls) {
        write_parts(conn, parts, lens);
        return;
    }
    cm_rc rc = CM_OK;
    for (size_t i = 0; i < CM_PARTS && !rc; i++) {
        rc =
            lens[i] ? cm_tls_session_write(conn->tls, cm_str_make(parts[i], lens[i]), NULL) : CM_OK;
    }
    free_parts(parts);
    if (rc) {
        cm_connection_cut(conn, CM_CANCEL_USER);
    } else {
        cm_connection_flush_tls(conn);
    }
}

void cm_connection_send_text(cm_connection *conn, cm_str text) {
    size_t lens[CM_PARTS] = {text.len};
    char *parts[CM_PARTS] = {cm_strndup(text.ptr, text.len)};
    send_parts(conn, parts, lens);
}

/* --- answers --- */

bool cm_exchange_streams(cm_exchange *ex) {
    pthread_mutex_lock(&ex->lock);
    bool streams = ex->answer == CM_ANSWER_STREAM;
    pthread_mutex_unlock(&ex->lock);
    return streams;
}

/* Under the exchange's lock: only now is it known whether the connection goes on. */
static void complete_head(cm_connection *conn, cm_exchange *ex) {
    const cm_http_head *head = &ex->request.head;
    bool until_close = ex->answer == CM_ANSWER_STREAM && !ex->chunked && !ex->bodyless;
    bool draining = atomic_load_explicit(&conn->shard->server->draining, memory_order_relaxed);
    conn->close_after =
        conn->close_after || until_close || draining || !ex->head_done || !head->keep_alive;
    if (conn->close_after) {
        cm_buf_add_c(&ex->head, "Connection: close\r\n");
    } else if (head->minor == 0) {
        cm_buf_add_c(&ex->head, "Connection: keep-alive\r\n");
    }
    cm_buf_add_c(&ex->head, "\r\n");
}

/* Under the lock: has the 8 ms window of the last events passed? */
static bool window_is_over(const cm_connection *conn, const cm_exchange *ex) {
    uint64_t window = conn->shard->server->config.sse_join_ms;
    return !ex->events || ex->ended || uv_now(conn->uv.handle.loop) >= conn->sent_at + window;
}

/* Under the lock: `: hb` after long silence, through the same framing as any event. */
static void add_heartbeat(const cm_connection *conn, cm_exchange *ex) {
    uint64_t beat = conn->shard->server->config.sse_beat_ms;
    if (ex->events && !ex->ended && ex->head_sent && ex->out.len == 0 && conn->in_flight == 0 &&
        uv_now(conn->uv.handle.loop) >= conn->sent_at + beat) {
        cm_exchange_add_chunk(ex, CM_STR(": hb\n\n"));
    }
}

/* Under the lock: moves what can be sent now into `parts`. */
static bool take_parts(cm_connection *conn, cm_exchange *ex, char *parts[CM_PARTS],
                       size_t lens[CM_PARTS]) {
    bool first = !ex->head_sent;
    if (first) {
        complete_head(conn, ex);
        ex->head_sent = true;
        parts[0] = cm_buf_take(&ex->head, &lens[0]);
        if (ex->answer == CM_ANSWER_REPLY) {
            parts[1] = ex->body;
            lens[1] = ex->body_len;
            ex->body = NULL;
        }
    }
    if (ex->answer == CM_ANSWER_STREAM) {
        if (!first) { /* the head itself ends the silence */
            add_heartbeat(conn, ex);
        }
        if (ex->out.len && (first || (conn->in_flight == 0 && window_is_over(conn, ex)))) {
            parts[1] = cm_buf_take(&ex->out, &lens[1]);
        }
    }
    return lens[0] + lens[1] > 0;
}

enum cm_sent cm_connection_send_answer(cm_connection *conn) {
    cm_exchange *ex = conn->exchange;
    char *parts[CM_PARTS] = {NULL};
    size_t lens[CM_PARTS] = {0};
    pthread_mutex_lock(&ex->lock);
    bool answered = ex->answer != CM_ANSWER_NONE;
    bool dropped = ex->gone || ex->head.failed;
    bool some = answered && !dropped && take_parts(conn, ex, parts, lens);
    bool all = answered && ex->head_sent &&
               (ex->answer == CM_ANSWER_REPLY || (ex->ended && ex->out.len == 0));
    pthread_mutex_unlock(&ex->lock);
    if (dropped) { /* a consumer too far behind */
        cm_connection_cut(conn, CM_CANCEL_USER);
        return CM_SENT_NONE;
    }
    if (some) {
        if (!ex->reply_ns) {
            ex->reply_ns = cm_clock_ns();
        }
        ex->bytes_out += lens[0] + lens[1];
        /* A head alone opens no window: the first event follows it at once. */
        uint64_t window = lens[1] ? 0 : conn->shard->server->config.sse_join_ms;
        conn->sent_at = uv_now(conn->uv.handle.loop) - window;
        send_parts(conn, parts, lens);
        return CM_SENT_SOME;
    }
    return all ? CM_SENT_ALL : CM_SENT_NONE;
}

/* --- time --- */

uint64_t cm_connection_sending_due(const cm_connection *conn) {
    const cm_http_config *config = &conn->shard->server->config;
    cm_exchange *ex = conn->exchange;
    if (conn->in_flight) {
        return conn->moved + config->stall_ms;
    }
    if (!ex || !ex->head_sent || !ex->events) {
        return 0;
    }
    pthread_mutex_lock(&ex->lock);
    bool waiting = ex->out.len > 0;
    pthread_mutex_unlock(&ex->lock);
    return conn->sent_at + (waiting ? config->sse_join_ms : config->sse_beat_ms);
}

bool cm_connection_is_stalled(cm_connection *conn) {
    if (!conn->in_flight) {
        return false;
    }
    /* A long reply is one queued write: its progress shows in the queue's size only. */
    size_t queue = uv_stream_get_write_queue_size(&conn->uv.stream);
    if (queue != conn->queue_seen) {
        conn->queue_seen = queue;
        conn->moved = uv_now(conn->uv.handle.loop);
        return false;
    }
    return uv_now(conn->uv.handle.loop) >= conn->moved + conn->shard->server->config.stall_ms;
}
