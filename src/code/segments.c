/* segments.c - files that the grammar fails on as a whole.
 *
 * One construct that a grammar does not know can leave the tree of a large file as a single error node,
 * with every definition behind it lost. Such a file is parsed again in pieces: in nearly all styles a
 * top-level definition starts in the first column, after a blank line or after something indented. An
 * error then costs its own piece. Parents that span pieces (namespaces) are lost, so this is only done
 * when the whole tree is worth little. */
#include "code/extract_priv.h"

#define ERROR_SHARE_MAX 10 /* a tenth of the text inside error nodes is too much */

/* Bytes inside the outermost error nodes. */
static uint64_t error_bytes(const cm_run *run) {
    uint64_t total = 0;
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(run->tree));
    bool more = true;
    while (more) {
        TSNode node = ts_tree_cursor_current_node(&cursor);
        if (ts_node_is_error(node)) {
            total += ts_node_end_byte(node) - ts_node_start_byte(node);
        } else if (ts_node_has_error(node) && ts_tree_cursor_goto_first_child(&cursor)) {
            continue;
        }
        while (!ts_tree_cursor_goto_next_sibling(&cursor)) {
            if (!ts_tree_cursor_goto_parent(&cursor)) {
                more = false;
                break;
            }
        }
    }
    ts_tree_cursor_delete(&cursor);
    return total;
}

bool cm_run_is_broken(const cm_run *run) {
    return !run->language->is_markup && error_bytes(run) * ERROR_SHARE_MAX > run->text.len;
}

static char first_char(const cm_run *run, size_t line) {
    return run->text.ptr[run->extractor->lines.items[line]];
}

static bool closes(char c) {
    return c == ')' || c == ']' || c == '}' || c == '>';
}

/* Whether a top-level definition may start on this line (0-based). */
static bool starts_segment(const cm_run *run, size_t line) {
    char c = first_char(run, line);
    if (cm_is_space(c) || closes(c)) {
        return false;
    }
    char before = first_char(run, line - 1);
    return cm_is_space(before) || closes(before);
}

static void run_segment(cm_run *run, uint32_t start, uint32_t end) {
    run->tree = cm_run_parse(run, NULL, start, end);
    if (!run->tree) {
        run->stopped = true;
        return;
    }
    cm_run_walk(run);
    ts_tree_delete(run->tree);
    run->tree = NULL;
}

void cm_run_segments(cm_run *run) {
    const cm_extractor *x = run->extractor;
    uint32_t start = 0;
    ts_tree_delete(run->tree);
    run->tree = NULL;
    for (size_t line = 1; line < x->lines.count && !cm_run_stopped(run); line++) {
        if (starts_segment(run, line)) {
            run_segment(run, start, x->lines.items[line]);
            start = x->lines.items[line];
        }
    }
    if (!cm_run_stopped(run)) {
        run_segment(run, start, (uint32_t)run->text.len);
    }
}
