/* prompt.c - algorithm 1 (fill in the middle) and its left-to-right, plain and chat relatives.
 *
 * Each piece is tokenised by itself, cut as tokens, then laid out; so the budget is met exactly and
 * no text is tokenised twice. The specification's recursion (tokenise, cut by the excess, start
 * again) reaches the same fixed point. */
#include "model/prompt.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/vec.h"
#include "model/fim_priv.h"

#define PROMPT_TOKENS_MIN 16
#define CUT_STEPS         8  /* a cut prefix moves on in steps of an eighth of the budget */
#define LINE_SEARCH       48 /* tokens looked at for a line start to cut at */

static const char *const format_names[] = {
    [CM_FIM_AUTO] = "auto",     [CM_FIM_PSM] = "psm",   [CM_FIM_SPM] = "spm",
    [CM_FIM_RANDOM] = "random", [CM_FIM_NONE] = "none",
};

bool cm_fim_format_parse(cm_str text, enum cm_fim_format *ret_format) {
    for (size_t i = 0; i < CM_COUNT(format_names); i++) {
        if (cm_str_eq_c(text, format_names[i])) {
            *ret_format = (enum cm_fim_format)i;
            return true;
        }
    }
    return false;
}

/* layout under construction */

typedef struct layout {
    const cm_model *model;
    cm_arena *arena;
    cm_err *err;
    cm_rc rc; /* the first failure; later additions do nothing */
    CM_VEC(cm_token) tokens;
} layout;

static void add_token(layout *out, cm_token token) {
    if (out->rc == CM_OK && token != CM_TOKEN_NONE && !cm_vec_push(&out->tokens, token)) {
        out->rc = cm_fail(out->err, CM_NOMEM, "no memory for a prompt");
    }
}

static void add_tokens(layout *out, cm_tokens tokens) {
    for (size_t i = 0; i < tokens.count; i++) {
        add_token(out, tokens.items[i]);
    }
}

static cm_tokens tokenize(layout *out, cm_str text, unsigned flags) {
    cm_tokens tokens = {0};
    if (out->rc == CM_OK && (text.len > 0 || flags != 0)) {
        out->rc = cm_model_tokenize(out->model, text, flags, out->arena, &tokens, out->err);
    }
    return tokens;
}

/* `a` and `b` as one text in the arena; any bytes, any size. */
static cm_str join(layout *out, cm_str a, cm_str b) {
    char *text = cm_arena_try_alloc(out->arena, a.len + b.len + 1);
    if (text == NULL) {
        out->rc =
            out->rc != CM_OK ? out->rc : cm_fail(out->err, CM_NOMEM, "no memory for a prompt");
        return CM_STR_EMPTY;
    }
    if (a.len > 0) {
        memcpy(text, a.ptr, a.len);
    }
    if (b.len > 0) {
        memcpy(text + a.len, b.ptr, b.len);
    }
    return cm_str_make(text, a.len + b.len);
}

/* markers in text */

/* Offset of the first spelling of one of the model's markers at or after `from`, or SIZE_MAX. */
static size_t find_marker(const cm_model *model, cm_str text, size_t from, size_t *ret_len,
                          cm_token *ret_token) {
    const cm_fim_family *family = cm_fim_family_of(model);
    const cm_token ids[CM_MARK_COUNT] = {model->fim.prefix, model->fim.suffix, model->fim.middle,
                                         model->fim.repository, model->fim.file};
    size_t best = SIZE_MAX;
    for (size_t i = 0; family != NULL && i < CM_MARK_COUNT; i++) {
        cm_str marker = cm_str_from(family->markers[i]);
        if (marker.len == 0 || ids[i] == CM_TOKEN_NONE) {
            continue;
        }
        size_t at = cm_str_find(cm_str_from_offset(text, from), marker);
        if (at != SIZE_MAX && from + at < best) {
            best = from + at;
            *ret_len = marker.len;
            *ret_token = ids[i];
        }
    }
    return best;
}

/* Text of a user. Special parsing is off, but a vocabulary may list its markers as user-defined
 * tokens, which are matched all the same: so a spelling is cut after its first byte. */
static cm_tokens tokenize_text(layout *out, cm_str text) {
    size_t len;
    cm_token marker;
    if (find_marker(out->model, text, 0, &len, &marker) == SIZE_MAX) {
        return tokenize(out, text, CM_TOKENIZE_PLAIN);
    }
    layout parts = {.model = out->model, .arena = out->arena, .err = out->err, .rc = out->rc};
    size_t start = 0;
    for (size_t from = 0, at; (at = find_marker(out->model, text, from, &len, &marker)) != SIZE_MAX;
         from = start) {
        add_tokens(&parts, tokenize(&parts, cm_str_sub(text, start, at + 1 - start), 0));
        start = at + 1;
    }
    add_tokens(&parts, tokenize(&parts, cm_str_from_offset(text, start), 0));
    cm_tokens tokens = {CM_ARENA_ARRAY(out->arena, cm_token, parts.tokens.count + 1),
                        parts.tokens.count};
    if (parts.rc == CM_OK && tokens.items == NULL) {
        parts.rc = cm_fail(out->err, CM_NOMEM, "no memory for a prompt");
    }
    if (parts.rc == CM_OK && tokens.count > 0) {
        memcpy(tokens.items, parts.tokens.items, tokens.count * sizeof(cm_token));
    }
    cm_vec_done(&parts.tokens);
    out->rc = parts.rc;
    return parts.rc == CM_OK ? tokens : (cm_tokens){0};
}

bool cm_prompt_has_markers(const cm_model *model, cm_str text) {
    size_t len;
    cm_token token;
    return find_marker(model, text, 0, &len, &token) != SIZE_MAX;
}

/* cutting */

static bool ends_line(const cm_model *model, cm_token token) {
    char piece[256];
    size_t len = cm_model_piece(model, token, false, piece, sizeof(piece));
    return len > 0 && piece[len - 1] == '\n';
}

/* How many tokens to take off the front so that at most `keep` remain. */
size_t cm_prompt_cut(const cm_model *model, const cm_token *tokens, size_t count, size_t keep) {
    if (count <= keep) {
        return 0;
    }
    size_t step = CM_MAX(keep / CUT_STEPS, 1);
    size_t cut = (count - keep + step - 1) / step * step;
    cut = CM_MIN(cut, count);
    for (size_t i = cut; i < count && i < cut + LINE_SEARCH && i < cut + keep / 2; i++) {
        if (ends_line(model, tokens[i - 1])) {
            return i;
        }
    }
    return cut;
}

/* The pieces of a fill-in-the-middle prompt as tokens, on their way to fit the budget. */
typedef struct parts {
    const cm_fim_family *family; /* NULL = left to right */
    const cm_prompt_pieces *pieces;
    cm_tokens head;     /* first token, repository line */
    cm_tokens *files;   /* with their names */
    size_t first_file;  /* those before it were dropped */
    cm_tokens document; /* the document's name line */
    cm_tokens prefix, suffix, middle;
    cm_prompt made;
} parts;

static size_t file_total(const parts *p) {
    size_t total = 0;
    for (size_t i = p->first_file; i < p->pieces->file_count; i++) {
        total += p->files[i].count + 1; /* and its marker */
    }
    return total;
}

/* Algorithm 1's truncation; `fixed` tokens cannot be spared. */
static void fit(parts *p, const cm_model *model, size_t fixed, size_t max_tokens) {
    size_t budget = max_tokens > fixed ? max_tokens - fixed : 0;
    if (p->suffix.count > budget) {
        p->made.suffix_dropped = (uint32_t)(p->suffix.count - budget / 2);
        p->suffix.count = budget / 2;
    }
    budget -= p->suffix.count;
    while (p->first_file < p->pieces->file_count && file_total(p) + p->prefix.count > budget) {
        p->first_file++;
    }
    size_t cut = cm_prompt_cut(model, p->prefix.items, p->prefix.count, budget);
    p->made.prefix_dropped = (uint32_t)cut;
    p->prefix.items += cut;
    p->prefix.count -= cut;
}

static void add_files(layout *out, parts *p) {
    p->made.cuts[0].start = out->tokens.count;
    for (size_t i = p->first_file; i < p->pieces->file_count; i++) {
        add_token(out, p->family != NULL ? out->model->fim.file : CM_TOKEN_NONE);
        add_tokens(out, p->files[i]);
    }
    p->made.cuts[0].count = out->tokens.count - p->made.cuts[0].start;
    p->made.file_tokens = (uint32_t)p->made.cuts[0].count;
    p->made.files_used = (uint32_t)(p->pieces->file_count - p->first_file);
}

static void add_prefix(layout *out, parts *p) {
    p->made.cuts[1].start = out->tokens.count;
    p->made.cuts[1].count = p->prefix.count;
    add_tokens(out, p->prefix);
}

static void add_in_order(layout *out, parts *p, const char *order) {
    for (; *order != '\0'; order++) {
        switch (*order) {
        case 'P': add_token(out, out->model->fim.prefix); break;
        case 'S': add_token(out, out->model->fim.suffix); break;
        case 'M': add_token(out, out->model->fim.middle); break;
        case 'p': add_prefix(out, p); break;
        case 's': add_tokens(out, p->suffix); break;
        default: add_tokens(out, p->middle); break;
        }
    }
}

static cm_str comment_of(const parts *p) {
    return p->pieces->comment.len > 0 ? p->pieces->comment : CM_STR("#");
}

/* The document's own name, as the files before it have theirs. */
static cm_tokens name_line(layout *out, const parts *p) {
    cm_str name = p->pieces->path;
    if (p->family != NULL) {
        const char *end = p->family->file_line != NULL ? p->family->file_line : "\n";
        return tokenize_text(out, join(out, name, cm_str_from(end)));
    }
    cm_str mark = join(out, comment_of(p), CM_STR(" "));
    return tokenize_text(out, join(out, mark, join(out, name, CM_STR("\n"))));
}

/* Name and text of a file as one run of tokens. Families without a file marker get the left-to-right
 * form, which is how they saw several files in training ("#path"). */
static cm_tokens file_tokens(layout *out, const parts *p, const cm_prompt_file *file) {
    bool marked = p->family != NULL && out->model->fim.file != CM_TOKEN_NONE;
    const char *end = marked ? (p->family->file_end != NULL ? p->family->file_end : "") : "\n\n";
    const char *line = marked && p->family->file_line != NULL ? p->family->file_line : "\n";
    cm_buf text;
    cm_buf_init(&text, CM_TOKENIZE_BYTES_MAX);
    if (!marked) {
        cm_buf_add_str(&text, comment_of(p));
        cm_buf_add_char(&text, ' ');
    }
    cm_buf_add_str(&text, file->name);
    cm_buf_add_c(&text, line);
    cm_buf_add_str(&text, file->text);
    cm_buf_add_c(&text, end);
    cm_tokens tokens = {0};
    if (out->rc == CM_OK && (out->rc = cm_buf_check(&text, out->err)) == CM_OK) {
        tokens = tokenize_text(out, cm_buf_str(&text));
    }
    cm_buf_done(&text);
    return tokens;
}

static bool names_document(const layout *out, const parts *p) {
    if (p->pieces->path.len == 0) {
        return false;
    }
    return p->family == NULL ? p->pieces->file_count > 0
                             : p->family->names_document && out->model->fim.file != CM_TOKEN_NONE &&
                                   p->pieces->file_count > 0;
}

static void tokenize_pieces(layout *out, parts *p) {
    p->head = tokenize(out, CM_STR_EMPTY, CM_TOKENIZE_BOS);
    p->files = CM_ARENA_ARRAY(out->arena, cm_tokens, p->pieces->file_count + 1);
    if (p->files == NULL && out->rc == CM_OK) {
        out->rc = cm_fail(out->err, CM_NOMEM, "no memory for a prompt");
    }
    for (size_t i = 0; out->rc == CM_OK && i < p->pieces->file_count; i++) {
        p->files[i] = file_tokens(out, p, &p->pieces->files[i]);
    }
    if (names_document(out, p)) {
        p->document = name_line(out, p);
    }
    if (p->family != NULL) {
        p->prefix = tokenize_text(out, p->pieces->prefix);
        p->suffix = tokenize_text(out, p->pieces->suffix);
        p->middle = tokenize_text(out, p->pieces->middle);
    } else { /* one text, so that its tokens are the natural ones */
        p->prefix = tokenize_text(out, join(out, p->pieces->prefix, p->pieces->middle));
    }
}

static void add_repository(layout *out, const parts *p) {
    if (p->family == NULL || out->model->fim.repository == CM_TOKEN_NONE ||
        p->pieces->file_count == 0) {
        return;
    }
    cm_str name = p->pieces->repository.len > 0 ? p->pieces->repository : CM_STR("repository");
    add_token(out, out->model->fim.repository);
    add_tokens(out, tokenize_text(out, name));
    if (p->family->repository_line != NULL) {
        add_tokens(out, tokenize_text(out, cm_str_from(p->family->repository_line)));
    }
}

static cm_str last_bytes(cm_str s, size_t max) {
    return s.len > max ? cm_str_from_offset(s, s.len - max) : s;
}

/* The last token of a left-to-right prompt is taken back and generated again. Not when the cut left
 * nothing else, and never over more bytes than one piece. */
static void heal(parts *p, const cm_model *model, cm_arena *arena) {
    if (p->prefix.count < 2) {
        return;
    }
    char piece[256];
    cm_token last = p->prefix.items[p->prefix.count - 1];
    size_t len = cm_model_piece(model, last, false, piece, sizeof(piece));
    if (len == 0) {
        return;
    }
    p->made.heal = cm_arena_str(arena, cm_str_make(piece, len));
    p->prefix.count--;
}

static cm_rc finish(layout *out, cm_prompt *made, cm_prompt *ret_prompt) {
    if (out->rc == CM_OK && out->tokens.count == 0) { /* a model must be given something */
        add_tokens(out, tokenize(out, CM_STR("\n"), CM_TOKENIZE_PLAIN));
    }
    cm_token *tokens = NULL;
    if (out->rc == CM_OK) {
        tokens = CM_ARENA_ARRAY(out->arena, cm_token, out->tokens.count + 1);
        if (tokens == NULL) {
            out->rc = cm_fail(out->err, CM_NOMEM, "no memory for a prompt");
        }
    }
    if (out->rc == CM_OK) {
        if (out->tokens.count > 0) {
            memcpy(tokens, out->tokens.items, out->tokens.count * sizeof(cm_token));
        }
        made->tokens = tokens;
        made->count = out->tokens.count;
        *ret_prompt = *made;
    }
    cm_vec_done(&out->tokens);
    return out->rc;
}

static enum cm_fim_format choose(const cm_fim_family *family, enum cm_fim_format format,
                                 uint64_t seed) {
    if (family == NULL || format == CM_FIM_NONE) {
        return CM_FIM_NONE;
    }
    if (format == CM_FIM_RANDOM) {
        return (cm_hash64_mix(seed, 0x46494d) & 1) != 0 ? CM_FIM_SPM : CM_FIM_PSM;
    }
    return format == CM_FIM_SPM ? CM_FIM_SPM : CM_FIM_PSM;
}

cm_rc cm_prompt_build_fim(const cm_model *model, const cm_prompt_pieces *pieces,
                          enum cm_fim_format format, uint64_t seed, size_t max_tokens,
                          cm_arena *arena, cm_prompt *ret_prompt, cm_err *err) {
    if (max_tokens < PROMPT_TOKENS_MIN) {
        return cm_fail(err, CM_INVALID, "prompt budget of %zu tokens is below %d", max_tokens,
                       PROMPT_TOKENS_MIN);
    }
    layout out = {.model = model, .arena = arena, .err = err};
    parts p = {.pieces = pieces};
    p.made.format = choose(cm_fim_family_of(model), format, seed);
    p.family = p.made.format != CM_FIM_NONE ? cm_fim_family_of(model) : NULL;
    tokenize_pieces(&out, &p);
    add_tokens(&out, p.head);
    add_repository(&out, &p);
    /* Three FIM markers and one before the document's name. */
    size_t markers = p.family != NULL ? 4 : 0;
    size_t fixed = out.tokens.count + p.document.count + p.middle.count + markers;
    if (fixed > max_tokens / 2) { /* names that long are no help */
        p.document.count = 0;
        p.middle = (cm_tokens){p.middle.items, CM_MIN(p.middle.count, max_tokens / 4)};
        out.tokens.count = CM_MIN(out.tokens.count, p.head.count);
        fixed = out.tokens.count + p.middle.count + markers;
    }
    fit(&p, model, fixed, max_tokens);
    if (p.family == NULL) {
        heal(&p, model, arena);
    }
    add_files(&out, &p);
    if (p.document.count > 0 && p.family != NULL) {
        add_token(&out, model->fim.file);
    }
    add_tokens(&out, p.document);
    if (p.family == NULL) {
        add_prefix(&out, &p);
    } else {
        add_in_order(&out, &p, p.made.format == CM_FIM_SPM ? p.family->spm : p.family->psm);
    }
    p.made.prefix_tokens = (uint32_t)p.prefix.count;
    p.made.suffix_tokens = (uint32_t)p.suffix.count;
    p.made.before = join(&out, last_bytes(pieces->prefix, CM_PROMPT_TAIL),
                         last_bytes(pieces->middle, CM_PROMPT_TAIL));
    p.made.suffix = cm_arena_str(arena, cm_str_sub(pieces->suffix, 0, CM_PROMPT_TAIL));
    return finish(&out, &p.made, ret_prompt);
}

/* plain text */

/* The part of a client's prompt that may be shortened: after its prefix marker up to the next one, or, without
 * markers, all of it. */
static void find_cut(const cm_model *model, const layout *out, size_t head, cm_prompt *made) {
    size_t start = head, end = out->tokens.count;
    for (size_t i = head; i < out->tokens.count; i++) {
        cm_token token = out->tokens.items[i];
        bool marker = token == model->fim.suffix || token == model->fim.middle;
        if (token == model->fim.prefix) {
            start = i + 1;
            end = out->tokens.count;
        } else if (marker && i > start && end == out->tokens.count) {
            end = i;
        }
    }
    made->cuts[1].start = start;
    made->cuts[1].count = end - start;
}

/* Takes `cut` tokens off the front of the prompt's prefix. */
static void drop_front(layout *out, cm_prompt *made, size_t cut) {
    size_t start = made->cuts[1].start;
    memmove(out->tokens.items + start, out->tokens.items + start + cut,
            (out->tokens.count - start - cut) * sizeof(cm_token));
    out->tokens.count -= cut;
    made->cuts[1].count -= cut;
    made->prefix_dropped = (uint32_t)cut;
}

cm_rc cm_prompt_build_text(const cm_model *model, cm_str text, size_t max_tokens, cm_arena *arena,
                           cm_prompt *ret_prompt, cm_err *err) {
    layout out = {.model = model, .arena = arena, .err = err};
    cm_prompt made = {.format = CM_FIM_NONE};
    add_tokens(&out, tokenize(&out, CM_STR_EMPTY, CM_TOKENIZE_BOS));
    size_t head = out.tokens.count, start = 0, at, len = 0;
    cm_token marker = CM_TOKEN_NONE;
    while ((at = find_marker(model, text, start, &len, &marker)) != SIZE_MAX) {
        add_tokens(&out, tokenize(&out, cm_str_sub(text, start, at - start), 0));
        add_token(&out, marker);
        start = at + len;
        made.format = CM_FIM_PSM;
    }
    add_tokens(&out, tokenize(&out, cm_str_from_offset(text, start), 0));
    if (out.rc == CM_OK) {
        find_cut(model, &out, head, &made);
        size_t other = out.tokens.count - made.cuts[1].count;
        size_t keep = max_tokens > other ? max_tokens - other : 0;
        if (made.cuts[1].count > keep) {
            size_t cut = cm_prompt_cut(model, out.tokens.items + made.cuts[1].start,
                                       made.cuts[1].count, keep);
            drop_front(&out, &made, cut);
        }
        made.prefix_tokens = (uint32_t)made.cuts[1].count;
        made.before = cm_arena_str(arena, last_bytes(text, CM_PROMPT_TAIL));
    }
    return finish(&out, &made, ret_prompt);
}
