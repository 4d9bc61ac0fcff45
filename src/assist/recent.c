/* recent.c - ring of the latest completions. See recent.h. */
#include "base/base.h"

#include "assist/recent.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#define EDIT_BYTES_MAX \
    8192 /* edit distance is quadratic: longer texts are compared by their heads */

struct cm_recent {
    cm_map *by_id; /* 16 bytes of the id -> slot */
    size_t capacity, next;
    cm_recent_entry *slots;
};

static cm_str key_of(const cm_uuid *id) {
    return cm_str_make((const char *)id->bytes, sizeof(id->bytes));
}

static cm_str own(cm_str text) {
    return cm_str_make(cm_strndup(text.ptr == NULL ? "" : text.ptr, text.len), text.len);
}

static void forget_results(cm_recent_entry *entry) {
    for (size_t i = 0; i < entry->result_count; i++) {
        cm_free((char *)(uintptr_t)entry->results[i].text.ptr);
        cm_free((char *)(uintptr_t)entry->results[i].modified_text.ptr);
    }
    entry->result_count = 0;
}

static void entry_done(cm_recent_entry *entry) {
    forget_results(entry);
    *entry = (cm_recent_entry){0};
}

cm_recent *cm_recent_new(size_t capacity) {
    cm_recent *recent = CM_NEW(cm_recent);
    recent->capacity = capacity;
    recent->by_id = cm_map_new(0);
    recent->slots = cm_alloc(capacity * sizeof(*recent->slots));
    return recent;
}

void cm_recent_free(cm_recent *recent) {
    if (recent != NULL) {
        for (size_t i = 0; i < recent->capacity; i++) {
            entry_done(&recent->slots[i]);
        }
        cm_map_free(recent->by_id);
        cm_free(recent->slots);
        cm_free(recent);
    }
}

cm_recent_entry *cm_recent_find(cm_recent *recent, const cm_uuid *id) {
    uint64_t slot;
    return cm_map_get(recent->by_id, key_of(id), &slot) ? &recent->slots[slot] : NULL;
}

/* The oldest entry whose answer is out; NULL when all are live. */
static cm_recent_entry *oldest_finished(cm_recent *recent) {
    for (size_t i = 0; i < recent->capacity; i++) {
        cm_recent_entry *entry = &recent->slots[recent->next];
        recent->next = (recent->next + 1) % recent->capacity;
        if (cm_uuid_is_nil(&entry->id) || !cm_state_is_live(entry->life.state)) {
            return entry;
        }
    }
    return NULL;
}

static cm_recent_entry *take_slot(cm_recent *recent, const cm_uuid *id) {
    cm_recent_entry *entry = oldest_finished(recent);
    if (entry == NULL ||
        !cm_map_put(recent->by_id, key_of(id), (uint64_t)(entry - recent->slots))) {
        return NULL;
    }
    if (!cm_uuid_is_nil(&entry->id)) {
        cm_map_remove(recent->by_id, key_of(&entry->id));
    }
    return entry;
}

cm_recent_entry *cm_recent_add(cm_recent *recent, const cm_uuid *id) {
    cm_recent_entry *entry = cm_recent_find(recent, id);
    if (entry == NULL) {
        entry = take_slot(recent, id);
    }
    if (entry == NULL) {
        return NULL;
    }
    entry_done(entry);
    entry->id = *id;
    cm_lifecycle_init(&entry->life);
    return entry;
}

void cm_recent_set_results(cm_recent_entry *entry, const cm_completion *completion) {
    cm_assert(completion->item_count <= CM_COUNT(entry->results));
    forget_results(entry);
    entry->life = completion->life;
    entry->stored = completion->life.state;
    entry->delivered_at_ms = cm_clock_wall_ms();
    for (size_t i = 0; i < completion->item_count; i++) {
        entry->results[i] = (cm_recent_result){.id = completion->items[i].id,
                                               .text = own(completion->items[i].text),
                                               .accepted_length = -1};
    }
    entry->result_count = completion->item_count;
}

void cm_recent_set_modified(cm_recent_result *result, cm_str text) {
    cm_str before = cm_str_sub(result->text, 0, EDIT_BYTES_MAX);
    cm_str after = cm_str_sub(text, 0, EDIT_BYTES_MAX);
    size_t longest = CM_MAX(result->text.len, (size_t)1);
    cm_free((char *)(uintptr_t)result->modified_text.ptr);
    result->has_modified = true;
    result->modified_text = own(text);
    result->modified_chars = (uint32_t)cm_str_distance(before, after, EDIT_BYTES_MAX);
    result->retained = result->modified_chars * 2 <= longest;
}
