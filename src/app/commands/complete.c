/* complete.c - `codementor complete FILE:LINE:COL [--explain]`. */
#include "base/base.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "app/client.h"
#include "app/repo.h"
#include "base/file.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define DOCUMENT_MAX CM_MIB(2)

typedef struct place {
    char file[PATH_MAX];   /* absolute; of standard input "-" in the current directory */
    bool from_input;       /* the text is read from standard input */
    uint32_t line, column; /* 1-based, in characters */
} place;

/* The last two colons belong to the position, so names with colons work. */
static cm_rc parse_place(cm_str position, place *out, cm_err *err) {
    size_t colon = cm_str_rfind_char(position, ':');
    cm_str head = colon == SIZE_MAX ? CM_STR_EMPTY : cm_str_sub(position, 0, colon);
    size_t before = cm_str_rfind_char(head, ':');
    uint64_t line = 0, column = 0;
    if (before == SIZE_MAX || !cm_str_to_u64(cm_str_from_offset(position, colon + 1), &column) ||
        !cm_str_to_u64(cm_str_from_offset(head, before + 1), &line) || line == 0 || column == 0 ||
        line > UINT32_MAX || column > UINT32_MAX) {
        return cm_fail(err, CM_INVALID,
                       "'" CM_STR_FMT "' is not FILE:LINE:COL with numbers from 1, "
                       "for example src/main.c:42:8",
                       CM_STR_ARG(position));
    }
    out->line = (uint32_t)line;
    out->column = (uint32_t)column;
    char given[PATH_MAX];
    snprintf(given, sizeof(given), "%.*s", (int)before, position.ptr);
    out->from_input = strcmp(given, "-") == 0;
    if (realpath(out->from_input ? "." : given, out->file) == NULL) {
        return cm_fail_errno(err, errno, "cannot read '%s'", given);
    }
    if (out->from_input) {
        size_t len = strlen(out->file);
        snprintf(out->file + len, sizeof(out->file) - len, "/-");
    }
    return CM_OK;
}

static cm_rc read_input(cm_buf *out, cm_err *err) {
    for (;;) {
        char *room = cm_buf_reserve(out, CM_MIN((size_t)CM_KIB(64), out->max - out->len));
        size_t wanted = CM_MIN((size_t)CM_KIB(64), out->max - out->len);
        if (room == NULL || wanted == 0) {
            return cm_fail(err, CM_LIMIT, "standard input is longer than %zu bytes", out->max - 1);
        }
        ssize_t got = read(STDIN_FILENO, room, wanted);
        if (got < 0 && errno != EINTR) {
            return cm_fail_errno(err, errno, "cannot read standard input");
        }
        if (got == 0) {
            return CM_OK;
        }
        out->len += got > 0 ? (size_t)got : 0;
    }
}

static cm_rc read_document(const place *where, cm_buf *out, cm_err *err) {
    cm_buf_init(out, DOCUMENT_MAX + where->from_input); /* one more shows that it is too long */
    return where->from_input ? read_input(out, err)
                             : cm_file_read(where->file, DOCUMENT_MAX, out, err);
}

static json_t *request_of(const place *where, const cm_args_complete *args, cm_str text,
                          const cm_repo *repo) {
    char id[CM_UUID_TEXT], uri[PATH_MAX + 8];
    cm_uuid uuid = cm_uuid_v7();
    cm_uuid_format(&uuid, id);
    snprintf(uri, sizeof(uri), "file://%s", where->file);
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:{s:s, s:s%}, s:{s:I, s:I}, s:{s:I, s:b, s:s}}", "request_id",
                  id, "user_id", "me", "completion_type", "fim", "document", "uri", uri, "content",
                  text.ptr == NULL ? "" : text.ptr, text.len, "position", "line",
                  (json_int_t)where->line - 1, "character", (json_int_t)where->column - 1,
                  "options", "max_tokens", (json_int_t)args->max_tokens, "return_context",
                  args->explain, "position_encoding", "utf-32");
    if (body != NULL && repo != NULL) {
        json_object_set_new(body, "repository_id", json_string(repo->id));
    }
    if (body != NULL && args->instant) {
        json_object_set_new(json_object_get(body, "options"), "model", json_string("instant"));
    }
    return body;
}

static cm_rc complete(cm_client *client, const cm_args_complete *args, const place *where,
                      json_t **ret_reply, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    cm_repo repo;
    char start[PATH_MAX];
    cm_rc rc = read_document(where, &text, err);
    if (rc != CM_OK) {
        return rc;
    }
    const char *inside = where->file;
    if (args->repo != NULL) {
        if (realpath(args->repo, start) == NULL) {
            return cm_fail_errno(err, errno, "cannot use --repo '%s'", args->repo);
        }
        inside = start;
    }
    rc = cm_repo_find(client, inside, &repo, err);
    bool found = rc == CM_OK;
    if (!found && (rc != CM_NOT_FOUND || args->repo != NULL)) {
        return rc;
    }
    json_t *body = request_of(where, args, cm_buf_str(&text), found ? &repo : NULL);
    if (body == NULL) {
        return cm_fail(err, CM_INVALID_UTF8, "'%s' is not valid UTF-8", where->file);
    }
    rc = cm_client_call(client, "POST", "/v1/completions", body, ret_reply, err);
    json_decref(body);
    return rc;
}

static void print_source(const json_t *source) {
    const char *file = json_string_value(json_object_get(source, "file"));
    const char *retriever = json_string_value(json_object_get(source, "retriever"));
    const char *reason = json_string_value(json_object_get(source, "reason"));
    json_int_t line = json_integer_value(json_object_get(source, "start_line"));
    char place_text[PATH_MAX + 24];
    if (line > 0) {
        snprintf(place_text, sizeof(place_text), "%s:%lld", file == NULL ? "" : file,
                 (long long)line);
    } else {
        snprintf(place_text, sizeof(place_text), "%s", file == NULL ? "" : file);
    }
    printf("  %s %-11s %5.2f %5lld tokens  %-8s %s  (%s)\n",
           json_is_true(json_object_get(source, "kept")) ? "+" : "-",
           json_string_value(json_object_get(source, "type")),
           json_number_value(json_object_get(source, "relevance")),
           (long long)json_integer_value(json_object_get(source, "tokens")),
           retriever == NULL ? "-" : retriever, place_text, reason == NULL ? "" : reason);
}

static void explain(const json_t *reply) {
    const json_t *metadata = json_object_get(reply, "metadata");
    const json_t *stages = json_object_get(metadata, "stage_ms");
    const json_t *tokens = json_object_get(metadata, "tokens_used");
    const char *model = json_string_value(json_object_get(metadata, "model_used"));
    const char *why = json_string_value(json_object_get(metadata, "routing_reason"));
    const char *stage;
    json_t *value;
    size_t i;
    printf("model    %s (%s)\n", model == NULL ? "none" : model, why == NULL ? "" : why);
    printf("tokens   %lld read, %lld written\n",
           (long long)json_integer_value(json_object_get(tokens, "prompt")),
           (long long)json_integer_value(json_object_get(tokens, "completion")));
    printf("time     %.2f ms:", json_number_value(json_object_get(metadata, "latency_ms")));
    json_object_foreach((json_t *)(uintptr_t)stages, stage, value) {
        printf(" %s %.2f", stage, json_number_value(value));
    }
    printf("\ncontext\n");
    json_array_foreach(json_object_get(metadata, "context_sources"), i, value) {
        print_source(value);
    }
}

static void print(const cm_cli *cli, const json_t *reply) {
    const cm_args_complete *args = cli->args;
    if (cli->json) {
        char *text = json_dumps(reply, JSON_INDENT(2));
        printf("%s\n", text);
        free(text);
        return;
    }
    const json_t *items = json_object_get(reply, "completions");
    size_t shown = args->explain ? json_array_size(items) : 1;
    for (size_t i = 0; i < shown && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (args->explain) {
            printf("%s %.2f\n", json_string_value(json_object_get(item, "source")),
                   json_number_value(json_object_get(item, "confidence")));
        }
        printf("%s\n", json_string_value(json_object_get(item, "text")));
    }
    if (json_array_size(items) == 0) {
        fprintf(stderr, "codementor: nothing to suggest here\n");
    }
    const char *model =
        json_string_value(json_object_get(json_object_get(reply, "metadata"), "model_used"));
    if (args->explain) {
        explain(reply);
    } else {
        fprintf(stderr, "(%s)\n", model == NULL ? "none" : model);
    }
}

int cm_cmd_complete(const cm_cli *cli) {
    const cm_args_complete *args = cli->args;
    place where;
    cm_err err;
    cm_client *client = NULL;
    json_t *reply = NULL;
    cm_rc rc = parse_place(cm_str_from(args->position), &where, &err);
    rc = rc == CM_OK ? cm_client_open(cli, &(cm_client_options){.without_model = args->instant},
                                      &client, &err)
                     : rc;
    rc = rc == CM_OK ? complete(client, args, &where, &reply, &err) : rc;
    if (rc == CM_OK) {
        print(cli, reply);
    }
    json_decref(reply);
    cm_client_close(client);
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
