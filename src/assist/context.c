/* context.c - the steps of context assembly, in the order of `assemble` at the end. See context.h. */
#include "base/base.h"

#include "assist/context.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "code/secrets.h"
#include "search/fuse.h"
#include "search/search.h"
#include "search/symbols.h"

#define FILE_SHARE         0.5
#define FILE_TOKENS_MAX    3000
#define PREFIX_SHARE       0.8
#define SYMBOL_SHARE       0.3
#define SYMBOL_TOKENS_MAX  1500
#define SYSTEM_TOKENS_MAX  500
#define OUTPUT_TOKENS_MAX  200
#define REPOSITORY_MIN     500 /* do not search for less room than this ... */
#define REPOSITORY_STOP    200 /* ... and stop when less is left; both at most a share of the budget */
#define QUERY_LINES        10
#define QUERY_LIMIT        5  /* hits of each list that take part in the fusion */
#define CANDIDATES         20 /* BM25 hits that are compared by identifiers */
#define SIMILAR_FLOOR      0.12
#define WANTED_MAX         24 /* identifiers near the cursor that are looked up */
#define SYMBOLS_MAX        12
#define PIECES_MAX         160
#define IMPORT_CONFIDENCE  0.6 /* below it nothing but the name speaks for the definition */
#define DEFINITION_LINES   14  /* a longer definition is shown by its signature */
#define BYTES_PER_TOKEN    6   /* more than any tokeniser packs into one on code, on average */
#define IMPORT_PARSE_BYTES CM_KIB(64)

typedef struct assembly {
    const cm_context_request *request;
    cm_arena *arena;
    cm_context_piece *pieces;
    size_t count;
    uint32_t left; /* tokens */
    const char *degraded;
} assembly;

static const struct {
    const char *name;
    int priority;
} types[CM_CONTEXT_TYPE_COUNT] = {
    [CM_CONTEXT_PREFIX] = {"prefix", 1},           [CM_CONTEXT_SUFFIX] = {"suffix", 2},
    [CM_CONTEXT_IMPORT] = {"import", 3},           [CM_CONTEXT_SYMBOL] = {"symbol", 3},
    [CM_CONTEXT_DECLARATION] = {"declaration", 3}, [CM_CONTEXT_RECENT_EDIT] = {"recent_edit", 4},
    [CM_CONTEXT_DIAGNOSTIC] = {"diagnostic", 4},   [CM_CONTEXT_CLIPBOARD] = {"clipboard", 4},
    [CM_CONTEXT_OPEN_FILE] = {"open_file", 4},     [CM_CONTEXT_REPOSITORY] = {"repository", 5},
};

const char *cm_context_type_name(enum cm_context_type type) {
    return types[type].name;
}

static uint32_t count_tokens(const assembly *a, cm_str text) {
    return text.len == 0 ? 0 : a->request->count(a->request->count_argument, text);
}

static bool out_of_time(const assembly *a) {
    return a->request->deadline_ns != 0 && cm_clock_ns() >= a->request->deadline_ns;
}

/* ---- the current file ---- */

/* Last part of `text` with at most `tokens` tokens, from the start of a line. Two counts at most:
 * the whole window, then what a proportional cut leaves. */
static cm_str cut_front(const assembly *a, cm_str text, uint32_t tokens, uint32_t *ret_tokens) {
    size_t window = (size_t)tokens * BYTES_PER_TOKEN;
    cm_str kept = text.len > window ? cm_str_from_offset(text, text.len - window) : text;
    uint32_t have = count_tokens(a, kept);
    for (int round = 0; have > tokens && round < 8; round++) {
        size_t bytes = (size_t)((double)kept.len * tokens / have * (round == 0 ? 0.97 : 0.85));
        kept = cm_str_from_offset(kept, kept.len - bytes);
        have = count_tokens(a, kept);
    }
    if (kept.len < text.len) {
        size_t line = cm_str_find_char(kept, '\n');
        kept = line == SIZE_MAX ? cm_str_from_offset(text, cm_utf8_floor(text, text.len - kept.len))
                                : cm_str_from_offset(kept, line + 1);
        have = count_tokens(a, kept);
    }
    *ret_tokens = have;
    return kept;
}

/* First part of `text` with at most `tokens` tokens, to the end of a line where possible. */
static cm_str cut_back(const assembly *a, cm_str text, uint32_t tokens, uint32_t *ret_tokens) {
    cm_str kept = cm_utf8_cut(text, (size_t)tokens * BYTES_PER_TOKEN);
    uint32_t have = count_tokens(a, kept);
    for (int round = 0; have > tokens && round < 8; round++) {
        size_t bytes = (size_t)((double)kept.len * tokens / have * (round == 0 ? 0.97 : 0.85));
        kept = cm_utf8_cut(kept, bytes);
        have = count_tokens(a, kept);
    }
    if (kept.len < text.len) {
        size_t line = cm_str_rfind_char(kept, '\n');
        if (line != SIZE_MAX) {
            kept = cm_str_sub(kept, 0, line + 1);
            have = count_tokens(a, kept);
        }
    }
    *ret_tokens = have;
    return kept;
}

static cm_context_piece *add_piece(assembly *a, cm_context_piece piece) {
    if (a->count == PIECES_MAX) {
        return NULL;
    }
    a->pieces[a->count] = piece;
    return &a->pieces[a->count++];
}

/* Keeps a piece when it fits what is left of `*share` (and of the whole), refuses it otherwise. */
static void offer(assembly *a, cm_context_piece piece, uint32_t *share) {
    for (size_t i = 0; i < a->count; i++) {
        const cm_context_piece *other = &a->pieces[i];
        bool same_lines =
            piece.start_line != 0 && other->start_line != 0 && cm_str_eq(piece.file, other->file) &&
            piece.start_line <= other->end_line && other->start_line <= piece.end_line;
        if (other->kept && (same_lines || cm_str_eq(piece.text, other->text))) {
            return; /* already there: not worth a line in the report */
        }
    }
    piece.tokens = count_tokens(a, piece.text);
    uint32_t room = CM_MIN(*share, a->left);
    piece.kept = piece.tokens <= room;
    if (piece.kept) {
        *share -= piece.tokens;
        a->left -= piece.tokens;
    } else {
        piece.reason = "over the token budget";
    }
    add_piece(a, piece);
}

/* ---- identifiers ---- */

/* Start of the last `lines` lines. */
static cm_str last_lines(cm_str text, unsigned lines) {
    size_t at = text.len;
    while (at > 0 && lines > 0) {
        at--;
        lines -= text.ptr[at] == '\n' && at + 1 < text.len;
    }
    return cm_str_from_offset(text, lines == 0 ? at + 1 : 0);
}

/* Next identifier at or after *offset; false at the end. Numbers are skipped. */
static bool next_word(cm_str text, size_t *offset, cm_str *ret_word) {
    size_t i = *offset;
    while (i < text.len) {
        if (!cm_is_word(text.ptr[i])) {
            i++;
            continue;
        }
        size_t start = i;
        while (i < text.len && cm_is_word(text.ptr[i])) {
            i++;
        }
        if (!cm_is_digit(text.ptr[start])) {
            *ret_word = cm_str_sub(text, start, i - start);
            *offset = i;
            return true;
        }
    }
    *offset = i;
    return false;
}

/* Distinct identifiers of `text`, the last one first, at most WANTED_MAX. */
static cm_str_list words_near(assembly *a, cm_str text) {
    cm_str *all = CM_ARENA_ARRAY(a->arena, cm_str, WANTED_MAX);
    size_t count = 0, offset = 0;
    cm_str word;
    if (all == NULL) {
        return (cm_str_list){0};
    }
    while (next_word(text, &offset, &word)) {
        if (word.len < 3) {
            continue;
        }
        size_t at = 0;
        while (at < count && !cm_str_eq(all[at], word)) {
            at++;
        }
        size_t last = CM_MIN(at, (size_t)WANTED_MAX - 1);
        memmove(all + 1, all, last * sizeof(*all)); /* to the front; the oldest falls off */
        all[0] = word;
        count = at == count && count < WANTED_MAX ? count + 1 : count;
    }
    return (cm_str_list){all, count};
}

/* Sorted hashes of the distinct identifiers of `text`. */
typedef struct word_set {
    uint64_t *hashes;
    size_t count;
} word_set;

static int compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static word_set word_set_of(assembly *a, cm_str text) {
    word_set set = {.hashes = CM_ARENA_ARRAY(a->arena, uint64_t, text.len / 2 + 1)};
    size_t offset = 0, count = 0;
    cm_str word;
    while (set.hashes != NULL && next_word(text, &offset, &word)) {
        set.hashes[count++] = cm_hash64(word.ptr, word.len);
    }
    if (count > 0) {
        qsort(set.hashes, count, sizeof(uint64_t), compare_u64);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || set.hashes[i] != set.hashes[i - 1]) {
            set.hashes[set.count++] = set.hashes[i];
        }
    }
    return set;
}

static double jaccard(word_set a, word_set b) {
    size_t i = 0, j = 0, both = 0;
    while (i < a.count && j < b.count) {
        both += a.hashes[i] == b.hashes[j];
        uint64_t x = a.hashes[i], y = b.hashes[j];
        i += x <= y;
        j += y <= x;
    }
    size_t either = a.count + b.count - both;
    return either == 0 ? 0 : (double)both / (double)either;
}

/* ---- definitions ---- */

static cm_context_piece definition_piece(assembly *a, const cm_symbol_hit *hit,
                                         enum cm_context_type type) {
    const cm_index_symbol *symbol = &hit->symbol;
    cm_context_piece piece = {.type = type,
                              .file = hit->path,
                              .start_line = symbol->start_line,
                              .end_line = symbol->end_line,
                              .relevance = hit->confidence,
                              .retriever = "graph",
                              .reason = type == CM_CONTEXT_IMPORT ? "definition of an import"
                                                                  : "named near the cursor"};
    bool type_like = symbol->kind != CM_SYMBOL_FUNCTION && symbol->kind != CM_SYMBOL_METHOD;
    if (type_like && symbol->end_line - symbol->start_line < DEFINITION_LINES &&
        cm_snapshot_lines(a->request->snapshot, symbol->document, symbol->start_line,
                          symbol->end_line, a->arena, &piece.text, NULL) == CM_OK) {
        return piece;
    }
    piece.text = symbol->signature;
    return piece;
}

static void offer_definitions(assembly *a, const cm_symbol_result *found, enum cm_context_type type,
                              double least, uint32_t *share) {
    for (size_t i = 0; i < found->count; i++) {
        if (found->hits[i].confidence >= least &&
            !cm_str_eq(found->hits[i].path, a->request->path)) {
            offer(a, definition_piece(a, &found->hits[i], type), share);
        }
    }
}

/* Imports of a file the index has never seen: its head is parsed, the names it takes are wanted. */
static cm_str_list imported_names(assembly *a) {
    cm_index_document known;
    const cm_context_request *request = a->request;
    cm_parsed parsed;
    if (request->parser == NULL || request->path.len == 0 ||
        cm_snapshot_find_document(request->snapshot, request->path, &known)) {
        return (cm_str_list){0};
    }
    cm_str head = cm_utf8_cut(request->prefix, IMPORT_PARSE_BYTES);
    cm_parse_request parse = {.path = request->path, .text = head};
    if (cm_parse_file(request->parser, &parse, request->cancel, a->arena, &parsed, NULL) != CM_OK) {
        a->degraded = "imports: the file could not be parsed";
        return (cm_str_list){0};
    }
    cm_str *names = CM_ARENA_ARRAY(a->arena, cm_str, parsed.import_count + 1);
    size_t count = 0;
    for (size_t i = 0; names != NULL && i < parsed.import_count; i++) {
        cm_str name = parsed.imports[i].name;
        if (name.len > 0 && !cm_str_eq_c(name, "*")) {
            names[count++] = name;
        }
    }
    return (cm_str_list){names, count};
}

static void add_definitions(assembly *a, uint32_t budget) {
    const cm_context_request *request = a->request;
    uint32_t share = (uint32_t)CM_MIN(budget * SYMBOL_SHARE, (double)SYMBOL_TOKENS_MAX);
    cm_str near = last_lines(request->prefix, 2 * QUERY_LINES);
    cm_str_list wanted = words_near(a, near);
    cm_str_list imported = imported_names(a);
    cm_symbol_result found;
    if (cm_symbols_imported(request->snapshot, request->path, wanted, SYMBOLS_MAX, a->arena, &found,
                            NULL) == CM_OK) {
        offer_definitions(a, &found, CM_CONTEXT_IMPORT, IMPORT_CONFIDENCE, &share);
    }
    const struct {
        cm_str_list names;
        enum cm_context_type type;
    } lists[] = {{imported, CM_CONTEXT_IMPORT}, {wanted, CM_CONTEXT_SYMBOL}};
    for (size_t l = 0; l < CM_COUNT(lists); l++) {
        for (size_t i = 0; i < lists[l].names.count && i < SYMBOLS_MAX; i++) {
            cm_symbol_query query = {.name = lists[l].names.items[i],
                                     .from_path = request->path,
                                     .limit = 2,
                                     .cancel = request->cancel};
            /* A name with several homes is a guess; a small model is misled by a wrong one. */
            if (cm_symbols_definitions(request->snapshot, &query, a->arena, &found, NULL) ==
                    CM_OK &&
                found.count == 1) {
                offer_definitions(a, &found, lists[l].type, 0, &share);
            }
        }
    }
}

/* ---- what the client sent ---- */

/* An editor sends whatever is open, a ".env" and a key in the clipboard too. The document that is to be completed is
 * another matter: whoever asks named it. */
static void add_snippets(assembly *a) {
    for (size_t i = 0; i < a->request->snippet_count; i++) {
        const cm_client_snippet *snippet = &a->request->snippets[i];
        uint32_t lines = 0;
        for (size_t k = 0; k < snippet->text.len; k++) {
            lines += snippet->text.ptr[k] == '\n';
        }
        cm_context_piece piece = {
            .type = snippet->type,
            .file = snippet->file,
            .text = snippet->text,
            .start_line = snippet->start_line,
            .end_line = snippet->start_line == 0 ? 0 : snippet->start_line + lines,
            /* Clients send the most relevant last (llama.vim's ring, recent edits). */
            .relevance = (double)(i + 1) / (double)a->request->snippet_count,
            .retriever = "client",
            .reason = "sent by the editor"};
        uint32_t share = a->left;
        if (cm_secret_find(snippet->file, snippet->text) != CM_SECRET_NONE) {
            piece.text = CM_STR_EMPTY;
            piece.reason = "it holds secrets";
            add_piece(a, piece);
        } else {
            offer(a, piece, &share);
        }
    }
}

/* ---- similar code ---- */

typedef struct similar {
    uint64_t index; /* of the BM25 hit */
    double score;
} similar;

static int compare_similar(const void *a, const void *b) {
    const similar *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score ? 1 : -1)
                                : (x->index > y->index) - (x->index < y->index);
}

static const cm_fused *fuse_hits(assembly *a, cm_str window, const cm_search_result *found,
                                 double *similarity, size_t *ret_count) {
    uint64_t lexical[CANDIDATES], by_words[CANDIDATES];
    similar ranked[CANDIDATES];
    size_t count = CM_MIN(found->count, (size_t)CANDIDATES), lexical_count = 0, similar_count = 0;
    word_set here = word_set_of(a, window);
    for (size_t i = 0; i < count; i++) {
        similarity[i] = jaccard(here, word_set_of(a, found->hits[i].content));
        ranked[i] = (similar){i, similarity[i]};
        if (lexical_count < QUERY_LIMIT && similarity[i] >= SIMILAR_FLOOR) {
            lexical[lexical_count++] = i;
        }
    }
    qsort(ranked, count, sizeof(*ranked), compare_similar);
    for (size_t i = 0; i < count && similar_count < QUERY_LIMIT; i++) {
        if (ranked[i].score >= SIMILAR_FLOOR) {
            by_words[similar_count++] = ranked[i].index;
        }
    }
    const cm_fuse_list lists[] = {{lexical, lexical_count, 1}, {by_words, similar_count, 1}};
    return cm_fuse_run(lists, CM_COUNT(lists), CM_FUSE_K, a->arena, ret_count);
}

static cm_rc add_repository(assembly *a, uint32_t budget, cm_err *err) {
    const cm_context_request *request = a->request;
    uint32_t least = CM_MIN(REPOSITORY_MIN, budget / 8),
             stop = CM_MIN(REPOSITORY_STOP, budget / 16);
    if (a->left <= least) {
        return CM_OK;
    }
    cm_str window = last_lines(request->prefix, QUERY_LINES);
    cm_search_query query = {
        .text = cm_str_from_offset(
            window, cm_utf8_floor(window, window.len - CM_MIN(window.len, CM_QUERY_BYTES_MAX))),
        .type = CM_SEARCH_LEXICAL,
        .limit = CANDIDATES,
        .near_path = request->path,
        .exclude_path = request->path,
        .deadline_ms = 15,
        .cancel = request->cancel};
    cm_search_result found;
    cm_rc rc = cm_search_run(request->snapshot, &query, a->arena, &found, err);
    if (rc != CM_OK) {
        a->degraded = "repository: the search failed";
        return rc == CM_CANCELLED ? rc : CM_OK;
    }
    double similarity[CANDIDATES];
    size_t count;
    const cm_fused *fused = fuse_hits(a, window, &found, similarity, &count);
    for (size_t i = 0; i < count && a->left >= stop; i++) {
        const cm_search_hit *hit = &found.hits[fused[i].id];
        cm_context_piece piece = {.type = CM_CONTEXT_REPOSITORY,
                                  .file = hit->document.path,
                                  .text = hit->content,
                                  .start_line = hit->start_line,
                                  .end_line = hit->end_line,
                                  .relevance = similarity[fused[i].id],
                                  .retriever = fused[i].best_list == 0 ? "bm25" : "similar",
                                  .reason = "similar to the lines at the cursor"};
        uint32_t share = a->left;
        offer(a, piece, &share);
    }
    return CM_OK;
}

/* ---- the whole ---- */

static int compare_pieces(const void *a, const void *b) {
    const cm_context_piece *x = a, *y = b;
    int px = types[x->type].priority, py = types[y->type].priority;
    if (px != py) {
        return px - py;
    }
    if (x->kept != y->kept) {
        return x->kept ? -1 : 1;
    }
    return (x->relevance < y->relevance) - (x->relevance > y->relevance);
}

static uint32_t budget_of(const cm_context_request *request) {
    uint32_t reserved = CM_MIN(request->system_tokens, SYSTEM_TOKENS_MAX) +
                        CM_MIN(request->output_tokens, OUTPUT_TOKENS_MAX);
    uint32_t window = request->window_tokens > reserved ? request->window_tokens - reserved : 0;
    return request->prompt_tokens == 0 ? window : CM_MIN(window, request->prompt_tokens);
}

static void add_document(assembly *a, cm_context *out) {
    const cm_context_request *request = a->request;
    uint32_t share = (uint32_t)CM_MIN(out->budget * FILE_SHARE, (double)FILE_TOKENS_MAX);
    uint32_t suffix_share = request->use_suffix ? (uint32_t)(share * (1 - PREFIX_SHARE)) : 0;
    if (suffix_share > 0) {
        out->suffix = cut_back(a, request->suffix, suffix_share, &out->suffix_tokens);
    }
    out->prefix = cut_front(a, request->prefix, share - suffix_share, &out->prefix_tokens);
    a->left = out->budget - out->prefix_tokens - out->suffix_tokens;
}

/* Tokens nobody asked for lengthen the prefix: more of the file is never wrong. */
static void extend_prefix(assembly *a, cm_context *out) {
    if (out->prefix.len < a->request->prefix.len && a->left > 0) {
        uint32_t had = out->prefix_tokens;
        cm_str longer =
            cut_front(a, a->request->prefix, out->prefix_tokens + a->left, &out->prefix_tokens);
        if (longer.len > out->prefix.len) {
            out->prefix = longer;
            a->left -= CM_MIN(out->prefix_tokens - had, a->left);
        } else {
            out->prefix_tokens = had;
        }
    }
}

static void report_document(assembly *a, const cm_context *out) {
    const cm_context_request *request = a->request;
    bool cut = out->prefix.len < request->prefix.len;
    add_piece(a, (cm_context_piece){.type = CM_CONTEXT_PREFIX,
                                    .file = request->path,
                                    .text = out->prefix,
                                    .tokens = out->prefix_tokens,
                                    .relevance = 1,
                                    .kept = true,
                                    .reason = cut ? "cut at its start to the budget" : "whole"});
    if (request->suffix.len > 0) {
        cut = out->suffix.len < request->suffix.len;
        add_piece(a, (cm_context_piece){
                         .type = CM_CONTEXT_SUFFIX,
                         .file = request->path,
                         .text = out->suffix,
                         .tokens = out->suffix_tokens,
                         .relevance = 1,
                         .kept = out->suffix.len > 0,
                         .reason = out->suffix.len == 0
                                       ? "the model has no fill-in-the-middle tokens"
                                       : (cut ? "cut at its end to the budget" : "whole")});
    }
}

static cm_rc assemble(assembly *a, cm_context *out, cm_err *err) {
    const cm_context_request *request = a->request;
    add_document(a, out);
    add_snippets(a);
    if (request->retrieve && request->snapshot != NULL) {
        uint32_t budget = a->left;
        if (!out_of_time(a)) {
            add_definitions(a, budget);
        }
        cm_rc rc = out_of_time(a) ? CM_TIMEOUT : add_repository(a, out->budget, err);
        if (rc == CM_TIMEOUT) {
            a->degraded = "repository: no time left";
        } else if (rc != CM_OK) {
            return rc;
        }
    }
    for (size_t i = 0; i < a->count; i++) {
        out->context_tokens += a->pieces[i].kept ? a->pieces[i].tokens : 0;
    }
    extend_prefix(a, out);
    report_document(a, out);
    return cm_cancel_check(request->cancel, err);
}

cm_rc cm_context_assemble(const cm_context_request *request, cm_arena *arena,
                          cm_context *ret_context, cm_err *err) {
    assembly a = {.request = request,
                  .arena = arena,
                  .pieces = CM_ARENA_ARRAY(arena, cm_context_piece, PIECES_MAX)};
    cm_context out = {.budget = budget_of(request)};
    if (a.pieces == NULL) {
        return cm_fail(err, CM_NOMEM, "no memory for the context of a completion");
    }
    if (out.budget == 0) {
        return cm_fail(
            err, CM_PROMPT_TOO_LONG,
            "a context window of %u tokens has no room for a prompt beside %u of output; "
            "ask for fewer max_tokens",
            request->window_tokens, request->output_tokens);
    }
    cm_rc rc = assemble(&a, &out, err);
    if (rc != CM_OK) {
        return rc;
    }
    qsort(a.pieces, a.count, sizeof(*a.pieces), compare_pieces);
    out.pieces = a.pieces;
    out.piece_count = a.count;
    out.degraded = a.degraded;
    *ret_context = out;
    return CM_OK;
}
