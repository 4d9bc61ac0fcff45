/* parser_text.c - what a file is when it has no tree: chunks of its text. */
#include "code/parser_priv.h"

#include "base/utf8.h"
#include "code/chunk_text.h"

cm_rc cm_parse_as_text(const cm_parse_request *request, enum cm_parse_status status, cm_str why,
                       cm_arena *arena, cm_parsed *ret_parsed, cm_err *err) {
    cm_str text = request->text;
    cm_cuts cuts = {0};
    cm_chunk *chunks = NULL;
    cm_parsed parsed = {.language = request->language,
                        .status = status,
                        .failure = why,
                        .line_count = cm_text_line_count(text)};
    if (cm_chunk_text(text, request->strategy, &cuts)) {
        chunks = CM_ARENA_ARRAY(arena, cm_chunk, CM_MAX(cuts.count, (size_t)1));
    }
    if (!chunks) {
        cm_vec_done(&cuts);
        return cm_fail(err, CM_NOMEM, "no memory for the chunks of a file of %zu bytes", text.len);
    }
    uint32_t line = 1;
    for (size_t i = 0; i < cuts.count; i++) {
        uint32_t start = cuts.items[i];
        uint32_t end = i + 1 < cuts.count ? cuts.items[i + 1] : (uint32_t)text.len;
        uint32_t lines = cm_text_line_count(cm_str_sub(text, start, end - start));
        bool ends_line = text.ptr[end - 1] == '\n';
        chunks[i] = (cm_chunk){.start_byte = start,
                               .end_byte = end,
                               .start_line = line,
                               .end_line = line + lines - 1,
                               .symbol = -1,
                               .type = CM_CHUNK_LINES,
                               .importance = 0.25f};
        line += ends_line ? lines : lines - 1;
    }
    parsed.chunks = chunks;
    parsed.chunk_count = cuts.count;
    cm_vec_done(&cuts);
    *ret_parsed = parsed;
    return CM_OK;
}
