/* dict.c - writing groups of front-coded strings, and finding one by its group's head. */
#include "index/segment/dict.h"

#define GROUP 16

void cm_dict_writer_init(cm_dict_writer *w) {
    w->count = 0;
    w->last_value = 0;
    w->last_len = 0;
    cm_buf_init(&w->entries, UINT32_MAX);
    cm_buf_init(&w->groups, UINT32_MAX);
}

void cm_dict_writer_done(cm_dict_writer *w) {
    cm_buf_done(&w->entries);
    cm_buf_done(&w->groups);
}

static size_t shared_prefix(cm_str a, cm_str b) {
    size_t n = CM_MIN(a.len, b.len);
    size_t i = 0;
    while (i < n && a.ptr[i] == b.ptr[i]) {
        i++;
    }
    return i;
}

void cm_dict_add(cm_dict_writer *w, cm_str string, uint64_t value) {
    cm_assert(string.len <= CM_DICT_STRING_MAX);
    cm_assert(value >= w->last_value);
    if (w->count % GROUP == 0) {
        uint32_t offset = (uint32_t)w->entries.len;
        cm_buf_add(&w->groups, &offset, sizeof(offset));
        cm_varint_add(&w->entries, string.len);
        cm_buf_add_str(&w->entries, string);
        cm_varint_add(&w->entries, value);
    } else {
        cm_str last = cm_str_make(w->last, w->last_len);
        cm_assert(cm_str_cmp(last, string) < 0);
        size_t shared = shared_prefix(last, string);
        cm_varint_add(&w->entries, shared);
        cm_varint_add(&w->entries, string.len - shared);
        cm_buf_add_str(&w->entries, cm_str_from_offset(string, shared));
        cm_varint_add(&w->entries, value - w->last_value);
    }
    memcpy(w->last, string.ptr ? string.ptr : "", string.len);
    w->last_len = (uint32_t)string.len;
    w->last_value = value;
    w->count++;
}

void cm_dict_finish(const cm_dict_writer *w, cm_buf *out) {
    uint32_t head[2] = {w->count, (w->count + GROUP - 1) / GROUP};
    cm_buf_add(out, head, sizeof(head));
    cm_buf_add_str(out, cm_buf_str(&w->groups));
    cm_buf_add_str(out, cm_buf_str(&w->entries));
    if (w->entries.failed != CM_OK || w->groups.failed != CM_OK) {
        out->failed = w->entries.failed != CM_OK ? w->entries.failed : w->groups.failed;
    }
}

bool cm_dict_open(cm_str bytes, cm_dict *ret_dict) {
    uint32_t head[2];
    *ret_dict = (cm_dict){0};
    if (bytes.len == 0) {
        return true;
    }
    if (bytes.len < sizeof(head)) {
        return false;
    }
    memcpy(head, bytes.ptr, sizeof(head));
    size_t rest = bytes.len - sizeof(head);
    if (head[1] != head[0] / GROUP + (head[0] % GROUP != 0) || head[1] > rest / sizeof(uint32_t)) {
        return false;
    }
    size_t groups_len = (size_t)head[1] * sizeof(uint32_t);
    const uint8_t *groups = (const uint8_t *)bytes.ptr + sizeof(head);
    *ret_dict = (cm_dict){groups, groups + groups_len, rest - groups_len, head[0], head[1]};
    return true;
}

/* A reader at the head of `group`; failed when its offset lies outside. */
static cm_reader group_reader(const cm_dict *dict, uint32_t group) {
    uint32_t offset;
    memcpy(&offset, dict->groups + (size_t)group * sizeof(offset), sizeof(offset));
    const uint8_t *end = dict->entries + dict->entries_len;
    if (offset > dict->entries_len) {
        return (cm_reader){end, end, true};
    }
    return (cm_reader){dict->entries + offset, end, false};
}

static cm_str group_head(const cm_dict *dict, uint32_t group) {
    cm_reader r = group_reader(dict, group);
    return cm_reader_bytes(&r, cm_varint_next(&r));
}

void cm_dict_seek(const cm_dict *dict, cm_str from, cm_dict_cursor *ret_cursor) {
    uint32_t low = 0, high = dict->group_count; /* the last group whose head is <= from */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (cm_str_cmp(group_head(dict, middle), from) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    ret_cursor->dict = dict;
    ret_cursor->len = 0;
    ret_cursor->value = 0;
    ret_cursor->held = false;
    ret_cursor->next = low * GROUP;
    if (dict->count == 0) {
        return;
    }
    ret_cursor->reader = group_reader(dict, low);
    cm_str string;
    uint64_t value;
    while (cm_dict_next(ret_cursor, &string, &value)) {
        if (cm_str_cmp(string, from) >= 0) {
            ret_cursor->held = true;
            return;
        }
    }
}

bool cm_dict_next(cm_dict_cursor *cursor, cm_str *ret_string, uint64_t *ret_value) {
    if (cursor->held) {
        cursor->held = false;
        *ret_string = cm_str_make(cursor->string, cursor->len);
        *ret_value = cursor->value;
        return true;
    }
    if (cursor->next >= cursor->dict->count) {
        return false;
    }
    cm_reader *r = &cursor->reader;
    bool head = cursor->next % GROUP == 0;
    uint64_t shared = head ? 0 : cm_varint_next(r);
    uint64_t rest_len = cm_varint_next(r);
    cm_str rest = cm_reader_bytes(r, rest_len);
    uint64_t value = cm_varint_next(r);
    if (r->failed || shared > cursor->len || shared + rest.len > CM_DICT_STRING_MAX) {
        cursor->next = cursor->dict->count;
        return false;
    }
    memcpy(cursor->string + shared, rest.ptr ? rest.ptr : "", rest.len);
    cursor->len = (size_t)shared + rest.len;
    cursor->value = head ? value : cursor->value + value;
    cursor->next++;
    *ret_string = cm_str_make(cursor->string, cursor->len);
    *ret_value = cursor->value;
    return true;
}

bool cm_dict_find(const cm_dict *dict, cm_str string, uint64_t *ret_value) {
    if (string.len > CM_DICT_STRING_MAX) {
        return false;
    }
    cm_dict_cursor cursor;
    cm_str found;
    uint64_t value;
    cm_dict_seek(dict, string, &cursor);
    if (!cm_dict_next(&cursor, &found, &value) || !cm_str_eq(found, string)) {
        return false;
    }
    *ret_value = value;
    return true;
}
