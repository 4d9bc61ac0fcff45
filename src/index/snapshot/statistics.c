/* Counts, computed ids and names of enums of a snapshot. */
#include "index/snapshot/snapshot_priv.h"

#include "base/map.h"

static int language_cmp(const void *left, const void *right) {
    const cm_language_count *a = left, *b = right;
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return cm_str_cmp(a->language, b->language);
}

#define LANGUAGES_MAX 256

static void count_language(cm_language_count *counts, size_t *count, const cm_index_document *d) {
    size_t i = 0;
    while (i < *count && !cm_str_eq(counts[i].language, d->language)) {
        i++;
    }
    if (i == LANGUAGES_MAX) {
        return;
    }
    if (i == *count) {
        counts[(*count)++] = (cm_language_count){.language = d->language};
    }
    counts[i].files++;
    counts[i].lines += d->line_count;
    counts[i].bytes += d->size;
}

static void count_all(cm_snapshot *s) {
    cm_snapshot_statistics *st = &s->statistics;
    s->arena = cm_arena_new(0);
    cm_language_count *counts = cm_arena_alloc(s->arena, LANGUAGES_MAX * sizeof(*counts));
    cm_index_document d;
    for (uint32_t cursor = 0; cm_snapshot_next_document(s, &cursor, &d);) {
        if (!cm_document_has_text(&d)) {
            st->files_without_content++;
            continue;
        }
        st->files++;
        st->lines += d.line_count;
        st->bytes += d.size;
        st->symbols += d.symbol_count;
        st->chunks += d.chunk_count;
        st->imports += d.import_count;
        if (d.language.len > 0) {
            count_language(counts, &st->language_count, &d);
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        st->references += s->segments[i].segment->reference_count;
        st->index_bytes += s->segments[i].segment->bytes;
    }
    st->segments = (uint32_t)s->count;
    if (st->language_count > 1) {
        qsort(counts, st->language_count, sizeof(*counts), language_cmp);
    }
    st->languages = counts;
}

void cm_snapshot_statistics_get(const cm_snapshot *snapshot,
                                cm_snapshot_statistics *ret_statistics) {
    cm_snapshot *s = (cm_snapshot *)(uintptr_t)snapshot; /* fills its cache, under its lock */
    pthread_mutex_lock(&s->lock);
    if (!s->counted) {
        count_all(s);
    }
    s->counted = true;
    *ret_statistics = s->statistics;
    pthread_mutex_unlock(&s->lock);
}

/* ---- computed ids ---- */

static cm_str repository_bytes(const cm_snapshot *snapshot) {
    return cm_str_make((const char *)snapshot->repository.bytes, sizeof(snapshot->repository));
}

cm_uuid cm_snapshot_document_uuid(const cm_snapshot *snapshot, uint32_t document) {
    cm_index_document d;
    if (!cm_snapshot_document(snapshot, document, &d)) {
        return (cm_uuid){0};
    }
    const cm_str parts[] = {repository_bytes(snapshot), d.path, CM_STR("file")};
    return cm_uuid_v8(parts, CM_COUNT(parts));
}

static cm_uuid symbol_uuid(const cm_snapshot *snapshot, cm_str path, enum cm_symbol_kind kind,
                           cm_str qualified, uint32_t ordinal) {
    const cm_str parts[] = {
        repository_bytes(snapshot),
        path,
        cm_str_from(cm_symbol_kind_name(kind)),
        qualified,
        cm_str_make((const char *)&ordinal, sizeof(ordinal)),
    };
    return cm_uuid_v8(parts, CM_COUNT(parts));
}

/* The ordinal tells those of one kind and qualified name apart: overloads, branches of an #if, a class defined
 * twice with the same methods. */
const cm_uuid *cm_snapshot_symbol_uuids(const cm_snapshot *snapshot, uint32_t document,
                                        cm_arena *arena) {
    cm_index_document d;
    if (!cm_snapshot_document(snapshot, document, &d)) {
        return NULL;
    }
    cm_uuid *ids = CM_ARENA_ARRAY(arena, cm_uuid, (size_t)d.symbol_count + 1);
    cm_arena *scratch = cm_arena_new(0);
    cm_map *seen = cm_map_new(0);
    for (uint32_t i = 0; ids && i < d.symbol_count; i++) {
        cm_index_symbol s;
        if (!cm_snapshot_symbol(snapshot, d.first_symbol + i, &s)) {
            continue;
        }
        cm_arena_clear(scratch);
        cm_str name = cm_snapshot_qualified_name(snapshot, s.id, scratch);
        cm_str key = cm_arena_fmt(scratch, "%c" CM_STR_FMT, 'a' + (int)s.kind, CM_STR_ARG(name));
        uint64_t *times = cm_map_slot(seen, key, NULL);
        if (times) {
            ids[i] = symbol_uuid(snapshot, d.path, s.kind, name, (uint32_t)(*times)++);
        } else {
            ids = NULL;
        }
    }
    cm_map_free(seen);
    cm_arena_free(scratch);
    return ids;
}

cm_uuid cm_snapshot_symbol_uuid(const cm_snapshot *snapshot, uint32_t symbol) {
    cm_index_symbol s, other;
    cm_index_document d;
    if (!cm_snapshot_symbol(snapshot, symbol, &s) ||
        !cm_snapshot_document(snapshot, s.document, &d)) {
        return (cm_uuid){0};
    }
    cm_arena *arena = cm_arena_new(0);
    cm_str name = cm_snapshot_qualified_name(snapshot, symbol, arena);
    uint32_t ordinal = 0;
    for (uint32_t id = d.first_symbol; id < symbol; id++) {
        ordinal += cm_snapshot_symbol(snapshot, id, &other) && other.kind == s.kind &&
                   cm_str_eq(other.name, s.name) &&
                   (other.parent == s.parent ||
                    cm_str_eq(cm_snapshot_qualified_name(snapshot, id, arena), name));
    }
    cm_uuid id = symbol_uuid(snapshot, d.path, s.kind, name, ordinal);
    cm_arena_free(arena);
    return id;
}

cm_uuid cm_snapshot_chunk_uuid(const cm_snapshot *snapshot, uint32_t chunk) {
    cm_index_chunk c;
    cm_index_document d;
    if (!cm_snapshot_chunk(snapshot, chunk, &c) ||
        !cm_snapshot_document(snapshot, c.document, &d)) {
        return (cm_uuid){0};
    }
    uint32_t ordinal = chunk - d.first_chunk;
    const cm_str parts[] = {
        repository_bytes(snapshot),
        d.path,
        CM_STR("chunk"),
        cm_str_make((const char *)&ordinal, sizeof(ordinal)),
    };
    return cm_uuid_v8(parts, CM_COUNT(parts));
}

/* ---- names ---- */

static const char *const symbol_kinds[CM_SYMBOL_KIND_COUNT] = {
    [CM_SYMBOL_FUNCTION] = "function", [CM_SYMBOL_METHOD] = "method",
    [CM_SYMBOL_CLASS] = "class",       [CM_SYMBOL_INTERFACE] = "interface",
    [CM_SYMBOL_STRUCT] = "struct",     [CM_SYMBOL_ENUM] = "enum",
    [CM_SYMBOL_TYPE] = "type",         [CM_SYMBOL_MODULE] = "module",
    [CM_SYMBOL_VARIABLE] = "variable", [CM_SYMBOL_CONSTANT] = "constant",
    [CM_SYMBOL_FIELD] = "field",       [CM_SYMBOL_MACRO] = "macro",
    [CM_SYMBOL_IMPORT] = "import",     [CM_SYMBOL_OTHER] = "other",
};
static const char *const reference_roles[] = {"call", "read", "write", "type", "inherit", "import"};
static const char *const chunk_types[] = {"function", "method",  "class",
                                          "block",    "comment", "lines"};
static const char *const document_statuses[] = {"ok",      "partial", "failed",
                                                "skipped", "skipped", "skipped"};

const char *cm_symbol_kind_name(enum cm_symbol_kind kind) {
    return (unsigned)kind < CM_COUNT(symbol_kinds) ? symbol_kinds[kind] : "other";
}

const char *cm_reference_role_name(enum cm_reference_role role) {
    return (unsigned)role < CM_COUNT(reference_roles) ? reference_roles[role] : "read";
}

const char *cm_chunk_type_name(enum cm_chunk_type type) {
    return (unsigned)type < CM_COUNT(chunk_types) ? chunk_types[type] : "lines";
}

const char *cm_document_status_name(enum cm_document_status status) {
    return (unsigned)status < CM_COUNT(document_statuses) ? document_statuses[status] : "skipped";
}
