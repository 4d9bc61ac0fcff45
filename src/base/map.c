/* map.c - text to 64-bit value.
 *
 * Entries lie in one table, keys in one pool of bytes beside it. A removed key leaves its bytes
 * behind in the pool; each growth of either copies the living ones only. Removal shifts the entries
 * behind the hole back instead of leaving a tombstone, so that look-ups never slow down with age. */
#include "base/map.h"

#include "base/hash.h"
#include "base/mem.h"

#define TABLE_MIN 16
#define POOL_MIN  256

struct entry {
    uint64_t hash; /* 0 = free */
    uint64_t value;
    size_t key; /* offset in the pool */
    size_t len;
};

struct cm_map {
    struct entry *table;
    size_t size; /* a power of two, or 0 before the first key */
    size_t count;
    size_t max;
    char *pool;
    size_t pool_used;
    size_t pool_size;
    size_t key_bytes; /* of living keys */
};

cm_map *cm_map_new(size_t max_count) {
    cm_map *map = CM_NEW(cm_map);
    map->max = max_count ? max_count : (size_t)1 << 31;
    return map;
}

void cm_map_free(cm_map *map) {
    if (!map) {
        return;
    }
    cm_free(map->table);
    cm_free(map->pool);
    cm_free(map);
}

void cm_map_freep(cm_map **map) {
    cm_map_free(*map);
    *map = NULL;
}

void cm_map_clear(cm_map *map) {
    if (map->table) {
        memset(map->table, 0, map->size * sizeof(map->table[0]));
    }
    map->count = map->pool_used = map->key_bytes = 0;
}

size_t cm_map_count(const cm_map *map) {
    return map->count;
}

static uint64_t hash_of(cm_str key) {
    uint64_t hash = cm_hash64(key.ptr, key.len);
    return hash ? hash : 1;
}

static cm_str key_of(const cm_map *map, const struct entry *entry) {
    return cm_str_make(map->pool + entry->key, entry->len);
}

/* The entry of `key`, or the free one where it belongs. The table has at least one free entry. */
static struct entry *find(const cm_map *map, cm_str key, uint64_t hash) {
    for (size_t i = hash & (map->size - 1);; i = (i + 1) & (map->size - 1)) {
        struct entry *entry = &map->table[i];
        if (!entry->hash || (entry->hash == hash && cm_str_eq(key_of(map, entry), key))) {
            return entry;
        }
    }
}

bool cm_map_get(const cm_map *map, cm_str key, uint64_t *ret_value) {
    if (map->count == 0) {
        return false;
    }
    const struct entry *entry = find(map, key, hash_of(key));
    if (!entry->hash) {
        return false;
    }
    *ret_value = entry->value;
    return true;
}

static bool grow_table(cm_map *map) {
    if ((map->count + 1) * 4 <= map->size * 3) {
        return true;
    }
    size_t size = CM_MAX(map->size * 2, (size_t)TABLE_MIN);
    struct entry *table = cm_try_calloc(size, sizeof(table[0]));
    if (!table) {
        return false;
    }
    for (size_t old = 0; old < map->size; old++) {
        if (!map->table[old].hash) {
            continue;
        }
        size_t i = map->table[old].hash & (size - 1);
        while (table[i].hash) {
            i = (i + 1) & (size - 1);
        }
        table[i] = map->table[old];
    }
    cm_free(map->table);
    map->table = table;
    map->size = size;
    return true;
}

/* Copies `key` into the pool. The key may be part of the pool itself (the directory of a path that
 * is a key), hence a new pool rather than a realloc, and the old one freed last. */
static bool add_key(cm_map *map, cm_str key, size_t *ret_offset) {
    if (key.len > map->pool_size - map->pool_used) {
        size_t size = CM_MAX((map->key_bytes + key.len) * 2, (size_t)POOL_MIN);
        char *pool = cm_try_alloc(size);
        if (!pool) {
            return false;
        }
        size_t used = 0;
        for (size_t i = 0; i < map->size; i++) {
            struct entry *entry = &map->table[i];
            if (!entry->hash) {
                continue;
            }
            if (entry->len) {
                memcpy(pool + used, map->pool + entry->key, entry->len);
            }
            entry->key = used;
            used += entry->len;
        }
        if (key.len) {
            memcpy(pool + used, key.ptr, key.len);
        }
        cm_free(map->pool);
        map->pool = pool;
        map->pool_size = size;
        map->pool_used = used;
    } else if (key.len) {
        memcpy(map->pool + map->pool_used, key.ptr, key.len);
    }
    *ret_offset = map->pool_used;
    map->pool_used += key.len;
    map->key_bytes += key.len;
    return true;
}

uint64_t *cm_map_slot(cm_map *map, cm_str key, bool *ret_added) {
    uint64_t hash = hash_of(key);
    struct entry *entry = map->size ? find(map, key, hash) : NULL;
    bool added = !entry || !entry->hash;
    if (added) {
        if (map->count >= map->max || !grow_table(map)) {
            return NULL;
        }
        entry = find(map, key, hash);
        struct entry fresh = {.hash = hash, .len = key.len};
        if (!add_key(map, key, &fresh.key)) {
            return NULL;
        }
        *entry = fresh;
        map->count++;
    }
    if (ret_added) {
        *ret_added = added;
    }
    return &entry->value;
}

bool cm_map_put(cm_map *map, cm_str key, uint64_t value) {
    uint64_t *slot = cm_map_slot(map, key, NULL);
    if (!slot) {
        return false;
    }
    *slot = value;
    return true;
}

bool cm_map_remove(cm_map *map, cm_str key) {
    struct entry *entry = map->count ? find(map, key, hash_of(key)) : NULL;
    if (!entry || !entry->hash) {
        return false;
    }
    map->count--;
    map->key_bytes -= entry->len;
    size_t mask = map->size - 1;
    size_t hole = (size_t)(entry - map->table);
    for (size_t i = (hole + 1) & mask; map->table[i].hash; i = (i + 1) & mask) {
        /* An entry may move into the hole unless its home lies between the hole and itself. */
        size_t home = map->table[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->table[hole] = map->table[i];
            hole = i;
        }
    }
    map->table[hole] = (struct entry){0};
    return true;
}

bool cm_map_next(const cm_map *map, size_t *cursor, cm_str *ret_key, uint64_t *ret_value) {
    while (*cursor < map->size) {
        const struct entry *entry = &map->table[(*cursor)++];
        if (entry->hash) {
            *ret_key = key_of(map, entry);
            *ret_value = entry->value;
            return true;
        }
    }
    return false;
}
