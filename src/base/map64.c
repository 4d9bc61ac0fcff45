/* map64.c - 64-bit key to 64-bit value.
 *
 * A free entry is one with key 0, so the value of key 0 lives outside the table. Removal shifts
 * entries back, as in map.c. */
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define TABLE_MIN 16

struct entry {
    uint64_t key; /* 0 = free */
    uint64_t value;
};

struct cm_map64 {
    struct entry *table;
    size_t size;  /* a power of two, or 0 before the first key */
    size_t count; /* key 0 not included */
    size_t max;
    bool has_zero;
    uint64_t zero_value;
};

cm_map64 *cm_map64_new(size_t max_count) {
    cm_map64 *map = CM_NEW(cm_map64);
    map->max = max_count ? max_count : (size_t)1 << 31;
    return map;
}

void cm_map64_free(cm_map64 *map) {
    if (!map) {
        return;
    }
    cm_free(map->table);
    cm_free(map);
}

void cm_map64_clear(cm_map64 *map) {
    if (map->table) {
        memset(map->table, 0, map->size * sizeof(map->table[0]));
    }
    map->count = 0;
    map->has_zero = false;
}

size_t cm_map64_count(const cm_map64 *map) {
    return map->count + map->has_zero;
}

static size_t home_of(uint64_t key, size_t size) {
    return cm_hash64_mix(0, key) & (size - 1);
}

/* The entry of `key`, or the free one where it belongs. The table has at least one free entry. */
static struct entry *find(const cm_map64 *map, uint64_t key) {
    size_t i = home_of(key, map->size);
    while (map->table[i].key && map->table[i].key != key) {
        i = (i + 1) & (map->size - 1);
    }
    return &map->table[i];
}

bool cm_map64_get(const cm_map64 *map, uint64_t key, uint64_t *ret_value) {
    if (key == 0) {
        if (map->has_zero) {
            *ret_value = map->zero_value;
        }
        return map->has_zero;
    }
    const struct entry *entry = map->count ? find(map, key) : NULL;
    if (!entry || !entry->key) {
        return false;
    }
    *ret_value = entry->value;
    return true;
}

static bool grow_table(cm_map64 *map) {
    if ((map->count + 1) * 4 <= map->size * 3) {
        return true;
    }
    cm_map64 larger = {.size = CM_MAX(map->size * 2, (size_t)TABLE_MIN)};
    larger.table = cm_try_calloc(larger.size, sizeof(larger.table[0]));
    if (!larger.table) {
        return false;
    }
    for (size_t i = 0; i < map->size; i++) {
        if (map->table[i].key) {
            *find(&larger, map->table[i].key) = map->table[i];
        }
    }
    cm_free(map->table);
    map->table = larger.table;
    map->size = larger.size;
    return true;
}

static uint64_t *slot_of_zero(cm_map64 *map, bool *ret_added) {
    if (!map->has_zero && map->count >= map->max) {
        return NULL;
    }
    if (ret_added) {
        *ret_added = !map->has_zero;
    }
    if (!map->has_zero) {
        map->zero_value = 0;
    }
    map->has_zero = true;
    return &map->zero_value;
}

uint64_t *cm_map64_slot(cm_map64 *map, uint64_t key, bool *ret_added) {
    if (key == 0) {
        return slot_of_zero(map, ret_added);
    }
    struct entry *entry = map->size ? find(map, key) : NULL;
    bool added = !entry || !entry->key;
    if (added) {
        if (cm_map64_count(map) >= map->max || !grow_table(map)) {
            return NULL;
        }
        entry = find(map, key);
        *entry = (struct entry){.key = key};
        map->count++;
    }
    if (ret_added) {
        *ret_added = added;
    }
    return &entry->value;
}

bool cm_map64_put(cm_map64 *map, uint64_t key, uint64_t value) {
    uint64_t *slot = cm_map64_slot(map, key, NULL);
    if (!slot) {
        return false;
    }
    *slot = value;
    return true;
}

bool cm_map64_remove(cm_map64 *map, uint64_t key) {
    if (key == 0) {
        bool had = map->has_zero;
        map->has_zero = false;
        return had;
    }
    struct entry *entry = map->count ? find(map, key) : NULL;
    if (!entry || !entry->key) {
        return false;
    }
    map->count--;
    size_t mask = map->size - 1;
    size_t hole = (size_t)(entry - map->table);
    for (size_t i = (hole + 1) & mask; map->table[i].key; i = (i + 1) & mask) {
        size_t home = home_of(map->table[i].key, map->size);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->table[hole] = map->table[i];
            hole = i;
        }
    }
    map->table[hole] = (struct entry){0};
    return true;
}

bool cm_map64_next(const cm_map64 *map, size_t *cursor, uint64_t *ret_key, uint64_t *ret_value) {
    while (*cursor < map->size) {
        const struct entry *entry = &map->table[(*cursor)++];
        if (entry->key) {
            *ret_key = entry->key;
            *ret_value = entry->value;
            return true;
        }
    }
    if (*cursor > map->size || !map->has_zero) {
        return false;
    }
    (*cursor)++; /* key 0 comes last */
    *ret_key = 0;
    *ret_value = map->zero_value;
    return true;
}
