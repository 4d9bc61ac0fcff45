#include "search/go_types.h"

#include "base/vec.h"

#define TOKENS_MAX  4096u /* of one signature */
#define MEMBERS_MAX 1024u /* methods or embedded types of one type */
#define DEPTH_MAX   32u   /* of types in types */
#define ALIASES_MAX 4     /* of aliases */

/* ---- tokens ---- */

enum kind { END, WORD, TEXT, MARK };

typedef struct lexer {
    cm_str text;
    size_t at; /* behind the token */
    cm_str token;
    enum kind kind;
    bool spaced; /* white space or a comment stands before it */
    bool line;   /* a line feed does */
} lexer;

/* Behind what begins at `at` and ends with `close`. */
static size_t skip_past(cm_str text, size_t at, cm_str close) {
    size_t found = cm_str_find(cm_str_from_offset(text, at), close);
    return found == SIZE_MAX ? text.len : at + found + close.len;
}

static void skip_space(lexer *l) {
    l->spaced = l->line = false;
    while (l->at < l->text.len) {
        cm_str rest = cm_str_from_offset(l->text, l->at);
        size_t before = l->at;
        if (cm_is_space(rest.ptr[0]))
            l->at++;
        else if (cm_str_starts(rest, CM_STR("/*")))
            l->at = skip_past(l->text, l->at + 2, CM_STR("*/"));
        else if (cm_str_starts(rest, CM_STR("//")))
            l->at = CM_MIN(l->text.len, l->at + CM_MIN(cm_str_find_char(rest, '\n'), rest.len));
        else
            return;
        l->spaced = true;
        l->line = l->line ||
                  cm_str_find_char(cm_str_sub(l->text, before, l->at - before), '\n') != SIZE_MAX;
    }
}

static size_t quoted_end(const lexer *l, size_t at) {
    char quote = l->text.ptr[at++];
    while (at < l->text.len && l->text.ptr[at] != quote) {
        at += l->text.ptr[at] == '\\' && quote != '`';
        at++;
    }
    return CM_MIN(at + 1, l->text.len);
}

static void next(lexer *l) {
    skip_space(l);
    size_t start = l->at, end = l->at + 1;
    if (start >= l->text.len) {
        l->kind = END;
        l->token = CM_STR_EMPTY;
        return;
    }
    char c = l->text.ptr[start];
    if (cm_is_word(c)) {
        while (end < l->text.len && cm_is_word(l->text.ptr[end]))
            end++;
        l->kind = WORD;
    } else if (c == '"' || c == '`' || c == '\'') {
        end = quoted_end(l, start);
        l->kind = TEXT;
    } else {
        cm_str rest = cm_str_from_offset(l->text, start);
        end += cm_str_starts(rest, CM_STR("...")) ? 2 : cm_str_starts(rest, CM_STR("<-"));
        l->kind = MARK;
    }
    l->token = cm_str_sub(l->text, start, end - start);
    l->at = end;
}

static lexer lexer_of(cm_str text) {
    lexer l = {.text = text};
    next(&l);
    return l;
}

static bool is(const lexer *l, const char *token) {
    return l->kind != END && cm_str_eq_c(l->token, token);
}

static size_t token_start(const lexer *l) {
    return l->at - l->token.len;
}

/* +1 for what opens, -1 for what closes. */
static int nesting(const lexer *l) {
    if (l->kind != MARK || l->token.len != 1)
        return 0;
    return strchr("([{", l->token.ptr[0]) ? 1 : strchr(")]}", l->token.ptr[0]) ? -1 : 0;
}

/* From an opening bracket to behind the one that closes it. False at the end of the text. */
static bool skip_brackets(lexer *l) {
    int depth = 0;
    do {
        depth += nesting(l);
        next(l);
    } while (depth > 0 && l->kind != END);
    return depth == 0;
}

static bool is_type_word(cm_str word) {
    static const char *const words[] = {"chan", "func", "interface", "map", "struct"};
    for (size_t i = 0; i < CM_COUNT(words); i++)
        if (cm_str_eq_c(word, words[i]))
            return true;
    return false;
}

/* The name a type of Go itself is compared by; NULL when it is none. */
static const char *universe(cm_str name) {
    static const char *const names[][2] = {{"any", "any"},
                                           {"bool", "bool"},
                                           {"byte", "uint8"},
                                           {"error", "error"},
                                           {"complex128", "complex128"},
                                           {"complex64", "complex64"},
                                           {"float32", "float32"},
                                           {"float64", "float64"},
                                           {"int", "int"},
                                           {"int16", "int16"},
                                           {"int32", "int32"},
                                           {"int64", "int64"},
                                           {"int8", "int8"},
                                           {"rune", "int32"},
                                           {"string", "string"},
                                           {"uint", "uint"},
                                           {"uint16", "uint16"},
                                           {"uint32", "uint32"},
                                           {"uint64", "uint64"},
                                           {"uint8", "uint8"},
                                           {"uintptr", "uintptr"},
                                           {"comparable", "comparable"}};
    for (size_t i = 0; i < CM_COUNT(names); i++)
        if (cm_str_eq_c(name, names[i][0]))
            return names[i][1];
    return NULL;
}

/* ---- signatures ---- */

typedef struct span {
    size_t from, to; /* tokens */
} span;

typedef struct reader {
    lexer l;
    const cm_go_place *place;
    CM_VEC(cm_go_token) tokens;
    CM_VEC(span) types; /* of the outermost lists */
    unsigned depth;
    bool failed;
} reader;

static void emit(reader *r, cm_go_token token) {
    if (r->tokens.count >= TOKENS_MAX || !cm_vec_push(&r->tokens, token))
        r->failed = true;
}

static void emit_mark(reader *r, const char *text) {
    emit(r, (cm_go_token){.text = cm_str_from(text), .kind = CM_GO_MARK});
}

static void expect(reader *r, const char *token) {
    if (is(&r->l, token))
        next(&r->l);
    else
        r->failed = true;
}

static bool is_parameter(const cm_go_place *place, cm_str name) {
    for (size_t i = 0; i < place->parameters.count; i++)
        if (cm_str_eq(place->parameters.items[i], name))
            return true;
    return false;
}

cm_go_token cm_go_token_named(const cm_go_place *place, cm_go_name name) {
    const char *own = universe(name.name);
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
    next(&r->l);
    lexer inside = r->l;
    next(&inside);
    if (!is(&r->l, "{") || !skip_brackets(&r->l))
        r->failed = true;
    else if (!is(&inside, "}"))
        emit(r, (cm_go_token){.kind = CM_GO_ANY});
    else if (is_any)
        emit(r, (cm_go_token){.text = cm_str_from(empty), .kind = CM_GO_TYPE});
    else
        emit_mark(r, empty);
}

static void read_results(reader *r, bool outermost) {
    const lexer *l = &r->l;
    if (l->line && outermost)
        return;
    if (is(l, "(")) {
        read_list(r, outermost);
    } else if (l->kind == WORD || is(l, "*") || is(l, "[") || is(l, "<-")) {
        size_t from = r->tokens.count;
        read_type(r);
        if (outermost && !cm_vec_push(&r->types, (span){from, r->tokens.count}))
            r->failed = true;
    }
}

static void read_function(reader *r) {
    emit_mark(r, "func(");
    next(&r->l);
    if (!is(&r->l, "(")) {
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
    next(&r->l);
    if (is(&r->l, ".")) {
        next(&r->l);
        if (r->l.kind != WORD)
            r->failed = true;
        emit(r, cm_go_token_named(r->place, (cm_go_name){first, r->l.token}));
        next(&r->l);
    } else {
        emit(r, cm_go_token_named(r->place, (cm_go_name){CM_STR_EMPTY, first}));
    }
    if (is(&r->l, "[") && !r->l.spaced) {
        do { /* arguments of a generic type */
            emit_mark(r, ",");
            next(&r->l);
            read_type(r);
        } while (is(&r->l, ",") && !r->failed);
        emit_mark(r, "]");
        expect(r, "]");
    }
}

/* "]" of a slice, "8]", "N]", "...]" of an array; then the element's type. */
static void read_array(reader *r) {
    emit_mark(r, "[");
    next(&r->l);
    while (!r->failed && r->l.kind != END && !is(&r->l, "]")) {
        emit(r, (cm_go_token){.text = r->l.token, .kind = CM_GO_MARK});
        next(&r->l);
    }
    expect(r, "]");
    emit_mark(r, "]");
    read_type(r);
}

static void read_map(reader *r) {
    emit_mark(r, "map[");
    next(&r->l);
    expect(r, "[");
    read_type(r);
    expect(r, "]");
    emit_mark(r, "]");
    read_type(r);
}

static void read_channel(reader *r) {
    emit_mark(r, "chan");
    next(&r->l);
    if (is(&r->l, "<-")) {
        emit_mark(r, "<-");
        next(&r->l);
    }
    read_type(r);
}

static void read_word_type(reader *r) {
    const lexer *l = &r->l;
    if (is(l, "chan"))
        read_channel(r);
    else if (is(l, "func"))
        read_function(r);
    else if (is(l, "map"))
        read_map(r);
    else if (is(l, "interface"))
        read_literal(r, "any", true);
    else if (is(l, "struct"))
        read_literal(r, "struct{}", false);
    else
        read_name(r);
}

static void read_type(reader *r) {
    const lexer *l = &r->l;
    if (r->failed || ++r->depth > DEPTH_MAX) {
        r->failed = true;
        return;
    }
    if (l->kind == WORD) {
        read_word_type(r);
    } else if (is(l, "[")) {
        read_array(r);
    } else if (is(l, "(")) {
        next(&r->l);
        read_type(r);
        expect(r, ")");
    } else if (is(l, "*") || is(l, "...") || is(l, "<-")) {
        emit(r, (cm_go_token){.text = l->token, .kind = CM_GO_MARK});
        next(&r->l);
        read_type(r);
    } else {
        r->failed = true;
    }
    r->depth--;
}

/* Has an entry "name Type"? Then every entry has a name. Go's formatter leaves no blank inside a type that
 * begins with a name. */
static bool list_is_named(lexer l) {
    int depth = 0;
    bool begins = false; /* an entry begins with this token */
    do {
        bool word = begins && depth == 1 && l.kind == WORD && !is_type_word(l.token);
        depth += nesting(&l);
        begins = depth == 1 && (is(&l, "(") || is(&l, ","));
        next(&l);
        if (word && l.spaced && !is(&l, ",") && !is(&l, ")"))
            return true;
    } while (depth > 0 && l.kind != END);
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
        for (size_t k = type.from; k < type.to && !r->failed; k++)
            emit(r, r->tokens.items[k]);
    }
}

/* From "(" to behind ")": one type for each parameter. */
static void read_list(reader *r, bool outermost) {
    bool named = list_is_named(r->l);
    unsigned waiting = 0; /* names whose type comes later */
    expect(r, "(");
    for (bool first = true; !r->failed && !is(&r->l, ")");) {
        if (named) {
            next(&r->l); /* the name */
            if (is(&r->l, ",")) {
                next(&r->l);
                if (++waiting > TOKENS_MAX)
                    r->failed = true;
                continue;
            }
        }
        if (!first && !outermost)
            emit_mark(r, ",");
        first = false;
        span type = {r->tokens.count, 0};
        read_type(r);
        type.to = r->tokens.count;
        repeat_type(r, type, waiting + outermost, outermost);
        waiting = 0;
        if (!is(&r->l, ")"))
            expect(r, ",");
    }
    expect(r, ")");
}

static bool keep_signature(const reader *r, uint32_t parameters, cm_arena *arena,
                           cm_go_signature *ret_signature) {
    cm_go_token *tokens = CM_ARENA_ARRAY(arena, cm_go_token, r->tokens.count + 1);
    cm_go_type *types = CM_ARENA_ARRAY(arena, cm_go_type, r->types.count + 1);
    if (!tokens || !types)
        return false;
    if (r->tokens.count > 0)
        memcpy(tokens, r->tokens.items, r->tokens.count * sizeof(*tokens));
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
    reader r = {.l = lexer_of(text), .place = place};
    read_list(&r, true);
    uint32_t parameters = (uint32_t)r.types.count;
    if (!r.failed)
        read_results(&r, true);
    bool ok = !r.failed && keep_signature(&r, parameters, arena, ret_signature);
    cm_vec_done(&r.tokens);
    cm_vec_done(&r.types);
    return ok;
}

static bool has_any(const cm_go_type *type) {
    for (size_t i = 0; i < type->count; i++)
        if (type->tokens[i].kind == CM_GO_ANY)
            return true;
    return false;
}

static enum cm_go_match match_written(const cm_go_token *a, const cm_go_token *b) {
    if (!cm_str_eq(a->text, b->text) || (a->kind == CM_GO_MARK) != (b->kind == CM_GO_MARK))
        return CM_GO_DIFFERS;
    if (a->kind == CM_GO_FOREIGN || b->kind == CM_GO_FOREIGN)
        return CM_GO_UNSURE;
    return cm_str_eq(a->package, b->package) ? CM_GO_SAME : CM_GO_DIFFERS;
}

static enum cm_go_match match_tokens(const cm_go_token *a, const cm_go_token *b,
                                     const cm_go_aliases *aliases) {
    cm_go_token x = *a, y = *b;
    enum cm_go_match match = match_written(&x, &y);
    if (!aliases || x.kind != CM_GO_TYPE || y.kind != CM_GO_TYPE)
        return match;
    for (int i = 0; i < ALIASES_MAX && match == CM_GO_DIFFERS; i++) {
        bool left = aliases->resolve(aliases->argument, &x);
        bool right = aliases->resolve(aliases->argument, &y);
        if (!left && !right)
            break;
        match = match_written(&x, &y);
    }
    return match;
}

static enum cm_go_match match_types(const cm_go_type *a, const cm_go_type *b,
                                    const cm_go_aliases *aliases) {
    enum cm_go_match all = CM_GO_SAME;
    if (has_any(a) || has_any(b))
        return CM_GO_UNSURE;
    if (a->count != b->count)
        return CM_GO_DIFFERS;
    for (size_t i = 0; i < a->count && all != CM_GO_DIFFERS; i++)
        all = CM_MIN(all, match_tokens(&a->tokens[i], &b->tokens[i], aliases));
    return all;
}

enum cm_go_match cm_go_signature_match(const cm_go_signature *a, const cm_go_signature *b,
                                       const cm_go_aliases *aliases) {
    enum cm_go_match all = CM_GO_SAME;
    if (a->parameters != b->parameters || a->results != b->results)
        return CM_GO_DIFFERS;
    for (uint32_t i = 0; i < a->parameters + a->results && all != CM_GO_DIFFERS; i++)
        all = CM_MIN(all, match_types(&a->types[i], &b->types[i], aliases));
    return all;
}

/* ---- methods ---- */

typedef CM_VEC(cm_str) names;

static cm_str_list keep_names(names *list, cm_arena *arena) {
    cm_str *items = CM_ARENA_ARRAY(arena, cm_str, list->count + 1);
    if (items && list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    cm_str_list kept = {items, items ? list->count : 0};
    cm_vec_done(list);
    return kept;
}

/* Names that begin an entry between "[" and "]"; stands behind it afterwards. */
static cm_str_list read_parameters(lexer *l, cm_arena *arena) {
    names list = {0};
    int depth = 0;
    bool begins = false;
    do {
        if (begins && depth == 1 && l->kind == WORD && list.count < MEMBERS_MAX &&
            !cm_vec_push(&list, l->token))
            break;
        depth += nesting(l);
        begins = depth == 1 && (is(l, "[") || is(l, ","));
        next(l);
    } while (depth > 0 && l->kind != END);
    return keep_names(&list, arena);
}

static bool read_receiver(lexer *l, cm_arena *arena, cm_go_method *method) {
    next(l);
    while (l->kind == WORD || is(l, "*")) {
        if (l->kind == WORD)
            method->receiver = l->token; /* the last one: the first may be its name */
        next(l);
    }
    if (is(l, "["))
        method->parameters = read_parameters(l, arena);
    bool whole = is(l, ")") && method->receiver.len > 0;
    next(l);
    return whole;
}

bool cm_go_method_read(cm_str text, cm_arena *arena, cm_go_method *ret_method) {
    lexer l = lexer_of(text);
    cm_go_method method = {0};
    if (is(&l, "func")) {
        next(&l);
        if (!is(&l, "(") || !read_receiver(&l, arena, &method))
            return false;
    }
    method.name = l.token;
    if (l.kind != WORD)
        return false;
    next(&l);
    if (!is(&l, "("))
        return false;
    method.signature = cm_str_from_offset(text, token_start(&l));
    *ret_method = method;
    return true;
}

/* ---- bodies ---- */

typedef struct body {
    CM_VEC(cm_go_method) methods;
    CM_VEC(cm_go_name) embeds;
    bool is_constraint;
} body;

static bool at_entry_end(const lexer *l) {
    return l->kind == END || l->line || is(l, ";") || is(l, "}");
}

static void skip_entry(lexer *l) {
    while (!at_entry_end(l)) {
        if (nesting(l) > 0)
            skip_brackets(l);
        else
            next(l);
    }
}

static void add_embed(body *b, cm_go_name name) {
    if (b->embeds.count < MEMBERS_MAX)
        (void)!cm_vec_push(&b->embeds, name);
}

/* "io.Reader", "List[int]"; what is left before the entry's end tells whether it was that. */
static cm_go_name read_embedded(lexer *l) {
    cm_go_name name = {.name = l->token};
    next(l);
    if (is(l, ".") && !l->line) {
        next(l);
        name = (cm_go_name){name.name, l->token};
        next(l);
    }
    if (is(l, "[") && !l->spaced)
        skip_brackets(l);
    return name;
}

static void read_method_of(lexer *l, cm_str name, body *b) {
    cm_go_method method = {.name = name};
    size_t from = token_start(l), to = from;
    while (!at_entry_end(l) || l->at - l->token.len == from) {
        if (nesting(l) > 0)
            skip_brackets(l);
        else
            next(l);
        to = l->kind == END ? l->text.len : token_start(l);
    }
    method.signature = cm_str_sub(l->text, from, to - from);
    if (b->methods.count < MEMBERS_MAX)
        (void)!cm_vec_push(&b->methods, method);
}

static void read_interface_entry(lexer *l, body *b) {
    if (l->kind != WORD || is_type_word(l->token)) {
        b->is_constraint = true; /* ~int, []byte, func() */
        next(l);
        skip_entry(l);
        return;
    }
    cm_str word = l->token;
    lexer ahead = *l;
    next(&ahead);
    if (is(&ahead, "(")) {
        *l = ahead;
        read_method_of(l, word, b);
        return;
    }
    cm_go_name name = read_embedded(l);
    bool whole = at_entry_end(l);
    skip_entry(l);
    bool is_error = cm_str_eq_c(word, "error"), is_any = cm_str_eq_c(word, "any");
    if (!whole || (name.package.len == 0 && universe(word) && !is_error && !is_any))
        b->is_constraint = true; /* `int | string`, `comparable` */
    else if (!is_any)
        add_embed(b, name);
}

static void read_struct_entry(lexer *l, body *b) {
    bool pointer = is(l, "*");
    if (pointer)
        next(l);
    if (l->kind == WORD) {
        cm_go_name name = read_embedded(l);
        if (at_entry_end(l) || l->kind == TEXT)
            add_embed(b, name);
    } else {
        next(l);
    }
    skip_entry(l);
}

static bool read_members(lexer *l, body *b, bool is_interface) {
    next(l); /* the brace */
    while (l->kind != END && !is(l, "}")) {
        if (is(l, ";")) {
            next(l);
            continue;
        }
        size_t before = l->at;
        l->line = false; /* an entry's first token may stand on a line of its own */
        if (is_interface)
            read_interface_entry(l, b);
        else
            read_struct_entry(l, b);
        if (l->at == before)
            next(l);
    }
    return l->kind != END;
}

static bool keep_body(body *b, cm_arena *arena, cm_go_body *out) {
    cm_go_method *methods = CM_ARENA_ARRAY(arena, cm_go_method, b->methods.count + 1);
    cm_go_name *embeds = CM_ARENA_ARRAY(arena, cm_go_name, b->embeds.count + 1);
    bool ok = methods && embeds;
    if (ok && b->methods.count > 0)
        memcpy(methods, b->methods.items, b->methods.count * sizeof(*methods));
    if (ok && b->embeds.count > 0)
        memcpy(embeds, b->embeds.items, b->embeds.count * sizeof(*embeds));
    out->methods = methods;
    out->method_count = b->methods.count;
    out->embeds = embeds;
    out->embed_count = b->embeds.count;
    out->is_constraint = b->is_constraint;
    return ok;
}

bool cm_go_body_read(cm_str text, cm_str name, cm_arena *arena, cm_go_body *ret_body) {
    lexer l = lexer_of(text);
    cm_go_body out = {0};
    body b = {0};
    while (l.kind != END && !(l.kind == WORD && cm_str_eq(l.token, name)))
        next(&l);
    next(&l);
    if (is(&l, "["))
        out.parameters = read_parameters(&l, arena);
    if (is(&l, "="))
        next(&l);
    out.is_interface = is(&l, "interface");
    if (!out.is_interface && !is(&l, "struct"))
        return false;
    next(&l);
    bool ok = is(&l, "{") && read_members(&l, &b, out.is_interface) && keep_body(&b, arena, &out);
    cm_vec_done(&b.methods);
    cm_vec_done(&b.embeds);
    if (ok)
        *ret_body = out;
    return ok;
}

/* ---- the standard library ---- */

cm_str cm_go_known_interface(cm_str package, cm_str name) {
    static const struct {
        const char *package, *name, *methods;
    } known[] = {
        {"", "error", "Error() string"},
        {"context", "Context",
         "Deadline() (deadline time.Time, ok bool); Done() <-chan struct{}; Err() error; "
         "Value(key any) any"},
        {"encoding", "BinaryMarshaler", "MarshalBinary() (data []byte, err error)"},
        {"encoding", "BinaryUnmarshaler", "UnmarshalBinary(data []byte) error"},
        {"encoding", "TextMarshaler", "MarshalText() (text []byte, err error)"},
        {"encoding", "TextUnmarshaler", "UnmarshalText(text []byte) error"},
        {"encoding/json", "Marshaler", "MarshalJSON() ([]byte, error)"},
        {"encoding/json", "Unmarshaler", "UnmarshalJSON([]byte) error"},
        {"flag", "Value", "String() string; Set(string) error"},
        {"fmt", "Formatter", "Format(f fmt.State, verb rune)"},
        {"fmt", "GoStringer", "GoString() string"},
        {"fmt", "Stringer", "String() string"},
        {"hash", "Hash",
         "Write(p []byte) (n int, err error); Sum(b []byte) []byte; Reset(); Size() int; "
         "BlockSize() int"},
        {"io", "ByteReader", "ReadByte() (byte, error)"},
        {"io", "ByteWriter", "WriteByte(c byte) error"},
        {"io", "Closer", "Close() error"},
        {"io", "ReadCloser", "Read(p []byte) (n int, err error); Close() error"},
        {"io", "ReadSeeker",
         "Read(p []byte) (n int, err error); Seek(offset int64, whence int) (int64, error)"},
        {"io", "ReadWriteCloser",
         "Read(p []byte) (n int, err error); Write(p []byte) (n int, err error); Close() error"},
        {"io", "ReadWriter",
         "Read(p []byte) (n int, err error); Write(p []byte) (n int, err error)"},
        {"io", "Reader", "Read(p []byte) (n int, err error)"},
        {"io", "ReaderAt", "ReadAt(p []byte, off int64) (n int, err error)"},
        {"io", "ReaderFrom", "ReadFrom(r io.Reader) (n int64, err error)"},
        {"io", "Seeker", "Seek(offset int64, whence int) (int64, error)"},
        {"io", "StringWriter", "WriteString(s string) (n int, err error)"},
        {"io", "WriteCloser", "Write(p []byte) (n int, err error); Close() error"},
        {"io", "Writer", "Write(p []byte) (n int, err error)"},
        {"io", "WriterAt", "WriteAt(p []byte, off int64) (n int, err error)"},
        {"io", "WriterTo", "WriteTo(w io.Writer) (n int64, err error)"},
        {"net/http", "Handler", "ServeHTTP(http.ResponseWriter, *http.Request)"},
        {"net/http", "RoundTripper", "RoundTrip(*http.Request) (*http.Response, error)"},
        {"sort", "Interface", "Len() int; Less(i, j int) bool; Swap(i, j int)"},
        {"sync", "Locker", "Lock(); Unlock()"},
    };
    for (size_t i = 0; i < CM_COUNT(known); i++)
        if (cm_str_eq_c(package, known[i].package) && cm_str_eq_c(name, known[i].name))
            return cm_str_from(known[i].methods);
    return CM_STR_EMPTY;
}
