/* settings.h - the settings that a reload changes, as an immutable counted snapshot in a cell.
 *
 * struct cm_settings is generated from spec/options.toml: the options with `scope = "reload"`. Whoever
 * reads one takes the snapshot, reads, and gives it back, so that all it reads belongs to one
 * reload; nobody keeps a copy beyond one request. All other settings are told to a room when it is opened.
 *
 * Thread: any. */
#ifndef CM_RT_SETTINGS_H
#define CM_RT_SETTINGS_H

#include "base/arena.h"
#include "rt/settings_gen.h" /* struct cm_settings, generated */

typedef struct cm_settings_cell cm_settings_cell;

/* A cell that holds `first`; `take_arena` holds its strings. */
cm_settings_cell *cm_settings_cell_new(const cm_settings *first, cm_arena *take_arena);
/* Snapshots taken from it stay valid until they are given back. NULL is allowed. */
void cm_settings_cell_free(cm_settings_cell *cell);

/* What is in effect now; never NULL. Given back with cm_settings_unref, exactly once. */
const cm_settings *cm_settings_take(cm_settings_cell *cell);
void cm_settings_unref(const cm_settings *settings);
/* From now on takers get `next`; `take_arena` holds its strings. */
void cm_settings_publish(cm_settings_cell *cell, const cm_settings *next, cm_arena *take_arena);

#endif
