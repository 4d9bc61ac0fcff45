/* files.c - the files of a repository as the index has them: names, and content. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/cursor.h"
#include "api/lookup.h"
#include "api/services.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "base/vec.h"

#define CONTENT_MAX CM_MIB(1) /* of a reply; more is `truncated` */
#define TOKEN_BYTES 4         /* of source, on average: the projection counts the same */

/* ---- list ---- */

/* A path may hold the dots that divide a cursor: its bytes in hexadecimal. */
static cm_str hex_of(cm_str path, cm_arena *arena) {
    static const char digits[] = "0123456789abcdef";
    char *out = cm_arena_alloc(arena, 2 * path.len + 1);
    for (size_t i = 0; i < path.len; i++) {
        out[2 * i] = digits[(uint8_t)path.ptr[i] >> 4];
        out[2 * i + 1] = digits[(uint8_t)path.ptr[i] & 15];
    }
    return cm_str_make(out, 2 * path.len);
}

static cm_str bytes_of(cm_str hex, cm_arena *arena) {
    char *out = cm_arena_alloc(arena, hex.len / 2 + 1);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        int high = hex.ptr[i] <= '9' ? hex.ptr[i] - '0' : hex.ptr[i] - 'a' + 10;
        int low = hex.ptr[i + 1] <= '9' ? hex.ptr[i + 1] - '0' : hex.ptr[i + 1] - 'a' + 10;
        out[i / 2] = (char)(high << 4 | low);
    }
    return cm_str_make(out, hex.len / 2);
}

typedef CM_VEC(cm_index_document) documents;

static int by_path(const void *left, const void *right) {
    const cm_index_document *a = left;
    const cm_index_document *b = right;
    return cm_str_cmp(a->path, b->path);
}

/* What the filters let pass and comes behind `after`, in order of path. */
static cm_rc find_documents(const cm_snapshot *snapshot, const cm_api_list_files_query *query,
                            cm_str after, documents *ret, cm_err *err) {
    cm_index_document d;
    for (uint32_t at = 0; cm_snapshot_next_document(snapshot, &at, &d);) {
        bool wanted = cm_str_starts(d.path, query->prefix) && cm_str_cmp(d.path, after) > 0 &&
                      (query->language.len == 0 || cm_str_eq(d.language, query->language)) &&
                      cm_utf8_valid(d.path);
        if (wanted && !cm_vec_push(ret, d)) {
            return cm_fail(err, CM_NOMEM, "no memory for the list of files");
        }
    }
    if (ret->count > 1) {
        qsort(ret->items, ret->count, sizeof(*ret->items), by_path);
    }
    return CM_OK;
}

static cm_api_file file_of(const cm_snapshot *snapshot, const cm_index_document *d,
                           cm_arena *arena) {
    char hash[CM_HASH128_TEXT];
    cm_uuid id = cm_snapshot_document_uuid(snapshot, d->id);
    cm_hash128_format(d->hash, hash);
    bool has_text = cm_document_has_text(d);
    return (cm_api_file){
        .file_id = cm_uuid_text(arena, &id),
        .file_path = d->path,
        .language = d->language,
        .content_hash = has_text ? cm_arena_str(arena, cm_str_from(hash)) : (cm_str){NULL, 0},
        .size_bytes = (int64_t)d->size,
        .line_count = d->line_count,
        .token_count = has_text ? (int64_t)((d->size + TOKEN_BYTES - 1) / TOKEN_BYTES) : 0};
}

static cm_rc fill_page(cm_call *call, const cm_snapshot *snapshot, cm_api_file_page *out,
                       cm_err *err) {
    const cm_api_list_files_query *query = call->query;
    const char *list = cm_arena_fmt(call->arena, "%s " CM_STR_FMT " " CM_STR_FMT, call->route->op,
                                    CM_STR_ARG(query->language), CM_STR_ARG(query->prefix))
                           .ptr;
    cm_str last = CM_STR_EMPTY;
    documents found = {0};
    cm_rc rc = query->cursor.len > 0 ? cm_cursor_read(query->cursor, list, &last, err) : CM_OK;
    rc = rc == CM_OK ? find_documents(snapshot, query, bytes_of(last, call->arena), &found, err)
                     : rc;
    size_t shown = CM_MIN(found.count, (size_t)query->limit);
    out->items.items = cm_arena_alloc(call->arena, (shown + 1) * sizeof(*out->items.items));
    for (size_t i = 0; rc == CM_OK && i < shown; i++) {
        out->items.items[out->items.count++] = file_of(snapshot, &found.items[i], call->arena);
    }
    if (rc == CM_OK && found.count > shown) {
        out->next_cursor =
            cm_cursor_make(hex_of(found.items[shown - 1].path, call->arena), list, call->arena);
    }
    cm_vec_done(&found);
    return rc;
}

void cm_h_list_files(cm_call *call) {
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    cm_api_file_page out = {0};
    cm_err err;
    cm_rc rc = fill_page(call, snapshot, &out, &err);
    if (rc == CM_OK) {
        cm_call_reply(call, 200, &cm_api_file_page_schema, &out);
    } else {
        cm_call_fail(call, rc, &err);
    }
    cm_snapshot_unref(snapshot);
}

/* ---- content ---- */

static cm_rc read_content(cm_call *call, const cm_snapshot *snapshot, cm_api_file_content *out,
                          cm_err *err) {
    const cm_api_get_file_query *query = call->query;
    cm_index_document d;
    cm_str whole, text;
    char hash[CM_SHA256_TEXT];
    if (!cm_snapshot_find_document(snapshot, query->path, &d)) {
        return cm_fail(err, CM_NOT_FOUND, "the index has no file '" CM_STR_FMT "'",
                       CM_STR_ARG(query->path));
    }
    if (!cm_document_has_text(&d)) {
        return cm_fail(
            err, CM_UNPROCESSABLE,
            "the index has no content of it: the file is binary, too large or unreadable");
    }
    cm_rc rc = cm_snapshot_text(snapshot, d.id, call->arena, &whole, err);
    text = whole;
    if (rc == CM_OK && (query->has_start_line || query->has_end_line)) {
        uint32_t first = query->has_start_line ? (uint32_t)query->start_line : 1;
        uint32_t last = query->has_end_line ? (uint32_t)query->end_line : UINT32_MAX;
        rc = first <= last ? cm_snapshot_lines(snapshot, d.id, first, last, call->arena, &text, err)
                           : cm_fail(err, CM_INVALID, "start_line comes after end_line");
    }
    if (rc != CM_OK) {
        return rc;
    }
    if (!cm_utf8_valid(text)) {
        return cm_fail(err, CM_UNPROCESSABLE, "the file is no UTF-8 text");
    }
    cm_sha256_hex(whole.ptr, whole.len, hash);
    size_t len = text.len;
    if (len > CONTENT_MAX) { /* never inside a character */
        for (len = CONTENT_MAX; len > 0 && ((uint8_t)text.ptr[len] & 0xc0) == 0x80; len--) {
        }
    }
    *out = (cm_api_file_content){.path = d.path,
                                 .content = len > 0 ? cm_str_sub(text, 0, len) : CM_STR(""),
                                 .sha256 = cm_arena_str(call->arena, cm_str_from(hash)),
                                 .language = d.language,
                                 .truncated = len < text.len};
    return CM_OK;
}

void cm_h_get_file(cm_call *call) {
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    cm_api_file_content out;
    cm_err err;
    cm_rc rc = read_content(call, snapshot, &out, &err);
    if (rc == CM_OK) {
        cm_call_reply(call, 200, &cm_api_file_content_schema, &out);
    } else {
        cm_call_fail(call, rc, &err);
    }
    cm_snapshot_unref(snapshot);
}
