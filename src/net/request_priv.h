/* request_priv.h - one HTTP/1.1 request, from bytes to a head and a body. No sockets, no clock.
 *
 * llhttp does the grammar; this adds the bounds and the rules a server must check itself (RFC 9112
 * sections 3.2, 6.1, 7.1; RFC 9110 section 7.2). The outcome depends on the bytes only, never on how
 * they were cut into reads: every bound is either checked where an element ends, or enforced by never
 * feeding the parser beyond it.
 *
 * Thread: owner. */
#ifndef CM_NET_REQUEST_PRIV_H
#define CM_NET_REQUEST_PRIV_H

#include "net/http.h"

#include <llhttp.h>

typedef struct cm_request_limits {
    size_t header_bytes;
    size_t url_bytes;
    uint32_t header_count;
} cm_request_limits;

enum cm_request_event {
    CM_REQUEST_MORE,  /* all bytes were used, more are needed */
    CM_REQUEST_HEAD,  /* the head is there; set the body limit and feed on, if only nothing */
    CM_REQUEST_DONE,  /* head and body are there; what is left belongs to the next request */
    CM_REQUEST_FAULT, /* `err` says which answer; the rest of the connection is unreadable */
};

enum cm_request_stage { CM_STAGE_HEAD, CM_STAGE_BODY, CM_STAGE_DONE };

typedef struct cm_span {
    uint32_t at; /* into cm_request.text */
    uint32_t len;
} cm_span;

typedef struct cm_header_span {
    cm_span name;
    cm_span value;
} cm_header_span;

typedef struct cm_request {
    llhttp_t parser;
    cm_request_limits limits;
    enum cm_request_stage stage;
    cm_http_head head; /* complete after CM_REQUEST_HEAD */
    cm_buf body;
    bool expect_continue;
    size_t body_max;
    uint64_t raw;     /* bytes used so far */
    uint64_t raw_max; /* of this stage, counted from the start */
    /* While the head is read: */
    cm_buf text; /* method, target, names and values; the head's slices point here */
    cm_span method;
    cm_span target;
    cm_header_span *spans;
    uint32_t span_count;
    cm_http_header *headers;
    cm_err fault;
} cm_request;

/* In place: the parser keeps a pointer to `request`. */
void cm_request_init(cm_request *request, const cm_request_limits *limits);
void cm_request_done(cm_request *request);
/* Uses bytes from the front of `bytes`; `*ret_used` is set with every event. */
enum cm_request_event cm_request_feed(cm_request *request, cm_str bytes, size_t *ret_used,
                                      cm_err *err) cm_must_check;
/* After CM_REQUEST_HEAD. CM_BODY_TOO_LARGE when the announced length is above `max`. */
cm_rc cm_request_limit_body(cm_request *request, size_t max, cm_err *err) cm_must_check;
/* After CM_REQUEST_HEAD: does a body follow, and how long is it (SIZE_MAX: not announced)? */
size_t cm_request_announced(const cm_request *request);

#endif
