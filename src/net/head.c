/* head.c - looking up header fields. Linear: a head has a dozen of them, at most 128. */
#include "net/http.h"

bool cm_http_head_next(const cm_http_head *head, const char *name, size_t *cursor,
                       cm_str *ret_value) {
    cm_str wanted = cm_str_from(name);
    while (*cursor < head->header_count) {
        const cm_http_header *header = &head->headers[(*cursor)++];
        if (cm_str_eq_nocase(header->name, wanted)) {
            *ret_value = header->value;
            return true;
        }
    }
    return false;
}

bool cm_http_head_find(const cm_http_head *head, const char *name, cm_str *ret_value) {
    size_t cursor = 0;
    return cm_http_head_next(head, name, &cursor, ret_value);
}
