/* sse.h - Server-Sent Events on an exchange (api contract 1.5).
 *
 * Begin sends the head (200, text/event-stream) and the time to retry. Each event's data is one line of
 * JSON. Events closer together than 8 ms leave in one write; the first one after a pause leaves at
 * once. After 15 s of silence a comment `: hb` keeps proxies awake and notices a vanished client. A
 * consumer more than CM_SSE_BEHIND_MAX behind is dropped.
 *
 * Thread: any, one at a time per stream. */
#ifndef CM_NET_SSE_H
#define CM_NET_SSE_H

#include "net/http.h"

/* `retry_ms` tells the client when to come back after a break; 0 says nothing (readers of OpenAI streams take
 * that line for an event). `headers` come in addition to Content-Type, Cache-Control and
 * X-Accel-Buffering. False when the
 * exchange was answered before. */
bool cm_sse_begin(cm_exchange *exchange, uint32_t retry_ms, const cm_http_header *headers,
                  size_t count);
/* `event` and `id` may be NULL (no such line). `data` must be one line (no CR, LF): CM_INVALID
 * otherwise; CM_LIMIT above CM_SSE_EVENT_MAX (nothing is sent); CM_CANCELLED when the client has
 * gone or is too far behind. */
cm_rc cm_sse_event(cm_exchange *exchange, const char *event, const char *id, cm_str data,
                   cm_err *err) cm_must_check;
/* Must come once after each cm_sse_begin that returned true. */
void cm_sse_end(cm_exchange *exchange);

#endif
