/* config_value.c - one setting's text to its value and back, and the rules between settings. */
#include "app/config_priv.h"

#include "base/utf8.h"

#define LIST_ITEMS_MAX 256

static const char *bound_text(const cm_option *option, double value, cm_arena *arena) {
    if (!option->bounded || (value >= option->min && value <= option->max)) {
        return NULL;
    }
    return cm_arena_fmt(arena, "must be from %.15g to %.15g", option->min, option->max).ptr;
}

static const char *parse_int(const cm_option *option, cm_str text, cm_arena *arena, int64_t *out) {
    if (text.len == 0 && option->preset[0] == '\0') {
        *out = -1;
        return NULL;
    }
    int64_t value;
    if (!cm_str_to_i64(text, &value)) {
        return "must be a whole number";
    }
    const char *why = bound_text(option, (double)value, arena);
    if (!why) {
        *out = value;
    }
    return why;
}

static const char *parse_real(const cm_option *option, cm_str text, cm_arena *arena, double *out) {
    double value;
    if (!cm_str_to_f64(text, &value)) {
        return "must be a number";
    }
    const char *why = bound_text(option, value, arena);
    if (!why) {
        *out = value;
    }
    return why;
}

static const char *parse_bool(cm_str text, bool *out) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < CM_COUNT(words); i++) {
        if (cm_str_eq_nocase(text, cm_str_from(words[i]))) {
            *out = i % 2 != 0;
            return NULL;
        }
    }
    return "must be true or false";
}

static const char *parse_enum(const cm_option *option, cm_str text, cm_arena *arena, int *out) {
    cm_buf names;
    cm_buf_init(&names, CM_KIB(1));
    for (int i = 0; option->values[i]; i++) {
        if (cm_str_eq_c(text, option->values[i])) {
            *out = i;
            cm_buf_done(&names);
            return NULL;
        }
        cm_buf_add_f(&names, "%s%s", i ? ", " : "", option->values[i]);
    }
    const char *why = cm_arena_fmt(arena, "must be one of %s", cm_buf_c(&names)).ptr;
    cm_buf_done(&names);
    return why;
}

/* "~/x" is in the home directory. */
static const char *expand(cm_str text, const char *home, cm_arena *arena) {
    if (home[0] && (cm_str_eq_c(text, "~") || cm_str_starts(text, CM_STR("~/")))) {
        return cm_arena_fmt(arena, "%s" CM_STR_FMT, home, CM_STR_ARG(cm_str_from_offset(text, 1)))
            .ptr;
    }
    return cm_arena_c(arena, text);
}

static const char *parse_list(bool paths, cm_str text, const char *home, cm_arena *arena,
                              cm_str_list *out) {
    cm_str *items = cm_arena_alloc(arena, LIST_ITEMS_MAX * sizeof(cm_str));
    size_t count = 0;
    cm_str part;
    while (cm_str_split(&text, ',', &part)) {
        cm_str item = cm_str_trim(part);
        if (item.len == 0) {
            continue;
        }
        if (count == LIST_ITEMS_MAX) {
            return "has too many items";
        }
        items[count++] = paths ? cm_str_from(expand(item, home, arena)) : cm_arena_str(arena, item);
    }
    *out = (cm_str_list){items, count};
    return NULL;
}

static const char *parse_address(cm_str text, cm_arena *arena, const char **out) {
    cm_str host;
    uint16_t port;
    if (!cm_address_split(text, &host, &port)) {
        return "must be HOST:PORT, for example 127.0.0.1:8012";
    }
    *out = cm_arena_c(arena, text);
    return NULL;
}

const char *cm_option_parse(const cm_option *option, cm_str text, const char *home, cm_arena *arena,
                            cm_config *config) {
    void *out = (char *)config + option->offset;
    text = cm_str_trim(text);
    if (!cm_utf8_valid(text)) {
        return "must be UTF-8";
    }
    switch (option->type) {
    case CM_OPTION_TYPE_STR:
    case CM_OPTION_TYPE_URL: *(const char **)out = cm_arena_c(arena, text); return NULL;
    case CM_OPTION_TYPE_PATH: *(const char **)out = expand(text, home, arena); return NULL;
    case CM_OPTION_TYPE_ADDRESS: return parse_address(text, arena, out);
    case CM_OPTION_TYPE_INT: return parse_int(option, text, arena, out);
    case CM_OPTION_TYPE_REAL: return parse_real(option, text, arena, out);
    case CM_OPTION_TYPE_BOOL: return parse_bool(text, out);
    case CM_OPTION_TYPE_ENUM: return parse_enum(option, text, arena, out);
    case CM_OPTION_TYPE_LIST: return parse_list(false, text, home, arena, out);
    case CM_OPTION_TYPE_PATHS: return parse_list(true, text, home, arena, out);
    }
    return "has an unknown type";
}

static void format_list(const cm_str_list *list, cm_buf *out) {
    for (size_t i = 0; i < list->count; i++) {
        cm_buf_add_c(out, i ? ", " : "");
        cm_buf_add_str(out, list->items[i]);
    }
}

void cm_option_format(const cm_option *option, const cm_config *config, cm_buf *out) {
    const void *value = (const char *)config + option->offset;
    switch (option->type) {
    case CM_OPTION_TYPE_STR:
    case CM_OPTION_TYPE_URL:
    case CM_OPTION_TYPE_PATH:
    case CM_OPTION_TYPE_ADDRESS: cm_buf_add_c(out, *(const char *const *)value); break;
    case CM_OPTION_TYPE_INT:
        if (*(const int64_t *)value >= 0 || option->preset[0]) {
            cm_buf_add_i64(out, *(const int64_t *)value);
        }
        break;
    case CM_OPTION_TYPE_REAL: cm_buf_add_f(out, "%.15g", *(const double *)value); break;
    case CM_OPTION_TYPE_BOOL: cm_buf_add_c(out, *(const bool *)value ? "true" : "false"); break;
    case CM_OPTION_TYPE_ENUM: cm_buf_add_c(out, option->values[*(const int *)value]); break;
    case CM_OPTION_TYPE_LIST:
    case CM_OPTION_TYPE_PATHS: format_list(value, out); break;
    }
}

/* --- addresses --- */

bool cm_address_split(cm_str address, cm_str *ret_host, uint16_t *ret_port) {
    size_t colon = cm_str_rfind_char(address, ':');
    uint64_t port;
    if (colon == SIZE_MAX || !cm_str_to_u64(cm_str_from_offset(address, colon + 1), &port) ||
        port > UINT16_MAX) {
        return false;
    }
    cm_str host = cm_str_sub(address, 0, colon);
    if (cm_str_starts(host, CM_STR("["))) {
        if (!cm_str_ends(host, CM_STR("]"))) {
            return false;
        }
        host = cm_str_sub(host, 1, host.len - 2);
    } else if (cm_str_find_char(host, ':') != SIZE_MAX) {
        return false; /* an IPv6 address needs its brackets */
    }
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return true;
}

cm_str cm_config_listen_host(const cm_config *config) {
    cm_str host = CM_STR_EMPTY;
    uint16_t port;
    cm_assert(cm_address_split(cm_str_from(config->http.listen), &host, &port));
    return host;
}

uint16_t cm_config_listen_port(const cm_config *config) {
    cm_str host;
    uint16_t port = 0;
    cm_assert(cm_address_split(cm_str_from(config->http.listen), &host, &port));
    return config->http.port >= 0 ? (uint16_t)config->http.port : port;
}

static bool is_loopback(cm_str host) {
    return cm_str_eq_nocase(host, CM_STR("localhost")) || cm_str_eq_c(host, "::1") ||
           cm_str_starts(host, CM_STR("127."));
}

void cm_config_check(cm_config_load_state *load) {
    const cm_config *config = load->config;
    if (config->auth.mode == CM_CONFIG_AUTH_MODE_MULTI) {
        cm_config_fault(load, "auth.mode = multi is not available yet; use local");
    }
    if (!is_loopback(cm_config_listen_host(config))) {
        cm_config_fault(load,
                        "http.listen = %s is not a loopback address, and in local mode anyone who "
                        "reaches the server is its owner; use 127.0.0.1",
                        config->http.listen);
    }
    if ((config->http.tls_cert[0] == '\0') != (config->http.tls_key[0] == '\0')) {
        cm_config_fault(load, "http.tls_cert and http.tls_key must be given together");
    }
    cm_str url = cm_str_from(config->database.url);
    if (url.len > 0 && !cm_str_starts(url, CM_STR("sqlite:")) &&
        !cm_str_starts(url, CM_STR("postgresql:")) && !cm_str_starts(url, CM_STR("postgres:"))) {
        cm_config_fault(load, "database.url must begin with 'sqlite:' or 'postgresql:'");
    }
}
