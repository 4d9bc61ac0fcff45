/* sse.c - see sse.h. Joining and heartbeats are the connection's part: it knows the time and the
 * state of the socket. */
#include "net/sse.h"

#include "base/limits.h"
#include "net/server_priv.h"

#define CM_SSE_FIELDS_MAX 16

bool cm_sse_begin(cm_exchange *exchange, uint32_t retry_ms, const cm_http_header *headers,
                  size_t count) {
    cm_http_header all[CM_SSE_FIELDS_MAX] = {
        {CM_STR("Content-Type"), CM_STR("text/event-stream")},
        {CM_STR("Cache-Control"), CM_STR("no-cache")},
        {CM_STR("X-Accel-Buffering"), CM_STR("no")},
    };
    enum { OWN = 3 };
    cm_assert(count <= CM_SSE_FIELDS_MAX - OWN);
    for (size_t i = 0; i < count; i++) {
        all[OWN + i] = headers[i];
    }
    if (!cm_exchange_events_begin(exchange, all, OWN + count)) {
        return false;
    }
    /* A client that has gone already is told by the first event. */
    if (retry_ms > 0) {
        char line[32];
        int len = snprintf(line, sizeof(line), "retry: %u\n\n", retry_ms);
        cm_rc rc = cm_exchange_stream_write(exchange, cm_str_make(line, (size_t)len));
        (void)rc;
    }
    return true;
}

static bool one_line(cm_str text) {
    return cm_str_find_char(text, '\n') == SIZE_MAX && cm_str_find_char(text, '\r') == SIZE_MAX;
}

static cm_rc add_field(cm_buf *out, const char *name, cm_str value, cm_err *err) {
    if (!one_line(value)) {
        return cm_fail(err, CM_INVALID, "%s of an event must be one line", name);
    }
    cm_buf_add_f(out, "%s: ", name);
    cm_buf_add_str(out, value);
    cm_buf_add_char(out, '\n');
    return CM_OK;
}

cm_rc cm_sse_event(cm_exchange *exchange, const char *event, const char *id, cm_str data,
                   cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf out;
    cm_buf_init(&out, CM_SSE_EVENT_MAX);
    cm_rc rc = CM_OK;
    if (event) {
        rc = add_field(&out, "event", cm_str_from(event), err);
    }
    if (!rc && id) {
        rc = add_field(&out, "id", cm_str_from(id), err);
    }
    rc = rc ? rc : add_field(&out, "data", data, err);
    cm_buf_add_char(&out, '\n');
    rc = rc ? rc : cm_buf_check(&out, err);
    if (rc) {
        return rc;
    }
    rc = cm_exchange_stream_write(exchange, cm_buf_str(&out));
    return rc ? cm_fail(err, rc, "the client has gone or does not keep up") : CM_OK;
}

void cm_sse_end(cm_exchange *exchange) {
    cm_exchange_stream_end(exchange);
}
