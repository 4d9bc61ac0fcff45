/* problem.c - error bodies, see problem.h. */
#include "api/gateway/problem.h"

#include "base/json.h"

static bool is_internal(const cm_err_info *info) {
    return strcmp(info->slug, "internal") == 0;
}

cm_problem cm_problem_of(cm_rc rc, const cm_err *err, cm_str request_id) {
    cm_problem problem = {.rc = rc, .request_id = request_id};
    if (err && !is_internal(cm_err_info_get(rc))) {
        problem.detail = cm_str_from(err->text);
    }
    return problem;
}

const char *cm_problem_content_type(enum cm_error_shape shape) {
    return shape == CM_ERROR_PROBLEM ? "application/problem+json" : "application/json";
}

static cm_str detail_of(const cm_problem *problem, const cm_err_info *info) {
    return problem->detail.len > 0 ? problem->detail : cm_str_from(info->meaning);
}

static void write_faults(const cm_faults *faults, cm_json_writer *w) {
    cm_json_key(w, "errors");
    cm_json_array(w);
    for (size_t i = 0; i < faults->count; i++) {
        const cm_fault *fault = &faults->items[i];
        cm_json_object(w);
        cm_json_key(w, "pointer");
        cm_json_str(w, fault->pointer);
        cm_json_key(w, "code");
        cm_json_c(w, fault->code);
        cm_json_key(w, "message");
        cm_json_str(w, fault->message);
        cm_json_object_end(w);
    }
    cm_json_array_end(w);
}

static void write_path(cm_json_writer *w, const char *key, const char *folder, cm_str name) {
    char text[256];
    int len = snprintf(text, sizeof(text), "%s" CM_STR_FMT, folder, CM_STR_ARG(name));
    cm_json_key(w, key);
    cm_json_str(w, cm_str_make(text, CM_MIN((size_t)CM_MAX(len, 0), sizeof(text) - 1)));
}

static void write_problem(const cm_problem *problem, const cm_err_info *info, cm_buf *out) {
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    write_path(&w, "type", "/problems/", cm_str_from(info->slug));
    cm_json_key(&w, "title");
    cm_json_c(&w, info->title);
    cm_json_key(&w, "status");
    cm_json_i64(&w, info->http_status);
    cm_json_key(&w, "detail");
    cm_json_str(&w, detail_of(problem, info));
    write_path(&w, "instance", "/requests/", problem->request_id);
    cm_json_key(&w, "code");
    cm_json_c(&w, info->slug);
    cm_json_key(&w, "request_id");
    cm_json_str(&w, problem->request_id);
    cm_json_key(&w, "retryable");
    cm_json_bool(&w, info->retryable);
    if (problem->faults && problem->faults->count > 0) {
        write_faults(problem->faults, &w);
    }
    cm_json_object_end(&w);
    if (problem->extra.len > 0 && out->failed == CM_OK) {
        cm_buf_truncate(out, out->len - 1); /* the closing brace */
        cm_buf_add_c(out, ",");
        cm_buf_add_str(out, problem->extra);
        cm_buf_add_c(out, "}");
    }
}

typedef struct status_type {
    int status; /* 0 ends the table and holds for all others */
    const char *type;
} status_type;

static const status_type openai_types[] = {
    {400, "invalid_request_error"}, {401, "authentication_error"}, {403, "permission_error"},
    {404, "invalid_request_error"}, {409, "conflict_error"},       {429, "rate_limit_exceeded"},
    {500, "server_error"},          {0, "invalid_request_error"},
};

static const status_type llamacpp_types[] = {
    {400, "invalid_request_error"}, {401, "authentication_error"}, {403, "permission_error"},
    {404, "not_found_error"},       {500, "server_error"},         {501, "not_supported_error"},
    {503, "unavailable_error"},     {0, "invalid_request_error"},
};

static const char *type_of(const status_type *table, int status) {
    const status_type *row = table;
    while (row->status != 0 && row->status != status) {
        row++;
    }
    return row->status == 0 && status >= 500 ? "server_error" : row->type;
}

/* The first fault says more than "validation failed"; both clients show only the message. */
static void write_message(const cm_problem *problem, const cm_err_info *info, cm_json_writer *w) {
    char text[768];
    cm_json_key(w, "message");
    if (!problem->faults || problem->faults->count == 0) {
        cm_json_str(w, detail_of(problem, info));
        return;
    }
    const cm_fault *fault = &problem->faults->items[0];
    int len = snprintf(text, sizeof(text), CM_STR_FMT " " CM_STR_FMT, CM_STR_ARG(fault->pointer),
                       CM_STR_ARG(fault->message));
    cm_json_str(w, cm_str_make(text, CM_MIN((size_t)CM_MAX(len, 0), sizeof(text) - 1)));
}

static void write_openai(const cm_problem *problem, const cm_err_info *info, cm_buf *out) {
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    cm_json_key(&w, "error");
    cm_json_object(&w);
    write_message(problem, info, &w);
    cm_json_key(&w, "type");
    cm_json_c(&w, type_of(openai_types, info->http_status));
    cm_json_key(&w, "param");
    if (problem->faults && problem->faults->count > 0) {
        cm_json_str(&w, cm_str_from_offset(problem->faults->items[0].pointer, 1));
    } else {
        cm_json_null(&w);
    }
    cm_json_key(&w, "code");
    cm_json_c(&w, info->slug);
    cm_json_object_end(&w);
    cm_json_object_end(&w);
}

static void write_llamacpp(const cm_problem *problem, const cm_err_info *info, cm_buf *out) {
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    cm_json_key(&w, "error");
    cm_json_object(&w);
    cm_json_key(&w, "code");
    cm_json_i64(&w, info->http_status);
    write_message(problem, info, &w);
    cm_json_key(&w, "type");
    cm_json_c(&w, type_of(llamacpp_types, info->http_status));
    cm_json_object_end(&w);
    cm_json_object_end(&w);
}

void cm_problem_write(const cm_problem *problem, enum cm_error_shape shape, cm_buf *out) {
    const cm_err_info *info = cm_err_info_get(problem->rc);
    switch (shape) {
    case CM_ERROR_PROBLEM: write_problem(problem, info, out); break;
    case CM_ERROR_OPENAI: write_openai(problem, info, out); break;
    case CM_ERROR_LLAMACPP: write_llamacpp(problem, info, out); break;
    }
}

bool cm_problem_explain(cm_str code, cm_buf *out) {
    char slug[65];
    if (code.len >= sizeof(slug)) {
        return false;
    }
    snprintf(slug, sizeof(slug), CM_STR_FMT, CM_STR_ARG(code));
    const cm_err_info *info = cm_err_info_find(slug);
    if (!info) {
        return false;
    }
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    cm_json_key(&w, "code");
    cm_json_c(&w, info->slug);
    cm_json_key(&w, "title");
    cm_json_c(&w, info->title);
    cm_json_key(&w, "status");
    cm_json_i64(&w, info->http_status);
    cm_json_key(&w, "retryable");
    cm_json_bool(&w, info->retryable);
    cm_json_key(&w, "meaning");
    cm_json_c(&w, info->meaning);
    cm_json_object_end(&w);
    return true;
}
