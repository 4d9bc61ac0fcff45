/* A history file with a valid header and any contents: it is found damaged, or answers every question within
 * bounds. Bytes are dealt to the sections by a length before each. */
#include "index/graph/history_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTIONS 5

/* Lengths of the sections, each taken from two bytes in front of it. */
static void deal(cm_str rest, cm_str sections[SECTIONS]) {
    for (size_t i = 0; i < SECTIONS; i++) {
        size_t len = 0;
        if (rest.len >= 2) {
            len = (size_t)(unsigned char)rest.ptr[0] | (size_t)(unsigned char)rest.ptr[1] << 8;
            rest = cm_str_from_offset(rest, 2);
        }
        sections[i] = cm_str_sub(rest, 0, len);
        rest = cm_str_from_offset(rest, sections[i].len);
    }
}

static void ask_everything(const cm_history *h) {
    cm_history_facts facts;
    cm_arena *arena = cm_arena_new(CM_MIB(64));
    cm_history_facts_get(h, &facts);
    for (uint32_t file = 0; file < facts.files; file++) {
        const cm_cochange *items;
        const cm_history_near *near;
        size_t count;
        uint32_t found = cm_history_find(h, cm_history_path(h, file));
        cm_assert(found == CM_ID_NONE || found < facts.files);
        size_t nearest = cm_history_nearest(h, file, &near);
        cm_assert(nearest <= CM_HISTORY_NEAR_MAX);
        if (cm_history_together(h, file, arena, &items, &count, NULL) == CM_OK) {
            for (size_t i = 0; i < count; i++) {
                cm_assert(items[i].support <= cm_history_commits(h, file) && items[i].weight >= 0 &&
                          items[i].weight <= 1);
            }
        }
        cm_arena_clear(arena);
    }
    cm_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str sections[SECTIONS];
    cm_buf bytes;
    cm_history *history;
    deal(cm_str_make((const char *)data, size), sections);
    cm_buf_init(&bytes, CM_MIB(4));
    cm_part_build(CM_PART_HISTORY, sections, SECTIONS, &bytes);
    if (cm_history_take(&bytes, &history, NULL) == CM_OK) {
        ask_everything(history);
        cm_history_unref(history);
    }
    return 0;
}
