/* builder_merge.c - adding the live documents of a segment to a builder, record by record, without parsing again. */
#include "index/segment/builder_priv.h"

#include "index/segment/postings.h"

static cm_rc no_memory(cm_err *err) {
    return cm_fail(err, CM_NOMEM, "out of memory merging segments");
}

/* Where the records of one source segment went. */
typedef struct merge_map {
    uint32_t *documents; /* old number -> new, UINT32_MAX = dead */
    uint32_t *chunks;
    uint32_t *symbols;
} merge_map;

static uint32_t copy_string(cm_builder *b, cm_buf *to, cm_str from, uint32_t offset, size_t len) {
    return cm_builder_string(b, to, cm_segment_string(from, offset, len));
}

static bool merge_symbols(cm_builder *b, const cm_segment *s, const cm_document_record *d,
                          uint32_t document, merge_map *map) {
    for (uint32_t i = d[0].first_symbol; i < d[1].first_symbol; i++) {
        cm_symbol_record r = s->symbols[i];
        map->symbols[i] = (uint32_t)b->symbols.count;
        r.document = document;
        bool inside = r.parent >= d->first_symbol && r.parent < i;
        r.parent = inside ? map->symbols[r.parent] : UINT32_MAX;
        r.name = copy_string(b, &b->symbol_strings, s->symbol_strings, r.name, r.name_len);
        r.signature =
            copy_string(b, &b->symbol_strings, s->symbol_strings, r.signature, r.signature_len);
        r.doc = copy_string(b, &b->symbol_strings, s->symbol_strings, r.doc, r.doc_len);
        if (!cm_vec_push(&b->symbols, r)) {
            return false;
        }
    }
    return true;
}

static bool merge_imports(cm_builder *b, const cm_segment *s, const cm_document_record *d) {
    for (uint32_t i = d[0].first_import; i < d[1].first_import; i++) {
        cm_import_record r = s->imports[i];
        r.module = copy_string(b, &b->import_strings, s->import_strings, r.module, r.module_len);
        r.name = copy_string(b, &b->import_strings, s->import_strings, r.name, r.name_len);
        r.alias = copy_string(b, &b->import_strings, s->import_strings, r.alias, r.alias_len);
        if (!cm_vec_push(&b->imports, r)) {
            return false;
        }
    }
    return true;
}

static bool merge_chunks(cm_builder *b, const cm_segment *s, const cm_document_record *d,
                         uint32_t document, merge_map *map) {
    for (uint32_t i = d[0].first_chunk; i < d[1].first_chunk; i++) {
        cm_chunk_record r = s->chunks[i];
        map->chunks[i] = (uint32_t)b->chunks.count;
        r.document = document;
        bool inside = r.symbol >= d[0].first_symbol && r.symbol < d[1].first_symbol;
        r.symbol = inside ? map->symbols[r.symbol] : UINT32_MAX;
        if (!cm_vec_push(&b->chunks, r)) {
            return false;
        }
        const uint32_t lengths[4] = {r.body_len, r.name_len, r.comment_len, r.path_len};
        for (size_t field = 0; field < 4; field++) {
            b->field_words[field] += lengths[field];
        }
    }
    return true;
}

static bool merge_document(cm_builder *b, const cm_segment *s, uint32_t old, merge_map *map) {
    const cm_document_record *d = &s->documents[old];
    cm_document_record r = *d;
    uint32_t document = (uint32_t)b->documents.count;
    map->documents[old] = document;
    r.path = copy_string(b, &b->document_strings, s->document_strings, d->path, d->path_len);
    r.language =
        copy_string(b, &b->document_strings, s->document_strings, d->language, d->language_len);
    r.notes = cm_builder_notes(b, cm_segment_notes(s, old));
    r.first_symbol = (uint32_t)b->symbols.count;
    r.first_chunk = (uint32_t)b->chunks.count;
    r.first_import = (uint32_t)b->imports.count;
    r.text_offset = b->text.len;
    if (d->text_offset <= UINT32_MAX) {
        cm_buf_add_str(&b->text, cm_segment_string(s->text, (uint32_t)d->text_offset, d->text_len));
    }
    return cm_vec_push(&b->documents, r) && merge_symbols(b, s, d, document, map) &&
           merge_imports(b, s, d) && merge_chunks(b, s, d, document, map);
}

static bool merge_words(cm_builder *b, const cm_segment *s, const merge_map *map) {
    cm_dict_cursor cursor;
    cm_str word;
    uint64_t offset;
    cm_dict_seek(&s->words, CM_STR_EMPTY, &cursor);
    while (cm_dict_next(&cursor, &word, &offset)) {
        uint32_t term;
        cm_postings p;
        if (!cm_builder_number(&b->terms, word, &term)) {
            return false;
        }
        if (!cm_postings_open(s->word_postings, offset, &p)) {
            continue;
        }
        while (cm_postings_next(&p)) {
            if (p.now.chunk >= s->chunk_count || map->chunks[p.now.chunk] == UINT32_MAX) {
                continue;
            }
            word_entry entry = {term,
                                map->chunks[p.now.chunk],
                                (uint16_t)CM_MIN(p.now.body, UINT16_MAX),
                                (uint8_t)CM_MIN(p.now.name, UINT8_MAX),
                                (uint8_t)CM_MIN(p.now.comment, UINT8_MAX),
                                (uint8_t)CM_MIN(p.now.path, UINT8_MAX)};
            if (!cm_vec_push(&b->words, entry)) {
                return false;
            }
        }
    }
    return true;
}

static bool merge_references(cm_builder *b, const cm_segment *s, const merge_map *map) {
    cm_dict_cursor cursor;
    cm_str string;
    uint64_t offset;
    cm_dict_seek(&s->reference_names, CM_STR_EMPTY, &cursor);
    while (cm_dict_next(&cursor, &string, &offset)) {
        uint32_t name;
        cm_reference_cursor c;
        if (!cm_builder_number(&b->names, string, &name)) {
            return false;
        }
        if (!cm_reference_cursor_open(s, offset, &c)) {
            continue;
        }
        while (cm_reference_cursor_next(&c)) {
            uint32_t document = map->documents[c.now.document];
            if (document == UINT32_MAX) {
                continue;
            }
            uint32_t first = s->documents[c.now.document].first_symbol;
            uint32_t scope = c.now.scope == UINT32_MAX ? 0 : c.now.scope - first + 1;
            reference_entry entry = {name, document, c.now.line, c.now.column,
                                     scope << 3 | c.now.role};
            if (!cm_vec_push(&b->references, entry)) {
                return false;
            }
        }
    }
    return true;
}

static bool merge_trigrams(cm_builder *b, const cm_segment *s, const merge_map *map) {
    cm_dict_cursor cursor;
    cm_str string;
    uint64_t offset;
    cm_dict_seek(&s->trigrams, CM_STR_EMPTY, &cursor);
    while (cm_dict_next(&cursor, &string, &offset)) {
        cm_numbers numbers;
        if (string.len != 3 || !cm_numbers_open(s->trigram_postings, offset, &numbers)) {
            continue;
        }
        const unsigned char *c = (const unsigned char *)string.ptr;
        uint32_t trigram = (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];
        while (cm_numbers_next(&numbers)) {
            if (numbers.now >= s->document_count || map->documents[numbers.now] == UINT32_MAX) {
                continue;
            }
            if (!cm_vec_push(&b->trigrams, (trigram_entry){trigram, map->documents[numbers.now]})) {
                return false;
            }
        }
    }
    return true;
}

/* The suffix array is sorted anew; its tokens come from the stored text. */
static cm_rc merge_tokens(cm_builder *b, const cm_segment *s, uint32_t document, cm_err *err) {
    const cm_document_record *d = &s->documents[document];
    cm_arena *scratch = cm_arena_new(0);
    cm_str text = CM_STR_EMPTY;
    cm_rc rc = CM_OK;
    if (d->status <= CM_DOCUMENT_TEXT) {
        rc = cm_segment_text(s, document, scratch, &text, err);
    }
    if (rc == CM_OK) {
        rc = cm_builder_add_tokens(
            b, cm_segment_string(s->document_strings, d->language, d->language_len), text, err);
    }
    cm_arena_free(scratch);
    return rc;
}

cm_rc cm_builder_add_segment(cm_builder *builder, const cm_segment *segment, const cm_bitmap *dead,
                             cm_err *err) {
    size_t total = (size_t)segment->document_count + segment->chunk_count + segment->symbol_count;
    uint32_t *numbers = cm_try_calloc(total + 1, sizeof(*numbers));
    if (!numbers) {
        return no_memory(err);
    }
    memset(numbers, 0xff, total * sizeof(*numbers));
    merge_map map = {numbers, numbers + segment->document_count,
                     numbers + segment->document_count + segment->chunk_count};
    bool ok = true;
    cm_rc rc = CM_OK;
    for (uint32_t i = 0; ok && rc == CM_OK && i < segment->document_count; i++) {
        if (cm_bitmap_has(dead, i)) {
            continue;
        }
        ok = merge_document(builder, segment, i, &map);
        if (ok) {
            rc = merge_tokens(builder, segment, i, err);
        }
    }
    ok = ok && rc == CM_OK && merge_words(builder, segment, &map) &&
         merge_references(builder, segment, &map) && merge_trigrams(builder, segment, &map);
    cm_free(numbers);
    if (rc != CM_OK) {
        return rc;
    }
    return ok && !cm_builder_failed(builder) ? CM_OK : no_memory(err);
}
