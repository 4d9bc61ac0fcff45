/* search.c - `codementor search QUERY`. */
#include "base/base.h"

#include <unistd.h>

#include "app/repo.h"

#define SHOWN_LINES 6 /* of each result, on a terminal */

static void print_result(const json_t *result, bool colour) {
    const char *path = json_string_value(json_object_get(result, "file_path"));
    const char *symbol = json_string_value(json_object_get(result, "symbol"));
    const char *content = json_string_value(json_object_get(result, "content"));
    json_int_t line = json_integer_value(json_object_get(result, "start_line"));
    printf("%s%s:%lld%s  %.2f  %s\n", colour ? "\033[1m" : "", path, (long long)line,
           colour ? "\033[0m" : "", json_number_value(json_object_get(result, "relevance_score")),
           symbol == NULL ? "" : symbol);
    cm_str rest = cm_str_from(content), text;
    for (int i = 0; i < SHOWN_LINES && cm_str_line(&rest, &text); i++) {
        printf("%6lld  " CM_STR_FMT "\n", (long long)line + i, CM_STR_ARG(text));
    }
    putchar('\n');
}

static void print(const cm_cli *cli, const json_t *reply) {
    size_t i;
    json_t *result;
    if (cli->json) {
        char *text = json_dumps(reply, JSON_INDENT(2));
        printf("%s\n", text);
        free(text);
        return;
    }
    bool colour = isatty(STDOUT_FILENO) == 1;
    const json_t *results = json_object_get(reply, "results");
    json_array_foreach(results, i, result) {
        print_result(result, colour);
    }
    const char *degraded = json_string_value(json_object_get(reply, "degraded"));
    printf("%zu results in %.1f ms%s%s\n", json_array_size(results),
           json_number_value(json_object_get(reply, "took_ms")), degraded ? "; " : "",
           degraded ? degraded : "");
}

int cm_cmd_search(const cm_cli *cli) {
    const cm_args_search *args = cli->args;
    json_t *reply = NULL;
    cm_err err;
    json_t *body = json_pack("{s:s, s:I, s:b}", "query", args->query, "limit",
                             (json_int_t)args->limit, "regex", args->regex);
    cm_rc rc = body == NULL ? cm_fail(&err, CM_INVALID_UTF8, "the query is not valid UTF-8")
                            : cm_repo_ask(cli, args->repo, "POST", "/search", body, &reply, &err);
    if (rc == CM_OK) {
        print(cli, reply);
    }
    json_decref(body);
    json_decref(reply);
    return rc == CM_OK ? 0 : cm_command_fail(cli, rc, &err);
}
