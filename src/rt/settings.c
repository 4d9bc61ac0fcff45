/* settings.c - see settings.h. The mutex guards one pointer, and the count of what it points to from zero. */
#include "rt/settings.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct snapshot {
    cm_settings settings; /* first: handed out by address */
    atomic_uint count;    /* of takers, and one for the cell */
    cm_arena *arena;
} snapshot;

struct cm_settings_cell {
    pthread_mutex_t lock;
    snapshot *now;
};

static snapshot *snapshot_new(const cm_settings *settings, cm_arena *take_arena) {
    snapshot *made = CM_NEW(snapshot);
    made->settings = *settings;
    made->arena = take_arena;
    atomic_init(&made->count, 1);
    return made;
}

cm_settings_cell *cm_settings_cell_new(const cm_settings *first, cm_arena *take_arena) {
    cm_settings_cell *cell = CM_NEW(cm_settings_cell);
    pthread_mutex_init(&cell->lock, NULL);
    cell->now = snapshot_new(first, take_arena);
    return cell;
}

void cm_settings_cell_free(cm_settings_cell *cell) {
    if (cell == NULL) {
        return;
    }
    cm_settings_unref(&cell->now->settings);
    pthread_mutex_destroy(&cell->lock);
    cm_free(cell);
}

const cm_settings *cm_settings_take(cm_settings_cell *cell) {
    pthread_mutex_lock(&cell->lock);
    snapshot *now = cell->now;
    atomic_fetch_add(&now->count, 1);
    pthread_mutex_unlock(&cell->lock);
    return &now->settings;
}

void cm_settings_unref(const cm_settings *settings) {
    snapshot *taken = (snapshot *)(uintptr_t)settings;
    if (atomic_fetch_sub(&taken->count, 1) == 1) {
        cm_arena_free(taken->arena);
        cm_free(taken);
    }
}

void cm_settings_publish(cm_settings_cell *cell, const cm_settings *next, cm_arena *take_arena) {
    snapshot *fresh = snapshot_new(next, take_arena);
    pthread_mutex_lock(&cell->lock);
    snapshot *old = cell->now;
    cell->now = fresh;
    pthread_mutex_unlock(&cell->lock);
    cm_settings_unref(&old->settings);
}
