/* snapshot.c - one numbering over all segments, and look-ups that ask each segment and leave out dead documents. */
#include "index/snapshot/snapshot_priv.h"

#include "base/map.h"
#include "base/vec.h"

/* ---- life ---- */

static int suffix_cmp(const void *left, const void *right, void *argument) {
    const cm_snapshot *s = argument;
    uint32_t l = *(const uint32_t *)left, r = *(const uint32_t *)right;
    size_t a = cm_suffix_tokens(s->segments[l].segment->suffix);
    size_t b = cm_suffix_tokens(s->segments[r].segment->suffix);
    return a != b ? (a < b) - (a > b) : (l > r) - (l < r);
}

/* Segments that have a suffix array, those with most tokens first. */
static void order_suffixes(cm_snapshot *s) {
    s->suffixes = cm_alloc((s->count + 1) * sizeof(*s->suffixes));
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->segments[i].segment->suffix) {
            s->suffixes[s->suffix_count++] = i;
        }
    }
    if (s->suffix_count > 1) {
        qsort_r(s->suffixes, s->suffix_count, sizeof(*s->suffixes), suffix_cmp, s);
    }
}

cm_rc cm_snapshot_new(const cm_uuid *repository, const char *root, uint64_t generation,
                      const cm_snapshot_source *sources, size_t count, cm_snapshot **ret_snapshot,
                      cm_err *err) {
    uint64_t documents = 0, symbols = 0, chunks = 0;
    cm_snapshot_segment *segments = cm_alloc((count + 1) * sizeof(*segments));
    for (size_t i = 0; i <= count; i++) {
        segments[i] = (cm_snapshot_segment){.first_document = (uint32_t)documents,
                                            .first_symbol = (uint32_t)symbols,
                                            .first_chunk = (uint32_t)chunks};
        if (i == count) {
            break;
        }
        segments[i].segment = sources[i].segment;
        segments[i].dead = sources[i].dead;
        documents += sources[i].segment->document_count;
        symbols += sources[i].segment->symbol_count;
        chunks += sources[i].segment->chunk_count;
    }
    if (documents >= CM_ID_NONE || symbols >= CM_ID_NONE || chunks >= CM_ID_NONE) {
        cm_free(segments);
        return cm_fail(err, CM_LIMIT, "repository '%s' has more than 2^32 symbols", root);
    }
    for (size_t i = 0; i < count; i++) {
        cm_segment_ref(segments[i].segment);
        cm_bitmap_ref(segments[i].dead);
    }
    cm_snapshot *s = CM_NEW(cm_snapshot);
    atomic_init(&s->refs, 1);
    s->generation = generation;
    s->repository = *repository;
    s->root = cm_strdup(root);
    s->count = count;
    s->segments = segments;
    order_suffixes(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->graph_lock, NULL);
    *ret_snapshot = s;
    return CM_OK;
}

cm_snapshot *cm_snapshot_ref(cm_snapshot *snapshot) {
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

void cm_snapshot_unref(cm_snapshot *snapshot) {
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < snapshot->count; i++) {
        cm_segment_unref(snapshot->segments[i].segment);
        cm_bitmap_unref(snapshot->segments[i].dead);
    }
    cm_free(snapshot->segments);
    cm_free(snapshot->suffixes);
    cm_free(snapshot->root);
    cm_arena_free(snapshot->arena);
    pthread_mutex_destroy(&snapshot->lock);
    pthread_mutex_destroy(&snapshot->graph_lock);
    for (int slot = 0; slot < CM_SLOT_COUNT; slot++) {
        if (snapshot->slots[slot].value) {
            snapshot->slots[slot].drop(snapshot->slots[slot].value);
        }
    }
    cm_free(snapshot);
}

uint64_t cm_snapshot_generation(const cm_snapshot *snapshot) {
    return snapshot->generation;
}

cm_str cm_snapshot_root(const cm_snapshot *snapshot) {
    return cm_str_from(snapshot->root);
}

/* ---- numbers ---- */

static uint32_t first_of(const cm_snapshot_segment *segment, size_t field) {
    uint32_t first;
    memcpy(&first, (const char *)segment + field, sizeof(first));
    return first;
}

/* `field`: offset of the first_* in question. */
static const cm_snapshot_segment *find_segment(const cm_snapshot *s, size_t field, uint32_t id,
                                               uint32_t *ret_local) {
    if (id >= first_of(&s->segments[s->count], field)) {
        return NULL;
    }
    size_t low = 0, high = s->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (first_of(&s->segments[middle], field) <= id) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *ret_local = id - first_of(&s->segments[low], field);
    return &s->segments[low];
}

const cm_snapshot_segment *cm_snapshot_of_document(const cm_snapshot *snapshot, uint32_t id,
                                                   uint32_t *ret_local) {
    return find_segment(snapshot, offsetof(cm_snapshot_segment, first_document), id, ret_local);
}

const cm_snapshot_segment *cm_snapshot_of_symbol(const cm_snapshot *snapshot, uint32_t id,
                                                 uint32_t *ret_local) {
    return find_segment(snapshot, offsetof(cm_snapshot_segment, first_symbol), id, ret_local);
}

const cm_snapshot_segment *cm_snapshot_of_chunk(const cm_snapshot *snapshot, uint32_t id,
                                                uint32_t *ret_local) {
    return find_segment(snapshot, offsetof(cm_snapshot_segment, first_chunk), id, ret_local);
}

/* ---- documents ---- */

static void fill_document(const cm_snapshot_segment *in, uint32_t local,
                          cm_index_document *document) {
    const cm_segment *s = in->segment;
    const cm_document_record *d = &s->documents[local];
    *document = (cm_index_document){
        .id = in->first_document + local,
        .path = cm_segment_path(s, local),
        .language = cm_segment_string(s->document_strings, d->language, d->language_len),
        .hash = {d->hash_low, d->hash_high},
        .size = d->size,
        .mtime_ns = d->mtime_ns,
        .line_count = d->line_count,
        .first_symbol = in->first_symbol + d->first_symbol,
        .symbol_count = d[1].first_symbol - d->first_symbol,
        .first_chunk = in->first_chunk + d->first_chunk,
        .chunk_count = d[1].first_chunk - d->first_chunk,
        .import_count = d[1].first_import - d->first_import,
        .status = d->status <= CM_DOCUMENT_UNREADABLE ? d->status : CM_DOCUMENT_UNREADABLE,
        .is_test = d->flags & CM_DOCUMENT_TEST,
        .is_vendored = d->flags & CM_DOCUMENT_VENDORED,
    };
}

bool cm_snapshot_is_live(const cm_snapshot *snapshot, uint32_t document) {
    uint32_t local;
    const cm_snapshot_segment *in = cm_snapshot_of_document(snapshot, document, &local);
    return in && !cm_bitmap_has(in->dead, local);
}

bool cm_snapshot_document(const cm_snapshot *snapshot, uint32_t id,
                          cm_index_document *ret_document) {
    uint32_t local;
    const cm_snapshot_segment *in = cm_snapshot_of_document(snapshot, id, &local);
    if (!in || cm_bitmap_has(in->dead, local)) {
        return false;
    }
    fill_document(in, local, ret_document);
    return true;
}

bool cm_snapshot_next_document(const cm_snapshot *snapshot, uint32_t *cursor,
                               cm_index_document *ret_document) {
    uint32_t end = snapshot->segments[snapshot->count].first_document;
    while (*cursor < end) {
        if (cm_snapshot_document(snapshot, (*cursor)++, ret_document)) {
            return true;
        }
    }
    return false;
}

bool cm_snapshot_find_document(const cm_snapshot *snapshot, cm_str path,
                               cm_index_document *ret_document) {
    for (size_t i = snapshot->count; i-- > 0;) {
        const cm_snapshot_segment *in = &snapshot->segments[i];
        uint32_t local = cm_segment_find(in->segment, path);
        if (local != UINT32_MAX && !cm_bitmap_has(in->dead, local)) {
            fill_document(in, local, ret_document);
            return true;
        }
    }
    return false;
}

cm_rc cm_snapshot_text(const cm_snapshot *snapshot, uint32_t document, cm_arena *arena,
                       cm_str *ret_text, cm_err *err) {
    uint32_t local;
    const cm_snapshot_segment *in = cm_snapshot_of_document(snapshot, document, &local);
    if (!in || in->segment->documents[local].status > CM_DOCUMENT_TEXT) {
        return cm_fail(err, CM_NOT_FOUND, "document %u has no text", document);
    }
    return cm_segment_text(in->segment, local, arena, ret_text, err);
}

cm_rc cm_snapshot_lines(const cm_snapshot *snapshot, uint32_t document, uint32_t first,
                        uint32_t last, cm_arena *arena, cm_str *ret_text, cm_err *err) {
    cm_str text;
    cm_rc rc = cm_snapshot_text(snapshot, document, arena, &text, err);
    if (rc != CM_OK) {
        return rc;
    }
    size_t start = 0;
    uint32_t line = 1;
    for (; line < first && start < text.len; line++) {
        size_t newline = cm_str_find_char(cm_str_from_offset(text, start), '\n');
        start = newline == SIZE_MAX ? text.len : start + newline + 1;
    }
    size_t end = start;
    for (; line <= last && end < text.len; line++) {
        size_t newline = cm_str_find_char(cm_str_from_offset(text, end), '\n');
        end = newline == SIZE_MAX ? text.len : end + newline + 1;
    }
    *ret_text = cm_str_sub(text, start, end - start);
    return CM_OK;
}

/* ---- symbols ---- */

/* The symbol with the snapshot's numbers; false where the record is damaged. */
static bool fill_symbol(const cm_snapshot_segment *in, uint32_t local, cm_index_symbol *symbol) {
    const cm_segment *s = in->segment;
    const cm_symbol_record *r = &s->symbols[local];
    if (r->document >= s->document_count || cm_bitmap_has(in->dead, r->document)) {
        return false;
    }
    bool has_parent = r->parent < local && r->parent >= s->documents[r->document].first_symbol;
    *symbol = (cm_index_symbol){
        .id = in->first_symbol + local,
        .document = in->first_document + r->document,
        .parent = has_parent ? in->first_symbol + r->parent : CM_ID_NONE,
        .name = cm_segment_string(s->symbol_strings, r->name, r->name_len),
        .signature = cm_segment_string(s->symbol_strings, r->signature, r->signature_len),
        .doc = cm_segment_string(s->symbol_strings, r->doc, r->doc_len),
        .start_byte = r->start_byte,
        .end_byte = r->end_byte,
        .start_line = r->start_line,
        .end_line = r->end_line,
        .name_line = r->name_line,
        .name_column = r->name_column,
        .kind = r->kind < CM_SYMBOL_KIND_COUNT ? r->kind : CM_SYMBOL_OTHER,
        .visibility = r->visibility,
    };
    return true;
}

bool cm_snapshot_symbol(const cm_snapshot *snapshot, uint32_t id, cm_index_symbol *ret_symbol) {
    uint32_t local;
    const cm_snapshot_segment *in = cm_snapshot_of_symbol(snapshot, id, &local);
    return in && fill_symbol(in, local, ret_symbol);
}

#define PARENTS_MAX 16

cm_str cm_snapshot_qualified_name(const cm_snapshot *snapshot, uint32_t symbol, cm_arena *arena) {
    cm_str names[PARENTS_MAX];
    size_t count = 0, len = 0;
    cm_index_symbol s;
    for (uint32_t id = symbol; count < PARENTS_MAX && cm_snapshot_symbol(snapshot, id, &s);
         id = s.parent) {
        names[count++] = s.name;
        len += s.name.len + 1;
    }
    if (count == 0) {
        return CM_STR_EMPTY;
    }
    char *text = cm_arena_alloc(arena, len);
    size_t at = 0;
    while (count-- > 0) {
        if (names[count].len > 0) { /* a damaged record has none */
            memcpy(text + at, names[count].ptr, names[count].len);
        }
        at += names[count].len;
        text[at++] = count > 0 ? '.' : 0;
    }
    return cm_str_make(text, at - 1);
}

typedef struct found_symbol {
    uint32_t id, line;
    cm_str path;
} found_symbol;

static int found_cmp(const void *left, const void *right) {
    const found_symbol *a = left, *b = right;
    int order = cm_str_cmp(a->path, b->path);
    if (order != 0) {
        return order;
    }
    return a->line != b->line ? (a->line > b->line) - (a->line < b->line)
                              : (a->id > b->id) - (a->id < b->id);
}

size_t cm_snapshot_definitions(const cm_snapshot *snapshot, cm_str name, uint32_t *symbols,
                               size_t max) {
    CM_VEC(found_symbol) found = {0};
    for (size_t i = 0; i < snapshot->count; i++) {
        const cm_snapshot_segment *in = &snapshot->segments[i];
        uint64_t offset;
        cm_numbers list;
        if (!cm_dict_find(&in->segment->symbol_names, name, &offset) ||
            !cm_numbers_open(in->segment->symbol_postings, offset, &list)) {
            continue;
        }
        while (cm_numbers_next(&list)) {
            cm_index_symbol s;
            if (list.now >= in->segment->symbol_count || !fill_symbol(in, list.now, &s)) {
                continue;
            }
            cm_str path = cm_segment_path(in->segment, s.document - in->first_document);
            if (!cm_vec_push(&found, (found_symbol){s.id, s.name_line, path})) {
                break;
            }
        }
    }
    if (found.count > 1) {
        qsort(found.items, found.count, sizeof(found_symbol), found_cmp);
    }
    size_t count = found.count;
    for (size_t i = 0; i < count && i < max; i++) {
        symbols[i] = found.items[i].id;
    }
    cm_vec_done(&found);
    return count;
}

/* Has any live definition? Names of replaced documents stay in the table until a merge. */
static bool name_is_live(const cm_snapshot_segment *in, uint64_t offset) {
    cm_numbers list;
    cm_index_symbol s;
    if (!cm_numbers_open(in->segment->symbol_postings, offset, &list)) {
        return false;
    }
    while (cm_numbers_next(&list)) {
        if (list.now < in->segment->symbol_count && fill_symbol(in, list.now, &s)) {
            return true;
        }
    }
    return false;
}

typedef struct name_cursor {
    cm_dict_cursor dict;
    cm_str name;
    uint64_t offset;
    bool live;
} name_cursor;

static void name_cursor_step(name_cursor *c, cm_str prefix) {
    c->live = cm_dict_next(&c->dict, &c->name, &c->offset) && cm_str_starts(c->name, prefix);
}

void cm_snapshot_names(const cm_snapshot *snapshot, cm_str prefix, cm_name_fn *visit,
                       void *argument) {
    name_cursor *cursors = cm_alloc((snapshot->count + 1) * sizeof(*cursors));
    for (size_t i = 0; i < snapshot->count; i++) {
        cm_dict_seek(&snapshot->segments[i].segment->symbol_names, prefix, &cursors[i].dict);
        name_cursor_step(&cursors[i], prefix);
    }
    char text[CM_DICT_STRING_MAX];
    for (;;) {
        cm_str least = CM_STR_EMPTY;
        bool any = false, live = false;
        for (size_t i = 0; i < snapshot->count; i++) {
            if (cursors[i].live && (!any || cm_str_cmp(cursors[i].name, least) < 0)) {
                least = cursors[i].name;
                any = true;
            }
        }
        if (!any) {
            break;
        }
        memcpy(text, least.ptr, least.len);
        least.ptr = text;
        for (size_t i = 0; i < snapshot->count; i++) {
            if (!cursors[i].live || !cm_str_eq(cursors[i].name, least)) {
                continue;
            }
            live = live || name_is_live(&snapshot->segments[i], cursors[i].offset);
            name_cursor_step(&cursors[i], prefix);
        }
        if (live && !visit(argument, least)) {
            break;
        }
    }
    cm_free(cursors);
}

/* ---- the instant tier ---- */

size_t cm_snapshot_suffix_count(const cm_snapshot *snapshot) {
    return snapshot->suffix_count;
}

const cm_suffix *cm_snapshot_suffix(const cm_snapshot *snapshot, size_t index,
                                    uint32_t *ret_first_document) {
    if (index >= snapshot->suffix_count) {
        return NULL;
    }
    const cm_snapshot_segment *in = &snapshot->segments[snapshot->suffixes[index]];
    *ret_first_document = in->first_document;
    return in->segment->suffix;
}

/* ---- references, imports, chunks ---- */

size_t cm_snapshot_reference_count(const cm_snapshot *snapshot, cm_str name) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        const cm_segment *s = snapshot->segments[i].segment;
        uint64_t offset;
        cm_reference_cursor c;
        if (cm_dict_find(&s->reference_names, name, &offset) &&
            cm_reference_cursor_open(s, offset, &c)) {
            count += CM_MIN(c.left, s->reference_count);
        }
    }
    return count;
}

void cm_snapshot_references(const cm_snapshot *snapshot, cm_str name, cm_reference_fn *visit,
                            void *argument) {
    for (size_t i = 0; i < snapshot->count; i++) {
        const cm_snapshot_segment *in = &snapshot->segments[i];
        uint64_t offset;
        cm_reference_cursor c;
        if (!cm_dict_find(&in->segment->reference_names, name, &offset) ||
            !cm_reference_cursor_open(in->segment, offset, &c)) {
            continue;
        }
        while (cm_reference_cursor_next(&c)) {
            if (cm_bitmap_has(in->dead, c.now.document)) {
                continue;
            }
            cm_index_reference reference = {
                .document = in->first_document + c.now.document,
                .line = c.now.line,
                .column = c.now.column,
                .scope = c.now.scope == UINT32_MAX ? CM_ID_NONE : in->first_symbol + c.now.scope,
                .role = c.now.role <= CM_REFERENCE_IMPORT ? c.now.role : CM_REFERENCE_READ,
            };
            if (!visit(argument, &reference)) {
                return;
            }
        }
    }
}

bool cm_snapshot_import(const cm_snapshot *snapshot, uint32_t document, uint32_t index,
                        cm_index_import *ret_import) {
    uint32_t local;
    const cm_snapshot_segment *in = cm_snapshot_of_document(snapshot, document, &local);
    if (!in || cm_bitmap_has(in->dead, local)) {
        return false;
    }
    const cm_segment *s = in->segment;
    const cm_document_record *d = &s->documents[local];
    if (index >= d[1].first_import - d->first_import) {
        return false;
    }
    const cm_import_record *r = &s->imports[d->first_import + index];
    *ret_import = (cm_index_import){
        .module = cm_segment_string(s->import_strings, r->module, r->module_len),
        .name = cm_segment_string(s->import_strings, r->name, r->name_len),
        .alias = cm_segment_string(s->import_strings, r->alias, r->alias_len),
        .line = r->line,
        .relative = r->relative,
    };
    return true;
}

bool cm_snapshot_chunk(const cm_snapshot *snapshot, uint32_t id, cm_index_chunk *ret_chunk) {
    uint32_t local;
    const cm_snapshot_segment *in = cm_snapshot_of_chunk(snapshot, id, &local);
    if (!in) {
        return false;
    }
    const cm_chunk_record *r = &in->segment->chunks[local];
    if (r->document >= in->segment->document_count || cm_bitmap_has(in->dead, r->document)) {
        return false;
    }
    bool has_symbol = r->symbol < in->segment->symbol_count;
    *ret_chunk = (cm_index_chunk){
        .id = id,
        .document = in->first_document + r->document,
        .symbol = has_symbol ? in->first_symbol + r->symbol : CM_ID_NONE,
        .start_byte = r->start_byte,
        .end_byte = r->end_byte,
        .start_line = r->start_line,
        .end_line = r->end_line,
        .type = r->type <= CM_CHUNK_LINES ? r->type : CM_CHUNK_LINES,
        .importance = (float)r->importance / (float)UINT16_MAX,
    };
    return true;
}
