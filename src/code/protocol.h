/* protocol.h - what parser.c and worker.c say to each other; bytes in docs/design/parse-worker.md.
 *
 * One message asks, one message answers; texts and results lie in shared memory:
 *
 *   offset                     what
 *   0                          cm_worker_control (one page)
 *   4096                       text, text_max bytes
 *   4096 + text_max            answer, cm_worker_answer_max bytes
 *
 * The parent writes `stop` and the text, the worker `begun` and the answer. */
#ifndef CM_CODE_PROTOCOL_H
#define CM_CODE_PROTOCOL_H

#include "code/parser.h"
#include "code/wire.h"
#include <stdatomic.h>

#define CM_WORKER_COMMAND       "parse-worker"
#define CM_WORKER_REQUEST_MAGIC 0x51504d43u /* "CMPQ" */
#define CM_WORKER_REPLY_MAGIC   0x41504d43u /* "CMPA" */
#define CM_WORKER_CONTROL_BYTES 4096u

/* Files of which a worker keeps the tree between edits. */
#define CM_TREES_MAX 8

typedef struct cm_worker_control {
    atomic_uint stop; /* the parent sets it: give up the current request */
    /* The worker sets it to the low bits of the sequence when the language is ready and parsing begins:
     * compiling a query is not the file's fault. */
    atomic_uint begun;
} cm_worker_control;

enum cm_worker_op { CM_WORKER_PARSE = 1, CM_WORKER_SCOPE_END = 2 };

typedef struct cm_worker_request {
    uint32_t magic;
    uint32_t op; /* enum cm_worker_op */
    uint64_t sequence;
    uint32_t language; /* cm_language.index */
    uint32_t strategy; /* enum cm_chunk_strategy */
    uint32_t text_len;
    uint32_t start, end; /* SCOPE_END: the candidate inside the text */
    uint32_t deadline_ms;
    uint64_t document; /* PARSE: keep its tree for the next edit; 0 = do not */
} cm_worker_request;

enum cm_worker_status {
    CM_WORKER_DONE,
    CM_WORKER_TIMED_OUT,
    CM_WORKER_STOPPED,
    CM_WORKER_UNSUPPORTED, /* `text` says why */
    CM_WORKER_TOO_BIG,     /* the answer does not fit */
};

typedef struct cm_worker_reply {
    uint32_t magic;
    uint32_t status; /* enum cm_worker_status */
    uint64_t sequence;
    uint32_t answer_len;             /* PARSE: bytes in the answer area */
    uint32_t statement, block, unit; /* SCOPE_END: offsets into the candidate */
    uint32_t reparsed;               /* PARSE: 1 = with an earlier tree of the document */
    char text[160];                  /* NUL-terminated */
} cm_worker_reply;

/* Room for the longest answer that wire.h allows for a text of this size: at worst every second byte is
 * a reference. */
static inline size_t cm_worker_answer_max(size_t text_max) {
    size_t references = CM_MIN(text_max / 2 + 1, (size_t)CM_WIRE_REFERENCES_MAX);
    return CM_MIB(4) + references * sizeof(cm_wire_reference) + 4 * text_max;
}

static inline size_t cm_worker_shared_bytes(size_t text_max) {
    return CM_WORKER_CONTROL_BYTES + text_max + cm_worker_answer_max(text_max);
}

#endif
