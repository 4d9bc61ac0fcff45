/* The rows of one document, as the JSON that the queries of src/store/sql take. See tables.h. */
#include "index/tables/tables_priv.h"

#include "base/json.h"
#include "base/map.h"
#include "base/utf8.h"
#include "index/snapshot/snapshot_priv.h"

#define FORMAT        1         /* raise it when rows are made differently: all are written again */
#define PART_BYTES    CM_MIB(1) /* of one statement's rows */
#define PREVIEW_CHARS 2000      /* code_chunks.content_preview */
#define TOKEN_BYTES   4         /* as everywhere without a model: a token is about four bytes */
#define PART_MAX      CM_MIB(15) /* a parameter may have 16 */

/* ---- the hash ---- */

static uint64_t mix_str(uint64_t hash, cm_str s) {
    return cm_hash64_mix(hash, cm_hash64(s.ptr ? s.ptr : "", s.len));
}

static uint64_t hash_symbols(const cm_snapshot *snapshot, const cm_index_document *d,
                             uint64_t hash) {
    cm_index_symbol s;
    for (uint32_t i = 0; i < d->symbol_count; i++) {
        if (!cm_snapshot_symbol(snapshot, d->first_symbol + i, &s)) {
            continue;
        }
        uint32_t parent = s.parent == CM_ID_NONE ? CM_ID_NONE : s.parent - d->first_symbol;
        const uint32_t numbers[] = {i,          s.kind,      s.visibility, parent, s.start_line,
                                    s.end_line, s.name_line, s.name_column};
        hash = cm_hash64_mix(hash, cm_hash64(numbers, sizeof(numbers)));
        hash = mix_str(mix_str(mix_str(hash, s.name), s.signature), s.doc);
    }
    return hash;
}

static uint64_t hash_chunks(const cm_snapshot *snapshot, const cm_index_document *d,
                            uint64_t hash) {
    cm_index_chunk c;
    for (uint32_t i = 0; i < d->chunk_count; i++) {
        if (!cm_snapshot_chunk(snapshot, d->first_chunk + i, &c)) {
            continue;
        }
        uint32_t symbol = c.symbol == CM_ID_NONE ? CM_ID_NONE : c.symbol - d->first_symbol;
        const uint32_t numbers[] = {
            i,          c.type,       symbol,     c.start_byte,
            c.end_byte, c.start_line, c.end_line, (uint32_t)(c.importance * UINT16_MAX)};
        hash = cm_hash64_mix(hash, cm_hash64(numbers, sizeof(numbers)));
    }
    return hash;
}

static uint64_t hash_imports(const cm_snapshot *snapshot, const cm_graph *graph,
                             const cm_index_document *d, uint64_t hash) {
    cm_index_import import;
    cm_index_document target;
    for (uint32_t i = 0; i < d->import_count; i++) {
        if (!cm_snapshot_import(snapshot, d->id, i, &import)) {
            continue;
        }
        hash = cm_hash64_mix(mix_str(mix_str(hash, import.module), import.name), import.line);
        if (graph &&
            cm_snapshot_document(snapshot, cm_graph_import_target(graph, d->id, i), &target)) {
            hash = mix_str(hash, target.path);
        }
    }
    return hash;
}

uint64_t cm_table_hash(const cm_snapshot *snapshot, const cm_graph *graph, enum cm_tables_mode mode,
                       const cm_index_document *document) {
    const cm_index_document *d = document;
    const uint64_t numbers[] = {FORMAT,  mode,      d->hash.low,   d->hash.high,
                                d->size, d->status, d->line_count, (uint64_t)d->mtime_ns};
    uint64_t hash = mix_str(cm_hash64(numbers, sizeof(numbers)), d->language);
    hash = hash_imports(snapshot, graph, d, hash);
    if (mode == CM_TABLES_ALL) {
        hash = hash_chunks(snapshot, d, hash_symbols(snapshot, d, hash));
    }
    return hash | 1; /* 0 = not complete */
}

/* ---- writing JSON ---- */

typedef struct part_writer {
    cm_json_parts *parts;
    cm_arena *arena;
    cm_buf buf;
    cm_json_writer json;
    bool open, failed;
} part_writer;

static void part_init(part_writer *w, cm_json_parts *parts, cm_arena *arena) {
    *w = (part_writer){.parts = parts, .arena = arena};
    cm_buf_init(&w->buf, PART_MAX);
}

static void part_close(part_writer *w) {
    if (!w->open) {
        return;
    }
    cm_json_array_end(&w->json);
    cm_json_object_end(&w->json);
    if (w->buf.failed != CM_OK ||
        !cm_vec_push(w->parts, cm_arena_str(w->arena, cm_buf_str(&w->buf)))) {
        w->failed = true;
    }
    cm_buf_clear(&w->buf);
    w->open = false;
}

static cm_json_writer *part_row(part_writer *w) {
    if (w->buf.len > PART_BYTES) {
        part_close(w);
    }
    if (!w->open) {
        cm_json_writer_init(&w->json, &w->buf);
        cm_json_object(&w->json);
        cm_json_key(&w->json, "rows");
        cm_json_array(&w->json);
        w->open = true;
    }
    return &w->json;
}

static cm_rc part_done(part_writer *w, cm_err *err) {
    part_close(w);
    cm_buf_done(&w->buf);
    return w->failed ? cm_fail(err, CM_NOMEM, "out of memory writing rows") : CM_OK;
}

static void put_str(cm_json_writer *w, const char *key, cm_str value) {
    cm_json_key(w, key);
    if (value.len > 0) {
        cm_json_str(w, value);
    } else {
        cm_json_null(w);
    }
}

static void put_u64(cm_json_writer *w, const char *key, uint64_t value) {
    cm_json_key(w, key);
    cm_json_u64(w, value);
}

static void put_id(cm_json_writer *w, const char *key, const cm_uuid *id) {
    char text[CM_UUID_TEXT];
    cm_json_key(w, key);
    if (cm_uuid_is_nil(id)) {
        cm_json_null(w);
        return;
    }
    cm_uuid_format(id, text);
    cm_json_c(w, text);
}

static void put_hash(cm_json_writer *w, const char *key, cm_hash128 hash) {
    char text[CM_HASH128_TEXT];
    cm_hash128_format(hash, text);
    cm_json_key(w, key);
    cm_json_c(w, text);
}

/* ---- files ---- */

static void write_imports(const cm_snapshot *snapshot, const cm_index_document *d,
                          cm_json_writer *w) {
    cm_map *seen = cm_map_new(0);
    cm_index_import import;
    bool added;
    cm_json_key(w, "imports");
    cm_json_array(w);
    for (uint32_t i = 0; i < d->import_count; i++) {
        if (cm_snapshot_import(snapshot, d->id, i, &import) && import.module.len > 0 &&
            cm_map_slot(seen, import.module, &added) && added) {
            cm_json_str(w, import.module);
        }
    }
    cm_json_array_end(w);
    cm_map_free(seen);
}

void cm_table_file(const cm_snapshot *snapshot, const cm_index_document *document, uint64_t hash,
                   cm_buf *out) {
    const cm_index_document *d = document;
    cm_uuid id = cm_snapshot_document_uuid(snapshot, d->id);
    bool text = cm_document_has_text(d);
    char digits[17];
    cm_json_writer w;
    cm_json_writer_init(&w, out);
    cm_json_object(&w);
    put_id(&w, "id", &id);
    put_str(&w, "file_path", d->path);
    put_str(&w, "language", d->language);
    put_hash(&w, "content_hash", d->hash);
    put_u64(&w, "size_bytes", d->size);
    cm_json_key(&w, "line_count");
    text ? cm_json_u64(&w, d->line_count) : cm_json_null(&w);
    cm_json_key(&w, "token_count");
    text ? cm_json_u64(&w, (d->size + TOKEN_BYTES - 1) / TOKEN_BYTES) : cm_json_null(&w);
    write_imports(snapshot, d, &w);
    put_str(&w, "parse_status", cm_str_from(cm_document_status_name(d->status)));
    cm_json_key(&w, "last_modified_ms");
    cm_json_i64(&w, d->mtime_ns / 1000000);
    cm_json_key(&w, "projection_hash");
    snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)hash);
    cm_json_c(&w, hash ? digits : NULL);
    cm_json_object_end(&w);
}

/* ---- references, gathered from the lists by name ---- */

static int reference_cmp(const void *left, const void *right) {
    const cm_table_reference *a = left, *b = right;
    if (a->document != b->document) {
        return a->document < b->document ? -1 : 1;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    int order = cm_str_cmp(a->name, b->name);
    return order ? order : (a->role > b->role) - (a->role < b->role);
}

typedef CM_VEC(cm_table_reference) reference_list;

/* All references of one segment to documents marked in `wanted` (by the segment's own number). */
static bool gather_segment(const cm_snapshot_segment *in, const bool *wanted, cm_arena *arena,
                           reference_list *list) {
    const cm_segment *s = in->segment;
    cm_dict_cursor names;
    cm_str name;
    uint64_t offset;
    cm_reference_cursor c;
    cm_dict_seek(&s->reference_names, CM_STR_EMPTY, &names);
    while (cm_dict_next(&names, &name, &offset)) {
        cm_str copy = CM_STR_EMPTY;
        if (!cm_reference_cursor_open(s, offset, &c)) {
            continue;
        }
        while (cm_reference_cursor_next(&c)) {
            if (c.now.document >= s->document_count || !wanted[c.now.document]) {
                continue;
            }
            if (copy.len == 0) {
                copy = cm_arena_str(arena, name);
            }
            cm_table_reference r = {in->first_document + c.now.document, c.now.line, c.now.column,
                                    copy, c.now.role};
            if (!cm_vec_push(list, r)) {
                return false;
            }
        }
    }
    return true;
}

/* One name at one place is one row. */
static size_t drop_repeated(cm_table_reference *items, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const cm_table_reference *last = kept > 0 ? &items[kept - 1] : NULL;
        if (last && last->document == items[i].document && last->line == items[i].line &&
            last->column == items[i].column && cm_str_eq(last->name, items[i].name)) {
            continue;
        }
        items[kept++] = items[i];
    }
    return kept;
}

cm_rc cm_table_references(const cm_snapshot *snapshot, const cm_table_change *changes, size_t count,
                          cm_arena *arena, const cm_table_reference **ret_references,
                          size_t *ret_count, cm_err *err) {
    reference_list list = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < snapshot->count; i++) {
        const cm_snapshot_segment *in = &snapshot->segments[i];
        bool *wanted = cm_try_calloc((size_t)in->segment->document_count + 1, sizeof(*wanted));
        bool any = false;
        for (size_t c = 0; wanted && c < count; c++) {
            uint32_t local;
            if (cm_snapshot_of_document(snapshot, changes[c].document, &local) == in) {
                any = wanted[local] = true;
            }
        }
        ok = wanted && (!any || gather_segment(in, wanted, arena, &list));
        cm_free(wanted);
    }
    cm_table_reference *items =
        ok ? CM_ARENA_ARRAY(arena, cm_table_reference, list.count + 1) : NULL;
    if (items) {
        if (list.count > 1) {
            qsort(list.items, list.count, sizeof(*list.items), reference_cmp);
        }
        list.count = drop_repeated(list.items, list.count);
        if (list.count > 0) {
            memcpy(items, list.items, list.count * sizeof(*items));
        }
        *ret_references = items;
        *ret_count = list.count;
    }
    cm_vec_done(&list);
    return items ? CM_OK : cm_fail(err, CM_NOMEM, "out of memory gathering references");
}

/* ---- what is in a document ---- */

typedef struct making {
    const cm_snapshot *snapshot;
    const cm_graph *graph;
    const cm_index_document *d;
    cm_arena *arena;
    cm_map *defined; /* name -> place of its first definition in symbol_ids */
    cm_table_document *out;
} making;

static void write_symbol(const making *m, uint32_t i, const cm_index_symbol *s, cm_json_writer *w) {
    static const cm_uuid nil;
    bool inner = s->parent != CM_ID_NONE && s->parent >= m->d->first_symbol;
    cm_json_object(w);
    put_id(w, "id", &m->out->symbol_ids[i]);
    cm_json_key(w, "name");
    cm_json_str(w, s->name);
    put_str(w, "qualified_name", cm_snapshot_qualified_name(m->snapshot, s->id, m->arena));
    put_str(w, "kind", cm_str_from(cm_symbol_kind_name(s->kind)));
    put_u64(w, "start_line", s->start_line);
    put_u64(w, "end_line", s->end_line);
    put_str(w, "signature", s->signature);
    put_str(w, "docstring", s->doc);
    put_id(w, "parent_symbol_id",
           inner ? &m->out->symbol_ids[s->parent - m->d->first_symbol] : &nil);
    cm_json_key(w, "metadata");
    cm_json_object(w);
    put_u64(w, "name_line", s->name_line);
    put_u64(w, "name_column", s->name_column);
    cm_json_object_end(w);
    cm_json_object_end(w);
}

static cm_rc make_symbols(making *m, cm_err *err) {
    part_writer w;
    cm_table_document *out = m->out;
    out->symbol_count = m->d->symbol_count;
    out->symbol_ids = cm_snapshot_symbol_uuids(m->snapshot, m->d->id, m->arena);
    cm_str *names = CM_ARENA_ARRAY(m->arena, cm_str, (size_t)m->d->symbol_count + 1);
    if (!out->symbol_ids || !names) {
        return cm_fail(err, CM_NOMEM, "out of memory writing symbols");
    }
    out->symbol_names = names;
    part_init(&w, &out->symbols, m->arena);
    for (uint32_t i = 0; i < m->d->symbol_count; i++) {
        cm_index_symbol s;
        uint64_t ignored;
        if (!cm_snapshot_symbol(m->snapshot, m->d->first_symbol + i, &s)) {
            continue;
        }
        names[i] = s.name;
        if (s.kind != CM_SYMBOL_IMPORT && !cm_map_get(m->defined, s.name, &ignored) &&
            !cm_map_put(m->defined, s.name, i)) {
            w.failed = true;
        }
        write_symbol(m, i, &s, part_row(&w));
        out->rows++;
    }
    return part_done(&w, err);
}

static cm_rc make_references(making *m, const cm_table_reference *references, size_t count,
                             cm_err *err) {
    static const cm_uuid nil;
    part_writer w;
    part_init(&w, &m->out->references, m->arena);
    for (size_t i = 0; i < count; i++) {
        const cm_table_reference *r = &references[i];
        uint64_t at;
        bool here = cm_map_get(m->defined, r->name, &at);
        cm_json_writer *json = part_row(&w);
        cm_json_object(json);
        put_u64(json, "line", r->line);
        put_u64(json, "column_no", r->column);
        cm_json_key(json, "name");
        cm_json_str(json, r->name);
        put_id(json, "symbol_id", here ? &m->out->symbol_ids[at] : &nil);
        put_str(json, "kind", cm_str_from(cm_reference_role_name(r->role)));
        cm_json_object_end(json);
        m->out->rows++;
    }
    return part_done(&w, err);
}

/* "module", or "module:name" for what is taken from it: each may mean another file. */
static cm_rc make_dependencies(making *m, cm_err *err) {
    part_writer w;
    cm_map *seen = cm_map_new(0);
    const char *kind = cm_str_eq_c(m->d->language, "c") || cm_str_eq_c(m->d->language, "cpp")
                           ? "include"
                           : "import";
    part_init(&w, &m->out->dependencies, m->arena);
    for (uint32_t i = 0; i < m->d->import_count; i++) {
        cm_index_import import;
        bool added = false;
        if (!cm_snapshot_import(m->snapshot, m->d->id, i, &import)) {
            continue;
        }
        cm_str name = import.name.len > 0
                          ? cm_arena_fmt(m->arena, CM_STR_FMT ":" CM_STR_FMT,
                                         CM_STR_ARG(import.module), CM_STR_ARG(import.name))
                          : import.module;
        if (!cm_map_slot(seen, name, &added) || !added) {
            continue;
        }
        cm_uuid target = cm_snapshot_document_uuid(
            m->snapshot, m->graph ? cm_graph_import_target(m->graph, m->d->id, i) : CM_ID_NONE);
        cm_json_writer *json = part_row(&w);
        cm_json_object(json);
        cm_json_key(json, "import_name");
        cm_json_str(json, name);
        put_str(json, "kind", cm_str_from(kind));
        put_id(json, "target_file_id", &target);
        put_u64(json, "line", import.line);
        cm_json_object_end(json);
        m->out->rows++;
    }
    cm_map_free(seen);
    return part_done(&w, err);
}

/* Name of the nearest class around a symbol. */
static cm_str class_of(const cm_snapshot *snapshot, const cm_index_symbol *symbol) {
    cm_index_symbol s = *symbol;
    while (cm_snapshot_symbol(snapshot, s.parent, &s)) {
        if (s.kind == CM_SYMBOL_CLASS || s.kind == CM_SYMBOL_STRUCT ||
            s.kind == CM_SYMBOL_INTERFACE || s.kind == CM_SYMBOL_ENUM) {
            return s.name;
        }
    }
    return CM_STR_EMPTY;
}

static cm_str preview(cm_str text) {
    size_t at = 0;
    for (size_t chars = 0; chars < PREVIEW_CHARS && at < text.len; chars++) {
        (void)cm_utf8_next(text, &at);
    }
    return cm_str_sub(text, 0, at);
}

static void write_chunk(const making *m, uint32_t i, const cm_index_chunk *c, cm_str text,
                        cm_json_writer *w) {
    cm_uuid id = cm_snapshot_chunk_uuid(m->snapshot, c->id);
    cm_str content = cm_str_sub(text, c->start_byte, c->end_byte - c->start_byte);
    cm_index_symbol s = {.name = CM_STR_EMPTY, .parent = CM_ID_NONE};
    bool named = cm_snapshot_symbol(m->snapshot, c->symbol, &s);
    cm_json_object(w);
    put_id(w, "id", &id);
    put_u64(w, "chunk_index", i);
    put_u64(w, "start_line", c->start_line);
    put_u64(w, "end_line", c->end_line);
    put_hash(w, "content_hash", cm_hash128_of(content.ptr ? content.ptr : "", content.len));
    put_str(w, "chunk_type", cm_str_from(cm_chunk_type_name(c->type)));
    put_str(w, "symbol_name", s.name);
    put_str(w, "class_name", named ? class_of(m->snapshot, &s) : CM_STR_EMPTY);
    cm_json_key(w, "content_preview");
    cm_json_str(w, preview(content));
    put_u64(w, "token_count", (content.len + TOKEN_BYTES - 1) / TOKEN_BYTES);
    cm_json_key(w, "importance_score");
    cm_json_real(w, (double)c->importance);
    cm_json_object_end(w);
}

static cm_rc make_chunks(making *m, cm_err *err) {
    cm_arena *scratch = cm_arena_new(0);
    cm_str text = CM_STR_EMPTY;
    part_writer w;
    cm_rc rc = CM_OK;
    if (cm_document_has_text(m->d) && m->d->chunk_count > 0) {
        rc = cm_snapshot_text(m->snapshot, m->d->id, scratch, &text, err);
    }
    part_init(&w, &m->out->chunks, m->arena);
    for (uint32_t i = 0; rc == CM_OK && i < m->d->chunk_count; i++) {
        cm_index_chunk c;
        if (!cm_snapshot_chunk(m->snapshot, m->d->first_chunk + i, &c) || c.end_byte > text.len ||
            c.start_byte > c.end_byte) {
            continue;
        }
        write_chunk(m, i, &c, text, part_row(&w));
        m->out->rows++;
    }
    cm_rc done = part_done(&w, rc == CM_OK ? err : NULL);
    cm_arena_free(scratch);
    return rc == CM_OK ? done : rc;
}

cm_rc cm_table_document_make(const cm_snapshot *snapshot, const cm_graph *graph,
                             const cm_table_change *change, const cm_table_reference *references,
                             size_t reference_count, cm_arena *arena,
                             cm_table_document *ret_document, cm_err *err) {
    cm_index_document d;
    cm_table_document out = {.id = cm_snapshot_document_uuid(snapshot, change->document),
                             .known = change->known,
                             .rows = 1};
    if (!cm_snapshot_document(snapshot, change->document, &d)) {
        return cm_fail(err, CM_NOT_FOUND, "document %u is gone", change->document);
    }
    making m = {snapshot, graph, &d, arena, cm_map_new(0), &out};
    out.language = d.language;
    cm_rc rc = make_symbols(&m, err);
    if (rc == CM_OK) {
        rc = make_references(&m, references, reference_count, err);
    }
    if (rc == CM_OK) {
        rc = make_dependencies(&m, err);
    }
    if (rc == CM_OK) {
        rc = make_chunks(&m, err);
    }
    bool damaged = rc == CM_CORRUPT; /* the job that repairs the segment brings the rest */
    if (rc == CM_OK || damaged) {
        cm_buf file;
        cm_buf_init(&file, PART_MAX);
        cm_buf_add_c(&file, "{\"rows\":[");
        cm_table_file(snapshot, &d, damaged ? 0 : change->hash, &file);
        cm_buf_add_c(&file, "]}");
        rc = cm_buf_check(&file, err);
        if (rc == CM_OK) {
            out.file = cm_arena_str(arena, cm_buf_str(&file));
        }
        cm_buf_done(&file);
    }
    cm_map_free(m.defined);
    if (rc == CM_OK) {
        *ret_document = out;
    } else {
        cm_table_document_done(&out);
    }
    return rc;
}

void cm_table_document_done(cm_table_document *document) {
    cm_vec_done(&document->symbols);
    cm_vec_done(&document->chunks);
    cm_vec_done(&document->references);
    cm_vec_done(&document->dependencies);
}

void cm_tables_languages(const cm_snapshot_statistics *statistics, cm_buf *stats, cm_buf *names) {
    cm_json_writer s, n;
    cm_json_writer_init(&s, stats);
    cm_json_writer_init(&n, names);
    cm_json_object(&s);
    cm_json_array(&n);
    for (size_t i = 0; i < statistics->language_count; i++) {
        const cm_language_count *language = &statistics->languages[i];
        cm_json_key_str(&s, language->language);
        cm_json_u64(&s, language->files);
        cm_json_str(&n, language->language);
    }
    cm_json_object_end(&s);
    cm_json_array_end(&n);
}
