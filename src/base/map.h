/* map.h - hash maps from text or 64-bit keys to 64-bit values.
 *
 * Open addressing with linear probing, load at most 3/4, XXH3 hashes. Text keys are copied into the
 * map. A pointer is stored through (uintptr_t). Adding returns false when memory or `max_count` is
 * exhausted, so a map fed by a user is bounded.
 *
 * Thread: owner; concurrent readers are fine while nobody writes. */
#ifndef CM_BASE_MAP_H
#define CM_BASE_MAP_H

#include "base/str.h"

typedef struct cm_map cm_map; /* cm_str -> uint64_t */

cm_map *cm_map_new(size_t max_count); /* 0 = 2^31 */
void cm_map_free(cm_map *map);
void cm_map_freep(cm_map **map);
void cm_map_clear(cm_map *map);
size_t cm_map_count(const cm_map *map);
bool cm_map_get(const cm_map *map, cm_str key, uint64_t *ret_value);
/* Adds or replaces. */
bool cm_map_put(cm_map *map, cm_str key, uint64_t value) cm_must_check;
/* Borrowed slot of `key`, added with value 0 when absent (`*ret_added` tells; may be NULL). NULL when full. */
uint64_t *cm_map_slot(cm_map *map, cm_str key, bool *ret_added) cm_must_check;
bool cm_map_remove(cm_map *map, cm_str key);
/* Walks all entries in no particular order: start with *cursor = 0. The map must not change meanwhile. */
bool cm_map_next(const cm_map *map, size_t *cursor, cm_str *ret_key, uint64_t *ret_value);

typedef struct cm_map64 cm_map64; /* uint64_t -> uint64_t; any key */

cm_map64 *cm_map64_new(size_t max_count);
void cm_map64_free(cm_map64 *map);
void cm_map64_clear(cm_map64 *map);
size_t cm_map64_count(const cm_map64 *map);
bool cm_map64_get(const cm_map64 *map, uint64_t key, uint64_t *ret_value);
bool cm_map64_put(cm_map64 *map, uint64_t key, uint64_t value) cm_must_check;
uint64_t *cm_map64_slot(cm_map64 *map, uint64_t key, bool *ret_added) cm_must_check;
bool cm_map64_remove(cm_map64 *map, uint64_t key);
bool cm_map64_next(const cm_map64 *map, size_t *cursor, uint64_t *ret_key, uint64_t *ret_value);

#endif
