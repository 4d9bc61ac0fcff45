/* url.c - see url.h. */
#include "base/url.h"

cm_str cm_url_public(cm_str url, cm_arena *arena) {
    size_t scheme = cm_str_find(url, CM_STR("://"));
    if (scheme == SIZE_MAX) {
        return url;
    }
    size_t start = scheme + 3;
    cm_str rest = cm_str_from_offset(url, start);
    cm_str authority = cm_str_sub(rest, 0, cm_str_find_char(rest, '/'));
    size_t at = cm_str_rfind_char(authority, '@'); /* a password may hold one itself */
    if (at == SIZE_MAX) {
        return url;
    }
    cm_str name = cm_str_sub(url, 0, scheme);
    size_t colon = cm_str_find_char(cm_str_sub(authority, 0, at), ':');
    bool is_http =
        cm_str_eq_nocase(name, CM_STR("http")) || cm_str_eq_nocase(name, CM_STR("https"));
    if (colon == SIZE_MAX && !is_http) {
        return url;
    }
    cm_str user = is_http ? CM_STR_EMPTY : cm_str_sub(authority, 0, colon);
    return cm_arena_fmt(arena, CM_STR_FMT "://" CM_STR_FMT "%s" CM_STR_FMT, CM_STR_ARG(name),
                        CM_STR_ARG(user), user.len > 0 ? "@" : "",
                        CM_STR_ARG(cm_str_from_offset(rest, at + 1)));
}
