/* wire.c - see wire.h. Decoding checks each record before it is converted, so that no value of a
 * hostile message is ever used as an index, a length or an enum. */
#include "code/wire.h"

#include <assert.h>
#include <math.h>

static_assert(sizeof(cm_wire_header) == 40, "documented size");
static_assert(sizeof(cm_wire_symbol) == 68, "documented size");
static_assert(sizeof(cm_wire_reference) == 20, "documented size");
static_assert(sizeof(cm_wire_import) == 32, "documented size");
static_assert(sizeof(cm_wire_chunk) == 28, "documented size");

void cm_extraction_init(cm_extraction *extraction) {
    *extraction = (cm_extraction){0};
    cm_buf_init(&extraction->strings, CM_WIRE_STRINGS_MAX);
}

void cm_extraction_clear(cm_extraction *extraction) {
    extraction->header = (cm_wire_header){0};
    extraction->is_reparsed = false;
    cm_vec_clear(&extraction->symbols);
    cm_vec_clear(&extraction->references);
    cm_vec_clear(&extraction->imports);
    cm_vec_clear(&extraction->chunks);
    cm_buf_clear(&extraction->strings);
}

void cm_extraction_done(cm_extraction *extraction) {
    cm_vec_done(&extraction->symbols);
    cm_vec_done(&extraction->references);
    cm_vec_done(&extraction->imports);
    cm_vec_done(&extraction->chunks);
    cm_buf_done(&extraction->strings);
}

cm_wire_slice cm_extraction_add(cm_extraction *extraction, cm_str s) {
    uint32_t offset = (uint32_t)extraction->strings.len;
    cm_buf_add_str(&extraction->strings, s);
    if (extraction->strings.failed != CM_OK) {
        return (cm_wire_slice){0};
    }
    return (cm_wire_slice){offset, (uint32_t)s.len};
}

size_t cm_wire_size(const cm_extraction *extraction) {
    return sizeof(cm_wire_header) + extraction->symbols.count * sizeof(cm_wire_symbol) +
           extraction->references.count * sizeof(cm_wire_reference) +
           extraction->imports.count * sizeof(cm_wire_import) +
           extraction->chunks.count * sizeof(cm_wire_chunk) + extraction->strings.len;
}

static uint8_t *put(uint8_t *out, const void *bytes, size_t len) {
    if (len > 0) {
        memcpy(out, bytes, len);
    }
    return out + len;
}

void cm_wire_encode(cm_extraction *extraction, uint8_t *out) {
    cm_wire_header *header = &extraction->header;
    header->magic = CM_WIRE_MAGIC;
    header->symbol_count = (uint32_t)extraction->symbols.count;
    header->reference_count = (uint32_t)extraction->references.count;
    header->import_count = (uint32_t)extraction->imports.count;
    header->chunk_count = (uint32_t)extraction->chunks.count;
    header->string_bytes = (uint32_t)extraction->strings.len;
    out = put(out, header, sizeof(*header));
    out = put(out, extraction->symbols.items, extraction->symbols.count * sizeof(cm_wire_symbol));
    out = put(out, extraction->references.items,
              extraction->references.count * sizeof(cm_wire_reference));
    out = put(out, extraction->imports.items, extraction->imports.count * sizeof(cm_wire_import));
    out = put(out, extraction->chunks.items, extraction->chunks.count * sizeof(cm_wire_chunk));
    put(out, extraction->strings.ptr, extraction->strings.len);
}

/* --- decoding ---------------------------------------------------------------------------------- */

typedef struct decoder {
    cm_wire_header header;
    cm_str text;
    cm_str strings;
    const char *at; /* next record */
    cm_arena *arena;
    cm_parsed *parsed;
} decoder;

static bool slice(cm_str area, cm_wire_slice wire, size_t max, cm_str *ret) {
    if (wire.len > max || wire.offset > area.len || wire.len > area.len - wire.offset) {
        return false;
    }
    *ret = wire.len == 0 ? CM_STR_EMPTY : cm_str_sub(area, wire.offset, wire.len);
    return true;
}

static bool lines_fit(const decoder *d, uint32_t start, uint32_t end) {
    return start >= 1 && start <= end && end <= d->header.line_count;
}

static bool symbol_ok(const decoder *d, const cm_wire_symbol *w, size_t index, cm_symbol *ret) {
    *ret = (cm_symbol){.start_byte = w->start_byte,
                       .end_byte = w->end_byte,
                       .start_line = w->start_line,
                       .end_line = w->end_line,
                       .name_line = w->name_line,
                       .name_column = w->name_column,
                       .parent = w->parent,
                       .kind = (uint8_t)w->kind,
                       .visibility = (uint8_t)w->visibility};
    return slice(d->text, w->name, UINT16_MAX, &ret->name) && w->name.len > 0 &&
           slice(d->text, w->container, UINT16_MAX, &ret->container) &&
           slice(d->strings, w->signature, CM_SIGNATURE_BYTES_MAX, &ret->signature) &&
           slice(d->strings, w->doc, CM_DOC_BYTES_MAX, &ret->doc) && w->start_byte <= w->end_byte &&
           w->end_byte <= d->text.len && lines_fit(d, w->start_line, w->end_line) &&
           w->name_line >= 1 && w->name_line <= d->header.line_count && w->parent >= -1 &&
           w->parent < (int64_t)index && w->kind < CM_SYMBOL_KIND_COUNT && w->visibility <= 3 &&
           w->name_column <= d->text.len;
}

static bool decode_symbols(decoder *d) {
    size_t count = d->header.symbol_count;
    cm_symbol *symbols = CM_ARENA_ARRAY(d->arena, cm_symbol, count);
    if (count > 0 && !symbols) {
        return false;
    }
    for (size_t i = 0; i < count; i++, d->at += sizeof(cm_wire_symbol)) {
        cm_wire_symbol w;
        memcpy(&w, d->at, sizeof(w));
        if (!symbol_ok(d, &w, i, &symbols[i]) ||
            (i > 0 && symbols[i].start_byte < symbols[i - 1].start_byte)) {
            return false;
        }
    }
    d->parsed->symbols = symbols;
    d->parsed->symbol_count = count;
    return true;
}

static bool decode_references(decoder *d) {
    size_t count = d->header.reference_count;
    cm_reference *references = CM_ARENA_ARRAY(d->arena, cm_reference, count);
    if (count > 0 && !references) {
        return false;
    }
    uint32_t last = 0;
    for (size_t i = 0; i < count; i++, d->at += sizeof(cm_wire_reference)) {
        cm_wire_reference w;
        memcpy(&w, d->at, sizeof(w));
        cm_reference *r = &references[i];
        *r = (cm_reference){
            .line = w.line, .column = w.column, .scope = w.scope, .role = (uint8_t)w.role};
        if (!slice(d->text, (cm_wire_slice){w.name_offset, w.name_len}, UINT16_MAX, &r->name) ||
            w.name_len == 0 || !lines_fit(d, w.line, w.line) || w.column > d->text.len ||
            w.scope < -1 || w.scope >= (int64_t)d->header.symbol_count ||
            w.role > CM_REFERENCE_IMPORT || w.name_offset < last) {
            return false;
        }
        last = w.name_offset;
    }
    d->parsed->references = references;
    d->parsed->reference_count = count;
    return true;
}

static bool decode_imports(decoder *d) {
    size_t count = d->header.import_count;
    cm_import *imports = CM_ARENA_ARRAY(d->arena, cm_import, count);
    if (count > 0 && !imports) {
        return false;
    }
    for (size_t i = 0; i < count; i++, d->at += sizeof(cm_wire_import)) {
        cm_wire_import w;
        memcpy(&w, d->at, sizeof(w));
        cm_import *import = &imports[i];
        *import = (cm_import){.line = w.line, .relative = w.relative != 0};
        if (!slice(d->strings, w.module, UINT16_MAX, &import->module) ||
            !slice(d->strings, w.name, UINT16_MAX, &import->name) ||
            !slice(d->strings, w.alias, UINT16_MAX, &import->alias) ||
            !lines_fit(d, w.line, w.line) || w.relative > 1) {
            return false;
        }
    }
    d->parsed->imports = imports;
    d->parsed->import_count = count;
    return true;
}

/* Chunks must cover the whole text in order without a gap: readers cut the text by them. */
static bool decode_chunks(decoder *d) {
    size_t count = d->header.chunk_count;
    cm_chunk *chunks = CM_ARENA_ARRAY(d->arena, cm_chunk, count);
    if (count > 0 && !chunks) {
        return false;
    }
    uint32_t end = 0;
    for (size_t i = 0; i < count; i++, d->at += sizeof(cm_wire_chunk)) {
        cm_wire_chunk w;
        memcpy(&w, d->at, sizeof(w));
        if (w.start_byte != end || w.end_byte <= w.start_byte || w.end_byte > d->text.len ||
            !lines_fit(d, w.start_line, w.end_line) || w.symbol < -1 ||
            w.symbol >= (int64_t)d->header.symbol_count || w.type > CM_CHUNK_LINES ||
            !isfinite(w.importance) || w.importance < 0 || w.importance > 1) {
            return false;
        }
        end = w.end_byte;
        chunks[i] = (cm_chunk){.start_byte = w.start_byte,
                               .end_byte = w.end_byte,
                               .start_line = w.start_line,
                               .end_line = w.end_line,
                               .symbol = w.symbol,
                               .type = (uint8_t)w.type,
                               .importance = w.importance};
    }
    d->parsed->chunks = chunks;
    d->parsed->chunk_count = count;
    return end == d->text.len;
}

static bool decode_header(decoder *d, cm_str message) {
    if (message.len < sizeof(d->header)) {
        return false;
    }
    memcpy(&d->header, message.ptr, sizeof(d->header));
    const cm_wire_header *h = &d->header;
    if (h->magic != CM_WIRE_MAGIC || h->status > CM_PARSE_PARTIAL || h->reserved != 0 ||
        h->text_bytes != d->text.len || h->line_count > d->text.len + 1 ||
        h->symbol_count > CM_WIRE_SYMBOLS_MAX || h->reference_count > CM_WIRE_REFERENCES_MAX ||
        h->import_count > CM_WIRE_IMPORTS_MAX || h->chunk_count > CM_WIRE_CHUNKS_MAX ||
        h->string_bytes > CM_WIRE_STRINGS_MAX) {
        return false;
    }
    size_t records = sizeof(*h) + h->symbol_count * sizeof(cm_wire_symbol) +
                     h->reference_count * sizeof(cm_wire_reference) +
                     h->import_count * sizeof(cm_wire_import) +
                     h->chunk_count * sizeof(cm_wire_chunk);
    if (message.len != records + h->string_bytes) {
        return false;
    }
    d->at = message.ptr + sizeof(*h);
    d->strings = cm_str_from_offset(message, records);
    return true;
}

cm_rc cm_wire_decode(cm_str message, cm_str text, cm_arena *arena, cm_parsed *ret_parsed,
                     cm_err *err) {
    cm_parsed parsed = *ret_parsed;
    decoder d = {.text = text, .arena = arena, .parsed = &parsed};
    if (!decode_header(&d, message) || !decode_symbols(&d) || !decode_references(&d) ||
        !decode_imports(&d) || !decode_chunks(&d)) {
        return cm_fail(err, CM_CORRUPT,
                       "parse worker gave an answer of %zu bytes that breaks its "
                       "own format",
                       message.len);
    }
    parsed.status = (enum cm_parse_status)d.header.status;
    parsed.line_count = d.header.line_count;
    *ret_parsed = parsed;
    return CM_OK;
}
