/* Bytes of a parse worker's answer. The first byte says how long the text is that the answer claims to
 * describe; whatever is accepted must be safe to walk as an index does. */
#include "code/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "int add(int a, int b) {\n    return a + b;\n}\n\nint sub(int a) {\n"
                           "    return -a;\n}\n";

static void walk(const cm_parsed *parsed, cm_str source) {
    uint64_t sum = 0;
    for (size_t i = 0; i < parsed->symbol_count; i++) {
        const cm_symbol *s = &parsed->symbols[i];
        cm_assert(s->name.len > 0 && s->name.ptr >= source.ptr &&
                  s->name.ptr + s->name.len <= source.ptr + source.len);
        cm_assert(s->parent < (int64_t)i && s->end_byte <= source.len);
        for (size_t j = 0; j < s->signature.len; j++) {
            sum += (uint8_t)s->signature.ptr[j];
        }
        for (size_t j = 0; j < s->doc.len; j++) {
            sum += (uint8_t)s->doc.ptr[j];
        }
    }
    for (size_t i = 0; i < parsed->reference_count; i++) {
        const cm_reference *r = &parsed->references[i];
        sum += (uint8_t)r->name.ptr[r->name.len - 1];
        cm_assert(r->scope < (int64_t)parsed->symbol_count);
    }
    uint32_t end = 0;
    for (size_t i = 0; i < parsed->chunk_count; i++) {
        cm_assert(parsed->chunks[i].start_byte == end);
        end = parsed->chunks[i].end_byte;
    }
    cm_assert(end == source.len && sum + 1 > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    cm_str source = cm_str_make(text, CM_MIN((size_t)data[0], sizeof(text) - 1));
    cm_arena *arena = cm_arena_new(0);
    cm_parsed parsed = {0};
    /* Its own allocation: the reader must not depend on alignment or on what follows. */
    char *message = cm_arena_alloc(arena, size);
    memcpy(message, data + 1, size - 1);
    if (cm_wire_decode(cm_str_make(message, size - 1), source, arena, &parsed, NULL) == CM_OK) {
        walk(&parsed, source);
    }
    cm_arena_free(arena);
    return 0;
}
