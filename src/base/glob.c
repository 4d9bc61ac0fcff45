/* glob.c - path patterns, matched without backtracking.
 *
 * The pattern becomes a small automaton (Thompson's construction), and all states that the path can
 * be in are carried along together. Cost is at most items x bytes, whatever the pattern; a
 * backtracking matcher is exponential on patterns such as "*a*a*a*a*b". Every jump goes forward, so
 * one pass over the states in order closes them. */
#include "base/path.h"

#define GLOB_MAX 1024 /* items of a pattern; a longer one matches nothing */

enum item_kind {
    ITEM_CHAR,  /* this byte */
    ITEM_ANY,   /* '?': any byte but '/' */
    ITEM_CLASS, /* '[...]' */
    ITEM_STAR,  /* '*': any bytes but '/' */
    ITEM_DEEP,  /* "**": any bytes */
    ITEM_DIRS,  /* "**" + '/': any bytes up to and with a '/' */
    ITEM_SPLIT, /* goes on at the next item and at `target` */
    ITEM_JUMP,  /* goes on at `target` */
    ITEM_END,
};

struct item {
    uint8_t kind;
    char c;
    uint16_t target; /* SPLIT, JUMP */
    cm_str set;      /* CLASS: what stands between the brackets, without '!' */
    bool negated;    /* CLASS */
};

struct glob {
    struct item items[GLOB_MAX + 1];
    size_t count;
};

static bool add_item(struct glob *glob, struct item item) {
    if (glob->count >= GLOB_MAX) {
        return false;
    }
    glob->items[glob->count++] = item;
    return true;
}

/* Length of the class that starts with '[' at `at`, brackets included; 0 when it has no end. A ']'
 * that comes first is a member. */
static size_t class_len(cm_str pattern, size_t at) {
    size_t i = at + 1;
    i += i < pattern.len && (pattern.ptr[i] == '!' || pattern.ptr[i] == '^');
    i += i < pattern.len && pattern.ptr[i] == ']';
    while (i < pattern.len && pattern.ptr[i] != ']') {
        i++;
    }
    return i < pattern.len ? i + 1 - at : 0;
}

static struct item class_item(cm_str brackets) {
    cm_str set = cm_str_sub(brackets, 1, brackets.len - 2);
    bool negated = set.ptr[0] == '!' || set.ptr[0] == '^';
    return (struct item){
        .kind = ITEM_CLASS, .set = cm_str_from_offset(set, negated), .negated = negated};
}

static bool class_has(const struct item *item, char c) {
    cm_str set = item->set;
    bool found = false;
    for (size_t i = 0; i < set.len && !found; i++) {
        unsigned char low = (unsigned char)set.ptr[i], high = low;
        if (i + 2 < set.len && set.ptr[i + 1] == '-') {
            high = (unsigned char)set.ptr[i + 2];
            i += 2;
        }
        found = (unsigned char)c >= low && (unsigned char)c <= high;
    }
    return found != item->negated;
}

/* Adds the item for a run of stars at `at`; returns how many bytes it took, 0 when full. */
static size_t add_stars(struct glob *glob, cm_str pattern, size_t at) {
    size_t end = at;
    while (end < pattern.len && pattern.ptr[end] == '*') {
        end++;
    }
    if (end - at == 1) {
        return add_item(glob, (struct item){.kind = ITEM_STAR}) ? 1 : 0;
    }
    bool whole =
        (at == 0 || pattern.ptr[at - 1] == '/') && end < pattern.len && pattern.ptr[end] == '/';
    if (!whole) {
        return add_item(glob, (struct item){.kind = ITEM_DEEP}) ? end - at : 0;
    }
    /* "a/" "**" "/b" matches "a/b" too: a split goes round the directories. */
    struct item round = {.kind = ITEM_SPLIT, .target = (uint16_t)(glob->count + 2)};
    if (!add_item(glob, round) || !add_item(glob, (struct item){.kind = ITEM_DIRS})) {
        return 0;
    }
    return end + 1 - at;
}

static size_t add_atom(struct glob *glob, cm_str pattern, size_t at) {
    char c = pattern.ptr[at];
    size_t len;
    if (c == '*') {
        return add_stars(glob, pattern, at);
    }
    if (c == '?') {
        return add_item(glob, (struct item){.kind = ITEM_ANY}) ? 1 : 0;
    }
    if (c == '[' && (len = class_len(pattern, at)) > 0) {
        return add_item(glob, class_item(cm_str_sub(pattern, at, len))) ? len : 0;
    }
    len = c == '\\' && at + 1 < pattern.len ? 2 : 1;
    return add_item(glob, (struct item){.kind = ITEM_CHAR, .c = pattern.ptr[at + len - 1]}) ? len
                                                                                            : 0;
}

/* True when the '{' at `at` is closed: an open one is an ordinary character. */
static bool is_group(cm_str pattern, size_t at) {
    return pattern.ptr[at] == '{' &&
           cm_str_find_char(cm_str_from_offset(pattern, at), '}') != SIZE_MAX;
}

/* Compiles "{a,b,c}" at `at`: before each alternative but the last a split to the next one, behind
 * each but the last a jump to the end. Returns the bytes taken, 0 when full. */
static size_t add_group(struct glob *glob, cm_str pattern, size_t at) {
    size_t first_jump = SIZE_MAX; /* unfinished jumps are chained through `target` */
    size_t i = at + 1;
    size_t split = glob->count;
    if (!add_item(glob, (struct item){.kind = ITEM_SPLIT})) {
        return 0;
    }
    while (i < pattern.len && pattern.ptr[i] != '}') {
        if (pattern.ptr[i] != ',') {
            size_t took = add_atom(glob, pattern, i);
            if (took == 0) {
                return 0;
            }
            i += took;
            continue;
        }
        struct item jump = {.kind = ITEM_JUMP,
                            .target = (uint16_t)(first_jump == SIZE_MAX ? 0 : first_jump)};
        first_jump = glob->count;
        if (!add_item(glob, jump)) {
            return 0;
        }
        glob->items[split].target = (uint16_t)glob->count;
        split = glob->count;
        if (!add_item(glob, (struct item){.kind = ITEM_SPLIT})) {
            return 0;
        }
        i++;
    }
    glob->items[split].target = (uint16_t)(split + 1); /* the last alternative has no next */
    while (first_jump != SIZE_MAX) {
        size_t next = glob->items[first_jump].target;
        glob->items[first_jump].target = (uint16_t)glob->count;
        first_jump = next ? next : SIZE_MAX;
    }
    return i + 1 - at;
}

static bool compile(struct glob *glob, cm_str pattern) {
    glob->count = 0;
    for (size_t i = 0; i < pattern.len;) {
        size_t took =
            is_group(pattern, i) ? add_group(glob, pattern, i) : add_atom(glob, pattern, i);
        if (took == 0) {
            return false;
        }
        i += took;
    }
    glob->items[glob->count] = (struct item){.kind = ITEM_END};
    return true;
}

/* Follows the items that consume nothing. */
static void close_states(const struct glob *glob, bool *states) {
    for (size_t i = 0; i < glob->count; i++) {
        if (!states[i]) {
            continue;
        }
        const struct item *item = &glob->items[i];
        if (item->kind == ITEM_SPLIT || item->kind == ITEM_JUMP) {
            states[item->target] = true;
        }
        if (item->kind == ITEM_SPLIT || item->kind == ITEM_STAR || item->kind == ITEM_DEEP) {
            states[i + 1] = true;
        }
    }
}

/* States after the byte `c`; false when there is none left. */
static bool step(const struct glob *glob, const bool *from, bool *to, char c) {
    bool any = false;
    memset(to, 0, (glob->count + 1) * sizeof(to[0]));
    for (size_t i = 0; i < glob->count; i++) {
        const struct item *item = &glob->items[i];
        if (!from[i]) {
            continue;
        }
        bool stays = item->kind == ITEM_DEEP || item->kind == ITEM_DIRS ||
                     (item->kind == ITEM_STAR && c != '/');
        bool moves = (item->kind == ITEM_CHAR && item->c == c) ||
                     (item->kind == ITEM_ANY && c != '/') ||
                     (item->kind == ITEM_CLASS && c != '/' && class_has(item, c)) ||
                     (item->kind == ITEM_DIRS && c == '/');
        to[i] |= stays;
        to[i + 1] |= moves;
        any |= stays || moves;
    }
    return any;
}

bool cm_path_glob(cm_str pattern, cm_str path) {
    struct glob glob;
    bool states[2][GLOB_MAX + 1] = {{true}};
    if (!compile(&glob, pattern)) {
        return false;
    }
    close_states(&glob, states[0]);
    for (size_t i = 0; i < path.len; i++) {
        if (!step(&glob, states[i % 2], states[(i + 1) % 2], path.ptr[i])) {
            return false;
        }
        close_states(&glob, states[(i + 1) % 2]);
    }
    return states[path.len % 2][glob.count];
}
