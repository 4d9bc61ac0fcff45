/* system.c - handlers that need nothing but the API itself: its document, its problems, its metrics. */
#include "api/api_gen.h"
#include "api/gateway/call_priv.h"
#include "api/document.h"
#include "api/services.h"

#define METRICS_BYTES_MAX CM_MIB(8)

void cm_h_openapi(cm_call *call) {
    cm_call_reply_bytes(call, 200, "application/json; charset=utf-8",
                        cm_str_make(cm_openapi_json, cm_openapi_json_len));
}

void cm_h_docs(cm_call *call) {
    cm_call_add_header(call, "Content-Security-Policy",
                       CM_STR("default-src 'none'; style-src 'unsafe-inline'"));
    cm_call_reply_bytes(call, 200, "text/html; charset=utf-8",
                        cm_str_make(cm_docs_html, cm_docs_html_len));
}

void cm_h_problem(cm_call *call) {
    cm_buf json;
    cm_buf_init(&json, CM_KIB(4));
    if (cm_problem_explain(call->path[0], &json)) {
        cm_call_reply_json(call, 200, cm_buf_str(&json));
    } else {
        cm_err err;
        cm_fail(&err, CM_NOT_FOUND, "no such problem code");
        cm_call_fail(call, CM_NOT_FOUND, &err);
    }
    cm_buf_done(&json);
}

void cm_h_metrics(cm_call *call) {
    cm_buf text;
    cm_buf_init(&text, METRICS_BYTES_MAX);
    const cm_services *services = call->services;
    cm_metrics *metrics = cm_gateway_metrics(cm_call_state_of(call)->gateway);
    cm_models_observe(services->models, metrics);
    services->observe(services->observe_argument, metrics);
    cm_metrics_write(metrics, &text);
    cm_call_reply_bytes(call, 200, "text/plain; version=0.0.4; charset=utf-8", cm_buf_str(&text));
    cm_buf_done(&text);
}
