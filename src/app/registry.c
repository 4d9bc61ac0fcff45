/* registry.c - pip's settings and the simple interface. See registry.h. */
#include "base/base.h"

#include <curl/curl.h>
#include <ini.h>

#include "app/registry.h"

#define PUBLIC_INDEX "https://pypi.org/simple"
#define HASH_MARK    "sha256="

/* ---- which index ---- */

typedef struct pip_file {
    cm_arena *arena;
    const char *index, *cert;
} pip_file;

/* [global] is what `pip config set global.index-url` writes and every command of pip reads. */
static int take_pip_value(void *user, const char *section, const char *name, const char *value) {
    pip_file *file = user;
    if (strcmp(section, "global") != 0) {
        return 1;
    }
    const char *text = cm_arena_str(file->arena, cm_str_trim(cm_str_from(value))).ptr;
    if (strcmp(name, "index-url") == 0 || strcmp(name, "index_url") == 0) {
        file->index = text;
    } else if (strcmp(name, "cert") == 0) {
        file->cert = text;
    }
    return 1;
}

static const char *in_home(cm_arena *arena, const char *tail) {
    const char *home = getenv("HOME");
    return home == NULL || home[0] == '\0' ? "" : cm_arena_fmt(arena, "%s/%s", home, tail).ptr;
}

static const char *in_config_home(cm_arena *arena) {
    const char *xdg = getenv("XDG_CONFIG_HOME");
    return xdg != NULL && xdg[0] == '/' ? cm_arena_fmt(arena, "%s/pip/pip.conf", xdg).ptr
                                        : in_home(arena, ".config/pip/pip.conf");
}

static void from_pip_files(cm_arena *arena, cm_registry *registry) {
    const char *named = getenv("PIP_CONFIG_FILE");
    const char *files[] = {named == NULL ? "" : named, in_config_home(arena),
                           in_home(arena, ".pip/pip.conf"), "/etc/xdg/pip/pip.conf",
                           "/etc/pip.conf"};
    for (size_t i = 0; i < CM_COUNT(files); i++) {
        pip_file file = {.arena = arena};
        if (files[i][0] == '\0' || ini_parse(files[i], take_pip_value, &file) < 0) {
            continue;
        }
        if (registry->index == NULL && file.index != NULL) {
            registry->index = file.index;
            registry->from = files[i];
        }
        registry->cert = registry->cert == NULL ? file.cert : registry->cert;
    }
}

static const char *set_variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

void cm_registry_find(const char *setting, cm_arena *arena, cm_registry *ret_registry) {
    const char *variable = set_variable("PIP_INDEX_URL");
    cm_registry registry = {.cert = set_variable("PIP_CERT")};
    if (setting[0] != '\0') {
        registry.index = setting;
        registry.from = "model.fetch_url";
    } else if (variable != NULL) {
        registry.index = variable;
        registry.from = "PIP_INDEX_URL";
    }
    from_pip_files(arena, &registry);
    if (registry.index == NULL) {
        registry.index = PUBLIC_INDEX;
        registry.from = "default";
    }
    cm_str index = cm_str_from(registry.index);
    while (cm_str_ends(index, CM_STR("/"))) {
        index.len--;
    }
    registry.index = cm_arena_str(arena, index).ptr;
    *ret_registry = registry;
}

const char *cm_registry_shown(const char *url, cm_arena *arena) {
    cm_str text = cm_str_from(url);
    size_t scheme = cm_str_find(text, CM_STR("://"));
    if (scheme == SIZE_MAX) {
        return url;
    }
    cm_str rest = cm_str_from_offset(text, scheme + 3);
    cm_str host = cm_str_sub(rest, 0, CM_MIN(cm_str_find_char(rest, '/'), rest.len));
    size_t at = cm_str_rfind_char(host, '@');
    return at == SIZE_MAX ? url
                          : cm_arena_fmt(arena, "%.*s" CM_STR_FMT, (int)scheme + 3, url,
                                         CM_STR_ARG(cm_str_from_offset(rest, at + 1)))
                                .ptr;
}

/* ---- its page of links ---- */

/* The value of the next href of the page; entities of a link are '&' alone. */
static bool next_link(cm_str *page, cm_arena *arena, cm_str *ret_link) {
    size_t at = cm_str_find(*page, CM_STR("href="));
    if (at == SIZE_MAX || at + 6 >= page->len) {
        return false;
    }
    char quote = page->ptr[at + 5];
    *page = cm_str_from_offset(*page, at + 6);
    cm_str raw = cm_str_sub(*page, 0, cm_str_find_char(*page, quote));
    *page = cm_str_from_offset(*page, raw.len);
    char *out = cm_arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        out[len++] = raw.ptr[i];
        i +=
            raw.ptr[i] == '&' && cm_str_starts(cm_str_from_offset(raw, i), CM_STR("&amp;")) ? 4 : 0;
    }
    *ret_link = cm_str_make(out, len);
    return true;
}

static cm_rc resolve(const char *page_url, cm_str link, cm_arena *arena, const char **ret_url,
                     cm_err *err) {
    CURLU *url = curl_url();
    char *text = NULL;
    bool good = url != NULL && curl_url_set(url, CURLUPART_URL, page_url, 0) == CURLUE_OK &&
                curl_url_set(url, CURLUPART_URL, cm_arena_c(arena, link), 0) == CURLUE_OK &&
                curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK;
    if (good) {
        *ret_url = cm_arena_str(arena, cm_str_from(text)).ptr;
    }
    curl_free(text);
    curl_url_cleanup(url);
    return good ? CM_OK
                : cm_fail(err, CM_UPSTREAM_BAD_REPLY, "the package index has a link that is none");
}

/* The file's name in a link, without query and fragment. */
static cm_str file_of(cm_str link) {
    link = cm_str_sub(link, 0, CM_MIN(cm_str_find_char(link, '#'), link.len));
    link = cm_str_sub(link, 0, CM_MIN(cm_str_find_char(link, '?'), link.len));
    size_t slash = cm_str_rfind_char(link, '/');
    return slash == SIZE_MAX ? link : cm_str_from_offset(link, slash + 1);
}

cm_rc cm_registry_link(cm_str page, const char *page_url, const cm_registry_wish *wish,
                       cm_arena *arena, const char **ret_url, cm_err *err) {
    bool other = false;
    cm_str link;
    while (next_link(&page, arena, &link)) {
        cm_str file = file_of(link);
        if (!cm_str_starts(file, cm_str_from(wish->stem)) || !cm_str_ends(file, CM_STR(".whl"))) {
            continue;
        }
        size_t mark = cm_str_find(link, CM_STR("#" HASH_MARK));
        cm_str hash =
            cm_str_from_offset(link, mark == SIZE_MAX ? link.len : mark + sizeof(HASH_MARK));
        if (hash.len == 0 || cm_str_eq_nocase(hash, cm_str_from(wish->sha256))) {
            return resolve(page_url, link, arena, ret_url, err);
        }
        other = true;
    }
    if (other) {
        return cm_fail(err, CM_UPSTREAM_BAD_REPLY,
                       "the package index offers '%s*.whl' with other contents than the ones this "
                       "version was made for (SHA-256 %s)",
                       wish->stem, wish->sha256);
    }
    return cm_fail(err, CM_NOT_FOUND, "the package index has no '%s*.whl'", wish->stem);
}
