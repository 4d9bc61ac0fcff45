/* request.c - see request_priv.h. */
#include "net/request_priv.h"

#include "base/mem.h"

#define CM_SPANS_FIRST 16

/* Chunk framing may cost this much more than the body it carries: one-byte chunks ("1\r\nx\r\n") are
 * silly but legal, endless chunk extensions are an attack. */
#define CM_CHUNK_OVERHEAD 8

/* --- callbacks of the parser: collect the head --- */

static int refuse(cm_request *request, cm_rc rc, const char *text) {
    if (request->fault.rc == CM_OK) {
        cm_fail(&request->fault, rc, "%s", text);
    }
    return HPE_USER;
}

/* Appends a piece; pieces of one element follow each other, so a span only grows. */
static int collect(cm_request *request, cm_span *span, const char *at, size_t len) {
    if (span->len == 0) {
        span->at = (uint32_t)request->text.len;
    }
    cm_buf_add(&request->text, at, len);
    span->len += (uint32_t)len;
    if (request->text.failed) {
        return refuse(request, CM_NOMEM, "no memory for the head of a request");
    }
    return 0;
}

static int on_method(llhttp_t *parser, const char *at, size_t len) {
    cm_request *request = parser->data;
    return collect(request, &request->method, at, len);
}

static int on_url(llhttp_t *parser, const char *at, size_t len) {
    cm_request *request = parser->data;
    return collect(request, &request->target, at, len);
}

static int on_url_complete(llhttp_t *parser) {
    cm_request *request = parser->data;
    if (request->target.len > request->limits.url_bytes) {
        cm_fail(&request->fault, CM_URI_TOO_LONG, "request target of %u bytes exceeds %zu",
                (unsigned)request->target.len, request->limits.url_bytes);
        return HPE_USER;
    }
    return 0;
}

static bool is_power_of_two(uint32_t n) {
    return (n & (n - 1)) == 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len) {
    cm_request *request = parser->data;
    if (request->stage != CM_STAGE_HEAD) {
        return 0; /* trailers are read over; raw_max bounds them */
    }
    cm_header_span *spans = request->spans;
    uint32_t count = request->span_count;
    if (count == 0 || spans[count - 1].value.at != 0) { /* the one before is complete */
        if (count == 0 || (count >= CM_SPANS_FIRST && is_power_of_two(count))) {
            size_t cap = count ? 2 * (size_t)count : CM_SPANS_FIRST;
            spans = cm_try_realloc(spans, cap * sizeof(*spans));
            if (!spans) {
                return refuse(request, CM_NOMEM, "no memory for the head of a request");
            }
            request->spans = spans;
        }
        spans[count] = (cm_header_span){0};
        request->span_count = ++count;
    }
    return collect(request, &spans[count - 1].name, at, len);
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len) {
    cm_request *request = parser->data;
    if (request->stage != CM_STAGE_HEAD) {
        return 0;
    }
    return collect(request, &request->spans[request->span_count - 1].value, at, len);
}

/* Marks the field as complete even when its value is empty: no value lies at offset 0, the method does.
 * Fields are counted here, not at their first byte, which is seen sooner or later by how reads fall. */
static int on_header_value_complete(llhttp_t *parser) {
    cm_request *request = parser->data;
    if (request->stage != CM_STAGE_HEAD) {
        return 0;
    }
    cm_span *value = &request->spans[request->span_count - 1].value;
    value->at = value->len ? value->at : (uint32_t)request->text.len;
    if (request->span_count > request->limits.header_count) {
        cm_fail(&request->fault, CM_HEADERS_TOO_LARGE, "more than %u header fields",
                (unsigned)request->limits.header_count);
        return HPE_USER;
    }
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
    cm_request *request = parser->data;
    if (len > request->body_max - request->body.len) {
        cm_fail(&request->fault, CM_BODY_TOO_LARGE, "body exceeds %zu bytes", request->body_max);
        return HPE_USER;
    }
    cm_buf_add(&request->body, at, len);
    if (request->body.failed) {
        return refuse(request, CM_NOMEM, "no memory for the body of a request");
    }
    return 0;
}

static int on_message_complete(llhttp_t *parser) {
    cm_request *request = parser->data;
    request->stage = CM_STAGE_DONE;
    return HPE_PAUSED;
}

/* --- rules on a complete head --- */

static cm_str span_str(const cm_request *request, cm_span span) {
    return span.len ? cm_str_make(request->text.ptr + span.at, span.len) : CM_STR_EMPTY;
}

static cm_rc build_head(cm_request *request) {
    cm_http_head *head = &request->head;
    head->method = span_str(request, request->method);
    head->target = span_str(request, request->target);
    head->minor = request->parser.http_minor;
    head->keep_alive = llhttp_should_keep_alive(&request->parser) != 0;
    if (request->span_count) {
        request->headers = cm_try_calloc(request->span_count, sizeof(*request->headers));
        if (!request->headers) {
            return cm_fail(&request->fault, CM_NOMEM, "no memory for the head of a request");
        }
    }
    for (uint32_t i = 0; i < request->span_count; i++) {
        request->headers[i].name = span_str(request, request->spans[i].name);
        request->headers[i].value = span_str(request, request->spans[i].value);
    }
    head->headers = request->headers;
    head->header_count = request->span_count;
    cm_free(request->spans);
    request->spans = NULL;
    return CM_OK;
}

static cm_rc check_version(cm_request *request) {
    const llhttp_t *parser = &request->parser;
    if (parser->http_major != 1 || parser->http_minor > 1) {
        return cm_fail(&request->fault, CM_MALFORMED_REQUEST,
                       "HTTP/%d.%d is not served here; use HTTP/1.1", parser->http_major,
                       parser->http_minor);
    }
    /* The parser also knows the methods of ICE and RTSP, and the preface of HTTP/2. */
    if (parser->method == HTTP_CONNECT ||
        (parser->method >= HTTP_SOURCE && parser->method <= HTTP_FLUSH)) {
        return cm_fail(&request->fault, CM_MALFORMED_REQUEST, "method '%.*s' is not served here",
                       CM_STR_ARG(request->head.method));
    }
    return CM_OK;
}

/* RFC 3986 host and port; anything else in a Host field is an attempt to confuse someone. */
static bool host_is_clean(cm_str host) {
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!cm_is_alpha(c) && !cm_is_digit(c) && !strchr("-._~:[]%!$&'()*+,;=", c)) {
            return false;
        }
    }
    return true;
}

static cm_rc check_host(cm_request *request, cm_str *ret_host) {
    cm_str host = CM_STR_EMPTY;
    cm_str again;
    size_t cursor = 0;
    bool one = cm_http_head_next(&request->head, "host", &cursor, &host);
    if (!one && request->head.minor == 1) {
        return cm_fail(&request->fault, CM_MALFORMED_REQUEST, "header 'Host' is missing");
    }
    if (one && cm_http_head_next(&request->head, "host", &cursor, &again)) {
        return cm_fail(&request->fault, CM_MALFORMED_REQUEST, "header 'Host' was sent twice");
    }
    if (!host_is_clean(host)) {
        return cm_fail(&request->fault, CM_MALFORMED_REQUEST, "header 'Host' is not a host name");
    }
    *ret_host = host;
    return CM_OK;
}

static bool target_is_clean(cm_str target) {
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#') {
            return false;
        }
    }
    return target.len > 0;
}

/* "http://host/path" as proxies send it: gives the part from the path on, when the host is ours. */
static bool take_origin(cm_str *target, cm_str host) {
    cm_str rest = *target;
    size_t at = cm_str_find(rest, CM_STR("://"));
    if (at == SIZE_MAX) {
        return false;
    }
    cm_str scheme = cm_str_sub(rest, 0, at);
    if (!cm_str_eq_nocase(scheme, CM_STR("http")) && !cm_str_eq_nocase(scheme, CM_STR("https"))) {
        return false;
    }
    rest = cm_str_from_offset(rest, at + 3);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    *target = cm_str_from_offset(rest, end);
    return cm_str_eq_nocase(cm_str_sub(rest, 0, end), host);
}

static cm_rc check_target(cm_request *request, cm_str host) {
    cm_http_head *head = &request->head;
    cm_str rest = head->target;
    bool star = cm_str_eq_c(rest, "*") && cm_str_eq_c(head->method, "OPTIONS");
    bool clean = target_is_clean(rest);
    if (clean && rest.ptr[0] != '/' && !star) {
        clean = take_origin(&rest, host);
    }
    if (!clean) {
        return cm_fail(&request->fault, CM_MALFORMED_REQUEST, "request target is not a path");
    }
    size_t mark = cm_str_find_char(rest, '?');
    head->path = cm_str_sub(rest, 0, mark);
    head->query = mark == SIZE_MAX ? CM_STR_EMPTY : cm_str_from_offset(rest, mark + 1);
    if (head->path.len == 0) {
        head->path = CM_STR("/");
    }
    return CM_OK;
}

/* A body has exactly one length (RFC 9112 6.3): whatever two servers could read differently is
 * refused. The parser itself refuses Transfer-Encoding beside Content-Length and two lengths. */
static cm_rc check_framing(cm_request *request) {
    cm_str coding;
    cm_str again;
    size_t cursor = 0;
    if (!cm_http_head_next(&request->head, "transfer-encoding", &cursor, &coding)) {
        return CM_OK;
    }
    if (request->head.minor == 0 || !cm_str_eq_nocase(coding, CM_STR("chunked")) ||
        cm_http_head_next(&request->head, "transfer-encoding", &cursor, &again)) {
        return cm_fail(&request->fault, CM_MALFORMED_REQUEST,
                       "the only transfer coding is one 'chunked', in HTTP/1.1");
    }
    return CM_OK;
}

static int on_headers_complete(llhttp_t *parser) {
    cm_request *request = parser->data;
    parser->upgrade = 0; /* "Upgrade: h2c" is an offer, and we do not take it */
    cm_str host = {0};
    cm_rc rc = build_head(request);
    rc = rc ? rc : check_version(request);
    rc = rc ? rc : check_host(request, &host);
    rc = rc ? rc : check_target(request, host);
    rc = rc ? rc : check_framing(request);
    if (rc) {
        return -1;
    }
    cm_str expect;
    request->expect_continue = request->head.minor == 1 &&
                               cm_http_head_find(&request->head, "expect", &expect) &&
                               cm_str_eq_nocase(expect, CM_STR("100-continue"));
    request->stage = CM_STAGE_BODY;
    return HPE_PAUSED;
}

/* --- feeding --- */

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void cm_request_init(cm_request *request, const cm_request_limits *limits) {
    *request = (cm_request){.limits = *limits, .raw_max = limits->header_bytes};
    llhttp_init(&request->parser, HTTP_REQUEST, &settings);
    request->parser.data = request;
    cm_buf_init(&request->text, limits->header_bytes);
    cm_buf_init(&request->body, 0);
}

void cm_request_done(cm_request *request) {
    cm_buf_done(&request->text);
    cm_buf_done(&request->body);
    cm_free(request->spans);
    cm_free(request->headers);
}

static enum cm_request_event give_fault(const cm_request *request, cm_err *err) {
    if (err) {
        *err = request->fault;
    }
    return CM_REQUEST_FAULT;
}

/* The bytes allowed for this stage are used up and it is not complete. */
static enum cm_request_event over_limit(cm_request *request, cm_err *err) {
    if (request->stage == CM_STAGE_BODY) {
        cm_fail(&request->fault, CM_BODY_TOO_LARGE,
                "chunked body with its framing exceeds %llu bytes",
                (unsigned long long)request->raw_max);
    } else if (request->span_count == 0 && request->target.len > request->limits.url_bytes) {
        cm_fail(&request->fault, CM_URI_TOO_LONG, "request target exceeds %zu bytes",
                request->limits.url_bytes);
    } else {
        cm_fail(&request->fault, CM_HEADERS_TOO_LARGE, "request line and headers exceed %zu bytes",
                request->limits.header_bytes);
    }
    return give_fault(request, err);
}

/* In our words: the parser's own name what it would have taken, RTSP and ICE included. */
static const char *syntax_error(llhttp_errno_t rc) {
    static const struct {
        llhttp_errno_t rc;
        const char *text;
    } rows[] = {
        {HPE_INVALID_METHOD, "unknown method"},
        {HPE_INVALID_URL, "bad request target"},
        {HPE_INVALID_CONSTANT, "no 'HTTP/1.1' after the request target"},
        {HPE_INVALID_VERSION, "bad protocol version"},
        {HPE_INVALID_HEADER_TOKEN, "bad header field"},
        {HPE_UNEXPECTED_SPACE, "space where none may be"},
        {HPE_LF_EXPECTED, "line does not end in CR LF"},
        {HPE_CR_EXPECTED, "line does not end in CR LF"},
        {HPE_INVALID_CONTENT_LENGTH, "bad Content-Length"},
        {HPE_UNEXPECTED_CONTENT_LENGTH, "Content-Length beside another length of the body"},
        {HPE_INVALID_TRANSFER_ENCODING, "the only transfer coding is one 'chunked'"},
        {HPE_INVALID_CHUNK_SIZE, "bad chunk size"},
        {HPE_STRICT, "bad chunk framing"},
        {HPE_PAUSED_H2_UPGRADE, "HTTP/2 without TLS is not served"},
    };
    for (size_t i = 0; i < CM_COUNT(rows); i++) {
        if (rows[i].rc == rc) {
            return rows[i].text;
        }
    }
    return "bad syntax";
}

static enum cm_request_event not_http(cm_request *request, llhttp_errno_t rc, cm_err *err) {
    if (request->fault.rc == CM_OK) {
        cm_fail(&request->fault, CM_MALFORMED_REQUEST, "not valid HTTP/1.1: %s", syntax_error(rc));
    }
    return give_fault(request, err);
}

enum cm_request_event cm_request_feed(cm_request *request, cm_str bytes, size_t *ret_used,
                                      cm_err *err) {
    *ret_used = 0;
    if (request->fault.rc) {
        return give_fault(request, err);
    }
    enum cm_request_stage before = request->stage;
    size_t len = CM_MIN(bytes.len, request->raw_max - request->raw);
    const char *start = bytes.ptr ? bytes.ptr : "";
    llhttp_errno_t rc = llhttp_execute(&request->parser, start, len);
    size_t used = rc == HPE_OK ? len : (size_t)(llhttp_get_error_pos(&request->parser) - start);
    *ret_used = used;
    request->raw += used;
    if (rc == HPE_PAUSED) {
        llhttp_resume(&request->parser);
        cm_assert(request->stage != before);
        return request->stage == CM_STAGE_BODY ? CM_REQUEST_HEAD : CM_REQUEST_DONE;
    }
    if (rc != HPE_OK) {
        return not_http(request, rc, err);
    }
    return used < bytes.len ? over_limit(request, err) : CM_REQUEST_MORE;
}

size_t cm_request_announced(const cm_request *request) {
    const llhttp_t *parser = &request->parser;
    if (parser->flags & F_CHUNKED) {
        return SIZE_MAX;
    }
    if (!(parser->flags & F_CONTENT_LENGTH)) {
        return 0;
    }
    return CM_MIN(parser->content_length, SIZE_MAX - 1); /* the last value means chunked */
}

cm_rc cm_request_limit_body(cm_request *request, size_t max, cm_err *err) {
    size_t announced = cm_request_announced(request);
    bool chunked = announced == SIZE_MAX;
    if (!chunked && announced > max) {
        cm_fail(&request->fault, CM_BODY_TOO_LARGE, "body of %zu bytes exceeds %zu", announced,
                max);
        give_fault(request, err);
        return CM_BODY_TOO_LARGE;
    }
    uint64_t framed = max > (UINT64_MAX >> 8) / CM_CHUNK_OVERHEAD
                          ? UINT64_MAX >> 8
                          : max * CM_CHUNK_OVERHEAD + request->limits.header_bytes;
    request->raw_max = request->raw + (chunked ? framed : announced);
    request->body_max = max;
    cm_buf_init(&request->body, max);
    return CM_OK;
}
