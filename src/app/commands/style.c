/* style.c - `codementor style` and `deps`: how an indexed directory is written, and what it needs. */
#include "base/base.h"

#include "app/repo.h"

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* Prints and forgets `what`, an object of the reply's own members. */
static int print_json(json_t *what) {
    char *text = json_dumps(what, JSON_INDENT(2));
    printf("%s\n", text);
    free(text);
    json_decref(what);
    return 0;
}

/* ---- style ---- */

static void print_row(const json_t *guide, const char *label, const char *key, const char *value) {
    double share = json_number_value(json_object_get(json_object_get(guide, "confidence"), key));
    if (value[0] != '\0') {
        printf("  %-14s %-18s %3.0f %%\n", label, value, share * 100);
    }
}

static void print_number(const json_t *guide, const char *label, const char *key) {
    char text[32] = "";
    const json_t *value = json_object_get(guide, key);
    if (json_is_integer(value)) {
        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
    }
    print_row(guide, label, key, text);
}

static void print_guide(const json_t *guide) {
    const json_t *naming = json_object_get(guide, "namingConventions");
    const json_t *semicolons = json_object_get(guide, "semicolons");
    printf("%s (%lld files)\n", text_of(guide, "language"),
           (long long)json_integer_value(json_object_get(guide, "detectedFrom")));
    print_row(guide, "indentation", "indentation", text_of(guide, "indentation"));
    print_number(guide, "indent size", "indentSize");
    print_row(guide, "functions", "functions", text_of(naming, "functions"));
    print_row(guide, "classes", "classes", text_of(naming, "classes"));
    print_row(guide, "constants", "constants", text_of(naming, "constants"));
    print_number(guide, "line length", "maxLineLength");
    print_row(guide, "quotes", "quoteStyle", text_of(guide, "quoteStyle"));
    print_row(guide, "semicolons", "semicolons",
              json_is_boolean(semicolons) ? json_is_true(semicolons) ? "yes" : "no" : "");
}

static json_t *guide_of(const json_t *reply, const char *language) {
    size_t i;
    json_t *guide;
    json_array_foreach(json_object_get(reply, "styles"), i, guide) {
        if (strcasecmp(text_of(guide, "language"), language) == 0) {
            return guide;
        }
    }
    return NULL;
}

static cm_rc no_such_language(const json_t *reply, const char *language, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf known;
    size_t i;
    json_t *guide;
    cm_buf_init(&known, CM_KIB(4));
    json_array_foreach(json_object_get(reply, "styles"), i, guide) {
        cm_buf_add_f(&known, "%s%s", i > 0 ? ", " : "", text_of(guide, "language"));
    }
    return cm_fail(err, CM_NOT_FOUND, "there is no code in '%s' here; it has: %s", language,
                   known.len > 0 ? cm_buf_c(&known) : "none");
}

static int print_styles(const cm_cli *cli, const json_t *reply) {
    json_t *styles = json_object_get(reply, "styles");
    size_t i;
    json_t *guide;
    if (cli->json) {
        return print_json(json_pack("{s:O, s:O}", "styleGuide",
                                    json_object_get(reply, "styleGuide"), "styles", styles));
    }
    json_array_foreach(styles, i, guide) {
        print_guide(guide);
    }
    if (json_array_size(styles) == 0) {
        puts("no code is indexed here");
    }
    return 0;
}

int cm_cmd_style(const cm_cli *cli) {
    const cm_args_style *args = cli->args;
    json_t *reply = NULL;
    cm_err err;
    int status = 0;
    cm_rc rc = cm_repo_ask_codebase(cli, args->repo, "/context", &reply, &err);
    json_t *guide = NULL;
    if (rc == CM_OK && args->language != NULL) {
        guide = guide_of(reply, args->language);
        rc = guide == NULL ? no_such_language(reply, args->language, &err) : CM_OK;
    }
    if (rc != CM_OK) {
        status = cm_command_fail(cli, rc, &err);
    } else if (guide == NULL) {
        status = print_styles(cli, reply);
    } else if (cli->json) {
        status = print_json(json_incref(guide));
    } else {
        print_guide(guide);
    }
    json_decref(reply);
    return status;
}

/* ---- deps ---- */

static int longest(const json_t *items, const char *key) {
    size_t i, most = 0;
    json_t *item;
    json_array_foreach(items, i, item) {
        most = CM_MAX(most, strlen(text_of(item, key)));
    }
    return (int)CM_MIN(most, (size_t)60);
}

static void print_dependencies(const json_t *reply) {
    const json_t *items = json_object_get(reply, "dependencies");
    const json_t *frameworks = json_object_get(reply, "frameworks");
    int name = longest(items, "name"), version = longest(items, "version");
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) {
        printf("%-8s  %-*s  %-*s  %-11s  %s\n", text_of(item, "packageManager"), name,
               text_of(item, "name"), version, text_of(item, "version"), text_of(item, "type"),
               text_of(item, "manifest"));
    }
    if (json_array_size(items) == 0) {
        puts("no manifest declares a package here");
    }
    json_array_foreach(frameworks, i, item) {
        printf("%s%s", i == 0 ? "frameworks: " : ", ", json_string_value(item));
    }
    if (json_array_size(frameworks) > 0) {
        putchar('\n');
    }
}

int cm_cmd_deps(const cm_cli *cli) {
    const cm_args_deps *args = cli->args;
    json_t *reply = NULL;
    cm_err err;
    cm_rc rc = cm_repo_ask_codebase(cli, args->repo, "/context", &reply, &err);
    if (rc != CM_OK) {
        return cm_command_fail(cli, rc, &err);
    }
    if (cli->json) {
        print_json(json_pack("{s:O, s:O}", "dependencies", json_object_get(reply, "dependencies"),
                             "frameworks", json_object_get(reply, "frameworks")));
    } else {
        print_dependencies(reply);
    }
    json_decref(reply);
    return 0;
}
