/* The first half of the input is source text of two documents, the second half damages their part: it opens
 * or not, and no look-up leads outside. An intact part answers as the text says. */
#include "base/mem.h"
#include "code/tokens.h"
#include "index/segment/suffix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const void *bytes, size_t len, const cm_str *context, size_t count) {
    cm_suffix *s;
    if (cm_suffix_open(bytes, len, false, &s, NULL) != CM_OK) {
        return;
    }
    cm_suffix_range ranges[9];
    size_t longest = cm_suffix_match(s, context, count, ranges, 8);
    for (uint32_t e = ranges[longest].low; e < ranges[longest].high && e < 200; e++) {
        uint32_t position = cm_suffix_position(s, e);
        cm_suffix_text(s, cm_suffix_rank(s, position));
        cm_suffix_document(s, position);
        cm_suffix_line(s, position);
    }
    cm_suffix_ranks_of_prefix(s, context[0]);
    cm_suffix_close(s);
}

/* Any eight tokens of a text are found in its own part. */
static size_t check_intact(const cm_buf *part, cm_str text, cm_str context[8]) {
    cm_suffix *s;
    cm_lexer lexer;
    cm_token token;
    size_t count = 0;
    cm_suffix_range ranges[9];
    cm_assert(cm_suffix_open(part->ptr, part->len, true, &s, NULL) == CM_OK);
    cm_lexer_init(&lexer, text);
    while (count < 8 && cm_lexer_next(&lexer, &token)) {
        context[count++] = token.text;
    }
    cm_assert(cm_suffix_match(s, context, count, ranges, 8) == count);
    cm_suffix_close(s);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cm_str text = cm_str_make((const char *)data, size / 2);
    cm_suffix_builder *builder = cm_suffix_builder_new();
    cm_assert(cm_suffix_builder_add(builder, 3, text, NULL) == CM_OK);
    cm_assert(cm_suffix_builder_add(builder, 7, cm_str_sub(text, 0, text.len / 2), NULL) == CM_OK);
    cm_buf part;
    cm_buf_init(&part, CM_MIB(64));
    cm_assert(cm_suffix_builder_finish(builder, &part, NULL) == CM_OK);
    cm_suffix_builder_free(builder);
    cm_str context[8];
    size_t count = check_intact(&part, text, context);
    for (size_t i = size / 2; i + 3 < size && count > 0; i += 3) {
        size_t at = ((size_t)data[i] << 8 | data[i + 1]) % part.len;
        part.ptr[at] ^= (char)data[i + 2];
    }
    if (count > 0) {
        look_up(part.ptr, part.len, context, count);
    }
    cm_buf_done(&part);
    return 0;
}
