/* exchange.c - one request and its reply: the part that any thread may touch.
 *
 * A reply is written down here, on the thread that makes it, and the connection is told. The loop
 * adds `Connection` and the empty line when it sends, because only then it is known whether the
 * connection goes on. A stream's bytes collect in `out` while the socket is busy, so writes join by
 * themselves when the client is slow, and the loop is posted to once per batch.
 *
 * Thread: struct cm_exchange says which part belongs to whom. */
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/server_priv.h"

#include <time.h>

#define CM_REPLY_HEAD_MAX (64 * 1024)

/* --- life --- */

cm_exchange *cm_exchange_new(cm_connection *connection) {
    cm_exchange *ex = CM_NEW(cm_exchange);
    const cm_http_server *server = connection->shard->server;
    atomic_init(&ex->owners, 1);
    atomic_init(&ex->refs, 2); /* the connection, and all owners together */
    ex->lent = true;
    ex->shard = connection->shard;
    ex->loop = connection->shard->loop;
    ex->connection = connection;
    ex->cancel = cm_cancel_new(0);
    ex->body_ms = server->config.body_ms;
    ex->budget = cm_body_budget_ref(server->budget);
    ex->behind_max = server->config.behind_max;
    ex->first_ns = cm_clock_ns();
    pthread_mutex_init(&ex->lock, NULL);
    cm_buf_init(&ex->head, CM_REPLY_HEAD_MAX);
    cm_buf_init(&ex->out, SIZE_MAX / 2); /* behind_max is the bound, checked at each write */
    cm_request_init(&ex->request, &server->limits);
    memcpy(ex->remote_address, connection->remote_address, sizeof(ex->remote_address));
    ex->request.head.remote_address = cm_str_from(ex->remote_address);
    ex->request.head.remote_port = connection->remote_port;
    ex->request.head.local = connection->local;
    ex->request.head.tls = connection->tls != NULL;
    return ex;
}

void cm_exchange_hold(cm_exchange *ex) {
    atomic_fetch_add_explicit(&ex->refs, 1, memory_order_relaxed);
}

void cm_exchange_drop(cm_exchange *ex) {
    if (atomic_fetch_sub_explicit(&ex->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (ex->free_user) {
        ex->free_user(ex->user);
    }
    cm_request_done(&ex->request);
    cm_body_budget_give(ex->budget, &ex->body_taken);
    cm_body_budget_unref(ex->budget);
    cm_buf_done(&ex->head);
    cm_buf_done(&ex->out);
    cm_free(ex->body);
    cm_arena_free(ex->arena);
    cm_cancel_unref(ex->cancel);
    pthread_mutex_destroy(&ex->lock);
    cm_free(ex);
}

cm_exchange *cm_exchange_ref(cm_exchange *ex) {
    atomic_fetch_add_explicit(&ex->owners, 1, memory_order_relaxed);
    return ex;
}

void cm_exchange_unref(cm_exchange *ex) {
    if (!ex || atomic_fetch_sub_explicit(&ex->owners, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (!cm_exchange_answered(ex)) {
        cm_err err;
        cm_fail(&err, CM_INTERNAL, "the request was let go without an answer");
        cm_exchange_reply_problem(ex, &err);
    }
    cm_exchange_drop(ex);
}

/* --- the request --- */

const cm_http_head *cm_exchange_head(const cm_exchange *ex) {
    return &ex->request.head;
}

cm_str cm_exchange_body(const cm_exchange *ex) {
    return ex->dispatched ? cm_buf_str(&ex->request.body) : CM_STR_EMPTY;
}

cm_arena *cm_exchange_arena(cm_exchange *ex) {
    if (!ex->arena) {
        ex->arena = cm_arena_new(0);
    }
    return ex->arena;
}

cm_cancel *cm_exchange_cancel(const cm_exchange *ex) {
    return ex->cancel;
}

uint64_t cm_exchange_received_ns(const cm_exchange *ex) {
    return ex->received_ns;
}

cm_loop *cm_exchange_loop(const cm_exchange *ex) {
    return ex->loop;
}

void cm_exchange_set_body_ms(cm_exchange *ex, uint32_t body_ms) {
    ex->body_ms = body_ms;
}

void *cm_exchange_user(const cm_exchange *ex) {
    return ex->user;
}

void cm_exchange_set_user(cm_exchange *ex, void *user, void (*free_user)(void *user)) {
    ex->user = user;
    ex->free_user = free_user;
}

/* --- telling the loop --- */

static void run_wake(cm_loop *loop, void *argument) {
    (void)loop;
    cm_exchange *ex = argument;
    pthread_mutex_lock(&ex->lock);
    ex->woken = false;
    pthread_mutex_unlock(&ex->lock);
    if (ex->connection) {
        cm_connection_wake(ex->connection);
    }
    cm_exchange_drop(ex);
}

/* Under the lock: should the caller post once it has let go of the lock? */
static bool wants_wake(cm_exchange *ex) {
    bool post = !ex->woken && !ex->gone;
    ex->woken = ex->woken || post;
    return post;
}

static void wake(cm_exchange *ex) {
    cm_exchange_hold(ex);
    if (cm_loop_is_here(ex->loop)) {
        run_wake(ex->loop, ex);
    } else if (!cm_loop_post(ex->loop, run_wake, ex)) {
        cm_exchange_drop(ex);
    }
}

/* --- writing a reply's head --- */

/* RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", without locale. */
static void add_date(cm_buf *out) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = (time_t)(cm_clock_wall_ms() / 1000);
    struct tm tm;
    if (gmtime_r(&now, &tm)) {
        cm_buf_add_f(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                     days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
                     tm.tm_hour, tm.tm_min, tm.tm_sec);
    }
}

/* RFC 9110 15 and RFC 6585. Clients go by the number; any other status gets its class's word. */
static const char *reason_of(int status) {
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {423, "Locked"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {507, "Insufficient Storage"},
    };
    static const char *const classes[] = {"Success", "Redirection", "Client Error", "Server Error"};
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        if (rows[i].status == status) {
            return rows[i].text;
        }
    }
    return classes[status / 100 - 2];
}

static void add_clean(cm_buf *out, cm_str value) {
    size_t from = out->len;
    cm_buf_add_str(out, value);
    for (size_t i = from; i < out->len; i++) {
        unsigned char c = (unsigned char)out->ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            out->ptr[i] = ' ';
        }
    }
}

static bool status_has_body(int status) {
    return status >= 200 && status != 204 && status != 304;
}

/* Under the lock: claims the answer and writes the head; false when there is one already. */
static bool answer(cm_exchange *ex, enum cm_answer kind, int status, const cm_http_header *headers,
                   size_t count) {
    if (ex->answer != CM_ANSWER_NONE) {
        return false;
    }
    cm_assert(status >= 200 && status <= 599);
    ex->answer = kind;
    ex->status = status;
    ex->bodyless = !status_has_body(status) || cm_str_eq_c(ex->request.head.method, "HEAD");
    cm_buf_add_f(&ex->head, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    add_date(&ex->head);
    for (size_t i = 0; i < count; i++) {
        add_clean(&ex->head, headers[i].name);
        cm_buf_add_c(&ex->head, ": ");
        add_clean(&ex->head, headers[i].value);
        cm_buf_add_c(&ex->head, "\r\n");
    }
    return true;
}

bool cm_exchange_answered(cm_exchange *ex) {
    pthread_mutex_lock(&ex->lock);
    bool answered = ex->answer != CM_ANSWER_NONE;
    pthread_mutex_unlock(&ex->lock);
    return answered;
}

/* --- replies --- */

bool cm_exchange_reply_take(cm_exchange *ex, int status, const cm_http_header *headers,
                            size_t count, char *take_body, size_t len) {
    pthread_mutex_lock(&ex->lock);
    bool first = answer(ex, CM_ANSWER_REPLY, status, headers, count);
    bool post = false;
    if (first) {
        if (status_has_body(status)) {
            cm_buf_add_f(&ex->head, "Content-Length: %zu\r\n", len);
        }
        if (!ex->bodyless && len) {
            ex->body = take_body;
            ex->body_len = len;
            take_body = NULL;
        }
        post = wants_wake(ex);
    }
    pthread_mutex_unlock(&ex->lock);
    cm_free(take_body);
    if (post) {
        wake(ex);
    }
    return first;
}

bool cm_exchange_reply(cm_exchange *ex, int status, const cm_http_header *headers, size_t count,
                       cm_str body) {
    char *copy = NULL;
    if (body.len) {
        copy = cm_try_alloc(body.len);
        if (!copy) {
            cm_err err;
            cm_fail(&err, CM_NOMEM, "no memory for a reply of %zu bytes", body.len);
            cm_exchange_reply_problem(ex, &err);
            return true;
        }
        memcpy(copy, body.ptr, body.len);
    }
    return cm_exchange_reply_take(ex, status, headers, count, copy, body.len);
}

void cm_exchange_reply_problem(cm_exchange *ex, const cm_err *err) {
    const cm_err_info *info = cm_err_info_get(err->rc);
    cm_buf body;
    cm_buf_init(&body, CM_REPLY_HEAD_MAX);
    cm_buf_add_f(&body, "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d,\"detail\":",
                 info->slug, info->title, info->http_status);
    cm_json_quote(&body, cm_str_from(info->http_status < 500 ? err->text : info->meaning));
    cm_buf_add_f(&body, ",\"code\":\"%s\",\"retryable\":%s}", info->slug,
                 info->retryable ? "true" : "false");
    const cm_http_header headers[] = {
        {CM_STR("Content-Type"), CM_STR("application/problem+json")},
        {CM_STR("Cache-Control"), CM_STR("no-store")},
        {CM_STR("Retry-After"), CM_STR("1")},
    };
    size_t count = info->http_status == 503 ? 3 : 2;
    size_t len;
    char *bytes = cm_buf_take(&body, &len);
    cm_exchange_reply_take(ex, info->http_status, headers, count, bytes, len);
}

/* --- streams --- */

static bool stream_begin(cm_exchange *ex, int status, const cm_http_header *headers, size_t count,
                         bool events) {
    pthread_mutex_lock(&ex->lock);
    bool first = answer(ex, CM_ANSWER_STREAM, status, headers, count);
    bool post = false;
    if (first) {
        ex->events = events;
        ex->chunked = ex->request.head.minor == 1 && status_has_body(status);
        if (ex->chunked) {
            cm_buf_add_c(&ex->head, "Transfer-Encoding: chunked\r\n");
        }
        post = wants_wake(ex);
    }
    pthread_mutex_unlock(&ex->lock);
    if (post) {
        wake(ex);
    }
    return first;
}

bool cm_exchange_stream_begin(cm_exchange *ex, int status, const cm_http_header *headers,
                              size_t count) {
    return stream_begin(ex, status, headers, count, false);
}

bool cm_exchange_events_begin(cm_exchange *ex, const cm_http_header *headers, size_t count) {
    return stream_begin(ex, 200, headers, count, true);
}

/* Under the lock. */
void cm_exchange_add_chunk(cm_exchange *ex, cm_str bytes) {
    if (ex->bodyless || bytes.len == 0) {
        return; /* an empty chunk would end the body */
    }
    if (ex->chunked) {
        cm_buf_add_f(&ex->out, "%zx\r\n", bytes.len);
    }
    cm_buf_add_str(&ex->out, bytes);
    if (ex->chunked) {
        cm_buf_add_c(&ex->out, "\r\n");
    }
}

cm_rc cm_exchange_stream_write(cm_exchange *ex, cm_str bytes) {
    pthread_mutex_lock(&ex->lock);
    cm_assert(ex->answer == CM_ANSWER_STREAM && !ex->ended);
    bool ok = !ex->gone && ex->out.len + ex->in_flight <= ex->behind_max;
    bool post = false;
    if (ok) {
        cm_exchange_add_chunk(ex, bytes);
        ok = !ex->out.failed;
    }
    if (!ex->gone) {
        post = wants_wake(ex);
        ex->gone = !ok;
    }
    pthread_mutex_unlock(&ex->lock);
    if (post) {
        wake(ex);
    }
    return ok ? CM_OK : CM_CANCELLED;
}

size_t cm_exchange_stream_behind(cm_exchange *ex) {
    pthread_mutex_lock(&ex->lock);
    size_t behind = ex->gone ? 0 : ex->out.len + ex->in_flight;
    pthread_mutex_unlock(&ex->lock);
    return behind;
}

void cm_exchange_stream_end(cm_exchange *ex) {
    pthread_mutex_lock(&ex->lock);
    cm_assert(ex->answer == CM_ANSWER_STREAM && !ex->ended);
    ex->ended = true;
    if (ex->chunked && !ex->bodyless) {
        cm_buf_add_c(&ex->out, "0\r\n\r\n");
    }
    bool post = wants_wake(ex);
    pthread_mutex_unlock(&ex->lock);
    if (post) {
        wake(ex);
    }
}
