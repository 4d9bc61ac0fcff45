/* server.c - the server as a whole: its shards, draining, and the end.
 *
 * Every loop has one shard with its own listeners, connections and read buffer; shards share counters
 * only. Calls from other threads are posted to the shards.
 *
 * The end: nothing may outlive its loop, so cm_http_server_free cuts everything and waits until libuv
 * has closed the last handle. */
#include "base/limits.h"
#include "base/mem.h"
#include "net/connection_priv.h"
#include "net/listen_priv.h"

#include <unistd.h>

/* --- counting what must be closed before the end --- */

void cm_server_handle_opened(cm_http_server *server) {
    pthread_mutex_lock(&server->lock);
    server->open_handles++;
    pthread_mutex_unlock(&server->lock);
}

void cm_server_handle_closed(cm_http_server *server) {
    pthread_mutex_lock(&server->lock);
    if (--server->open_handles == 0) {
        pthread_cond_broadcast(&server->closed);
    }
    pthread_mutex_unlock(&server->lock);
}

/* --- draining --- */

static void tell_drained(cm_http_server *server) {
    pthread_mutex_lock(&server->lock);
    void (*done)(void *user) = server->drain_done;
    void *user = server->drain_user;
    server->drain_done = NULL;
    pthread_mutex_unlock(&server->lock);
    if (done) {
        done(user);
    }
}

static void check_drained(cm_shard *shard) {
    if (!shard->draining || shard->drained || shard->connections) {
        return;
    }
    shard->drained = true;
    cm_timer_free(shard->drain_timer);
    shard->drain_timer = NULL;
    if (atomic_fetch_sub(&shard->server->drain_left, 1) == 1) {
        tell_drained(shard->server);
    }
}

void cm_shard_add(cm_shard *shard, cm_connection *conn) {
    atomic_fetch_add_explicit(&shard->server->accepted, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&shard->server->connections, 1, memory_order_relaxed);
    conn->next = shard->connections;
    if (conn->next) {
        conn->next->previous = conn;
    }
    shard->connections = conn;
}

void cm_shard_remove(cm_shard *shard, cm_connection *conn) {
    atomic_fetch_sub_explicit(&shard->server->connections, 1, memory_order_relaxed);
    if (conn->previous) {
        conn->previous->next = conn->next;
    } else {
        shard->connections = conn->next;
    }
    if (conn->next) {
        conn->next->previous = conn->previous;
    }
    check_drained(shard);
}

static void close_listeners(cm_shard *shard) {
    while (shard->listeners) {
        cm_listener *listener = shard->listeners;
        shard->listeners = listener->next;
        cm_listener_close(listener);
    }
}

static void cut_all(cm_shard *shard) {
    while (shard->connections) {
        cm_connection_cut(shard->connections, CM_CANCEL_SHUTDOWN);
    }
}

static void on_drain_deadline(cm_loop *loop, void *argument) {
    (void)loop;
    cut_all(argument);
}

typedef struct cm_drain {
    cm_shard *shard;
    uint32_t deadline_ms;
} cm_drain;

static void drain_shard(cm_loop *loop, void *argument) {
    cm_drain *drain = argument;
    cm_shard *shard = drain->shard;
    shard->draining = true;
    close_listeners(shard);
    cm_connection *next;
    for (cm_connection *conn = shard->connections; conn; conn = next) {
        next = conn->next;
        cm_connection_close_idle(conn);
    }
    check_drained(shard);
    if (!shard->drained) {
        if (!shard->drain_timer) {
            shard->drain_timer = cm_timer_new(loop, on_drain_deadline, shard);
        }
        cm_timer_start(shard->drain_timer, drain->deadline_ms, 0);
    }
    cm_free(drain);
}

void cm_http_server_drain(cm_http_server *server, uint32_t deadline_ms, void (*done)(void *user),
                          void *user) {
    bool again = atomic_exchange(&server->draining, true);
    if (!again) {
        pthread_mutex_lock(&server->lock);
        server->drain_done = done;
        server->drain_user = user;
        pthread_mutex_unlock(&server->lock);
    }
    for (unsigned i = 0; i < server->shard_count; i++) {
        cm_drain *drain = CM_NEW(cm_drain);
        *drain = (cm_drain){.shard = &server->shards[i], .deadline_ms = deadline_ms};
        if (!cm_loop_post(server->shards[i].loop, drain_shard, drain)) {
            cm_free(drain);
        }
    }
}

/* --- life --- */

static void set_default(uint32_t *value, uint32_t fallback) {
    *value = *value ? *value : fallback;
}

static void set_defaults(cm_http_config *config) {
    set_default(&config->connections_max, 8192);
    set_default(&config->header_count_max, 128);
    set_default(&config->handshake_ms, 10 * 1000);
    set_default(&config->head_ms, 10 * 1000);
    set_default(&config->body_ms, 30 * 1000);
    set_default(&config->idle_ms, 75 * 1000);
    set_default(&config->stall_ms, 30 * 1000);
    set_default(&config->linger_ms, 2 * 1000);
    set_default(&config->sse_join_ms, 8);
    set_default(&config->sse_beat_ms, 15 * 1000);
    config->header_bytes_max =
        config->header_bytes_max ? config->header_bytes_max : CM_HEADER_BYTES_MAX;
    config->url_bytes_max = config->url_bytes_max ? config->url_bytes_max : CM_URL_BYTES_MAX;
    config->body_budget = config->body_budget ? config->body_budget : CM_MIB(512);
    config->behind_max = config->behind_max ? config->behind_max : CM_SSE_BEHIND_MAX;
}

cm_rc cm_http_server_new(cm_loops *loops, const cm_http_config *config,
                         const cm_http_handler *handler, cm_http_server **ret_server, cm_err *err) {
    if (!handler->on_head || !handler->on_request) {
        return cm_fail(err, CM_INVALID, "a server needs on_head and on_request");
    }
    cm_http_server *server = CM_NEW(cm_http_server);
    server->loops = loops;
    server->config = config ? *config : (cm_http_config){0};
    set_defaults(&server->config);
    server->handler = *handler;
    server->limits = (cm_request_limits){.header_bytes = server->config.header_bytes_max,
                                         .url_bytes = server->config.url_bytes_max,
                                         .header_count = server->config.header_count_max};
    server->budget = cm_body_budget_new(server->config.body_budget, server->config.body_series);
    server->shard_count = cm_loops_count(loops);
    server->shards = cm_alloc(server->shard_count * sizeof(*server->shards));
    atomic_init(&server->drain_left, server->shard_count);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->closed, NULL);
    for (unsigned i = 0; i < server->shard_count; i++) {
        cm_shard *shard = &server->shards[i];
        shard->server = server;
        shard->loop = cm_loops_get(loops, i);
        shard->read_buffer = cm_alloc(CM_READ_BYTES);
        shard->plain_buffer = cm_alloc(CM_READ_BYTES);
    }
    *ret_server = server;
    return CM_OK;
}

static void cut_shard(cm_loop *loop, void *argument) {
    (void)loop;
    cm_shard *shard = argument;
    close_listeners(shard);
    cut_all(shard);
    cm_timer_free(shard->drain_timer);
    shard->drain_timer = NULL;
}

void cm_http_server_free(cm_http_server *server) {
    if (!server) {
        return;
    }
    for (unsigned i = 0; i < server->shard_count; i++) {
        cm_loop_call(server->shards[i].loop, cut_shard, &server->shards[i]);
    }
    pthread_mutex_lock(&server->lock);
    while (server->open_handles) {
        pthread_cond_wait(&server->closed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 0; i < server->shard_count; i++) {
        cm_free(server->shards[i].read_buffer);
        cm_free(server->shards[i].plain_buffer);
    }
    pthread_cond_destroy(&server->closed);
    pthread_mutex_destroy(&server->lock);
    cm_body_budget_unref(server->budget);
    cm_free(server->shards);
    cm_free(server);
}

void cm_http_server_stats(const cm_http_server *server, cm_http_stats *ret_stats) {
    ret_stats->connections = atomic_load_explicit(&server->connections, memory_order_relaxed);
    ret_stats->accepted = atomic_load_explicit(&server->accepted, memory_order_relaxed);
    ret_stats->refused = atomic_load_explicit(&server->refused, memory_order_relaxed);
    ret_stats->requests = atomic_load_explicit(&server->requests, memory_order_relaxed);
    ret_stats->body_bytes = cm_body_budget_used(server->budget);
    ret_stats->faults = atomic_load_explicit(&server->faults, memory_order_relaxed);
}

/* --- listening --- */

typedef struct cm_listen_call {
    cm_shard *shard;
    int fd;
    cm_tls *tls;
    const char *unix_path;
    int rc;
} cm_listen_call;

static void open_listener(cm_loop *loop, void *argument) {
    (void)loop;
    cm_listen_call *call = argument;
    if (call->shard->draining) {
        close(call->fd);
        call->rc = UV_ECANCELED;
        return;
    }
    call->rc = cm_listener_open(call->shard, call->fd, call->tls, call->unix_path);
}

static cm_rc open_on(cm_shard *shard, const char *address, int fd, cm_tls *tls,
                     const char *unix_path, cm_err *err) {
    cm_listen_call call = {.shard = shard, .fd = fd, .tls = tls, .unix_path = unix_path};
    cm_loop_call(shard->loop, open_listener, &call);
    if (call.rc) {
        return cm_fail_errno(err, -call.rc, "cannot listen on '%s'", address);
    }
    return CM_OK;
}

static cm_rc listen_unix(cm_http_server *server, const char *address, const char *path, cm_tls *tls,
                         cm_buf *ret_bound, cm_err *err) {
    int fd = -1;
    cm_rc rc = cm_listen_unix(address, path, &fd, err);
    rc = rc ? rc : open_on(&server->shards[0], address, fd, tls, path, err);
    if (!rc && ret_bound) {
        cm_buf_add_c(ret_bound, address);
    }
    return rc;
}

cm_rc cm_http_server_listen(cm_http_server *server, const char *address, cm_tls *tls,
                            cm_buf *ret_bound, cm_err *err) {
    const char *path;
    if (cm_listen_is_unix(address, &path)) {
        return listen_unix(server, address, path, tls, ret_bound, err);
    }
    unsigned loops = server->shard_count;
    unsigned addresses = 0;
    int *fds = cm_alloc((size_t)loops * CM_LISTEN_ADDRESSES_MAX * sizeof(*fds));
    cm_rc rc = cm_listen_tcp(address, loops, fds, &addresses, ret_bound, err);
    unsigned count = rc ? 0 : addresses * loops;
    for (unsigned i = 0; i < count; i++) {
        if (rc) {
            close(fds[i]);
        } else {
            rc = open_on(&server->shards[i % loops], address, fds[i], tls, NULL, err);
        }
    }
    cm_free(fds);
    return rc;
}
