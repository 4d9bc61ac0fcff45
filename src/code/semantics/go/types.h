/* types.h - Go's declarations as text: what an interface asks for, what a struct embeds, whether two
 * methods have one type.
 *
 * Go has no "implements": a type implements an interface by having its methods. The index knows a method by
 * its name and the text of its signature, so types are compared as written: parameter names and white space
 * do not count, `interface{}` is `any`, and a name of another package is that package's path where the file's
 * imports tell it. A type parameter fits every type.
 *
 * Everything returned lies in the caller's arena or in the text given. Thread: any. */
#ifndef CM_CODE_SEMANTICS_GO_TYPES_H
#define CM_CODE_SEMANTICS_GO_TYPES_H

#include "base/arena.h"

/* Where a piece of text stands: what its names mean there. */
typedef struct cm_go_place {
    cm_str package; /* import path of its package; empty = not known */
    /* Import path of the package that is called `name` here; empty = not known. May be NULL. */
    cm_str (*import)(void *argument, cm_str name);
    void *argument;
    cm_str_list parameters; /* names that are type parameters here */
} cm_go_place;

typedef struct cm_go_token {
    cm_str text;
    cm_str package; /* of a type that has a name; empty = universe, or not known */
    enum { CM_GO_MARK, CM_GO_TYPE, CM_GO_FOREIGN, CM_GO_ANY } kind; /* FOREIGN: package not known */
} cm_go_token;

typedef struct cm_go_name {
    cm_str package; /* as written: "io" of io.Reader; may be empty */
    cm_str name;
} cm_go_name;

/* What the name of a type means in a place. */
cm_go_token cm_go_token_named(const cm_go_place *place, cm_go_name name);

/* One parameter's or result's type. */
typedef struct cm_go_type {
    const cm_go_token *tokens;
    size_t count;
} cm_go_type;

typedef struct cm_go_signature {
    const cm_go_type *types; /* parameters, then results */
    uint32_t parameters, results;
} cm_go_signature;

enum cm_go_match { CM_GO_DIFFERS, CM_GO_UNSURE, CM_GO_SAME };

/* Reads "(p []byte) (n int, err error)"; what follows is not looked at. False: not whole, not Go, or too long. */
bool cm_go_signature_read(cm_str text, const cm_go_place *place, cm_arena *arena,
                          cm_go_signature *ret_signature);
/* Who knows what `type A = b.B` makes of a name. */
typedef struct cm_go_aliases {
    /* Puts the other name into `*token`; false when it is no alias. */
    bool (*resolve)(void *argument, cm_go_token *token);
    void *argument;
} cm_go_aliases;

/* UNSURE: alike as far as known, but a package is not. `aliases` may be NULL. */
enum cm_go_match cm_go_signature_match(const cm_go_signature *a, const cm_go_signature *b,
                                       const cm_go_aliases *aliases);

/* Splits "func (s *Store[K]) Get(key K) V": type "Store", its parameters, and "(key K) V". Of an interface's
 * method, "Get(key string) V", the receiver is empty. */
typedef struct cm_go_method {
    cm_str receiver, name, signature;
    cm_str_list parameters; /* type parameters as the receiver calls them */
} cm_go_method;
bool cm_go_method_read(cm_str text, cm_arena *arena, cm_go_method *ret_method);

/* What stands between the braces of `type Name[T any] interface { ... }` or of a struct. */
typedef struct cm_go_body {
    const cm_go_method *methods; /* of an interface */
    size_t method_count;
    const cm_go_name *embeds;
    size_t embed_count;
    cm_str_list parameters; /* of the type */
    bool is_interface;
    bool is_constraint; /* has a set of types (`~int | string`): nothing implements it */
} cm_go_body;

/* `text` begins at or before the type's name. False: no struct or interface type stands there. */
bool cm_go_body_read(cm_str text, cm_str name, cm_arena *arena, cm_go_body *ret_body);

/* An interface of the standard library that others are often built of: its methods as the text of a body.
 * Empty when it is none of them. */
cm_str cm_go_known_interface(cm_str package, cm_str name);

#endif
