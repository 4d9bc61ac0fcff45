/* declarations.c - methods and the bodies of types, as they are declared. See go_types.h. */
#include "base/vec.h"
#include "code/semantics/go/lexer.h"
#include "code/semantics/go/types.h"

#define MEMBERS_MAX 1024u /* methods or embedded types of one type */

/* ---- methods ---- */

typedef CM_VEC(cm_str) names;

static cm_str_list keep_names(names *list, cm_arena *arena) {
    cm_str *items = CM_ARENA_ARRAY(arena, cm_str, list->count + 1);
    if (items && list->count > 0) {
        memcpy(items, list->items, list->count * sizeof(*items));
    }
    cm_str_list kept = {items, items ? list->count : 0};
    cm_vec_done(list);
    return kept;
}

/* Names that begin an entry between "[" and "]"; stands behind it afterwards. */
static cm_str_list read_parameters(cm_go_lexer *l, cm_arena *arena) {
    names list = {0};
    int depth = 0;
    bool begins = false;
    do {
        if (begins && depth == 1 && l->kind == CM_GO_LEX_WORD && list.count < MEMBERS_MAX &&
            !cm_vec_push(&list, l->token)) {
            break;
        }
        depth += cm_go_nesting(l);
        begins = depth == 1 && (cm_go_is(l, "[") || cm_go_is(l, ","));
        cm_go_next(l);
    } while (depth > 0 && l->kind != CM_GO_LEX_END);
    return keep_names(&list, arena);
}

static bool read_receiver(cm_go_lexer *l, cm_arena *arena, cm_go_method *method) {
    cm_go_next(l);
    while (l->kind == CM_GO_LEX_WORD || cm_go_is(l, "*")) {
        if (l->kind == CM_GO_LEX_WORD) {
            method->receiver = l->token; /* the last one: the first may be its name */
        }
        cm_go_next(l);
    }
    if (cm_go_is(l, "[")) {
        method->parameters = read_parameters(l, arena);
    }
    bool whole = cm_go_is(l, ")") && method->receiver.len > 0;
    cm_go_next(l);
    return whole;
}

bool cm_go_method_read(cm_str text, cm_arena *arena, cm_go_method *ret_method) {
    cm_go_lexer l = cm_go_lexer_of(text);
    cm_go_method method = {0};
    if (cm_go_is(&l, "func")) {
        cm_go_next(&l);
        if (!cm_go_is(&l, "(") || !read_receiver(&l, arena, &method)) {
            return false;
        }
    }
    method.name = l.token;
    if (l.kind != CM_GO_LEX_WORD) {
        return false;
    }
    cm_go_next(&l);
    if (!cm_go_is(&l, "(")) {
        return false;
    }
    method.signature = cm_str_from_offset(text, cm_go_token_start(&l));
    *ret_method = method;
    return true;
}

/* ---- bodies ---- */

typedef struct body {
    CM_VEC(cm_go_method) methods;
    CM_VEC(cm_go_name) embeds;
    bool is_constraint;
} body;

static bool at_entry_end(const cm_go_lexer *l) {
    return l->kind == CM_GO_LEX_END || l->line || cm_go_is(l, ";") || cm_go_is(l, "}");
}

static void skip_entry(cm_go_lexer *l) {
    while (!at_entry_end(l)) {
        if (cm_go_nesting(l) > 0) {
            cm_go_skip_brackets(l);
        } else {
            cm_go_next(l);
        }
    }
}

static void add_embed(body *b, cm_go_name name) {
    if (b->embeds.count < MEMBERS_MAX) {
        (void)!cm_vec_push(&b->embeds, name);
    }
}

/* "io.Reader", "List[int]"; what is left before the entry's end tells whether it was that. */
static cm_go_name read_embedded(cm_go_lexer *l) {
    cm_go_name name = {.name = l->token};
    cm_go_next(l);
    if (cm_go_is(l, ".") && !l->line) {
        cm_go_next(l);
        name = (cm_go_name){name.name, l->token};
        cm_go_next(l);
    }
    if (cm_go_is(l, "[") && !l->spaced) {
        cm_go_skip_brackets(l);
    }
    return name;
}

static void read_method_of(cm_go_lexer *l, cm_str name, body *b) {
    cm_go_method method = {.name = name};
    size_t from = cm_go_token_start(l), to = from;
    while (!at_entry_end(l) || l->at - l->token.len == from) {
        if (cm_go_nesting(l) > 0) {
            cm_go_skip_brackets(l);
        } else {
            cm_go_next(l);
        }
        to = l->kind == CM_GO_LEX_END ? l->text.len : cm_go_token_start(l);
    }
    method.signature = cm_str_sub(l->text, from, to - from);
    if (b->methods.count < MEMBERS_MAX) {
        (void)!cm_vec_push(&b->methods, method);
    }
}

static void read_interface_entry(cm_go_lexer *l, body *b) {
    if (l->kind != CM_GO_LEX_WORD || cm_go_is_type_word(l->token)) {
        b->is_constraint = true; /* ~int, []byte, func() */
        cm_go_next(l);
        skip_entry(l);
        return;
    }
    cm_str word = l->token;
    cm_go_lexer ahead = *l;
    cm_go_next(&ahead);
    if (cm_go_is(&ahead, "(")) {
        *l = ahead;
        read_method_of(l, word, b);
        return;
    }
    cm_go_name name = read_embedded(l);
    bool whole = at_entry_end(l);
    skip_entry(l);
    bool is_error = cm_str_eq_c(word, "error"), is_any = cm_str_eq_c(word, "any");
    if (!whole || (name.package.len == 0 && cm_go_universe(word) && !is_error && !is_any)) {
        b->is_constraint = true; /* `int | string`, `comparable` */
    } else if (!is_any) {
        add_embed(b, name);
    }
}

static void read_struct_entry(cm_go_lexer *l, body *b) {
    bool pointer = cm_go_is(l, "*");
    if (pointer) {
        cm_go_next(l);
    }
    if (l->kind == CM_GO_LEX_WORD) {
        cm_go_name name = read_embedded(l);
        if (at_entry_end(l) || l->kind == CM_GO_LEX_TEXT) {
            add_embed(b, name);
        }
    } else {
        cm_go_next(l);
    }
    skip_entry(l);
}

static bool read_members(cm_go_lexer *l, body *b, bool is_interface) {
    cm_go_next(l); /* the brace */
    while (l->kind != CM_GO_LEX_END && !cm_go_is(l, "}")) {
        if (cm_go_is(l, ";")) {
            cm_go_next(l);
            continue;
        }
        size_t before = l->at;
        l->line = false; /* an entry's first token may stand on a line of its own */
        if (is_interface) {
            read_interface_entry(l, b);
        } else {
            read_struct_entry(l, b);
        }
        if (l->at == before) {
            cm_go_next(l);
        }
    }
    return l->kind != CM_GO_LEX_END;
}

static bool keep_body(body *b, cm_arena *arena, cm_go_body *out) {
    cm_go_method *methods = CM_ARENA_ARRAY(arena, cm_go_method, b->methods.count + 1);
    cm_go_name *embeds = CM_ARENA_ARRAY(arena, cm_go_name, b->embeds.count + 1);
    bool ok = methods && embeds;
    if (ok && b->methods.count > 0) {
        memcpy(methods, b->methods.items, b->methods.count * sizeof(*methods));
    }
    if (ok && b->embeds.count > 0) {
        memcpy(embeds, b->embeds.items, b->embeds.count * sizeof(*embeds));
    }
    out->methods = methods;
    out->method_count = b->methods.count;
    out->embeds = embeds;
    out->embed_count = b->embeds.count;
    out->is_constraint = b->is_constraint;
    return ok;
}

bool cm_go_body_read(cm_str text, cm_str name, cm_arena *arena, cm_go_body *ret_body) {
    cm_go_lexer l = cm_go_lexer_of(text);
    cm_go_body out = {0};
    body b = {0};
    while (l.kind != CM_GO_LEX_END && !(l.kind == CM_GO_LEX_WORD && cm_str_eq(l.token, name))) {
        cm_go_next(&l);
    }
    cm_go_next(&l);
    if (cm_go_is(&l, "[")) {
        out.parameters = read_parameters(&l, arena);
    }
    if (cm_go_is(&l, "=")) {
        cm_go_next(&l);
    }
    out.is_interface = cm_go_is(&l, "interface");
    if (!out.is_interface && !cm_go_is(&l, "struct")) {
        return false;
    }
    cm_go_next(&l);
    bool ok =
        cm_go_is(&l, "{") && read_members(&l, &b, out.is_interface) && keep_body(&b, arena, &out);
    cm_vec_done(&b.methods);
    cm_vec_done(&b.embeds);
    if (ok) {
        *ret_body = out;
    }
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
    for (size_t i = 0; i < CM_COUNT(known); i++) {
        if (cm_str_eq_c(package, known[i].package) && cm_str_eq_c(name, known[i].name)) {
            return cm_str_from(known[i].methods);
        }
    }
    return CM_STR_EMPTY;
}
