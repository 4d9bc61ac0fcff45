/* symbols.c - symbols of a repository: list, definitions, references, call sites, map. */
#include "base/base.h"

#include "api/api_gen.h"
#include "api/cursor.h"
#include "api/lookup.h"
#include "base/path.h"
#include "base/utf8.h"
#include "search/symbols.h"

/* ---- list ---- */

static void fill_symbol(const cm_snapshot *snapshot, const cm_index_symbol *symbol, cm_arena *arena,
                        cm_api_symbol *out) {
    cm_index_document document;
    if (!cm_snapshot_document(snapshot, symbol->document, &document)) {
        document = (cm_index_document){0};
    }
    cm_uuid id = cm_snapshot_symbol_uuid(snapshot, symbol->id);
    cm_uuid file_id = cm_snapshot_document_uuid(snapshot, symbol->document);
    *out = (cm_api_symbol){.symbol_id = cm_uuid_text(arena, &id),
                           .file_id = cm_uuid_text(arena, &file_id),
                           .name = symbol->name,
                           .kind = (enum cm_api_symbol_kind)(symbol->kind + 1),
                           .start_line = symbol->start_line,
                           .end_line = symbol->end_line,
                           .signature = symbol->signature,
                           .file_path = document.path,
                           .language = document.language,
                           .doc = symbol->doc};
    if (symbol->parent != CM_ID_NONE) {
        cm_uuid parent = cm_snapshot_symbol_uuid(snapshot, symbol->parent);
        out->parent_symbol_id = cm_uuid_text(arena, &parent);
    }
}

static bool matches(const cm_api_list_symbols_query *query, const cm_index_symbol *symbol) {
    bool kind = query->kind == CM_API_SYMBOL_KIND_ABSENT ||
                (unsigned)query->kind == (unsigned)symbol->kind + 1;
    bool name =
        query->q.len == 0 || (query->exact ? cm_str_eq(symbol->name, query->q)
                                           : cm_str_find(symbol->name, query->q) != SIZE_MAX);
    return kind && name;
}

typedef struct page {
    const cm_snapshot *snapshot;
    const cm_api_list_symbols_query *query;
    cm_arena *arena;
    uint64_t from; /* number of the first symbol that may be shown */
    uint64_t next; /* where the next page begins; 0 = there is none */
    cm_api_symbol_page out;
} page;

/* False when the page is full. */
static bool add_document(page *p, const cm_index_document *document) {
    for (uint32_t i = 0; i < document->symbol_count; i++) {
        cm_index_symbol symbol;
        uint32_t number = document->first_symbol + i;
        if (number < p->from || !cm_snapshot_symbol(p->snapshot, number, &symbol) ||
            !matches(p->query, &symbol)) {
            continue;
        }
        if (p->out.items.count == (size_t)p->query->limit) {
            p->next = number;
            return false;
        }
        fill_symbol(p->snapshot, &symbol, p->arena, &p->out.items.items[p->out.items.count++]);
    }
    return true;
}

static cm_rc fill_page(page *p, cm_call *call, cm_err *err) {
    cm_index_document document;
    uint32_t cursor = 0;
    if (p->query->cursor.len > 0) {
        cm_str last;
        cm_rc rc = cm_cursor_read(p->query->cursor, call->route->op, &last, err);
        if (rc == CM_OK && !cm_str_to_u64(last, &p->from)) {
            rc = cm_fail(err, CM_INVALID_CURSOR, "the cursor is of another list");
        }
        if (rc != CM_OK) {
            return rc;
        }
    }
    p->out.items.items =
        cm_arena_alloc(p->arena, ((size_t)p->query->limit + 1) * sizeof(*p->out.items.items));
    if (p->query->file.len > 0) {
        if (cm_snapshot_find_document(p->snapshot, p->query->file, &document)) {
            add_document(p, &document);
        }
    } else {
        bool more = true;
        while (more && cm_snapshot_next_document(p->snapshot, &cursor, &document)) {
            more = add_document(p, &document);
        }
    }
    if (p->next > 0) {
        cm_str last = cm_arena_fmt(p->arena, "%llu", (unsigned long long)p->next);
        p->out.next_cursor = cm_cursor_make(last, call->route->op, p->arena);
    }
    return CM_OK;
}

void cm_h_list_symbols(cm_call *call) {
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    page p = {.snapshot = snapshot, .query = call->query, .arena = call->arena};
    cm_err err;
    cm_rc rc = fill_page(&p, call, &err);
    if (rc == CM_OK) {
        cm_call_reply(call, 200, &cm_api_symbol_page_schema, &p.out);
    } else {
        cm_call_fail(call, rc, &err);
    }
    cm_snapshot_unref(snapshot);
}

/* ---- navigation ---- */

/* The word that holds byte `at` of `text`. */
static cm_str word_at(cm_str text, size_t at) {
    size_t start = at, end = at;
    while (start > 0 && cm_is_word(text.ptr[start - 1])) {
        start--;
    }
    while (end < text.len && cm_is_word(text.ptr[end])) {
        end++;
    }
    return cm_str_sub(text, start, end - start);
}

/* The path asked from: as sent, or a file:// URI inside the repository's root. */
static cm_str path_of(const cm_snapshot *snapshot, const cm_api_navigation_request *in,
                      cm_arena *arena) {
    cm_cleanup(cm_buf_done) cm_buf absolute;
    cm_str root = cm_snapshot_root(snapshot);
    cm_buf_init(&absolute, CM_PATH_BYTES_MAX);
    if (in->path.len > 0 || cm_path_from_uri(in->uri, &absolute, NULL) != CM_OK ||
        !cm_path_is_inside(cm_buf_str(&absolute), root) || absolute.len <= root.len) {
        return in->path;
    }
    return cm_arena_str(arena, cm_str_from_offset(cm_buf_str(&absolute), root.len + 1));
}

static cm_rc read_query(const cm_snapshot *snapshot, cm_call *call, cm_symbol_query *ret_query,
                        cm_err *err) {
    const cm_api_navigation_request *in = call->input;
    cm_symbol_query query = {.name = in->symbol,
                             .from_path = path_of(snapshot, in, call->arena),
                             .limit = (uint32_t)in->limit,
                             .cancel = call->cancel};
    if (query.name.len == 0) {
        cm_index_document document;
        cm_str text;
        size_t at;
        if (in->position == NULL || query.from_path.len == 0) {
            return cm_fail(err, CM_INVALID, "send `symbol`, or `position` with `path` or `uri`");
        }
        if (!cm_snapshot_find_document(snapshot, query.from_path, &document)) {
            return cm_fail(err, CM_NOT_FOUND, "'" CM_STR_FMT "' is not in the index",
                           CM_STR_ARG(query.from_path));
        }
        cm_rc rc = cm_snapshot_text(snapshot, document.id, call->arena, &text, err);
        if (rc != CM_OK) {
            return rc;
        }
        cm_position where = {(uint32_t)in->position->line, (uint32_t)in->position->character};
        if (!cm_utf8_valid(text) || !cm_position_to_offset(text, where, CM_UTF16, &at)) {
            return cm_fail(err, CM_POSITION_OUT_OF_RANGE, "line %u lies past the file's end",
                           where.line);
        }
        query.name = word_at(text, at);
        if (query.name.len == 0) {
            return cm_fail(err, CM_UNPROCESSABLE, "there is no name at this position");
        }
    }
    *ret_query = query;
    return CM_OK;
}

static cm_api_range name_range(uint32_t line, uint32_t column, size_t len) {
    return (cm_api_range){{line - 1, column}, {line - 1, (int64_t)(column + len)}};
}

typedef cm_rc find_symbols(const cm_snapshot *snapshot, const cm_symbol_query *query,
                           cm_arena *arena, cm_symbol_result *ret_result, cm_err *err);

static cm_rc find_definitions(const cm_snapshot *snapshot, const cm_symbol_query *query,
                              find_symbols *find, cm_arena *arena, cm_api_navigation_response *out,
                              cm_err *err) {
    cm_symbol_result found;
    cm_rc rc = find(snapshot, query, arena, &found, err);
    if (rc != CM_OK) {
        return rc;
    }
    out->items.items = cm_arena_alloc(arena, (found.count + 1) * sizeof(*out->items.items));
    out->truncated = found.truncated;
    for (size_t i = 0; i < found.count; i++) {
        const cm_index_symbol *symbol = &found.hits[i].symbol;
        out->items.items[out->items.count++] = (cm_api_navigation_item){
            .file_path = found.hits[i].path,
            .range = name_range(symbol->name_line, symbol->name_column, symbol->name.len),
            .name = symbol->name,
            .kind = cm_str_from(cm_symbol_kind_name(symbol->kind)),
            .signature = symbol->signature,
            .confidence = found.hits[i].confidence};
    }
    return CM_OK;
}

static cm_rc find_references(const cm_snapshot *snapshot, const cm_symbol_query *query,
                             uint32_t roles, cm_arena *arena, cm_api_navigation_response *out,
                             cm_err *err) {
    cm_reference_result found;
    cm_rc rc = cm_symbols_references(snapshot, query, roles, arena, &found, err);
    if (rc != CM_OK) {
        return rc;
    }
    out->items.items = cm_arena_alloc(arena, (found.count + 1) * sizeof(*out->items.items));
    out->truncated = found.truncated;
    for (size_t i = 0; i < found.count; i++) {
        const cm_reference_hit *hit = &found.hits[i];
        out->items.items[out->items.count++] = (cm_api_navigation_item){
            .file_path = hit->path,
            .range = name_range(hit->reference.line, hit->reference.column, query->name.len),
            .name = hit->scope_name.len > 0 ? hit->scope_name : query->name,
            .kind = cm_str_from(cm_reference_role_name(hit->reference.role)),
            .confidence = hit->confidence};
    }
    return CM_OK;
}

enum navigation { DEFINITIONS, REFERENCES, CALLERS };

static void navigate(cm_call *call, enum navigation what) {
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    cm_api_navigation_response out = {0};
    cm_symbol_query query;
    cm_err err;
    cm_rc rc = read_query(snapshot, call, &query, &err);
    if (rc == CM_OK) {
        uint32_t roles = what == CALLERS ? 1u << CM_REFERENCE_CALL : 0;
        rc = what == DEFINITIONS
                 ? find_definitions(snapshot, &query, cm_symbols_definitions, call->arena, &out,
                                    &err)
                 : find_references(snapshot, &query, roles, call->arena, &out, &err);
    }
    if (rc == CM_OK) {
        cm_call_reply(call, 200, &cm_api_navigation_response_schema, &out);
    } else {
        cm_call_fail(call, rc, &err);
    }
    cm_snapshot_unref(snapshot);
}

void cm_h_find_definitions(cm_call *call) {
    navigate(call, DEFINITIONS);
}

void cm_h_find_references(cm_call *call) {
    navigate(call, REFERENCES);
}

void cm_h_find_callers(cm_call *call) {
    navigate(call, CALLERS);
}

void cm_h_find_implementers(cm_call *call) {
    const cm_api_find_implementers_query *in = call->query;
    cm_snapshot *snapshot = cm_call_snapshot(call);
    if (snapshot == NULL) {
        return;
    }
    cm_symbol_query query = {.name = in->name,
                             .from_path = in->path,
                             .limit = (uint32_t)in->limit,
                             .cancel = call->cancel};
    cm_api_navigation_response out = {0};
    cm_err err;
    cm_rc rc = find_definitions(snapshot, &query, cm_symbols_implementers, call->arena, &out, &err);
    if (rc == CM_OK) {
        cm_call_reply(call, 200, &cm_api_navigation_response_schema, &out);
    } else {
        cm_call_fail(call, rc, &err);
    }
    cm_snapshot_unref(snapshot);
}
