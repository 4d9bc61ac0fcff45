/* etag.c - see etag.h. */
#include "base/base.h"

#include "api/etag.h"
#include "base/hash.h"

#define ENCODED_MAX CM_MIB(64)

cm_str cm_etag_of(const cm_schema *schema, const void *value, cm_arena *arena) {
    cm_cleanup(cm_buf_done) cm_buf body;
    cm_json_writer w;
    char hex[CM_HASH128_TEXT];
    cm_buf_init(&body, ENCODED_MAX);
    cm_json_writer_init(&w, &body);
    cm_schema_encode(schema, value, &w);
    cm_hash128_format(cm_hash128_of(body.ptr, body.len), hex);
    return cm_arena_fmt(arena, "\"%s\"", hex);
}

bool cm_etag_listed(cm_str list, cm_str etag) {
    cm_str item;
    while (cm_str_split(&list, ',', &item)) {
        item = cm_str_trim(item);
        if (cm_str_starts(item, CM_STR("W/"))) {
            item = cm_str_from_offset(item, 2);
        }
        if (cm_str_eq_c(item, "*") || cm_str_eq(item, etag)) {
            return true;
        }
    }
    return false;
}

bool cm_call_not_modified(cm_call *call, cm_str etag) {
    cm_str known = cm_call_header(call, "If-None-Match");
    cm_call_add_header(call, "ETag", etag);
    bool same = known.len > 0 && cm_etag_listed(known, etag);
    if (same) {
        cm_call_reply_empty(call, 304);
    }
    return same;
}
