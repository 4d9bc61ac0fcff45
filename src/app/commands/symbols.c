/* symbols.c - `codementor symbols`, `refs` and `map`: what the index knows of names. */
#include "base/base.h"

#include "app/repo.h"

#define QUERY_MAX CM_KIB(4)

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static void print_json(const json_t *reply) {
    char *text = json_dumps(reply, JSON_INDENT(2));
    printf("%s\n", text);
    free(text);
}

static int finish(const cm_cli *cli, cm_rc rc, const cm_err *err, json_t *reply,
                  void (*print)(const json_t *reply)) {
    if (rc != CM_OK) {
        return cm_command_fail(cli, rc, err);
    }
    (cli->json ? print_json : print)(reply);
    json_decref(reply);
    return 0;
}

static void add_parameter(cm_buf *query, const char *name, const char *value) {
    if (value != NULL) {
        cm_buf_add_f(query, "&%s=", name);
        cm_repo_encode(query, value);
    }
}

/* ---- symbols ---- */

static void print_symbols(const json_t *reply) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(reply, "items"), i, item) {
        printf("%s:%lld  %-9s %s  %s\n", text_of(item, "file_path"),
               (long long)json_integer_value(json_object_get(item, "start_line")),
               text_of(item, "kind"), text_of(item, "name"), text_of(item, "signature"));
    }
    if (!json_is_null(json_object_get(reply, "next_cursor"))) {
        puts("... more; narrow the name or raise --limit");
    }
}

int cm_cmd_symbols(const cm_cli *cli) {
    const cm_args_symbols *args = cli->args;
    cm_cleanup(cm_buf_done) cm_buf query;
    json_t *reply = NULL;
    cm_err err;
    cm_buf_init(&query, QUERY_MAX);
    cm_buf_add_f(&query, "/symbols?limit=%lld", (long long)args->limit);
    add_parameter(&query, "q", args->name);
    add_parameter(&query, "file", args->file);
    cm_rc rc = cm_buf_check(&query, &err);
    rc = rc == CM_OK ? cm_repo_ask(cli, args->repo, "GET", query.ptr, NULL, &reply, &err) : rc;
    return finish(cli, rc, &err, reply, print_symbols);
}

/* ---- refs ---- */

static void print_references(const json_t *reply) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(reply, "items"), i, item) {
        const json_t *start = json_object_get(json_object_get(item, "range"), "start");
        printf("%s:%lld  %-7s in %s\n", text_of(item, "file_path"),
               (long long)json_integer_value(json_object_get(start, "line")) + 1,
               text_of(item, "kind"), text_of(item, "name"));
    }
    if (json_is_true(json_object_get(reply, "truncated"))) {
        puts("... more; raise --limit");
    }
}

static void print_implementers(const json_t *reply) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(reply, "items"), i, item) {
        const json_t *start = json_object_get(json_object_get(item, "range"), "start");
        printf("%s:%lld  %-9s %s  %s\n", text_of(item, "file_path"),
               (long long)json_integer_value(json_object_get(start, "line")) + 1,
               text_of(item, "kind"), text_of(item, "name"), text_of(item, "signature"));
    }
    if (json_is_true(json_object_get(reply, "truncated"))) {
        puts("... more; raise --limit");
    }
}

static int implementers(const cm_cli *cli, const cm_args_refs *args) {
    cm_cleanup(cm_buf_done) cm_buf query;
    json_t *reply = NULL;
    cm_err err;
    cm_buf_init(&query, QUERY_MAX);
    cm_buf_add_f(&query, "/implementers?limit=%lld", (long long)args->limit);
    add_parameter(&query, "name", args->name);
    cm_rc rc = cm_buf_check(&query, &err);
    rc = rc == CM_OK ? cm_repo_ask(cli, args->repo, "GET", query.ptr, NULL, &reply, &err) : rc;
    return finish(cli, rc, &err, reply, print_implementers);
}

int cm_cmd_refs(const cm_cli *cli) {
    const cm_args_refs *args = cli->args;
    json_t *reply = NULL;
    cm_err err;
    if (args->implementers) {
        return implementers(cli, args);
    }
    json_t *body = json_pack("{s:s, s:I}", "symbol", args->name, "limit", (json_int_t)args->limit);
    cm_rc rc = body == NULL
                   ? cm_fail(&err, CM_INVALID_UTF8, "the name is not valid UTF-8")
                   : cm_repo_ask(cli, args->repo, "POST", args->calls ? "/callers" : "/references",
                                 body, &reply, &err);
    json_decref(body);
    return finish(cli, rc, &err, reply, print_references);
}

/* ---- map ---- */

static void print_map(const json_t *reply) {
    fputs(text_of(reply, "text"), stdout);
}

static double number_of(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void print_cochanges(const json_t *reply) {
    size_t i;
    json_t *item;
    const json_t *items = json_object_get(reply, "items");
    printf("%s: %.0f commits of the last %.0f\n", text_of(reply, "path"),
           number_of(reply, "commits"), number_of(json_object_get(reply, "history"), "commits"));
    if (json_array_size(items) == 0) {
        puts("no file changed together with it three times");
        return;
    }
    printf("%7s  %10s  %6s  %-10s  %s\n", "support", "confidence", "weight", "last", "file");
    json_array_foreach(items, i, item) {
        printf("%7.0f  %10.2f  %6.2f  %-10.10s  %s\n", number_of(item, "support"),
               number_of(item, "confidence"), number_of(item, "weight"),
               text_of(item, "last_changed_at"), text_of(item, "path"));
    }
    if (json_is_true(json_object_get(reply, "truncated"))) {
        puts("... more; raise --limit");
    }
}

static int cochange(const cm_cli *cli, const cm_args_map *args) {
    cm_cleanup(cm_buf_done) cm_buf query;
    json_t *reply = NULL;
    cm_err err;
    cm_buf_init(&query, QUERY_MAX);
    cm_buf_add_f(&query, "/cochange?limit=%lld", (long long)args->limit);
    add_parameter(&query, "path", args->cochange);
    cm_rc rc = cm_buf_check(&query, &err);
    rc = rc == CM_OK ? cm_repo_ask(cli, args->repo, "GET", query.ptr, NULL, &reply, &err) : rc;
    return finish(cli, rc, &err, reply, print_cochanges);
}

int cm_cmd_map(const cm_cli *cli) {
    const cm_args_map *args = cli->args;
    if (args->cochange != NULL) {
        return cochange(cli, args);
    }
    cm_cleanup(cm_buf_done) cm_buf query;
    json_t *reply = NULL;
    cm_err err;
    cm_buf_init(&query, QUERY_MAX);
    cm_buf_add_f(&query, "/map?tokens=%lld", (long long)args->tokens);
    add_parameter(&query, "focus", args->focus);
    cm_rc rc = cm_buf_check(&query, &err);
    rc = rc == CM_OK ? cm_repo_ask(cli, args->repo, "GET", query.ptr, NULL, &reply, &err) : rc;
    return finish(cli, rc, &err, reply, print_map);
}
