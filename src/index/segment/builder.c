/* builder.c - the collecting half: strings get numbers, an analysed file becomes records and flat arrays of places.
 * builder_merge.c adds whole segments, builder_write.c writes the parts. */
#include "index/segment/builder_priv.h"

#include "index/segment/postings.h"
#include "index/segment/roles.h"
#include "index/segment/varint.h"

#define SUFFIX_TOKEN_BYTES 25                   /* while the array is sorted */
#define STRINGS_MAX        ((size_t)UINT32_MAX) /* offsets are 32 bits */

static void table_init(string_table *t) {
    *t = (string_table){.map = cm_map_new(0), .arena = cm_arena_new((size_t)8 << 30)};
}

static void table_done(string_table *t) {
    cm_map_free(t->map);
    cm_arena_free(t->arena);
    cm_vec_done(&t->strings);
}

bool cm_builder_number(string_table *t, cm_str string, uint32_t *ret_number) {
    bool added;
    uint64_t *slot = cm_map_slot(t->map, string, &added);
    if (!slot) {
        return false;
    }
    if (added) {
        char *copy = cm_arena_try_alloc(t->arena, string.len + 1);
        if (!copy) {
            return false;
        }
        memcpy(copy, string.ptr ? string.ptr : "", string.len);
        *slot = t->strings.count;
        if (!cm_vec_push(&t->strings, cm_str_make(copy, string.len))) {
            return false;
        }
    }
    *ret_number = (uint32_t)*slot;
    return true;
}

cm_builder *cm_builder_new(void) {
    cm_builder *b = CM_NEW(cm_builder);
    cm_buf *buffers[] = {&b->document_strings, &b->document_notes, &b->symbol_strings,
                         &b->import_strings,   &b->text,           &b->sorted};
    for (size_t i = 0; i < CM_COUNT(buffers); i++) {
        cm_buf_init(buffers[i], STRINGS_MAX);
    }
    table_init(&b->terms);
    table_init(&b->names);
    b->string_offsets = cm_map64_new(0);
    b->contents = cm_map64_new(0);
    b->suffix = cm_suffix_builder_new();
    return b;
}

void cm_builder_free(cm_builder *builder) {
    if (!builder) {
        return;
    }
    cm_vec_done(&builder->documents);
    cm_vec_done(&builder->symbols);
    cm_vec_done(&builder->imports);
    cm_vec_done(&builder->chunks);
    cm_vec_done(&builder->words);
    cm_vec_done(&builder->references);
    cm_vec_done(&builder->trigrams);
    cm_buf_done(&builder->document_strings);
    cm_buf_done(&builder->document_notes);
    cm_buf_done(&builder->symbol_strings);
    cm_buf_done(&builder->import_strings);
    cm_buf_done(&builder->text);
    cm_buf_done(&builder->sorted);
    table_done(&builder->terms);
    table_done(&builder->names);
    cm_map64_free(builder->string_offsets);
    cm_map64_free(builder->contents);
    cm_suffix_builder_free(builder->suffix);
    cm_free(builder);
}

uint32_t cm_builder_count(const cm_builder *builder) {
    return (uint32_t)builder->documents.count;
}

size_t cm_builder_bytes(const cm_builder *b) {
    return b->documents.cap * sizeof(*b->documents.items) +
           b->symbols.cap * sizeof(*b->symbols.items) + b->chunks.cap * sizeof(*b->chunks.items) +
           b->imports.cap * sizeof(*b->imports.items) + b->words.cap * sizeof(*b->words.items) +
           b->references.cap * sizeof(*b->references.items) +
           b->trigrams.cap * sizeof(*b->trigrams.items) + b->document_strings.cap +
           b->document_notes.cap + b->symbol_strings.cap + b->import_strings.cap + b->text.cap +
           2 * (cm_arena_used(b->terms.arena) + cm_arena_used(b->names.arena)) +
           SUFFIX_TOKEN_BYTES * cm_suffix_builder_tokens(b->suffix) +
           64 * (b->terms.strings.cap + b->names.strings.cap) +
           32 * (cm_map64_count(b->string_offsets) + cm_map64_count(b->contents));
}

static cm_rc no_memory(cm_err *err) {
    return cm_fail(err, CM_NOMEM, "out of memory building a segment");
}

uint32_t cm_builder_string(cm_builder *b, cm_buf *strings, cm_str s) {
    uint64_t buffer = (uint64_t)((const char *)strings - (const char *)b);
    bool added = false;
    uint64_t *offset =
        cm_map64_slot(b->string_offsets, cm_hash64_seed(s.ptr, s.len, buffer), &added);
    if (offset && !added && cm_str_eq(cm_str_sub(cm_buf_str(strings), *offset, s.len), s)) {
        return (uint32_t)*offset;
    }
    uint32_t end = (uint32_t)strings->len;
    if (offset && added) {
        *offset = end;
    }
    cm_buf_add_str(strings, s);
    return end;
}

uint32_t cm_builder_notes(cm_builder *builder, cm_str notes) {
    cm_buf *out = &builder->document_notes;
    if (notes.len == 0) {
        return 0;
    }
    if (out->len == 0) {
        cm_buf_add_char(out, 0); /* no notes lie at 0 */
    }
    uint32_t offset = (uint32_t)out->len;
    cm_varint_add(out, notes.len);
    cm_buf_add_str(out, notes);
    return offset;
}

bool cm_builder_failed(const cm_builder *b) {
    return b->document_strings.failed != CM_OK || b->document_notes.failed != CM_OK ||
           b->symbol_strings.failed != CM_OK || b->import_strings.failed != CM_OK ||
           b->text.failed != CM_OK;
}

/* ---- adding an analysed file ---- */

static bool add_document(cm_builder *b, const cm_analysis *a) {
    cm_str language = a->parsed.language ? a->parsed.language->id : CM_STR_EMPTY;
    cm_document_record record = {
        .hash_low = a->hash.low,
        .hash_high = a->hash.high,
        .size = a->size,
        .mtime_ns = a->mtime_ns,
        .text_offset = b->text.len,
        .text_len = (uint32_t)a->compressed.len,
        .path = cm_builder_string(b, &b->document_strings, a->path),
        .path_len = (uint16_t)a->path.len,
        .language = cm_builder_string(b, &b->document_strings, language),
        .language_len = (uint8_t)language.len,
        .line_count = a->parsed.line_count,
        .first_symbol = (uint32_t)b->symbols.count,
        .first_chunk = (uint32_t)b->chunks.count,
        .first_import = (uint32_t)b->imports.count,
        .status = (uint8_t)a->status,
        .flags =
            (uint8_t)((a->recent ? CM_DOCUMENT_RECENT : 0) | (a->is_test ? CM_DOCUMENT_TEST : 0) |
                      (a->is_vendored ? CM_DOCUMENT_VENDORED : 0) |
                      (a->parsed.is_blameless ? CM_DOCUMENT_UNPARSED : 0)),
        .notes = cm_builder_notes(b, a->notes),
    };
    cm_buf_add_str(&b->text, a->compressed);
    return cm_vec_push(&b->documents, record);
}

static bool add_symbols(cm_builder *b, const cm_analysis *a) {
    uint32_t document = (uint32_t)b->documents.count - 1;
    uint32_t first = (uint32_t)b->symbols.count;
    for (size_t i = 0; i < a->parsed.symbol_count; i++) {
        const cm_symbol *s = &a->parsed.symbols[i];
        cm_str name = cm_str_sub(s->name, 0, CM_NAME_BYTES_MAX);
        cm_str signature = cm_str_sub(s->signature, 0, UINT16_MAX);
        cm_str doc = cm_str_sub(s->doc, 0, UINT16_MAX);
        cm_symbol_record record = {
            .document = document,
            .parent = s->parent < 0 ? UINT32_MAX : first + (uint32_t)s->parent,
            .name = cm_builder_string(b, &b->symbol_strings, name),
            .signature = cm_builder_string(b, &b->symbol_strings, signature),
            .doc = cm_builder_string(b, &b->symbol_strings, doc),
            .start_byte = s->start_byte,
            .end_byte = s->end_byte,
            .start_line = s->start_line,
            .end_line = s->end_line,
            .name_line = s->name_line,
            .name_column = s->name_column,
            .name_len = (uint16_t)name.len,
            .signature_len = (uint16_t)signature.len,
            .doc_len = (uint16_t)doc.len,
            .kind = s->kind,
            .visibility = s->visibility,
        };
        if (!cm_vec_push(&b->symbols, record)) {
            return false;
        }
    }
    return true;
}

static bool add_imports(cm_builder *b, const cm_analysis *a) {
    for (size_t i = 0; i < a->parsed.import_count; i++) {
        const cm_import *import = &a->parsed.imports[i];
        cm_str module = cm_str_sub(import->module, 0, UINT16_MAX);
        cm_str name = cm_str_sub(import->name, 0, UINT16_MAX);
        cm_str alias = cm_str_sub(import->alias, 0, UINT16_MAX);
        cm_import_record record = {
            .module = cm_builder_string(b, &b->import_strings, module),
            .name = cm_builder_string(b, &b->import_strings, name),
            .alias = cm_builder_string(b, &b->import_strings, alias),
            .line = import->line,
            .module_len = (uint16_t)module.len,
            .name_len = (uint16_t)name.len,
            .alias_len = (uint16_t)alias.len,
            .relative = import->relative,
        };
        if (!cm_vec_push(&b->imports, record)) {
            return false;
        }
    }
    return true;
}

static bool add_chunks(cm_builder *b, const cm_analysis *a) {
    uint32_t first_symbol = (uint32_t)(b->symbols.count - a->parsed.symbol_count);
    for (size_t i = 0; i < a->parsed.chunk_count; i++) {
        const cm_chunk *c = &a->parsed.chunks[i];
        const cm_chunk_length *length = &a->lengths[i];
        cm_chunk_record record = {
            .document = (uint32_t)b->documents.count - 1,
            .symbol = c->symbol < 0 ? UINT32_MAX : first_symbol + (uint32_t)c->symbol,
            .start_byte = c->start_byte,
            .end_byte = c->end_byte,
            .start_line = c->start_line,
            .end_line = c->end_line,
            .body_len = length->body,
            .name_len = length->name,
            .comment_len = length->comment,
            .path_len = length->path,
            .type = c->type,
            .importance = (uint16_t)(CM_MIN(CM_MAX(c->importance, 0.0f), 1.0f) * UINT16_MAX),
        };
        if (!cm_vec_push(&b->chunks, record)) {
            return false;
        }
        const uint32_t lengths[4] = {length->body, length->name, length->comment, length->path};
        for (size_t field = 0; field < 4; field++) {
            b->field_words[field] += lengths[field];
        }
    }
    return true;
}

/* Numbers of the file's own strings in the segment's table. NULL when memory runs out. */
static uint32_t *number_strings(string_table *table, const cm_str *strings, size_t count) {
    uint32_t *numbers = cm_try_calloc(count + 1, sizeof(*numbers));
    for (size_t i = 0; numbers && i < count; i++) {
        if (!cm_builder_number(table, strings[i], &numbers[i])) {
            cm_free(numbers);
            return NULL;
        }
    }
    return numbers;
}

static bool add_words(cm_builder *b, const cm_analysis *a) {
    uint32_t first_chunk = (uint32_t)(b->chunks.count - a->parsed.chunk_count);
    uint32_t *terms = number_strings(&b->terms, a->terms, a->term_count);
    bool ok = terms && cm_vec_reserve(&b->words, b->words.count + a->word_count);
    for (size_t i = 0; ok && i < a->word_count; i++) {
        const cm_word_count *w = &a->words[i];
        word_entry entry = {terms[w->term], first_chunk + w->chunk, w->body, w->name, w->comment,
                            w->path};
        ok = cm_vec_push(&b->words, entry);
    }
    cm_free(terms);
    return ok;
}

static bool add_references(cm_builder *b, const cm_analysis *a) {
    uint32_t document = (uint32_t)b->documents.count - 1;
    uint32_t *names = number_strings(&b->names, a->names, a->name_count);
    bool ok = names && cm_vec_reserve(&b->references, b->references.count + a->reference_count);
    for (size_t i = 0; ok && i < a->reference_count; i++) {
        const cm_named_reference *r = &a->references[i];
        uint32_t packed = (uint32_t)(r->scope + 1) << 3 | (r->role & 7);
        ok = cm_vec_push(&b->references,
                         (reference_entry){names[r->name], document, r->line, r->column, packed});
    }
    cm_free(names);
    return ok;
}

static bool add_trigrams(cm_builder *b, const uint32_t *trigrams, size_t count) {
    uint32_t document = (uint32_t)b->documents.count - 1;
    bool ok = cm_vec_reserve(&b->trigrams, b->trigrams.count + count);
    for (size_t i = 0; ok && i < count; i++) {
        ok = cm_vec_push(&b->trigrams, (trigram_entry){trigrams[i], document});
    }
    return ok;
}

/* Text of no known language has no tokens: data would drown the code. Nor has what nobody here wrote, and of equal
 * files only the first has. */
static bool has_tokens(cm_builder *b, cm_str language, cm_str text) {
    const cm_document_record *d = cm_vec_last(&b->documents);
    bool is_new = true;
    if (language.len == 0 || text.len == 0 || (d->flags & CM_DOCUMENT_VENDORED)) {
        return false;
    }
    uint64_t *slot = cm_map64_slot(b->contents, cm_hash64_mix(d->hash_low, d->hash_high), &is_new);
    return !slot || is_new;
}

cm_rc cm_builder_add_tokens(cm_builder *builder, cm_str language, cm_str text, cm_err *err) {
    if (!has_tokens(builder, language, text)) {
        return CM_OK;
    }
    return cm_suffix_builder_add(builder->suffix, (uint32_t)builder->documents.count - 1, text,
                                 err);
}

void cm_builder_sort_ahead(cm_builder *builder, const cm_analysis *a) {
    cm_assert(builder->documents.count == 0);
    if (a->text.len == 0 || a->is_vendored || !cm_language_detect(a->path, a->text)) {
        return;
    }
    cm_rc rc = cm_suffix_builder_add(builder->suffix, 0, a->text, NULL);
    if (rc == CM_OK) {
        rc = cm_suffix_builder_finish(builder->suffix, &builder->sorted, NULL);
    }
    if (rc == CM_OK) {
        return;
    }
    /* Then it is tried, and may fail, with all the rest. */
    cm_suffix_builder_free(builder->suffix);
    builder->suffix = cm_suffix_builder_new();
    cm_buf_clear(&builder->sorted);
}

cm_rc cm_builder_add(cm_builder *builder, const cm_analysis *analysis, cm_err *err) {
    const cm_language *language = analysis->parsed.language;
    bool ok = add_document(builder, analysis) && add_symbols(builder, analysis) &&
              add_imports(builder, analysis) && add_chunks(builder, analysis) &&
              add_words(builder, analysis) && add_references(builder, analysis) &&
              add_trigrams(builder, analysis->trigrams, analysis->trigram_count);
    if (!ok || cm_builder_failed(builder)) {
        return no_memory(err);
    }
    cm_assert(builder->sorted.len == 0 || builder->documents.count == 1);
    if (builder->sorted.len > 0) {
        return CM_OK;
    }
    return cm_builder_add_tokens(builder, language ? language->id : CM_STR_EMPTY, analysis->text,
                                 err);
}
