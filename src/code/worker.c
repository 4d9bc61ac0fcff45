/* worker.c - the life of a parse worker; see parser.h for why it exists.
 *
 * It locks itself in before it reads the first request, then answers one request at a time until the
 * parent goes away. Deadlines are kept here by the parser's progress callback; where the grammar gives
 * no callback (accepting a tree with very many errors) the parent's kill is the only end. */
#include "base/clock.h"
#include "code/extract.h"
#include "code/protocol.h"
#include "rt/child.h"

#include <malloc.h>

#define TRIM_TEXT_BYTES \
    (256 * 1024) /* after a text this long unused heap goes back to the system */

typedef struct worker {
    cm_child_self self;
    size_t text_max;
    cm_worker_control *control;
    const char *text;
    uint8_t *answer;
    cm_extractor *extractor;
    cm_extraction extraction;
} worker;

static uint32_t status_of(cm_rc rc) {
    if (rc == CM_OK) {
        return CM_WORKER_DONE;
    }
    return rc == CM_TIMEOUT     ? CM_WORKER_TIMED_OUT
           : rc == CM_CANCELLED ? CM_WORKER_STOPPED
                                : CM_WORKER_UNSUPPORTED;
}

static cm_rc parse(worker *w, const cm_worker_request *request, const cm_extract_limits *limits,
                   cm_worker_reply *reply, cm_err *err) {
    cm_rc rc = cm_extract(w->extractor, cm_language_at(request->language),
                          cm_str_make(w->text, request->text_len), limits, &w->extraction, err);
    if (rc != CM_OK) {
        return rc;
    }
    size_t size = cm_wire_size(&w->extraction);
    if (size > cm_worker_answer_max(w->text_max)) {
        return cm_fail(err, CM_LIMIT, "answer of %zu bytes does not fit", size);
    }
    cm_wire_encode(&w->extraction, w->answer);
    reply->answer_len = (uint32_t)size;
    reply->reparsed = w->extraction.is_reparsed;
    return CM_OK;
}

static cm_rc scope_end(worker *w, const cm_worker_request *request, const cm_extract_limits *limits,
                       cm_worker_reply *reply, cm_err *err) {
    cm_scope_end end;
    cm_rc rc = cm_extract_scope_end(w->extractor, cm_language_at(request->language),
                                    cm_str_make(w->text, request->text_len), request->start,
                                    request->end, limits, &end, err);
    if (rc == CM_OK) {
        reply->statement = (uint32_t)end.statement;
        reply->block = (uint32_t)end.block;
        reply->unit = (uint32_t)end.unit;
    }
    return rc;
}

static void serve(worker *w, const cm_worker_request *request, cm_worker_reply *reply) {
    *reply = (cm_worker_reply){.magic = CM_WORKER_REPLY_MAGIC, .sequence = request->sequence};
    cm_extractor_prepare(w->extractor, cm_language_at(request->language));
    atomic_store(&w->control->begun, (unsigned)request->sequence);
    uint64_t allowed = (uint64_t)request->deadline_ms * 1000000;
    bool is_file = request->op == CM_WORKER_PARSE;
    cm_extract_limits limits = {
        .deadline_ns = is_file ? 0 : cm_clock_ns() + allowed,
        .own_deadline_ns = is_file ? cm_clock_thread_ns() + allowed : 0,
        .stop = &w->control->stop,
        .strategy = (enum cm_chunk_strategy)request->strategy,
        .document = request->document,
    };
    cm_err err = {0};
    cm_rc rc = is_file ? parse(w, request, &limits, reply, &err)
                       : scope_end(w, request, &limits, reply, &err);
    /* Too little memory is this text's fault, not its language's. */
    reply->status = rc == CM_LIMIT || rc == CM_NOMEM ? CM_WORKER_TOO_BIG : status_of(rc);
    if (rc != CM_OK) {
        snprintf(reply->text, sizeof(reply->text), "%.*s", (int)sizeof(reply->text) - 1, err.text);
    }
    if (request->text_len > TRIM_TEXT_BYTES) {
        malloc_trim(0);
    }
}

static bool request_ok(const worker *w, const cm_worker_request *request, size_t len) {
    return len == sizeof(*request) && request->magic == CM_WORKER_REQUEST_MAGIC &&
           request->text_len <= w->text_max && request->start <= request->end &&
           request->end <= request->text_len && cm_language_at(request->language) &&
           request->strategy <= CM_CHUNKS_FIXED_LINES;
}

static cm_rc run(worker *w, cm_err *err) {
    for (;;) {
        cm_worker_request request;
        cm_worker_reply reply;
        size_t len;
        cm_rc rc = cm_channel_receive(w->self.fd, &request, sizeof(request), &len, err);
        if (rc != CM_OK) {
            return rc == CM_END ? CM_OK : rc;
        }
        if (!request_ok(w, &request, len)) {
            return cm_fail(err, CM_INVALID, "bad request of %zu bytes", len);
        }
        serve(w, &request, &reply);
        rc = cm_channel_send(w->self.fd, &reply, sizeof(reply), err);
        if (rc != CM_OK) {
            return rc == CM_END ? CM_OK : rc;
        }
    }
}

int cm_parse_worker_main(int argc, char **argv) {
    worker w = {0};
    cm_err err = {0};
    uint64_t text_max;
    /* argv: program, "parse-worker", bytes of the text area. */
    if (argc != 3 || !cm_str_to_u64(cm_str_from(argv[2]), &text_max) ||
        cm_child_enter(&w.self, &err) != CM_OK) {
        return 2;
    }
    w.text_max = text_max;
    if (text_max > CM_MIB(64) || w.self.shared_len < cm_worker_shared_bytes(text_max)) {
        return 2;
    }
    char *shared = w.self.shared;
    w.control = (cm_worker_control *)(void *)shared;
    w.text = shared + CM_WORKER_CONTROL_BYTES;
    w.answer = (uint8_t *)shared + CM_WORKER_CONTROL_BYTES + text_max;
    w.extractor = cm_extractor_new();
    cm_extraction_init(&w.extraction);
    cm_rc rc = cm_child_seal(&err);
    if (rc == CM_OK) {
        rc = run(&w, &err);
    }
    cm_extraction_done(&w.extraction);
    cm_extractor_free(w.extractor);
    return rc == CM_OK ? 0 : 1;
}
