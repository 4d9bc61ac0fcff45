/* guard.c - see guard.h. */
#include "api/gateway/guard.h"

#define REQUEST_ID_MAX 128

/* "[::1]:80" -> "[::1]", "localhost:80" -> "localhost". */
static cm_str host_name(cm_str host) {
    if (cm_str_starts(host, CM_STR("["))) {
        size_t end = cm_str_find_char(host, ']');
        return end == SIZE_MAX ? host : cm_str_sub(host, 0, end + 1);
    }
    return cm_str_sub(host, 0, cm_str_find_char(host, ':'));
}

/* The rest after the name is nothing or a port. */
static bool port_ok(cm_str rest) {
    uint64_t port;
    return rest.len == 0 || (rest.ptr[0] == ':' &&
                             cm_str_to_u64(cm_str_from_offset(rest, 1), &port) && port <= 65535);
}

static bool is_ipv4_loopback(cm_str name) {
    cm_str part;
    int parts = 0;
    for (; cm_str_split(&name, '.', &part); parts++) {
        uint64_t value;
        if (!cm_str_to_u64(part, &value) || value > 255 || (parts == 0 && value != 127)) {
            return false;
        }
    }
    return parts == 4;
}

bool cm_guard_host_is_loopback(cm_str host) {
    cm_str name = host_name(host);
    if (!port_ok(cm_str_from_offset(host, name.len))) {
        return false;
    }
    return cm_str_eq_nocase(name, CM_STR("localhost")) || cm_str_eq_c(name, "[::1]") ||
           is_ipv4_loopback(name);
}

bool cm_guard_origin_allowed(cm_str origin, cm_str host, bool tls, cm_str_list allowed) {
    cm_str scheme = tls ? CM_STR("https://") : CM_STR("http://");
    if (host.len > 0 && cm_str_starts(origin, scheme) &&
        cm_str_eq_nocase(cm_str_from_offset(origin, scheme.len), host)) {
        return true;
    }
    for (size_t i = 0; i < allowed.count; i++) {
        if (cm_str_eq(origin, allowed.items[i])) {
            return true;
        }
    }
    return false;
}

bool cm_guard_fetch_site_allowed(cm_str site) {
    return cm_str_eq_c(site, "same-origin") || cm_str_eq_c(site, "none");
}

bool cm_guard_content_type_is(cm_str value, const char *type) {
    cm_str part;
    if (!cm_str_split(&value, ';', &part) ||
        !cm_str_eq_nocase(cm_str_trim(part), cm_str_from(type))) {
        return false;
    }
    while (cm_str_split(&value, ';', &part)) {
        cm_str parameter = cm_str_trim(part);
        cm_str name = cm_str_sub(parameter, 0, cm_str_find_char(parameter, '='));
        cm_str text = cm_str_from_offset(parameter, CM_MIN(name.len + 1, parameter.len));
        if (cm_str_eq_nocase(name, CM_STR("charset")) && !cm_str_eq_nocase(text, CM_STR("utf-8")) &&
            !cm_str_eq_nocase(text, CM_STR("\"utf-8\""))) {
            return false;
        }
    }
    return true;
}

/* "application/json", "application/ *" or "* / *" covers `type`. */
static bool range_covers(cm_str range, cm_str type) {
    if (cm_str_eq_c(range, "*/*") || cm_str_eq_nocase(range, type)) {
        return true;
    }
    size_t slash = cm_str_find_char(type, '/');
    return cm_str_ends(range, CM_STR("/*")) && slash != SIZE_MAX &&
           cm_str_eq_nocase(cm_str_sub(range, 0, range.len - 1), cm_str_sub(type, 0, slash + 1));
}

/* Whether the parameters of one media range say q=0. */
static bool refused(cm_str parameters) {
    cm_str part;
    double q;
    while (cm_str_split(&parameters, ';', &part)) {
        cm_str parameter = cm_str_trim(part);
        if (cm_str_starts(parameter, CM_STR("q=")) &&
            cm_str_to_f64(cm_str_from_offset(parameter, 2), &q) && q <= 0) {
            return true;
        }
    }
    return false;
}

bool cm_guard_accepts(cm_str accept, const char *const *types) {
    cm_str item;
    while (cm_str_split(&accept, ',', &item)) {
        cm_str rest = item;
        cm_str range;
        if (!cm_str_split(&rest, ';', &range) || refused(rest)) {
            continue;
        }
        for (size_t i = 0; types[i]; i++) {
            if (range_covers(cm_str_trim(range), cm_str_from(types[i]))) {
                return true;
            }
        }
    }
    return false;
}

bool cm_guard_request_id_ok(cm_str id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!cm_is_alpha(c) && !cm_is_digit(c) && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return id.len > 0 && id.len <= REQUEST_ID_MAX;
}

bool cm_guard_has_word(cm_str list, const char *word) {
    cm_str item;
    while (cm_str_split(&list, ',', &item)) {
        if (cm_str_eq_nocase(cm_str_trim(item), cm_str_from(word))) {
            return true;
        }
    }
    return false;
}
