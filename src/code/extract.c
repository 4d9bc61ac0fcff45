/* extract.c - one parse from start to end; see extract.h and extract_priv.h.
 *
 * Positions come from byte offsets and our own line table: the YAML scanner counts rows in 16 bits. */
#include "code/extract.h"
#include "base/clock.h"
#include "code/extract_priv.h"
#include "code/languages_priv.h"

static int by_byte(const void *a, const void *b) {
    return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* The first large qsort of a process asks the system how much memory it has (glibc up to 2.36), which a
 * sealed worker may not. Asked here once, before the seal, the answer is kept. */
static void settle_qsort(void) {
    uint8_t bytes[4096] = {0};
    qsort(bytes, sizeof(bytes), 1, by_byte);
}

cm_extractor *cm_extractor_new(void) {
    cm_extractor *extractor = CM_NEW(cm_extractor);
    extractor->parser = ts_parser_new();
    extractor->cursor = ts_query_cursor_new();
    /* More matches in progress than this only happen in hostile files; the oldest are dropped. */
    ts_query_cursor_set_match_limit(extractor->cursor, 4096);
    extractor->compiled = cm_alloc(cm_language_count * sizeof(cm_compiled));
    extractor->local_names = cm_map64_new(0);
    cm_buf_init(&extractor->masked, CM_MIB(64));
    settle_qsort();
    return extractor;
}

void cm_extractor_free(cm_extractor *extractor) {
    if (!extractor) {
        return;
    }
    for (size_t i = 0; i < cm_language_count; i++) {
        cm_compiled_done(&extractor->compiled[i]);
    }
    cm_free(extractor->compiled);
    cm_trees_done(&extractor->trees);
    ts_query_cursor_delete(extractor->cursor);
    ts_parser_delete(extractor->parser);
    cm_vec_done(&extractor->lines);
    cm_vec_done(&extractor->definitions);
    cm_vec_done(&extractor->uses);
    cm_vec_done(&extractor->scopes);
    cm_vec_done(&extractor->locals);
    cm_vec_done(&extractor->imports);
    cm_vec_done(&extractor->comments);
    cm_vec_done(&extractor->names);
    cm_buf_done(&extractor->masked);
    cm_map64_free(extractor->local_names);
    cm_free(extractor);
}

void cm_extractor_prepare(cm_extractor *extractor, const cm_language *language) {
    cm_compiled_get(extractor->compiled, language);
}

bool cm_run_stopped(cm_run *run) {
    if (!run->stopped) {
        const cm_extract_limits *limits = run->limits;
        run->stopped =
            (limits->deadline_ns != 0 && cm_clock_ns() > limits->deadline_ns) ||
            (limits->own_deadline_ns != 0 && cm_clock_thread_ns() > limits->own_deadline_ns) ||
            (limits->stop && atomic_load_explicit(limits->stop, memory_order_relaxed));
    }
    return run->stopped;
}

bool cm_run_tick(cm_run *run) {
    return run->stopped || ((++run->ticks & 255) == 0 && cm_run_stopped(run));
}

static bool index_lines(cm_run *run) {
    cm_extractor *x = run->extractor;
    cm_vec_clear(&x->lines);
    const char *at = run->text.ptr, *end = at + run->text.len;
    if (!cm_vec_push(&x->lines, 0)) {
        return false;
    }
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        if (at < end && !cm_vec_push(&x->lines, (uint32_t)(at - run->text.ptr))) {
            return false;
        }
    }
    return true;
}

uint32_t cm_run_line(const cm_run *run, uint32_t offset) {
    const uint32_t *starts = run->extractor->lines.items;
    size_t low = 0, high = run->extractor->lines.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (starts[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (uint32_t)low + 1;
}

static const char *read_text(void *payload, uint32_t offset, TSPoint position, uint32_t *ret_len) {
    (void)position;
    const cm_str *text = payload;
    *ret_len = offset < text->len ? (uint32_t)(text->len - offset) : 0;
    return offset < text->len ? text->ptr + offset : "";
}

static bool parse_progress(TSParseState *state) {
    return cm_run_tick(state->payload);
}

static cm_rc stop_reason(const cm_run *run, cm_err *err) {
    const atomic_uint *stop = run->limits->stop;
    if (stop && atomic_load_explicit(stop, memory_order_relaxed)) {
        return cm_fail(err, CM_CANCELLED, "parsing was cancelled");
    }
    return cm_fail(err, CM_TIMEOUT, "parsing took longer than its time limit");
}

TSTree *cm_run_parse(cm_run *run, const TSTree *old, uint32_t start, uint32_t end) {
    TSParser *parser = run->extractor->parser;
    TSRange range = {.start_point = {cm_run_line(run, start) - 1, 0},
                     .end_point = {cm_run_line(run, end), 0},
                     .start_byte = start,
                     .end_byte = end};
    bool is_whole = start == 0 && end == run->text.len;
    ts_parser_set_included_ranges(parser, is_whole ? NULL : &range, is_whole ? 0 : 1);
    TSInput input = {
        .payload = &run->parsed_text, .read = read_text, .encoding = TSInputEncodingUTF8};
    TSParseOptions options = {.payload = run, .progress_callback = parse_progress};
    TSTree *tree = ts_parser_parse_with_options(parser, old, input, options);
    ts_parser_reset(parser); /* else the next file would go on where this one was stopped */
    return tree;
}

/* Makes the language ready and parses; on success run->tree is the caller's to delete. */
static cm_rc parse(cm_run *run, cm_err *err) {
    cm_extractor *x = run->extractor;
    run->compiled = cm_compiled_get(x->compiled, run->language);
    if (run->compiled->failed) {
        return cm_fail(err, CM_UNSUPPORTED_LANGUAGE, "%s", run->compiled->failure);
    }
    if (!ts_parser_set_language(x->parser, run->compiled->language)) {
        return cm_fail(err, CM_UNSUPPORTED_LANGUAGE,
                       "grammar of '%s' has an ABI that cannot be loaded", run->language->id.ptr);
    }
    if (!index_lines(run)) {
        return cm_fail(err, CM_NOMEM, "no memory for the line table");
    }
    run->parsed_text = run->text;
    if (cm_grammar_rows[run->language->index].macros) {
        if (!cm_mask_macros(run->text, &x->masked)) {
            return cm_fail(err, CM_NOMEM, "no memory for the masked text");
        }
        run->parsed_text = cm_buf_str(&x->masked);
    }
    run->tree = cm_trees_parse(run);
    if (!run->tree && !run->stopped) {
        run->tree = cm_run_parse(run, NULL, 0, (uint32_t)run->text.len);
    }
    return run->tree ? CM_OK : stop_reason(run, err);
}

cm_rc cm_extract(cm_extractor *extractor, const cm_language *language, cm_str text,
                 const cm_extract_limits *limits, cm_extraction *out, cm_err *err) {
    cm_run run = {
        .extractor = extractor, .language = language, .limits = limits, .text = text, .out = out};
    cm_extraction_clear(out);
    cm_rc rc = parse(&run, err);
    if (rc != CM_OK) {
        return rc;
    }
    cm_trees_keep(&run);
    bool has_error = ts_node_has_error(ts_tree_root_node(run.tree));
    out->header.status = has_error ? CM_PARSE_PARTIAL : CM_PARSE_OK;
    out->header.line_count = (uint32_t)extractor->lines.count;
    out->header.text_bytes = (uint32_t)text.len;
    cm_run_clear(&run);
    if (has_error && cm_run_is_broken(&run)) {
        cm_run_segments(&run);
    } else {
        cm_run_walk(&run);
    }
    cm_run_sort(&run);
    cm_run_symbols(&run);
    cm_run_references(&run);
    cm_run_chunks(&run);
    if (run.tree) {
        ts_tree_delete(run.tree);
    }
    return run.stopped ? stop_reason(&run, err) : CM_OK;
}

cm_rc cm_extract_scope_end(cm_extractor *extractor, const cm_language *language, cm_str text,
                           size_t start, size_t end, const cm_extract_limits *limits,
                           cm_scope_end *ret_end, cm_err *err) {
    cm_extraction out; /* imports met on the way; not asked for */
    cm_extraction_init(&out);
    cm_run run = {
        .extractor = extractor, .language = language, .limits = limits, .text = text, .out = &out};
    cm_rc rc = parse(&run, err);
    if (rc == CM_OK) {
        rc = cm_run_scope_end(&run, start, end, ret_end, err);
        ts_tree_delete(run.tree);
    }
    cm_extraction_done(&out);
    return rc == CM_OK && run.stopped ? stop_reason(&run, err) : rc;
}
