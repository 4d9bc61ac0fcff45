/* The first byte is a step; the rest is what a client sends. Cut into steps, byte by byte or not at all,
 * the requests read from it are the same. */
#include "net/request_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const cm_request_limits limits = {
    .header_bytes = 1024, .url_bytes = 200, .header_count = 16};

/* What came of the bytes so far: every element of every request, and the code of a fault. */
typedef struct reader {
    cm_request request;
    cm_buf seen;
    bool over;
} reader;

static void note(cm_buf *seen, cm_str text) {
    cm_buf_add_u64(seen, text.len);
    cm_buf_add_char(seen, ':');
    cm_buf_add_str(seen, text);
}

static void note_head(reader *r) {
    const cm_http_head *head = &r->request.head;
    cm_assert(head->path.len > 0 && head->header_count <= limits.header_count);
    cm_assert(head->target.len <= limits.url_bytes);
    note(&r->seen, head->method);
    note(&r->seen, head->path);
    note(&r->seen, head->query);
    cm_buf_add_f(&r->seen, "%d %d %d", head->minor, head->keep_alive, r->request.expect_continue);
    for (size_t i = 0; i < head->header_count; i++) {
        note(&r->seen, head->headers[i].name);
        note(&r->seen, head->headers[i].value);
    }
}

static void feed(reader *r, cm_str bytes) {
    while (!r->over) {
        cm_err err;
        size_t used;
        enum cm_request_event event = cm_request_feed(&r->request, bytes, &used, &err);
        cm_assert(used <= bytes.len);
        bytes = cm_str_from_offset(bytes, used);
        cm_rc rc = CM_OK;
        switch (event) {
        case CM_REQUEST_MORE: cm_assert(bytes.len == 0); return;
        case CM_REQUEST_HEAD:
            note_head(r);
            rc = cm_request_limit_body(&r->request, 500, &err);
            break;
        case CM_REQUEST_DONE:
            cm_assert(r->request.body.len <= 500);
            note(&r->seen, cm_buf_str(&r->request.body));
            cm_request_done(&r->request);
            cm_request_init(&r->request, &limits);
            break;
        case CM_REQUEST_FAULT: rc = err.rc; break;
        }
        if (rc) {
            int status = cm_err_info_get(rc)->http_status;
            cm_assert(status >= 400 && status < 500);
            cm_buf_add_f(&r->seen, "fault %d", (int)rc);
            r->over = true;
        }
    }
}

static void read_in_steps(reader *r, cm_str bytes, size_t step) {
    *r = (reader){0};
    cm_buf_init(&r->seen, 16 * (bytes.len + 1024));
    cm_request_init(&r->request, &limits);
    while (bytes.len) {
        feed(r, cm_str_sub(bytes, 0, step));
        bytes = cm_str_from_offset(bytes, step);
    }
    cm_assert(cm_buf_check(&r->seen, NULL) == CM_OK);
}

static void done(reader *r) {
    cm_request_done(&r->request);
    cm_buf_done(&r->seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    cm_str bytes = cm_str_make((const char *)data + 1, size - 1);
    const size_t steps[] = {1, (size_t)data[0] + 1};
    reader whole;
    read_in_steps(&whole, bytes, SIZE_MAX / 2);
    for (size_t i = 0; i < CM_COUNT(steps); i++) {
        reader cut;
        read_in_steps(&cut, bytes, steps[i]);
        cm_assert(cm_str_eq(cm_buf_str(&whole.seen), cm_buf_str(&cut.seen)));
        done(&cut);
    }
    done(&whole);
    return 0;
}
