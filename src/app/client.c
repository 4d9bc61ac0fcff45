/* client.c - HTTP over a Unix socket by libcurl. See client.h. */
#include "base/base.h"

#include <curl/curl.h>

#include "app/client.h"
#include "app/places.h"
#include "app/server.h"
#include "base/mem.h"
#include "base/path.h"

#define REPLY_MAX CM_MIB(64)

struct cm_client {
    CURL *curl;
    cm_arena *arena;
    cm_places places;
    cm_server *server; /* NULL when another process owns the directory */
    long timeout_s;
};

cm_rc cm_client_open(const cm_cli *cli, const cm_client_options *options, cm_client **ret_client,
                     cm_err *err) {
    cm_client *client = CM_NEW(cm_client);
    cm_owner_info owner;
    client->arena = cm_arena_new(0);
    client->curl = curl_easy_init();
    client->timeout_s = options->timeout_s;
    cm_rc rc = client->curl == NULL ? cm_fail(err, CM_NOMEM, "cannot start an HTTP client") : CM_OK;
    if (rc == CM_OK) {
        rc = cm_places_resolve(cli->config, client->arena, &client->places, err);
    }
    if (rc == CM_OK && cm_owner_find(&client->places, client->arena, &owner, NULL) != CM_OK) {
        cm_server_options server = {.socket_only = true, .without_model = options->without_model};
        rc = options->running_only
                 ? cm_fail(err, CM_NOT_FOUND, "no server runs; start one with `codementor serve`")
                 : cm_server_open(cli->config, &client->places, &server, &client->server, err);
    }
    if (rc != CM_OK) {
        cm_client_close(client);
        return rc;
    }
    *ret_client = client;
    return CM_OK;
}

void cm_client_close(cm_client *client) {
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        cm_server_close(client->server);
        cm_arena_free(client->arena);
        cm_free(client);
    }
}

static size_t receive(char *bytes, size_t size, size_t count, void *out) {
    cm_buf_add(out, bytes, size * count);
    return cm_buf_check(out, NULL) == CM_OK ? size * count : 0;
}

static cm_rc perform(cm_client *client, const char *method, const char *path, char *body,
                     cm_buf *reply, long *ret_status, cm_err *err) {
    CURL *curl = client->curl;
    char url[CM_PATH_BYTES_MAX];
    snprintf(url, sizeof(url), "http://localhost%s", path);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->places.socket);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, client->timeout_s);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        return cm_fail(err, CM_OVERLOADED, "cannot reach the server at '%s': %s",
                       client->places.socket, curl_easy_strerror(code));
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    return CM_OK;
}

/* The first fault of a validation says more than the title. */
static cm_rc problem(const json_t *reply, long status, cm_err *err) {
    const json_t *fault = json_array_get(json_object_get(reply, "errors"), 0);
    const char *code = json_string_value(json_object_get(reply, "code"));
    const char *detail = json_string_value(json_object_get(reply, "detail"));
    const char *pointer = json_string_value(json_object_get(fault, "pointer"));
    const char *message = json_string_value(json_object_get(fault, "message"));
    const cm_err_info *info = code == NULL ? NULL : cm_err_info_find(code);
    cm_rc rc = info == NULL ? CM_INTERNAL : info->rc;
    if (message != NULL) {
        return cm_fail(err, rc, "%s: %s", pointer == NULL ? "body" : pointer, message);
    }
    if (detail != NULL) {
        return cm_fail(err, rc, "%s", detail);
    }
    return cm_fail(err, rc, "the server answered with status %ld", status);
}

cm_rc cm_client_call(cm_client *client, const char *method, const char *path, const json_t *body,
                     json_t **ret_reply, cm_err *err) {
    cm_cleanup(cm_buf_done) cm_buf text;
    long status = 0;
    json_t *reply = NULL;
    char *sent = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    cm_buf_init(&text, REPLY_MAX);
    cm_rc rc = perform(client, method, path, sent, &text, &status, err);
    free(sent);
    if (rc == CM_OK && text.len > 0) {
        rc = cm_json_parse(cm_buf_str(&text), &reply, err);
    }
    if (rc == CM_OK && status >= 400) {
        rc = problem(reply, status, err);
    }
    if (rc != CM_OK || ret_reply == NULL) {
        json_decref(reply);
        return rc;
    }
    *ret_reply = reply;
    return CM_OK;
}

int cm_command_fail(const cm_cli *cli, cm_rc rc, const cm_err *err) {
    const cm_err_info *info = cm_err_info_get(rc);
    if (cli->json) {
        cm_cleanup(cm_buf_done) cm_buf out;
        cm_json_writer w;
        cm_buf_init(&out, CM_KIB(8));
        cm_json_writer_init(&w, &out);
        cm_json_object(&w);
        cm_json_key(&w, "error");
        cm_json_object(&w);
        cm_json_key(&w, "code");
        cm_json_c(&w, info->slug);
        cm_json_key(&w, "message");
        cm_json_c(&w, err->text);
        cm_json_object_end(&w);
        cm_json_object_end(&w);
        fprintf(stderr, "%s\n", cm_buf_c(&out));
    } else {
        fprintf(stderr, "codementor: %s\n", err->text);
    }
    return info->http_status < 500 ? 2 : 1;
}
