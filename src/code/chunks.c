/* chunks.c - chunks that follow the syntax tree.
 *
 * Greedy over siblings: a chunk grows while the next sibling still fits the target. A function or class
 * of some size stands alone; one that is too big is entered and cut between its statements (the
 * "split, then merge" of cAST, arXiv 2506.15655, with lines instead of characters as cutting places).
 * Comments stay with what follows them. */
#include "code/chunk_text.h"
#include "code/extract_priv.h"

#define DEPTH_MAX       48
#define UNIT_LINES_MIN  8u /* a function or class this long is a chunk of its own */
#define UNIT_BYTES_MIN  300u
#define CHUNK_BYTES_MIN 200u /* what stands before a unit and is smaller stays with it */

typedef struct cutter {
    cm_run *run;
    cm_cuts *cuts;
    uint32_t start; /* of the current chunk */
    bool force;     /* the next sibling starts a new chunk */
} cutter;

/* Offset of the start of the line of `offset`. */
static uint32_t line_start(const cm_run *run, uint32_t offset) {
    return run->extractor->lines.items[cm_run_line(run, offset) - 1];
}

static bool fits(const cm_run *run, uint32_t start, uint32_t end) {
    return end - start <= CM_CHUNK_BYTES_TARGET &&
           cm_run_line(run, end) - cm_run_line(run, start) < CM_CHUNK_LINES_TARGET;
}

static bool is_unit_kind(uint32_t kind) {
    return kind <= CM_SYMBOL_MODULE;
}

/* The function, class or other unit that starts exactly at `start`; -1 = none. Of several the
 * outermost. */
static int32_t unit_at(const cm_extraction *out, uint32_t start) {
    size_t low = 0, high = out->symbols.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (out->symbols.items[middle].start_byte < start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < out->symbols.count && out->symbols.items[low].start_byte == start; low++) {
        if (is_unit_kind(out->symbols.items[low].kind)) {
            return (int32_t)low;
        }
    }
    return -1;
}

static void cut(cutter *c, uint32_t offset) {
    uint32_t at = line_start(c->run, offset);
    if (at > c->start) {
        c->start = at;
        c->run->stopped |= !cm_vec_push(c->cuts, at);
    }
}

static void cut_children(cutter *c, TSNode node, int depth);

/* One sibling with the comments above it: [start, end). */
static void place(cutter *c, TSNode node, uint32_t start, int depth) {
    cm_run *run = c->run;
    uint32_t end = ts_node_end_byte(node);
    uint32_t begin = ts_node_start_byte(node);
    bool is_unit = unit_at(run->out, begin) >= 0 &&
                   (end - begin >= UNIT_BYTES_MIN ||
                    cm_run_line(run, end) - cm_run_line(run, begin) + 1 >= UNIT_LINES_MIN);
    if (c->force || !fits(run, c->start, end) || (is_unit && start >= c->start + CHUNK_BYTES_MIN)) {
        bool is_tiny = start < c->start + CHUNK_BYTES_MIN && !c->force;
        if (!is_tiny || fits(run, start, end)) {
            cut(c, start);
        }
    }
    c->force = false;
    if (!fits(run, c->start, end)) {
        cut_children(c, node, depth + 1);
    }
    c->force = is_unit;
}

static void cut_children(cutter *c, TSNode node, int depth) {
    if (depth > DEPTH_MAX) {
        return;
    }
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    uint32_t comments = UINT32_MAX; /* start of the comment block right above, if any */
    uint32_t comments_end = 0;
    bool more = ts_tree_cursor_goto_first_child(&cursor);
    for (; more && !cm_run_tick(c->run); more = ts_tree_cursor_goto_next_sibling(&cursor)) {
        TSNode child = ts_tree_cursor_current_node(&cursor);
        uint32_t start = ts_node_start_byte(child);
        bool touches = comments != UINT32_MAX &&
                       cm_run_line(c->run, start) <= cm_run_line(c->run, comments_end) + 1;
        if (cm_compiled_flags(c->run->compiled, child) & NODE_COMMENT &&
            fits(c->run, start, ts_node_end_byte(child))) {
            comments = touches ? comments : start;
            comments_end = ts_node_end_byte(child);
            continue;
        }
        place(c, child, touches ? comments : start, depth);
        comments = UINT32_MAX;
    }
    ts_tree_cursor_delete(&cursor);
}

/* --- describing chunks ------------------------------------------------------------------------- */

/* Innermost symbol that contains the whole chunk, else the first unit, else the first symbol inside. */
static int32_t symbol_of(const cm_extraction *out, uint32_t start, uint32_t end, size_t *next) {
    while (*next < out->symbols.count && out->symbols.items[*next].start_byte < start) {
        (*next)++;
    }
    int32_t inside = -1;
    for (size_t i = *next; i < out->symbols.count && out->symbols.items[i].start_byte < end; i++) {
        if (inside < 0 || (!is_unit_kind(out->symbols.items[inside].kind) &&
                           is_unit_kind(out->symbols.items[i].kind))) {
            inside = (int32_t)i;
        }
        if (is_unit_kind(out->symbols.items[inside].kind)) {
            break;
        }
    }
    int32_t around = (int32_t)*next - 1;
    while (around >= 0 && out->symbols.items[around].end_byte + 1 < end) {
        around = out->symbols.items[around].parent;
    }
    return around >= 0 && (inside < 0 || out->symbols.items[inside].parent != -1) ? around : inside;
}

static bool is_all_comment(const cm_run *run, uint32_t start, uint32_t end) {
    const cm_extractor *x = run->extractor;
    uint32_t at = start;
    size_t low = 0, high = x->comments.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->comments.items[middle].end <= start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < x->comments.count && at < end; low++) {
        span comment = x->comments.items[low];
        if (comment.start > at &&
            cm_str_trim(cm_str_sub(run->text, at, CM_MIN(comment.start, end) - at)).len > 0) {
            return false;
        }
        at = CM_MAX(at, comment.end);
    }
    return at > start && (at >= end || cm_str_trim(cm_str_sub(run->text, at, end - at)).len == 0);
}

static uint32_t chunk_type(const cm_run *run, const cm_wire_chunk *chunk) {
    if (is_all_comment(run, chunk->start_byte, chunk->end_byte)) {
        return CM_CHUNK_COMMENT;
    }
    if (chunk->symbol < 0) {
        return run->limits->strategy == CM_CHUNKS_FIXED_LINES ? CM_CHUNK_LINES : CM_CHUNK_BLOCK;
    }
    switch (run->out->symbols.items[chunk->symbol].kind) {
    case CM_SYMBOL_FUNCTION: return CM_CHUNK_FUNCTION;
    case CM_SYMBOL_METHOD: return CM_CHUNK_METHOD;
    case CM_SYMBOL_CLASS:
    case CM_SYMBOL_INTERFACE:
    case CM_SYMBOL_STRUCT:
    case CM_SYMBOL_ENUM: return CM_CHUNK_CLASS;
    default: return CM_CHUNK_BLOCK;
    }
}

/* What a reader would rather see first: interfaces over bodies, documented and public over the rest,
 * starts of symbols over their later parts. Weights are a judgement; search tunes on top of them. */
static float importance(const cm_run *run, const cm_wire_chunk *chunk) {
    static const float by_type[] = {
        [CM_CHUNK_FUNCTION] = 0.55f, [CM_CHUNK_METHOD] = 0.5f,  [CM_CHUNK_CLASS] = 0.65f,
        [CM_CHUNK_BLOCK] = 0.3f,     [CM_CHUNK_COMMENT] = 0.2f, [CM_CHUNK_LINES] = 0.25f};
    float value = by_type[chunk->type];
    if (chunk->symbol >= 0) {
        const cm_wire_symbol *symbol = &run->out->symbols.items[chunk->symbol];
        value += symbol->visibility == 1 ? 0.1f : 0;
        value += symbol->doc.len > 0 ? 0.1f : 0;
        value += symbol->parent < 0 ? 0.05f : 0;
        value -= symbol->start_byte < chunk->start_byte ? 0.15f : 0;
    }
    return CM_MIN(CM_MAX(value, 0.0f), 1.0f);
}

static void describe(cm_run *run, const cm_cuts *cuts) {
    cm_extraction *out = run->out;
    size_t next = 0;
    for (size_t i = 0; i < cuts->count && !cm_run_tick(run); i++) {
        uint32_t start = cuts->items[i];
        uint32_t end = i + 1 < cuts->count ? cuts->items[i + 1] : (uint32_t)run->text.len;
        cm_wire_chunk chunk = {.start_byte = start,
                               .end_byte = end,
                               .start_line = cm_run_line(run, start),
                               .end_line = cm_run_line(run, end - 1)};
        chunk.symbol = symbol_of(out, start, end, &next);
        chunk.type = chunk_type(run, &chunk);
        chunk.importance = importance(run, &chunk);
        run->stopped |= !cm_vec_push(&out->chunks, chunk);
    }
}

void cm_run_chunks(cm_run *run) {
    if (run->text.len == 0) {
        return;
    }
    cm_cuts cuts = {0};
    bool ok;
    if (run->limits->strategy == CM_CHUNKS_AST_AWARE && run->tree && !run->language->is_markup) {
        cutter c = {.run = run, .cuts = &cuts};
        ok = cm_vec_push(&cuts, 0);
        cut_children(&c, ts_tree_root_node(run->tree), 0);
        ok = ok && cm_chunk_split(run->text, &cuts);
    } else {
        ok = cm_chunk_text(run->text, run->limits->strategy, &cuts);
    }
    run->stopped |= !ok;
    describe(run, &cuts);
    cm_vec_done(&cuts);
}
