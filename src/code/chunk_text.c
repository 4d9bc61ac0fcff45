/* chunk_text.c - see chunk_text.h. */
#include "code/chunk_text.h"
#include "base/utf8.h"

/* How good it is to start a chunk at this line. */
enum { POOR, AFTER_BLANK, HEADING };

static int cut_quality(cm_str line, bool after_blank) {
    if (line.len > 0 && (line.ptr[0] == '#' || line.ptr[0] == '[') && after_blank) {
        return HEADING;
    }
    return after_blank && line.len > 0 ? AFTER_BLANK : POOR;
}

typedef struct line_cutter {
    uint32_t start; /* of the current chunk */
    uint32_t lines; /* in it */
    uint32_t best;  /* best place to cut so far; 0 = none */
    uint32_t best_lines;
    int best_quality;
} line_cutter;

static bool cut_at(line_cutter *c, cm_cuts *cuts, uint32_t offset, uint32_t lines_left) {
    c->start = offset;
    c->lines = lines_left;
    c->best = 0;
    c->best_quality = POOR;
    return cm_vec_push(cuts, offset);
}

/* Remembers the line at `offset` as a place to cut when it is as good as the best so far and the chunk
 * before it would not be tiny. */
static void consider(line_cutter *c, uint32_t offset, int quality) {
    bool is_big_enough = c->lines >= 4 || offset - c->start >= CM_CHUNK_BYTES_TARGET / 4;
    if (quality > POOR && quality >= c->best_quality && is_big_enough) {
        c->best = offset;
        c->best_lines = c->lines;
        c->best_quality = quality;
    }
}

bool cm_chunk_text(cm_str text, enum cm_chunk_strategy strategy, cm_cuts *cuts) {
    cm_vec_clear(cuts);
    line_cutter c = {0};
    cm_str rest = text, line;
    bool after_blank = false;
    if (text.len > 0 && !cm_vec_push(cuts, 0)) {
        return false;
    }
    while (cm_str_line(&rest, &line)) {
        uint32_t offset = (uint32_t)(line.ptr - text.ptr);
        uint32_t end = rest.len > 0 ? (uint32_t)(rest.ptr - text.ptr) : (uint32_t)text.len;
        if (strategy != CM_CHUNKS_FIXED_LINES && offset > c.start) {
            consider(&c, offset, cut_quality(line, after_blank));
        }
        bool is_full = c.lines >= CM_CHUNK_LINES_TARGET ||
                       (strategy != CM_CHUNKS_FIXED_LINES && end - c.start > CM_CHUNK_BYTES_TARGET);
        if (is_full && offset > c.start) {
            bool ok = c.best > 0 ? cut_at(&c, cuts, c.best, c.lines - c.best_lines)
                                 : cut_at(&c, cuts, offset, 0);
            if (!ok) {
                return false;
            }
        }
        c.lines++;
        after_blank = cm_str_trim(line).len == 0;
    }
    return cm_chunk_split(text, cuts);
}

/* Where to cut [start, end), which is too big: after the last line feed that leaves at most the target,
 * else between two characters. */
static uint32_t split_point(cm_str text, uint32_t start, uint32_t end) {
    uint32_t want = CM_MIN(start + CM_CHUNK_BYTES_TARGET * 2, end);
    size_t feed = cm_str_rfind_char(cm_str_sub(text, start, want - start), '\n');
    if (feed != SIZE_MAX && feed + 1 >= CM_CHUNK_BYTES_TARGET / 2) {
        return start + (uint32_t)feed + 1;
    }
    uint32_t limit = CM_MIN(start + CM_CHUNK_BYTES_MAX, end);
    feed = cm_str_find_char(cm_str_sub(text, want, limit - want), '\n');
    if (feed != SIZE_MAX && want + feed + 1 < end) {
        return want + (uint32_t)feed + 1;
    }
    while (limit > start + 1 && ((uint8_t)text.ptr[limit] & 0xC0) == 0x80 &&
           limit > start + CM_CHUNK_BYTES_MAX - 4) {
        limit--;
    }
    return limit;
}

bool cm_chunk_split(cm_str text, cm_cuts *cuts) {
    CM_VEC(uint32_t) all = {0};
    bool ok = true;
    for (size_t i = 0; i < cuts->count && ok; i++) {
        uint32_t start = cuts->items[i];
        uint32_t end = i + 1 < cuts->count ? cuts->items[i + 1] : (uint32_t)text.len;
        ok = cm_vec_push(&all, start);
        while (ok && end - start > CM_CHUNK_BYTES_MAX) {
            start = split_point(text, start, end);
            ok = cm_vec_push(&all, start);
        }
    }
    cm_free(cuts->items);
    *cuts = (cm_cuts){all.items, all.count, all.cap};
    return ok;
}

uint32_t cm_text_line_count(cm_str text) {
    uint32_t count = 0;
    const char *at = text.ptr, *end = at + text.len;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        at = feed ? feed + 1 : end;
        count++;
    }
    return count;
}
