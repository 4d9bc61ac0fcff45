/* types.c - signatures: read and compared. See go_types.h. */
#include "code/semantics/go/types.h"

#include "base/vec.h"
#include "code/semantics/go/lexer.h"

#define TOKENS_MAX  4096u /* of one signature */
#define DEPTH_MAX   32u   /* of types in types */
#define ALIASES_MAX 4     /* of aliases */

typedef struct span {
    size_t from, to; /* tokens */
} span;

typedef struct reader {
    cm_go_lexer l;
    const cm_go_place *place;
    CM_VEC(cm_go_token) tokens;
    CM_VEC(span) types; /* of the outermost lists */
    unsigned depth;
    bool failed;
} reader;

static void emit(reader *r, cm_go_token token) {
    if (r->tokens.count >= TOKENS_MAX || !cm_vec_push(&r->tokens, token)) {
        r->failed = true;
    }
}

static void emit_mark(reader *r, const char *text) {
    emit(r, (cm_go_token){.text = cm_str_from(text), .kind = CM_GO_MARK});
}

static void expect(reader *r, const char *token) {
    if (cm_go_is(&r->l, token)) {
        cm_go_next(&r->l);
    } else {
        r->failed = true;
    }
}

static bool is_parameter(const cm_go_place *place, cm_str name) {
    for (size_t i = 0; i < place->parameters.count; i++) {
        if (cm_str_eq(place->parameters.items[i], name)) {
            return true;
        }
    }
    return false;
}

cm_go_token cm_go_token_named(const cm_go_place *place, cm_go_name name) {
    const char *own = cm_go_universe(name.name);
    cm_go_token token = {.text = name.name, .kind = CM_GO_TYPE};
    if (name.package.len == 0 && is_parameter(place, name.name)) {
        token.kind = CM_GO_ANY;
    } else if (name.package.len == 0 && own) {
        token.text = cm_str_from(own);
    } else {
        token.package = name.package.len == 0 ? place->package
                        : place->import       ? place->import(place->argument, name.package)
                                              : CM_STR_EMPTY;
        token.kind = token.package.len > 0 ? CM_GO_TYPE : CM_GO_FOREIGN;
    }
    return token;
}

static void read_type(reader *r);
static void read_list(reader *r, bool outermost);

/* `interface{}` and `struct{}` are types like others; what has members is not compared. */
static void read_literal(reader *r, const char *empty, bool is_any) {
    cm_go_next(&r->l);
    cm_go_lexer inside = r->l;
    cm_go_next(&inside);
    if (!cm_go_is(&r->l, "{") || !cm_go_skip_brackets(&r->l)) {
        r->failed = true;
    } else if (!cm_go_is(&inside, "}")) {
        emit(r, (cm_go_token){.kind = CM_GO_ANY});
    } else if (is_any) {
        emit(r, (cm_go_token){.text = cm_str_from(empty), .kind = CM_GO_TYPE});
    } else {
        emit_mark(r, empty);
    }
}

static void read_results(reader *r, bool outermost) {
    const cm_go_lexer *l = &r->l;
    if (l->line && outermost) {
        return;
    }
    if (cm_go_is(l, "(")) {
        read_list(r, outermost);
    } else if (l->kind == CM_GO_LEX_WORD || cm_go_is(l, "*") || cm_go_is(l, "[") ||
               cm_go_is(l, "<-")) {
        size_t from = r->tokens.count;
        read_type(r);
        if (outermost && !cm_vec_push(&r->types, (span){from, r->tokens.count})) {
            r->failed = true;
        }
    }
}

static void read_function(reader *r) {
    emit_mark(r, "func(");
    cm_go_next(&r->l);
    if (!cm_go_is(&r->l, "(")) {
        r->failed = true;
        return;
    }
    read_list(r, false);
    emit_mark(r, ")(");
    read_results(r, false);
    emit_mark(r, ")");
}

static void read_name(reader *r) {
    cm_str first = r->l.token;
    cm_go_next(&r->l);
    if (cm_go_is(&r->l, ".")) {
        cm_go_next(&r->l);
        if (r->l.kind != CM_GO_LEX_WORD) {
            r->failed = true;
        }
        emit(r, cm_go_token_named(r->place, (cm_go_name){first, r->l.token}));
        cm_go_next(&r->l);
    } else {
        emit(r, cm_go_token_named(r->place, (cm_go_name){CM_STR_EMPTY, first}));
    }
    if (cm_go_is(&r->l, "[") && !r->l.spaced) {
        do { /* arguments of a generic type */
            emit_mark(r, ",");
            cm_go_next(&r->l);
            read_type(r);
        } while (cm_go_is(&r->l, ",") && !r->failed);
        emit_mark(r, "]");
        expect(r, "]");
    }
}

/* "]" of a slice, "8]", "N]", "...]" of an array; then the element's type. */
static void read_array(reader *r) {
    emit_mark(r, "[");
    cm_go_next(&r->l);
    while (!r->failed && r->l.kind != CM_GO_LEX_END && !cm_go_is(&r->l, "]")) {
        emit(r, (cm_go_token){.text = r->l.token, .kind = CM_GO_MARK});
        cm_go_next(&r->l);
    }
    expect(r, "]");
    emit_mark(r, "]");
    read_type(r);
}

static void read_map(reader *r) {
    emit_mark(r, "map[");
    cm_go_next(&r->l);
    expect(r, "[");
    read_type(r);
    expect(r, "]");
    emit_mark(r, "]");
    read_type(r);
}

static void read_channel(reader *r) {
    emit_mark(r, "chan");
    cm_go_next(&r->l);
    if (cm_go_is(&r->l, "<-")) {
        emit_mark(r, "<-");
        cm_go_next(&r->l);
    }
    read_type(r);
}

static void read_word_type(reader *r) {
    const cm_go_lexer *l = &r->l;
    if (cm_go_is(l, "chan")) {
        read_channel(r);
    } else if (cm_go_is(l, "func")) {
        read_function(r);
    } else if (cm_go_is(l, "map")) {
        read_map(r);
    } else if (cm_go_is(l, "interface")) {
        read_literal(r, "any", true);
    } else if (cm_go_is(l, "struct")) {
        read_literal(r, "struct{}", false);
    } else {
        read_name(r);
    }
}

static void read_type(reader *r) {
    const cm_go_lexer *l = &r->l;
    if (r->failed || ++r->depth > DEPTH_MAX) {
        r->failed = true;
        return;
    }
    if (l->kind == CM_GO_LEX_WORD) {
        read_word_type(r);
    } else if (cm_go_is(l, "[")) {
        read_array(r);
    } else if (cm_go_is(l, "(")) {
        cm_go_next(&r->l);
        read_type(r);
        expect(r, ")");
    } else if (cm_go_is(l, "*") || cm_go_is(l, "...") || cm_go_is(l, "<-")) {
        emit(r, (cm_go_token){.text = l->token, .kind = CM_GO_MARK});
        cm_go_next(&r->l);
        read_type(r);
    } else {
        r->failed = true;
    }
    r->depth--;
}

/* Has an entry "name Type"? Then every entry has a name. Go's formatter leaves no blank inside a type that
 * begins with a name. */
static bool list_is_named(cm_go_lexer l) {
    int depth = 0;
    bool begins = false; /* an entry begins with this token */
    do {
        bool word =
            begins && depth == 1 && l.kind == CM_GO_LEX_WORD && !cm_go_is_type_word(l.token);
        depth += cm_go_nesting(&l);
        begins = depth == 1 && (cm_go_is(&l, "(") || cm_go_is(&l, ","));
        cm_go_next(&l);
        if (word && l.spaced && !cm_go_is(&l, ",") && !cm_go_is(&l, ")")) {
            return true;
        }
    } while (depth > 0 && l.kind != CM_GO_LEX_END);
    return false;
}

/* The type read last, `times` times more: "a, b int". */
static void repeat_type(reader *r, span type, unsigned times, bool outermost) {
    for (unsigned i = 0; i < times && !r->failed; i++) {
        if (outermost) {
            r->failed = !cm_vec_push(&r->types, type);
            continue;
        }
        emit_mark(r, ",");
        for (size_t k = type.from; k < type.to && !r->failed; k++) {
            emit(r, r->tokens.items[k]);
        }
    }
}

/* From "(" to behind ")": one type for each parameter. */
static void read_list(reader *r, bool outermost) {
    bool named = list_is_named(r->l);
    unsigned waiting = 0; /* names whose type comes later */
    expect(r, "(");
    for (bool first = true; !r->failed && !cm_go_is(&r->l, ")");) {
        if (named) {
            cm_go_next(&r->l); /* the name */
            if (cm_go_is(&r->l, ",")) {
                cm_go_next(&r->l);
                if (++waiting > TOKENS_MAX) {
                    r->failed = true;
                }
                continue;
            }
        }
        if (!first && !outermost) {
            emit_mark(r, ",");
        }
        first = false;
        span type = {r->tokens.count, 0};
        read_type(r);
        type.to = r->tokens.count;
        repeat_type(r, type, waiting + outermost, outermost);
        waiting = 0;
        if (!cm_go_is(&r->l, ")")) {
            expect(r, ",");
        }
    }
    expect(r, ")");
}

static bool keep_signature(const reader *r, uint32_t parameters, cm_arena *arena,
                           cm_go_signature *ret_signature) {
    cm_go_token *tokens = CM_ARENA_ARRAY(arena, cm_go_token, r->tokens.count + 1);
    cm_go_type *types = CM_ARENA_ARRAY(arena, cm_go_type, r->types.count + 1);
    if (!tokens || !types) {
        return false;
    }
    if (r->tokens.count > 0) {
        memcpy(tokens, r->tokens.items, r->tokens.count * sizeof(*tokens));
    }
    for (size_t i = 0; i < r->types.count; i++) {
        span s = r->types.items[i];
        types[i] = (cm_go_type){tokens + s.from, s.to - s.from};
    }
    *ret_signature = (cm_go_signature){
        .types = types, .parameters = parameters, .results = (uint32_t)r->types.count - parameters};
    return true;
}

bool cm_go_signature_read(cm_str text, const cm_go_place *place, cm_arena *arena,
                          cm_go_signature *ret_signature) {
    reader r = {.l = cm_go_lexer_of(text), .place = place};
    read_list(&r, true);
    uint32_t parameters = (uint32_t)r.types.count;
    if (!r.failed) {
        read_results(&r, true);
    }
    bool ok = !r.failed && keep_signature(&r, parameters, arena, ret_signature);
    cm_vec_done(&r.tokens);
    cm_vec_done(&r.types);
    return ok;
}

static bool has_any(const cm_go_type *type) {
    for (size_t i = 0; i < type->count; i++) {
        if (type->tokens[i].kind == CM_GO_ANY) {
            return true;
        }
    }
    return false;
}

static enum cm_go_match match_written(const cm_go_token *a, const cm_go_token *b) {
    if (!cm_str_eq(a->text, b->text) || (a->kind == CM_GO_MARK) != (b->kind == CM_GO_MARK)) {
        return CM_GO_DIFFERS;
    }
    if (a->kind == CM_GO_FOREIGN || b->kind == CM_GO_FOREIGN) {
        return CM_GO_UNSURE;
    }
    return cm_str_eq(a->package, b->package) ? CM_GO_SAME : CM_GO_DIFFERS;
}

static enum cm_go_match match_tokens(const cm_go_token *a, const cm_go_token *b,
                                     const cm_go_aliases *aliases) {
    cm_go_token x = *a, y = *b;
    enum cm_go_match match = match_written(&x, &y);
    if (!aliases || x.kind != CM_GO_TYPE || y.kind != CM_GO_TYPE) {
        return match;
    }
    for (int i = 0; i < ALIASES_MAX && match == CM_GO_DIFFERS; i++) {
        bool left = aliases->resolve(aliases->argument, &x);
        bool right = aliases->resolve(aliases->argument, &y);
        if (!left && !right) {
            break;
        }
        match = match_written(&x, &y);
    }
    return match;
}

static enum cm_go_match match_types(const cm_go_type *a, const cm_go_type *b,
                                    const cm_go_aliases *aliases) {
    enum cm_go_match all = CM_GO_SAME;
    if (has_any(a) || has_any(b)) {
        return CM_GO_UNSURE;
    }
    if (a->count != b->count) {
        return CM_GO_DIFFERS;
    }
    for (size_t i = 0; i < a->count && all != CM_GO_DIFFERS; i++) {
        all = CM_MIN(all, match_tokens(&a->tokens[i], &b->tokens[i], aliases));
    }
    return all;
}

enum cm_go_match cm_go_signature_match(const cm_go_signature *a, const cm_go_signature *b,
                                       const cm_go_aliases *aliases) {
    enum cm_go_match all = CM_GO_SAME;
    if (a->parameters != b->parameters || a->results != b->results) {
        return CM_GO_DIFFERS;
    }
    for (uint32_t i = 0; i < a->parameters + a->results && all != CM_GO_DIFFERS; i++) {
        all = CM_MIN(all, match_types(&a->types[i], &b->types[i], aliases));
    }
    return all;
}
