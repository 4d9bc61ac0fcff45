/* problem.h - error bodies: RFC 9457 problems, and the shapes of the dialects we speak.
 *
 *   problem    {type, title, status, detail, instance, code, request_id, retryable, errors?, ...}
 *   openai     {"error": {message, type, param, code}}
 *   llamacpp   {"error": {code: status, message, type}}
 *
 * Every shape carries the same slug; where the body cannot, the header X-Error-Code does. The text of
 * an error that is our own fault is never shown, only its request id.
 *
 * Thread: any. */
#ifndef CM_API_GATEWAY_PROBLEM_H
#define CM_API_GATEWAY_PROBLEM_H

#include "api/gateway/route.h"
#include "base/buf.h"

typedef struct cm_problem {
    cm_rc rc;
    cm_str detail; /* empty = the meaning of the code */
    cm_str request_id;
    const cm_faults *faults; /* NULL = none */
    cm_str extra;            /* members of the code's own, `"limit": 4096`; empty = none */
} cm_problem;

/* Fills rc and detail from an error; internal codes keep their text to themselves. `err` may be NULL. */
cm_problem cm_problem_of(cm_rc rc, const cm_err *err, cm_str request_id);
void cm_problem_write(const cm_problem *problem, enum cm_error_shape shape, cm_buf *out);
const char *cm_problem_content_type(enum cm_error_shape shape);
/* What GET /problems/{code} answers; false when there is no such code. */
bool cm_problem_explain(cm_str code, cm_buf *out) cm_must_check;

#endif
