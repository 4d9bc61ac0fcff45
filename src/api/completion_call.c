/* completion_call.c - see completion_call.h. */
#include "base/base.h"

#include "api/completion_call.h"
#include "api/lookup.h"
#include "base/path.h"
#include "base/utf8.h"
#include "code/languages.h"

cm_completion_call *cm_completion_call_new(cm_call *call, const char *dialect) {
    cm_completion_call *c = CM_ARENA_NEW(call->arena, cm_completion_call);
    c->call = call;
    c->services = call->services;
    c->snippets = CM_ARENA_ARRAY(call->arena, cm_client_snippet, CM_SNIPPETS_MAX);
    c->request = (cm_completion_request){.id = cm_uuid_v7(),
                                         .type = CM_COMPLETION_FIM,
                                         .dialect = dialect,
                                         .retrieve = true,
                                         .max_tokens = 150,
                                         .count = 1,
                                         .deadline_ns = call->deadline_ns,
                                         .cancel = call->cancel};
    return c;
}

void cm_completion_call_stops(cm_completion_call *c, cm_str_list stops) {
    cm_str *kept = CM_ARENA_ARRAY(c->call->arena, cm_str, stops.count + 1);
    size_t count = 0;
    for (size_t i = 0; kept && i < stops.count; i++) {
        if (stops.items[i].len > 0) {
            kept[count++] = stops.items[i];
        }
    }
    c->request.stops = kept;
    c->request.stop_count = count;
}

void cm_completion_call_done(cm_completion_call *c) {
    cm_repository_unref(c->repository);
    c->repository = NULL;
}

void cm_completion_call_fail(cm_completion_call *c, cm_rc rc, const cm_err *err) {
    cm_completion_call_done(c);
    cm_call_fail(c->call, rc, err);
}

void cm_completion_call_run(cm_completion_call *c, cm_rc rc, const cm_err *err,
                            const cm_completion_sink *sink) {
    if (rc != CM_OK) {
        cm_completion_call_fail(c, rc, err);
        return;
    }
    if (!c->kept) {
        c->kept = true;
        cm_call_keep(c->call);
    }
    cm_assist_complete(c->services->assist, &c->request, sink);
}

static cm_str to_lf(cm_completion_call *c, cm_str text, size_t *crlf, size_t *lines) {
    if (cm_str_find_char(text, '\r') == SIZE_MAX) {
        return text;
    }
    char *out = cm_arena_try_alloc(c->call->arena, text.len + 1);
    if (out == NULL) {
        return text;
    }
    bool majority = false;
    size_t len = cm_utf8_to_lf(text, out, &majority);
    *crlf += text.len - len;
    for (size_t i = 0; i < len; i++) {
        *lines += out[i] == '\n';
    }
    return cm_str_make(out, len);
}

void cm_completion_call_text(cm_completion_call *c, cm_str prefix, cm_str suffix) {
    size_t crlf = 0, lines = 0;
    c->request.prefix = to_lf(c, prefix, &crlf, &lines);
    c->request.suffix = to_lf(c, suffix, &crlf, &lines);
    c->crlf = crlf * 2 > lines;
}

cm_str cm_completion_call_out(const cm_completion_call *c, cm_str text, cm_arena *arena) {
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    char *out = c->crlf && lines > 0 ? cm_arena_try_alloc(arena, text.len + lines + 1) : NULL;
    if (out == NULL) {
        return text;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            out[len++] = '\r';
        }
        out[len++] = text.ptr[i];
    }
    return cm_str_make(out, len);
}

/* Absolute path of a file:// URI or an absolute path; empty for anything else. */
static cm_str absolute_path(const cm_completion_call *c, cm_str file) {
    cm_buf path;
    cm_str absolute = CM_STR_EMPTY;
    cm_buf_init(&path, CM_PATH_BYTES_MAX);
    bool ok =
        cm_str_starts(file, CM_STR("file:"))
            ? cm_path_from_uri(file, &path, NULL) == CM_OK
            : cm_str_starts(file, CM_STR("/")) && cm_path_normalise(file, &path, NULL) == CM_OK;
    if (ok && cm_buf_check(&path, NULL) == CM_OK) {
        absolute = cm_arena_str(c->call->arena, cm_buf_str(&path));
    }
    cm_buf_done(&path);
    return absolute;
}

cm_str cm_completion_call_file(const cm_completion_call *c, cm_str uri) {
    cm_str absolute = absolute_path(c, uri);
    if (absolute.len == 0) {
        return uri;
    }
    cm_str root =
        c->repository == NULL ? CM_STR_EMPTY : cm_repository_root(c->repository, c->call->arena);
    if (root.len > 0 && absolute.len > root.len && cm_path_is_inside(absolute, root)) {
        return cm_str_from_offset(absolute, root.len + 1);
    }
    return absolute;
}

cm_rc cm_completion_call_locate(cm_completion_call *c, cm_str repository_id, cm_str file,
                                cm_err *err) {
    cm_str absolute = absolute_path(c, file);
    cm_repositories *repositories = c->services->repositories;
    const cm_caller *caller = &c->call->caller;
    if (repository_id.len > 0) {
        cm_rc rc = cm_call_find_repository(c->call, repository_id, &c->repository, err);
        if (rc != CM_OK) {
            return rc;
        }
        if (c->repository == NULL) {
            return cm_fail(err, CM_NOT_FOUND, "repository '" CM_STR_FMT "' was never indexed",
                           CM_STR_ARG(repository_id));
        }
    } else if (absolute.len > 0) {
        c->repository = cm_repositories_find_path(repositories, caller, absolute);
    } else { /* an editor plug-in of another product names none: with one there is no doubt */
        c->repository = cm_repositories_find_only(repositories, caller);
    }
    c->request.repository = c->repository;
    c->request.path = cm_completion_call_file(c, file);
    if (c->request.language.len == 0) {
        const cm_language *language = cm_language_detect(c->request.path, CM_STR_EMPTY);
        c->request.language = language == NULL ? CM_STR_EMPTY : language->id;
    }
    return CM_OK;
}

void cm_completion_call_add_snippet(cm_completion_call *c, enum cm_context_type type, cm_str file,
                                    cm_str text, uint32_t start_line) {
    if (c->snippets == NULL || c->snippet_count == CM_SNIPPETS_MAX || text.len == 0) {
        return;
    }
    c->snippets[c->snippet_count++] = (cm_client_snippet){.type = type,
                                                          .file = cm_completion_call_file(c, file),
                                                          .text = text,
                                                          .start_line = start_line};
    c->request.snippets = c->snippets;
    c->request.snippet_count = c->snippet_count;
}

void cm_completion_call_model(cm_completion_call *c, cm_str name) {
    c->request.model = name;
    if (cm_str_eq_c(name, "instant")) {
        c->request.tier = CM_TIER_INSTANT;
    }
}
